"""The recipe of a distillation: every key with its default, its range and its line of help, checked before any work.

Comes from YAML with `key=value` overrides, or from nested dictionaries; goes to the experiment as one frozen record,
and to JSON by `to_dict`. Unknown keys are errors with the nearest right one. Paths are relative to the current
directory.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    Tag,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticKnownError

from retort.distill.data.corpus import Corpus, kind_of
from retort.distill.data.records import FORMATS, Shape
from retort.errors import InputError, did_you_mean, from_pydantic
from retort.files import kind_of as kind_of_value
from retort.files import read_text

EMBEDDED_RECIPES = Path(__file__).resolve().parents[1] / "embedded" / "recipes"
RECIPE_ENDINGS = (".yaml", ".yml")
COLUMNS = tuple(name for names in FORMATS.values() for name in names)


def key(default: Any, description: str) -> Any:
    """A key of the recipe: its default (... where it must be given) and its line of help."""
    return Field(default, description=description)


def _no_bool(value: Any) -> Any:
    """pydantic takes true for 1; here it is a mistake."""
    if isinstance(value, bool):
        raise PydanticKnownError("int_type")
    return value


def _either(words: str, *others: type) -> Discriminator:
    """Which member of a union is meant: `keys` for keys and values, `list` for a list, else `words`.

    Left to itself pydantic tries all members, and an error would be about one that was not meant.
    """

    def tag(value: Any) -> str:
        if isinstance(value, Mapping | BaseModel):
            return "keys"
        is_list = list in others and isinstance(value, Sequence) and not isinstance(value, str)
        return "list" if is_list else "number" if isinstance(value, float) and float in others else words

    return Discriminator(tag)


# The bounds stand before the validator: behind it, the JSON Schema would not know them.
NO_BOOL = BeforeValidator(_no_bool)
Count = Annotated[int, Field(ge=1), NO_BOOL]
FromZero = Annotated[int, Field(ge=0), NO_BOOL]
FromTwo = Annotated[int, Field(ge=2), NO_BOOL]
Text = Annotated[str, Field(pattern=r"\S")]
Temperature = Annotated[float, Field(gt=0, le=1000), NO_BOOL]
Rate = Annotated[float, Field(gt=0, le=10), NO_BOOL]
Weight = Annotated[float, Field(gt=0, le=1e6), NO_BOOL]
Part = Annotated[float, Field(ge=0, le=1), NO_BOOL]


class Keys(BaseModel):
    """Keys and values of a recipe: frozen, none unknown; `batch-size` is `batch_size`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _written(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        return {str(name).replace("-", "_"): value for name, value in values.items()}


class FromTeacher(Keys):
    """A text that the teacher writes before training (Kim and Rush 2016): its continuation of each prompt."""

    from_teacher: Text = key(..., "texts to continue, one prompt each")
    max_tokens: Count = key(..., "most tokens that the teacher writes after a prompt")
    prompt_tokens: Count | None = key(None, "tokens of each text to give; None: all")
    temperature: Annotated[float, Field(ge=0, le=1000), NO_BOOL] = key(
        1.0, "τ at which it writes; 0: always its most likely token"
    )
    seed: FromZero = key(0, "of what it writes")


ColumnName = Literal["text", "prompt", "completion", "messages"]


def _columns(value: Any) -> Any:
    for name in value if isinstance(value, Mapping) else ():
        if name not in COLUMNS:
            raise InputError(
                f"data.columns has the key {name!r}{did_you_mean(name, COLUMNS)}; allowed are {', '.join(COLUMNS)}."
            )
    return value


Share = Annotated[float, Field(gt=0, lt=1), NO_BOOL]
HeldOut: TypeAlias = Annotated[
    Annotated[Text, Tag("text")] | Annotated[Share, Tag("number")], _either("text", float)
]
TrainText: TypeAlias = Annotated[
    Annotated[Text, Tag("text")] | Annotated[FromTeacher, Tag("keys")], _either("text")
]


class Data(Keys):
    """Which text the students see and are measured on.

    A file (.txt with blank lines between documents; .jsonl, .json, .parquet of records), a folder of them,
    `embedded:NAME`, or `hf:owner/name[:config][@split]`.
    """

    train: TrainText = key(..., "text to train on, or {from_teacher: PROMPTS, max_tokens: N}")
    validation: HeldOut = key(
        ..., "held-out text for the curves, or the share of the training text to keep for it"
    )
    test: HeldOut | None = key(None, "held-out text for the final numbers only, or a share as well")
    tokens: Count | None = key(None, "use only the first N tokens of the training text")
    validation_tokens: FromTwo | None = key(None, "measure on the first N validation tokens")
    test_tokens: FromTwo | None = key(None, "measure on the first N test tokens")
    format: Literal["text", "prompt_completion", "messages"] | None = key(
        None, "what the records are, if their keys do not say so by themselves"
    )
    columns: Annotated[dict[ColumnName, Text], BeforeValidator(_columns)] | None = key(
        None, "names of the records' keys if others, as in {prompt: question, completion: answer}"
    )
    chat_template: Text | None = key(
        None, "file with a chat template for messages; None: the tokenizer's own"
    )
    completions_only: StrictBool = key(
        False, "learn completions and the assistant's turns alone, not the prompts"
    )
    packing: StrictBool = key(True, "documents one after another in full rows; false: one per row, padded")
    separate_documents: StrictBool = key(False, "documents packed into one row do not see each other")

    @model_validator(mode="after")
    def _fits(self) -> Data:
        shares = [one for one in (self.validation, self.test) if isinstance(one, float)]
        if shares and isinstance(self.train, FromTeacher):
            raise InputError(
                f"data.validation or data.test is a share, {shares[0]:g}, of what the teacher writes; students must be"
                " measured on a text that it did not write. Give one."
            )
        if sum(shares) >= 1:
            raise InputError(
                f"data.validation and data.test are shares of {sum(shares):g} together; something must be left to"
                " train on, so they must be below 1."
            )
        if self.separate_documents and not self.packing:
            raise InputError(
                "data.separate_documents is true and data.packing false: with one document per row there is nothing to"
                " separate. Leave one of them out."
            )
        return self

    def shape(self, *, with_template: bool = True) -> Shape:
        """How records are read. Raises SourceError where the template cannot be read."""
        template = None
        if self.chat_template is not None and with_template:
            template = read_text(self.chat_template, f"data.chat_template {self.chat_template!r}")
        return Shape(self.format, {str(kind): name for kind, name in (self.columns or {}).items()}, template)


class TemperatureSchedule(Keys):
    """τ that moves from `first` in the first step to `last` in the last, evenly in 1/τ (linear) or eased (cosine).

    The distribution is a function of 1/τ, in which equal steps change the logits' scale equally; moving in τ itself
    would spend nearly all steps at temperatures that look alike.
    """

    first: Temperature = key(..., "τ of the first step")
    last: Temperature = key(..., "τ of the last step")
    schedule: Literal["linear", "cosine"] = key("linear", "how 1/τ moves between")

    def at(self, step: int, steps: int) -> float:
        """τ of `step` (from 0) of `steps`: a function of these alone, so that a resumed arm meets the same ones."""
        done = min(max(step / max(steps - 1, 1), 0.0), 1.0)
        share = done if self.schedule == "linear" else 0.5 - 0.5 * math.cos(math.pi * done)
        return 1.0 / ((1.0 - share) / self.first + share / self.last)


def temperature_at(temperature: float | TemperatureSchedule, step: int, steps: int) -> float:
    """τ of `step` (from 0) of `steps`, whether it moves or not."""
    return temperature.at(step, steps) if isinstance(temperature, TemperatureSchedule) else temperature


class Member(Keys):
    """One of the teachers, and how much its probabilities count."""

    model: Text = key(..., "MODEL")
    weight: Weight = key(1.0, "how much it counts")


def _members(value: Any) -> Any:
    """A name, keys and values, or a list of them: the list of what each would be as keys and values."""
    given = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    if not given or not all(isinstance(one, str | Mapping | Member) for one in given):
        raise ValueError("it must be a model, or a list of models to average")
    return [{"model": one} if isinstance(one, str) else one for one in given]


# The JSON Schema is of what a user may write; the types below are of what the validators make of it.
_ONE_TEACHER = {"anyOf": [{"type": "string", "pattern": "\\S"}, Member.model_json_schema()]}
_TEACHERS = {"anyOf": [*_ONE_TEACHER["anyOf"], {"type": "array", "items": _ONE_TEACHER, "minItems": 1}]}


def _layers(value: tuple[int, ...]) -> tuple[int, ...]:
    if not value or list(value) != sorted(set(value)):
        raise ValueError("it must be how many layers, or their numbers from 0 in rising order")
    return value


Places = Annotated[tuple[FromZero, ...], AfterValidator(_layers)]
Layers: TypeAlias = Annotated[
    Annotated[Count, Tag("number")] | Annotated[Places, Tag("list")], _either("number", list)
]


class Cut(Keys):
    """What a student takes of the (first) teacher; None: all of it."""

    layers: Layers | None = key(None, "how many layers, at even distances, or which, numbered from 0")
    intermediate_size: Count | None = key(None, "hidden units of each layer, those with the largest weights")
    heads: Count | None = key(None, "attention heads of each layer, those with the largest weights")


STUDENTS = (
    "it must be a model to start from, or a fresh one such as {config: {model_type: llama, hidden_size: 96,"
    " num_hidden_layers: 4}}, or one cut out of the teacher such as {from_teacher: {layers: 4}}"
)


_CONFIG = {"type": "object", "properties": {"model_type": {"type": "string"}}, "required": ["model_type"]}


class Student(Keys):
    """A student that is made: from a config with new weights, or by a cut out of the teacher."""

    config: Annotated[dict[str, Any], WithJsonSchema(_CONFIG)] | None = key(
        None, "a transformers config with its model_type: fresh weights"
    )
    from_teacher: Cut | None = key(None, "a cut out of the first teacher, weights copied")

    @model_validator(mode="after")
    def _one_of_them(self) -> Student:
        named = self.config is None or isinstance(self.config.get("model_type"), str)
        if (self.config is None) == (self.from_teacher is None) or not named:
            raise InputError(f"student is {self.model_dump(exclude_none=True)!r}; {STUDENTS}.")
        return self

    def written(self) -> dict[str, Any]:
        """As YAML would say it."""
        if self.from_teacher is None:
            return {"config": self.config}
        return {"from_teacher": self.from_teacher.model_dump(mode="json", exclude_none=True)}


class OnPolicy(Keys):
    """Steps that learn from the student's own words (Agarwal et al. 2024, GKD; `share` is its λ)."""

    share: Annotated[float, Field(gt=0, le=1), NO_BOOL] = key(0.5, "share of the steps that do so")
    prompt_tokens: Count = key(32, "tokens of each row that are kept; the student writes the rest")
    temperature: Temperature = key(1.0, "τ at which the student writes")


def _fused(value: Any) -> Any:
    if value != "auto" and not isinstance(value, bool):
        raise ValueError("allowed are true, false and auto")
    return value


def _student(value: Any) -> Any:
    if not isinstance(value, str | Mapping | Student):
        raise ValueError(STUDENTS)
    return value


def _divergence(value: str) -> str:
    if value == "forward_kl":  # the table of the others loads torch
        return value
    from retort.distill.losses.divergences import find_divergence

    return find_divergence(value).text


LARGEST_SEED = 2**32 - 1  # Trainer seeds numpy's old generator, too, which takes 32 bits
_SEED = {"type": "integer", "minimum": 0, "maximum": LARGEST_SEED}
_SEEDS = {
    "anyOf": [
        {"type": "integer", "minimum": 1},
        {"type": "array", "items": _SEED, "minItems": 1, "uniqueItems": True},
    ]
}


def _seeds(value: Any) -> Any:
    return list(range(value)) if isinstance(value, int) and not isinstance(value, bool) else value


def _some_seeds(value: tuple[int, ...]) -> tuple[int, ...]:
    if not value:
        raise ValueError("it must be how many seeds (from 1), or a list of them")
    if len(set(value)) != len(value):
        raise ValueError("duplicate seed; each seed must be unique, since a repeat adds no evidence")
    if max(value) > LARGEST_SEED:
        raise ValueError(f"a seed may be {LARGEST_SEED:,} at most")
    return value


def _rates(value: tuple[float, ...]) -> tuple[float, ...]:
    if len(value) < 2 or len(set(value)) != len(value):
        raise ValueError("a list is a search and holds two or more different rates, as in [1e-3, 3e-3]")
    return value


def _names(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Rates = Annotated[tuple[Rate, ...], AfterValidator(_rates)]
LearningRate: TypeAlias = Annotated[
    Annotated[Rate, Tag("number")] | Annotated[Rates, Tag("list")], _either("number", list)
]
SoftTemperature: TypeAlias = Annotated[
    Annotated[Temperature, Tag("number")] | Annotated[TemperatureSchedule, Tag("keys")], _either("number")
]
Teachers = Annotated[tuple[Member, ...], BeforeValidator(_members), WithJsonSchema(_TEACHERS)]
MadeOrNamed: TypeAlias = Annotated[
    Annotated[Text, Tag("text")] | Annotated[Student, Tag("keys")], _either("text"), BeforeValidator(_student)
]
Seeds = Annotated[
    tuple[FromZero, ...], BeforeValidator(_seeds), AfterValidator(_some_seeds), WithJsonSchema(_SEEDS)
]


class Recipe(Keys):
    """Everything that decides a distillation and its control. Raises InputError for a value that is not allowed."""

    teacher: Teachers = key(
        ..., "MODEL, or a list whose probabilities are averaged, as {model:, weight:} if unevenly"
    )
    student: MadeOrNamed = key(
        ..., "MODEL to start from, or {config: {…}} for a fresh one, or {from_teacher: {layers: 4}}"
    )
    data: Data = key(..., "train, validation, test and their limits")
    sequence_length: FromTwo = key(128, "tokens per row")
    batch_size: Count = key(16, "rows per optimiser step")
    micro_batch_size: Count | None = key(
        None, "rows held in memory at once; divides batch_size, changes no gradient"
    )
    steps: Count = key(500, "optimiser steps")
    learning_rate: LearningRate = key(
        2e-3, "peak learning rate of AdamW; a list: every arm tries each, takes its best"
    )
    search_steps: Count | None = key(None, "steps of each try where learning_rate is a list; None: all")
    schedule: Literal["cosine", "linear", "constant"] = key("cosine", "how the learning rate falls")
    warmup: Annotated[float, Field(ge=0, lt=1), NO_BOOL] = key(
        0.05, "share of the steps in which it rises first"
    )
    weight_decay: Annotated[float, Field(ge=0, le=10), NO_BOOL] = key(
        0.1, "AdamW's weight decay, not on norms and biases"
    )
    temperature: SoftTemperature = key(
        3.0, "τ of the soft targets, or {first:, last:, schedule: linear|cosine}"
    )
    divergence: Annotated[Text, AfterValidator(_divergence)] = key(
        "forward_kl", "how far the student is from the teacher, for instance jsd(beta=0.3)"
    )
    targets: Text | None = key(
        None, "folder of `retort capture` to take the soft targets from; None: run the teacher"
    )
    measure_teacher: StrictBool = key(
        True, "false, with targets: the teacher's weights are not opened at all"
    )
    on_policy: OnPolicy | None = key(
        None, "{share:, prompt_tokens:, temperature:} of steps on the student's own words"
    )
    alpha: Part = key(0.7, "the soft targets' share of the loss")
    seeds: Seeds = key((0, 1, 2, 3, 4), "how many seeds, or a list of them")
    planned: StrictBool = key(
        False, "the number of seeds was fixed beforehand and is looked at once: a narrower interval"
    )
    control: StrictBool = key(True, "train the same student on hard labels too")
    equal_time: StrictBool = key(True, "a third arm: hard labels for the wall-clock time of the soft arm")
    dtype: Literal["float32", "bfloat16"] = key("float32", "arithmetic of training; weights stay float32")
    fused: Annotated[StrictBool | Literal["auto"], BeforeValidator(_fused)] = key(
        "auto", "loss from hidden states, without either model's logits; auto: where faster and possible"
    )
    eval_every: Count | None = key(None, "steps between points of the learning curve")
    keep: Literal["last", "best"] = key(
        "last", "which weights an arm keeps; best: on validation, at eval_every"
    )
    checkpoint_every: Count | None = key(None, "steps between checkpoints to resume an arm from")
    output: Text | None = key(None, "folder for results; finished arms found there are not run again")
    save: Text | None = key(None, "folder for the trained students")
    report_to: Annotated[tuple[Text, ...], BeforeValidator(_names)] = key(
        ("auto",),
        "where training is logged, for instance [tensorboard, wandb]; auto: TensorBoard files beside the results, and "
        "trackers that the environment sets up; [] is off",
    )

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise from_pydantic(error, "the recipe", Recipe) from None

    @property
    def teachers(self) -> tuple[str, ...]:
        return tuple(one.model for one in self.teacher)

    @property
    def shares(self) -> tuple[float, ...]:
        """The teachers' weights, made to sum to 1."""
        total = sum(one.weight for one in self.teacher)
        return tuple(one.weight / total for one in self.teacher)

    @property
    def cut(self) -> Cut | None:
        """What the student takes of the teacher; None where it is not cut out of it."""
        return self.student.from_teacher if isinstance(self.student, Student) else None

    @model_validator(mode="after")
    def _fits(self) -> Recipe:
        self._own_words_fit()
        self._teacher_fits()
        if self.alpha == 0:
            raise InputError(
                "alpha is 0, so nothing would be distilled and the soft arm would be its own control;"
                " choose alpha in (0, 1]."
            )
        if "equal_time" in self.model_fields_set and self.equal_time and not self.control:
            raise InputError(
                "equal_time is true and control false; the arm of equal time is a control. Leave one of them out."
            )
        if self.batch_size % (self.micro_batch_size or 1):
            raise InputError(
                f"micro_batch_size is {self.micro_batch_size} and batch_size {self.batch_size};"
                " the first must divide the second."
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
        return self

    def _own_words_fit(self) -> None:
        own = self.on_policy
        if own is None:
            return
        if own.prompt_tokens >= self.sequence_length:
            raise InputError(
                f"on_policy.prompt_tokens is {own.prompt_tokens} and sequence_length "
                f"{self.sequence_length}; rows must be longer than the prompt."
            )
        if self.targets is not None:
            raise InputError(
                f"on_policy and targets ({self.targets}) do not go together: a cache does not contain "
                f"the student's own text. Leave one of them out."
            )
        if self.data.separate_documents or not self.data.packing:
            raise InputError(
                "on_policy needs rows of packed text that are seen as a whole: the student continues "
                "after their first tokens. Leave data.separate_documents and data.packing out, or on_policy."
            )

    def _teacher_fits(self) -> None:
        written = isinstance(self.data.train, FromTeacher)
        if written and self.output is None:
            raise InputError("data.train is written by the teacher and needs a folder; give output.")
        if self.fused is True and (self.targets is not None or len(self.teacher) > 1):
            given = "targets" if self.targets is not None else f"{len(self.teacher)} teachers"
            raise InputError(
                f"fused is true, and {given} are given: the fused loss projects one running teacher's hidden states."
                " Leave one of them out."
            )
        needed = {
            "targets is not given": self.targets is None,
            "the student is cut out of the teacher": self.cut is not None,
            "data.train is what the teacher writes": written,
        }
        reason = next((reason for reason, is_so in needed.items() if is_so), None)
        if not self.measure_teacher and reason is not None:
            raise InputError(
                f"measure_teacher is false, but {reason}, which needs its weights; set it to true."
            )

    @classmethod
    def load(cls, path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
        """The recipe in a YAML file, or in an embedded one (`embedded:default`), with `key=value` overrides put in."""
        import yaml

        file = Path(path)
        if file.is_file() and kind_of(file) not in (None, ".json"):  # JSON is YAML as well
            raise _no_recipe(path)
        if str(path).startswith("embedded:"):
            name = str(path).removeprefix("embedded:")
            names = sorted(one.stem for one in EMBEDDED_RECIPES.glob("*.yaml"))
            if name not in names:
                raise InputError(
                    f"recipe is 'embedded:{name}'{did_you_mean(name, names)}; allowed are {', '.join(names)}."
                )
            file = EMBEDDED_RECIPES / f"{name}.yaml"
        try:
            values = yaml.safe_load(read_text(file, f"recipe {path}"))
        except yaml.YAMLError as error:
            raise InputError(f"recipe {path} is not valid YAML: {' '.join(str(error).split())}") from None
        if isinstance(values, str | list):
            raise _no_recipe(path)
        return cls.from_dict(values, overrides)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], overrides: Sequence[str] = ()) -> Recipe:
        """The recipe in nested dictionaries as YAML gives them; overrides as in `data.tokens=100000`."""
        if not isinstance(values, Mapping):
            raise InputError(
                f"a recipe must be keys and values, but this is {kind_of_value(values)}; see docs/recipes.md."
            )
        for override in overrides:
            values = _overridden(values, override)
        return cls(**{str(name): value for name, value in values.items()})

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; `from_dict` reads them back."""
        values = self.model_dump(mode="json")
        names = list(self.teachers)
        if len(set(self.shares)) == 1:
            values["teacher"] = names if len(names) > 1 else names[0]
        if isinstance(self.student, Student):
            values["student"] = self.student.written()
        return values

    def but(self, **changes: Any) -> Recipe:
        """The recipe with some keys changed, which are not checked again."""
        return self.model_copy(update=changes)


def _no_recipe(path: str | Path) -> InputError:
    """What to say to somebody who gives the text to train on in place of a recipe."""
    return InputError(
        f"{path} is not a recipe, which is YAML with keys and values. If it is the text to train on, name it in one:"
        f" retort distill embedded:default data.train={path} data.validation=0.1 data.test=null."
    )


def recipe_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a recipe: types, ranges, defaults, and each key's line of help."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Recipe.model_json_schema(),
        "title": "retort distill recipe",
    }


def corpus_of(data: str | Corpus) -> Corpus:
    """The text behind what a user wrote; a recipe (.yaml) stands for the text that it trains on, read as it says."""
    if isinstance(data, Corpus) or not data.lower().endswith(RECIPE_ENDINGS):
        return Corpus.of(data)
    recipe = Recipe.load(data).data
    if not isinstance(recipe.train, str):
        raise InputError(
            f"recipe {data} trains on what its teacher writes; give the file that retort distill keeps "
            f"in teacher-text under the recipe's output."
        )
    return Corpus(recipe.train, recipe.shape())


def _overridden(values: Mapping[str, Any], override: str) -> dict[str, Any]:
    """A copy of nested `values` with one `a.b=value` put in; the value is YAML."""
    import yaml

    name, equals, written = override.partition("=")
    keys = name.strip().split(".")
    if not equals or not all(keys):
        raise InputError(f"override is {override!r}; write it as steps=200 or data.tokens=100000.")
    try:
        value = yaml.safe_load(written)
    except yaml.YAMLError:
        raise InputError(f"override is {override!r}, and its value is not valid YAML; quote it.") from None
    # Only what is on the way is copied: the caller's own dictionaries, and those of other keys, are left as they are.
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
