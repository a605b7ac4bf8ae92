"""The sweep: every item at every temperature, on the same noise.

One temperature path per (item, prompt, repeat) gives the text at all temperatures of the grid for the price of the
distinct texts. The repeats of different items use different noise: with the same seed everywhere, a lucky draw at one
position would be lucky for all items, and items would not be the independent units that the intervals count on.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from retort.distribution import Chain
from retort.sampling import PathRequest, temperature_paths
from retort.sources.base import Source
from retort.tune.answers import AnswerCodes, Codes
from retort.tune.task import Item, Task

REQUESTS_AT_ONCE = 1024
"""Paths held before they become answer codes: large enough to keep a batch of rows full, small in memory."""

ProgressCallback = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Sweep:
    """The answers: one array of codes `[prompts, samples, settings]` an item, and the passes they took."""

    codes: tuple[Codes, ...]
    answers: AnswerCodes
    forward_passes: int
    independent_passes: int


def sweep(
    task: Task,
    items: Sequence[Item],
    source: Source,
    temperatures: Sequence[float],
    samples: int,
    seed: int,
    chain: Chain,
    on_progress: ProgressCallback | None,
) -> Sweep:
    """The answers of all items at all temperatures."""
    column = {temperature: number for number, temperature in enumerate(temperatures)}
    shape = (len(items), len(task.prompts), samples)
    codes = np.full((*shape, len(temperatures)), -1, dtype=np.int32)
    answers = AnswerCodes(task.scorer)
    everything = list(itertools.product(*map(range, shape)))
    forward_passes = independent_passes = 0
    prompt_ids = [
        [tuple(source.encode(task.prompt(item, p))) for p in range(len(task.prompts))] for item in items
    ]
    for start in range(0, len(everything), REQUESTS_AT_ONCE):
        places = everything[start : start + REQUESTS_AT_ONCE]
        requests = [
            PathRequest(prompt_ids[item][prompt], request_seed(seed, items[item].id, repeat))
            for item, prompt, repeat in places
        ]
        paths = temperature_paths(
            source,
            requests,
            temperatures,
            chain=chain,
            max_tokens=task.max_tokens,
            stop=task.stop,
            on_progress=_counted_from(start, len(everything), on_progress),
        )
        for (item, prompt, repeat), path in zip(places, paths, strict=True):
            for leaf in path.leaves:
                code = answers.code(leaf.text)
                for temperature in leaf.temperatures:
                    codes[item, prompt, repeat, column[temperature]] = code
            forward_passes += path.forward_passes
            independent_passes += path.independent_passes
    assert (codes >= 0).all(), "a path left out a temperature of the grid"
    return Sweep(tuple(codes), answers, forward_passes, independent_passes)


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
