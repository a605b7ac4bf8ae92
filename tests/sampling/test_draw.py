"""The sampler: four tokens by hand, a float64 oracle, the batch as its rows alone, frequencies, and bad rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from retort.chain import Chain
from retort.chain.stage import Stage
from retort.errors import InputError
from retort.sampling import BadRowsError, SampleBatch, SamplingParams, gumbel, kernels, sample, uniform_at
from retort.sampling import draw as drawing
from retort.sampling.draw import draw
from retort.transforms.context import Context
from retort.transforms.truncation import COIN_STREAM

FIELDS = ("ids", "logprob_raw", "logprob_processed", "log_kept_mass", "entropy", "margin", "near_tie")

MIXED = [
    SamplingParams(temperature=0.7, top_p=0.9, seed=3),
    SamplingParams(temperature=0.0, seed=4),
    SamplingParams(temperature=1.3, top_k=3, min_p=0.05, seed=3),
    SamplingParams(temperature=0.7, top_p=0.9, seed=5),
    SamplingParams(chain=Chain.parse("top_p=0.5 | temperature=3"), seed=6),
    SamplingParams(seed=7),
    SamplingParams(temperature=2.0, min_p=0.3, seed=8),
    SamplingParams(temperature=1e-3, seed=9),
]


def oracle(
    logits: np.ndarray, params: SamplingParams, seed: int, position: int, context: Context | None = None
) -> dict[str, float]:
    """One row, slowly: every number from its definition in SampleBatch and `distribution/measures.py`.

    Written from the definitions: until 0.1 this oracle took the margin from the raw logits and the kept mass from
    `softmax(logits / τ)`, as the sampler did, and so agreed with its mistake.
    """
    logits = logits.astype(np.float64)
    chain = params.resolved_chain
    entering, shaped, processed, temperature = logits, logits, logits, 1.0
    for stage in chain:
        if stage.transform.tempers:
            entering, temperature = processed, float(np.max(stage.temperatures(processed)))
            shaped = shaped / temperature if temperature else shaped
        elif not stage.transform.truncates and not stage.transform.bans:
            shaped = stage.apply(shaped, context)
        processed = stage.apply(processed, context)
    noise = gumbel(seed, position, len(logits))
    scores = processed + noise
    order = sorted(range(len(logits)), key=lambda token: (-scores[token], token))
    kept = [token for token in range(len(logits)) if processed[token] > -math.inf]
    total = math.fsum(math.exp(processed[token] - processed.max()) for token in kept)
    probs = {token: math.exp(processed[token] - processed.max()) / total for token in kept}
    raw_total = math.fsum(math.exp(value - logits.max()) for value in logits)
    weights = [math.exp(value - shaped.max()) for value in shaped]
    best, second = sorted(entering)[-1], sorted(entering)[-2]
    return {
        "ids": order[0],
        "logprob_raw": logits[order[0]] - logits.max() - math.log(raw_total),
        "logprob_processed": math.log(probs[order[0]]),
        "log_kept_mass": math.log(math.fsum(weights[t] for t in kept) / math.fsum(weights)),
        "entropy": -math.fsum(p * math.log(p) for p in probs.values() if p > 0),
        "margin": temperature * (scores[order[0]] - scores[order[1]]) if temperature else best - second,
    }


def assert_rows_equal(some: SampleBatch, rows: list[int], alone: SampleBatch) -> None:
    """These rows of a batch are bit for bit those of another, which has no more."""
    for name in FIELDS:
        left, right = np.asarray(getattr(some, name))[rows], np.asarray(getattr(alone, name))
        assert np.array_equal(left.view(np.uint8), right.view(np.uint8)), name


def assert_same_rows(one: SampleBatch, rows: list[int], other: SampleBatch) -> None:
    """These rows are bit for bit the same in both batches."""
    for name in FIELDS:
        left, right = np.asarray(getattr(one, name))[rows], np.asarray(getattr(other, name))[rows]
        assert np.array_equal(left.view(np.uint8), right.view(np.uint8)), name


def test_margin_and_kept_mass_are_those_of_what_was_drawn_from_by_hand() -> None:
    """Issue 16, §1: a bias of 1 on token 1 ties it with token 0; a penalty of 1.25 makes 5 into 4."""
    tied = sample([5.0, 4.0, 0.0, -1.0], {"logit_bias": {1: 1.0}, "temperature": 0})
    assert (tied.ids[0], tied.margin[0], tied.near_tie[0]) == (0, 0.0, True)
    shaped = np.exp([5.0, 5.0, 0.0, -1.0])
    assert math.exp(tied.log_kept_mass[0]) == pytest.approx(shaped[0] / shaped.sum())
    penalised = sample([5.0, 4.0, 0.0], {"repetition_penalty": 1.25, "temperature": 0}, history=[[0]])
    assert (penalised.ids[0], penalised.margin[0]) == (0, 0.0)
    banned = sample(
        [5.0, 4.0, 0.0], {"bad_words": [[0]], "temperature": 0}, history=[[2]], prompt_lengths=[1]
    )
    assert (banned.ids[0], banned.margin[0]) == (1, 4.0)
    # A ban removes: what is kept of softmax([5, 4, 0]) is one token.
    assert math.exp(banned.log_kept_mass[0]) == pytest.approx(math.exp(4) / np.exp([5.0, 4.0, 0.0]).sum())


def test_a_dynamic_temperature_counts_as_what_it_was() -> None:
    logits = np.array([2.0, 1.0, 0.0, -1.0])
    probs = np.exp(logits) / np.exp(logits).sum()
    share = -(probs * np.log(probs)).sum() / math.log(4)
    temperature = 0.5 + 1.0 * share  # low 0.5, high 1.5
    drawn = sample(logits, {"chain": "dynatemp(range=0.5, temperature=1) | top_k=2"}, seeds=[3])
    scores = (logits - 2) / temperature + gumbel(3, 0, 4)
    assert drawn.margin[0] == pytest.approx(temperature * abs(scores[0] - scores[1]))
    shaped = np.exp(logits / temperature)
    assert math.exp(drawn.log_kept_mass[0]) == pytest.approx(shaped[:2].sum() / shaped.sum())


LOOKING_BACK = [
    {"repetition_penalty": 1.3, "temperature": 0},
    {"presence_penalty": 0.7, "frequency_penalty": 0.2, "top_p": 0.8},
    {"logit_bias": {1: 2.5}, "top_k": 2, "temperature": 0.6},
    {"dynatemp_range": 0.6, "temperature": 0.9, "min_p": 0.1},
    {"dynatemp_range": 0.6, "temperature": 0.9, "repetition_penalty": 1.2, "top_k": 3},
    {"chain": "top_k=3 | logit_bias(0: -1) | temperature=1.4"},
]


@pytest.mark.parametrize("settings_", LOOKING_BACK, ids=str)
@pytest.mark.parametrize("way", ["numpy", "torch"])
def test_every_number_after_penalties_biases_and_a_dynamic_temperature(settings_: dict, way: str) -> None:
    params = SamplingParams.from_dict(settings_)
    for case in range(20):
        rng = np.random.default_rng(case)
        logits = rng.normal(0, 2, 12)
        history = rng.integers(0, 12, 8).tolist()
        context = Context(history=[history], prompt_lengths=[3])
        if way == "torch":
            torch = pytest.importorskip("torch")
            drawn = draw(torch.from_numpy(logits)[None], params.resolved_chain, [case], [4], context)
        else:
            drawn = sample(logits, params, [case], 4, [history], prompt_lengths=[3])
        for name, value in oracle(logits, params, case, 4, context).items():
            assert getattr(drawn, name)[0] == pytest.approx(value, rel=1e-9, abs=1e-9), name


def test_four_tokens_by_hand() -> None:
    logits = np.log([0.5, 0.25, 0.15, 0.10])
    drawn = sample(logits, SamplingParams(top_k=2, seed=1))
    noise = gumbel(1, 0, 4)
    token = 0 if math.log(0.5) + noise[0] >= math.log(0.25) + noise[1] else 1
    assert drawn.ids.tolist() == [token]
    assert drawn.logprob_raw[0] == pytest.approx(math.log([0.5, 0.25][token]))
    assert drawn.logprob_processed[0] == pytest.approx(math.log([2 / 3, 1 / 3][token]))
    assert math.exp(drawn.log_kept_mass[0]) == pytest.approx(0.75)
    assert drawn.entropy[0] == pytest.approx(math.log(3) - 2 / 3 * math.log(2))


@given(st.integers(0, 2**32), st.sampled_from(MIXED), st.integers(0, 10**6), st.sampled_from([2, 5, 40]))
@settings(max_examples=60, deadline=None)
def test_every_number_is_what_it_says(case: int, params: SamplingParams, position: int, vocab: int) -> None:
    logits = np.random.default_rng(case).normal(0, 2, vocab).astype(np.float32)
    drawn = sample(logits, params, seeds=[case], positions=position)
    for name, value in oracle(logits, params, case, position).items():
        got = getattr(drawn, name)[0]
        assert got == value if name == "ids" else got == pytest.approx(value, rel=1e-9, abs=1e-9), name


@pytest.mark.parametrize("vocab", [7, 1000, 9001])
def test_a_row_is_bitwise_the_same_alone_in_a_batch_and_permuted(vocab: int) -> None:
    """Large and small vocabularies take different ways through the noise; all must agree."""
    rng = np.random.default_rng(vocab)
    logits = rng.normal(0, 3, (24, vocab)).astype(np.float32)
    logits[3] = np.round(logits[3])
    params = [MIXED[row % len(MIXED)] for row in range(24)]
    seeds = [int(seed) for seed in rng.integers(0, 2**63, 24)]
    seeds[9] = seeds[1]
    positions = [row % 5 for row in range(24)]
    batch = sample(logits, params, seeds, positions)
    for row in range(24):
        assert_rows_equal(batch, [row], sample(logits[row], params[row], [seeds[row]], [positions[row]]))
    order = rng.permutation(24).tolist()
    permuted = sample(
        np.asfortranarray(logits[order]),
        [params[row] for row in order],
        [seeds[row] for row in order],
        [positions[row] for row in order],
    )
    assert_rows_equal(batch, order, permuted)
    some = order[:10]
    doubled = sample(
        np.repeat(logits[some], 2, axis=0)[::2],
        [params[row] for row in some],
        [seeds[row] for row in some],
        [positions[row] for row in some],
    )
    assert_rows_equal(batch, some, doubled)


def test_few_kept_tokens_are_drawn_as_all_of_them_would_be() -> None:
    """Noise of the kept tokens alone, against noise of the whole vocabulary."""
    logits = np.random.default_rng(0).normal(0, 2, (40, 20_000)).astype(np.float32)
    drawn = sample(logits, SamplingParams(top_k=30, seed=100))
    for row in range(40):
        processed = Chain.of(top_k=30).apply(logits[row].astype(np.float64))
        assert drawn.ids[row] == np.argmax(processed + gumbel(100 + row, 0, 20_000))


@pytest.mark.parametrize(
    ("params", "probs"),
    [
        (SamplingParams(), [0.4, 0.3, 0.15, 0.1, 0.04, 0.01]),
        (SamplingParams(top_k=3), [0.4 / 0.85, 0.3 / 0.85, 0.15 / 0.85, 0, 0, 0]),
        (SamplingParams(temperature=2.0), None),
    ],
)
def test_tokens_come_at_their_rates(params: SamplingParams, probs: list[float] | None) -> None:
    """G-test, 100,000 draws over seeds, then over positions; level 1e-5."""
    base = np.array([0.4, 0.3, 0.15, 0.1, 0.04, 0.01])
    expected = np.array(probs) if probs is not None else np.sqrt(base) / np.sqrt(base).sum()
    logits = np.tile(np.log(base), (100_000, 1))
    over_seeds = sample(logits, params, seeds=range(100_000))
    over_positions = sample(logits, params, seeds=[8] * 100_000, positions=range(100_000))
    for drawn in (over_seeds, over_positions):
        counts = np.bincount(drawn.ids, minlength=6)
        assert counts[expected == 0].sum() == 0
        live = expected > 0
        result = stats.power_divergence(counts[live], expected[live] * 100_000, lambda_="log-likelihood")
        assert result.pvalue > 1e-5


def test_neighbouring_draws_are_independent() -> None:
    """Pairs of draws at neighbouring positions, and of neighbouring seeds: G-test of independence, 60,000 pairs."""
    logits = np.tile(np.log([0.5, 0.3, 0.2]), (120_000, 1))
    for drawn in (
        sample(logits, SamplingParams(), seeds=[5] * 120_000, positions=range(120_000)).ids,
        sample(logits, SamplingParams(), seeds=range(120_000)).ids,
    ):
        table = np.zeros((3, 3))
        np.add.at(table, (drawn[::2], drawn[1::2]), 1)
        assert stats.chi2_contingency(table, lambda_="log-likelihood").pvalue > 1e-5


def test_zero_temperature_is_greedy_with_ties_to_the_lowest_id_in_mixed_batches() -> None:
    logits = np.array([[1.0, 5.0, 5.0, 0.0], [1.0, 5.0, 5.0, 0.0], [5.0, 5.0, 5.0, 5.0]])
    for seed in range(30):
        params = [
            SamplingParams(temperature=0, seed=seed),
            SamplingParams(temperature=1, seed=seed),
            SamplingParams(chain=Chain.parse("top_k=2 | temperature=0"), seed=seed),
        ]
        drawn = sample(logits, params)
        assert drawn.ids[[0, 2]].tolist() == [1, 0]
        assert drawn.logprob_processed[[0, 2]].tolist() == [0.0, 0.0]
        assert drawn.entropy[[0, 2]].tolist() == [0.0, 0.0]
        assert drawn.margin[[0, 2]].tolist() == [0.0, 0.0]
        assert drawn.near_tie[[0, 2]].all()


@pytest.mark.parametrize("seed", range(5))
def test_top_k_one_zero_and_vanishing_temperature_agree(seed: int) -> None:
    logits = np.random.default_rng(seed).normal(0, 1, 500)
    ids = {
        int(sample(logits, params).ids[0])
        for params in (
            SamplingParams(temperature=0, seed=seed),
            SamplingParams(top_k=1, seed=seed),
            SamplingParams(temperature=1e-9, seed=seed),
        )
    }
    assert ids == {int(np.argmax(logits))}


def test_near_tie_is_the_margin_within_the_stated_noise() -> None:
    logits = np.array([[3.0, 3.0 - 5e-5, 0.0], [3.0, 2.9, 0.0]])
    greedy = SamplingParams(temperature=0)
    assert sample(logits, greedy).near_tie.tolist() == [True, False]
    assert sample(logits, greedy, noise_scale=1e-6).near_tie.tolist() == [False, False]
    assert sample(logits, greedy, noise_scale=0.2).near_tie.tolist() == [True, True]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_margin_is_the_change_of_logits_that_changes_the_token(temperature: float) -> None:
    """Lower the winner by a little less than the margin: same token. By a little more: the runner-up."""
    logits = np.random.default_rng(2).normal(0, 1, 50)
    params = SamplingParams(temperature=temperature, seed=12)
    drawn = sample(logits, params)
    token, lead = int(drawn.ids[0]), float(drawn.margin[0])
    for share, same in ((0.999, True), (1.001, False)):
        moved = logits.copy()
        moved[token] -= share * lead
        assert (int(sample(moved, params).ids[0]) == token) is same


def test_only_token_left_has_no_runner_up() -> None:
    drawn = sample(np.array([1.0, 2.0, 0.0]), SamplingParams(top_k=1))
    assert drawn.ids.tolist() == [1]
    assert drawn.margin[0] == math.inf
    assert not drawn.near_tie[0]


def test_one_params_for_several_rows_draws_with_consecutive_seeds() -> None:
    logits = np.zeros((20, 50))
    together = sample(logits, SamplingParams(seed=2**64 - 20))
    seeds = [2**64 - 20 + row for row in range(20)]
    assert together.ids.tolist() == sample(logits, SamplingParams(), seeds=seeds).ids.tolist()
    assert len(set(together.ids.tolist())) > 5
    with pytest.raises(InputError, match=f"seed {2**64 - 19} is too large for 20 rows"):
        sample(logits, SamplingParams(seed=2**64 - 19))


def test_bad_rows_are_named_and_the_others_come_back() -> None:
    logits = np.random.default_rng(0).normal(size=(5, 6))
    good = sample(logits, SamplingParams(temperature=0.9), seeds=range(5))
    broken = logits.copy()
    broken[1, 3], broken[4] = np.nan, -np.inf
    with pytest.raises(BadRowsError, match=r"2 of 5 rows.*row 1: NaN.*row 4: every token") as caught:
        sample(broken, SamplingParams(temperature=0.9), seeds=range(5))
    assert isinstance(caught.value, InputError)
    assert list(caught.value.rows) == [1, 4]
    results = caught.value.results
    assert results.ids[[1, 4]].tolist() == [-1, -1]
    assert np.isnan(results.entropy[[1, 4]]).all()
    assert_rows_equal(
        results, [0, 2, 3], SampleBatch(**{name: getattr(good, name)[[0, 2, 3]] for name in FIELDS})
    )


def test_removed_tokens_never_come() -> None:
    logits = np.full((200, 10), -np.inf)
    logits[:, [2, 7]] = 0.0
    assert set(sample(logits, SamplingParams(temperature=5.0)).ids.tolist()) == {2, 7}


def test_torch_tensors_give_what_numpy_gives() -> None:
    torch = pytest.importorskip("torch")
    logits = np.random.default_rng(0).normal(size=(3, 40)).astype(np.float32)
    params = SamplingParams(top_p=0.9)
    assert sample(torch.tensor(logits), params).ids.tolist() == sample(logits, params).ids.tolist()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"params": [SamplingParams()]}, "1 params for 2 rows"),
        ({"seeds": [1]}, "1 seeds for 2 rows"),
        ({"seeds": [1, -1]}, "seed must be a whole number"),
        ({"positions": [1]}, "1 positions for 2 rows"),
        ({"positions": -1}, "position must be a whole number"),
        ({"history": [[]]}, "history must have one entry"),
        ({"logits": np.zeros((2, 2, 2))}, "flatten"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        sample(**{"logits": np.zeros((2, 3)), "params": SamplingParams(), **arguments})  # type: ignore[arg-type]


def test_no_rows_give_no_results() -> None:
    assert len(sample(np.zeros((0, 5)), SamplingParams())) == 0


def test_a_chain_that_leaves_nothing_of_a_row_names_it_and_the_others_come_back() -> None:
    logits = np.random.default_rng(0).normal(size=(3, 6))
    logits[1, [2, 4]] = -np.inf
    params = SamplingParams(chain=Chain.parse("allowed(2, 4) | temperature=0.7"))
    with pytest.raises(BadRowsError, match="row 1: allowed removes every token") as caught:
        sample(logits, params, seeds=range(3))
    good = sample(logits[[0, 2]], params, seeds=[0, 2])
    assert_rows_equal(caught.value.results, [0, 2], good)
    assert caught.value.results.ids[1] == -1


def test_what_a_chain_remembers_belongs_to_the_row_and_goes_from_one_call_to_the_next() -> None:
    """Mirostat beside a plain row, three steps: the states are those of `Chain.update`, row by row."""
    rng = np.random.default_rng(4)
    steps = rng.normal(0, 3, (3, 3, 40))
    chain = Chain.parse("mirostat(2, tau=3, eta=0.2)")
    params = [SamplingParams(chain=chain), SamplingParams(temperature=0.8), SamplingParams(chain=chain)]
    states: tuple[object, ...] | None = None
    alone: list[object] = [None, None]
    for position, logits in enumerate(steps):
        drawn = sample(logits, params, [5, 6, 7], position, states=states)  # type: ignore[arg-type]
        for number, row in enumerate((0, 2)):
            one = sample(logits[row], params[row], [5 + row], position, states=[alone[number]])  # type: ignore[list-item]
            assert_rows_equal(drawn, [row], one)
            context = Context(states=[alone[number]])  # type: ignore[list-item]
            (expected,) = chain.update(context.states, one.ids, logits[row][None], context)
            assert drawn.states[row] == one.states[0] == expected != alone[number]
            alone[number] = expected
        assert drawn.states[1] is None
        states = drawn.states


def test_coins_of_a_chain_are_the_rows_own() -> None:
    """xtc acts by the coin of (seed, position): in a batch as alone."""
    logits = np.log(np.tile([0.4, 0.3, 0.2, 0.1], (40, 1)))
    params = SamplingParams(chain=Chain.parse("xtc(probability=0.5, threshold=0.15)"))
    drawn = sample(logits, params, seeds=range(40), positions=3)
    acted = uniform_at(range(40), 3, COIN_STREAM) < 0.5
    assert 5 < acted.sum() < 35
    assert np.allclose(np.exp(drawn.log_kept_mass), np.where(acted, 0.3, 1.0))
    for row in range(0, 40, 7):
        assert_rows_equal(drawn, [row], sample(logits[row], params, [row], 3))


# Rows that cannot be sampled: named with the reason, whatever path they take; the others are drawn all the same.

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
    assert_same_rows(results, [0, 3, 4, 7, 9], whole)
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
    assert_same_rows(results, others, plain)


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


def test_a_model_in_place_of_logits_points_to_generate() -> None:
    with pytest.raises(
        InputError, match=r"got the text 'embedded:english'; retort.generate\(model, prompt\) draws texts"
    ):
        sample("embedded:english", SamplingParams())
