"""The transforms of a chain: pure functions from logits to logits, and the one table of their names.

A truncation sets the logits it removes to -inf and changes nothing else. Ties go to the lowest token id.
Every number may be an array with one for each row; no row is affected by another row's setting. The table's order is
retort's default order of application.
"""

from __future__ import annotations

from retort.distribution.transforms import tempering, truncation
from retort.distribution.transforms.parameters import Kind, Parameter, choice
from retort.distribution.transforms.tempering import temperature
from retort.distribution.transforms.transform import Transform, usable
from retort.distribution.transforms.truncation import min_p, nucleus_sizes, top_k, top_p
from retort.errors import InputError

__all__ = [
    "NAMES",
    "TRANSFORMS",
    "Kind",
    "Parameter",
    "Transform",
    "choice",
    "find_transform",
    "min_p",
    "nucleus_sizes",
    "temperature",
    "top_k",
    "top_p",
    "usable",
]

TRANSFORMS: dict[str, Transform] = {
    row.name: row
    for row in (
        *tempering.ROWS,
        *truncation.ROWS,
    )
}

NAMES: dict[str, str] = {name: row.name for row in TRANSFORMS.values() for name in (row.name, *row.aliases)}
"""Every accepted name, in snake case, → the transform's own name."""


def find_transform(name: str) -> Transform:
    """The row for a name or alias, in snake or kebab case; raises InputError naming the known ones."""
    key = NAMES.get(name.strip().lower().replace("-", "_"))
    if key is None:
        raise InputError(f"unknown transform {name.strip()!r}; known are: {', '.join(TRANSFORMS)}")
    return TRANSFORMS[key]
