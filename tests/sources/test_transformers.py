"""Every architecture gives what the model itself gives, and forking gives what computing from scratch gives."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from retort.errors import InputError, SourceError
from retort.sources import load, next_token_logits
from retort.sources.base import SpanDecoder
from retort.sources.cached_decoder import CachedDecoder
from retort.sources.transformers import TransformersSource
from tiny_models import ARCHITECTURES, CONTEXT, make_tokenizer, save_tiny_model

PROMPTS = ["a pear is a kind of", "the sky", "what is a hammer? a hammer is"]
# Kernels round differently for other batch shapes; the logits below are of the order of 1 to 10.
TOLERANCE = 2e-5


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folders by architecture, each made once."""
    made: dict[str, Path] = {}

    def folder(architecture: str) -> Path:
        if architecture not in made:
            made[architecture] = save_tiny_model(
                tmp_path_factory.mktemp(architecture), architecture, padding=4
            )
        return made[architecture]

    return folder


@pytest.fixture(scope="session")
def llama(tiny: Callable[[str], Path]) -> TransformersSource:
    return TransformersSource(str(tiny("llama")))


@pytest.fixture
def copy(tiny: Callable[[str], Path], tmp_path: Path) -> Path:
    """A Llama folder that a test may spoil."""
    return Path(shutil.copytree(tiny("llama"), tmp_path / "copy"))


def direct(source: TransformersSource, ids: list[int]) -> np.ndarray:
    """The last row of the model called by hand on one text, without a cache."""
    with torch.no_grad():
        row = source.model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].numpy().copy()
    row[len(source.tokenizer) :] = -np.inf
    return row


def after_each(source: TransformersSource, ids: list[int], count: int) -> np.ndarray:
    """`[count, vocab]` logits after each of the last `count` ids, the model called by hand."""
    return np.stack([direct(source, ids[: len(ids) - count + number + 1]) for number in range(count)])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_spans_of_tokens_read_at_once_and_taken_back_equal_the_model_called_alone(
    architecture: str, tiny: Callable[[str], Path]
) -> None:
    """Rows that drop and add different numbers of tokens, among them none, up to the last position of the context."""
    source = TransformersSource(str(tiny(architecture)))
    texts = [source.encode(prompt) for prompt in PROMPTS]
    decoder = source.start(texts)
    assert isinstance(decoder, SpanDecoder)
    steps = [
        ([0, 1, 2], [3, 3, 3], [0, 0, 0]),
        ([0, 1, 2], [1, 4, 2], [2, 0, 1]),
        ([2, 0, 1, 1], [0, 3, 0, 1], [0, 3, 0, 2]),
        ([0, 1, 3], [1, 0, 2], [0, 0, 0]),
        ([2, 0], [2, 2], [1, 1]),
        ([1], [3], [2]),
        ([0, 0], [0, 0], [0, 0]),
        ([0, 1], [20, 1], [0, 1]),
        ([0, 1], [1, 1], [0, 0]),
    ]
    for parents, counts, drop in steps:
        tokens = [
            [(31 * row + 7 * place + len(texts)) % len(source.tokenizer) for place in range(count)]
            for row, count in enumerate(counts)
        ]
        spans = decoder.extend(parents, tokens, drop)
        texts = [
            [*texts[parent][: len(texts[parent]) - dropped], *added]
            for parent, dropped, added in zip(parents, drop, tokens, strict=True)
        ]
        for span, row, text, count in zip(spans, decoder.logits, texts, counts, strict=True):
            assert span.shape == (count, source.vocab_size)
            if count:
                np.testing.assert_allclose(span, after_each(source, text, count), atol=TOLERANCE, rtol=0)
            np.testing.assert_allclose(row, direct(source, text), atol=TOLERANCE, rtol=0)
    decoder.extend([0, 1], [[5] * (CONTEXT - len(texts[0])), []])
    with pytest.raises(InputError, match=f"reach {CONTEXT + 1} tokens"):
        decoder.extend([0], [[5]])


@pytest.mark.parametrize(
    ("parents", "tokens", "drop", "words"),
    [
        ([0], [[1], [2]], [0], "1 parents, 2 lists of tokens and 1 drops"),
        ([1], [[1]], [0], "parent row 1"),
        ([0], [[-1]], [0], "Token id -1"),
        ([0], [[]], [1], "add one where you drop some"),
        ([0], [[5]], [3], "which has 3"),
        ([0], [[5]], [-1], "drop -1 tokens"),
    ],
)
def test_spans_that_do_not_fit_are_refused(
    llama: TransformersSource, parents: list[int], tokens: list[list[int]], drop: list[int], words: str
) -> None:
    decoder = llama.start([[5, 6, 7]])
    with pytest.raises(InputError, match=words):
        decoder.extend(parents, tokens, drop)
    assert decoder.extend([0], [[8]])[0].shape == (1, llama.vocab_size)


