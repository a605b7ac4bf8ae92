"""llama.cpp's own answers, recorded by record_llama_cpp.py, against our transforms and against its preset.

The cases of its tests/test-sampling.cpp are here too, as numbers: rows of probabilities, settings, and what is left.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retort.chain import Chain, Stage
from retort.chain.engines import find_engine
from retort.distribution import softmax
from retort.transforms import Context

RECORDED = json.loads((Path(__file__).parent / "llama_cpp.json").read_text(encoding="utf-8"))
PENALTIES = ("repetition_penalty", "frequency_penalty", "presence_penalty")


def stages(name: str, arguments: list[Any]) -> list[Stage]:
    """Our stages for one of llama.cpp's samplers with its arguments; those that are off do nothing."""
    made: dict[str, Any] = {
        "temp": lambda t: [Stage("temperature", t)],
        "temp_ext": lambda t, delta, exponent: (
            [Stage("dynatemp", delta, exponent, t)] if delta > 0 else [Stage("temperature", t)]
        ),
        "top_k": lambda k: [Stage("top_k", k)],
        "top_p": lambda p, keep: [Stage("top_p", p, min_keep=max(keep, 1))],
        "min_p": lambda p, keep: [Stage("min_p", p, min_keep=max(keep, 1))],
        "typical": lambda p, keep: [Stage("typical_p", p, min_keep=max(keep, 1))],
        "top_n_sigma": lambda n: [Stage("top_n_sigma", n)],
        "penalties": lambda size, last, *three: [
            Stage(penalty, value, scope=f"last:{last}")
            for penalty, value in zip(PENALTIES, three, strict=True)
        ],
        "dry": lambda *settings: [Stage("dry", *settings)],
        "xtc": lambda probability, threshold, keep, seed: [Stage("xtc", probability, threshold)],
        "mirostat": lambda size, seed, tau, eta, m: [Stage("mirostat", 1, tau, eta, "kept")],
        "mirostat_v2": lambda seed, tau, eta: [Stage("mirostat", 2, tau, eta, "kept")],
        "adaptive_p": lambda target, decay, seed: [Stage("adaptive_p", target, decay)],
    }
    return list(made[name](*arguments))


def chain_of(samplers: list[tuple[str, list[Any]]]) -> Chain:
    """Our chain for a list of llama.cpp's samplers."""
    return Chain(stage for name, arguments in samplers for stage in stages(name, arguments))


def check(chain: Chain, case: dict[str, Any]) -> None:
    """Same support, and the same probabilities up to their float32."""
    context = Context([case["accepted"]], [0], uniforms=lambda stream: np.zeros(1))
    result = softmax(chain.apply(np.array(case["logits"]), context=context))
    assert np.flatnonzero(result).tolist() == case["ids_left"], str(chain)
    expected = softmax(np.array(case["logits_left"]))
    np.testing.assert_allclose(result[case["ids_left"]], expected, rtol=3e-5, atol=1e-9)


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: "+".join(s for s, _ in case["samplers"]))
def test_recorded_rows(case: dict[str, Any]) -> None:
    check(chain_of(case["samplers"]), case)


def test_the_recording_has_every_sampler_on_and_off() -> None:
    seen: dict[str, set[bool]] = {}
    for case in RECORDED["cases"]:
        for name, arguments in case["samplers"]:
            seen.setdefault(name, set()).add(len(chain_of([(name, arguments)])) > 0)
    cuts = {"top_k", "top_p", "min_p", "typical", "top_n_sigma"}
    assert set(seen) == {*cuts, "temp", "temp_ext", "penalties", "dry", "xtc"}
    assert all(True in on for on in seen.values())
    assert all(False in seen[name] for name in ("top_k", "top_p", "min_p", "typical", "top_n_sigma", "dry"))


@pytest.mark.parametrize("case", [case for case in RECORDED["cases"] if len(case["samplers"]) > 1])
def test_the_preset_is_the_servers_order(case: dict[str, Any]) -> None:
    """Settings under the server's names, through Chain.like, give what its samplers in its order gave."""
    given = dict(case["samplers"])
    _, last_n, repeat, frequency, presence = given["penalties"]
    multiplier, base, allowed_length, dry_last_n = given["dry"]
    temperature, spread, exponent = given["temp_ext"]
    keep = max(given["top_p"][1], 1)
    settings = {
        "repetition_penalty": repeat, "frequency_penalty": frequency, "presence_penalty": presence,
        "penalty_scope": f"last:{last_n}", "dry_multiplier": multiplier, "dry_base": base,
        "dry_allowed_length": allowed_length, "dry_penalty_last_n": dry_last_n, "top_n_sigma": given["top_n_sigma"][0],
        "top_k": given["top_k"][0], "typical_p": given["typical"][0], "top_p": given["top_p"][0],
        "min_p": given["min_p"][0], "temperature": temperature, "dynatemp_range": spread,
        "dynatemp_exponent": exponent, "min_keep": keep,
    }  # fmt: skip
    check(Chain.like("llama.cpp", settings), case)


