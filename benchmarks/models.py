"""The model of a benchmark: the one that was named, `embedded:base` where it is there, else a random stand-in.

The stand-in has base's shape. Its output layer is scaled so that its distributions are about as uncertain as a trained
model's (logits of standard deviation 3.5 over 8,192 tokens: about 3 nats); a fresh model's would be nearly uniform, and
every sampling comparison would be one of that special case.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from retort.sources.embedded import MODELS_FOLDER
from retort.sources.transformers import quiet_transformers

VOCABULARY, WIDTH, LAYERS, CONTEXT = 8192, 256, 6, 256
LOGIT_SCALE = 3.5
BASE = "embedded:base"
BASE_PROMPTS = (
    "a pear is a kind of",
    "a kind of fruit is the",
    "a dog is",
    "music:",
    "a hammer is a kind of",
    "a river is",
    "to walk is to",
    "another word for house is",
)


@lru_cache(maxsize=1)
def peer_of(model: str) -> Any:
    """transformers' own model, of a source of its own: once a source's `model` was asked for, logits come from that."""
    from retort import load

    source: Any = load(model)
    return source.model


@contextmanager
def benchmark_model(named: str | None) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """The MODEL string to load, how to name it in the record, and prompts that suit it."""
    if named is not None or (MODELS_FOLDER / "base" / "retort.json").is_file():
        model = named or BASE
        yield model, model, BASE_PROMPTS
        return
    with tempfile.TemporaryDirectory(prefix="retort-benchmark-") as folder:
        save_random_llama(Path(folder))
        yield folder, f"random Llama, {LAYERS} layers, width {WIDTH}, {VOCABULARY} tokens", random_prompts()


def random_prompts(count: int = 8, length: int = 6) -> tuple[str, ...]:
    """Prompts of the stand-in, whose tokens are the words w0 to w8191."""
    return tuple(" ".join(f"w{1 + (37 * n + 101 * k) % 8000}" for k in range(length)) for n in range(count))


def save_random_llama(
    folder: Path, vocabulary: int = VOCABULARY, width: int = WIDTH, layers: int = LAYERS
) -> None:
    """Write the stand-in, or a model of another size, and its tokenizer in Hugging Face form."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
    )
    model = LlamaForCausalLM(config)
    # The last norm gives vectors of length sqrt(width), so this is the standard deviation of a logit.
    torch.nn.init.normal_(model.lm_head.weight, std=LOGIT_SCALE / width**0.5)
    words = {"<end>": 0} | {f"w{i}": i for i in range(1, vocabulary)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<end>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    pretrained = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", bos_token="<end>")
    with quiet_transformers():
        model.save_pretrained(folder)
        pretrained.save_pretrained(folder)
