"""Distillation with its control: a recipe in, paired evidence out.

torch is loaded by `run` and `losses`, not before.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from retort.distill.experiment import run
from retort.distill.recipe import Data, Recipe
from retort.distill.results import ArmResult, Difference, DistillResult

__all__ = ["ArmResult", "Data", "Difference", "DistillResult", "Recipe", "losses", "run"]


def __getattr__(name: str) -> Any:
    if name == "losses":
        return import_module("retort.distill.losses")
    raise AttributeError(f"module 'retort.distill' has no attribute {name!r}")
