"""`run`: from a task and a source to a recommendation. Checks first, then the sweep, then the statistics."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from retort.chain import Chain
from retort.errors import CapabilityError, InputError
from retort.numerals import decimals
from retort.sampling.params import check_seed
from retort.sources.base import Capability, Source
from retort.sources.server.connection import ParameterRefused
from retort.sources.server.source import ServerSource
from retort.tune.budget import Price, Spending, read_spending
from retort.tune.choice import choose_exactly
from retort.tune.conclude import conclude
from retort.tune.goals import find_goal
from retort.tune.item import Item, Task, written_prompt
from retort.tune.recommend import finite
from retort.tune.recording import Recording, has_no_settings, in_words
from retort.tune.report import Tuning
from retort.tune.reweight import (
    Wanted,
    chains_to_score,
    check_goal,
    check_second,
    reweighted,
    score_pieces,
    second_nll,
)
from retort.tune.samples import Floats, Origin, Rows, as_samples
from retort.tune.sequential import BLOCK, race, race_order
from retort.tune.server_sweep import Answer, BudgetSpent, Known, Pace, ServerDrawer, answers_of
from retort.tune.settings import Values
from retort.tune.sweep import (
    COARSE,
    REQUESTS_AT_ONCE,
    REQUESTS_KEPT_AT_ONCE,
    Counted,
    Drawer,
    LocalDrawer,
    Place,
    Plan,
    ProgressCallback,
    RayDrawer,
    refined,
)
from retort.tune.variety import WORDS, Likeness

AS_USUAL = Pace()


def run(
    task: Task,
    source: Source,
    temperatures: Sequence[float] | Literal["auto", "own"],
    samples: int,
    seed: int = 0,
    limit_items: int | None = None,
    on_progress: ProgressCallback | None = None,
    *,
    chain: Chain | None = None,
    chains: Sequence[Chain] = (),
    budget: str | int | None = None,
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
    on_forecast: Callable[[Forecast], None] | None = None,
) -> Tuning:
    """Which temperature suits `task` on `source`, with evidence.

    `temperatures`: a list, or "auto", which sweeps 0 to 2 coarsely and then again with a fine grid around the region
    that the coarse one found, or "own", which sends a server none and compares prompts and votes alone; so ends every
    sweep of a model that refuses temperatures. `samples` repeats of every item and prompt, at every temperature of the
    list (in any order); the first `limit_items` items only, if given; `chain`: truncation to apply, its own temperature
    replaced by each of the list. `chains`: several to compare instead, each at every temperature of the list, or at its
    own where the list is empty. `budget`: the most to spend (see `read_spending`); items are then asked in random
    order, and settings that are significantly worse are dropped on the way (sequential.py). Every item that is asked
    gets as many answers at each setting as the budget could pay for all items, `samples` at most.
    `on_progress(done, total, detail)` counts answers. `record`: a folder to keep every answer in, piece by piece;
    `resume`: go on with the recording that is there; `pace`: how fast a server may be asked; `engine`: "ray" spreads
    the items over a cluster's workers, which load the model by its name; `variety`: measure how different the answers
    are, whatever the goal, two of them compared by `likeness`; `logprobs`: keep in the recording how likely each answer
    is at every setting; `reweight`: estimate the score at other settings from the answers drawn;
    `second`: a model that runs here and says how likely it finds the answers; `against`: the setting with which a
    comparison was planned; `price`: money per million tokens; `on_forecast`: told after a trial of some answers
    (which a server is not asked for again) what all of them will take.
    Same arguments, same result (from a server: as far as it repeats itself).
    Raises InputError for arguments that do not fit, CapabilityError for a source without the whole vocabulary.
    """
    known: Known = {}
    if (budget, reweight) != (None, None) or logprobs:
        task = _scored_only(task)
    check_budget(task, temperatures, engine, budget)
    if engine == "ray" and source.capability is not Capability.FULL:
        raise InputError(
            f"--engine ray loads the model on each worker of a cluster, and {source.name} cannot be loaded there; "
            "leave it out (--concurrency is the number of simultaneous requests to a server)"
        )
    if resume and record is not None and has_no_settings(record):
        temperatures = "own"
    again = partial(
        run, task, source, samples=samples, seed=seed, limit_items=limit_items, on_progress=on_progress, pace=pace,
        on_forecast=on_forecast,
    )  # fmt: skip
    without_temperature = partial(
        again,
        "own",
        budget=budget,
        record=record,
        variety=variety,
        likeness=likeness,
        second=second,
        price=price,
    )
    if temperatures == "auto":
        if len(dict.fromkeys(chains)) > 1:
            raise InputError(
                f"auto searches the temperatures of one chain, got {len(chains)}; give the temperatures, "
                f"or leave them out to use each chain at its own"
            )
        # Kept beside the fine grid's answers: a sweep that was killed asks for the coarse ones once only, too.
        beside = None if record is None else record / "coarse"
        begun_before = resume and beside is not None and beside.exists()
        coarse = again(COARSE, chain=chain, chains=chains, record=beside, resume=begun_before, engine=engine)
        if not coarse.settings[0].setting:
            if beside is not None and beside.exists():
                shutil.rmtree(beside)
            return without_temperature(resume=resume)
        on_forecast = None
        temperatures = refined(COARSE, coarse.recommendation.region)
        if beside is not None and source.capability is not Capability.FULL:
            coarsely = make_plan(task, COARSE, samples, seed, limit_items, chain, chains, keeps=True)
            with Recording.begin(beside, described(coarsely, source.name), True) as kept:
                known = _answered(kept, coarsely)
    keeps = record is not None or engine == "ray"
    plan = make_plan(task, temperatures, samples, seed, limit_items, chain, chains, keeps=keeps)
    goal = find_goal(task.goal)
    if task.scorer.kind.name == "choice":
        if record is not None or any(plan.chains) or reweight is not None:
            raise InputError(
                "scorer choice computes its curve and draws nothing, so there is nothing to record or re-weight "
                "and no chain to apply"
            )
        if second is not None:
            raise InputError("scorer choice draws no answers, so a second model has nothing to read")
        return _chosen_exactly(plan, source, on_progress, against, price)
    if second is not None:
        check_second(second)
    if logprobs or reweight is not None:
        _check_reweighting(plan, source, record, logprobs, reweight)
    if record is None and resume:
        raise InputError("--resume needs --record DIR")
    if temperatures == "own":
        against = None  # there is one setting
    spending = grid = None
    if budget is not None:
        # With one setting there is nothing to race: all that the budget pays for is asked.
        grid = plan.num_paths * len(plan.axis) if len(plan.axis) > 1 else None
        spending = read_spending(budget, task.max_tokens, longest_prompt(plan), price)
        plan = affordable(plan, spending, budget)
    description = described(plan, source.name)
    if grid is not None:
        description |= {"pieces": None, "answers_of_grid": grid}
    with nullcontext() if record is None else Recording.begin(record, description, resume) as recording:
        try:
            drawer = _drawer(plan, source, engine, recording, pace, known, spending)
            if on_forecast is not None and not resume and not isinstance(drawer, RayDrawer):
                told = _forecast(plan, drawer, source.capability is Capability.FULL, pace, spending)
                if told is not None:
                    on_forecast(told)
            drawing = _Drawing(plan, drawer, recording, on_progress)
            pieces = drawing.whole() if grid is None or spending is None else drawing.raced(spending)
        except ParameterRefused as refusal:
            if "temperature" not in refusal.parameters or not plan.temperatures:
                raise
            if recording is not None:
                recording.abandon()
            pieces = None
        if pieces is not None and recording is not None:
            recording.finish()
    if pieces is None:
        return without_temperature()
    local = source.capability is Capability.FULL
    origin = Origin(
        task.name,
        source.name,
        seed,
        _spec(plan),
        sum(rows.forward_passes for rows in pieces) if local else None,
        sum(rows.independent_passes for rows in pieces) if local else None,
        grid,
        tuple(in_words(written_prompt(prompt)) for prompt in plan.task.prompts),
        tuple(map(_asked, plan.items)),
    )
    columns = as_samples(pieces, plan.axis, [item.id for item in plan.items])
    variety = variety or task.scorer.kind.name == "none"
    found = conclude(columns, goal, origin, variety=variety, likeness=likeness, against=against, price=price)
    found = replace(found, skipped=dict(task.skipped))
    if second is not None:
        nats = zip(found.settings, second_nll(plan, pieces, second, on_progress).tolist(), strict=True)
        settings = tuple(replace(setting, second_nll=finite(value)) for setting, value in nats)
        found = replace(found, settings=settings, second_model=second.name)
    if not logprobs and reweight is None:
        return found
    wanted = reweight or Wanted()
    likelihoods = score_pieces(plan, source, pieces, wanted.targets, record, on_progress)
    if reweight is None:
        return found
    return replace(found, reweighted=reweighted(columns, likelihoods, goal, wanted, seed))


def _chosen_exactly(
    plan: Plan,
    source: Source,
    on_progress: ProgressCallback | None,
    against: Values | None,
    price: Price | None,
) -> Tuning:
    """What the logits of an item's choices tell, without a draw."""
    task = plan.task
    exact = choose_exactly(plan, source, on_progress)
    passes = exact.forward_passes
    origin = Origin(task.name, source.name, plan.seed, "", passes, passes * len(plan.axis))
    found = conclude(exact.samples, find_goal(task.goal), origin, against=against, price=price)
    return replace(found, calibration=exact.calibration, skipped=dict(task.skipped))


