"""Tokens a second through `retort distill`'s trainer, beside TRL's GKD trainer on the same models, rows and steps.

- retort: the trainer of `retort distill` with what `fused: auto` chooses; beside it the other of fused and dense
- TRL GKD: `GKDTrainer` (trl.experimental.gkd), where TRL is installed; its own collator replaced by one that gives it
  exactly retort's rows, and its end tokens switched off, so that its own words are as long as retort's

Both have forward KL at temperature 1 and nothing else (TRL's loss knows no other temperature), AdamW, cosine, the same
batches in the same order, no gradient checkpointing, and are timed by the same clock: the median step of a run.

- data: fixed data (TRL's lmbda 0). `largest difference` of the weights after all steps shows that the two do the same.
- own words: every step on what the student says after 32 tokens (lmbda 1, temperature 1); draws differ, so weights do.
- half and half: the two in turns (lmbda 0.5), from the times of both.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.distill import STUDENT
from benchmarks.models import benchmark_model
from benchmarks.record import Record, Settings, record
from benchmarks.timing import Row, compared
from retort.distill import Recipe

PROMPT_TOKENS = 32
Timed = Callable[[], tuple[float, Any]]


def run(settings: Settings) -> Record:
    """The record: fixed data, own words, and half of each, in both arithmetics."""
    shape = {"batch_size": 2, "sequence_length": 40, "steps": 2} if settings.quick else {"steps": 8}
    if importlib.util.find_spec("trl") is None:
        print("gkd: TRL is not installed, so there is nothing beside retort's own times", file=sys.stderr)
    rows = []
    with benchmark_model(settings.model) as (model, named, _):
        for dtype in ("float32", "bfloat16"):
            recipe = Recipe.from_dict(
                {
                    "teacher": model,
                    "student": {"config": STUDENT},
                    "data": {"train": "unused", "validation": "unused"},
                    "temperature": 1.0,
                    "alpha": 1.0,
                    "dtype": dtype,
                    **shape,
                }
            )
            rows += _compare(recipe, settings.rounds)
    details = {
        "batch_size": recipe.batch_size,
        "sequence_length": recipe.sequence_length,
        "steps": recipe.steps,
        "prompt_tokens": PROMPT_TOKENS,
    }
    return record("gkd", __doc__ or "", named, settings, details, rows)


def _compare(recipe: Recipe, rounds: int) -> list[Row]:
    import torch

    from retort.distill.data.rows import Rows
    from retort.distill.losses.fused import is_fused
    from retort.distill.models import Teacher, new_student, open_teachers
    from retort.distill.objective import Objective
    from retort.distill.recipe import OnPolicy

    (opened,) = open_teachers(recipe.teachers)
    num_tokens = len(opened.tokenizer)
    teacher = Teacher([opened.model], num_tokens, getattr(torch, recipe.dtype))
    shape = (recipe.steps * recipe.batch_size, recipe.sequence_length)
    ids = np.random.default_rng(0).integers(0, num_tokens, size=shape)
    rows = Rows(ids, ids)
    whole_data = Objective(teacher, 1.0, 1.0)
    own_words = replace(whole_data, on_policy=OnPolicy(share=1.0, prompt_tokens=PROMPT_TOKENS))

    def student() -> Any:
        return new_student(recipe.student, opened.tokenizer, seed=0)

    def contestants(objective: Objective) -> dict[str, Timed]:
        default = is_fused(
            recipe.fused, possible=True, dtype=recipe.dtype, models=[("it", student()), ("it", opened.model)]
        )
        ours, other = (replace(objective, fused=fused) for fused in (default, not default))
        found: dict[str, Timed] = {
            "retort": lambda: _ours(recipe, student(), ours, rows),
            f"retort, {'dense' if default else 'fused'}": lambda: _ours(recipe, student(), other, rows),
        }
        if importlib.util.find_spec("trl") is not None:
            own = objective.on_policy is not None
            found["TRL GKD"] = lambda: _theirs(recipe, student(), opened, rows, own)
        return found

    seconds: dict[str, dict[str, list[float]]] = {}
    details: dict[str, dict[str, float]] = {}
    for case, objective in (("data", whole_data), ("own words", own_words)):
        timed = contestants(objective)
        weights: dict[str, Any] = {}
        seconds[case] = {name: [] for name in timed}
        for number in range(rounds):
            for name in list(timed) if number % 2 == 0 else list(timed)[::-1]:
                median_step, weights[name] = timed[name]()
                seconds[case][name].append(median_step)
        tokens = recipe.batch_size * recipe.sequence_length
        details[case] = {
            f"tokens a second, {name}": tokens / float(np.median(values))
            for name, values in seconds[case].items()
        }
        if case == "data" and "TRL GKD" in weights:
            pairs = zip(weights["retort"], weights["TRL GKD"], strict=True)
            details[case]["largest difference"] = max(float((a - b).abs().max()) for a, b in pairs)
    seconds["half and half"] = {
        name: [(a + b) / 2 for a, b in zip(values, seconds["own words"][name], strict=True)]
        for name, values in seconds["data"].items()
    }
    return [
        compared(f"{case}, {recipe.dtype}, a step", of, **details.get(case, {}))
        for case, of in seconds.items()
    ]


def _ours(recipe: Recipe, student: Any, objective: Any, rows: Any) -> tuple[float, Any]:
    """Seconds of the median step under retort's trainer, and the weights it ends with."""
    from retort.distill.step import make_trainer
    from retort.sources.transformers import quiet_transformers

    with tempfile.TemporaryDirectory() as folder, quiet_transformers():
        trainer = make_trainer(
            recipe, student, objective, rows, None, steps=recipe.steps, seed=0, folder=Path(folder)
        )
        trainer.train()
    return trainer.stopwatch.seconds_per_step, [weight.detach() for weight in student.parameters()]


