"""From a record to a table, Markdown, HTML, CSV, Parquet or JSON, on stdout or in a file, or to an exit code.

Any verb whose function returns a `Record` can have `--format`, `--json`, `-o FILE` and `--fail-if`: put
`exporting_options` on the command and name its record, and what the command returns is written. A command that decides
itself what to check or write leaves the record out and gets the options as one `export`.

A condition such as "entropy > 3" is asked of the measures that a record offers, each with one or several values (one
per temperature, one per token), and holds if any of them meets it. An interval meets it for certain, certainly not, or
it cannot be decided.
"""

from __future__ import annotations

import csv
import functools
import io
import math
import operator
import re
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from retort.blocks import Block, html_page, markdown
from retort.cli.grammar import Parsed, option
from retort.cli.output import WIDTH_WHEN_PIPED, json_text, open_page, show, stdout_console
from retort.distribution import Interval
from retort.errors import CapabilityError, InputError
from retort.numerals import number
from retort.records import Record

BY_ENDING = {
    ".txt": "terminal", ".md": "markdown", ".markdown": "markdown", ".html": "html", ".htm": "html", ".csv": "csv",
    ".json": "json", ".parquet": "parquet",
}  # fmt: skip
FORMATS = tuple(dict.fromkeys(BY_ENDING.values()))
CONDITION_HOLDS = 3
"""Exit code where a --fail-if condition holds; 1 would be what Python gives for a crash."""

# What is printed by a verb, as module:class. docs/json.md describes them in this order.
RECORDS: dict[str, str] = {
    "sample": "retort.lens.sample:Samples",
    "sample at a server": "retort.lens.served_sample:ServedTexts",
    "look": "retort.lens.look:Look",
    "trace": "retort.lens.trace:Trace",
    "compare": "retort.lens.compare:Compare",
    "similar": "retort.lens.similar:Similar",
    "path": "retort.lens.path:PathFound",
    "explain": "retort.lens.engines:Engines",
    "equivalent": "retort.lens.equivalent:Equivalent",
    "determinism": "retort.lens.determinism:Determinism",
    "tune": "retort.tune.report:Tuning",
    "tune with several models": "retort.tune.report:Tunings",
    "claims": "retort.claims:Claims",
    "capture and cache": "retort.distill.cache.captured:Captured",
    "distill": "retort.distill.results:DistillResult",
    "tour": "retort.report.story:Story",
    "models": "retort.cli.models:Models",
    "models --cache": "retort.cli.models:ConvertedModels",
}


def record_of(verb: str) -> type[Any]:
    """The class of the record that a verb prints."""
    module, _, name = RECORDS[verb].partition(":")
    found: type[Any] = getattr(import_module(module), name)
    return found


COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}
WRITTEN = re.compile(
    r"\s*([a-z_][a-z0-9_-]*)\s*(>=|<=|==|!=|>|<)\s*([-+]?[0-9.]+(?:e[-+]?[0-9]+)?)\s*", re.IGNORECASE
)


@dataclass(frozen=True)
class Condition:
    """A measure compared with a number: `entropy > 3`."""

    measure: str
    comparison: str
    limit: float

    @classmethod
    def parse(cls, text: str) -> Condition:
        """The condition written as `name > number`. Raises InputError for anything else."""
        matched = WRITTEN.fullmatch(text)
        try:
            limit = float(matched[3]) if matched else math.nan
        except ValueError:
            limit = math.nan
        if matched is None or not math.isfinite(limit):
            raise InputError(
                f"a condition is written name > number, with one of {', '.join(COMPARISONS)}, got {text!r}; "
                "for example: entropy > 3"
            )
        return cls(matched[1].lower().replace("-", "_"), matched[2], limit)

    def __str__(self) -> str:
        return f"{self.measure} {self.comparison} {self.limit:g}"

    def check(self, measures: Collection[str]) -> None:
        """Raise InputError unless its measure is one of the record's."""
        if self.measure not in measures:
            can = (
                f"{self} can be asked of {', '.join(measures)}"
                if measures
                else "this command measures nothing"
            )
            raise InputError(f"there is no {self.measure!r} here; {can}.")

    def met(self, measures: Mapping[str, Sequence[Interval]]) -> float | None:
        """The first value that meets the condition, None if none does.

        Raises InputError as `check` does, and CapabilityError where an interval leaves it open.
        """
        self.check(measures)
        compare = COMPARISONS[self.comparison]
        undecided: Interval | None = None
        for value in measures[self.measure]:
            # What > says at both ends it says between them. Equality does not: a limit inside the interval differs from
            # both ends, and the value may still be it.
            answers = {compare(value.low, self.limit), compare(value.high, self.limit)}
            if self.comparison in ("==", "!=") and value.low < self.limit < value.high:
                answers = {True, False}
            if answers == {True}:
                return float(value.low)
            if len(answers) == 2:
                undecided = value
        if undecided is not None:
            raise CapabilityError(
                f"{self} cannot be decided: {self.measure} is between {number(undecided.low)} and "
                f"{number(undecided.high)}, given only the tokens that are known."
            )
        return None


@dataclass(frozen=True)
class Shown:
    """A record, and how it is shown where that is not simply all of it.

    `page` gives the HTML where the record has a page of its own; with `open_page` it is shown in the browser, besides
    what is written.
    """

    record: Record
    blocks: Iterable[Block] | None = None
    page: Callable[[], str] | None = None
    open_page: bool = False


