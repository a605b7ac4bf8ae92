"""Philox4x32-10, a counter-based generator, on numpy arrays; and its words as uniform numbers.

Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3". Stateless: a counter of four 32-bit
words and a key of two give four random words, so any number can be had without those before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
LOW_WORD = 0xFFFFFFFF

ONE_BITS = 0x3FF0000000000000
ONE_LESS_HALF_GRAIN = 1.0 - 2.0**-53


def philox4x32(counter: Sequence[np.ndarray], key: Sequence[Any], rounds: int = ROUNDS) -> None:
    """Turn `counter`, four uint64 arrays of 32-bit words, into Philox output in place; `key` is two words or arrays.

    One round: `(c0, c1, c2, c3) → (hi(M1·c2) ^ c1 ^ k0, lo(M1·c2), hi(M0·c0) ^ c3 ^ k1, lo(M0·c0))`; the key grows by
    the Weyl constants between rounds. Source: Salmon et al. 2011, section 4.3.
    """
    c0, c1, c2, c3 = counter
    product_0, product_1 = np.empty_like(c0), np.empty_like(c0)
    for number in range(rounds):
        key_0, key_1 = ((word + number * step) & LOW_WORD for word, step in zip(key, KEY_STEPS, strict=True))
        np.multiply(c0, MULTIPLIERS[0], out=product_0)
        np.multiply(c2, MULTIPLIERS[1], out=product_1)
        for word, other, key_word, product in ((c0, c1, key_0, product_1), (c2, c3, key_1, product_0)):
            np.right_shift(product, 32, out=word)
            np.bitwise_xor(word, other, out=word)
            np.bitwise_xor(word, key_word, out=word)
            np.bitwise_and(product, LOW_WORD, out=other)


def unit_numbers(low: np.ndarray, high: np.ndarray, out: np.ndarray) -> None:
    """Write `u = (k + 1/2)·2^-52` to `out`, float64, k the upper 52 of the 64 bits (high, low); both are overwritten.

    u and 1 - u are both exact in float64, neither is ever 0, and `|P(u ≤ x) - x| ≤ 2^-53`.
    """
    bits = out.view(np.uint64)
    np.right_shift(low, 12, out=low)
    np.left_shift(high, 20, out=high)
    np.bitwise_or(low, high, out=low)
    np.bitwise_or(low, ONE_BITS, out=bits)
    out -= ONE_LESS_HALF_GRAIN
