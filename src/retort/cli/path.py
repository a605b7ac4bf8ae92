"""`retort path`: one seed, every temperature, and where the text changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from retort.cli.options import (
    chain_option,
    json_option,
    max_tokens_option,
    model_argument,
    prompt_argument,
    refuse_with_chain,
    save_option,
    seed_option,
    stop_option,
    temperatures_option,
    truncation_options,
)

if TYPE_CHECKING:
    from retort.distribution.chain import Chain
    from retort.sampling.path import TemperaturePath


@click.command()
@model_argument
@prompt_argument
@temperatures_option("--temperatures", "0:2:41", "Temperatures that must be covered")
@truncation_options
@chain_option
@seed_option
@max_tokens_option
@stop_option
@save_option
@json_option
def command(
    model: str,
    prompt: str,
    temperatures: tuple[float, ...],
    top_k: int | None,
    top_p: float | None,
    min_p: float | None,
    chain: Chain | None,
    seed: int,
    max_tokens: int,
    stop: tuple[str, ...],
    save: str | None,
    as_json: bool,
) -> None:
    """Follow the text MODEL gives after PROMPT through every temperature, at one seed.

    With the noise fixed, the text changes only at certain temperatures; between two of them it is the same, and one
    forward pass serves the whole interval. Each text is the one that `retort sample` gives with that seed at any
    temperature of its interval.
    """
    from retort.cli.output import print_json
    from retort.distribution.chain import Chain
    from retort.sampling.path import temperature_path
    from retort.sources.load import load
    from retort.sources.recording import recording

    refuse_with_chain(chain, top_k=top_k, top_p=top_p, min_p=min_p)
    if chain is None:
        chain = Chain.of(temperature=None, top_k=top_k, top_p=top_p, min_p=min_p)
    source = recording(load(model), save)
    found = temperature_path(
        source, prompt, seed, temperatures, chain=chain, max_tokens=max_tokens, stop=stop
    )
    if as_json:
        print_json(
            {
                "model": model,
                "prompt": prompt,
                "seed": seed,
                "chain": str(chain),
                "max_tokens": max_tokens,
                "exact": found.exact,
                "leaves": found.leaves,
                "forward_passes": found.forward_passes,
                "independent_passes": found.independent_passes,
            }
        )
    else:
        print_path(source.name, source.note, prompt, seed, chain, found)


def print_path(
    model: str, note: str | None, prompt: str, seed: int, chain: Chain, found: TemperaturePath
) -> None:
    from rich.table import Table

    from retort.cli.output import number, printable, stdout_console

    console = stdout_console()
    console.print(f"{model} after {prompt!r}, seed {seed}", style="bold", soft_wrap=True)
    if note is not None:
        console.print(f"Note: {note}", soft_wrap=True)
    if len(chain):
        console.print(f"After temperature: {chain}", soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("τ from", justify="right", no_wrap=True)
    table.add_column("to", justify="right", no_wrap=True)
    table.add_column("text", ratio=1)
    table.add_column("end")
    table.add_column("logprob, raw", justify="right")
    for leaf in found.leaves:
        table.add_row(
            f"{leaf.temperature_low:.4f}",
            f"{leaf.temperature_high:.4f}",
            printable(leaf.text),
            leaf.finish_reason,
            number(leaf.logprob_raw),
        )
    console.print(table)
    if found.exact:
        console.print(
            "Each interval of τ is exact, rounded inwards. Between two of them lie texts that no asked-for "
            "temperature gives; a finer --temperatures shows them."
        )
    else:
        console.print(
            "This chain does not keep the first n tokens by logit, so nothing is known between the temperatures asked "
            "for: τ from and to are the first and last of them that give the text."
        )
    asked = sum(len(leaf.temperatures) for leaf in found.leaves)
    saved = found.independent_passes / max(found.forward_passes, 1)
    console.print(
        f"{len(found.leaves)} different texts at {asked} temperatures: {found.forward_passes:,} forward "
        f"passes, against {found.independent_passes:,} for one text a temperature ({saved:.1f} times fewer). "
        "Logprob: nats, summed over the text, of the model's own distribution (τ = 1, nothing removed)."
    )
