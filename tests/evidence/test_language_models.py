"""The language models' cells: measures by hand, recipes that the cells name, and a quick run of two of them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks.evidence import language_models
from benchmarks.evidence.student_measures import Objective, measures, rank_correlation, soft_share

from retort.distill import Recipe
from retort.distill.data.rows import Rows
from retort.sources.embedded import MODELS_FOLDER

pytestmark = pytest.mark.skipif(
    not (MODELS_FOLDER / "base" / "retort.json").is_file(),
    reason="embedded:base has not been made: make models",
)


class Fixed(torch.nn.Module):
    """Says the same logits at every position."""

    def __init__(self, logits: torch.Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.logits.expand(*input_ids.shape, -1)


def test_measures_of_a_student_that_says_one_thing() -> None:
    # Three positions count: the labels 1, 0, 1.
    ids = np.array([[0, 1, 0, 1]])
    rows = Rows(ids, ids)
    logits = torch.full((60,), -20.0)
    logits[:2] = torch.tensor([math.log(0.8), math.log(0.2)])
    teacher = logits.clone()
    teacher[:2] = torch.tensor([math.log(0.5), math.log(0.5)])
    found = measures(Fixed(logits), teacher.expand(1, 4, -1), rows, None)
    assert found["nll"] == pytest.approx(-(2 * math.log(0.2) + math.log(0.8)) / 3, abs=1e-6)
    # Sure of the wrong thing: the hottest temperature on the list is best.
    assert found["calibrated at"] == 2.0 and found["calibrated nll"] < found["nll"]
    # KL((½, ½) ‖ (.8, .2)) = -½ ln .64
    assert found["kl at τ = 1"] == pytest.approx(-0.5 * math.log(0.64), abs=1e-6)
    assert found["same first token"] == 1.0  # the tie goes to the lower id


def test_rank_correlation_of_equal_and_opposite_orders() -> None:
    teacher = torch.arange(80.0).unsqueeze(0)
    assert float(rank_correlation(3 * teacher + 1, teacher)) == 1.0
    assert float(rank_correlation(-teacher, teacher)) == -1.0


def test_the_soft_share_follows_alpha() -> None:
    generator = torch.Generator().manual_seed(0)
    student, teacher = torch.randn(2, 5, 9, generator=generator)
    labels = torch.tensor([0, 1, 2, 3, 4])
    assert soft_share(student, teacher, labels, Objective(1.0, 1.0, "forward_kl")).tolist() == [1.0] * 5
    # A teacher that is the label makes both gradients equal, and the shares alpha.
    sure = torch.full((5, 9), -80.0).scatter(1, labels[:, None], 80.0)
    shares = soft_share(student, sure, labels, Objective(1.0, 0.7, "forward_kl"))
    torch.testing.assert_close(shares, torch.full((5,), 0.7))


def test_every_cell_is_a_recipe_and_changes_what_it_says() -> None:
    values = language_models.common(language_models.FULL)
    base = Recipe.from_dict(values)
    seen = set()
    for name, changes in language_models.CELLS.items():
        recipe = Recipe.from_dict(values, [f"{key}={json.dumps(value)}" for key, value in changes.items()])
        assert (recipe == base) == (name == "common")
        seen.add(json.dumps(recipe.to_dict(), sort_keys=True))
    assert len(seen) == len(language_models.CELLS)


def test_a_quick_run_trains_pairs_and_measures_them() -> None:
    found = language_models.run(quick=True)
    assert [row["cell"] for row in found.rows] == ["common", "temperature=3"]
    for row in found.rows:
        each: list[float] = row["gain of each seed"]
        assert len(each) == 2 and row["gain"]["mean"] == pytest.approx(sum(each) / 2)
        assert row["gain"]["mean"] == pytest.approx(row["hard"]["mean"] - row["soft"]["mean"])
        assert 0 < row["soft students"]["soft share of the gradient"] < 1
    # The control is the same students, found and not trained again.
    assert found.rows[0]["hard"] == found.rows[1]["hard"]
    assert "2 of" in found.findings[0]


def test_a_stored_cell_is_used_only_if_it_is_the_same_cell(tmp_path: Path) -> None:
    stored: dict[str, Any] = {"format": language_models.FORMAT, "changes": {"temperature": 3.0}, "gain": 1}
    file = tmp_path / "temperature-3.json"
    file.write_text(json.dumps(stored))
    assert language_models._stored(tmp_path, "temperature=3") == {"changes": {"temperature": 3.0}, "gain": 1}
    file.write_text(json.dumps({**stored, "changes": {"temperature": 2.5}}))
    assert language_models._stored(tmp_path, "temperature=3") is None
    assert language_models._stored(tmp_path, "common") is None
