"""The sweep of a local model: every item at every temperature, on the same noise, in pieces that can be kept.

One temperature path per (item, prompt, repeat) gives the text at all temperatures of the grid for the price of the
distinct texts. The repeats of different items use different noise: with the same seed everywhere, a lucky draw at one
position would be lucky for all items, and items would not be the independent units that the intervals count on.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from retort.chain import Chain
from retort.errors import MissingExtraError
from retort.sampling import PathRequest, temperature_paths
from retort.sources.base import Source
from retort.tune.samples import Rows
from retort.tune.score import Marker
from retort.tune.settings import Axis, temperature_axis
from retort.tune.task import Item, Task

REQUESTS_AT_ONCE = 1024
"""Paths of a piece: large enough to keep a batch of rows full, small in memory."""

REQUESTS_KEPT_AT_ONCE = 128
"""Paths of a piece that is written to disk before the next begins: what a killed sweep may lose."""

ProgressCallback = Callable[[int, int, str], None]
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
    """All that decides the answers of a sweep; the same plan gives the same answers, piece by piece.

    Every chain is tried at every one of `temperatures` (its own temperature replaced), or at its own where there are
    none. A setting is a pair of the two, in this order.
    """

    task: Task
    items: tuple[Item, ...]
    temperatures: tuple[float, ...]
    samples: int
    seed: int
    chains: tuple[Chain, ...]
    piece_size: int = REQUESTS_AT_ONCE

    @property
    def variants(self) -> list[tuple[Chain, tuple[float, ...]]]:
        """Each chain with the temperatures it is tried at."""
        return [(chain, self.temperatures or (chain.temperature,)) for chain in self.chains]

    @property
    def axis(self) -> Axis:
        """The settings, in the order of their numbers."""
        if len(self.chains) == 1:
            return temperature_axis(self.temperatures)
        settings = [
            {"temperature": temperature, "chain": str(chain.at_temperature(temperature))}
            for chain, temperatures in self.variants
            for temperature in temperatures
        ]
        return Axis(None, tuple(settings), tuple(settings))

    @property
    def pieces(self) -> list[list[Place]]:
        """The paths to run, by item, prompt and repeat, in pieces of `piece_size`."""
        shape = (len(self.items), len(self.task.prompts), self.samples)
        places: list[Place] = [(i, p, r) for i, p, r in itertools.product(*map(range, shape))]
        return [places[start : start + self.piece_size] for start in range(0, len(places), self.piece_size)]

    @property
    def num_paths(self) -> int:
        """How many paths there are in all."""
        return len(self.items) * len(self.task.prompts) * self.samples

    @property
    def cost(self) -> Cost:
        """What this sweep asks for, before anything is run."""
        answers = self.num_paths * len(self.axis)
        prompts = len(self.items) * len(self.task.prompts)
        return Cost(
            items=len(self.items),
            prompts=len(self.task.prompts),
            samples=self.samples,
            settings=len(self.axis),
            answers=answers,
            max_tokens=self.task.max_tokens,
            fewest_passes=prompts,
            most_passes=prompts + answers * (self.task.max_tokens - 1),
        )


def sweep(
    plan: Plan,
    source: Source,
    on_progress: ProgressCallback | None,
    kept: Callable[[int], Rows | None] = lambda number: None,
) -> Iterator[tuple[int, Rows, bool]]:
    """Each piece's number, its answers, and whether they are new; `kept(number)` gives those of an earlier run."""
    marker = Marker(plan.task.scorer, plan.items)
    start = 0
    for number, places in enumerate(plan.pieces):
        rows = kept(number)
        is_new = rows is None
        if rows is None:
            counted = _counted_from(start, plan.num_paths, on_progress)
            rows = draw(plan, places, source, marker, counted)
        yield number, rows, is_new
        start += len(places)


