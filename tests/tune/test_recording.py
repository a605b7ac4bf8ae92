"""Sweeps on disk: the same record from the files as from the run, taken up after any interruption, damage noticed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.tune.knowing_source import KnowingSource
from tests.tune.test_run import EXPLOIT_KNOWN, EXPLORE_KNOWN, GRID, task_of

from retort.errors import InputError, SourceError
from retort.tune import sweep as sweep_module
from retort.tune.conclude import conclude
from retort.tune.goals import find_goal
from retort.tune.recording import Recording, read
from retort.tune.run import run

EXPLOIT = task_of(EXPLOIT_KNOWN, "exploit", "references", ("a {word}", "the {word}"))


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["retort.tune.plan"], "REQUESTS_KEPT_AT_ONCE", 50)


def recorded(folder: Path, **changed) -> dict:
    arguments = {"task": EXPLOIT, "source": KnowingSource(EXPLOIT_KNOWN), "temperatures": GRID, "samples": 4}
    return run(**{**arguments, **changed}, record=folder).to_dict()


def reread(folder: Path) -> dict:
    samples, goal, origin = read(folder)
    return conclude(samples, find_goal(goal), origin).to_dict()


@pytest.mark.parametrize("goal", ["exploit", "explore"])
def test_a_recording_says_what_the_run_said(goal: str, tmp_path: Path) -> None:
    known = EXPLOIT_KNOWN if goal == "exploit" else EXPLORE_KNOWN
    task = task_of(known, goal, "references")
    source = KnowingSource(known)
    plain = run(task, source, GRID, 4, seed=5).to_dict()
    kept = recorded(tmp_path / "r", task=task, source=source, seed=5)
    assert reread(tmp_path / "r") == kept
    # In smaller pieces fewer requests share a prefix: more passes, the same answers.
    assert kept.pop("forward_passes") >= plain.pop("forward_passes")
    assert kept == plain


class Killed(BaseException):
    """Stands for a process that ends between two writes."""


def test_a_killed_sweep_is_taken_up_and_nothing_is_run_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = recorded(tmp_path / "whole")
    draw, runs = sweep_module.LocalDrawer.draw, []

    def counting(self, number, places, *others):
        runs.append(tuple(places))
        if len(runs) in (3, 5):
            raise Killed
        return draw(self, number, places, *others)

    monkeypatch.setattr(sweep_module.LocalDrawer, "draw", counting)
    for attempt in range(3):
        if attempt < 2:
            with pytest.raises(Killed):
                recorded(tmp_path / "killed", resume=attempt > 0)
        else:
            assert recorded(tmp_path / "killed", resume=True) == whole
    finished = [places for number, places in enumerate(runs, 1) if number not in (3, 5)]
    assert len(set(finished)) == len(finished) == 7  # 40 items × 2 prompts × 4 samples, 50 at a time
    assert {file.name: file.read_bytes() for file in (tmp_path / "killed").iterdir()} == {
        file.name: file.read_bytes() for file in (tmp_path / "whole").iterdir()
    }


def test_another_run_is_not_mixed_in(tmp_path: Path) -> None:
    recorded(tmp_path)
    with pytest.raises(InputError, match="already contains a recording"):
        recorded(tmp_path)
    with pytest.raises(InputError, match=r"was recorded with seed 0, and this run has 1"):
        recorded(tmp_path, resume=True, seed=1)
    with pytest.raises(InputError, match="was recorded with items_hash"):
        other = dict(EXPLOIT_KNOWN, asked3=["something else"])
        recorded(tmp_path, resume=True, task=task_of(other, "exploit", "references", EXPLOIT.prompts))


def test_an_unfinished_damaged_or_missing_recording_is_refused(tmp_path: Path) -> None:
    recorded(tmp_path)
    piece = tmp_path / "piece-000002.parquet"
    content = piece.read_bytes()
    piece.write_bytes(content[: len(content) // 2])
    with pytest.raises(SourceError, match=r"piece-000002.parquet is damaged"):
        read(tmp_path)
    piece.unlink()
    with pytest.raises(SourceError, match="piece 3 of 7 is not there; continue with --resume"):
        read(tmp_path)
    recorded(tmp_path, resume=True)
    assert piece.read_bytes() == content
    with pytest.raises(SourceError, match="there is no recording in"):
        read(tmp_path / "nowhere")
    (tmp_path / "run.json").write_text(json.dumps({"format": "other"}))
    with pytest.raises(SourceError, match="not a recording of this version"):
        read(tmp_path)


def test_every_sample_is_a_row(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    recorded(tmp_path)
    table = pq.read_table(sorted(tmp_path.glob("*.parquet")))
    assert len(table) == 40 * 2 * 4 * len(GRID)
    keys = np.array([table.column(name).to_numpy() for name in ("item", "prompt", "repeat", "setting")])
    assert len(np.unique(keys, axis=1).T) == len(table)


def test_two_runs_of_one_recording_are_refused(tmp_path: Path) -> None:
    refused = pytest.raises(InputError, match="another run is recording in")
    with Recording.begin(tmp_path / "r", {"pieces": 1}, False), refused:
        Recording.begin(tmp_path / "r", {"pieces": 1}, True)
    with Recording.begin(tmp_path / "r", {"pieces": 1}, True):
        pass


def test_pieces_from_a_cluster_are_joined_with_those_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ray itself is an extra; what it is asked for, and where its pieces go, needs none."""
    asked: list[int] = []

    def drawn(plan, model, missing):
        for number in missing:
            asked.append(number)
            yield sweep_module.LocalDrawer(plan, KnowingSource(EXPLOIT_KNOWN)).draw(
                number, plan.pieces[number], range(len(plan.axis))
            )

    monkeypatch.setattr(sweep_module, "sweep_ray", drawn)
    whole = recorded(tmp_path / "whole")
    spread = recorded(tmp_path / "spread", engine="ray")
    assert spread == whole
    count = len(asked)
    (tmp_path / "spread" / "piece-000001.parquet").unlink()
    assert recorded(tmp_path / "spread", engine="ray", resume=True) == whole
    assert asked[count:] == [1]