def test_taking_back_reads_only_the_new_tokens(
    llama: TransformersSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder = llama.start([[5, 6, 7, 8], [5, 6]])
    shapes = []
    forward = CachedDecoder._forward

    def counted(self: CachedDecoder, tokens: list[list[int]], *rest: object) -> np.ndarray:
        shapes.append((len(tokens), len(tokens[0])))
        return forward(self, tokens, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(CachedDecoder, "_forward", counted)
    decoder.extend([0, 1], [[9, 10], [9, 10]])
    decoder.extend([0, 1], [[11], [11, 12]], [2, 0])
    assert shapes == [(2, 2), (2, 2)]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_rows_equal_the_model_called_alone_through_forks_drops_and_reorders(
    architecture: str, tiny: Callable[[str], Path]
) -> None:
    source = TransformersSource(str(tiny(architecture)))
    texts = [source.encode(prompt) for prompt in [*PROMPTS, PROMPTS[1]]]
    decoder = source.start(texts)
    assert decoder.logits.shape == (4, source.vocab_size)
    assert decoder.logits.dtype == np.float32
    assert np.ptp(decoder.logits[0][: len(source.tokenizer)]) > 1.0  # not a model that says nothing
    for parents in ([2, 0, 2, 1, 3], [4, 0, 0], [2, 1, 0], [1], [0, 0], [1, 0], [0, 1], [0]):
        tokens = [(7 * len(texts) + 31 * row + 5) % len(source.tokenizer) for row in range(len(parents))]
        decoder.advance(parents, tokens)
        texts = [[*texts[parent], token] for parent, token in zip(parents, tokens, strict=True)]
        for row, text in zip(decoder.logits, texts, strict=True):
            np.testing.assert_allclose(row, direct(source, text), atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if name != "openai_gpt"])
def test_a_step_runs_the_model_on_one_token_a_row(
    architecture: str, tiny: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = TransformersSource(str(tiny(architecture)))
    decoder = source.start([source.encode(prompt) for prompt in PROMPTS])
    shapes = []
    forward = source.model.forward

    def counted(**arguments: object) -> object:
        shapes.append(tuple(arguments["input_ids"].shape))  # type: ignore[attr-defined]
        return forward(**arguments)

    monkeypatch.setattr(source.model, "forward", counted)
    decoder.advance([0, 0, 2, 1], [5, 6, 7, 8])
    assert shapes == [(4, 1)]


def test_equal_prompts_are_computed_once(llama: TransformersSource, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = []
    forward = CachedDecoder._forward

    def counted(self: CachedDecoder, tokens: list[list[int]], *rest: object) -> np.ndarray:
        shapes.append((len(tokens), len(tokens[0])))
        return forward(self, tokens, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(CachedDecoder, "_forward", counted)
    ids = llama.encode(PROMPTS[0])
    decoder = llama.start([ids] * 5)
    assert shapes == [(1, len(ids))]
    assert (decoder.logits == decoder.logits[0]).all()


def test_soft_capped_logits_stay_below_the_cap(tiny: Callable[[str], Path]) -> None:
    source = TransformersSource(str(tiny("gemma2")))
    logits = next_token_logits(source, PROMPTS[0])[: len(source.tokenizer)]
    assert np.abs(logits).max() < 3.0
    source.model.config.final_logit_softcapping = None
    raw = next_token_logits(source, PROMPTS[0])[: len(source.tokenizer)]
    np.testing.assert_allclose(logits, 3.0 * np.tanh(raw / 3.0), atol=TOLERANCE)
    assert np.abs(raw).max() > 3.0


def test_logits_without_a_token_are_minus_infinity(llama: TransformersSource) -> None:
    logits = next_token_logits(llama, PROMPTS[0])
    assert np.isneginf(logits[-4:]).all()
    assert np.isfinite(logits[:-4]).all()
    assert llama.note is None
    assert llama.token_text(llama.vocab_size - 1) == f"<unused {llama.vocab_size - 1}>"


def test_no_rows_are_left_when_every_row_is_dropped(llama: TransformersSource) -> None:
    decoder = llama.start([llama.encode(PROMPTS[0])])
    decoder.advance([], [])
    assert decoder.logits.shape == (0, llama.vocab_size)
    with pytest.raises(InputError, match="parent row 0"):
        decoder.advance([0], [5])


def test_tokens_are_shown_with_their_spaces_and_markers_by_name(llama: TransformersSource) -> None:
    ids = llama.encode("the sky é")
    assert "".join(llama.token_text(i) for i in ids[:-2]) == "the sky "
    assert [llama.token_text(i) for i in ids[-2:]] == ["<0xC3>", "<0xA9>"]
    assert llama.decode([*ids, *llama.end_ids]) == "the sky é"
    assert [llama.token_text(i) for i in llama.end_ids] == ["</s>"]


def test_end_ids_include_those_of_the_generation_settings(copy: Path) -> None:
    (copy / "generation_config.json").write_text(json.dumps({"eos_token_id": [1, 7]}))
    assert TransformersSource(str(copy)).end_ids == {1, 7}


def test_weights_stored_in_bfloat16_are_computed_in_float32(
    llama: TransformersSource, tmp_path: Path
) -> None:
    TransformersSource(str(llama.name)).model.to(torch.bfloat16).save_pretrained(tmp_path)
    llama.tokenizer.save_pretrained(tmp_path)
    small = TransformersSource(str(tmp_path))
    assert {parameter.dtype for parameter in small.model.parameters()} == {torch.float32}
    assert llama.vocab_size == small.vocab_size


def test_an_empty_prompt_is_the_start_token_or_an_error(llama: TransformersSource, tmp_path: Path) -> None:
    np.testing.assert_allclose(
        next_token_logits(llama, ""), direct(llama, [llama.tokenizer.bos_token_id]), atol=TOLERANCE
    )
    without = TransformersSource(str(save_tiny_model(tmp_path, with_start=False)))
    with pytest.raises(InputError, match="prompt is empty"):
        next_token_logits(without, "")


def test_a_prompt_longer_than_the_context_is_refused_with_both_numbers(llama: TransformersSource) -> None:
    assert llama.max_context == CONTEXT
    decoder = llama.start([[5] * CONTEXT])  # exactly full is allowed
    with pytest.raises(InputError, match=f"reached the {CONTEXT} tokens"):
        decoder.advance([0], [5])
    with pytest.raises(InputError, match=rf"{CONTEXT + 1} tokens long.*at most {CONTEXT}"):
        llama.start([[5] * (CONTEXT + 1)])


def test_ids_outside_the_vocabulary_are_refused(llama: TransformersSource) -> None:
    with pytest.raises(InputError, match=f"Token id {llama.vocab_size} is not in the vocabulary"):
        llama.start([[llama.vocab_size]])
    with pytest.raises(InputError, match="2 parents and 1 tokens"):
        llama.start([[5]]).advance([0, 0], [5])


def test_a_tokenizer_with_more_tokens_than_the_model_has_logits_is_refused(copy: Path) -> None:
    make_tokenizer(320).save_pretrained(copy)
    with pytest.raises(SourceError, match="does not fit the model: it has token ids up to"):
        load(str(copy))


def test_a_tokenizer_that_covers_little_of_the_vocabulary_is_noted(tmp_path: Path) -> None:
    source = load(str(save_tiny_model(tmp_path, padding=200)))
    assert source.note is not None and "no token for 40%" in source.note


def test_weights_with_a_tensor_missing_are_refused(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        SourceError, match=r"not complete: 1 tensors .* first model.layers.1.mlp.up_proj.weight"
    ):
        load(str(copy))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda folder: (folder / "model.safetensors").write_bytes(b"damaged"), "cannot be loaded"),
        (lambda folder: (folder / "tokenizer.json").write_text("{"), "The tokenizer of .* cannot be loaded"),
        (lambda folder: _set(folder, model_type="t5"), "not a causal language model"),
        (lambda folder: _set(folder, hidden_size=64), "other shapes than its config.json"),
        (lambda folder: _set(folder, model_type="no-such-model"), "cannot be loaded"),
    ],
)
def test_a_spoiled_folder_is_one_clear_sentence(
    copy: Path, spoil: Callable[[Path], object], sentence: str, capfd: pytest.CaptureFixture[str]
) -> None:
    spoil(copy)
    with pytest.raises(SourceError, match=sentence) as caught:
        load(str(copy))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_loading_and_decoding_print_nothing(copy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from transformers.utils import logging as library_logging

    # The library's handler keeps the stderr of the time when it was imported, so listen beside it.
    messages: list[str] = []
    listener = logging.Handler()
    listener.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    library_logging.add_handler(listener)
    source = load(str(copy))
    source.start([source.encode("a pear " * 10)]).advance([0], [5])
    source.tokenizer.model_max_length = CONTEXT  # as most folders say: the library warns above it
    source.encode("a pear " * 500)
    assert messages == []
    assert capfd.readouterr() == ("", "")
    source.tokenizer.deprecation_warnings.clear()  # it warns once
    source.tokenizer("a pear " * 500)  # the same without us: the listener hears it
    library_logging.remove_handler(listener)
    assert len(messages) == 1


def _set(folder: Path, **values: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | values))
