"""`retort distill` killed for real, on one rank, on two, by FSDP2: numbers, files and verdict as never killed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from distill.launching import TORCHRUN, finish, kill_when, start
from retort.distill import DistillResult, Recipe, run

FSDP = str(Path(__file__).with_name("fsdp_ranks.py"))
Markov = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def values(markov: Markov) -> dict[str, Any]:
    # Not fused, which auto would choose but for the spread student: its arms would have names of their own.
    return markov(steps=40, eval_every=10, checkpoint_every=5, learning_rate=0.03, keep="best", fused=False)


@pytest.fixture(scope="module")
def alone(values: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> DistillResult:
    """One process, never killed."""
    folder = tmp_path_factory.mktemp("alone")
    return run(Recipe.from_dict(values | {"output": str(folder / "out"), "save": str(folder / "students")}))


@pytest.mark.parametrize(
    "launcher",
    [("-m", "retort"), (*TORCHRUN, "-m", "retort"), (*TORCHRUN, FSDP)],
    ids=["one rank", "two ranks", "FSDP2"],
)
def test_killed_and_resumed_is_as_never_killed(
    launcher: tuple[str, ...], values: dict[str, Any], alone: DistillResult, tmp_path: Path
) -> None:
    file, output = tmp_path / "recipe.yaml", tmp_path / "out"
    file.write_text(
        yaml.safe_dump(values | {"output": str(output), "save": str(tmp_path / "students")}), encoding="utf-8"
    )
    command = [*launcher, "distill", str(file), "--json"]
    # In the middle of the second arm: the first one is finished and must be found, this one goes on.
    kill_when(start(command), lambda: any(output.glob("checkpoints/soft-seed0-*/checkpoint-15")))
    assert {one.name[:10] for one in output.glob("arms/*seed*")} == {"hard-seed0"}
    code, out, err = finish(start(command))
    assert code == 0, err[-4000:]
    assert ("weights lie as DTensor" in err) == (FSDP in launcher)
    found = json.loads(out)
    for name, results in alone.arms.items():
        for here, there in zip(results, found["arms"][name], strict=True):
            assert there["kept_step"] == here.kept_step
            assert there["val_nll"] == pytest.approx(here.val_nll, abs=1e-5)
            assert [(step, nll) for step, _, nll in there["curve"]] == [
                (step, pytest.approx(nll, abs=1e-5)) for step, _, nll in here.curve
            ]
    assert found["verdict"] == alone.verdict
    assert found["difference"]["mean"] == pytest.approx(alone.difference.mean, abs=2e-5)  # type: ignore[union-attr]
    assert found["teacher"]["val_nll"] == pytest.approx(alone.teacher["val_nll"], abs=1e-6)
    assert names(tmp_path / "students") == names(Path(alone.recipe["save"]))
    assert names(output) == names(Path(alone.recipe["output"]))


def test_best_weights_were_put_back(alone: DistillResult) -> None:
    assert any(one.kept_step != one.steps for results in alone.arms.values() for one in results)


def names(folder: Path) -> list[str]:
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*"))


def test_an_error_on_one_rank_ends_all_of_them(values: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    script = str(Path(__file__).with_name("failing_rank.py"))
    code, out, err = finish(start([*TORCHRUN, script, "distill", str(file), "--json"]))
    assert code != 0 and out == ""
    said = [line for line in err.splitlines() if line.startswith("retort: ")]
    assert "retort: shard 7 of the targets is damaged." in said
    # The other one is ended by torchrun, or says that it lost this one; never a traceback of ours.
    assert all("lost another rank" in line for line in said if "shard 7" not in line)
    assert 'retort/distill/experiment.py", line' not in err


def test_what_all_ranks_refuse_is_said_once(values: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(yaml.safe_dump(values | {"sequence_length": 65}), encoding="utf-8")
    code, out, err = finish(start([*TORCHRUN, "-m", "retort", "distill", str(file), "--json"]))
    said = [line for line in err.splitlines() if line.startswith("retort: ")]
    assert (code, out) == (1, "") and len(said) == 1 and "takes 64 tokens at most" in said[0]
