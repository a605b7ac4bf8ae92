"""`retort explain`: what the same settings mean in several engines, side by side."""

from __future__ import annotations

from typing import Any

import click

from retort.cli.asking import chat_option, show_prompt_option, show_prompts
from retort.cli.exporting import check_export, deliver, exporting_options
from retort.cli.grammar import Whole, group, verb
from retort.cli.options import defaults_option, engine_option, model_argument, prompt_argument
from retort.cli.settings import Settings, settings_option


@verb(
    examples=(
        "retort explain embedded:smollm2 'The sky is' --settings temperature=1.5,top_k=40,top_p=0.9",
        "retort explain ./my-model 'The sky is' --engine vllm --engine llama.cpp --defaults",
    )
)
@model_argument
@prompt_argument
@group("How to ask", chat_option, show_prompt_option)
@group("What to compare", settings_option, engine_option(several=True), defaults_option)
@group(
    "Output",
    click.option("--top", type=Whole(1), default=10, show_default=True, help="How many tokens to list."),
    exporting_options,
)
def command(
    model: str,
    prompt: str,
    chat: bool | None,
    show_prompt: bool,
    settings: Settings | None,
    engines: tuple[str, ...],
    defaults: bool,
    top: int,
    **export: Any,
) -> None:
    """Show what the same settings mean in several engines, after PROMPT in MODEL.

    Engines apply settings in different orders and break ties differently, so the same settings can keep different
    tokens. MODEL may be a file of logits (logits:FILE). Without --engine, all engines are compared.
    """
    from retort.chain.engines import ENGINES
    from retort.lens.engines import Engines, explain
    from retort.sources.load import load

    check_export(Engines.MEASURES, **export)
    named = {} if settings is None else settings.named
    source = load(model)
    show_prompts(source, [prompt], chat, show_prompt)
    found = explain(source, prompt, named, engines or tuple(ENGINES), defaults=defaults, top=top, chat=chat)
    deliver(found, **export)
