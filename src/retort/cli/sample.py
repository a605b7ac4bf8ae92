"""`retort sample` (also `generate`): texts drawn from a model, and of every token how it was drawn."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from retort.cli.asking import asked, asking_options, show_prompt
from retort.cli.exporting import check_export, deliver, exporting_options
from retort.cli.grammar import Whole, group, verb
from retort.cli.options import (
    chain_option,
    defaults_option,
    engine_option,
    max_tokens_option,
    model_argument,
    refuse_with_chain,
    save_option,
    seed_option,
    stop_option,
    truncation_options,
)
from retort.cli.settings import Settings, sampling_params, settings_option
from retort.cli.temperatures import OneTemperature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from retort.chain.chain import Chain
    from retort.lens.served_sample import Drawing
    from retort.sampling.params import SamplingParams
    from retort.sampling.speculative import Method
    from retort.sources.base import Source
    from retort.sources.chat import Message, SeenPrompt


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
        type=OneTemperature(),
        help="0 is greedy; 1 is the model's own distribution. For several, use retort path.  [default: 1]",
    ),
    truncation_options,
    settings_option,
    chain_option,
    engine_option(several=False),
    defaults_option,
    seed_option,
    max_tokens_option,
    stop_option,
    click.option("--include-stop", is_flag=True, help="Keep the stop string at the end of a text."),
)
@group(
    "Drafting",
    click.option(
        "--draft",
        metavar="MODEL",
        help="A smaller model with the same tokens that proposes tokens for MODEL to check; the texts stay the same.",
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
    click.option("--stream", "as_stream", is_flag=True, help="Print each text while it is drawn."),
    save_option,
    exporting_options,
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
    **export: Any,
) -> None:
    """Draw texts from MODEL after PROMPT.

    The same seed gives the same text, whatever --samples and the batch are. Temperature comes first, then top-k,
    top-p and min-p; --chain sets another order, and --engine uses an engine's. --settings takes any other setting,
    including penalties and biases. A server draws with its own noise: one request per text, and settings it does not
    know are refused.
    """
    from retort.cli.progress import Progress
    from retort.lens.asking import ask
    from retort.lens.sample import Drafted, Samples
    from retort.lens.served_sample import ServedTexts
    from retort.sampling.generate import generate
    from retort.sampling.speculative import RoundCounts, Speculation
    from retort.sources.load import load
    from retort.sources.recording import recording

    if as_stream and draft is not None:
        raise click.UsageError("--stream and --draft cannot be combined; give one of them.")
    if as_stream and any(export.values()):
        raise click.UsageError(
            "--stream prints texts while they are drawn; --json, --format, -o and --fail-if need all of them; give "
            "one of them."
        )
    single = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p}
    refuse_with_chain(chain, **single)
    given = {**single, "seed": seed, "max_tokens": max_tokens, "stop": stop or None}
    params = sampling_params(settings, given, chain, engine, defaults, model)
    question = asked(prompt, chat, messages)
    source = load(model)
    check_export(ServedTexts.MEASURES if hasattr(source, "server") else Samples.MEASURES, **export)
    show_prompt(source, question)
    if hasattr(source, "server"):
        refused = {"--draft": draft is not None, "--include-stop": include_stop, "--save": save is not None}
        _draw_from_server(source, question, params, n, as_stream, export, refused)
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
    drafted = None if draft is None else Drafted.of(draft, draft_method, draft_tokens, counts)
    deliver(Samples.of(model, source, said, params, samples, drafted), **export)


def _stream(source: Source, said: SeenPrompt, params: SamplingParams, n: int, include_stop: bool) -> None:
    """Texts on stdout as they come, with their line breaks."""
    from retort.cli.output import show, stdout_console
    from retort.lens.sample import Samples, account
    from retort.sampling.generate import check_seeds, stream

    console = stdout_console()
    show(Samples.of(source.name, source, said, params, ()).heading(), console)
    check_seeds(params.seed, n)
    for number in range(n):
        seed = params.seed + number
        console.print(f"seed {seed}", style="bold")
        tokens = []
        for piece in stream(source, said.ids, params.with_seed(seed), include_stop=include_stop):
            _at_once(piece.text)
            tokens.append(piece.token)
        click.echo()
        assert piece.finish_reason is not None
        console.print(account(tokens, piece.finish_reason), style="dim", soft_wrap=True)


def _at_once(text: str) -> None:
    from retort.cli.output import with_line_breaks

    click.echo(with_line_breaks(text), nl=False)
    sys.stdout.flush()


def _draw_from_server(
    source: Any,
    question: str | tuple[Message, ...],
    params: SamplingParams,
    n: int,
    as_stream: bool,
    export: Mapping[str, Any],
    refused: Mapping[str, bool],
) -> None:
    """Draw `n` texts, one request each. `refused`: options that mean nothing there, and whether they were given."""
    from retort.cli.progress import Progress
    from retort.errors import SourceError
    from retort.lens.served_sample import Drawing

    given = [option for option, is_given in refused.items() if is_given]
    if given:
        raise click.UsageError(
            f"{', '.join(given)}: a server's draws cannot be replayed; leave it out (-o FILE.json keeps the texts)."
        )
    drawing = Drawing(source, question, params)
    if as_stream:
        _stream_from_server(drawing, n)
        return
    with Progress("texts") as progress:
        found = drawing.texts(n, progress)
    deliver(found, **export)
    if found.incomplete is not None:
        raise SourceError(f"{found.incomplete} {len(found.samples)} of {n} texts were drawn before.")


def _stream_from_server(drawing: Drawing, n: int) -> None:
    from retort.cli.output import show, stdout_console
    from retort.lens.served_sample import account

    console = stdout_console()
    nothing = drawing.texts(0)
    show(nothing.heading(n), console)
    for number in range(n):
        console.print(f"seed {drawing.seed_of(number)}", style="bold")
        pieces = []
        try:
            for piece in drawing.pieces(number):
                _at_once(piece.text)
                pieces.append(piece)
        finally:
            click.echo()
        console.print(account(drawing.whole(number, pieces), nothing.logprobs), style="dim", soft_wrap=True)
