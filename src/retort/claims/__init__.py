"""What people say about temperature, checked on the user's own model.

In: a model (perhaps its tuned and its smaller sibling), two tasks, results of distilling. Out: one verdict per claim.
Read `claim.py` first, then the tables of claims: `arithmetic.py` (theorems), `texts.py` (one distribution), `tasks.py`
(generated answers), `distilling.py`. `evidence.py` is what they are measured on, made once and shared.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from retort.blocks import Block, line, table
from retort.calling import callable_package
from retort.claims import arithmetic, distilling, tasks, texts
from retort.claims.claim import CANNOT_TELL, DOES_NOT_HOLD, HOLDS, Claim, Measured, Verdict
from retort.claims.evidence import Evidence, Needs, ProgressCallback, Work
from retort.errors import InputError, did_you_mean
from retort.lens.asking import default_prompts
from retort.numerals import counted, interval, number
from retort.records import Measures, Record, exact, new_axes, titled
from retort.sources.load import Model, opened

CLAIMS: tuple[Claim, ...] = (*arithmetic.CLAIMS, *texts.CLAIMS, *tasks.CLAIMS, *distilling.CLAIMS)

__all__ = ["CLAIMS", "Claim", "Claims", "Evidence", "Measured", "Verdict", "check_claims", "claims"]

GREY = "#8a8f98"
COLOURS = {HOLDS: "#2a7f62", DOES_NOT_HOLD: "#c44e52", CANNOT_TELL: GREY}


@dataclass(frozen=True, repr=False)
class Claims(Record):
    """The table: verdicts in the order of the claims. `items` and `samples`: how much was asked."""

    model: str
    instruct: str | None
    small: str | None
    seed: int
    items: int
    samples: int
    claims: tuple[Verdict, ...]

    MEASURES: ClassVar[tuple[str, ...]] = ("holds", "does_not_hold", "cannot_tell")

    def measures(self) -> Measures:
        """How many claims have each verdict."""
        counts = Counter(claim.verdict.replace(" ", "_") for claim in self.claims)
        return {name: [exact(counts[name])] for name in self.MEASURES}

    def table_rows(self) -> list[dict[str, Any]]:
        """One row per claim; its numbers are in `to_dict()`."""
        first = ("id", "statement", "verdict", "quantity", "threshold", "value")
        return [
            {name: getattr(claim, name) for name in first}
            | dict(zip(("low", "high"), claim.interval or (None, None), strict=True))
            | {"kind": claim.kind}
            for claim in self.claims
        ]

    def blocks(self) -> Iterator[Block]:
        yield line(
            f"{counted(len(self.claims), 'claim')} about temperature, on {self.model}", "bold", whole=True
        )
        for claim in self.claims:
            # A verdict in capitals, what a claim needs as it is to be typed.
            verdict, _, needed = claim.verdict.partition(": ")
            yield line(f"{verdict.upper()}{f' {needed}' * bool(needed)}: {claim.statement}", "bold")
            rows = [[f"  {name.replace('_', ' ')}", _shown(value)] for name, value in claim.measured.items()]
            if rows:
                yield table(["", ""], rows)
            if claim.value is not None and claim.interval is not None:
                said = f"{number(claim.value)} ({interval(claim.interval, number)})"
                against = "" if claim.threshold is None else f"; threshold {claim.threshold:g}"
                yield line(f"  Decided by: {claim.quantity}: {said}{against}")
            yield line(f"  How: {claim.how}", "dim")

    def plot(self, axes: Any = None) -> Any:
        """Each claim's interval around its threshold; the rows have units of their own, so each has its own scale."""
        axes = new_axes(axes, tall=len(self.claims))
        for place, claim in enumerate(reversed(self.claims)):
            colour = COLOURS.get(claim.verdict.partition(":")[0], GREY)
            if claim.interval is None or claim.threshold is None:
                axes.plot(0, place, "|", color=GREY)  # decided without an interval, or not asked
                continue
            # From its threshold, and divided by its farther end: rows in nats, shares and ratios fit one picture.
            low, high = (end - claim.threshold for end in claim.interval)
            scale = max(abs(low), abs(high)) or 1.0
            axes.plot(
                [low / scale, high / scale], [place, place], color=colour, linewidth=4, solid_capstyle="butt"
            )
            axes.plot((low + high) / (2 * scale), place, "o", color=colour, markersize=5)
        labels = [f"{claim.id}: {claim.verdict.partition(':')[0]}" for claim in reversed(self.claims)]
        axes.set_yticks(range(len(labels)), labels=labels, fontsize="small")
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set_xlim(-1.1, 1.1)
        axes.set_xticks([-0.6, 0, 0.6], labels=["below the threshold", "threshold", "above"])
        axes.tick_params(axis="x", length=0)
        axes.set_xlabel("95% interval, each row on its own scale")
        titled(axes, f"Claims about temperature on {self.model}")
        return axes


