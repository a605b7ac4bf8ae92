"""Streams: their pieces against the text of generate, callbacks, and that a closed stream holds nothing."""

from __future__ import annotations

import gc
import weakref
from itertools import pairwise

import pytest

from mock_source import MockDecoder, MockSource
from retort.errors import CapabilityError, InputError
from retort.sampling import Piece, SampledToken, SamplingParams, generate, stream
from retort.sources.base import Capability
from retort.sources.transformers import TransformersSource
from tiny_models import save_tiny_model

PARAMS = SamplingParams(temperature=1.2, seed=3, max_tokens=25)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> TransformersSource:
    return TransformersSource(str(save_tiny_model(tmp_path_factory.mktemp("llama"), "llama")))


@pytest.mark.parametrize("seed", range(6))
def test_pieces_are_the_text_that_generate_gives(llama: TransformersSource, seed: int) -> None:
    """A random byte-level model: most of what it says is broken characters."""
    free = generate(llama, "the sky", PARAMS.with_seed(seed))[0]
    middle = free.text[len(free.text) // 2 :][:2]
    for stop in ((), (middle,) if middle else ()):
        params = SamplingParams(temperature=1.2, seed=seed, max_tokens=25, stop=stop)
        for include in (False, True):
            text = generate(llama, "the sky", params, include_stop=include)[0]
            pieces = list(stream(llama, "the sky", params, include_stop=include))
            assert "".join(piece.text for piece in pieces) == text.text
            assert tuple(piece.token for piece in pieces) == text.tokens
            assert [piece.finish_reason for piece in pieces] == [None] * (len(pieces) - 1) + [
                text.finish_reason
            ]
            if text.finish_reason == "stop":
                assert text.text.endswith(middle) == include


def test_a_stop_string_is_never_shown_in_part() -> None:
    source = MockSource(12, ends=False)
    free = generate(source, "w1", PARAMS)[0]
    stop = source.token_text(free.ids[4]) + " "  # complete only with the space of the next token
    pieces = list(stream(source, "w1", SamplingParams(temperature=1.2, seed=3, max_tokens=25, stop=(stop,))))
    first = list(free.ids).index(free.ids[4])
    assert "".join(piece.text for piece in pieces) == source.decode(free.ids[:first])
    assert pieces[-1] == Piece("", free.tokens[first + 1], "stop")


def test_a_stream_draws_as_it_is_read_and_closing_it_frees_the_decoder() -> None:
    source = MockSource(20, ends=False)
    held: list[weakref.ref] = []

    def start(prompts: list) -> MockDecoder:
        decoder = MockSource.start(source, prompts)
        held.append(weakref.ref(decoder))
        return decoder

    source.start = start  # type: ignore[method-assign, assignment]
    pieces = stream(source, "w1", PARAMS)
    assert not held
    next(pieces)
    assert source.forward_rows == 1
    next(pieces), next(pieces)
    assert source.forward_rows == 3 and held[0]() is not None
    pieces.close()
    gc.collect()
    assert held[0]() is None and list(pieces) == []


def test_a_request_that_cannot_be_met_is_refused_at_the_call() -> None:
    source = MockSource(20, max_context=8)
    with pytest.raises(InputError, match="reads at most 8 tokens"):
        stream(source, "w1", PARAMS)
    source.capability = Capability.TOP_N
    with pytest.raises(CapabilityError, match="whole vocabulary"):
        stream(source, "w1", PARAMS)


def test_callbacks_come_token_by_token_for_every_text() -> None:
    source = MockSource(9, end_bias=1.0)
    heard: list[tuple[str, int]] = []
    texts: dict[int, str] = {}
    tokens: dict[int, list[SampledToken]] = {}
    progress: list[tuple[int, int]] = []

    def on_text(index: int, piece: str) -> None:
        heard.append(("text", index))
        texts[index] = texts.get(index, "") + piece

    params = [SamplingParams(max_tokens=6, seed=1), SamplingParams(max_tokens=4, seed=9)]
    drawn = generate(
        source, ["w1", "w2"], params, n=3, max_rows=4,
        on_token=lambda index, token: (heard.append(("token", index)), tokens.setdefault(index, []).append(token)),
        on_text=on_text,
        on_progress=lambda done, total: progress.append((done, total)),
    )  # fmt: skip
    assert [texts.get(index, "") for index in range(6)] == [text.text for text in drawn]
    assert [tuple(tokens[index]) for index in range(6)] == [text.tokens for text in drawn]
    assert any(text.finish_reason == "end" for text in drawn)
    assert (
        progress == sorted(progress)
        and progress[-1] == (30, 30)
        and len(progress) == sum(len(t.ids) for t in drawn)
    )
    assert all(before == ("token", index) for before, (what, index) in pairwise(heard) if what == "text")


def test_no_text_is_decoded_unless_somebody_listens(
    llama: TransformersSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    decode = llama.decode

    def counted(ids: list[int]) -> str:
        nonlocal calls
        calls += 1
        return decode(ids)

    monkeypatch.setattr(llama, "decode", counted)
    generate(llama, "the sky", PARAMS)
    assert calls <= 4  # the text itself, and a character cut at its end


@pytest.mark.parametrize("settings", [{"n": 0}, {"n": True}, {"max_rows": 0}])
def test_numbers_that_do_not_fit(settings: dict) -> None:
    with pytest.raises(InputError, match=f"{next(iter(settings))} must be a whole number"):
        generate(MockSource(9), "w1", PARAMS, **settings)
