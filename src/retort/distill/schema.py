"""The recipe's JSON Schema, made from the fields and their checks, so that it cannot say anything else than they do."""

from __future__ import annotations

from typing import Any

from retort.distill.checks import schema_of
from retort.distill.recipe import Data, Recipe

# What a check of the recipe's own allows; everything else says it itself.
OWN: dict[str, dict[str, Any]] = {
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
    schema = schema_of(Recipe, OWN)
    schema["properties"]["data"] = schema_of(Data, OWN) | {
        "description": schema["properties"]["data"]["description"]
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "retort distill recipe",
        **schema,
    }
