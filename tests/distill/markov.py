"""A language whose true distribution is known: a Markov chain over sixteen words, and the models that go with it.

The teacher is exact by construction, nothing is fitted: a Llama without layers takes the last word's one-hot
embedding to the logarithm of that word's row of transition probabilities.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

WORDS = [f"w{number}" for number in range(15)]
VOCAB_SIZE = len(WORDS) + 1  # and the end token, id 15
SMALL_STUDENT = {
    "config": {
        "model_type": "llama", "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1,
        "num_attention_heads": 2, "max_position_embeddings": 64,
    }
}  # fmt: skip


def transitions(seed: int) -> NDArray[np.float64]:
    """`[token, next token]`: from every token some are likely and most are not; texts end once in a while."""
    rows = np.random.default_rng(seed).dirichlet(np.full(VOCAB_SIZE, 0.3), size=VOCAB_SIZE) + 1e-4
    rows[:, -1] = 0.02
    return rows / rows.sum(axis=1, keepdims=True)


def write_text(file: Path, num_tokens: int, seed: int) -> Path:
    """Documents drawn from the chain."""
    generator, table = np.random.default_rng(seed), transitions(0)
    documents: list[list[str]] = [[]]
    token = VOCAB_SIZE - 1
    for _ in range(num_tokens):
        token = int(generator.choice(VOCAB_SIZE, p=table[token]))
        if token == VOCAB_SIZE - 1:
            documents.append([])
        else:
            documents[-1].append(WORDS[token])
    file.write_text("\n\n".join(" ".join(words) for words in documents), encoding="utf-8")
    return file


def write_teacher(folder: Path, seed: int) -> Path:
    """The model whose distribution is `transitions(seed)`, as a Hugging Face folder."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    vocabulary = {word: number for number, word in enumerate([*WORDS, "</s>"])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="</s>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>").save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=VOCAB_SIZE, hidden_size=VOCAB_SIZE, intermediate_size=4, num_hidden_layers=0, num_attention_heads=2,
        rms_norm_eps=1e-12, max_position_embeddings=64, tie_word_embeddings=False, bos_token_id=None,
        eos_token_id=VOCAB_SIZE - 1, pad_token_id=None,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        model.model.embed_tokens.weight.copy_(torch.eye(VOCAB_SIZE))
        # The norm makes a one-hot vector sqrt(width) long.
        model.lm_head.weight.copy_(torch.tensor(np.log(transitions(seed)).T / math.sqrt(VOCAB_SIZE)))
    model.save_pretrained(folder)
    return folder
