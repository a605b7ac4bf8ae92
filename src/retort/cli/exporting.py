"""`--format`, `-o` and `--fail-if`: what a verb found as a table, Markdown, HTML or JSON, and as an exit code."""

from __future__ import annotations

import io
import json
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retort.cli.output import WIDTH_WHEN_PIPED, as_json_value, stdout_console

if TYPE_CHECKING:
    from rich.console import Console

    from retort.lens.conditions import Condition, Value

FORMATS = ("terminal", "markdown", "html", "json")
BY_ENDING = {".md": "markdown", ".markdown": "markdown", ".html": "html", ".htm": "html", ".json": "json"}
WIDTH_OF_HTML = 120
HELD = 1  # exit code where a --fail-if condition holds

HTML = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>retort</title>
<style>body {{ margin: 2rem; color: {foreground}; background: {background} }} pre {{ line-height: 1.3 }}
{stylesheet}</style></head>
<body><pre><code>{code}</code></pre></body></html>
"""


class ConditionSpec(click.ParamType):
    """A condition written as `entropy > 3`."""

    name = "CONDITION"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Condition:
        from retort.errors import InputError
        from retort.lens.conditions import parse_condition

        try:
            return parse_condition(str(value))
        except InputError as problem:
            self.fail(str(problem), param, ctx)


def exporting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--format`, `--json`, `-o FILE` and `--fail-if`, for `deliver` to act on."""
    form = click.option(
        "--format",
        "form",
        type=click.Choice(FORMATS),
        help="How to write it.  [default: by the ending of -o FILE, else terminal]",
    )
    as_json = click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
    output = click.option(
        "-o",
        "--output",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Write to FILE instead of the terminal.",
    )
    fail_if = click.option(
        "--fail-if",
        "conditions",
        type=ConditionSpec(),
        multiple=True,
        help='End with exit code 1 if it holds, as in "entropy > 3"; may be given several times.',
    )
    return form(as_json(output(fail_if(command))))


def deliver(
    record: Any,
    draw: Callable[[Console], None],
    measures: Mapping[str, Sequence[Value]],
    *,
    form: str | None,
    as_json: bool,
    output: Path | None,
    conditions: Sequence[Condition],
    page: Callable[[], str] | None = None,
    open_page: bool = False,
) -> None:
    """Write `record` in the form asked for, then exit with code 1 if a condition holds.

    `draw` prints the tables of the record on a console; `measures` are what conditions can ask of it. `page` gives the
    HTML where the record has a page of its own; with `open_page` it is shown in the browser, besides what is written.
    """
    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json and --format {form} exclude one another; give one.")
    chosen = "json" if as_json else form or BY_ENDING.get(output.suffix.lower() if output else "", "terminal")
    if chosen == "terminal" and output is None:
        draw(stdout_console())
    elif chosen == "html" and page is not None:
        _write(page(), output)
    else:
        _write(WRITERS[chosen](record, draw), output)
    if open_page and page is not None:
        _open(output if output is not None and chosen == "html" else _kept(page()))
    _fail(conditions, measures)


def _kept(page: str) -> Path:
    """The page in a file of its own, for the browser to read after the command has ended."""
    file = Path(tempfile.mkdtemp(prefix="retort-")) / "page.html"
    file.write_text(page, encoding="utf-8")
    return file


def _open(file: Path) -> None:
    import webbrowser

    if not webbrowser.open(file.resolve().as_uri()):
        click.echo(f"retort: no browser could be opened; the page is {file}.", err=True)


def _fail(conditions: Sequence[Condition], measures: Mapping[str, Sequence[Value]]) -> None:
    from retort.lens.conditions import met

    held = [(condition, value) for condition in conditions if (value := met(condition, measures)) is not None]
    for condition, value in held:
        click.echo(f"retort: {condition} holds: {condition.measure} is {value:.4g}.", err=True)
    if held:
        raise click.exceptions.Exit(HELD)


def _write(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text, nl=not text.endswith("\n"))
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise click.UsageError(f"{output} cannot be written ({problem.strerror or problem}).") from None


def _terminal(record: Any, draw: Callable[[Console], None]) -> str:
    console = _recorder(WIDTH_WHEN_PIPED)
    draw(console)
    return console.export_text()


def _html(record: Any, draw: Callable[[Console], None]) -> str:
    console = _recorder(WIDTH_OF_HTML)
    draw(console)
    return console.export_html(code_format=HTML)


def _recorder(width: int) -> Console:
    from rich.console import Console

    return Console(
        file=io.StringIO(),
        record=True,
        width=width,
        markup=False,
        highlight=False,
        emoji=False,
        force_terminal=True,
    )


def _json(record: Any, draw: Callable[[Console], None]) -> str:
    return json.dumps(as_json_value(record), allow_nan=False, indent=2) + "\n"


def _markdown(record: Any, draw: Callable[[Console], None]) -> str:
    page = MarkdownConsole()
    draw(page)  # type: ignore[arg-type]  # it prints what the commands print, and is no terminal
    return page.text()


WRITERS: dict[str, Callable[[Any, Callable[[Console], None]], str]] = {
    "terminal": _terminal,
    "markdown": _markdown,
    "html": _html,
    "json": _json,
}


class MarkdownConsole:
    """Takes what a command prints on a console: lines are paragraphs, tables Markdown tables, drawings code."""

    width = 400  # no table is split and nothing is cut off
    encoding = "utf-8"
    is_terminal = False

    def __init__(self) -> None:
        self._blocks: list[str] = []

    def print(self, *things: Any, style: str | None = None, no_wrap: bool = False, **ignored: Any) -> None:
        """`no_wrap` is for drawings, in which every character has its place."""
        from rich.table import Table

        for thing in things:
            if isinstance(thing, Table):
                self._blocks.append(_markdown_table(thing))
            elif no_wrap:
                self._blocks.append(_fenced(str(thing)))
            else:
                line = _escaped(str(thing)).strip()  # four spaces before it would make it code
                self._blocks.append(f"**{line}**" if style == "bold" else _no_list(line))

    def text(self) -> str:
        return "\n\n".join(block for block in self._blocks if block) + "\n"


def _markdown_table(table: Any) -> str:
    columns = [[_escaped(str(cell)) for cell in column.cells] for column in table.columns]
    headings = [_escaped(str(column.header)) for column in table.columns]
    rules = ["---:" if column.justify == "right" else "---" for column in table.columns]
    rows = [row for row in zip(*columns, strict=True) if any(cell.strip() for cell in row)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (headings, rules, *rows))


def _fenced(text: str) -> str:
    """Text in a code block, whose fence is longer than any run of backticks in it."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return f"{fence}text\n{lines}\n{fence}"


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is: a token may be any sign that means something there."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>|#&~$" else sign for sign in text.rstrip())


def _no_list(line: str) -> str:
    """A paragraph that begins as a list or a rule would, and is none."""
    return re.sub(r"^(\d*)([-+=.)])", r"\1\\\2", line)
