"""Training from hidden states: the same losses, gradients and weights as from logits, in every family that is taken."""

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
from distill.test_trainer import VOCAB_SIZE, KeepGradients, trainer_of
from retort.distill import Recipe, run
from retort.distill.heads import OutputHead, find_head, is_fused
from retort.distill.models import Teacher
from retort.distill.objective import Objective
from retort.distill.recipe import OnPolicy
from retort.distill.step import DistillTrainer
from retort.errors import CapabilityError, InputError

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
    monkeypatch.setattr("retort.distill.heads._explains", lambda model, head: True)
    monkeypatch.setattr("retort.distill.heads._bending", lambda config: (1.0, None))
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
    fused_loss = objective_module.fused_distillation_loss

    def counted(*given: Any, **named: Any) -> Any:
        calls.append(named["teacher_hidden"] is not None)
        return fused_loss(*given, **named)

    monkeypatch.setattr(objective_module, "fused_distillation_loss", counted)
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
