"""SamplingParams: one request's settings, checked when they are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

from retort.chain import Chain
from retort.errors import InputError
from retort.sampling.noise import MAX_SEED
from retort.sampling.setting_names import read_names
from retort.transforms import TRANSFORMS, Parameter

SETTINGS: dict[str, Parameter] = {
    parameter.setting: parameter
    for row in TRANSFORMS.values()
    for parameter in row.parameters
    if parameter.setting is not None
}
"""Every flat setting of a transform → the parameter that it is."""

MAIN_SETTINGS = frozenset(row.main.setting for row in TRANSFORMS.values())
"""The settings that turn a transform on; None is off, and so are the values by which engines say off."""


@dataclass(frozen=True)
class SamplingParams:
    """How to draw one text.

    Everything but `temperature` (τ: 0 is greedy, 1 leaves the model as it is) is off unless given; None is off, and so
    are the values by which other engines say off (top_k 0 or -1, top_p 1, min_p 0, …), stored as None. A setting that
    only qualifies another (`xtc_threshold`, `dry_base`, `mirostat_tau`, …) takes its transform's default when None.

    - Truncation: `top_k`, `top_p`, `min_p`, `typical_p`, `epsilon_cutoff`, `eta_cutoff`, `top_n_sigma`, `top_h`, the
      `xtc_…` pair; `min_keep` tokens survive each of those that know it.
    - Steering: `dynatemp_…` (a temperature that follows the entropy), `mirostat` 1 or 2 with `mirostat_tau` (bits) and
      `mirostat_eta`, `adaptive_target` with `adaptive_decay`.
    - By what came before: `repetition_penalty`, `presence_penalty`, `frequency_penalty`, `dry_…`. `penalty_scope` says
      for all three penalties what counts: "all" (prompt and output), "output" or "last:N"; None is each one's own
      default (all for repetition, output for the others). `penalty_last_n` N is another way to say it (-1: all).
    - By token: `logit_bias` (id → number), `bad_words` (sequences of ids), `allowed_tokens` (ids), `min_tokens` until
      which no id of `end_ids` may come, `grammar` (a function from the ids so far to the ids allowed next).
    - `chain`: an explicit order instead of all of these, which then keep their defaults.
    - `seed`: 0 .. 2^64 - 1; same seed and same prompt, same text.
    - `max_tokens`: drawn at most; `stop`: strings that end the text (one string is a list of one).

    Hashable; ids and biases are stored as tuples. Raises InputError, which says what is allowed.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    typical_p: float | None = None
    epsilon_cutoff: float | None = None
    eta_cutoff: float | None = None
    top_n_sigma: float | None = None
    top_h: float | None = None
    xtc_probability: float | None = None
    xtc_threshold: float | None = None
    dynatemp_range: float | None = None
    dynatemp_exponent: float | None = None
    mirostat: int | None = None
    mirostat_tau: float | None = None
    mirostat_eta: float | None = None
    adaptive_target: float | None = None
    adaptive_decay: float | None = None
    min_keep: int | None = None
    repetition_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    penalty_scope: str | None = None
    penalty_last_n: int | None = None
    dry_multiplier: float | None = None
    dry_base: float | None = None
    dry_allowed_length: int | None = None
    dry_penalty_last_n: int | None = None
    dry_breakers: Any = None
    xtc_special_tokens: Any = None
    logit_bias: Any = None
    bad_words: Any = None
    min_tokens: int | None = None
    end_ids: Any = None
    allowed_tokens: Any = None
    grammar: Any = None
    seed: int = 0
    max_tokens: int = 32
    stop: tuple[str, ...] = ()
    chain: Chain | None = None

    def __post_init__(self) -> None:
        self._scope_of_last_n()
        for name, parameter in SETTINGS.items():
            # Only a main setting is off with its off-value; others keep theirs (dry_penalty_last_n 0 looks at nothing).
            value = parameter.store(getattr(self, name))
            self._store(name, None if name in MAIN_SETTINGS and parameter.is_off(value) else value)
        if self.temperature is None:
            self._store("temperature", 1.0)
        check_seed(self.seed)
        check_max_tokens(self.max_tokens)
        self._store("stop", checked_stop(self.stop))
        if self.chain is not None:
            self._check_chain()

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> SamplingParams:
        """The params of a mapping such as a YAML file or another engine's request holds.

        Names and off-values of transformers' GenerationConfig, vLLM, SGLang, llama.cpp (server and command line),
        mlx-lm and OpenAI are read (`repeat_penalty`, `typ_p`, `n_predict`, `max_new_tokens`, …; see `setting_names`),
        in snake or kebab case. `chain` may be a text or a Chain. Raises InputError for an unknown or repeated name, or
        a setting that retort does not have.
        """
        named = cls.named(settings)
        samplers = named.pop("samplers", None)
        if samplers is not None:
            raise InputError(
                f"samplers is an order of llama.cpp ({', '.join(samplers)}); name the engine (--engine llama.cpp), or "
                "write the order as a chain: chain='top_k=40 | temperature=0.8'"
            )
        if isinstance(named.get("chain"), str):
            named["chain"] = Chain.parse(named["chain"])
        return cls(**named)

    @classmethod
    def named(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The settings of a mapping, as `from_dict` reads it, under our names; what is None is left out."""
        return read_names(settings, [field.name for field in fields(cls)])

    @classmethod
    def said(cls, settings: Mapping[str, Any]) -> tuple[SamplingParams, dict[str, Any]]:
        """The params of a mapping, as `from_dict` reads it, and the settings of transforms that it names.

        llama.cpp's `samplers` are among the second, for its engine. The second tells "said to be off" (None) from "not
        said" (absent), which the params alone cannot.
        """
        named = cls.named(settings)
        samplers = {"samplers": named.pop("samplers")} if "samplers" in named else {}
        params = cls.from_dict(named)
        # Values are read back from the params, where they are checked and stored in one form.
        names = ["penalty_scope" if name == "penalty_last_n" else name for name in named]
        return params, {**{name: getattr(params, name) for name in names if name in SETTINGS}, **samplers}

    @cached_property
    def resolved_chain(self) -> Chain:
        """The ordered transforms these settings mean: `chain` if given, else retort's default order.

        The order of the table TRANSFORMS: what shifts or bans tokens (penalties, DRY, bias, bad words, …), then
        temperature, then the truncations, then mirostat and adaptive-p.
        """
        if self.chain is not None:
            return self.chain.ending_at(self.end_ids) if self.end_ids else self.chain
        return Chain.of(**self.settings)

    @property
    def settings(self) -> dict[str, Any]:
        """The flat settings of transforms that are given: name → value."""
        values = {name: getattr(self, name) for name in SETTINGS}
        return {name: value for name, value in values.items() if value is not None}

    def with_seed(self, seed: int) -> SamplingParams:
        """These settings with another seed."""
        return replace(self, seed=seed)

    def ending_at(self, ids: Any) -> SamplingParams:
        """These settings with `ids` as the ones that end a text, if they name none: for min_tokens."""
        return self if self.end_ids else replace(self, end_ids=ids)

    def _store(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _scope_of_last_n(self) -> None:
        """`penalty_last_n` as the scope that it means."""
        count = self.penalty_last_n
        if count is None:
            return
        if isinstance(count, bool) or not isinstance(count, int) or count < -1:
            raise InputError(
                f"penalty_last_n must be a whole number of 1 or more, or -1 for all tokens (0: off), got {count!r}"
            )
        scope = "all" if count == -1 else f"last:{count}"
        if self.penalty_scope not in (None, scope):
            raise InputError(
                f"got penalty_last_n={count} and also penalty_scope={self.penalty_scope!r}; give one of them"
            )
        self._store("penalty_last_n", None)
        self._store("penalty_scope", scope)

    def _check_chain(self) -> None:
        if not isinstance(self.chain, Chain):
            raise InputError(
                f"chain must be a Chain, got {type(self.chain).__name__}; "
                'read a text with Chain.parse("temperature=0.8 | top_p=0.9")'
            )
        doubled = [
            name
            for name in SETTINGS
            if name not in ("temperature", "end_ids") and getattr(self, name) is not None
        ]
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
