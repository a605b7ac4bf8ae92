"""Packed rows come back bit for bit (the decoder here is written from the description, a bit at a time)."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from retort.errors import InputError
from retort.lens.packing import BLOCK, ESCAPE, PackedIds, PackedLogits, pack, pack_ids


def unpack(packed: PackedLogits) -> np.ndarray:
    """The sorted row, as the packing's docstring says to read it."""
    raw = base64.b64decode(packed.data)
    if packed.encoding == "float64":
        return np.frombuffer(raw, dtype="<f8")
    bits = iter("".join(f"{byte:08b}" for byte in raw))

    def read(width: int) -> int:
        return int("".join(next(bits) for _ in range(width)) or "0", 2)

    ordered, found = 0xFFFFFFFF, []
    for place in range(packed.count):
        if place % BLOCK == 0:
            k = read(5)
        zeros = 0
        while next(bits) == "0":
            zeros += 1
        ordered -= read(32) if zeros == ESCAPE else (zeros << k) + read(k)
        found.append(ordered ^ 0x80000000 if ordered >> 31 else ordered ^ 0xFFFFFFFF)
    return np.array(found, dtype=np.uint32).view(np.float32)


def unpack_ids(packed: PackedIds) -> list[int]:
    bits = "".join(f"{byte:08b}" for byte in base64.b64decode(packed.data))
    return [
        int(bits[start : start + packed.width], 2)
        for start in range(0, packed.count * packed.width, packed.width)
    ]


def rows() -> dict[str, np.ndarray]:
    random = np.random.default_rng(7)
    half = random.normal(0, 4, 700).astype(np.float32)
    return {
        "normal": random.normal(0, 3, 1000).astype(np.float32),
        "one": np.array([-3.25], dtype=np.float32),
        "block and one": random.normal(5, 1, BLOCK + 1).astype(np.float32),
        "tied": np.zeros(200, dtype=np.float32),
        "bfloat16": (half.view(np.uint32) & 0xFFFF0000).view(np.float32),
        "extremes": np.array([3e38, 1e-45, -1e-45, -3e38, 0.0, 1.0, -1.0], dtype=np.float32),
        "float64": random.normal(0, 3, 100),
    }


@pytest.mark.parametrize("name", rows())
def test_every_bit_comes_back(name: str) -> None:
    row = rows()[name]
    np.testing.assert_array_equal(unpack(pack(row)), np.sort(row)[::-1])


def test_minus_zero_is_zero_and_impossible_tokens_are_counted() -> None:
    packed = pack(np.array([-0.0, -np.inf, 0.0, 2.0, -np.inf], dtype=np.float32))
    assert (packed.count, packed.impossible) == (3, 2)
    assert unpack(packed).tolist() == [2.0, 0.0, 0.0]
    assert not np.signbit(unpack(packed)).any()


def test_a_large_vocabulary_takes_less_than_400_kilobytes() -> None:
    random = np.random.default_rng(3)
    row = random.normal(-1, 3, 150_000)
    row[:3000] += random.exponential(4, 3000)
    assert len(pack(row.astype(np.float32)).data) < 300_000


@pytest.mark.parametrize("ids", [[0], [5, 0, 3], list(range(300)), [2**17 + 1, 7]])
def test_ids_come_back(ids: list[int]) -> None:
    packed = pack_ids(np.array(ids))
    assert unpack_ids(packed) == ids
    assert packed.width == max(max(ids).bit_length(), 1)


@pytest.mark.parametrize("bad", [[np.nan, 1.0], [np.inf, 1.0], [-np.inf, -np.inf]])
def test_a_row_that_cannot_be_used_is_refused(bad: list[float]) -> None:
    with pytest.raises(InputError, match="finite maximum"):
        pack(np.array(bad, dtype=np.float32))
