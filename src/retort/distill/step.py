"""One optimiser step: transformers' Trainer with the distillation loss, its count of positions, its measuring and
clock.

What is ours: the loss is a sum over unmasked positions divided once by their number in the whole optimiser step, over
all micro-batches and ranks; labels are shifted in the losses and nowhere else; rows are read in a fixed order;
held-out text is measured the same way for every arm; and the clock counts training alone, without measuring and
saving.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import ExportableState

from retort.distill import ranks
from retort.distill.data.rows import OrderedRows, Rows
from retort.distill.losses.dense import IGNORE_INDEX, align_labels
from retort.distill.losses.fused import find_head
from retort.distill.measure import held_out_nll
from retort.distill.objective import Objective, is_on_policy, own_batch, row_seed
from retort.distill.recipe import OnPolicy, Recipe, temperature_at
from retort.errors import InputError

SCHEDULER_NAMES = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}
ADAM_BETA2 = 0.95  # runs are hundreds of steps: 0.999 would still remember the first ones at the end
LARGEST_GRADIENT_NORM = 1.0

# Called after every step with (step, steps, seconds of training, held-out nats per token or None).
OnStep = Callable[[int, int, float, float | None], None]


class DistillTrainer(Trainer):
    """Trainer with the distillation loss. `train_dataset` items hold input_ids and labels (equal to them, or masked).

    `half` runs the student's forward and backward pass in bfloat16; weights and loss stay float32.
    """

    def __init__(
        self,
        *,
        objective: Objective,
        held_out: Rows | None = None,
        on_step: OnStep | None = None,
        half: bool = False,
        **arguments: Any,
    ) -> None:
        self.stopwatch = Stopwatch()
        # Not `objective`: Trainer has one of its own, for searches.
        self.distillation = objective
        self.held_out = held_out
        self.half = half
        super().__init__(callbacks=[self.stopwatch], **arguments)
        self.head = find_head(self.model, "the student") if objective.fused else None
        # It prints every log line to stdout, which belongs to the command's one JSON document.
        self.remove_callback(PrinterCallback)
        if on_step is not None:
            self.add_callback(_StepReport(on_step, self.stopwatch))
        # Says to Trainer: the loss is already divided by what the whole step has; don't divide by
        # micro-batches again.
        self.loss_is_scaled_for_ga = True
        if objective.teacher is not None:
            objective.teacher.to(self.args.device)

    def get_batch_samples(
        self, epoch_iterator: Iterator[dict[str, Tensor]], num_batches: int, device: torch.device
    ) -> tuple[list[dict[str, Tensor]], Tensor]:
        """The micro-batches of one optimiser step and the number of unmasked target positions in them, on all ranks."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        own = self.distillation.on_policy
        # Before positions are counted: prompts that the student goes on from are masked.
        if own is not None and is_on_policy(self.args.seed, self.state.global_step, own.share):
            batches = [self._own_words(batch, number, own) for number, batch in enumerate(batches)]
        count = sum(
            (int((align_labels(batch["labels"]) != IGNORE_INDEX).sum()) for batch in batches), start=0
        )
        total = torch.tensor(count, device=device)
        if self.args.world_size > 1:
            total = self.accelerator.gather(total).sum()
        return batches, total

    def _own_words(self, batch: dict[str, Tensor], number: int, own: OnPolicy) -> dict[str, Any]:
        """Micro-batch `number` of the step as the student itself would say it.

        Not the wrapped model: nothing here has a gradient to exchange, and all ranks call it equally often.
        """
        teacher, rows = self.distillation.teacher, len(batch["input_ids"])
        assert teacher is not None and isinstance(self.model, nn.Module), (
            "there is no teacher to score the student's text"
        )
        first = self._first_row(number, rows)
        seeds = [row_seed(self.args.seed, self.state.global_step, first + row) for row in range(rows)]
        with torch.autocast(batch["input_ids"].device.type, torch.bfloat16, enabled=self.half):
            return own_batch(self.model, batch, own, teacher.num_tokens, seeds)

    def _first_row(self, number: int, rows: int) -> int:
        """Which row of the step this rank's micro-batch `number` begins with: ranks take micro-batches in turn."""
        return (number * self.args.world_size + self.args.process_index) * rows

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """The micro-batch's share of the step's mean loss, in nats per position.

        `model` is the wrapped model, and is called as it is.
        """
        inputs = dict(inputs)
        labels, objective = inputs.pop("labels"), self.distillation
        # Of finished steps, not of micro-batches: those of one step have one τ, and a resumed arm goes on with its own.
        temperature = temperature_at(objective.temperature, self.state.global_step, self.state.max_steps)
        total, count, outputs = objective.loss(
            model, inputs, labels, temperature, head=self.head, half=self.half
        )
        positions = (
            count if num_items_in_batch is None else torch.as_tensor(num_items_in_batch, device=total.device)
        )
        # Data parallelism averages gradients over ranks, but each rank's sum was divided by the count of all
        # of them.
        loss = total * (self.accelerator.num_processes / positions.clamp(min=1))
        return (loss, outputs) if return_outputs else loss

    def evaluate(self, *_: Any, metric_key_prefix: str = "eval", **__: Any) -> dict[str, float]:
        """Held-out nats per token, logged like any metric; the clock stands still meanwhile."""
        assert self.held_out is not None and isinstance(self.model, nn.Module), (
            "evaluation was asked for without held-out rows"
        )
        metrics = {f"{metric_key_prefix}_nll": held_out_nll(self.model, self.held_out)}
        self.log({**metrics, "train_seconds": self.stopwatch.seconds})
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _save_rng_state(self, output_dir: str) -> None:
        """Every rank's, before rank 0 writes the state that makes the checkpoint a whole one."""
        super()._save_rng_state(output_dir)
        self.accelerator.wait_for_everyone()

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """0: Trainer's estimate walks over all parameters at every step, and nobody reads it here."""
        return 0

    @property
    def curve(self) -> list[tuple[int, float, float]]:
        """(step, seconds of training, held-out nats per token) of every measurement, those before a resume included."""
        return [
            (int(entry["step"]), entry["train_seconds"], entry["eval_nll"])
            for entry in self.state.log_history
            if "eval_nll" in entry
        ]


