"""Where top-k targets lead: by hand on four tokens, by formula against search, and real codecs' gradients."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from benchmarks.evidence import topk_bias

FOUR = torch.tensor([[0.5, 0.25, 0.15, 0.1]], dtype=torch.float64)


@pytest.fixture(scope="module")
def found() -> Any:
    return topk_bias.run(quick=True)


def gradient(found: Any, codec: str, temperature: float) -> dict[str, Any]:
    (row,) = [
        row
        for row in found.rows
        if row["part"] == "gradient"
        and row["codec"].startswith(codec)
        and row["temperature"] == temperature
        and (codec != "topk:" or row["bytes a token"] < 25)
    ]
    return dict(row)


def test_the_cost_of_top_2_of_four_tokens() -> None:
    # α = ½: the optimum is ½ (2/3, 1/3, 0, 0) + ½ p.
    optimum = torch.tensor([0.5 * 2 / 3 + 0.25, 0.5 / 3 + 0.125, 0.075, 0.05], dtype=torch.float64)
    expected = (FOUR[0] * (FOUR[0] / optimum).log()).sum()
    assert float(topk_bias.renormalised_cost(FOUR, 2, 0.5)) == pytest.approx(float(expected), abs=1e-14)
    assert math.isinf(float(topk_bias.renormalised_cost(FOUR, 2, 1.0)))
    # The lump of 0.25 ends as 0.125 for each.
    expected_lump = 0.15 * math.log(0.15 / 0.125) + 0.1 * math.log(0.1 / 0.125)
    assert float(topk_bias.lump_cost(FOUR, 2)) == pytest.approx(expected_lump, abs=1e-14)
    assert float(topk_bias.renormalised_cost(FOUR, 4, 0.5)) == pytest.approx(0.0, abs=1e-14)


@pytest.mark.parametrize("kept", [1, 2, 3])
def test_the_search_ends_at_the_formula(kept: int) -> None:
    searched = topk_bias.searched_cost(FOUR, kept, 0.7, lump=False)
    torch.testing.assert_close(searched, topk_bias.renormalised_cost(FOUR, kept, 0.7), atol=1e-8, rtol=0)
    searched = topk_bias.searched_cost(FOUR, kept, 1.0, lump=True)
    torch.testing.assert_close(searched, topk_bias.lump_cost(FOUR, kept), atol=1e-8, rtol=0)


def test_labels_repair_a_lump_and_not_a_renormalised_top() -> None:
    assert float(topk_bias.searched_cost(FOUR, 2, 0.7, lump=True)) == pytest.approx(0.0, abs=1e-12)
    assert float(topk_bias.searched_cost(FOUR, 2, 0.7, lump=False)) > 0.1


def test_a_quick_run_finds_formula_and_search_equal(found: Any) -> None:
    gaps = [row["formula less search, at most"] for row in found.rows if row["part"] == "optimum"]
    searched = [gap for gap in gaps if gap is not None]
    assert len(searched) == 3 and max(searched) < 1e-8
    costs = [row["excess"] for row in found.rows if row["part"] == "optimum" and row["alpha"] == 0.7]
    assert costs == sorted(costs, reverse=True) and costs[-1] > 0.005


def test_draws_average_out_and_top_k_does_not(found: Any) -> None:
    for temperature in (1.0, 3.0):
        drawn, top = gradient(found, "sampled", temperature), gradient(found, "topk:", temperature)
        assert top["bytes a token"] <= drawn["bytes a token"]
        assert top["error at N = 256"] > top["error at N = 1"] and top["variance"] == 0
        assert drawn["error at N = 256"] < drawn["error at N = 1"] / 2
        assert drawn["error at N = 256"] < top["error at N = 256"] / 10


def test_the_bias_of_the_unbiased_is_inside_its_noise() -> None:
    # 40 captures, 20 pairs: an interval of 95 % holds 1 for both codecs at both temperatures, seeds fixed.
    rows = topk_bias.made_up(64, vocab_size=64)
    for codec in ("sampled:20", "topk+tail:2+6"):
        for temperature in (1.0, 3.0):
            stored = topk_bias.stored_errors(rows, codec, temperature, 40)
            assert stored.excess is not None and stored.excess.low < 1 < stored.excess.high


def test_the_measure_of_bias_sees_one() -> None:
    noise = torch.randn(40, 64, generator=torch.Generator().manual_seed(0))
    assert topk_bias.bias_over_noise(noise).low < 1 < topk_bias.bias_over_noise(noise).high
    assert topk_bias.bias_over_noise(noise + 1.0).low > 1.5


def test_variance_of_draws_is_the_codecs_own_formula() -> None:
    """sampled:n rounds n p at random: the fraction f of n p has variance f (1 - f) / n², token by token."""
    rows = topk_bias.made_up(16, vocab_size=64)
    stored = topk_bias.stored_errors(rows, "sampled:20", 1.0, 300)
    fraction = (20 * rows.teacher.softmax(-1)).frac()
    expected = float((fraction * (1 - fraction)).sum(-1).mean()) / 400
    # The error's variance is the target's, and q times that of its sum comes on top.
    assert expected * 0.9 < stored.variance < expected * 1.6
