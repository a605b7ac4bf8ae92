"""Networks trained side by side are the ones trained alone; the digits' parts by hand; a quick run's shape."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from benchmarks.evidence import digits
from benchmarks.evidence.small_networks import Targets, Task, Weights, accuracy, initial, logits, train

SEEDS = (3, 8)


@pytest.fixture(scope="module")
def found() -> Any:
    return digits.run(quick=True)


def small_task(seeds: tuple[int, ...]) -> Task:
    parts = [torch.Generator().manual_seed(seed) for seed in seeds]
    inputs = torch.stack([torch.randn(30, 4, generator=part) for part in parts])
    labels = (inputs[..., 0] > 0).long() + (inputs[..., 1] > 0).long()
    return Task(inputs[:, :20], labels[:, :20], inputs[:, 20:], labels[:, 20:])


def test_a_network_in_company_is_the_one_alone() -> None:
    together = train(initial(SEEDS, 4, 5, 3), small_task(SEEDS), Targets(), 30)
    for place, seed in enumerate(SEEDS):
        alone = train(initial((seed,), 4, 5, 3), small_task((seed,)), Targets(), 30)
        for one, of_all in zip(alone.last, together.last, strict=True):
            torch.testing.assert_close(one[0], of_all[place])
        for one, of_all in zip(alone.best, together.best, strict=True):
            torch.testing.assert_close(one[0], of_all[place])


def test_the_best_step_is_at_least_as_good_as_the_last() -> None:
    task = small_task(SEEDS)
    trained = train(initial(SEEDS, 4, 5, 3), task, Targets(), 60)
    best = accuracy(trained.best, task.validation_inputs, task.validation_labels)
    last = accuracy(trained.last, task.validation_inputs, task.validation_labels)
    assert (best >= last).all() and (best > 0.5).all()


def test_wrong_labels_are_wrong_and_as_many_as_said() -> None:
    labels = torch.zeros(2, 4000, dtype=torch.long)
    noisy = digits.mislabelled(labels, 0.4, SEEDS)
    # 5 standard deviations of a share of 0.4 in 4,000 are 0.039.
    assert ((noisy != labels).float().mean(-1) - 0.4).abs().max() < 0.039
    assert noisy.unique().tolist() == list(range(10))
    assert torch.equal(digits.mislabelled(labels, 0.0, SEEDS), labels)


def test_a_bias_is_raised_to_where_most_answers_are_right() -> None:
    # Class 1 needs a rise of more than 1, 2, 4 to be the answer; examples 0 and 2 are of class 1, example 1 of class 0.
    # A rise of 1 to 2 gets one right, one of 2 to 4 loses example 1 again, above 4 two of three are right.
    margins = torch.tensor([1.0, 2.0, 4.0])
    weights = Weights(torch.eye(3)[None], torch.zeros(1, 1, 3), torch.zeros(1, 3, 2), torch.zeros(1, 1, 2))
    weights.outside[0, :, 0] = margins
    inputs, labels = torch.eye(3)[None], torch.tensor([[1, 0, 1]])
    lifted = digits.raise_bias(weights, inputs, labels, 1)
    assert lifted.outside_bias[0, 0, 0] == 0 and lifted.outside_bias[0, 0, 1] == pytest.approx(1.5)
    assert logits(lifted, inputs).argmax(-1).tolist() == [[1, 0, 0]]
    # No example of class 1: no rise.
    assert digits.raise_bias(weights, inputs, torch.zeros_like(labels), 1).outside_bias.abs().sum() == 0


def test_the_transfer_set_has_no_3() -> None:
    splits = digits.load(SEEDS, digits.QUICK)
    transfer = digits.without(splits, torch.zeros(2, digits.QUICK.num_train, 10), digits.MISSING)
    assert len(transfer.labels) == 2 and transfer.labels.unique().tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9]


def test_a_quick_run_has_every_cell(found: Any) -> None:
    grid = [row for row in found.rows if row["experiment"] == "grid"]
    places = {(row["share"], row["noise"], row["teacher saw"]) for row in grid}
    shares = [(0.2, "all"), (0.2, "the student's share"), (1.0, "all")]
    assert places == {(share, noise, seen) for share, seen in shares for noise in (0.0, 0.4)}
    for row in grid:
        gain = row["gain"]
        assert gain["num_seeds"] == 3 and gain["low"] < gain["mean"] < gain["high"]
        assert gain["mean"] == pytest.approx(row["hard"]["mean"] - row["soft"]["mean"], abs=1e-3)
    missing = {row["student"]: row for row in found.rows if row["experiment"] == "missing"}
    assert set(missing) == {"hard labels", "soft targets, τ = 3", "the teacher itself"}


def test_who_never_saw_a_3_can_learn_it_from_soft_targets_alone(found: Any) -> None:
    missing = {row["student"]: row for row in found.rows if row["experiment"] == "missing"}
    hard, soft = missing["hard labels"], missing["soft targets, τ = 3"]
    assert hard["accuracy on 3"]["mean"] == 0
    assert soft["accuracy on 3, bias raised"]["mean"] > hard["accuracy on 3, bias raised"]["mean"] + 25
    assert soft["accuracy, bias raised"]["mean"] > hard["accuracy, bias raised"]["mean"]
