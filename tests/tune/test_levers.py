"""Variance shares: against simulated scores whose components are known, and levers that do nothing."""

from __future__ import annotations

import numpy as np
import pytest

from retort.tune.cells import LEVERS, _shares_of, variance_shares
from retort.tune.samples import Samples
from retort.tune.settings import temperature_axis


def samples_of(y: np.ndarray) -> Samples:
    """`[items, prompts, settings, answers]` scores as columns."""
    item, prompt, setting, _ = np.indices(y.shape).reshape(4, -1)
    return Samples(
        temperature_axis(np.arange(y.shape[2]).tolist()),
        tuple(map(str, range(len(y)))),
        setting=setting,
        item=item,
        prompt=prompt,
        answer=None,
        score=y.ravel(),
    )


def simulated(
    rng: np.random.Generator, item=0.0, prompt=0.0, setting=0.0, item_setting=0.0, seed=0.0
) -> np.ndarray:
    shape = (200, 6, 8, 4)
    return (
        item * rng.normal(size=(200, 1, 1, 1))
        + prompt * rng.normal(size=(1, 6, 1, 1))
        + setting * rng.normal(size=(1, 1, 8, 1))
        + item_setting * rng.normal(size=(200, 1, 8, 1))
        + seed * rng.normal(size=shape)
    )  # fmt: skip


def shares(y: np.ndarray) -> dict[str, float]:
    found = variance_shares(samples_of(y))
    assert found is not None
    assert sum(one.share for one in found) == pytest.approx(1.0)
    for one in found:
        assert one.share_ci[0] - 0.02 <= one.share <= one.share_ci[1] + 0.02
    return {one.lever: one.share for one in found}


def test_components_that_resampling_items_can_see() -> None:
    """Item 1, item × setting 0.5², seed 2²: 200 items and 6,400 cells pin each share within 0.05."""
    found = shares(simulated(np.random.default_rng(0), item=1.0, item_setting=0.5, seed=2.0))
    total = 1.0 + 0.25 + 4.0
    assert found["item"] == pytest.approx(1.0 / total, abs=0.05)
    assert found["setting"] == pytest.approx(0.25 / total, abs=0.03)
    assert found["seed"] == pytest.approx(4.0 / total, abs=0.05)
    assert found["prompt"] < 0.01 and found["setting and prompt"] < 0.01


@pytest.mark.parametrize("lever", ["prompt", "setting"])
def test_the_lever_that_matters_is_named(lever: str) -> None:
    found = shares(simulated(np.random.default_rng(1), **{lever: 1.0}, seed=0.5))
    assert max(found, key=lambda name: found[name]) == lever
    other = "setting" if lever == "prompt" else "prompt"
    assert found[other] < 0.01


def test_noise_alone_is_the_seed() -> None:
    found = shares(simulated(np.random.default_rng(2), seed=1.0))
    assert found["seed"] > 0.98


def test_plain_shares_of_means_would_credit_levers_with_the_noise() -> None:
    """The wrong version: variance of the levels' means over all variance, which noise alone makes larger than 0."""
    plain, ours = [], []
    for number in range(40):
        y = simulated(np.random.default_rng(number), seed=1.0)[:40]
        plain.append(y.mean(axis=(0, 1, 3)).var() / y.var())
        ours.append(_shares_of(y.mean(axis=3), y.var(axis=3, ddof=1), 4)[list(LEVERS).index("prompt")])
    levels = 8 - 1
    assert np.mean(plain) == pytest.approx(levels / y.size, rel=0.3)
    # Ours is 0 in about half of the cases, and small in the others.
    assert np.median(ours) < 1e-3
    assert np.mean(np.array(ours) == 0.0) > 0.2


@pytest.mark.parametrize("seed", range(3))
def test_shares_are_those_of_statsmodels_mean_squares(seed: int) -> None:
    """statsmodels' analysis of variance of all answers; the components by solving for the expected mean squares of a
    model in which every factor is random: E[MS of T] = Σ of σ²_U · (cells of U's complement) over all U that hold T."""
    anova = pytest.importorskip("statsmodels.api").stats.anova_lm
    ols = pytest.importorskip("statsmodels.formula.api").ols
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(seed)
    sizes = {"i": 6, "p": 3, "s": 4, "r": 3}
    shape = tuple(sizes.values())
    y = sum(
        size * rng.normal(size=tuple(n if axis in axes else 1 for axis, n in enumerate(shape)))
        for axes, size in (
            ((0,), 1.0),
            ((1,), 0.7),
            ((2,), 0.8),
            ((0, 2), 0.6),
            ((1, 2), 0.5),
            ((0, 1, 2, 3), 1.0),
        )
    ) + np.zeros(shape)
    table = pandas.DataFrame(dict(zip("ipsr", np.indices(shape).reshape(4, -1), strict=True)))
    table["y"] = y.ravel()
    found = anova(ols("y ~ C(i)*C(p)*C(s)", table).fit(), typ=1)
    named = {name.replace("C(", "").replace(")", "").replace(":", ""): row for name, row in found.iterrows()}
    terms = ["i", "p", "s", "ip", "is", "ps", "ips", "Residual"]

    def cells(term: str) -> int:
        return int(np.prod([n for axis, n in sizes.items() if axis not in term]))

    expected = np.array(
        [
            [
                1.0 if u == "Residual" else cells(u) * float(t != "Residual" and set(t) <= set(u))
                for u in terms
            ]
            for t in terms
        ]
    )
    squares = np.array([named[term]["mean_sq"] for term in terms])
    c = dict(zip(terms, np.maximum(np.linalg.solve(expected, squares), 0.0), strict=True))
    levers = np.array([c["s"] + c["is"], c["p"] + c["ip"], c["ps"] + c["ips"], c["Residual"], c["i"]])
    ours = variance_shares(samples_of(y))
    assert ours is not None
    assert [one.share for one in ours] == pytest.approx(list(levers / levers.sum()), abs=1e-10)


def test_where_nothing_can_be_told() -> None:
    y = simulated(np.random.default_rng(4), seed=1.0)
    assert variance_shares(samples_of(y[:, :1])) is None  # one prompt
    assert variance_shares(samples_of(y[:1])) is None  # one item
    assert variance_shares(samples_of(y[..., :1])) is None  # one answer a cell: no seed to compare with
    assert variance_shares(samples_of(np.ones((4, 2, 3, 2)))) is None  # nothing varies
    assert len(LEVERS) == 5
