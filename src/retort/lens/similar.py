"""Which words, or classes, a model treats as similar, at every temperature of a range, and how they cluster.

The runners-up carry similarity. Put "a pear is a kind of" beside "an apple is a kind of" and beside "a hammer is a kind
of": a model that knows fruit gives nearly the same next-token distribution to the first two. A low τ hides this, since
only the best token is left; a τ above 1 shows more of it. Classes: the mean soft target of each class of a classifier,
`softmax(logits / τ)` over its examples, says by what it gives to the wrong classes which are alike (Hinton, Vinyals,
Dean 2015, section 1).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from retort.blocks import Block, Cell, Column, columns, line, table
from retort.distribution.arrays import Floats
from retort.distribution.divergences import jsd
from retort.distribution.softmax import check_logits, log_softmax, softmax
from retort.errors import InputError, SourceError
from retort.files import read_json
from retort.lens.asking import ask
from retort.numerals import decimals
from retort.records import Measures, Record, exact, new_axes, titled
from retort.sources.base import Source
from retort.sources.load import Model, opened

PROMPTS_AT_ONCE = 16
"""Prompts read in one pass, and pairs of rows compared at a time: some float64 rows of a long vocabulary each."""

TEMPLATE = "{a} {} is a kind of"
TEMPERATURES = (1.0, 2.0, 4.0)
NOTHING_ALIKE = math.log(2)  # the JSD of two distributions without a common token, in nats

# Share of the largest possible distance → the colour of a cell.
HEAT = ((0.1, "on green"), (0.25, "on dark_green"), (0.5, "on dark_goldenrod"), (0.75, "on dark_orange3"))
FARTHEST = "on dark_red"


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


@dataclass(frozen=True, repr=False)
class Similar(Record):
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

    MEASURES: ClassVar[tuple[str, ...]] = ("distance", "nearest", "furthest")

    def measures(self) -> Measures:
        """Every distance between two words, and the nearest and furthest."""
        upper = self.divergence[np.triu_indices(len(self.words), 1)]
        return {
            "distance": [exact(value) for value in upper],
            "nearest": [exact(upper.min())],
            "furthest": [exact(upper.max())],
        }

    def table_rows(self) -> list[dict[str, Any]]:
        """One row per pair of words."""
        return [
            {"left": left, "right": right, "divergence": float(self.divergence[row, column])}
            for row, left in enumerate(self.words)
            for column, right in enumerate(self.words)
            if row < column
        ]

    def plot(self, axes: Any = None) -> Any:
        """The distances as a heat map, similar words side by side."""
        axes = new_axes(axes)
        order = list(self.order)
        image = axes.imshow(self.divergence[np.ix_(order, order)], vmin=0.0, cmap="viridis_r")
        names = [self.words[place] for place in order]
        axes.set_xticks(range(len(names)), labels=names, rotation=60, parse_math=False)
        axes.set_yticks(range(len(names)), labels=names, parse_math=False)
        axes.figure.colorbar(image, ax=axes, label="Jensen-Shannon divergence (nats; 0.69: nothing alike)")
        titled(axes, f"How unlike {self.model} treats them")
        return axes

    def blocks(self) -> Iterator[Block]:
        asked = "the classes of" if self.template is None else f"{self.template!r} on"
        yield line(f"How similar, by {asked} {self.model}", "bold", whole=True)
        taus = ", ".join(f"{at.temperature:g}" for at in self.by_temperature)
        yield line(
            f"Jensen-Shannon divergence in nats, the mean over τ = {taus}: 0 is identical, 0.693 is "
            f"nothing in common. Similar ones are side by side.",
            whole=True,
        )
        yield table(
            ["", *(Column(self.words[column], right=True) for column in self.order)],
            [
                [
                    self.words[row],
                    *(
                        Cell("") if row == column else _heat(float(self.divergence[row][column]))
                        for column in self.order
                    ),
                ]
                for row in self.order
            ],
        )
        yield line("Clusters, nearest first:")
        yield columns(
            self.merges,
            {
                "": lambda merge: decimals(merge.distance),
                Column(): lambda merge: f"{', '.join(merge.left)}  +  {', '.join(merge.right)}",
            },
        )
        if len(self.by_temperature) > 1:
            yield self._ends_table()

    def _ends_table(self) -> Block:
        """The nearest and the furthest pair at each τ, since a low one can make everything equally far."""
        pairs = [(i, j) for i in range(len(self.words)) for j in range(i)]
        rows = []
        for at in self.by_temperature:
            ranked = sorted(pairs, key=lambda pair: float(at.divergence[pair[0]][pair[1]]))
            ends = [
                f"{self.words[j]}, {self.words[i]}: {decimals(float(at.divergence[i][j]))}"
                for i, j in (ranked[0], ranked[-1])
            ]
            rows.append([f"{at.temperature:g}", *ends])
        return table([">τ", "nearest", "furthest"], rows)


@dataclass(frozen=True)
class Classes:
    """A classifier's logits `[examples, classes]` and the label of each example."""

    name: str
    classes: tuple[str, ...]
    logits: Floats
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class TripleTest:
    """How often an anchor is nearer to its near word than to its far word, with an interval over anchors.

    `difference` is the mean of JSD(anchor, far) - JSD(anchor, near) in nats. A tie counts one half. Chance: 0.5 and 0.
    """

    model: str
    template: str
    temperatures: tuple[float, ...]
    triples: int
    anchors: int
    share_nearer: float
    share_ci: tuple[float, float]
    difference: float
    difference_ci: tuple[float, float]
    confidence: float


