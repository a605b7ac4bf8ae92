"""Rows that cannot be sampled: named with the reason, whatever path they take; the others are drawn all the same."""

from __future__ import annotations

import math

import numpy as np
import pytest

from retort.chain import Chain
from retort.chain.stage import Stage
from retort.sampling import BadRowsError, SampleBatch, SamplingParams, kernels, sample
from retort.sampling import draw as drawing

FIELDS = ("ids", "logprob_raw", "logprob_processed", "log_kept_mass", "entropy", "margin", "near_tie")

# A small vocabulary goes the general way, a large one through compiled kernels, and "device" through torch operations.
WAYS = {"general": 50, "compiled": 6000, "device": 300}

NAN, INF = math.nan, math.inf
SPOILT = {
    1: ("NaN among the logits", lambda row: row.__setitem__(3, NAN)),
    2: ("+inf among the logits", lambda row: row.__setitem__(-1, INF)),
    5: ("every token is -inf", lambda row: row.fill(-INF)),
    6: ("NaN among the logits", lambda row: row.fill(NAN)),
    8: ("NaN among the logits", lambda row: row.__setitem__(slice(0, 2), (INF, NAN))),
}


def on_way(way: str, logits: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> object:
    """The logits as the path `way` takes them."""
    if way != "device":
        return logits
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(drawing, "_on_accelerator", lambda logits: not isinstance(logits, np.ndarray))
    monkeypatch.setattr(kernels, "refusal", lambda logits, chain: "a test")
    return torch.from_numpy(logits)


def assert_rows_equal(one: SampleBatch, rows: list[int], other: SampleBatch) -> None:
    for name in FIELDS:
        left, right = np.asarray(getattr(one, name))[rows], np.asarray(getattr(other, name))[rows]
        assert np.array_equal(left.view(np.uint8), right.view(np.uint8)), name


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "chain", ["temperature=0.8 | top_p=0.9", "", "temperature=0", "top_k=5", "typical_p=0.9"]
)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_spoilt_logits_are_named_and_the_others_come_back(
    way: str, chain: str, dtype: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    logits = np.random.default_rng(0).normal(0, 2, (10, WAYS[way])).astype(dtype)
    params = SamplingParams(chain=Chain.parse(chain), seed=40)
    whole = sample(on_way(way, logits.copy(), monkeypatch), params)
    for row, (_, spoil) in SPOILT.items():
        spoil(logits[row])
    with pytest.raises(BadRowsError, match=r"5 of 10 rows.*row 1: NaN.*row 2: \+inf.*row 5: every") as caught:
        sample(on_way(way, logits, monkeypatch), params)
    assert list(caught.value.rows) == list(SPOILT)
    for row, (reason, _) in SPOILT.items():
        assert reason in caught.value.rows[row]
    results = caught.value.results
    assert_rows_equal(results, [0, 3, 4, 7, 9], whole)
    bad = list(SPOILT)
    assert (results.ids[bad] == -1).all()
    assert not results.near_tie[bad].any()
    for name in FIELDS[1:-1]:
        assert np.isnan(getattr(results, name)[bad]).all(), name


EMPTYING = {
    "a mask after a cut": Chain.parse("top_k=2 | allowed(7)"),
    "a mask and bad words": Chain.parse("allowed(7, 9) | bad_words([7], [9])"),
    "a bias": Chain.parse("allowed(7) | logit_bias(7: -inf)"),
    "a grammar": Chain([Stage("grammar", lambda ids: [])]),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("what", EMPTYING)
def test_rows_that_a_chain_empties_are_named_and_the_others_come_back(
    way: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows 1 and 4 lose every token; rows that share the chain but keep one, and rows of another chain, are drawn."""
    logits = np.random.default_rng(1).normal(0, 2, (6, WAYS[way])).astype(np.float32)
    logits[:, 7] = -20.0
    emptied, fine = SamplingParams(chain=EMPTYING[what], seed=3), SamplingParams(top_k=4, seed=3)
    params = [fine, emptied, fine, fine, emptied, fine]
    others = [0, 2, 3, 5]
    if what == "a mask after a cut":
        logits[3, 7] = 20.0
        params[3] = emptied
    history = [[]] * 6
    plain = sample(on_way(way, logits, monkeypatch), [fine] * 6, history=history)
    with pytest.raises(BadRowsError, match=r"2 of 6 rows.*row 1: \w+ removes every token; row 4:") as caught:
        sample(on_way(way, logits, monkeypatch), params, history=history)
    results = caught.value.results
    assert list(caught.value.rows) == [1, 4]
    assert (results.ids[[1, 4]] == -1).all()
    if what == "a mask after a cut":
        assert results.ids[3] == 7
        others.remove(3)
    assert_rows_equal(results, others, plain)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("dtype", "edge"),
    [(np.float16, 65504.0), (np.float32, float(np.finfo(np.float32).max)), (np.float64, 1e300)],
)
@pytest.mark.parametrize("temperature", [0.0, 1e-6, 0.7, 50.0])
def test_logits_at_the_edge_of_their_type_are_fine(
    way: str, dtype: type, edge: float, temperature: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The largest finite logit wins over all others, and among two of them the noise decides (τ = 0: the lower id)."""
    vocab = WAYS[way]
    one, two = np.full((2, 40, vocab), -edge).astype(dtype)
    one[:, 9] = two[:, 9] = two[:, vocab - 3] = edge
    params = SamplingParams(temperature=temperature, top_p=0.9, seed=1)
    sure = sample(on_way(way, one, monkeypatch), params)
    assert (sure.ids == 9).all()
    assert np.array_equal(sure.entropy, np.zeros(40))
    assert (sure.logprob_raw == 0).all()
    torn = sample(on_way(way, two, monkeypatch), params)
    assert set(torn.ids.tolist()) == ({9} if temperature == 0 else {9, vocab - 3})
    np.testing.assert_allclose(torn.logprob_raw, -math.log(2), rtol=1e-6)
    assert np.isfinite(torn.margin).all()


def test_bfloat16_at_its_edge() -> None:
    torch = pytest.importorskip("torch")
    for vocab in WAYS.values():
        logits = torch.full((4, vocab), -float(torch.finfo(torch.bfloat16).max), dtype=torch.bfloat16)
        logits[:, 5] = torch.finfo(torch.bfloat16).max
        assert sample(logits, SamplingParams(temperature=0.7)).ids.tolist() == [5] * 4


def test_a_long_list_of_bad_rows_is_counted_not_printed() -> None:
    with pytest.raises(BadRowsError, match=r"300 of 300 rows.*row 4: .* and 295 more") as caught:
        sample(np.full((300, 5), np.nan), SamplingParams())
    assert len(str(caught.value)) < 500
    assert len(caught.value.rows) == 300
