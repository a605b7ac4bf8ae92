"""What answers a plan's questions from a model that runs here: paths on the same noise for every temperature.

One temperature path per (item, prompt, repeat) gives the text at all temperatures of the grid for the price of the
distinct texts. The repeats of different items use different noise: with the same seed everywhere, a lucky draw at one
position would be lucky for all items, and items would not be the independent units that the intervals count on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from retort.errors import MissingExtraError
from retort.sampling import PathRequest, temperature_paths
from retort.sources.base import Source
from retort.tune.item import Marker
from retort.tune.plan import Place, Plan, request_seed
from retort.tune.samples import Rows

ProgressCallback = Callable[[float, float, str], None]
Counted = Callable[[int, str], None]
"""Answers of a piece that are there, and what to say beside their number."""


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
        """The answers of these paths, judged, one row for each setting."""
        plan, source = self._plan, self._source
        prompt_ids = {
            (item, prompt): tuple(plan.task.seen(source, plan.items[item], prompt).ids)
            for item, prompt in dict.fromkeys((item, prompt) for item, prompt, _ in places)
        }
        requests = [
            PathRequest(prompt_ids[item, prompt], request_seed(plan.seed, plan.items[item].id, repeat))
            for item, prompt, repeat in places
        ]

        def counting(chains_done: int) -> Callable[[int, int], None] | None:
            """The progress of one chain's paths as answers of all chains: a path has one at each setting."""
            if counted is None:
                return None
            return lambda paths, of: counted(
                (chains_done * of + paths) // len(plan.chains) * len(settings), ""
            )

        rows = Rows()
        first = 0  # number of the chain's first setting, in the order of `Plan.axis`
        for chains_done, (chain, temperatures) in enumerate(plan.variants):
            numbered = enumerate(temperatures, first)
            setting_at = {temperature: setting for setting, temperature in numbered if setting in settings}
            first += len(temperatures)
            # A race has dropped all of this chain's settings, or a trial has fewer paths than it takes a part of.
            if not setting_at or not places:
                continue
            paths = temperature_paths(
                source,
                requests,
                tuple(setting_at),
                chain=chain,
                max_tokens=plan.task.max_tokens,
                stop=plan.task.stop,
                on_progress=counting(chains_done),
            )
            for (item, prompt, repeat), request, path in zip(places, requests, paths, strict=True):
                rows.forward_passes += path.forward_passes
                rows.independent_passes += path.independent_passes
                # One text stands for all the temperatures that give it: it is marked once.
                for leaf in path.leaves:
                    answer, score = self._marker.mark(item, leaf.text)
                    for temperature in leaf.temperatures:
                        rows.add(
                            setting=setting_at[temperature],
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
        assert len(rows) == len(places) * len(settings), "a path left out a setting"
        return rows

    def trial(self, places: Sequence[Place], settings: Sequence[int]) -> Rows:
        return self.draw(0, places, settings)


class RayDrawer:
    """Draws the missing pieces on the workers of a Ray cluster, in their order."""

    def __init__(self, plan: Plan, model: str, missing: Sequence[int]) -> None:
        # run.py asks for the pieces that no recording has, one after another: these, in this order.
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
    pool = ActorPool([worker.remote(plan, model) for _ in range(count)])
    yield from pool.map(lambda actor, number: actor.draw.remote(number), list(missing))


class _Worker:
    """One process with the model: draws the pieces that it is asked for."""

    def __init__(self, plan: Plan, model: str) -> None:
        from retort.sources.load import load

        source: Any = load(model)
        self._plan, self._drawer = plan, LocalDrawer(plan, source)

    def draw(self, number: int) -> Rows:
        return self._drawer.draw(number, self._plan.pieces[number], range(len(self._plan.axis)))
