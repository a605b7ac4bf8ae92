"""What Trainer must be made to do right: one average over the whole step, the wrapped model called, a fixed order."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM, TrainerCallback
from transformers.integrations import integration_utils

from retort.distill import run
from retort.distill.data.rows import OrderedRows, Rows
from retort.distill.losses import align_labels, distillation_loss
from retort.distill.measure import held_out_nll
from retort.distill.models import Teacher
from retort.distill.objective import Objective
from retort.distill.recipe import Recipe
from retort.distill.step import DistillTrainer, training_arguments
from retort.distill.tracking import trackers
from retort.errors import InputError

VOCAB_SIZE, LENGTH = 12, 6


def tiny(seed: int) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCAB_SIZE,
            hidden_size=8,
            intermediate_size=8,
            num_hidden_layers=1,
            num_attention_heads=2,
        )
    )


def uneven_rows() -> Rows:
    """Eight rows; the first four keep one or two targets, the last four all of them."""
    ids = np.random.default_rng(0).integers(0, VOCAB_SIZE, (8, LENGTH))
    labels = ids.copy()
    labels[:4, 3:] = -100
    labels[:2, :2] = -100
    return Rows(ids, labels)


class KeepGradients(TrainerCallback):
    def __init__(self) -> None:
        self.seen: list[Tensor] = []

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, model: nn.Module, **_: Any) -> None:
        self.seen.append(
            torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]).clone()
        )


def trainer_of(
    kind: type[DistillTrainer],
    folder: Path,
    *,
    micro_batch_size: int = 8,
    steps: int = 1,
    model: nn.Module | None = None,
    fused: bool = False,
) -> DistillTrainer:
    recipe = Recipe.from_dict(
        {
            "teacher": "t", "student": "s", "data": {"train": "a", "validation": "b"}, "batch_size": 8,
            "micro_batch_size": micro_batch_size, "sequence_length": LENGTH, "warmup": 0,
        }
    )  # fmt: skip
    arguments = training_arguments(recipe, steps=steps, seed=0, folder=folder)
    arguments.max_grad_norm = 0.0  # the gradients themselves, not clipped
    rows = OrderedRows(uneven_rows(), 8 * steps, seed=0)
    rows.order = np.tile(np.arange(8), steps)
    return kind(
        objective=Objective(Teacher([tiny(1)], VOCAB_SIZE, torch.float32), 3.0, 0.7, fused=fused),
        model=model or tiny(0),
        args=arguments,
        train_dataset=rows,
    )


def step_gradient(kind: type[DistillTrainer], folder: Path, micro_batch_size: int) -> Tensor:
    trainer = trainer_of(kind, folder, micro_batch_size=micro_batch_size)
    keeper = KeepGradients()
    trainer.add_callback(keeper)
    trainer.train()
    return keeper.seen[0]


class MeanOfMicroBatchMeans(DistillTrainer):
    """The wrong version: every micro-batch divides by its own count, and Trainer averages the means."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.loss_is_scaled_for_ga = False

    def compute_loss(self, *arguments: Any, num_items_in_batch: Any = None, **others: Any) -> Any:
        return super().compute_loss(*arguments, num_items_in_batch=None, **others)


def test_trap_accumulated_gradients_equal_those_of_one_large_batch(tmp_path: Path) -> None:
    student, teacher, rows = tiny(0), tiny(1), uneven_rows()
    ids, labels = torch.from_numpy(rows.ids), align_labels(torch.from_numpy(rows.labels))
    total, count = distillation_loss(student(ids).logits, teacher(ids).logits, labels)
    (total / count).backward()
    expected = torch.cat([p.grad.flatten() for p in student.parameters() if p.grad is not None])

    def check(kind: type[DistillTrainer]) -> None:
        for micro_batch_size in (8, 4, 2):
            torch.testing.assert_close(
                step_gradient(kind, tmp_path, micro_batch_size), expected, rtol=1e-4, atol=1e-6
            )

    check(DistillTrainer)
    with pytest.raises(AssertionError):
        check(MeanOfMicroBatchMeans)


class Wrapper(nn.Module):
    """Like DDP: what matters happens in its own forward."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.calls = 0

    def forward(self, *arguments: Any, **others: Any) -> Any:
        self.calls += 1
        return self.module(*arguments, **others)


class CallsInside(DistillTrainer):
    """The wrong version: unwraps before the call, so a real DDP would never exchange gradients."""

    def compute_loss(self, model: Any, *arguments: Any, **others: Any) -> Any:
        return super().compute_loss(model.module, *arguments, **others)


def test_trap_the_wrapped_model_is_called(tmp_path: Path) -> None:
    def check(kind: type[DistillTrainer]) -> None:
        trainer = trainer_of(kind, tmp_path)
        wrapped = Wrapper(trainer.model)
        trainer.compute_loss(wrapped, {name: value[None] for name, value in trainer.train_dataset[7].items()})
        assert wrapped.calls == 1

    check(DistillTrainer)
    with pytest.raises(AssertionError):
        check(CallsInside)


def test_two_ranks_average_to_the_gradient_of_all_their_positions(tmp_path: Path) -> None:
    """DDP averages over ranks; the two halves of the rows, with the count of both, must give the loss of all rows."""
    trainer = trainer_of(DistillTrainer, tmp_path)
    batches = [
        {
            name: torch.stack([trainer.train_dataset[row][name] for row in part])
            for name in ("input_ids", "labels")
        }
        for part in (range(4), range(4, 8), range(8))
    ]
    everything = trainer.compute_loss(trainer.model, batches[2])
    count = (align_labels(batches[2]["labels"]) != -100).sum()

    class TwoProcesses:
        num_processes = 2

    trainer.accelerator = TwoProcesses()
    ranks = [trainer.compute_loss(trainer.model, batch, num_items_in_batch=count) for batch in batches[:2]]
    torch.testing.assert_close(sum(ranks) / 2, everything)


def test_nothing_is_written_or_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "work"
    trainer_of(DistillTrainer, folder, steps=2).train()
    assert not folder.exists() or not any(folder.iterdir())
    assert capsys.readouterr().out == ""


def test_held_out_nll_counts_every_target_once() -> None:
    model, rows = tiny(0), uneven_rows()
    logits = model(torch.from_numpy(rows.ids)).logits.double().log_softmax(-1)
    values = [
        -float(logits[row, place - 1, rows.labels[row, place]].detach())
        for row in range(8)
        for place in range(1, LENGTH)
        if rows.labels[row, place] != -100
    ]
    model.train()
    assert held_out_nll(model, rows) == pytest.approx(sum(values) / len(values), abs=1e-5)
    assert len(values) == rows.num_targets and model.training


def test_ensemble_averages_probabilities_and_hides_ids_without_token() -> None:
    members, ids = [tiny(1), tiny(2)], torch.arange(5)[None]
    probs = sum(member(ids).logits[..., :10].softmax(-1) for member in members) / 2
    torch.testing.assert_close(Teacher(members, 10, torch.float32)(input_ids=ids).exp(), probs)


# Training logged elsewhere: every arm is a run of its own, and a library that is missing is said at once.

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
