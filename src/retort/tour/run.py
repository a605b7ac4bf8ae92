"""`run`: the verbs one after another, each result handed over as soon as it is there, and the page at the end.

Finished tunings and the arms of the distillation are kept under OUT/kept and found again, so that a second tour starts
at once and one that was stopped goes on where it was.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from retort import __version__
from retort.blocks import Block
from retort.distill import ArmResult, Recipe
from retort.distill import run as run_distill
from retort.errors import InputError
from retort.lens.look import Look, look
from retort.lens.path import PathFound, path
from retort.report import DistillFound, DrawsFound, Step, Story, TuneFound, write_page
from retort.sampling.generate import generate
from retort.sampling.params import SamplingParams
from retort.sources.base import Capability, Source, needs_whole_vocabulary
from retort.sources.load import load
from retort.tour import plan as commands
from retort.tour.findings import findings
from retort.tour.kept import read_tuning, tuning_file, tuning_key, write_tuning
from retort.tour.plan import Plan
from retort.tune import Item, Task, load_task
from retort.tune import run as run_tune

# Called with (seconds passed, seconds in all, what is happening now); the second number is an estimate and moves.
OnProgress = Callable[[float, float, str], None]

MOST_SCALE = 20.0  # a machine this much slower than the budget assumes; beyond it something else is wrong
# Before that much of a step is done, opening models and filling caches look like its pace.
SHARE_THAT_TELLS = 0.05
SECONDS_THAT_TELL = 5.0  # steps shorter than this say nothing about the machine's speed

KEPT = "kept"
REPORT = "report.html"


@dataclass(frozen=True)
class Found:
    """What a step gave: how it was made, its record (Look, DrawsFound, PathFound, TuneFound or DistillFound), and what
    of it is shown on the way.
    """

    step: Step
    record: Any
    blocks: Iterable[Block]


OnFound = Callable[[Found], None]


def run(
    plan: Plan,
    out: Path,
    *,
    seed: int = 0,
    fresh: bool = False,
    program: str = "retort",
    on_progress: OnProgress | None = None,
    on_found: OnFound | None = None,
) -> Story:
    """The whole tour of `plan`, its page written to OUT/report.html.

    Recipe, tasks and folder are checked before the first step. `fresh` forgets what earlier tours kept in OUT.
    `on_found` gets each step's result as it lands, `on_progress` seconds. Raises what the verbs raise.
    """
    kept = out / KEPT
    recipe = Recipe.load(plan.recipe, plan.recipe_overrides).but(output=str(kept / "distill"))
    tasks = [(name, load_task(name), items, samples) for name, items, samples in plan.tasks]
    _prepare(out, kept, fresh)
    tour = _Tour(plan, seed, kept, on_progress, on_found)
    shown, curves = zip(*(tour.look(model, prompt) for model, prompt in plan.looks), strict=True)
    draws = tour.draw(*plan.looks[0])
    path = tour.path()
    tunings = tuple(tour.tune(*task) for task in tasks)
    distillation = tour.distill(recipe)
    tour.clock.begin("report")
    story = Story(
        version=__version__,
        seed=seed,
        findings=findings(shown, draws, path, [found.tuning for found in tunings], distillation.result),
        looks=shown,
        entropies=curves,
        draws=draws,
        path=path,
        tunings=tunings,
        distillation=distillation,
        steps=tuple(tour.steps),
        next_commands=commands.next_commands(plan, seed, program),
        kept_in=str(kept),
        report=str(out / REPORT),
        note=plan.note,
    )
    write_page(story, out / REPORT)
    tour.clock.end(reused=False)
    return story


class _Tour:
    """The steps, and what they share: the plan, the open models, the clock."""

    def __init__(
        self, plan: Plan, seed: int, kept: Path, on_progress: OnProgress | None, on_found: OnFound | None
    ) -> None:
        self.plan, self.seed, self.kept, self.on_found = plan, seed, kept, on_found
        self.steps: list[Step] = []
        self.sources: dict[str, Source] = {}
        # In the order in which `run` begins them: the clock goes through the budgets and looks up no name.
        names = [
            *["look"] * len(plan.looks), "draw", "path", *["tune"] * len(plan.tasks), "distill", "report"
        ]  # fmt: skip
        self.clock = Clock([plan.budget_seconds[name] for name in names], on_progress)

    def source(self, model: str) -> Source:
        """The model, opened once: as part of the step that needs it first, which is where the seconds go."""
        if model not in self.sources:
            self.sources[model] = load(model)
            if self.sources[model].capability is not Capability.FULL:
                raise needs_whole_vocabulary(self.sources[model], "The tour")
        return self.sources[model]

    def done(
        self, title: str, command: str, record: Any, blocks: Iterable[Block], reused: str | None = None
    ) -> None:
        """A step is over: note it, and hand its record on."""
        step = Step(title, command, self.clock.end(reused=reused is not None), reused)
        self.steps.append(step)
        if self.on_found is not None:
            self.on_found(Found(step, record, blocks))

    def look(self, model: str, prompt: str) -> tuple[Look, Look]:
        """A look at a few temperatures to be shown, and one at many for the curve of entropy."""
        plan = self.plan
        self.clock.begin(f"look at {model}")
        source = self.source(model)
        shown = look(source, prompt, plan.look_temperatures, top=plan.look_top)
        curve = look(source, prompt, plan.entropy_temperatures, top=1)
        self.done("Look", commands.look_command(plan, model, prompt), shown, shown.blocks())
        return shown, curve

    def draw(self, model: str, prompt: str) -> DrawsFound:
        """A few short texts at several temperatures: what the numbers of the look mean for what is said."""
        plan = self.plan
        self.clock.begin("draw")
        source = self.source(model)
        params = [
            SamplingParams(temperature=temperature, max_tokens=plan.draw_max_tokens, seed=self.seed)
            for temperature in plan.draw_temperatures
        ]
        # All texts of the first temperature come first.
        texts = (sample.text for sample in generate(source, [prompt] * len(params), params, n=plan.draws))
        rows = tuple((one.temperature, tuple(islice(texts, plan.draws))) for one in params)
        found = DrawsFound(source.name, prompt, self.seed, rows)
        # `sample` takes one temperature, so one of them stands for all.
        command = commands.draw_command(plan, prompt, plan.draw_temperatures[-2], self.seed)
        self.done("Draw", command, found, found.blocks())
        return found

    def path(self) -> PathFound:
        """One seed through every temperature."""
        plan = self.plan
        self.clock.begin("path")
        found = path(
            self.source(plan.model),
            plan.path_prompt,
            plan.path_temperatures,
            seed=self.seed,
            max_tokens=plan.path_max_tokens,
            chat=plan.path_chat,
        )
        # For a reader the prompt is what was typed; what the model saw stays in `rendered`.
        found = replace(found, prompt=plan.path_prompt)
        self.done("Path", commands.path_command(plan, self.seed), found, found.blocks(("table",)))
        return found

    def tune(self, name: str, task: Task, items: int | None, samples: int) -> TuneFound:
        """The tuning of a task (`name`: as the plan calls it): the one that was kept, or a new one, then kept."""
        plan = self.plan
        self.clock.begin(f"tune {task.name}")
        source = self.source(plan.model)
        part = replace(task, items=spread(task.items, items))
        key = tuning_key(part, source, plan.tune_temperatures, samples, self.seed)
        file = None if key is None else tuning_file(self.kept, part, key)
        tuning = None if file is None else read_tuning(file)
        reused = None if tuning is None else f"from an earlier run, kept in {file}"
        if tuning is None:
            tuning = run_tune(
                part, source, plan.tune_temperatures, samples, seed=self.seed, on_progress=self.clock.progress
            )
            if file is not None:
                write_tuning(file, tuning)
        found = TuneFound(tuning, task.description, task.seen(source, part.items[0]).text, len(task.items))
        command = commands.tune_command(plan, name, samples, self.seed)
        self.done("Tune", command, found, found.blocks(), reused)
        return found

    def distill(self, recipe: Recipe) -> DistillFound:
        """Both arms and the comparison; arms that an earlier tour finished are found by their key."""
        self.clock.begin("distill")
        # An arm leaves a file when it is finished: those that are new after the run were trained by it.
        before = _finished_arms(recipe)
        result = run_distill(recipe, on_progress=self.clock.progress)
        used = sum(len(results) for results in result.arms.values())
        old = used - len(_finished_arms(recipe) - before)
        reused = f"{old} of {used} students from an earlier run, kept in {recipe.output}" if old else None
        # The equal-time arm has another number of steps for every seed, so it has no mean over steps.
        curves = {arm: mean_curve(found) for arm, found in result.arms.items() if arm != "hard_equal_time"}
        found = DistillFound(result, curves)
        command = commands.distill_command(self.plan, str(recipe.output))
        self.done("Distil", command, found, result.blocks(), reused)
        return found


def spread(items: tuple[Item, ...], count: int | None) -> tuple[Item, ...]:
    """`count` of the items at even distances: a list in alphabetical order must not be cut off at B."""
    if count is None or count >= len(items):
        return items
    return tuple(items[number * len(items) // count] for number in range(count))


def mean_curve(results: tuple[ArmResult, ...]) -> tuple[tuple[int, float], ...]:
    """(step, mean validation nats per token over the seeds) at the steps that every seed was measured at."""
    curves = [{step: nll for step, _, nll in one.curve} for one in results]
    if not curves:
        return ()
    steps = sorted(set.intersection(*(set(curve) for curve in curves)))
    return tuple((step, sum(curve[step] for curve in curves) / len(curves)) for step in steps)


def _finished_arms(recipe: Recipe) -> set[str]:
    folder = Path(str(recipe.output)) / "arms"
    return {file.name for file in folder.glob("*-seed*.json")}


def _prepare(out: Path, kept: Path, fresh: bool) -> None:
    """The folder, or one sentence on why there is none; where `fresh`, without what earlier tours kept."""
    try:
        if fresh:
            shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise InputError(
            f"the tour cannot write to {out} ({problem.strerror}); choose another folder with --out."
        ) from None


class Clock:
    """Follows steps of known budgets, in order. `clock` is there for tests."""

    def __init__(
        self,
        budgets: Sequence[float],
        report: OnProgress | None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._budgets = list(budgets)
        self._report = report
        self._clock = clock
        self._began = self._step_began = clock()
        self._step = -1
        self._name = ""
        self._spent = self._planned = 0.0

    def begin(self, name: str) -> None:
        """The next step starts now."""
        self._step += 1
        self._name = name
        self._step_began = self._clock()
        self._say(self._budgets[self._step] * self._scale(), "")

    def progress(self, done: float, total: float, detail: str = "") -> None:
        """`done` of `total` of this step, in whatever unit the step counts."""
        passed = self._clock() - self._step_began
        budget = self._budgets[self._step] * self._scale()
        # By its own pace once that tells something, or once the budget has been wrong; until then by the budget.
        if done >= SHARE_THAT_TELLS * total or passed > budget:
            left = passed * (total - done) / done if done > 0 else budget
        else:
            left = budget - passed
        self._say(left, detail)

    def end(self, *, reused: bool) -> float:
        """The step is over; gives its seconds. A step that reused earlier results says nothing about speed."""
        seconds = self._clock() - self._step_began
        if not reused and self._budgets[self._step] >= SECONDS_THAT_TELL:
            self._spent += seconds
            self._planned += self._budgets[self._step]
        return seconds

    def _scale(self) -> float:
        """How much slower or faster than the budget this machine has been."""
        return min(self._spent / self._planned, MOST_SCALE) if self._planned else 1.0

    def _say(self, left_of_step: float, detail: str) -> None:
        if self._report is None:
            return
        passed = self._clock() - self._began
        later = sum(self._budgets[self._step + 1 :]) * self._scale()
        place = f"{self._step + 1}/{len(self._budgets)} {self._name}"
        self._report(passed, passed + left_of_step + later, f"{place}: {detail}" if detail else place)
