"""docs/json.md is fresh, and a field cannot change while its verb's schema_version stays."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from retort.cli.reference import fields_of, json_reference, json_type, versions
from retort.distribution import Interval

ROOT = Path(__file__).resolve().parents[2]
KEPT = Path(__file__).with_name("json_fields.json")


@dataclass(frozen=True)
class Inner:
    """One token."""

    prob: Interval
    id: int | None


@dataclass(frozen=True)
class Outer:
    """What a verb found."""

    model: str
    tokens: tuple[Inner, ...]
    pair: tuple[float, float]
    more: dict[str, bool]


def test_fields_are_read_off_the_records() -> None:
    assert fields_of(Outer) == {
        "Outer": {
            "model": "text",
            "tokens": "list of [Inner](#inner)",
            "pair": "[number, number]",
            "more": "object of true or false",
        },
        "Inner": {"prob": "measure", "id": "whole number or null"},
    }
    assert json_type(list[str] | None) == "list of text or null"


def test_the_page_is_fresh() -> None:
    written = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
    assert written == json_reference(), "docs/json.md is stale: run `make docs`"


def lost(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Fields that are gone or have another type although the verb's version stayed."""
    found = []
    for verb, kept in before.items():
        if verb not in now:
            found.append(verb)
            continue
        if now[verb]["schema_version"] > kept["schema_version"]:
            continue
        for record, fields in kept["fields"].items():
            today = now[verb]["fields"].get(record, {})
            found += [f"{verb}.{record}.{name}" for name, kind in fields.items() if today.get(name) != kind]
    return found


def test_a_changed_field_is_a_changed_version() -> None:
    """After a wanted change: raise schema_version, then `python -m retort.cli.reference --fields > FILE`."""
    assert lost(json.loads(KEPT.read_text(encoding="utf-8")), versions()) == []


@pytest.mark.parametrize(("version", "found"), [(1, ["look.Look.entropy"]), (2, [])])
def test_a_renamed_field_is_noticed(version: int, found: list[str]) -> None:
    before = {"look": {"schema_version": 1, "fields": {"Look": {"model": "text", "entropy": "number"}}}}
    now = {
        "look": {"schema_version": version, "fields": {"Look": {"model": "text", "entropy_nats": "number"}}}
    }
    assert lost(before, now) == found
