"""The transforms of a chain: pure functions from logits to logits, and the one table of their names.

A truncation sets the logits it removes to -inf and changes nothing else. Ties go to the lowest token id.
Every number may be an array with one for each row; no row is affected by another row's setting. The table's order is
retort's default order of application.
"""

from __future__ import annotations

from retort.distribution.transforms import bans, penalties, tempering, truncation
from retort.distribution.transforms.bans import allowed, bad_words, grammar, logit_bias, min_tokens
from retort.distribution.transforms.dry import ROWS as DRY_ROWS
from retort.distribution.transforms.dry import dry
from retort.distribution.transforms.parameters import Kind, Parameter, choice
from retort.distribution.transforms.penalties import (
    frequency_penalty,
    presence_penalty,
    repetition_penalty,
)
from retort.distribution.transforms.tempering import temperature
from retort.distribution.transforms.transform import Transform, usable
from retort.distribution.transforms.truncation import min_p, nucleus_sizes, top_k, top_p
from retort.errors import InputError, did_you_mean

__all__ = [
    "NAMES",
    "TRANSFORMS",
    "Kind",
    "Parameter",
    "Transform",
    "allowed",
    "bad_words",
    "choice",
    "dry",
    "find_transform",
    "frequency_penalty",
    "grammar",
    "logit_bias",
    "min_p",
    "min_tokens",
    "nucleus_sizes",
    "presence_penalty",
    "repetition_penalty",
    "temperature",
    "top_k",
    "top_p",
    "usable",
]

TRANSFORMS: dict[str, Transform] = {
    row.name: row
    for row in (
        *penalties.ROWS,
        *DRY_ROWS,
        *bans.ROWS,
        *tempering.ROWS,
        *truncation.ROWS,
    )
}

NAMES: dict[str, str] = {name: row.name for row in TRANSFORMS.values() for name in (row.name, *row.aliases)}
"""Every accepted name, in snake case, → the transform's own name."""


def find_transform(name: str) -> Transform:
    """The row for a name or alias, in snake or kebab case; raises InputError naming the nearest and the known ones."""
    written = name.strip().lower().replace("-", "_")
    key = NAMES.get(written)
    if key is None:
        near = did_you_mean(written, NAMES)
        raise InputError(f"unknown transform {name.strip()!r}{near}; known are: {', '.join(TRANSFORMS)}")
    return TRANSFORMS[key]
