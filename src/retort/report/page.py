"""One standalone HTML page from a story: the findings, the figures, the numbers behind them. Needs no network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from retort.errors import MissingExtraError
from retort.numerals import decimals, interval, number, percent, signed, signed_interval
from retort.report.drawing import one_line
from retort.report.standalone import write_whole
from retort.report.story import Story

if TYPE_CHECKING:
    from retort.lens.look import Look

TEMPLATES = Path(__file__).parent / "templates"
ARM_WORDS = {"hard": "hard labels", "soft": "soft targets", "hard_equal_time": "hard labels, same time"}
GAIN_WORDS = {
    "teacher_entropy": "teacher's entropy, nats",
    "label_probability": "teacher's probability of the token",
    "frequency": "times in the training text",
}


def render(story: Story) -> str:
    """The page as HTML text; the same story gives the same text.

    Raises MissingExtraError where matplotlib or jinja2 is not installed.
    """
    try:
        import jinja2
        import matplotlib  # noqa: F401
    except ImportError as problem:
        raise MissingExtraError(str(problem.name), "report", "The report") from None
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        signed=signed,
        number=decimals,
        percent=percent,
        interval=interval,
        signed_interval=signed_interval,
        text=one_line,
    )
    environment.globals.update(numeral=number)
    return environment.get_template("report.html.jinja").render(
        story=story,
        figures={name: jinja2.utils.markupsafe.Markup(svg) for name, svg in _figures(story).items()},
        **_tables(story),
    )


def write_page(story: Story, file: Path) -> None:
    """Write the page so that at every moment either the old one or the whole new one is there."""
    write_whole(file, render(story), "the report")


def _figures(story: Story) -> dict[str, str]:
    """By name, each as SVG with its label for screen readers."""
    from retort.report import bands, figures
    from retort.report.drawing import to_svg

    drawn = {
        f"look-{at}": (figures.distribution(look), _look_label(look)) for at, look in enumerate(story.looks)
    }
    drawn["entropy"] = figures.entropy(story.entropies), "Entropy of the next token against temperature"
    drawn["path"] = bands.path(story.path), "Which text each temperature gives, token by token"
    for at, found in enumerate(story.tunings):
        label = f"Score and diversity against temperature, task {found.tuning.task}"
        drawn[f"tune-{at}"] = figures.tuning(found.tuning), label
    result = story.distillation.result
    drawn["learning"] = figures.learning(story.distillation), "Held-out loss while training, both arms"
    if result.difference is not None:
        label = "Paired difference between the arms with its interval"
        drawn["differences"] = figures.differences(result), label
    return {name: to_svg(figure, name, label) for name, (figure, label) in drawn.items()}


def _tables(story: Story) -> dict[str, Any]:
    """What the template lists beside the figures."""
    from retort.report.bands import leaf_colours
    from retort.report.figures import comparisons

    return {
        "leaves": list(zip(leaf_colours(story.path), story.path.path.leaves, strict=True)),
        "gain_words": GAIN_WORDS,
        "comparisons": comparisons(story.distillation.result),
        "students": [
            (ARM_WORDS.get(arm, arm), one)
            for arm, results in story.distillation.result.arms.items()
            for one in results
        ],
    }


def _look_label(look: Look) -> str:
    shown = ", ".join(f"{row.temperature:g}" for row in look.rows)
    return f"Next-token probabilities of {look.model} after “{look.prompt}” at τ = {shown}"
