"""What is kept of the teacher at one position: the table CODECS from names to ways of writing and reading it.

Legend: N positions, V vocabulary, K tokens kept. Everything is of the teacher at the capture's tau, but `dense`,
which keeps log-probabilities at tau = 1 and so serves every tau. Weights that are read back multiply -ln q in the
loss, so a codec is unbiased where the expectation of its weights is p, token by token. A row's records depend on
nothing but the row and its place. Start with CODECS, at the end.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from retort.distill.cache.rounding import Places, round_rows, unrounded
from retort.errors import InputError, SourceError, did_you_mean
from retort.sampling.noise import STREAM_TAIL, uniform_at

LARGEST_NUMBER = 4096
ROWS_AT_ONCE = 64  # of a batch: what is made on the way stays small
# Probabilities of a record may miss 1 by this much. Half precision moves a logprob x by |x| / 2,048 at most, so a whole
# row of them by its entropy / 2,048: 0.007 at 2**20 tokens. What misses by more than three times that is damaged.
ROUNDING = 2e-2


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


@dataclass(frozen=True)
class TeacherRows:
    """A piece of a batch, all `[N, V]`: `logits` as they came; `log_probs` and `probs` at tau, float32."""

    logits: Tensor
    log_probs: NDArray[np.float32]
    probs: NDArray[np.float32]


Read: TypeAlias = tuple[NDArray[np.int64], NDArray[np.float32]]


@dataclass(frozen=True)
class Codec:
    """A codec with its numbers, `sampled:50` or `topk+tail:32+8`; its kinds are the rows of CODECS.

    `help`, `bias` and `variance` are shown by `retort cache`. `default` is that of the number behind the colon (0: no
    number), `tail_default` that of the draws behind the plus sign.
    """

    number: int
    tail: int

    name: ClassVar[str]
    help: ClassVar[str]
    bias: ClassVar[str] = "none"
    variance: ClassVar[str] = "0"
    unbiased: ClassVar[bool] = True
    default: ClassVar[int] = 0
    tail_default: ClassVar[int] = 0

    @property
    def text(self) -> str:
        """As a user writes it, with all its numbers."""
        return (
            self.name + (f":{self.number}" if self.default else "") + (f"+{self.tail}" if self.tail else "")
        )

    def record(self, vocab_size: int) -> np.dtype[Any] | None:
        """What a record holds, side by side; None where its width varies."""
        return None

    def pack(self, vocab_size: int, **columns: NDArray[Any]) -> pa.Array:
        """Records of one width from the columns of `record`, each `[N, …]`."""
        table = np.empty(len(columns["log_probs"]), self.record(vocab_size))
        for name, column in columns.items():
            table[name] = column  # converts: ids to 16 or 32 bits, logprobs to the record's precision
        width = table.dtype.itemsize
        return pa.Array.from_buffers(pa.binary(width), len(table), [None, pa.py_buffer(table.tobytes())])

    def columns(self, records: pa.Array, vocab_size: int) -> NDArray[Any]:
        """The records as an array of `record`. Raises SourceError for others, and for a log-probability above 0."""
        record = self.record(vocab_size)
        assert record is not None, "only a codec of one width has columns"
        _need(records.type == pa.binary(record.itemsize), "its length is not the codec's")
        start = records.offset * record.itemsize  # a buffer may be longer than its records
        found = np.frombuffer(records.buffers()[1] or b"", record, len(records), start)
        _need(
            not np.isnan(found["log_probs"]).any() and (found["log_probs"] <= 0).all(),
            "a logprob is above 0 or not a number",
        )
        return found

    def write(self, rows: TeacherRows, layout: Layout, places: Places) -> pa.Array:
        """The rows' records."""
        raise NotImplementedError

    def read(self, records: pa.Array, layout: Layout, places: Places) -> Read:
        """Ids and weights `[N, K]`, weight 0 as filling."""
        raise NotImplementedError

    def encode(self, logits: Tensor, layout: Layout, places: Places) -> tuple[pa.Array, NDArray[np.float16]]:
        """Records of `[N, V]` raw logits, as an array of bytes, and the entropy at tau of each, in nats.

        Raises SourceError for a row that is no distribution.
        """
        parts, entropies = [], []
        # Records depend on their own row alone, so pieces may be of any size; only memory decides.
        for start in range(0, len(logits), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            log_probs = torch.log_softmax(logits[rows].float() / layout.temperature, dim=-1)
            probs = log_probs.exp()
            # Excluded tokens have log-probability -inf and contribute 0, not NaN. As e^-1e4 is 0 in float32, clamping
            # changes nothing else.
            entropies.append(-torch.linalg.vecdot(probs, log_probs.clamp(min=-1e4)))
            # One number a row tells: NaN or +inf among its logits, or nothing but -inf, make all its log-softmax NaN.
            if bool(entropies[-1].isnan().any()):
                raise SourceError(
                    "the teacher gave a position whose logits are not a distribution (NaN or +inf among "
                    "them, or all -inf). In bfloat16 a model may overflow; try --dtype float32."
                )
            where = Places(places.seeds[rows], places.offsets[rows])
            parts.append(
                self.write(TeacherRows(logits[rows], log_probs.numpy(), probs.numpy()), layout, where)
            )
        return pa.concat_arrays(parts), torch.cat(entropies).clamp(min=0).numpy().astype(np.float16)

    def decode(
        self, records: pa.Array, layout: Layout, places: Places, entropy: NDArray[np.float32]
    ) -> Targets:
        """What was written, for training. Raises SourceError for records that no teacher can have left."""
        ids, weights = self.read(records, layout, places)
        _need(
            (ids < layout.vocab_size).all(), f"a token id is outside the vocabulary of {layout.vocab_size:,}"
        )
        _need(bool(np.isfinite(weights).all()), "a weight is not a number")
        return Targets(ids, weights, entropy)

    def check(self, found: Targets, vocab_size: int) -> None:
        """Raise SourceError unless the targets mean what the codec says: probabilities that sum to 1, tokens once."""
        # Of a server's teacher no entropy is known: NaN in all rows.
        _need(
            bool((found.entropy >= 0).all() or np.isnan(found.entropy).all()),
            "an entropy is below 0 or not a number",
        )
        # Rounded to half precision, an entropy of ln V can lie 1 / 2,048 of itself above it.
        _need(not (found.entropy > np.log(vocab_size) * 1.001 + 1e-3).any(), "an entropy is above ln V")
        if found.log_probs is not None:
            sums = np.exp(found.log_probs.astype(np.float32)).sum(-1)
        else:
            sums = found.weights.sum(-1)
            self._check_once(found)
        allowed = ROUNDING if self.name != "sampled" else furthest_sum(self.number)
        _need(bool((np.abs(sums - 1) <= allowed).all()), "its probabilities do not sum to 1")

    def _check_once(self, found: Targets) -> None:
        """Draws from the tail may repeat; what is kept by name is there once."""
        kept = found.ids[:, : found.ids.shape[1] - self.tail]
        weights = found.weights[:, : kept.shape[1]]
        # Filling repeats token 0: it is numbered below all tokens, each place by itself, so that it equals nothing.
        order = np.where(weights > 0, kept, -1 - np.arange(kept.shape[1]))
        order = np.sort(order, axis=1)
        _need(not (order[:, 1:] == order[:, :-1]).any(), "a token occurs twice")


def _need(holds: bool | np.bool_, otherwise: str) -> None:
    if not holds:
        raise SourceError(f"a record is damaged: {otherwise}")


def furthest_sum(draws: int) -> float:
    """How far from 1 the weights of `sampled` may sum: a healthy record is beyond it in about one case of 10^15.

    Every fraction of N p that goes up or down adds a term between 0 and 1, and their variances add up to N at most.
    Ranks are a permutation, whose places are negatively associated (Joag-Dev and Proschan 1983), so Bernstein's
    inequality holds as for independent terms. One draw more, since all tokens share v.
    """
    log = math.log(2e15)
    return (1 + log / 3 + math.sqrt(log * log / 9 + 2 * log * draws)) / draws


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
    chosen = kind(int(number or kind.default), int(tail or kind.tail_default))
    if (number is not None and not kind.default) or (tail is not None and not kind.tail_default):
        default = kind(kind.default, kind.tail_default).text
        raise InputError(f"codec is {text!r}, but {name} does not take such a number; write {default}.")
    if kind.default and not (1 <= chosen.number <= LARGEST_NUMBER and chosen.tail <= LARGEST_NUMBER):
        raise InputError(f"codec is {text!r}; its numbers must be from 1 to {LARGEST_NUMBER}.")
    if kind.tail_default and chosen.tail < 1:
        raise InputError(f"codec is {text!r}; without draws from the tail it is topk:{chosen.number}.")
    return chosen


def id_type(vocab_size: int) -> np.dtype[np.generic]:
    """The smallest of two fixed widths that holds a token id."""
    return np.dtype(np.uint16 if vocab_size <= 2**16 else np.uint32)


class Dense(Codec):
    """Whole rows; read as they are, so that every tau can be made of them."""

    name = "dense"
    help = "every token's logprob at τ = 1, in half precision; serves every τ"
    bias = "only rounding: a logprob x to |x| / 2,048"

    def record(self, vocab_size: int) -> np.dtype[Any]:
        return np.dtype([("log_probs", np.float16, vocab_size)])

    def write(self, rows: TeacherRows, layout: Layout, places: Places) -> pa.Array:
        log_probs = torch.log_softmax(rows.logits.float(), dim=-1).to(torch.float16)
        return self.pack(layout.vocab_size, log_probs=log_probs.numpy())

    def decode(
        self, records: pa.Array, layout: Layout, places: Places, entropy: NDArray[np.float32]
    ) -> Targets:
        """No ids and weights, but rows."""
        rows = self.columns(records, layout.vocab_size)["log_probs"]
        return Targets(
            np.zeros((len(rows), 0), np.int64), np.zeros((len(rows), 0), np.float32), entropy, rows
        )


def most_probable(
    log_probs: NDArray[np.float32], number: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Ids and log-probabilities `[N, K]` of the best, falling; of equals the lower id comes first, and is kept."""
    num_rows, vocab_size = log_probs.shape
    kept = min(number, vocab_size)
    # Partitioning and comparing is less work than a top-k that carries the ids along.
    least = np.partition(log_probs, vocab_size - kept, axis=1)[:, [vocab_size - kept]]
    chosen = log_probs >= least
    too_many = np.count_nonzero(chosen, axis=1) - kept
    for row in np.flatnonzero(too_many):  # several are equal to the last one: the higher ids go
        chosen[row, np.flatnonzero(log_probs[row] == least[row])[-too_many[row] :]] = False
    ids = (np.flatnonzero(chosen) % vocab_size).reshape(num_rows, kept)
    values = np.take_along_axis(log_probs, ids, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    return np.take_along_axis(ids, order, axis=1), np.take_along_axis(values, order, axis=1)


class TopK(Codec):
    """Renormalised among themselves, as everybody who stores the top k alone must: that is the bias."""

    name = "topk"
    help = "the K most likely tokens, renormalised among themselves"
    unbiased = False
    bias = "the rest of the probability is given to the top K: a student learns p / p(top K)"
    default = 64

    def record(self, vocab_size: int) -> np.dtype[Any]:
        kept = min(self.number, vocab_size)
        return np.dtype([("ids", id_type(vocab_size), kept), ("log_probs", np.float16, kept)])

    def write(self, rows: TeacherRows, layout: Layout, places: Places) -> pa.Array:
        ids, values = most_probable(rows.log_probs, self.number)
        return self.pack(layout.vocab_size, ids=ids, log_probs=values)

    def read(self, records: pa.Array, layout: Layout, places: Places) -> Read:
        rows = self.columns(records, layout.vocab_size)
        weights = np.exp(rows["log_probs"].astype(np.float32))
        sums = weights.sum(-1, keepdims=True)
        _need((sums > 0).all(), "no token of it has any probability")
        return rows["ids"].astype(np.int64), weights / sums


class TopKAndTail(Codec):
    """The best as they are, and draws from the rest at equal distances from one random start (systematic sampling).

    On average a token is drawn N times its share of the rest and, as points are at equal distances, never a whole draw
    more or less. Logprobs are in single precision: half would bias a weight by up to |logprob| / 2,048 of itself, and
    this codec says that it has no bias.
    """

    name = "topk+tail"
    help = "the K most likely tokens as they are, and N draws that stand for the rest"
    variance = "0 for the top K; for others at most p · rest / N"
    default = 32
    tail_default = 8

    def record(self, vocab_size: int) -> np.dtype[Any]:
        kept, kind = min(self.number, vocab_size), id_type(vocab_size)
        return np.dtype(
            [
                ("ids", kind, kept),
                ("log_probs", np.float32, kept),
                ("drawn", kind, self.tail),
                ("mass", np.float32),
            ]
        )

    def write(self, rows: TeacherRows, layout: Layout, places: Places) -> pa.Array:
        ids, values = most_probable(rows.log_probs, self.number)
        others = torch.from_numpy(rows.probs).scatter(-1, torch.from_numpy(ids), 0.0)
        # In float64: a long row's running sum in float32 would swallow its small tokens.
        rest = others.double().cumsum(-1).numpy()
        mass = rest[:, -1]
        coins = uniform_at(places.seeds, places.offsets, STREAM_TAIL)
        points = (np.arange(self.tail)[None, :] + coins[:, None]) / self.tail * mass[:, None]
        # The first token whose running sum is above the point; "left" would find tokens without probability at 0.
        drawn = np.stack(
            [np.searchsorted(row, at, side="right") for row, at in zip(rest, points, strict=True)]
        )
        # Rounding may put a point behind the last token that has any of the rest.
        last = np.array([np.searchsorted(row, row[-1]) for row in rest])
        drawn = np.minimum(drawn, last[:, None])
        return self.pack(layout.vocab_size, ids=ids, log_probs=values, drawn=drawn, mass=mass)

    def read(self, records: pa.Array, layout: Layout, places: Places) -> Read:
        rows = self.columns(records, layout.vocab_size)
        mass = rows["mass"][:, None]
        _need((mass >= 0).all() and (mass <= 1 + ROUNDING).all(), "the rest weighs below 0 or above 1")
        shares = np.broadcast_to(mass / self.tail, rows["drawn"].shape)
        weights = np.concatenate([np.exp(rows["log_probs"]), shares], axis=1)
        return np.concatenate([rows["ids"], rows["drawn"]], axis=1).astype(np.int64), weights


class Sampled(Codec):
    """Whole numbers of draws, packed (rounding.py)."""

    name = "sampled"
    help = "N times the probabilities, each rounded at random to a whole number of draws"
    variance = "at most p (1 − p) / N, that of N independent draws, and at most 1 / (4 N²)"
    default = 50

    def write(self, rows: TeacherRows, layout: Layout, places: Places) -> pa.Array:
        data, ends = round_rows(rows.probs, self.number, layout.seed, places)
        # Arrow's layout of `binary`: nothing is missing (None), N + 1 offsets of 32 bits, the bytes of all records.
        edges = np.concatenate([np.zeros(1, np.int32), ends.astype(np.int32)])
        buffers = [None, pa.py_buffer(edges.tobytes()), pa.py_buffer(data.tobytes())]
        return pa.Array.from_buffers(pa.binary(), len(ends), buffers)

    def read(self, records: pa.Array, layout: Layout, places: Places) -> Read:
        _need(pa.types.is_binary(records.type), "its length is not the codec's")
        edges = np.frombuffer(records.buffers()[1] or bytes(4), np.int32).astype(np.int64)
        # A slice has the buffers of the whole: its own records are those behind its offset.
        edges = edges[records.offset : records.offset + len(records) + 1]
        data = np.frombuffer(records.buffers()[2] or b"", np.uint8)[edges[0] : edges[-1]]
        ids, counts = unrounded(data, edges[1:] - edges[0], layout.seed, layout.vocab_size, places)
        # One above N where softmax has rounded a probability to a little above 1.
        _need((counts <= self.number + 1).all(), f"a token was drawn more often than {self.number} times")
        return ids, (counts / np.float32(self.number)).astype(np.float32)


CODECS: dict[str, type[Codec]] = {one.name: one for one in (Dense, TopK, TopKAndTail, Sampled)}
