"""One chain for every row of TRANSFORMS (and a few of several stages), each of which changes what ROW gives."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from retort.chain import Chain
from retort.chain.stage import Stage
from retort.transforms.context import Context

VOCAB = 200
LIVE = [0, 1, 62, 63, 64, 65, 127, 128, 190]
"""Ids that can come: neighbours in a pair, in a block of 64 and across its edge, and blocks apart."""

ROW = np.full(VOCAB, -np.inf)
ROW[LIVE] = np.log([0.10, 0.22, 0.08, 0.30, 0.03, 0.15, 0.01, 0.06, 0.05])

HISTORY = (1, 63, 5, 1, 63, 62, 1, 63)
PROMPT_LENGTH = 2


def _even_after_odd(ids: Sequence[int]) -> list[int]:
    """A grammar: an even token follows an odd one, and the other way round."""
    return [token for token in LIVE if token % 2 != ids[-1] % 2]


CHAINS: dict[str, Chain] = {
    "repetition_penalty": Chain.parse("repetition_penalty=1.3"),
    "frequency_penalty": Chain.parse("frequency_penalty=0.4"),
    "presence_penalty": Chain.parse("presence_penalty=0.7"),
    "dry": Chain.parse("dry(multiplier=0.8, base=1.75, allowed_length=2)"),
    "logit_bias": Chain.parse("logit_bias(0: 1.5, 63: -1, 190: -inf)"),
    "bad_words": Chain.parse("bad_words([0], [63 1])"),
    "min_tokens": Chain.parse("min_tokens(12, end=63)"),
    "allowed": Chain.parse("allowed(0, 62-65, 128)"),
    "grammar": Chain([Stage("grammar", _even_after_odd)]),
    "temperature": Chain.parse("temperature=1.7"),
    "dynatemp": Chain.parse("dynatemp(range=0.5, exponent=1, temperature=0.8)"),
    "top_k": Chain.parse("top_k=5"),
    "top_p": Chain.parse("top_p=0.7"),
    "min_p": Chain.parse("min_p=0.2"),
    "typical_p": Chain.parse("typical_p=0.6"),
    "epsilon_cutoff": Chain.parse("epsilon_cutoff=0.055"),
    "eta_cutoff": Chain.parse("eta_cutoff=0.5"),
    "top_n_sigma": Chain.parse("top_n_sigma=1"),
    "top_h": Chain.parse("top_h=0.6"),
    "xtc": Chain.parse("xtc(probability=0.4, threshold=0.1)"),
    "mirostat": Chain.parse("mirostat(version=2, tau=1.2, eta=0.1)"),
    "adaptive_p": Chain.parse("adaptive_p(target=0.1)"),
    "none": Chain.parse(""),
    "hot and cut": Chain.parse("temperature=2 | top_k=6 | top_p=0.9 | min_p=0.1"),
    "cut and hot": Chain.parse("top_p=0.9 | temperature=2.5"),
    "llama.cpp's order": Chain.parse(
        "presence_penalty=0.5 | top_k=7 | min_p=0.05 | xtc(probability=0.5) | temperature=0.8"
    ),
}


def context(coins: Sequence[float] | None = None) -> Context:
    """What the chains read beside the logits, for one row or for as many as there are coins."""
    rows = 1 if coins is None else len(coins)
    return Context(
        history=[HISTORY] * rows,
        prompt_lengths=[PROMPT_LENGTH] * rows,
        uniforms=None if coins is None else lambda stream: np.array(coins),
    )


def processed_by_coin(chain: Chain) -> list[tuple[float, np.ndarray]]:
    """(upper end of the coin, `[vocab]` processed logits) of each outcome of the coin, in order; the last ends at 1."""
    if "noise" not in chain.needs:
        return [(1.0, chain.apply(ROW[None], context=context())[0])]
    share = next(float(stage.value) for stage in chain if stage.name == "xtc")
    below, above = (
        chain.apply(ROW[None], context=context([coin]))[0] for coin in (share / 2, (share + 1) / 2)
    )
    return [(share, below), (1.0, above)]


def probabilities(chain: Chain) -> np.ndarray:
    """`[live]` exact probability of each live token, coins averaged out."""
    total, start = np.zeros(len(LIVE)), 0.0
    for end, processed in processed_by_coin(chain):
        weights = [math.exp(value) for value in processed[LIVE] - processed.max()]
        total += (end - start) * np.array(weights) / math.fsum(weights)
        start = end
    return total
