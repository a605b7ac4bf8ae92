"""Batches of the student's own words: rows keep their first tokens, and the student says the rest.

Every row stays as long as it was, so a step with own samples has as many tokens as one without. An end token does not
stop a row: in packed text another document follows it. A token is drawn with the noise of (seed, step, row, place),
so the same text comes out on any number of ranks, in micro-batches of any size, and after a kill.
"""

from __future__ import annotations

import hashlib
import inspect
from typing import Any

import torch
from torch import Tensor, nn

from retort.distill.losses.on_policy import mix_batch
from retort.distill.recipe_values import OnPolicy
from retort.errors import InputError
from retort.sampling.draw import sample_rows
from retort.sampling.params import SamplingParams
from retort.sources.cached_decoder import CACHE_NAMES


def row_seed(seed: int, step: int, row: int) -> int:
    """The 64-bit seed of what the student says in row `row` of the whole step, over micro-batches and ranks."""
    key = b"".join(number.to_bytes(8, "little") for number in (seed, step, row))
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little")


@torch.no_grad()
def continue_rows(
    student: nn.Module, prompts: Tensor, length: int, seeds: list[int], temperature: float, num_tokens: int
) -> Tensor:
    """`[rows, length]`: `prompts` `[rows, prompt]` and what the student says after them at `temperature`.

    Ids from `num_tokens` on, which are nobody's token, are never drawn. Weights and training mode are left as they are;
    dropout is off while it speaks.
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
    student: nn.Module,
    batch: dict[str, Any],
    settings: OnPolicy,
    num_tokens: int,
    seeds: list[int],
) -> dict[str, Any]:
    """The batch with everything after each row's first `prompt_tokens` said by the student, and those masked."""
    strange = sorted(set(batch) - {"input_ids", "labels"})
    if strange:
        raise InputError(
            f"on_policy is asked for, and rows have {', '.join(strange)}: the student can go on only where rows are"
            " packed text that is seen as a whole. Pack the data that way, or leave on_policy out."
        )
    ids, labels = mix_batch(
        batch["input_ids"],
        batch["labels"],
        settings.prompt_tokens,
        True,
        lambda prompts: continue_rows(
            student, prompts, batch["input_ids"].shape[1], seeds, settings.temperature, num_tokens
        ),
    )
    return {"input_ids": ids, "labels": labels, "own": True}