def _scored_only(task: Task) -> Task:
    """Without the tests that have no assertion, where others have: a race and a re-weighting are about scores."""
    scored = tuple(item for item in task.items if item.checks)
    if task.scorer.kind.name != "checks" or len(scored) == len(task.items):
        return task
    left = {**task.skipped, "tests without an assertion": len(task.items) - len(scored)}
    return replace(task, items=scored, skipped=left)


def _drawer(
    plan: Plan,
    source: Source,
    engine: str,
    recording: Recording | None,
    pace: Pace,
    known: Known,
    spending: Spending | None,
) -> Drawer:
    """What draws from the source: paths where all logits are here, requests where a server has them."""
    if source.capability is Capability.FULL:
        if engine != "ray":
            return LocalDrawer(plan, source)
        every = range(len(plan.pieces))
        return RayDrawer(plan, source.name, [n for n in every if recording is None or not recording.has(n)])
    if not isinstance(source, ServerSource):
        raise CapabilityError(
            f"{source.name} can neither be run nor asked, so nothing can be drawn from it; use a local "
            f"model or a server"
        )
    if any(plan.chains):
        raise CapabilityError(
            f"{source.name} truncates by its own settings, so it cannot apply the chain {_spec(plan)}; leave it out"
        )
    return ServerDrawer(plan, source, pace, None if recording is None else recording.folder, known, spending)


