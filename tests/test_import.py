"""`import retort` and `retort --help` load nothing slow."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import retort

SLOW = (
    "torch",
    "transformers",
    "tokenizers",
    "scipy",
    "matplotlib",
    "numba",
    "pocketsphinx",
    "jinja2",
    "accelerate",
)
SOURCE = Path(__file__).resolve().parent.parent / "src"


def loaded_after(code: str) -> set[str]:
    """Which of the slow libraries a fresh interpreter has loaded after running `code`."""
    report = f"import sys\n{code}\nprint('loaded:', *[name for name in {SLOW!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", report],
        capture_output=True,
        text=True,
        check=True,
        stdin=subprocess.DEVNULL,
        env={"PYTHONPATH": str(SOURCE), "PATH": "/usr/bin:/bin"},
    )
    return set(done.stdout.rpartition("loaded:")[2].split())


@pytest.mark.parametrize(
    "code",
    [
        "import retort",
        "import retort; retort.Distribution, retort.Chain",
        "from retort.cli.main import main; main(['--help'], standalone_mode=False)",
        "from retort.cli.main import main; main(['tune', '--help'], standalone_mode=False)",
        "from retort.cli.main import main; main(['distill', '--help'], standalone_mode=False)",
    ],
)
def test_loads_nothing_slow(code: str) -> None:
    assert loaded_after(code) == set()


@pytest.mark.parametrize("verb", ["look", "trace"])
def test_a_look_at_an_embedded_model_loads_torch_and_no_more(verb: str) -> None:
    """transformers alone takes longer to import than everything else together; numba is for batches of rows."""
    code = f"from retort.cli.main import main; main(['{verb}', 'embedded:small', 'x'], standalone_mode=False)"
    found = loaded_after(f"import sys\n{code}\nassert 'array_api_compat.numpy' not in sys.modules")
    assert found == {"torch", "tokenizers"}


def test_the_check_above_notices_a_slow_library() -> None:
    assert loaded_after("import retort, scipy") == {"scipy"}


@pytest.mark.parametrize("name", sorted(retort._HOME))
def test_every_public_name_is_where_it_is_said_to_be(name: str) -> None:
    home = importlib.import_module(retort._HOME[name])
    assert inspect.unwrap(getattr(retort, name)) is inspect.unwrap(getattr(home, name))


def test_a_type_checker_sees_the_public_names() -> None:
    tree = ast.parse(inspect.getsource(retort))
    (guarded,) = (one for one in tree.body if isinstance(one, ast.If))
    names = [
        (name.name, name.asname)
        for one in guarded.body
        if isinstance(one, ast.ImportFrom)
        for name in one.names
    ]
    assert sorted([*names, ("__version__", "__version__")]) == [(name, name) for name in dir(retort)]


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lok'"):
        retort.lok  # noqa: B018
