"""The recipe that the distillation tests share: a small student of the Markov language of markov.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from distill.markov import SMALL_STUDENT, write_teacher, write_text


@pytest.fixture(scope="session")
def markov(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, Any]]:
    """A function that gives a recipe's values on the Markov language; keyword arguments replace or add keys."""
    folder = tmp_path_factory.mktemp("markov")
    texts = {
        "train": str(write_text(folder / "train.txt", 700, seed=1)),
        "validation": str(write_text(folder / "validation.txt", 2000, seed=2)),
    }
    teachers = {
        name: str(write_teacher(folder / name, seed)) for name, seed in (("true", 0), ("useless", 99))
    }

    def values(teacher: str = "true", **changes: Any) -> dict[str, Any]:
        return {
            "teacher": teachers[teacher], "student": SMALL_STUDENT, "data": texts, "sequence_length": 32,
            "batch_size": 8, "steps": 60, "learning_rate": 0.01, "seeds": 2, "equal_time": False,
        } | changes  # fmt: skip

    return values
