"""`retort sample` (also `generate`): texts drawn from a model, and of every token how it was drawn."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from retort.cli.asking import asked, asking_options, show_prompt
from retort.cli.grammar import Decimal, Whole, group, verb
from retort.cli.options import (
    chain_option,
    defaults_option,
    engine_option,
    json_option,
    max_tokens_option,
    model_argument,
    refuse_with_chain,
    save_option,
    seed_option,
    stop_option,
    truncation_options,
)
from retort.cli.settings import Settings, sampling_params, settings_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from retort.chain.chain import Chain
    from retort.sampling.generate import Sample, SampledToken
    from retort.sampling.params import SamplingParams
    from retort.sampling.speculative import Method, RoundCounts
    from retort.sources.base import Source
    from retort.sources.chat import SeenPrompt


@verb(
    examples=(
        "retort sample embedded:smollm2 'The capital of Australia is' -n 10 -t 0.7",
        "retort sample ./my-model 'Once upon a time' --settings temperature=0.8,top_p=0.95 --engine vllm --json",
    ),
    renamed={"--n": "--samples"},
)
@group("What to continue", model_argument, asking_options)
@group(
    "Settings",
    click.option(
        "-n",
        "--samples",
        "n",
        type=Whole(1),
        default=5,
        show_default=True,
        help="How many texts; text i uses seed + i.",
    ),
    click.option(
        "-t",
        "--temperature",
        type=Decimal(0),
        help="0 is greedy; 1 is the model's own distribution.  [default: 1]",
    ),
    truncation_options,
    settings_option,
    chain_option,
    engine_option(several=False),
    defaults_option,
    seed_option,
    max_tokens_option,
    stop_option,
    click.option(
        "--include-stop", is_flag=True, help="A text that --stop ends keeps the string that ended it."
    ),
)
@group(
    "Drafting",
    click.option(
        "--draft",
        metavar="MODEL",
        help="A smaller model with the same tokens drafts ahead, so that MODEL runs less often; the texts stay the "
        "same.",
    ),
    click.option(
        "--draft-tokens",
        type=Whole(1),
        default=4,
        show_default=True,
        help="How many tokens --draft proposes at a time.",
    ),
    click.option(
        "--draft-method",
        type=click.Choice(["coupled", "residual"]),
        default="coupled",
        show_default=True,
        help="coupled: the same text as without a draft; residual: the same distribution, different text, more draft "
        "tokens accepted.",
    ),
)
@group(
    "Output",
    click.option(
        "--stream", "as_stream", is_flag=True, help="Print each text while it is drawn, one after the other."
    ),
    save_option,
    json_option,
)
def command(
    model: str,
    prompt: str | None,
    chat: str | None,
    messages: tuple[str, ...],
    n: int,
    temperature: float | None,
    top_k: int | None,
    top_p: float | None,
    min_p: float | None,
    settings: Settings | None,
    chain: Chain | None,
    engine: str | None,
    defaults: bool,
    seed: int,
    max_tokens: int,
    stop: tuple[str, ...],
    include_stop: bool,
    as_stream: bool,
    draft: str | None,
    draft_tokens: int,
    draft_method: Method,
    save: str | None,
    as_json: bool,
) -> None:
    """Draw texts from MODEL after PROMPT.

    The same seed gives the same text, whatever --samples is and whatever else is in the batch. Temperature comes first,
    then top-k, top-p and min-p; --chain sets another order, and --engine uses the order of another engine. --settings
    takes every other setting, penalties and biases included. A server draws with its own noise: each text is one
    request with the settings it knows; a setting it does not know is refused.
    """
    from retort.cli.output import print_json
    from retort.cli.progress import Progress
    from retort.cli.served_sample import draw_from_server
    from retort.lens.asking import ask
    from retort.sampling.generate import generate
    from retort.sampling.speculative import RoundCounts, Speculation
    from retort.sources.load import load
    from retort.sources.recording import recording

    if as_stream and draft is not None:
        raise click.UsageError(
            "--stream prints one text after the other and --draft is for whole texts; give one of them."
        )
    if as_stream and as_json:
        raise click.UsageError(
            "--stream prints texts while they are drawn and --json one document at the end; give one of them."
        )
    single = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p}
    refuse_with_chain(chain, **single)
    given = {**single, "seed": seed, "max_tokens": max_tokens, "stop": stop or None}
    params = sampling_params(settings, given, chain, engine, defaults, model)
    question = asked(prompt, chat, messages)
    source = load(model)
    show_prompt(source, question)
    if hasattr(source, "server"):
        refused = {"--draft": draft is not None, "--include-stop": include_stop, "--save": save is not None}
        draw_from_server(source, question, params, n, as_stream, as_json, refused)
        return
    source = recording(source, save)
    said = ask(source, question)
    if as_stream:
        _stream(source, said, params, n, include_stop)
        return
    counts = RoundCounts()
    speculation = (
        None if draft is None else Speculation(load(draft), draft_tokens, draft_method, on_round=counts)
    )
    with Progress("tokens") as progress:
        samples = generate(
            source,
            [said.ids],
            params,
            n=n,
            include_stop=include_stop,
            on_progress=progress,
            draft=speculation,
        )
    if as_json:
        spec = str(params.resolved_chain)
        document = {
            "model": model,
            "prompt": said.text,
            "seed": params.seed,
            "chain": spec,
            "samples": samples,
            "messages": said.messages,
            "rendered": None if said.messages is None else said.text,
        }
        if draft is not None:
            document["draft"] = {
                "model": draft,
                "method": draft_method,
                "num_tokens": draft_tokens,
                "target_passes": counts.target_passes,
                "drafted": counts.drafted,
                "judged": counts.judged,
                "accepted": counts.accepted,
                "acceptance": counts.acceptance,
                "tokens_per_pass": counts.tokens_per_pass,
            }
        print_json(document)
    else:
        _print(source, said, params, samples)
        if draft is not None:
            _print_draft(draft, counts)


def _print_head(console: Console, source: Source, said: SeenPrompt, params: SamplingParams) -> None:
    from retort.cli.output import token_label

    console.print(f"{source.name} after {said.text!r}", style="bold", soft_wrap=True)
    if said.messages is not None:
        console.print(f"What the model sees: {token_label(said.text)}", soft_wrap=True)
    if source.note is not None:
        console.print(f"Note: {source.note}", soft_wrap=True)
    console.print(
        f"Drawn through: {params.resolved_chain or 'nothing (the raw distribution)'}", soft_wrap=True
    )


def _stream(source: Source, said: SeenPrompt, params: SamplingParams, n: int, include_stop: bool) -> None:
    """Texts on stdout as they come, with their line breaks."""
    from retort.cli.output import stdout_console, with_line_breaks
    from retort.sampling.generate import check_seeds, stream

    console = stdout_console()
    _print_head(console, source, said, params)
    check_seeds(params.seed, n)
    for number in range(n):
        seed = params.seed + number
        console.print(f"seed {seed}", style="bold")
        tokens = []
        for piece in stream(source, said.ids, params.with_seed(seed), include_stop=include_stop):
            click.echo(with_line_breaks(piece.text), nl=False)
            sys.stdout.flush()
            tokens.append(piece.token)
        click.echo()
        assert piece.finish_reason is not None
        console.print(_account(tokens, piece.finish_reason), style="dim", soft_wrap=True)


def _print(source: Source, said: SeenPrompt, params: SamplingParams, samples: Sequence[Sample]) -> None:
    from rich.table import Table
    from rich.text import Text

    from retort.cli.output import printable, stdout_console

    console = stdout_console()
    _print_head(console, source, said, params)
    table = Table.grid(padding=(0, 2))
    for index, sample in enumerate(samples):
        table.add_row(f"seed {params.seed + index}", Text(printable(sample.text), style="bold"))
        table.add_row("", _account(sample.tokens, sample.finish_reason))
    console.print(table)
    console.print(
        "Logprobs in nats, summed over the text: raw is the model's own (τ = 1, nothing removed), processed is of the "
        "distribution that was drawn from. Entropy: nats per token, processed. Kept: the smallest mass that truncation "
        "left at any token. A near tie could fall the other way on another machine."
    )


def _print_draft(draft: str, counts: RoundCounts) -> None:
    from retort.cli.output import stdout_console
    from retort.numerals import number, probability

    share = "none" if counts.acceptance is None else probability(counts.acceptance)
    stdout_console().print(
        f"Drafted by {draft}: {counts.accepted} of {counts.judged} judged tokens stood ({share}); "
        f"{number(counts.tokens_per_pass)} tokens for each pass of the model over a text.",
        soft_wrap=True,
    )


def _account(tokens: Sequence[SampledToken], finish_reason: str) -> str:
    from retort.numerals import number, probability

    ties = sum(token.near_tie for token in tokens)
    return (
        f"{len(tokens)} token{'s' * (len(tokens) != 1)}, {finish_reason}; "
        f"logprob {number(sum(token.logprob_raw for token in tokens))} raw, "
        f"{number(sum(token.logprob_processed for token in tokens))} processed; "
        f"entropy {number(sum(token.entropy_nats for token in tokens) / len(tokens))}; "
        f"kept {probability(min(token.kept_mass for token in tokens))}; "
        f"{ties} near tie{'s' * (ties != 1)}"
    )
