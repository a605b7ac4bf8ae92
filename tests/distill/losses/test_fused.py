"""The fused loss against the dense one on the logits it never makes, and against float64 autograd."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, CohereForCausalLM, GPT2LMHeadModel

import retort.distill.objective as objective_module
from distill.losses import oracles
from distill.test_step import VOCAB_SIZE, KeepGradients, trainer_of
from retort.distill import Recipe, run
from retort.distill.losses import distillation_loss, fused_distillation_loss
from retort.distill.losses.fused import OutputHead, find_head, is_fused
from retort.distill.models import Teacher
from retort.distill.objective import Objective
from retort.distill.recipe import OnPolicy
from retort.distill.step import DistillTrainer
from retort.errors import CapabilityError, InputError

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


# Training from hidden states: the same losses, gradients and weights as from logits, in every family that is taken.

Values = Callable[..., dict[str, Any]]
TOKENS = VOCAB_SIZE - 1  # the teacher's table is padded by one

SHAPE = {
    "vocab_size": VOCAB_SIZE, "hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1,
    "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 4, "pad_token_id": 0,
}  # fmt: skip
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {},
    "gpt2": {},
    "gemma2": {"final_logit_softcapping": 1.5},
    "cohere": {"logit_scale": 0.4},
    "granite": {"logits_scaling": 3.0},
    "gptj": {"n_embd": 8, "n_head": 2, "n_layer": 1, "rotary_dim": 2},  # a bias on its output
}


def model_of(family: str, seed: int) -> Any:
    torch.manual_seed(seed)
    values = SHAPE | FAMILIES[family]
    if family == "gptj":
        values = {"vocab_size": VOCAB_SIZE, **FAMILIES[family]}
    if family == "gpt2":
        values = {"vocab_size": VOCAB_SIZE, "n_embd": 8, "n_head": 2, "n_layer": 1, "n_positions": 16,
                  "resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}  # fmt: skip
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **values))
    with torch.no_grad():  # logits large enough that a scale or cap matters
        head = model.get_output_embeddings()
        head.weight.mul_(20)
        if head.bias is not None:
            head.bias.normal_()
    return model


def trained(folder: Path, student: Any, judge: Any, fused: bool, **changes: Any) -> dict[str, Any]:
    trainer = trainer_of(DistillTrainer, folder, steps=2, micro_batch_size=4, model=student, fused=fused)
    objective = Objective(Teacher([judge], TOKENS, torch.float32), 2.0, 0.7, fused=fused)
    trainer.distillation = replace(objective, **changes)
    keeper = KeepGradients()
    trainer.add_callback(keeper)
    trainer.train()
    weights = torch.cat([one.detach().flatten() for one in student.parameters()])
    return {
        "gradients": torch.stack(keeper.seen),
        "weights": weights,
        "loss": trainer.state.log_history[0]["loss"],
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_trap_equal_to_the_dense_loss_in_every_family(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {
        fused: trained(tmp_path, model_of(family, 0), model_of(family, 1), fused) for fused in (False, True)
    }
    for name in ("gradients", "weights"):
        torch.testing.assert_close(found[True][name], found[False][name], rtol=2e-4, atol=2e-6)
    assert found[True]["loss"] == pytest.approx(found[False]["loss"], rel=1e-5)
    if family not in ("gemma2", "cohere", "granite", "gptj"):
        return
    # The wrong version knows the weight alone.
    monkeypatch.setattr("retort.distill.losses.fused._explains", lambda model, head: True)
    monkeypatch.setattr("retort.distill.losses.fused._bending", lambda config: (1.0, None))
    monkeypatch.setattr(OutputHead, "bias", None)
    wrong = trained(tmp_path, model_of(family, 0), model_of(family, 1), True)
    assert abs(wrong["loss"] - found[False]["loss"]) > 0.01


def test_hard_labels_own_words_and_other_families_as_teacher(tmp_path: Path) -> None:
    for changes in (
        {"teacher": None, "alpha": 0.0},
        {"on_policy": OnPolicy(share=1.0, prompt_tokens=2)},
        {"divergence": "reverse_kl"},
    ):
        found = [
            trained(tmp_path, model_of("llama", 0), model_of("gemma2", 1), fused, **changes)["gradients"]
            for fused in (False, True)
        ]
        torch.testing.assert_close(found[1], found[0], rtol=2e-4, atol=2e-6)


def test_no_logits_are_made(tmp_path: Path) -> None:
    """Neither model's projection sees more than one place a row."""
    student, teacher = model_of("llama", 0), model_of("cohere", 1)
    seen: list[int] = []

    def look(module: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
        seen.append(made.shape[1])

    trainer = trainer_of(DistillTrainer, tmp_path, model=student, fused=True)
    trainer.distillation = Objective(Teacher([teacher], TOKENS, torch.float32), 2.0, 0.7, fused=True)
    ids = torch.arange(10).reshape(2, 5)
    hooks = [one.get_output_embeddings().register_forward_hook(look) for one in (student, teacher)]
    trainer.compute_loss(student, {"input_ids": ids, "labels": ids})
    for hook in hooks:
        hook.remove()
    # The teacher's is first tried on a few tokens.
    assert seen == [1, 4, 1]
    assert student(input_ids=ids).logits.shape == (2, 5, VOCAB_SIZE), "the model is left as it was"


class Bends(CohereForCausalLM):
    """Does to its logits what no config says."""

    def forward(self, *given: Any, **named: Any) -> Any:
        told = super().forward(*given, **named)
        told.logits = told.logits.sinh()
        return told


def bending_model() -> Any:
    torch.manual_seed(0)
    bent = Bends(AutoConfig.for_model("cohere", **SHAPE, logit_scale=1.0))
    with torch.no_grad():
        bent.get_output_embeddings().weight.mul_(20)
    return bent


def test_what_cannot_be_fused_is_refused(markov: Values) -> None:
    bent = bending_model()
    with pytest.raises(CapabilityError, match=r"the student \(Bends\) changes its logits in another way"):
        find_head(bent, "the student")
    headless = GPT2LMHeadModel(AutoConfig.for_model("gpt2", vocab_size=8, n_embd=8, n_head=2, n_layer=1))
    headless.get_output_embeddings = lambda: None
    with pytest.raises(CapabilityError, match=r"the teacher \(GPT2LMHeadModel\) has no output projection"):
        find_head(headless, "the teacher")
    values = markov(fused=True)
    with pytest.raises(InputError, match="fused is true, and 2 teachers are given"):
        Recipe.from_dict(values | {"teacher": [values["teacher"]] * 2})
    with pytest.raises(InputError, match="fused is true, and targets are given"):
        Recipe.from_dict(values | {"targets": "cache"})


def test_whole_arms_end_where_dense_ones_do(markov: Values, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[bool] = []
    fused_loss = objective_module.fused_loss

    def counted(*given: Any, **named: Any) -> Any:
        calls.append(given[2] is not None)
        return fused_loss(*given, **named)

    monkeypatch.setattr(objective_module, "fused_loss", counted)
    dense = run(Recipe.from_dict(markov(steps=8, seeds=1, fused=False)))
    assert not calls
    fused = run(Recipe.from_dict(markov(steps=8, seeds=1, fused=True)))
    assert calls == [False] * 8 + [True] * 8, "both arms, so that their times compare"
    for arm in ("hard", "soft"):
        assert fused.arms[arm][0].val_nll == pytest.approx(dense.arms[arm][0].val_nll, abs=1e-4)


def test_auto_fuses_where_it_is_faster_and_possible_and_says_so(markov: Values, tmp_path: Path) -> None:
    short = {"steps": 1, "seeds": 1, "control": False}
    assert run(Recipe.from_dict(markov(**short))).recipe["fused"] is True
    assert run(Recipe.from_dict(markov(**short, dtype="bfloat16"))).recipe["fused"] is False
    values = markov(**short)
    pair = Recipe.from_dict(values | {"teacher": [values["teacher"]] * 2})
    assert pair.fused == "auto" and run(pair).recipe["fused"] is False
    bent = [("the student", bending_model())]
    assert not is_fused("auto", possible=True, dtype="float32", models=bent)
    assert is_fused("auto", possible=True, dtype="float32", models=[("the student", model_of("gpt2", 0))])
    with pytest.raises(CapabilityError):
        is_fused(True, possible=True, dtype="float32", models=bent)
    with pytest.raises(InputError, match="fused is 'yes'; allowed are true, false and auto"):
        Recipe.from_dict(values | {"fused": "yes"})
