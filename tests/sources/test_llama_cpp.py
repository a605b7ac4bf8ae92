"""`llama-cpp:FILE.gguf`: llama.cpp's numbers are the model's, in any order of asking. Runs where the bindings are."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from retort.errors import InputError, MissingExtraError, SourceError
from retort.sources.base import next_token_logits
from retort.sources.chat import Message
from retort.sources.embedded import MODELS_FOLDER
from retort.sources.load import load

bindings = pytest.mark.skipif(find_spec("xllamacpp") is None, reason="needs xllamacpp")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    pytest.importorskip("gguf")
    if not (MODELS_FOLDER / "instruct").is_dir():
        pytest.skip("needs the embedded models")
    from training.to_gguf import convert

    folder = tmp_path_factory.mktemp("gguf")
    return {
        name: convert(MODELS_FOLDER / model, folder / f"{name}.gguf", kind)
        for name, model, kind in (("plain", "instruct", "f32"), ("small", "small", "q8_0"))
    }


@pytest.mark.skipif(find_spec("xllamacpp") is not None, reason="the bindings are installed")
def test_without_the_bindings_the_extra_is_named(tmp_path) -> None:
    (tmp_path / "a.gguf").write_bytes(b"GGUF")
    with pytest.raises(MissingExtraError, match=r"retort-lm\[llama-cpp\]"):
        load(f"llama-cpp:{tmp_path / 'a.gguf'}")


def test_what_is_no_gguf_file_is_said() -> None:
    with pytest.raises(SourceError, match="There is no file"):
        load("llama-cpp:none.gguf")


@bindings
def test_the_numbers_are_those_of_transformers(files) -> None:
    pytest.importorskip("torch")
    mine, theirs = load(f"llama-cpp:{files['plain']}"), load("embedded:instruct")
    for text in ("the sky is", " A pear,  wörld\n is 12", ""):
        assert mine.encode(text) == theirs.encode(text)
        assert (
            np.abs(next_token_logits(mine, text) - next_token_logits(theirs, text)).max() < 2e-2
        )  # keys and values are kept in 16 bits
    assert (mine.vocab_size, mine.max_context, mine.end_ids) == (8192, 256, theirs.end_ids)
    assert [mine.token_text(i) for i in range(1, 8192, 100)] == [
        theirs.token_text(i) for i in range(1, 8192, 100)
    ]
    ids = theirs.encode(" A pear,  wörld\n is 12")
    assert mine.decode(ids) == theirs.decode(ids)
    talk = [Message("user", "hi")]
    assert mine.render_chat(talk) == theirs.render_chat(talk)
    assert mine.encode_rendered("Question: hi") == theirs.encode_rendered("Question: hi")


@bindings
def test_forks_and_drops_give_the_rows_of_the_texts_alone(files) -> None:
    source = load(f"llama-cpp:{files['small']}")
    texts = [source.encode("the sky is"), source.encode("a pear")]
    decoder = source.start(texts)
    decoder.advance([1, 0, 0], [300, 400, 500])
    expected = [
        source.start([text]).logits[0] for text in ([*texts[1], 300], [*texts[0], 400], [*texts[0], 500])
    ]
    assert np.allclose(decoder.logits, expected, atol=1e-2)
    assert [row.argmax() for row in decoder.logits] == [row.argmax() for row in expected]
    decoder.advance([], [])
    assert decoder.logits.shape == (0, 8192)


@bindings
def test_the_context_ends(files) -> None:
    source = load(f"llama-cpp:{files['small']}")
    decoder = source.start([[5] * 256])
    with pytest.raises(InputError, match="256 tokens"):
        decoder.advance([0], [5])
    with pytest.raises(InputError, match="The prompt is empty"):
        source.start([[]])
