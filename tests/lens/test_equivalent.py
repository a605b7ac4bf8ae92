"""Equivalent temperature of two models: a model against itself at another temperature is known exactly."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from mock_source import MockSource
from retort.distribution import entropy, kl, log_softmax
from retort.errors import InputError, SourceError
from retort.lens.asking import default_prompts, read_prompts
from retort.lens.equivalent import equivalent
from retort.sources.positions import position_logits

PROMPTS = ["w1 w2 w3 w4", "w5 w6", "w7 w8 w9", "w3 w3 w1 w2 w5", "w2"]


class Sharpened(MockSource):
    """The mock's logits times a factor, plus noise of its own: what tuning does, in small."""

    def __init__(self, factor: float, noise: float = 0.0) -> None:
        super().__init__(32)
        self.factor, self.noise = factor, noise

    def logits_of(self, prefix):
        rng = np.random.default_rng(abs(hash(tuple(prefix))) % 2**32)
        return self.factor * super().logits_of(prefix) + self.noise * rng.normal(size=self.vocab_size)


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.5])
def test_a_sharper_copy_is_the_same_at_a_higher_temperature(factor: float) -> None:
    found = equivalent(Sharpened(1.0), Sharpened(factor), PROMPTS, [0.7, 1.0])
    assert (found.prompts, found.positions) == (5, sum(len(prompt.split()) for prompt in PROMPTS))
    for point in found.points:
        assert point.temperature_b == pytest.approx(factor * point.temperature_a, rel=1e-6)
        assert point.entropy_matched == pytest.approx(factor * point.temperature_a, rel=1e-6)
        assert point.kl_left == pytest.approx(0.0, abs=1e-9)
        assert point.entropy_a == pytest.approx(point.entropy_b, abs=1e-6)
        assert point.temperature_b_ci == pytest.approx((point.temperature_b,) * 2, rel=1e-6)
        assert not point.at_bound


def test_the_temperature_found_is_the_best_and_lies_in_its_interval() -> None:
    first, second = Sharpened(1.0), Sharpened(2.0, noise=1.5)
    (point,) = equivalent(first, second, PROMPTS, [1.0]).points
    a, b = (
        np.concatenate([position_logits(one, one.encode(prompt)) for prompt in PROMPTS]).astype(np.float64)
        for one in (first, second)
    )

    def divergence(temperature: float) -> float:
        return float(kl(log_softmax(a), log_softmax(b, temperature)).mean())

    assert point.kl_left == pytest.approx(divergence(point.temperature_b))
    assert point.kl_same == pytest.approx(divergence(1.0))
    assert all(divergence(point.temperature_b * factor) > point.kl_left for factor in (0.8, 0.97, 1.03, 1.25))
    assert point.kl_left > 0.05
    assert point.temperature_b_ci is not None
    low, high = point.temperature_b_ci
    assert low < point.temperature_b < high
    assert point.entropy_b == pytest.approx(float(np.mean(entropy(b, point.temperature_b))))


def test_the_interval_covers_what_many_prompts_say() -> None:
    """95 % intervals of 60 samples of 12 prompts: the value over all prompts lies in at least 80 % of them.

    A binomial of 60 at 0.95 falls below 48 with probability 6e-6; small bootstraps cover a little less than they say.
    """
    first, second = Sharpened(1.0), Sharpened(2.0, noise=1.5)
    rng = np.random.default_rng(5)
    pool = [" ".join(f"w{token}" for token in rng.integers(1, 32, size=3)) for _ in range(400)]
    truth = equivalent(first, second, pool, [1.0]).points[0].temperature_b
    inside = 0
    for _ in range(60):
        some = [pool[index] for index in rng.choice(len(pool), size=12, replace=False)]
        ends = equivalent(first, second, some, [1.0]).points[0].temperature_b_ci
        assert ends is not None
        inside += ends[0] <= truth <= ends[1]
    assert 48 <= inside < 60


def test_one_prompt_has_no_interval() -> None:
    assert equivalent(Sharpened(1.0), Sharpened(2.0), ["w1 w2"], [1.0]).points[0].temperature_b_ci is None


def test_position_logits_are_the_next_token_logits_of_every_prefix() -> None:
    source = MockSource(16)
    ids = source.encode("w1 w2 w3")
    rows = position_logits(source, ids)
    for end in range(3):
        assert np.array_equal(rows[end], source.logits_of(ids[: end + 1]))


@pytest.mark.parametrize(
    ("sources", "prompts", "temperatures", "said"),
    [
        ((MockSource(16), MockSource(16)), [], [1.0], "no prompts"),
        ((MockSource(16), MockSource(16)), ["w1"], [0.0], "exists only above 0, got 0"),
        ((MockSource(16), MockSource(16)), ["w1"], [math.inf], "above 0, got inf"),
        ((MockSource(16), MockSource(17)), ["w1"], [1.0], "have different tokens"),
    ],
)
def test_what_cannot_be_compared(sources, prompts, temperatures, said) -> None:
    with pytest.raises(InputError, match=said):
        equivalent(*sources, prompts, temperatures)


def test_prompts_come_from_a_file_or_from_the_package(tmp_path: Path) -> None:
    file = tmp_path / "prompts.txt"
    file.write_text("a pear\r\n\nan apple\n", encoding="utf-8")
    assert read_prompts(file) == ["a pear", "an apple"]
    file.write_text("\n")
    with pytest.raises(InputError, match="contains no prompts"):
        read_prompts(file)
    with pytest.raises(SourceError, match="cannot be read"):
        read_prompts(tmp_path / "none.txt")
    assert len(default_prompts()) == 20 and all(map(str.strip, default_prompts()))