def draw(
    plan: Plan,
    places: Sequence[Place],
    source: Source,
    marker: Marker,
    on_progress: Callable[[int, int], None] | None,
) -> Rows:
    """The answers of these paths, judged, one row for each temperature."""
    prompt_ids = {
        (item, prompt): tuple(plan.task.seen(source, plan.items[item], prompt).ids)
        for item, prompt in dict.fromkeys((item, prompt) for item, prompt, _ in places)
    }
    requests = [
        PathRequest(prompt_ids[item, prompt], request_seed(plan.seed, plan.items[item].id, repeat))
        for item, prompt, repeat in places
    ]
    rows = Rows()
    first = 0
    for done, (chain, temperatures) in enumerate(plan.variants):
        paths = temperature_paths(
            source,
            requests,
            temperatures,
            chain=chain,
            max_tokens=plan.task.max_tokens,
            stop=plan.task.stop,
            on_progress=_share_of(done, len(plan.chains), on_progress),
        )
        column = {temperature: first + number for number, temperature in enumerate(temperatures)}
        first += len(temperatures)
        for (item, prompt, repeat), request, path in zip(places, requests, paths, strict=True):
            rows.forward_passes += path.forward_passes
            rows.independent_passes += path.independent_passes
            for leaf in path.leaves:
                answer, score = marker.mark(item, leaf.text)
                for temperature in leaf.temperatures:
                    rows.add(
                        setting=column[temperature],
                        item=item,
                        prompt=prompt,
                        repeat=repeat,
                        seed=request.seed,
                        text=leaf.text,
                        answer=answer,
                        tokens=list(leaf.ids),
                        finish_reason=leaf.finish_reason,
                        logprob_raw=leaf.logprob_raw,
                        score=score,
                        prompt_tokens=len(prompt_ids[item, prompt]),
                        answer_tokens=len(leaf.ids),
                    )
    assert len(rows) == len(places) * len(plan.axis), "a path left out a temperature of the grid"
    return rows


def _share_of(
    done: int, total: int, on_progress: Callable[[int, int], None] | None
) -> Callable[[int, int], None] | None:
    """The progress of one chain's paths as progress of all chains'."""
    if on_progress is None:
        return None
    return lambda paths, all_paths: on_progress((done * all_paths + paths) // total, all_paths)


def _counted_from(
    start: int, total: int, on_progress: ProgressCallback | None
) -> Callable[[int, int], None] | None:
    """The progress of one call of temperature_paths as progress of the whole sweep."""
    return None if on_progress is None else lambda done, _: on_progress(start + done, total, "paths")


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


RETRIES = 3


def sweep_ray(
    plan: Plan,
    model: str,
    on_progress: ProgressCallback | None,
    kept: Callable[[int], Rows | None] = lambda number: None,
    num_workers: int | None = None,
) -> Iterator[tuple[int, Rows, bool]]:
    """As `sweep`, on a Ray cluster (the one RAY_ADDRESS names, else a new one here), in the order of pieces.

    A piece's answers depend on the plan alone, so it does not matter which worker draws it, when or how often: a worker
    that dies is started again and its piece with it.

    `num_workers`: how many; by default one for every CPU of the cluster, and no more than there are pieces to draw.
    Raises MissingExtraError without ray.
    """
    try:
        import ray
        from ray.util import ActorPool
    except ImportError as error:
        raise MissingExtraError("ray", "ray", "Spreading a sweep over workers") from error
    if not ray.is_initialized():
        ray.init(log_to_driver=False, include_dashboard=False)
    pieces = plan.pieces
    there = {number: rows for number in range(len(pieces)) if (rows := kept(number)) is not None}
    missing = [number for number in range(len(pieces)) if number not in there]
    cpus = int(ray.cluster_resources().get("CPU", 1))
    count = max(1, min(num_workers or cpus, len(missing)))
    worker = ray.remote(max_restarts=RETRIES, max_task_retries=RETRIES, num_cpus=1)(_Worker)
    pool = ActorPool([worker.remote(plan, model) for _ in range(count)]) if missing else None
    drawn = iter(()) if pool is None else pool.map(lambda actor, number: actor.draw.remote(number), missing)
    done = 0
    for number in range(len(pieces)):
        rows = there.get(number)
        is_new = rows is None
        if rows is None:
            rows = next(drawn)
        done += len(pieces[number])
        if on_progress is not None:
            on_progress(done, plan.num_paths, "paths")
        yield number, rows, is_new


class _Worker:
    """One process with the model: draws the pieces that it is asked for."""

    def __init__(self, plan: Plan, model: str) -> None:
        from retort.sources.load import load

        self._plan = plan
        self._source: Any = load(model)
        self._marker = Marker(plan.task.scorer, plan.items)

    def draw(self, number: int) -> Rows:
        """The answers of piece `number`."""
        return draw(self._plan, self._plan.pieces[number], self._source, self._marker, None)