@pytest.mark.parametrize("case", RECORDED["steered"], ids=lambda case: case["sampler"])
def test_samplers_that_remember(case: dict[str, Any]) -> None:
    """The same tokens kept at every step, with the state that our `update` makes of the tokens that it took."""
    chain = chain_of([(case["sampler"], case["arguments"])])
    states = None
    for row, step in zip(case["rows"], case["steps"], strict=True):
        logits = np.array([row])
        context = Context(states=states)
        result = softmax(chain.apply(logits, context=context))[0]
        assert np.flatnonzero(result).tolist() == step["ids_left"]
        np.testing.assert_allclose(
            result[step["ids_left"]], softmax(np.array(step["logits_left"])), rtol=3e-4, atol=1e-8
        )
        states = chain.update(states, [step["taken"]], logits, context)


@pytest.mark.parametrize("name", ["typical_after_mask", "dynatemp_after_mask"])
def test_masked_tokens_are_gone_here_and_stumbled_over_there(name: str) -> None:
    """Behind a mask ours does as if the masked tokens had never been; llama.cpp's answer, recorded, is another one."""
    case = RECORDED["known"][name]
    chain = chain_of(case["samplers"])
    kept = np.isfinite(chain.stages[0].apply(np.array(case["logits"])))
    alone = Chain(chain.stages[1:]).apply(np.array(case["logits"])[kept])
    np.testing.assert_array_equal(chain.apply(np.array(case["logits"]))[kept], alone)
    theirs = dict(zip(case["ids_left"], softmax(np.array(case["logits_left"])).tolist(), strict=True))
    ours = dict(zip(np.flatnonzero(kept).tolist(), softmax(alone).tolist(), strict=True))
    ours = {token: prob for token, prob in ours.items() if prob > 0}
    assert ours != pytest.approx(theirs, rel=1e-3)


def test_mirostat_1_on_a_flat_row_keeps_what_its_k_says() -> None:
    """A k above 2^31 means every token; llama.cpp's int of it, recorded, left one."""
    case = RECORDED["known"]["mirostat_flat_row"]
    assert len(case["ids_left"]) == 1
    assert np.isfinite(Chain([Stage("mirostat", 1)]).apply(np.array([case["logits"]]))).all()


TEN = [0.1, 0.2, 0.3, 0.4]
FIFTHS = [0.2] * 5


