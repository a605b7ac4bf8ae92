"""`retort trace`: a text token by token, coloured by how sure the model was of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from retort.cli.asking import asked, asking_options, show_prompt
from retort.cli.exporting import check_export, deliver, exporting_options
from retort.cli.grammar import Whole, group, verb
from retort.cli.options import MAX_TOKENS, chain_option, model_argument, save_option, seed_option

if TYPE_CHECKING:
    from retort.chain.chain import Chain


@verb(
    examples=(
        "retort trace embedded:smollm2 'The sky is' --text ' blue and clear'",
        "retort trace ./my-model 'The sky is' --chain 'temperature=0.8 | top_p=0.9' -o trace.html",
    )
)
@group("What to look at", model_argument, asking_options)
@group(
    "Which text",
    click.option(
        "--text",
        metavar="TEXT",
        help="The text to trace.  [default: one is drawn with --chain and --seed, else the greedy one]",
    ),
    click.option(
        "--max-tokens",
        type=Whole(1),
        help=f"Length of the drawn text, in tokens.  [default: {MAX_TOKENS}]",
    ),
    chain_option,
    seed_option,
)
@group("Output", save_option, exporting_options)
def command(
    model: str,
    prompt: str | None,
    chat: str | None,
    messages: tuple[str, ...],
    text: str | None,
    max_tokens: int | None,
    chain: Chain | None,
    seed: int,
    save: str | None,
    **export: Any,
) -> None:
    """Show a text after PROMPT token by token: how likely each token is, and which stage would remove it.

    Per token: rank, logprob (raw and after --chain), entropy, margin of the most likely token over the second, kept
    mass of the chain, and the chance that numerical noise changes the most likely token. A given --text costs one
    forward pass. On a server the numbers are exact for its most likely tokens and bounded for others.
    """
    from retort.lens.trace import Trace, trace
    from retort.sources.load import load
    from retort.sources.recording import recording

    if text is not None and max_tokens is not None:
        raise click.UsageError("--text gives the text and --max-tokens draws one; give one of them.")
    check_export(Trace.MEASURES, **export)
    question = asked(prompt, chat, messages)
    source = recording(load(model), save)
    show_prompt(source, question)
    found = trace(source, question, text, max_tokens=max_tokens or MAX_TOKENS, chain=chain, seed=seed)
    deliver(found, **export)
