"""Multiple choice by log-probability: the whole curve over temperature from one row of logits an item, without a draw.

At temperature τ the model, held to the item's choices, takes the right one with probability
`exp(z_right/τ) / Σ_choices exp(z_c/τ)`, z the logit of the first token in which the choices differ. Nothing is sampled,
so there is no noise but the items', and temperature 0 is the best choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retort.distribution import softmax
from retort.errors import CapabilityError, InputError
from retort.sources.base import Capability, Source
from retort.tune.levers import Calibration, calibration
from retort.tune.samples import Samples
from retort.tune.sweep import Plan, ProgressCallback

PROMPTS_AT_ONCE = 16


@dataclass(frozen=True)
class ExactChoice:
    """What one row of logits an item tells: expected scores, calibration, and the forward passes it took."""

    samples: Samples
    calibration: Calibration | None
    forward_passes: int


def choose_exactly(plan: Plan, source: Source, on_progress: ProgressCallback | None) -> ExactChoice:
    """The expected score of every item, prompt and temperature as one entry each, and how calibrated the choices are.

    Raises CapabilityError for a source without the whole vocabulary, InputError where two choices of an item begin
    with the same token after what they share, which one row cannot tell apart.
    """
    if source.capability is not Capability.FULL:
        raise CapabilityError(
            f"scorer choice reads the logits of every choice, and {source.name} gives only its most probable tokens; "
            "take a model that runs here, or scorer references"
        )
    asked = [(item, prompt) for item in range(len(plan.items)) for prompt in range(len(plan.task.prompts))]
    prompts, choices = zip(*(_prompt_and_choices(plan, source, *place) for place in asked), strict=True)
    probs = np.empty((len(asked), len(plan.temperatures)))
    most = max(len(item.choices) for item in plan.items)
    logits, labels = np.full((len(asked), most), -np.inf), np.full(len(asked), -1)
    for start in range(0, len(asked), PROMPTS_AT_ONCE):
        rows = np.asarray(source.start(prompts[start : start + PROMPTS_AT_ONCE]).logits, dtype=np.float64)
        for row, number in enumerate(range(start, start + len(rows))):
            about = plan.items[asked[number][0]]
            right = [place for place, choice in enumerate(about.choices) if choice in about.references]
            of_choices = rows[row][list(choices[number])]
            logits[number, : len(of_choices)] = of_choices
            if len(right) == 1:
                labels[number] = right[0]
            for column, temperature in enumerate(plan.temperatures):
                probs[number, column] = softmax(of_choices, temperature)[right].sum()
        if on_progress is not None:
            on_progress(start + len(rows), len(asked), "items")
    item, setting = np.indices(probs.shape)
    samples = Samples(
        plan.axis,
        tuple(one.id for one in plan.items),
        setting=setting.ravel(),
        item=np.array([place[0] for place in asked])[item].ravel(),
        prompt=np.array([place[1] for place in asked])[item].ravel(),
        answer=None,
        score=probs.ravel(),
    )
    single = labels >= 0
    return ExactChoice(samples, calibration(logits[single], labels[single]), len(asked))


def _prompt_and_choices(
    plan: Plan, source: Source, item_number: int, prompt_number: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The ids of the prompt with what all choices share, and the next token id of each choice."""
    item = plan.items[item_number]
    prompt = plan.task.prompt(item, prompt_number)
    space = "" if prompt.endswith((" ", "\n")) else " "
    texts = [tuple(source.encode(f"{prompt}{space}{choice}")) for choice in item.choices]
    shared = _shared(texts)
    following = [text[shared] if len(text) > shared else None for text in texts]
    if None in following or len(set(following)) < len(texts):
        raise InputError(
            f"item {item.id}: choices {list(item.choices)} do not differ in their first token after "
            f"{source.decode(texts[0][:shared])[-30:]!r}, so one row of logits cannot tell them apart; give them "
            "letters (A, B, …), or use scorer references"
        )
    return texts[0][:shared], tuple(token for token in following if token is not None)


def _shared(texts: Sequence[Sequence[int]]) -> int:
    """How many tokens all texts begin with."""
    length = min(map(len, texts))
    return next((n for n in range(length) if len({text[n] for text in texts}) > 1), length)
