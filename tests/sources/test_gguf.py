"""GGUF files: written from an embedded model, read by transformers, and the same numbers come out."""

from __future__ import annotations

import numpy as np
import pytest

from retort.errors import SourceError
from retort.sources.base import next_token_logits
from retort.sources.chat import Message
from retort.sources.embedded import MODELS_FOLDER
from retort.sources.load import load

gguf = pytest.importorskip("gguf")
needs_models = pytest.mark.skipif(not (MODELS_FOLDER / "small").is_dir(), reason="needs the embedded models")
TEXTS = ("the sky is", " A pear,  wörld\n is 12", "")


@needs_models
def test_a_gguf_file_gives_the_logits_of_the_model_it_was_made_of(tmp_path, capfd) -> None:
    from training.to_gguf import convert

    path = convert(MODELS_FOLDER / "small", tmp_path / "small.gguf")
    direct, read = load("embedded:small"), load(str(path))
    for text in TEXTS:
        assert read.encode(text) == direct.encode(text)
        assert np.array_equal(next_token_logits(read, text), next_token_logits(direct, text))
    assert (read.vocab_size, read.max_context, read.end_ids) == (direct.vocab_size, 256, direct.end_ids)
    assert [read.token_text(i) for i in range(0, 8000, 500)] == [
        direct.token_text(i) for i in range(0, 8000, 500)
    ]
    assert capfd.readouterr().err == ""


@needs_models
def test_a_quantised_file_is_near_and_not_equal_and_keeps_the_chat_template(tmp_path) -> None:
    from training.to_gguf import convert

    path = convert(MODELS_FOLDER / "instruct", tmp_path / "instruct.gguf", "q8_0")
    direct, read = load("embedded:instruct"), load(str(path))
    difference = np.abs(next_token_logits(read, "the sky is") - next_token_logits(direct, "the sky is")).max()
    assert 0.0 < difference < 1.0
    message = [Message("user", "hi")]
    assert read.render_chat(message) == direct.render_chat(message)


def test_what_is_no_gguf_file_is_said(tmp_path) -> None:
    with pytest.raises(SourceError, match="There is no file"):
        load("none.gguf")
    (tmp_path / "a.gguf").write_text("Dear Sir")
    with pytest.raises(SourceError, match="does not begin with GGUF"):
        load(str(tmp_path / "a.gguf"))
    (tmp_path / "b.gguf").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(SourceError, match=r"b\.gguf cannot be loaded"):
        load(str(tmp_path / "b.gguf"))
