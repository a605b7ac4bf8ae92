"""What a record shows: lines, tables and drawings, and the same as HTML, Markdown and plain numbers.

A record lists its blocks once; the terminal (cli/output.py), a notebook, an HTML file and a Markdown file render them.
Every number is written by `retort.numerals`, measures by `shown`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from retort.distribution import Interval
from retort.errors import printable
from retort.numerals import NONE, bounds, number

BLOCKS = " ▏▎▍▌▋▊▉█"
BAR = 16
"""Characters of a full bar where there is room."""

WIDE = 100
"""Width of a drawing where no terminal says its own."""


@dataclass(frozen=True)
class Cell:
    """One cell: text, a style (rich's words, as "green" or "white on dark_red"), and a bar as long as `share`."""

    text: str
    style: str | None = None
    share: float | None = None


@dataclass(frozen=True)
class Column:
    """A column's heading. `widest`: longer texts are cut there; `fold`: long texts go on in the next line instead."""

    title: str = ""
    right: bool = False
    widest: int | None = None
    fold: bool = False


@dataclass(frozen=True)
class Table:
    """Columns and rows. A terminal too narrow for all columns shows several tables, each beginning with `lead` ones."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    lead: int = 1


Span = tuple[str, str | None]  # a text and its style


@dataclass(frozen=True)
class Line:
    """A paragraph, in pieces of one style each. `whole`: a terminal breaks it nowhere, so that it can be copied."""

    spans: tuple[Span, ...]
    whole: bool = False

    @property
    def text(self) -> str:
        return "".join(text for text, _ in self.spans)


@dataclass(frozen=True)
class Drawing:
    """Lines in which every character has its place; `draw` gets the width that there is."""

    draw: Callable[[int], Sequence[Sequence[Span]]] = field(compare=False)


Block = Line | Table | Drawing


def line(text: str, style: str | None = None, *, whole: bool = False) -> Line:
    """A paragraph of one style."""
    return Line(((text, style),), whole)


def table(headings: Sequence[str | Column], rows: Iterable[Sequence[str | Cell]], lead: int = 1) -> Table:
    """A table: headings as texts stand left, those that begin with ">" right; cells as texts are plain."""
    columns = tuple(
        heading if isinstance(heading, Column) else Column(heading.removeprefix(">"), heading.startswith(">"))
        for heading in headings
    )
    cells = tuple(tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in row) for row in rows)
    return Table(columns, cells, lead)


Writers = Mapping[str | Column, Callable[[Any], str | Cell]]


def columns(records: Iterable[Any], cells: Writers, *more: Sequence[str | Cell], lead: int = 1) -> Table:
    """A table with a row for each record: headings as `table` takes them, each with what writes the cells below it.

    `more`: rows that come last, as texts.
    """
    rows = ([write(record) for write in cells.values()] for record in records)
    return table(list(cells), [*rows, *more], lead)


def shown(value: Interval | None, write: Callable[[float], str] = number) -> str:
    """A measure: one number, both ends, or the one end that is known; a dash where nothing is."""
    return NONE if value is None else bounds(value.low, value.high, write)


def token_label(token: str) -> str:
    """One token in quotes, so that its spaces can be seen."""
    return f"'{printable(token, keep='')}'"


def bar_text(share: float, width: int) -> str:
    """`share` (0 to 1) of `width` characters, in eighths."""
    eighths = round(share * width * 8)
    return BLOCKS[8] * (eighths // 8) + (BLOCKS[eighths % 8] if eighths % 8 else "")


def spaced(tokens: Iterable[str]) -> str:
    """What goes between tokens that are shown as one text: words without spaces of their own need one."""
    return "" if any(character.isspace() for token in tokens for character in token) else " "


# Markdown


def markdown(blocks: Iterable[Block]) -> str:
    """Lines as paragraphs, tables as tables, drawings as code. Tokens are escaped: any sign may be one."""
    written = [_markdown(block) for block in blocks]
    return "\n\n".join(text for text in written if text) + "\n"


def _markdown(block: Block) -> str:
    if isinstance(block, Table):
        return _markdown_table(block)
    if isinstance(block, Drawing):
        return _fenced("\n".join("".join(text for text, _ in spans) for spans in block.draw(WIDE)))
    text = _escaped(block.text).strip()  # four spaces before it would make it code
    bold = bool(block.spans) and all(style == "bold" for _, style in block.spans)
    return f"**{text}**" if bold else _no_list(text)


def _markdown_table(block: Table) -> str:
    def cells(row: Sequence[str]) -> str:
        return "| " + " | ".join(row) + " |"

    def written(cell: Cell) -> str:
        drawn = "" if cell.share is None else f" {bar_text(cell.share, BAR)}"
        return _escaped(cell.text + drawn)

    rules = ["---:" if column.right else "---" for column in block.columns]
    rows = [[written(cell) for cell in row] for row in block.rows if any(cell.text.strip() for cell in row)]
    return "\n".join(map(cells, ([_escaped(column.title) for column in block.columns], rules, *rows)))


def _fenced(text: str) -> str:
    """Text in a code block, whose fence is longer than any run of backticks in it."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    lines = "\n".join(one.rstrip() for one in text.splitlines())
    return f"{fence}text\n{lines}\n{fence}"


def _escaped(text: str) -> str:
    """Text that Markdown shows as it is."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>|#&~$" else sign for sign in text.rstrip())


def _no_list(text: str) -> str:
    """A paragraph that begins as a list or a rule would, and is none."""
    return re.sub(r"^(\d*)([-+=.)])", r"\1\\\2", text)


# HTML

# Another name than the page's own `.retort`: in a notebook the widget's style is there for records too. With `div`, the
# rules win over those of JupyterLab for tables, whose cells are right-aligned, and for code, whose lines are wrapped.
STYLE = """
div.retort-record { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; overflow-wrap: anywhere }
div.retort-record .wide { overflow-x: auto; margin: .8rem 0 }
div.retort-record table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 0 }
div.retort-record th { font-weight: 600; text-align: left !important; vertical-align: bottom; background: none }
div.retort-record th, div.retort-record td {
  padding: .15rem .6rem .15rem 0; white-space: nowrap; border: 0; background-color: transparent;
}
div.retort-record td.fold { white-space: normal; min-width: 12rem; overflow-wrap: anywhere }
div.retort-record td { text-align: left !important }
div.retort-record .right { text-align: right !important }
div.retort-record .bar { display: inline-block; width: 6rem; height: .7em; margin-left: .5rem }
div.retort-record .bar i { display: block; height: 100%; background: #4a86c5 }
div.retort-record pre { font: 13px/1.25 ui-monospace, monospace; overflow-x: auto; white-space: pre !important }
div.retort-record svg { max-width: 100%; height: auto }
@media (max-width: 600px) {
  div.retort-record th, div.retort-record td { white-space: normal }
  div.retort-record .many tr {
    display: flex; flex-wrap: wrap; gap: 0 .9rem; padding: .35rem 0; border-top: 1px solid #8884;
  }
  div.retort-record .many td { padding: 0; text-align: left !important }
  div.retort-record .many tr.head, div.retort-record .many td:empty { display: none }
  div.retort-record .many td:first-child { flex-basis: 100%; font-weight: 600 }
  div.retort-record .many td + td::before { content: attr(data-of) " "; opacity: .7; font-size: .87em }
}
"""

MANY_COLUMNS = 4
"""From here on a phone shows each row of a table as a paragraph, each cell behind its column's name."""

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{title}</title>
<style>body {{ margin: 1rem }}{style}</style></head>
<body><div class="retort-record">{body}</div></body></html>
"""


def html_fragment(blocks: Iterable[Block]) -> str:
    """The blocks for a notebook, with their own style."""
    return f'<style>{STYLE}</style><div class="retort-record">{"".join(map(_html, blocks))}</div>'


def html_page(title: str, blocks: Iterable[Block], above: str = "") -> str:
    """The blocks as a page of their own, which also fits a phone. `above`: HTML of our own before them, a picture."""
    body = "\n".join([above, *map(_html, blocks)])
    return PAGE.format(title=html.escape(title), style=STYLE, body=body)


def _html(block: Block) -> str:
    if isinstance(block, Line):
        return f"<p>{_html_spans(block.spans)}</p>"
    if isinstance(block, Drawing):
        return "<pre>" + "\n".join(_html_spans(spans) for spans in block.draw(WIDE)) + "</pre>"
    head = "".join(
        f"<th{_class(right=column.right)}>{html.escape(column.title)}</th>" for column in block.columns
    )
    if not any(column.title for column in block.columns):
        head = ""
    many = len(block.columns) >= MANY_COLUMNS and head != ""
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{_class(right=column.right, fold=column.fold)}{_named(column, many)}>{_html_cell(cell)}</td>"
            for column, cell in zip(block.columns, row, strict=True)
        )
        + "</tr>"
        for row in block.rows
    )
    head = f'<tr class="head">{head}</tr>' if head else ""
    return f"<div{_class(wide=True, many=many)}><table>{head}{body}</table></div>"


def _named(column: Column, many: bool) -> str:
    return f' data-of="{html.escape(column.title)}"' if many and column.title.strip() else ""


def _class(**names: bool) -> str:
    given = " ".join(name for name, there in names.items() if there)
    return f' class="{given}"' if given else ""


def _html_cell(cell: Cell) -> str:
    drawn = ""
    if cell.share is not None:
        drawn = f'<span class="bar"><i style="width:{100 * cell.share:.1f}%"></i></span>'
    return _html_spans(((cell.text, cell.style),)) + drawn


def _html_spans(spans: Sequence[Span]) -> str:
    return "".join(
        html.escape(text) if style is None else f'<span style="{_css(style)}">{html.escape(text)}</span>'
        for text, style in spans
    )


def _css(style: str) -> str:
    from rich.style import Style

    return Style.parse(style).get_html_style()
