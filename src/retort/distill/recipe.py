"""The recipe of a distillation: one frozen record, read from YAML and `key=value` overrides, and checked before any work.

Every key is a field below; its default, allowed range and one line of help stand on the field and nowhere else. Unknown
keys are errors with the nearest right one. Paths are relative to the current directory.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeAlias

from retort.errors import InputError

SCHEDULES = ("cosine", "linear", "constant")
DTYPES = ("float32", "bfloat16")
EMBEDDED_RECIPES = Path(__file__).resolve().parents[1] / "embedded" / "recipes"

Check: TypeAlias = Callable[[str, Any], Any]


def _number(low: float, high: float, *, low_open: bool = False, high_open: bool = False) -> Check:
    def check(name: str, value: Any) -> float:
        number = _as_number(value)
        inside = number is not None and (low < number if low_open else low <= number)
        inside = inside and number is not None and (number < high if high_open else number <= high)
        if number is None or not inside or not math.isfinite(number):
            raise InputError(f"{name} is {value!r}; allowed is a number {_range_text(low, high, low_open, high_open)}.")
        return number

    return check


def _whole(low: int) -> Check:
    def check(name: str, value: Any) -> int:
        number = _as_number(value)
        if number is None or number != int(number) or number < low:
            raise InputError(f"{name} is {value!r}; allowed is a whole number from {low} up.")
        return int(number)

    return check


def _optional(inner: Check) -> Check:
    return lambda name, value: None if value is None else inner(name, value)


def _choice(*allowed: str) -> Check:
    def check(name: str, value: Any) -> str:
        if value not in allowed:
            raise InputError(f"{name} is {value!r}{_nearest(str(value), allowed)}; allowed are {', '.join(allowed)}.")
        return str(value)

    return check


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"{name} is {value!r}; allowed are true and false.")
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{name} is {value!r}; it must be a piece of text, for instance a path or a model's name.")
    return value


def _models(name: str, value: Any) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, Sequence) or not names:
        raise InputError(f"{name} is {value!r}; it must be a model, or a list of models to average.")
    return tuple(_text(name, one) for one in names)


def _student(name: str, value: Any) -> str | dict[str, Any]:
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, Mapping) and set(value) == {"config"} and isinstance(value["config"], Mapping):
        config = dict(value["config"])
        if isinstance(config.get("model_type"), str):
            return {"config": config}
    raise InputError(
        f"{name} is {value!r}; it must be a model to start from, or a fresh one such as"
        " {config: {model_type: llama, hidden_size: 96, num_hidden_layers: 4}}."
    )


def _seeds(name: str, value: Any) -> tuple[int, ...]:
    values = list(range(value)) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        raise InputError(f"{name} is {value!r}; it must be how many seeds (from 1), or a list of them.")
    seeds = tuple(_whole(0)(name, one) for one in values)
    if len(set(seeds)) != len(seeds):
        raise InputError(f"{name} is {value!r}; a seed may stand there once, since a repeat adds no evidence.")
    return seeds


def _data(name: str, value: Any) -> Data:
    return value if isinstance(value, Data) else _build(Data, value, f"{name}.")


def _key(check: Check, help_text: str, default: Any = MISSING) -> Any:
    metadata = {"check": check, "help": help_text}
    return field(metadata=metadata) if default is MISSING else field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Data:
    """Which text the students see and are measured on: .txt (blank lines between documents), .jsonl (`text`), `embedded:NAME`."""

    train: str = _key(_text, "text to train on")
    validation: str = _key(_text, "held-out text for the curves")
    test: str | None = _key(_optional(_text), "held-out text for the final numbers only", None)
    tokens: int | None = _key(_optional(_whole(1)), "use only the first so many tokens of the training text", None)
    validation_tokens: int | None = _key(_optional(_whole(2)), "measure on the first so many validation tokens", None)
    test_tokens: int | None = _key(_optional(_whole(2)), "measure on the first so many test tokens", None)

    def __post_init__(self) -> None:
        _check_fields(self, "data.")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a distillation and its control. Raises InputError for a value that is not allowed."""

    teacher: tuple[str, ...] = _key(_models, "MODEL, or a list whose probabilities are averaged")
    student: str | dict[str, Any] = _key(_student, "MODEL to start from, or {config: {…}} for a fresh one")
    data: Data = _key(_data, "train, validation, test and their limits")
    sequence_length: int = _key(_whole(2), "tokens a row", 128)
    batch_size: int = _key(_whole(1), "rows an optimiser step", 16)
    micro_batch_size: int | None = _key(
        _optional(_whole(1)), "rows held in memory at once; divides batch_size, changes no gradient", None
    )
    steps: int = _key(_whole(1), "optimiser steps", 500)
    learning_rate: float = _key(_number(0, 10, low_open=True), "peak learning rate of AdamW", 2e-3)
    schedule: str = _key(_choice(*SCHEDULES), "how the learning rate falls", "cosine")
    warmup: float = _key(_number(0, 1, high_open=True), "share of the steps in which it rises first", 0.05)
    weight_decay: float = _key(_number(0, 10), "AdamW's weight decay, not on norms and biases", 0.1)
    temperature: float = _key(_number(0, 1000, low_open=True), "τ of the soft targets", 3.0)
    alpha: float = _key(_number(0, 1), "the soft targets' share of the loss", 0.7)
    seeds: tuple[int, ...] = _key(_seeds, "how many seeds, or a list of them", (0, 1, 2))
    control: bool = _key(_flag, "train the same student on hard labels too", True)
    equal_time: bool = _key(_flag, "a third arm: hard labels for the wall-clock of the soft arm", True)
    dtype: str = _key(_choice(*DTYPES), "arithmetic of training; weights stay float32", "float32")
    eval_every: int | None = _key(_optional(_whole(1)), "steps between points of the learning curve", None)
    checkpoint_every: int | None = _key(_optional(_whole(1)), "steps between checkpoints to resume an arm from", None)
    output: str | None = _key(_optional(_text), "folder for results; finished arms found there are not run again", None)
    save: str | None = _key(_optional(_text), "folder for the trained students", None)

    def __post_init__(self) -> None:
        _check_fields(self, "")
        if self.batch_size % (self.micro_batch_size or 1):
            raise InputError(
                f"micro_batch_size is {self.micro_batch_size} and batch_size {self.batch_size}; the first must divide the"
                " second, so that every step sees the same number of rows."
            )
        if self.alpha == 0:
            raise InputError(
                "alpha is 0, so nothing would be distilled and the soft arm would be its own control; choose alpha in (0, 1]."
            )

    @classmethod
    def load(cls, path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
        """The recipe in a YAML file, or in an embedded one (`embedded:default`), with `key=value` overrides put in."""
        import yaml

        file = Path(path)
        if str(path).startswith("embedded:"):
            name = str(path).removeprefix("embedded:")
            names = sorted(one.stem for one in EMBEDDED_RECIPES.glob("*.yaml"))
            if name not in names:
                raise InputError(f"recipe is 'embedded:{name}'{_nearest(name, names)}; allowed are {', '.join(names)}.")
            file = EMBEDDED_RECIPES / f"{name}.yaml"
        try:
            values = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"recipe {path} cannot be read ({error}); give a YAML file.") from None
        except yaml.YAMLError as error:
            raise InputError(f"recipe {path} is not valid YAML: {' '.join(str(error).split())}") from None
        return cls.from_dict(values, overrides)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], overrides: Sequence[str] = ()) -> Recipe:
        """The recipe in nested dictionaries as YAML gives them; overrides as in `data.tokens=100000`."""
        if not isinstance(values, Mapping):
            raise InputError(f"a recipe must be keys and values, but this is a {type(values).__name__}; see docs on distill.")
        for override in overrides:
            values = _overridden(values, override)
        return _build(cls, values, "")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` reads them back."""
        values = asdict(self)
        values["teacher"] = self.teacher[0] if len(self.teacher) == 1 else list(self.teacher)
        values["seeds"] = list(self.seeds)
        return values


def _overridden(values: Mapping[str, Any], override: str) -> dict[str, Any]:
    """A copy of nested `values` with one `a.b=value` put in; the value is YAML."""
    import yaml

    name, equals, text = override.partition("=")
    keys = name.strip().split(".")
    if not equals or not all(keys):
        raise InputError(f"override is {override!r}; it must look like steps=200 or data.tokens=100000.")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise InputError(f"override is {override!r}, and its value is not valid YAML; quote it.") from None
    copy = dict(values)
    inner = copy
    for key in keys[:-1]:
        below = inner.get(key)
        if below is not None and not isinstance(below, Mapping):
            raise InputError(f"override is {override!r}, but {key} is {below!r} and has no keys inside.")
        inner[key] = dict(below or {})
        inner = inner[key]
    inner[keys[-1]] = value
    return copy


def _build(kind: type[Any], values: Any, prefix: str) -> Any:
    """`kind(**values)` after checking that every key exists and every required one is there."""
    if not isinstance(values, Mapping):
        raise InputError(f"{prefix.rstrip('.')} is {values!r}; it must be keys and values.")
    known = {one.name: one for one in fields(kind)}
    cleaned = {str(name).replace("-", "_"): value for name, value in values.items()}
    for name in cleaned:
        if name not in known:
            raise InputError(f"the recipe has no key {prefix}{name}{_nearest(name, known)}; keys are {', '.join(known)}.")
    for name, one in known.items():
        if one.default is MISSING and name not in cleaned:
            raise InputError(f"the recipe has no {prefix}{name}, which is required: {one.metadata['help']}.")
    return kind(**cleaned)


def _check_fields(record: Any, prefix: str) -> None:
    for one in fields(record):
        checked = one.metadata["check"](prefix + one.name, getattr(record, one.name))
        object.__setattr__(record, one.name, checked)


def _as_number(value: Any) -> float | None:
    """YAML 1.1 reads 2e-3 as text, so text that is a number counts as one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _range_text(low: float, high: float, low_open: bool, high_open: bool) -> str:
    return f"in {'(' if low_open else '['}{low:g}, {high:g}{')' if high_open else ']'}"


def _nearest(name: str, allowed: Any) -> str:
    close = difflib.get_close_matches(name, list(allowed), n=1)
    return f" (did you mean {close[0]}?)" if close else ""
