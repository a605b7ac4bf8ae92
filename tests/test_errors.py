"""`from_pydantic`: what pydantic found, as one sentence with the nearest right key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pytest
from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StrictBool,
    Tag,
    ValidationError,
    field_validator,
)

from retort.errors import InputError, from_pydantic


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")
    first: float = Field(gt=0, le=10, allow_inf_nan=False)
    kind: Literal["linear", "cosine"] = "linear"


class _Whole(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, description="what it is called")
    number: int = Field(1, ge=1)
    flag: StrictBool = True
    moving: Annotated[
        Annotated[float, Tag("number")] | Annotated[_Part, Tag("keys")],
        Discriminator(lambda value: "keys" if isinstance(value, Mapping) else "number"),
    ] = 1.0
    parts: list[_Part] = []
    either: _Part | str = "x"
    even: int = 2

    @field_validator("even")
    @classmethod
    def _even(cls, value: int) -> int:
        if value == 7:
            raise InputError("seven is a sentence of its own.")
        if value % 2:
            raise ValueError("it must be even")
        return value


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "the thing has no name, which is required: what it is called."),
        ({"nmae": "x"}, "the thing has no key nmae (did you mean name?)"),
        ({"name": "x", "numbr": 1}, "the thing has no key numbr (did you mean number?); keys are name, number, flag,"),
        ({"name": ""}, "name is ''; it must not be empty."),
        ({"name": 3}, "name is 3; it must be text."),
        ({"name": "x", "number": 0}, "number is 0; allowed is a whole number of 1 or more."),
        ({"name": "x", "number": 1.5}, "number is 1.5; allowed is a whole number of 1 or more."),
        ({"name": "x", "flag": "maybe"}, "flag is 'maybe'; allowed are true and false."),
        ({"name": "x", "moving": {"first": 0}}, "moving.first is 0; allowed is a number in (0, 10]."),
        ({"name": "x", "moving": {"first": float("nan")}}, "moving.first is nan; allowed is a number in (0, 10]."),
        ({"name": "x", "moving": {}}, "the thing has no moving.first, which is required."),
        ({"name": "x", "moving": {"frist": 1}}, "the thing has no key moving.frist (did you mean first?)"),
        ({"name": "x", "moving": {"first": 1, "knd": 1}}, "the thing has no key moving.knd (did you mean kind?)"),
        (
            {"name": "x", "parts": [{"first": 1}, {"first": 1, "kind": "cosin"}]},
            "parts[1].kind is 'cosin' (did you mean cosine?); allowed are linear, cosine.",
        ),
        ({"name": "x", "parts": 5}, "parts is 5; it must be a list."),
        ({"name": "x", "parts": [5]}, "parts[0] is 5; it must be keys and values."),
        ({"name": "x", "either": {"first": 1, "kinds": 2}}, "the thing has no key either.kinds (did you mean kind?)"),
        ({"name": "x", "even": 3}, "even is 3; it must be even."),
        ({"name": "x", "even": 7}, "seven is a sentence of its own."),
        (5, "the thing is 5; it must be keys and values."),
    ],
)  # fmt: skip
def test_one_sentence_for_everything_that_is_wrong(values: Any, said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        _Whole.model_validate(values)
    found = from_pydantic(caught.value, "the thing", _Whole)
    assert isinstance(found, InputError) and str(found).startswith(said), str(found)


def test_without_the_class_the_sentence_has_no_nearest_key() -> None:
    with pytest.raises(ValidationError) as caught:
        _Whole.model_validate({"name": "x", "parts": [{"first": 1, "kinds": 2}]})
    assert str(from_pydantic(caught.value, "the thing")) == "the thing has no key parts[0].kinds."
