"""Which text a step learns from: fixed data, the student's own samples, or the teacher's.

GKD (Agarwal et al. 2024, algorithm 1): with probability lambda a batch is what the student itself says, judged by the
teacher token by token; else it is data. Sequence-level distillation (Kim and Rush 2016) is the data being what the
teacher said. Which batches are which is a pure function of (seed, step), so a resumed run and every rank agree.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from retort.distill.losses.labels import IGNORE_INDEX
from retort.errors import InputError
from retort.sampling.noise import STREAM_ON_POLICY, uniform_at

# (prompts `[rows, prompt]`) → prompts with what the student says after them `[rows, prompt + new]`.
Continue = Callable[[Tensor], Tensor]


def is_on_policy(seed: int, step: int, share: float) -> bool:
    """Whether this step learns from the student's own samples: true in a `share` (GKD's lambda) of all steps."""
    if not 0 <= share <= 1:
        raise InputError(f"the on-policy share is {share}; it must lie in [0, 1].")
    return float(uniform_at(seed, step, STREAM_ON_POLICY)) < share


def mix_batch(
    input_ids: Tensor, labels: Tensor, prompt_length: int, use_samples: bool, continue_prompts: Continue
) -> tuple[Tensor, Tensor]:
    """The batch to learn from: as given, or its prompts with the student's continuations, prompts masked.

    `input_ids` and `labels` `[rows, time]`. Samples are drawn without a gradient: GKD differentiates the divergence at
    the sampled tokens, not the sampling. Raises InputError for a prompt length outside the rows.
    """
    if not use_samples:
        return input_ids, labels
    if not 0 < prompt_length < input_ids.shape[1]:
        raise InputError(
            f"prompt_length is {prompt_length} in rows of {input_ids.shape[1]} tokens; it must lie between."
        )
    with torch.no_grad():
        sampled = continue_prompts(input_ids[:, :prompt_length])
    own = sampled.clone()
    own[:, :prompt_length] = IGNORE_INDEX
    return sampled, own
