"""Synthetic records of the shapes that real runs give, for drawing and for sentences; no model computes them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from retort.distill import ArmResult, DistillResult
from retort.distill.results import conclude
from retort.lens.look import Look, LookRow, TopToken
from retort.lens.path import PathFound
from retort.records import exact
from retort.report import DistillFound, DrawsFound, Finding, Step, Story, TuneFound
from retort.sampling.path import Leaf, TemperaturePath
from retort.tune import Recommendation, Setting, Tuning

WORDS = {
    "fruit": 4.0, "edible fruit": 3.6, "tree": 2.8, "food": 2.5, "plant": 1.9, "vegetable": 1.2, "shrub": 0.9,
    "herb": 0.3, "$x^2$": -0.4, "<b>bold</b> & a very long token indeed": -4.0,
}  # fmt: skip


def make_look(
    temperatures=(0.5, 1.0, 2.0), *, model="embedded:base", prompt="a pear is a kind of", top=10
) -> Look:
    """A look at ten words, softmax worked out here."""
    rows = []
    for temperature in temperatures:
        logits = np.array(list(WORDS.values())) / max(temperature, 1e-3)
        log_probs = logits - logits.max() - math.log(np.exp(logits - logits.max()).sum())
        tokens = [
            TopToken(f" {word}", number, logit, float(log_prob), exact(log_prob), exact(math.exp(log_prob)))
            for number, ((word, logit), log_prob) in enumerate(zip(WORDS.items(), log_probs, strict=True))
        ]
        entropy = float(-(np.exp(log_probs) * log_probs).sum())
        rows.append(
            LookRow(temperature, exact(entropy), exact(math.exp(entropy)), exact(0.0), tuple(tokens[:top]))
        )
    return Look(
        model, prompt, 8192, 8192, "full", 8192, None, exact(0.4), 0.0, 1e-4, False, (), 0, tuple(rows), None
    )


def make_draws() -> DrawsFound:
    """Ten texts at each of two temperatures."""
    hot = (
        " Sydney.",
        " Canberra,",
        " the city",
        " Canberra",
        " Perth",
        " Sydney",
        " Canberra",
        "",
        " a",
        " Sydney",
    )
    return DrawsFound(
        "embedded:smollm2", "The capital of Australia is", 7, ((0.0, (" Sydney.",) * 10), (1.0, hot))
    )


TEXTS = [
    (0.0, 0.4312, " sweet juicy gritty textured fruit available in many varieties"),
    (0.4313, 0.62, " sweet juicy gritty fruit of the genus Pyrus"),
    (0.63, 0.94, " Old World tree having sweet gritty textured juicy fruit"),
    (0.95, 1.2, " a fleshy pome with soft flesh"),
    (1.23, 1.35, " a fleshy drupe that ripens on a shelf"),
    (1.4, 1.4, " lantern of small value"),
    (1.46, 1.62, " person who drums upon a hill at night with zeal"),
    (1.66, 1.8, " Turkmen coin named for"),
    (1.84, 2.0, " quasi rotunda yellowish if ever"),
]


def make_path() -> PathFound:
    """Nine texts over τ from 0 to 2; the first four share their beginnings in two groups."""
    words = sorted({word for _, _, text in TEXTS for word in text.split()})
    leaves, tokens = [], []
    for low, high, text in TEXTS:
        ids = tuple(words.index(word) for word in text.split())
        grid = tuple(number / 20 for number in range(41) if low <= number / 20 <= high)
        leaves.append(Leaf(low, high, grid, text, ids, "length", -2.5 * len(ids)))
        tokens.append(tuple(f" {word}" for word in text.split()))
    return PathFound(
        "embedded:base", None, "a pear is", 7, 10, tuple(tokens), TemperaturePath(tuple(leaves), 96, 402)
    )


def make_tuning(
    goal="exploit", *, setting=0.2, region=(0.0, 0.6), detectable=True, minimum=0.05, reference=1.0, items=150
) -> Tuning:
    """A score that falls (exploit) or rises and falls (explore) with τ over eleven temperatures."""
    settings = []
    for number in range(11):
        temperature = number / 5
        if goal == "exploit":
            score = 0.72 / (1 + math.exp(3.5 * (temperature - 1.2)))
        else:
            score = 1 + 5.5 * math.exp(-((temperature - 1.1) ** 2) / 0.3)
        half = 0.06 * score + 0.02
        spread = 1 / (1 + math.exp(-3 * (temperature - 0.8)))
        settings.append(
            Setting(
                temperature, score, (score - half, score + half), spread, max(0.0, 1 - 1.04 * spread), 600
            )
        )
    difference = next(s.score for s in settings if s.temperature == setting) - next(
        s.score for s in settings if s.temperature == reference
    )
    recommendation = Recommendation(
        setting=setting, reason="Because of synthetic numbers.", detectable=detectable, difference=difference,
        difference_ci=(difference - 0.1, difference + 0.1), reference=reference, region=region, best=region[0],
        held_out_difference=None, held_out_ci=None, chosen_again=None, minimum_detectable_difference=minimum,
        power=0.8, error_rate=0.05, tied=region if detectable else tuple(one.temperature for one in settings),
    )  # fmt: skip
    return Tuning(
        task=goal, model="embedded:base", goal=goal,
        score="share of right answers" if goal == "exploit" else "distinct valid answers per item",
        settings=tuple(settings), recommendation=recommendation, forward_passes=21_000, independent_passes=66_000,
        items=items, samples_per_item=4, seed=0, chain="", item_ids=(), item_scores=np.zeros((0, 11)),
    )  # fmt: skip


EXPLORE = {"setting": 1.0, "region": (1.0, 1.2), "reference": 0.0}


def make_distillation(
    gains=(0.06, 0.05, 0.07), *, time_gains=(0.01, -0.02, 0.02), test=True, control=True
) -> DistillResult:
    """Three arms whose paired differences are `gains` (same steps) and `time_gains` (same time), nats a token."""
    arms: dict[str, list[ArmResult]] = {"hard": [], "soft": [], "hard_equal_time": []}
    for seed, (gain, time_gain) in enumerate(zip(gains, time_gains, strict=True)):
        soft_nll = 4.1 + 0.03 * seed
        for arm, nll, steps in (
            ("hard", soft_nll + gain, 500),
            ("soft", soft_nll, 500),
            ("hard_equal_time", soft_nll + time_gain, 900),
        ):
            curve = tuple(
                (step, step * 0.05, nll + 2.6 * math.exp(-step / (90 if arm == "soft" else 120)))
                for step in range(50, steps + 1, 50)
            )
            arms[arm].append(
                ArmResult(
                    arm,
                    seed,
                    nll,
                    nll + 0.02 if test else None,
                    25.0,
                    0.05,
                    steps * 2048,
                    steps,
                    0.7,
                    0.3,
                    curve,
                )
            )
    if not control:
        arms = {"soft": arms["soft"]}
    recipe = {"temperature": 3.0, "alpha": 0.7}
    return conclude(recipe, {"val_nll": 2.61, "test_nll": 2.64 if test else None}, arms)


def make_story(**parts) -> Story:
    """A whole story; `parts` replaces fields of it."""
    result = make_distillation()
    curves = {arm: tuple((s, n) for s, _, n in result.arms[arm][1].curve) for arm in ("hard", "soft")}
    grid = [number / 20 for number in range(61)]
    english = {"model": "embedded:english", "prompt": "the sky is"}
    story = Story(
        version="0.1.0",
        seed=7,
        findings=(Finding("Look", "The first finding."), Finding("Path & <tags>", "The second finding.")),
        looks=(make_look(**english), make_look()),
        entropies=(make_look(grid, **english, top=1), make_look([t / 2 for t in grid], top=1)),
        draws=make_draws(),
        path=make_path(),
        tunings=(
            TuneFound(make_tuning(), "Say what kind of thing a thing is.", "a pear is a kind of", 300),
            TuneFound(
                make_tuning("explore", items=48, **EXPLORE), "Many examples.", "a kind of fruit is the", 48
            ),
        ),
        distillation=DistillFound(result, curves),
        steps=(
            Step("Look", "retort look embedded:english 'the sky is' --temperature 0.5,1,2", 0.4),
            Step("Distil", "retort distill embedded:default", 0.2, "9 of 9 students from an earlier run"),
        ),
        next_commands=("MODEL=./my-model", 'retort look "$MODEL" "the sky is"'),
        kept_in="out/kept",
        report="out/report.html",
    )
    return replace(story, **parts)
