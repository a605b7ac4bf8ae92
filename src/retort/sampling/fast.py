"""Which rows the compiled kernels can draw (chains of temperature, top-k, top-p, min-p in any order), and drawing them.

The choice depends on a row's chain, dtype and vocabulary alone, never on its batch, so that a row's numbers are bitwise
the same in every batch. The kernels are loaded when they are first needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from retort.chain import Chain
from retort.distribution.softmax import bad_rows
from retort.sampling import compiling
from retort.sampling.params import SamplingParams
from retort.sampling.workers import share

MIN_VOCABULARY = 4096
"""Rows shorter than this are drawn in numpy: loading the kernels takes half a second, once. At 8,192 tokens a draw by
them is a tenth of one in numpy, so a run of a thousand tokens has the half second back."""

LOWEST_TEMPERATURE, HIGHEST_TEMPERATURE = 2.0**-20, 2.0**20
"""Where float32 can hold what the kernels scale by; beyond, the general path draws."""

PLANS_KEPT = 1024
GROUP_ELEMENTS = 2**20
"""Logits copied at a time where the tokens of a row do not lie side by side."""

KINDS = {"float32": 0, "bfloat16": 1, "float16": 2, "float64": 3}
ITEM_BYTES = (4, 2, 2, 8)


class Rows(NamedTuple):
    """Logits in memory: address of row 0, bytes between rows, number of tokens, KINDS; `owner` keeps them alive."""

    owner: Any
    address: int
    stride: int
    num_tokens: int
    kind: int


def rows_in_memory(logits: Any, kind: int | None) -> Rows | None:
    """Where the rows `[n, vocab]` of an array or a tensor in host memory lie; None if tokens are not side by side."""
    if kind is None:
        return None
    size = ITEM_BYTES[kind]
    if isinstance(logits, np.ndarray):
        row_stride, token_stride = logits.strides
        address = logits.__array_interface__["data"][0]
    else:
        row_stride, token_stride = (size * step for step in logits.stride())
        address = logits.data_ptr()
    if token_stride != size:
        return None
    return Rows(logits, address, row_stride, logits.shape[1], kind)


def kind_of(logits: Any) -> int | None:
    """The KINDS of a numpy array or a torch tensor in host memory; None for anything else, or too few tokens."""
    if isinstance(logits, np.ndarray):
        # A view of another byte order has the same name, so the type itself is asked.
        kind = _NUMPY_KINDS.get(logits.dtype)
    elif hasattr(logits, "data_ptr") and logits.device.type == "cpu":
        kind = _tensor_kind(logits.dtype)
    else:
        return None
    return kind if logits.shape[-1] >= MIN_VOCABULARY else None


@lru_cache
def _tensor_kind(dtype: Any) -> int | None:
    return KINDS.get(str(dtype).removeprefix("torch."))


_NUMPY_KINDS = {np.dtype(name): KINDS[name] for name in ("float32", "float16", "float64")}


@lru_cache(maxsize=PLANS_KEPT)
def plan_of(chain: Chain) -> np.ndarray | None:
    """`[1, PLAN_WIDTH]` the chain as the kernels' numbers; None if they cannot draw it."""
    kernels = compiling.kernels()
    codes = {
        "temperature": kernels.TEMPERATURE,
        "top_k": kernels.TOP_K,
        "top_p": kernels.TOP_P,
        "min_p": kernels.MIN_P,
    }
    plain = {"temperature": (), "top_k": ("lowest",), "top_p": ("lowest", 1), "min_p": (1,)}
    if len(chain) > kernels.MAX_STAGES:
        return None
    numbers = np.zeros(kernels.PLAN_WIDTH)
    for place, stage in enumerate(chain):
        if stage.name not in codes or tuple(stage.values[1:]) != plain[stage.name]:
            return None
        value = float(np.log(np.float64(stage.value))) if stage.name == "min_p" else float(stage.value)
        numbers[3 + 2 * place : 5 + 2 * place] = codes[stage.name], value
    temperature = chain.temperature
    if temperature == 0.0:
        way = kernels.WAY_GREEDY
    elif not LOWEST_TEMPERATURE <= temperature <= HIGHEST_TEMPERATURE:
        return None
    else:
        truncated = any(stage.name != "temperature" for stage in chain)
        way = kernels.WAY_LISTED if truncated else kernels.WAY_PLAIN
    numbers[:3] = way, temperature or 1.0, len(chain)
    return numbers[None]


