"""Multiple choice by log-probability: the whole curve over temperature from the logits of an item, without a draw.

At temperature τ the model writes choice c with probability `p_τ(c) = Π_t softmax(z_t/τ)[c_t]`, z_t being the logits
before its t-th token. Held to the item's choices it takes the right one with probability `p_τ(right) / Σ_c p_τ(c)`.
Temperature 0 takes the limit: the choice whose tokens lie least below the greedy ones, by `Σ_t (max z_t − z_t[c_t])`.
Longer choices have more factors; `per: token` and `per: byte` take the geometric mean over tokens or bytes instead.
Nothing is sampled, so there is no noise but the items'.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retort.distribution import log_softmax, softmax
from retort.distribution.calibration import brier, calibrated_temperature, ece, nll
from retort.errors import CapabilityError, InputError
from retort.sources.base import Capability, Source
from retort.tune.item import Item, encoded_after, num_shared
from retort.tune.plan import Plan
from retort.tune.samples import Floats, Samples
from retort.tune.sweep import ProgressCallback

PROMPTS_AT_ONCE = 16


@dataclass(frozen=True)
class ExactChoice:
    """What the logits of the choices tell: expected scores, calibration, and the forward passes it took."""

    samples: Samples
    calibration: Calibration | None
    forward_passes: int


@dataclass(frozen=True)
class _Question:
    """One item through one prompt: the ids before the choices differ, the ids of each choice from there, and what
    each choice's log-probability is divided by."""

    prompt: tuple[int, ...]
    choices: tuple[tuple[int, ...], ...]
    lengths: Floats
    right: tuple[int, ...]


def choose_exactly(plan: Plan, source: Source, on_progress: ProgressCallback | None) -> ExactChoice:
    """The expected score of every item, prompt and temperature as one entry each, and how calibrated the choices are.

    Raises CapabilityError for a source without the whole vocabulary, InputError where one choice of an item is the
    beginning of another, whose probability holds the other's.
    """
    if source.capability is not Capability.FULL:
        raise CapabilityError(
            f"scorer choice reads the logits of every choice, and {source.name} gives only its most likely "
            f"tokens; use a model that runs here, or scorer references"
        )
    asked = [(item, prompt) for item in range(len(plan.items)) for prompt in range(len(plan.task.prompts))]
    per = plan.task.scorer.options.get("per", "text")
    questions = [_question(plan, source, plan.items[item], prompt, per) for item, prompt in asked]
    # The last one is for the calibration, which begins with the model as it is, whether 1 is swept or not.
    temperatures = (*plan.temperatures, 1.0)
    probs = np.empty((len(asked), len(plan.temperatures)))
    most = max(len(item.choices) for item in plan.items)
    # -inf: a choice that the item does not have; -1: none of its choices is the one right one.
    logprobs, labels = np.full((len(asked), most), -np.inf), np.full(len(asked), -1)
    passes = 0
    for start in range(0, len(asked), PROMPTS_AT_ONCE):
        batch = questions[start : start + PROMPTS_AT_ONCE]
        scores, rows = _scores(source, batch, temperatures)
        passes += rows
        for number, (question, of_choices) in enumerate(zip(batch, scores, strict=True), start):
            # The mean over what a choice's length is counted in; at 0 already the limit's own order.
            weighed = of_choices / question.lengths
            logprobs[number, : len(question.choices)] = weighed[-1]
            if len(question.right) == 1:
                labels[number] = question.right[0]
            # The temperature is in the tokens' log-probabilities already, so that here the choices are only normalised;
            # at 0 the best of them takes it all.
            for column, temperature in enumerate(plan.temperatures):
                chosen = softmax(weighed[column], 0.0 if temperature == 0 else 1.0)
                probs[number, column] = chosen[list(question.right)].sum()
        if on_progress is not None:
            on_progress(start + len(batch), len(asked), "items")
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
    return ExactChoice(samples, calibration(logprobs[single], labels[single]), passes)