@dataclass
class _Drawing:
    """The answers of a plan, piece by piece: read where they are recorded, else drawn now, and recorded."""

    plan: Plan
    drawer: Drawer
    recording: Recording | None
    on_progress: ProgressCallback | None
    pieces: list[Rows] = field(default_factory=list)

    def whole(self) -> list[Rows]:
        """Every answer of the plan."""
        every = range(len(self.plan.axis))

        def counted(more: int, said: str) -> None:
            if self.on_progress is not None:
                done = sum(map(len, self.pieces)) + more
                self.on_progress(done, self.plan.num_paths * len(every), said)

        for places in self.plan.pieces:
            self.pieces.append(self._next(places, every, counted))
        return self.pieces

    def raced(self, spending: Spending) -> list[Rows]:
        """The answers that a budget pays for, a block of items in each piece."""
        plan, goal, ids = self.plan, find_goal(self.plan.task.goal), [item.id for item in self.plan.items]

        def say(_: int = 0, detail: str = "") -> None:
            if self.on_progress is not None:
                text = f"{spending.unit}s of the budget{', ' * bool(detail)}{detail}"
                self.on_progress(spending.spent, spending.most, text)

        def ask(items: Sequence[int], settings: Sequence[int]) -> Floats | None:
            places = plan.places(items)
            is_there = self.recording is not None and self.recording.has(len(self.pieces))
            if not is_there and not spending.has_room(len(places) * len(settings)):
                return None
            try:
                rows = self._next(places, settings, say)
            except BudgetSpent:
                return None
            for row in rows.each():
                key = row["item"], row["prompt"], row["repeat"], row["setting"]
                spending.add(key, row["prompt_tokens"], row["answer_tokens"])
            self.pieces.append(rows)
            say()
            return goal.item_scores(as_samples([rows], plan.axis, ids))[np.ix_(items, settings)]

        low, high = goal.bounds(plan.samples)
        race(ask, len(ids), len(plan.axis), span=high - low, seed=plan.seed)
        if not self.pieces:
            raise InputError(
                f"the budget was spent after {len(spending.paid):,} answers, before {BLOCK} items had been asked at "
                "all settings; give more, or compare fewer settings"
            )
        return self.pieces

    def _next(self, places: Sequence[Place], settings: Sequence[int], counted: Counted) -> Rows:
        number = len(self.pieces)
        rows = None if self.recording is None else self.recording.piece(number)
        if rows is None:
            rows = self.drawer.draw(number, places, settings, counted)
            if self.recording is not None:
                self.recording.write(number, rows)
        return rows


