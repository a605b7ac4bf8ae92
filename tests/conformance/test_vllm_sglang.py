"""The PyTorch paths of vLLM and SGLang, recorded by record_vllm_sglang.py, against their presets.

SGLang's preset is its FlashInfer backend, which needs a GPU and was read, not run. Its PyTorch backend differs in two
ways that the preset's notes say: exactly k tokens where logits tie, and one distribution for all cuts always.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retort.chain import Chain
from retort.distribution import softmax
from retort.transforms import Context

RECORDED = json.loads((Path(__file__).parent / "vllm_sglang.json").read_text(encoding="utf-8"))


def kept(chain: Chain, case: dict[str, Any]) -> list[int]:
    """The ids that our chain keeps."""
    return np.flatnonzero(chain.apply(np.array(case["logits"], np.float32)) > -math.inf).tolist()


@pytest.mark.parametrize("case", RECORDED["cases"])
def test_vllm(case: dict[str, Any]) -> None:
    """Ties and all: what was recorded is the V1 runner's PyTorch path, whose ties the preset's notes say."""
    ties = {"top_k": "all", "top_p": "highest"}
    chain = Chain(
        stage.having(ties=ties[stage.name]) if stage.name in ties else stage
        for stage in Chain.like("vllm", case["settings"])
    )
    assert kept(chain, case) == case["vllm"], str(chain)


@pytest.mark.parametrize(
    "case", [case for case in RECORDED["cases"] if len(set(case["logits"])) == len(case["logits"])]
)
def test_sglang_without_ties(case: dict[str, Any]) -> None:
    chain = Chain.like("sglang", {**case["settings"], "min_p": None})
    if case["settings"]["min_p"] is not None:
        chain = Chain([*chain, *Chain.like("sglang", {"min_p": case["settings"]["min_p"]})])
    assert kept(chain, case) == case["sglang"], str(chain)


def test_sglang_flashinfer_differs_with_min_p() -> None:
    """The recording has rows where taking the cuts one after the other keeps other tokens than its PyTorch backend."""
    cases = [case for case in RECORDED["cases"] if len(set(case["logits"])) == len(case["logits"])]
    cases = [case for case in cases if None not in case["settings"].values()]
    assert any(kept(Chain.like("sglang", case["settings"]), case) != case["sglang"] for case in cases)


@pytest.mark.parametrize(
    ("engine", "seen"),
    [
        ("vllm", {"repetition": [0, 1, 2], "others": [1, 2]}),
        ("sglang", {"repetition": [1, 2], "others": [1, 2]}),
    ],
)
def test_what_their_penalties_look_at(engine: str, seen: dict[str, list[int]]) -> None:
    """vLLM's repetition penalty sees prompt and output, SGLang's the output; the other two the output in both."""
    row, context = np.ones(4), Context([[0, 1, 2, 2]], [1])
    for setting, touched in (
        ({"repetition_penalty": 2.0}, seen["repetition"]),
        ({"frequency_penalty": 0.5}, seen["others"]),
        ({"presence_penalty": 0.5}, seen["others"]),
    ):
        result = Chain.like(engine, setting).apply(row, context=context)
        assert np.flatnonzero(result != row).tolist() == touched


def test_the_order_of_penalties_and_bias() -> None:
    """vLLM: bias, then 1/2 of it, then the subtractions. SGLang: the subtractions, then 1/2, then the bias."""
    settings = {
        "repetition_penalty": 2.0,
        "frequency_penalty": 0.5,
        "presence_penalty": 0.25,
        "logit_bias": {0: 3.0},
    }
    context = Context([[1, 0, 0]], [1])
    results = {
        engine: Chain.like(engine, settings).apply(np.array([4.0, 0.0]), context=context).tolist()
        for engine in ("vllm", "sglang")
    }
    assert results["vllm"][0] == (4.0 + 3.0) / 2 - 2 * 0.5 - 0.25
    assert results["sglang"][0] == (4.0 - 2 * 0.5 - 0.25) / 2 + 3.0
    assert softmax(np.array(results["vllm"])).sum() == pytest.approx(1.0)
