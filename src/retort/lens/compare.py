"""Two models, or two settings of one model, over the same texts: where they part, position by position.

At every position of every text both give a next-token distribution, and those are compared, in both directions. The
temperature of B that would make them nearest is the equivalent temperature (see `equivalent.py`), and what no
temperature undoes is `kl_left`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retort.chain.chain import Chain
from retort.distribution.calibration import equivalent_temperature
from retort.distribution.divergences import jsd, kl, total_variation
from retort.distribution.measures import entropy
from retort.distribution.softmax import log_softmax
from retort.errors import InputError
from retort.lens.conditions import Value
from retort.sources.base import Source
from retort.sources.positions import position_logits
from retort.transforms.context import Context

Floats = NDArray[np.float64]
Progress = Callable[[int, int, str], None]
ROWS_AT_ONCE = 64
"""Positions compared at a time: several float64 copies of their rows are held."""


@dataclass(frozen=True)
class ComparedPosition:
    """One position: the token before it, and what A and B expect after it; divergences in nats.

    `kl_ab` is KL(A ‖ B), inf where B excludes a token that A can give. `total_variation` is the share of probability
    that would have to move for A to become B. `parted` is True where their most likely tokens differ.
    """

    prompt: int
    position: int
    token: str
    kl_ab: float
    kl_ba: float
    jsd: float
    total_variation: float
    entropy_a: float
    entropy_b: float
    top_a: str
    top_b: str
    parted: bool


@dataclass(frozen=True)
class Totals:
    """Means over positions; `parted` is a share. `equivalent_temperature`: the τ at which B's own distributions are
    nearest to A's (None where a chain was given, or where a chain or a model excludes what the other can give).
    """

    kl_ab: float
    kl_ba: float
    jsd: float
    total_variation: float
    entropy_a: float
    entropy_b: float
    parted: float
    equivalent_temperature: float | None
    kl_left: float | None


@dataclass(frozen=True)
class Comparison:
    """What `compare` found. `first_parted`: for each prompt the first position where the top tokens differ, or None."""

    model_a: str
    model_b: str
    chain_a: str | None
    chain_b: str | None
    prompts: tuple[str, ...]
    positions: tuple[ComparedPosition, ...]
    first_parted: tuple[int | None, ...]
    totals: Totals


def compare(
    source_a: Source,
    source_b: Source,
    prompts: Sequence[str],
    chain_a: Chain | None = None,
    chain_b: Chain | None = None,
    *,
    on_progress: Progress | None = None,
) -> Comparison:
    """Both distributions at every position of every prompt. One forward pass a text and model.

    Without chains raw distributions are compared (τ = 1), with them the processed ones. Raises InputError for no
    prompts, for models that do not share their tokens, and CapabilityError for a source without the whole vocabulary.
    """
    if not prompts:
        raise InputError("there are no prompts to compare over; give at least one.")
    positions: list[ComparedPosition] = []
    rows_a, rows_b = [], []
    for number, prompt in enumerate(prompts):
        ids = _shared_ids(source_a, source_b, prompt)
        raw_a = position_logits(source_a, ids).astype(np.float64)
        raw_b = raw_a if source_b is source_a else position_logits(source_b, ids).astype(np.float64)
        a, b = (_processed(raw, ids, chain) for raw, chain in ((raw_a, chain_a), (raw_b, chain_b)))
        for first in range(0, len(ids), ROWS_AT_ONCE):
            part = slice(first, first + ROWS_AT_ONCE)
            positions += _compared(source_a, source_b, number, first, ids[part], a[part], b[part])
        rows_a.append(raw_a)
        rows_b.append(raw_b)
        if on_progress is not None:
            on_progress(number + 1, len(prompts), "prompts")
    matched = None
    if chain_a is None and chain_b is None and source_a is not source_b:
        matched = _equivalent(np.concatenate(rows_a), np.concatenate(rows_b))
    return Comparison(
        model_a=source_a.name,
        model_b=source_b.name,
        chain_a=None if chain_a is None else str(chain_a),
        chain_b=None if chain_b is None else str(chain_b),
        prompts=tuple(prompts),
        positions=tuple(positions),
        first_parted=tuple(
            next((p.position for p in positions if p.prompt == number and p.parted), None)
            for number in range(len(prompts))
        ),
        totals=_totals(positions, matched),
    )


def compare_measures(found: Comparison) -> dict[str, list[Value]]:
    """What a condition can ask: each position's value, and the means as `mean_…`."""
    names = ("kl_ab", "kl_ba", "jsd", "total_variation", "entropy_a", "entropy_b")
    measures: dict[str, list[Value]] = {name: [getattr(p, name) for p in found.positions] for name in names}
    measures |= {f"mean_{name}": [getattr(found.totals, name)] for name in names}
    return measures | {"parted": [found.totals.parted]}


