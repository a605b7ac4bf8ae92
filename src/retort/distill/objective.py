"""What a step learns from: the terms of the loss, where soft targets come from, and rows of the student's own words.

In: a micro-batch and its τ. Out: the summed loss and the number of positions that count. Soft targets come from running
teachers (`Teacher`), from a cache (`CachedTargets`), or from nowhere (`HARD_LABELS`). With `on_policy` some steps learn
from text that the student writes itself (Agarwal et al. 2024, GKD, algorithm 1); which steps, and what it writes, are
pure functions of (seed, step, row, place), so a resumed run, any micro-batch size and any number of ranks agree.
"""

from __future__ import annotations

import hashlib
import inspect
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from retort.distill.cache.reader import Cache
from retort.distill.cache.teacher import tokenizer_hash
from retort.distill.losses import (
    IGNORE_INDEX,
    SparseTargets,
    align_labels,
    distillation_loss,
    find_divergence,
    sparse_distillation_loss,
)
from retort.distill.losses.dense import Mixture
from retort.distill.losses.fused import OutputHead, fused_loss
from retort.distill.models import Teacher
from retort.distill.recipe import OnPolicy, Recipe, TemperatureSchedule, temperature_at
from retort.errors import InputError
from retort.sampling.draw import sample_rows
from retort.sampling.noise import STREAM_ON_POLICY, uniform_at
from retort.sampling.params import SamplingParams
from retort.sources.cached_decoder import CACHE_NAMES


@dataclass(frozen=True)
class CachedTargets:
    """A cache, and the hashes of the documents that the rows are made of, against which it is checked."""

    cache: Cache
    contents: dict[int, bytes]

    def loss(
        self,
        logits: Tensor,
        aligned: Tensor,
        sources: Tensor,
        temperature: float,
        alpha: float,
        divergence: str,
    ) -> tuple[Tensor, Tensor]:
        """`(total, count)` as the dense loss gives them.

        `logits` `[rows, time, vocab]`, `aligned` labels `[rows, time]`, `sources` `[rows, time, 2]` of the input
        tokens: position t is asked for the target of token t + 1, whose source stands one place to the right.
        """
        kept = (aligned != IGNORE_INDEX).nonzero()
        keys = sources[kept[:, 0], kept[:, 1] + 1].cpu().numpy()
        found = self.cache.targets(keys[:, 0], keys[:, 1], self.contents)
        if found.log_probs is not None:
            # Rows of masked positions are never read. Taking the other logits out instead would copy them, and their
            # gradient back. The loss widens half precision block by block.
            teacher = torch.empty(
                (*aligned.shape, found.log_probs.shape[1]), dtype=torch.float16, device=logits.device
            )
            teacher[kept[:, 0], kept[:, 1]] = torch.from_numpy(found.log_probs).to(logits.device)
            return distillation_loss(logits, teacher, aligned, temperature, alpha, divergence)
        entropy = _entropy(found.weights, found.entropy, self.cache.codec.unbiased)
        targets = SparseTargets(
            *(torch.from_numpy(one).to(logits.device) for one in (found.ids, found.weights, entropy))
        )
        return sparse_distillation_loss(logits, targets, aligned, temperature, alpha)


def open_targets(
    recipe: Recipe, tokenizer: object, contents: dict[int, bytes] | None
) -> CachedTargets | None:
    """The recipe's cache, after checking that it fits this training; None where it has none.

    Raises InputError with both values.
    """
    if recipe.targets is None:
        return None
    assert contents is not None, "rows that are looked up in a cache know their documents"
    cache = Cache(recipe.targets)
    cache.need_tokenizer(tokenizer_hash(tokenizer), recipe.teachers[0])
    check_targets(recipe, cache)
    return CachedTargets(cache, contents)


