"""One standalone HTML page from a story: the findings, the figures, the numbers behind them. Needs no network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from retort.errors import InputError, MissingExtraError
from retort.files import replacing
from retort.numerals import decimals, interval, number, percent, signed, signed_interval
from retort.report.drawing import one_line
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
    try:
        with replacing(file) as partial:
            partial.write_text(render(story), encoding="utf-8")
    except OSError as problem:
        raise InputError(
            f"the report cannot be written to {file} ({problem}); choose another folder."
        ) from None


def _figures(story: Story) -> dict[str, str]:
    from retort.report import bands, figures
    from retort.report.drawing import to_svg

    drawn = {}
    for at, look in enumerate(story.looks):
        drawn[f"look-{at}"] = to_svg(figures.distribution(look), f"look-{at}", _look_label(look))
    drawn["entropy"] = to_svg(
        figures.entropy(story.entropies), "entropy", "Entropy of the next token against temperature"
    )
    drawn["path"] = to_svg(
        bands.path(story.path), "path", "Which text each temperature gives, token by token"
    )
    for at, found in enumerate(story.tunings):
        label = f"Score and diversity against temperature, task {found.tuning.task}"
        drawn[f"tune-{at}"] = to_svg(figures.tuning(found.tuning), f"tune-{at}", label)
    label = "Held-out loss while training, both arms"
    drawn["learning"] = to_svg(figures.learning(story.distillation), "learning", label)
    if story.distillation.result.difference is not None:
        label = "Paired difference between the arms with its interval"
        drawn["differences"] = to_svg(figures.differences(story.distillation.result), "differences", label)
    return drawn


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
