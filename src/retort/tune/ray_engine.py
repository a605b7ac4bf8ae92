"""The sweep spread over Ray's workers: each loads the model once and draws pieces; the answers are the local ones.

A piece's answers depend on the plan alone, so it does not matter which worker draws it, when, or how often: a worker
that dies is started again and its piece with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from retort.errors import MissingExtraError
from retort.tune.answers import Marker
from retort.tune.rows import Rows
from retort.tune.sweep import Plan, ProgressCallback, draw

RETRIES = 3


def sweep_ray(
    plan: Plan,
    model: str,
    on_progress: ProgressCallback | None,
    kept: Callable[[int], Rows | None] = lambda number: None,
    num_workers: int | None = None,
) -> Iterator[tuple[int, Rows, bool]]:
    """As `sweep.sweep`, on a Ray cluster (the one RAY_ADDRESS names, else a new one here), in the order of pieces.

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
