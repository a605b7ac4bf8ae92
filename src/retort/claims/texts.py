"""Claims about one distribution: what is measured at every position of some texts, without generating any."""

from __future__ import annotations

import itertools
import math

import numpy as np

from retort.chain import Chain
from retort.claims.claim import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, Measured, claim, decide, judged
from retort.claims.evidence import LOGITS, REPLAYS, RESAMPLES, TRIPLES, Evidence, percentiles
from retort.distribution import entropy, log_softmax, nucleus_size, softmax, total_variation
from retort.distribution.arrays import Floats
from retort.distribution.calibration import entropy_matched_temperature, equivalent_temperature
from retort.errors import InputError
from retort.lens.determinism import determinism
from retort.lens.similar import TripleTest, triple_test
from retort.sources.replays import replays

COLD = 1e-4
"""Stands for the limit τ → 0: small, and yet divided by, so that it is not the greedy branch that is looked at."""

NUM_TEXTS = 12


@claim(
    "zero-is-deterministic",
    "Temperature 0 is greedy, and so always gives the same text.",
    "The limit: the token at τ = 0.0001 against the largest logit, at every position. The text: 12 greedy "
    "continuations of 16 tokens replayed token by token, in a batch, with other threads and in other dtypes. "
    "It does not hold if any replay changes a text. If none does we cannot tell: a longer text or another "
    "machine might.",
    uses=(LOGITS, REPLAYS),
)
def zero_is_deterministic(evidence: Evidence, _threshold: float) -> Measured:
    probs = softmax(evidence.logits, COLD)
    same = bool((probs.argmax(axis=-1) == softmax(evidence.logits, 0.0).argmax(axis=-1)).all())
    numbers: dict[str, object] = {
        "same_token_as_greedy": same,
        "positions": len(probs),
        "positions_decided_at_0.0001": float(np.mean(probs.max(axis=-1) > 1 - 1e-9)),
    }
    if not same:
        return Measured(DOES_NOT_HOLD, numbers)
    prompts = [" ".join(prompt.split()[:4]) for prompt in evidence.prompts[:NUM_TEXTS]]

    def replayed(done: int, total: int, way: str) -> None:
        evidence.work.tell(REPLAYS, done / total, f"greedy texts replayed: {way}")

    evidence.work.tell(REPLAYS, 0.0, "greedy texts to replay")
    try:
        replays(evidence.source)
    except InputError:
        evidence.work.tell(REPLAYS, 1.0, "nothing to replay")
        numbers["replays"] = "none: the model is a table and computes nothing"
        return Measured(HOLDS, numbers)
    found = determinism(evidence.source, prompts, max_tokens=16, on_progress=replayed)
    for report in found.replays:
        way = report.name.replace(" ", "_")
        numbers[f"texts_changed_by_{way}"] = report.texts_observed
        if report.no_distribution:
            numbers[f"positions_without_distribution_in_{way}"] = report.no_distribution
    changed = any(report.flips_observed for report in found.replays)
    return Measured(DOES_NOT_HOLD if changed else CANNOT_TELL, numbers)


LOW = 0.3


@claim(
    "low-hides-runners-up",
    "A low temperature hides the runners-up.",
    "Probability of everything but the most likely token at τ = 1 and at τ = 0.3: holds if more than the threshold "
    "(half) of it is gone at 0.3, mean over texts.",
    threshold=0.5,
    quantity="share of the probability of the runners-up that is gone at τ = 0.3",
    uses=(LOGITS,),
)
def low_hides(evidence: Evidence, threshold: float) -> Measured:
    here, low = (1 - softmax(evidence.logits, temperature).max(axis=-1) for temperature in (1.0, LOW))
    # Of the text's mass and not position by position: where the model is certain there is nothing to hide, and 0/0.
    hidden = 1 - evidence.by_text(low) / np.maximum(evidence.by_text(here), 1e-300)
    numbers = {
        "runners_up_mass_at_1": here,
        f"runners_up_mass_at_{LOW}": low,
        "share_hidden": hidden,
    }
    return judged(evidence, hidden, threshold, numbers)


