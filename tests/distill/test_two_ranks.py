"""`torchrun --nproc-per-node 2` (gloo, loopback) trains as one process does; the mean of the ranks' means does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from distill.launching import TORCHRUN, finish, start
from distill.two_ranks import OWN, STEPS, trained
from retort.distill import Recipe
from retort.distill.step import DistillTrainer, training_arguments
from retort.errors import InputError


def run_ranks(folder: Path) -> dict[str, dict[str, torch.Tensor]]:
    """What rank 0 of two kept."""
    script, file = Path(__file__).with_name("two_ranks.py"), folder / "kept.pt"
    code, _, err = finish(start([*TORCHRUN, str(script), str(file)]))
    assert code == 0, err[-4000:]
    found: dict[str, dict[str, torch.Tensor]] = torch.load(file)
    return found


def test_two_ranks_equal_one_process_and_the_mean_of_rank_means_does_not(tmp_path: Path) -> None:
    found = run_ranks(tmp_path)
    alone = trained(DistillTrainer, tmp_path, 8)
    assert int(alone["ranks"]) == 1 and alone["gradients"].shape[0] == STEPS
    for name in ("right", "accumulated", "fused"):
        assert int(found[name]["ranks"]) == 2
        torch.testing.assert_close(found[name]["gradients"], alone["gradients"], rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(found[name]["weights"], alone["weights"], rtol=1e-4, atol=1e-6)
    own = trained(DistillTrainer, tmp_path, 8, OWN)
    for name in ("own words", "own words, accumulated"):
        torch.testing.assert_close(found[name]["gradients"], own["gradients"], rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(found[name]["weights"], own["weights"], rtol=1e-4, atol=1e-6)
    assert (found["own words, wrong"]["gradients"][0] - own["gradients"][0]).abs().max() > 1e-3
    # The first rank's rows keep 6 targets of 26: their mean must not count as much as that of the other's 20.
    assert (found["wrong"]["gradients"][0] - alone["gradients"][0]).abs().max() > 0.01
    assert (found["wrong"]["weights"] - alone["weights"]).abs().max() > 1e-4


def test_batches_that_ranks_cannot_share_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, markov: Callable[..., dict[str, Any]]
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    recipe = Recipe.from_dict(markov(batch_size=8, micro_batch_size=2))
    with pytest.raises(InputError, match=r"batch_size is 8, and 3 ranks .* multiples of 6"):
        training_arguments(recipe, steps=1, seed=0, folder=tmp_path)
