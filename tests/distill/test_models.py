"""Students cut out of a teacher: nothing cut away is the teacher, and what stays are the named layers' own weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM

from distill.markov import SMALL_STUDENT
from retort.distill import Recipe, run
from retort.distill.arm import first_weights
from retort.distill.cut import cut_student, kept_layers
from retort.distill.experiment import prepare
from retort.distill.models import need_causal, student_config
from retort.distill.recipe import Cut
from retort.errors import CapabilityError, InputError

Markov = Callable[..., dict[str, Any]]
SIZES = {
    "num_hidden_layers": 4,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_attention_heads": 4,
    "vocab_size": 20,
}
FAMILIES = {
    "llama": {"num_key_value_heads": 2},
    "mistral": {"num_key_value_heads": 4},
    "qwen2": {"num_key_value_heads": 2, "tie_word_embeddings": True},
    "qwen3": {"num_key_value_heads": 2, "head_dim": 8},
    "gpt2": {},
}


def teacher_of(family: str) -> nn.Module:
    torch.manual_seed(0)
    sizes = {"n_layer": 4, "n_embd": 16, "n_head": 4, "vocab_size": 20} if family == "gpt2" else SIZES
    config = AutoConfig.for_model(family, **sizes, **FAMILIES[family])
    model: nn.Module = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # biases and norms too: zeros and ones would hide a mistake
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def logits(model: nn.Module) -> Tensor:
    with torch.no_grad():
        found: Tensor = model.eval()(input_ids=torch.arange(12).reshape(2, 6)).logits
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_cut_away_is_the_teacher(family: str) -> None:
    teacher = teacher_of(family)
    units = 64 if family == "gpt2" else 24
    for cut in (Cut(layers=4), Cut(layers=[0, 1, 2, 3]), Cut(intermediate_size=units)):
        assert torch.equal(logits(cut_student(teacher, cut)), logits(teacher))
    if family != "gpt2":
        assert torch.equal(logits(cut_student(teacher, Cut(heads=4))), logits(teacher))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_causal_model_is_one(family: str) -> None:
    need_causal(teacher_of(family), "the student")


def test_a_student_that_sees_later_tokens_is_refused() -> None:
    """A fresh BERT of width 16, in which one token moves another's logits least."""
    torch.manual_seed(0)
    sizes = {
        "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16,
        "vocab_size": 300,
    }  # fmt: skip
    student = AutoModelForCausalLM.from_config(AutoConfig.for_model("bert", **sizes), dtype=torch.float32)
    with pytest.raises(
        CapabilityError, match=r"the student \(BertLMHeadModel\) is not a causal language model"
    ):
        need_causal(student, "the student")
    config = AutoConfig.for_model("bert", is_decoder=True, **sizes)
    need_causal(AutoModelForCausalLM.from_config(config, dtype=torch.float32), "the student")
    with pytest.raises(InputError, match="model_type is 't5', which is not a causal language model"):
        student_config({"model_type": "t5"})


@pytest.mark.parametrize("family", FAMILIES)
def test_half_of_the_layers_are_the_named_ones(family: str) -> None:
    teacher = teacher_of(family)
    teacher.config.eos_token_id = [2, 3, 4, 5]  # as many as layers, and no entry a layer
    student = cut_student(teacher, Cut(layers=2))
    assert student.config.num_hidden_layers == 2 and student.training
    assert student.config.eos_token_id == [2, 3, 4, 5]
    ours, theirs = student.state_dict(), teacher.state_dict()
    compared = 0
    for name, tensor in ours.items():
        source = name.replace(".1.", ".3.") if ".1." in name else name  # the first and the last
        assert torch.equal(tensor, theirs[source]), name
        compared += ".1." in name
    assert compared > 5
    assert not torch.equal(logits(student), logits(teacher))
    # It is what the teacher would be without the two layers in the middle.
    layers = next(one for one in teacher.modules() if isinstance(one, nn.ModuleList) and len(one) == 4)
    del layers[2], layers[1]
    for place, layer in enumerate(layers):  # where its keys and values are cached
        for one in layer.modules():
            if hasattr(one, "layer_idx"):
                one.layer_idx = place
    teacher.config.num_hidden_layers = 2
    assert torch.allclose(logits(student), logits(teacher), atol=1e-6)


