"""`run`: from a task and a source to a recommendation. Checks first, then the sweep, then the statistics."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from retort.chain import Chain
from retort.errors import CapabilityError, InputError
from retort.sampling.params import check_seed
from retort.sources.base import Capability, Source
from retort.sources.server.source import ServerSource
from retort.tune.cells import Price
from retort.tune.choice import choose_exactly
from retort.tune.conclude import Origin, conclude, conclude_raced
from retort.tune.goals import find_goal
from retort.tune.item import Item, Task, written_prompt
from retort.tune.likelihoods import chains_to_score, check_second, score_pieces, second_nll
from retort.tune.recommend import finite
from retort.tune.recording import Recording
from retort.tune.report import Tuning
from retort.tune.reweight import Wanted, check_goal, reweighted
from retort.tune.samples import Rows, as_samples
from retort.tune.sequential import race
from retort.tune.server_sweep import Answer, Known, Pace, answers_of, sweep_server
from retort.tune.settings import Values
from retort.tune.sweep import (
    COARSE,
    REQUESTS_AT_ONCE,
    REQUESTS_KEPT_AT_ONCE,
    Plan,
    ProgressCallback,
    refined,
    sweep,
    sweep_ray,
)
from retort.tune.variety import WORDS, Likeness

AS_USUAL = Pace()


def run(
    task: Task,
    source: Source,
    temperatures: Sequence[float] | Literal["auto"],
    samples: int,
    seed: int = 0,
    limit_items: int | None = None,
    on_progress: ProgressCallback | None = None,
    *,
    chain: Chain | None = None,
    chains: Sequence[Chain] = (),
    record: Path | None = None,
    resume: bool = False,
    pace: Pace = AS_USUAL,
    engine: Literal["local", "ray"] = "local",
    variety: bool = False,
    likeness: Likeness = WORDS,
    logprobs: bool = False,
    reweight: Wanted | None = None,
    second: Source | None = None,
    against: Values | None = None,
    price: Price | None = None,
) -> Tuning:
    """Which temperature suits `task` on `source`, with evidence.

    `temperatures`: a list, or "auto", which sweeps 0 to 2 coarsely and then again with a fine grid around the region
    that the coarse one found. `samples` repeats of every item and prompt, at every temperature of the list
    (in any order); the first `limit_items` items only, if given; `chain`: truncation to apply, its own temperature
    replaced by each of the list. `chains`: several to compare instead, each at every temperature of the list, or at its
    own where the list is empty.
    `on_progress(done, total, detail)` counts paths. `record`: a folder to keep every answer in, piece by piece;
    `resume`: go on with the recording that is there; `pace`: how fast a server may be asked; `engine`: "ray" spreads
    the items over a cluster's workers, which load the model by its name; `variety`: measure how different the answers
    are, whatever the goal, two of them compared by `likeness`; `logprobs`: keep in the recording how likely each answer
    is at every setting; `reweight`: estimate the score at other settings from the answers drawn;
    `second`: a model that runs here and says how likely it finds the answers; `against`: the setting with which a
    comparison was planned; `price`: money per million tokens.
    Same arguments, same result (from a server: as far as it repeats itself).
    Raises InputError for arguments that do not fit, CapabilityError for a source without the whole vocabulary.
    """
    known: Known = {}
    if temperatures == "auto":
        if len(dict.fromkeys(chains)) > 1:
            raise InputError(
                f"auto searches the temperatures of one chain, got {len(chains)}; give the temperatures, "
                f"or leave them out to use each chain at its own"
            )
        coarse = run(
            task,
            source,
            COARSE,
            samples,
            seed,
            limit_items,
            on_progress,
            chain=chain,
            chains=chains,
            # Kept beside the fine grid's answers: a sweep that was killed asks for the coarse ones once only, too.
            record=None if record is None else record / "coarse",
            resume=resume and record is not None and (record / "coarse").exists(),
            pace=pace,
            engine=engine,
        )
        temperatures = refined(COARSE, coarse.recommendation.region)
        if record is not None and source.capability is not Capability.FULL:
            coarsely = make_plan(task, COARSE, samples, seed, limit_items, chain, chains, keeps=True)
            with Recording.begin(record / "coarse", described(coarsely, source.name), True) as kept:
                known = _answered(kept, coarsely)
    in_parts = record is not None or engine == "ray"
    plan = make_plan(task, temperatures, samples, seed, limit_items, chain, chains, keeps=in_parts)
    if task.scorer.kind.name == "choice":
        if record is not None or any(plan.chains) or reweight is not None:
            raise InputError(
                "scorer choice computes its curve and draws nothing, so there is nothing to record or re-weight "
                "and no chain to apply"
            )
        if second is not None:
            raise InputError("scorer choice draws no answers, so a second model has nothing to read")
        exact = choose_exactly(plan, source, on_progress)
        passes = exact.forward_passes
        origin = Origin(task.name, source.name, seed, "", passes, passes * len(plan.axis))
        found = conclude(exact.samples, find_goal(task.goal), origin, against=against, price=price)
        return replace(found, calibration=exact.calibration, skipped=dict(task.skipped))
    if second is not None:
        check_second(second)
    if logprobs or reweight is not None:
        _check_reweighting(plan, source, record, logprobs, reweight)
    if record is None:
        if resume:
            raise InputError("--resume needs --record DIR")
        pieces = [rows for _, rows, _ in _swept(plan, source, on_progress, None, pace, engine, known)]
    else:
        with Recording.begin(record, described(plan, source.name), resume) as recording:
            pieces = []
            for number, rows, is_new in _swept(plan, source, on_progress, recording, pace, engine, known):
                if is_new:
                    recording.write(number, rows)
                pieces.append(rows)
    local = source.capability is Capability.FULL
    origin = Origin(
        task.name,
        source.name,
        seed,
        _spec(plan),
        sum(rows.forward_passes for rows in pieces) if local else None,
        sum(rows.independent_passes for rows in pieces) if local else None,
    )
    columns = as_samples(pieces, plan.axis, [item.id for item in plan.items])
    goal = find_goal(task.goal)
    variety = variety or task.scorer.kind.name == "none"
    found = replace(
        conclude(columns, goal, origin, variety=variety, likeness=likeness, against=against, price=price),
        skipped=dict(task.skipped),
    )
    if second is not None:
        found = _read_by(second, found, second_nll(plan, pieces, second, on_progress).tolist())
    if not logprobs and reweight is None:
        return found
    wanted = reweight or Wanted()
    likelihoods = score_pieces(plan, source, pieces, wanted.targets, record, on_progress)
    if reweight is None:
        return found
    return replace(found, reweighted=reweighted(columns, likelihoods, goal, wanted, seed))


def run_raced(
    plan: Plan,
    source: Source,
    most_answers: int,
    on_progress: ProgressCallback | None = None,
    *,
    record: Path | None = None,
    resume: bool = False,
    pace: Pace = AS_USUAL,
    against: Values | None = None,
    price: Price | None = None,
) -> Tuning:
    """As `run`, with at most so many answers, and fewer where the answer is known earlier (sequential.py).

    Every item that is asked gets as many answers at each setting as all items could have, `plan.samples` at most.
    """
    axis, goal = plan.axis, find_goal(plan.task.goal)
    if plan.temperatures and len(plan.chains) > 1:
        raise InputError("a budget can compare temperatures or chains, not both at once; leave one out")
    whole = len(plan.items) * len(plan.task.prompts) * len(axis)
    repeats = max(min(plan.samples, most_answers // whole), goal.fewest_samples)
    pieces: list[Rows] = []
    blocks = iter(range(len(plan.items)))

    def ask(items: Sequence[int], settings: Sequence[int]) -> NDArray[np.float64]:
        part = replace(
            plan,
            items=tuple(plan.items[item] for item in items),
            temperatures=tuple(plan.temperatures[one] for one in settings) if plan.temperatures else (),
            chains=plan.chains if plan.temperatures else tuple(plan.chains[one] for one in settings),
            samples=repeats,
        )
        place = None if record is None else record / f"block-{next(blocks):06d}"
        begun = (
            nullcontext()
            if place is None
            else Recording.begin(place, described(part, source.name), resume and place.exists())
        )
        found = []
        with begun as kept:
            for number, rows, is_new in _swept(part, source, None, kept, pace, "local", {}):
                if is_new and kept is not None:
                    kept.write(number, rows)
                found.append(rows)
        for rows in found:
            rows.columns["item"] = [items[item] for item in rows.columns["item"]]
            rows.columns["setting"] = [settings[one] for one in rows.columns["setting"]]
        pieces.extend(found)
        columns = as_samples(found, axis, [item.id for item in plan.items])
        return goal.item_scores(columns)[np.ix_(list(items), list(settings))]

    bounds = goal.bounds(repeats)
    raced = race(
        ask,
        len(plan.items),
        len(axis),
        repeats * len(plan.task.prompts),
        most_answers,
        span=bounds[1] - bounds[0],
        seed=plan.seed,
        on_block=None
        if on_progress is None
        else lambda done, total: on_progress(done, total, "answers of the budget"),
    )
    columns = as_samples(pieces, axis, [item.id for item in plan.items])
    origin = Origin(plan.task.name, source.name, plan.seed, _spec(plan))
    found = conclude_raced(columns, goal, origin, raced, bounds, against=against, price=price)
    return replace(found, answers_of_grid=plan.num_paths * len(axis), skipped=dict(plan.task.skipped))


def forecast(plan: Plan, source: Source, pace: Pace = AS_USUAL) -> tuple[float, tuple[float, float] | None]:
    """Seconds that the sweep will take, and its prompt and answer tokens (None where a server does not say them), from
    a trial of a few items, evenly spaced, at every setting (from a server: at the coldest and the hottest)."""
    local = source.capability is Capability.FULL
    count = max(2, len(plan.items) // 20) if local else 2
    places = np.unique(np.linspace(0, len(plan.items) - 1, count).round().astype(int))
    part = replace(plan, items=tuple(plan.items[place] for place in places), piece_size=REQUESTS_AT_ONCE)
    if not local:
        ends = tuple(dict.fromkeys((plan.temperatures[0], plan.temperatures[-1])))
        part = replace(part, temperatures=ends, samples=min(plan.samples, 2 * pace.concurrency))
    start = time.monotonic()
    pieces = [rows for _, rows, _ in _swept(part, source, None, None, pace, "local", {})]
    seconds = time.monotonic() - start
    answers = plan.num_paths * len(plan.axis)
    drawn = sum(map(len, pieces))
    columns = as_samples(pieces, part.axis, [item.id for item in part.items])
    tokens = None
    if columns.prompt_tokens is not None and columns.num_tokens is not None:
        tokens = float(columns.prompt_tokens.mean() * answers), float(columns.num_tokens.mean() * answers)
    least = 0.0 if pace.per_minute is None else 60.0 * answers / pace.per_minute
    return max(seconds * answers / drawn, least if not local else 0.0), tokens


def _read_by(second: Source, found: Tuning, nll: Sequence[float]) -> Tuning:
    """The record with what a second model thinks of the answers."""
    settings = tuple(
        replace(setting, second_nll=finite(float(value)))
        for setting, value in zip(found.settings, nll, strict=True)
    )
    return replace(found, settings=settings, second_model=second.name)


def _check_reweighting(
    plan: Plan, source: Source, record: Path | None, logprobs: bool, reweight: Wanted | None
) -> None:
    """Nothing where this sweep's answers can be scored and re-weighted, before anything is drawn."""
    if logprobs and record is None:
        raise InputError("--logprobs needs --record DIR")
    if source.capability is not Capability.FULL:
        raise CapabilityError(
            f"{source.name} does not give the whole vocabulary, so how likely an answer is at another setting is not "
            "known; re-weighting needs a local model"
        )
    chains_to_score(plan, () if reweight is None else reweight.targets)
    if reweight is not None:
        check_goal(find_goal(plan.task.goal))


