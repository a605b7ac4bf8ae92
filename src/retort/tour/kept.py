"""Finished tunings on disk, so that a second tour starts at once and an interrupted one goes on where it stopped.

A tuning is one JSON file named after a hash of everything that decides its numbers. Only models whose weights can be
fingerprinted are kept; any other source is asked again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from retort import __version__
from retort.files import write_json
from retort.sources.base import Source
from retort.tune import Task, Tuning

FORMAT = 2  # raise it when the same settings would give other numbers


def tuning_key(
    task: Task, source: Source, temperatures: Sequence[float], samples: int, seed: int
) -> str | None:
    """16 hex digits that change whenever the tuning's numbers would; None where the source cannot be fingerprinted."""
    model = getattr(source, "model", None)
    if model is None:
        return None
    from retort.distill.models import fingerprint

    decides = {
        "format": [FORMAT, __version__],
        "model": [source.name, fingerprint(model)],
        # The prompts as token ids: another tokenizer gives others.
        "prompts": [task.seen(source, item, p).ids for item in task.items for p in range(len(task.prompts))],
        "items": [[item.id, list(item.references)] for item in task.items],
        "task": [
            task.name, task.goal, task.max_tokens, list(task.stop), task.scorer.kind.name, repr(task.scorer.options)
        ],
        "settings": [list(temperatures), samples, seed],
    }  # fmt: skip
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]


def tuning_file(folder: Path, task: Task, key: str) -> Path:
    """Where the tuning with this key lies."""
    name = "".join(char if char.isalnum() or char in "-_" else "-" for char in task.name)
    return folder / f"tune-{name}-{key}.json"


def read_tuning(file: Path) -> Tuning | None:
    """The tuning in `file`; None where there is none, or it was not written by this version."""
    try:
        return Tuning.from_dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_tuning(file: Path, tuning: Tuning) -> None:
    """Keep the tuning, whole or not at all."""
    write_json(file, tuning.to_dict())
