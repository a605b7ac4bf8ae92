"""The `data:` keys of a recipe: which texts, how their records look, and how they lie in rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from retort.distill.checks import (
    Rule,
    build,
    check_fields,
    choice,
    flag,
    key,
    nearest,
    number,
    optional,
    schema_of,
    text,
    whole_number,
)
from retort.errors import InputError
from retort.files import read_text

# As records.py has them, which loads torch: a test compares the two.
FORMATS = ("text", "prompt_completion", "messages")
COLUMNS = ("text", "prompt", "completion", "messages")


def _columns(name: str, value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(one, str) and one for one in value.values()):
        raise InputError(f"{name} is {value!r}; it must be names of columns, as in {{prompt: question}}.")
    for one in value:
        if one not in COLUMNS:
            raise InputError(
                f"{name} has the key {one!r}{nearest(str(one), COLUMNS)}; allowed are {', '.join(COLUMNS)}."
            )
    return dict(value)


columns = Rule(
    _columns,
    {
        "type": "object",
        "properties": {one: {"type": "string", "minLength": 1} for one in COLUMNS},
        "additionalProperties": False,
    },
)


def _part(name: str, value: Any) -> str | float:
    """A text, or a share of the training text in (0, 1)."""
    if isinstance(value, float) and 0 < value < 1:
        return value
    if isinstance(value, int | float):
        raise InputError(
            f"{name} is {value!r}; it must be a text, or a share of the training text between 0 and 1."
        )
    written: str = text(name, value)
    return written


part = Rule(
    _part,
    {"anyOf": [text.schema, {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}]},
)


@dataclass(frozen=True)
class FromTeacher:
    """A text that the teacher writes before training (Kim and Rush 2016): what it says after each prompt."""

    from_teacher: str = field(metadata=key(text, "texts to go on from, one prompt each"))
    max_tokens: int = field(
        metadata=key(whole_number(1), "most tokens that the teacher writes after a prompt")
    )
    prompt_tokens: int | None = field(
        default=None, metadata=key(optional(whole_number(1)), "tokens of each text to give; None: all")
    )
    temperature: float = field(
        default=1.0, metadata=key(number(0, 1000), "τ at which it writes; 0: its likeliest token, always")
    )
    seed: int = field(default=0, metadata=key(whole_number(0), "of what it writes"))

    def __post_init__(self) -> None:
        check_fields(self, "data.train.")


def _train(name: str, value: Any) -> str | FromTeacher:
    if isinstance(value, FromTeacher):
        return value
    if isinstance(value, Mapping):
        settings: FromTeacher = build(FromTeacher, value, f"{name}.")
        return settings
    checked: str = text(name, value)
    return checked


train_text = Rule(_train, {"anyOf": [text.schema, schema_of(FromTeacher)]})


@dataclass(frozen=True)
class Data:
    """Which text the students see and are measured on.

    A file (.txt with blank lines between documents; .jsonl, .json, .parquet of records), a folder of them,
    `embedded:NAME`, or `hf:owner/name[:config][@split]`.
    """

    train: str | FromTeacher = field(
        metadata=key(train_text, "text to train on, or {from_teacher: PROMPTS, max_tokens: N}")
    )
    validation: str | float = field(
        metadata=key(part, "held-out text for the curves, or the share of the training text to keep for it")
    )
    test: str | float | None = field(
        default=None,
        metadata=key(optional(part), "held-out text for the final numbers only, or a share as well"),
    )
    tokens: int | None = field(
        default=None,
        metadata=key(optional(whole_number(1)), "use only the first so many tokens of the training text"),
    )
    validation_tokens: int | None = field(
        default=None,
        metadata=key(optional(whole_number(2)), "measure on the first so many validation tokens"),
    )
    test_tokens: int | None = field(
        default=None, metadata=key(optional(whole_number(2)), "measure on the first so many test tokens")
    )
    format: str | None = field(
        default=None,
        metadata=key(
            optional(choice(*FORMATS)), "what the records are, if their keys do not say so by themselves"
        ),
    )
    columns: Mapping[str, str] | None = field(
        default=None,
        metadata=key(
            optional(columns),
            "names of the records' keys if others, as in {prompt: question, completion: answer}",
        ),
    )
    chat_template: str | None = field(
        default=None,
        metadata=key(optional(text), "file with a chat template for messages; None: the tokenizer's own"),
    )
    completions_only: bool = field(
        default=False,
        metadata=key(flag, "learn completions and the assistant's turns alone, not what was asked"),
    )
    packing: bool = field(
        default=True, metadata=key(flag, "documents one after another in full rows; false: one a row, padded")
    )
    separate_documents: bool = field(
        default=False, metadata=key(flag, "documents packed into one row do not see each other")
    )

    def __post_init__(self) -> None:
        check_fields(self, "data.")
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
                "data.separate_documents is true and data.packing false: with one document a row there is nothing to"
                " separate. Leave one of them out."
            )

    @property
    def shape(self) -> Any:
        """How records are read, a `retort.distill.data.Shape`. Raises InputError where the template cannot be read."""
        from retort.distill.data import Shape

        return Shape(self.format, self.columns or {}, self._template())

    def _template(self) -> str | None:
        if self.chat_template is None:
            return None
        return read_text(self.chat_template, f"data.chat_template {self.chat_template!r}")
