"""What the tests of the command line share: a runner, and a row of logits that is worked out by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from retort.cli.main import main

SKY = {
    "tokens": ["blue", "cloudy", "clear", "dark", "green", "cheese"],
    "logits": [15.2, 10.1, 8.4, 6.2, 2.1, -4.8],
}

Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    """Runs `retort` with these arguments; stdout and stderr apart, and a traceback of ours is raised."""

    def invoke(*arguments: str) -> Result:
        result = CliRunner().invoke(main, arguments, catch_exceptions=True)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


@pytest.fixture
def run_json(run: Run) -> Callable[..., dict]:
    """Runs with --json and gives the one document that stdout holds."""

    def invoke(*arguments: str) -> dict:
        result = run(*arguments, "--json")
        assert result.exit_code == 0, result.stderr
        return json.loads(result.stdout, parse_constant=_no_bare_constant)

    return invoke


@pytest.fixture
def sky(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The MODEL `logits:sky.json`, with the file in the current folder."""
    (tmp_path / "sky.json").write_text(json.dumps(SKY))
    monkeypatch.chdir(tmp_path)
    return "logits:sky.json"


def _no_bare_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")
