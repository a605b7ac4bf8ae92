"""What commands print on a terminal: the blocks of a record as wide as the screen allows, or one JSON document."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from retort.blocks import BAR, Block, Cell, Column, Drawing, Line, Span, Table, bar_text
from retort.records import json_value

WIDTH_WHEN_PIPED = 100
GAP = 2  # columns between two columns of a table
SHORTEST_BAR = 5
SHORTEST_FOLD = 24  # a column whose texts go on in the next line keeps this much


def json_text(value: Any) -> str:
    """A value as one JSON document; ASCII, so that it survives any locale."""
    return json.dumps(json_value(value), allow_nan=False, indent=2)


def print_json(document: Mapping[str, Any]) -> None:
    """The document of a command without a `Record`, on stdout, with a `schema_version` of 1."""
    click.echo(json_text({"schema_version": 1, **document}))


class _Screen(Console):
    def on_broken_pipe(self) -> None:
        """rich would exit with 1 here; `main` ends a command whose reader has gone as a shell expects it."""
        raise BrokenPipeError


def stdout_console() -> Console:
    """A console for tables; brackets in a token are text there, not markup. rich itself heeds NO_COLOR and COLUMNS."""
    console = _Screen(markup=False, highlight=False, emoji=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console = _Screen(markup=False, highlight=False, emoji=False, width=WIDTH_WHEN_PIPED)
    return console


def open_page(file: Path) -> None:
    """Show a page in the browser, or say where it is."""
    import webbrowser

    if not webbrowser.open(file.resolve().as_uri()):
        click.echo(f"retort: no browser could be opened; the page is {file}.", err=True)


def show(blocks: Iterable[Block], console: Console) -> None:
    """Print blocks; a table that is too wide for the screen goes on in further tables below."""
    for block in blocks:
        if isinstance(block, Line):
            console.print(_text(block.spans), soft_wrap=block.whole)
        elif isinstance(block, Drawing):
            for spans in block.draw(console.width):
                console.print(_text(spans), no_wrap=True, overflow="crop")
        else:
            for part in _parts(block, console.width):
                console.print(_rich(part, console))


def bar(share: float, width: int, console: Console) -> str:
    """`share` (0 to 1) of `width` characters, in eighths where the terminal has the signs for it."""
    if not console.encoding.lower().startswith("utf"):
        return "#" * round(share * width)
    return bar_text(share, width)


def _text(spans: Sequence[Span]) -> Text:
    return Text.assemble(*((text, style or "") for text, style in spans))


def _parts(whole: Table, width: int) -> Iterator[Table]:
    """The table in as many parts as the width needs, each with the columns that lead."""
    widths = [_narrowest(whole, place) for place in range(len(whole.columns))]
    lead = sum(size + GAP for size in widths[: whole.lead])
    part: list[int] = []
    for place in range(whole.lead, len(widths)):
        # The last column has no gap behind it. One that is too wide by itself still gets a table of its own.
        if part and lead + sum(widths[one] + GAP for one in (*part, place)) - GAP > width:
            yield _columns(whole, part)
            part = []
        part.append(place)
    yield _columns(whole, part)


def _columns(whole: Table, places: Sequence[int]) -> Table:
    chosen = (*range(whole.lead), *places)
    return Table(
        tuple(whole.columns[place] for place in chosen),
        tuple(tuple(row[place] for place in chosen) for row in whole.rows),
        whole.lead,
    )


def _narrowest(whole: Table, place: int) -> int:
    """Columns that a column of the table needs, its bars at their shortest."""
    column = whole.columns[place]
    cells = max((_cell_width(row[place], SHORTEST_BAR) for row in whole.rows), default=0)
    size = max(cells, cell_len(column.title))
    if column.widest is not None:
        size = min(size, column.widest)
    return min(size, SHORTEST_FOLD) if column.fold else size


def _cell_width(cell: Cell, bars: int) -> int:
    return cell_len(cell.text) + (0 if cell.share is None else 1 + bars)


def _rich(part: Table, console: Console) -> RichTable:
    """The table, with bars as long as what the screen has left allows."""
    shown = RichTable(
        box=None,
        pad_edge=False,
        header_style="bold",
        show_header=any(column.title for column in part.columns),
    )
    for column in part.columns:
        _add_column(shown, column)
    barred = [
        place for place in range(len(part.columns)) if any(row[place].share is not None for row in part.rows)
    ]
    used = sum(_narrowest(part, place) + GAP for place in range(len(part.columns))) - GAP
    spare = max(console.width - used, 0) // len(barred) if barred else 0
    for row in part.rows:
        shown.add_row(*(_cell(cell, min(SHORTEST_BAR + spare, BAR), console) for cell in row))
    return shown


def _add_column(shown: RichTable, column: Column) -> None:
    shown.add_column(
        column.title,
        justify="right" if column.right else "left",
        no_wrap=not column.fold,
        overflow="fold" if column.fold else "ellipsis",
        max_width=column.widest,
        ratio=1 if column.fold else None,
    )


def _cell(cell: Cell, bars: int, console: Console) -> Text:
    shown = Text(cell.text, style=cell.style or "")
    if cell.share is None:
        return shown
    return shown.append(" " + bar(cell.share, bars, console))
