"""Claims about generated answers: accuracy, variety and coherence over temperatures, on two tasks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retort.claims.claim import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, Measured, claim, decide, judged
from retort.claims.evidence import (
    EXPLOIT,
    EXPLORE,
    GRID,
    RESAMPLES,
    RULES,
    WORDINGS,
    Evidence,
    at,
    percentiles,
)  # fmt: skip
from retort.distribution.arrays import Floats
from retort.sources.base import Source
from retort.tune import Samples, find_goal, normalise, recommend
from retort.tune.cells import variance_shares
from retort.tune.samples import over_prompts


@claim(
    "answer-below-the-top",
    "The right answer can be below the top: greedy never gives it, a higher temperature can.",
    "Items of the exploit task that greedy answers wrongly and some answer at a higher temperature gets right, "
    "as a share of all items: holds if above the threshold, does not hold if below. The threshold is the "
    "smallest share that would matter to you; one item in twenty unless you set another.",
    threshold=0.05,
    quantity="share of items that are right only above τ = 0",
    uses=(EXPLOIT,),
)
def answer_below_top(evidence: Evidence, threshold: float) -> Measured:
    scores = evidence.exploit.cell_scores.mean(axis=1)
    wrong = scores[:, at(0.0)] == 0.0
    reached = wrong & (scores[:, 1:] > 0.0).any(axis=1)
    numbers = {
        "items": len(scores),
        "greedy_wrong": wrong,
        "right_only_above_0": reached,
        "of_the_wrong_ones": float(reached.sum() / max(wrong.sum(), 1)),
    }
    return judged(evidence, reached.astype(np.float64), threshold, numbers, binary=True)


@claim(
    "temperature-is-not-creativity",
    "Temperature is not a creativity dial: past some point it buys more different answers and fewer good ones.",
    "The explore task, from τ = 1 to τ = 2: different valid answers per item at 1 minus those at 2, paired by "
    "item. Holds if above 0; does not hold if below, that is if a higher temperature still buys valid answers.",
    threshold=0.0,
    quantity="different valid answers per item at τ = 1 minus those at 2",
    uses=(EXPLORE,),
)
def not_creativity(evidence: Evidence, threshold: float) -> Measured:
    samples = evidence.explore
    valid = find_goal("explore").item_scores(samples)
    distinct = over_prompts(samples.distinct())
    one, hottest = at(1.0), len(GRID) - 1
    lost = valid[:, one] - valid[:, hottest]
    more_different = distinct[:, hottest] - distinct[:, one]
    numbers = {
        "valid_at_1": valid[:, one],
        f"valid_at_{GRID[-1]:g}": valid[:, hottest],
        "different_at_1": distinct[:, one],
        f"different_at_{GRID[-1]:g}": distinct[:, hottest],
        "more_different": more_different,
    }
    return judged(evidence, lost, threshold, numbers)


@claim(
    "above-1.5-incoherent",
    "Above 1.5 outputs become incoherent sooner than novel.",
    "The explore task from τ = 1 to τ = 1.6: the share of answers that stop being valid minus the rise in the "
    "share of different answers, paired by item: holds if above 0.",
    threshold=0.0,
    quantity="share of valid answers lost minus share of different answers gained, τ = 1 to 1.6",
    uses=(EXPLORE,),
)
def incoherent_sooner(evidence: Evidence, threshold: float) -> Measured:
    samples = evidence.explore
    valid = samples.cell_scores.mean(axis=1)
    distinct = over_prompts(samples.distinct() / samples.cell_sizes)
    one, hot = at(1.0), at(1.6)
    lost = valid[:, one] - valid[:, hot]
    gained = distinct[:, hot] - distinct[:, one]
    numbers = _by_temperature("valid", valid) | _by_temperature("distinct", distinct)
    numbers |= {
        "valid_share_lost_1_to_1.6": lost,
        "distinct_share_gained_1_to_1.6": gained,
    }
    return judged(evidence, lost - gained, threshold, numbers)


COOL, WARM = 0.7, 1.3


@claim(
    "larger-stays-coherent",
    "A larger model stays coherent at higher temperatures.",
    "Share of answers to the explore task that name a thing any of the tasks know, right or not, at τ = 1.3 as a "
    "share of what it is at 0.7: the larger model's minus the smaller one's: holds if above 0 (interval over "
    "items).",
    threshold=0.0,
    quantity="share retained by the larger model minus that of the smaller one",
    uses=(EXPLORE, f"{EXPLORE} of small"),
)
def larger_stays_coherent(evidence: Evidence, threshold: float) -> Measured:
    large, small = (_named_things(evidence, source) for source in (evidence.source, evidence.small))
    everyone = np.arange(len(large))
    rng = np.random.default_rng(evidence.seed)
    # Both models on the same drawn items: they answered the same ones, so the comparison is paired. A ratio of means,
    # so the resamples themselves give its ends.
    resampled = [_advantage(large, small, rng.choice(everyone, len(everyone))) for _ in range(RESAMPLES)]
    interval = percentiles(resampled)
    numbers: dict[str, object] = {
        f"{name}_at_{temperature:g}": shares[:, at(temperature)]
        for name, shares in (("larger", large), ("smaller", small))
        for temperature in (COOL, WARM)
    }
    numbers |= {"larger_retains": _retained(large, everyone), "smaller_retains": _retained(small, everyone)}
    return Measured(decide(interval, threshold), numbers, interval, _advantage(large, small, everyone))


def _advantage(large: Floats, small: Floats, items: NDArray[np.int64]) -> float:
    return _retained(large, items) - _retained(small, items)


def _retained(shares: Floats, items: NDArray[np.int64]) -> float:
    """What is left at WARM of what there was at COOL: a model that starts low has less to lose."""
    cool = float(shares[items, at(COOL)].mean())
    return float(shares[items, at(WARM)].mean()) / cool if cool > 0 else 0.0


def _named_things(evidence: Evidence, source: Source) -> Floats:
    """`[items, settings]` share of answers that name a thing the tasks know, whether it is the right one or not."""
    task = evidence.task("explore")
    known = evidence.known_things()
    samples, texts = evidence.answers_with_texts(source, task)
    named = np.array([float(normalise(text) in known) for text in texts])
    counted = Samples(
        samples.axis, samples.item_ids, samples.setting, samples.item, samples.prompt, None, named
    )
    return np.asarray(counted.cell_scores.mean(axis=1))


@claim(
    "accuracy-falls",
    "Where there is one right answer, accuracy falls as temperature rises.",
    "The exploit task: mean score at τ = 0 minus that at τ = 2, paired by item: holds if above 0. "
    "Beside it the same from 0 to 1, where it is often small.",
    threshold=0.0,
    quantity="mean score (share of right answers over items and wordings) at τ = 0 minus that at 2",
    uses=(EXPLOIT,),
)
def accuracy_falls(evidence: Evidence, threshold: float) -> Measured:
    scores = find_goal("exploit").item_scores(evidence.exploit)
    lost = scores[:, at(0.0)] - scores[:, -1]
    to_one = scores[:, at(0.0)] - scores[:, at(1.0)]
    numbers = _by_temperature("score", scores) | {
        "lost_from_0_to_1": to_one,
        "lost_from_0_to_1_interval": evidence.interval(to_one),
    }
    return judged(evidence, lost, threshold, numbers)


@claim(
    "invented-facts-rise",
    "Invented facts rise with temperature.",
    "Items of the exploit task that the model gets right at τ = 0: share of wrong answers at τ = 1 minus that at "
    "τ = 0.3, paired by item: holds if above 0. (τ = 0 is not the reference, since the items were chosen by it.)",
    threshold=0.0,
    quantity="share of wrong answers at τ = 1 minus that at 0.3",
    uses=(EXPLOIT,),
)
def invented_facts(evidence: Evidence, threshold: float) -> Measured:
    scores = evidence.exploit.cell_scores.mean(axis=1)
    known = scores[:, at(0.0)] == 1.0
    numbers: dict[str, object] = {"items_right_at_0": int(known.sum()), "items": len(scores)}
    if known.sum() < 2:
        return Measured(
            CANNOT_TELL, numbers | {"reason": "the model is right at τ = 0 on fewer than two items"}
        )
    wrong = 1.0 - scores[known]
    rise = wrong[:, at(1.0)] - wrong[:, at(0.3)]
    numbers |= _by_temperature("wrong", wrong)
    return judged(evidence, rise, threshold, numbers)


@claim(
    "variety-rises",
    "Where many answers are right, variety rises with temperature, at a cost in coherence.",
    "The explore task: share of an item's answers that differ, at τ = 1.3 minus that at 0.3, paired by item: "
    "holds if above 0. Its cost: the share of valid answers lost, and the rise of raw negative log-likelihood.",
    threshold=0.0,
    quantity="share of different answers at τ = 1.3 minus that at 0.3",
    uses=(EXPLORE,),
)
def variety_rises(evidence: Evidence, threshold: float) -> Measured:
    samples = evidence.explore
    distinct = over_prompts(samples.distinct() / samples.cell_sizes)
    valid = samples.cell_scores.mean(axis=1)
    nll = over_prompts(samples.raw_nll())
    low, high = at(0.3), at(1.3)
    gain = distinct[:, high] - distinct[:, low]
    cost = valid[:, low] - valid[:, high]
    numbers = _by_temperature("distinct", distinct) | {
        "valid_share_lost": cost,
        "valid_share_lost_interval": evidence.interval(cost),
        "raw_nll_rise_nats_a_token": nll[:, high] - nll[:, low],
    }
    return judged(evidence, gain, threshold, numbers)


@claim(
    "same-answer-below-0.3",
    "At 0.3 and below one gets the same answer over and over.",
    "The exploit task: share of answers at τ = 0.3 that are the greedy answer (normalised), mean over items: "
    "holds if above the threshold. 80% unless you set how often is often enough for you.",
    threshold=0.8,
    quantity="share of answers at τ = 0.3 that are the greedy one",
    uses=(EXPLOIT,),
)
def same_answer_below(evidence: Evidence, threshold: float) -> Measured:
    samples = evidence.exploit
    assert samples.answer is not None
    greedy = np.full(len(samples.item_ids) * samples.num_prompts, -1)
    place = samples.item * samples.num_prompts + samples.prompt
    cold = samples.setting == at(0.0)
    # Every sample at τ = 0 is the greedy answer, so the last one written serves.
    greedy[place[cold]] = samples.answer[cold]
    low = samples.setting == at(0.3)
    same = (samples.answer[low] == greedy[place[low]]).astype(np.float64)
    by_item = np.bincount(samples.item[low], weights=same) / np.bincount(samples.item[low])
    agreement = over_prompts(samples.agreement())
    numbers = {
        "same_as_greedy_at_0.3": by_item,
        "agreement_at_0.3": agreement[:, at(0.3)],
        "agreement_at_1": agreement[:, at(1.0)],
    }
    return judged(evidence, by_item, threshold, numbers)


@claim(
    "same-prompt-same-answer",
    "The same prompt gives the same answer at a low temperature.",
    "The exploit task: share of items whose answers at τ = 0.3 are all identical (normalised): holds if above "
    "the threshold. 90% unless you set what your product needs: the default 60 items can show that, and not 95%.",
    threshold=0.9,
    quantity="share of items with identical answers at τ = 0.3",
    uses=(EXPLOIT,),
)
def same_prompt_same_answer(evidence: Evidence, threshold: float) -> Measured:
    samples = evidence.exploit
    identical = (over_prompts(samples.distinct()) == 1.0).astype(np.float64)
    numbers = _by_temperature("all_answers_identical", identical)
    numbers["answers_per_item"] = int(samples.cell_sizes.max())
    return judged(evidence, identical[:, at(0.3)], threshold, numbers, binary=True)


LOW, HIGH = 0.5, 1.2


@claim(
    "useful-range",
    "The useful range of temperatures is about 0.5 to 1.2.",
    "For both tasks, the temperatures that are statistically tied with the best (all pairs together, 95%): "
    "holds if both regions lie inside 0.5 to 1.2, does not hold if either lies outside of it altogether.",
    uses=(EXPLOIT, EXPLORE),
)
def useful_range(evidence: Evidence, _threshold: float) -> Measured:
    numbers: dict[str, object] = {}
    regions = []
    for goal, samples in (("exploit", evidence.exploit), ("explore", evidence.explore)):
        found, _ = recommend(samples.axis, find_goal(goal).item_scores(samples), goal, seed=evidence.seed)
        numbers |= {f"{goal}_region": list(found.region), f"{goal}_best": found.best}
        regions.append(found.region)
    outside = [region for region in regions if region[1] < LOW or region[0] > HIGH]
    inside = [region for region in regions if region[0] >= LOW and region[1] <= HIGH]
    verdict = HOLDS if len(inside) == 2 else DOES_NOT_HOLD if outside else CANNOT_TELL
    return Measured(verdict, numbers)


_WORDINGS = (
    f"The exploit task in its own wordings if it has three or more, else in {len(RULES)} made by rule "
    f"({', '.join(RULES)})"
)


@claim(
    "prompt-matters-more",
    "The prompt matters more than the temperature.",
    f"{_WORDINGS}, at temperatures from 0 to 2: shares of the variance of scores (crossed random effects, "
    "interval over items): holds if the wording's interval lies above the temperature's. The shares are of these "
    "wordings and temperatures only. The interval shown is the wording's.",
    quantity="share of the variance of scores that the wording makes",
    uses=(WORDINGS,),
)
def prompt_matters_more(evidence: Evidence, _threshold: float) -> Measured:
    found = variance_shares(evidence.wordings, evidence.seed)
    if found is None:
        return Measured(CANNOT_TELL, {"reason": "all answers score the same, or there are too few"})
    shares = {one.lever: one for one in found}
    prompt, setting = shares["prompt"], shares["setting"]
    numbers: dict[str, object] = {f"{one.lever}_share": one.share for one in found}
    numbers["temperature_interval"] = list(setting.share_ci)
    if prompt.share_ci[0] > setting.share_ci[1]:
        verdict = HOLDS
    else:
        verdict = DOES_NOT_HOLD if prompt.share_ci[1] < setting.share_ci[0] else CANNOT_TELL
    return Measured(verdict, numbers, prompt.share_ci, prompt.share)


@claim(
    "good-prompt-beats-poor",
    "A good prompt at one temperature beats a poor one at another.",
    f"{_WORDINGS}, at temperatures from 0 to 1. Half of the items choose the best and the worst wording, the "
    "temperature that suits the best one least and the one that suits the worst one most; on the other half the "
    "best at its worst temperature minus the worst at its best: holds if above 0.",
    threshold=0.0,
    quantity="score of the good wording minus that of the poor one",
    uses=(WORDINGS,),
)
def good_prompt_beats_poor(evidence: Evidence, threshold: float) -> Measured:
    scores_IPS = evidence.wordings.cell_scores[:, :, : at(1.0) + 1]
    # Chosen and measured on the same items, the best wording would look better than it is, and the worst one worse.
    choosing, measuring = scores_IPS[::2], scores_IPS[1::2]
    by_prompt = choosing.mean(axis=0)
    good, poor = int(by_prompt.mean(axis=1).argmax()), int(by_prompt.mean(axis=1).argmin())
    if good == poor or len(measuring) < 2:
        return Measured(CANNOT_TELL, {"reason": "all wordings score the same, or there are too few items"})
    # The good wording at the temperature that suits it least, the poor one at the one that suits it best.
    cold, best = int(by_prompt[good].argmin()), int(by_prompt[poor].argmax())
    difference = measuring[:, good, cold] - measuring[:, poor, best]
    numbers = {
        "good_wording": evidence.wording_names[good],
        "poor_wording": evidence.wording_names[poor],
        "good_at_its_worst_temperature": measuring[:, good, cold],
        "its_worst_temperature": GRID[cold],
        "poor_at_its_best_temperature": measuring[:, poor, best],
        "its_best_temperature": GRID[best],
        "items_measured": len(measuring),
    }
    return judged(evidence, difference, threshold, numbers)


def _by_temperature(name: str, values_IS: Floats) -> dict[str, object]:
    """`name_at_τ` for every temperature of GRID: a value for each item."""
    return {f"{name}_at_{temperature:g}": values_IS[:, place] for place, temperature in enumerate(GRID)}


CLAIMS = (
    answer_below_top,
    not_creativity,
    incoherent_sooner,
    larger_stays_coherent,
    accuracy_falls,
    invented_facts,
    variety_rises,
    same_answer_below,
    same_prompt_same_answer,
    useful_range,
    prompt_matters_more,
    good_prompt_beats_poor,
)
