"""What is kept of the teacher at one position: the table CODECS from names to ways of writing and reading it.

Legend: N positions, V vocabulary, K tokens kept. Everything is of the teacher at the capture's tau, but `dense`,
which keeps log-probabilities at tau = 1 and so serves every tau. Weights that are read back multiply -ln q in the
loss, so a codec is unbiased where the expectation of its weights is p, token by token. A row's records depend on
nothing but the row and its place. Start with CODECS, at the end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from retort.distill.cache.rounding import Places, round_rows, unrounded
from retort.errors import InputError, SourceError, did_you_mean
from retort.sampling.noise import STREAM_TAIL, uniform_at

TAIL_DRAWS = 8
LARGEST_NUMBER = 4096
ROWS_AT_ONCE = 64  # of a batch: what is made on the way stays small
# Probabilities of a record may miss 1 by this much: they are stored in half or single precision.
ROUNDING = 2e-2


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
    """What writing and reading need to know beside the records: the same for a whole capture, and the codec's
    numbers."""

    vocab_size: int
    temperature: float
    seed: int


# log_probs `[N, V]` at tau (float32), the raw logits, capture, places, number, tail → records.
Encode = Callable[[Tensor, Tensor, Layout, Places, int, int], Packed]
Decode = Callable[[Packed, Layout, Places, int, int], tuple[NDArray[np.int64], NDArray[np.float32]]]


@dataclass(frozen=True)
class Kind:
    """One row of the table; the texts are shown by `retort cache`."""

    help: str
    encode: Encode
    decode: Decode
    unbiased: bool
    bias: str
    variance: str
    width: (
        Callable[[int, int, int], int] | None
    )  # bytes per record (vocabulary, number, tail), None: it varies
    number: int | None  # default of the number behind the colon, None: there is none
    tail: int = 0


@dataclass(frozen=True)
class Codec:
    """A codec with its numbers: `sampled:50`, `topk+tail:32+8`."""

    text: str
    kind: Kind
    number: int
    tail: int

    def encode(self, logits: Tensor, layout: Layout, places: Places) -> tuple[Packed, NDArray[np.float16]]:
        """Records of `[N, V]` raw logits, and the entropy at tau of each, in nats.

        Raises SourceError for a row that is no distribution.
        """
        parts, entropies = [], []
        for start in range(0, len(logits), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            log_probs = torch.log_softmax(logits[rows].float() / layout.temperature, dim=-1)
            if bool(log_probs.isnan().any()):
                raise SourceError(
                    "the teacher gave a position whose logits are not a distribution (NaN or +inf among "
                    "them, or all -inf). In bfloat16 a model may overflow; try --dtype float32."
                )
            # Excluded tokens have log-probability -inf and contribute 0, not NaN.
            entropies.append(-(log_probs.exp() * log_probs.clamp(min=-1e4)).sum(-1))
            where = Places(places.seeds[rows], places.offsets[rows])
            parts.append(self.kind.encode(log_probs, logits[rows], layout, where, self.number, self.tail))
        begins = np.cumsum([0, *(len(part.data) for part in parts)])
        ends = [part.ends + begin for part, begin in zip(parts, begins, strict=False)]
        packed = Packed(np.concatenate([part.data for part in parts]), np.concatenate(ends))
        return packed, torch.cat(entropies).clamp(min=0).numpy().astype(np.float16)

    def decode(self, packed: Packed, layout: Layout, places: Places, entropy: NDArray[np.float32]) -> Targets:
        """What was written, for training. Raises SourceError for records that no teacher can have left."""
        vocab = layout.vocab_size
        width = self.width(vocab)
        _need(width is None or len(packed.data) == width * len(packed.ends), "its length is not the codec's")
        if self.text == "dense":
            rows = packed.data.view(np.float16).reshape(len(packed.ends), vocab)
            _need(
                not np.isnan(rows).any() and (rows <= 0).all(), "a log-probability is above 0 or not a number"
            )
            nothing = np.zeros((len(rows), 0))
            return Targets(nothing.astype(np.int64), nothing.astype(np.float32), entropy, rows)
        ids, weights = self.kind.decode(packed, layout, places, self.number, self.tail)
        _need((ids < vocab).all(), f"a token id is outside the vocabulary of {vocab:,}")
        _need(bool(np.isfinite(weights).all()), "a weight is not a number")
        return Targets(ids, weights, entropy)

    def check(self, found: Targets, vocab_size: int) -> None:
        """Raise SourceError unless the targets mean what the codec says: probabilities that sum to 1, tokens once."""
        _need(
            bool((found.entropy >= 0).all() or np.isnan(found.entropy).all()),
            "an entropy is below 0 or not a number",
        )
        _need(not (found.entropy > np.log(vocab_size) * 1.001 + 1e-3).any(), "an entropy is above ln V")
        if found.log_probs is not None:
            sums = np.exp(found.log_probs.astype(np.float32)).sum(-1)
        else:
            sums = found.weights.sum(-1)
            self._check_once(found)
        # Rounding at random gives about n draws of n, give or take a few: each count is off by less than 1.
        allowed = (
            ROUNDING if self.text != f"sampled:{self.number}" else 4 / np.sqrt(self.number) + 1 / self.number
        )
        _need(bool((np.abs(sums - 1) <= allowed).all()), "its probabilities do not sum to 1")

    def _check_once(self, found: Targets) -> None:
        """Draws from the tail may repeat; what is kept by name is there once."""
        kept = found.ids[:, : found.ids.shape[1] - self.tail]
        weights = found.weights[:, : kept.shape[1]]
        order = np.where(weights > 0, kept, -1 - np.arange(kept.shape[1]))
        order = np.sort(order, axis=1)
        _need(not (order[:, 1:] == order[:, :-1]).any(), "a token occurs twice")

    def width(self, vocab_size: int) -> int | None:
        """Bytes per record, or None where it varies."""
        return None if self.kind.width is None else self.kind.width(vocab_size, self.number, self.tail)


def _need(holds: bool | np.bool_, otherwise: str) -> None:
    if not holds:
        raise SourceError(f"a record is damaged: {otherwise}")


def find_codec(text: str) -> Codec:
    """The codec written as `dense`, `topk:64`, `topk+tail:32`, `topk+tail:32+8` or `sampled:50`; raises InputError."""
    match = re.fullmatch(r"\s*([a-z+]+?)(?::(\d+)(?:\+(\d+))?)?\s*", text)
    name = match[1] if match else text
    if match is None or name not in CODECS:
        raise InputError(
            f"codec is {text!r}{did_you_mean(name, CODECS)}; allowed are dense, topk:K, topk+tail:K+N and sampled:N,"
            " for instance sampled:50."
        )
    kind = CODECS[name]
    number, tail = match[2], match[3]
    if (number is not None and kind.number is None) or (tail is not None and not kind.tail):
        raise InputError(
            f"codec is {text!r}, but {name} does not take such a number; write {_written(name, kind)}."
        )
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


def _columns(packed: Packed, types: list[tuple[np.dtype[Any], int]]) -> list[NDArray[Any]]:
    rows = len(packed.ends)
    table = packed.data.reshape(rows, -1)
    found, begin = [], 0
    for kind, count in types:
        width = kind.itemsize * count
        found.append(np.ascontiguousarray(table[:, begin : begin + width]).view(kind).reshape(rows, count))
        begin += width
    return found


FLOAT16, FLOAT32 = np.dtype(np.float16), np.dtype(np.float32)


def _write_dense(
    log_probs: Tensor, logits: Tensor, layout: Layout, places: Places, number: int, tail: int
) -> Packed:
    return _fixed([torch.log_softmax(logits.float(), dim=-1).to(torch.float16).numpy()])


def _read_dense(
    packed: Packed, layout: Layout, places: Places, number: int, tail: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    raise AssertionError("dense records are read as whole rows")


def most_probable(log_probs: Tensor, number: int) -> tuple[Tensor, Tensor]:
    """Ids and log-probabilities `[N, K]` of the best, falling; of equals the lower id comes first, and is kept."""
    kept = min(number, log_probs.shape[-1])
    values, ids = log_probs.topk(kept)
    # topk takes any of those that are equal to the last one: rows with more of them than fit are sorted.
    tied = ((log_probs >= values[:, -1:]).sum(-1) > kept).nonzero().squeeze(-1)
    ids[tied] = log_probs[tied].sort(dim=-1, descending=True, stable=True).indices[:, :kept]
    ids = ids.sort(dim=-1).values
    values, order = log_probs.gather(-1, ids).sort(dim=-1, descending=True, stable=True)
    return ids.gather(-1, order), values


def _write_top(
    log_probs: Tensor, logits: Tensor, layout: Layout, places: Places, number: int, tail: int
) -> Packed:
    ids, values = most_probable(log_probs, number)
    return pack_top(ids.numpy(), values.numpy(), layout.vocab_size)


def pack_top(ids: NDArray[np.integer], log_probs: NDArray[np.floating], vocab_size: int) -> Packed:
    """The records of `topk` from `[N, K]` ids and log-probabilities; -inf is filling."""
    return _fixed([ids.astype(id_type(vocab_size)), log_probs.astype(np.float16)])


def _read_top(
    packed: Packed, layout: Layout, places: Places, number: int, tail: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Renormalised among themselves, as everybody who stores the top k alone must: that is the bias."""
    kept, kind = min(number, layout.vocab_size), id_type(layout.vocab_size)
    ids, values = _columns(packed, [(kind, kept), (FLOAT16, kept)])
    _need(not np.isnan(values).any() and (values <= 0).all(), "a log-probability is above 0 or not a number")
    weights = np.exp(values.astype(np.float32))
    sums = weights.sum(-1, keepdims=True)
    _need((sums > 0).all(), "no token of it has any probability")
    return ids.astype(np.int64), weights / sums


