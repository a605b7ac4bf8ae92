"""A row of logits in few bytes and without loss: sorted, as gaps between neighbours, Rice-coded.

A page needs each token's rank and logit, and the names of the best tokens only; so what is sent is the sorted row.
Sorted float32 numbers lie so close together that the gap to the next one takes about 11 bits: 150,000 logits are some
200 KB, every bit of every one kept.

The code (read again by frontend/src/math/unpack.ts): a float's bits become an integer in the same order (flip all bits
of a negative number, the sign bit of another). Gaps between neighbours, largest logit first, come in blocks of BLOCK.
A block begins with its parameter k in 5 bits; a gap g is g >> k zeros, a one, and the k low bits of g, or, where that
would be ESCAPE zeros or more, ESCAPE zeros, a one and g in 32 bits. Most significant bit first.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np

from retort.errors import InputError

BLOCK = 64
ESCAPE = 24
PARAMETER_BITS = 5
WIDEST_PARAMETER = 31


@dataclass(frozen=True)
class PackedLogits:
    """A sorted row. `count` finite logits, largest first; `impossible` tokens more are -inf and come last.

    `encoding`: "rice32" (float32, lossless), or "float64" (little-endian float64, as they are). `data` is base64.
    """

    encoding: str
    count: int
    impossible: int
    data: str


@dataclass(frozen=True)
class PackedIds:
    """Token ids by rank, `width` bits each, most significant bit first, base64."""

    width: int
    count: int
    data: str


def pack_ids(ids: np.ndarray) -> PackedIds:
    """Token ids `[count]` in as many bits each as the largest needs."""
    codes = np.asarray(ids).astype(np.uint64)
    width = max(int(codes.max(initial=0)).bit_length(), 1)
    raw = _bits(codes, np.full(len(codes), width)) if len(codes) else b""
    return PackedIds(width, len(codes), base64.b64encode(raw).decode("ascii"))


def pack(logits: np.ndarray) -> PackedLogits:
    """The finite logits of one row `[vocab]`, largest first, without loss: float32 as "rice32", others as "float64".

    Raises InputError for a row that has no finite logit, or NaN or +inf.
    """
    row = np.asarray(logits)
    finite = row[row > -np.inf]
    if row.ndim != 1 or len(finite) == 0 or not np.isfinite(finite.max()) or np.isnan(row).any():
        raise InputError(
            f"a position is packed from one row of logits with a finite maximum, got shape {tuple(row.shape)} with "
            f"{int(np.isnan(row).sum())} NaN and {int(np.isposinf(row).sum())} +inf; check the model that produced it"
        )
    if row.dtype == np.float32:
        encoding, raw = "rice32", _rice(_gaps(np.sort(finite)[::-1]))
    else:
        encoding, raw = "float64", np.sort(finite.astype("<f8"))[::-1].tobytes()
    return PackedLogits(encoding, len(finite), len(row) - len(finite), base64.b64encode(raw).decode("ascii"))


def _gaps(falling: np.ndarray) -> np.ndarray:
    """`[count]` differences of the ordered integers, the first from 2^32 - 1, as uint64."""
    bits = (falling + np.float32(0.0)).view(np.uint32)  # -0.0 becomes 0.0: equal logits are one number
    ordered = np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31)).astype(np.uint64)
    return np.concatenate(([np.uint64(0xFFFFFFFF)], ordered[:-1])) - ordered


def _rice(gaps: np.ndarray) -> bytes:
    """The bit stream of all blocks, padded with zeros to whole bytes."""
    starts = np.arange(0, len(gaps), BLOCK)
    parameters = _parameters(gaps, starts)
    k = np.repeat(parameters, np.diff(np.append(starts, len(gaps))))
    one = np.uint64(1)
    codes = np.where(
        gaps >> k >= ESCAPE, (one << np.uint64(32)) | gaps, (one << k) | (gaps & ((one << k) - one))
    )
    return _bits(np.insert(codes, starts, parameters), np.insert(_lengths(gaps, k), starts, PARAMETER_BITS))


def _lengths(gaps: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Bits that each gap takes with parameter k."""
    quotient = (gaps >> k).astype(np.int64)
    # An escape is ESCAPE zeros, the one, and 32 bits.
    return np.where(quotient >= ESCAPE, ESCAPE + 33, quotient + 1 + k.astype(np.int64))


def _parameters(gaps: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """For each block the k, near the logarithm of its mean gap, that makes it shortest."""
    sizes = np.diff(np.append(starts, len(gaps)))
    mean = np.add.reduceat(gaps, starts) // sizes.astype(np.uint64)
    # The best k lies near log2 of the mean gap; a block's gaps are uneven, so the neighbours are measured as well.
    near = np.log2(np.maximum(mean, 1).astype(np.float64)).astype(np.int64)
    tried = [np.clip(near + step, 0, WIDEST_PARAMETER).astype(np.uint64) for step in (-2, -1, 0, 1)]
    lengths = [np.add.reduceat(_lengths(gaps, np.repeat(k, sizes)), starts) for k in tried]
    return np.choose(np.argmin(lengths, axis=0), tried)


def _bits(codes: np.ndarray, lengths: np.ndarray) -> bytes:
    """Codes one after another, each right-aligned in its length, most significant bit first."""
    ends = np.cumsum(lengths)
    bits = np.zeros(int(ends[-1]), dtype=np.uint8)
    # The place-th bit from the right of every code that has one.
    for place in range(int(min(lengths.max(), 64))):
        long = lengths > place
        bits[ends[long] - 1 - place] = (codes[long] >> np.uint64(place)) & np.uint64(1)
    return np.packbits(bits).tobytes()