def _shown(value: Any) -> str:
    """A number of a claim, whatever its type."""
    if isinstance(value, (list, tuple)):
        return " to ".join(number(one) for one in value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "–" if value is None else str(value)
    return number(float(value)) if isinstance(value, float) else f"{value:,}"


def claims(
    model: Model,
    *,
    instruct: Model | None = None,
    small: Model | None = None,
    tasks: Sequence[str] = ("exploit", "explore"),
    distill: Sequence[str | Path] = (),
    prompts: Sequence[str] | None = None,
    only: Sequence[str] | None = None,
    thresholds: Mapping[str, float] | None = None,
    items: int = 60,
    samples: int = 6,
    seed: int = 0,
    on_progress: ProgressCallback | None = None,
) -> Claims:
    """Check what people say about temperature on `model`; a MODEL string or a source, as all models here.

    `instruct`: its instruction-tuned sibling; `small`: a smaller model with the same tokens; `distill`: results of
    `retort distill --json`; `prompts`: texts whose positions are looked at (default: definitions that come with
    retort); `only`: ids of claims (default: all); `thresholds`: by id, in place of a claim's own.
    `on_progress(done, 100, detail)` gets a percentage of the work of all claims, and what is being done. Raises
    InputError for a claim that does not exist, a threshold that is not a finite number, and models of different
    families.
    """
    wanted = None if only is None else [_claim(name) for name in only]
    # In the order of CLAIMS, however they were asked for: claims on one part of the evidence stand together.
    chosen = CLAIMS if wanted is None else tuple(claim for claim in CLAIMS if claim in wanted)
    evidence = Evidence(
        source=opened(model),
        instruct_source=None if instruct is None else opened(instruct),
        small_source=None if small is None else opened(small),
        tasks=tuple(tasks),
        distill_files=tuple(map(Path, distill)),
        items=items,
        samples=samples,
        seed=seed,
        on_progress=on_progress,
        prompts=default_prompts() if prompts is None else list(prompts),
        thresholds=_checked(thresholds or {}, chosen),
    )
    return check_claims(evidence, chosen)


def _claim(name: str) -> Claim:
    by_id = {claim.id: claim for claim in CLAIMS}
    if name not in by_id:
        raise InputError(
            f"there is no claim {name!r}{did_you_mean(name, by_id)}; the claims are {', '.join(by_id)}."
        )
    return by_id[name]


def _checked(thresholds: Mapping[str, float], chosen: Sequence[Claim]) -> Mapping[str, float]:
    movable = [claim.id for claim in CLAIMS if claim.threshold is not None]
    for name, value in thresholds.items():
        if name not in movable:
            raise InputError(
                f"no claim {name!r} has a threshold{did_you_mean(name, movable)}; these have: {', '.join(movable)}."
            )
        if not any(claim.id == name for claim in chosen):
            raise InputError(f"a threshold is set for {name}, which is not among the claims to check.")
        if not math.isfinite(value):
            raise InputError(f"the threshold of {name} must be a finite number, got {value}.")
    return thresholds


def check_claims(evidence: Evidence, claims: Sequence[Claim] = CLAIMS) -> Claims:
    """The verdict on each claim, in order. Raises RetortError where the model, a task or a file cannot be used."""
    if evidence.on_progress is not None:
        uses = (part for claim in claims for part in claim.uses)
        evidence.work = Work(evidence.planned(uses), evidence.on_progress)
    return Claims(
        model=evidence.source.name,
        instruct=None if evidence.instruct_source is None else evidence.instruct_source.name,
        small=None if evidence.small_source is None else evidence.small_source.name,
        seed=evidence.seed,
        items=evidence.items,
        samples=evidence.samples,
        claims=tuple(_verdict(claim, evidence) for claim in claims),
    )


def _verdict(claim: Claim, evidence: Evidence) -> Verdict:
    threshold = evidence.thresholds.get(claim.id, claim.threshold)
    try:
        measured = claim.measure(evidence, 0.0 if threshold is None else threshold)
    # Not an error: what can be measured is, and the row says what to give for the rest.
    except Needs as need:
        measured = Measured(f"needs: {need}", {})
    return Verdict(
        id=claim.id,
        statement=claim.statement,
        verdict=measured.verdict,
        measured={
            name: float(value.mean()) if isinstance(value, np.ndarray) else value
            for name, value in measured.numbers.items()
        },
        interval=measured.interval,
        how=claim.how,
        threshold=threshold,
        kind=claim.kind,
        quantity=claim.quantity,
        value=measured.value,
    )


callable_package(__name__)
