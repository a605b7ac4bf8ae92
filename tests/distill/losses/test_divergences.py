"""The table of divergences: values and gradients against float64 autograd, limits, -inf, and its written form."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from distill.losses import oracles
from retort.distill.losses import DIVERGENCES, distillation_loss, find_divergence
from retort.errors import InputError

INFINITE = math.inf


def logits(*shape: int, seed: int = 0, scale: float = 2.0) -> Tensor:
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


LABELS = torch.tensor([0, 3, 10, 3, 7, 1])
IMPOSSIBLE = [2, 5]  # tokens to which the teacher gives no probability; no label among them


def test_every_row_of_the_table_has_an_oracle() -> None:
    assert {find_divergence(text).text.partition("(")[0] for text in oracles.ALL} == set(DIVERGENCES)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("text", oracles.ALL)
def test_value_and_gradient_are_those_of_autograd(text: str, temperature: float) -> None:
    student, teacher = logits(6, 11).requires_grad_(), logits(6, 11, seed=1)
    chosen = find_divergence(text)
    value, gradient = chosen.function(student.detach().clone(), teacher.clone(), LABELS, temperature)
    expected = oracles.of_logits(text, student, teacher, LABELS, temperature)
    torch.testing.assert_close(value, expected.detach(), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(
        gradient, torch.autograd.grad(expected.sum(), student)[0], rtol=1e-8, atol=1e-12
    )


@pytest.mark.parametrize("text", oracles.ALL)
def test_the_loss_weighs_it_with_tau_squared_and_mixes_it(text: str) -> None:
    student, teacher = logits(2, 3, 11).requires_grad_(), logits(2, 3, 11, seed=1)
    labels = LABELS.reshape(2, 3).clone()
    labels[0, 1] = -100
    kept = labels.flatten() != -100
    total, count = distillation_loss(student, teacher, labels, 3.0, 0.7, text)
    z, t, y = student.reshape(6, 11)[kept], teacher.reshape(6, 11)[kept], labels.flatten()[kept]
    tau_squared = 1.0 if text == "mse" else 9.0
    soft = tau_squared * oracles.of_logits(text, z, t, y, 3.0).sum()
    expected = 0.7 * soft + 0.3 * torch.nn.functional.cross_entropy(z, y, reduction="sum")
    torch.testing.assert_close(total, expected, rtol=1e-9, atol=0)
    assert int(count) == 5
    ours, theirs = (torch.autograd.grad(one, student)[0] for one in (total, expected))
    torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("text", oracles.ALL)
def test_least_at_the_teacher_and_the_gradient_vanishes_there(text: str) -> None:
    teacher = logits(6, 11)
    value, gradient = find_divergence(text).function(teacher.clone(), teacher, LABELS, 2.0)
    torch.testing.assert_close(value, torch.zeros(6, dtype=torch.float64), atol=1e-12, rtol=0)
    torch.testing.assert_close(gradient, torch.zeros_like(teacher), atol=1e-12, rtol=0)
    away, _ = find_divergence(text).function(logits(6, 11, seed=2), teacher, LABELS, 2.0)
    assert (away > 0).all()


@pytest.mark.parametrize("text", oracles.ALL)
def test_impossible_teacher_tokens_leave_value_and_gradient_finite(text: str) -> None:
    for student_too in (False, True):
        student, teacher = logits(6, 11, scale=8.0), logits(6, 11, seed=1, scale=8.0)
        teacher[:, IMPOSSIBLE] = -INFINITE
        if student_too:
            student[:, IMPOSSIBLE[0]] = -INFINITE
        value, gradient = find_divergence(text).function(student, teacher, LABELS, 1.0)
        assert torch.isfinite(value).all() and torch.isfinite(gradient).all()


@pytest.mark.parametrize("text", [text for text in oracles.ALL if text not in ("mse", "standardised_kl")])
def test_a_constant_added_to_the_logits_changes_nothing(text: str) -> None:
    student, teacher = logits(6, 11), logits(6, 11, seed=1)
    plain = find_divergence(text).function(student.clone(), teacher.clone(), LABELS, 2.0)
    moved = find_divergence(text).function(student + 700, teacher - 500, LABELS, 2.0)
    torch.testing.assert_close(moved, plain)


def test_trap_jsd_is_the_divergence_of_the_log_of_the_mixture_and_beta_is_not_swapped() -> None:
    teacher = torch.tensor([[4.0, 0.0, 0.0]], dtype=torch.float64)
    student = torch.tensor([[0.0, 1.0, 3.0]], dtype=torch.float64)
    p, q = teacher.softmax(-1), student.softmax(-1)

    def check(jsd: object) -> None:
        for beta, limit in ((1e-7, oracles.kl(p, q) * 1e-7), (1 - 1e-7, oracles.kl(q, p) * 1e-7)):
            torch.testing.assert_close(jsd(beta), limit, rtol=1e-4, atol=0)  # type: ignore[operator]
        torch.testing.assert_close(jsd(0.0), oracles.kl(p, q))  # type: ignore[operator]
        torch.testing.assert_close(jsd(1.0), oracles.kl(q, p))  # type: ignore[operator]

    def ours(beta: float) -> Tensor:
        value: Tensor = find_divergence(f"jsd({beta!r})").function(student, teacher, LABELS[:1], 1.0)[0]
        return value

    def beta_swapped(beta: float) -> Tensor:
        return ours(1 - beta)

    def mixture_of_logs(beta: float) -> Tensor:
        log_m = beta * p.log() + (1 - beta) * q.log()  # the mean of the logs is not the log of the mean
        value: Tensor = (beta * p * (p.log() - log_m) + (1 - beta) * q * (q.log() - log_m)).sum(-1)
        return value

    check(ours)
    for wrong in (beta_swapped, mixture_of_logs):
        with pytest.raises(AssertionError):
            check(wrong)


def test_trap_reverse_kl_with_a_finite_loss_has_a_finite_gradient() -> None:
    """A padded teacher: 0 · (ln 0 - ln 0) in the textbook form is masked in the value and NaN in the gradient."""
    teacher = logits(4, 6, seed=1)
    teacher[:, 4:] = -INFINITE

    def check(loss: object) -> None:
        student = logits(4, 6).requires_grad_()
        value = loss(student)  # type: ignore[operator]
        assert torch.isfinite(value)
        assert torch.isfinite(torch.autograd.grad(value, student)[0]).all()

    def ours(student: Tensor) -> Tensor:
        return distillation_loss(student, teacher, torch.zeros(4, dtype=torch.long), 2.0, 1.0, "reverse_kl")[
            0
        ]

    def masked_after_the_fact(student: Tensor) -> Tensor:
        p, q = (teacher / 2).softmax(-1), (student / 2).softmax(-1)
        terms = q * (q / p).log()
        return 4 * terms.masked_fill(torch.isinf(terms), 0.0).sum()

    check(ours)
    with pytest.raises(AssertionError):
        check(masked_after_the_fact)


def test_trap_tau_squared_keeps_every_smooth_divergence_on_one_scale_and_not_total_variation() -> None:
    def spread(text: str) -> float:
        student, teacher = logits(200, 50, scale=1.0), logits(200, 50, seed=1, scale=1.0)
        sizes = []
        for temperature in (1.0, 2.0, 4.0, 8.0):
            _, gradient = find_divergence(text).function(
                student.clone(), teacher.clone(), torch.zeros(200, dtype=torch.long), temperature
            )
            sizes.append(temperature**2 * float(gradient.norm()))
        return max(sizes) / min(sizes)

    for text in ("forward_kl", "reverse_kl", "jsd", "skew_kl", "skew_reverse_kl", "decoupled"):
        assert spread(text) < 3, text
    assert spread("total_variation") > 3  # |x| has slopes of one size: the docs say that tau would do


def test_squared_error_is_the_limit_of_tau_squared_kl() -> None:
    student, teacher = (one - one.mean(-1, keepdim=True) for one in (logits(6, 11), logits(6, 11, seed=1)))
    limit, _ = find_divergence("mse").function(student, teacher, LABELS, 1.0)
    warm, _ = find_divergence("forward_kl").function(student, teacher, LABELS, 1e4)
    torch.testing.assert_close(1e8 * warm, limit, rtol=1e-3, atol=0)


def test_decoupled_with_the_teachers_own_weight_is_forward_kl() -> None:
    """Zhao et al. 2022, eq. 4: KL = TCKD + (1 - p_label) NCKD."""
    student, teacher, label = logits(1, 11), logits(1, 11, seed=1), LABELS[:1]
    rest = 1 - float((teacher / 2).softmax(-1)[0, label])
    whole, _ = find_divergence(f"decoupled(1, {rest!r})").function(student, teacher, label, 2.0)
    torch.testing.assert_close(whole, find_divergence("forward_kl").function(student, teacher, label, 2.0)[0])


def test_float32_keeps_its_digits_on_sharp_rows() -> None:
    """Logits that differ by hundreds: probabilities of 1e-100 and below underflow, and nothing may become NaN."""
    student, teacher = logits(50, 40, scale=100.0), logits(50, 40, seed=1, scale=100.0)
    labels = torch.zeros(50, dtype=torch.long)
    for text in oracles.ALL:
        chosen = find_divergence(text)
        exact, exact_gradient = chosen.function(student.clone(), teacher.clone(), labels, 1.0)
        value, gradient = chosen.function(student.float(), teacher.float(), labels, 1.0)
        torch.testing.assert_close(value.double(), exact, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(
            gradient.double(), exact_gradient, rtol=1e-3, atol=2e-4 * max(1, float(exact.max()))
        )


def test_written_forms() -> None:
    assert find_divergence("JSD").text == "jsd(beta=0.5)"
    assert find_divergence(" skew-kl( 0.2 ) ").text == "skew_kl(skew=0.2)"
    assert find_divergence("dkd(others=2)").text == "decoupled(target=1, others=2)"
    for text in DIVERGENCES:
        full = find_divergence(text).text
        assert find_divergence(full).text == full


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("forward_lk", "did you mean forward_kl"),
        ("jsd(beta=2)", "beta of the divergence jsd is '2'; allowed is 0 to 1"),
        ("jsd(gamma=0.5)", "has the parameters beta"),
        ("jsd(0.5, 0.5)", "has the parameters beta"),
        ("mse(1)", "mse has no parameters"),
        ("jsd(half)", "beta of the divergence jsd is 'half'"),
        ("jsd(0.5", "divergence is 'jsd\\(0.5'"),
    ],
)
def test_refuses(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        find_divergence(text)
