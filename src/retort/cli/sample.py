"""`retort sample` (also `generate`) and `path`: texts from a model, at one temperature or at every one."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

import retort
from retort.cli.asking import Asking, asking_options
from retort.cli.exporting import Export, Shown, exporting_options
from retort.cli.grammar import Parsed, Whole, group, option, verb
from retort.cli.options import (
    ENGINE_NAMES,
    chain_option,
    defaults_option,
    max_tokens_option,
    model_argument,
    parse_temperatures,
    refuse_with_chain,
    save_option,
    seed_option,
    settings_option,
    stop_option,
    temperatures_option,
    truncation_options,
)
from retort.cli.output import show, stdout_console
from retort.cli.progress import Progress
from retort.errors import SourceError, printable

if TYPE_CHECKING:
    from retort.chain.chain import Chain
    from retort.lens.served_sample import Drawing
    from retort.sampling.params import SamplingParams
    from retort.sampling.speculative import Method
    from retort.sources.base import Source
    from retort.sources.chat import SeenPrompt

SINGLE = ("temperature", "top_k", "top_p", "min_p")
"""Settings that have an option of their own, and that a chain has in its own order."""


ON_A_SERVER = re.compile(r"((chat|completions)\+)?https?:|openai:|anthropic:|gemini:|any-llm:")


def _one_or_more(text: str) -> float | str:
    """One temperature, or a list of them as it was written."""
    found = parse_temperatures(text)
    return found[0] if len(found) == 1 else text


def _refuse_several(temperature: float | str | None, model: str) -> None:
    """Usage error for a list of temperatures, with the command that takes one."""
    if isinstance(temperature, str):
        other = (
            f"{model} is on a server, so run this once for each of them, or compare them with `retort tune`"
            if ON_A_SERVER.match(model)
            else "`retort path` shows the text of one seed at each of them"
        )
        raise click.BadParameter(
            f"texts are drawn at one temperature, got {temperature}; {other}.",
            param_hint="'-t' / '--temperature'",
        )


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
    option("-n --samples", "How many texts; text i uses seed + i.", Whole(1), into="n", default=5),
    option(
        "-t --temperature",
        "0 is greedy; 1 is the model's own distribution. For several, use retort path.  [default: 1]",
        Parsed("X", _one_or_more),
    ),
    truncation_options,
    settings_option,
    chain_option,
    option("--engine NAME", f"Interpret the settings as this engine does, in its order: {ENGINE_NAMES}."),
    defaults_option,
    seed_option,
    max_tokens_option,
    stop_option,
    option("--include-stop", "Keep the stop string at the end of a text."),
)
@group(
    "Drafting",
    option(
        "--draft MODEL",
        "A smaller model with the same tokens that proposes tokens for MODEL to check; the texts stay the same.",
    ),
    option("--draft-tokens", "How many tokens --draft proposes at a time.", Whole(1), default=4),
    option(
        "--draft-method",
        "coupled: the same text as without a draft; residual: the same distribution, different text, more draft "
        "tokens accepted.",
        click.Choice(["coupled", "residual"]),
        default="coupled",
    ),
)
@group(
    "Output",
    option("--stream", "Print each text while it is drawn.", into="as_stream"),
    save_option,
    exporting_options(),
)
def sample(
    model: str,
    asking: Asking,
    n: int,
    settings: dict[str, Any] | None,
    chain: Chain | None,
    engine: str | None,
    defaults: bool,
    include_stop: bool,
    as_stream: bool,
    draft: str | None,
    draft_tokens: int,
    draft_method: Method,
    save: str | None,
    export: Export,
    **given: Any,
) -> None:
    """Draw texts from MODEL after PROMPT.

    The same seed gives the same text, whatever --samples and the batch are. Temperature comes first, then top-k,
    top-p and min-p; --chain sets another order, and --engine uses an engine's. --settings takes any other setting,
    including penalties and biases. A server draws with its own noise: one request per text, and settings it does not
    know are refused.
    """
    from retort.lens.asking import ask
    from retort.lens.sample import Drafted, Samples
    from retort.lens.served_sample import Drawing, ServedTexts
    from retort.sampling.speculative import RoundCounts, Speculation
    from retort.sources.recording import recording

    _refuse_several(given["temperature"], model)
    if as_stream and draft is not None:
        raise click.UsageError("--stream and --draft cannot be combined; give one of them.")
    if as_stream and export != Export():
        raise click.UsageError(
            "--stream prints texts while they are drawn; --json, --format, -o and --fail-if need all of them; give "
            "one of them."
        )
    refuse_with_chain(chain, **{name: given[name] for name in SINGLE})
    params = _params(settings, given, chain, engine, model, defaults)
    question = asking.question()
    source: Any = retort.load(model)
    served = hasattr(source, "server")
    export.check(ServedTexts.MEASURES if served else Samples.MEASURES)
    asking.show(source, question)
    if served:
        options = {"--draft": draft is not None, "--include-stop": include_stop, "--save": save is not None}
        if refused := [option for option, is_given in options.items() if is_given]:
            raise click.UsageError(
                f"{', '.join(refused)}: a server's draws cannot be replayed; leave it out "
                "(-o FILE.json keeps the texts)."
            )
        drawing = Drawing(source, question, params)
        (_stream_served if as_stream else _draw_served)(drawing, n, export)
        return
    source = recording(source, save)
    said = ask(source, question)
    if as_stream:
        _stream(source, said, params, n, include_stop)
        return
    counts = RoundCounts()
    speculation = (
        None
        if draft is None
        else Speculation(retort.load(draft), draft_tokens, draft_method, on_round=counts)
    )
    with Progress("tokens") as progress:
        samples = retort.generate(
            source,
            [said.ids],
            params,
            n=n,
            include_stop=include_stop,
            on_progress=progress,
            draft=speculation,
        )
    drafted = None if draft is None else Drafted.of(draft, draft_method, draft_tokens, counts)
    export.deliver(Samples.of(model, source, said, params, samples, drafted))


generate = sample


def _params(
    settings: dict[str, Any] | None,
    given: dict[str, Any],
    chain: Chain | None,
    engine: str | None,
    model: str,
    defaults: bool,
) -> SamplingParams:
    """The params of `--settings` and the command's own options (`given`: name → value, None where not given).

    What the command line did not say of seed, max_tokens and stop may stand in the settings. With an engine, the chain
    is what the settings are there; with `defaults`, what they leave open is what the engine takes from `model`. Raises
    a usage error if something is said twice.
    """
    from retort.chain.engines import find_engine
    from retort.sources.load import own_settings, with_breakers

    if defaults and engine is None:
        raise click.UsageError("--defaults are an engine's own; name the engine with --engine.")
    named = dict(settings or {})
    for name, value in given.items():
        # A default is no second statement: it gives way to the settings.
        said = click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE
        if said and name in named:
            raise click.UsageError(
                f"--{name.replace('_', '-')} and --settings both say {name}; give it once."
            )
        if value not in (None, ()) and name not in named:
            named[name] = value
    if chain is not None:
        named["chain"] = chain
    params, transforms = retort.SamplingParams.said(named)
    if engine is None:
        retort.SamplingParams.from_dict(named)  # refuses an engine's order where no engine is named
        return params
    if params.chain is not None:
        raise click.UsageError(
            "a chain has its own order, so it cannot be combined with --engine; give one of them."
        )
    if transforms.get("dry_multiplier"):
        transforms = with_breakers(transforms, find_engine(engine).name, retort.load(model))
    own = own_settings(model) if defaults else None
    there = retort.Chain.like(engine, transforms, defaults=defaults, model_defaults=own)
    return retort.SamplingParams(
        chain=there, end_ids=params.end_ids, seed=params.seed, max_tokens=params.max_tokens, stop=params.stop
    )


def _stream(source: Source, said: SeenPrompt, params: SamplingParams, n: int, include_stop: bool) -> None:
    """Texts on stdout as they come, with their line breaks."""
    from retort.lens.sample import Samples, account
    from retort.sampling.generate import check_seeds

    console = stdout_console()
    show(Samples.of(source.name, source, said, params, ()).heading(), console)
    check_seeds(params.seed, n)
    for seed in range(params.seed, params.seed + n):
        pieces = retort.stream(source, said.ids, params.with_seed(seed), include_stop=include_stop)
        drawn = _at_once(pieces, seed)
        assert drawn[-1].finish_reason is not None
        told = account([piece.token for piece in drawn], drawn[-1].finish_reason)
        console.print(told, style="dim", soft_wrap=True)


def _at_once(pieces: Iterator[Any], seed: int) -> list[Any]:
    """Every piece of a text, printed as it comes."""
    stdout_console().print(f"seed {seed}", style="bold")
    found = []
    try:
        for piece in pieces:
            click.echo(printable(piece.text), nl=False)
            sys.stdout.flush()
            found.append(piece)
    finally:
        click.echo()
    return found


def _draw_served(drawing: Drawing, n: int, export: Export) -> None:
    """`n` texts of a server, one request each."""
    with Progress("texts") as progress:
        found = drawing.texts(n, progress)
    export.deliver(found)
    if found.incomplete is not None:
        raise SourceError(f"{found.incomplete} {len(found.samples)} of {n} texts were drawn before.")


def _stream_served(drawing: Drawing, n: int, export: Export) -> None:
    from retort.lens.served_sample import account

    console = stdout_console()
    nothing = drawing.texts(0)
    show(nothing.heading(n), console)
    for number in range(n):
        pieces = _at_once(drawing.pieces(number), drawing.seed_of(number))
        told = account(drawing.whole(number, pieces), nothing.logprobs)
        console.print(told, style="dim", soft_wrap=True)


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
    option(
        "--view",
        "What to draw; repeatable.  [default: all three]",
        click.Choice(("table", "tree", "bands")),
        into="views",
        multiple=True,
    ),
    option("--open", "Also open the page in the browser.", into="open_page"),
    save_option,
    exporting_options("path"),
)
def path(
    model: str, asking: Asking, views: tuple[str, ...], open_page: bool, save: str | None, **given: Any
) -> Shown:
    """Show how MODEL's text after PROMPT changes with the temperature, for one seed.

    With the noise fixed, the text changes only at certain temperatures; between two of them it stays the same, and
    one forward pass serves the whole interval. `retort sample` gives the same text with that seed at any temperature
    of the interval. Shown as a table, as a tree of what the texts share, and as bands over τ; --format html and
    --open give a page with a slider.
    """
    from retort.lens.path import VIEWS
    from retort.report.standalone import page_html

    refuse_with_chain(given["chain"], **{name: given[name] for name in SINGLE[1:]})
    source, question = asking.of(model, save)
    found = retort.path(source, question, **given)

    def page() -> str:
        return page_html(f"{found.model} after {found.prompt!r}", {"path": found}, retort.__version__)

    return Shown(found, found.blocks(views or VIEWS), page, open_page)
