"""What commands print: JSON without NaN, and tokens shown as they are."""

import dataclasses
import json
import os
import subprocess
import sys
from enum import Enum
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from retort.blocks import token_label
from retort.cli.output import bar, json_text, print_json
from retort.errors import printable
from retort.records import json_value


class Colour(Enum):
    BLUE = "blue"


@dataclasses.dataclass(frozen=True)
class Record:
    name: str
    values: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class RecordWithItsOwnForm:
    kept: float
    left_out: object

    def to_dict(self) -> dict[str, float]:
        return {"kept": self.kept}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (RecordWithItsOwnForm(float("inf"), object()), {"kept": None}),
        (float("nan"), None),
        (float("-inf"), None),
        (np.float64("inf"), None),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array([[1.0, np.nan]]), [[1.0, None]]),
        (Colour.BLUE, "blue"),
        (Record("a", (1.0, float("inf"))), {"name": "a", "values": [1.0, None]}),
        ({1: Record("b", ())}, {"1": {"name": "b", "values": []}}),
        (frozenset({2, 1}), [1, 2]),
        (Path("a/b"), "a/b"),
        (True, True),
    ],
)
def test_json_value(value: object, expected: object) -> None:
    found = json_value(value)
    assert found == expected
    assert type(found) is type(expected)


def test_what_has_no_json_form_is_our_own_mistake() -> None:
    with pytest.raises(TypeError, match="object has no JSON form"):
        json_value(object())


def test_print_json_is_one_ascii_document(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"τ": [float("nan"), "Ġblue"]})
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert json.loads(printed) == {"schema_version": 1, "τ": [None, "Ġblue"]}
    assert json.loads(json_text({"type": "object"})) == {"type": "object"}


def test_tokens_keep_spaces_and_lose_control_characters() -> None:
    assert token_label(" blue") == "' blue'"
    assert printable("a\nb\x1b[31m\x9b", keep="") == "a\\nb\\x1b[31m\\x9b"


def test_bar_lengths() -> None:
    utf = Console(file=open_utf())
    assert [bar(share, 4, utf) for share in (0, 1 / 32, 0.5, 1)] == ["", "▏", "██", "████"]
    assert len(bar(0.7, 10, utf)) == 7


def test_bars_in_a_terminal_without_block_signs() -> None:
    plain = Console(file=open_utf("ascii"))
    assert bar(0.5, 10, plain) == "#####"


def open_utf(encoding: str = "utf-8"):
    import io

    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


@pytest.mark.parametrize(
    "typed",
    [
        ("--help",),
        ("models",),
        ("look", "embedded:english", "the"),
        ("look", "embedded:english", "the", "--json"),
        ("sample", "embedded:english", "the", "-n", "200", "--max-tokens", "4"),
        ("sample", "embedded:english", "the", "-n", "3", "--stream"),
    ],
    ids=" ".join,
)
def test_a_reader_that_has_gone_ends_a_command_quietly(typed: tuple[str, ...]) -> None:
    """As in `retort … | head`, with a real pipe: short and long output, closed before the first line is written."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "retort", *typed],
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            timeout=100,
        )
    finally:
        os.close(writer)
    assert done.returncode == 141 and "rror" not in done.stderr and "Exception" not in done.stderr
