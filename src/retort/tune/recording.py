"""A sweep on disk: `run.json`, which says what was asked, and one Parquet file a piece, each whole or not there at all.

A killed sweep is taken up where it stopped: pieces that are there are read and not run again. A recording is readable
without the model and without the task's file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from retort.errors import InputError, MissingExtraError, SourceError
from retort.files import replacing
from retort.tune.samples import COLUMNS, COST, Origin, Rows, Samples
from retort.tune.settings import Axis, axis_of

RUN_FILE = "run.json"
LOCK_FILE = "run.lock"
FORMAT = "retort tune recording 1"
COUNTED = ("setting", "item", "prompt", "answer", "score", "tokens", "logprob_raw", *COST)


@dataclass(frozen=True)
class Recording:
    """A folder with the pieces of one sweep. `run`: what was asked, as run.json holds it."""

    folder: Path
    run: Mapping[str, Any]
    claim: Any = field(default=None, compare=False, repr=False)
    """The open lock file of the run that writes here; closed, and so given up, when the run ends or dies."""

    @classmethod
    def begin(cls, folder: Path, run: Mapping[str, Any], resume: bool) -> Recording:
        """A recording in `folder`, new, or with `resume` the one that is there already.

        Raises InputError where a recording is there and `resume` is not asked, or where it is of another run: the
        message has the two values side by side.
        """
        _need_pyarrow()
        run = json.loads(json.dumps({"format": FORMAT, **run}))
        file = folder / RUN_FILE
        if file.exists():
            there = _read_run(folder)
            if not resume:
                raise InputError(
                    f"{folder} already contains a recording; continue it (--resume), read it (--from "
                    f"{folder}), or give another folder"
                )
            for name in run.keys() - {"asked"}:  # said for a reader; `items_hash` compares all of it
                if there.get(name) != run[name]:
                    raise InputError(
                        f"{folder} was recorded with {name} {_brief(there.get(name))}, and this run has "
                        f"{_brief(run[name])}; resume with the same settings, or give another folder"
                    )
            return cls(folder, there, _claimed(folder))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            claim = _claimed(folder)
            with replacing(file) as partial:
                partial.write_text(json.dumps(run, indent=2), encoding="utf-8")
        except OSError as problem:
            raise SourceError(
                f"the recording cannot be written to {folder} ({problem.strerror})"
            ) from problem
        return cls(folder, run, claim)

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, *problem: object) -> None:
        if self.claim is not None:
            self.claim.close()

    def has(self, number: int) -> bool:
        return self._file(number).exists()

    def piece(self, number: int) -> Rows | None:
        """The rows of a piece, or None where it is not there yet."""
        if not self.has(number):
            return None
        table, passes = _table(self._file(number), COLUMNS)
        return Rows({name: table.column(name).to_pylist() for name in COLUMNS}, *passes)

    def write(self, number: int, rows: Rows) -> None:
        """Keep the rows of a piece, whole or not at all."""
        import pyarrow as pa

        # A server's answers have neither ids nor log-probabilities; the columns stay, so that all pieces read alike.
        kinds = {
            name: pa.list_(pa.int32()) if kind == "list" else pa.type_for_alias(kind)
            for name, kind in COLUMNS.items()
        }
        passes = json.dumps([rows.forward_passes, rows.independent_passes])
        schema = pa.schema(list(kinds.items()), metadata={"passes": passes})
        file = self._file(number)
        try:
            # In this order: killed between the two, the answers are there twice and not lost.
            write_table(pa.Table.from_pydict(rows.columns, schema=schema), file)
            # A server's answers were in a journal of this name until now.
            file.with_suffix(".jsonl").unlink(missing_ok=True)
        except OSError as problem:
            raise SourceError(
                f"piece {number} of the recording cannot be written ({problem.strerror or problem}); the "
                f"pieces before it are in {self.folder}; continue with --resume"
            ) from problem

    def abandon(self) -> None:
        """Undo the beginning of a run that cannot go on as it was asked."""
        for file in (*self.folder.glob("*.jsonl"), self.folder / RUN_FILE):
            file.unlink(missing_ok=True)

    def finish(self) -> None:
        """Remove the journals of the trial and of pieces that are there. One that a spent budget left unfinished stays,
        for a larger budget to go on with."""
        for journal in self.folder.glob("*.jsonl"):
            if journal.stem == "trial" or journal.with_suffix(".parquet").exists():
                journal.unlink(missing_ok=True)

    def _file(self, number: int) -> Path:
        return self.folder / f"piece-{number:06d}.parquet"


def write_table(table: Any, file: Path) -> None:
    """The table as a Parquet file, whole or not at all."""
    import pyarrow.parquet as pq

    with replacing(file) as partial:
        pq.write_table(table, partial, compression="zstd")


def _table(file: Path, names: Iterable[str]) -> tuple[Any, list[int]]:
    """These columns of a piece, and its passes. What an answer cost is in no recording of an earlier version."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Not pq.read_table, which imports pyarrow.dataset (and `_numbers` does not import pandas): a third of a second.
        # Answers as numbers into their different texts, as Parquet has them already.
        with pq.ParquetFile(file, read_dictionary=["answer"]) as piece:
            missing = set(COST) - set(piece.schema_arrow.names)
            table = piece.read([name for name in names if name not in missing])
        for name in missing:
            table = table.append_column(name, pa.nulls(len(table)))
        return table.replace_schema_metadata(None), json.loads((table.schema.metadata or {})[b"passes"])
    except (OSError, ValueError, KeyError) as problem:
        raise SourceError(
            f"{file} is damaged; remove it and continue with --resume; the other pieces are kept"
        ) from problem


