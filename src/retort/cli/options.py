"""The arguments and options that several commands share; each carries its own range, default and help."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from retort.cli.grammar import Decimal, Whole
from retort.cli.temperatures import TemperatureList

if TYPE_CHECKING:
    from retort.chain.chain import Chain

Decorated = Callable[..., Any]

MAX_TOKENS = 24  # of sample and path alike, so that a leaf of the path is the text that sample gives
LARGEST_SEED = 2**64 - 1


class Prompt(click.ParamType):
    """Text that a model can continue: not empty, and valid Unicode."""

    name = "PROMPT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        if not text:
            self.fail("the prompt is empty; give a text for the model to continue.", param, ctx)
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            self.fail("the prompt is not valid UTF-8; check the terminal's encoding.", param, ctx)
        return text


class ChainSpec(click.ParamType):
    """A chain of transforms written as `name=value | name=value`."""

    name = "SPEC"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Chain:
        from retort.chain.chain import Chain
        from retort.errors import InputError

        if isinstance(value, Chain):
            return value
        try:
            return Chain.parse(value)
        except InputError as problem:
            self.fail(str(problem), param, ctx)


def model_argument(command: Decorated) -> Decorated:
    """MODEL, and `--endpoint` for one on a server, which becomes a part of it: `chat+http://…`."""

    @functools.wraps(command)
    def with_endpoint(*arguments: Any, model: str, endpoint: str | None, **named: Any) -> Any:
        if endpoint is not None:
            if not model.startswith(("http://", "https://")):
                raise click.UsageError(
                    f"--endpoint is for a model on a server (http://host:port/v1#name), and MODEL is {model}."
                )
            model = f"{endpoint}+{model}"
        return command(*arguments, model=model, **named)

    option = click.option(
        "--endpoint",
        type=click.Choice(["chat", "completions"]),
        help="For servers: the endpoint for plain prompts. Messages always use chat.  [default: "
        "completions, or chat if the server has no other]",
    )
    return click.argument("model", metavar="MODEL")(option(with_endpoint))


prompt_argument = click.argument("prompt", type=Prompt(), metavar="PROMPT")

json_option = click.option(
    "-j", "--json", "as_json", is_flag=True, help="Print one JSON document instead of tables."
)

save_option = click.option(
    "--save",
    metavar="FILE",
    help="Record what the model said in FILE; recorded:FILE replays it without the model.",
)

seed_option = click.option(
    "-s",
    "--seed",
    type=Whole(0, LARGEST_SEED),
    default=0,
    show_default=True,
    help="Fixes the noise: same seed, same text.",
)

max_tokens_option = click.option(
    "--max-tokens",
    type=Whole(1),
    default=MAX_TOKENS,
    show_default=True,
    help="Longest text, in tokens.",
)

stop_option = click.option(
    "--stop",
    multiple=True,
    metavar="TEXT",
    help="Stop a text where TEXT first appears; repeatable.",
)

chain_option = click.option(
    "-c",
    "--chain",
    type=ChainSpec(),
    help='Transforms in the order they apply, as in "temperature=0.8 | top_k=50 | top_p=0.9".',
)


defaults_option = click.option(
    "--defaults",
    is_flag=True,
    help="For settings you do not give, use the engine's defaults, and the model's own settings where "
    "the engine reads them.",
)


def engine_option(several: bool) -> Callable[[Decorated], Decorated]:
    """`--engine NAME`, once or several times."""
    from_engines = "transformers, vllm, sglang, llama.cpp, mlx-lm or ollama"
    if several:
        return click.option(
            "--engine",
            "engines",
            multiple=True,
            metavar="NAME",
            help=f"{from_engines}, or retort; repeatable.  [default: all but retort]",
        )
    return click.option(
        "--engine",
        metavar="NAME",
        help=f"Interpret the settings as this engine does, in its order: {from_engines}.",
    )


def temperatures_option(default: str | None, purpose: str) -> Callable[[Decorated], Decorated]:
    """`--temperature`, one or a list; `purpose` is what the command does with it."""
    return click.option(
        "-t",
        "--temperature",
        "temperatures",
        type=TemperatureList(),
        default=default,
        show_default=default is not None,
        help=f"{purpose}: one or several (0.1,1,2), or first:last:count (0:2:41); 0 is greedy.",
    )


def truncation_options(command: Decorated) -> Decorated:
    """`--top-k`, `--top-p` and `--min-p`, applied in that order after temperature; each is off unless given."""
    top_k = click.option(
        "-k", "--top-k", type=Whole(-1), help="Keep the N most likely tokens; 0 and -1 are off."
    )
    top_p = click.option(
        "--top-p",
        type=Decimal(0, 1),
        help="Keep the smallest set of tokens with this mass; 1 is off.",
    )
    min_p = click.option(
        "--min-p",
        type=Decimal(0, 1),
        help="Drop tokens below this share of the top token's probability; 0 is off.",
    )
    return top_k(top_p(min_p(command)))


def refuse_with_chain(chain: Chain | None, **given: float | int | None) -> None:
    """Usage error if a chain and a single setting are both given: the order would then be said in two places."""
    named = [f"--{name.replace('_', '-')}" for name, value in given.items() if value is not None]
    if chain is not None and named:
        raise click.UsageError(
            f"--chain has its own order, so {', '.join(named)} cannot be combined with it; put the "
            f"setting into the chain."
        )
