"""frontend/src/records.ts is what Python's record types are today."""

from __future__ import annotations

import dataclasses
import importlib.util
from types import ModuleType
from typing import Literal

from tests.studio.golden import FILE

FOLDER = FILE.parents[1]


def records() -> ModuleType:
    spec = importlib.util.spec_from_file_location("page_records", FOLDER / "records.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_file_is_what_the_types_say() -> None:
    kept = (FOLDER / "src" / "records.ts").read_text(encoding="utf-8")
    assert kept == records().written(), "run python frontend/records.py"


def test_types_become_what_json_holds() -> None:
    made = records().Writer()
    assert made.type(tuple[str, ...]) == "string[]"
    assert made.type(tuple[float, int]) == "[number, number]"
    assert made.type(tuple[int | None, ...]) == "(number | null)[]"
    assert made.type(dict[str, tuple[bool, ...]]) == "Record<string, boolean[]>"
    assert made.type(Literal["a", "b"]) == '"a" | "b"'
    assert made.type(object) == "unknown"
    inner = dataclasses.make_dataclass("Inner", [("low", float)])
    outer = dataclasses.make_dataclass("Outer", [("inner", inner)])
    assert made.type(outer) == "Outer"
    assert list(made.done) == [inner, outer]
    assert made.done[outer].endswith("export interface Outer {\n  inner: Inner;\n}\n")
