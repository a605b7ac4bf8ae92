"""The sampling settings that a model brings along: what engines take from its files where the user sets nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from retort.files import read_object
from retort.sources.base import Source

FILE = "generation_config.json"


def own_settings(model: str | Source) -> Mapping[str, Any] | None:
    """The content of a model folder's generation_config.json, or what a source gives as `model_defaults`; else None.

    A source that is read from a GGUF file gives the metadata with the keys `general.sampling.*`. Raises InputError for
    a
    file that is not a JSON object.
    """
    given = getattr(model, "model_defaults", None)
    if given is not None:
        return dict(given)
    file = Path(model if isinstance(model, str) else model.name) / FILE
    return read_object(file) if file.is_file() else None