def test_layers_at_even_distances() -> None:
    assert kept_layers(6, 12) == (0, 2, 4, 7, 9, 11)  # DistilBERT's
    assert kept_layers(3, 5) == (0, 2, 4) and kept_layers(1, 5) == (0,) and kept_layers(None, 3) == (0, 1, 2)
    assert kept_layers([1, 3], 5) == (1, 3)


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3"])
def test_heads_and_units_that_add_nothing_are_the_ones_that_go(family: str) -> None:
    """Half of the units and one group of heads write nothing: cut away, the logits stay as they are."""
    teacher = teacher_of(family)
    size = 8 if family == "qwen3" else 4
    with torch.no_grad():
        for layer in teacher.model.layers:  # type: ignore[union-attr]
            layer.mlp.down_proj.weight[:, ::2] = 0
            layer.self_attn.o_proj.weight[:, : 2 * size] = 0  # the two queries of the first group
    student = cut_student(teacher, Cut(intermediate_size=12, heads=2))
    config = student.config
    assert (config.num_attention_heads, config.num_key_value_heads, config.intermediate_size) == (2, 1, 12)
    torch.testing.assert_close(logits(student), logits(teacher), rtol=1e-5, atol=1e-6)
    sizes = [sum(one.numel() for one in model.parameters()) for model in (student, teacher)]
    assert sizes[0] < 0.8 * sizes[1]


def test_gpt2_units(tmp_path: Any) -> None:
    teacher = teacher_of("gpt2")
    with torch.no_grad():
        for layer in teacher.transformer.h:  # type: ignore[union-attr]
            layer.mlp.c_proj.weight[1::2] = 0
    student = cut_student(teacher, Cut(intermediate_size=32))
    torch.testing.assert_close(logits(student), logits(teacher), rtol=1e-5, atol=1e-6)
    student.save_pretrained(tmp_path)  # type: ignore[operator]
    again = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    assert torch.equal(logits(again), logits(student))


@pytest.mark.parametrize(
    ("family", "cut", "words"),
    [
        ("llama", {"layers": 5}, "layers is 5, and the teacher has 4"),
        ("llama", {"layers": [0, 4]}, "layers has 4, and the teacher's layers are 0 to 3"),
        ("llama", {"heads": 3}, "must be a multiple of 2 up to 4"),
        ("llama", {"intermediate_size": 25}, "the teacher has 24 hidden units"),
        ("gpt2", {"heads": 2}, "attention of Llama's kind, and gpt2 has another"),
    ],
)
def test_refuses_what_the_teacher_has_not(family: str, cut: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        cut_student(teacher_of(family), Cut(**cut))


@pytest.mark.parametrize(
    ("student", "words"),
    [
        ({"from_teacher": {"layers": 0}}, "student.from_teacher.layers is 0"),
        ({"from_teacher": {"layers": [2, 1]}}, "in rising order"),
        ({"from_teacher": {"width": 8}}, "no key student.from_teacher.width"),
        ({"from_teacher": 3}, "must be keys and values"),
        ({"from_techer": {}}, r"no key student.from_techer .did you mean from_teacher"),
    ],
)
def test_recipe_refuses(markov: Markov, student: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Recipe.from_dict(markov(student=student))


def test_a_recipe_cuts_and_all_seeds_start_alike(markov: Markov, tmp_path: Any) -> None:
    config = SMALL_STUDENT["config"] | {"num_hidden_layers": 3}
    changes: dict[str, Any] = {"steps": 4, "seeds": 1, "control": False}
    grown = run(Recipe.from_dict(markov(student={"config": config}, save=str(tmp_path), **changes)))
    teacher = grown.arms["soft"][0].saved
    recipe = Recipe.from_dict(
        markov(student={"from_teacher": {"layers": [0, 2]}}) | {"teacher": teacher, "steps": 4}
    )
    assert Recipe.from_dict(recipe.to_dict()) == recipe
    setting, _ = prepare(recipe)
    first, second = (first_weights(setting, seed).state_dict() for seed in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert first["lm_head.weight"].data_ptr() != second["lm_head.weight"].data_ptr()
    found = run(recipe)
    assert (
        found.arms["hard"][0].val_nll != found.arms["hard"][1].val_nll
    )  # the order of the rows is the seed's
