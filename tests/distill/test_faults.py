"""What must not pass in silence: damaged teachers, numbers that are none, file modes, plans, and the capture's time."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from retort.distill import Recipe, distill, run
from retort.distill.cache import Cache, capture
from retort.distill.data.rows import Rows
from retort.distill.experiment import _keep_plan, _seconds_of_capture
from retort.distill.losses import find_divergence
from retort.distill.models import Teacher
from retort.distill.objective import CachedTargets
from retort.errors import InputError, SourceError

Markov = Callable[..., dict[str, Any]]


def damaged(folder: Path, teacher: str) -> str:
    """The teacher with one weight that is no number."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(teacher)
    with torch.no_grad():
        model.lm_head.weight[3, 2] = float("nan")
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(teacher).save_pretrained(folder)
    return str(folder)


def test_a_teacher_that_gives_no_numbers_is_named_before_anything_is_trained(
    markov: Markov, tmp_path: Path
) -> None:
    values = markov(steps=2, seeds=1)
    name = damaged(tmp_path / "nan", values["teacher"])
    points: list[Any] = []
    with pytest.raises(
        SourceError, match=r"teacher .*nan.* gives .* positions logits that are NaN or infinite"
    ):
        run(Recipe.from_dict(values | {"teacher": name}), on_point=lambda *point: points.append(point))
    assert points == []
    with pytest.raises(SourceError, match="nan"):
        run(Recipe.from_dict(values | {"teacher": [values["teacher"], name]}))


def test_several_teachers_are_averaged_at_the_temperature_of_the_loss() -> None:
    class Fixed(torch.nn.Module):
        def __init__(self, logits: list[float]) -> None:
            super().__init__()
            self.row = torch.nn.Parameter(torch.tensor(logits))

        def forward(self, input_ids: torch.Tensor, use_cache: bool) -> Any:
            from types import SimpleNamespace

            return SimpleNamespace(logits=self.row.expand(*input_ids.shape, -1))

    teacher = Teacher([Fixed([6.0, 0, 0, 0]), Fixed([0, 6.0, 0, 0])], 4, torch.float32)
    ids = torch.zeros(1, 1, dtype=torch.long)
    assert float((teacher(3.0, input_ids=ids) / 3).softmax(-1)[0, 0, 0]) == pytest.approx(0.4037, abs=1e-4)
    assert float(teacher(input_ids=ids).softmax(-1)[0, 0, 0]) == pytest.approx(0.4975, abs=1e-4)


@pytest.mark.parametrize("name", ["skew_kl", "skew_reverse_kl"])
def test_a_skew_of_one_is_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(InputError, match=r"skew of the divergence .* is 1, .* nothing would be learned"):
        find_divergence(f"{name}(skew=1)")


def test_saved_students_have_usual_modes_and_a_card_with_the_result(markov: Markov, tmp_path: Path) -> None:
    values = markov(steps=2, seeds=1, save=str(tmp_path / "students"))
    mask = os.umask(0o022)
    try:
        found = distill(values, "batch_size=4")
    finally:
        os.umask(mask)
    assert found.saved == tuple(str(tmp_path / "students" / f"{arm}-seed0") for arm in ("hard", "soft"))
    for folder in map(Path, found.saved):
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
        assert set(modes.values()) == {0o644}, modes
        card = (folder / "README.md").read_text(encoding="utf-8")
        assert (
            found.verdict_reason in card and "batch_size: 4" in card and "library_name: transformers" in card
        )
    assert any(found.saved[0] in block.text for block in found.blocks() if hasattr(block, "text"))
    assert "model card" in [block.text for block in found.blocks() if hasattr(block, "text")][-1]
    assert found.to_dict()["schema_version"] == 1 and len(found.flat_rows()) == 2


def test_a_plan_of_seeds_is_kept(markov: Markov, tmp_path: Path) -> None:
    values = markov(planned=True, seeds=3, output=str(tmp_path))
    _keep_plan(Recipe.from_dict(values))
    _keep_plan(Recipe.from_dict(values))  # a run that was stopped goes on
    with pytest.raises(InputError, match=r"\[0, 1, 2\] were planned"):
        _keep_plan(Recipe.from_dict(values | {"seeds": 5}))
    (tmp_path / "plan.json").unlink()
    (tmp_path / "arms").mkdir()
    (tmp_path / "arms" / "soft-seed0-x.json").write_text("{}")
    with pytest.raises(InputError, match="may have been looked at, before there was a plan"):
        _keep_plan(Recipe.from_dict(values))


def test_padding_takes_no_share_of_a_capture() -> None:
    """Two documents of 4 and 6 tokens, in rows of 10, of a cache of 20 tokens: half of its time."""
    rows = Rows(np.zeros((2, 10), np.int64), np.zeros((2, 10), np.int64), lengths=np.array([4, 6]))
    setup: Any = SimpleNamespace(texts=SimpleNamespace(train=rows))
    cache = SimpleNamespace(seconds=100.0, manifest=SimpleNamespace(tokens=20))
    assert _seconds_of_capture(setup, CachedTargets(cache, {})) == 50.0  # type: ignore[arg-type]


def test_a_capture_says_how_long_it_took_and_equal_time_counts_it(markov: Markov, tmp_path: Path) -> None:
    values = markov()
    capture(values["teacher"], values["data"]["train"], tmp_path / "c", codec="dense")
    seconds = Cache(tmp_path / "c").seconds
    assert seconds is not None and 0 < seconds < 600
    (tmp_path / "c.seconds.json").write_text('{"seconds": 1000.0}')
    changes = {
        "targets": str(tmp_path / "c"),
        "equal_time": True,
        "steps": 2,
        "seeds": 1,
        "data": values["data"],
    }
    recipe = Recipe.from_dict(values | changes)
    from retort.distill import experiment

    asked: list[int] = []
    real = experiment.Course.train

    def train(course: Any, name: str, seed: int, objective: Any, steps: int) -> Any:
        asked.append(steps)
        return real(course, name, seed, objective, min(steps, 2))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment.Course, "train", train)
        found = run(recipe)
    assert (
        asked[:2] == [2, 2] and asked[2] > 1000
    )  # the capture's thousand seconds are many steps of a millisecond or so
    assert found.capture_seconds is not None and 900 < found.capture_seconds <= 1000
    assert "includes the capture" in found.verdict_equal_time_reason
