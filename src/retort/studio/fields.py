"""What a request may say: every field's type, limits and help in one table, for the check and for the OpenAPI schema.

A body that does not fit is refused with one sentence that names the field, what came, and what is allowed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from retort.errors import InputError

TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "array": list,
}


@dataclass(frozen=True)
class Field:
    """One field of a request's body. `most`: greatest number, or longest text or list; `items`: what is in a list.

    `models`: it names one of the studio's models, which become its choices.
    """

    name: str
    type: str
    help: str
    default: Any = None
    required: bool = False
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    items: str | None = None
    models: bool = False

    def schema(self) -> dict[str, Any]:
        """The field in JSON schema."""
        found: dict[str, Any] = {"type": self.type, "description": self.help}
        low, high = {
            "string": ("minLength", "maxLength"),
            "array": ("minItems", "maxItems"),
        }.get(self.type, ("minimum", "maximum"))
        if self.least is not None:
            found[low] = self.least
        if self.most is not None:
            found[high] = self.most
        if self.choices:
            found["enum"] = list(self.choices)
        if self.items:
            found["items"] = {"type": self.items}
            if self.items != "string":
                found["items"]["minimum"] = 0
        if not self.required and self.default is not None:
            found["default"] = self.default
        return found

    def check(self, value: Any) -> Any:
        """The value if it is allowed; else InputError."""
        if not _is(value, self.type) or (self.items and not all(_is(one, self.items) for one in value)):
            kind = f"list of {self.items}s" if self.items else self.type
            raise InputError(f"{self.name} must be a {kind}, got {_shown(value)}")
        if self.choices and value not in self.choices:
            raise InputError(f"{self.name} must be one of {', '.join(self.choices)}, got {_shown(value)}")
        size = value if self.type in ("integer", "number") else len(value)
        unit = {"string": " characters", "array": " entries"}.get(self.type, "")
        if self.least is not None and size < self.least:
            raise InputError(f"{self.name} must be at least {self.least:g}{unit}, got {size}")
        if self.most is not None and size > self.most:
            raise InputError(f"{self.name} may be at most {self.most:,}{unit}, got {size:,}")
        return value


@dataclass(frozen=True)
class Body:
    """The fields of one kind of request."""

    fields: tuple[Field, ...]

    def schema(self) -> dict[str, Any]:
        """An object with these fields and no others."""
        return {
            "type": "object",
            "additionalProperties": False,
            "required": [field.name for field in self.fields if field.required],
            "properties": {field.name: field.schema() for field in self.fields},
        }

    def check(self, body: Any) -> dict[str, Any]:
        """Every field's value, defaults filled in. Raises InputError for the first that does not fit."""
        if not isinstance(body, Mapping):
            raise InputError(f"the body must be a JSON object, got {_shown(body)}")
        unknown = sorted(set(body) - {field.name for field in self.fields})
        if unknown:
            known = ", ".join(field.name for field in self.fields)
            raise InputError(f"unknown field {unknown[0]!r}; known are: {known}")
        return {field.name: self._value(field, body) for field in self.fields}

    def _value(self, field: Field, body: Mapping[str, Any]) -> Any:
        if field.name in body:
            return field.check(body[field.name])
        if field.required:
            raise InputError(f"the field {field.name} is missing; it is {field.help}")
        return field.default


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool) or not isinstance(value, TYPES[kind]):
        # JSON schema counts 3.0 among the integers.
        return kind == "integer" and isinstance(value, float) and value.is_integer()
    if isinstance(value, str):
        return not any("\ud800" <= character <= "\udfff" for character in value)
    return not isinstance(value, float) or math.isfinite(value)


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def whole(values: Sequence[Any]) -> list[int]:
    """JSON's integers as Python's: 3.0 is 3."""
    return [int(value) for value in values]
