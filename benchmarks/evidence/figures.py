"""The figures of docs/when-distillation-helps.md, drawn from the results that are there.

SVG with a card of its own behind it, so that it reads on a light page and on a dark one, and letters as outlines, so
that it looks the same everywhere. Equal results give equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.evidence.record import file_of
from retort.report.drawing import CARD, COOL, INK, MILD, MUTED, REGION, RULE, STYLE, WARM, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
WIDTH, HEIGHT = 8.4, 3.5

Row = Mapping[str, Any]
Rows = Sequence[Row]


def draw_all() -> list[str]:
    """Draw every figure whose result is there; the files written."""
    written = []
    for name, draw in FIGURES.items():
        file = file_of(name)
        if not file.is_file():
            continue
        rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
        target = IMAGES / f"evidence-{name}.svg"
        save(draw(rows), target)
        written.append(str(target))
    return written


def save(figure: Figure, target: Path) -> None:
    """Write the figure on its card."""
    import matplotlib

    figure.set_facecolor(CARD)
    with matplotlib.rc_context({**STYLE, "svg.fonttype": "path"}):
        target.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(target, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})


@styled
def markov(rows: Rows) -> Figure:
    """Excess risk against n, measured as dots and theory as lines, both axes logarithmic."""
    figure = new_figure(WIDTH * 0.75, HEIGHT * 1.15)
    axes = figure.add_subplot()
    for name, colour in (
        ("hard labels", WARM),
        ("imperfect teacher", COOL),
        ("right mix", REGION),
        ("true distribution", MILD),
    ):
        mine = [row for row in rows if row["student"] == name]
        words = [row["words"] for row in mine]
        axes.plot(words, [row["theory"] for row in mine], color=colour, linewidth=1, linestyle="--")
        shown = [row for row in mine if row["excess"]["mean"] > 1e-4]
        _dots(
            axes,
            [row["words"] for row in shown],
            [row["excess"] for row in shown],
            colour,
            _MARKOV_NAMES[name],
        )
    axes.set(
        xscale="log",
        yscale="log",
        ylim=(1e-3, 10),
        xlabel="words of text, n",
        ylabel="nats a word above the source",
    )
    axes.legend(loc="upper right", fontsize=9)
    axes.set_title("Dots: measured, 20 seeds. Dashed: theory", color=MUTED)
    return figure


_MARKOV_NAMES = {
    "hard labels": "hard labels",
    "imperfect teacher": "soft targets, a teacher that read 16,384 words",
    "right mix": "both, in the right mix",
    "true distribution": "soft targets, the truth",
}


@styled
def digits(rows: Rows) -> Figure:
    """Errors against the share of the data, for right and wrong labels; accuracy on the digit never shown."""
    figure = new_figure(WIDTH, HEIGHT)
    grid = [
        row for row in rows if row["experiment"] == "grid" and (row["temperature"], row["alpha"]) == (3, 0.7)
    ]
    noises = sorted({row["noise"] for row in grid})
    panels = figure.subplots(1, 3, width_ratios=(1, 1, 1.15))
    for axes, noise in zip(panels, (noises[0], noises[-1]), strict=False):
        for seen, arm, colour, label in (
            ("all", "hard", WARM, "hard labels"),
            ("the student's share", "soft", COOL, "soft, teacher saw\nthe student's share"),
            ("all", "soft", REGION, "soft, teacher saw all"),
        ):
            # With all of the data the two teachers are one.
            mine = [
                row
                for row in grid
                if row["noise"] == noise and (row["teacher saw"] == seen or row["share"] == 1)
            ]
            _dots(
                axes,
                [100 * row["share"] for row in mine],
                [row[arm] for row in mine],
                colour,
                label,
                line=True,
            )
        axes.set(xscale="log", ylim=(0, None), xlabel="% of the training part", ylabel="errors a hundred")
        axes.set_xticks([10, 20, 50, 100], ["10", "20", "50", "100"])
        axes.minorticks_off()
        axes.set_title(f"{noise:.0%} of labels wrong", color=INK)
    panels[1].legend(fontsize=8)
    missing = [
        row for row in rows if row["experiment"] == "missing" and row["student"] != "the teacher itself"
    ]
    names = [row["student"].replace("soft targets, ", "").replace("hard labels", "hard") for row in missing]
    places = range(len(missing))
    axes = panels[2]
    _dots(axes, places, [row["accuracy on 3"] for row in missing], COOL, "as trained")
    _dots(axes, places, [row["accuracy on 3, bias raised"] for row in missing], REGION, "bias raised")
    axes.set_xticks(list(places), names, fontsize=8)
    axes.set(ylim=(-4, 104), ylabel="% of 3s recognised")
    axes.set_title("No 3 in the transfer set", color=INK)
    axes.legend(fontsize=8, loc="lower right")
    return figure


@styled
def topk_bias(rows: Rows) -> Figure:
    """The cost of the optimum against k; the gradient's error against how many positions it is averaged over."""
    figure = new_figure(WIDTH, HEIGHT)
    left, right = figure.subplots(1, 2)
    optima = [row for row in rows if row["part"] == "optimum"]
    for target, alpha, colour, label in (
        ("renormalised", 0.9, WARM, "top k, α = 0.9"),
        ("renormalised", 0.7, MILD, "top k, α = 0.7"),
    ):
        mine = [row for row in optima if row["target"] == target and row["alpha"] == alpha]
        left.plot(
            [row["k"] for row in mine],
            [row["excess"] for row in mine],
            "o-",
            color=colour,
            markersize=4,
            label=label,
        )
    left.axhline(0, color=REGION, label="sampled, topk+tail: 0")
    left.set_xscale("log", base=2)
    left.set(xlabel="k, of 8,192 tokens", ylabel="nats a token, for ever")
    left.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    left.set_title("What the best student still loses", color=INK)
    left.legend(fontsize=9)
    gradients = [row for row in rows if row["part"] == "gradient" and row["temperature"] == 1]
    colours = {"sampled": REGION, "topk+tail": COOL, "topk": WARM}
    for number, row in enumerate(gradients):
        sizes = [name for name in row if name.startswith("error at N = ")]
        right.plot(
            [int(name.split()[-1]) for name in sizes],
            [100 * row[name] for name in sizes],
            "o-" if number < 3 else "o:",
            color=colours[row["codec"].partition(":")[0]],
            markersize=4,
            label=f"{row['codec']}, {row['bytes a token']:.0f} bytes",
        )
    right.set(
        xscale="log",
        yscale="log",
        xlabel="positions averaged over",
        ylabel="gradient off by, % of its length",
    )
    right.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    right.set_title("Averaging removes noise, not bias (τ = 1)", color=INK)
    right.legend(fontsize=8)
    return figure


