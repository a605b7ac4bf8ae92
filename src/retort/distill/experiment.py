"""A whole distillation: open the models, read the text, train every arm of every seed, and compare.

Read it top down: `run` is the experiment, `Course.train` an arm's place in it (with the search of its learning rate),
arm.py one training, step.py one optimiser step. A recipe flows in, a `DistillResult` flows out; finished arms,
checkpoints and students lie in the recipe's folders.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from retort.distill import ranks
from retort.distill.arm import Setup, Trained, read_array, run_arm, write_array
from retort.distill.card import write_cards
from retort.distill.cut import cut_student
from retort.distill.data.rows import load_texts
from retort.distill.losses.dense import IGNORE_INDEX
from retort.distill.losses.fused import is_fused
from retort.distill.measure import at_targets, mean, nll_and_entropy
from retort.distill.models import (
    Opened,
    Teacher,
    end_token,
    need_causal,
    need_separation,
    new_student,
    open_teachers,
    open_tokenizer,
    teachers_key,
)
from retort.distill.objective import HARD_LABELS, CachedTargets, Objective, open_targets
from retort.distill.recipe import FromTeacher, Recipe
from retort.distill.results import (
    ArmResult,
    DistillResult,
    Search,
    Try,
    conclude,
    gain_by,
    token_frequency,
)
from retort.distill.teacher_text import teacher_text
from retort.distill.time_left import OnProgress, TimeLeft
from retort.distill.tracking import log_result, reporters
from retort.errors import InputError
from retort.files import write_json

# Called with (arm, seed, step, seconds of training, validation nats per token) for each point of a learning curve.
OnPoint = Callable[[str, int, int, float, float], None]

PLAN = "plan.json"  # in the output folder: the seeds that were planned


def run(
    recipe: Recipe, on_progress: OnProgress | None = None, on_point: OnPoint | None = None
) -> DistillResult:
    """Train the arms `hard`, `soft` and `hard_equal_time` for every seed, and report the paired differences.

    Within a seed the arms have equal initial weights, rows, reading order and schedule, and `hard` and `soft` equal
    steps; `hard_equal_time` takes as many steps as fit the soft arm's training time (with the capture of its targets,
    where they come from a cache), with a schedule of that length. Where `learning_rate` is a list, every arm first
    tries each with the first seed and takes its best by the validation text. Seeds go one after another, so that a
    machine that gets slower touches all arms alike. Under torchrun the ranks share the rows of every step; rank 0
    alone holds the clock, writes files and reports, and all get the same result. `on_progress(done, total, detail)`
    gets seconds, `on_point(arm, seed, step, seconds, nats per token)` each point of a learning curve. Finished arms
    in `recipe.output` are reused. Raises RetortError for models, text or settings that do not fit together, and for a
    teacher whose logits are no distribution.
    """
    ranks.join()
    on_progress, on_point = (on_progress, on_point) if ranks.leads() else (None, None)
    # What cannot be logged to is said before hours are spent.
    ranks.agreed(lambda: reporters(recipe))
    ranks.shared(lambda: _keep_plan(recipe))
    if ranks.world_size() > 1 and isinstance(recipe.data.train, FromTeacher):
        ranks.shared(lambda: str(teacher_text(recipe)))  # before all of them need it
    setup, teacher = ranks.agreed(lambda: prepare(recipe))
    cache = ranks.agreed(lambda: open_targets(recipe, setup.tokenizer, setup.texts.train.contents))
    # Beside a cache a teacher is open only to be measured.
    running = teacher if cache is None else None
    soft_labels = Objective(
        running, recipe.temperature, recipe.alpha, recipe.divergence, cache, recipe.on_policy, setup.fused
    )
    hard_labels = replace(HARD_LABELS, fused=setup.fused)
    capture_seconds = None if cache is None else _seconds_of_capture(setup, cache)
    course = Course(setup, on_progress, on_point, capture_seconds or 0.0)
    # The control first: its steps are the measure of time for the arm of equal time.
    for seed in recipe.seeds:
        hard = course.train("hard", seed, hard_labels, recipe.steps) if recipe.control else None
        soft = course.train("soft", seed, soft_labels, recipe.steps)
        if hard is not None and "hard_equal_time" in course.results:
            # Medians per step and not whole times, in which one slow moment would count. The capture counts in full for
            # every seed, as for the one student that somebody trains.
            seconds = recipe.steps * soft.seconds_per_step + (capture_seconds or 0.0)
            course.train("hard_equal_time", seed, hard_labels, max(1, round(seconds / hard.seconds_per_step)))
    record: dict[str, Any] = {"models": list(recipe.teachers), "val_nll": None, "test_nll": None}
    teacher_at_targets = None
    if teacher is not None:
        record, teacher_at_targets = _teacher_record(setup, teacher)
    facts, held_out = _facts(setup, teacher_at_targets), course.held_out
    bins = gain_by(facts, held_out.get("hard", {}), held_out["soft"], planned=recipe.planned)
    found = conclude(
        recipe.but(fused=setup.fused).to_dict(),
        record,
        course.results,
        data=setup.texts.summary(),
        searches=course.searches or None,
        gain_by=bins or None,
        gain_by_part=None if not bins else "validation" if setup.texts.test is None else "test",
        capture_seconds=capture_seconds,
        captured=cache is not None,
        planned=recipe.planned,
    )
    ranks.shared(lambda: write_cards(found))
    if ranks.leads():
        log_result(recipe, found)
    return found


def prepare(recipe: Recipe) -> tuple[Setup, Teacher | None]:
    """Models opened, checked against each other and the text, and text packed; None for a teacher nobody asks."""
    opened = open_teachers(recipe.teachers) if recipe.measure_teacher else []
    tokenizer = opened[0].tokenizer if opened else open_tokenizer(recipe.teachers[0])
    end_id = end_token(tokenizer, recipe.teachers[0])
    cut = None if recipe.cut is None else cut_student(opened[0].model, recipe.cut)
    student = new_student(recipe.student, tokenizer, recipe.seeds[0]) if cut is None else cut
    _check_models(recipe, opened, student)
    teacher_key = teachers_key(opened, recipe.shares)
    texts = load_texts(recipe, tokenizer, end_id, written=teacher_text(recipe, opened))
    setup = Setup(
        recipe=recipe,
        tokenizer=tokenizer,
        texts=texts,
        teacher_key=teacher_key,
        cut=cut,
        fused=is_fused(
            recipe.fused,
            possible=recipe.targets is None and len(opened) == 1,
            dtype=recipe.dtype,
            models=_named(opened, student)[::-1],  # the student's own fault is said first
        ),
    )
    members = [one.model for one in opened]
    if not members:
        return setup, None
    teacher = Teacher(members, len(tokenizer), getattr(torch, recipe.dtype), recipe.shares, recipe.teachers)
    # Before the control is trained for hours: a teacher that says nothing would be noticed at the soft arm's first
    # step.
    first = texts.train.batch(slice(1))
    teacher.need_finite(**{name: one for name, one in first.items() if name not in ("labels", "sources")})
    return setup, teacher


def _named(teachers: list[Opened], student: Any) -> list[tuple[str, Any]]:
    """Every model with what a message calls it."""
    return [*((f"teacher {one.name!r}", one.model) for one in teachers), ("the student", student)]


def _check_models(recipe: Recipe, teachers: list[Opened], student: Any) -> None:
    for name, model in _named(teachers, student):
        limit = getattr(model.config.get_text_config(decoder=True), "max_position_embeddings", None)
        if limit is not None and recipe.sequence_length > limit:
            raise InputError(
                f"sequence_length is {recipe.sequence_length}, but {name} takes {limit} tokens at most;"
                " use shorter rows."
            )
        need_causal(model, name)
        if recipe.data.separate_documents:
            need_separation(model, name)


def _seconds_of_capture(setup: Setup, targets: CachedTargets) -> float | None:
    """What the capture of the training text took: of a cache of more text, the share of the tokens used here."""
    seconds, tokens = targets.cache.seconds, targets.cache.manifest.tokens
    used = int(setup.texts.train.tokens_of_rows.sum())  # padding was not captured
    return None if seconds is None else seconds * min(1.0, used / max(tokens, 1))


def _keep_plan(recipe: Recipe) -> None:
    """Write down the planned seeds, or raise InputError where others were planned, or looked at without a plan."""
    if not recipe.planned or recipe.output is None:
        return
    file, seeds = Path(recipe.output) / PLAN, list(recipe.seeds)
    if file.is_file():
        there = json.loads(file.read_text(encoding="utf-8"))["seeds"]
        if there != seeds:
            raise InputError(
                f"planned is true and seeds are {seeds}, but {file} says that {there} were planned; a plan is kept, or"
                " set planned to false for an interval that holds however often you look."
            )
        return
    if any((Path(recipe.output) / "arms").glob("soft-seed*.json")):
        raise InputError(
            f"planned is true, but {recipe.output} holds soft arms that were trained, and may have been"
            " looked at, before there was a plan; set planned to false, or use another output folder."
        )
    write_json(file, {"seeds": seeds})


def arm_names(recipe: Recipe) -> tuple[str, ...]:
    """The arms that the recipe asks for, in the order in which a seed trains them."""
    if not recipe.control:
        return ("soft",)
    return ("hard", "soft", "hard_equal_time") if recipe.equal_time else ("hard", "soft")


class Course:
    """What was trained so far: results, nats at the judged text's targets, and searches, all by arm.

    A tuned student against an untuned control proves nothing. So every arm, the controls too, trains once at each
    learning rate with the first seed, the same rows and the same number of steps (`search_steps`, or the arm's own),
    and takes the rate with the lowest loss on the validation text for all of its seeds. The test text is not looked
    at.
    """

    def __init__(
        self, setup: Setup, on_progress: OnProgress | None, on_point: OnPoint | None, capture_seconds: float
    ) -> None:
        self.setup, arms = setup, arm_names(setup.recipe)
        self.results: dict[str, list[ArmResult]] = {name: [] for name in arms}
        self.held_out: dict[str, dict[int, NDArray[np.float32]]] = {name: {} for name in arms}
        self.searches: dict[str, Search] = {}
        self._on_point = on_point
        recipe = setup.recipe
        planned = [(name, recipe.steps) for _ in recipe.seeds for name in arms]
        planned += [(name, recipe.search_steps or recipe.steps) for name in tried_arms(recipe)]
        self._left = TimeLeft(on_progress, planned, equal_time_extra=capture_seconds)

    def train(self, name: str, seed: int, objective: Objective, steps: int) -> ArmResult:
        """Train one seed of an arm, after a search of its learning rate if it is the arm's first."""
        rates = self.setup.recipe.learning_rate
        tries: dict[float, Trained] = {}
        if isinstance(rates, tuple) and name not in self.searches:
            self.searches[name], tries = self._searched(name, seed, objective, steps, rates)
        rate = self.searches[name].chosen if isinstance(rates, tuple) else rates
        trained = tries.get(rate) if _reuses(self.setup.recipe) else None
        if trained is None:
            trained = self._run(self._at(rate), name, seed, objective, steps)
        elif self._on_point is not None:
            # Points of a try are not told while it runs; now it is known to be this arm's.
            for step, seconds, nll in trained.result.curve:
                self._on_point(name, seed, step, seconds, nll)
        self.results[name].append(trained.result)
        if trained.nll is not None:
            self.held_out[name][seed] = trained.nll
        return trained.result

    def _searched(
        self, name: str, seed: int, objective: Objective, steps: int, rates: tuple[float, ...]
    ) -> tuple[Search, dict[float, Trained]]:
        """The search, and what was trained in it by its rate."""
        recipe = self.setup.recipe
        if _finds_as_hard(name, recipe):
            return self.searches["hard"], {}  # the same student, labels and steps: it would find the same
        length = recipe.search_steps or steps
        tried: dict[float, Trained] = {}

        def attempt(rate: float) -> Try:
            # The best of tries as long as the arm becomes its first seed, so they are measured like one. All others do
            # not see the test text.
            setup = self._at(rate)
            setup = replace(setup, recipe=setup.recipe.but(save=None))
            if not _reuses(recipe):
                setup = replace(setup, texts=replace(setup.texts, test=None))
            tried[rate] = self._run(setup, name, seed, objective, length, f", learning rate {rate:g}")
            return Try(rate, tried[rate].result.val_nll, tried[rate].result.seconds)

        return search(name, rates, seed, length, attempt), tried

    def _at(self, rate: float) -> Setup:
        return replace(self.setup, recipe=self.setup.recipe.but(learning_rate=rate, search_steps=None))

    def _run(
        self, setup: Setup, name: str, seed: int, objective: Objective, steps: int, trying: str = ""
    ) -> Trained:
        self._left.begin(name, f"{name.replace('_', ' ')}, seed {seed}{trying}")

        def on_step(step: int, steps: int, seconds: float, val_nll: float | None) -> None:
            if self._on_point is not None and val_nll is not None and not trying:
                self._on_point(name, seed, step, seconds, val_nll)
            self._left.step(step, steps, val_nll)

        return run_arm(setup, name, seed, objective, steps, on_step)


def search(
    arm: str, rates: Sequence[float], seed: int, steps: int, attempt: Callable[[float], Try]
) -> Search:
    """The best of `rates` by `attempt`; a diverged one never is. Raises InputError where all diverged."""
    tried = tuple(attempt(rate) for rate in rates)
    sound = [one for one in tried if math.isfinite(one.val_nll)]
    if not sound:
        raise InputError(
            f"arm {arm} diverged at every learning rate of {', '.join(f'{rate:g}' for rate in rates)};"
            " give smaller ones."
        )
    chosen = min(sound, key=lambda one: (one.val_nll, one.learning_rate)).learning_rate
    return Search(seed, steps, tried, chosen, at_edge=chosen in (min(rates), max(rates)))


def tried_arms(recipe: Recipe) -> list[str]:
    """The arm of each training that the searches add to those of the arms and seeds; a try that is one of them counts
    once."""
    if not isinstance(recipe.learning_rate, tuple):
        return []
    more = len(recipe.learning_rate) - _reuses(recipe)
    return [name for name in arm_names(recipe) if not _finds_as_hard(name, recipe) for _ in range(more)]


def _reuses(recipe: Recipe) -> bool:
    """Whether the best try is the first seed's training: as long, and no student is to be saved."""
    return recipe.search_steps is None and recipe.save is None


def _finds_as_hard(arm: str, recipe: Recipe) -> bool:
    """Whether the arm's tries would be those of `hard`: the same labels, and of one length by `search_steps`."""
    return arm == "hard_equal_time" and recipe.search_steps is not None


def _teacher_record(setup: Setup, teacher: Teacher) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """The teacher's held-out nats per token, as the soft arm sees it; and its nats and entropy, `[targets, 2]`.

    The latter are those of the judged text. Both are kept in the output folder.
    """
    recipe, validation, test = setup.recipe, setup.texts.validation, setup.texts.test
    key = f"{setup.teacher_key} {validation.digest} {test and test.digest} {recipe.dtype}"
    name = f"teacher-{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
    file = Path(recipe.output) / "arms" / name if recipe.output else None

    def kept() -> tuple[dict[str, Any], NDArray[np.float32]] | None:
        positions = None if file is None else read_array(file.with_suffix(".npy"))
        if file is None or positions is None or not file.is_file():
            return None
        return json.loads(file.read_text(encoding="utf-8")), positions

    found = ranks.shared(kept)
    if found is not None:
        return found
    measured = [at_targets(teacher, part, nll_and_entropy) for part in (validation, test) if part is not None]
    record = {
        "models": list(recipe.teachers),
        "val_nll": mean(measured[0][:, 0]),
        "test_nll": None if test is None else mean(measured[1][:, 0]),
    }

    def keep() -> None:
        # The JSON last: where it is, both are.
        if file is not None:
            write_array(file.with_suffix(".npy"), measured[-1])
            write_json(file, record)

    ranks.shared(keep)
    return record, measured[-1]


def _facts(setup: Setup, teacher: NDArray[np.float32] | None) -> dict[str, NDArray[np.floating]]:
    """What is known of the judged text's targets: `teacher` holds its nats and entropy there, `[targets, 2]`."""
    judged, train = setup.texts.test or setup.texts.validation, setup.texts.train
    # In the order of `at_targets`, whose nats these facts are compared with: row by row, without the first of each.
    labels = judged.labels[:, 1:]
    labels = labels[labels != IGNORE_INDEX]
    frequency = token_frequency(train.ids, train.labels != IGNORE_INDEX, labels)
    if teacher is None:
        return {"frequency": frequency}
    probability = np.exp(-teacher[:, 0].astype(np.float64))
    return {"teacher_entropy": teacher[:, 1], "label_probability": probability, "frequency": frequency}
