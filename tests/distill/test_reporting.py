"""Training logged elsewhere: every arm is a run of its own, and a library that is missing is said at once."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from transformers import TrainerCallback
from transformers.integrations import integration_utils

from retort.distill import Recipe, run
from retort.distill.step import trackers
from retort.errors import InputError

Markov = Callable[..., dict[str, Any]]


class Recorder(TrainerCallback):
    """Stands for the callback of a library: what it is told, and where TensorBoard would write."""

    told: ClassVar[list[tuple[str, str | None, dict[str, float]]]] = []

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        self.told.append((args.run_name, os.environ.get("TENSORBOARD_LOGGING_DIR"), dict(logs)))


def test_each_arm_is_a_run_with_its_losses(
    markov: Markov, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    ended: list[str] = []
    monkeypatch.setitem(integration_utils.INTEGRATION_TO_CALLBACK, "wandb", Recorder)
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(finish=lambda: ended.append("run")))
    monkeypatch.setattr(Recorder, "told", [])
    output = tmp_path / "out"
    recipe = Recipe.from_dict(markov(steps=4, eval_every=2, seeds=1, report_to="wandb", output=str(output)))
    assert recipe.report_to == ("wandb",) and Recipe.from_dict(recipe.to_dict()) == recipe
    run(recipe)
    names = [name for name, _, _ in Recorder.told]
    assert sorted(set(names)) == ["hard-seed0", "result", "soft-seed0"] and ended == ["run", "run", "run"]
    assert {folder for name, folder, _ in Recorder.told if name == "hard-seed0"} == {
        str(output / "logs" / "hard-seed0")
    }
    logged = {key for _, _, logs in Recorder.told for key in logs}
    assert {"loss", "learning_rate", "eval_nll", "final_validation_nll", "difference"} <= logged
    assert "TENSORBOARD_LOGGING_DIR" not in os.environ
    # What is logged decides no numbers: the arms are found.
    Recorder.told.clear()
    run(Recipe.from_dict(recipe.to_dict() | {"report_to": []}))
    assert Recorder.told == []


def test_what_is_not_there_is_refused_before_anything_is_opened(
    markov: Markov, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> TrainerCallback:
        raise RuntimeError("WandbCallback requires wandb to be installed. Run `pip install wandb`.")

    monkeypatch.setitem(integration_utils.INTEGRATION_TO_CALLBACK, "wandb", missing)
    with pytest.raises(
        InputError, match=r"report_to has 'wandb', which is not installed here \(.*pip install wandb"
    ):
        run(Recipe.from_dict(markov(report_to=["wandb"], teacher="true") | {"teacher": "/no/such/model"}))
    with pytest.raises(InputError, match=r"report_to has 'tensorbord' \(did you mean tensorboard\?\)"):
        run(Recipe.from_dict(markov(report_to=["tensorbord"])))


class Failing(Recorder):
    """A tracker that breaks at its first word."""

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        raise OSError("no\nnetwork")


def test_by_default_it_is_logged_beside_the_results_and_where_the_environment_says(
    markov: Markov, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(
        integration_utils, "get_available_reporting_integrations", lambda: ["tensorboard", "wandb", "mlflow"]
    )
    for name in ("WANDB_PROJECT", "WANDB_API_KEY", "WANDB_MODE", "WANDB_DISABLED", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    nowhere, kept = Recipe.from_dict(markov()), Recipe.from_dict(markov(output=str(tmp_path / "out")))
    assert (nowhere.report_to, trackers(nowhere), trackers(kept)) == (("auto",), (), ("tensorboard",))
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert trackers(kept) == ("tensorboard", "wandb")
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert trackers(kept) == ("tensorboard",)
    assert trackers(Recipe.from_dict(markov(output=str(tmp_path / "out"), report_to=[]))) == ()


def test_a_tracker_that_nobody_named_cannot_break_a_run(
    markov: Markov, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(integration_utils, "get_available_reporting_integrations", lambda: ["tensorboard"])
    monkeypatch.setitem(integration_utils.INTEGRATION_TO_CALLBACK, "tensorboard", Failing)
    monkeypatch.setattr(Recorder, "told", [])
    output = str(tmp_path / "out")
    with pytest.warns(UserWarning, match=r"tensorboard does not work here \(no network\); it is left out"):
        found = run(Recipe.from_dict(markov(steps=4, eval_every=2, seeds=1, output=output)))
    assert found.arms["soft"] and Recorder.told == []
