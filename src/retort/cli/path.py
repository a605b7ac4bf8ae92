"""`retort path`: one seed, every temperature, and where the text changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from retort.cli.asking import asked, asking_options, show_prompt
from retort.cli.exporting import check_export, deliver, exporting_options
from retort.cli.grammar import group, verb
from retort.cli.options import (
    chain_option,
    max_tokens_option,
    model_argument,
    refuse_with_chain,
    save_option,
    seed_option,
    stop_option,
    temperatures_option,
    truncation_options,
)

if TYPE_CHECKING:
    from retort.chain.chain import Chain


@verb(
    examples=(
        "retort path embedded:smollm2 'The capital of Australia is' --max-tokens 12",
        "retort path ./my-model 'Once upon a time' -t 0:1.5:31 --top-p 0.9 -o path.html",
    ),
    renamed={"--temperatures": "--temperature"},
)
@group("What to look at", model_argument, asking_options)
@group(
    "Settings",
    temperatures_option("0:2:41", "Temperatures to cover"),
    truncation_options,
    chain_option,
    seed_option,
    max_tokens_option,
    stop_option,
)
@group(
    "Output",
    click.option(
        "--view",
        "views",
        type=click.Choice(("table", "tree", "bands")),
        multiple=True,
        help="What to draw; repeatable.  [default: all three]",
    ),
    click.option("--open", "open_page", is_flag=True, help="Also open the page in the browser."),
    save_option,
    exporting_options,
)
def command(
    model: str,
    prompt: str | None,
    chat: str | None,
    messages: tuple[str, ...],
    temperatures: tuple[float, ...],
    top_k: int | None,
    top_p: float | None,
    min_p: float | None,
    chain: Chain | None,
    seed: int,
    max_tokens: int,
    stop: tuple[str, ...],
    views: tuple[str, ...],
    open_page: bool,
    save: str | None,
    **export: Any,
) -> None:
    """Show how MODEL's text after PROMPT changes with the temperature, for one seed.

    With the noise fixed, the text changes only at certain temperatures; between two of them it stays the same, and
    one forward pass serves the whole interval. `retort sample` gives the same text with that seed at any temperature
    of the interval. Shown as a table, as a tree of what the texts share, and as bands over τ; --format html and
    --open give a page with a slider.
    """
    from retort import __version__
    from retort.lens.path import VIEWS, PathFound, path
    from retort.report.standalone import page_html
    from retort.sources.load import load
    from retort.sources.recording import recording

    refuse_with_chain(chain, top_k=top_k, top_p=top_p, min_p=min_p)
    check_export(PathFound.MEASURES, **export)
    question = asked(prompt, chat, messages)
    source = recording(load(model), save)
    show_prompt(source, question)
    found = path(
        source,
        question,
        temperatures,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        chain=chain,
        seed=seed,
        max_tokens=max_tokens,
        stop=stop,
    )

    def page() -> str:
        return page_html(f"{found.model} after {found.prompt!r}", {"path": found}, __version__)

    deliver(found, **export, blocks=found.blocks(views or VIEWS), page=page, open_page=open_page)
