"""`retort path`: one seed, every temperature, and where the text changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from retort.cli.asking import asked, asking_options, show_prompt
from retort.cli.exporting import deliver, exporting_options
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
    from rich.console import Console

    from retort.chain.chain import Chain
    from retort.lens.path_tree import PathBranch
    from retort.report.story import PathFound

VIEWS = ("table", "tree", "bands")


@click.command()
@model_argument
@asking_options
@temperatures_option("--temperatures", "0:2:41", "Temperatures that must be covered")
@truncation_options
@chain_option
@seed_option
@max_tokens_option
@stop_option
@click.option(
    "--view",
    "views",
    type=click.Choice(VIEWS),
    multiple=True,
    help="What to draw; may be given several times.  [default: all three]",
)
@click.option("--open", "open_page", is_flag=True, help="Open the path's page in the browser as well.")
@save_option
@exporting_options
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
    """Follow the text MODEL gives after PROMPT through every temperature, at one seed.

    With the noise fixed, the text changes only at certain temperatures; between two of them it is the same, and one
    forward pass serves the whole interval. Each text is the one that `retort sample` gives with that seed at any
    temperature of its interval. Drawn as a table, as a tree of what the texts share, and as bands over τ; --format html
    and --open give a page with a slider.
    """
    from retort import __version__
    from retort.chain.chain import Chain
    from retort.lens.asking import ask
    from retort.lens.path_stages import path_stages
    from retort.lens.path_tree import path_measures, path_tree
    from retort.report.standalone import page_html
    from retort.report.story import PathFound
    from retort.sampling.path import PathRequest, temperature_paths
    from retort.sources.load import load
    from retort.sources.recording import recording

    refuse_with_chain(chain, top_k=top_k, top_p=top_p, min_p=min_p)
    if chain is None:
        chain = Chain.of(temperature=None, top_k=top_k, top_p=top_p, min_p=min_p)
    question = asked(prompt, chat, messages)
    source = recording(load(model), save)
    show_prompt(source, question)
    said = ask(source, question)
    request = PathRequest(tuple(said.ids), seed)
    (path,) = temperature_paths(
        source, [request], temperatures, chain=chain, max_tokens=max_tokens, stop=stop
    )
    tokens = tuple(tuple(source.token_text(token) for token in leaf.ids) for leaf in path.leaves)
    found = PathFound(source.name, source.note, said.text, seed, max_tokens, tokens, path, path_stages(chain))
    tree = path_tree(path, tokens)
    record = {
        "model": model,
        "prompt": said.text,
        "seed": seed,
        "chain": str(chain),
        "stages": found.stages,
        "max_tokens": max_tokens,
        "exact": path.exact,
        "leaves": path.leaves,
        "tree": tree,
        "forward_passes": path.forward_passes,
        "independent_passes": path.independent_passes,
        "messages": said.messages,
        "rendered": None if said.messages is None else said.text,
    }

    def draw(console: Console) -> None:
        print_path(found, tree, views or VIEWS, console)

    def page() -> str:
        return page_html(f"{source.name} after {said.text!r}", {"path": found}, __version__)

    deliver(record, draw, path_measures(path), page=page, open_page=open_page, **export)


def print_path(
    found: PathFound, tree: tuple[PathBranch, ...], views: tuple[str, ...], console: Console
) -> None:
    from retort.cli.path_drawing import bands_text, tree_text

    path = found.path
    console.print(f"{found.model} after {found.prompt!r}, seed {found.seed}", style="bold", soft_wrap=True)
    if found.note is not None:
        console.print(f"Note: {found.note}", soft_wrap=True)
    for number, one in enumerate(found.stages, 1):
        said = "applies" if one.applies else "does not apply"
        console.print(f"Stage {number}, {one.stage}, {said}: {one.why}.", soft_wrap=True)
    if "table" in views:
        _print_table(found, console)
    if "tree" in views:
        console.print("Tree: τ from … to, and the tokens that the texts in it share; [n] ends text n.")
        console.print(tree_text(tree), no_wrap=True, overflow="ellipsis")
    if "bands" in views:
        console.print(
            "Bands: each token of a text as wide as the temperatures that share it; a text too narrow for a column of "
            "its own is in the table only."
        )
        console.print(bands_text(found, console.width), no_wrap=True, overflow="crop")
    if path.exact:
        console.print(
            "Each interval of τ is exact, rounded inwards. Between two of them lie texts that no asked-for "
            "temperature gives; a finer --temperatures shows them."
        )
    else:
        console.print(
            "This chain does not keep the first n tokens by logit, so nothing is known between the temperatures asked "
            "for: τ from and to are the first and last of them that give the text."
        )
    asked_for = sum(len(leaf.temperatures) for leaf in path.leaves)
    saved = path.independent_passes / max(path.forward_passes, 1)
    texts = "one text" if len(path.leaves) == 1 else f"{len(path.leaves)} different texts"
    console.print(
        f"{texts} at {asked_for} temperatures: {path.forward_passes:,} forward "
        f"passes, against {path.independent_passes:,} for one text a temperature ({saved:.1f} times fewer). "
        "Logprob: nats, summed over the text, of the model's own distribution (τ = 1, nothing removed)."
    )


def _print_table(found: PathFound, console: Console) -> None:
    from rich.table import Table

    from retort.cli.output import number, printable

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("τ from", justify="right", no_wrap=True)
    table.add_column("to", justify="right", no_wrap=True)
    table.add_column("text", ratio=1)
    table.add_column("end")
    table.add_column("logprob, raw", justify="right")
    for leaf in found.path.leaves:
        table.add_row(
            f"{leaf.temperature_low:.4f}",
            f"{leaf.temperature_high:.4f}",
            printable(leaf.text),
            leaf.finish_reason,
            number(leaf.logprob_raw),
        )
    console.print(table)
