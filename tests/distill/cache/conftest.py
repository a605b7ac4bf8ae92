"""A tiny teacher and a text for captures; a capture takes a tenth of a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from retort.distill.cache import Manifest, capture
from tiny_models import TEXT, save_tiny_model


@pytest.fixture(scope="session")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_tiny_model(tmp_path_factory.mktemp("teacher"), seed=3, padding=4))


@pytest.fixture(scope="session")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Thirty documents, of which some have equal texts and one is longer than the teacher's context."""
    documents = [f"{TEXT[n % 4]} {'and so on ' * (n % 5)}" for n in range(29)] + [" ".join(TEXT * 6)]
    file = tmp_path_factory.mktemp("text") / "text.txt"
    file.write_text("\n\n".join([*documents, documents[0]]), encoding="utf-8")
    return str(file)


@pytest.fixture
def captured(teacher: str, text: str, tmp_path: Path) -> Callable[..., Manifest]:
    """A function that captures into `tmp_path / name`; keyword arguments go to `capture`."""

    def run(name: str = "cache", **options: Any) -> Manifest:
        capture(
            options.pop("teacher", teacher),
            options.pop("data", text),
            tmp_path / name,
            **{"shard_tokens": 150, "batch_tokens": 128, "codec": "sampled:20"} | options,
        )
        return Manifest.read(tmp_path / name)

    return run
