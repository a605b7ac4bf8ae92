"""Texts as vectors, by an encoder in a local folder: transformers' last layer, pooled over the tokens.

A folder of the sentence-transformers library is read as that library reads it (its pooling, its longest text), without
the library. Nothing is downloaded, and weights come from safetensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retort.errors import MissingExtraError, SourceError
from retort.files import read_json
from retort.sources.model_folder import CONFIG_FILE, TOKENIZER_FILES, first_line, need_any, read_json_object
from retort.sources.transformers import quiet_transformers

TEXTS_AT_ONCE = 64
LONGEST = 512  # tokens, where neither the folder nor the model says
MODULES = ("Transformer", "Pooling", "Normalize")
MEAN, FIRST = "pooling_mode_mean_tokens", "pooling_mode_cls_token"


class TextEmbedder:
    """`embedder(texts)`: `[n, dimension]` float64, each row of length 1, so that a product of two is their cosine."""

    def __init__(self, folder: Path) -> None:
        """Load it. Raises SourceError for a folder that is no encoder, or one that pools as is not done here."""
        self.pooling, self.longest = check_encoder_folder(folder)
        try:
            import torch
            from transformers import AutoModel, AutoTokenizer
        except ImportError as error:
            raise MissingExtraError("transformers", "models", f"The embedding model {folder}") from error
        self._torch = torch
        try:
            with quiet_transformers():
                self.tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
                self.model: Any = AutoModel.from_pretrained(
                    folder, local_files_only=True, use_safetensors=True, dtype=torch.float32
                ).eval()
        except Exception as error:  # the library's loaders have no common base class
            raise SourceError(
                f"The embedding model {folder} cannot be loaded: {first_line(error)}"
            ) from error
        if self.tokenizer.pad_token is None:
            # Whatever stands there is masked; it only has to be a token.
            self.tokenizer.pad_token = self.tokenizer.eos_token or self.tokenizer.convert_ids_to_tokens(0)
        known = getattr(self.model.config, "max_position_embeddings", None) or LONGEST
        self.longest = min(self.longest or LONGEST, known, self.tokenizer.model_max_length)

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Rows in the order of the texts; a text without letters has a row of zeros, which is like nothing else."""
        rows = np.zeros((len(texts), self.model.config.hidden_size))
        # Texts of one length together: less padding, and the same batches for the same texts in any order.
        order = sorted(
            (n for n, text in enumerate(texts) if text.strip()), key=lambda n: (len(texts[n]), texts[n])
        )
        for start in range(0, len(order), TEXTS_AT_ONCE):
            batch = order[start : start + TEXTS_AT_ONCE]
            rows[batch] = self._embedded([texts[n] for n in batch])
        return rows

    def _embedded(self, texts: list[str]) -> NDArray[np.float64]:
        torch = self._torch
        asked = self.tokenizer(
            texts,
            padding=True,
            padding_side="right",
            truncation=True,
            max_length=self.longest,
            return_tensors="pt",
        )
        with torch.inference_mode():
            hidden = self.model(input_ids=asked["input_ids"], attention_mask=asked["attention_mask"])
        states = hidden.last_hidden_state.double()
        if self.pooling == FIRST:
            pooled = states[:, 0]
        else:
            weights = asked["attention_mask"][..., None].double()
            pooled = (states * weights).sum(1) / weights.sum(1).clamp(min=1)
        return np.asarray(torch.nn.functional.normalize(pooled, dim=1))


def check_encoder_folder(folder: Path) -> tuple[str, int | None]:
    """How the folder's model pools, and its longest text in tokens if it says; raises SourceError."""
    read_json_object(folder / CONFIG_FILE, f"The folder {folder} is not a model")
    need_any(folder, folder, "weights", "model.safetensors", "*.safetensors")
    need_any(folder, folder, "tokenizer", "tokenizer.json", *TOKENIZER_FILES)
    if (folder / "modules.json").is_file():
        _check_modules(folder)
    longest: int | None = None
    if (folder / "sentence_bert_config.json").is_file():
        said = read_json_object(folder / "sentence_bert_config.json", f"The folder {folder} cannot be used")
        longest = said.get("max_seq_length")
    pooling = folder / "1_Pooling" / CONFIG_FILE
    if not pooling.is_file():
        return MEAN, longest
    said = read_json_object(pooling, f"The folder {folder} cannot be used")
    modes = [name for name, on in said.items() if name.startswith("pooling_mode_") and on is True]
    if modes not in ([MEAN], [FIRST]):
        raise SourceError(
            f"The embedding model {folder} uses the pooling {', '.join(modes) or 'nothing'}; retort "
            f"supports the mean of the tokens and the first token."
        )
    return modes[0], longest


def _check_modules(folder: Path) -> None:
    modules = read_json(folder / "modules.json")
    try:
        kinds = [str(module["type"]).rsplit(".", 1)[-1] for module in modules]
    except (TypeError, KeyError) as error:
        raise SourceError(f"{folder / 'modules.json'} cannot be read ({first_line(error)}).") from error
    unknown = [kind for kind in kinds if kind not in MODULES]
    if unknown:
        raise SourceError(
            f"The embedding model {folder} has a layer {unknown[0]!r} after its transformer; retort supports "
            f"{', '.join(MODULES)} only."
        )
