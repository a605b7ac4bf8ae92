"""Several teachers as one distribution."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from retort.distill.losses import average_log_probs, distillation_loss
from retort.distill.losses.dense import averaged_logits
from retort.errors import InputError


def logits(*shape: int, seed: int) -> Tensor:
    return 2 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_trap_teachers_are_averaged_as_probabilities_not_as_logits() -> None:
    sure, denies = torch.tensor([[20.0, 0.0, 0.0]]), torch.tensor([[-20.0, 0.0, 0.0]])

    def check(mean: Tensor) -> None:
        torch.testing.assert_close(mean.exp(), torch.tensor([[0.5, 0.25, 0.25]]))

    check(average_log_probs([sure, denies]))
    with pytest.raises(AssertionError):
        check(((sure + denies) / 2).log_softmax(-1))


def test_the_gradient_is_that_of_the_teachers_losses_averaged() -> None:
    student, teachers = logits(5, 7, seed=0).requires_grad_(), [logits(5, 7, seed=1), logits(5, 7, seed=2)]
    labels = torch.zeros(5, dtype=torch.long)
    # Mixed at tau: the mixture's log-probabilities times tau are logits whose softmax at tau is the mixture.
    mixed = averaged_logits(teachers, [3, 1], 2.0)
    ours = torch.autograd.grad(distillation_loss(student, mixed, labels, 2.0, 1.0)[0], student)[0]
    apart = [
        torch.autograd.grad(distillation_loss(student, one, labels, 2.0, 1.0)[0], student)[0]
        for one in teachers
    ]
    torch.testing.assert_close(ours, 0.75 * apart[0] + 0.25 * apart[1])


def test_teachers_with_impossible_tokens_and_weights_that_do_not_fit() -> None:
    one, other = logits(2, 4, seed=0), logits(2, 4, seed=1)
    one[:, 3] = other[:, 3] = -math.inf
    mean = average_log_probs([one, other])
    assert mean[:, 3].isneginf().all() and not mean.isnan().any()
    torch.testing.assert_close(average_log_probs([one, other], [1, 0]), one.log_softmax(-1))
    for weights in ([1.0], [1.0, -1.0], [0.0, 0.0]):
        with pytest.raises(InputError, match="teacher weights"):
            average_log_probs([one, other], weights)
    with pytest.raises(InputError, match="no teacher"):
        average_log_probs([])


def test_several_teachers_are_tempered_before_they_are_averaged() -> None:
    teachers = [torch.tensor([[6.0, 0, 0, 0]]), torch.tensor([[0, 6.0, 0, 0]])]
    # softmax([2, 0, 0, 0])[0] = e² / (e² + 3) = 0.7112; the mean with 0.0963 is 0.4037. Tempering the mean gives 0.427.
    probs = (averaged_logits(teachers, None, 3.0) / 3.0).softmax(-1)
    assert probs[0, :2].tolist() == pytest.approx([0.4037, 0.4037], abs=1e-4)
    wrong = (average_log_probs(teachers) / 3.0).softmax(-1)
    assert float(wrong[0, 0]) == pytest.approx(0.427, abs=1e-3)
