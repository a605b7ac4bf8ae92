"""`--format`, `-o FILE` and `--fail-if`: a record as a table, Markdown, HTML, CSV, Parquet or JSON, or an exit code.

Any verb whose function returns a `Record` takes them: put `exporting_options` on the command, take them as `**export`,
call `check_export` before the work and `deliver` after it.
"""

from __future__ import annotations

import csv
import functools
import io
import json
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retort.blocks import Block, html_page, markdown
from retort.cli.output import WIDTH_WHEN_PIPED, show, stdout_console
from retort.numerals import number
from retort.records import Record, json_value

if TYPE_CHECKING:
    from retort.cli.conditions import Condition

BY_ENDING = {
    ".txt": "terminal", ".md": "markdown", ".markdown": "markdown", ".html": "html", ".htm": "html", ".csv": "csv",
    ".json": "json", ".parquet": "parquet",
}  # fmt: skip
FORMATS = tuple(dict.fromkeys(BY_ENDING.values()))
CONDITION_HOLDS = 3
"""Exit code where a --fail-if condition holds; 1 would be what Python gives for a crash."""


class ConditionSpec(click.ParamType):
    """A condition written as `entropy > 3`."""

    name = "CONDITION"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Condition:
        from retort.cli.conditions import parse_condition
        from retort.errors import InputError

        try:
            return parse_condition(str(value))
        except InputError as problem:
            self.fail(str(problem), param, ctx)


class OutputFile(click.Path):
    """A file whose ending says the format; an unknown ending is refused before anything is run."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path = Path(str(super().convert(value, param, ctx)))
        if not path.resolve().parent.is_dir():
            self.fail(f"{path} cannot be written: there is no folder {path.parent}.", param, ctx)
        return path


def exporting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--format`, `--json`, `-o FILE` and `--fail-if`, for `check_export` and `deliver` to act on."""
    output = click.option(
        "-o",
        "--out",
        "--output",
        "output",
        type=OutputFile(),
        metavar="FILE",
        help="Write to FILE instead of the terminal: .html, .md, .csv, .json, .parquet or .txt.",
    )
    return _printing(FORMATS, "by the ending of -o FILE, else terminal", output)(command)


def printing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """As `exporting_options`, for a verb whose `-o` is a folder that it fills: what it prints goes to stdout."""

    def without_file(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def called(*arguments: Any, **named: Any) -> Any:
            return function(*arguments, output=None, **named)

        return called

    return _printing([one for one in FORMATS if one != "parquet"], "terminal", without_file)(command)


def _printing(
    formats: Sequence[str], default: str, output: Callable[..., Any]
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    form = click.option(
        "-f", "--format", "form", type=click.Choice(formats), help=f"Output format.  [default: {default}]"
    )
    as_json = click.option("-j", "--json", "as_json", is_flag=True, help="Same as --format json.")
    fail_if = click.option(
        "--fail-if",
        "conditions",
        type=ConditionSpec(),
        multiple=True,
        help=f'Exit with code {CONDITION_HOLDS} if the condition holds, as in "entropy > 3"; repeatable.',
    )
    return lambda command: form(as_json(output(fail_if(command))))


def check_export(
    measures: Collection[str] = (),
    *,
    form: str | None,
    as_json: bool,
    output: Path | None,
    conditions: Sequence[Condition],
) -> None:
    """Refuse what `deliver` could not do, before the run. `measures`: the names that conditions can ask."""
    from retort.cli.conditions import check

    _chosen(form, as_json, output)
    for condition in conditions:
        check(condition, measures)


def deliver(
    record: Record,
    *,
    form: str | None,
    as_json: bool,
    output: Path | None,
    conditions: Sequence[Condition],
    blocks: Iterable[Block] | None = None,
    page: Callable[[], str] | None = None,
    open_page: bool = False,
) -> None:
    """Write `record` in the form asked for, then exit with code 3 if a condition holds.

    `blocks`: what to show where that is not simply all of the record. `page` gives the HTML where the record has a page
    of its own; with `open_page` it is shown in the browser, besides what is written.
    """
    chosen = _chosen(form, as_json, output)
    shown = record.blocks() if blocks is None else blocks
    if chosen == "terminal" and output is None:
        show(shown, stdout_console())
    elif chosen == "parquet":
        _write_parquet(record, output)
    elif chosen == "html" and page is not None:
        _write(page(), output)
    else:
        _write(_text(record, shown, chosen), output)
    if output is not None:
        click.echo(f"Written: {output}", err=True)
    if open_page and page is not None:
        _open(output if output is not None and chosen == "html" else _kept(page()))
    _fail(conditions, record)


def _chosen(form: str | None, as_json: bool, output: Path | None) -> str:
    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json and --format {form} cannot be combined; give one.")
    chosen = "json" if as_json else form
    if chosen is None and output is not None:
        chosen = BY_ENDING.get(output.suffix.lower())
        if chosen is None:
            raise click.UsageError(
                f"--out {output} has no known format; end it in {', '.join(BY_ENDING)}, or give --format."
            )
    if chosen == "parquet" and output is None:
        raise click.UsageError("--format parquet writes a file; give -o FILE.parquet.")
    return chosen or "terminal"


def _text(record: Record, blocks: Iterable[Block], form: str) -> str:
    if form == "json":
        return json.dumps(json_value(record), allow_nan=False, indent=2) + "\n"
    if form == "csv":
        return _csv(record)
    if form == "markdown":
        return markdown(blocks)
    if form == "html":
        return html_page(f"retort {type(record).__name__.lower()}", blocks)
    from rich.console import Console

    console = Console(
        file=io.StringIO(), record=True, width=WIDTH_WHEN_PIPED, markup=False, highlight=False, emoji=False
    )
    show(blocks, console)
    return console.export_text()


def _csv(record: Record) -> str:
    rows = record.flat_rows()
    written = io.StringIO()
    writer = csv.DictWriter(
        written, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()


def _write_parquet(record: Record, output: Path | None) -> None:
    assert output is not None, "checked before the run"
    try:
        record.write_parquet(output)
    except OSError as problem:
        raise _unwritable(output, problem) from None


def _write(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text, nl=not text.endswith("\n"))
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise _unwritable(output, problem) from None


def _unwritable(output: Path, problem: OSError) -> click.UsageError:
    return click.UsageError(f"{output} cannot be written ({problem.strerror or problem}).")


def _kept(page: str) -> Path:
    """The page in a file of its own, for the browser to read after the command has ended."""
    file = Path(tempfile.mkdtemp(prefix="retort-")) / "page.html"
    file.write_text(page, encoding="utf-8")
    return file


def _open(file: Path) -> None:
    import webbrowser

    if not webbrowser.open(file.resolve().as_uri()):
        click.echo(f"retort: no browser could be opened; the page is {file}.", err=True)


def _fail(conditions: Sequence[Condition], record: Record) -> None:
    from retort.cli.conditions import met

    measures = record.measures() if conditions else {}
    held = [(condition, value) for condition in conditions if (value := met(condition, measures)) is not None]
    for condition, value in held:
        click.echo(f"retort: {condition} holds: {condition.measure} is {number(value)}.", err=True)
    if held:
        raise click.exceptions.Exit(CONDITION_HOLDS)
