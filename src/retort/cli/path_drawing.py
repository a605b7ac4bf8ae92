"""The tree and the bands of a temperature path, drawn with characters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from retort.cli.output import printable

if TYPE_CHECKING:
    from retort.lens.path_tree import PathBranch
    from retort.report.story import PathFound
    from retort.sampling.path import Leaf

# Backgrounds of the texts' own tokens, two by turns so that neighbours can be told apart; shared tokens have none.
GROUNDS = ("black on bright_cyan", "black on bright_yellow")
WIDEST = 100
ROW_NUMBER = 3  # columns beside the bands, for the token's place


def tree_text(branches: Sequence[PathBranch]) -> Text:
    """A line for each branch: its τ interval, then its tokens, indented below what they follow."""
    return Text("\n").join(
        Text(line) for branch in branches for line in _tree_lines(branch, "", "", _joint(branches))
    )


def _joint(branches: Sequence[PathBranch]) -> str:
    """Words without spaces of their own, as in a trigram model, need one between."""

    def spaced(branch: PathBranch) -> bool:
        return any(character.isspace() for token in branch.tokens for character in token) or any(
            map(spaced, branch.branches)
        )

    return "" if any(map(spaced, branches)) else " "


def _tree_lines(branch: PathBranch, lead: str, below: str, joint: str) -> list[str]:
    text = printable(joint.join(branch.tokens))
    number = "" if branch.leaf is None else f"  [{branch.leaf + 1}]"
    lines = [f"{branch.temperature_low:.4f} … {branch.temperature_high:.4f}  {lead}{text}{number}"]
    for place, child in enumerate(branch.branches):
        last = place == len(branch.branches) - 1
        lines += _tree_lines(child, below + ("└ " if last else "├ "), below + ("  " if last else "│ "), joint)
    return lines


def bands_text(found: PathFound, width: int) -> Text:
    """τ to the right, tokens downwards: each token as wide as the temperatures that share it."""
    from retort.report.bands import blocks

    width = max(min(width, WIDEST) - ROW_NUMBER - 1, 10)
    leaves = found.path.leaves
    owners = column_owners(leaves, width)
    lines = [_numbers(owners)]
    rows: dict[int, Text] = {}
    for block in blocks(found):
        columns = [
            place for place, owner in enumerate(owners) if block.first <= (owner or 0) - 1 <= block.last
        ]
        line = rows.setdefault(block.row, Text(f"{block.row + 1:>{ROW_NUMBER}} "))
        if not columns:
            continue
        begin, size = columns[0], columns[-1] + 1 - columns[0]
        line.append(" " * (begin + ROW_NUMBER + 1 - cell_len(line.plain)))
        style = GROUNDS[block.first % 2] if block.first == block.last else "dim"
        line.append("│" + _fitted(printable(block.token).strip() or "␣", size - 1), style=style)
    low, high = f"{leaves[0].temperature_low:g}", f"{leaves[-1].temperature_high:g}"
    axis = f"{low}{'temperature τ':^{max(width - len(low) - len(high), 13)}}{high}"
    lines += [rows[row] for row in sorted(rows)]
    lines.append(Text(" " * (ROW_NUMBER + 1) + axis))
    return Text("\n").join(lines)


def _fitted(text: str, width: int) -> str:
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return "" if width < 1 else set_cell_size(text, width - 1) + "…"


def column_owners(leaves: Sequence[Leaf], width: int) -> list[int | None]:
    """For each column the text at its τ, counted from 1; None between two texts.

    A text narrower than a column gets one all the same where the column nearest to it has no text, or one that has
    another column left.
    """
    low = leaves[0].temperature_low
    step = max(leaves[-1].temperature_high - low, 1e-9) / width
    owners: list[int | None] = [None] * width
    for number, leaf in enumerate(leaves, 1):
        for place in range(width):
            if leaf.temperature_low <= low + (place + 0.5) * step <= leaf.temperature_high:
                owners[place] = number
    for number, leaf in enumerate(leaves, 1):
        if number in owners:
            continue
        middle = (leaf.temperature_low + leaf.temperature_high) / 2
        place = min(int((middle - low) / step), width - 1)
        owner = owners[place]
        in_order = all(other is None or other < number for other in owners[:place]) and all(
            other is None or other > number for other in owners[place + 1 :]
        )
        if in_order and (owner is None or owners.count(owner) > 1):
            owners[place] = number
    return owners


def _numbers(owners: Sequence[int | None]) -> Text:
    """The texts' numbers, each above its first column where there is room for it."""
    line = Text(" " * ROW_NUMBER)
    for place, owner in enumerate(owners):
        before = owners[place - 1] if place else None
        if owner is not None and owner != before and len(line) <= place + ROW_NUMBER:
            line.append(" " * (place + ROW_NUMBER + 1 - len(line)) + str(owner))
    return line
