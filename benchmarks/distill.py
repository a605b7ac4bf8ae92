"""What retort's trainer adds to a training step, against bare loops over the same batches.

- retort: transformers' Trainer with retort's loss and clock, as `retort distill` runs it
- a bare loop, our loss: the same model, batches, loss, AdamW, clipping and schedule in a dozen lines; a ratio of 0.95
  says that the trainer adds about 5 %
- a bare loop, textbook loss: `kl_div` and `cross_entropy` over whole tensors, as one would write them first

`largest difference`: how far the weights of the first two are apart after all steps, the proof that both do the same
arithmetic.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.models import benchmark_model
from benchmarks.record import Record, Settings, record
from benchmarks.timing import Row, compared
from retort.distill import Recipe

STUDENT = {
    "model_type": "llama",
    "hidden_size": 112,
    "intermediate_size": 320,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "max_position_embeddings": 256,
    "tie_word_embeddings": True,
}


def run(settings: Settings) -> Record:
    """The record for both arms in both arithmetics."""
    shape = {"batch_size": 2, "sequence_length": 16, "steps": 3} if settings.quick else {}
    rows = []
    with benchmark_model(settings.model) as (model, named, _):
        for dtype in ("float32", "bfloat16"):
            recipe = Recipe.from_dict(
                {
                    "teacher": model,
                    "student": {"config": STUDENT},
                    "data": {"train": "unused", "validation": "unused"},
                    "steps": 12,
                    "temperature": 2.0,
                    "dtype": dtype,
                    **shape,
                }
            )
            for arm in ("soft", "hard"):
                rows.append(_compare(recipe, arm, settings.rounds))
    details = {
        "batch_size": recipe.batch_size,
        "sequence_length": recipe.sequence_length,
        "steps": recipe.steps,
    }
    return record("distill", __doc__ or "", named, settings, details, rows)


def _compare(recipe: Recipe, arm: str, rounds: int) -> Row:
    import torch

    from retort.distill.data.rows import Rows
    from retort.distill.models import Teacher, new_student, open_teachers
    from retort.distill.objective import HARD_LABELS, Objective

    opened = open_teachers(recipe.teachers)
    tokenizer = opened[0].tokenizer
    teacher = Teacher([one.model for one in opened], len(tokenizer), getattr(torch, recipe.dtype))
    objective = Objective(teacher, recipe.temperature, recipe.alpha) if arm == "soft" else HARD_LABELS
    shape = (recipe.steps * recipe.batch_size, recipe.sequence_length)
    ids = np.random.default_rng(0).integers(0, len(tokenizer), size=shape)
    rows = Rows(ids, ids)

    def student() -> Any:
        return new_student(recipe.student, tokenizer, seed=0)

    timed: dict[str, Callable[[], tuple[float, Any]]] = {
        "retort": lambda: _trained(recipe, student(), objective, rows),
        "a bare loop, our loss": lambda: _bare_loop(recipe, student(), objective, rows, _our_loss),
        "a bare loop, textbook loss": lambda: _bare_loop(recipe, student(), objective, rows, _textbook_loss),
    }
    # Not `in_turns`: what counts is the median step within a run, without building models and optimisers.
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    for number in range(rounds):
        weights = {}
        for name in list(timed) if number % 2 == 0 else list(timed)[::-1]:
            median_step, weights[name] = timed[name]()
            seconds[name].append(median_step)
    pairs = zip(weights["retort"], weights["a bare loop, our loss"], strict=True)
    apart = max(float((ours - bare).abs().max()) for ours, bare in pairs)
    return compared(f"{arm} arm, {recipe.dtype}, a step", seconds, **{"largest difference": apart})


def _trained(recipe: Recipe, student: Any, objective: Any, rows: Any) -> tuple[float, Any]:
    """Seconds of the median step under retort's trainer, and the weights it ends with."""
    from retort.distill.step import make_trainer
    from retort.sources.transformers import quiet_transformers

    with tempfile.TemporaryDirectory() as folder, quiet_transformers():
        trainer = make_trainer(
            recipe, student, objective, rows, None, steps=recipe.steps, seed=0, folder=Path(folder)
        )
        trainer.train()
    return trainer.stopwatch.seconds_per_step, [weight.detach() for weight in student.parameters()]


def _bare_loop(
    recipe: Recipe, student: Any, objective: Any, rows: Any, loss_of: Callable[..., Any]
) -> tuple[float, Any]:
    """The same from a plain loop."""
    import torch
    from transformers import get_scheduler

    from retort.distill.data.rows import OrderedRows
    from retort.distill.step import ADAM_BETA2, LARGEST_GRADIENT_NORM

    decayed = [weight for weight in student.parameters() if weight.ndim > 1]
    others = [weight for weight in student.parameters() if weight.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(0.9, ADAM_BETA2), fused=True)
    warmup = round(recipe.warmup * recipe.steps)
    schedule = get_scheduler("cosine", optimiser, num_warmup_steps=warmup, num_training_steps=recipe.steps)
    ordered = OrderedRows(rows, recipe.steps * recipe.batch_size, seed=0)
    seconds = []
    for step in range(recipe.steps):
        begin = time.perf_counter()
        first = step * recipe.batch_size
        items = [ordered[first + place] for place in range(recipe.batch_size)]
        ids = torch.stack([item["input_ids"] for item in items])
        labels = torch.stack([item["labels"] for item in items])
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.dtype == "bfloat16"):
            logits = student(input_ids=ids, use_cache=False).logits
        soft = None if objective.teacher is None else objective.teacher(input_ids=ids)
        loss_of(logits, soft, labels, objective).backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), LARGEST_GRADIENT_NORM)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
        seconds.append(time.perf_counter() - begin)
    return sorted(seconds)[len(seconds) // 2], [weight.detach() for weight in student.parameters()]


def _our_loss(logits: Any, soft: Any, labels: Any, objective: Any) -> Any:
    from retort.distill.losses import align_labels, distillation_loss

    total, count = distillation_loss(
        logits, soft, align_labels(labels), temperature=objective.temperature, alpha=objective.alpha
    )
    return total / count


def _textbook_loss(logits: Any, soft: Any, labels: Any, objective: Any) -> Any:
    from torch.nn import functional

    student = logits[:, :-1].float().flatten(0, 1)
    loss = objective.ce_weight * functional.cross_entropy(student, labels[:, 1:].flatten())
    if soft is not None:
        teacher = soft[:, :-1].float().flatten(0, 1)
        divergence = functional.kl_div(
            functional.log_softmax(student / objective.temperature, dim=-1),
            functional.log_softmax(teacher / objective.temperature, dim=-1),
            reduction="batchmean",
            log_target=True,
        )
        loss = loss + objective.kd_weight * divergence
    return loss
