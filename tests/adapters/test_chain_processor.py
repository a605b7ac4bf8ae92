"""Any chain as a transformers LogitsProcessor: what it keeps, and which tokens count as history."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

import retort
from retort.adapters.transformers import ChainLogitsProcessor, logits_processor
from retort.chain import Chain
from retort.errors import InputError
from retort.sampling import SamplingParams
from retort.sampling.noise import uniform_at
from retort.transforms import Context
from tiny_models import SHAPE

PAD = 0
PROMPTS = torch.tensor([[PAD, PAD, 5, 6], [7, 8, 9, 5], [PAD, PAD, PAD, PAD]])
MASK = torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 1]])  # the last text begins with the pad token


class Listening:
    """Stands for a chain: keeps what it is told of the texts."""

    needs = frozenset({"history"})

    def __init__(self) -> None:
        self.histories: list[list[list[int]]] = []
        self.prompt_lengths: list[int] = []

    def apply(self, scores: torch.Tensor, *, context: Context) -> torch.Tensor:
        assert context.history is not None and context.prompt_lengths is not None
        self.histories.append([list(row) for row in context.history])
        self.prompt_lengths = list(context.prompt_lengths)
        return scores


@pytest.fixture(scope="module")
def model() -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(vocab_size=40, pad_token_id=PAD, eos_token_id=None, **SHAPE)).eval()


def test_scores_are_those_of_the_chain() -> None:
    scores = torch.randn(3, 50, generator=torch.Generator().manual_seed(1))
    for chain in (
        "temperature=0.7 | top_k=5",
        Chain.parse("top_p=0.5 | temperature=2"),
        SamplingParams(min_p=0.2),
    ):
        processed = logits_processor(chain)(PROMPTS, scores)
        parsed = {str: Chain, Chain: lambda it: it, SamplingParams: lambda it: it.resolved_chain}[
            type(chain)
        ](chain)
        assert processed.dtype == torch.float32
        np.testing.assert_allclose(processed.numpy(), parsed.apply(scores.double().numpy()), rtol=1e-5)
    with pytest.raises(InputError, match="unknown"):
        logits_processor("top_kk=5")


@pytest.mark.parametrize(("settings", "texts"), [
    ({"attention_mask": MASK}, [[5, 6], [7, 8, 9, 5], [PAD]]),
    ({"pad_token_id": PAD}, [[5, 6], [7, 8, 9, 5], [PAD] * 4]),  # nothing but padding: all of it is the text
    ({}, PROMPTS.tolist()),
])  # fmt: skip
def test_padding_is_no_history(model: LlamaForCausalLM, settings: dict, texts: list[list[int]]) -> None:
    listening = Listening()
    processor = ChainLogitsProcessor(
        listening, settings.get("attention_mask"), settings.get("pad_token_id"), 0
    )  # type: ignore[arg-type]
    for _ in range(2):  # the second call of generate begins again
        listening.histories.clear()
        out = model.generate(
            PROMPTS, attention_mask=MASK, logits_processor=[processor], max_new_tokens=4, do_sample=False
        )
        drawn = out[:, PROMPTS.shape[1] :].tolist()
        assert listening.histories == [
            [text + row[:step] for text, row in zip(texts, drawn, strict=True)] for step in range(4)
        ]
        assert listening.prompt_lengths == [len(text) for text in texts]


def test_beams_and_returned_sequences_share_the_mask_of_their_prompt(model: LlamaForCausalLM) -> None:
    for settings in ({"num_beams": 3}, {"do_sample": True, "top_k": 0, "num_return_sequences": 2}):
        listening = Listening()
        processor = ChainLogitsProcessor(listening, MASK, None, 0)  # type: ignore[arg-type]
        model.generate(
            PROMPTS, attention_mask=MASK, logits_processor=[processor], max_new_tokens=3, **settings
        )
        copies = len(listening.histories[0]) // 3
        assert copies == settings.get("num_beams", 2)
        assert listening.histories[0] == [
            text for text in ([5, 6], [7, 8, 9, 5], [PAD]) for _ in range(copies)
        ]
        assert all(len(row) == 3 for row in listening.histories[1][:copies])


def test_a_mask_of_other_prompts_is_refused(model: LlamaForCausalLM) -> None:
    processor = logits_processor("top_k=3", attention_mask=MASK[:, 1:])
    with pytest.raises(InputError, match=r"shape \(3, 3\) and the prompts \(3, 4\)"):
        model.generate(PROMPTS, attention_mask=MASK, logits_processor=[processor], max_new_tokens=2)


def test_sampling_stays_within_what_the_chain_keeps(model: LlamaForCausalLM) -> None:
    processor = retort.adapters.transformers.logits_processor("temperature=3 | top_k=2")
    out = model.generate(
        PROMPTS[1:2], logits_processor=[processor], max_new_tokens=6, do_sample=True, top_k=0,
        num_return_sequences=30, output_logits=True, return_dict_in_generate=True,
    )  # fmt: skip
    places = set()
    for step, logits in enumerate(out.logits):
        order = logits.argsort(dim=-1, descending=True)[:, :2].tolist()
        drawn = out.sequences[:, 4 + step].tolist()
        places |= {best.index(token) for best, token in zip(order, drawn, strict=True)}
    assert places == {0, 1}


def test_the_repetition_penalty_is_transformers_own(model: LlamaForCausalLM) -> None:
    settings = {"attention_mask": MASK, "max_new_tokens": 12, "do_sample": False}
    own = model.generate(PROMPTS, repetition_penalty=1.6, **settings)
    processor = logits_processor("repetition_penalty=1.6", attention_mask=MASK)
    assert model.generate(PROMPTS, logits_processor=[processor], **settings).tolist() == own.tolist()
    assert model.generate(PROMPTS, **settings).tolist() != own.tolist()


def test_a_chain_remembers_each_row_and_tosses_its_coins(model: LlamaForCausalLM) -> None:
    """Greedy, so that what was drawn is known: every step against the chain applied by hand."""
    chain = Chain.parse("xtc(probability=0.5, threshold=0.02) | mirostat(version=2, tau=1.5, eta=0.5)")
    processor = logits_processor(chain, attention_mask=MASK, seed=4)
    out = model.generate(
        PROMPTS, attention_mask=MASK, logits_processor=[processor], max_new_tokens=8, do_sample=False,
        output_scores=True, output_logits=True, return_dict_in_generate=True,
    )  # fmt: skip
    states: tuple[Any, ...] = (None,) * 3
    differing = 0
    for step, (scores, logits) in enumerate(zip(out.scores, out.logits, strict=True)):
        coins = partial(uniform_at, [4, 5, 6], step)
        context = Context(uniforms=coins, states=states)
        torch.testing.assert_close(scores, chain.apply(logits, context=context).to(scores.dtype))
        drawn = out.sequences[:, PROMPTS.shape[1] + step].tolist()
        states = chain.update(states, drawn, logits, context)
        differing += int((logits.argmax(-1) != scores.argmax(-1)).sum())
    assert 0 < differing < 24


def test_a_memory_cannot_follow_beams(model: LlamaForCausalLM) -> None:
    processor = logits_processor("mirostat(version=2, tau=3, eta=0.1)", attention_mask=MASK)
    with pytest.raises(InputError, match="rows changed places"):
        model.generate(
            PROMPTS, attention_mask=MASK, logits_processor=[processor], max_new_tokens=12, num_beams=4
        )
