"""How much a task may cost, and what to try: what the command line does not say, the task's file may, then a preset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from retort.chain import Chain
from retort.errors import InputError


@dataclass(frozen=True)
class Budget:
    """Answers to an item at each setting, items used, temperatures and chains compared; None and () leave it open."""

    samples: int | None = None
    items: int | None = None
    temperatures: tuple[float, ...] = ()
    chains: tuple[Chain, ...] = ()


NO_BUDGET = Budget()


def read_budget(record: Any, place: str) -> Budget:
    """The budget of a task file: `{samples: 8, items: 100, temperatures: [0, 0.5, 1]}`. Raises InputError."""
    if record is None:
        return NO_BUDGET
    if not isinstance(record, Mapping) or set(record) - {"samples", "items", "temperatures"}:
        raise InputError(
            f"{place}: budget must be a mapping with samples, items and temperatures, got {record!r}."
        )
    for name in ("samples", "items"):
        value = record.get(name)
        if value is not None and (type(value) is not int or value < 1):
            raise InputError(f"{place}: {name} is {value!r}; it must be a whole number of 1 or more.")
    temperatures = record.get("temperatures") or []
    if not isinstance(temperatures, list) or not all(
        isinstance(one, (int, float)) and not isinstance(one, bool) and one >= 0 for one in temperatures
    ):
        raise InputError(
            f"{place}: temperatures is {temperatures!r}; it must be a list of numbers of 0 or more."
        )
    return Budget(record.get("samples"), record.get("items"), tuple(map(float, temperatures)))


@dataclass(frozen=True)
class Preset:
    """A kind of task: the goal it has, the temperatures worth trying, answers to an item, and why."""

    name: str
    goal: str
    temperatures: tuple[float, ...]
    samples: int
    why: str


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "code", "pass@5", (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2), 10,
            "one of several tries has to pass, so some variety pays; beyond 1.2 little compiles",
        ),
        Preset(
            "sql", "exploit", (0.0, 0.1, 0.2, 0.4, 0.7, 1.0), 5,
            "one right query: the low end is looked at closely",
        ),
        Preset(
            "facts", "exploit", (0.0, 0.2, 0.4, 0.7, 1.0, 1.3), 8,
            "one right answer, which need not be the top one, so the range goes past 1",
        ),
        Preset(
            "summary", "reproduce", (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0), 5,
            "the same text should give the same summary; checks say whether it is faithful",
        ),
        Preset(
            "brainstorm", "explore", (0.3, 0.5, 0.7, 0.9, 1.1, 1.3, 1.5, 1.8), 12,
            "many different good ideas: the hot half, with enough answers to see variety",
        ),
        Preset(
            "names", "explore", (0.4, 0.6, 0.8, 1.0, 1.2, 1.4, 1.7, 2.0), 16,
            "short answers stay coherent longer, so the range goes to 2",
        ),
        Preset(
            "story", "explore", (0.4, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4), 6,
            "long texts drift as heat adds up over tokens, so the middle is looked at closely",
        ),
    )
}  # fmt: skip


def find_preset(name: str) -> Preset:
    """The preset of that name; InputError naming those there are."""
    if name not in PRESETS:
        raise InputError(f"there is no preset {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]
