"""`run`: from a task and a source to a recommendation. Checks first, then the sweep, then the statistics."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from retort.chain import Chain
from retort.errors import CapabilityError, InputError
from retort.sources.base import Capability, Source
from retort.sources.server.connection import ParameterRefused
from retort.sources.server.source import ServerSource
from retort.tune.budget import Price, Spending, read_spending
from retort.tune.choice import choose_exactly
from retort.tune.conclude import conclude
from retort.tune.forecast import Forecast, forecast
from retort.tune.item import Task, written_prompt
from retort.tune.plan import COARSE, Place, Plan, described, make_plan, refined
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
from retort.tune.samples import Floats, Origin, Rows, Samples, as_samples
from retort.tune.sequential import BLOCK, race
from retort.tune.server_sweep import BudgetSpent, Known, Pace, ServerDrawer, answers_of
from retort.tune.settings import Values
from retort.tune.sweep import Counted, Drawer, LocalDrawer, ProgressCallback, RayDrawer
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
    local = source.capability is Capability.FULL
    if (budget, reweight) != (None, None) or logprobs:
        task = _scored_only(task)
    check_budget(task, temperatures, engine, budget)
    if engine == "ray" and not local:
        raise InputError(
            f"--engine ray loads the model on each worker of a cluster, and {source.name} cannot be loaded there; "
            "leave it out (--concurrency is the number of simultaneous requests to a server)"
        )
    if resume and record is not None and has_no_settings(record):
        # The run that is resumed has found that the model refuses temperatures, and began the recording without them.
        temperatures = "own"
    without_temperature = partial(
        run, task, source, "own", samples, seed, limit_items, on_progress, budget=budget, record=record, pace=pace,
        variety=variety, likeness=likeness, second=second, price=price, on_forecast=on_forecast,
    )  # fmt: skip
    planned = partial(
        make_plan, task, samples=samples, seed=seed, limit_items=limit_items, chain=chain, chains=chains
    )
    drawn = partial(_drawn, source, engine, pace, on_progress, resume)
    keeps = record is not None or engine == "ray"
    if temperatures == "auto":
        if len(dict.fromkeys(chains)) > 1:
            raise InputError(
                f"auto searches the temperatures of one chain, got {len(chains)}; give the temperatures, "
                f"or leave them out to use each chain at its own"
            )
        # Kept beside the fine grid's answers: a sweep that was killed asks for the coarse ones once only, too.
        beside = None if record is None else record / "coarse"
        plan = planned(COARSE, keeps=keeps)
        _check(plan, source, record, resume, logprobs, reweight, second)
        if task.scorer.kind.name == "choice":
            coarse = _chosen_exactly(plan, source, on_progress, None, None)
        else:
            pieces = drawn(plan, beside, on_forecast=on_forecast)
            if pieces is None:
                if beside is not None:
                    shutil.rmtree(beside)
                return without_temperature(resume=resume)
            origin = Origin(task.name, source.name, seed)
            coarse = conclude(as_samples(pieces, plan.axis, plan.item_ids), plan.goal, origin)
            if not local:
                # Paid, so not asked again. A model that runs here draws the coarse temperatures along with the fine
                # ones: on the same noise they share passes.
                known = answers_of(pieces, COARSE)
        on_forecast = None  # said of the coarse sweep
        temperatures = refined(COARSE, coarse.recommendation.region)
    plan = planned(temperatures, keeps=keeps)
    _check(plan, source, record, resume, logprobs, reweight, second)
    if task.scorer.kind.name == "choice":
        return _chosen_exactly(plan, source, on_progress, against, price)
    spending = grid = None
    if budget is not None:
        # With one setting none is dropped on the way: the record is of a grid, of the items that the budget pays for.
        grid = plan.num_answers if len(plan.axis) > 1 else None
        spending = read_spending(budget, task.max_tokens, plan.longest_prompt, price)
        plan = plan.affordable(spending, budget)
    pieces = drawn(plan, record, known=known, spending=spending, grid=grid, on_forecast=on_forecast)
    if pieces is None:
        return without_temperature()
    columns = as_samples(pieces, plan.axis, plan.item_ids)
    if temperatures == "own":
        against = None  # there is one setting
    found = _concluded(
        plan, source, pieces, columns, grid, second, on_progress,
        variety=variety, likeness=likeness, against=against, price=price,
    )  # fmt: skip
    if not logprobs and reweight is None:
        return found
    wanted = reweight or Wanted()
    likelihoods = score_pieces(plan, source, pieces, wanted.targets, record, on_progress)
    if reweight is None:
        return found
    return replace(found, reweighted=reweighted(columns, likelihoods, plan.goal, wanted, seed))


def _drawn(
    source: Source,
    engine: str,
    pace: Pace,
    on_progress: ProgressCallback | None,
    resume: bool,
    plan: Plan,
    record: Path | None,
    *,
    known: Known = MappingProxyType({}),
    spending: Spending | None = None,
    grid: int | None = None,
    on_forecast: Callable[[Forecast], None] | None = None,
) -> list[Rows] | None:
    """The answers of a plan, recorded in the folder `record`; None where the model refuses temperatures, and no
    recording of them is left. `grid`: with a race, how many answers all settings would have."""
    description = described(plan, source.name)
    if spending is not None:
        # How many pieces there are is decided on the way, so the recording is read as far as it goes.
        description["pieces"] = None
    if grid is not None:
        description["answers_of_grid"] = grid
    with nullcontext() if record is None else Recording.begin(record, description, resume) as recording:
        try:
            drawing = _Drawing(plan, source, engine, pace, known, spending, recording, on_progress)
            drawer = drawing.drawer
            # Of a resumed sweep some answers are there already, which a trial cannot know of.
            if on_forecast is not None and not resume and not isinstance(drawer, RayDrawer):
                told = forecast(plan, drawer, source.capability is Capability.FULL, pace, spending)
                if told is not None:
                    on_forecast(told)
            pieces = drawing.whole() if spending is None else drawing.raced(spending)
        except ParameterRefused as refusal:
            if "temperature" not in refusal.parameters or not plan.temperatures:
                raise
            if recording is not None:
                recording.abandon()
            return None
        if recording is not None:
            recording.finish()
    return pieces


def _concluded(
    plan: Plan,
    source: Source,
    pieces: Sequence[Rows],
    columns: Samples,
    grid: int | None,
    second: Source | None,
    on_progress: ProgressCallback | None,
    *,
    variety: bool,
    **asked: Any,
) -> Tuning:
    """The record of these answers (`columns`: the same, to be counted), with what a second model says of them.

    `grid`: answers that the whole grid would have had, where a budget ended it; `asked`: as `conclude` takes it.
    """
    task, local = plan.task, source.capability is Capability.FULL
    origin = Origin(
        task.name,
        source.name,
        plan.seed,
        plan.chain,
        sum(rows.forward_passes for rows in pieces) if local else None,
        sum(rows.independent_passes for rows in pieces) if local else None,
        grid,
        tuple(in_words(written_prompt(prompt)) for prompt in task.prompts),
        plan.asked,
    )
    variety = variety or task.scorer.kind.name == "none"
    found = conclude(columns, plan.goal, origin, variety=variety, **asked)
    found = replace(found, skipped=dict(task.skipped))
    if second is None:
        return found
    nats = zip(found.settings, second_nll(plan, pieces, second, on_progress).tolist(), strict=True)
    settings = tuple(replace(setting, second_nll=finite(value)) for setting, value in nats)
    return replace(found, settings=settings, second_model=second.name)


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
    found = conclude(exact.samples, plan.goal, origin, against=against, price=price)
    return replace(found, calibration=exact.calibration, skipped=dict(task.skipped))


def _scored_only(task: Task) -> Task:
    """Without the tests that have no assertion, where others have: a race and a re-weighting are about scores."""
    scored = tuple(item for item in task.items if item.checks)
    if task.scorer.kind.name != "checks" or len(scored) == len(task.items):
        return task
    left = {**task.skipped, "tests without an assertion": len(task.items) - len(scored)}
    return replace(task, items=scored, skipped=left)


@dataclass
class _Drawing:
    """The answers of a plan, piece by piece: read where they are recorded, else drawn now, and recorded."""

    plan: Plan
    source: Source
    engine: str
    pace: Pace
    known: Known
    spending: Spending | None
    recording: Recording | None
    on_progress: ProgressCallback | None
    pieces: list[Rows] = field(default_factory=list)
    drawer: Drawer = field(init=False)

    def __post_init__(self) -> None:
        """Chooses what draws: paths where all logits are here, requests where a server has them."""
        plan, source, recording = self.plan, self.source, self.recording
        if source.capability is Capability.FULL and self.engine == "ray":
            every = range(len(plan.pieces))
            missing = [number for number in every if recording is None or not recording.has(number)]
            self.drawer = RayDrawer(plan, source.name, missing)
        elif source.capability is Capability.FULL:
            self.drawer = LocalDrawer(plan, source)
        elif not isinstance(source, ServerSource):
            raise CapabilityError(
                f"{source.name} can neither be run nor asked, so nothing can be drawn from it; use a local "
                f"model or a server"
            )
        elif any(plan.chains):
            raise CapabilityError(
                f"{source.name} truncates by its own settings, so it cannot apply the chain {plan.chain}; leave it out"
            )
        else:
            folder = None if recording is None else recording.folder
            self.drawer = ServerDrawer(plan, source, self.pace, folder, self.known, self.spending)

    def whole(self) -> list[Rows]:
        """Every answer of the plan."""
        every = range(len(self.plan.axis))

        def counted(more: int, said: str) -> None:
            if self.on_progress is not None:
                self.on_progress(sum(map(len, self.pieces)) + more, self.plan.num_answers, said)

        for places in self.plan.pieces:
            self.pieces.append(self._next(places, every, counted))
        return self.pieces

    def raced(self, spending: Spending) -> list[Rows]:
        """The answers that a budget pays for, a block of items in each piece."""
        plan, goal = self.plan, self.plan.goal

        def say(_: int = 0, detail: str = "") -> None:
            if self.on_progress is not None:
                text = f"{spending.unit}s of the budget{', ' * bool(detail)}{detail}"
                self.on_progress(spending.spent, spending.most, text)

        def ask(items: Sequence[int], settings: Sequence[int]) -> Floats | None:
            places = plan.places(items)
            # What is recorded was paid before, so that a larger budget goes on where a smaller one ended.
            is_there = self.recording is not None and self.recording.has(len(self.pieces))
            if not is_there and not spending.has_room(len(places) * len(settings)):
                return None
            try:
                rows = self._next(places, settings, say)
            except BudgetSpent:
                return None
            # A server's answers were counted as they came, by the same keys: counting them twice changes nothing.
            for row in rows.each():
                key = row["item"], row["prompt"], row["repeat"], row["setting"]
                spending.add(key, row["prompt_tokens"], row["answer_tokens"])
            self.pieces.append(rows)
            say()
            return goal.item_scores(as_samples([rows], plan.axis, plan.item_ids))[np.ix_(items, settings)]

        low, high = goal.bounds(plan.samples)
        # For what it asks: `conclude` makes the same bets again, of these answers as of recorded ones.
        race(ask, len(plan.items), len(plan.axis), span=high - low, seed=plan.seed)
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


def _check(
    plan: Plan,
    source: Source,
    record: Path | None,
    resume: bool,
    logprobs: bool,
    reweight: Wanted | None,
    second: Source | None,
) -> None:
    """Raises, before anything is drawn, for what this task, model or folder cannot give."""
    if plan.task.scorer.kind.name == "choice":
        if record is not None or any(plan.chains) or reweight is not None:
            raise InputError(
                "scorer choice computes its curve and draws nothing, so there is nothing to record or re-weight "
                "and no chain to apply"
            )
        if second is not None:
            raise InputError("scorer choice draws no answers, so a second model has nothing to read")
        return
    if second is not None:
        check_second(second)
    if logprobs and record is None:
        raise InputError("--logprobs needs --record DIR")
    if logprobs or reweight is not None:
        if source.capability is not Capability.FULL:
            raise CapabilityError(
                f"{source.name} does not give the whole vocabulary, so how likely an answer is at another setting is "
                "not known; re-weighting needs a local model"
            )
        chains_to_score(plan, () if reweight is None else reweight.targets)
    if reweight is not None:
        check_goal(plan.goal)
    if record is None and resume:
        raise InputError("--resume needs --record DIR")
