"""The golden vectors that both languages must reproduce: rows of logits, chains, and what Python makes of them.

`python -m tests.studio.golden` writes frontend/tests/golden.json. test_golden.py holds the file to today's Python,
frontend/tests/golden.test.ts the page's mathematics to the file.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from retort import numerals
from retort.chain import Chain
from retort.chain.engines import ENGINES
from retort.distribution import (
    Distribution,
    equivalent_temperature,
    jsd,
    kl,
    leakage,
    log_softmax,
    nucleus_size,
    softmax,
    top_ids,
    total_variation,
)
from retort.distribution.bounds import Interval, PartialDistribution
from retort.errors import CapabilityError
from retort.lens.packing import pack, pack_ids
from retort.lens.page import ranks_of
from retort.transforms import Context

FILE = Path(__file__).resolve().parents[2] / "frontend" / "tests" / "golden.json"
SKY = [15.2, 10.1, 8.4, 6.2, 2.1, -4.8]
TEMPERATURES = (0.0, 0.1, 0.5, 0.7, 1.0, 1.3, 2.0, 4.0)
CHAINS = (
    "",
    "temperature=0",
    "temperature=0.7",
    "temperature=2",
    "temperature=0.8 | top_k=50 | top_p=0.9",
    "temperature=1 | top_p=0.9",
    "temperature=1.5 | min_p=0.05",
    "top_k=5 | top_p=0.3 | temperature=2",
    "temperature=2 | top_k=5 | top_p=0.3",
    "top_p=0.95 | min_p=0.02 | temperature=1.2",
    "min_p=0.1 | top_k=20 | top_p=0.5",
    "top_k=1 | temperature=3",
    "temperature=0 | top_p=0.5",
    "top_p=0",
    "min_p=1",
    "temperature=0.9 | epsilon_cutoff=0.01",
    "temperature=1.4 | eta_cutoff=0.02",
    "eta_cutoff=0.3 | temperature=2",
    "top_n_sigma=1.2 | temperature=1.5",
    "temperature=0.5 | top_k=30 | top_n_sigma=0.4",
    "temperature=1.2 | top_h=0.4",
    "top_h=0 | temperature=2",
    "temperature=0.001 | top_h=0.9",
    "top_p=0.9 | top_h=0.7 | min_p=0.01",
    "temperature=1.3 | typical_p=0.5",
    "typical_p=0.2 | temperature=0.7 | top_k=3",
    "typical_p=0.8 | typical_p=0.4",
    "typical_p(0.3, ties=all)",
    "typical_p(0.05, min_keep=4) | top_p=0.5",
    "top_k(3, ties=all)",
    "top_p(0.4, ties=all) | temperature=2",
    "top_p(0.4, ties=highest)",
    "top_p(0.1, min_keep=5)",
    "min_p(0.9, min_keep=3) | temperature=1.5",
    "epsilon_cutoff(0.9, ties=all, min_keep=2)",
    "eta_cutoff(0.8, min_keep=3)",
    "dynatemp(range=0.5, exponent=2, temperature=1.2) | top_p=0.9",
    "dynatemp(range=1.5, exponent=1, temperature=1)",
    "top_k=9 | dynatemp(range=0.3, exponent=1, temperature=0)",
    "repetition_penalty=1.4",
    "repetition_penalty(0.7, scope=output) | temperature=0.8 | top_p=0.9",
    "temperature=1.5 | repetition_penalty=1.3 | top_k=6",
    "frequency_penalty=0.6 | presence_penalty=0.4 | temperature=1.2 | min_p=0.05",
    "frequency_penalty(-0.5, scope=all) | typical_p=0.7",
    "top_k=12 | presence_penalty(1.5, scope=last:3) | temperature=0.6",
    "dry(multiplier=0.8, base=1.75, allowed_length=1, last_n=-1) | temperature=0.9 | top_p=0.95",
    "dry(multiplier=2, base=1.5, allowed_length=2, last_n=9) | repetition_penalty=1.1",
    "repetition_penalty=1.8 | temperature=0",
    "top_h(0.5, entropy=summed, among=100) | temperature=1.5",
    "top_h(0.3, among=4)",
    "top_h(0.8, entropy=summed)",
)
PARTIAL_CHAINS = (
    "",
    "temperature=0",
    "temperature=0.6",
    "temperature=1.7",
    "top_k=4 | temperature=2",
    "temperature=0.5 | top_k=3 | top_p=0.8",
    "top_k=50",
    "temperature=0.7 | top_p=0.3",
    "top_p=0.95",
    "min_p=0.3 | temperature=1.5 | top_n_sigma=1",
    "min_p=0.0000001",
    "top_n_sigma=1",
    "top_k=5 | epsilon_cutoff=0.02 | temperature=0.8 | top_h=0.6",
    "temperature=0 | top_p=0.5",
    "epsilon_cutoff=0.04 | temperature=1.3",
    "eta_cutoff=0.5",
    "top_k=3 | dynatemp(range=0.4, exponent=1, temperature=1)",
    "top_k=4 | typical_p=0.6",
    "top_p(0.2, min_keep=3) | top_k(2, ties=all)",
    "top_k=2 | top_h=0.9 | min_p=0.1",
    "top_k=4 | temperature=0.001 | top_h=0.3",
)
SETTINGS = {
    "temperature": 0.8,
    "top_k": 5,
    "top_p": 0.9,
    "min_p": 0.1,
    "epsilon_cutoff": 0.01,
    "eta_cutoff": 0.01,
    "top_n_sigma": 1.0,
    "top_h": 0.5,
    "typical_p": 0.9,
    "repetition_penalty": 1.1,
    "frequency_penalty": 0.1,
    "presence_penalty": 0.1,
    "dry_multiplier": 0.5,
}
SHOWN = 12
PROMPT_LENGTH = 8


def rows() -> dict[str, np.ndarray]:
    """Rows by name: by hand, random, tied, with tokens that cannot come, flat, steep, and larger ones."""
    random = np.random.default_rng(20261124)
    tied = np.round(random.normal(0, 2, 60)).astype(np.float32)
    impossible = random.normal(0, 3, 80).astype(np.float32)
    impossible[::5] = -np.inf
    heavy = random.normal(-2, 2.5, 5000)
    heavy[random.permutation(5000)[:200]] += random.exponential(4, 200)
    large = random.gumbel(0, 2.0, 12000)
    return {
        "the sky, float64": np.array(SKY),
        "the sky, float32": np.array(SKY, dtype=np.float32),
        "one token": np.array([0.25], dtype=np.float32),
        "all tied": np.zeros(7, dtype=np.float32),
        "ties": tied,
        "impossible tokens": impossible,
        "steep": np.array([300.0, 0.0, -0.0, -250.5, -1e4], dtype=np.float32),
        "heavy tail": heavy.astype(np.float32),
        "two rows": random.normal(0, 2.5, 600).astype(np.float32),
        "large": large.astype(np.float32),
    }


def golden() -> dict[str, Any]:
    """Everything, as JSON holds it."""
    made = rows()
    return {
        "settings": SETTINGS,
        "engines": {name: str(Chain.like(name, SETTINGS, drop=True)) for name in ENGINES},
        "rows": [_row(name, logits) for name, logits in made.items()],
        "pairs": [
            _pair("two rows", made["two rows"], np.roll(made["two rows"], 7), first, second)
            for first, second in (
                ("temperature=1", "temperature=1"),
                ("temperature=0.7", "temperature=1.6"),
                ("temperature=1 | top_k=40", "temperature=1"),
                ("temperature=1 | top_p=0.8", "temperature=2 | top_k=100"),
            )
        ]
        + [_pair("one row, two orders", made["two rows"], made["two rows"], CHAINS[7], CHAINS[8])],
        "partial": [_partial(name, *known) for name, known in partial_rows(made).items()],
        "numerals": _numerals(),
    }


def _numerals() -> list[dict[str, Any]]:
    """Numbers as `retort.numerals` writes them: by hand with ties, and random ones of every size and sign."""
    random = np.random.default_rng(20261129)
    sizes = (10.0 ** random.uniform(-9, 9, 120) * random.choice([-1, 1], 120)).tolist()
    by_hand = [
        0.0,
        -0.0,
        0.5,
        1.5,
        2.5,
        0.125,
        -0.375,
        1000.5,
        12344.5,
        12345.5,
        9999.96,
        1e7,
        9999999.4,
        1e-4,
        9.9999e-5,
    ]
    values = [None, *by_hand, *sizes]
    shares = [
        None,
        0.0,
        1.0,
        0.00125,
        0.00375,
        0.005,
        1e-4,
        9e-5,
        2.04e-9,
        *random.uniform(0, 1, 40).tolist(),
    ]
    ends = [[-0.1, 0.2], [0.1, 0.2], [-0.2, -0.0001], [0.0001, 0.2], [1e-5, 12345.678]]
    calls: list[tuple[str, Any, list[Any]]] = [
        *(("number", numerals.number, [value]) for value in values),
        *(("number", numerals.number, [value, 2]) for value in values),
        *(("decimals", numerals.decimals, [value, places]) for value in values for places in (0, 2, 3)),
        *(("signed", numerals.signed, [value]) for value in values),
        *(("percent", numerals.percent, [share, places]) for share in shares for places in (0, 1)),
        *(("probability", numerals.probability, [share]) for share in shares),
        *(("interval", numerals.interval, [pair]) for pair in (None, *ends)),
        *(("signedInterval", numerals.signed_interval, [pair]) for pair in (None, *ends)),
        *(("span", numerals.bounds, pair) for pair in ends),
        *(("counted", numerals.counted, [count, "index", "indices"]) for count in (0, 1, 2, 12345)),
    ]  # fmt: skip
    return [{"name": name, "arguments": given, "shown": call(*given)} for name, call, given in calls]


def partial_rows(made: dict[str, np.ndarray]) -> dict[str, tuple[list[float], int, float]]:
    """Name → what is known of a row: falling logprobs, how many tokens there are, and how far each may be rounded."""

    def best(name: str, count: int, digits: int | None = None) -> list[float]:
        log_probs = np.sort(log_softmax(made[name].astype(np.float64)))[::-1][:count]
        return [float(one if digits is None else round(one, digits)) for one in log_probs]

    return {
        "20 of 600": (best("two rows", 20), 600, 0.0),
        "20 of 12,000, rounded": (best("large", 20, 4), 12_000, 0.00005),
        "5 of an unknown number": (best("heavy tail", 5), 2**20, 0.0),
        "one token known": (best("two rows", 1), 600, 0.0),
        "all known": (best("the sky, float64", 6), 6, 0.0),
        "sure": ([-0.0001, -9.5, -12.0, -14.25], 50_000, 0.0),
    }


def _partial(name: str, log_probs: list[float], tokens: int, rounding: float) -> dict[str, Any]:
    known = PartialDistribution(log_probs, tokens, rounding=rounding)
    return {
        "name": name,
        "log_probs": log_probs,
        "tokens": tokens,
        "rounding": rounding,
        "temperatures": [
            {
                "temperature": temperature,
                "entropy": _ends(at.entropy),
                "unseen": _ends(at.unseen),
                "nucleus_90": _ends(at.nucleus_size(0.9)),
                "probs": [
                    [float(low), float(high)] for low, high in zip(at.probs.low, at.probs.high, strict=True)
                ],
            }
            for temperature in TEMPERATURES
            for at in [known.at(temperature)]
        ],
        "chains": [_partial_chain(known, text) for text in PARTIAL_CHAINS],
    }


def _partial_chain(known: PartialDistribution, text: str) -> dict[str, Any]:
    try:
        found = Chain(text).explain(known)
    except CapabilityError as undecided:
        return {"chain": text, "undecided": str(undecided)}
    assert isinstance(found.left, PartialDistribution)
    entropy, unseen = _ends(found.entropy), _ends(found.left.unseen)
    probs = [[float(low), float(high)] for low, high in zip(found.probs.low, found.probs.high, strict=True)]
    return {
        "chain": text,
        "stages": [
            {
                "stage": one.stage,
                "kept": one.kept,
                "removed": one.removed,
                "kept_mass": _ends(one.kept_mass),
                "kept_mass_total": _ends(one.kept_mass_total),
            }
            for one in found.stages
        ],
        "kept": found.kept,
        "warnings": list(found.warnings),
        "entropy": entropy,
        "unseen": unseen,
        "probs": probs,
    }


def _ends(interval: Interval) -> list[float]:
    return [float(interval.low), float(interval.high)]


def _row(name: str, logits: np.ndarray) -> dict[str, Any]:
    wide = logits.astype(np.float64)
    finite = np.sort(wide[wide > -np.inf])[::-1]
    ranks = _ranks(len(finite))
    history = _history(logits)
    context = Context(history=[history], prompt_lengths=[PROMPT_LENGTH])
    return {
        "name": name,
        "packed": asdict(pack(logits)),
        "logits": {str(rank): float(finite[rank]) for rank in ranks},
        "sum": float(finite.sum()),
        "margin": _json(Distribution(wide).margin),
        "history": {
            "ids": history,
            "ranks": list(ranks_of(logits, history)),
            "prompt_length": PROMPT_LENGTH,
        },
        "temperatures": [_temperature(wide, temperature, len(finite)) for temperature in TEMPERATURES],
        "chains": [
            _chain(wide, Chain(text), text, context)
            for text in (*CHAINS, *(str(Chain.like(engine, SETTINGS, drop=True)) for engine in ENGINES))
        ],
    }


def _ranks(count: int) -> list[int]:
    spread = np.unique(np.round(np.geomspace(1, count, 9)).astype(int) - 1)
    return sorted({*range(min(count, SHOWN)), *spread.tolist()})


def _temperature(logits: np.ndarray, temperature: float, count: int) -> dict[str, Any]:
    one = Distribution(logits, temperature=temperature)
    log_probs = np.sort(log_softmax(logits, temperature))[::-1][:count]
    return {
        "temperature": temperature,
        "entropy": float(one.entropy),
        "effective_support": float(one.effective_support),
        "nucleus_90": int(nucleus_size(logits, 0.9, temperature)),
        "log_probs": {str(rank): _json(log_probs[rank]) for rank in _ranks(count)},
    }


def _history(logits: np.ndarray) -> list[int]:
    """Ids so far: the best token, some others, a repetition of three, as far as the row has so many."""
    best = int(np.argmax(logits))
    several = [best, 3, 1, 2, 3, 1, 0, 4, best, 3, 1, 2, 3, 1]
    return [token % len(logits) for token in several]


def _chain(logits: np.ndarray, chain: Chain, text: str, context: Context | None = None) -> dict[str, Any]:
    explanation = chain.explain(logits, context=context)
    processed = chain.apply(logits, context=context)
    ids = top_ids(logits, min(SHOWN, int(np.sum(logits > -np.inf))))
    one = Distribution(processed)
    return {
        "chain": text,
        "spec": explanation.spec,
        "stages": [
            {
                "stage": stage.stage,
                "kept": stage.kept,
                "removed": stage.removed,
                "kept_mass": float(stage.kept_mass),
                "kept_mass_total": float(stage.kept_mass_total),
            }
            for stage in explanation.stages
        ],
        "kept": explanation.kept,
        "warnings": list(explanation.warnings),
        "entropy": float(one.entropy),
        "effective_support": float(one.effective_support),
        "leakage": float(leakage(logits, processed)),
        "probs": softmax(processed)[ids].tolist(),
    }


def _pair(name: str, a: np.ndarray, b: np.ndarray, first: str, second: str) -> dict[str, Any]:
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    log_a, log_b = (
        log_softmax(Chain(chain).apply(wide)) for chain, wide in ((first, wide_a), (second, wide_b))
    )
    return {
        "name": name,
        "vocabulary": len(a),
        "a": {"packed": asdict(pack(a)), "ids": asdict(pack_ids(top_ids(a, len(a)))), "chain": first},
        "b": {"packed": asdict(pack(b)), "ids": asdict(pack_ids(top_ids(b, len(b)))), "chain": second},
        "kl_forward": _json(kl(log_a, log_b)),
        "kl_reverse": _json(kl(log_b, log_a)),
        "equivalent_temperature": _matched(wide_a, wide_b, Chain(first).temperature),
        "jsd": _json(jsd(log_a, log_b)),
        "total_variation": _json(total_variation(log_a, log_b)),
    }


def _matched(a: np.ndarray, b: np.ndarray, temperature: float) -> dict[str, float]:
    """Of B for the whole of A at its chain's temperature."""
    found = equivalent_temperature(a, b, temperature)
    return {"temperature": found.temperature, "residual": found.residual}


def _json(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None


def write(file: Path = FILE) -> None:
    """Write the vectors to `file`."""
    file.write_text(json.dumps(golden(), allow_nan=False, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
    print(f"{FILE}: {FILE.stat().st_size:,} bytes")
