"""`retort compare`: two models, or two chains of one model, and where over the same texts they disagree."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retort.cli.asking import chat_option, show_prompt_option, show_prompts, stdin_text
from retort.cli.exporting import check_export, deliver, exporting_options
from retort.cli.grammar import group, verb
from retort.cli.options import ChainSpec, Prompt

if TYPE_CHECKING:
    from retort.chain.chain import Chain


@verb(
    examples=(
        "retort compare ./base ./tuned 'The sky is blue because'",
        "retort compare ./my-model --prompts prompts.txt -c temperature=0.7 -c 'temperature=0.7 | top_p=0.9'",
    )
)
@click.argument("names", nargs=-1, required=True, metavar="MODEL_A [MODEL_B] [PROMPTS]...")
@group(
    "What to compare",
    click.option(
        "-p",
        "--prompts",
        "prompts_file",
        metavar="FILE",
        help="A file with one text per line, instead of PROMPTS; - reads stdin.",
    ),
    click.option(
        "-c",
        "--chain",
        "chains",
        type=ChainSpec(),
        multiple=True,
        help="Given once: apply it to both models. Given twice: compare the two chains on MODEL_A.",
    ),
    chat_option,
    show_prompt_option,
)
@group(
    "Output",
    click.option("--all", "show_all", is_flag=True, help="Show every position, in the order of the text."),
    click.option(
        "--save",
        metavar="FILE",
        help="Record model A in FILE and model B beside it (saved.jsonl and saved.b.jsonl), for recorded:FILE.",
    ),
    exporting_options,
)
def command(
    names: tuple[str, ...],
    prompts_file: str | None,
    chains: tuple[Chain, ...],
    show_all: bool,
    save: str | None,
    chat: bool | None,
    show_prompt: bool,
    **export: Any,
) -> None:
    """Show where two models disagree over the same texts, or two chains on one model.

    PROMPTS are texts, or one file with one text per line, or - for lines from stdin. The distributions are compared
    at every position: KL divergence both ways, total variation, the most likely tokens, and the temperature at which
    B is nearest to A. A server gives only its most likely tokens, so only the position after each text is compared,
    and the distance is an interval.
    """
    from retort.cli.progress import Progress
    from retort.lens.compare import Compare, compare
    from retort.sources.load import load
    from retort.sources.recording import recording

    check_export(Compare.MEASURES, **export)
    model_a, model_b, given = _split(names if prompts_file is None else (*names, prompts_file), len(chains))
    if prompts_file is not None and len(given) != 1:
        raise click.UsageError("--prompts replaces PROMPTS; give one of them.")
    if prompts_file not in (None, "-") and not Path(str(prompts_file)).is_file():
        raise click.UsageError(f"--prompts: there is no file {prompts_file}.")
    prompts = _prompts(given)
    first = recording(load(model_a), save)
    second = None if model_b is None else recording(load(model_b), save and _beside(save))
    chain_a, chain_b = (chains[0], chains[-1]) if chains else (None, None)
    for source in (first, second or first)[: 2 if second else 1]:
        show_prompts(source, prompts, chat, show_prompt)
    with Progress("compare") as progress:
        found = compare(first, second, prompts, chain_a, chain_b, chat=chat, on_progress=progress)
    deliver(found, **export, blocks=found.blocks(show_all))


def _split(names: tuple[str, ...], num_chains: int) -> tuple[str, str | None, tuple[str, ...]]:
    if num_chains > 2:
        raise click.UsageError(f"--chain may be given once or twice, got {num_chains}.")
    if num_chains == 2:
        if len(names) < 2:
            raise click.UsageError("two chains are compared on one model; give MODEL and PROMPTS.")
        return names[0], None, names[1:]
    if len(names) < 3:
        raise click.UsageError("give MODEL_A, MODEL_B and PROMPTS, or MODEL, PROMPTS and --chain twice.")
    return names[0], names[1], names[2:]


def _beside(save: str) -> str:
    """The file of model B: saved.jsonl → saved.b.jsonl."""
    path = Path(save)
    return str(path.with_name(f"{path.stem}.b{path.suffix}"))


def _prompts(given: tuple[str, ...]) -> list[str]:
    from retort.lens.asking import read_prompts

    if given == ("-",):
        given = tuple(line for line in stdin_text().split("\n") if line.strip())
    elif len(given) == 1 and Path(given[0]).is_file():
        return read_prompts(Path(given[0]))
    return [Prompt().convert(text, None, None) for text in given]
