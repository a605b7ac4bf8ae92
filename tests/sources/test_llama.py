"""The embedded models read without transformers: ids, texts and logits are the library's.

A text that is read in one pass has the library's logits to the last bit. Steps take transposed weights and keys that
rows share, so theirs are equal to float32 rounding.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from retort.errors import SourceError
from retort.sources.embedded import MODELS_FOLDER, load_embedded
from retort.sources.llama import LlamaSource, is_plain
from retort.sources.transformers import TransformersSource
from tiny_models import save_tiny_model

ROUNDING = 2e-5  # of a logit
NAMES = ("base", "instruct", "small", "small-distilled")
TEXTS = [
    "the sky is",
    "",
    " ",
    "A pear is a kind of",
    "naïve 日本 😀\n\ttab",
    "it ends.<|end|>",
    "<|end|>x",
    "\x00é",
]


@pytest.fixture(scope="module")
def ours() -> LlamaSource:
    found = load_embedded("base")
    assert isinstance(found, LlamaSource)
    return found


@pytest.fixture(scope="module")
def theirs() -> TransformersSource:
    return TransformersSource(str(MODELS_FOLDER / "base"), name="embedded:base")


def test_every_embedded_model_is_read_this_way() -> None:
    for name in NAMES:
        assert is_plain(json.loads((MODELS_FOLDER / name / "config.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", NAMES)
def test_what_is_said_of_a_model_is_what_transformers_says(name: str) -> None:
    one, other = load_embedded(name), TransformersSource(str(MODELS_FOLDER / name), name=f"embedded:{name}")
    for said in ("name", "capability", "vocab_size", "max_context", "end_ids", "note", "device"):
        assert getattr(one, said) == getattr(other, said)
    assert np.array_equal(one.unused, other.unused)
    ids = [one.encode(text) for text in TEXTS]
    assert ids == [other.encode(text) for text in TEXTS]
    assert [one.encode_rendered(t) for t in TEXTS] == [other.encode_rendered(t) for t in TEXTS]
    assert [one.decode(some) for some in ids] == [other.decode(some) for some in ids]
    rows = [one.start([some]).logits for some in ids[:4]]
    assert all(
        np.array_equal(row, other.start([some]).logits) for row, some in zip(rows, ids[:4], strict=True)
    )


def test_every_token_has_the_same_name(ours: LlamaSource, theirs: TransformersSource) -> None:
    tokens = range(ours.vocab_size)
    assert [ours.token_text(token) for token in tokens] == [theirs.token_text(token) for token in tokens]


def test_logits_are_the_librarys(ours: LlamaSource, theirs: TransformersSource) -> None:
    """Padded rows, forks, dropped rows, spans of several tokens, tokens taken back, and the full context."""
    random = np.random.default_rng(0)
    texts = [random.integers(1, ours.vocab_size, length).tolist() for length in (3, 9, 5)]
    steps = [
        ([0, 1, 2], [[5], [6], [7]], None),
        ([2, 0, 0], [[1, 2, 3], [4, 5, 6], [7, 8, 9]], None),
        ([0, 2, 1], [[11, 12], [13], [14, 15, 16]], [2, 0, 1]),
        ([1, 1], [[3], [4]], None),
    ]
    mine, library = ours.start(texts), theirs.start(texts)
    assert np.array_equal(mine.logits, library.logits)
    for parents, tokens, drop in steps:
        spans, expected = mine.extend(parents, tokens, drop), library.extend(parents, tokens, drop)
        assert all(np.allclose(one, other, atol=ROUNDING) for one, other in zip(spans, expected, strict=True))
        assert np.allclose(mine.logits, library.logits, atol=ROUNDING)
    whole = random.integers(1, ours.vocab_size, ours.max_context).tolist()
    one, other = (source.start([whole[:1]]).extend([0], [whole[1:]])[0] for source in (ours, theirs))
    assert one.shape == (ours.max_context - 1, ours.vocab_size) and np.allclose(one, other, atol=ROUNDING)
    assert np.array_equal(ours.read_positions(whole, 20), theirs.read_positions(whole, 20))


def test_rows_that_share_a_beginning_are_the_librarys(tmp_path: Path) -> None:
    """Prompts with a long common beginning, forks of one row, drops, and a window of 4 that padding may not widen."""
    for kind in ("llama", "gemma3"):
        folder = save_tiny_model(tmp_path / kind, kind)
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        one, other = LlamaSource(folder, "tiny", config), TransformersSource(str(folder), name="tiny")
        random = np.random.default_rng(2)
        common = random.integers(2, 280, 40).tolist()
        texts = [[*common, *random.integers(2, 280, length).tolist()] for length in (1, 6, 3)]
        mine = one.start(texts)
        assert mine._cache.layers[0].shared.shape[3] == len(common)  # read once, or this shows nothing
        alone = [one.start([[*common, 9]]), one.start([[*common, 9]] * 3)]
        steps = [
            ([0, 1, 2], [[5], [6], [7]], None),
            ([2, 0, 0, 1], [[8], [9], [10], [11]], None),
            ([1, 3, 0], [[1, 2, 3], [4], [5, 6]], None),
            ([0, 1, 2], [[12], [13, 14], [15]], [2, 3, 1]),
            ([2, 0], [[3], [4]], None),
        ]
        for parents, tokens, drop in steps:
            mine.extend(parents, tokens, drop)
            for row, text in zip(mine.logits, mine._texts, strict=True):
                assert np.allclose(row, other.start([text]).logits[0], atol=ROUNDING)
        # Three texts that become nine, out of order, share what they had; one is then forked, and all lose columns.
        several = one.start([texts[1], [*common[:20], 9], texts[2]])
        several.advance([2, 0, 1, 0, 2, 2, 1, 1, 0], range(3, 12))
        assert several._cache.layers[0].shared.shape[1] == 3 and several._cache.layers[0].used == 1
        several.advance([4, 4, 0, 8, 1], range(20, 25))
        several.extend([0, 4, 2], [[31], [32, 33], []], None)
        several.extend([0, 1, 2], [[34], [35], [36]], [1, 0, 2])
        for row, text in zip(several.logits, several._texts, strict=True):
            assert np.allclose(row, other.start([text]).logits[0], atol=ROUNDING)
        for decoder in alone:
            decoder.advance([0, 0, 0], [3, 4, 5])
            decoder.advance([2, 1, 0, 0], [6, 7, 8, 9])
            for row, text in zip(decoder.logits, decoder._texts, strict=True):
                assert np.allclose(row, other.start([text]).logits[0], atol=ROUNDING)


def test_the_librarys_own_model_is_there_when_asked_for_and_is_then_what_answers() -> None:
    import torch

    source = load_embedded("small")
    before = source.start([[1, 2]]).logits.copy()
    assert type(source.model).__name__ == "LlamaForCausalLM" and source.tokenizer.eos_token_id == 0
    assert np.array_equal(source.start([[1, 2]]).logits, before)
    with torch.no_grad():
        source.model.get_input_embeddings().weight.mul_(0.5)
    assert not np.array_equal(source.start([[1, 2]]).logits, before)


@pytest.mark.parametrize(
    "change",
    [
        {"model_type": "mistral"},
        {"hidden_act": "gelu"},
        {"attention_bias": True},
        {"rope_parameters": {"rope_type": "llama3", "rope_theta": 10000.0}},
    ],
)
def test_another_network_is_left_to_transformers(change: dict[str, object]) -> None:
    config = json.loads((MODELS_FOLDER / "base" / "config.json").read_text(encoding="utf-8"))
    assert not is_plain({**config, **change})


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json"])
def test_a_damaged_file_is_named_in_one_sentence(tmp_path: Path, file: str) -> None:
    folder = Path(shutil.copytree(MODELS_FOLDER / "small", tmp_path / "small"))
    (folder / file).write_bytes(b"{}")
    with pytest.raises(SourceError, match="The model embedded:small cannot be loaded"):
        load_embedded("small", tmp_path)


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path) -> None:
    """As by the library's reader: an ordinary token beyond the last logit; a special one may lie there."""
    folder = Path(shutil.copytree(MODELS_FOLDER / "small", tmp_path / "small"))
    settings = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    number = len(load_embedded("small").unused)
    for special in (True, False):
        added = {"id": number, "content": "<extra>", "special": special, "normalized": False}
        added |= dict.fromkeys(("single_word", "lstrip", "rstrip"), False)
        tokens = [*settings["added_tokens"], added]
        (folder / "tokenizer.json").write_text(
            json.dumps({**settings, "added_tokens": tokens}), encoding="utf-8"
        )
        if special:
            assert load_embedded("small", tmp_path).vocab_size == number
        else:
            with pytest.raises(
                SourceError, match=f"does not fit the model: it has token ids up to {number:,}"
            ):
                load_embedded("small", tmp_path)


