"""Checks and outside scorers: each by hand, their opposites, and what a command may not do."""

from __future__ import annotations

import os
import re
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from retort.errors import InputError, RetortError
from retort.tune.assertions import CHECKS
from retort.tune.checks import make_check, score_all
from retort.tune.outside import _network_can_be_taken_away
from retort.tune.score import make_scorer

SCHEMA = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}

CASES = [
    ({"type": "equals", "value": "pear"}, "pear", "pear\n"),
    ({"type": "contains", "value": "pear"}, "a pear.", "a Pear."),
    ({"type": "icontains", "value": "pear"}, "a PEAR.", "an apple"),
    ({"type": "starts-with", "value": "a p"}, "a pear", "the pear"),
    ({"type": "contains-any", "value": ["pear", "fig"]}, "a fig", "a nut"),
    ({"type": "contains-all", "value": "pear, fig"}, "fig and pear", "a pear"),
    ({"type": "icontains-any", "value": ["Pear", "fig"]}, "A FIG", "a nut"),
    ({"type": "icontains-all", "value": ["Pear", "fig"]}, "FIG, PEAR", "FIG"),
    ({"type": "regex", "value": r"^\d+$"}, "42", "42 pears"),
    ({"type": "is-json"}, '{"b": 1}', "{b: 1}"),
    ({"type": "is-json", "value": SCHEMA}, '{"a": 1}', '{"a": "1"}'),
    ({"type": "contains-json", "value": SCHEMA}, 'so: {"b": 2} {"a": 1} done', 'so: {"a": "x"}'),
    ({"type": "levenshtein", "value": "kitten", "threshold": 3}, "sitting", "elephants"),
    ({"type": "numeric", "value": "1,000", "threshold": 0.5}, "about 3 or 1,000.4", "1,000.4 or 3"),
]


@pytest.mark.parametrize(("record", "right", "wrong"), CASES)
def test_each_check_and_its_opposite(record: dict, right: str, wrong: str, tmp_path: Path) -> None:
    check = make_check(record, "here", tmp_path)
    assert (check.score(right), check.score(wrong)) == (1.0, 0.0)
    opposite = make_check({**record, "type": f"not-{record['type']}"}, "here", tmp_path)
    assert (opposite.score(right), opposite.score(wrong)) == (0.0, 1.0)


def test_every_check_of_the_table_has_a_case() -> None:
    assert {record["type"] for record, _, _ in CASES} == set(CHECKS)


def test_weights(tmp_path: Path) -> None:
    checks = [
        make_check({"type": "contains", "value": "pear", "weight": 3}, "", tmp_path),
        make_check({"type": "contains", "value": "fig"}, "", tmp_path),
    ]
    assert [score_all(checks, text) for text in ("pear fig", "pear", "fig", "nut")] == [1.0, 0.75, 0.25, 0.0]


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"type": "contain", "value": "x"}, "did you mean contains"),
        ({"type": "llm-rubric", "value": "x"}, "asks another model to judge"),
        ({"type": "regex", "value": "("}, "not a regular expression"),
        ({"type": "numeric", "value": "many"}, "needs one number"),
        ({"type": "contains-any", "value": []}, "needs a list"),
        ({"type": "equals", "value": None}, "needs a text"),
        ({"type": "is-json", "value": {"type": "objekt"}}, "JSON schema is not one"),
        ({"type": "equals", "value": "x", "weight": -1}, "weight must be a number of 0 or more, got -1"),
        ({"value": "x"}, "with a type"),
        ({"type": "python", "value": "none.py:f"}, "a file that exists"),
        ({"type": "command", "value": "no-such-command-here"}, "there is no command"),
    ],
)
def test_what_is_no_check(record: dict, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"here: .*{said}"):
        make_check(record, "here", tmp_path)


def test_what_python_may_give(tmp_path: Path) -> None:
    (tmp_path / "graded.py").write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n\n"
        "@dataclass\nclass Grade:\n    pass_: bool\n    score: float\n    reason: str = ''\n\n"
        "def get_assert(output, context):\n    return Grade(output != 'x', 0.5)\n"
    )

    def score(value: str, answer: str = "a", **more: object) -> float:
        return make_check({"type": "python", "value": value, **more}, "", tmp_path).score(answer)

    assert [score("file://graded.py", answer) for answer in "ax"] == [0.5, 0.0]
    assert score("""'{"pass": true, "score": 0.25}'""") == score("{'score': 0.25}") == score("0.25") == 0.25
    assert score("{'pass': True, 'score': 0.25}", threshold=0.5) == 0.0
    assert score("'TRUE'") == score("{'pass': True}") == score("7") == 1.0
    for wrong in ("'{oops'", "None", "{'reason': ''}", "{'pass': 1, 'score': 1}", "float('nan')", "10**400"):
        with pytest.raises(RetortError, match="it must give true or false, a number, or a mapping"):
            score(wrong)


def test_a_schema_may_refer_to_itself_and_to_nothing_else(tmp_path: Path) -> None:
    tree = {"type": "object", "additionalProperties": {"$ref": "#"}}
    check = make_check({"type": "is-json", "value": tree}, "here", tmp_path)
    assert [check.score(text) for text in ('{"a": {}}', '{"a": 1}')] == [1.0, 0.0]
    for reference in ("#/$defs/none", "http://127.0.0.1:9/schema.json"):
        schema = {"properties": {"a": {"$ref": reference}}}
        check = make_check({"type": "contains-json", "value": schema}, "here", tmp_path)
        assert check.score('so {"b": 1}') == 1.0
        with pytest.raises(
            RetortError, match=f"here: the JSON schema refers to '{re.escape(reference.removeprefix('#'))}'"
        ):
            check.score('so {"a": 1}')


