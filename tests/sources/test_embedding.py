"""Texts as vectors: pooling against a slow oracle, in any order and batch; and folders that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.tiny_models import TEXT, save_tiny_model

from retort.errors import SourceError
from retort.sources.embedding import TextEmbedder, check_encoder_folder

pytest.importorskip("torch", reason="the embedding model needs the extra models")


def encoder(folder: Path, **pooling: bool) -> Path:
    """A random BERT with a trained tokenizer, as a folder of sentence-transformers where pooling is said."""
    import torch
    from tests.tiny_models import make_tokenizer
    from transformers import BertConfig, BertModel

    tokenizer = make_tokenizer()
    tokenizer.pad_token = "</s>"
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=24, initializer_range=0.3,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    if pooling:
        kinds = ("Transformer", "Pooling", "Normalize")
        modules = [{"type": f"sentence_transformers.models.{kind}"} for kind in kinds]
        (folder / "modules.json").write_text(json.dumps(modules))
        (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 12}))
        (folder / "1_Pooling").mkdir()
        modes = {f"pooling_mode_{name}": on for name, on in pooling.items()}
        (folder / "1_Pooling" / "config.json").write_text(
            json.dumps({"word_embedding_dimension": 16, **modes})
        )
    return folder


def oracle(embedder: Any, text: str, first: bool = False) -> np.ndarray:
    """One text alone, without padding."""
    import torch

    ids = embedder.tokenizer(text)["input_ids"][: embedder.longest]
    with torch.no_grad():
        states = embedder.model(input_ids=torch.tensor([ids])).last_hidden_state[0].double().numpy()
    pooled = states[0] if first else states.mean(axis=0)
    return pooled / np.linalg.norm(pooled)


def test_the_mean_of_the_tokens_whatever_the_batch(tmp_path: Path) -> None:
    embedder = TextEmbedder(encoder(tmp_path))
    rows = embedder([*TEXT, "", "a"])
    for row, text in zip(rows, [*TEXT, None, "a"], strict=True):
        expected = np.zeros(16) if text is None else oracle(embedder, text)
        np.testing.assert_allclose(row, expected, atol=1e-5)
    np.testing.assert_array_equal(embedder([*TEXT, "", "a"][::-1])[::-1], rows)
    assert rows.dtype == np.float64


def test_the_folder_says_how_to_pool_and_how_much_to_read(tmp_path: Path) -> None:
    embedder = TextEmbedder(encoder(tmp_path, cls_token=True, mean_tokens=False))
    assert embedder.longest == 12
    long = " ".join(TEXT)
    np.testing.assert_allclose(embedder([long])[0], oracle(embedder, long, first=True), atol=1e-5)


def test_a_causal_model_is_an_encoder_too(tmp_path: Path) -> None:
    save_tiny_model(tmp_path, "llama")
    embedder = TextEmbedder(tmp_path)
    np.testing.assert_allclose(embedder(TEXT)[1], oracle(embedder, TEXT[1]), atol=1e-5)


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"has no config\.json"):
        check_encoder_folder(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(SourceError, match="has no weights"):
        check_encoder_folder(tmp_path)
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(SourceError, match="has no tokenizer"):
        check_encoder_folder(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    assert check_encoder_folder(tmp_path) == ("pooling_mode_mean_tokens", None)
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text('{"pooling_mode_max_tokens": true}')
    with pytest.raises(SourceError, match="uses the pooling pooling_mode_max_tokens"):
        check_encoder_folder(tmp_path)
    (tmp_path / "modules.json").write_text('[{"type": "a.Transformer"}, {"type": "a.Dense"}]')
    with pytest.raises(SourceError, match="has a layer 'Dense' after its transformer"):
        check_encoder_folder(tmp_path)
    (tmp_path / "modules.json").write_text("[1]")
    with pytest.raises(SourceError, match=r"modules\.json cannot be read"):
        check_encoder_folder(tmp_path)
    (tmp_path / "modules.json").unlink()
    (tmp_path / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}')
    with pytest.raises(SourceError, match="cannot be loaded"):
        TextEmbedder(tmp_path)
