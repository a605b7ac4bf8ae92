"""`retort compare`, `similar`, `equivalent` and `determinism`: two models, chains, words or runs beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import retort
from retort.cli.asking import chat_option, prompts_of, show_prompt_option, show_prompts, stdin_lines
from retort.cli.exporting import Shown, exporting_options
from retort.cli.grammar import group, option, verb
from retort.cli.options import (
    CHAIN,
    PROMPT,
    File,
    max_tokens_option,
    model_argument,
    save_option,
    seed_option,
    temperatures_option,
)
from retort.cli.progress import Progress

if TYPE_CHECKING:
    from retort.chain.chain import Chain
    from retort.records import Record


@verb(
    examples=(
        "retort compare ./base ./tuned 'The sky is blue because'",
        "retort compare ./my-model --prompts prompts.txt -c temperature=0.7 -c 'temperature=0.7 | top_p=0.9'",
    )
)
@click.argument("names", nargs=-1, required=True, metavar="MODEL_A [MODEL_B] [PROMPTS]...")
@group(
    "What to compare",
    option(
        "-p --prompts FILE",
        "A file with one text per line, instead of PROMPTS; - reads stdin.",
        into="prompts_file",
    ),
    option(
        "-c --chain",
        "Given once: apply it to both models. Given twice: compare the two chains on MODEL_A.",
        CHAIN,
        into="chains",
        multiple=True,
    ),
    chat_option,
    show_prompt_option,
)
@group(
    "Output",
    option("--all", "Show every position, in the order of the text.", into="show_all"),
    option(
        "--save FILE",
        "Record model A in FILE and model B beside it (saved.jsonl and saved.b.jsonl), for recorded:FILE.",
    ),
    exporting_options("compare"),
)
def compare(
    names: tuple[str, ...],
    prompts_file: str | None,
    chains: tuple[Chain, ...],
    show_all: bool,
    save: str | None,
    chat: bool | None,
    show_prompt: bool,
) -> Shown:
    """Show where two models disagree over the same texts, or two chains on one model.

    PROMPTS are texts, or one file with one text per line, or - for lines from stdin. The distributions are compared
    at every position: KL divergence both ways, total variation, the most likely tokens, and the temperature at which
    B is nearest to A. A server gives only its most likely tokens, so only the position after each text is compared,
    and the distance is an interval.
    """
    from retort.sources.recording import recording

    model_a, model_b, given = _split(names if prompts_file is None else (*names, prompts_file), len(chains))
    if prompts_file is not None and len(given) != 1:
        raise click.UsageError("--prompts replaces PROMPTS; give one of them.")
    if prompts_file not in (None, "-") and not Path(str(prompts_file)).is_file():
        raise click.UsageError(f"--prompts: there is no file {prompts_file}.")
    prompts = _prompts(given)
    first = recording(retort.load(model_a), save)
    second = None if model_b is None else recording(retort.load(model_b), save and _beside(save))
    for source in filter(None, (first, second)):
        show_prompts(source, prompts, chat, show_prompt)
    chain_a, chain_b = (chains[0], chains[-1]) if chains else (None, None)
    with Progress("compare") as progress:
        found = retort.compare(first, second, prompts, chain_a, chain_b, chat=chat, on_progress=progress)
    return Shown(found, blocks=found.blocks(show_all))


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
    if given == ("-",):
        given = stdin_lines()
    elif len(given) == 1 and Path(given[0]).is_file():
        return prompts_of(Path(given[0])) or []
    return [PROMPT.convert(text, None, None) for text in given]


@verb(
    examples=(
        "retort similar embedded:smollm2 cat dog car train",
        "retort similar --classes digits.json -t 1,4",
    )
)
@click.argument("names", nargs=-1, metavar="MODEL WORDS...")
@group(
    "What to compare",
    option(
        "--template TEXT",
        "The prompt, with {} for the word and {a} for its article.  [default: '{a} {} is a kind of']",
    ),
    option(
        "--classes FILE",
        "A classifier's logits as JSON (classes, logits, labels), instead of MODEL and WORDS.",
    ),
    temperatures_option("1,2,4", "Temperatures at which to compare"),
    chat_option,
    show_prompt_option,
)
@group("Output", save_option, exporting_options("similar"))
def similar(
    names: tuple[str, ...],
    template: str | None,
    classes: str | None,
    temperatures: tuple[float, ...],
    save: str | None,
    chat: bool | None,
    show_prompt: bool,
) -> Record:
    """Show which WORDS the model treats as similar: those after which it continues nearly the same way.

    Similarity is in the runners-up, so a low temperature hides it. The distance is the Jensen-Shannon divergence in
    nats: 0 is identical, 0.693 is nothing in common. Clusters use average linkage. WORDS may be - for words from
    stdin, one per line. --classes compares the classes of a classifier by the probability it gives to the wrong ones.
    """
    from retort.lens.similar import TEMPLATE, fill, read_classes
    from retort.sources.recording import recording

    if classes is not None:
        if names or template is not None or save is not None:
            raise click.UsageError(
                "--classes has its own names and logits; give it without MODEL, WORDS, --template and --save."
            )
        return retort.similar(read_classes(classes), temperatures=temperatures)
    words = names[1:]
    if words == ("-",):
        words = tuple(line.strip() for line in stdin_lines())
    if len(words) < 2:
        raise click.UsageError("give MODEL and at least two WORDS, or --classes FILE.")
    template = template or TEMPLATE
    source = recording(retort.load(names[0]), save)
    show_prompts(source, (fill(template, word) for word in words), chat, show_prompt)
    return retort.similar(source, words, template, temperatures, chat=chat)


@verb(
    examples=(
        "retort equivalent ./base ./tuned",
        "retort equivalent ./base ./tuned -t 0.5,0.7,1 --prompts prompts.txt",
    )
)
@click.argument("model_a", metavar="MODEL_A")
@click.argument("model_b", metavar="MODEL_B")
@group(
    "What to compare",
    temperatures_option("0.7,1", "Temperatures of MODEL_A to match"),
    option(
        "-p --prompts FILE",
        "A file of texts to compare over, one per line; every position counts.  [default: 20 definitions that "
        "come with retort]",
        File,
    ),
    seed_option,
)
@group("Output", exporting_options("equivalent"))
def equivalent(prompts: Path | None, **given: Any) -> Record:
    """Find the temperature at which MODEL_B is nearest to MODEL_A.

    Instruction tuning sharpens a model before any temperature is applied, so the same τ means different things on a
    base model and on its tuned sibling. Nearest: smallest mean KL divergence over the positions of the prompts. No
    temperature removes the rest.
    """
    texts = prompts_of(prompts)
    with Progress("equivalent") as progress:
        return retort.equivalent(prompts=texts, on_progress=progress, **given)


@verb(
    examples=(
        "retort determinism embedded:smollm2 --max-tokens 8",
        "retort determinism ./my-model --prompts prompts.txt -o determinism.csv",
    )
)
@group(
    "What to replay",
    model_argument,
    click.argument("prompts_given", type=File, metavar="[PROMPTS]", required=False),
    option("-p --prompts FILE", "Same as PROMPTS.", File, into="prompts_file"),
    max_tokens_option,
    chat_option,
    show_prompt_option,
)
@group("Output", exporting_options("determinism"))
def determinism(
    model: str,
    prompts_given: Path | None,
    prompts_file: Path | None,
    max_tokens: int,
    chat: bool | None,
    show_prompt: bool,
) -> Record:
    """Measure whether MODEL's greedy texts change with batch, cache, threads and dtype.

    PROMPTS is a file with one prompt per line (default: definitions in retort). Temperature 0 takes the most likely
    token, but where two tokens are nearly tied, which one that is can depend on these. Shown are the noise in the
    logits, the flips it predicts from the margins, and the flips that happened.
    """
    from retort.lens.asking import default_beginnings

    if prompts_given is not None and prompts_file is not None:
        raise click.UsageError("PROMPTS and --prompts are the same; give one of them.")
    prompts = prompts_of(prompts_file or prompts_given) or default_beginnings()
    source = retort.load(model)
    show_prompts(source, prompts, chat, show_prompt)
    with Progress("determinism") as progress:
        return retort.determinism(source, prompts, max_tokens=max_tokens, chat=chat, on_progress=progress)
