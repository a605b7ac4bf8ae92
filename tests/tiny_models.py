"""Small random models of several architectures, saved as ordinary Hugging Face folders. Nothing is downloaded.

`save_tiny_model(folder, "llama")` writes config, weights and a byte-level BPE tokenizer that is trained on the spot;
seconds of work are spent on importing torch, not on the models.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

TEXT = [
    "the sky is blue and the sea is green",
    "a pear is a kind of fruit, and an apple is a kind of fruit",
    "a hammer is a tool; the hammer is heavy",
    "what is a pear? a pear is a sweet juicy fruit",
]
CONTEXT = 64
START, END = "<s>", "</s>"
SHAPE = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": CONTEXT,
    "initializer_range": 0.3,  # larger than usual, so that random logits differ by whole nats
}


def make_tokenizer(vocab_size: int = 300, *, with_start: bool = True) -> Any:
    """A byte-level BPE tokenizer trained on TEXT, ready to be saved; `with_start` gives it a start token."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[START, END] if with_start else [END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    markers = {"eos_token": END} | ({"bos_token": START} if with_start else {})
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **markers)


def _llama(vocab_size: int) -> Any:
    from transformers import LlamaConfig

    return LlamaConfig(vocab_size=vocab_size, **SHAPE)


def _gpt2(vocab_size: int) -> Any:
    from transformers import GPT2Config

    return GPT2Config(
        vocab_size=vocab_size, n_embd=32, n_layer=2, n_head=4, n_positions=CONTEXT, initializer_range=0.3
    )


def _qwen3(vocab_size: int) -> Any:
    from transformers import Qwen3Config

    return Qwen3Config(vocab_size=vocab_size, **SHAPE)


def _gemma2(vocab_size: int) -> Any:
    from transformers import Gemma2Config

    # Caps low enough to bend the logits, a window short enough to be left behind within a test.
    return Gemma2Config(
        vocab_size=vocab_size,
        **SHAPE,
        query_pre_attn_scalar=8,
        final_logit_softcapping=3.0,
        attn_logit_softcapping=5.0,
        sliding_window=4,
    )


def _gemma3(vocab_size: int) -> Any:
    from transformers import Gemma3TextConfig

    return Gemma3TextConfig(
        vocab_size=vocab_size,
        **SHAPE,
        query_pre_attn_scalar=8,
        sliding_window=4,
        layer_types=["sliding_attention", "full_attention"],
    )


def _mixtral(vocab_size: int) -> Any:
    from transformers import MixtralConfig

    return MixtralConfig(vocab_size=vocab_size, **SHAPE, num_local_experts=4, num_experts_per_tok=2)


def _openai_gpt(vocab_size: int) -> Any:
    from transformers import OpenAIGPTConfig

    return OpenAIGPTConfig(
        vocab_size=vocab_size, n_embd=32, n_layer=2, n_head=4, n_positions=CONTEXT, initializer_range=0.3
    )


ARCHITECTURES: dict[str, Callable[[int], Any]] = {
    "llama": _llama,
    "gpt2": _gpt2,
    "qwen3": _qwen3,
    "gemma2": _gemma2,  # soft-capped logits, sliding and full attention in turn
    "gemma3": _gemma3,
    "mixtral": _mixtral,  # mixture of experts
    "openai_gpt": _openai_gpt,  # its code has no key-value cache
}


def save_tiny_model(
    folder: Path, architecture: str = "llama", *, seed: int = 0, padding: int = 0, with_start: bool = True
) -> Path:
    """Write a random model with its tokenizer into `folder` and return it.

    `padding` gives the model that many more logits than the tokenizer has tokens.
    """
    import torch
    from transformers import AutoModelForCausalLM

    tokenizer = make_tokenizer(with_start=with_start)
    config = ARCHITECTURES[architecture](len(tokenizer) + padding)
    config.bos_token_id, config.eos_token_id = tokenizer.bos_token_id, tokenizer.eos_token_id
    config.pad_token_id = None
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
