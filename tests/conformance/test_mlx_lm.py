"""mlx-lm's own answers, recorded by record_mlx_lm.py, against its preset, and the cases of its test_sample_utils.py."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retort.chain import Chain
from retort.distribution import log_softmax, softmax
from retort.sampling import SamplingParams
from retort.transforms import Context

RECORDED = json.loads((Path(__file__).parent / "mlx_lm.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", RECORDED["cases"])
def test_recorded_rows(case: dict[str, Any]) -> None:
    _, said = SamplingParams.said({**case["settings"], "logit_bias": {2: 0.7}})
    # Its sampler takes min_tokens_to_keep whatever else is set; only min_p reads it.
    chain = Chain.like("mlx-lm", said, drop=True)
    context = Context([case["history"]], uniforms=lambda stream: np.zeros(1))
    result = log_softmax(chain.apply(np.array(case["logits"], np.float32), context=context))
    expected = np.array([-math.inf if value is None else value for value in case["log_probs"]])
    assert np.flatnonzero(result > -math.inf).tolist() == np.flatnonzero(expected > -math.inf).tolist(), str(
        chain
    )
    np.testing.assert_allclose(result, expected, atol=3e-5)


def test_the_recording_reaches_what_matters() -> None:
    lengths = {len(case["history"]) for case in RECORDED["cases"]}
    assert max(lengths) > 20  # beyond its window of 20 tokens
    tied = [case for case in RECORDED["cases"] if len(set(case["logits"])) < len(case["logits"])]
    assert any(case["settings"]["top_p"] not in (0.0, 1.0) for case in tied)


@pytest.mark.parametrize(
    ("text", "probs", "expected"),
    [
        ("top_p=0.3", [0.9, 0, 0, 0.1], [1, 0, 0, 0]),
        ("top_p=0.95", [0.9, 0, 0, 0.1], [0.9, 0, 0, 0.1]),
        ("top_p=0.4", [0, 0.5, 0.4, 0.1], [0, 1, 0, 0]),
        ("top_p=0.6", [0, 0.5, 0.4, 0.1], [0, 0.5556, 0.4444, 0]),
        ("top_p=0.95", [0, 0.5, 0.4, 0.1], [0, 0.5, 0.4, 0.1]),
        ("top_p=0.5", [0, 0.8, 0.1, 0.1], [0, 1, 0, 0]),
        ("min_p=0.8", [0.9, 0, 0, 0.1], [1, 0, 0, 0]),
        ("min_p=0.05", [0.9, 0, 0, 0.1], [0.9, 0, 0, 0.1]),
        ("min_p=0.7", [0, 0.8, 0, 0.1], [0, 1, 0, 0]),
        ("top_k=1", [0.9, 0, 0, 0.1], [1, 0, 0, 0]),
        ("top_k=2", [0.6, 0, 0.1, 0.3], [0.6667, 0, 0, 0.3333]),
        ("xtc(probability=1, threshold=0.2)", [0.4, 0.3, 0.15, 0.15], [0, 0.5, 0.25, 0.25]),
        ("xtc(probability=0, threshold=0.1)", [0.4, 0.3, 0.15, 0.15], [0.4, 0.3, 0.15, 0.15]),
    ],
)
def test_the_cases_of_its_own_tests(text: str, probs: list[float], expected: list[float]) -> None:
    context = Context(uniforms=lambda stream: np.zeros(1))
    with np.errstate(divide="ignore"):
        logits = np.log(probs)
    np.testing.assert_allclose(softmax(Chain(text).apply(logits, context=context)), expected, atol=1e-4)


def test_a_batch_and_the_three_penalties_of_its_own_tests() -> None:
    """1/1.5 - 0.5 - 3·0.25 for the token that came three times, 0.5/1.5 - 0.5 - 2·0.25 for the one that came twice."""
    settings = {
        "repetition_penalty": 1.5,
        "presence_penalty": 0.5,
        "frequency_penalty": 0.25,
        "penalty_scope": "last:5",
    }
    chain = Chain.like("mlx-lm", settings)
    result = chain.apply(np.array([[1.0, 0.5, 0.0, -0.5]]), [[0, 0, 0, 1, 1]])
    np.testing.assert_allclose(result, [[-0.5833, -0.6667, 0.0, -0.5]], atol=1e-4)
    with np.errstate(divide="ignore"):
        rows = np.log([[0.9, 0.0, 0.0, 0.1], [0.0, 0.8, 0.1, 0.1]])
    np.testing.assert_array_equal(softmax(Chain("top_p=0.5").apply(rows)), [[1, 0, 0, 0], [0, 1, 0, 0]])
