"""`embedded:english`: the trigram model of spoken English that comes inside the package pocketsphinx.

72,547 words, 2.05 million bigrams, 1.67 million trigrams; no torch. It sees two words back, which is why it
is so easy to check by hand, and why it is the proof that a source need not be a neural network.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retort.errors import InputError, MissingExtraError
from retort.sources.base import Capability, LookupDecoder, check_prompts, check_token_ids
from retort.sources.trigram_table import TrigramTable, read_trigram_table

NAME = "embedded:english"
START, END = "<s>", "</s>"
ROWS_KEPT = 128  # rows remembered by context, 290 KB each: runs of many samples meet the same contexts again
ABBREVIATIONS = frozenset({"mr.", "mrs.", "ms.", "dr.", "st.", "vs."})  # their full stop ends no sentence
SENTENCE_END = re.compile(r"[.!?]+[\"')\]]*$")
APOSTROPHES = str.maketrans({0x2018: "'", 0x2019: "'"})  # the curly ones
AROUND_WORDS = ' \t\n"()[]{}<>*_`~.,;:!?…–—-/'


class EnglishSource:
    """Words are tokens. The logits are natural-log probabilities; a row sums to 1 within 0.6%, mostly 0.01%."""

    name = NAME
    capability = Capability.FULL
    max_context: int | None = None
    note: str | None = f"{NAME} is a trigram model: it sees two words back and nothing before them."

    def __init__(self, table: TrigramTable) -> None:
        self.table = table
        self._ids = {word: token_id for token_id, word in enumerate(table.words)}
        self._start_id = self._ids[START]
        self.end_ids = frozenset({self._ids[END]})
        self._row = lru_cache(ROWS_KEPT)(self._compute_row)

    @property
    def vocab_size(self) -> int:
        return len(self.table.words)

    def encode(self, text: str) -> list[int]:
        """The ids of the words of `text`, lower-cased, with `<s>` in front and after every full stop.

        Other punctuation is dropped and unknown compounds are split at hyphens, because the model knows
        neither. Raises InputError that names the first word that is not in the vocabulary.
        """
        ids = [self._start_id]
        for piece in text.translate(APOSTROPHES).lower().split():
            ids += self._encode_piece(piece)
            # A full stop that is part of a word in the vocabulary ends nothing, and two ends in a row are one.
            ends = SENTENCE_END.search(piece) and piece not in self._ids and piece not in ABBREVIATIONS
            if ends and ids[-1] != self._start_id:
                ids.append(self._start_id)
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        check_token_ids(self, ids)
        return " ".join(self.table.words[i] for i in ids if i != self._start_id and i not in self.end_ids)

    def token_text(self, token_id: int) -> str:
        check_token_ids(self, [token_id])
        return self.table.words[token_id]

    def start(self, prompts: Sequence[Sequence[int]]) -> LookupDecoder:
        check_prompts(self, prompts)
        return LookupDecoder(
            self, prompts, lambda text: self.row(text[-2] if len(text) > 1 else None, text[-1])
        )

    def row(self, before: int | None, previous: int) -> NDArray[np.float32]:
        """ln P(word | before, previous), `[vocab]` float32 nats, read-only; `<s>` never comes next: -inf."""
        if previous == self._start_id or previous in self.end_ids:
            before = None  # a sentence begins: no trigram reaches over its edge
        return self._row(before, self._start_id if previous in self.end_ids else previous)

    def _compute_row(self, before: int | None, previous: int) -> NDArray[np.float32]:
        row = self.table.log_probs(before, previous)
        row[self._start_id] = -np.inf
        row.flags.writeable = False
        return row

    def _encode_piece(self, piece: str) -> list[int]:
        if piece in self._ids and piece not in (START, END):
            return [self._ids[piece]]
        bare = piece.strip(AROUND_WORDS)
        for candidate in (bare, bare.strip("'")):
            if not candidate:
                return []
            if candidate in self._ids:
                return [self._ids[candidate]]
        parts = [part for part in re.split(r"[-–—/]+", bare.strip("'")) if part]
        for part in parts:
            if part not in self._ids:
                raise InputError(
                    f"The word '{part}' is not among the {self.vocab_size:,} words of {NAME}; "
                    "use a common English word (numbers are spelled out)."
                )
        return [self._ids[part] for part in parts]


def load_english() -> EnglishSource:
    """The model file of the installed pocketsphinx; raises MissingExtraError where there is none."""
    return EnglishSource(read_trigram_table(model_file()))


def model_file() -> Path:
    """Where pocketsphinx keeps its English trigrams."""
    try:
        from pocketsphinx import get_model_path
    except ImportError as error:
        raise MissingExtraError("pocketsphinx", "english", NAME) from error
    return Path(get_model_path(), "en-us", "en-us.lm.bin")