def check_targets(recipe: Recipe, cache: Cache) -> None:
    """What can be said of a recipe and its cache without a tokenizer. Raises InputError with both values."""
    cache.need_complete()
    temperature, codec = recipe.temperature, cache.codec.text
    if not isinstance(temperature, TemperatureSchedule):
        cache.need_temperature(temperature)
    elif codec != "dense" or cache.origin.teachers > 1:
        raise InputError(
            f"temperature moves from {temperature.first:g} to {temperature.last:g}, and {recipe.targets} holds"
            f" {codec} targets of τ = {cache.origin.temperature:g}, which can be used only at that "
            f"temperature; use it, or capture one teacher with codec dense, which works at every τ."
        )
    if codec != "dense" and recipe.divergence != "forward_kl":
        raise InputError(
            f"divergence is {recipe.divergence} and {recipe.targets} holds {codec} targets: weighted "
            f"tokens give only the gradient of forward_kl. Use that, or capture with codec dense."
        )


def _entropy(weights: np.ndarray, teacher: np.ndarray, unbiased: bool) -> np.ndarray:
    """What makes the value a KL: the teacher's entropy, or that of renormalised top-k, which are another teacher."""
    if unbiased:
        return teacher
    own: np.ndarray = -(weights * np.log(np.where(weights > 0, weights, 1.0))).sum(-1)
    return own


@dataclass(frozen=True)
class Objective:
    """What the loss is made of; without a teacher or a cache it is cross-entropy alone.

    `cache` takes the teacher's place in the loss; the rows then say where each token comes from. `fused`: from hidden
    states, without logits.
    """

    teacher: Teacher | None
    temperature: float | TemperatureSchedule
    alpha: float
    divergence: str = "forward_kl"
    cache: CachedTargets | None = None
    on_policy: OnPolicy | None = None
    fused: bool = False

    @property
    def kd_weight(self) -> float:
        """Weight of the soft term in the first step, tau squared included where the divergence is tempered."""
        return self.kd_weight_at(0, 1)

    def kd_weight_at(self, step: int, steps: int) -> float:
        """Weight of the soft term in `step` (from 0) of `steps`."""
        return Mixture.of(
            temperature_at(self.temperature, step, steps), self.alpha, self.divergence
        ).soft_weight

    @property
    def ce_weight(self) -> float:
        return 1 - self.alpha

    @property
    def decides(self) -> list[Any]:
        """What of the loss decides an arm's numbers, as plain values; teacher and cache are known by their hashes."""
        moving = isinstance(self.temperature, TemperatureSchedule)
        own = [] if self.on_policy is None else [self.on_policy.model_dump()]
        fused = ["fused"] if self.fused else []  # the same to float error is not the same
        # Several teachers are averaged at τ since this was written: finished arms of before are of another teacher.
        several = ["mean at tau"] if self.teacher is not None and len(self.teacher.members) > 1 else []
        temperature = self.temperature.model_dump() if moving else self.temperature  # type: ignore[union-attr]
        return [self.kd_weight, self.ce_weight, temperature, self.divergence, *own, *fused, *several]

    def loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        labels: Tensor,
        temperature: float,
        *,
        head: OutputHead | None,
        half: bool,
    ) -> tuple[Tensor, Tensor, Any]:
        """The summed loss of a micro-batch, how many positions it has, and the model's outputs.

        `model` is the wrapped one and is called as it is: calling what is inside a DDP or FSDP wrapper would skip the
        gradient exchange without an error. `head` is the student's, where the loss is fused. Raises SourceError where a
        teacher's logits are no distribution.
        """
        inputs = dict(inputs)
        sources, own_words = inputs.pop("sources", None), inputs.pop("own", False)
        # The student's own words are no labels: cross-entropy with them is noise around a gradient of 0.
        alpha = 1.0 if own_words else self.alpha
        aligned, device = align_labels(labels), labels.device.type
        # Not Trainer's own bf16: that copies the logits to float32, the largest tensor of the step, before the loss
        # reads them; the loss widens them chunk by chunk.
        noted: AbstractContextManager[list[Tensor]] = nullcontext([]) if head is None else head.hidden()
        with noted as seen, torch.autocast(device, torch.bfloat16, enabled=half):
            outputs = model(**inputs, use_cache=False)
        if head is not None:
            states, judge = (None, None) if self.teacher is None else self.teacher.hidden(**inputs)
            mixture = Mixture.of(temperature, alpha, self.divergence)
            total, count = fused_loss(seen[0], head.now, states, judge, aligned, mixture)
        elif self.cache is not None:
            assert sources is not None, "rows without sources cannot be looked up in a cache"
            total, count = self.cache.loss(
                outputs.logits, aligned, sources, temperature, alpha, self.divergence
            )
        else:
            soft = None if self.teacher is None else self.teacher(self._averaged_at(temperature), **inputs)
            total, count = distillation_loss(
                outputs.logits, soft, aligned, temperature, alpha, self.divergence
            )
        if self.teacher is not None and not bool(total.isfinite()):
            # A student that diverges is its own affair (a search leaves it out); a teacher that does is an error. It is
            # asked again only here: to look through all its logits in every step would cost a pass over them.
            self.teacher.need_finite(**inputs)
        # In steps of own words the soft term weighs what it weighs in all others.
        return total * self.alpha if own_words else total, count, outputs

    def _averaged_at(self, temperature: float) -> float:
        """Where several teachers are averaged: at the loss's τ, or at 1 where the divergence has none."""
        return temperature if find_divergence(self.divergence).row.tempered else 1.0