KINDS = (
    ("apple", "pear", "plum", "peach", "cherry"),
    ("hammer", "saw", "chisel", "drill", "wrench"),
    ("sparrow", "robin", "crow", "eagle", "owl"),
    ("car", "truck", "bus", "train", "bicycle"),
    ("shirt", "coat", "hat", "glove", "skirt"),
    ("oak", "pine", "maple", "birch", "willow"),
    ("violin", "piano", "flute", "trumpet", "drum"),
    ("iron", "copper", "silver", "gold", "zinc"),
)


def triples() -> list[tuple[str, str, str]]:
    """(anchor, one of its kind, one of another kind), every anchor with every word of its kind."""
    found = []
    for number, kind in enumerate(KINDS):
        others = list(itertools.chain.from_iterable(other for other in KINDS if other is not kind))
        for place, anchor in enumerate(kind):
            near = [word for word in kind if word != anchor]
            # The far words by rule, so that nobody chose them: from another place for each anchor, and every fifth,
            # since a kind has five words and so the four are of four kinds.
            far = others[(7 * number + 3 * place) % len(others) :] + others
            found += [(anchor, one, far[5 * step]) for step, one in enumerate(near)]
    return found


TRIPLE_TEMPERATURES = (0.3, 1.0, 2.0)


@claim(
    "runners-up-carry-similarity",
    "The runners-up carry similarity: a model's next words after 'a pear is a kind of' are closer to those after "
    "an apple than to those after a hammer.",
    "160 triples of a word, one of its kind and one of another kind (8 kinds of 5 words), Jensen-Shannon "
    "divergence of the next-token distributions: holds if the word of the same kind is nearer in more than half "
    "of them at τ = 1, which is what chance gives. The interval resamples the first words.",
    threshold=0.5,
    quantity="share of triples in which the word of the same kind is nearer, τ = 1",
    uses=(TRIPLES,),
)
def runners_up_similarity(evidence: Evidence, threshold: float) -> Measured:
    by_temperature: dict[float, TripleTest] = {}
    numbers: dict[str, object] = {"triples": len(triples())}
    for place, temperature in enumerate(TRIPLE_TEMPERATURES):
        evidence.work.tell(TRIPLES, place / len(TRIPLE_TEMPERATURES), "triples of words compared")
        # One temperature at a time: of several, triple_test gives the mean.
        found = triple_test(evidence.source, triples(), temperatures=[temperature], seed=evidence.seed)
        by_temperature[temperature] = found
        numbers[f"share_nearer_at_{temperature:g}"] = found.share_nearer
        numbers[f"difference_nats_at_{temperature:g}"] = found.difference
    evidence.work.tell(TRIPLES, 1.0, "triples of words compared")
    at_one = by_temperature[1.0]
    return Measured(decide(at_one.share_ci, threshold), numbers, at_one.share_ci, at_one.share_nearer)


@claim(
    "soft-targets-carry-more-bits",
    "A soft target tells a student more than a label does.",
    "Mean entropy of the model's distribution (bits per position, τ = 1): what a label drawn from it leaves "
    "out. The threshold of 0.1 bits is about a tenth of what one fair coin toss tells. Beside it the variance of "
    "the gradient that drawing a label adds, 1 − Σ p², which a soft target does not have.",
    threshold=0.1,
    quantity="entropy, bits per position",
    uses=(LOGITS,),
)
def soft_targets_bits(evidence: Evidence, threshold: float) -> Measured:
    bits = evidence.by_text(entropy(evidence.logits) / math.log(2))
    spread = 1 - (softmax(evidence.logits) ** 2).sum(axis=-1)
    numbers = {"bits_a_position": bits, "label_gradient_variance": spread}
    return judged(evidence, bits, threshold, numbers)


SQUARED_TEMPERATURES = (1.0, 2.0, 4.0, 8.0)


