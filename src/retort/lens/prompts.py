"""Texts to measure models over: a file with one prompt a line, or definitions that come with the package."""

from __future__ import annotations

from pathlib import Path

from retort.errors import InputError
from retort.files import read_text

EMBEDDED = Path(__file__).resolve().parent.parent / "embedded" / "text" / "validation.txt"
NUM_DEFAULT = 20


def read_prompts(path: Path) -> list[str]:
    """The prompts of a file, one a line; empty lines do not count. Raises SourceError, InputError for none."""
    prompts = [line for line in read_text(path, f"the prompts {path}").split("\n") if line.strip()]
    if not prompts:
        raise InputError(f"{path} has no prompts; give one a line")
    return prompts


def default_prompts() -> list[str]:
    """The first held-out definitions of the embedded text: no embedded model saw them in training."""
    paragraphs = EMBEDDED.read_text(encoding="utf-8").split("\n\n")
    return [" ".join(paragraph.split()) for paragraph in paragraphs if paragraph.strip()][:NUM_DEFAULT]
