"""One stage of a chain: a transform with its settings, and the text that it is written as and read from."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from retort.distribution.arrays import Array, as_floats, namespace, widened
from retort.distribution.measures import Interval
from retort.distribution.softmax import check_logits, is_per_row, tempered
from retort.errors import InputError
from retort.transforms import TRANSFORMS, Transform, find_transform
from retort.transforms.context import NOTHING_KNOWN, Context
from retort.transforms.temperature import dynamic_temperatures

OFF_WORDS = ("none", "off")

EXAMPLE = "for example: temperature=0.8 | top_k=50 | xtc(probability=0.5, threshold=0.1)"


@dataclass(frozen=True, init=False)
class Stage:
    """One transform with its settings: `Stage("top_k", 50)`, `Stage("top_k", 50, ties="all")`.

    The name may be an alias or kebab case; it is stored in full. `values` has one entry for each parameter of the
    transform, defaults filled in. Hashable; `Stage.parse(str(stage))` is an equal stage (a grammar's function aside).
    """

    name: str
    values: tuple[Any, ...]

    def __init__(self, name: str, *values: Any, **named: Any) -> None:
        """Settings in order of the transform's parameters, or by name. Raises InputError for what is not allowed."""
        row = find_transform(name)
        if len(values) > len(row.parameters):
            raise InputError(f"{row.name} takes {len(row.parameters)} settings at most, got {len(values)}")
        given = {parameter.name: value for parameter, value in zip(row.parameters, values, strict=False)}
        for key, value in named.items():
            parameter = row.parameter(key)
            if parameter.name in given:
                raise InputError(f"{row.name} is given its {parameter.name} twice; give it once")
            given[parameter.name] = value
        stored = []
        for parameter in row.parameters:
            value = given.get(parameter.name, parameter.default)
            # A default of None: it must be given. None that is given: off.
            if parameter.name not in given and value is None:
                raise InputError(
                    f"{row.name} needs its {parameter.name}: {parameter.label} must be {parameter.allowed}"
                )
            if parameter.kind is None and is_per_row(value):
                raise InputError(
                    f"a stage takes one number for {parameter.label}; give each row its own chain instead"
                )
            stored.append(parameter.store(value))
        object.__setattr__(self, "name", row.name)
        object.__setattr__(self, "values", tuple(stored))

    @classmethod
    def parse(cls, text: str) -> Stage:
        """The stage written as `name=value`, `name(value, other=value)` or `name(one=value, other=value)`."""
        written = re.fullmatch(r"\s*([\w-]+)\s*([=(])\s*(\S.*?)\s*", text, re.DOTALL)
        if written is None:
            raise InputError(f"a stage of a chain is written name=value, got {text.strip()!r}; {EXAMPLE}")
        name, opening, inside = written.groups()
        if opening == "(":
            if not inside.endswith(")"):
                raise InputError(f"a stage of a chain lacks its closing bracket: {text.strip()!r}; {EXAMPLE}")
            inside = inside[:-1].strip()
        return _read(find_transform(name), inside, several=opening == "(")

    @property
    def value(self) -> Any:
        """The value of the main (first) parameter."""
        return self.values[0]

    @property
    def transform(self) -> Transform:
        """The row of TRANSFORMS for this stage."""
        return find_transform(self.name)

    @property
    def is_off(self) -> bool:
        """True if a value is one that means "off" to some engine (top_k 0 or -1, top_p 1, min_p 0)."""
        return self.transform.is_off(*self.values)

    def setting(self, name: str) -> Any:
        """The value of the parameter of this name; raises InputError if the transform has none."""
        row = self.transform
        return self.values[row.parameters.index(row.parameter(name))]

    def having(self, **named: Any) -> Stage:
        """This stage with some of its settings replaced. Raises InputError as the constructor does."""
        settings = {p.name: v for p, v in zip(self.transform.parameters, self.values, strict=True)}
        return Stage(self.name, **{**settings, **named})

    def apply(self, logits: Array, context: Context | None = None) -> Array:
        """`[..., vocab]` logits after this one stage; unchanged if it is off.

        Raises InputError if the transform needs a history or noise that `context` does not have.
        """
        if self.is_off:
            return logits
        row, logits = self.transform, as_floats(logits)
        beside = {"context": context or NOTHING_KNOWN} if row.needs else {}
        if beside:
            # Whether a coin is thrown depends on the settings (probability 1 needs none), so the function asks for it.
            beside["context"].check(math.prod(logits.shape[:-1]), self.name, row.needs - {"noise"})
        if not row.tempers:  # those check the rows themselves, in the pass that finds the largest logits
            check_logits(logits)
        return row.compute(logits, *self.values, **beside)

    def temperatures(self, logits: Array) -> Any:
        """What a stage that tempers divides `logits` by: a number, or `[...]` if it depends on them."""
        given = float(self.setting("temperature"))
        # A dynamic temperature around 0 is greedy on every row, so it counts as one number too.
        return (
            given if self.name != "dynatemp" or given == 0.0 else dynamic_temperatures(logits, *self.values)
        )

    def __str__(self) -> str:
        row = self.transform
        # Of a bare transform the main value stands without its name: top_k=50, top_k(50, ties=all).
        named = list(zip(row.parameters, self.values, strict=True))[int(row.bare) :]
        told = [
            f"{p.name}={p.write(v)}"
            for p, v in named
            if v != p.default or (not row.bare and p.kind is None and p.setting is not None)
        ]
        main = [row.main.write(self.value)] if row.bare else []
        if main and not told and not (row.main.kind is not None and row.main.kind.variadic):
            return f"{self.name}={main[0]}"
        return f"{self.name}({', '.join([*main, *told])})"


@dataclass(frozen=True)
class Step:
    """One stage of a chain at work on rows `[..., vocab]`: the logits that came in and went out.

    `shaped`: what every stage that moves logits has made of the rows so far, on all tokens; no stage has removed any.
    `temperature`: what the stage divided by, a number or `[...]`; 1 for one that does not temper.
    """

    stage: Stage
    before: Array
    after: Array
    shaped: Array
    temperature: Any


def steps(stages: Iterable[Stage], logits: Array, context: Context) -> Iterator[Step]:
    """Each stage in turn, on what the one before it left."""
    # Two lines of work: `before` goes through every stage, `shaped` only through those that move logits. Up to the
    # first stage that removes a token both are the same array.
    before, shaped, removed_from = logits, logits, False
    for stage in stages:
        after = stage.apply(before, context)
        row, temperature = stage.transform, 1.0
        if row.tempers:
            temperature = stage.temperatures(before)
            of_rows = is_per_row(temperature)
            divides = not of_rows and temperature > 0.0
            if divides:
                shaped = tempered(shaped, temperature) if removed_from else after
            elif of_rows:
                # τ = 0 removes tokens, so it is no part of shaped; other rows of the batch may still be divided.
                shaped = tempered(shaped, namespace(shaped).where(temperature == 0.0, 1.0, temperature))
            removed_from = removed_from or not divides
        elif row.truncates or row.bans:
            removed_from = True
        # adaptive_p (the stage with an `update` that does not truncate) replaces the logits: it is no part of shaped.
        elif not row.update:
            # Once a token is removed the two lines part, and a stage that moves logits runs on both.
            moved = stage.apply(shaped, context) if removed_from else after
            # A bias of -inf removes its token; shaped still has it.
            shaped = namespace(moved).where(moved > -math.inf, moved, widened(shaped))
            removed_from = removed_from or (
                stage.name == "logit_bias" and any(bias == -math.inf for _, bias in stage.value)
            )
        yield Step(stage, before, after, shaped, temperature)
        before = after


@dataclass(frozen=True)
class StageReport:
    """What one stage did.

    - `removed_ids`: in falling order of probability; token ids, or places in the list of known tokens.
    - `kept_mass`: the share of the mass entering the stage that it keeps.
    - `kept_mass_total`: the shaped probability of the tokens that are left, as far as the chain has come
      (`distribution/measures.py` says what shaped is).
    - `moved`: total variation between the distributions before and after the stage, the share of probability that it
      moves from some tokens to others: a stage that only shifts logits removes nothing and still moves mass. None where
      a list does not tell.
    """

    stage: str
    kept: int
    removed: int
    removed_ids: tuple[int, ...]
    kept_mass: Interval
    kept_mass_total: Interval
    moved: Interval | None


def hot_of(stages: Iterable[Stage]) -> Stage | None:
    """The stage that divides by a temperature, if there is one."""
    return next((stage for stage in stages if stage.transform.tempers), None)


def temperature_of(stages: Iterable[Stage]) -> float:
    """The temperature of these stages; 1 without such a stage."""
    hot = hot_of(stages)
    return 1.0 if hot is None else float(hot.setting("temperature"))


def stage_of(name: str, settings: Mapping[str, Any]) -> Stage | None:
    """The stage of the transform `name` that flat settings mean; None if they leave it off.

    A dynamic temperature stands in the place of the plain one.
    """
    row = TRANSFORMS[name]
    if name == "temperature" and stage_of("dynatemp", settings) is not None:
        return None
    given = given_values(row, settings)
    if row.main.name not in given:
        return None
    stage = Stage(name, **given)
    return None if stage.is_off else stage


def given_values(row: Transform, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What flat settings give a transform: the name of each parameter that is not None → its value."""
    return {
        parameter.name: settings[parameter.setting]
        for parameter in row.parameters
        if parameter.setting is not None and settings.get(parameter.setting) is not None
    }


def _read(row: Transform, inside: str, several: bool) -> Stage:
    """The stage of a transform whose settings are written as `inside`."""
    if inside.lower() in OFF_WORDS:
        return Stage(row.name, None)
    if not several:
        return Stage(row.name, row.main.read(inside))
    positional: list[Any] = []
    named: dict[str, Any] = {}
    arguments = list(_arguments(inside))
    if row.main.kind is not None and row.main.kind.variadic:
        # All that has no name is the main value, commas included: `allowed(3, 8-11)`, `bad_words([5 6], [7],
        # scope=output)`.
        together = ", ".join(argument for argument in arguments if "=" not in argument)
        positional.append(row.main.read(together))
        arguments = [argument for argument in arguments if "=" in argument]
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if equals:
            parameter = row.parameter(name)
            if parameter.name in named:
                raise InputError(f"{row.name} is given its {parameter.name} twice; give it once")
            named[parameter.name] = parameter.read(value.strip())
        elif named or len(positional) == len(row.parameters):
            raise InputError(
                f"{row.name} has a setting without a name where none is expected: {argument!r}; "
                f"its settings are: {', '.join(p.name for p in row.parameters)}"
            )
        else:
            positional.append(row.parameters[len(positional)].read(argument))
    return Stage(row.name, *positional, **named)


def _arguments(inside: str) -> Iterator[str]:
    """The parts of `inside` between commas; commas in square brackets do not count."""
    depth, start = 0, 0
    for place, character in enumerate(inside):
        depth += (character == "[") - (character == "]")
        if character == "," and depth == 0:
            yield inside[start:place].strip()
            start = place + 1
    yield inside[start:].strip()
