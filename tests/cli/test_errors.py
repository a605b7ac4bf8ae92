"""A user's mistake is one line on stderr and exit 2, whatever it is and wherever it is noticed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from retort.cli.look import look
from retort.cli.main import COMMANDS, main

SOURCE = Path(__file__).resolve().parents[2] / "src"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["look", "logits:none.json", "x"], "none.json"),
        (["look", "embedded:nothing", "x"], "embedded:english"),
        (["look", "nosuch:thing", "x"], "unknown scheme"),
        (["look", "./no/such/folder", "x"], "no/such/folder"),
        (["look", "", "x"], "model"),
        (["look", "SKY", ""], "the prompt is empty"),
        (["look", "embedded:english", ""], "the prompt is empty"),
        (["look", "embedded:english", "the zzyzzx"], "zzyzzx"),
        (["look", "SKY"], "Missing argument"),
        (["look", "SKY", "--chat"], "Missing argument"),
        (["sample", "SKY", "x", "--stream", "--json"], "give one of them"),
        (["look", "SKY", "x", "--temprature", "1"], "No such option"),
        (["look", "SKY", "x", "--temperature", "-1"], "must be a finite number of 0"),
        (["look", "SKY", "x", "--temperature", "0:2"], "first:last:count"),
        (["look", "SKY", "x", "--top", "0"], "--top"),
        (["look", "SKY", "x", "--chain", "top_k"], "name=value"),
        (["look", "SKY", "x", "--chain", "heat=2"], "heat"),
        (["sample", "SKY", "x", "--temperature", "-0.1"], "--temperature"),
        (["sample", "SKY", "x", "--top-p", "1.5"], "--top-p"),
        (["sample", "SKY", "x", "--seed", "-1"], "--seed"),
        (["sample", "SKY", "x", "--max-tokens", "0"], "--max-tokens"),
        (["sample", "SKY", "x", "--chain", "top_k=3", "--top-k", "2"], "--top-k cannot be combined with it"),
        (["path", "SKY", "x", "--temperature", "warm"], "'warm' is not a temperature"),
        (["path", "SKY", "x", "--chain", "top_k=3", "--min-p", "0.1"], "--min-p cannot be combined with it"),
        (["tune", "nothing", "--model", "SKY"], "nothing"),
        (["tune", "exploit", "--samples", "0"], "--samples"),
        (["distill", "none.yaml"], "none.yaml"),
        (["lok"], "No such command 'lok'"),
        (["look", "BAD", "x"], "nan"),
        (["look", "TORN", "x"], "torn.json"),
    ],
)
def test_one_line_and_exit_2(run, sky, arguments: list[str], said: str) -> None:
    Path("bad.json").write_text('{"tokens": ["a", "b"], "logits": [1.0, NaN]}')
    Path("torn.json").write_text('{"tokens": ["a", ')
    names = {"SKY": sky, "BAD": "logits:bad.json", "TORN": "logits:torn.json"}
    for extra in ([], ["--json"]):
        result = run(*[names.get(word, word) for word in arguments], *extra)
        assert result.exit_code == 2
        assert result.stdout == ""
        lines = result.stderr.splitlines()
        assert len(lines) == 1, result.stderr
        assert lines[0].startswith("retort: ")
        assert said in lines[0]


def test_ctrl_c_is_one_line_and_exit_130(run, sky, monkeypatch) -> None:
    def interrupted(**arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(look, "callback", interrupted)
    result = run("look", sky, "x")
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "retort: stopped by Ctrl-C\n")


def test_our_own_mistake_is_not_hidden(sky, monkeypatch) -> None:
    monkeypatch.setattr(look, "callback", lambda **arguments: 1 / 0)
    result = CliRunner().invoke(main, ["look", sky, "x"])
    assert isinstance(result.exception, ZeroDivisionError)


def test_no_command_shows_the_help(run) -> None:
    result = run()
    assert result.exit_code == 0
    assert all(f"  {name} " in result.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_takes_json_and_helps(run, name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    if name != "init":  # it asks questions and writes a file
        assert "--json" in result.stdout


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_option_has_help(name: str) -> None:
    command = main.get_command(None, name)
    assert [
        option.name for option in command.params if option.param_type_name == "option" and not option.help
    ] == []


def retort(*arguments: str, **settings: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "retort", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE), **settings},
    )


def test_a_closed_pipe_is_quiet(sky) -> None:
    process = retort("look", sky, "x", "--temperature", "0:2:500", "--json")
    assert process.stdout is not None
    assert process.stdout.read(1) == "{"
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(30) != 2


def test_a_plain_terminal_gets_escapes_and_no_traceback(tmp_path) -> None:
    model = tmp_path / "signs.json"
    model.write_text(json.dumps({"tokens": ["é", "\u2603", "\x1b[31m"], "logits": [1, 2, 3]}))
    process = retort("look", f"logits:{model}", "x", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert "\\u2603" in out
    assert "\x1b" not in out
