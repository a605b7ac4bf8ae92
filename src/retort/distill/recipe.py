"""The recipe of a distillation: one frozen record, from YAML and `key=value` overrides, checked before any work.

Every key is a field below; its default, allowed range and one line of help stand on the field and nowhere else.
Unknown keys are errors with the nearest right one. Paths are relative to the current directory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from retort.distill.checks import (
    build,
    check_fields,
    choice,
    flag,
    key,
    nearest,
    number,
    optional,
    text,
    whole_number,
)
from retort.distill.recipe_arms import learning_rate, report_to, student
from retort.distill.recipe_data import Data, FromTeacher
from retort.distill.recipe_values import (
    OnPolicy,
    Teachers,
    TemperatureSchedule,
    fused,
    on_policy,
    teachers,
    temperature,
)
from retort.errors import InputError
from retort.files import read_text

SCHEDULES = ("cosine", "linear", "constant")
DTYPES = ("float32", "bfloat16")
EMBEDDED_RECIPES = Path(__file__).resolve().parents[1] / "embedded" / "recipes"


def _seeds(name: str, value: Any) -> tuple[int, ...]:
    values = list(range(value)) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        raise InputError(f"{name} is {value!r}; it must be how many seeds (from 1), or a list of them.")
    seeds = tuple(whole_number(0)(name, one) for one in values)
    if len(set(seeds)) != len(seeds):
        raise InputError(
            f"{name} is {value!r}; a seed may stand there once, since a repeat adds no evidence."
        )
    return seeds


def _divergence(name: str, value: Any) -> str:
    written = text(name, value)
    if written == "forward_kl":  # the table of the others loads torch
        return written
    from retort.distill.losses import find_divergence

    return find_divergence(written).text


def _data(name: str, value: Any) -> Data:
    data: Data = value if isinstance(value, Data) else build(Data, value, f"{name}.")
    return data


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a distillation and its control. Raises InputError for a value that is not allowed."""

    teacher: Teachers = field(
        metadata=key(
            teachers, "MODEL, or a list whose probabilities are averaged, as {model:, weight:} if unevenly"
        )
    )
    student: str | dict[str, Any] = field(
        metadata=key(
            student, "MODEL to start from, or {config: {…}} for a fresh one, or {from_teacher: {layers: 4}}"
        )
    )
    data: Data = field(metadata=key(_data, "train, validation, test and their limits"))
    sequence_length: int = field(default=128, metadata=key(whole_number(2), "tokens a row"))
    batch_size: int = field(default=16, metadata=key(whole_number(1), "rows an optimiser step"))
    micro_batch_size: int | None = field(
        default=None,
        metadata=key(
            optional(whole_number(1)), "rows held in memory at once; divides batch_size, changes no gradient"
        ),
    )
    steps: int = field(default=500, metadata=key(whole_number(1), "optimiser steps"))
    learning_rate: float | tuple[float, ...] = field(
        default=2e-3,
        metadata=key(
            learning_rate, "peak learning rate of AdamW; a list: every arm tries each, takes its best"
        ),
    )
    search_steps: int | None = field(
        default=None,
        metadata=key(optional(whole_number(1)), "steps of each try where learning_rate is a list; None: all"),
    )
    schedule: str = field(default="cosine", metadata=key(choice(*SCHEDULES), "how the learning rate falls"))
    warmup: float = field(
        default=0.05, metadata=key(number(0, 1, high_open=True), "share of the steps in which it rises first")
    )
    weight_decay: float = field(
        default=0.1, metadata=key(number(0, 10), "AdamW's weight decay, not on norms and biases")
    )
    temperature: float | TemperatureSchedule = field(
        default=3.0,
        metadata=key(temperature, "τ of the soft targets, or {first:, last:, schedule: linear|cosine}"),
    )
    divergence: str = field(
        default="forward_kl",
        metadata=key(_divergence, "how far the student is from the teacher, for instance jsd(beta=0.3)"),
    )
    targets: str | None = field(
        default=None,
        metadata=key(
            optional(text), "folder of `retort capture` to take the soft targets from; None: run the teacher"
        ),
    )
    measure_teacher: bool = field(
        default=True, metadata=key(flag, "false, with targets: the teacher's weights are not opened at all")
    )
    on_policy: OnPolicy | None = field(
        default=None,
        metadata=key(on_policy, "{share:, prompt_tokens:, temperature:} of steps on the student's own words"),
    )
    alpha: float = field(default=0.7, metadata=key(number(0, 1), "the soft targets' share of the loss"))
    seeds: tuple[int, ...] = field(
        default=(0, 1, 2, 3, 4), metadata=key(_seeds, "how many seeds, or a list of them")
    )
    control: bool = field(default=True, metadata=key(flag, "train the same student on hard labels too"))
    equal_time: bool = field(
        default=True, metadata=key(flag, "a third arm: hard labels for the wall-clock of the soft arm")
    )
    dtype: str = field(
        default="float32", metadata=key(choice(*DTYPES), "arithmetic of training; weights stay float32")
    )
    fused: bool | str = field(
        default="auto",
        metadata=key(
            fused, "loss from hidden states, without either model's logits; auto: where faster and possible"
        ),
    )
    eval_every: int | None = field(
        default=None, metadata=key(optional(whole_number(1)), "steps between points of the learning curve")
    )
    keep: str = field(
        default="last",
        metadata=key(
            choice("last", "best"), "which weights an arm keeps; best: on validation, at eval_every"
        ),
    )
    checkpoint_every: int | None = field(
        default=None,
        metadata=key(optional(whole_number(1)), "steps between checkpoints to resume an arm from"),
    )
    output: str | None = field(
        default=None,
        metadata=key(optional(text), "folder for results; finished arms found there are not run again"),
    )
    save: str | None = field(default=None, metadata=key(optional(text), "folder for the trained students"))
    report_to: tuple[str, ...] = field(
        default=(), metadata=key(report_to, "where training is logged, for instance [tensorboard, wandb]")
    )

    def __post_init__(self) -> None:
        check_fields(self, "")
        if self.batch_size % (self.micro_batch_size or 1):
            raise InputError(
                f"micro_batch_size is {self.micro_batch_size} and batch_size {self.batch_size};"
                " the first must divide the second, so that every step sees the same number of rows."
            )
        if self.keep == "best" and self.eval_every is None:
            raise InputError(
                "keep is 'best' and eval_every is not given, so nothing is measured to choose from; give eval_every."
            )
        if self.search_steps is not None and not isinstance(self.learning_rate, tuple):
            raise InputError(
                f"search_steps is {self.search_steps} and learning_rate {self.learning_rate}; a search needs a list of"
                " learning rates."
            )
        if not self.measure_teacher:
            self._need_no_teacher()
        own = self.on_policy
        if own is not None and own.prompt_tokens >= self.sequence_length:
            raise InputError(
                f"on_policy.prompt_tokens is {own.prompt_tokens} and sequence_length {self.sequence_length}; rows must"
                " be longer than what the student is given of them."
            )
        if own is not None and self.targets is not None:
            raise InputError(
                f"on_policy and targets ({self.targets}) do not go together: a cache holds what the teacher says of the"
                " data, and the student's own words are not in it. Leave one of them out."
            )
        if isinstance(self.data.train, FromTeacher) and self.output is None:
            raise InputError(
                "data.train is written by the teacher, and there is no folder to keep it in; give output."
            )
        if self.fused is True and (self.targets is not None or len(self.teacher) > 1):
            given = "targets" if self.targets is not None else f"{len(self.teacher)} teachers"
            raise InputError(
                f"fused is true, and {given} are given: the fused loss projects one running teacher's hidden states."
                " Leave one of them out."
            )
        if own is not None and (self.data.separate_documents or not self.data.packing):
            raise InputError(
                "on_policy needs rows of packed text that are seen as a whole: the student goes on where their first"
                " tokens end. Leave data.separate_documents and data.packing out, or on_policy."
            )
        if self.alpha == 0:
            raise InputError(
                "alpha is 0, so nothing would be distilled and the soft arm would be its own control;"
                " choose alpha in (0, 1]."
            )

    def _need_no_teacher(self) -> None:
        asked = {
            "targets is not given": self.targets is None,
            "the student is cut out of the teacher": isinstance(self.student, dict)
            and "from_teacher" in self.student,
            "data.train is what the teacher writes": isinstance(self.data.train, FromTeacher),
        }
        for reason, needed in asked.items():
            if needed:
                raise InputError(
                    f"measure_teacher is false, but {reason}, which needs its weights; set it to true."
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
                raise InputError(
                    f"recipe is 'embedded:{name}'{nearest(name, names)}; allowed are {', '.join(names)}."
                )
            file = EMBEDDED_RECIPES / f"{name}.yaml"
        try:
            values = yaml.safe_load(read_text(file, f"recipe {path}"))
        except yaml.YAMLError as error:
            raise InputError(f"recipe {path} is not valid YAML: {' '.join(str(error).split())}") from None
        return cls.from_dict(values, overrides)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], overrides: Sequence[str] = ()) -> Recipe:
        """The recipe in nested dictionaries as YAML gives them; overrides as in `data.tokens=100000`."""
        if not isinstance(values, Mapping):
            raise InputError(
                f"a recipe must be keys and values, but this is a {type(values).__name__}; see docs on distill."
            )
        for override in overrides:
            values = _overridden(values, override)
        recipe: Recipe = build(cls, values, "")
        return recipe

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` reads them back."""
        values = asdict(self)
        values["teacher"] = self.teacher.to_value()
        values["seeds"] = list(self.seeds)
        values["report_to"] = list(self.report_to)
        if isinstance(self.learning_rate, tuple):
            values["learning_rate"] = list(self.learning_rate)
        return values


def _overridden(values: Mapping[str, Any], override: str) -> dict[str, Any]:
    """A copy of nested `values` with one `a.b=value` put in; the value is YAML."""
    import yaml

    name, equals, written = override.partition("=")
    keys = name.strip().split(".")
    if not equals or not all(keys):
        raise InputError(f"override is {override!r}; it must look like steps=200 or data.tokens=100000.")
    try:
        value = yaml.safe_load(written)
    except yaml.YAMLError:
        raise InputError(f"override is {override!r}, and its value is not valid YAML; quote it.") from None
    copy = dict(values)
    inner = copy
    for part in keys[:-1]:
        below = inner.get(part)
        if below is not None and not isinstance(below, Mapping):
            raise InputError(f"override is {override!r}, but {part} is {below!r} and has no keys inside.")
        inner[part] = dict(below or {})
        inner = inner[part]
    inner[keys[-1]] = value
    return copy
