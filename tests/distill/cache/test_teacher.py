"""A capture of several teachers keeps the weighted mean of their probabilities, as training would have used it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from distill.markov import write_teacher
from retort.distill.cache import Cache, Manifest
from retort.errors import InputError
from tiny_models import save_tiny_model

Capture = Callable[..., Manifest]


def test_probabilities_are_averaged_with_their_weights(
    captured: Capture, teacher: str, tmp_path: Path
) -> None:
    other = str(save_tiny_model(tmp_path / "other", seed=8, padding=4))
    one, two = captured("one", codec="dense"), captured("two", codec="dense", teacher=other)
    both = captured("both", codec="dense", teacher=f"3*{teacher} + 1*{other}")
    even = captured("even", codec="dense", teacher=f"{teacher} + {other}")
    assert both.origin.teacher == f"3*{teacher} + 1*{other}" and even.origin.teacher == f"{teacher} + {other}"
    assert len({m.origin.teacher_revision for m in (one, two, both, even)}) == 4
    documents, offsets = np.zeros(5, np.int64), np.arange(1, 6)
    told = {
        name: np.exp(Cache(tmp_path / name).targets(documents, offsets).log_probs.astype(np.float64))
        for name in ("one", "two", "both", "even")
    }
    # The capture is at τ = 3: each teacher is tempered, then averaged. What is stored gives that at τ = 3 alone.
    told = {
        name: probs ** (1 / 3) / (probs ** (1 / 3)).sum(-1, keepdims=True) for name, probs in told.items()
    }
    expected = 0.75 * told["one"] + 0.25 * told["two"]
    np.testing.assert_allclose(told["both"], expected, atol=2e-3)  # stored in half precision
    # The wrong version weighs all alike.
    assert np.abs(told["even"] - expected).max() > 0.003
    np.testing.assert_allclose(told["even"], (told["one"] + told["two"]) / 2, atol=2e-3)


def test_teachers_that_do_not_fit_together_are_refused(
    captured: Capture, teacher: str, tmp_path: Path
) -> None:
    stranger = str(write_teacher(tmp_path / "stranger", 0))
    with pytest.raises(InputError, match="have different vocabularies"):
        captured(teacher=f"{teacher} + {stranger}")
    with pytest.raises(InputError, match=r"'0\*.* in it is not a MODEL with a weight above 0"):
        captured(teacher=f"{teacher} + 0*{teacher}")
