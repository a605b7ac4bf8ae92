"""Records: one document, one table, one picture and one look, whatever the verb and however much is known."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from lens.top_source import TopSource
from mock_source import MockSource
from retort.blocks import Cell, columns, html_fragment, html_page, line, shown, table
from retort.cli.output import show
from retort.distribution import Interval
from retort.lens import compare, equivalent, look, path, similar, trace
from retort.lens.asking import ask
from retort.lens.sample import Samples
from retort.lens.similar import Classes
from retort.records import Record, exact, flattened, json_value, total
from retort.sampling.generate import generate
from retort.sampling.params import SamplingParams

WHOLE, TOP = MockSource(20, ends=False), TopSource(20, 6)
OTHER = MockSource(20, ends=False, seed=1)
CLASSES = Classes("toy", ("a", "b", "c"), np.eye(3) * 3, np.arange(3))

RECORDS: dict[str, Record] = {
    "look": look(WHOLE, "w1", chain="top_k=3"),
    "look of a list": look(TOP, "w1", chain="top_k=3"),
    "look against": look(WHOLE, "w1", against_prompt="w2"),
    "look at a list against a model": look(TOP, "w1", against=OTHER),
    "trace": trace(WHOLE, "w1", " w3 w4", chain="top_k=3"),
    "trace of a list": trace(TOP, "w1", max_tokens=3),
    "compare": compare(WHOLE, OTHER, ["w1 w2", "w3"]),
    "compare with a list": compare(TOP, OTHER, "w1"),
    "similar": similar(CLASSES),
    "path": path(WHOLE, "w1", [0.0, 1.0, 2.0], max_tokens=3),
    "sample": Samples.of(
        "mock",
        WHOLE,
        ask(WHOLE, "w1"),
        SamplingParams(max_tokens=3),
        generate(WHOLE, "w1", {"max_tokens": 3}, n=2),
    ),
    "equivalent": equivalent(WHOLE, OTHER, ["w1 w2", "w3 w4"], [1.0]),
}


@pytest.fixture(params=RECORDS)
def record(request: pytest.FixtureRequest) -> Record:
    return RECORDS[request.param]


def test_the_document_is_json_and_says_its_version(record: Record) -> None:
    document = record.to_dict()
    assert document["schema_version"] == record.schema_version == 1
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert {name for name in document if name != "schema_version"} == set(record.fields())


def test_the_repr_is_one_short_line(record: Record) -> None:
    assert repr(record).startswith(f"<{type(record).__name__}: ") and "\n" not in repr(record)
    assert len(repr(record)) < 200


def test_conditions_can_ask_what_is_promised(record: Record) -> None:
    names = set(record.measures())
    promised = {*type(record).MEASURES}
    for more in ("CHAIN_MEASURES", "AGAINST_MEASURES"):
        promised |= {*getattr(type(record), more, ())}
    assert names <= promised


def test_a_data_frame_an_arrow_table_and_a_parquet_file_hold_the_same(record: Record, tmp_path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    rows = record.flat_rows()
    assert rows and all(
        isinstance(value, (str, int, float, type(None))) for row in rows for value in row.values()
    )
    frame, arrow = record.to_pandas(), record.to_arrow()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.columns) == arrow.column_names == list(rows[0])
    assert len(frame) == arrow.num_rows == len(rows)
    record.write_parquet(tmp_path / "a.parquet")
    assert list(pandas.read_parquet(tmp_path / "a.parquet").columns) == list(rows[0])


def test_it_can_be_drawn_on_axes_that_are_given(record: Record) -> None:
    figure = pytest.importorskip("matplotlib.figure").Figure()
    axes = figure.subplots()
    assert record.plot(axes) is axes
    assert axes.has_data() and record.plot() is not axes
    figure.savefig("/dev/null", format="png")


def test_a_notebook_shows_closed_html(record: Record) -> None:
    from html.parser import HTMLParser

    opened: list[str] = []

    class Checker(HTMLParser):
        def handle_starttag(self, tag: str, attrs: Any) -> None:
            opened.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert opened.pop() == tag

    Checker().feed(record._repr_html_())
    assert opened == []
    assert 'name="viewport"' in html_page("a", record.blocks())


@pytest.mark.parametrize("width", [60, 100])
def test_no_line_of_a_table_is_wider_than_the_screen(record: Record, width: int) -> None:
    import io

    from rich.cells import cell_len
    from rich.console import Console

    from retort.blocks import Line

    console = Console(file=io.StringIO(), width=width, record=True, markup=False, highlight=False)
    show((block for block in record.blocks() if not (isinstance(block, Line) and block.whole)), console)
    text = console.export_text()
    assert all(cell_len(one.rstrip()) <= width for one in text.splitlines())


@dataclass(frozen=True, repr=False)
class Two(Record):
    known: Interval
    unknown: Interval

    def blocks(self):
        yield line("two")

    def table_rows(self):
        return [{"a": self.known, "b": self.unknown}, {"a": exact(2), "b": None}]


def test_a_column_is_its_heading_and_what_writes_its_cells() -> None:
    found = columns([1, 2], {">twice": lambda one: str(2 * one), "": str}, ["sum", "3"], lead=2)
    assert found == table([">twice", ""], [["2", "1"], ["4", "2"], ["sum", "3"]], lead=2)


def test_the_ends_of_a_sum_are_summed_apart() -> None:
    assert total([exact(1), Interval(2, 5)], 2) == Interval(1.5, 3.0)
    assert total([Interval(-math.inf, 0.0), exact(-1)]) == Interval(-math.inf, -1.0)
    assert total([]) == exact(0)


def test_an_exact_measure_is_a_number_and_another_one_two() -> None:
    two = Two(exact(1), Interval(-math.inf, 0.5))
    assert two.to_dict() == {"schema_version": 1, "known": 1.0, "unknown": {"low": None, "high": 0.5}}
    assert two.flat_rows() == [
        {"a": 1.0, "b_low": -math.inf, "b_high": 0.5},
        {"a": 2.0, "b_low": None, "b_high": None},
    ]
    assert flattened([{"a": np.float64(1)}]) == [{"a": 1.0}]
    assert json_value(exact(math.inf)) is None


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (exact(0.25), "0.25"),
        (Interval(0.25, 0.5), "0.25 … 0.5"),
        (Interval(0.25, 0.250001), "0.25"),
        (Interval(-math.inf, -2), "≤ −2"),
        (Interval(3, math.inf), "≥ 3"),
        (None, "–"),
    ],
)
def test_a_measure_on_a_screen(value: Interval | None, said: str) -> None:
    assert shown(value) == said


def test_wide_signs_and_signs_of_html_stay_what_they_are() -> None:
    from rich.console import Console

    wide = table(["token", ">p"], [["日本", "1"], ["ab", "22"]])
    console = Console(width=60, record=True, file=__import__("io").StringIO())
    show([wide], console)
    lines = console.export_text().splitlines()
    assert lines[1:] == ["日本    1", "ab     22"]
    assert "&lt;b&gt;" in html_fragment([table(["x"], [[Cell("<b>")]])])


def test_a_function_of_a_verb_gives_the_commands_document(tmp_path, monkeypatch) -> None:
    from click.testing import CliRunner

    from retort.cli.main import main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "sky.json").write_text(json.dumps({"tokens": ["a", "b", "c"], "logits": [2, 1, 0]}))
    for arguments, record in (
        (["look", "logits:sky.json", "x"], look("logits:sky.json", "x")),
        (["trace", "logits:sky.json", "x", "--max-tokens", "2"], trace("logits:sky.json", "x", max_tokens=2)),
        (["path", "logits:sky.json", "x", "--max-tokens", "2"], path("logits:sky.json", "x", max_tokens=2)),
    ):
        printed = CliRunner().invoke(main, [*arguments, "--json"]).stdout
        assert json.loads(printed) == record.to_dict()


def test_looking_loads_no_torch() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from retort.lens import look; look('embedded:english', 'the sky is'); "
        "print([name for name in ('torch', 'transformers', 'scipy', 'rich', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[]", done.stderr
