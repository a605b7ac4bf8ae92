"""The keys of a recipe whose values are more than a number or a word: teachers with weights, a τ that moves, own words.

Each is a frozen record with its own checks, built from what YAML gives and turned back into it by `dataclasses.asdict`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from retort.distill.checks import (
    Rule,
    build,
    check_fields,
    choice,
    key,
    number,
    schema_of,
    text,
    whole_number,
)
from retort.errors import InputError

LARGEST_TEMPERATURE = 1000
temperature_number = number(0, LARGEST_TEMPERATURE, low_open=True)


@dataclass(frozen=True)
class TemperatureSchedule:
    """τ that moves from `first` in the first step to `last` in the last, evenly in 1/τ (linear) or eased (cosine)."""

    first: float = field(metadata=key(temperature_number, "τ of the first step"))
    last: float = field(metadata=key(temperature_number, "τ of the last step"))
    schedule: str = field(default="linear", metadata=key(choice("linear", "cosine"), "how 1/τ moves between"))

    def __post_init__(self) -> None:
        check_fields(self, "temperature.")

    def at(self, step: int, steps: int) -> float:
        """τ of `step` (from 0) of `steps`: a function of these alone, so that a resumed arm meets the same ones."""
        from retort.distill.losses import scheduled_temperature

        return scheduled_temperature(self.schedule, self.first, self.last, step, steps)


def temperature_at(temperature: float | TemperatureSchedule, step: int, steps: int) -> float:
    """τ of `step` (from 0) of `steps`, whether it moves or not."""
    return temperature.at(step, steps) if isinstance(temperature, TemperatureSchedule) else temperature


def _temperature(name: str, value: Any) -> float | TemperatureSchedule:
    if isinstance(value, TemperatureSchedule):
        return value
    if isinstance(value, Mapping):
        schedule: TemperatureSchedule = build(TemperatureSchedule, value, f"{name}.")
        return schedule
    checked: float = temperature_number(name, value)
    return checked


@dataclass(frozen=True)
class Teachers(Sequence[str]):
    """The teachers' MODEL strings, in order, and how much each counts; a sequence of the names."""

    names: tuple[str, ...]
    weights: tuple[float, ...]

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...
    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        return self.names[place]

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    @property
    def even(self) -> bool:
        """Whether all count alike."""
        return len(set(self.weights)) == 1

    @property
    def shares(self) -> tuple[float, ...]:
        """The weights, made to sum to 1."""
        return tuple(weight / sum(self.weights) for weight in self.weights)

    def to_value(self) -> str | list[Any]:
        """What YAML would say: a name, a list of names, or a list of names with weights."""
        if len(self) == 1:
            return self.names[0]
        if self.even:
            return list(self.names)
        return [
            {"model": name, "weight": weight} for name, weight in zip(self.names, self.weights, strict=True)
        ]


@dataclass(frozen=True)
class _Member:
    model: str = field(metadata=key(text, "MODEL"))
    weight: float = field(default=1.0, metadata=key(number(0, 1e6, low_open=True), "how much it counts"))

    def __post_init__(self) -> None:
        check_fields(self, "teacher.")


def _teachers(name: str, value: Any) -> Teachers:
    if isinstance(value, Teachers):
        return value
    given = [value] if isinstance(value, str | Mapping) else value
    if not isinstance(given, Sequence) or not given:
        raise InputError(f"{name} is {value!r}; it must be a model, or a list of models to average.")
    members = [
        build(_Member, one, f"{name}.") if isinstance(one, Mapping) else _Member(text(name, one))
        for one in given
    ]
    return Teachers(tuple(one.model for one in members), tuple(one.weight for one in members))


@dataclass(frozen=True)
class OnPolicy:
    """Steps that learn from the student's own words (Agarwal et al. 2024, GKD; `share` is its λ)."""

    share: float = field(
        default=0.5, metadata=key(number(0, 1, low_open=True), "share of the steps that do so")
    )
    prompt_tokens: int = field(
        default=32,
        metadata=key(whole_number(1), "tokens of each row that are kept; the student says the rest"),
    )
    temperature: float = field(default=1.0, metadata=key(temperature_number, "τ at which the student speaks"))

    def __post_init__(self) -> None:
        check_fields(self, "on_policy.")


def _on_policy(name: str, value: Any) -> OnPolicy | None:
    if value is None or isinstance(value, OnPolicy):
        return value
    settings: OnPolicy = build(OnPolicy, value, f"{name}.")
    return settings


def _fused(name: str, value: Any) -> bool | str:
    if value != "auto" and not isinstance(value, bool):
        raise InputError(f"{name} is {value!r}; allowed are true, false and auto.")
    checked: bool | str = value
    return checked


fused = Rule(_fused, {"enum": [True, False, "auto"]})
_MEMBER = {"anyOf": [text.schema, schema_of(_Member)]}

temperature = Rule(_temperature, {"anyOf": [temperature_number.schema, schema_of(TemperatureSchedule)]})
on_policy = Rule(_on_policy, {"anyOf": [{"type": "null"}, schema_of(OnPolicy)]})
teachers = Rule(_teachers, {"anyOf": [*_MEMBER["anyOf"], {"type": "array", "items": _MEMBER, "minItems": 1}]})
