"""The temperature path as a band diagram: τ to the right, tokens downwards, a colour for each text.

A band is one token of one prefix, as wide as the temperatures that share it. From the token on that only one text has,
blocks are in that text's colour, cool for low temperatures; those that several texts share are pale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from retort.lens.path import bands
from retort.report.drawing import CARD, INK, MUTED, WIDE, new_figure, one_line, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from retort.lens.path import PathFound

ROW_INCHES = 0.27
PALE = 0.3  # opacity, so that the page's ground shows through in light and dark
LETTER_WIDTH = 0.62  # of the font size; DejaVu's mean is a little below, and readers' fonts are narrower
FONT = 8.5
LEFT, RIGHT = 0.45, 0.12  # inches beside the bands
# Told apart with every kind of colour blindness.
HEAT = ("#2a6fb0", "#86b9d9", "#f2d88c", "#e39549", "#b9441d")
ON_DARK, ON_LIGHT = "#ffffff", "#15181b"  # not themed: they stand on a leaf's own colour


def leaf_colours(found: PathFound) -> list[str]:
    """A hex colour for each leaf, from blue over yellow to orange, every other one a little darker."""
    from matplotlib.colors import LinearSegmentedColormap, to_hex

    scale = LinearSegmentedColormap.from_list("heat", HEAT)
    last = max(len(found.path.leaves) - 1, 1)
    colours = []
    for number in range(len(found.path.leaves)):
        red, green, blue, _ = scale(number / last)
        shade = 0.88 if number % 2 else 1.0
        colours.append(to_hex((red * shade, green * shade, blue * shade)))
    return colours


def _label(token: str) -> str:
    """A token as a band shows it: without the space before it, which every word has, unless there is nothing else."""
    return one_line(token).strip() or f"‘{one_line(token)}’"


@styled
def path(found: PathFound) -> Figure:
    """The band diagram."""
    from matplotlib.colors import to_rgba
    from matplotlib.patches import Rectangle

    leaves = found.path.leaves
    colours = leaf_colours(found)
    rows = max(len(leaf.ids) for leaf in leaves)
    lowest, highest = leaves[0].temperature_low, leaves[-1].temperature_high
    span = max(highest - lowest, 1e-9)
    figure = new_figure(WIDE, ROW_INCHES * (rows + 1) + 0.55)
    axes = figure.subplots()
    points_per_unit = (WIDE - LEFT - RIGHT) * 72 / span

    def label(text: str, low: float, high: float, place: float, colour: str) -> None:
        if len(text) * FONT * LETTER_WIDTH <= (high - low) * points_per_unit - 2:
            axes.text((low + high) / 2, place, text, ha="center", va="center", color=colour, fontsize=FONT)

    for band in bands(found):
        alone = band.first == band.last
        fill = colours[(band.first + band.last) // 2]
        width = max(band.high - band.low, span / 800)  # a text of one temperature is a hair, and must be seen
        edge = min(1.0, width * points_per_unit / 4)
        axes.add_patch(
            Rectangle(
                (band.low, band.row), width, 1, facecolor=to_rgba(fill, 1.0 if alone else PALE), edgecolor=CARD,
                linewidth=edge,
            )
        )  # fmt: skip
        red, green, blue, _ = to_rgba(fill)
        # Luminance with the weights of sRGB (Rec. 709): letters are dark on bright bands and light on dark ones.
        bright = 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.45
        colour = INK if not alone else ON_LIGHT if bright else ON_DARK
        label(_label(band.token), band.low, band.high, band.row + 0.5, colour)
    for number, leaf in enumerate(leaves):
        label(str(number + 1), leaf.temperature_low, leaf.temperature_high, -0.5, MUTED)
    axes.set_xlim(lowest, highest)
    axes.set_ylim(rows, -1)
    axes.set_yticks([row + 0.5 for row in range(rows)], labels=[str(row + 1) for row in range(rows)])
    axes.tick_params(length=0)
    axes.set_ylabel("token")
    axes.set_xlabel("temperature τ")
    axes.spines[["left", "bottom"]].set_visible(False)
    return figure
