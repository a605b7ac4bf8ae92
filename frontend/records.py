"""frontend/src/records.ts from Python's record types: what the page is sent has one definition.

`python frontend/records.py` writes it; a test compares (tests/studio/test_records.py).
"""

from __future__ import annotations

import dataclasses
import types
import typing
from pathlib import Path
from typing import Any

from retort.distill.results import Difference, DistillResult
from retort.distribution import Interval
from retort.lens.page import Pair, Passage, Position, Tour
from retort.lens.path import PathFound
from retort.sampling.path import TemperaturePath
from retort.sources.server.probe import Probe
from retort.tune.conclude import Tuning

FILE = Path(__file__).resolve().parent / "src" / "records.ts"
NAMES: dict[type, str] = {
    Position: "PositionRecord",
    Passage: "PassageRecord",
    Pair: "PairRecord",
    PathFound: "PathRecord",
    Tuning: "TuneRecord",
    DistillResult: "DistilRecord",
    Difference: "DistilDifference",
    Tour: "TourRecord",
}
"""Python's name → the page's; every other record keeps its name."""

ROOTS = (Position, Passage, Pair, PathFound, Tuning, DistillResult, Tour)
KNOWN: dict[tuple[str, str], Any] = {("Position", "probe"): Probe | None, ("Passage", "probe"): Probe | None}
"""Fields whose type Python leaves open."""

HEAD = """// Made by frontend/records.py from Python's record types; do not edit.

/** A measure: one number where it is exact, else its two ends; null there stands for an infinity. */
export type Measured = number | { low: number | null; high: number | null };
"""
TAIL = """
/** What a studio can do beside its models. */
export interface Offer {
  models: string[];
  prompts: Record<string, string>;
  tasks: string[];
  recipes: string[];
}

/** One answer of a sweep, by its item, the number of its setting in the table (from 0) and of its prompt (from 1). */
export interface Answer {
  item: string;
  setting: number;
  prompt: number;
  text: string;
  score: number;
}

/** The document that a page is opened with. */
export interface PageData {
  version: string;
  title: string;
  studio?: boolean;
  /** What a link's # holds, of a page that was saved. */
  state?: string;
  tour?: TourRecord;
  position?: PositionRecord;
  text?: PassageRecord;
  path?: PathRecord;
  compare?: PairRecord;
  tune?: TuneRecord & { answers?: Answer[] | null };
  distil?: DistilRecord;
}
"""


class Writer:
    """The interfaces found so far, each after those that it needs."""

    def __init__(self) -> None:
        self.done: dict[type, str] = {}

    def interface(self, record: type) -> str:
        """The name of a record's interface, which is written if it was not."""
        name = NAMES.get(record, record.__name__)
        if record not in self.done:
            self.done[record] = ""
            hints = typing.get_type_hints(record)
            fields = [
                (one.name, KNOWN.get((record.__name__, one.name), hints[one.name]))
                for one in dataclasses.fields(record)
            ]
            if record is PathFound:  # its document holds the path's own fields beside the others
                path = typing.get_type_hints(TemperaturePath)
                fields = [one for one in fields if one[0] != "path"]
                fields += [(one.name, path[one.name]) for one in dataclasses.fields(TemperaturePath)]
            told = "".join(f"  {field}: {self.type(kind)};\n" for field, kind in fields)
            about = f"{record.__module__}.{record.__qualname__}"
            del self.done[record]
            self.done[record] = f"\n/** {about} */\nexport interface {name} {{\n{told}}}\n"
        return name

    def type(self, kind: Any) -> str:
        """A Python type as TypeScript has it in JSON."""
        plain = {
            str: "string",
            int: "number",
            float: "number",
            bool: "boolean",
            type(None): "null",
            Interval: "Measured",
        }
        if kind in plain:
            return plain[kind]
        origin, args = typing.get_origin(kind), typing.get_args(kind)
        if origin in (typing.Union, types.UnionType):
            return " | ".join(dict.fromkeys(self.type(one) for one in args))
        if origin is typing.Literal:
            return " | ".join(f'"{one}"' for one in args)
        if origin is tuple and args[-1] is not ...:
            return f"[{', '.join(map(self.type, args))}]"
        if origin in (tuple, list):
            inner = self.type(args[0])
            return f"({inner})[]" if " " in inner and not inner.startswith("[") else f"{inner}[]"
        if origin is not None and issubclass(origin, typing.Mapping):
            return f"Record<string, {self.type(args[1])}>"
        return (
            self.interface(kind) if dataclasses.is_dataclass(kind) and isinstance(kind, type) else "unknown"
        )


def written() -> str:
    """The file as it must be."""
    writer = Writer()
    for root in ROOTS:
        writer.interface(root)
    return HEAD + "".join(writer.done.values()) + TAIL


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
