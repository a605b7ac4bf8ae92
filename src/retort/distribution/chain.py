"""The chain: an ordered list of transforms. Its order is data: read, written, compared, explained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retort.distribution.arrays import Array, as_floats
from retort.distribution.softmax import check_logits, is_per_row
from retort.distribution.transforms import Transform, find_transform
from retort.errors import InputError

if TYPE_CHECKING:
    from retort.distribution.explain import Explanation


@dataclass(frozen=True)
class Stage:
    """One transform with its setting. The name may be an alias or kebab case; it is stored in full."""

    name: str
    value: float | int

    def __post_init__(self) -> None:
        row = find_transform(self.name)
        row.check(self.value)
        if is_per_row(self.value):
            raise InputError(f"a stage takes one number for {row.name}; give each row its own chain instead")
        object.__setattr__(self, "name", row.name)
        if self.value is not None:
            object.__setattr__(self, "value", int(self.value) if row.whole else float(self.value))

    @property
    def transform(self) -> Transform:
        """The row of TRANSFORMS for this stage."""
        return find_transform(self.name)

    @property
    def is_off(self) -> bool:
        """True if the value is one that means "off" to some engine (top_k 0 or -1, top_p 1, min_p 0)."""
        return self.transform.is_off(self.value)

    def apply(self, logits: Array, history: Any = None) -> Array:
        """`[..., vocab]` logits after this one stage; unchanged if it is off."""
        if self.is_off:
            return logits
        settings = (self.value, history) if self.transform.uses_history else (self.value,)
        return self.transform.function(logits, *settings)

    def __str__(self) -> str:
        return f"{self.name}={_number(self.value)}"


@dataclass(frozen=True, init=False)
class Chain:
    """Transforms in the order in which they are applied.

    `Chain("temperature=0.8 | top_k=50 | top_p=0.9")`, or from stages. Stages that are off are dropped;
    `str(chain)` reads back as an equal chain. A chain holds temperature once at most.
    """

    stages: tuple[Stage, ...]

    def __init__(self, stages: str | Iterable[Stage] = ()) -> None:
        """The chain of these stages, or of a text as `parse` reads it. Raises InputError for a bad stage."""
        if isinstance(stages, str):
            stages = _parse(stages)
        kept = tuple(stage for stage in stages if not stage.is_off)
        temperatures = [str(stage) for stage in kept if stage.name == "temperature"]
        if len(temperatures) > 1:
            raise InputError(
                f"a chain may hold temperature once, got {' and '.join(temperatures)}; "
                "two temperatures in a row are one temperature, their product"
            )
        object.__setattr__(self, "stages", kept)

    @classmethod
    def parse(cls, text: str) -> Chain:
        """The chain written as `name=value | name=value`, in that order.

        Kebab case and aliases (temp, nucleus) are accepted; an empty text is the empty chain. Raises
        InputError.
        """
        return cls(_parse(text))

    @classmethod
    def of(
        cls,
        temperature: float | None = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
    ) -> Chain:
        """The chain in retort's default order: temperature → top_k → top_p → min_p. None is off."""
        settings = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p}
        return cls(Stage(name, value) for name, value in settings.items() if value is not None)

    def __iter__(self) -> Iterator[Stage]:
        return iter(self.stages)

    def __len__(self) -> int:
        return len(self.stages)

    def __str__(self) -> str:
        return " | ".join(map(str, self.stages))

    @property
    def temperature(self) -> float:
        """The temperature of this chain; 1.0 if it has no such stage."""
        return next((float(stage.value) for stage in self.stages if stage.name == "temperature"), 1.0)

    @property
    def nested(self) -> bool:
        """True if every truncation is nested: it keeps the n largest logits, n never falling with τ."""
        return all(stage.transform.nested for stage in self.stages)

    def at_temperature(self, temperature: float) -> Chain:
        """This chain with its temperature replaced where it stands; put first if the chain has none."""
        hot = Stage("temperature", temperature)
        if not any(stage.name == "temperature" for stage in self.stages):
            return Chain((hot, *self.stages))
        return Chain(hot if stage.name == "temperature" else stage for stage in self.stages)

    def apply(self, logits: Array, history: Any = None) -> Array:
        """Logits after every stage, in order; removed tokens are -inf and the input is untouched.

        Shapes `[..., vocab]` → `[..., vocab]`. float64 for numpy once a temperature has been applied; at
        least float32 for torch. The result is not normalised: `log_softmax` of it is the distribution that is
        sampled. Raises InputError for rows with NaN, +inf or nothing but -inf.
        """
        logits = as_floats(logits)
        if not self.stages:
            check_logits(logits)
        for stage in self.stages:
            logits = stage.apply(logits, history)
        return logits

    def explain(self, logits: Array) -> Explanation:
        """What each stage removes from one row `[vocab]`, what is left, and where the settings conflict."""
        from retort.distribution.explain import explain

        return explain(self, logits)


def _parse(text: str) -> tuple[Stage, ...]:
    if not text.strip():
        return ()
    return tuple(_parse_stage(part) for part in text.split("|"))


def _parse_stage(part: str) -> Stage:
    name, equals, value = part.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise InputError(
            f"a stage of a chain is written name=value, got {part.strip()!r}; "
            "for example: temperature=0.8 | top_k=50 | top_p=0.9"
        )
    row = find_transform(name)
    try:
        number = float(value)
    except ValueError:
        if value.strip().lower() in ("none", "off"):
            return Stage(row.name, row.off_values[0] if row.off_values else 1.0)
        raise InputError(f"{row.name} must be {row.allowed}, got {value.strip()!r}") from None
    return Stage(row.name, number)


def _number(value: float | int) -> str:
    """Shortest text that reads back as the same number: 0.9, 50, 1 rather than 1.0."""
    return repr(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)