def test_not_equal_to_what_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "t.py").write_text("def get_transform(output, context):\n    return {'a': len(output)}\n")

    def scores(value: object, answers: list[str], **more: object) -> list[float]:
        check = make_check({"type": "not-equals", "value": value, **more}, "", tmp_path)
        return [check.score(answer) for answer in answers]

    assert scores(5, ["5", "6", "five"]) == [0.0, 1.0, 1.0]
    assert scores({"a": 1}, ['{"a": 1}', '{"a": 2}', "a"]) == [0.0, 1.0, 0.0]
    assert scores({"a": 1}, ["x", "xy"], transform="file://t.py") == [0.0, 1.0]


def test_a_function_of_two_gets_the_references_and_its_file_runs_once(tmp_path: Path) -> None:
    (tmp_path / "two.py").write_text(
        "with open(__file__ + '.runs', 'a') as runs:\n    runs.write('x')\n"
        "def among(answer, references): return answer in references\n"
    )
    scorer = make_scorer({"kind": "function", "target": "two.py:among"}, (), "", tmp_path)
    judges = [scorer.judge(references) for references in (("tool",), ("fruit", "food"))]
    assert [judge("fruit") for judge in judges] == [0.0, 1.0]
    assert (tmp_path / "two.py.runs").read_text() == "x"


def test_a_function_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "def score(answer):\n    return len(answer) / 10 if answer else 1 / 0\n"
    )
    scorer = make_scorer({"kind": "function", "target": "mine.py:score"}, (), "", tmp_path)
    assert scorer.judge(())("pears") == 0.5
    with pytest.raises(RetortError, match=r"score of .*mine.py failed on the answer '' \(ZeroDivisionError"):
        scorer.judge(())("")
    with pytest.raises(InputError, match="has no function 'other'"):
        make_scorer({"kind": "function", "target": "mine.py:other"}, (), "", tmp_path)


needs_unshare = pytest.mark.skipif(
    not _network_can_be_taken_away(), reason="needs unshare and user namespaces"
)


def command(code: str, tmp_path: Path, **options):
    (tmp_path / "check.py").write_text(code)
    run = [sys.executable, "-S", "check.py"]
    return make_scorer({"kind": "command", "run": run, **options}, (), "", tmp_path).judge(())


@needs_unshare
def test_a_command_judges_by_its_exit_or_by_a_number(tmp_path: Path) -> None:
    judge = command("import sys; sys.exit(sys.stdin.read() != 'pear')", tmp_path)
    assert (judge("pear"), judge("fig")) == (1.0, 0.0)
    assert command("print(0.25)", tmp_path)("x") == 0.25
    assert command("print(7)", tmp_path)("x") == 1.0


@needs_unshare
def test_a_command_has_limits(tmp_path: Path) -> None:
    start = time.monotonic()
    assert command("import time; time.sleep(60)", tmp_path, seconds=0.5)("x") == 0.0
    assert time.monotonic() - start < 10
    assert command("x = bytearray(10**9)", tmp_path, megabytes=200)("x") == 0.0
    reach = "import socket; socket.create_connection(('127.0.0.1', {}), 2)"
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert command(reach.format(port), tmp_path)("x") == 0.0
        assert command(reach.format(port), tmp_path, network=True)("x") == 1.0


@needs_unshare
def test_a_command_in_the_tasks_folder_is_found_there(tmp_path: Path) -> None:
    script = tmp_path / "right.sh"
    script.write_text("#!/bin/sh\nexit 0\n")
    with pytest.raises(InputError, match=r"'right.sh' is not executable; .* as in sh right.sh"):
        make_scorer({"kind": "command", "run": "right.sh"}, (), "here", tmp_path)
    script.chmod(0o755)
    for name in ("right.sh", "./right.sh", str(script)):
        scorer = make_scorer({"kind": "command", "run": name}, (), "here", tmp_path)
        assert scorer.judge(())("x") == 1.0


@needs_unshare
def test_what_a_command_leaves_running_ends_with_it(tmp_path: Path) -> None:
    code = "import subprocess, sys\nprint(subprocess.Popen(['sleep', '60']).pid, file=open('pid', 'w'))"
    command(code, tmp_path, seconds=1.0)("x")
    left = int((tmp_path / "pid").read_text())
    with suppress(ProcessLookupError):
        for _ in range(100):  # until the system has buried it
            os.kill(left, 0)
            if " Z " in Path(f"/proc/{left}/stat").read_text():
                break
            time.sleep(0.02)
        else:
            pytest.fail("it is still there")


def test_numeric_scorer() -> None:
    judge = make_scorer({"kind": "numeric", "tolerance": 0.01}, (), "").judge(["3.14", "1,000"])
    assert [bool(judge(text)) for text in ("it is 3.145", "1000", "3.2", "none")] == [
        True,
        True,
        False,
        False,
    ]
    with pytest.raises(InputError, match="is not a number"):
        make_scorer("numeric", (), "").check_references(["three"], "here")
