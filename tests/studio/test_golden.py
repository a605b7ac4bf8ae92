"""The checked-in golden vectors are what Python says today; frontend/tests/golden.test.ts holds the page to them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.studio.golden import FILE, golden

TOLERANCE = 1e-9  # of numbers; the page itself is held to 1e-6


def differences(found: Any, kept: Any, where: str = "") -> list[str]:
    """Where two JSON values differ: text and whole numbers exactly, other numbers by more than TOLERANCE."""
    if isinstance(kept, dict) and isinstance(found, dict) and kept.keys() == found.keys():
        return [one for key in kept for one in differences(found[key], kept[key], f"{where}/{key}")]
    if isinstance(kept, list) and isinstance(found, list) and len(kept) == len(found):
        return [
            one
            for place in range(len(kept))
            for one in differences(found[place], kept[place], f"{where}/{place}")
        ]
    if isinstance(kept, float) and isinstance(found, (int, float)):
        return (
            []
            if abs(found - kept) <= TOLERANCE * max(1.0, abs(kept))
            else [f"{where}: {found} is not {kept}"]
        )
    return [] if found == kept else [f"{where}: {str(found)[:60]} is not {str(kept)[:60]}"]


def test_the_vectors_are_what_python_says() -> None:
    kept = json.loads(FILE.read_text(encoding="utf-8"))
    found = json.loads(json.dumps(golden(), allow_nan=False))
    assert differences(found, kept)[:5] == [], "run python -m tests.studio.golden and look at what changed"


@pytest.mark.parametrize("changed", [{"a": 1.00001}, {"a": 1.0, "b": 2}, {"a": "1.0"}, {}])
def test_a_difference_is_seen(changed: dict[str, Any]) -> None:
    assert differences(changed, {"a": 1.0}) != []