def _theirs(recipe: Recipe, student: Any, opened: Any, rows: Any, own_words: bool) -> tuple[float, Any]:
    """The same under TRL's."""
    import torch

    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl.experimental.gkd import GKDConfig, GKDTrainer

    from retort.distill.data.rows import OrderedRows
    from retort.distill.step import ADAM_BETA2, LARGEST_GRADIENT_NORM, Stopwatch
    from retort.sources.transformers import quiet_transformers

    ordered = OrderedRows(rows, recipe.steps * recipe.batch_size, seed=0)

    def collate(items: list[dict[str, Any]]) -> dict[str, Any]:
        ids = torch.stack([ordered[item["row"]]["input_ids"] for item in items])
        labels = ids.clone()
        labels[:, 0] = -100  # the first token is nobody's target; its counting would only scale the loss
        prompts = ids[:, :PROMPT_TOKENS]
        ones = torch.ones_like
        return {
            "input_ids": ids,
            "attention_mask": ones(ids),
            "labels": labels,
            "prompts": prompts,
            "prompt_attention_mask": ones(prompts),
        }

    student.generation_config.eos_token_id = None
    tokenizer = opened.tokenizer
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    with tempfile.TemporaryDirectory() as folder, quiet_transformers():
        arguments = GKDConfig(
            output_dir=folder,
            max_steps=recipe.steps,
            per_device_train_batch_size=recipe.batch_size,
            learning_rate=recipe.learning_rate,
            lr_scheduler_type="cosine",
            warmup_steps=round(recipe.warmup * recipe.steps),
            weight_decay=recipe.weight_decay,
            adam_beta2=ADAM_BETA2,
            max_grad_norm=LARGEST_GRADIENT_NORM,
            bf16=recipe.dtype == "bfloat16",
            use_cpu=not torch.accelerator.is_available(),
            gradient_checkpointing=False,
            train_sampling_strategy="sequential",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=False,
            logging_steps=recipe.steps,
            lmbda=1.0 if own_words else 0.0,
            beta=0.0,
            temperature=1.0,
            max_new_tokens=recipe.sequence_length - PROMPT_TOKENS,
            seed=0,
        )
        clock = Stopwatch()
        trainer = GKDTrainer(
            model=student,
            teacher_model=opened.model,
            args=arguments,
            data_collator=collate,
            train_dataset=Dataset.from_dict({"row": list(range(len(ordered)))}),
            processing_class=tokenizer,
            callbacks=[clock],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return clock.seconds_per_step, [weight.detach() for weight in student.parameters()]