def _swept(
    plan: Plan,
    source: Source,
    on_progress: ProgressCallback | None,
    recording: Recording | None,
    pace: Pace,
    engine: str,
    known: Known,
) -> Iterator[tuple[int, Rows, bool]]:
    """The sweep that fits the source: paths where all logits are here, requests where a server has them."""
    kept = (lambda number: None) if recording is None else recording.piece
    if source.capability is Capability.FULL:
        if engine == "ray":
            return sweep_ray(plan, source.name, on_progress, kept)
        return sweep(plan, source, on_progress, kept)
    if not isinstance(source, ServerSource):
        raise CapabilityError(
            f"{source.name} can neither be run nor asked, so nothing can be drawn from it; use a local "
            f"model or a server"
        )
    if any(plan.chains):
        raise CapabilityError(
            f"{source.name} truncates by its own settings, so it cannot apply the chain {_spec(plan)}; leave it out"
        )
    folder = None if recording is None else recording.folder
    return sweep_server(plan, source, on_progress, kept, folder, pace, known)


def _answered(recording: Recording, plan: Plan) -> Known:
    """A server's answers in a complete recording."""
    known: dict[tuple[int, int, int, float], Answer] = {}
    for number in range(len(plan.pieces)):
        rows = recording.piece(number)
        assert rows is not None, "the coarse sweep is over"
        known |= answers_of(rows, plan.temperatures)
    return known


