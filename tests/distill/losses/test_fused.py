"""The fused loss against the dense one on the logits it never makes, and against float64 autograd."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from distill.losses import oracles
from retort.distill.losses import distillation_loss, fused_distillation_loss
from retort.errors import InputError

POSITIONS, VOCAB = (2, 5), 13


def numbers(*shape: int, seed: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def models(teacher_vocab: int = VOCAB, dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    return {
        "student_hidden": numbers(*POSITIONS, 4, seed=0, dtype=dtype).requires_grad_(),
        "student_weight": numbers(VOCAB, 4, seed=1, dtype=dtype).requires_grad_(),
        "teacher_hidden": numbers(*POSITIONS, 6, seed=2, dtype=dtype),
        "teacher_weight": numbers(teacher_vocab, 6, seed=3, dtype=dtype),
    }


def labels() -> Tensor:
    chosen = torch.randint(0, VOCAB, POSITIONS, generator=torch.Generator().manual_seed(4))
    chosen[0, 3], chosen[1, 0] = -100, -100
    return chosen


def project(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, scale: float, softcap: float | None
) -> Tensor:
    logits = hidden @ weight.T
    logits = logits if bias is None else logits + bias
    logits = logits * scale
    return logits if softcap is None else softcap * torch.tanh(logits / softcap)


def dense(given: dict[str, Tensor], *loss: Any, **heads: Any) -> Tensor:
    """The dense loss on whole logits; autograd goes through the projection."""
    student, teacher = (
        project(
            given[f"{side}_hidden"],
            given[f"{side}_weight"],
            heads.get(f"{side}_bias"),
            heads.get(f"{side}_scale", 1.0),
            heads.get(f"{side}_softcap"),
        )
        for side in ("student", "teacher")
    )
    return distillation_loss(student, teacher, labels(), *loss)[0]


HEADS: dict[str, dict[str, Any]] = {
    "plain": {},
    "soft-capped": {"student_softcap": 1.5, "teacher_softcap": 3.0},
    "scaled": {"student_scale": 0.25, "teacher_scale": 2.0},
    "everything": {
        "student_softcap": 2.0,
        "student_scale": 0.5,
        "teacher_softcap": 2.5,
        "teacher_scale": 1.5,
    },
}


@pytest.mark.parametrize("chunk", [1, 3, 100])
@pytest.mark.parametrize("heads", HEADS.values(), ids=HEADS.keys())
@pytest.mark.parametrize("with_bias", [False, True], ids=["no bias", "bias"])
def test_equals_the_dense_loss_and_all_its_gradients(
    heads: dict[str, Any], with_bias: bool, chunk: int
) -> None:
    given = models()
    if with_bias:
        heads = heads | {
            "student_bias": numbers(VOCAB, seed=5).requires_grad_(),
            "teacher_bias": numbers(VOCAB, seed=6),
        }
    wanted = [
        given["student_hidden"],
        given["student_weight"],
        *([heads["student_bias"]] if with_bias else []),
    ]
    total, count = fused_distillation_loss(*given.values(), labels(), **heads, chunk_positions=chunk)
    expected = dense(given, **heads)
    torch.testing.assert_close(total, expected)
    assert int(count) == 8
    ours, theirs = (torch.autograd.grad(one / 8, wanted) for one in (total, expected))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("text", oracles.ALL)
def test_every_divergence(text: str) -> None:
    given = models()
    total, _ = fused_distillation_loss(*given.values(), labels(), 2.0, 0.6, text, chunk_positions=4)
    expected = dense(given, 2.0, 0.6, text)
    torch.testing.assert_close(total, expected)
    wanted = [given["student_hidden"], given["student_weight"]]
    torch.testing.assert_close(*(torch.autograd.grad(one, wanted) for one in (total, expected)))


def test_gradcheck_in_float64() -> None:
    given = models()
    assert torch.autograd.gradcheck(
        lambda hidden, weight: fused_distillation_loss(
            hidden, weight, given["teacher_hidden"], given["teacher_weight"], labels(), student_softcap=2.0
        )[0],
        (given["student_hidden"], given["student_weight"]),
    )


def test_trap_soft_capping_and_scaling_reach_the_fused_loss() -> None:
    given = models()
    heads: dict[str, Any] = {"student_softcap": 1.0, "teacher_softcap": 1.0}

    def check(value: Tensor) -> None:
        torch.testing.assert_close(value, dense(given, **heads))

    check(fused_distillation_loss(*given.values(), labels(), **heads)[0])
    with pytest.raises(AssertionError):  # as a fused loss that multiplies by the bare weight does
        check(fused_distillation_loss(*given.values(), labels())[0])


@pytest.mark.parametrize("teacher_vocab", [VOCAB - 4, VOCAB + 3], ids=["smaller teacher", "padded teacher"])
def test_tables_of_different_size(teacher_vocab: int) -> None:
    given = models(teacher_vocab)
    for text in ("forward_kl", "reverse_kl", "jsd"):
        total, _ = fused_distillation_loss(*given.values(), labels(), 2.0, 0.5, text)
        torch.testing.assert_close(total, dense(given, 2.0, 0.5, text))


def test_a_tied_weight_gets_both_gradients() -> None:
    embedding = nn.Embedding(VOCAB, 4, dtype=torch.float64)
    ids = torch.randint(0, VOCAB, POSITIONS, generator=torch.Generator().manual_seed(7))
    given = models()

    def gradient(fused: bool) -> Tensor:
        tied = given | {"student_hidden": embedding(ids).tanh(), "student_weight": embedding.weight}
        value = fused_distillation_loss(*tied.values(), labels())[0] if fused else dense(tied)
        return torch.autograd.grad(value, embedding.weight)[0]

    torch.testing.assert_close(gradient(True), gradient(False))


def test_only_what_wants_a_gradient_gets_one() -> None:
    given = models()
    frozen = given | {"student_weight": given["student_weight"].detach()}
    total, _ = fused_distillation_loss(*frozen.values(), labels())
    total.backward()
    assert given["student_hidden"].grad is not None
    held_out = {name: one.detach() for name, one in given.items()}
    value, _ = fused_distillation_loss(*held_out.values(), labels())
    assert not value.requires_grad
    torch.testing.assert_close(value, total.detach())


def test_masked_positions_are_not_read_and_a_whole_mask_stays_attached() -> None:
    given = models()
    plain = fused_distillation_loss(*given.values(), labels())[0].detach()
    with torch.no_grad():
        given["student_hidden"][labels() == -100] = float("nan")
        given["teacher_hidden"][labels() == -100] = float("inf")
    total, _ = fused_distillation_loss(*given.values(), labels())
    torch.testing.assert_close(total.detach(), plain)
    nothing, count = fused_distillation_loss(*given.values(), torch.full(POSITIONS, -100))
    assert float(nothing.detach()) == 0.0 and int(count) == 0
    assert torch.equal(
        torch.autograd.grad(nothing, given["student_weight"])[0], torch.zeros_like(given["student_weight"])
    )


def test_half_float_states_are_computed_in_float32() -> None:
    given = models(dtype=torch.bfloat16)
    wide = {name: one.detach().double().requires_grad_(one.requires_grad) for name, one in given.items()}
    total, _ = fused_distillation_loss(*given.values(), labels())
    assert total.dtype == torch.float32
    expected = dense(wide)
    assert float(total.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
    names = ("student_hidden", "student_weight")
    ours = torch.autograd.grad(total, [given[name] for name in names])
    theirs = torch.autograd.grad(expected, [wide[name] for name in names])
    for our, their in zip(ours, theirs, strict=True):
        assert our.dtype == torch.bfloat16
        torch.testing.assert_close(our.double(), their, rtol=2**-8, atol=1e-3)


def test_a_fused_cross_entropy_needs_no_teacher() -> None:
    given = models()
    total, _ = fused_distillation_loss(
        given["student_hidden"], given["student_weight"], None, None, labels(), alpha=0.0
    )
    logits = given["student_hidden"] @ given["student_weight"].T
    expected = nn.functional.cross_entropy(logits.flatten(0, 1), labels().flatten(), reduction="sum")
    torch.testing.assert_close(total, expected)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"student_weight": torch.zeros(VOCAB, 5)}, "the student's weight has shape"),
        ({"teacher_weight": torch.zeros(6)}, "the teacher's weight has shape"),
        ({"teacher_hidden": None}, "the teacher is missing"),
        ({"labels": torch.zeros(3, dtype=torch.long)}, "labels have shape"),
        ({"student_bias": torch.zeros(3)}, "bias has shape"),
        ({"student_softcap": 0.0}, "softcap is 0.0"),
        ({"temperature": 0.0}, "temperature is 0.0"),
    ],
)
def test_refuses(change: dict[str, Any], words: str) -> None:
    given: dict[str, Any] = models() | {"labels": labels()} | change
    with pytest.raises(InputError, match=words):
        fused_distillation_loss(**given)
