"""The distillation loss: by hand, against a float64 oracle, and trap by trap with the wrong version shown to fail.

A trap is one `check` that takes a loss. The right one passes it and the wrong one, as found in real projects,
does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from retort.distill.losses import align_labels, distillation_loss, match_vocabulary
from retort.errors import InputError

Loss = Callable[..., Tensor]
INFINITE = float("inf")


def right(student: Tensor, teacher: Tensor | None, labels: Tensor, **options: float) -> Tensor:
    """The mean over unmasked positions, as a trainer forms it."""
    total, count = distillation_loss(student, teacher, labels, **options)  # type: ignore[arg-type]
    return total / count.clamp(min=1)


def logits(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return 2 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(
        dtype
    )


def oracle(student: Tensor, teacher: Tensor, labels: Tensor, temperature: float, alpha: float) -> float:
    """Position by position in plain numpy float64."""

    def softmax(row: np.ndarray) -> np.ndarray:
        shifted = np.exp(row - row.max())
        return shifted / shifted.sum()

    vocab_size, total = student.shape[-1], 0.0
    z, t, y = (
        student.reshape(-1, vocab_size).numpy(),
        teacher.reshape(-1, vocab_size).numpy(),
        labels.reshape(-1).numpy(),
    )
    for row in np.flatnonzero(y != -100):
        p, q = softmax(t[row] / temperature), softmax(z[row] / temperature)
        kl = sum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a > 0)
        total += alpha * temperature**2 * kl - (1 - alpha) * math.log(softmax(z[row])[y[row]])
    return total


def fails(check: Callable[[Loss], None], wrong: Loss) -> None:
    with pytest.raises(AssertionError):
        check(wrong)


def test_four_tokens_by_hand() -> None:
    student = torch.zeros(1, 4, dtype=torch.float64)
    teacher = torch.tensor([[1 / 2, 1 / 4, 1 / 8, 1 / 8]], dtype=torch.float64).log()
    total, count = distillation_loss(student, teacher, torch.tensor([2]), temperature=1.0, alpha=0.5)
    # KL to the uniform distribution is ln 4 - H = 2 ln 2 - 1.75 ln 2; the cross-entropy is ln 4.
    assert float(total) == pytest.approx(0.5 * 0.25 * math.log(2) + 0.5 * math.log(4), abs=1e-12)
    assert int(count) == 1


@pytest.mark.parametrize("shape", [(3, 5, 11), (6, 4)], ids=["batch time vocab", "batch classes"])
@pytest.mark.parametrize(("temperature", "alpha"), [(1.0, 1.0), (3.0, 0.7), (0.5, 0.2)])
def test_agrees_with_the_oracle(shape: tuple[int, ...], temperature: float, alpha: float) -> None:
    student, teacher = logits(*shape), logits(*shape, seed=1)
    labels = torch.randint(0, shape[-1], shape[:-1], generator=torch.Generator().manual_seed(2))
    labels.view(-1)[1] = -100
    total, count = distillation_loss(student, teacher, labels, temperature=temperature, alpha=alpha)
    assert float(total) == pytest.approx(oracle(student, teacher, labels, temperature, alpha), rel=1e-10)
    assert int(count) == labels.numel() - 1


def test_gradient_is_that_of_autograd_and_chunks_do_not_matter() -> None:
    student, teacher = logits(7, 9).requires_grad_(), logits(7, 9, seed=1)
    labels = torch.tensor([0, 8, -100, 3, 3, 1, 2])

    def dense() -> Tensor:
        kept = labels != -100
        p, q = (teacher[kept] / 3).softmax(-1), (student[kept] / 3).log_softmax(-1)
        kl = (p * (p.log() - q)).sum()
        return 0.7 * 9 * kl + 0.3 * functional.cross_entropy(student[kept], labels[kept], reduction="sum")

    expected = torch.autograd.grad(dense(), student)[0]
    for chunk in (1, 2, 6, 100):
        total, _ = distillation_loss(student, teacher, labels, chunk_positions=chunk)
        torch.testing.assert_close(total, dense())
        torch.testing.assert_close(torch.autograd.grad(total, student)[0], expected)
    assert torch.equal(expected[2], torch.zeros(9, dtype=torch.float64))
    assert torch.autograd.gradcheck(lambda z: distillation_loss(z, teacher, labels)[0], student)


def test_zero_at_the_teacher_and_never_negative() -> None:
    teacher = logits(50, 30, dtype=torch.float32)
    labels = torch.zeros(50, dtype=torch.long)
    assert float(right(teacher, teacher, labels, alpha=1.0)) == pytest.approx(0.0, abs=1e-6)
    near = teacher + 1e-3 * logits(50, 30, seed=3, dtype=torch.float32)
    assert float(right(near, teacher, labels, alpha=1.0)) > 0


def test_trap_average_over_positions_not_batch_nor_vocabulary() -> None:
    """Equal positions: the mean must be that of one position, whatever batch, length, padding and vocabulary."""
    one_student, one_teacher = logits(1, 1, 8), logits(1, 1, 8, seed=1)

    def check(loss: Loss) -> None:
        alone = loss(one_student, one_teacher, torch.tensor([[3]]), alpha=1.0)
        labels = torch.full((4, 6), 3)
        labels[:, 4:] = -100
        many = loss(one_student.expand(4, 6, 8), one_teacher.expand(4, 6, 8), labels, alpha=1.0)
        oracle_value = oracle(one_student, one_teacher, torch.tensor([[3]]), 3.0, 1.0)
        assert float(alone) == pytest.approx(oracle_value) and float(many) == pytest.approx(oracle_value)

    def batchmean(student: Tensor, teacher: Tensor, labels: Tensor, **_: float) -> Tensor:
        p, q = (teacher / 3).softmax(-1), (student / 3).log_softmax(-1)
        return 9 * functional.kl_div(q, p, reduction="batchmean")

    def mean_of_everything(student: Tensor, teacher: Tensor, labels: Tensor, **_: float) -> Tensor:
        p, q = (teacher / 3).softmax(-1), (student / 3).log_softmax(-1)
        return 9 * functional.kl_div(q, p, reduction="none").mean()

    check(right)
    fails(check, batchmean)  # divides by the batch alone: six times too large
    fails(check, mean_of_everything)  # divides by the vocabulary too


def test_trap_tau_squared_keeps_the_soft_gradient_on_one_scale() -> None:
    teacher, labels = logits(40, 50, seed=1), torch.zeros(40, dtype=torch.long)

    def check(loss: Loss) -> None:
        sizes = []
        for temperature in (1.0, 2.0, 4.0, 8.0):
            student = logits(40, 50).requires_grad_()
            loss(student, teacher, labels, temperature=temperature, alpha=1.0).backward()
            assert student.grad is not None
            sizes.append(float(student.grad.norm()))
        assert len({round(size, 9) for size in sizes}) == 4, "the temperature does not reach the loss"
        assert max(sizes) / min(sizes) < 4

    def without_tau_squared(
        student: Tensor, teacher: Tensor, labels: Tensor, temperature: float, alpha: float
    ) -> Tensor:
        return right(student, teacher, labels, temperature=temperature, alpha=alpha) / temperature**2

    def deaf(student: Tensor, teacher: Tensor, labels: Tensor, temperature: float, alpha: float) -> Tensor:
        return right(student, teacher, labels, temperature=1.0, alpha=alpha)

    check(right)
    fails(check, without_tau_squared)
    fails(check, deaf)


def test_trap_direction_is_teacher_to_student() -> None:
    """Forward KL punishes a student that lacks what the teacher has far more than one that has too much."""
    peaked, flat, labels = torch.tensor([[9.0, 0.0, 0.0]]), torch.zeros(1, 3), torch.tensor([0])

    def check(loss: Loss) -> None:
        missing = loss(peaked, flat, labels, temperature=1.0, alpha=1.0)
        assert float(missing) > 2 * float(loss(flat, peaked, labels, temperature=1.0, alpha=1.0))

    check(right)
    fails(check, lambda student, teacher, labels, **options: right(teacher, student, labels, **options))


def test_trap_padded_vocabulary_is_minus_infinity_not_zero() -> None:
    teacher = torch.tensor([[-5.0, -6.0, -7.0]])
    student = torch.tensor([[-5.0, -6.0, -7.0, -30.0]])

    def check(loss: Loss) -> None:
        # The student is the teacher, with a fourth token that it all but rules out: nothing is left to learn.
        assert float(loss(student, teacher, torch.tensor([0]), temperature=1.0, alpha=1.0)) == pytest.approx(
            0, abs=1e-6
        )

    def zero_padded(student: Tensor, teacher: Tensor, labels: Tensor, **options: float) -> Tensor:
        return right(student, functional.pad(teacher, (0, 1), value=0.0), labels, **options)

    check(right)
    fails(check, zero_padded)


def test_teacher_with_more_tokens_is_conditioned_on_the_shared_ones() -> None:
    student, teacher, labels = (
        logits(5, 6).requires_grad_(),
        logits(5, 8, seed=1),
        torch.zeros(5, dtype=torch.long),
    )
    cut = right(student, teacher, labels)
    torch.testing.assert_close(cut, right(student, teacher[:, :6], labels))
    assert torch.isfinite(torch.autograd.grad(cut, student)[0]).all()
    assert match_vocabulary(teacher, 10)[:, 8:].isneginf().all()


def test_trap_impossible_tokens_give_finite_loss_and_gradient() -> None:
    teacher = logits(3, 6, seed=1)
    teacher[:, 2:4] = -INFINITE

    def check(loss: Loss) -> None:
        for student_too in (False, True):
            student = logits(3, 6)
            student[:, 2] = -INFINITE if student_too else student[:, 2]
            student.requires_grad_()
            value = loss(student, teacher, torch.zeros(3, dtype=torch.long), temperature=2.0, alpha=1.0)
            gradient = torch.autograd.grad(value, student)[0]
            assert torch.isfinite(value) and torch.isfinite(gradient).all()

    def textbook(
        student: Tensor, teacher: Tensor, labels: Tensor, temperature: float, alpha: float
    ) -> Tensor:
        p, q = (teacher / temperature).log_softmax(-1), (student / temperature).log_softmax(-1)
        return temperature**2 * (p.exp() * (p - q)).sum(-1).mean()  # 0 * -inf

    check(right)
    fails(check, textbook)


def test_trap_masked_positions_are_not_read() -> None:
    student, teacher = logits(2, 3, 5), logits(2, 3, 5, seed=1)
    labels = torch.tensor([[1, 2, -100], [4, -100, -100]])
    kept = labels != -100
    expected = right(student[kept], teacher[kept], labels[kept])
    student[~kept], teacher[~kept] = float("nan"), INFINITE

    def check(loss: Loss) -> None:
        torch.testing.assert_close(loss(student, teacher, labels), expected)

    def multiplied_by_mask(student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        kl = functional.kl_div(
            (student / 3).log_softmax(-1), (teacher / 3).softmax(-1), reduction="none"
        ).sum(-1)
        ce = functional.cross_entropy(student.transpose(1, 2), labels, reduction="none")
        mask = (labels != -100).double()
        return ((0.7 * 9 * kl + 0.3 * ce) * mask).sum() / mask.sum()

    check(right)
    fails(check, multiplied_by_mask)


def test_trap_every_position_masked_gives_zero_and_stays_attached() -> None:
    def check(loss: Loss) -> None:
        student = logits(2, 3, 5).requires_grad_()
        value = loss(student, logits(2, 3, 5, seed=1), torch.full((2, 3), -100))
        assert float(value.detach()) == 0.0 and value.requires_grad
        assert torch.equal(torch.autograd.grad(value, student)[0], torch.zeros_like(student))

    def mean_of_nothing(student: Tensor, teacher: Tensor, labels: Tensor) -> Tensor:
        kept = labels != -100
        return functional.cross_entropy(student[kept], labels[kept])

    check(right)
    fails(check, mean_of_nothing)
    fails(check, lambda student, teacher, labels: torch.zeros(()))  # detached: DDP would wait for ever


def test_trap_mask_moves_with_the_labels() -> None:
    """A prompt of two tokens masked: the first completion token is predicted, by the prompt's last position."""
    labels = torch.tensor([[-100, -100, 7, 8]])

    def check(align: Callable[[Tensor], Tensor]) -> None:
        assert align(labels).tolist() == [[-100, 7, 8, -100]]

    def mask_left_behind(labels: Tensor) -> Tensor:
        ids = torch.tensor([[5, 6, 7, 8]])  # shifted, but masked where the prompt stood before the shift
        return functional.pad(ids[:, 1:], (0, 1), value=-100).masked_fill(labels == -100, -100)

    check(align_labels)
    with pytest.raises(AssertionError):
        check(mask_left_behind)
    with pytest.raises(AssertionError):
        check(
            lambda labels: align_labels(align_labels(labels))
        )  # shifted twice: predicts the token after next