_known: dict[int, tuple[SamplingParams, np.ndarray | None]] = {}


def plan_for(params: SamplingParams) -> np.ndarray | None:
    """`plan_of` the params' chain, kept by the params object: hashing a chain costs a tenth of drawing a row."""
    known = _known.get(id(params))
    if known is None:
        if len(_known) >= PLANS_KEPT:
            _known.clear()
        # The params are kept beside their plan, so that no other object can come to have their id.
        known = _known[id(params)] = (params, plan_of(params.resolved_chain))
    return known[1]


def plans_for(
    params: SamplingParams | Sequence[SamplingParams], num_rows: int
) -> tuple[np.ndarray, np.ndarray | int, np.ndarray]:
    """The rows that the kernels can draw, which plan each of them has, and the plans `[m, PLAN_WIDTH]`."""
    if isinstance(params, SamplingParams):
        plan = plan_for(params)
        return (np.empty(0, dtype=np.int64), 0, _NO_PLANS) if plan is None else (np.arange(num_rows), 0, plan)
    plans: dict[int, int] = {}
    found: list[np.ndarray] = []
    which, rows = [], []
    for row, one in enumerate(params):
        plan = plan_for(one)
        if plan is not None:
            place = plans.setdefault(id(plan), len(plans))
            if place == len(found):
                found.append(plan)
            rows.append(row)
            which.append(place)
    stacked = np.concatenate(found) if found else _NO_PLANS
    return np.array(rows, dtype=np.int64), np.array(which, dtype=np.int64), stacked


_NO_PLANS = np.empty((0, 0))


def draw_rows(rows: Rows, jobs: np.ndarray, plans: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Draw the rows of `jobs` `[n, 4]` (row, plan, seed, position) with `plans` `[m, PLAN_WIDTH]`.

    Returns `[2, n]` token ids and faults, and `[5, n]` the numbers of `batches.COLUMNS`.
    """
    if len(jobs) == 0:
        return np.empty((2, 0), dtype=np.int64), np.empty((5, 0))
    kernels = compiling.kernels()
    drawn, numbers = np.empty((2, len(jobs)), dtype=np.int64), np.empty((5, len(jobs)))
    turn = np.zeros(1, dtype=np.int64)

    def work(scratch: np.ndarray) -> None:
        kernels.draw_rows(
            rows.address, rows.stride, rows.num_tokens, rows.kind, jobs, plans, drawn, numbers, turn, scratch
        )

    share(work, len(jobs), rows.num_tokens, kernels.scratch_size(rows.num_tokens))
    return drawn, numbers


def fault_of(logits: Any, row: int) -> str:
    """What is wrong with a row that the kernels could not draw, in the words of the general path."""
    return bad_rows(logits[row])[()]


def contiguous_pieces(logits: Any, rows: np.ndarray) -> Iterator[tuple[np.ndarray, Any]]:
    """Rows whose tokens are not side by side, copied a bounded number at a time: (their places in `rows`, the copy)."""
    size = max(1, GROUP_ELEMENTS // logits.shape[1])
    for start in range(0, len(rows), size):
        places = np.arange(start, min(start + size, len(rows)))
        copy = logits[rows[places].tolist()]
        yield places, np.ascontiguousarray(copy) if isinstance(copy, np.ndarray) else copy.contiguous()
