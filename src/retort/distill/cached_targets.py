"""The soft term of a training step from a cache: which targets a batch needs, and the loss against them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from retort.distill.cache import Cache
from retort.distill.cache.teacher import tokenizer_hash
from retort.distill.losses import IGNORE_INDEX, SparseTargets, distillation_loss, sparse_distillation_loss
from retort.distill.recipe_values import TemperatureSchedule
from retort.errors import InputError


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
        entropy = _entropy(found.weights, found.entropy, self.cache.codec.kind.unbiased)
        targets = SparseTargets(
            *(torch.from_numpy(one).to(logits.device) for one in (found.ids, found.weights, entropy))
        )
        return sparse_distillation_loss(logits, targets, aligned, temperature, alpha)


def open_targets(
    folder: str,
    tokenizer: object,
    teacher: str,
    temperature: float | TemperatureSchedule,
    divergence: str,
    contents: dict[int, bytes],
) -> CachedTargets:
    """The cache in `folder`, after checking that it fits this training. Raises InputError with both values."""
    cache = Cache(folder)
    cache.need_complete()
    cache.need_tokenizer(tokenizer_hash(tokenizer), teacher)
    if not isinstance(temperature, TemperatureSchedule):
        cache.need_temperature(temperature)
    elif cache.codec.text != "dense":
        raise InputError(
            f"temperature moves from {temperature.first:g} to {temperature.last:g}, and {folder} holds"
            f" {cache.codec.text} targets of τ = {cache.origin.temperature:g}, which hold at that one alone; give"
            " that one temperature, or capture with codec dense, which serves every τ."
        )
    if cache.codec.text != "dense" and divergence != "forward_kl":
        raise InputError(
            f"divergence is {divergence} and {folder} holds {cache.codec.text} targets: a few weighted tokens give the"
            " gradient of forward_kl alone. Use that, or capture with codec dense."
        )
    return CachedTargets(cache, contents)


def _entropy(weights: np.ndarray, teacher: np.ndarray, unbiased: bool) -> np.ndarray:
    """What makes the value a KL: the teacher's entropy, or that of renormalised top-k, which are another teacher."""
    if unbiased:
        return teacher
    own: np.ndarray = -(weights * np.log(np.where(weights > 0, weights, 1.0))).sum(-1)
    return own