HARD_LABELS = Objective(teacher=None, temperature=1.0, alpha=0.0)


def is_on_policy(seed: int, step: int, share: float) -> bool:
    """Whether this step learns from the student's own words: true in a `share` (GKD's lambda) of all steps."""
    return float(uniform_at(seed, step, STREAM_ON_POLICY)) < share


def row_seed(seed: int, step: int, row: int) -> int:
    """The 64-bit seed of what the student writes in row `row` of the whole step, over micro-batches and ranks."""
    key = b"".join(number.to_bytes(8, "little") for number in (seed, step, row))
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little")


@torch.no_grad()
def continue_rows(
    student: nn.Module, prompts: Tensor, length: int, seeds: list[int], temperature: float, num_tokens: int
) -> Tensor:
    """`[rows, length]`: `prompts` `[rows, prompt]` and what the student writes after them at `temperature`.

    Ids from `num_tokens` on, which are nobody's token, are never drawn. Weights and training mode are left as they are;
    dropout is off meanwhile. An end token does not stop a row: in packed text another document follows it.
    """
    params = SamplingParams(temperature=temperature)
    accepted = inspect.signature(student.forward).parameters
    cache_name = next((name for name in CACHE_NAMES if name in accepted), None)
    arguments: dict[str, Any] = {"logits_to_keep": 1} if "logits_to_keep" in accepted else {}
    if cache_name is not None:
        arguments["use_cache"] = True
    was_training = student.training
    student.eval()
    try:
        pieces, read = [prompts], prompts
        # The place in the row is the draw's position, so a row's text depends on its seed and on nothing beside it.
        for place in range(length - prompts.shape[1]):
            told: Any = student(input_ids=read, **arguments)
            logits = told.logits[:, -1, :num_tokens].float()
            drawn = sample_rows(logits, params, seeds, [place] * len(seeds)).ids
            pieces.append(torch.as_tensor(drawn, dtype=prompts.dtype, device=prompts.device)[:, None])
            cache = None if cache_name is None else getattr(told, cache_name, None)
            if cache is None or cache_name is None:  # without a cache the whole text is read again
                read = torch.cat(pieces, dim=1)
            else:
                arguments[cache_name], read = cache, pieces[-1]
    finally:
        student.train(was_training)
    return torch.cat(pieces, dim=1)


def own_batch(
    student: nn.Module, batch: dict[str, Any], settings: OnPolicy, num_tokens: int, seeds: list[int]
) -> dict[str, Any]:
    """The batch with everything after each row's first `prompt_tokens` written by the student, and those masked.

    Rows keep their length, so a step of own words has as many tokens as another. No gradient goes through the sampling:
    GKD differentiates the divergence at the sampled tokens alone.
    """
    assert set(batch) == {"input_ids", "labels"}, "a recipe packs the rows that the student goes on from"
    ids, prompt = batch["input_ids"], settings.prompt_tokens
    written = continue_rows(student, ids[:, :prompt], ids.shape[1], seeds, settings.temperature, num_tokens)
    labels = written.clone()
    labels[:, :prompt] = IGNORE_INDEX
    return {"input_ids": written, "labels": labels, "own": True}
