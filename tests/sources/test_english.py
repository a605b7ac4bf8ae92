"""The trigrams of English: against the library that made the file, and what the issue says about "the sky is"."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from pocketsphinx import Config, LogMath, NGramModel

from retort.errors import InputError, SourceError
from retort.sources.base import next_token_logits
from retort.sources.english import EnglishSource, load_english, model_file
from retort.sources.trigram_table import PackedRecords, read_trigram_table

UNIT = math.log(1.0001)  # the library rounds its answers to whole powers of 1.0001


@pytest.fixture(scope="module")
def english() -> EnglishSource:
    return load_english()


@pytest.fixture(scope="module")
def library() -> NGramModel:
    return NGramModel(Config(), LogMath(), str(model_file()))


def ids(english: EnglishSource, *words: str) -> list[int]:
    return [english.table.words.index(word) for word in words]


@pytest.mark.parametrize(
    ("before", "previous"),
    [
        ("sky", "is"),  # trigrams, bigrams and unigrams
        ("<s>", "the"),  # the beginning of a text
        ("of", "the"),  # the contexts with the most trigrams
        ("'bout", "'bout"),  # the first word of the table
        ("zyuganov's", "zyuganov's"),  # the last
        ("zurich", "zyman"),  # a pair that the table does not have: backs off to the bigram
    ],
)
def test_whole_rows_equal_the_library_word_by_word(
    english: EnglishSource, library: NGramModel, before: str, previous: str
) -> None:
    row = english.table.log_probs(*ids(english, before, previous))
    expected = np.array([library.prob([word, previous, before]) for word in english.table.words]) * UNIT
    np.testing.assert_allclose(row, expected, atol=1.05 * UNIT, rtol=0)


def test_without_a_word_before_the_bigram_decides(english: EnglishSource, library: NGramModel) -> None:
    row = english.table.log_probs(None, *ids(english, "<s>"))
    expected = np.array([library.prob([word, "<s>"]) for word in english.table.words]) * UNIT
    np.testing.assert_allclose(row, expected, atol=1.05 * UNIT, rtol=0)


def test_random_contexts_equal_the_library_and_sum_to_one_within_its_rounding(
    english: EnglishSource, library: NGramModel
) -> None:
    random = np.random.default_rng(0)
    words = english.table.words
    for before, previous in random.integers(len(words), size=(200, 2)):
        row = english.table.log_probs(before, previous)
        assert abs(np.exp(row.astype(np.float64)).sum() - 1.0) < 0.006
        for word in random.integers(len(words), size=20):
            expected = library.prob([words[word], words[previous], words[before]]) * UNIT
            assert abs(row[word] - expected) < 1.05 * UNIT


def test_the_sky_is_blue(english: EnglishSource) -> None:
    logits = next_token_logits(english, "The sky is").astype(np.float64)
    assert logits.shape == (english.vocab_size,) == (72547,)
    probs = np.exp(logits - np.logaddexp.reduce(logits))
    ranking = [english.token_text(token_id) for token_id in np.argsort(-probs)[:11]]
    assert [ranking[place] for place in (0, 2, 8, 10)] == ["blue", "falling", "clear", "green"]
    blue, cheese = ids(english, "blue", "cheese")
    assert probs[blue] == pytest.approx(0.1354, abs=5e-5)
    assert probs[cheese] == pytest.approx(3.3e-6, abs=5e-8)


def test_it_sees_two_words_back_and_its_note_says_so(english: EnglishSource) -> None:
    assert english.note is not None and "two words back" in english.note
    rows = english.start([english.encode(text) for text in ("the sky is", "cheese sky is", "sky cheese is")])
    assert (rows.logits[0] == rows.logits[1]).all()
    assert (rows.logits[0] != rows.logits[2]).any()


def test_advance_forks_drops_and_reorders(english: EnglishSource) -> None:
    decoder = english.start([english.encode("the sky is"), english.encode("")])
    blue, i = ids(english, "blue", "i")
    decoder.advance([1, 0, 0], [i, blue, i])
    for row, text in zip(decoder.logits, ["i", "the sky is blue", "the sky is i"], strict=True):
        np.testing.assert_array_equal(row, next_token_logits(english, text))
    decoder.advance([], [])
    assert decoder.logits.shape == (0, english.vocab_size)
    with pytest.raises(InputError, match="parent row 0"):
        decoder.advance([0], [blue])


def test_the_start_marker_never_comes_and_the_end_marker_ends(english: EnglishSource) -> None:
    start, end = ids(english, "<s>", "</s>")
    logits = next_token_logits(english, "the sky is")
    assert np.isneginf(logits[start]) and np.isfinite(logits[end])
    assert english.end_ids == {end}
    np.testing.assert_array_equal(english.row(5, end), english.row(None, start))


def test_rows_that_are_remembered_cannot_be_changed_through_a_decoder(english: EnglishSource) -> None:
    decoder = english.start([english.encode("the sky is")])
    decoder.logits[0] = 0.0
    assert next_token_logits(english, "the sky is").min() < -1.0
    with pytest.raises(ValueError, match="read-only"):
        english.row(None, 5)[0] = 0.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The sky is", "<s> the sky is"),
        ("", "<s>"),
        ("It’s late. The sky, is", "<s> it's late <s> the sky is"),
        ('"Why?" he said...', "<s> why <s> he said <s>"),
        ("Mr. Smith's half-hour", "<s> mr smith's half-hour"),
        ("a cheese-sky - 'em 'the' sky", "<s> a cheese sky 'em the sky"),
        ("the <s> sky </s>", "<s> the s sky s"),
    ],
)
def test_text_is_cut_into_words(english: EnglishSource, text: str, words: str) -> None:
    encoded = english.encode(text)
    assert " ".join(english.token_text(token_id) for token_id in encoded) == words
    assert english.decode(encoded) == words.replace("<s> ", "").replace("<s>", "").strip()


@pytest.mark.parametrize(("text", "word"), [("the Frobnicator is", "frobnicator"), ("in 1999", "1999")])
def test_an_unknown_word_is_named(english: EnglishSource, text: str, word: str) -> None:
    with pytest.raises(InputError, match=f"'{word}' is not among the 72,547 words"):
        english.encode(text)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.bin"
    file.write_bytes(b"Trie Language Mode!" + bytes(100))
    with pytest.raises(SourceError, match="not a trigram file"):
        read_trigram_table(file)
    with pytest.raises(SourceError, match="cannot be read"):
        read_trigram_table(tmp_path / "absent.bin")


@pytest.mark.parametrize("record_bits", [5, 16, 33, 70])
def test_packed_fields_are_read_at_every_bit_offset(record_bits: int) -> None:
    random = np.random.default_rng(1)
    values = [int(value) for value in random.integers(0, 1 << 5, size=50)]
    packed = sum(value << (3 * 8 + place * record_bits) for place, value in enumerate(values))
    data = packed.to_bytes(3 + 50 * record_bits // 8 + 16, "little")
    words_at_byte = np.ndarray((len(data) - 7,), "<u8", buffer=data, strides=(1,))
    records = PackedRecords(words_at_byte, 3, len(values), record_bits)
    assert records.whole_field(5).tolist() == values
    assert records.field(np.arange(50), 0, 5).tolist() == values
    assert records.field(np.arange(50), 2, 3).tolist() == [value >> 2 for value in values]
