"""Scorers that live outside: a Python function of the user's, or a command, which runs with limits and no network."""

from __future__ import annotations

import importlib.util
import inspect
import json
import resource
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from retort.errors import InputError, RetortError

SECONDS = 10.0
MEGABYTES = 512

Outside = Callable[[str], float]


def function_judge(target: str, folder: Path, place: str, references: Sequence[str] = ()) -> Outside:
    """The function `FILE.py:NAME` (or `file://FILE.py:NAME`): it gets the answer, and gives true, false or 0 to 1.

    With two parameters it gets the item's references as well. It is the user's own code and runs in this process.
    Raises InputError where it cannot be found; an error inside the function ends the sweep with the answer's beginning
    in the message.
    """
    path, _, name = target.removeprefix("file://").rpartition(":")
    if not path or not name.isidentifier():
        path, name = target.removeprefix("file://"), "get_assert"
    file = folder / path
    if file.suffix != ".py" or not file.is_file():
        raise InputError(f"{place}: {target!r} is not FILE.py:FUNCTION with a file that exists in {folder}.")
    try:
        module = _module(file.resolve())
    except Exception as error:  # the user's own module
        raise InputError(f"{place}: {file} cannot be imported ({type(error).__name__}: {error}).") from error
    function = getattr(module, name, None)
    if not callable(function):
        raise InputError(f"{place}: {file} has no function {name!r}.")
    given = (list(references),) if references and _takes_two(function) else ()

    def judge(answer: str) -> float:
        try:
            return float(function(answer, *given))
        except Exception as error:
            raise RetortError(
                f"the function {name} of {file} failed on the answer {answer[:60]!r} ({type(error).__name__}: {error})"
            ) from error

    return judge


@cache
def _module(file: Path) -> ModuleType:
    """The user's file as a module, run once however many items there are."""
    spec = importlib.util.spec_from_file_location(f"retort_scorer_{file.stem}", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _takes_two(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind("answer", [])
    except (TypeError, ValueError):
        return False
    return True


def command_judge(value: Any, folder: Path, place: str, options: Mapping[str, Any]) -> Outside:
    """A command that reads the answer on stdin: exit 0 is right, 1 is wrong; a number it prints is the score instead.

    It runs in `folder`, at most `seconds` (10) long, with `megabytes` (512) of memory, and without network unless
    `network: true`. Too long, too much memory or a crash counts as wrong: generated code does such things. Raises
    InputError for a command that does not exist, or where the network cannot be taken away.
    """
    words = shlex.split(value) if isinstance(value, str) else value
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise InputError(f"{place}: a command is a text or a list of texts, got {value!r}.")
    if shutil.which(words[0], path=None) is None and not (folder / words[0]).is_file():
        raise InputError(f"{place}: there is no command {words[0]!r}.")
    seconds, megabytes = float(options.get("seconds", SECONDS)), int(options.get("megabytes", MEGABYTES))
    if not options.get("network", False):
        if not _network_can_be_taken_away():
            raise InputError(
                f"{place}: this system cannot run a command without network (it needs `unshare` and user namespaces); "
                "say `network: true` if the command may have it."
            )
        words = ["unshare", "--user", "--map-current-user", "--net", *words]

    def judge(answer: str) -> float:
        return _run(words, answer, folder, seconds, megabytes)

    return judge


def _run(words: Sequence[str], answer: str, folder: Path, seconds: float, megabytes: int) -> float:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (megabytes * 2**20, megabytes * 2**20))
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**26, 2**26))

    with subprocess.Popen(
        words,
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        preexec_fn=limit,
        start_new_session=True,
    ) as process:
        try:
            printed, _ = process.communicate(answer.encode(), timeout=seconds)
        except subprocess.TimeoutExpired:
            return 0.0
        finally:
            if process.poll() is None:
                _kill_group(process)
    if process.returncode not in (0, 1):
        return 0.0
    try:
        score = json.loads(printed)
    except ValueError:
        score = None
    if isinstance(score, (int, float)) and not isinstance(score, bool):
        return min(1.0, max(0.0, float(score)))
    return float(process.returncode == 0)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """The command and what it started: it has a session of its own."""
    import os
    import signal

    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@cache
def _network_can_be_taken_away() -> bool:
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run(
        ["unshare", "--user", "--map-current-user", "--net", "true"], capture_output=True, check=False
    )
    return tried.returncode == 0