def test_a_tokenizer_that_panics_is_one_sentence(tmp_path: Path) -> None:
    """Its Rust code gives up on a pattern that tries every way to cut a text; the panic is no Exception."""
    folder = Path(shutil.copytree(MODELS_FOLDER / "small", tmp_path / "small"))
    settings = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    settings["pre_tokenizer"] = {
        "type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": False
    }  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(settings), encoding="utf-8")
    ours, library = load_embedded("small", tmp_path), TransformersSource(str(folder), name="embedded:small")
    for source in (ours, library):
        for encode in (source.encode, source.encode_rendered):
            assert encode("aab")
            with pytest.raises(
                SourceError, match=r"tokenizer of embedded:small cannot read this text: .*retry"
            ):
                encode("a" * 40 + "b")


@pytest.mark.parametrize("kind", ["llama", "gemma3"])
def test_fewer_keys_than_queries_windows_and_gemmas_norms_are_transformers(tmp_path: Path, kind: str) -> None:
    """Random models of 4 query and 2 key heads; Gemma's window of 4 is left behind. Float32 rounding only."""
    folder = save_tiny_model(tmp_path, kind)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert is_plain(config)
    one, other = LlamaSource(folder, "tiny", config), TransformersSource(str(folder), name="tiny")
    random = np.random.default_rng(1)
    texts = [random.integers(2, 280, length).tolist() for length in (3, 11, 7)]
    mine, library = one.start(texts), other.start(texts)
    assert np.allclose(mine.logits, library.logits, atol=1e-5)
    for parents, tokens in [([0, 1, 2], [5, 6, 7]), ([2, 0, 0, 1], [8, 9, 10, 11]), ([3, 0], [1, 2])]:
        mine.advance(parents, tokens)
        library.advance(parents, tokens)
        assert np.allclose(mine.logits, library.logits, atol=1e-5)
    assert np.allclose(one.read_positions(texts[1], 11), other.read_positions(texts[1], 11), atol=1e-5)
