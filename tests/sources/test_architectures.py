"""Random small models of many architectures: start, fork, reorder, drop and read, against the model alone.

The reference is the library's own forward pass over one text, with nothing but its ids. Float32 rounding only.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from retort.errors import SourceError
from retort.sources.base import next_token_logits
from retort.sources.cached_decoder import KNOWN_GOOD
from retort.sources.transformers import TransformersSource
from tiny_models import make_tokenizer

SHAPE = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 64,
    "initializer_range": 0.3,
}
EXPERTS = {"num_experts": 4, "num_local_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
GPT = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "initializer_range": 0.3}
BERT = {**SHAPE, "is_decoder": True, "max_position_embeddings": 80}
SSM = {"hidden_size": 32, "state_size": 8, "num_hidden_layers": 2, "initializer_range": 0.3}
MODELS: dict[str, dict[str, Any]] = {
    "llama": SHAPE,
    "mistral": SHAPE | {"sliding_window": 4},
    "mixtral": SHAPE | EXPERTS,
    "qwen2": SHAPE,
    "qwen3": SHAPE,
    "qwen3_moe": SHAPE | EXPERTS,
    "gemma": SHAPE,
    "gemma2": SHAPE | {"sliding_window": 4, "query_pre_attn_scalar": 8},
    "gemma3_text": SHAPE
    | {
        "sliding_window": 4,
        "query_pre_attn_scalar": 8,
        "layer_types": ["sliding_attention", "full_attention"],
    },
    "phi": SHAPE,
    "phi3": SHAPE,
    "olmo2": SHAPE,
    "cohere": SHAPE,
    "granite": SHAPE,
    "stablelm": SHAPE,
    "starcoder2": SHAPE,
    "gpt_neox": SHAPE,
    "falcon": {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "alibi": False,
        "initializer_range": 0.3,
    },
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4, "initializer_range": 0.3},
    "opt": {
        "hidden_size": 32,
        "ffn_dim": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 64,
        "word_embed_proj_dim": 32,
        "init_std": 0.3,
    },
    "gpt2": GPT,
    "gpt_bigcode": GPT,
    "gptj": GPT | {"rotary_dim": 4},
    "openai-gpt": GPT,
    "xglm": {
        "d_model": 32,
        "ffn_dim": 48,
        "num_layers": 2,
        "attention_heads": 4,
        "max_position_embeddings": 64,
        "init_std": 0.3,
    },
    "mpt": {"d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": 64, "initializer_range": 0.3},
    "gpt_oss": SHAPE | EXPERTS | {"sliding_window": 4},
    "roberta": BERT,
    "bert": BERT,
    "mamba": SSM,
    "falcon_mamba": SSM,
    "mamba2": SSM | {"num_heads": 8, "head_dim": 8, "n_groups": 1, "chunk_size": 4},
    "rwkv": {"hidden_size": 32, "attention_hidden_size": 32, "num_hidden_layers": 2, "context_length": 64},
    "minimax": SHAPE | EXPERTS | {"layer_types": ["linear_attention", "full_attention"], "block_size": 4},
    "jamba": SHAPE
    | EXPERTS
    | {
        "mamba_d_state": 4,
        "use_mamba_kernels": False,
        "attn_layer_period": 2,
        "attn_layer_offset": 1,
        "expert_layer_period": 2,
        "expert_layer_offset": 1,
    },
    "recurrent_gemma": {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "lru_width": 32,
        "attention_window_size": 8,
    },
    "bamba": SHAPE
    | {
        "mamba_n_heads": 8,
        "mamba_d_head": 8,
        "mamba_d_state": 4,
        "mamba_n_groups": 1,
        "mamba_chunk_size": 4,
        "attn_layer_indices": [1],
    },
    "lfm2": SHAPE | {"layer_types": ["conv", "full_attention"]},
}
TEXTS = ((9, 30, 12, 44), (17, 8, 51, 20, 33, 6, 71), (9, 30))
STEPS = (([1, 0, 0, 2], [5, 6, 7, 8]), ([3, 1, 1], [9, 10, 11]), ([2, 0], [12, 13]), ([1, 0], [14, 15]))


def make(kind: str, **more: Any) -> TransformersSource:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    tokenizer = make_tokenizer()
    markers = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    config = AutoConfig.for_model(kind, vocab_size=len(tokenizer), **markers, **MODELS[kind], **more)
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return TransformersSource.of(AutoModelForCausalLM.from_config(config).float(), tokenizer, kind)


def alone(source: TransformersSource, text: tuple[int, ...]) -> np.ndarray:
    import torch

    with torch.no_grad():
        row = source.model(input_ids=torch.tensor([text])).logits[0].float().numpy()
    row[:, source.unused] = -np.inf
    return row


@pytest.mark.parametrize("kind", MODELS)
def test_every_row_is_what_the_model_says_of_that_text_alone(kind: str) -> None:
    source = make(kind)
    assert (source.note is None) == (source.mode.note is None)
    texts = list(TEXTS)
    decoder = source.start(texts)
    for parents, tokens in ((range(len(texts)), None), *STEPS):
        if tokens is not None:
            texts = [(*texts[p], t) for p, t in zip(parents, tokens, strict=True)]
            decoder.advance(parents, tokens)
        for row, text in zip(decoder.logits, texts, strict=True):
            assert np.allclose(row, alone(source, text)[-1], atol=1e-3), (kind, source.mode, text)
    assert np.allclose(source.read_positions(TEXTS[1], 5), alone(source, TEXTS[1])[-5:], atol=1e-3)
    spans = source.start([TEXTS[1], TEXTS[0]]).extend([1, 0], [[5, 6], [7]], [1, 2])
    expected = [alone(source, (*TEXTS[0][:-1], 5, 6))[-2:], alone(source, (*TEXTS[1][:-2], 7))[-1:]]
    for span, rows in zip(spans, expected, strict=True):
        assert np.allclose(span, rows, atol=1e-3)


def test_what_is_known_good_is_tried_here() -> None:
    assert MODELS.keys() >= KNOWN_GOOD


@pytest.mark.parametrize("kind", ["roberta", "bert"])
def test_a_model_that_sees_what_comes_behind_is_refused(kind: str) -> None:
    with pytest.raises(SourceError, match="is not a causal language model"):
        _bidirectional(kind)


def _bidirectional(kind: str) -> TransformersSource:
    shape = MODELS[kind]
    try:
        MODELS[kind] = shape | {"is_decoder": False}
        return make(kind)
    finally:
        MODELS[kind] = shape


def test_xlnet_is_refused_in_one_sentence() -> None:
    MODELS["xlnet"] = {"d_model": 32, "d_inner": 48, "n_layer": 2, "n_head": 4, "initializer_range": 0.3}
    try:
        with pytest.raises(SourceError, match="is not a causal language model"):
            make("xlnet")
    finally:
        del MODELS["xlnet"]


def test_a_model_in_memory_is_a_source() -> None:
    import retort

    source = make("llama")
    again = retort.load(source.model, source.tokenizer)
    assert again.name == "LlamaForCausalLM in memory"
    assert np.array_equal(next_token_logits(again, "the sky"), next_token_logits(source, "the sky"))
    assert retort.load((source.model, source.tokenizer)).vocab_size == source.vocab_size
    assert retort.load(again) is again