def similar(
    model: Model | Classes,
    words: Sequence[str] = (),
    template: str = TEMPLATE,
    temperatures: Sequence[float] = TEMPERATURES,
    *,
    chat: bool | None = None,
) -> Similar:
    """The distances between the next-token distributions after each word, or between the classes of a classifier.

    `JSD(p_i, p_j) = H((p_i + p_j)/2) - (H(p_i) + H(p_j))/2` (Lin 1991, eq. 4.1), one forward pass per word. `chat` True
    makes each filled template one message of the user. Raises InputError for fewer than two words, a word named twice,
    or a template without `{}`; CapabilityError for a source without the whole vocabulary.
    """
    if isinstance(model, Classes):
        return similar_classes(model, temperatures)
    source = opened(model)
    if len(words) < 2:
        raise InputError(f"similar compares at least two words, got {len(words)}.")
    if len(set(words)) != len(words):
        raise InputError("similar got the same word twice; name each word once.")
    logits = _next_token_logits(source, words, template, chat)
    left, right = np.triu_indices(len(words), 1)
    matrices = []
    for temperature in temperatures:
        matrix = np.zeros((len(words), len(words)))
        matrix[left, right] = matrix[right, left] = _mean_divergence(logits, left, right, [temperature])
        matrices.append(matrix)
    return _similar(source.name, template, words, temperatures, matrices)


def similar_classes(data: Classes, temperatures: Sequence[float] = TEMPERATURES) -> Similar:
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
            # A mean of rows sums to one but for rounding; jsd wants it normalised.
            rows = log_softmax(np.log(means))
        matrices.append(np.stack([jsd(row, rows) for row in rows]))
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
            f'{path} does not contain logits of classes ({error}); give {{"classes": [...], "logits": [[...], ...], '
            '"labels": [...]}.'
        ) from error
    return Classes(path, classes, logits, labels.astype(np.int64))


def fill(template: str, word: str) -> str:
    """The prompt for one word: `{}` is the word, `{a}` its article.

    The article is "an" before the letters a, e, i, o, u and else "a"; a word that sounds otherwise (hour, unicorn)
    needs a template without `{a}`, with the article in the word. Raises InputError if there is not exactly one `{}`.
    """
    if template.count("{}") != 1:
        raise InputError(f"the template must contain {{}} once, where the word goes, got {template!r}.")
    article = "an" if word[:1].lower() in tuple("aeiou") else "a"
    return template.replace("{a}", article).replace("{}", word)


