"""An embedded model: read with torch, safetensors and tokenizers alone, and given to transformers only when asked for.

Looking, sampling and tracing need logits, and those come from `Llama`, the same to the last bit. What wants the
library's own objects (distillation, determinism, chat templates) finds them as `model` and `tokenizer`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retort.errors import MissingExtraError, SourceError
from retort.sources.base import check_token_ids
from retort.sources.model_folder import check_model_folder, first_line
from retort.sources.transformers import (
    TransformersSource,
    load_tokenizer,
    quiet_transformers,
    text_of_token,
)

if TYPE_CHECKING:
    from retort.sources.llama import Llama

# What config.json must say for `Llama` to be the whole model; anything else is for transformers.
PLAIN = {
    "model_type": "llama",
    "hidden_act": "silu",
    "attention_bias": False,
    "mlp_bias": False,
    "tie_word_embeddings": True,
}


def is_plain(config: Mapping[str, Any]) -> bool:
    """Whether a config.json describes what `Llama` computes."""
    rope = config.get("rope_parameters") or {}
    return (
        all(config.get(name) == value for name, value in PLAIN.items())
        and rope.get("rope_type") == "default"
        and config.get("num_key_value_heads") == config.get("num_attention_heads")
        and "head_dim" in config
    )


class EmbeddedSource(TransformersSource):
    """As a TransformersSource of the same folder, ready without the library; `is_plain` says for which folders.

    Made for the tokenizers that ship: byte-level BPE whose one special token begins and ends every text.
    """

    def __init__(self, folder: Path, name: str, config: dict[str, Any]) -> None:
        """Read it. Raises SourceError for a damaged folder and MissingExtraError without the libraries."""
        try:
            import torch  # noqa: F401
            from tokenizers import Tokenizer

            from retort.sources.llama import Llama
        except ImportError as error:
            raise MissingExtraError("torch", "models", f"Loading the model {name}") from error

        check_model_folder(folder, name)
        self.name, self.device, self.note = name, "cpu", None
        self._folder = folder
        try:
            self._texts = _Texts(Tokenizer.from_file(str(folder / "tokenizer.json")))
            self._llama: Llama = Llama.read(folder, config)
        except Exception as error:  # the libraries raise whatever their parsers raised
            raise SourceError(f"The model {name} cannot be loaded: {first_line(error)}") from error
        self.vocab_size = int(config["vocab_size"])
        self.max_context = int(config["max_position_embeddings"])
        self.unused = np.ones(self.vocab_size, np.bool_)
        self.unused[self._texts.ids] = False
        self.end_ids = frozenset({int(config["eos_token_id"])})

    @cached_property
    def model(self) -> Any:
        """transformers' own model of the same weights. Once it is there, logits come from it: it may be changed."""
        return TransformersSource(str(self._folder), name=self.name).model

    @cached_property
    def tokenizer(self) -> Any:
        """transformers' own tokenizer."""
        with quiet_transformers():
            return load_tokenizer(self._folder, self.name)

    @property
    def start_marker(self) -> str:
        """The one special token, which begins and ends every text."""
        return str(self._texts.convert_ids_to_tokens(next(iter(self.end_ids))))

    def encode(self, text: str) -> list[int]:
        return self._texts(text.removeprefix(self.start_marker))["input_ids"]

    def encode_rendered(self, text: str) -> list[int]:
        return self._texts(text, add_special_tokens=False)["input_ids"]

    def decode(self, ids: Sequence[int]) -> str:
        check_token_ids(self, ids)
        return self._texts.decode([int(i) for i in ids if not self.unused[i]], skip_special_tokens=True)

    def token_text(self, token_id: int) -> str:
        check_token_ids(self, [token_id])
        return f"<unused {token_id}>" if self.unused[token_id] else text_of_token(self._texts, int(token_id))

    @property
    def _network(self) -> Any:
        return self.__dict__.get("model", self._llama)


class _Texts:
    """The part of a transformers tokenizer's manners that a source needs, on the tokenizer below it."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.ids = list(tokenizer.get_vocab(with_added_tokens=True).values())

    def __call__(self, text: str, add_special_tokens: bool = True) -> dict[str, list[int]]:
        return {"input_ids": list(self._tokenizer.encode(text, add_special_tokens=add_special_tokens).ids)}

    def decode(
        self,
        ids: Sequence[int],
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool = False,
    ) -> str:
        assert not clean_up_tokenization_spaces
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=skip_special_tokens))

    def convert_ids_to_tokens(self, token_id: int) -> str:
        return str(self._tokenizer.id_to_token(token_id))