@claim(
    "tau-squared-keeps-the-scale",
    "Multiplying the soft loss by τ² keeps its gradient on one scale at every τ.",
    "Norm of the gradient of KL(teacher ‖ student) by the student's logits, `(q − p)/τ`, at τ = 1, 2, 4 and 8, "
    "with the small model as student: holds if with τ² the largest is within the threshold (4) times the "
    "smallest, and closer together than without. 4 is the range of learning rates, a factor of 2 each way, that "
    "one would search anyway.",
    threshold=4.0,
    quantity="largest gradient norm divided by the smallest, with τ²",
    uses=(LOGITS, f"{LOGITS} of small"),
)
def tau_squared(evidence: Evidence, threshold: float) -> Measured:
    student = evidence.logits_of(evidence.small)
    norms = np.stack(
        [
            evidence.by_text(
                np.linalg.norm(softmax(student, temperature) - softmax(evidence.logits, temperature), axis=-1)
                / temperature
            )
            for temperature in SQUARED_TEMPERATURES
        ]
    )
    squared = norms * np.array(SQUARED_TEMPERATURES)[:, None] ** 2
    rng = np.random.default_rng(evidence.seed)
    drawn = rng.integers(norms.shape[1], size=(RESAMPLES, norms.shape[1]))
    low, high = percentiles([_largest_over_smallest(squared[:, one]) for one in drawn])
    ratio, without = _largest_over_smallest(squared), _largest_over_smallest(norms)
    numbers: dict[str, object] = {
        f"gradient_norm_with_tau_squared_at_{temperature:g}": row
        for temperature, row in zip(SQUARED_TEMPERATURES, squared, strict=True)
    }
    numbers |= {"largest_over_smallest_with": ratio, "largest_over_smallest_without": without}
    kept, lost = high < threshold and without > high, low > threshold
    verdict = HOLDS if kept else DOES_NOT_HOLD if lost else CANNOT_TELL
    return Measured(verdict, numbers, (low, high), ratio)


def _largest_over_smallest(norms: Floats) -> float:
    means = norms.mean(axis=1)
    return float(means.max() / means.min())


@claim(
    "tuned-is-sharper",
    "Instruction tuning sharpens the distribution, so τ = 0.7 on the tuned model is not τ = 0.7 on the base "
    "model.",
    "Entropy at τ = 1 of the base model minus that of the tuned one at the same positions (nats, mean over "
    "texts): holds if above 0. Beside it, the temperatures at which the tuned model has the same entropy, and is "
    "nearest in KL.",
    threshold=0.0,
    quantity="entropy of the base model minus that of the tuned one, nats per position",
    uses=(LOGITS, f"{LOGITS} of instruct"),
)
def tuned_is_sharper(evidence: Evidence, threshold: float) -> Measured:
    tuned = evidence.logits_of(evidence.instruct)
    drop = evidence.by_text(entropy(evidence.logits) - entropy(tuned))
    nearest = equivalent_temperature(evidence.logits, tuned)
    numbers = {
        "entropy_base_nats": entropy(evidence.logits),
        "entropy_tuned_nats": entropy(tuned),
        "mean_drop_nats": drop,
        "tuned_temperature_of_equal_entropy": entropy_matched_temperature(evidence.logits, tuned).temperature,
        "tuned_temperature_nearest_to_base_at_1": nearest.temperature,
        "kl_left_nats": nearest.residual,
    }
    return judged(evidence, drop, threshold, numbers)


STACKS = (
    ("temperature=2", "top_k=5", "top_p=0.3"),
    ("temperature=2", "top_p=0.3", "top_k=5"),
    ("temperature=0.8", "top_k=50", "top_p=0.9"),
    ("temperature=0.8", "top_p=0.9", "top_k=50"),
)
"""A hot stack that is known to conflict and an ordinary one, each in both orders."""

_STACKS = "; ".join(" | ".join(stack) for stack in STACKS)