def make_plan(
    task: Task,
    temperatures: Sequence[float],
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
        raise InputError("give chain or chains, not both")
    grid = () if len(tried) > 1 and not temperatures else check_temperatures(temperatures, len(tried))
    items = task.items[: _checked_limit(limit_items)]
    _check_samples(samples, task.goal)
    check_seed(seed)
    size = REQUESTS_KEPT_AT_ONCE if keeps else REQUESTS_AT_ONCE
    return Plan(task, items, grid, samples, seed, tried, size)


def described(plan: Plan, model: str) -> dict[str, Any]:
    """What a recording says of its run; two runs with equal descriptions have equal answers."""
    return {
        "task": plan.task.name,
        "goal": plan.task.goal,
        "model": model,
        "settings": list(plan.axis.settings),
        "samples": plan.samples,
        "seed": plan.seed,
        "chain": _spec(plan),
        "prompts": [written_prompt(prompt) for prompt in plan.task.prompts],
        "max_tokens": plan.task.max_tokens,
        "stop": list(plan.task.stop),
        "scorer": {"kind": plan.task.scorer.kind.name, **plan.task.scorer.options},
        "items": [item.id for item in plan.items],
        "items_hash": content_hash(plan.items),
        "pieces": len(plan.pieces),
        **({} if plan.task.is_chat is None else {"chat": plan.task.is_chat}),
    }


def _spec(plan: Plan) -> str:
    """The chain as text; several are in the settings."""
    return str(plan.chains[0]) if len(plan.chains) == 1 else ""


def content_hash(items: Sequence[Item]) -> str:
    """A hash of everything in the items."""
    content = [
        [item.id, dict(item.variables), list(item.references), list(item.choices)]
        + [[check.name, check.value, check.weight] for check in item.checks]
        + [written_prompt(prompt) for prompt in item.prompts]
        for item in items
    ]
    text = json.dumps(
        content, sort_keys=True, default=str
    )  # a check's value may be anything that YAML can say
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


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


def _checked_limit(limit_items: int | None) -> int | None:
    if limit_items is not None and (type(limit_items) is not int or limit_items < 1):
        raise InputError(f"the number of items must be a whole number of 1 or more, got {limit_items!r}")
    return limit_items


def _check_samples(samples: int, goal: str) -> None:
    fewest = find_goal(goal).fewest_samples
    if type(samples) is not int or samples < fewest:
        why = " (one sample of an item cannot show variety)" if samples == 1 else ""
        raise InputError(
            f"samples must be a whole number of {fewest} or more for goal {goal}, got {samples!r}{why}"
        )
