"""`retort look`, `trace` and `explain`: what a model would say at one position, along a text, and in each engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

import retort
from retort.cli.asking import Asking, asking_options, chat_option, show_prompt_option, show_prompts
from retort.cli.exporting import Export, exporting_options
from retort.cli.grammar import Whole, group, option, verb
from retort.cli.options import (
    ENGINE_NAMES,
    MAX_TOKENS,
    PROMPT,
    chain_option,
    defaults_option,
    model_argument,
    prompt_argument,
    save_option,
    seed_option,
    settings_option,
    temperatures_option,
    top_option,
)

if TYPE_CHECKING:
    from retort.chain.chain import Chain
    from retort.records import Record


@verb(
    examples=(
        "retort look embedded:smollm2 'The capital of Australia is'",
        "retort look ./my-model 'The sky is' -t 0:2:5 --chain 'temperature=0.8 | top_p=0.9'",
    )
)
@group("What to look at", model_argument, asking_options)
@group("How to look", temperatures_option("0.1,1,2", "Temperatures to show"), chain_option, top_option)
@group(
    "Compare with",
    option("--against MODEL", "A second model, with the same prompt."),
    option("--against-prompt TEXT", "The same model, with TEXT as the prompt.", PROMPT),
)
@group("Output", save_option, exporting_options())
def look(
    model: str,
    asking: Asking,
    against: str | None,
    against_prompt: str | None,
    chain: Chain | None,
    save: str | None,
    export: Export,
    **given: Any,
) -> None:
    """Show what MODEL would say after PROMPT, at several temperatures.

    One forward pass serves them all: temperature reshapes the distribution and never reorders it. With --chain, also
    what each stage removes, how much probability it keeps, and which settings conflict. A server gives only its most
    likely tokens, so its numbers are intervals.
    """
    from retort.lens.look import Look

    compared = against is not None or against_prompt is not None
    export.check(
        (
            *Look.MEASURES,
            *(Look.CHAIN_MEASURES if chain is not None else ()),
            *(Look.AGAINST_MEASURES if compared else ()),
        )
    )
    source, question = asking.of(model, save)
    other = None if against is None else retort.load(against)
    found = retort.look(source, question, chain=chain, against=other, against_prompt=against_prompt, **given)
    export.deliver(found)


@verb(
    examples=(
        "retort trace embedded:smollm2 'The sky is' --text ' blue and clear'",
        "retort trace ./my-model 'The sky is' --chain 'temperature=0.8 | top_p=0.9' -o trace.html",
    )
)
@group("What to look at", model_argument, asking_options)
@group(
    "Which text",
    option(
        "--text TEXT",
        "The text to trace.  [default: one is drawn with --chain and --seed, else the greedy one]",
    ),
    option("--max-tokens", f"Length of the drawn text, in tokens.  [default: {MAX_TOKENS}]", Whole(1)),
    chain_option,
    seed_option,
)
@group("Output", save_option, exporting_options("trace"))
def trace(
    model: str, asking: Asking, text: str | None, max_tokens: int | None, save: str | None, **given: Any
) -> Record:
    """Show a text after PROMPT token by token: how likely each token is, and which stage would remove it.

    Per token: rank, logprob (raw and after --chain), entropy, margin of the most likely token over the second, kept
    mass of the chain, and the chance that numerical noise changes the most likely token. A given --text costs one
    forward pass. On a server the numbers are exact for its most likely tokens and bounded for others.
    """
    if text is not None and max_tokens is not None:
        raise click.UsageError("--text gives the text and --max-tokens draws one; give one of them.")
    source, question = asking.of(model, save)
    return retort.trace(source, question, text, max_tokens=max_tokens or MAX_TOKENS, **given)


@verb(
    examples=(
        "retort explain embedded:smollm2 'The sky is' --settings temperature=1.5,top_k=40,top_p=0.9",
        "retort explain ./my-model 'The sky is' --engine vllm --engine llama.cpp --defaults",
    )
)
@model_argument
@prompt_argument
@group("How to ask", chat_option, show_prompt_option)
@group(
    "What to compare",
    settings_option,
    option(
        "--engine NAME",
        f"{ENGINE_NAMES}, or retort; repeatable.  [default: all but retort]",
        into="engines",
        multiple=True,
    ),
    defaults_option,
)
@group("Output", top_option, exporting_options("explain"))
def explain(
    model: str,
    prompt: str,
    chat: bool | None,
    show_prompt: bool,
    settings: dict[str, Any] | None,
    engines: tuple[str, ...],
    **given: Any,
) -> Record:
    """Show what the same settings mean in several engines, after PROMPT in MODEL.

    Engines apply settings in different orders and break ties differently, so the same settings can keep different
    tokens. MODEL may be a file of logits (logits:FILE). Without --engine, all engines are compared.
    """
    from retort.chain.engines import ENGINES

    source = retort.load(model)
    show_prompts(source, [prompt], chat, show_prompt)
    return retort.explain(source, prompt, settings or {}, engines or tuple(ENGINES), chat=chat, **given)