@styled
def language_models(rows: Rows) -> Figure:
    """The gain over hard labels in every cell, with its interval."""
    shown = sorted(rows, key=lambda row: cell_order(row["cell"]))
    figure = new_figure(WIDTH, 0.9 + 0.24 * len(shown))
    axes = figure.add_subplot()
    for place, row in enumerate(shown):
        gain = row["gain"]
        colour = REGION if gain["low"] > 0 else WARM if gain["high"] < 0 else MUTED
        axes.plot([gain["low"], gain["high"]], [place, place], color=colour, linewidth=2)
        axes.plot(
            row["gain of each seed"], [place] * len(row["gain of each seed"]), "|", color=INK, markersize=5
        )
        axes.plot(gain["mean"], place, "o", color=colour, markersize=5)
    axes.axvline(0, color=RULE)
    axes.set_yticks(range(len(shown)), [cell_label(row["cell"]) for row in shown], fontsize=9)
    axes.invert_yaxis()
    axes.set(xlabel="gain over hard labels, nats a token on held-out text")
    axes.set_title("Dot and bar: mean and 95 % interval of three paired seeds (ticks)", color=MUTED)
    return figure


@styled
def codecs(rows: Rows) -> Figure:
    """How far students from few bytes are above those from everything, with intervals."""
    shown = [row for row in rows if row["codec"] != "dense"]
    figure = new_figure(WIDTH, 0.9 + 0.32 * max(len(shown), 2))
    axes = figure.add_subplot()
    for place, row in enumerate(shown):
        above = row["above dense, %"]
        colour = REGION if row["codec"].startswith("sampled") else WARM
        axes.plot([above["low"], above["high"]], [place, place], color=colour, linewidth=2)
        axes.plot(above["mean"], place, "o", color=colour, markersize=5)
    axes.axvline(0, color=RULE)
    names = [f"{row['codec']}, τ = {row['temperature']:g}, {row['tokens of text']:,} tokens" for row in shown]
    axes.set_yticks(range(len(shown)), names, fontsize=9)
    axes.invert_yaxis()
    axes.set(xlabel="held-out loss above that of students from dense targets, %")
    axes.set_title("Dot and bar: mean and 95 % interval of five paired seeds", color=MUTED)
    return figure


def cell_order(cell: str) -> tuple[int, float, str]:
    """The common cell first, then axis by axis in order of the value."""
    for number, start in enumerate(AXES):
        if cell.startswith(start):
            value = cell.rpartition("=")[2]
            return number, float(value) if value.replace(".", "").isdigit() else 0.0, cell
    raise AssertionError(f"cell {cell!r} belongs to no axis")


AXES = ("common", "temperature", "reverse", "alpha", "tokens", "steps", "width", "weak", "two", "three")


def cell_label(cell: str) -> str:
    """A cell in words for the figure."""
    named = {
        "common": "common recipe: τ = 1, α = 0.9",
        "weak teacher": "teacher: embedded:small",
        "two teachers": "teachers: base, instruct",
        "three teachers": "teachers: base, instruct, small",
    }
    words = {"temperature": "τ", "alpha": "α", "tokens": "tokens of text", "reverse": "reverse KL"}
    if cell in named:
        return named[cell]
    cell = cell.replace("weak teacher", "teacher embedded:small")
    for word, sign in words.items():
        cell = cell.replace(word, sign)
    return cell.replace("=", " = ")


def _dots(
    axes: Axes,
    places: Iterable[float],
    intervals: Sequence[Row],
    colour: str,
    label: str,
    *,
    line: bool = False,
) -> None:
    """Means with their intervals as bars."""
    means = [one["mean"] for one in intervals]
    below = [one["mean"] - one["low"] for one in intervals]
    above = [one["high"] - one["mean"] for one in intervals]
    axes.errorbar(
        list(places), means, [below, above], fmt="o-" if line else "o", color=colour, markersize=4, linewidth=1.2,
        label=label,
    )  # fmt: skip


FIGURES: dict[str, Callable[[Rows], Figure]] = {
    "markov": markov,
    "digits": digits,
    "topk-bias": topk_bias,
    "language-models": language_models,
    "codecs": codecs,
}