def _shared_ids(source_a: Source, source_b: Source, prompt: str) -> list[int]:
    ids = source_a.encode(prompt)
    other = ids if source_b is source_a else source_b.encode(prompt)
    if source_a.vocab_size != source_b.vocab_size or list(ids) != list(other):
        raise InputError(
            f"{source_a.name} and {source_b.name} do not share their tokens (vocabularies of {source_a.vocab_size:,} "
            f"and {source_b.vocab_size:,}), so they cannot be compared token by token; compare models of one family, "
            "or look at each."
        )
    return ids


def _processed(logits: Floats, ids: Sequence[int], chain: Chain | None) -> Floats:
    """`[positions, vocab]` after `chain`, each row with the text up to it as its history."""
    if chain is None:
        return logits
    histories = [list(ids[: end + 1]) for end in range(len(ids))]
    context = Context(history=histories, prompt_lengths=[len(history) for history in histories])
    return np.asarray(chain.apply(logits, context=context), dtype=np.float64)


def _compared(
    source_a: Source, source_b: Source, prompt: int, first: int, ids: Sequence[int], a: Floats, b: Floats
) -> list[ComparedPosition]:
    log_a, log_b = log_softmax(a), log_softmax(b)
    measured = {
        "kl_ab": kl(log_a, log_b),
        "kl_ba": kl(log_b, log_a),
        "jsd": jsd(log_a, log_b),
        "total_variation": total_variation(log_a, log_b),
        "entropy_a": entropy(a),
        "entropy_b": entropy(b),
    }
    top_a, top_b = log_a.argmax(axis=-1), log_b.argmax(axis=-1)
    return [
        ComparedPosition(
            prompt=prompt,
            position=first + row,
            token=source_a.token_text(token),
            top_a=source_a.token_text(int(top_a[row])),
            top_b=source_b.token_text(int(top_b[row])),
            parted=bool(top_a[row] != top_b[row]),
            **{name: float(values[row]) for name, values in measured.items()},
        )
        for row, token in enumerate(ids)
    ]


def _equivalent(a: Floats, b: Floats) -> tuple[float, float] | None:
    try:
        found = equivalent_temperature(a, b)
    except InputError:  # A can give a token that B excludes: no temperature makes them near
        return None
    return found.temperature, found.residual


def _totals(positions: Sequence[ComparedPosition], matched: tuple[float, float] | None) -> Totals:
    def mean(name: str) -> float:
        return math.fsum(getattr(position, name) for position in positions) / len(positions)

    return Totals(
        kl_ab=mean("kl_ab"),
        kl_ba=mean("kl_ba"),
        jsd=mean("jsd"),
        total_variation=mean("total_variation"),
        entropy_a=mean("entropy_a"),
        entropy_b=mean("entropy_b"),
        parted=mean("parted"),
        equivalent_temperature=None if matched is None else matched[0],
        kl_left=None if matched is None else matched[1],
    )
