"""What a sweep asks: from a task and what a user says to a `Plan`, its cost, and what a recording says of it.

Everything is checked here, before a model is opened. The same plan gives the same answers, piece by piece.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from retort.chain import Chain
from retort.errors import InputError
from retort.numerals import decimals
from retort.sampling.params import check_seed
from retort.tune.budget import Spending
from retort.tune.goals import Goal, find_goal
from retort.tune.item import Item, Task, written_prompt
from retort.tune.sequential import BLOCK
from retort.tune.settings import Axis, temperature_axis

REQUESTS_AT_ONCE = 1024
"""Paths of a piece: large enough to keep a batch of rows full, small in memory."""

REQUESTS_KEPT_AT_ONCE = 128
"""Paths of a piece that is written to disk before the next begins: what a killed sweep may lose."""

ASKED_SHOWN = 80
"""Characters of what an item puts into the prompts, for a reader of the report."""

Place = tuple[int, int, int]
"""Item, prompt and repeat, as numbers."""


@dataclass(frozen=True)
class Cost:
    """What a sweep asks for: its size, and the rows that would go through the model at least and at most.

    At least: every answer of an item ends at its first token, the same at every temperature. At most: every answer has
    `max_tokens` tokens and shares nothing but the prompt.
    """

    items: int
    prompts: int
    samples: int
    settings: int
    answers: int
    max_tokens: int
    fewest_passes: int
    most_passes: int


@dataclass(frozen=True)
class Plan:
    """All that decides the answers of a sweep.

    Every chain is tried at every one of `temperatures` (its own temperature replaced), or at its own where there are
    none. A setting is a pair of the two, in this order. One chain and no temperatures: a server's own settings;
    none is sent.
    """

    task: Task
    items: tuple[Item, ...]
    temperatures: tuple[float, ...]
    samples: int
    seed: int
    chains: tuple[Chain, ...]
    piece_size: int = REQUESTS_AT_ONCE

    @property
    def goal(self) -> Goal:
        return find_goal(self.task.goal)

    @property
    def variants(self) -> list[tuple[Chain, tuple[float, ...]]]:
        """Each chain with the temperatures it is tried at."""
        return [(chain, self.temperatures or (chain.temperature,)) for chain in self.chains]

    @property
    def axis(self) -> Axis:
        """The settings, in the order of their numbers."""
        if len(self.chains) == 1:
            return temperature_axis(self.temperatures) if self.temperatures else Axis(None, ({},), ({},))
        settings = [
            {"temperature": temperature, "chain": str(chain.at_temperature(temperature))}
            for chain, temperatures in self.variants
            for temperature in temperatures
        ]
        return Axis(None, tuple(settings), tuple(settings))

    @property
    def chain(self) -> str:
        """The one chain as text; several are in the settings."""
        return str(self.chains[0]) if len(self.chains) == 1 else ""

    @property
    def item_ids(self) -> tuple[str, ...]:
        return tuple(item.id for item in self.items)

    @property
    def asked(self) -> tuple[str, ...]:
        """What each item puts into the prompts, for a reader of the report."""
        return tuple(map(_in_short, self.items))

    @property
    def pieces(self) -> list[list[Place]]:
        """The paths to run, by item, prompt and repeat, in pieces of `piece_size`."""
        places = self.places(range(len(self.items)))
        return [places[start : start + self.piece_size] for start in range(0, len(places), self.piece_size)]

    def places(self, items: Sequence[int], samples: int | None = None) -> list[Place]:
        """The paths of these items, with all their answers or the first so many."""
        prompts, repeats = range(len(self.task.prompts)), range(samples or self.samples)
        return list(itertools.product(items, prompts, repeats))

    @property
    def num_paths(self) -> int:
        return len(self.items) * len(self.task.prompts) * self.samples

    @property
    def num_answers(self) -> int:
        return self.num_paths * len(self.axis)

    def prompt_lengths(self, items: Sequence[int]) -> list[int]:
        """Characters of these items' prompts."""
        every = range(len(self.task.prompts))
        return [len(str(self.task.prompt(self.items[item], number))) for item in items for number in every]

    @property
    def longest_prompt(self) -> float:
        """Tokens of the longest prompt, by its characters: a prompt is rarely longer than one for each two."""
        return max(self.prompt_lengths(range(len(self.items)))) / 2

    @property
    def cost(self) -> Cost:
        """What this sweep asks for, before anything is run."""
        prompts = len(self.items) * len(self.task.prompts)
        return Cost(
            items=len(self.items),
            prompts=len(self.task.prompts),
            samples=self.samples,
            settings=len(self.axis),
            answers=self.num_answers,
            max_tokens=self.task.max_tokens,
            fewest_passes=prompts,
            most_passes=prompts + self.num_answers * (self.task.max_tokens - 1),
        )

    def affordable(self, spending: Spending, budget: str | int) -> Plan:
        """With as many answers to an item as the budget pays for all items. Raises InputError below one block."""
        cells = len(self.items) * len(self.task.prompts) * len(self.axis)
        # By what an answer can cost at most, and the same number to every item: items are what the intervals count.
        repeats = min(self.samples, int(spending.most / spending.dearest) // cells)
        samples = max(repeats, self.goal.fewest_samples)
        items = min(BLOCK, len(self.items))
        first = items * len(self.task.prompts) * samples * len(self.axis)
        if not spending.has_room(first):
            named = f"{budget} answers" if str(budget).strip().isdigit() else str(budget)
            at_most = (
                "" if spending.unit == "answer" else f", at most {decimals(first * spending.dearest, 4)}"
            )
            raise InputError(
                f"a budget of {named} is too small: {items} items at {len(self.axis)} settings take {first:,} answers"
                f"{at_most}; give more, or compare fewer settings"
            )
        return replace(self, samples=samples)


def make_plan(
    task: Task,
    temperatures: Sequence[float] | Literal["own"],
    samples: int,
    seed: int = 0,
    limit_items: int | None = None,
    chain: Chain | None = None,
    chains: Sequence[Chain] = (),
    *,
    keeps: bool = False,
) -> Plan:
    """The sweep that these arguments ask for, checked; no model is needed. `keeps`: in pieces fit to be written."""
    tried = tuple(dict.fromkeys(chains)) or (Chain(()) if chain is None else chain,)
    if chain is not None and chains:
        raise InputError("give one chain, or several to compare, not both")
    grid: tuple[float, ...] = ()
    if temperatures != "own" and (len(tried) == 1 or temperatures):
        grid = check_temperatures(temperatures, len(tried))
    if limit_items is not None and (type(limit_items) is not int or limit_items < 1):
        raise InputError(f"the number of items must be a whole number of 1 or more, got {limit_items!r}")
    fewest = find_goal(task.goal).fewest_samples
    if type(samples) is not int or samples < fewest:
        why = " (one sample of an item cannot show variety)" if samples == 1 else ""
        raise InputError(
            f"samples must be a whole number of {fewest} or more for goal {task.goal}, got {samples!r}{why}"
        )
    check_seed(seed)
    # A recording finds its pieces by number, so their size must be the same whenever it is taken up again.
    size = REQUESTS_KEPT_AT_ONCE if keeps else REQUESTS_AT_ONCE
    return Plan(task, task.items[:limit_items], grid, samples, seed, tried, size)


def check_temperatures(temperatures: Sequence[float], num_chains: int = 1) -> tuple[float, ...]:
    """The temperatures in rising order, each once; InputError unless they are finite numbers of 0 or more, and there is
    something to compare: two or more of them, or of chains."""
    values = [float(value) for value in temperatures]
    for value in values:
        if not math.isfinite(value) or value < 0:
            raise InputError(
                f"a temperature is {value!r}; temperatures must be finite numbers of 0 (greedy) or more"
            )
    grid = tuple(sorted(set(values)))
    if len(grid) * num_chains < 2:
        raise InputError(f"got {len(grid)} temperature(s) to compare; give at least two different ones")
    return grid


def request_seed(seed: int, item_id: str, repeat: int) -> int:
    """The noise key of one repeat of one item, below 2^63; of the item's id, so that leaving items out or adding some
    changes no other item's answers. All prompts of an item share it: prompts are compared on the same noise too."""
    text = f"{seed}/{repeat}/{item_id}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little") >> 1


