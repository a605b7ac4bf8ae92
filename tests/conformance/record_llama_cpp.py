"""Writes llama_cpp.json: what llama.cpp's own samplers do to some rows, for test_llama_cpp.py to compare with.

Not a test. It needs llama-cpp-python, which the test environment does not have:

    pip install llama-cpp-python==0.3.36
    python tests/conformance/record_llama_cpp.py > tests/conformance/llama_cpp.json

Each case: logits as float32 (their order is the ids), the samplers applied one after the other with their arguments,
the tokens accepted before, and the ids and logits that are left. Steered cases: samplers that remember what they took,
over several rows.
"""

from __future__ import annotations

import ctypes
import json
import random
import struct
import sys
from typing import Any

import llama_cpp


def single(value: float) -> float:
    """`value` rounded to float32."""
    return struct.unpack("f", struct.pack("f", value))[0]


SINGLE = ("temp", "temp_ext", "top_k", "top_p", "min_p", "typical", "top_n_sigma", "penalties", "dry", "xtc")
SERVER_ORDER = ("penalties", "dry", "top_n_sigma", "top_k", "typical", "top_p", "min_p", "temp_ext")
OFF = {"top_n_sigma": [-1.0], "typical": [1.0, 0], "temp_ext": [single(0.8), 0.0, 1.0]}
STEERED = ("mirostat", "mirostat_v2", "adaptive_p")
STEPS = 5


def sampler_of(name: str, arguments: list[Any]) -> Any:
    """llama.cpp's sampler of this name; DRY without breakers, which are texts there and would need a vocabulary."""
    if name == "dry":
        arguments = [None, *arguments, None, 0]
    return getattr(llama_cpp, f"llama_sampler_init_{name}")(*arguments)


def candidates_of(logits: list[float]) -> Any:
    """The candidate array that llama.cpp works on."""
    array = (llama_cpp.llama_token_data * len(logits))()
    for token, logit in enumerate(logits):
        array[token] = llama_cpp.llama_token_data(token, logit, 0.0)
    return llama_cpp.llama_token_data_array(data=array, size=len(logits), selected=-1, sorted=False)


def left(candidates: Any) -> dict[str, list]:
    """The ids left, rising, and their logits."""
    pairs = sorted((candidates.data[i].id, candidates.data[i].logit) for i in range(candidates.size))
    pairs = [(token, logit) for token, logit in pairs if logit != float("-inf")]
    return {"ids_left": [token for token, _ in pairs], "logits_left": [logit for _, logit in pairs]}


def run(logits: list[float], samplers: list[tuple[str, list[Any]]], accepted: list[int]) -> dict[str, list]:
    """What is left after these samplers, each of which has accepted these tokens before."""
    candidates = candidates_of(logits)
    for name, arguments in samplers:
        sampler = sampler_of(name, arguments)
        for token in accepted:
            llama_cpp.llama_sampler_accept(sampler, token)
        llama_cpp.llama_sampler_apply(sampler, ctypes.byref(candidates))
        llama_cpp.llama_sampler_free(sampler)
    return left(candidates)


def run_steered(rows: list[list[float]], name: str, arguments: list[Any]) -> list[dict[str, Any]]:
    """What a sampler that steers itself leaves at each of these rows, and the token that it takes there."""
    sampler = sampler_of(name, arguments)
    steps = []
    for logits in rows:
        candidates = candidates_of(logits)
        llama_cpp.llama_sampler_apply(sampler, ctypes.byref(candidates))
        taken = candidates.data[candidates.selected].id
        steps.append({**left(candidates), "taken": taken})
        llama_cpp.llama_sampler_accept(sampler, taken)
    llama_cpp.llama_sampler_free(sampler)
    return steps


def settings(generator: random.Random, name: str, size: int) -> list[Any]:
    """Arguments for one sampler, off-values among them."""

    def one(*numbers: float) -> float:
        return single(generator.choice(numbers))

    if name == "temp":
        return [one(0.0, 0.3, 0.8, 1.0, 1.5, 4.0)]
    if name == "temp_ext":
        return [one(0.8, 1.2), one(0.0, 0.3, 0.5), one(0.5, 1.0, 2.0)]
    if name == "top_k":
        return [generator.choice([0, 1, 3, 5, size, size + 7])]
    if name == "top_n_sigma":
        return [one(-1.0, 0.0, 0.5, 1.0, 2.0)]
    if name == "penalties":
        return [size, generator.choice([0, 3, 64]), one(1.0, 1.1, 1.5), one(0.0, 0.3, -0.5), one(0.0, 0.4)]
    if name == "dry":
        return [one(0.0, 0.8, 2.0), one(1.1, 1.75), generator.choice([1, 2, 3]), generator.choice([0, 5, 64])]
    if name == "xtc":
        return [1.0, one(0.05, 0.1, 0.3), 0, 0]
    if name in ("mirostat", "mirostat_v2"):
        tau_and_eta = [one(1.0, 2.0, 5.0), one(0.1, 0.5)]
        return [size, 7, *tau_and_eta, 100] if name == "mirostat" else [7, *tau_and_eta]
    if name == "adaptive_p":
        return [one(0.0, 0.1, 0.3, 0.7), one(0.0, 0.5, 0.9), 7]
    return [one(0.0, 0.05, 0.3, 0.5, 0.8, 0.9, 0.95, 1.0), generator.choice([0, 0, 1, 3])]


