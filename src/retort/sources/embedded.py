"""The models that come with the package: the trigrams of `english`, and folders in Hugging Face form.

Each folder under `src/retort/embedded/models/` is an ordinary model folder with one more file, `retort.json`,
written when the model was made: parameters, training_tokens, held_out_nll (nats a token), licence,
description.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from retort.errors import MissingExtraError, SourceError
from retort.sources.english import load_english, model_file
from retort.sources.model_folder import CONFIG_FILE, read_json_object

if TYPE_CHECKING:
    from retort.sources.base import Source

MODELS_FOLDER = Path(__file__).parent.parent / "embedded" / "models"
DESCRIPTION_FILE = "retort.json"


@dataclass(frozen=True)
class EmbeddedInfo:
    """What `retort models` says about one embedded model; None is not known."""

    name: str  # the MODEL string, "embedded:base"
    parameters: int
    size_bytes: int
    training_tokens: int | None
    held_out_nll: float | None  # nats a token, on text that no embedded model saw in training
    licence: str
    description: str


def embedded_models(folder: Path = MODELS_FOLDER) -> list[EmbeddedInfo]:
    """Every embedded model, `english` first, the others by name; raises SourceError for a damaged description."""
    found = [] if not folder.is_dir() else sorted(folder.iterdir())
    described = [_describe(model) for model in found if (model / DESCRIPTION_FILE).is_file()]
    try:
        return [_describe_english(), *described]
    except MissingExtraError:
        return described


def load_embedded(name: str, folder: Path = MODELS_FOLDER) -> Source:
    """The embedded model `name` ("english", "base", …); raises SourceError that lists the names there are."""
    if name == "english":
        return load_english()
    model = folder / name
    if not name or Path(name).name != name or not model.is_dir():
        names = ", ".join(f"embedded:{known}" for known in _names(folder))
        raise SourceError(f"There is no model embedded:{name}; the embedded models are {names}.")

    config = read_json_object(model / CONFIG_FILE, f"The embedded model {name} is damaged")
    from retort.sources.embedded_model import EmbeddedSource, is_plain

    if is_plain(config):
        return EmbeddedSource(model, f"embedded:{name}", config)
    from retort.sources.transformers import TransformersSource

    return TransformersSource(str(model), name=f"embedded:{name}")


def _names(folder: Path) -> list[str]:
    found = [] if not folder.is_dir() else sorted(folder.iterdir())
    return ["english", *(model.name for model in found if (model / DESCRIPTION_FILE).is_file())]


def _describe(model: Path) -> EmbeddedInfo:
    complaint = f"The embedded model {model.name} is damaged"
    record = read_json_object(model / DESCRIPTION_FILE, complaint)
    try:
        return EmbeddedInfo(
            name=f"embedded:{model.name}",
            parameters=int(record["parameters"]),
            size_bytes=sum(file.stat().st_size for file in model.iterdir() if file.is_file()),
            training_tokens=record["training_tokens"],
            held_out_nll=record["held_out_nll"],
            licence=str(record["licence"]),
            description=str(record["description"]),
        )
    except KeyError as error:
        raise SourceError(f"{complaint}: {DESCRIPTION_FILE} has no {error}.") from error


def _describe_english() -> EmbeddedInfo:
    table = load_english().table
    return EmbeddedInfo(
        name="embedded:english",
        parameters=table.num_entries,
        size_bytes=model_file().stat().st_size,
        training_tokens=None,
        held_out_nll=None,
        licence="BSD-2-Clause",
        description=(
            f"Trigrams of spoken English, {len(table.words):,} words, from the package pocketsphinx; needs no torch."
        ),
    )
