"""The arguments and options that several commands share; each carries its own range, default and help.

A command takes what it handles itself by name and hands the rest (`**given`) to the verb's function, whose keywords
have the same names.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retort.cli.grammar import Decimal, Parsed, Whole, option

if TYPE_CHECKING:
    from retort.chain.chain import Chain

Decorated = Callable[..., Any]

MAX_TOKENS = 24  # of sample and path alike, so that a leaf of the path is the text that sample gives
LARGEST_SEED = 2**64 - 1
MOST_TEMPERATURES = 10_000
DECIMALS = 10  # 0:2:41 is 0.05, 0.1, 0.15, …, without the last digits of binary arithmetic

File = click.Path(exists=True, dir_okay=False, path_type=Path)


# What is read from an option's text


def _prompt(text: str) -> str:
    """Text that a model can continue: not empty, and valid Unicode."""
    if not text:
        raise ValueError("the prompt is empty; give a text for the model to continue.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("the prompt is not valid UTF-8; check the terminal's encoding.") from None
    return text


def _chain(text: str) -> Chain:
    from retort.chain.chain import Chain

    return Chain.parse(text)


def _settings(text: str) -> dict[str, Any]:
    """Settings by retort's names; those that are no setting are refused here, where the option is named."""
    from retort.sampling.params import SamplingParams
    from retort.sampling.setting_names import irrelevant, parse_settings

    given = parse_settings(text)
    named = SamplingParams.named(given)
    if beside := irrelevant(given):
        verb = "do" if len(beside) > 1 else "does"
        click.echo(f"--settings: {', '.join(beside)} {verb} not change the distribution.", err=True)
    SamplingParams.said(named)
    return named


def parse_temperatures(text: str) -> tuple[float, ...]:
    """The temperatures that `text` names, in its order, each once.

    Parts are separated by commas; a part is a number, or `first:last:count` for `count` evenly spaced numbers with both
    ends. Raises ValueError with a sentence for anything else, for a negative or infinite number, and for more than
    10,000 of them.
    """
    found: dict[float, None] = {}
    for part in text.split(","):
        found |= dict.fromkeys(_part(part.strip()))
        if len(found) > MOST_TEMPERATURES:
            raise ValueError(f"{text!r} names more than {MOST_TEMPERATURES:,} temperatures.")
    return tuple(found)


def _part(part: str) -> list[float]:
    pieces = part.split(":")
    if len(pieces) == 1:
        return [_temperature(part)]
    if len(pieces) != 3:
        raise ValueError(f"{part!r} is not first:last:count, for instance 0:2:41.")
    first, last = _temperature(pieces[0]), _temperature(pieces[1])
    try:
        count = int(pieces[2])
    except ValueError:
        raise ValueError(f"the count {pieces[2]!r} in {part!r} is not a whole number.") from None
    if not 2 <= count <= MOST_TEMPERATURES:
        raise ValueError(f"the count in {part!r} must be from 2 to {MOST_TEMPERATURES:,}.")
    return [round(first + (last - first) * i / (count - 1), DECIMALS) for i in range(count)]


def _temperature(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is not a temperature; give numbers (0.1,1,2) or first:last:count (0:2:41)."
        ) from None
    if not math.isfinite(value) or value < 0:
        raise ValueError(
            f"temperature {text} is not allowed; it must be a finite number of 0 (greedy) or more."
        )
    return value


PROMPT = Parsed("PROMPT", _prompt)
CHAIN = Parsed("SPEC", _chain)
TEMPERATURES = Parsed("LIST", parse_temperatures)


# Options


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

    endpoint = endpoint_option("completions, or chat if the server has no other")
    return click.argument("model", metavar="MODEL")(endpoint(with_endpoint))


def endpoint_option(default: str) -> Callable[[Decorated], Decorated]:
    """`--endpoint`; `default` says which one it is where none is named."""
    return option(
        "--endpoint",
        f"For servers: the endpoint for plain prompts. Messages always use chat.  [default: {default}]",
        click.Choice(["chat", "completions"]),
    )


prompt_argument = click.argument("prompt", type=PROMPT, metavar="PROMPT")

json_option = option("-j --json", "Print one JSON document instead of tables.", into="as_json")

save_option = option(
    "--save FILE", "Record what the model said in FILE; recorded:FILE replays it without the model."
)

seed_option = option("-s --seed", "Fixes the noise: same seed, same text.", Whole(0, LARGEST_SEED), default=0)

max_tokens_option = option("--max-tokens", "Longest text, in tokens.", Whole(1), default=MAX_TOKENS)

stop_option = option("--stop TEXT", "Stop a text where TEXT first appears; repeatable.", multiple=True)

top_option = option("--top", "How many tokens to list.", Whole(1), default=10)

chain_option = option(
    "-c --chain", 'Transforms in the order they apply, as in "temperature=0.8 | top_k=50 | top_p=0.9".', CHAIN
)

settings_option = option(
    "--settings",
    'Settings in any engine\'s names, as in "temperature=0.8,top_k=50,repeat_penalty=1.1", or a JSON object.',
    Parsed("SETTINGS", _settings),
)

defaults_option = option(
    "--defaults",
    "For settings you do not give, use the engine's defaults, and the model's own settings where "
    "the engine reads them.",
)

ENGINE_NAMES = "transformers, vllm, sglang, llama.cpp, mlx-lm or ollama"


def temperatures_option(default: str, purpose: str) -> Callable[[Decorated], Decorated]:
    """`--temperature`, one or a list; `purpose` is what the command does with it."""
    return option(
        "-t --temperature",
        f"{purpose}: one or several (0.1,1,2), or first:last:count (0:2:41); 0 is greedy.",
        TEMPERATURES,
        into="temperatures",
        default=default,
    )


def ray_option(what: str, same: str) -> Callable[[Decorated], Decorated]:
    """`--engine local|ray`, for the verbs whose long work a cluster can share."""
    return option(
        "--engine",
        f"Run the {what} here or on the workers of a Ray cluster (extra ray); the {same} are the same.",
        click.Choice(["local", "ray"]),
        default="local",
    )


def truncation_options(command: Decorated) -> Decorated:
    """`--top-k`, `--top-p` and `--min-p`, applied in that order after temperature; each is off unless given."""
    top_k = option("-k --top-k", "Keep the N most likely tokens; 0 and -1 are off.", Whole(-1))
    top_p = option("--top-p", "Keep the smallest set of tokens with this mass; 1 is off.", Decimal(0, 1))
    min_p = option(
        "--min-p", "Drop tokens below this share of the top token's probability; 0 is off.", Decimal(0, 1)
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