class Stopwatch(TrainerCallback, ExportableState):
    """Counts the seconds of training: data, forward, backward, update; not measuring, not saving. Survives a resume."""

    def __init__(self) -> None:
        self.step_seconds: list[float] = []
        self._since = time.perf_counter()

    @property
    def seconds(self) -> float:
        return sum(self.step_seconds)

    @property
    def seconds_per_step(self) -> float:
        """The median, so that a first slow step or a busy machine for a moment does not count."""
        return statistics.median(self.step_seconds) if self.step_seconds else 0.0

    def state(self) -> dict[str, Any]:
        return {"args": {"step_seconds": self.step_seconds}, "attributes": {}}

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start, from where the checkpoint left the clock if there is one."""
        # Trainer's own restoring makes a new object; whoever holds this one would read a stopped clock.
        kept = state.stateful_callbacks.get(type(self).__name__, {}) if state.global_step else {}
        self.step_seconds = list(kept.get("args", {}).get("step_seconds", []))
        self._since = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """One step more; what Trainer does until the next one counts to the next one."""
        now = time.perf_counter()
        self.step_seconds.append(now - self._since)
        self._since = now

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Measuring, or saving, is over: go on."""
        self._since = time.perf_counter()

    on_save = on_evaluate


class _StepReport(TrainerCallback):
    """Tells the caller about every step and measurement."""

    def __init__(self, on_step: OnStep, stopwatch: Stopwatch) -> None:
        self.on_step, self.stopwatch = on_step, stopwatch

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.on_step(state.global_step, state.max_steps, self.stopwatch.seconds, None)

    def on_evaluate(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        val_nll = given["metrics"]["eval_nll"]
        self.on_step(state.global_step, state.max_steps, self.stopwatch.seconds, val_nll)


def training_arguments(recipe: Recipe, *, steps: int, seed: int, folder: Path) -> TrainingArguments:
    """Trainer's arguments for one arm: no bars, no reports, no files but the checkpoints that a recipe wants.

    `batch_size` is that of the whole step: under torchrun each rank takes its share. Raises InputError where the
    micro-batches of all ranks do not fill it.
    """
    assert isinstance(recipe.learning_rate, float), (
        "a list of learning rates is searched before an arm trains"
    )
    size = ranks.world_size()
    micro_batch = recipe.micro_batch_size or max(1, recipe.batch_size // size)
    if recipe.batch_size % (micro_batch * size):
        raise InputError(
            f"batch_size is {recipe.batch_size}, and {size} ranks with micro-batches of {micro_batch} make steps of"
            f" multiples of {micro_batch * size}; give a batch_size that is one, or another micro_batch_size."
        )
    return TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=micro_batch,
        # Without an accelerator, ranks find each other (gloo) only where the CPU was asked for: else each of them would
        # train alone, on all rows, without an error.
        use_cpu=size > 1 and not torch.accelerator.is_available(),
        gradient_accumulation_steps=recipe.batch_size // (micro_batch * size),
        ddp_find_unused_parameters=False,  # a language model uses all it has, and looking for others costs time
        train_sampling_strategy="sequential",  # OrderedRows holds the order
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=SCHEDULER_NAMES[recipe.schedule],
        warmup_steps=round(recipe.warmup * steps),
        weight_decay=recipe.weight_decay,
        adam_beta2=ADAM_BETA2,
        max_grad_norm=LARGEST_GRADIENT_NORM,
        seed=seed,
        eval_strategy="steps" if recipe.eval_every else "no",
        eval_steps=recipe.eval_every,
        save_strategy="steps" if recipe.checkpoint_every else "no",
        save_steps=recipe.checkpoint_every or steps,
        save_total_limit=1,
        remove_unused_columns=False,  # `sources` is no argument of a model, and the loss needs it
        logging_nan_inf_filter=False,  # a loss that diverged is logged as what it is
        logging_steps=max(1, steps // 20),
        dataloader_pin_memory=False,
        disable_tqdm=True,
        report_to="none",
    )


def make_trainer(
    recipe: Recipe,
    student: nn.Module,
    objective: Objective,
    train: Rows,
    held_out: Rows | None,
    *,
    steps: int,
    seed: int,
    folder: Path,
    on_step: OnStep | None = None,
) -> DistillTrainer:
    """A trainer for one arm; the arms of a seed differ in `objective` (and `steps`) alone."""
    return DistillTrainer(
        objective=objective,
        held_out=held_out,
        on_step=on_step,
        half=recipe.dtype == "bfloat16",
        model=student,
        args=training_arguments(recipe, steps=steps, seed=seed, folder=folder),
        train_dataset=OrderedRows(train, steps * recipe.batch_size, seed),
        # Trainer refuses eval_strategy without one; `evaluate` reads held_out.
        eval_dataset=[] if held_out is not None else None,
    )
