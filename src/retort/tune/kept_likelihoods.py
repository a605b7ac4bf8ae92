"""The answers' log-probabilities beside a recording: one Parquet file a piece, one column a setting."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from retort.chain import Chain
from retort.errors import SourceError
from retort.sources.base import Source
from retort.tune.likelihoods import Likelihoods, chains_to_score, joined, likelihoods_of
from retort.tune.rows import Rows
from retort.tune.settings import key
from retort.tune.sweep import Plan, ProgressCallback


def score_pieces(
    plan: Plan,
    source: Source,
    pieces: Sequence[Rows],
    more: Sequence[Chain],
    folder: Path | None,
    on_progress: ProgressCallback | None = None,
) -> Likelihoods:
    """The likelihoods of all answers under the sweep's settings and `more`; read from `folder` where they are there,
    written to it where they are new."""
    wanted = chains_to_score(plan, more)
    found = []
    for number, rows in enumerate(pieces):
        kept = None if folder is None else _read_piece(folder, number)
        there = set() if kept is None else {key(setting) for setting in kept.settings}
        if kept is None or not wanted.keys() <= there:
            # Read all of them again: which settings are wider than which must be known of every pair.
            kept = likelihoods_of(rows, plan, source, list(wanted.values()))
            if folder is not None:
                _write_piece(folder, number, kept)
        found.append(kept.only([setting for setting, _ in wanted.values()]))
        if on_progress is not None:
            on_progress(number + 1, len(pieces), "pieces read again")
    return joined(found)


def read_likelihoods(folder: Path, num_answers: int) -> Likelihoods:
    """The likelihoods kept beside a recording of so many answers; raises SourceError where they are not there."""
    pieces: list[Likelihoods] = []
    total = 0
    while total < num_answers:
        piece = _read_piece(folder, len(pieces))
        if piece is None:
            raise SourceError(
                f"{folder} does not have the log-probabilities of all its answers; run again with the task, "
                f"--record {folder} --resume --logprobs, which draws nothing again"
            )
        total += len(piece.logprobs)
        pieces.append(piece)
    if total != num_answers:
        raise SourceError(
            f"{folder} has log-probabilities of {total} answers and {num_answers} answers; remove its logprobs files "
            "and make them again"
        )
    return joined(pieces)


def _file(folder: Path, number: int) -> Path:
    return folder / f"logprobs-{number:06d}.parquet"


def _read_piece(folder: Path, number: int) -> Likelihoods | None:
    import pyarrow.parquet as pq

    file = _file(folder, number)
    if not file.exists():
        return None
    try:
        table = pq.read_table(file)
        outside = json.loads((table.schema.metadata or {})[b"outside"])
    except (OSError, ValueError, KeyError) as problem:
        raise SourceError(
            f"{file} is damaged; remove it and make it again with --resume --logprobs"
        ) from problem
    settings = tuple(json.loads(name) for name in table.column_names)
    logprobs = np.stack([column.to_numpy() for column in table.columns], axis=1)
    return Likelihoods(settings, logprobs, np.array(outside, dtype=np.bool_))


def _write_piece(folder: Path, number: int, piece: Likelihoods) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [json.dumps(dict(setting)) for setting in piece.settings]
    columns = dict(zip(names, map(pa.array, piece.logprobs.T), strict=True))
    table = pa.table(columns).replace_schema_metadata({"outside": json.dumps(piece.outside.tolist())})
    file = _file(folder, number)
    unfinished = file.with_suffix(".unfinished")
    try:
        pq.write_table(table, unfinished, compression="zstd")
        os.replace(unfinished, file)
    except OSError as problem:
        unfinished.unlink(missing_ok=True)
        raise SourceError(
            f"log-probabilities cannot be written to {folder} ({problem.strerror or problem}); go on with --resume"
        ) from problem
