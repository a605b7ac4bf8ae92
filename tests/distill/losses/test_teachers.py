"""Several teachers, temperature schedules, other tokenizers, and the student's own samples."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from retort.distill.losses import (
    average_log_probs,
    cross_tokenizer_loss,
    distillation_loss,
    scheduled_temperature,
)
from retort.distill.losses.cross_tokenizer import align_spans, uld_loss
from retort.distill.losses.on_policy import is_on_policy, mix_batch
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
    mixed = 2.0 * average_log_probs(teachers, [3, 1], temperature=2.0)
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


def test_a_temperature_schedule_moves_in_one_over_tau() -> None:
    assert scheduled_temperature("constant", 4, 1, 7, 10) == 4
    taus = [scheduled_temperature("linear", 4, 1, step, 4) for step in range(4)]
    assert taus == pytest.approx([4, 2, 4 / 3, 1])
    assert scheduled_temperature("cosine", 4, 1, 99, 100) == pytest.approx(1)
    assert scheduled_temperature("linear", 4, 1, 0, 1) == 4
    with pytest.raises(InputError, match="schedule is 'sine'"):
        scheduled_temperature("sine", 4, 1, 0, 1)
    with pytest.raises(InputError, match="above 0"):
        scheduled_temperature("linear", 4, 0, 0, 1)


def test_partners_have_read_the_same_bytes() -> None:
    student = [b"", b"the", b" sk", b"y", b" is"]
    teacher = [b"th", b"e", b" sky", b" ", b"is", b""]
    assert align_spans(student, teacher) == [(1, 1), (3, 2), (4, 5)]

    def check(pairs: list[tuple[int, int]]) -> None:
        for ours, theirs in pairs:
            assert b"".join(student[: ours + 1]) == b"".join(teacher[: theirs + 1])

    check(align_spans(student, teacher))
    with pytest.raises(AssertionError):
        check([(place, place) for place in range(5)])  # the n-th with the n-th, as the first ULD did
    with pytest.raises(InputError, match="different texts"):
        align_spans([b"a"], [b"b"])


def test_uld_by_hand_and_between_total_variation_and_nothing() -> None:
    p = torch.tensor([[0.5, 0.3, 0.2]], dtype=torch.float64).log()
    q = torch.tensor([[0.1, 0.6, 0.2, 0.1]], dtype=torch.float64).log()
    # By rank: |.6 - .5| + |.2 - .3| + |.1 - .2| + |.1 - 0| = 0.4.
    assert float(uld_loss(q, p)) == pytest.approx(0.2)
    # Token 0 has the same text in both, by name |.1 - .5|; the rest by rank |.6 - .3| + |.2 - .2| + |.1 - 0|.
    zero = torch.tensor([0])
    assert float(uld_loss(q, p, (zero, zero))) == pytest.approx(0.4)
    every = torch.arange(3)
    same = q[:, :3].log_softmax(-1)
    tv = 0.5 * (same.exp() - p.exp()).abs().sum(-1)
    torch.testing.assert_close(uld_loss(same, p, (every, every)), tv)
    assert float(uld_loss(p[:, [2, 0, 1]], p)) == pytest.approx(0, abs=1e-12)  # a renaming costs nothing


def test_cross_tokenizer_loss_scales_partners_to_all_positions_and_differentiates() -> None:
    student, teacher = logits(4, 6, seed=0).requires_grad_(), logits(3, 8, seed=1)
    labels = torch.tensor([1, -100, 3, 0])
    total, count = cross_tokenizer_loss(student, teacher, labels, [(0, 0), (1, 1), (3, 2)], 2.0, 0.6)
    rows = [0, 3]
    soft = uld_loss((student[rows] / 2).log_softmax(-1), (teacher[[0, 2]] / 2).log_softmax(-1)).sum() * 3 / 2
    hard = torch.nn.functional.cross_entropy(student, labels, ignore_index=-100, reduction="sum")
    torch.testing.assert_close(total, 0.6 * 4 * soft + 0.4 * hard)
    assert int(count) == 3
    assert torch.autograd.gradcheck(
        lambda z: cross_tokenizer_loss(z, teacher, labels, [(0, 0), (3, 2)])[0], student
    )
    nothing, _ = cross_tokenizer_loss(student, teacher, torch.full((4,), -100), [(0, 0)])
    assert float(nothing.detach()) == 0 and torch.isfinite(torch.autograd.grad(nothing, student)[0]).all()


def test_on_policy_steps_are_a_pure_function_with_the_asked_share() -> None:
    chosen = [is_on_policy(3, step, 0.25) for step in range(4000)]
    assert chosen == [is_on_policy(3, step, 0.25) for step in range(4000)]
    assert abs(sum(chosen) / 4000 - 0.25) < 0.035  # 5 standard errors
    assert not any(is_on_policy(3, step, 0.0) for step in range(50))
    assert all(is_on_policy(3, step, 1.0) for step in range(50))
    with pytest.raises(InputError, match="on-policy share"):
        is_on_policy(0, 0, 1.5)


def test_a_mixed_batch_masks_the_prompt_and_asks_the_student_without_a_gradient() -> None:
    ids = torch.tensor([[5, 6, 7, 8], [1, 2, 3, 4]])

    def student(prompts: Tensor) -> Tensor:
        assert not torch.is_grad_enabled()
        return torch.cat([prompts, prompts.flip(1)], dim=1)

    kept, labels = mix_batch(ids, ids, 2, False, student)
    assert kept is ids and labels is ids
    sampled, labels = mix_batch(ids, ids, 2, True, student)
    assert sampled.tolist() == [[5, 6, 6, 5], [1, 2, 2, 1]]
    assert labels.tolist() == [[-100, -100, 6, 5], [-100, -100, 2, 1]]
    with pytest.raises(InputError, match="prompt_length is 4"):
        mix_batch(ids, ids, 4, True, student)
