"""A model's tokenizer alone, where its weights are not needed or lie elsewhere."""

from __future__ import annotations

from typing import Any

from retort.errors import InputError


def open_tokenizer(name: str) -> Any:
    """The tokenizer of a folder, a hub id or an embedded model. Raises InputError where there is none."""
    if name.startswith("embedded:"):
        from retort.sources.load import load

        return getattr(load(name), "tokenizer")  # noqa: B009
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"tokenizer {name!r} cannot be opened: {' '.join(str(error).split())[:200]}; give the folder or hub id of"
            " a model with the teacher's tokenizer."
        ) from None
