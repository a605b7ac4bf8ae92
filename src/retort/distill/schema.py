"""The recipe's JSON Schema, made from the fields and their checks, so that it cannot say anything else than they do."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

from retort.distill.checks import Rule
from retort.distill.recipe import Data, Recipe

# What a check of the recipe's own allows; everything else says it itself.
OWN: dict[str, dict[str, Any]] = {
    "teacher": {
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
    },
    "student": {
        "anyOf": [
            {"type": "string"},
            {
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
            },
        ],
    },
    "seeds": {
        "anyOf": [
            {"type": "integer", "minimum": 1},
            {
                "type": "array",
                "items": {"type": "integer", "minimum": 0},
                "minItems": 1,
                "uniqueItems": True,
            },
        ],
    },
    "divergence": {"type": "string"},
}


def recipe_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a recipe: types, ranges, defaults, and each key's line of help."""
    schema = _of(Recipe)
    schema["properties"]["data"] = _of(Data) | {"description": schema["properties"]["data"]["description"]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "retort distill recipe",
        **schema,
    }


def _of(kind: type[Any]) -> dict[str, Any]:
    properties, required = {}, []
    for one in fields(kind):
        check = one.metadata["check"]
        allowed = check.schema if isinstance(check, Rule) else OWN.get(one.name, {})
        properties[one.name] = {"description": one.metadata["help"], **allowed}
        if one.default is MISSING:
            required.append(one.name)
        else:
            default = list(one.default) if isinstance(one.default, tuple) else one.default
            properties[one.name]["default"] = default
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