def triple_test(
    source: Source,
    triples: Iterable[tuple[str, str, str]],
    template: str = TEMPLATE,
    temperatures: Sequence[float] = (1.0,),
    *,
    seed: int = 0,
    resamples: int = 2000,
    confidence: float = 0.95,
) -> TripleTest:
    """Whether each anchor is nearer to its near word than to its far word: `triples` are (anchor, near, far).

    The interval is a percentile bootstrap that draws *anchors* with all their triples: triples that share an anchor
    share its distribution and are not independent. With one triple an anchor this is the bootstrap over triples.
    A share of 0 or 1, of which every resample is the same, has Clopper and Pearson's interval of so many anchors.
    Raises InputError if there is no triple, or confidence is not between 0 and 1.
    """
    named = [(str(anchor), str(near), str(far)) for anchor, near, far in triples]
    if not named:
        raise InputError("triple_test got no triple; give (anchor, near, far) words.")
    if not 0 < confidence < 1 or resamples < 1:
        raise InputError(
            f"confidence must be between 0 and 1 and resamples 1 or more, got {confidence} and {resamples}."
        )
    _check_temperatures(temperatures)
    words = list(dict.fromkeys(word for triple in named for word in triple))
    position = {word: i for i, word in enumerate(words)}
    anchor, near, far = np.array([[position[word] for word in triple] for triple in named]).T
    logits = _next_token_logits(source, words, template)
    to_near = _mean_divergence(logits, anchor, near, temperatures)
    to_far = _mean_divergence(logits, anchor, far, temperatures)
    difference = to_far - to_near
    nearer = np.where(difference == 0, 0.5, difference > 0)
    anchors, group = np.unique(anchor, return_inverse=True)
    share_ci, difference_ci = _bootstrap_means(
        np.stack([nearer, difference]), group, len(anchors), seed, resamples, confidence
    )
    # Clopper and Pearson's limit where all n anchors agree: the share p with p^n = (1 - confidence)/2.
    share, ruled_out = float(nearer.mean()), ((1 - confidence) / 2) ** (1 / len(anchors))
    if share in (0.0, 1.0):
        share_ci = (ruled_out, 1.0) if share else (0.0, 1.0 - ruled_out)
    return TripleTest(
        model=source.name,
        template=template,
        temperatures=tuple(map(float, temperatures)),
        triples=len(named),
        anchors=len(anchors),
        share_nearer=share,
        share_ci=share_ci,
        difference=float(difference.mean()),
        difference_ci=difference_ci,
        confidence=confidence,
    )


def _check_temperatures(temperatures: Sequence[float]) -> None:
    if len(temperatures) == 0:
        raise InputError("no temperature was given; give at least one, for instance 1.")


def _next_token_logits(
    source: Source, words: Sequence[str], template: str, chat: bool | None = None
) -> np.ndarray:
    """Raw logits after each word's prompt, `[words, vocab]` float32, read in batches."""
    prompts = [ask(source, fill(template, word), chat, "similar").ids for word in words]
    batches = [
        np.array(source.start(prompts[first : first + PROMPTS_AT_ONCE]).logits)
        for first in range(0, len(prompts), PROMPTS_AT_ONCE)
    ]
    return np.concatenate(batches)


def _mean_divergence(
    logits: np.ndarray, left: np.ndarray, right: np.ndarray, temperatures: Sequence[float]
) -> np.ndarray:
    """Mean JSD in nats over the temperatures between rows `left[n]` and `right[n]`, `[n]`.

    In small batches: a whole matrix of pairs over a vocabulary of 72,547 would need gigabytes.
    """
    total = np.zeros(len(left))
    for temperature in temperatures:
        for first in range(0, len(left), PROMPTS_AT_ONCE):
            batch = slice(first, first + PROMPTS_AT_ONCE)
            total[batch] += jsd(
                log_softmax(logits[left[batch]], temperature), log_softmax(logits[right[batch]], temperature)
            )
    return total / len(temperatures)


def _bootstrap_means(
    values: np.ndarray, group: np.ndarray, num_groups: int, seed: int, resamples: int, confidence: float
) -> list[tuple[float, float]]:
    """Percentile intervals of the mean of each row of `values` `[rows, n]`, drawing whole groups."""
    sums = np.stack([np.bincount(group, weights=row, minlength=num_groups) for row in values])
    sizes = np.bincount(group, minlength=num_groups)
    drawn = np.random.default_rng(seed).integers(num_groups, size=(resamples, num_groups))
    # A ratio of sums: anchors may have different numbers of triples, and each triple counts once.
    means = sums[:, drawn].sum(axis=-1) / sizes[drawn].sum(axis=-1)
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    return [(float(low), float(high)) for low, high in np.quantile(means, tails, axis=-1).T]


def _label(label: Any, classes: tuple[str, ...]) -> int:
    if isinstance(label, str) and label in classes:
        return classes.index(label)
    if isinstance(label, bool) or not isinstance(label, int) or not 0 <= label < len(classes):
        raise ValueError(f"the label {label!r} is no class")
    return label


def _similar(
    name: str,
    template: str | None,
    words: Sequence[str],
    temperatures: Sequence[float],
    matrices: Sequence[Floats],
) -> Similar:
    _check_temperatures(temperatures)
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
    # scipy numbers the group that a step makes as the next one after the words and the groups before it.
    for left, right, distance, _ in steps:
        merges.append(Merge(groups[int(left)], groups[int(right)], float(distance)))
        groups.append(groups[int(left)] + groups[int(right)])
    return tuple(merges), tuple(int(i) for i in leaves_list(steps))


def _heat(distance: float) -> Cell:
    share = distance / NOTHING_ALIKE
    colour = next((colour for limit, colour in HEAT if share <= limit), FARTHEST)
    return Cell(f" {decimals(distance)} ", f"white {colour}")
