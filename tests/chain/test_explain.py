"""`Chain.explain`: the reports add up, and each kind of conflict is told in words, and only then."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from retort.chain import Chain
from retort.distribution import softmax
from retort.errors import InputError

SKY = [15.2, 10.1, 8.4, 6.2, 2.1, -4.8]
FOUR = np.log([0.4, 0.3, 0.2, 0.1])


def warnings(spec: str, logits: object) -> list[str]:
    """The warnings alone."""
    return list(Chain(spec).explain(logits).warnings)


def test_reports_by_hand() -> None:
    explanation = Chain("top_k=3 | top_p=0.7").explain(FOUR)
    assert explanation.spec == "top_k=3 | top_p=0.7"
    first, second = explanation.stages
    assert (first.stage, first.kept, first.removed, first.removed_ids) == ("top_k=3", 3, 1, (3,))
    assert (float(first.kept_mass), float(first.kept_mass_total)) == pytest.approx((0.9, 0.9))
    # 4/9 + 3/9 ≥ 0.7: the nucleus is of what top_k left.
    assert (second.stage, second.kept, second.removed, second.removed_ids) == ("top_p=0.7", 2, 1, (2,))
    assert (float(second.kept_mass), float(second.kept_mass_total)) == pytest.approx((7 / 9, 0.7))
    assert explanation.kept == 2


def test_moved_is_the_total_variation_of_each_stage() -> None:
    cut, heated = Chain("top_k=2 | temperature=0.5").explain(np.log([0.6, 0.2, 0.1, 0.1])).stages
    # 0.2 of the mass is taken from the last two; then 3/4, 1/4 become 9/10, 1/10.
    assert (float(cut.moved), float(heated.moved)) == pytest.approx((0.2, 0.15))


def test_the_processed_logits_are_those_of_apply() -> None:
    chain = Chain("temperature=2 | top_p=0.8")
    np.testing.assert_array_equal(chain.explain(FOUR).processed, chain.apply(FOUR))


def test_removed_ids_are_in_falling_order_of_probability() -> None:
    logits = np.log([0.05, 0.5, 0.1, 0.2, 0.15])
    assert Chain("top_k=1").explain(logits).stages[0].removed_ids == (3, 4, 2, 0)


def test_total_mass_follows_a_temperature_that_comes_last() -> None:
    logits = np.log([0.5, 0.25, 0.125, 0.125])
    cut, heated = Chain("top_k=2 | temperature=0.5").explain(logits).stages
    assert float(cut.kept_mass_total) == pytest.approx(0.75)
    # Squared: 16, 4, 1, 1 of 22.
    assert float(heated.kept_mass_total) == pytest.approx(20 / 22)
    assert (heated.kept, heated.removed, float(heated.kept_mass)) == (2, 0, 1.0)


def test_temperature_0_reports_the_mass_of_the_winner() -> None:
    (report,) = Chain("temperature=0").explain(FOUR).stages
    assert (report.kept, report.removed) == (1, 3)
    assert (float(report.kept_mass), float(report.kept_mass_total)) == pytest.approx((0.4, 0.4))


@given(
    arrays(np.float64, st.integers(1, 9), elements=st.floats(-6, 6)),
    st.permutations(["temperature=1.3", "top_k=4", "top_p=0.8", "min_p=0.1"]),
)
def test_reports_agree_with_apply(logits: np.ndarray, parts: list[str]) -> None:
    chain = Chain(" | ".join(parts))
    explanation = chain.explain(logits)
    alive = chain.apply(logits) > -math.inf
    assert explanation.kept == alive.sum() == explanation.stages[-1].kept
    removed = sorted(i for report in explanation.stages for i in report.removed_ids)
    assert removed == np.flatnonzero(~alive).tolist()
    assert all(report.removed == len(report.removed_ids) for report in explanation.stages)
    tempered = softmax(logits, chain.temperature)
    assert float(explanation.stages[-1].kept_mass_total) == pytest.approx(tempered[alive].sum())
    if parts[0].startswith("temperature"):
        product = math.prod(float(report.kept_mass) for report in explanation.stages)
        assert float(explanation.stages[-1].kept_mass_total) == pytest.approx(product)


def test_a_sensible_chain_has_no_warnings() -> None:
    assert warnings("temperature=0.8 | top_p=0.9", FOUR) == []
    assert warnings("", FOUR) == []
    assert warnings("temperature=1", FOUR) == []
    assert warnings("temperature=0", FOUR) == []


def test_a_stage_that_changes_nothing() -> None:
    (text,) = warnings("top_k=50", FOUR)
    assert text == "top_k=50 removes nothing here: it keeps all 4 tokens that reach it."


def test_counts_in_warnings_have_thousands() -> None:
    (text,) = warnings("top_k=5000", np.zeros(2000))
    assert text == "top_k=5000 removes nothing here: it keeps all 2,000 tokens that reach it."


def test_a_stage_made_moot_by_another_names_it() -> None:
    found = warnings("temperature=1 | top_k=3 | top_p=0.5", np.log([0.4, 0.3, 0.2, 0.06, 0.04]))
    assert "top_k=3 is made moot by top_p=0.5: without it the same 2 tokens would be kept." in found
    assert not any(text.startswith("top_p=0.5 is made moot") for text in found)


def test_the_documented_conflict() -> None:
    """τ = 2 with top-k 5 and top-p 0.3 can be more restrictive than any one of them alone."""
    flat = np.log([0.18, 0.15, 0.12, 0.11, 0.1, 0.09, 0.08, 0.07, 0.06, 0.04])
    found = " ".join(warnings("temperature=2 | top_k=5 | top_p=0.3", flat))
    alone = [Chain(f"temperature=2 | {stage}").explain(flat).kept for stage in ("top_k=5", "top_p=0.3")]
    together = Chain("temperature=2 | top_k=5 | top_p=0.3").explain(flat).kept
    assert (alone, together) == ([5, 3], 2)
    assert "together the stages keep 2 tokens, fewer than any of them alone" in found
    assert "(top_k=5 keeps 5, top_p=0.3 keeps 3)" in found
    assert "temperature=2 asks for more variety, but the truncations then keep" in found


def test_one_token_left() -> None:
    assert any(
        "every draw here is the greedy token" in text for text in warnings("temperature=2 | top_p=0.3", SKY)
    )
    assert not any("greedy" in text for text in warnings("top_k=2", [0.0, -math.inf]))


def test_temperature_0_with_truncations() -> None:
    (text,) = warnings("temperature=0 | top_k=5 | top_p=0.3", SKY)
    assert "top_k=5 and top_p=0.3 cannot change the result" in text


def test_temperature_after_truncation_is_told_where_it_matters() -> None:
    found = warnings("top_p=0.7 | temperature=3", np.log([0.5, 0.25, 0.15, 0.1]))
    assert any(
        "top_p=0.7 comes before temperature=3" in text
        and "2 tokens remain; " in text
        and "would be 3." in text
        for text in found
    )
    assert not any("comes before" in text for text in warnings("top_k=2 | temperature=3", FOUR))


def test_three_truncations() -> None:
    assert any("3 truncations" in text for text in warnings("top_k=3 | top_p=0.8 | min_p=0.5", FOUR))


def test_one_row_at_a_time() -> None:
    with pytest.raises(InputError, match=r"one row of logits \[vocab\], got shape \(2, 4\)"):
        Chain("top_k=2").explain(np.zeros((2, 4)))
    with pytest.raises(InputError, match="NaN"):
        Chain("top_k=2").explain([math.nan, 0.0])


def test_torch_rows_are_explained_too() -> None:
    torch = pytest.importorskip("torch")
    assert Chain("top_k=2").explain(torch.tensor(FOUR, requires_grad=True)) == Chain("top_k=2").explain(FOUR)
