"""`retort models`: what comes with retort, and what was converted once and kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import click

from retort.blocks import Block, Column, line, table
from retort.cli.exporting import exporting_options
from retort.cli.grammar import group, option, verb
from retort.numerals import NONE, megabytes, number
from retort.records import Record
from retort.sources.embedded import EmbeddedInfo
from retort.sources.model_cache import CachedModel

TRILLION = 10**12


@dataclass(frozen=True, repr=False)
class Models(Record):
    """The models that have a name."""

    models: tuple[EmbeddedInfo, ...]

    def table_rows(self) -> list[dict[str, Any]]:
        return [asdict(model) for model in self.models]

    def blocks(self) -> Iterator[Block]:
        yield table(
            ("model", ">parameters", ">size", ">tokens trained", ">held-out nats/token", "licence"),
            (
                (
                    model.name, _count(model.parameters), megabytes(model.size_bytes), _count(model.training_tokens),
                    number(model.held_out_nll), model.licence,
                )
                for model in self.models
            ),
        )  # fmt: skip
        for model in self.models:
            yield line(f"{model.name}: {model.description}", whole=True)
            yield line(f"    origin: {model.origin}", whole=True)
            if model.needs:
                state = "installed" if model.installed else "not installed"
                yield line(f"    needs {model.needs} ({state})", whole=True)
        yield line(
            "Type one as MODEL, for instance: retort look embedded:smollm2 'The capital of Australia is'"
        )


@dataclass(frozen=True, repr=False)
class ConvertedModels(Record):
    """Models that were converted once, in `folder`; `cleared`: they were deleted by this command."""

    folder: str
    cleared: bool
    models: tuple[CachedModel, ...]
    size_bytes: int

    def table_rows(self) -> list[dict[str, Any]]:
        return [{**asdict(model), "folder": str(model.folder)} for model in self.models]

    def blocks(self) -> Iterator[Block]:
        rows = [(megabytes(model.size_bytes), model.origin) for model in self.models]
        said = "deleted" if self.cleared else "kept"
        yield table(
            (">", Column(fold=True)), [*rows, (megabytes(self.size_bytes), f"{said} in {self.folder}")]
        )


@verb(examples=("retort models", "retort models --cache --clear"))
@group(
    "Converted models",
    option("--cache", "List converted models in the cache, with their sizes."),
    option("--clear", "With --cache: delete them all."),
)
@group("Output", exporting_options("models"))
def models(cache: bool, clear: bool) -> Record:
    """List the models that come with retort: size, licence, origin, training and what each needs."""
    from retort.sources.embedded import embedded_models
    from retort.sources.model_cache import cache_folder, cached_models, clear_cache

    if clear and not cache:
        raise click.UsageError("--clear deletes converted models; give it with --cache.")
    if not cache:
        return Models(tuple(embedded_models()))
    entries = tuple(clear_cache() if clear else cached_models())
    total = sum(entry.size_bytes for entry in entries)
    return ConvertedModels(str(cache_folder()), clear, entries, total)


def _count(count: int | None) -> str:
    if count is None:
        return NONE
    return f"{count / TRILLION:g} trillion" if count >= TRILLION else f"{count:,}"
