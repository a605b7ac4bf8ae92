"""What is kept of the teacher at one position: the table CODECS from names to ways of writing and reading it.

Legend: N positions, V vocabulary, K tokens kept. Everything is of the teacher at the capture's tau, but `dense`,
which keeps log-probabilities at tau = 1 and so serves every tau. Weights that are read back multiply -ln q in the
loss, so a codec is unbiased where the expectation of its weights is p, token by token.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from retort.distill.cache.keeping import keep, whole_rows
from retort.distill.cache.rounding import Places, round_rows, temper_and_round, unpack_rows
from retort.distill.checks import nearest
from retort.errors import InputError, SourceError
from retort.sampling.noise import STREAM_TAIL, uniform_at

TAIL_DRAWS = 8
LARGEST_NUMBER = 4096


@dataclass(frozen=True)
class Packed:
    """The records of some positions, one behind the other, and where each ends."""

    data: NDArray[np.uint8]
    ends: NDArray[np.int64]


@dataclass(frozen=True)
class Targets:
    """What a cache says about N positions: weights of K tokens each (weight 0 is filling), or whole rows.

    `entropy` `[N]` is the teacher's at the capture's tau, in nats. `log_probs` `[N, V]` at tau = 1, as they are stored,
    is there for `dense` alone, and then `ids` and `weights` are empty.
    """

    ids: NDArray[np.int64]
    weights: NDArray[np.float32]
    entropy: NDArray[np.float32]
    log_probs: NDArray[np.float16] | None = None


@dataclass(frozen=True)
class Layout:
    """What writing and reading need to know beside the records: the same for a whole capture."""

    vocab_size: int
    temperature: float
    seed: int


Encode = Callable[[Tensor, Layout, Places, int, int], Packed]
FromLogits = Callable[[NDArray[np.float32], Layout, Places, int, int], tuple[Packed, NDArray[np.float32]]]
Decode = Callable[[Packed, Layout, Places, int, int], tuple[NDArray[np.int64], NDArray[np.float32]]]


@dataclass(frozen=True)
class Kind:
    """One row of the table; the texts are shown by `retort cache`."""

    help: str
    encode: Encode
    from_logits: FromLogits
    decode: Decode
    unbiased: bool
    bias: str
    variance: str
    width: Callable[[int, int, int], int] | None  # bytes a record (vocabulary, number, tail), None: it varies
    number: int | None  # default of the number behind the colon, None: there is none
    tail: int = 0


@dataclass(frozen=True)
class Codec:
    """A codec with its numbers: `sampled:50`, `topk+tail:32+8`."""

    text: str
    kind: Kind
    number: int
    tail: int

    def encode(self, rows: Tensor, layout: Layout, places: Places) -> Packed:
        """Records of `[N, V]` probabilities at tau; for `dense` of log-probabilities at 1."""
        return self.kind.encode(rows, layout, places, self.number, self.tail)

    def encode_logits(
        self, logits: Tensor, layout: Layout, places: Places
    ) -> tuple[Packed, NDArray[np.float16]]:
        """Records of `[N, V]` raw logits, and the entropy at tau of each, in nats.

        Raises SourceError for a row without any number.
        """
        raw = np.ascontiguousarray(logits.numpy())
        try:
            packed, entropy = self.kind.from_logits(raw, layout, places, self.number, self.tail)
        except ZeroDivisionError:  # probabilities that sum to nothing
            raise SourceError(
                "the teacher gave a position where no token has a logit that is a number (all NaN or -inf): nothing can"
                " be kept of it. In bfloat16 a model may overflow; try --dtype float32."
            ) from None
        return packed, entropy.astype(np.float16)

    def decode(self, packed: Packed, layout: Layout, places: Places, entropy: NDArray[np.float32]) -> Targets:
        """What was written, for training."""
        if self.text == "dense":
            rows = packed.data.view(np.float16).reshape(len(packed.ends), layout.vocab_size)
            nothing = np.zeros((len(rows), 0))
            return Targets(nothing.astype(np.int64), nothing.astype(np.float32), entropy, rows)
        ids, weights = self.kind.decode(packed, layout, places, self.number, self.tail)
        return Targets(ids, weights, entropy)

    def width(self, vocab_size: int) -> int | None:
        """Bytes a record, or None where it varies."""
        return None if self.kind.width is None else self.kind.width(vocab_size, self.number, self.tail)


def find_codec(text: str) -> Codec:
    """The codec written as `dense`, `topk:64`, `topk+tail:32`, `topk+tail:32+8` or `sampled:50`; raises InputError."""
    match = re.fullmatch(r"\s*([a-z+]+?)(?::(\d+)(?:\+(\d+))?)?\s*", text)
    name = match[1] if match else text
    if match is None or name not in CODECS:
        raise InputError(
            f"codec is {text!r}{nearest(name, CODECS)}; allowed are dense, topk:K, topk+tail:K+N and sampled:N,"
            " for instance sampled:50."
        )
    kind = CODECS[name]
    number, tail = match[2], match[3]
    if (number is not None and kind.number is None) or (tail is not None and not kind.tail):
        raise InputError(f"codec is {text!r}, but {name} takes no such number; write {_written(name, kind)}.")
    values = int(number or kind.number or 0), int(tail or kind.tail)
    if kind.number is not None and not (1 <= values[0] <= LARGEST_NUMBER and values[1] <= LARGEST_NUMBER):
        raise InputError(f"codec is {text!r}; its numbers must be from 1 to {LARGEST_NUMBER}.")
    if kind.tail and values[1] < 1:
        raise InputError(f"codec is {text!r}; without draws from the tail it is topk:{values[0]}.")
    return Codec(_written(name, kind, *values), kind, *values)


def _written(name: str, kind: Kind, number: int | None = None, tail: int | None = None) -> str:
    if kind.number is None:
        return name
    return f"{name}:{number or kind.number}" + (f"+{tail or kind.tail}" if kind.tail else "")


def id_type(vocab_size: int) -> np.dtype[np.generic]:
    """The smallest of two fixed widths that holds a token id."""
    return np.dtype(np.uint16 if vocab_size <= 2**16 else np.uint32)


def _fixed(parts: list[NDArray[np.generic]]) -> Packed:
    """Columns of fixed width, side by side in every record."""
    rows = len(parts[0])
    columns = [np.ascontiguousarray(part).view(np.uint8).reshape(rows, -1) for part in parts]
    data = np.concatenate(columns, axis=1)
    return Packed(data.reshape(-1), np.arange(1, rows + 1, dtype=np.int64) * data.shape[1])


def _columns(packed: Packed, types: list[tuple[np.dtype[np.generic], int]]) -> list[NDArray[np.generic]]:
    rows = len(packed.ends)
    table = packed.data.reshape(rows, -1)
    found, begin = [], 0
    for kind, count in types:
        width = kind.itemsize * count
        found.append(np.ascontiguousarray(table[:, begin : begin + width]).view(kind).reshape(rows, count))
        begin += width
    return found


FLOAT16, FLOAT32 = np.dtype(np.float16), np.dtype(np.float32)


def _write_dense(log_probs: Tensor, layout: Layout, places: Places, number: int, tail: int) -> Packed:
    return _fixed([log_probs.to(torch.float16).numpy()])


def _dense_from_logits(
    logits: NDArray[np.float32], layout: Layout, places: Places, number: int, tail: int
) -> tuple[Packed, NDArray[np.float32]]:
    rows, entropy = whole_rows(logits, layout.temperature)
    return _fixed([rows]), entropy


def _read_dense(
    packed: Packed, layout: Layout, places: Places, number: int, tail: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    raise AssertionError("dense records are read as whole rows")


def _write_top(probs: Tensor, layout: Layout, places: Places, number: int, tail: int) -> Packed:
    kept = keep(probs.numpy(), None, min(number, layout.vocab_size))
    return pack_top(kept.ids, kept.log_probs, layout.vocab_size)


def _top_from_logits(
    logits: NDArray[np.float32], layout: Layout, places: Places, number: int, tail: int
) -> tuple[Packed, NDArray[np.float32]]:
    kept = keep(logits, layout.temperature, min(number, layout.vocab_size))
    return pack_top(kept.ids, kept.log_probs, layout.vocab_size), kept.entropy


def pack_top(ids: NDArray[np.integer], log_probs: NDArray[np.floating], vocab_size: int) -> Packed:
    """The records of `topk` from `[N, K]` ids and log-probabilities; -inf is filling."""
    return _fixed([ids.astype(id_type(vocab_size)), log_probs.astype(np.float16)])


def _read_top(
    packed: Packed, layout: Layout, places: Places, number: int, tail: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Renormalised among themselves, as everybody who stores the top k alone must: that is the bias."""
    kept = min(number, layout.vocab_size)
    ids, values = _columns(packed, [(id_type(layout.vocab_size), kept), (FLOAT16, kept)])
    weights = np.exp(values.astype(np.float32))
    return ids.astype(np.int64), weights / weights.sum(-1, keepdims=True)


