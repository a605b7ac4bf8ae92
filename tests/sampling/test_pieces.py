"""Pieces of a growing text: together they are the text, and nothing that was shown is ever taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retort.sampling.decoding import Ending, TextPieces, held_back
from tiny_models import make_tokenizer

TEXTS = [
    "naïve café",
    "日本語のテキスト",
    "a 🙂🙃 b",
    "the sky is blue",
    "e\u0301 é",
    "x\ufffdy",
    "  two  spaces \n\n end ",
]


class Codec:
    """A tokenizer as `Ending` sees a source."""

    end_ids = frozenset({1})

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.decoded = 0

    def encode(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: Sequence[int]) -> str:
        self.decoded += len(ids)
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))


def byte_level() -> Any:
    """Byte-level BPE: outside its training text every byte is a token."""
    return make_tokenizer()._tokenizer


def metaspace() -> Any:
    """As SentencePiece models decode: words begin with ▁, unknown characters are byte tokens, the first space goes."""
    from tokenizers import Tokenizer, decoders, models, normalizers

    pieces = ["<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *"abcdefghijklmnopqrstuvwxyz",
              "▁t", "▁th", "▁the", "▁s", "▁sk", "▁sky"]  # fmt: skip
    merges = [("▁", "t"), ("▁t", "h"), ("▁th", "e"), ("▁", "s"), ("▁s", "k"), ("▁sk", "y")]
    model = models.BPE(
        {piece: number for number, piece in enumerate(pieces)}, merges, byte_fallback=True, fuse_unk=True
    )
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens(["<s>", "</s>"])
    return tokenizer


CODECS = {"byte-level": byte_level(), "metaspace": metaspace()}


def run(
    codec: Codec, ids: Sequence[int], stop: tuple[str, ...] = (), include: bool = False
) -> tuple[list[str], list[int]]:
    """The pieces, and the ids up to the end of the text."""
    ending = Ending(codec, stop, len(ids), include)
    pieces = TextPieces(ending)
    given: list[str] = []
    for length in range(1, len(ids) + 1):
        over = ending.finish_reason(ids[:length]) is not None
        given.append(pieces.push(ids[:length], over=over))
        if over:
            return given, list(ids[:length])
    raise AssertionError("a text ends at its length at the latest")


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("text", TEXTS)
def test_whole_characters_come_as_soon_as_they_are_whole(name: str, text: str) -> None:
    codec = Codec(CODECS[name])
    ids = codec.encode(text)
    given, _ = run(codec, ids)
    assert "".join(given) == codec.decode(ids)
    for length in range(1, len(ids)):
        shown = "".join(given[:length])
        so_far = Ending(codec, (), length).text(ids[:length])
        assert so_far.startswith(shown)
        assert so_far[len(shown) :].strip("\ufffd") == ""  # only signs for half a character wait
    if "\ufffd" not in text:
        assert not any("\ufffd" in piece for piece in given)


STOPS = st.lists(st.text(st.sampled_from("abth sky€\ufffd"), min_size=1, max_size=4), max_size=3)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(st.integers(0, 287), st.sampled_from([164, 226, 106])), min_size=1, max_size=40),
    STOPS,
    st.booleans(),
)
def test_nothing_shown_is_taken_back_whatever_the_bytes(
    ids: list[int], stops: list[str], include: bool
) -> None:
    codec = Codec(CODECS["byte-level"])
    given, read = run(codec, ids, tuple(stops), include)
    assert "".join(given) == Ending(codec, tuple(stops), len(ids), include).text(read)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(CODECS)), st.text(st.sampled_from("the sky€é🙂日"), min_size=1, max_size=20),
    st.integers(0, 4), STOPS, st.booleans(),
)  # fmt: skip
def test_nothing_shown_is_taken_back_where_a_text_is_cut(
    name: str, text: str, cut: int, stops: list[str], include: bool
) -> None:
    codec = Codec(CODECS[name])
    ids = codec.encode(text)
    ids = ids[: max(1, len(ids) - cut)]
    given, read = run(codec, ids, tuple(stops), include)
    assert "".join(given) == Ending(codec, tuple(stops), len(ids), include).text(read)


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize(("text", "stop", "before"), [
    ("the sky is blue", "sky", "the "),
    ("the sky is blue", "e s", "th"),  # across a token's border
    ("prix 5€ net", "€", "prix 5"),  # three tokens that are one character
    ("ab日本語cd", "本語c", "ab日"),
    ("日本語" * 9 + "テキスト", "テキ", "日本語" * 9),
    ("aab aabc", "aabc", "aab "),  # the beginning of a stop string that becomes none
])  # fmt: skip
def test_stop_strings_are_found_across_tokens_and_never_shown(
    name: str, text: str, stop: str, before: str
) -> None:
    codec = Codec(CODECS[name])
    given, read = run(codec, codec.encode(text), ("zzz", stop))
    assert "".join(given) == before
    assert codec.decode(read).count(stop) == 1 and codec.decode(read[:-1]).count(stop) == 0
    assert "".join(run(codec, codec.encode(text), ("zzz", stop), include=True)[0]) == before + stop


def test_what_may_become_a_stop_string_waits() -> None:
    assert held_back("abc", ["cde"]) == 1
    assert held_back("abcd", ["cde", "bcdx"]) == 3
    assert held_back("abc", ["abc", "x"]) == 0  # a whole one is not held: the text is over
    assert held_back("aa", ["aab"]) == 2
    assert held_back("", ["a"]) == 0


def test_a_long_text_is_decoded_a_few_times_and_not_once_a_token() -> None:
    codec = Codec(CODECS["byte-level"])
    ids = codec.encode("the sky is blue and the sea is green " * 60)
    run(codec, ids)
    assert len(ids) > 500 and codec.decoded < 8 * len(ids)
