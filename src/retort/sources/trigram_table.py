"""The trigram table of PocketSphinx's binary language model, read in place: whole rows, not single words.

The library answers one word at a time, 50 ms for a row of 72,547 words. The file itself is a trie of packed
records, so that a row is one back-off vector with a few thousand entries replaced: 2 to 7 ms, in plain numpy.
The tests hold both against each other.

Layout of the file (little endian; order 3, 16-bit quantisation):

    "Trie Language Model", order: u8, counts: 3 x u32, quantisation: i32
    3 x 65,536 f32      tables of bigram log-probability, bigram back-off weight, trigram log-probability
    (words + 1) x       log-probability: f32, back-off weight: f32, first bigram: u32
    (bigrams + 1) x     packed bits: word, back-off index (16), probability index (16), first trigram
    (trigrams + 1) x    packed bits: word, probability index (16)
    size: u32, then the words, each ended by a zero byte

The trie hangs from the word that is *predicted*: the bigrams under a word are the words before it, the
trigrams under a bigram the words before that. Logarithms are to the base 1.0001.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retort.errors import SourceError

MAGIC = b"Trie Language Model"
ORDER = 3
QUANTISATION_BITS = 16
TABLE_SIZE = 1 << QUANTISATION_BITS
NATS_PER_UNIT = math.log(1.0001)
UNIGRAM = np.dtype([("log_prob", "<f4"), ("backoff", "<f4"), ("first_bigram", "<u4")])
READ_AHEAD = 8  # spare bytes behind each packed section: its last record can be read as one 64-bit word


@dataclass(frozen=True)
class PackedRecords:
    """Records of `record_bits` bits each, one after another without gaps."""

    words_at_byte: NDArray[np.uint64]  # the 64-bit word that begins at each byte of the file
    offset: int  # byte at which record 0 begins
    count: int
    record_bits: int

    @property
    def num_bytes(self) -> int:
        """Bytes that the section takes in the file, the spare ones included."""
        return (self.count * self.record_bits + 7) // 8 + READ_AHEAD

    def field(self, records: NDArray[np.int64], start: int, width: int) -> NDArray[np.int64]:
        """The `width` bits from bit `start` of the given records."""
        bits = records * self.record_bits + start
        words = self.words_at_byte[self.offset + (bits >> 3)]
        return ((words >> (bits & 7).astype(np.uint64)) & np.uint64((1 << width) - 1)).astype(np.int64)

    def whole_field(self, width: int) -> NDArray[np.int32]:
        """The first `width` bits (at most 31) of every record.

        Every `period`-th record begins at the same bit of a byte, so that each phase is one strided view: 20
        times as fast as asking `field` for all of them.
        """
        period = 8 // math.gcd(self.record_bits, 8)
        values = np.empty(self.count, np.int32)
        for phase in range(min(period, self.count)):
            bit = phase * self.record_bits
            begin = self.offset + (bit >> 3)
            words = self.words_at_byte[begin :: period * self.record_bits // 8][: len(values[phase::period])]
            values[phase::period] = (words >> np.uint64(bit & 7)) & np.uint64((1 << width) - 1)
        return values


@dataclass(frozen=True)
class TrigramTable:
    """Words and the natural-log probability of each after any two words."""

    words: tuple[str, ...]
    num_bigrams: int
    num_trigrams: int
    _log_probs: NDArray[np.float32]  # [words], unigram, nats
    _backoffs: NDArray[np.float32]  # [words], nats
    _first_bigram: NDArray[np.int64]  # [words + 1]
    _quantised: NDArray[np.float32]  # [3, TABLE_SIZE], nats: bigram, bigram back-off, trigram
    _bigrams: PackedRecords
    _bigram_words: NDArray[np.int32]  # [bigrams], the word before
    _trigrams: PackedRecords
    _word_bits: int

    @property
    def num_entries(self) -> int:
        """Unigrams, bigrams and trigrams together: the numbers that were estimated from text."""
        return len(self.words) + self.num_bigrams + self.num_trigrams

    def log_probs(self, before: int | None, previous: int) -> NDArray[np.float32]:
        """ln P(word | before, previous), `[words]` float32 nats.

        Back-off (Katz 1987): the trigram where the table has it, else weight(before, previous) times the
        bigram, else that times weight(previous) times the unigram. `before` is None at the beginning of a
        text. As the stored values are rounded to 16 bits, a row sums to 1 within 0.6 % (9 of 10 rows within
        0.012 %), not exactly.
        """
        row = self._log_probs + self._backoffs[previous]
        # The trie hangs from the predicted word, so what follows `previous` is scattered over the whole table: all
        # bigrams are looked through, and each hangs from the last word whose bigrams begin before it.
        bigrams = np.flatnonzero(self._bigram_words == previous)
        followers = np.searchsorted(self._first_bigram, bigrams, side="right") - 1
        row[followers] = self._quantised[0][self._bigrams.field(bigrams, self._word_bits + 16, 16)]
        context = None if before is None else self._find_bigram(before, previous)
        if context is None:
            return row
        row += self._quantised[1][self._bigrams.field(context, self._word_bits, 16)[0]]

        # Every trigram below one of these bigrams: the ranges from `first` to `end`, laid end to end.
        first, end = self._trigram_ranges(bigrams)
        lengths = end - first
        owners = np.repeat(followers, lengths)
        starts = np.cumsum(lengths) - lengths
        trigrams = np.repeat(first - starts, lengths) + np.arange(int(lengths.sum()))
        seen = self._trigrams.field(trigrams, 0, self._word_bits) == before
        probabilities = self._trigrams.field(trigrams[seen], self._word_bits, 16)
        row[owners[seen]] = self._quantised[2][probabilities]
        return row

    def _find_bigram(self, before: int, previous: int) -> NDArray[np.int64] | None:
        begin, end = self._first_bigram[previous : previous + 2]
        record = begin + np.searchsorted(self._bigram_words[begin:end], before)
        if record < end and self._bigram_words[record] == before:
            return np.array([record])
        return None

    def _trigram_ranges(self, bigrams: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        # A bigram names its first trigram; its own end where the next one's begin, and a record more stands behind all.
        start = self._word_bits + 2 * QUANTISATION_BITS
        width = self._bigrams.record_bits - start
        return self._bigrams.field(bigrams, start, width), self._bigrams.field(bigrams + 1, start, width)


def read_trigram_table(path: Path) -> TrigramTable:
    """The table in a PocketSphinx `.lm.bin` file of order 3; raises SourceError for any other file."""
    try:
        data = np.memmap(path, np.uint8, mode="r")
    except (OSError, ValueError) as error:
        raise SourceError(f"The trigram file {path} cannot be read: {error}.") from error
    header = len(MAGIC) + 1 + 4 * ORDER + 4
    if len(data) < header or bytes(data[: len(MAGIC)]) != MAGIC or data[len(MAGIC)] != ORDER:
        raise SourceError(
            f"{path} is not a trigram file in PocketSphinx's binary form; it should begin with "
            f"'{MAGIC.decode()}' and order {ORDER}. Install pocketsphinx 5.1.1 again."
        )
    num_words, num_bigrams, num_trigrams = (int(n) for n in np.frombuffer(data, "<u4", ORDER, len(MAGIC) + 1))
    word_bits, trigram_bits = num_words.bit_length(), num_trigrams.bit_length()

    offset = header
    quantised = np.frombuffer(data, "<f4", 3 * TABLE_SIZE, offset).reshape(3, TABLE_SIZE)
    offset += quantised.nbytes
    unigrams = np.frombuffer(data, UNIGRAM, num_words + 1, offset)
    offset += unigrams.nbytes
    words_at_byte = np.ndarray((len(data) - 7,), "<u8", buffer=data.data, strides=(1,))
    record_bits = word_bits + 2 * QUANTISATION_BITS + trigram_bits
    bigrams = PackedRecords(words_at_byte, offset, num_bigrams + 1, record_bits)
    offset += bigrams.num_bytes
    trigrams = PackedRecords(words_at_byte, offset, num_trigrams + 1, word_bits + QUANTISATION_BITS)
    offset += trigrams.num_bytes
    words = bytes(data[offset + 4 :]).decode("utf-8").split("\0")[:-1]
    if len(words) != num_words:
        raise SourceError(
            f"{path} should list {num_words:,} words but lists {len(words):,}; the file is damaged or of "
            "another version. Install pocketsphinx 5.1.1 again."
        )
    return TrigramTable(
        words=tuple(words),
        num_bigrams=num_bigrams,
        num_trigrams=num_trigrams,
        _log_probs=(unigrams["log_prob"][:num_words] * NATS_PER_UNIT).astype(np.float32),
        _backoffs=(unigrams["backoff"][:num_words] * NATS_PER_UNIT).astype(np.float32),
        _first_bigram=unigrams["first_bigram"].astype(np.int64),
        _quantised=(quantised * NATS_PER_UNIT).astype(np.float32),
        _bigrams=bigrams,
        # The count in the header may include a few records that hang from no word; they are left out.
        _bigram_words=bigrams.whole_field(word_bits)[: int(unigrams["first_bigram"][num_words])],
        _trigrams=trigrams,
        _word_bits=word_bits,
    )