def _write_top_and_tail(probs: Tensor, layout: Layout, places: Places, number: int, tail: int) -> Packed:
    return _pack_top_and_tail(probs.numpy(), None, layout, places, number, tail)[0]


def _top_and_tail_from_logits(
    logits: NDArray[np.float32], layout: Layout, places: Places, number: int, tail: int
) -> tuple[Packed, NDArray[np.float32]]:
    return _pack_top_and_tail(logits, layout.temperature, layout, places, number, tail)


def _pack_top_and_tail(
    rows: NDArray[np.float32],
    temperature: float | None,
    layout: Layout,
    places: Places,
    number: int,
    tail: int,
) -> tuple[Packed, NDArray[np.float32]]:
    coins = uniform_at(places.seeds, places.offsets, STREAM_TAIL)
    kept = keep(rows, temperature, min(number, layout.vocab_size), coins, tail)
    kind = id_type(layout.vocab_size)
    columns = [kept.ids.astype(kind), kept.log_probs, kept.drawn.astype(kind), kept.masses]
    return _fixed(columns), kept.entropy


def _read_top_and_tail(
    packed: Packed, layout: Layout, places: Places, number: int, tail: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    kept, kind = min(number, layout.vocab_size), id_type(layout.vocab_size)
    ids, values, drawn, mass = _columns(packed, [(kind, kept), (FLOAT32, kept), (kind, tail), (FLOAT32, 1)])
    shares = np.broadcast_to(mass.astype(np.float32) / tail, drawn.shape)
    weights = np.concatenate([np.exp(values.astype(np.float32)), shares], axis=1)
    return np.concatenate([ids, drawn], axis=1).astype(np.int64), weights


def _write_sampled(probs: Tensor, layout: Layout, places: Places, number: int, tail: int) -> Packed:
    return Packed(*round_rows(probs.numpy(), number, layout.seed, places))


def _sampled_from_logits(
    logits: NDArray[np.float32], layout: Layout, places: Places, number: int, tail: int
) -> tuple[Packed, NDArray[np.float32]]:
    data, ends, entropy = temper_and_round(logits, layout.temperature, number, layout.seed, places)
    return Packed(data, ends), entropy


def _read_sampled(
    packed: Packed, layout: Layout, places: Places, number: int, tail: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    starts = np.concatenate([np.zeros(1, np.int64), packed.ends[:-1]])
    ids, counts = unpack_rows(packed.data, starts, layout.seed, layout.vocab_size, places)
    return ids.astype(np.int64), (counts / np.float32(number)).astype(np.float32)


def _top_width(vocab_size: int, number: int, tail: int) -> int:
    return min(number, vocab_size) * (id_type(vocab_size).itemsize + 2)


def _top_and_tail_width(vocab_size: int, number: int, tail: int) -> int:
    width = id_type(vocab_size).itemsize
    return min(number, vocab_size) * (width + 4) + tail * width + 4


CODECS: dict[str, Kind] = {
    "dense": Kind(
        "every token's log-probability at τ = 1, in half precision; serves every τ",
        _write_dense,
        _dense_from_logits,
        _read_dense,
        unbiased=True,
        bias="none but rounding: a log-probability x to |x| / 2,048",
        variance="0",
        width=lambda vocab_size, number, tail: 2 * vocab_size,
        number=None,
    ),
    "topk": Kind(
        "the K most probable tokens, renormalised among themselves",
        _write_top,
        _top_from_logits,
        _read_top,
        unbiased=False,
        bias="the rest of the probability is given to the top K: a student learns p / p(top K)",
        variance="0",
        width=_top_width,
        number=64,
    ),
    "topk+tail": Kind(
        "the K most probable tokens as they are, and N draws that stand for the rest",
        _write_top_and_tail,
        _top_and_tail_from_logits,
        _read_top_and_tail,
        unbiased=True,
        bias="none",
        variance="0 for the top K; for others at most p · rest / N",
        width=_top_and_tail_width,
        number=32,
        tail=TAIL_DRAWS,
    ),
    "sampled": Kind(
        "N times the probabilities, each rounded at random to a whole number of draws",
        _write_sampled,
        _sampled_from_logits,
        _read_sampled,
        unbiased=True,
        bias="none",
        variance="at most p (1 - p) / N, that of N independent draws, and at most 1 / (4 N²)",
        width=None,
        number=50,
    ),
}
