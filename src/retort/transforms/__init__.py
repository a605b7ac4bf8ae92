"""The transforms of a chain: pure functions from logits to logits, and the one table of their names.

A truncation sets the logits it removes to -inf and changes nothing else. Ties go to the lowest token id.
Every number may be an array with one for each row; no row is affected by another row's setting. The table's order is
retort's default order of application.
"""

from __future__ import annotations

from retort.errors import InputError, did_you_mean
from retort.transforms import bans, cutoffs, penalties, tempering, truncation, typical
from retort.transforms.adaptive_p import ROWS as ADAPTIVE_P_ROWS
from retort.transforms.adaptive_p import adaptive_p
from retort.transforms.bans import allowed, bad_words, grammar, logit_bias, min_tokens
from retort.transforms.context import Context, RowState
from retort.transforms.cutoffs import epsilon_cutoff, eta_cutoff
from retort.transforms.dry import ROWS as DRY_ROWS
from retort.transforms.dry import dry
from retort.transforms.dynatemp import ROWS as DYNATEMP_ROWS
from retort.transforms.dynatemp import dynatemp
from retort.transforms.mirostat import ROWS as MIROSTAT_ROWS
from retort.transforms.mirostat import mirostat
from retort.transforms.parameters import Kind, Parameter, choice
from retort.transforms.penalties import (
    frequency_penalty,
    presence_penalty,
    repetition_penalty,
)
from retort.transforms.tempering import temperature
from retort.transforms.top_h import ROWS as TOP_H_ROWS
from retort.transforms.top_h import top_h
from retort.transforms.top_n_sigma import ROWS as TOP_N_SIGMA_ROWS
from retort.transforms.top_n_sigma import top_n_sigma
from retort.transforms.transform import Transform, usable
from retort.transforms.truncation import min_p, top_k, top_p
from retort.transforms.typical import typical_p
from retort.transforms.xtc import ROWS as XTC_ROWS
from retort.transforms.xtc import xtc

__all__ = [
    "NAMES",
    "TRANSFORMS",
    "Context",
    "Kind",
    "Parameter",
    "RowState",
    "Transform",
    "adaptive_p",
    "allowed",
    "bad_words",
    "choice",
    "dry",
    "dynatemp",
    "epsilon_cutoff",
    "eta_cutoff",
    "find_transform",
    "frequency_penalty",
    "grammar",
    "logit_bias",
    "min_p",
    "min_tokens",
    "mirostat",
    "presence_penalty",
    "repetition_penalty",
    "temperature",
    "top_h",
    "top_k",
    "top_n_sigma",
    "top_p",
    "typical_p",
    "usable",
    "xtc",
]

TRANSFORMS: dict[str, Transform] = {
    row.name: row
    for row in (
        *penalties.ROWS,
        *DRY_ROWS,
        *bans.ROWS,
        *tempering.ROWS,
        *DYNATEMP_ROWS,
        *truncation.ROWS,
        *typical.ROWS,
        *cutoffs.ROWS,
        *TOP_N_SIGMA_ROWS,
        *TOP_H_ROWS,
        *XTC_ROWS,
        *MIROSTAT_ROWS,
        *ADAPTIVE_P_ROWS,
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
