"""The chain: an ordered list of transforms. Its order is data: read, written, compared, explained."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from retort.chain.engines import stages_like
from retort.chain.explain import Explanation, of_list, of_row
from retort.chain.stage import Stage, Step, hot_of, stage_of, steps, temperature_of
from retort.distribution.arrays import Array, as_floats, namespace, to_numpy
from retort.distribution.bounds import PartialDistribution
from retort.distribution.distribution import Distribution
from retort.distribution.softmax import check_logits, log_softmax
from retort.errors import InputError
from retort.transforms import TRANSFORMS
from retort.transforms.context import NOTHING_KNOWN, Context, RowState

__all__ = ["Chain", "Run", "Stage", "log_mass"]


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
            stages = [Stage.parse(part) for part in stages.split("|")] if stages.strip() else ()
        kept = tuple(stage for stage in stages if not stage.is_off)
        for name in dict.fromkeys(stage.name for stage in kept if stage.transform.once):
            twice = [str(stage) for stage in kept if stage.name == name]
            if len(twice) > 1:
                raise InputError(
                    f"a chain may hold {name} once, got {' and '.join(twice)}"
                    + (
                        "; two temperatures in a row are one temperature, their product"
                        * (name == "temperature")
                    )
                )
        hot = [str(stage) for stage in kept if stage.transform.tempers]
        if len(hot) > 1:
            raise InputError(
                f"a chain holds one temperature, got {' and '.join(hot)}; dynatemp takes the temperature's place: "
                "write dynatemp(range=0.5, temperature=0.8)"
            )
        object.__setattr__(self, "stages", kept)

    @classmethod
    def parse(cls, text: str) -> Chain:
        """The chain written as `name=value | name(setting=value, …)`, in that order.

        Kebab case and aliases (temp, nucleus) are accepted; an empty text is the empty chain. Raises
        InputError.
        """
        return cls(text)

    @classmethod
    def of(
        cls,
        temperature: float | None = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        **settings: Any,
    ) -> Chain:
        """The chain of flat settings (the names of SamplingParams) in retort's default order; None is off.

        The order is that of the table TRANSFORMS: what shifts or bans tokens by the history, then temperature, then
        the truncations. Raises InputError for an unknown setting or a value that is not allowed.
        """
        flat = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p, **settings}
        known = {parameter.setting for row in TRANSFORMS.values() for parameter in row.parameters}
        unknown = [name for name in flat if name not in known]
        if unknown:
            raise InputError(f"no transform has the setting {unknown[0]!r}")
        return cls(stage for name in TRANSFORMS if (stage := stage_of(name, flat)) is not None)

    @classmethod
    def like(
        cls,
        engine: str,
        params: Any,
        *,
        defaults: bool = False,
        drop: bool = False,
        model_defaults: Mapping[str, Any] | None = None,
    ) -> Chain:
        """The chain that these settings are in another engine (transformers, vllm, sglang, llama.cpp, mlx-lm, ollama).

        See `engines.stages_like`, which also says what `defaults`, `drop` and `model_defaults` do.
        """
        return cls(stages_like(engine, params, defaults=defaults, drop=drop, model_defaults=model_defaults))

    def __iter__(self) -> Iterator[Stage]:
        return iter(self.stages)

    def __len__(self) -> int:
        return len(self.stages)

    def __str__(self) -> str:
        return " | ".join(map(str, self.stages))

    @property
    def hot(self) -> Stage | None:
        """The stage that divides by a temperature, if the chain has one."""
        return hot_of(self.stages)

    @property
    def temperature(self) -> float:
        """The temperature of this chain; 1.0 if it has no such stage."""
        return temperature_of(self.stages)

    @property
    def around_temperature(self) -> tuple[tuple[Stage, ...], tuple[Stage, ...]]:
        """The stages that keep the same tokens at every temperature, and those whose choice may depend on it.

        The first are those before the temperature, and what is temperature-free right behind it; without a stage of
        temperature, it is thought to stand first.
        """
        place = -1 if self.hot is None else self.stages.index(self.hot)
        before, after = list(self.stages[: max(place, 0)]), list(self.stages[place + 1 :])
        # Only what stands right behind it: a stage further on sees what others have cut, and they depend on τ.
        while after and after[0].transform.temperature_free:
            before.append(after.pop(0))
        return tuple(before), tuple(after)

    @property
    def nested(self) -> bool:
        """True if, as τ alone moves, the kept set is always the n largest logits, n never falling with τ.

        What does not see τ (see `around_temperature`) may be anything that needs no noise and no state. To the first
        stage that does, the same tokens come at every τ; to the ones after it, more as τ rises.
        """
        _, after = self.around_temperature
        plain = self.hot is None or self.hot.name == "temperature"
        nested = all(stage.transform.nested for stage in after)
        return (
            plain
            and nested
            and all(stage.transform.monotone for stage in after[1:])
            and self.needs <= {"history"}
        )

    @property
    def needs(self) -> frozenset[str]:
        """What the chain reads beside the logits, of "history", "noise" and "state"."""
        return frozenset().union(*(stage.transform.needs for stage in self.stages))

    def at_temperature(self, temperature: float) -> Chain:
        """This chain with its temperature replaced where it stands; put first if the chain has none."""
        if self.hot is None:
            return Chain((Stage("temperature", temperature), *self.stages))
        return Chain(
            stage.having(temperature=temperature) if stage is self.hot else stage for stage in self.stages
        )

    def ending_at(self, ids: Iterable[int]) -> Chain:
        """This chain with `ids` as the ones that end a text, in every stage that asks for them and has none."""
        end = tuple(ids)
        return Chain(
            Stage(stage.name, stage.value, end=end)
            if stage.name == "min_tokens" and not stage.setting("end")
            else stage
            for stage in self.stages
        )

    def apply(self, logits: Array, history: Any = None, *, context: Context | None = None) -> Array:
        """Logits after every stage, in order; removed tokens are -inf and the input is untouched.

        Shapes `[..., vocab]` → `[..., vocab]`. `history`: token ids so far, one sequence for each row (or the ids
        alone for a single row); `context`: that and whatever else stages need (see Context and `needs`).
        float64 for numpy once a temperature has been applied; at least float32 for torch. The result is not
        normalised: `log_softmax` of it is the distribution that is sampled. Raises InputError for rows with NaN, +inf
        or nothing but -inf, a stage that removes every token of a row, and for what a stage needs and did not get.
        """
        logits = as_floats(logits)
        context = context_of(history, context)
        if not self.stages:
            check_logits(logits)
        for stage in self.stages:
            logits = stage.apply(logits, context)
        return logits

    def run(
        self,
        logits: Array,
        history: Any = None,
        *,
        context: Context | None = None,
        on_step: Callable[[Step], None] | None = None,
    ) -> Run:
        """As `apply`, with what the measures of a draw need beside the processed logits (see Run).

        `on_step` is called with each stage's work (see Step), in order.
        """
        before = as_floats(logits)
        check_logits(before)
        processed, shaped, undivided, temperature = before, before, None, 1.0
        for step in steps(self.stages, before, context_of(history, context)):
            processed, shaped = step.after, step.shaped
            # A chain tempers once, so this is met once at most.
            if step.stage.transform.tempers:
                undivided, temperature = step.before, step.temperature
            if on_step is not None:
                on_step(step)
        return Run(processed, shaped, shaped if undivided is None else undivided, temperature)

    def update(
        self,
        states: Sequence[RowState | None] | None,
        ids: Any,
        logits: Array,
        context: Context | None = None,
    ) -> tuple[RowState | None, ...]:
        """Each row's state after the tokens `ids` `[rows]` were drawn from this chain on `logits` `[rows, vocab]`.

        `context` is what the chain was applied with; its states are replaced by `states`. Pure: nothing is changed in
        place. A chain without state gives the states back.
        """
        before_NV = to_numpy(as_floats(logits))
        before_NV = before_NV.reshape(-1, before_NV.shape[-1])
        num_rows = len(before_NV)
        following: list[RowState | None] = [None] * num_rows if states is None else list(states)
        if "state" not in self.needs:
            return tuple(following)
        context = replace(context or NOTHING_KNOWN, states=states)
        drawn = (np.arange(num_rows), np.asarray(ids, dtype=np.int64).reshape(-1))
        # Applied once more: a stage's state is fed by what the token weighed right before and right after it.
        for stage in self.stages:
            after_NV = stage.apply(before_NV, context)
            if stage.transform.update is not None:
                entering_N, leaving_N = log_softmax(before_NV)[drawn], log_softmax(after_NV)[drawn]
                for row in range(num_rows):
                    numbers = stage.transform.update(
                        *stage.values,
                        state=context.state(row, stage.name),
                        entering=float(entering_N[row]),
                        leaving=float(leaving_N[row]),
                    )
                    following[row] = (following[row] or RowState()).having(stage.name, numbers)
            before_NV = after_NV
        return tuple(following)

    def explain(
        self,
        known: Array | Distribution | PartialDistribution,
        history: Any = None,
        *,
        context: Context | None = None,
    ) -> Explanation:
        """What each stage does at one position, what is left, and where the settings conflict.

        `known`: a row of logits `[vocab]` or a Distribution of one (whose temperature is not used: the chain says it),
        or a PartialDistribution, whose numbers are intervals. Raises InputError for an unusable row, and
        CapabilityError for a stage of which a PartialDistribution leaves open what it keeps.
        """
        if isinstance(known, PartialDistribution):
            return of_list(self.stages, known)
        logits = known.logits if isinstance(known, Distribution) else known
        return of_row(self.stages, logits, context_of(history, context))


@dataclass(frozen=True)
class Run:
    """One pass of a chain over rows `[..., vocab]`.

    - `processed`: the logits after every stage; their softmax is drawn from.
    - `shaped`: the logits after every stage that moves them, on every token; no stage has removed any. See
      `distribution/measures.py` for what counts as which.
    - `undivided`: the logits that entered the temperature, of which a greedy choice has the margin and the flip risk;
      the shaped ones if the chain has no temperature.
    - `temperature`: what the row was divided by, a number, or `[...]` for a dynamic temperature; 0 is greedy.
    """

    processed: Array
    shaped: Array
    undivided: Array
    temperature: Any

    @property
    def log_kept_mass(self) -> Array:
        """`[...]` ln of the shaped probability of the tokens that are left, in nats; exactly 0 where all are."""
        return log_mass(self.shaped, self.processed > -np.inf)


def log_mass(logits: Array, kept: Array) -> Array:
    """`[...]` ln Σ_{i kept} softmax(logits)_i in nats, from `[..., vocab]`; exactly 0 where none is lost."""
    xp = namespace(logits)
    log_probs = log_softmax(logits)
    possible = log_probs > -np.inf
    chosen = xp.where(kept, log_probs, -np.inf)
    # From the largest that is kept: if only unlikely tokens are, their probabilities alone would underflow.
    largest = xp.max(chosen, axis=-1, keepdims=True)
    mass = largest[..., 0] + xp.log(xp.sum(xp.exp(chosen - largest), axis=-1))
    whole = xp.all(kept | ~possible, axis=-1)
    return xp.where(whole, xp.zeros_like(mass), xp.clip(mass, max=0.0))


def context_of(history: Any, context: Context | None) -> Context:
    """The context with this history in it, if one is given beside it."""
    context = context or NOTHING_KNOWN
    return context if history is None else replace(context, history=history)