@claim(
    "stacked-settings-restrict",
    "Stacked truncations are more restrictive than any of them alone.",
    "Tokens kept by two truncations together against the stricter of the two alone, for four chains "
    f"({_STACKS}): share of positions with fewer tokens (mean over texts). Holds if that share is above the "
    "threshold (one position in ten) for every chain; the interval shown is of the chain with the lowest.",
    threshold=0.1,
    quantity="share of positions with fewer tokens, in the chain where it is lowest",
    uses=(LOGITS,),
)
def stacked_settings(evidence: Evidence, threshold: float) -> Measured:
    numbers: dict[str, object] = {}
    shares = []
    for temperature, first, second in STACKS:
        together = _kept(Chain(f"{temperature} | {first} | {second}"), evidence)
        least = np.minimum(*(_kept(Chain(f"{temperature} | {cut}"), evidence) for cut in (first, second)))
        fewer = evidence.by_text((together < least).astype(np.float64))
        name = f"{temperature}|{first}|{second}"
        shares.append(fewer)
        numbers[f"share_of_positions_with_fewer_{name}"] = float(fewer.mean())
        numbers[f"tokens_kept_{name}"] = float(together.mean())
        numbers[f"tokens_kept_by_the_stricter_alone_{name}"] = float(least.mean())
    # The claim is general, so it needs every stack; one clear exception is enough against it.
    worst = min(shares, key=lambda fewer: evidence.interval(fewer)[1])
    return judged(evidence, worst, threshold, numbers)


def _kept(chain: Chain, evidence: Evidence) -> np.ndarray:
    return np.asarray((chain.apply(evidence.logits) > -np.inf).sum(axis=-1))


@claim(
    "order-matters",
    "The same settings in another order are another distribution.",
    "Total variation between top-p 0.9 after and before temperature 1.5, mean over texts: holds if above the "
    "threshold of 0.01, where one draw in a hundred differs.",
    threshold=0.01,
    quantity="total variation at τ = 1.5",
    uses=(LOGITS,),
)
def order_matters(evidence: Evidence, threshold: float) -> Measured:
    numbers: dict[str, object] = {}
    distances = {}
    for temperature in (0.7, 1.5):
        first, last = (
            log_softmax(Chain(text).apply(evidence.logits))
            for text in (f"temperature={temperature} | top_p=0.9", f"top_p=0.9 | temperature={temperature}")
        )
        distances[temperature] = evidence.by_text(total_variation(first, last))
        numbers[f"total_variation_at_{temperature}"] = float(distances[temperature].mean())
    return judged(evidence, distances[1.5], threshold, numbers)


TOP_K, HOT, TOP_P, COOL = 10, 1.5, 0.95, 0.5


@claim(
    "top-k-hot-keeps-fewer",
    "Top-k 10 at a high temperature keeps fewer tokens than top-p 0.95 at a low one.",
    "Tokens kept by top-k 10 at τ = 1.5 and by top-p 0.95 at τ = 0.5, at every position: holds if top-k keeps "
    "fewer at more than half of them (mean over texts).",
    threshold=0.5,
    quantity="share of positions at which top-k keeps fewer",
    uses=(LOGITS,),
)
def top_k_hot_keeps_fewer(evidence: Evidence, threshold: float) -> Measured:
    hot = np.minimum((evidence.logits > -np.inf).sum(axis=-1), TOP_K)
    cool = np.asarray(nucleus_size(evidence.logits, TOP_P, COOL))
    fewer = evidence.by_text((hot < cool).astype(np.float64))
    numbers = {
        "share_of_positions_with_fewer": fewer,
        f"tokens_kept_by_top_k_{TOP_K}_at_{HOT}": hot,
        f"mean_tokens_kept_by_top_p_{TOP_P}_at_{COOL}": cool,
        f"median_tokens_kept_by_top_p_{TOP_P}_at_{COOL}": float(np.median(cool)),
    }
    return judged(evidence, fewer, threshold, numbers)


CLAIMS = (
    zero_is_deterministic,
    low_hides,
    runners_up_similarity,
    soft_targets_bits,
    tau_squared,
    tuned_is_sharper,
    stacked_settings,
    order_matters,
    top_k_hot_keeps_fewer,
)