def row_of(generator: random.Random, size: int) -> list[float]:
    """A row without ties, flat, usual or peaked."""
    spread = generator.choice([0.5, 2.0, 5.0])
    return [single(generator.gauss(0, spread)) for _ in range(size)]


def case(generator: random.Random, names: tuple[str, ...]) -> dict[str, Any]:
    """One random row through these samplers, one after the other."""
    size = generator.choice([4, 9, 30])
    logits = row_of(generator, size)
    # Few different tokens, so that runs repeat.
    accepted = [generator.randrange(min(size, 3)) for _ in range(generator.choice([0, 3, 12]))]
    samplers = [(name, settings(generator, name, size)) for name in names]
    if names == SERVER_ORDER:
        # The server has one min_keep for all of them.
        keep = generator.choice([0, 1, 3])
        samplers = [
            (name, [arguments[0], keep] if name in ("typical", "top_p", "min_p") else arguments)
            for name, arguments in samplers
        ]
        # Not top_n_sigma with one of the others: they stumble over the tokens that it masks (see `known`).
        off = generator.choice([["top_n_sigma"], ["typical", "temp_ext"]])
        samplers = [(name, OFF[name] if name in off else arguments) for name, arguments in samplers]
    return {"logits": logits, "samplers": samplers, "accepted": accepted, **run(logits, samplers, accepted)}


def steered_case(generator: random.Random, name: str) -> dict[str, Any]:
    """Several random rows through one sampler that remembers what it took."""
    size = generator.choice([9, 110])
    rows = [row_of(generator, size) for _ in range(STEPS)]
    if name == "mirostat":
        # Flat rows make its k larger than an int (see `known`).
        rows = [[single(4.0 * logit) for logit in row] for row in rows]
    arguments = settings(generator, name, size)
    return {
        "sampler": name,
        "arguments": arguments,
        "rows": rows,
        "steps": run_steered(rows, name, arguments),
    }


def known() -> dict[str, Any]:
    """Three answers of llama.cpp's that ours differ from on purpose, kept as evidence.

    top_n_sigma removes by a logit of -inf and leaves the token in the array. typical_after_mask: typical then takes
    -inf times 0. dynatemp_after_mask: the dynamic temperature counts it among the tokens that could be equally likely.
    mirostat_flat_row: the k that version 1 computes on a flat row is above 2^31, and its int leaves one token.
    """
    masked = [3.0, 2.9, 2.5, 2.0, -4.0]
    flat = [single(0.01 * place) for place in range(9)]
    samplers = [("top_n_sigma", [1.0]), ("typical", [single(0.5), 0])]
    heated = [("top_n_sigma", [1.0]), ("temp_ext", [single(0.8), 0.5, 1.0])]
    return {
        "dynatemp_after_mask": {
            "logits": masked,
            "samplers": heated,
            "accepted": [],
            **run(masked, heated, []),
        },
        "typical_after_mask": {
            "logits": masked,
            "samplers": samplers,
            "accepted": [],
            **run(masked, samplers, []),
        },
        "mirostat_flat_row": {
            "logits": flat,
            **run_steered([flat], "mirostat", [9, 7, 5.0, single(0.1), 100])[0],
        },
    }


def main() -> None:
    """All cases as one JSON document on stdout."""
    generator = random.Random(20261124)
    cases = [case(generator, (name,)) for name in SINGLE for _ in range(12)]
    cases += [case(generator, SERVER_ORDER) for _ in range(40)]
    steered = [steered_case(generator, name) for name in STEERED for _ in range(4)]
    document = {
        "llama_cpp_python": llama_cpp.__version__,
        "cases": cases,
        "steered": steered,
        "known": known(),
    }
    json.dump(document, sys.stdout, separators=(",", ":"))
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
