"""`retort similar`: which words, or classes, a model treats as similar, as a heat map and as clusters."""

from __future__ import annotations

from typing import Any

import click

from retort.cli.asking import chat_option, show_prompt_option, show_prompts, stdin_text
from retort.cli.exporting import check_export, deliver, exporting_options
from retort.cli.grammar import group, verb
from retort.cli.options import save_option, temperatures_option


@verb(
    examples=(
        "retort similar embedded:smollm2 cat dog car train",
        "retort similar --classes digits.json -t 1,4",
    )
)
@click.argument("names", nargs=-1, metavar="MODEL WORDS...")
@group(
    "What to compare",
    click.option(
        "--template",
        metavar="TEXT",
        help="The prompt, with {} for the word and {a} for its article.  [default: '{a} {} is a kind of']",
    ),
    click.option(
        "--classes",
        metavar="FILE",
        help="A classifier's logits as JSON (classes, logits, labels), instead of MODEL and WORDS.",
    ),
    temperatures_option("1,2,4", "Temperatures at which to compare"),
    chat_option,
    show_prompt_option,
)
@group("Output", save_option, exporting_options)
def command(
    names: tuple[str, ...],
    template: str | None,
    classes: str | None,
    temperatures: tuple[float, ...],
    save: str | None,
    chat: bool | None,
    show_prompt: bool,
    **export: Any,
) -> None:
    """Show which WORDS the model treats as similar: those after which it continues nearly the same way.

    Similarity is in the runners-up, so a low temperature hides it. The distance is the Jensen-Shannon divergence in
    nats: 0 is identical, 0.693 is nothing in common. Clusters use average linkage. WORDS may be - for words from
    stdin, one per line. --classes compares the classes of a classifier by the probability it gives to the wrong ones.
    """
    from retort.lens.similar import TEMPLATE, Similar, fill, read_classes, similar
    from retort.sources.load import load
    from retort.sources.recording import recording

    check_export(Similar.MEASURES, **export)
    if classes is not None:
        if names or template is not None or save is not None:
            raise click.UsageError(
                "--classes has its own names and logits; give it without MODEL, WORDS, --template and --save."
            )
        found = similar(read_classes(classes), temperatures=temperatures)
    else:
        words = names[1:]
        if words == ("-",):
            words = tuple(line.strip() for line in stdin_text().split("\n") if line.strip())
        if len(words) < 2:
            raise click.UsageError("give MODEL and at least two WORDS, or --classes FILE.")
        source = recording(load(names[0]), save)
        filled = (fill(template or TEMPLATE, word) for word in words)
        show_prompts(source, filled, chat, show_prompt)
        found = similar(source, words, template or TEMPLATE, temperatures, chat=chat)
    deliver(found, **export)
