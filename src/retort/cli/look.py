"""`retort look`: the next-token distribution after a prompt, at several temperatures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from retort.cli.asking import asked, asking_options, show_prompt
from retort.cli.exporting import check_export, deliver, exporting_options
from retort.cli.grammar import Whole, group, verb
from retort.cli.options import Prompt, chain_option, model_argument, save_option, temperatures_option

if TYPE_CHECKING:
    from retort.chain.chain import Chain


@verb(
    examples=(
        "retort look embedded:smollm2 'The capital of Australia is'",
        "retort look ./my-model 'The sky is' -t 0:2:5 --chain 'temperature=0.8 | top_p=0.9'",
    )
)
@group("What to look at", model_argument, asking_options)
@group(
    "How to look",
    temperatures_option("0.1,1,2", "Temperatures to show"),
    chain_option,
    click.option("--top", type=Whole(1), default=10, show_default=True, help="How many tokens to list."),
)
@group(
    "Compare with",
    click.option("--against", "other_model", metavar="MODEL", help="A second model, with the same prompt."),
    click.option(
        "--against-prompt",
        "other_prompt",
        type=Prompt(),
        metavar="TEXT",
        help="The same model, with TEXT as the prompt.",
    ),
)
@group("Output", save_option, exporting_options)
def command(
    model: str,
    prompt: str | None,
    chat: str | None,
    messages: tuple[str, ...],
    temperatures: tuple[float, ...],
    chain: Chain | None,
    top: int,
    other_model: str | None,
    other_prompt: str | None,
    save: str | None,
    **export: Any,
) -> None:
    """Show what MODEL would say after PROMPT, at several temperatures.

    One forward pass serves them all: temperature reshapes the distribution and never reorders it. With --chain, also
    what each stage removes, how much probability it keeps, and which settings conflict. A server gives only its most
    likely tokens, so its numbers are intervals.
    """
    from retort.lens.look import Look, look
    from retort.sources.load import load
    from retort.sources.recording import recording

    compared = other_model is not None or other_prompt is not None
    names = (
        *Look.MEASURES,
        *(Look.CHAIN_MEASURES if chain is not None else ()),
        *(Look.AGAINST_MEASURES if compared else ()),
    )
    check_export(names, **export)
    question = asked(prompt, chat, messages)
    source = recording(load(model), save)
    show_prompt(source, question)
    found = look(
        source,
        question,
        temperatures,
        chain,
        top,
        against=None if other_model is None else load(other_model),
        against_prompt=other_prompt,
    )
    deliver(found, **export)
