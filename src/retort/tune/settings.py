"""The settings a sweep compares: what differs between them, and whether they lie on an axis.

A setting is a mapping of names to values, `{"temperature": 0.3, "top_p": 0.9}`. Where one number alone differs (as a
rule the temperature) the settings have an order, and tied neighbours form a region. Where more differs there is no
order, and nothing lies "between" two settings. A setting can also be written as an engine reads it
(`llama.cpp: top_k=40, min_p=0.05`).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from retort.chain import Chain
from retort.chain.engines import find_engine
from retort.errors import InputError
from retort.sampling.params import SamplingParams
from retort.sampling.setting_names import parse_settings
from retort.tune.numbers_in_text import is_number

Values = Mapping[str, Any]

AS_IT_IS = 1.0
"""The temperature that leaves the model as it is: what others are compared with where there is a choice."""


@dataclass(frozen=True)
class Axis:
    """The settings in the order in which they are compared.

    `name`: the one number that differs ("temperature"), or None where the settings have no order. `points`: what each
    setting is called by: that number, or the whole setting.
    """

    name: str | None
    settings: tuple[Values, ...]
    points: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.settings)

    @property
    def ordered(self) -> bool:
        """Whether the settings are the values of one number, in rising order."""
        return self.name is not None

    @property
    def plural(self) -> str:
        if self.name == "temperature":
            return "temperatures"
        return "settings" if self.name is None else f"values of {self.name}"

    @property
    def default(self) -> int:
        """The setting that stands for the model as it is: temperature nearest to 1, else the first."""
        # One without a temperature has the model's own, 1; one whose temperature is a word is as far from it as can be.
        said = [setting.get("temperature", AS_IT_IS) for setting in self.settings]
        gaps = [abs(float(one) - AS_IT_IS) if is_number(one) else math.inf for one in said]
        return gaps.index(min(gaps))

    def find(self, values: Values) -> int:
        """The number of the one setting that has all of these values. Raises InputError where none has, or several."""
        wanted = {name: _plain(value) for name, value in values.items()}
        fits = [
            number
            for number, setting in enumerate(self.settings)
            if all(name in setting and _plain(setting[name]) == value for name, value in wanted.items())
        ]
        if len(fits) != 1:
            there = "; ".join(describe(one) for one in self.settings)
            raise InputError(
                f"{describe(values)} is {'no setting' if not fits else f'{len(fits)} settings'} of those compared; "
                f"name one of: {there}"
            )
        return fits[0]

    def text(self, point: Any) -> str:
        """A point in words that can stand alone: "temperature 0.3", "top_p 0.9", "temperature=0.3, top_p=0.9"."""
        return describe(point) if self.name is None else f"{self.name} {point:g}"

    def short(self, point: Any) -> str:
        """A point in words where the axis is known: "0.3"."""
        return describe(point) if self.name is None else f"{point:g}"


def temperature_axis(temperatures: Sequence[float]) -> Axis:
    """The axis of these temperatures, which rise strictly."""
    return Axis("temperature", tuple({"temperature": one} for one in temperatures), tuple(temperatures))


def axis_of(settings: Sequence[Values]) -> Axis:
    """The axis of different settings: in rising order of the one number that differs, else in the order given.

    Raises InputError for fewer than two different settings.
    """
    different = list({key(setting): dict(setting) for setting in settings}.values())
    if len(different) < 2:
        raise InputError(f"got {len(different)} setting(s) to compare; give at least two different ones")
    names = list(dict.fromkeys(name for setting in different for name in setting))
    varying = [name for name in names if len({key({name: one.get(name)}) for one in different}) > 1]
    # One name alone is an axis only where every setting has a number for it: "top_p unset" has no place beside 0.9.
    if len(varying) == 1 and all(is_number(one.get(varying[0])) for one in different):
        name = varying[0]
        different.sort(key=lambda one: float(one[name]))
        return Axis(name, tuple(different), tuple(float(one[name]) for one in different))
    return Axis(None, tuple(different), tuple(different))


def parse_setting(text: str) -> Values:
    """The values in `name=value, name=value`, or a whole chain by its text. Raises InputError for neither."""
    if "|" in text or "(" in text:
        return {"chain": str(Chain.parse(text))}
    parts = [part.partition("=") for part in text.split(",")]
    if not all(name.strip() and equals and value.strip() for name, equals, value in parts):
        raise InputError(f"a setting must be written name=value, as in temperature=1, got {text!r}")
    return {name.strip(): _read(value.strip()) for name, _, value in parts}


def _read(text: str) -> Any:
    try:
        value = float(text)
    except ValueError:
        return text
    return value if math.isfinite(value) else text  # NaN would not equal itself, and JSON has neither


def key(setting: Values) -> str:
    """One text for each setting, equal for equal settings: JSON with sorted names and numbers without spelling."""
    return json.dumps({name: _plain(value) for name, value in setting.items()}, sort_keys=True)


def describe(setting: Values) -> str:
    """`temperature=0.3, top_p=0.9`; a setting with a chain is its chain, which says its temperature too."""
    if isinstance(setting.get("chain"), str) and set(setting) <= {"temperature", "chain"}:
        return str(setting["chain"])
    parts = [
        f"{name}={value:g}" if is_number(value) else f"{name}={value}" for name, value in setting.items()
    ]
    return ", ".join(parts) or "nothing set"


def _plain(value: Any) -> Any:
    """1 and 1.0 are the same setting."""
    return float(value) if is_number(value) else value


WRITTEN = re.compile(r"\s*([A-Za-z][\w.-]*)\s*:(.*)", re.DOTALL)
SOME_TEMPERATURE = 0.5
"""Stands in for the temperatures of a sweep: any that is not 1, which would leave no stage to mark its place."""


@dataclass(frozen=True)
class EngineSettings:
    """What is set, under our names, in an engine's order, ties and defaults."""

    engine: str
    settings: Mapping[str, Any]

    def chain(self, *, swept: bool) -> Chain:
        """The chain that they are there. `swept`: to be taken at other temperatures, so the engine's place for the
        temperature is kept, whatever temperature is set."""
        settings = {**self.settings, "temperature": SOME_TEMPERATURE} if swept else self.settings
        return Chain.like(self.engine, settings)


def parse_engine_settings(text: str) -> EngineSettings | None:
    """The settings in `ENGINE: name=value, name=value`; None for a text of another form, such as a chain.

    Raises InputError for an unknown engine or setting, and for one that is no transform's (seed, max_tokens).
    """
    written = WRITTEN.fullmatch(text)
    if written is None:
        return None
    engine = find_engine(written[1]).name
    named = SamplingParams.named(parse_settings(written[2]))
    _, said = SamplingParams.said(named)
    if not said or len(said) < len(named):
        wrong = ", ".join(sorted(set(named) - set(said)))
        raise InputError(
            f"{text.strip()!r} sets {wrong or 'nothing'}; give what shapes the distribution, as in "
            f"'{engine}: top_k=40, top_p=0.9'"
        )
    found = EngineSettings(engine, said)
    found.chain(swept=False)  # so that what the engine does not have is refused here
    return found
