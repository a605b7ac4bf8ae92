"""How every figure looks: one width, one set of colours that follows the page into the dark, SVG with real text.

Figures are drawn in the colours of light paper. Each themed colour is a hex number of its own, and `to_svg` replaces
it by the page's CSS variable of the same name, so that light and dark are the page's business.
"""

from __future__ import annotations

import functools
import html
import io
import re
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Drawn = ParamSpec("Drawn")

# CSS variable → its colour on light paper. Blue and orange stay apart for every kind of colour blindness.
THEMED = {
    "ink": "#1f2429",
    "muted": "#686f77",
    "rule": "#dcdfe2",
    "card": "#fefefe",
    "cool": "#2a6fb0",
    "mild": "#7c6a99",
    "warm": "#c4581b",
    "region": "#1d8a7a",
}
INK, MUTED, RULE, CARD, COOL, MILD, WARM, REGION = THEMED.values()

WIDTH = 5.4  # inches; 389 units of the SVG, so that its letters stay readable on a telephone
WIDE = 7.4

STYLE: Any = {  # matplotlib's own type for it is a list of 300 literals
    "svg.fonttype": "none",  # text stays text: it can be read aloud, searched, and has the page's font
    "svg.hashsalt": "retort",  # else ids are random, and the same figure has other bytes in every run
    "text.parse_math": False,  # a token may be a dollar sign
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.major.pad": 8,  # so that the two zeros in the corner keep apart
    "ytick.major.pad": 6,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.solid_capstyle": "round",
    "figure.constrained_layout.use": True,
}


def styled(draw: Callable[Drawn, Figure]) -> Callable[Drawn, Figure]:
    """`draw` with the style above in force, whatever the user's matplotlib is set to."""

    @functools.wraps(draw)
    def inside(*args: Drawn.args, **kwargs: Drawn.kwargs) -> Figure:
        import matplotlib

        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update(STYLE)
            return draw(*args, **kwargs)

    return inside


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of that many inches, outside pyplot's own list of open figures."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), facecolor="none")


def to_svg(figure: Figure, name: str, label: str) -> str:
    """The figure as an `<svg>` element to stand inside a page: scales to its place, says `label` to screen readers.

    `name` keeps its ids apart from those of other figures. The same figure gives the same bytes.
    """
    import matplotlib

    written = io.StringIO()
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        # A glyph that this font lacks is missing in our measurement of it, not in the reader's browser.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(
            written, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
        )
    text = written.getvalue()
    # A whole SVG document becomes an element inside HTML: no declaration, no namespaces, no size of its own (the page's
    # CSS gives it one; the viewBox keeps the proportions), and ids that no other figure of the page has.
    text = text[text.index("<svg") :]
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r' (?:xmlns(?::xlink)?|version)="[^"]*"', "", text, count=3)
    text = re.sub(r' (?:width|height)="[\d.]+pt"', "", text, count=2)
    text = text.replace("xlink:href", "href")
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'href="#', f'href="#{name}-', text)
    text = text.replace("url(#", f"url(#{name}-")
    for variable, colour in THEMED.items():
        text = text.replace(colour, f"var(--{variable})")
    return text.replace("<svg", f'<svg role="img" aria-label="{html.escape(label)}"', 1)


def token_text(token: str, longest: int = 16) -> str:
    """A token on one line, between quotes that show its spaces, cut where it is too long for a label."""
    shown = one_line(token)
    return f"‘{shown if len(shown) <= longest else shown[: longest - 1] + '…'}’"


def one_line(text: str) -> str:
    """`text` with line breaks and control characters as escapes."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
