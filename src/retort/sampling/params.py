"""SamplingParams: one request's settings, checked when they are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from retort.distribution import Chain, Stage
from retort.errors import InputError
from retort.sampling.noise import MAX_SEED


@dataclass(frozen=True)
class SamplingParams:
    """How to draw one text.

    - `temperature` τ: 0 is greedy, 1 leaves the model as it is; then `top_k`, `top_p`, `min_p`, in this order. None is
      off, and so are the values by which other engines say off (top_k 0 or -1, top_p 1, min_p 0), stored as None.
    - `chain`: an explicit order instead of these four, which then keep their defaults.
    - `seed`: 0 .. 2^64 - 1; same seed and same prompt, same text.
    - `max_tokens`: drawn at most; `stop`: strings that end the text (one string is a list of one).

    Raises InputError, which says what is allowed.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    seed: int = 0
    max_tokens: int = 32
    stop: tuple[str, ...] = ()
    chain: Chain | None = None

    def __post_init__(self) -> None:
        for name in ("temperature", "top_k", "top_p", "min_p"):
            self._store(name, _setting(name, getattr(self, name)))
        if self.temperature is None:
            self._store("temperature", 1.0)
        check_seed(self.seed)
        check_max_tokens(self.max_tokens)
        self._store("stop", checked_stop(self.stop))
        if self.chain is not None:
            self._check_chain()

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> SamplingParams:
        """The params of a mapping such as a YAML file holds; kebab case and the aliases temp and nucleus are read too.

        `chain` may be a text or a Chain. Raises InputError for an unknown or repeated name.
        """
        known = [field.name for field in fields(cls)]
        aliases = {"temp": "temperature", "nucleus": "top_p"}
        named: dict[str, Any] = {}
        for key, value in settings.items():
            name = str(key).strip().lower().replace("-", "_")
            name = aliases.get(name, name)
            if name not in known:
                raise InputError(f"unknown sampling setting {key!r}; known are: {', '.join(known)}")
            if name in named:
                raise InputError(
                    f"the sampling setting {name} is given twice (again as {key!r}); give it once"
                )
            named[name] = value
        if isinstance(named.get("chain"), str):
            named["chain"] = Chain.parse(named["chain"])
        return cls(**named)

    @property
    def resolved_chain(self) -> Chain:
        """The ordered transforms these settings mean: `chain` if given, else temperature → top_k → top_p → min_p."""
        if self.chain is not None:
            return self.chain
        return Chain.of(self.temperature, self.top_k, self.top_p, self.min_p)

    def with_seed(self, seed: int) -> SamplingParams:
        """These settings with another seed."""
        return replace(self, seed=seed)

    def _store(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _check_chain(self) -> None:
        if not isinstance(self.chain, Chain):
            raise InputError(
                f"chain must be a Chain, got {type(self.chain).__name__}; "
                'read a text with Chain.parse("temperature=0.8 | top_p=0.9")'
            )
        doubled = [name for name in ("top_k", "top_p", "min_p") if getattr(self, name) is not None]
        if self.temperature not in (1.0, self.chain.temperature):
            doubled.insert(0, "temperature")
        if doubled:
            raise InputError(
                f"got chain ({self.chain}) and also {', '.join(doubled)}; put everything into the chain, "
                "or give no chain (chain.at_temperature(t) changes its temperature)"
            )


def check_seed(seed: Any) -> None:
    """Nothing if `seed` is a whole number that fits in 64 bits; else raises InputError."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED:
        raise InputError(f"seed must be a whole number from 0 to 2^64 - 1, got {seed!r}")


def check_max_tokens(max_tokens: Any) -> None:
    """Nothing if `max_tokens` is a whole number of 1 or more; else raises InputError."""
    if isinstance(max_tokens, bool) or not isinstance(max_tokens, int) or max_tokens < 1:
        raise InputError(f"max_tokens must be a whole number of 1 or more, got {max_tokens!r}")


def checked_stop(stop: Any) -> tuple[str, ...]:
    """`stop` as a tuple of strings (None: none, one string: itself); raises InputError for anything else."""
    strings = () if stop is None else (stop,) if isinstance(stop, str) else tuple(stop)
    for string in strings:
        if not isinstance(string, str) or not string:
            raise InputError(f"stop must be strings of at least one character, got {string!r}")
    return strings


def _setting(name: str, value: Any) -> Any:
    """The value as the chain stores it (checked, whole where it must be), None where it is off."""
    if value is None:
        return None
    stage = Stage(name, value)
    return None if stage.is_off else stage.value
