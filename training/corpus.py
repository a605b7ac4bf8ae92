"""The texts: what the models are trained on, and what nobody trained on. And the tokenizer over them.

Training text is rendered pass by pass (`Renderer.pass_over`), never stored. Validation and test
texts are one rendering of held-out synsets: half of them words people use, half the rest.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from training.render import Renderer

END = "<|end|>"
VOCABULARY = 8192
HEAD_WORD_WEIGHT = 6  # everyday words are repeated for the tokenizer, so that most become one token


def held_out_texts(renderer: Renderer, split: str, seed: int = 1) -> list[str]:
    rng = random.Random(f"{split}-{seed}")
    lexicon = renderer.lexicon
    common = lexicon.in_split(split, 1) + lexicon.in_split(split, 2)
    keys = common + rng.sample(lexicon.in_split(split, 3), len(common))
    rng.shuffle(keys)
    return [renderer.text(key, rng) for key in keys]


def train_tokenizer(renderer: Renderer) -> Tokenizer:
    """Byte-level BPE; a text starts with <|end|>, which also ends it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    heads = [f"the {renderer.lexicon.head[key]}" for key in renderer.lexicon.in_split("train", 1)]
    texts = renderer.pass_over(1000) + renderer.pass_over(1001) + heads * HEAD_WORD_WEIGHT
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{END} $A", special_tokens=[(END, 0)])
    return tokenizer


def as_pretrained(tokenizer: Tokenizer, context: int) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=END,
        eos_token=END,
        pad_token=END,
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )


def pack(tokenizer: Tokenizer, texts: list[str], length: int) -> np.ndarray:
    """Texts, each opened by <|end|>, end to end in rows of `length` [rows, length]; the last part row is dropped."""
    ids = np.concatenate([np.asarray(item.ids, dtype=np.int32) for item in tokenizer.encode_batch(texts)])
    rows = len(ids) // length
    return ids[: rows * length].reshape(rows, length)


def training_rows(
    renderer: Renderer, tokenizer: Tokenizer, length: int, start_pass: int = 0
) -> Iterator[np.ndarray]:
    """Rows of endless passes; pass n is the same whenever it is asked for."""
    number = start_pass
    while True:
        yield from pack(tokenizer, renderer.pass_over(number), length)
        number += 1


def write_texts(path: Path, texts: list[str]) -> None:
    """One text a paragraph, separated by blank lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(text.replace("\n", " ") for text in texts) + "\n", encoding="utf-8")
