"""The distance between what two models say next, or one model after two prompts: `look --against`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retort.distribution.calibration import equivalent_temperature
from retort.distribution.divergences import jsd, kl, total_variation
from retort.distribution.softmax import log_softmax
from retort.errors import InputError
from retort.lens.asking import ask
from retort.sources.base import Capability, Source, needs_whole_vocabulary
from retort.sources.chat import Prompt


@dataclass(frozen=True)
class Against:
    """The other model and prompt, and the distance of its raw distribution B (τ = 1) from the first one's A; nats.

    `kl_ab` is KL(A ‖ B), inf where B excludes a token that A can give. `equivalent_temperature`: the τ at which B is
    nearest to A, where `kl_left` is left; None where no temperature makes them near.
    """

    model: str
    prompt: str
    kl_ab: float
    kl_ba: float
    jsd: float
    total_variation: float
    equivalent_temperature: float | None
    kl_left: float | None


def against(source_a: Source, prompt_a: Prompt, source_b: Source, prompt_b: Prompt) -> Against:
    """How far B is from A.

    Raises InputError for models that do not share their tokens, CapabilityError without the whole vocabulary.
    """
    for source in (source_a, source_b):
        if source.capability is not Capability.FULL:
            raise needs_whole_vocabulary(source, "--against")
    asked_a, asked_b = ask(source_a, prompt_a), ask(source_b, prompt_b)
    if source_b is not source_a and not _share_tokens(source_a, source_b, asked_a.ids):
        raise InputError(
            f"{source_a.name} and {source_b.name} do not share their tokens (vocabularies of {source_a.vocab_size:,} "
            f"and {source_b.vocab_size:,}), so no distance can be told; look at each."
        )
    a = np.asarray(source_a.start([asked_a.ids]).logits[0], dtype=np.float64)
    b = np.asarray(source_b.start([asked_b.ids]).logits[0], dtype=np.float64)
    log_a, log_b = log_softmax(a), log_softmax(b)
    try:
        matched = equivalent_temperature(a, b)
    except InputError:  # A can give a token that B excludes
        matched = None
    return Against(
        model=source_b.name,
        prompt=asked_b.text,
        kl_ab=float(kl(log_a, log_b)),
        kl_ba=float(kl(log_b, log_a)),
        jsd=float(jsd(log_a, log_b)),
        total_variation=float(total_variation(log_a, log_b)),
        equivalent_temperature=None if matched is None else matched.temperature,
        kl_left=None if matched is None else matched.residual,
    )


def _share_tokens(a: Source, b: Source, ids: list[int]) -> bool:
    """One vocabulary, as far as its size and the tokens of the prompt tell."""
    return a.vocab_size == b.vocab_size and all(a.token_text(i) == b.token_text(i) for i in ids)
