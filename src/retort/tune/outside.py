"""What judges from outside: Python of the user's, and commands, which run with limits and without network.

Python is the user's own code and runs in this process: a function of a file, or an expression or body written inline.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from retort.errors import InputError, RetortError

SECONDS = 10.0
MEGABYTES = 512
NAMES_A_FILE = re.compile(r"(?:file://)?(?P<path>[^\n:]+\.py)(?::(?P<name>[\w.]+))?")


def python_function(code: str, folder: Path, place: str, usual: str) -> Callable[..., Any]:
    """The function that `code` names or is: `FILE.py`, `FILE.py:NAME` (with file:// or without; without a name it is
    `usual`), or an expression or body of `output` and `context`.

    It takes any number of arguments and passes on as many as the user's function takes. An error inside ends the sweep,
    with the beginning of the answer in the message. Raises InputError where there is no such file or function.
    """
    named = NAMES_A_FILE.fullmatch(code.strip())
    if named is None:
        return _guarded(_inline(code, place), "the inline Python")
    file, name = folder / named["path"], named["name"] or usual
    if not os.path.isfile(file):  # Path's own raises for a name too long to be a file's
        raise InputError(f"{place}: {code!r} is not FILE.py:FUNCTION with a file that exists in {folder}.")
    try:
        module = _module(file.resolve())
    except Exception as error:  # the user's own module
        raise InputError(f"{place}: {file} cannot be imported ({type(error).__name__}: {error}).") from error
    function: Any = module
    for step in name.split("."):
        function = getattr(function, step, None)
    if not callable(function):
        raise InputError(f"{place}: {file} has no function {name!r}.")
    return _guarded(function, f"the function {name} of {file}")


def function_judge(
    target: str, folder: Path, place: str, references: Sequence[str] = ()
) -> Callable[[str], float]:
    """Scorer function: it gets the answer, with two parameters the item's references as well; true, false or 0 to 1."""
    if NAMES_A_FILE.fullmatch(target) is None:
        raise InputError(f"{place}: {target!r} is not FILE.py:FUNCTION with a file that exists in {folder}.")
    function = python_function(target, folder, place, "get_assert")

    def judge(answer: str) -> float:
        given = function(answer, list(references))
        try:
            return float(given)
        except (TypeError, ValueError) as error:
            raise RetortError(
                f"{target} gave {given!r} for the answer {answer[:60]!r}; it must give true, false or a number"
            ) from error

    return judge


@cache
def _module(file: Path) -> ModuleType:
    """The user's file as a module, run once however many items there are."""
    name = f"retort_scorer_{file.stem} of {file.parent}"  # two folders may each have a score.py
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # A dataclass whose annotations are texts looks up its module by name while it is made.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _inline(code: str, place: str) -> Callable[..., Any]:
    """One line is an expression, several are the body of a function and return their value."""
    # As promptfoo wraps it, so that code written for it runs here: json is imported, and one line needs no return.
    body = textwrap.indent(textwrap.dedent(code), "    ") if "\n" in code.strip() else f"    return {code}"
    names: dict[str, Any] = {"json": json}
    try:
        exec(compile(f"def judge(output, context):\n{body}\n", "<python assertion>", "exec"), names)
    except SyntaxError as error:
        raise InputError(f"{place}: {code.strip()[:60]!r} is not Python ({error.msg}).") from error
    judge: Callable[..., Any] = names["judge"]
    return judge


def _guarded(function: Callable[..., Any], what: str) -> Callable[..., Any]:
    """The function with as many arguments as it takes, and an error that says on which answer it failed."""
    taken = _parameters(function)

    def call(*given: Any) -> Any:
        try:
            return function(*given[:taken])
        except Exception as error:
            about = f" on the answer {str(given[0])[:60]!r}" if given else ""
            raise RetortError(f"{what} failed{about} ({type(error).__name__}: {error})") from error

    return call


def _parameters(function: Callable[..., Any]) -> int | None:
    """How many arguments a function takes by place; None where it takes any number or does not say (some built-ins)."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(one.kind is one.VAR_POSITIONAL for one in parameters):
        return None
    return sum(one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD) for one in parameters)


def command_judge(value: Any, folder: Path, place: str, options: Mapping[str, Any]) -> Callable[[str], float]:
    """A command that reads the answer on stdin: exit 0 is right, 1 is wrong; a number it prints is the score instead.

    It runs in `folder`, at most `seconds` (10) long, with `megabytes` (512) of memory, and without network unless
    `network: true`. Timeouts, crashes and too much memory score 0. Raises InputError for a command that does not
    exist, or where the limits or the network cannot be set.
    """
    words = shlex.split(value) if isinstance(value, str) else value
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise InputError(f"{place}: a command must be a text or a list of texts, got {value!r}.")
    # The command runs in `folder`, so a path is looked for there, and a bare name as a shell would, then there, too. A
    # link is not followed: the Python of an environment is a link, and its target would be another Python.
    beside = str((folder / words[0]).absolute())
    program = (None if "/" in words[0] else shutil.which(words[0])) or shutil.which(beside)
    if program is None and os.path.isfile(beside):
        raise InputError(
            f"{place}: {words[0]!r} is not executable; make it so with chmod +x, or name what runs it, as in "
            f"sh {words[0]}."
        )
    if program is None:
        raise InputError(f"{place}: there is no command {words[0]!r}.")
    words = [program, *words[1:]]
    if os.name == "nt":
        raise InputError(f"{place}: commands cannot be limited on Windows; use a Python function instead.")
    seconds, megabytes = float(options.get("seconds", SECONDS)), int(options.get("megabytes", MEGABYTES))
    if not options.get("network", False):
        if not _network_can_be_taken_away():
            raise InputError(
                f"{place}: this system cannot run a command without network (it needs `unshare` and user "
                f"namespaces); set `network: true` to allow it the network."
            )
        words = ["unshare", "--user", "--map-current-user", "--net", *words]
    return lambda answer: _run(words, answer, folder, seconds, megabytes)


def _run(words: Sequence[str], answer: str, folder: Path, seconds: float, megabytes: int) -> float:
    # Not on Windows. Imported here, since `limit` runs between fork and exec: an import there could wait for a lock
    # whose holder is a thread that the child does not have.
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (megabytes * 2**20, megabytes * 2**20))
        # Holds for what the command starts as well, should that leave its session and outlive the timeout.
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**26, 2**26))

    with subprocess.Popen(
        words, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        preexec_fn=limit, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            printed, _ = process.communicate(answer.encode(), timeout=seconds)
        except subprocess.TimeoutExpired:
            return 0.0
        finally:
            # The command and what it started, which may run on when the command has ended: they are a group, whose
            # number is the command's. Where none is left there is nothing to end.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode not in (0, 1):
        return 0.0
    try:
        score = json.loads(printed)
    except (ValueError, RecursionError):
        score = None
    if isinstance(score, (int, float)) and not isinstance(score, bool):
        return float(min(1.0, max(0.0, score)))
    return float(process.returncode == 0)


@cache
def _network_can_be_taken_away() -> bool:
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run(
        ["unshare", "--user", "--map-current-user", "--net", "true"], capture_output=True, check=False
    )
    return tried.returncode == 0
