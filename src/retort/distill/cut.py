"""A student cut out of its teacher: which layers, attention heads and hidden units stay, and their weights.

`cut_student` takes layers at even distances, the first and the last among them: half of twelve are 0, 2, 4, 7, 9 and
11, those that DistilBERT (Sanh et al. 2019) began with. Within a layer the heads and units with the largest weights
stay: of a hidden unit the product of the norms of the weights into it and out of it, of
an attention head (with the queries that share its keys) the norm of its values times that of its part of the output,
which bound what it adds to the stream. Minitron (Muralidharan et al. 2024) ranks by activations on data, which is
better without training after it and costs passes through the teacher. The width of the stream itself stays: every layer
reads and writes all of it.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from retort.distill.recipe import Cut
from retort.errors import InputError

# Tensors of a layer with a place for each hidden unit, and the axis on which the places lie: by family.
UNITS = (
    {"mlp.gate_proj.weight": 0, "mlp.up_proj.weight": 0, "mlp.down_proj.weight": 1},
    {"mlp.c_fc.weight": 1, "mlp.c_proj.weight": 0},  # GPT-2 lays its matrices the other way round
)
BIASES = {"mlp.gate_proj.bias": 0, "mlp.up_proj.bias": 0, "mlp.c_fc.bias": 0}
QUERIES, VALUES, OUTPUT = "self_attn.q_proj", "self_attn.v_proj", "self_attn.o_proj.weight"
KEYS_AND_VALUES = ("self_attn.k_proj", VALUES)


def cut_student(teacher: nn.Module, cut: Cut) -> nn.Module:
    """A model of the teacher's kind in float32 with a part of its layers, heads and hidden units, weights copied.

    With nothing cut away it is the teacher exactly. Raises InputError for a cut that the teacher does not have.
    """
    from transformers import AutoModelForCausalLM

    prefix, count = _layers(teacher)
    told: Any = teacher.config
    kept = kept_layers(cut.layers, count)
    weights = _with_layers(teacher.state_dict(), prefix, kept)
    config = copy.deepcopy(told)
    _cut_config(config, count, kept)
    groups = _kept_groups(told, cut.heads)
    for place in range(len(kept)):
        layer = f"{prefix}{place}."
        if cut.intermediate_size is not None:
            _cut_units(weights, layer, cut.intermediate_size)
        if groups is not None:
            _cut_heads(weights, layer, told, *groups)
    if cut.intermediate_size is not None:
        name = "n_inner" if hasattr(config, "n_inner") else "intermediate_size"
        setattr(config, name, cut.intermediate_size)
    if groups is not None:
        config.head_dim = _head_size(told)
        config.num_attention_heads, config.num_key_value_heads = cut.heads, groups[0]
    student: nn.Module = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    student.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    return student.train().requires_grad_(True)


def kept_layers(layers: int | Sequence[int] | None, count: int) -> tuple[int, ...]:
    """Which of `count` layers stay: those named, or so many at even distances, first and last among them; None: all."""
    if layers is None:
        return tuple(range(count))
    if isinstance(layers, int):
        if layers > count:
            raise InputError(f"student.from_teacher.layers is {layers}, and the teacher has {count} layers.")
        # Half a step counts upwards, so that halves of even numbers are taken the same way everywhere.
        return tuple(int(place * (count - 1) / max(layers - 1, 1) + 0.5) for place in range(layers))
    if max(layers) >= count:
        raise InputError(
            f"student.from_teacher.layers has {max(layers)}, and the teacher's layers are 0 to {count - 1}."
        )
    return tuple(layers)


def _layers(model: nn.Module) -> tuple[str, int]:
    """The prefix of the names of the layers' tensors, and how many layers there are."""
    config: Any = model.config
    count = int(config.get_text_config(decoder=True).num_hidden_layers)
    # Outer modules come before inner ones: a list inside a layer that is as long by chance (experts) is not the first.
    modules = model.named_modules()
    lists = [name for name, one in modules if isinstance(one, nn.ModuleList) and len(one) == count]
    if not lists:
        raise InputError(
            f"{type(model).__name__} has no list of {count} layers to cut from; give the student a config of its own."
        )
    return f"{lists[0]}.", count


