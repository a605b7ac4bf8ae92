"""The trainings of a recipe one after another: each arm finds its learning rate, trains every seed, and is followed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from retort.distill.arms import Setting, Trained, run_arm
from retort.distill.objective import Objective
from retort.distill.progress import OnPoint, Progress
from retort.distill.results import ArmResult
from retort.distill.search import Search, Try, arm_names, finds_as_hard, reuses, search


class Course:
    """What was trained so far: results, nats at the judged text's targets, and searches, all by arm."""

    def __init__(self, setting: Setting, progress: Progress, on_point: OnPoint | None) -> None:
        self.setting, arms = setting, arm_names(setting.recipe)
        self.results: dict[str, list[ArmResult]] = {name: [] for name in arms}
        self.held_out: dict[str, dict[int, NDArray[np.float32]]] = {name: {} for name in arms}
        self.searches: dict[str, Search] = {}
        self._progress, self._on_point = progress, on_point
        recipe = setting.recipe
        planned = [(name, recipe.steps) for _ in recipe.seeds for name in arms]
        if isinstance(recipe.learning_rate, tuple):
            rates = len(recipe.learning_rate) - reuses(recipe)
            searched = [name for name in arms if not finds_as_hard(name, recipe)]
            planned += [
                (name, recipe.search_steps or recipe.steps) for name in searched for _ in range(rates)
            ]
        progress.plan(planned)

    def train(self, name: str, seed: int, objective: Objective, steps: int) -> ArmResult:
        """Train one seed of an arm, after a search of its learning rate if it is the arm's first."""
        rates = self.setting.recipe.learning_rate
        tries: dict[float, Trained] = {}
        if isinstance(rates, tuple) and name not in self.searches:
            self.searches[name] = self._searched(name, seed, objective, steps, rates, tries)
        rate = self.searches[name].chosen if isinstance(rates, tuple) else rates
        trained = tries.get(rate) if reuses(self.setting.recipe) else None
        if trained is None:
            trained = self._run(self._at(rate), name, seed, objective, steps)
        elif self._on_point is not None:
            for step, seconds, nll in trained.result.curve:
                self._on_point(name, seed, step, seconds, nll)
        self.results[name].append(trained.result)
        if trained.nll is not None:
            self.held_out[name][seed] = trained.nll
        return trained.result

    def _searched(
        self,
        name: str,
        seed: int,
        objective: Objective,
        steps: int,
        rates: tuple[float, ...],
        tries: dict[float, Trained],
    ) -> Search:
        recipe = self.setting.recipe
        if finds_as_hard(name, recipe):
            return self.searches["hard"]  # the same student, labels and steps: it would find the same

        def attempt(rate: float) -> Try:
            setting = self._at(rate)
            setting = replace(setting, recipe=replace(setting.recipe, save=None))
            if not reuses(self.setting.recipe):
                setting = replace(setting, test=None)
            length = recipe.search_steps or steps
            tries[rate] = self._run(setting, name, seed, objective, length, f", learning rate {rate:g}")
            return Try(rate, tries[rate].result.val_nll, tries[rate].result.seconds)

        return search(name, rates, seed, recipe.search_steps or steps, attempt)

    def _at(self, rate: float) -> Setting:
        return replace(
            self.setting, recipe=replace(self.setting.recipe, learning_rate=rate, search_steps=None)
        )

    def _run(
        self, setting: Setting, name: str, seed: int, objective: Objective, steps: int, trying: str = ""
    ) -> Trained:
        self._progress.begin(name)
        first_step: int | None = None

        def on_step(step: int, steps: int, seconds: float, val_nll: float | None) -> None:
            nonlocal first_step
            first_step = step - 1 if first_step is None else first_step
            if self._on_point is not None and val_nll is not None and not trying:
                self._on_point(name, seed, step, seconds, val_nll)
            self._progress.step(name, seed, step, steps, first_step, val_nll, trying)

        return run_arm(setting, name, seed, objective, steps, on_step)