def check_budget(
    task: Task, temperatures: Sequence[float] | str, engine: str, budget: str | int | None
) -> None:
    """Raises InputError for a sweep that no budget can end early."""
    if budget is None:
        return
    if temperatures == "auto":
        raise InputError(
            "auto chooses its fine temperatures by all answers at the coarse ones, so it cannot have a budget; give a "
            "list of temperatures"
        )
    if engine == "ray":
        raise InputError(
            "with a budget every few items decide what is asked next, so workers would wait for each other; leave out "
            "--engine ray, or the budget"
        )
    if task.scorer.kind.name == "choice":
        raise InputError(
            "scorer choice computes its curve and draws nothing, so a budget has nothing to save"
        )


def affordable(plan: Plan, spending: Spending, budget: str | int) -> Plan:
    """The plan with as many answers to an item as the budget pays for all items; InputError below one block."""
    cells = len(plan.items) * len(plan.task.prompts) * len(plan.axis)
    repeats = min(plan.samples, int(spending.most / spending.dearest) // cells)
    plan = replace(plan, samples=max(repeats, find_goal(plan.task.goal).fewest_samples))
    items = min(BLOCK, len(plan.items))
    first = items * len(plan.task.prompts) * plan.samples * len(plan.axis)
    if not spending.has_room(first):
        named = f"{budget} answers" if str(budget).strip().isdigit() else str(budget)
        at_most = "" if spending.unit == "answer" else f", at most {decimals(first * spending.dearest, 4)}"
        raise InputError(
            f"a budget of {named} is too small: {items} items at {len(plan.axis)} settings take {first:,} answers"
            f"{at_most}; give more, or compare fewer settings"
        )
    return plan


@dataclass(frozen=True)
class Forecast:
    """What a sweep of `answers` will take, from a trial of `tried` of them: seconds, and tokens of all prompts and
    answers (None where a server does not count them). `at_most`: a budget may end it earlier."""

    answers: int
    seconds: float
    prompt_tokens: float | None
    answer_tokens: float | None
    tried: int
    tried_seconds: float
    at_most: bool


FORECAST_FROM = {"server": 100, "local": 500}
"""Answers below which nothing is forecast: the trial would be most of the sweep."""
TRIAL_SETTINGS = 5
TRIAL_ROUNDS = 6
"""Requests of a trial for each that a server gets at once: the last ones, which run alone, then weigh little."""


def _forecast(
    plan: Plan, drawer: Drawer, local: bool, pace: Pace, spending: Spending | None
) -> Forecast | None:
    """What all answers will take, by a trial of some; None where the trial would be too much of them."""
    answers = plan.num_paths * len(plan.axis)
    order = race_order(len(plan.items), plan.seed)
    if local:
        # Answers of an item share their passes, so an item is tried in whole.
        settings, repeats = list(range(len(plan.axis))), plan.samples
        items = order[: max(4, len(order) // 20) if spending is None else BLOCK]
    else:
        count = min(TRIAL_SETTINGS, len(plan.axis))
        settings = np.linspace(0, len(plan.axis) - 1, count).round().astype(int).tolist()
        wanted = math.ceil(TRIAL_ROUNDS * pace.concurrency / (len(settings) * len(plan.task.prompts)))
        items = order[: min(wanted, len(order) if spending is None else BLOCK)]
        repeats = min(plan.samples, math.ceil(wanted / len(items)))
    places = plan.places(items, repeats)
    tried = len(places) * len(settings)
    if answers < max(FORECAST_FROM["local" if local else "server"], 4 * tried) or (
        spending is not None and not spending.has_room(4 * tried)
    ):
        return None
    begun = time.monotonic()
    fewer = len(places) // 4
    if local:
        # What a first pass prepares is in no later one; and full batches are faster than a trial's, so that the growth
        # from a small trial to a larger one says what the rest takes.
        drawer.trial(places[:1], settings)
        short_from = time.monotonic()
        drawer.trial(places[:fewer], settings)
    start = time.monotonic()
    rows = drawer.trial(places, settings)
    took = time.monotonic() - start
    each = took / len(places)
    if local and spending is None:
        each = float(np.clip((took - (start - short_from)) / (len(places) - fewer), each / 4, each))
    if spending is not None:
        answers = min(answers, int(spending.most / spending.usual))
    seconds = took + each * max(answers / len(settings) - len(places), 0.0)
    if pace.per_minute is not None and not local:
        seconds = max(seconds, 60.0 * answers / pace.per_minute)
    columns = as_samples([rows], plan.axis, [item.id for item in plan.items])
    before, after = columns.prompt_tokens, columns.num_tokens
    # By their characters: the prompts of the items that were tried may be shorter than the others.
    longer = np.mean(_prompt_lengths(plan, order)) / (np.mean(_prompt_lengths(plan, items)) or 1.0)
    return Forecast(
        answers,
        seconds,
        None if before is None else float(before.mean() * answers * longer),
        None if after is None else float(after.mean()) * answers,
        tried,
        time.monotonic() - begun,
        spending is not None,
    )


def _prompt_lengths(plan: Plan, items: Sequence[int]) -> list[int]:
    """Characters of these items' prompts."""
    every = range(len(plan.task.prompts))
    return [len(str(plan.task.prompt(plan.items[item], number))) for item in items for number in every]


def longest_prompt(plan: Plan) -> float:
    """Tokens of the longest prompt, by its characters: a prompt is rarely longer than one for each two."""
    return max(_prompt_lengths(plan, range(len(plan.items)))) / 2


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
    size = REQUESTS_KEPT_AT_ONCE if keeps else REQUESTS_AT_ONCE
    return Plan(task, task.items[:limit_items], grid, samples, seed, tried, size)


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
        "asked": list(map(_asked, plan.items)),
        "items_hash": content_hash(plan.items),
        "pieces": len(plan.pieces),
        **({} if plan.task.is_chat is None else {"chat": plan.task.is_chat}),
    }


def _spec(plan: Plan) -> str:
    """The chain as text; several are in the settings."""
    return str(plan.chains[0]) if len(plan.chains) == 1 else ""


def _asked(item: Item) -> str:
    """What an item puts into the prompts, for a reader of the report."""
    values = [(name, " ".join(str(value).split())) for name, value in item.variables.items()]
    text = values[0][1] if len(values) == 1 else ", ".join(f"{name}={value}" for name, value in values)
    return f"{text[:ASKED_SHOWN]}{'…' * (len(text) > ASKED_SHOWN)}"


ASKED_SHOWN = 80


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