def _claimed(folder: Path) -> Any:
    """The folder's lock, held by this process until the file is closed. Raises InputError where another run has it."""
    lock = (folder / LOCK_FILE).open("a")
    try:
        try:
            import fcntl
        except ImportError:  # Windows
            import msvcrt

            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        else:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise InputError(
            f"another run is recording in {folder} right now; wait for it to end, or give another folder"
        ) from None
    return lock


def has_no_settings(folder: Path) -> bool:
    """Whether the recording is of a model that takes no settings: of one setting, with nothing set."""
    return (folder / RUN_FILE).exists() and _read_run(folder).get("settings") == [{}]


def read(folder: Path) -> tuple[Samples, str, Origin]:
    """The samples of a recording, its goal, and where they come from; nothing but the folder is needed.

    Raises SourceError where there is no recording, a piece is missing or one cannot be read.
    """
    _need_pyarrow()
    import pyarrow as pa
    import pyarrow.compute as pc

    run = _read_run(folder)
    try:
        num_pieces, item_ids, goal = run["pieces"], run["items"], run["goal"]
        axis, task, model = _axis(run["settings"]), run["task"], run["model"]
    except KeyError as problem:
        raise SourceError(
            f"{folder / RUN_FILE} has no {problem}; it was not written by this version"
        ) from None
    here = Recording(folder, run)
    if num_pieces is None:
        # What a budget pays for is known at its end only; the race holds wherever it stopped.
        num_pieces = len(list(folder.glob("piece-*.parquet")))
        if not num_pieces:
            raise SourceError(f"{folder} has no answers yet; continue with --resume")
    tables, passes = [], np.zeros(2, dtype=np.int64)
    for number in range(num_pieces):
        if not here.has(number):
            raise SourceError(
                f"{folder} is not complete: piece {number + 1} of {num_pieces} is not there; continue with --resume"
            )
        piece, its_passes = _table(here._file(number), COUNTED)
        tables.append(piece)
        passes += its_passes
    # "default": a column of nulls takes the other pieces' type.
    table = pa.concat_tables(tables, promote_options="default").combine_chunks()
    # Only a model that runs here says which tokens it drew; a server may count them.
    local = not table.column("tokens").null_count
    lengths = pc.list_value_length(table.column("tokens")) if local else table.column("answer_tokens")
    answer, texts = _codes(table.column("answer"))
    samples = Samples(
        axis,
        tuple(item_ids),
        **{name: _numbers(table.column(name)).astype(np.int64) for name in ("setting", "item", "prompt")},
        answer=answer,
        score=_numbers(table.column("score")),
        num_tokens=_known(lengths),
        logprob_raw=_known(table.column("logprob_raw")),
        texts=texts,
        prompt_tokens=_known(table.column("prompt_tokens")),
        seconds=_known(table.column("seconds")),
    )
    origin = Origin(
        task,
        model,
        run.get("seed", 0),
        run.get("chain", ""),
        int(passes[0]) if local else None,  # a server's passes are not known
        int(passes[1]) if local else None,
        run.get("answers_of_grid"),
        tuple(map(in_words, run.get("prompts", ()))),
        tuple(run.get("asked", ())),
    )
    return samples, goal, origin


def in_words(prompt: Any) -> str:
    """A template of `run.json` for a reader: a text, or messages, which promptfoo's files write as a text of JSON."""
    if isinstance(prompt, str):
        try:
            messages = json.loads(prompt)
        except ValueError:
            return prompt
        if not isinstance(messages, list) or not all(
            isinstance(one, dict) and "role" in one for one in messages
        ):
            return prompt
        prompt = messages
    return " / ".join(f"{one['role']}: {one.get('content')}" for one in prompt)


def _axis(settings: list[Mapping[str, Any]]) -> Axis:
    """The axis of a recording's settings, in the order in which its rows number them."""
    if len(settings) == 1:
        return Axis(None, tuple(settings), tuple(settings))
    axis = axis_of(settings)
    # `axis_of` sorts, and the rows have numbers in the order of run.json: where the two differ, that order is kept.
    same = [dict(one) for one in axis.settings] == settings
    return axis if same and axis.ordered else Axis(None, tuple(settings), tuple(settings))


def _numbers(column: Any) -> np.ndarray:
    """A column without nulls. `to_numpy` and `np.asarray` would import pandas, where it is installed."""
    return np.from_dlpack(column.combine_chunks())


def _known(column: Any) -> np.ndarray | None:
    """The column, or None where a server left entries of it open."""
    return None if column.null_count else _numbers(column)


def _codes(column: Any) -> tuple[np.ndarray, Sequence[str]]:
    """Equal numbers for equal texts, and the text of each number."""
    encoded = column.combine_chunks()
    return np.from_dlpack(encoded.indices).astype(np.int64), _Texts(encoded.dictionary)


class _Texts(Sequence[str]):
    """The texts of an Arrow array, each made when it is asked for: of a million, few are."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, number: Any) -> Any:
        return self._array[int(number)].as_py()


def _need_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401 — is it there?
    except ImportError as error:
        raise MissingExtraError("pyarrow", "tune", "Recording a sweep") from error


def _read_run(folder: Path) -> dict[str, Any]:
    file = folder / RUN_FILE
    try:
        run = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SourceError(f"there is no recording in {folder}: it has no {RUN_FILE}") from None
    except (OSError, ValueError) as problem:
        raise SourceError(f"{file} cannot be read ({problem})") from problem
    if not isinstance(run, dict) or run.get("format") != FORMAT:
        raise SourceError(f"{file} is not a recording of this version (its format is not {FORMAT!r})")
    return run


def _brief(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:60]}… ({len(text)} characters)"
