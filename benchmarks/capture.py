"""What keeping soft targets adds to the teacher's forward pass, which a capture cannot do without.

- retort: the forward pass over a batch of windows and the codec's records of every position, as `retort capture`
  does it; choosing windows and writing files are not in it
- the forward pass alone: its ratio is what a capture of no cost would have; `cost` is the other way round, 1.1 for 10 %

Processor time, all threads together; `encode µs` is the difference a position.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.models import benchmark_model
from benchmarks.record import Record, Settings, record
from benchmarks.timing import Row, compared, in_turns

CODECS = ("sampled:50", "topk+tail:32", "topk:64", "dense")
WINDOWS, LENGTH = 8, 256
TEMPERATURE = 3.0


def run(settings: Settings) -> Record:
    """The record with one case a codec."""
    import numpy as np

    from retort.distill.cache.codecs import Layout, find_codec
    from retort.distill.cache.rounding import Places
    from retort.distill.cache.teacher import Window, open_teacher
    from retort.distill.data import read_documents
    from retort.sampling import set_num_threads

    set_num_threads(settings.threads)
    windows_of, length = (2, 16) if settings.quick else (WINDOWS, LENGTH)
    rows = []
    with benchmark_model(settings.model) as (model, named, _):
        teacher = open_teacher(model, "float32")
        ids: list[int] = []
        for text in read_documents("embedded:validation"):
            ids += [one % teacher.card.vocab_size for one in teacher.encode([text])[0]]
            if len(ids) >= windows_of * length:
                break
        windows = [Window(n, 0, tuple(ids[n * length : (n + 1) * length])) for n in range(windows_of)]
        positions = windows_of * length
        places = Places(np.arange(positions).astype(np.uint64) * np.uint64(7919), np.arange(positions))
        layout = Layout(teacher.card.vocab_size, TEMPERATURE, 0)
        for text in CODECS:
            codec = find_codec(text)
            parts = (codec, teacher, windows, layout, places)
            timed: dict[str, Callable[[], object]] = {
                "retort": partial(_captured, *parts),
                "the forward pass alone": partial(teacher.logits, windows),
            }
            rows.append(_row(text, in_turns(timed, settings.rounds, clock=time.process_time), positions))
    details = {"positions": positions, "vocabulary": layout.vocab_size, "temperature": TEMPERATURE}
    return record("capture", __doc__ or "", named, settings, details, rows)


def _row(text: str, seconds: dict[str, list[float]], positions: int) -> Row:
    ours, alone = seconds["retort"], seconds["the forward pass alone"]
    cost = statistics.median(a / b for a, b in zip(ours, alone, strict=True))
    extra = statistics.median(a - b for a, b in zip(ours, alone, strict=True))
    return compared(text, seconds, cost=cost, **{"encode µs": 1e6 * extra / positions})


def _captured(codec: Any, teacher: Any, windows: Any, layout: Any, places: Any) -> Any:
    return codec.encode(teacher.logits(windows), layout, places)