def _write_top_and_tail(
    log_probs: Tensor, logits: Tensor, layout: Layout, places: Places, number: int, tail: int
) -> Packed:
    ids, values = most_probable(log_probs, number)
    rest = log_probs.exp().scatter_(-1, ids, 0.0).double().cumsum(-1).numpy()
    mass = rest[:, -1]
    # Draws at equal distances from one random start: each has the distribution of the rest.
    coins = uniform_at(places.seeds, places.offsets, STREAM_TAIL)
    points = (np.arange(tail)[None, :] + coins[:, None]) / tail * mass[:, None]
    drawn = np.stack([np.searchsorted(row, at, side="right") for row, at in zip(rest, points, strict=True)])
    # Rounding may put a point behind the last token that has any of the rest.
    last = np.array([np.searchsorted(row, row[-1]) for row in rest])
    drawn = np.minimum(drawn, last[:, None])
    kind = id_type(layout.vocab_size)
    return _fixed([ids.numpy().astype(kind), values.numpy(), drawn.astype(kind), mass.astype(np.float32)])


def _read_top_and_tail(
    packed: Packed, layout: Layout, places: Places, number: int, tail: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    kept, kind = min(number, layout.vocab_size), id_type(layout.vocab_size)
    ids, values, drawn, mass = _columns(packed, [(kind, kept), (FLOAT32, kept), (kind, tail), (FLOAT32, 1)])
    _need(not np.isnan(values).any() and (values <= 0).all(), "a log-probability is above 0 or not a number")
    _need((mass >= 0).all() and (mass <= 1 + ROUNDING).all(), "the rest weighs below 0 or above 1")
    shares = np.broadcast_to(mass.astype(np.float32) / tail, drawn.shape)
    weights = np.concatenate([np.exp(values.astype(np.float32)), shares], axis=1)
    return np.concatenate([ids, drawn], axis=1).astype(np.int64), weights


def _write_sampled(
    log_probs: Tensor, logits: Tensor, layout: Layout, places: Places, number: int, tail: int
) -> Packed:
    return Packed(*round_rows(log_probs.exp().numpy(), number, layout.seed, places))


def _read_sampled(
    packed: Packed, layout: Layout, places: Places, number: int, tail: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    ids, counts = unrounded(packed.data, packed.ends, layout.seed, layout.vocab_size, places)
    _need((counts <= number + 1).all(), f"a token was drawn more often than {number} times")
    return ids, (counts / np.float32(number)).astype(np.float32)


def _top_width(vocab_size: int, number: int, tail: int) -> int:
    return min(number, vocab_size) * (id_type(vocab_size).itemsize + 2)


def _top_and_tail_width(vocab_size: int, number: int, tail: int) -> int:
    width = id_type(vocab_size).itemsize
    return min(number, vocab_size) * (width + 4) + tail * width + 4


CODECS: dict[str, Kind] = {
    "dense": Kind(
        "every token's log-probability at τ = 1, in half precision; serves every τ",
        _write_dense,
        _read_dense,
        unbiased=True,
        bias="only rounding: a log-probability x to |x| / 2,048",
        variance="0",
        width=lambda vocab_size, number, tail: 2 * vocab_size,
        number=None,
    ),
    "topk": Kind(
        "the K most probable tokens, renormalised among themselves",
        _write_top,
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
        _read_sampled,
        unbiased=True,
        bias="none",
        variance="at most p (1 - p) / N, that of N independent draws, and at most 1 / (4 N²)",
        width=None,
        number=50,
    ),
}