@pytest.mark.parametrize(
    ("probs", "text", "history", "expected"),
    [
        (TEN, "temperature=1", [], [0.1, 0.2, 0.3, 0.4]),
        (TEN, "temperature=0", [], [0, 0, 0, 1]),
        (TEN, "dynatemp(range=0, exponent=1, temperature=1)", [], [0.1, 0.2, 0.3, 0.4]),
        (TEN, "top_k=1", [], [0, 0, 0, 1]),
        (TEN, "top_k=3", [], [0, 0.22222, 0.33333, 0.44444]),
        (TEN, "top_k=4", [], [0.1, 0.2, 0.3, 0.4]),
        (TEN, "top_k=0", [], [0.1, 0.2, 0.3, 0.4]),
        (TEN, "top_p=0", [], [0, 0, 0, 1]),
        (TEN, "top_p=0.7", [], [0, 0, 0.428571, 0.571429]),
        (TEN, "top_p=0.8", [], [0, 0.22222, 0.33333, 0.44444]),
        (TEN, "top_p=1", [], [0.1, 0.2, 0.3, 0.4]),
        (TEN, "min_p=0", [], [0.1, 0.2, 0.3, 0.4]),
        (TEN, "min_p=0.24", [], [0.1, 0.2, 0.3, 0.4]),
        (TEN, "min_p=0.26", [], [0, 0.2 / 0.9, 0.3 / 0.9, 0.4 / 0.9]),
        (TEN, "min_p=0.49", [], [0, 0.2 / 0.9, 0.3 / 0.9, 0.4 / 0.9]),
        (TEN, "min_p=0.51", [], [0, 0, 0.3 / 0.7, 0.4 / 0.7]),
        (TEN, "min_p=0.74", [], [0, 0, 0.3 / 0.7, 0.4 / 0.7]),
        (TEN, "min_p=0.76", [], [0, 0, 0, 1]),
        (TEN, "min_p=1", [], [0, 0, 0, 1]),
        ([0.4, 0.3, 0.2, 0.1], "xtc(probability=0.99, threshold=0.09)", [], [0, 0, 0, 1]),
        ([0.4, 0.3, 0.2, 0.1], "xtc(probability=0.99, threshold=0.19)", [], [0, 0, 2 / 3, 1 / 3]),
        ([0.4, 0.3, 0.2, 0.1], "xtc(probability=0.99, threshold=0.29)", [], [0, 1 / 2, 1 / 3, 1 / 6]),
        ([0.4, 0.3, 0.2, 0.1], "xtc(probability=0.99, threshold=0.39)", [], [0.4, 0.3, 0.2, 0.1]),
        ([0.97, 0.01, 0.01, 0.01], "typical_p=0.5", [], [1, 0, 0, 0]),
        ([0.4, 0.2, 0.2, 0.2], "typical_p=0.5", [], [0, 1 / 3, 1 / 3, 1 / 3]),
        (FIFTHS, "repetition_penalty=50", [0], [0, 0.25, 0.25, 0.25, 0.25]),
        (FIFTHS, "repetition_penalty=50", [0, 1, 2], [0, 0, 0, 0.5, 0.5]),
        (FIFTHS, "repetition_penalty=50", [0, 1, 2, 0, 0], [0, 0, 0, 0.5, 0.5]),
        (
            FIFTHS,
            "frequency_penalty(5, scope=all) | presence_penalty(5, scope=all)",
            [0],
            [0.000011, 0.249997, 0.249997, 0.249997, 0.249997],
        ),
        (
            FIFTHS,
            "frequency_penalty(5, scope=all) | presence_penalty(5, scope=all)",
            [0, 1, 2],
            [0.000023, 0.000023, 0.000023, 0.499966, 0.499966],
        ),
        (
            FIFTHS,
            "frequency_penalty(5, scope=all) | presence_penalty(5, scope=all)",
            [0, 1, 2, 0, 0],
            [0, 0.000023, 0.000023, 0.499977, 0.499977],
        ),
        ([0.25] * 4, "dry(1, 1.1, 2, 4)", [0, 1], [0.25] * 4),
        ([0.25] * 4, "dry(1, 1.1, 2, 5)", [0, 1, 2, 0, 1], [0.296923, 0.296923, 0.109232, 0.296923]),
        (FIFTHS, "dry(1, 1.1, 2, 6, breakers=3)", [0, 1, 3, 4, 0, 1], FIFTHS),
        (FIFTHS, "dry(2, 1.1, 2, 5)", [0, 1, 2, 0, 1], [0.241818, 0.241818, 0.032727, 0.241818, 0.241818]),
        (FIFTHS, "dry(1, 1.1, 4, 7)", [0, 1, 2, 3, 4, 0, 1], FIFTHS),
        (TEN, "top_n_sigma=1", [], [0, 0, 0.428571, 0.571429]),
        (TEN, "top_n_sigma=0", [], [0.1, 0.2, 0.3, 0.4]),
        (TEN, "top_n_sigma=3", [], [0.1, 0.2, 0.3, 0.4]),
    ],
)  # fmt: skip
def test_the_cases_of_its_own_tests(
    probs: list[float], text: str, history: list[int], expected: list[float]
) -> None:
    context = Context([history], [0], uniforms=lambda stream: np.zeros(1))
    result = softmax(Chain(text).apply(np.log(probs), context=context))
    np.testing.assert_allclose(result, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("order", "k", "p", "m"),
    [
        ("k", 10000, 1.0, 1.0), ("k", 1, 1.0, 1.0), ("p", 10000, 1.0, 1.0), ("p", 10000, 0.0, 1.0),
        ("m", 10000, 1.0, 1.0), ("m", 10000, 1.0, 1e-12), ("k", 100, 1.0, 1.0), ("p", 10000, 0.0003, 1.0),
        ("p", 10000, 0.8, 1.0), ("m", 10000, 1.0, 9997.9 / 9999), ("m", 10000, 1.0, 0.1), ("kp", 100, 0.8, 0.1),
        ("km", 100, 0.8, 0.1), ("pk", 100, 0.8, 0.1), ("pm", 100, 0.8, 0.1), ("mk", 100, 0.8, 0.1),
        ("mp", 100, 0.8, 9997.9 / 9999), ("mp", 100, 0.8, 0.1), ("kpm", 100, 0.8, 0.1), ("kmp", 100, 0.8, 0.1),
        ("pkm", 100, 0.8, 0.1), ("pmk", 100, 0.8, 0.1), ("mkp", 100, 0.8, 0.1), ("mpk", 100, 0.8, 0.1),
    ],
)  # fmt: skip
def test_queues_of_samplers_over_weights_that_are_their_ids(order: str, k: int, p: float, m: float) -> None:
    """Token i has weight i of 0 to 9999, so what each cut leaves can be counted with whole numbers."""
    texts = {"k": f"top_k={k}", "p": f"top_p={p}", "m": f"min_p={m}"}
    with np.errstate(divide="ignore"):
        result = Chain(" | ".join(texts[cut] for cut in order)).apply(np.log(np.arange(10000.0)))
    first = 1  # the lowest token left; token 0 has no weight at all
    for cut in order:
        if cut == "k":
            first = max(first, 10000 - k)
        elif cut == "m":
            first = max(first, math.ceil(m * 9999 - 1e-9))
        else:
            total = sum(range(first, 10000))
            reached, first = 9999, 9999
            while reached < p * total * (1 - 2**-40):
                first -= 1
                reached += first
    assert np.flatnonzero(result > -math.inf).tolist() == list(range(first, 10000))


def test_defaults_are_the_servers() -> None:
    assert find_engine("llama.cpp").defaults == {
        "temperature": 0.8,
        "top_k": 40,
        "top_p": 0.95,
        "min_p": 0.05,
    }