def _with_layers(weights: Mapping[str, Tensor], prefix: str, kept: Sequence[int]) -> dict[str, Tensor]:
    """The weights with the layers `kept` under the numbers 0, 1, …; all that is in no layer stays."""
    layer = re.compile(re.escape(prefix) + r"(\d+)\.")
    chosen = {}
    for name, tensor in weights.items():
        match = layer.match(name)
        if match is None:
            chosen[name] = tensor
        elif int(match[1]) in kept:
            chosen[f"{prefix}{kept.index(int(match[1]))}.{name[match.end() :]}"] = tensor
    return chosen


def _cut_config(config: Any, count: int, kept: Sequence[int]) -> None:
    """The number of layers; of every list with an entry a layer, as `layer_types`, the entries of those kept."""
    # Found by their length, since every family has its own; ends of a text are as many as layers by chance alone.
    for name, value in list(vars(config).items()):
        if isinstance(value, list) and len(value) == count and not name.endswith("_token_id"):
            setattr(config, name, [value[place] for place in kept])
    config.num_hidden_layers = len(kept)


def _cut_units(weights: dict[str, Tensor], layer: str, size: int) -> None:
    axes = next((one for one in UNITS if all(layer + name in weights for name in one)), None)
    if axes is None:
        raise InputError(
            "student.from_teacher.intermediate_size cuts hidden units of Llama's or GPT-2's kind, and this teacher's"
            " are of another; leave it out."
        )
    # What a unit adds is its input weights times its output weights: small on one side, it is small altogether.
    by_unit = [weights[layer + name].float().movedim(axis, 0).flatten(1) for name, axis in axes.items()]
    importance = torch.stack([one.norm(dim=1) for one in by_unit]).prod(dim=0)
    if size > len(importance):
        raise InputError(
            f"student.from_teacher.intermediate_size is {size}, and the teacher has {len(importance)} hidden units."
        )
    places = _largest(importance, size)
    for name, axis in {**axes, **BIASES}.items():
        if layer + name in weights:
            weights[layer + name] = weights[layer + name].index_select(axis, places)


def _head_size(config: Any) -> int:
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def _kept_groups(config: Any, heads: int | None) -> tuple[int, int] | None:
    """How many groups stay, and queries a group: all queries that share a key go or stay together."""
    if heads is None:
        return None
    total = int(config.num_attention_heads)
    queries = total // int(getattr(config, "num_key_value_heads", None) or total)
    if heads > total or heads % queries:
        raise InputError(
            f"student.from_teacher.heads is {heads}; the teacher has {total}, and {queries} at a time share their keys,"
            f" so it must be a multiple of {queries} up to {total}."
        )
    return heads // queries, queries


def _cut_heads(weights: dict[str, Tensor], layer: str, config: Any, groups: int, queries: int) -> None:
    size = _head_size(config)
    if layer + OUTPUT not in weights or f"{layer}{QUERIES}.weight" not in weights:
        raise InputError(
            f"student.from_teacher.heads cuts attention of Llama's kind, and {config.model_type} has another; leave it"
            " out."
        )
    values = weights[f"{layer}{VALUES}.weight"].float()
    output = weights[layer + OUTPUT].float()
    total = values.shape[0] // size
    importance = values.reshape(total, -1).norm(dim=1) * output.T.reshape(total, -1).norm(dim=1)
    kept = _largest(importance, groups)

    def places(width: int) -> Tensor:
        return (kept[:, None] * width + torch.arange(width)).flatten()

    # Queries come in groups that share a key: the same groups must go in all four matrices, or heads would be mixed.
    for name in KEYS_AND_VALUES:
        _select(weights, layer + name, places(size))
    _select(weights, layer + QUERIES, places(size * queries))
    weights[layer + OUTPUT] = weights[layer + OUTPUT].index_select(1, places(size * queries))


def _select(weights: dict[str, Tensor], name: str, places: Tensor) -> None:
    for kind in ("weight", "bias"):
        if f"{name}.{kind}" in weights:
            weights[f"{name}.{kind}"] = weights[f"{name}.{kind}"].index_select(0, places)


def _largest(importance: Tensor, size: int) -> Tensor:
    """The places of the `size` largest, in the order in which they lie; of equals the first."""
    order = torch.sort(importance.cpu(), descending=True, stable=True).indices
    return order[:size].sort().values
