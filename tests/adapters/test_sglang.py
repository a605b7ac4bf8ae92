"""SGLang's processor against the published interface, driven as its sampler does; SGLang itself is not run."""

from __future__ import annotations

import json
import pickle
import weakref
from array import array
from typing import Any

import numpy as np
import pytest
import torch
from tests.adapters.published import CustomLogitProcessor, Request, VllmParams, engines
from tests.adapters.test_vllm import SPECS, VOCAB, Alone, arrivals

from retort.adapters.sglang import custom_params, processor_string
from retort.chain import Chain
from retort.errors import InputError, RetortError

__all__ = ["engines"]


class EngineRequest:
    """sglang/srt/managers/schedule_batch.py, Req: the ids are arrays, and a request knows its sampling params."""

    def __init__(self, request: Request, settings: Any) -> None:
        self.request = request
        self.origin_input_ids = array("q", request.prompt)
        self.output_ids = array("q")
        self.sampling_params = settings
        spec = (request.params.extra_args or {}).get("retort")
        # SGLang gives the request a dictionary of its own, with a weak reference to itself.
        self.custom_params = None if spec is None else {**custom_params(spec), "__req__": weakref.proxy(self)}


class Settings:
    temperature = 1.0

    def __init__(self, seed: int) -> None:
        self.sampling_seed = seed


def load() -> CustomLogitProcessor:
    """As `CustomLogitProcessor.from_str` does (dill reads what pickle wrote)."""
    made: CustomLogitProcessor = pickle.loads(bytes.fromhex(json.loads(processor_string())["callable"]))()
    return made


@pytest.mark.usefixtures("engines")
def test_rows_are_the_chain_of_their_request_as_batches_change() -> None:
    random = np.random.default_rng(0)
    coming, alone = arrivals(0), {}
    held: list[EngineRequest] = []
    for step in range(20):
        held = [request for request in held if random.random() > 0.15]
        held += [
            EngineRequest(request, Settings(request.number))
            for request, _ in zip(coming, range(1 + step % 2), strict=False)
        ]
        random.shuffle(held)
        processor = load()  # a new object for a new batch
        chained = [row for row, request in enumerate(held) if request.custom_params is not None]
        raw = torch.stack([request.request.logits(VOCAB) for request in held])
        part = processor(raw[chained].clone(), [held[row].custom_params for row in chained])
        processed = raw.clone().index_copy_(0, torch.tensor(chained, dtype=torch.long), part)
        for row, request in enumerate(held):
            expected = alone.setdefault(request.request.number, Alone(request.request))
            token = int(processed[row].argmax())
            want = expected.step(request.request.prompt, list(request.output_ids), raw[row], token)
            torch.testing.assert_close(processed[row], want.to(torch.float32), rtol=1e-5, atol=1e-5)
            request.output_ids.append(token)
            request.request.output.append(token)
    assert len(alone) > len(SPECS)


@pytest.mark.usefixtures("engines")
def test_the_string_names_the_class_for_the_server() -> None:
    from retort.adapters.sglang import ChainLogitProcessor

    assert issubclass(ChainLogitProcessor, CustomLogitProcessor)
    assert isinstance(load(), ChainLogitProcessor)
    assert set(json.loads(processor_string())) == {"callable"}
    logits = torch.zeros(2, 3)
    assert load()(logits) is logits


@pytest.mark.usefixtures("engines")
def test_parameters_that_nobody_checked_are_logged_and_do_not_stop_the_server(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logits = torch.arange(8.0).reshape(2, 4)
    request = EngineRequest(Request(0, VllmParams({"retort": "top_k=1"}), [1]), Settings(0))
    for wrong in ({"retort": "top_kk=1"}, {"retort": 5}):
        processed = load()(logits.clone(), [wrong, request.custom_params])
        assert processed[0].tolist() == logits[0].tolist() and processed[1].isfinite().sum() == 1
    assert "top_kk" in caplog.text and "got int" in caplog.text


def test_custom_params_are_checked_before_they_are_sent() -> None:
    assert custom_params(Chain.parse("top_k=3")) == {"retort": "top_k=3"}
    assert custom_params("top_k=3", seed=4) == {"retort": {"chain": "top_k=3", "seed": 4}}
    assert custom_params({"top_k": 3}, seed=4) == {"retort": {"top_k": 3, "seed": 4}}
    with pytest.raises(InputError, match="unknown transform"):
        custom_params("topk=3")


def test_without_sglang_the_error_says_where_it_belongs() -> None:
    from retort.adapters import sglang

    with pytest.raises(RetortError, match="install retort-lm into the environment that runs SGLang"):
        sglang.ChainLogitProcessor  # noqa: B018