def _scores(
    source: Source, batch: Sequence[_Question], temperatures: Sequence[float]
) -> tuple[list[Floats], int]:
    """`[temperatures, choices]` log-probability of every question's choices (at 0: minus the gaps to the greedy
    tokens), and the rows that went through the model."""
    decoder = source.start([question.prompt for question in batch])
    found = [np.zeros((len(temperatures), len(question.choices))) for question in batch]
    # One row a question first, then one a choice that has a token left.
    rows = [(number, list(range(len(question.choices)))) for number, question in enumerate(batch)]
    # In float64: the log-probabilities of a long choice are a sum over many tokens.
    depth, passes = 0, len(rows)
    # A token deeper each time: a choice leaves where its tokens end.
    while True:
        following: list[tuple[int, int, int]] = []
        for row, (number, choices) in enumerate(rows):
            logits = np.asarray(decoder.logits[row], dtype=np.float64)
            ids = [batch[number].choices[choice][depth] for choice in choices]
            for place, temperature in enumerate(temperatures):
                log_probs = logits - logits.max() if temperature == 0 else log_softmax(logits, temperature)
                found[number][place, choices] += log_probs[ids]
            longer = (choice for choice in choices if len(batch[number].choices[choice]) > depth + 1)
            following += [(row, number, choice) for choice in longer]
        if not following:
            return found, passes
        tokens = [batch[number].choices[choice][depth] for _, number, choice in following]
        decoder.advance([row for row, _, _ in following], tokens)
        rows = [(number, [choice]) for _, number, choice in following]
        depth, passes = depth + 1, passes + len(rows)


def _question(plan: Plan, source: Source, item: Item, prompt_number: int, per: str) -> _Question:
    seen = plan.task.seen(source, item, prompt_number)
    # A choice goes on behind a text as a word of its own; behind a chat's template the answer begins.
    space = "" if seen.messages is not None or seen.text.endswith((" ", "\n")) else " "
    texts = [tuple(encoded_after(source, seen, f"{space}{choice}")) for choice in item.choices]
    before = min(num_shared(seen.ids, text) for text in texts)
    # Tokens that all choices share are a factor of every product, which the division by the sum takes out again: they
    # become part of the prompt. Roots of different order do not take it out, so then they stay.
    shared = num_shared(*texts) if per == "text" else before
    choices = tuple(text[shared:] for text in texts)
    # Then p(first) includes all texts that go on to the second, and the two are no alternatives.
    for (first, one), (second, other) in itertools.permutations(zip(item.choices, choices, strict=True), 2):
        if other[: len(one)] == one:
            raise InputError(
                f"item {item.id}: the choice {first!r} is the beginning of {second!r}, so its probability includes the "
                "other's; label them with letters (A, B, …), or use scorer references"
            )
    lengths = {
        "text": [1.0] * len(texts),
        "token": [float(len(text) - before) for text in texts],
        "byte": [float(len(choice.encode())) for choice in item.choices],
    }[per]
    right = tuple(place for place, choice in enumerate(item.choices) if choice in item.references)
    return _Question(texts[0][:shared], choices, np.array(lengths), right)


BINS = 10
CALIBRATED_DRAWS = 200


@dataclass(frozen=True)
class Calibration:
    """How far the choices' probabilities come true, as the model is (τ = 1) and at the temperature that suits best.

    `temperature`: where the mean negative log-likelihood of the right choice is smallest (Guo et al. 2017), over
    `questions` (items × prompts) that have one right choice; `at_bound`: it lies at or beyond the range searched.
    `nll` in nats, `brier` from 0 to 2, `ece` the expected calibration error in `bins` equal bins: before and after.
    The temperature was chosen on these same questions, so "after" flatters a little. `ece_reference`: the mean error
    that a perfectly calibrated model with the same probabilities would show on as many questions, which is not 0.
    """

    temperature: float
    at_bound: bool
    questions: int
    nll: tuple[float, float]
    brier: tuple[float, float]
    ece: tuple[float, float]
    bins: int
    ece_reference: tuple[float, float]


def calibration(logits: np.ndarray, labels: np.ndarray) -> Calibration | None:
    """The calibration of `[questions, choices]` logits (-inf where there is no choice), given the right ones.

    `labels` `[questions]`: the right choice's number. None for fewer questions than a calibration error has bins.
    """
    if len(labels) < BINS:
        return None
    best = calibrated_temperature(logits, labels)
    before, after = (
        (nll(logits, labels, t), brier(logits, labels, t), ece(logits, labels, t, BINS).value)
        for t in (1.0, best.temperature)
    )
    return Calibration(
        best.temperature,
        best.at_bound,
        len(labels),
        (before[0], after[0]),
        (before[1], after[1]),
        (before[2], after[2]),
        BINS,
        (_ece_if_calibrated(logits, 1.0), _ece_if_calibrated(logits, best.temperature)),
    )


def _ece_if_calibrated(logits: np.ndarray, temperature: float) -> float:
    """The mean calibration error of labels that are drawn from the probabilities themselves."""
    rng = np.random.default_rng(0)
    # Gumbel noise: the largest of logits/τ + g is a draw from softmax(logits/τ).
    noise = rng.gumbel(size=(CALIBRATED_DRAWS, *logits.shape))
    labels = (logits / temperature + noise).argmax(axis=2)
    return float(np.mean([ece(logits, drawn, temperature, BINS).value for drawn in labels]))
