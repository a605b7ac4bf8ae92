"""The sparse loss: equal to the dense one when everything is kept, unbiased in its gradient when drawn."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from retort.distill.cache.codecs import Layout, find_codec
from retort.distill.cache.rounding import Places
from retort.distill.losses import SparseTargets, distillation_loss, sparse_distillation_loss
from retort.errors import InputError

LABELS = torch.tensor([[1, 2, -100], [4, -100, 0]])
KEPT = LABELS.flatten() != -100


def logits(*shape: int, seed: int) -> Tensor:
    return 2 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def whole(teacher: Tensor, temperature: float) -> SparseTargets:
    """All tokens kept, in another order, with filling behind."""
    p = (teacher.reshape(-1, teacher.shape[-1])[KEPT] / temperature).softmax(-1)
    ids = torch.arange(p.shape[-1]).flip(0).expand(p.shape)
    filled_ids = torch.nn.functional.pad(ids, (0, 2))
    weights = torch.nn.functional.pad(p.gather(-1, ids), (0, 2))
    return SparseTargets(filled_ids, weights, -(p * p.log()).sum(-1))


@pytest.mark.parametrize("chunk", [1, 3, 50])
@pytest.mark.parametrize(("temperature", "alpha"), [(1.0, 1.0), (3.0, 0.7), (2.0, 0.0)])
def test_with_every_token_kept_it_is_the_dense_loss(temperature: float, alpha: float, chunk: int) -> None:
    student, teacher = logits(2, 3, 9, seed=0).requires_grad_(), logits(2, 3, 9, seed=1)
    ours, count = sparse_distillation_loss(
        student, whole(teacher, temperature), LABELS, temperature, alpha, chunk_positions=chunk
    )
    dense, _ = distillation_loss(student, teacher, LABELS, temperature, alpha)
    torch.testing.assert_close(ours, dense)
    torch.testing.assert_close(*(torch.autograd.grad(one, student)[0] for one in (ours, dense)))
    assert int(count) == 4


def mean_gradient(text: str, read_at: float, drawn_at: float, trials: int = 4000) -> tuple[np.ndarray, float]:
    """How far the mean gradient of `trials` captures is from the dense one: in standard errors, and at most."""
    student, teacher = logits(1, 30, seed=0), 1.5 * logits(1, 30, seed=1)
    labels = torch.zeros(trials, dtype=torch.long)
    where = Places(np.arange(trials, dtype=np.uint64), np.zeros(trials, np.int64))
    layout, codec = Layout(30, drawn_at, 5), find_codec(text)
    packed, _ = codec.encode(teacher.float().expand(trials, -1), layout, where)
    found = codec.decode(packed, layout, where, np.zeros(trials, np.float32))
    targets = SparseTargets(*(torch.from_numpy(one) for one in (found.ids, found.weights, found.entropy)))
    many = student.expand(trials, -1).clone().requires_grad_()
    total, _ = sparse_distillation_loss(many, targets, labels, read_at, 1.0)
    gradients = torch.autograd.grad(total, many)[0].numpy()
    one = student.clone().requires_grad_()
    exact = torch.autograd.grad(distillation_loss(one, teacher, labels[:1], read_at, 1.0)[0], one)[0].numpy()
    error = gradients.mean(0) - exact[0]
    return np.abs(error) / (gradients.std(0) / math.sqrt(trials) + 1e-6), float(np.abs(error).max())


def test_trap_draws_at_one_temperature_are_not_unbiased_at_another() -> None:
    """Drawn and read at τ = 3 the mean gradient is exact; drawn at τ = 1 and read at 3 it is not, nor is top-k."""
    errors, bias = mean_gradient("sampled:20", read_at=3.0, drawn_at=3.0)
    assert errors.max() < 5.0 and bias < 0.02  # 30 tokens at 5 standard errors: 1 of 50,000
    for text, drawn_at in (("sampled:20", 1.0), ("topk:5", 3.0)):
        errors, bias = mean_gradient(text, read_at=3.0, drawn_at=drawn_at)
        assert errors.max() > 20 and bias > 0.1


def test_trap_a_divergence_over_a_truncated_set_is_not_clamped() -> None:
    """Top-k, not renormalised, against the whole student is a "KL" below 0: a clamp would hide its gradient."""
    student = torch.tensor([[3.0, 2.0, 0.0, 0.0]], dtype=torch.float64)
    p = torch.tensor([[0.5, 0.3, 0.1, 0.1]], dtype=torch.float64)
    label = torch.tensor([0])

    def check(ids: Tensor, weights: Tensor) -> None:
        entropy = -(weights * weights.log()).sum(-1)
        total, _ = sparse_distillation_loss(student, SparseTargets(ids, weights, entropy), label, 1.0, 1.0)
        assert float(total) >= 0

    head = torch.tensor([[0, 1]])
    check(head, p[:, :2] / 0.8)
    with pytest.raises(AssertionError):
        check(head, p[:, :2])


def test_nothing_counts() -> None:
    student = logits(2, 3, seed=0).requires_grad_()
    empty = SparseTargets(torch.zeros(0, 1, dtype=torch.long), torch.zeros(0, 1), torch.zeros(0))
    total, count = sparse_distillation_loss(student, empty, torch.full((2,), -100))
    assert float(total.detach()) == 0 and int(count) == 0
    assert torch.equal(torch.autograd.grad(total, student)[0], torch.zeros_like(student))


def test_refuses() -> None:
    student = logits(2, 3, 9, seed=0)
    targets = whole(logits(2, 3, 9, seed=1), 3.0)
    with pytest.raises(InputError, match="for 6 positions"):
        sparse_distillation_loss(student, targets, torch.zeros(2, 3, dtype=torch.long))
    with pytest.raises(InputError, match="token 8, but the student has 7"):
        sparse_distillation_loss(student[..., :7], targets, LABELS)
