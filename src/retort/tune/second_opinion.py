"""How likely a second model finds the answers: coherence by a judge that did not write them.

A model finds likely what it says itself, also where it goes round in circles; and a server does not tell how likely its
answers were. A second model that runs here reads each different answer once, after its prompt, as its own tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retort.distribution import log_softmax
from retort.errors import CapabilityError
from retort.sources.base import Capability, Source
from retort.sources.positions import position_logits
from retort.tune.rows import Rows
from retort.tune.samples import over_prompts
from retort.tune.sweep import Plan, ProgressCallback

MOST_READ = 4_000
"""Different answers that are read, of an evenly spaced part of the items where there are more."""


def check_second(source: Source) -> None:
    """Raises CapabilityError for a model that does not give the whole vocabulary."""
    if source.capability is not Capability.FULL:
        raise CapabilityError(
            f"{source.name} gives only its most probable tokens, so how likely a text is to it is not known; take a "
            "second model that runs here"
        )


def second_nll(
    plan: Plan, pieces: Sequence[Rows], source: Source, on_progress: ProgressCallback | None = None
) -> NDArray[np.float64]:
    """`[settings]` nats a token of the answers under `source` (τ = 1): `−Σ ln p / Σ tokens` of an item's answers at a
    setting, the mean over items. NaN where no answer has a token."""
    columns = {
        name: [value for piece in pieces for value in piece.columns[name]]
        for name in ("item", "prompt", "setting", "text")
    }
    chosen = _affordable(len(plan.items), columns["item"], columns["prompt"], columns["text"])
    shape = (len(plan.items), len(plan.task.prompts), len(plan.axis))
    nats, tokens = np.zeros(shape), np.zeros(shape)
    read: dict[tuple[int, int, str], tuple[float, int]] = {}
    rows = [row for row in zip(*columns.values(), strict=True) if row[0] in chosen]
    for done, (item, prompt, setting, text) in enumerate(rows, 1):
        key = (item, prompt, text)
        if key not in read:
            read[key] = _nll(source, plan.task.prompt(plan.items[item], prompt), text)
        nats[item, prompt, setting] += read[key][0]
        tokens[item, prompt, setting] += read[key][1]
        if on_progress is not None:
            on_progress(done, len(rows), f"answers read by {source.name}")
    with np.errstate(divide="ignore", invalid="ignore"):
        of_items = over_prompts(np.where(tokens > 0, nats / tokens, np.nan))
    known = ~np.isnan(of_items)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(known, of_items, 0.0).sum(axis=0) / known.sum(axis=0))


def _nll(source: Source, prompt: str, text: str) -> tuple[float, int]:
    """`−ln p` of the text after the prompt, and its number of tokens.

    Prompt and text are cut into tokens together, as the model would read them; a token over the border counts as the
    text's.
    """
    before, ids = source.encode(prompt), source.encode(prompt + text)
    shared = next(
        (n for n, (a, b) in enumerate(zip(before, ids, strict=False)) if a != b), min(len(before), len(ids))
    )
    first = max(shared, 1)
    if len(ids) <= first:
        return 0.0, 0
    log_probs = log_softmax(position_logits(source, ids[:-1])[first - 1 :].astype(np.float64))
    return -float(log_probs[np.arange(len(ids) - first), ids[first:]].sum()), len(ids) - first


def _affordable(
    num_items: int, items: Sequence[int], prompts: Sequence[int], texts: Sequence[str]
) -> frozenset[int]:
    """As many items, evenly spaced, as MOST_READ different answers allow; at least one."""
    different = len(set(zip(items, prompts, texts, strict=True)))
    most = max(1, min(num_items, num_items * MOST_READ // max(different, 1)))
    return frozenset(np.linspace(0, num_items - 1, most).round().astype(int).tolist())