@dataclass(frozen=True)
class Export:
    """What the options of `exporting_options` say."""

    form: str | None = None
    as_json: bool = False
    output: Path | None = None
    conditions: tuple[Condition, ...] = ()

    def plain(self, option: str) -> bool:
        """Whether JSON was named, where `option` makes a command print what is no record; refuses what needs one."""
        needs = {
            "-o": self.output is not None,
            "--fail-if": bool(self.conditions),
            f"--format {self.form}": self.form not in (None, "terminal", "json"),
        }
        if given := [name for name, is_given in needs.items() if is_given]:
            raise click.UsageError(
                f"{option} gives no result, so it cannot be combined with {' and '.join(given)}; --json prints what it "
                "gives as JSON."
            )
        return self.as_json or self.form == "json"

    def check(self, measures: Collection[str] = ()) -> None:
        """Refuse what `deliver` could not do, before the run. `measures`: the names that conditions can ask."""
        self._chosen()
        for condition in self.conditions:
            condition.check(measures)

    def deliver(self, found: Record | Shown) -> None:
        """Write the record in the form asked for, then exit with code 3 if a condition holds."""
        given = found if isinstance(found, Shown) else Shown(found)
        record, chosen = given.record, self._chosen()
        blocks = record.blocks() if given.blocks is None else given.blocks
        if chosen == "terminal" and self.output is None:
            show(blocks, stdout_console())
        elif chosen == "parquet":
            assert self.output is not None, "checked before the run"
            _written(self.output, record.write_parquet)
        else:
            text = (
                given.page() if chosen == "html" and given.page is not None else _text(record, blocks, chosen)
            )
            if self.output is None:
                click.echo(text, nl=not text.endswith("\n"))
            else:
                _written(self.output, lambda path: path.write_text(text, encoding="utf-8"))
        if self.output is not None:
            click.echo(f"Written: {self.output}", err=True)
        if given.open_page and given.page is not None:
            open_page(self.output if self.output is not None and chosen == "html" else _kept(given.page()))
        self._fail(record)

    def _chosen(self) -> str:
        if self.as_json and self.form not in (None, "json"):
            raise click.UsageError(f"--json and --format {self.form} cannot be combined; give one.")
        chosen = "json" if self.as_json else self.form
        if chosen is None and self.output is not None:
            chosen = BY_ENDING.get(self.output.suffix.lower())
            if chosen is None:
                raise click.UsageError(
                    f"--out {self.output} has no known format; end it in {', '.join(BY_ENDING)}, or give --format."
                )
        if chosen == "parquet" and self.output is None:
            raise click.UsageError("--format parquet writes a file; give -o FILE.parquet.")
        return chosen or "terminal"

    def _fail(self, record: Record) -> None:
        measures = record.measures() if self.conditions else {}
        held = [(one, value) for one in self.conditions if (value := one.met(measures)) is not None]
        for condition, value in held:
            click.echo(f"retort: {condition} holds: {condition.measure} is {number(value)}.", err=True)
        if held:
            raise click.exceptions.Exit(CONDITION_HOLDS)


class OutputFile(click.Path):
    """A file whose ending says the format; a folder that is missing is noticed before anything is run."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path = Path(str(super().convert(value, param, ctx)))
        if not path.resolve().parent.is_dir():
            self.fail(f"{path} cannot be written: there is no folder {path.parent}.", param, ctx)
        return path


def exporting_options(
    record: str | None = None, *, to_file: bool = True
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options. `record`: what the command returns, by its key in RECORDS; `--fail-if` can ask its measures.

    Without `to_file`, for a verb whose `-o` is a folder that it fills, what it prints goes to stdout.
    """
    formats = [one for one in FORMATS if to_file or one != "parquet"]
    default = "by the ending of -o FILE, else terminal" if to_file else "terminal"
    form = option("-f --format", f"Output format.  [default: {default}]", click.Choice(formats), into="form")
    as_json = option("-j --json", "Same as --format json.", into="as_json")
    output = option(
        "-o --out --output FILE",
        "Write to FILE instead of the terminal: .html, .md, .csv, .json, .parquet or .txt.",
        OutputFile(),
        into="output",
    )
    fail_if = option(
        "--fail-if",
        f'Exit with code {CONDITION_HOLDS} if the condition holds, as in "entropy > 3"; repeatable.',
        Parsed("CONDITION", Condition.parse),
        into="conditions",
        multiple=True,
    )

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def called(
            *, form: str | None, as_json: bool, conditions: tuple[Condition, ...], output: Path | None = None,
            **given: Any,
        ) -> None:  # fmt: skip
            export = Export(form, as_json, output, conditions)
            if record is None:
                command(export=export, **given)
                return
            export.check(record_of(record).MEASURES)
            export.deliver(command(**given))

        options = fail_if(called)
        return form(as_json(output(options) if to_file else options))

    return decorate


def _text(record: Record, blocks: Iterable[Block], form: str) -> str:
    if form == "json":
        return json_text(record) + "\n"
    if form == "csv":
        return _csv(record)
    if form == "markdown":
        return markdown(blocks)
    if form == "html":
        return html_page(f"retort {type(record).__name__.lower()}", blocks)
    from rich.console import Console

    # What a terminal would show; export_text leaves the styles out.
    console = Console(
        file=io.StringIO(), record=True, width=WIDTH_WHEN_PIPED, markup=False, highlight=False, emoji=False
    )
    show(blocks, console)
    return console.export_text()


def _csv(record: Record) -> str:
    rows = record.flat_rows()
    written = io.StringIO()
    columns = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(written, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()


def _written(path: Path, write: Callable[[Path], Any]) -> None:
    try:
        write(path)
    except OSError as problem:
        raise click.UsageError(f"{path} cannot be written ({problem.strerror or problem}).") from None


def _kept(page: str) -> Path:
    """The page in a file of its own, for the browser to read after the command has ended."""
    file = Path(tempfile.mkdtemp(prefix="retort-")) / "page.html"
    file.write_text(page, encoding="utf-8")
    return file
