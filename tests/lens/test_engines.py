"""The same settings in several engines, side by side: each reading is its chain's, and the pairs add up."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from mock_source import MockSource
from retort.blocks import markdown
from retort.chain import Chain
from retort.chain.engines import ENGINES
from retort.distribution import Distribution, log_softmax
from retort.errors import CapabilityError, InputError
from retort.lens.engines import explain
from retort.numerals import probability
from retort.sources.base import Capability, next_token_logits
from retort.transforms import Context

SETTINGS = {"temperature": 1.4, "top_k": 6, "top_p": 0.9, "min_p": 0.2, "repetition_penalty": 1.5}


def test_each_reading_is_what_its_chain_gives() -> None:
    source = MockSource(12, spread=2.0)
    result = explain(source, "w1 w2 w1", SETTINGS)
    assert [reading.engine for reading in result.engines] == list(ENGINES)
    logits = next_token_logits(source, "w1 w2 w1").astype(np.float64)
    ids = source.encode("w1 w2 w1")
    for reading in result.engines:
        chain = Chain.like(reading.engine, SETTINGS)
        assert reading.spec == str(chain)
        processed = chain.apply(logits, context=Context([ids], [len(ids)]))
        kept = np.flatnonzero(processed > -math.inf)
        assert sorted(reading.ids) == kept.tolist()
        assert list(reading.ids) == sorted(reading.ids, key=lambda token: (-processed[token], token))
        assert reading.kept == len(kept) == reading.stages[-1].kept
        assert reading.entropy_nats == pytest.approx(float(Distribution(processed).entropy))
        assert reading.unread == ()


def test_pairs_and_tokens_agree_with_the_readings() -> None:
    source = MockSource(12, spread=2.0)
    result = explain(source, "w1 w2 w1", SETTINGS, ["vllm", "retort", "mlx-lm"], top=12)
    assert [pair.engines for pair in result.total_variation] == [
        ("vllm", "retort"),
        ("vllm", "mlx-lm"),
        ("retort", "mlx-lm"),
    ]
    assert result.engines[1].spec == str(Chain.of(**SETTINGS))
    probs = np.array([token.probs for token in result.tokens])
    np.testing.assert_allclose(probs.sum(axis=0), 1.0)
    for pair, (one, other) in zip(result.total_variation, [(0, 1), (0, 2), (1, 2)], strict=True):
        assert pair.total_variation == pytest.approx(np.abs(probs[:, one] - probs[:, other]).sum() / 2)
        assert pair.only_first == ((probs[:, one] > 0) & (probs[:, other] == 0)).sum()
        assert pair.only_second == ((probs[:, other] > 0) & (probs[:, one] == 0)).sum()
    raw = log_softmax(next_token_logits(source, "w1 w2 w1").astype(np.float64))
    assert [token.prob_raw for token in result.tokens] == pytest.approx(
        [math.exp(raw[token.id]) for token in result.tokens]
    )


def test_what_is_shown_has_a_column_per_distribution_and_each_engine_once() -> None:
    settings = {"temperature": 2.5, "top_k": 6, "top_p": 0.8, "min_p": 0.12}
    result = explain(MockSource(40, spread=3.0), "w1 w2 w1", settings)
    distances = {pair.engines: pair.total_variation for pair in result.total_variation}
    assert distances["vllm", "llama.cpp"] > 0.01 < distances["vllm", "mlx-lm"]
    assert distances["llama.cpp", "mlx-lm"] > 0.01
    same = {pair for pair, distance in distances.items() if distance < 1e-9}
    shown = markdown(result.blocks())
    rows = [line.split(" | ")[0:2] for line in shown.splitlines() if re.match(r"\| [A-F] \| [a-z]", line)]
    letters = {engine: letter.strip("| ") for letter, engine in rows}
    assert sorted(letters) == sorted(ENGINES) and len(rows) == len(ENGINES)
    for pair in distances:
        assert (letters[pair[0]] == letters[pair[1]]) == (pair in same), pair
    assert f"6 engines sample from {len(set(letters.values()))} different distributions" in shown
    assert probability(distances["vllm", "llama.cpp"]) in shown


def test_the_same_chain_in_two_engines_is_the_same_distribution() -> None:
    result = explain(MockSource(9), "w1", {"temperature": 0.5}, ["vllm", "llama.cpp"])
    assert result.total_variation[0].total_variation == 0.0
    assert result.engines[0].ids == result.engines[1].ids


def test_what_an_engine_does_not_apply_is_named_and_left_out() -> None:
    result = explain(MockSource(9), "w1", {"typical_p": 0.5, "top_k": 3}, ["vllm", "transformers"])
    assert [reading.unread for reading in result.engines] == [("typical_p",), ()]
    assert result.engines[0].spec == "top_k=3"


def test_defaults_are_the_engines_own_where_nothing_was_said() -> None:
    settings = {"top_k": None, "temperature": 1.5}
    (reading,) = explain(MockSource(9), "w1", settings, ["llama.cpp"], defaults=True).engines
    assert reading.spec == "top_p=0.95 | min_p=0.05 | temperature=1.5"


def test_stages_name_the_likeliest_tokens_that_they_remove() -> None:
    source = MockSource(12, spread=2.0)
    (reading,) = explain(source, "w1", {"top_k": 2}, ["llama.cpp"]).engines
    order = Distribution(next_token_logits(source, "w1").astype(np.float64)).top(12).tolist()
    assert reading.stages[0].removed_tokens == tuple(source.token_text(token) for token in order[2:7])
    assert reading.stages[0].moved == pytest.approx(1 - reading.stages[0].kept_mass)


def test_min_tokens_takes_the_sources_own_end_ids() -> None:
    source = MockSource(9)
    (reading,) = explain(source, "w1", {"min_tokens": 3}, ["vllm"]).engines
    assert reading.spec == "min_tokens(3, end=0)"
    assert 0 not in reading.ids and reading.kept == 8


@pytest.mark.parametrize(
    ("engines", "words"),
    [([], "got none"), (["vllm", "VLLM"], "each once"), (["vlm"], "unknown engine 'vlm'")],
)
def test_engines_that_cannot_be_compared(engines: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        explain(MockSource(9), "w1", {}, engines)


def test_top_and_partial_sources_are_refused() -> None:
    with pytest.raises(InputError, match="must be 1 or more, got 0"):
        explain(MockSource(9), "w1", {}, top=0)
    partial = MockSource(9)
    partial.capability = Capability.TOP_N  # type: ignore[misc]
    with pytest.raises(CapabilityError, match="explain needs the whole vocabulary"):
        explain(partial, "w1", {})
