"""The keys of a recipe that decide what an arm starts from, which learning rates it tries and where it is logged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from retort.distill.checks import (
    Rule,
    build,
    check_fields,
    key,
    number,
    optional,
    schema_of,
    text,
    whole_number,
)
from retort.errors import InputError

_count = whole_number(1)


def _layers(name: str, value: Any) -> int | tuple[int, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        number_of: int = _count(name, value)
        return number_of
    places = tuple(whole_number(0)(name, one) for one in value)
    if not places or list(places) != sorted(set(places)):
        raise InputError(
            f"{name} is {list(value)!r}; it must be how many layers, or their numbers from 0 in rising order."
        )
    return places


layers = Rule(
    _layers,
    {
        "anyOf": [
            {"type": "integer", "minimum": 1},
            {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1, "uniqueItems": True},
        ]
    },
)


@dataclass(frozen=True)
class Cut:
    """What a student takes of the (first) teacher; None: all of it."""

    layers: int | tuple[int, ...] | None = field(
        default=None,
        metadata=key(optional(layers), "how many layers, at even distances, or which, numbered from 0"),
    )
    intermediate_size: int | None = field(
        default=None,
        metadata=key(optional(_count), "hidden units of each layer, those with the largest weights"),
    )
    heads: int | None = field(
        default=None,
        metadata=key(optional(_count), "attention heads of each layer, those with the largest weights"),
    )

    def __post_init__(self) -> None:
        check_fields(self, "student.from_teacher.")


def _student(name: str, value: Any) -> str | dict[str, Any]:
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, Mapping) and set(value) == {"config"} and isinstance(value["config"], Mapping):
        config = dict(value["config"])
        if isinstance(config.get("model_type"), str):
            return {"config": config}
    if isinstance(value, Mapping) and set(value) == {"from_teacher"}:
        cut = asdict(build(Cut, value["from_teacher"], f"{name}.from_teacher."))
        if isinstance(cut["layers"], tuple):
            cut["layers"] = list(cut["layers"])
        return {"from_teacher": {part: size for part, size in cut.items() if size is not None}}
    raise InputError(
        f"{name} is {value!r}; it must be a model to start from, or a fresh one such as"
        " {config: {model_type: llama, hidden_size: 96, num_hidden_layers: 4}}, or one cut out of the teacher such as"
        " {from_teacher: {layers: 4}}."
    )


_CONFIG = {
    "type": "object",
    "properties": {
        "config": {
            "type": "object",
            "properties": {"model_type": {"type": "string"}},
            "required": ["model_type"],
        }
    },
    "required": ["config"],
    "additionalProperties": False,
}
_CUT = {
    "type": "object",
    "properties": {"from_teacher": schema_of(Cut)},
    "required": ["from_teacher"],
    "additionalProperties": False,
}
student = Rule(_student, {"anyOf": [{"type": "string"}, _CONFIG, _CUT]})

_rate = number(0, 10, low_open=True)


def _learning_rate(name: str, value: Any) -> float | tuple[float, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        single: float = _rate(name, value)
        return single
    rates = tuple(_rate(name, one) for one in value)
    if len(rates) < 2 or len(set(rates)) != len(rates):
        raise InputError(
            f"{name} is {list(value)!r}; a list is a search and holds two or more different rates, as in [1e-3, 3e-3]."
        )
    return rates


def _report_to(name: str, value: Any) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, Sequence):
        raise InputError(f"{name} is {value!r}; it must be a name or a list of them, as in [tensorboard].")
    return tuple(text(name, one) for one in names)


learning_rate = Rule(
    _learning_rate,
    {"anyOf": [_rate.schema, {"type": "array", "items": _rate.schema, "minItems": 2, "uniqueItems": True}]},
)
report_to = Rule(_report_to, {"anyOf": [text.schema, {"type": "array", "items": text.schema}]})
