"""Which words, or classes, a model holds to be alike, at every temperature of a range, and how they cluster.

Words: the distributions of the next token after each (see `similarity.py`). Classes: the mean soft target of each class
of a classifier, `softmax(logits / τ)` over its examples; what it gives to the wrong classes says which are alike
(Hinton, Vinyals, Dean 2015, section 1). A low τ hides the runners-up and so the likeness; a τ above 1 shows it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retort.distribution.divergences import jsd
from retort.distribution.softmax import check_logits, log_softmax, softmax
from retort.errors import InputError, SourceError
from retort.files import read_json
from retort.lens.conditions import Value
from retort.lens.similarity import TEMPLATE, divergences, word_logits
from retort.sources.base import Source

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Merge:
    """One step of clustering: two groups that become one at this distance (the mean JSD between their members)."""

    left: tuple[str, ...]
    right: tuple[str, ...]
    distance: float


@dataclass(frozen=True)
class AtTemperature:
    """The distances at one τ: `divergence[i][j]` is the JSD in nats, from 0 (the same) to ln 2 (nothing in common)."""

    temperature: float
    divergence: NDArray[np.float64]


@dataclass(frozen=True)
class Similar:
    """What was found. `divergence` is the mean over the temperatures; `order` puts near words side by side, as indices;
    `merges` are the steps of average linkage on it, nearest first. `template` is None for classes.
    """

    model: str
    template: str | None
    words: tuple[str, ...]
    divergence: NDArray[np.float64]
    order: tuple[int, ...]
    merges: tuple[Merge, ...]
    by_temperature: tuple[AtTemperature, ...]
    nearest: tuple[tuple[str, str, float], ...]


@dataclass(frozen=True)
class Classes:
    """A classifier's logits `[examples, classes]` and the label of each example."""

    name: str
    classes: tuple[str, ...]
    logits: Floats
    labels: NDArray[np.int64]


def similar_words(
    source: Source,
    words: Sequence[str],
    template: str = TEMPLATE,
    temperatures: Sequence[float] = (1.0, 2.0, 4.0),
) -> Similar:
    """The distances between the next-token distributions after each word. One forward pass a word.

    Raises InputError as `similarity`, and CapabilityError for a source without the whole vocabulary.
    """
    logits = word_logits(source, words, template)
    matrices = [divergences(logits, [temperature]) for temperature in temperatures]
    return _similar(source.name, template, words, temperatures, matrices)


def similar_classes(data: Classes, temperatures: Sequence[float] = (1.0, 2.0, 4.0)) -> Similar:
    """The distances between the mean soft targets of the classes: `JSD(q_i, q_j)`.

    `q_i` is the mean of softmax(z/τ) over the examples of class i. Raises InputError for fewer than two classes that
    have examples.
    """
    present = [i for i in range(len(data.classes)) if np.any(data.labels == i)]
    if len(present) < 2:
        raise InputError(f"{data.name} has examples of {len(present)} class; give examples of at least two.")
    matrices = []
    for temperature in temperatures:
        probs = softmax(data.logits, temperature)
        means = np.stack([probs[data.labels == i].mean(axis=0) for i in present])
        with np.errstate(divide="ignore"):
            matrices.append(_pairwise(log_softmax(np.log(means))))
    return _similar(data.name, None, [data.classes[i] for i in present], temperatures, matrices)


def read_classes(path: str) -> Classes:
    """The classifier's logits in a JSON file: `{"classes": […], "logits": [[…], …], "labels": […]}`.

    Labels are names or indices of classes; without them an example belongs to the class with its largest logit. Raises
    SourceError that says what is wrong with the file.
    """
    record = read_json(path)
    try:
        classes = tuple(str(name) for name in record["classes"])
        logits = np.array(record["logits"], dtype=np.float64)
        if logits.ndim != 2 or logits.shape[1] != len(classes) or len(logits) == 0:
            raise ValueError(f"logits of shape {logits.shape} for {len(classes)} classes")
        check_logits(logits)
        given = record.get("labels")
        labels = (
            logits.argmax(axis=-1) if given is None else np.array([_label(label, classes) for label in given])
        )
        if len(labels) != len(logits):
            raise ValueError(f"{len(labels)} labels for {len(logits)} rows of logits")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(
            f'{path} holds no logits of classes ({error}); give {{"classes": [...], "logits": [[...], ...], '
            '"labels": [...]}.'
        ) from error
    return Classes(path, classes, logits, labels.astype(np.int64))


def similar_measures(found: Similar) -> dict[str, list[Value]]:
    """What a condition can ask: every distance between two words, and the nearest and furthest."""
    upper = found.divergence[np.triu_indices(len(found.words), 1)]
    return {
        "distance": [float(v) for v in upper],
        "nearest": [float(upper.min())],
        "furthest": [float(upper.max())],
    }


def _label(label: Any, classes: tuple[str, ...]) -> int:
    if isinstance(label, str) and label in classes:
        return classes.index(label)
    if isinstance(label, bool) or not isinstance(label, int) or not 0 <= label < len(classes):
        raise ValueError(f"the label {label!r} is no class")
    return label


def _pairwise(log_probs: Floats) -> Floats:
    return np.stack([np.asarray(jsd(np.broadcast_to(row, log_probs.shape), log_probs)) for row in log_probs])


def _similar(
    name: str,
    template: str | None,
    words: Sequence[str],
    temperatures: Sequence[float],
    matrices: Sequence[Floats],
) -> Similar:
    if not matrices:
        raise InputError("no temperature was given; give at least one, for instance 1.")
    # Exactly symmetric and zero on the diagonal: clustering wants a distance, and rounding gives 1e-17.
    mean = np.mean(matrices, axis=0)
    mean = (mean + mean.T) / 2
    np.fill_diagonal(mean, 0.0)
    merges, order = _clustered(tuple(words), mean)
    far = np.where(np.eye(len(words), dtype=bool), math.inf, mean)
    return Similar(
        model=name,
        template=template,
        words=tuple(words),
        divergence=mean,
        order=order,
        merges=merges,
        by_temperature=tuple(AtTemperature(float(t), m) for t, m in zip(temperatures, matrices, strict=True)),
        nearest=tuple(
            (word, words[int(row.argmin())], float(row.min())) for word, row in zip(words, far, strict=True)
        ),
    )


def _clustered(words: tuple[str, ...], distances: Floats) -> tuple[tuple[Merge, ...], tuple[int, ...]]:
    """Average linkage, and an order of the leaves that puts near ones side by side."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    steps = linkage(squareform(distances, checks=False), "average", optimal_ordering=True)
    groups: list[tuple[str, ...]] = [(word,) for word in words]
    merges = []
    for left, right, distance, _ in steps:
        merges.append(Merge(groups[int(left)], groups[int(right)], float(distance)))
        groups.append(groups[int(left)] + groups[int(right)])
    return tuple(merges), tuple(int(i) for i in leaves_list(steps))