def test_half_floats_are_computed_in_float32() -> None:
    student, teacher = (logits(4, 300, seed=s, dtype=torch.bfloat16) for s in (0, 1))
    labels = torch.arange(4)
    total, _ = distillation_loss(student.requires_grad_(), teacher, labels)
    assert total.dtype == torch.float32
    assert float(total.detach()) == pytest.approx(
        oracle(student.detach().double(), teacher.double(), labels, 3.0, 0.7), rel=1e-5
    )
    assert torch.autograd.grad(total, student)[0].dtype == torch.bfloat16


def test_no_teacher_is_needed_for_hard_labels() -> None:
    student, labels = logits(6, 5), torch.tensor([0, 1, 2, 3, 4, -100])
    value = right(student, None, labels, alpha=0.0)
    torch.testing.assert_close(value, functional.cross_entropy(student, labels))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"alpha": 1.5}, "alpha is 1.5"),
        ({"teacher": None}, "no teacher logits"),
        ({"teacher": torch.zeros(3, 5)}, "teacher logits have shape"),
        ({"labels": torch.zeros(3, dtype=torch.long)}, "labels have shape"),
        ({"labels": torch.tensor([5, 0])}, "labels run from 0 to 5"),
        ({"labels": torch.tensor([-1, 0])}, "labels run from -1 to 0"),
    ],
)
def test_refuses(change: dict[str, object], words: str) -> None:
    given: dict[str, object] = {
        "student": torch.zeros(2, 5),
        "teacher": torch.zeros(2, 5),
        "labels": torch.tensor([0, 1]),
    }
    given |= change
    with pytest.raises(InputError, match=words):
        distillation_loss(given.pop("student"), given.pop("teacher"), given.pop("labels"), **given)  # type: ignore[arg-type]
