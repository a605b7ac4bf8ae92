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
from typing import Any, Protocol

from retort.chain import Chain
from retort.errors import MissingExtraError
from retort.sampling import PathRequest, temperature_paths
from retort.sources.base import Source
from retort.tune.item import Marker
from retort.tune.samples import Rows
from retort.tune.settings import Axis, temperature_axis
from retort.tune.task import Item, Task

REQUESTS_AT_ONCE = 1024
"""Paths of a piece: large enough to keep a batch of rows full, small in memory."""

REQUESTS_KEPT_AT_ONCE = 128
"""Paths of a piece that is written to disk before the next begins: what a killed sweep may lose."""

ProgressCallback = Callable[[float, float, str], None]
Place = tuple[int, int, int]
"""Item, prompt and repeat, as numbers."""

Counted = Callable[[int, str], None]
"""Answers of a piece that are there, and what to say beside their number."""


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
    def pieces(self) -> list[list[Place]]:
        """The paths to run, by item, prompt and repeat, in pieces of `piece_size`."""
        places = self.places(range(len(self.items)))
        return [places[start : start + self.piece_size] for start in range(0, len(places), self.piece_size)]

    def places(self, items: Sequence[int], samples: int | None = None) -> list[Place]:
        """The paths of these items, with all their answers or the first so many."""
        prompts, repeats = range(len(self.task.prompts)), range(samples or self.samples)
        return [(i, p, r) for i, p, r in itertools.product(items, prompts, repeats)]

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


class Drawer(Protocol):
    """What answers a sweep's questions: a model that runs here (`LocalDrawer`), or a server (server_sweep.py)."""

    def draw(
        self, number: int, places: Sequence[Place], settings: Sequence[int], counted: Counted | None = None
    ) -> Rows:
        """The answers of piece `number`: these paths, at these settings."""

    def trial(self, places: Sequence[Place], settings: Sequence[int]) -> Rows:
        """Some of the answers, ahead of the others, to see what they take; a server is not asked for them again."""


class LocalDrawer:
    """Draws from a model that runs here. A trial's answers are drawn again with the others: which rows share a pass
    must not depend on whether there was a trial, or a resumed sweep would differ from a whole one."""

    def __init__(self, plan: Plan, source: Source) -> None:
        self._plan, self._source = plan, source
        self._marker = Marker(plan.task.scorer, plan.items)

    def draw(
        self, number: int, places: Sequence[Place], settings: Sequence[int], counted: Counted | None = None
    ) -> Rows:
        def paths_done(done: int, _: int) -> None:
            if counted is not None:
                counted(done * len(settings), "")

        return draw(self._plan, places, self._source, self._marker, paths_done, settings)

    def trial(self, places: Sequence[Place], settings: Sequence[int]) -> Rows:
        return draw(self._plan, places, self._source, self._marker, None, settings)


def sweep(plan: Plan, source: Source) -> Iterator[Rows]:
    """Every answer of the plan from a model that runs here, piece by piece; nothing is kept."""
    drawer = LocalDrawer(plan, source)
    for number, places in enumerate(plan.pieces):
        yield drawer.draw(number, places, range(len(plan.axis)))


def draw(
    plan: Plan,
    places: Sequence[Place],
    source: Source,
    marker: Marker,
    on_progress: Callable[[int, int], None] | None = None,
    settings: Sequence[int] | None = None,
) -> Rows:
    """The answers of these paths, judged, one row for each setting (None: all of them)."""
    prompt_ids = {
        (item, prompt): tuple(plan.task.seen(source, plan.items[item], prompt).ids)
        for item, prompt in dict.fromkeys((item, prompt) for item, prompt, _ in places)
    }
    requests = [
        PathRequest(prompt_ids[item, prompt], request_seed(plan.seed, plan.items[item].id, repeat))
        for item, prompt, repeat in places
    ]
    wanted = range(len(plan.axis)) if settings is None else settings
    rows = Rows()
    first = 0
    for done, (chain, temperatures) in enumerate(plan.variants):
        column = {
            temperature: first + number
            for number, temperature in enumerate(temperatures)
            if first + number in wanted
        }
        first += len(temperatures)
        if not column or not places:
            continue
        paths = temperature_paths(
            source,
            requests,
            tuple(column),
            chain=chain,
            max_tokens=plan.task.max_tokens,
            stop=plan.task.stop,
            on_progress=_share_of(done, len(plan.chains), on_progress),
        )
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
    assert len(rows) == len(places) * len(wanted), "a path left out a setting"
    return rows


def _share_of(
    done: int, total: int, on_progress: Callable[[int, int], None] | None
) -> Callable[[int, int], None] | None:
    """The progress of one chain's paths as progress of all chains'."""
    if on_progress is None:
        return None
    return lambda paths, all_paths: on_progress((done * all_paths + paths) // total, all_paths)


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


def sweep_ray(plan: Plan, model: str, missing: Sequence[int]) -> Iterator[Rows]:
    """The missing pieces, in their order, from a Ray cluster (the one RAY_ADDRESS names, else a new one here).

    A piece's answers depend on the plan alone, so it does not matter which worker draws it, when or how often: a worker
    that dies is started again and its piece with it. There is one for every CPU of the cluster, and no more than there
    are pieces to draw. Raises MissingExtraError without ray.
    """
    try:
        import ray
        from ray.util import ActorPool
    except ImportError as error:
        raise MissingExtraError("ray", "ray", "Spreading a sweep over workers") from error
    if not ray.is_initialized():
        ray.init(log_to_driver=False, include_dashboard=False)
    count = max(1, min(int(ray.cluster_resources().get("CPU", 1)), len(missing)))
    worker = ray.remote(max_restarts=RETRIES, max_task_retries=RETRIES, num_cpus=1)(_Worker)
    if not missing:
        return
    pool = ActorPool([worker.remote(plan, model) for _ in range(count)])
    yield from pool.map(lambda actor, number: actor.draw.remote(number), list(missing))


class RayDrawer:
    """Draws the missing pieces on the workers of a Ray cluster, in their order."""

    def __init__(self, plan: Plan, model: str, missing: Sequence[int]) -> None:
        self._drawn = sweep_ray(plan, model, missing)

    def draw(
        self, number: int, places: Sequence[Place], settings: Sequence[int], counted: Counted | None = None
    ) -> Rows:
        rows = next(self._drawn)
        if counted is not None:
            counted(len(rows), "")
        return rows

    def trial(self, places: Sequence[Place], settings: Sequence[int]) -> Rows:
        raise NotImplementedError("a cluster's speed is not forecast")


class _Worker:
    """One process with the model: draws the pieces that it is asked for."""

    def __init__(self, plan: Plan, model: str) -> None:
        from retort.sources.load import load

        self._plan = plan
        self._source: Any = load(model)
        self._marker = Marker(plan.task.scorer, plan.items)

    def draw(self, number: int) -> Rows:
        """The answers of piece `number`."""
        return draw(self._plan, self._plan.pieces[number], self._source, self._marker)