# `auto`: the coarse sweep finds the tied region, the fine grid then has twentieths from the coarse neighbour below
# it to the one above. The noise is the same, so on a local model the finer grid costs only the texts that differ.
COARSE = tuple(step / 4 for step in range(9))  # 0 to 2
FINE_STEP = 0.05


def refined(coarse: Sequence[float], region: Sequence[float]) -> tuple[float, ...]:
    """The coarse temperatures, and every FINE_STEP from the neighbour below the region to the one above it.

    `region`: lowest and highest temperature of it, both among the coarse ones, which rise.
    """
    low, high = coarse.index(region[0]), coarse.index(region[-1])
    first, last = coarse[max(0, low - 1)], coarse[min(len(coarse) - 1, high + 1)]
    steps = round((last - first) / FINE_STEP)
    fine = (round(first + step * FINE_STEP, 10) for step in range(steps + 1))
    return tuple(sorted({*coarse, *fine}))


def described(plan: Plan, model: str) -> dict[str, Any]:
    """What a recording says of its run; two runs with equal descriptions have equal answers."""
    return {
        "task": plan.task.name,
        "goal": plan.task.goal,
        "model": model,
        "settings": list(plan.axis.settings),
        "samples": plan.samples,
        "seed": plan.seed,
        "chain": plan.chain,
        "prompts": [written_prompt(prompt) for prompt in plan.task.prompts],
        "max_tokens": plan.task.max_tokens,
        "stop": list(plan.task.stop),
        "scorer": {"kind": plan.task.scorer.kind.name, **plan.task.scorer.options},
        "items": list(plan.item_ids),
        "asked": list(plan.asked),
        "items_hash": content_hash(plan.items),
        "pieces": len(plan.pieces),
        **({} if plan.task.is_chat is None else {"chat": plan.task.is_chat}),
    }


def content_hash(items: Sequence[Item]) -> str:
    """A hash of everything in the items."""
    content = [
        [item.id, dict(item.variables), list(item.references), list(item.choices)]
        + [[check.name, check.value, check.weight] for check in item.checks]
        + [written_prompt(prompt) for prompt in item.prompts]
        for item in items
    ]
    # `default`: a check's value may be anything that YAML can say, dates among them.
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _in_short(item: Item) -> str:
    values = [(name, " ".join(str(value).split())) for name, value in item.variables.items()]
    text = values[0][1] if len(values) == 1 else ", ".join(f"{name}={value}" for name, value in values)
    return f"{text[:ASKED_SHOWN]}{'…' * (len(text) > ASKED_SHOWN)}"
