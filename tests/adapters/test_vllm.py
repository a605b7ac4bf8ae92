"""vLLM's processors against the published interface, driven by small engines; vLLM itself is not run."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from itertools import count
from typing import Any

import numpy as np
import pytest
import torch
from tests.adapters.published import (
    BatchUpdate,
    Buffer,
    Request,
    V1Engine,
    V1LogitsProcessor,
    V2Context,
    V2LogitsProcessor,
    V2RequestState,
    VllmParams,
    engines,
)  # fmt: skip

from retort.adapters.vllm import request_processor
from retort.chain import Chain
from retort.errors import InputError, RetortError
from retort.sampling.noise import uniform_at
from retort.transforms import Context

__all__ = ["engines"]

VOCAB = 50
SPECS: list[Any] = [
    None,
    "temperature=0.7 | top_k=5",
    "top_n_sigma=1",
    "repetition_penalty=1.5 | typical_p=0.8",
    "presence_penalty=2 | min_p=0.05",
    "xtc(probability=0.5, threshold=0.05)",
    "dry(multiplier=2, allowed_length=1)",
    "mirostat(version=2, tau=2, eta=0.3)",
    {"chain": "repetition_penalty=1.3 | xtc(probability=0.5, threshold=0.05)", "seed": 9},
]


def chain_of(spec: Any) -> Chain:
    from retort.sampling import SamplingParams

    return Chain.parse(spec) if isinstance(spec, str) else SamplingParams.from_dict(spec).resolved_chain


class Alone:
    """What a request's logits become by the chain itself, kept outside any engine."""

    def __init__(self, request: Request) -> None:
        spec = (request.params.extra_args or {}).get("retort")
        self.chain = None if spec is None else chain_of(spec)
        self.seed = spec.get("seed", 0) if isinstance(spec, dict) else request.params.seed or 0
        self.states: tuple[Any, ...] = (None,)

    def step(
        self, prompt: list[int], output: list[int], raw: torch.Tensor, token: int | None
    ) -> torch.Tensor:
        """The processed row; with `token`, the one drawn from it, the states move on."""
        if self.chain is None:
            return raw
        context = Context(
            history=[[*prompt, *output]], prompt_lengths=[len(prompt)], states=self.states,
            uniforms=lambda stream: uniform_at([self.seed], [len(output)], stream),
        )  # fmt: skip
        processed = self.chain.apply(raw[None], context=context)
        if token is not None:
            self.states = self.chain.update(self.states, [token], raw[None], context)
        return processed[0]


def arrivals(seed: int) -> Iterator[Request]:
    random = np.random.default_rng(seed)
    for number in count():
        spec = SPECS[number % len(SPECS)]
        prompt = random.integers(0, VOCAB, random.integers(1, 6)).tolist()
        yield Request(number, VllmParams(None if spec is None else {"retort": spec}, seed=number), prompt)


@pytest.mark.usefixtures("engines")
@pytest.mark.parametrize("seed", range(5))
def test_v1_rows_are_the_chain_of_their_request_whatever_moves(seed: int) -> None:
    from retort.adapters.vllm import ChainLogitsProcessor

    engine = V1Engine(ChainLogitsProcessor(None, torch.device("cpu"), False), seed)
    coming, alone = arrivals(seed), {}
    seen = set()
    for step in range(25):
        for request, raw, processed in engine.step([next(coming) for _ in range((2, 0, 1)[step % 3])], VOCAB):
            expected = alone.setdefault(request.number, Alone(request))
            token = int(processed.argmax())
            want = expected.step(request.prompt, request.output, raw, token)
            torch.testing.assert_close(processed, want.to(torch.float32), rtol=1e-5, atol=1e-5)
            request.output.append(token)
            seen.add(request.number)
    assert len(seen) > len(SPECS)


