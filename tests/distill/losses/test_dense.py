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

from retort.distill.cache.codecs import Layout, find_codec
from retort.distill.cache.rounding import Places
from retort.distill.losses import (
    SparseTargets,
    align_labels,
    average_log_probs,
    distillation_loss,
    match_vocabulary,
    sparse_distillation_loss,
)
from retort.distill.losses.dense import averaged_logits
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


# The sparse loss: equal to the dense one when everything is kept, unbiased in its gradient when drawn.

LABELS = torch.tensor([[1, 2, -100], [4, -100, 0]])
KEPT = LABELS.flatten() != -100


def sparse_logits(*shape: int, seed: int) -> Tensor:
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
    student, teacher = sparse_logits(2, 3, 9, seed=0).requires_grad_(), sparse_logits(2, 3, 9, seed=1)
    ours, count = sparse_distillation_loss(
        student, whole(teacher, temperature), LABELS, temperature, alpha, chunk_positions=chunk
    )
    dense, _ = distillation_loss(student, teacher, LABELS, temperature, alpha)
    torch.testing.assert_close(ours, dense)
    torch.testing.assert_close(*(torch.autograd.grad(one, student)[0] for one in (ours, dense)))
    assert int(count) == 4


def mean_gradient(text: str, read_at: float, drawn_at: float, trials: int = 4000) -> tuple[np.ndarray, float]:
    """How far the mean gradient of `trials` captures is from the dense one: in standard errors, and at most."""
    student, teacher = sparse_logits(1, 30, seed=0), 1.5 * sparse_logits(1, 30, seed=1)
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
    student = sparse_logits(2, 3, seed=0).requires_grad_()
    empty = SparseTargets(torch.zeros(0, 1, dtype=torch.long), torch.zeros(0, 1), torch.zeros(0))
    total, count = sparse_distillation_loss(student, empty, torch.full((2,), -100))
    assert float(total.detach()) == 0 and int(count) == 0
    assert torch.equal(torch.autograd.grad(total, student)[0], torch.zeros_like(student))


def test_sparse_refuses() -> None:
    student = sparse_logits(2, 3, 9, seed=0)
    targets = whole(sparse_logits(2, 3, 9, seed=1), 3.0)
    with pytest.raises(InputError, match="for 6 positions"):
        sparse_distillation_loss(student, targets, torch.zeros(2, 3, dtype=torch.long))
    with pytest.raises(InputError, match="token 8, but the student has 7"):
        sparse_distillation_loss(student[..., :7], targets, LABELS)


# Several teachers as one distribution.


def teachers_logits(*shape: int, seed: int) -> Tensor:
    return 2 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_trap_teachers_are_averaged_as_probabilities_not_as_logits() -> None:
    sure, denies = torch.tensor([[20.0, 0.0, 0.0]]), torch.tensor([[-20.0, 0.0, 0.0]])

    def check(mean: Tensor) -> None:
        torch.testing.assert_close(mean.exp(), torch.tensor([[0.5, 0.25, 0.25]]))

    check(average_log_probs([sure, denies]))
    with pytest.raises(AssertionError):
        check(((sure + denies) / 2).log_softmax(-1))


def test_the_gradient_is_that_of_the_teachers_losses_averaged() -> None:
    student, teachers = (
        teachers_logits(5, 7, seed=0).requires_grad_(),
        [teachers_logits(5, 7, seed=1), teachers_logits(5, 7, seed=2)],
    )
    labels = torch.zeros(5, dtype=torch.long)
    # Mixed at tau: the mixture's log-probabilities times tau are teachers_logits whose softmax at tau is the mixture.
    mixed = averaged_logits(teachers, [3, 1], 2.0)
    ours = torch.autograd.grad(distillation_loss(student, mixed, labels, 2.0, 1.0)[0], student)[0]
    apart = [
        torch.autograd.grad(distillation_loss(student, one, labels, 2.0, 1.0)[0], student)[0]
        for one in teachers
    ]
    torch.testing.assert_close(ours, 0.75 * apart[0] + 0.25 * apart[1])


def test_teachers_with_impossible_tokens_and_weights_that_do_not_fit() -> None:
    one, other = teachers_logits(2, 4, seed=0), teachers_logits(2, 4, seed=1)
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