@pytest.mark.usefixtures("engines")
def test_v2_rows_follow_slots_and_see_the_drafts_before_them() -> None:
    from retort.adapters.vllm import ChainLogitsProcessorV2

    slots, longest = 4, 32
    states = V2RequestState(
        Buffer(torch.zeros((slots, longest), dtype=torch.int32)),
        Buffer(torch.zeros(slots, dtype=torch.int32)),
        Buffer(torch.zeros(slots, dtype=torch.int32)),
    )
    processor = ChainLogitsProcessorV2(None, states)
    random = np.random.default_rng(3)
    coming = (request for request in arrivals(1) if "mirostat" not in str(request.params.extra_args))
    held: dict[int, Request] = {}
    for step in range(30):
        slot = step % slots
        if step < slots or random.random() < 0.3:  # a slot is given to a new request without being cleared
            held[slot] = next(coming)
            has_chain = processor.add_request(slot, held[slot].params)
            assert has_chain == (held[slot].params.extra_args is not None)
            states.prompt_len.gpu[slot] = len(held[slot].prompt)
        for number, request in held.items():
            tokens = [*request.prompt, *request.output]
            states.all_token_ids.gpu[number, : len(tokens)] = torch.tensor(tokens, dtype=torch.int32)
            states.total_len.gpu[number] = len(tokens)
        processor.apply_staged_writes()
        order = random.permutation(list(held)).tolist()
        drafts = {
            number: random.integers(0, VOCAB, random.integers(0, 3 * (step % 2) + 1)).tolist()
            for number in order
        }
        rows = [(number, local) for number in order for local in range(len(drafts[number]) + 1)]
        lengths = {number: len(held[number].prompt) + len(held[number].output) for number in order}
        context = V2Context(
            expanded_idx_mapping=torch.tensor([number for number, _ in rows]),
            idx_mapping=torch.tensor(order),
            idx_mapping_np=np.array(order),
            expanded_local_pos=torch.tensor([local for _, local in rows]),
            input_ids=torch.tensor([
                drafts[number][local - 1] if local else [*held[number].prompt, *held[number].output][-1]
                for number, local in rows
            ]),
            pos=torch.tensor([lengths[number] - 1 + local for number, local in rows]),
            seq_lens_upper_bound_np=np.array([lengths[number] for number in order]),
        )  # fmt: skip
        raw = torch.stack([held[number].logits(VOCAB, drafts[number][:local]) for number, local in rows])
        processed = processor.apply(raw.clone(), context)
        for (number, local), before, after in zip(rows, raw, processed, strict=True):
            request = held[number]
            output = [*request.output, *drafts[number][:local]]
            want = Alone(request).step(request.prompt, output, before, None)
            torch.testing.assert_close(after, want.to(torch.float32), rtol=1e-5, atol=1e-5)
        for number in order:
            held[number].output += [*drafts[number], int(random.integers(VOCAB))]
            if lengths[number] + 8 > longest:
                held[number] = next(coming)
                processor.add_request(number, held[number].params)
                states.prompt_len.gpu[number] = len(held[number].prompt)


@pytest.mark.usefixtures("engines")
def test_the_classes_have_the_published_signatures() -> None:
    from retort.adapters import vllm

    for ours, theirs in (
        (vllm.ChainLogitsProcessor, V1LogitsProcessor),
        (vllm.ChainLogitsProcessorV2, V2LogitsProcessor),
    ):
        assert issubclass(ours, theirs) and not inspect.isabstract(ours)
        assert (ours.__module__, ours.__qualname__) == ("retort.adapters.vllm", ours.__name__)
        for name, published in inspect.getmembers(theirs, inspect.isroutine):
            if not name.startswith("_") or name == "__init__":
                assert list(inspect.signature(getattr(ours, name)).parameters) == list(
                    inspect.signature(published).parameters
                ), name
    assert not vllm.ChainLogitsProcessor(None, None, False).is_argmax_invariant()


@pytest.mark.usefixtures("engines")
@pytest.mark.parametrize(("params", "said"), [
    (VllmParams({"retort": "top_kk=3"}), "unknown transform"),
    (VllmParams({"retort": {"temprature": 1}}), "unknown sampling setting"),
    (VllmParams({"retort": 3}), "got int"),
    (VllmParams({"retort": "temperature=0.5"}, temperature=0.7), "set the request's temperature to 1"),
])  # fmt: skip
def test_a_wrong_request_is_refused_at_the_door(params: VllmParams, said: str) -> None:
    from retort.adapters import vllm

    for processor in (vllm.ChainLogitsProcessor, vllm.ChainLogitsProcessorV2):
        with pytest.raises(ValueError, match=said):
            processor.validate_params(params)
        processor.validate_params(VllmParams({"retort": "temperature=0.5"}, temperature=0.0))
        processor.validate_params(VllmParams({"other": 1}, temperature=0.7))


@pytest.mark.usefixtures("engines")
def test_a_bad_row_is_left_alone_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    from retort.adapters.vllm import ChainLogitsProcessor

    processor = ChainLogitsProcessor(None, None, False)
    params = VllmParams({"retort": "top_k=1"})
    processor.update_state(BatchUpdate(3, added=[(row, params, [1], []) for row in range(3)]))
    logits = torch.arange(12.0).reshape(3, 4)
    logits[1, 2] = torch.nan
    processed = processor.apply(logits.clone())
    assert processed[0].isfinite().sum() == processed[2].isfinite().sum() == 1
    torch.testing.assert_close(processed[1], logits[1], equal_nan=True)
    assert "row 1 of the batch is left as it is" in caplog.text and "NaN" in caplog.text


def test_the_callable_of_one_request() -> None:
    row = torch.randn(VOCAB, generator=torch.Generator().manual_seed(0))
    kept = row.clone()
    for chain in ("repetition_penalty=1.5 | top_k=7", Chain.parse("repetition_penalty=1.5 | top_k=7")):
        processor = request_processor(chain)
        assert (
            len(inspect.signature(processor).parameters) == 3
        )  # by which vLLM knows that it takes the prompt
        processed = processor((1, 2), [3, -1], row)
        want = chain_of(str(chain)).apply(row[None], [[1, 2, 3]])[0]
        torch.testing.assert_close(processed, want.to(torch.float32))
        torch.testing.assert_close(row, kept)
    with pytest.raises(InputError, match="unknown transform"):
        request_processor("topk=3")


def test_without_vllm_the_error_says_where_it_belongs() -> None:
    from retort.adapters import vllm

    with pytest.raises(RetortError, match="install retort-lm into the environment that runs vLLM"):
        vllm.ChainLogitsProcessor  # noqa: B018
    with pytest.raises(AttributeError):
        vllm.Nothing  # noqa: B018
