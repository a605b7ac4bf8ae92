"""From a model's name to a folder in Hugging Face form, checked before any heavy library is imported.

Everything that can be known from the list of files is said here, so that a mistake costs a fraction of a
second and one sentence, not the ten seconds of importing torch and a traceback.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from retort.errors import MissingExtraError, SourceError
from retort.files import read_object, refuse_pointer

CONFIG_FILE = "config.json"
GENERATION_FILE = "generation_config.json"
GGUF_SAMPLING = "general.sampling."  # how the keys of a GGUF file's own settings begin
ADAPTER_FILE = "adapter_config.json"
SAMPLING_KEYS = frozenset(
    {"do_sample", "temperature", "top_k", "top_p", "min_p", "top_h", "typical_p", "epsilon_cutoff",
     "eta_cutoff", "repetition_penalty", "encoder_repetition_penalty", "no_repeat_ngram_size",
     "presence_penalty", "frequency_penalty", "num_beams", "penalty_alpha"}
)  # fmt: skip
# Any one of these makes a tokenizer; without this check some are built empty, in silence.
TOKENIZER_FILES = (
    "tokenizer.json", "tokenizer.model", "tekken.json", "vocab.json", "vocab.txt", "spiece.model",
    "sentencepiece.bpe.model", "*.tiktoken",
)  # fmt: skip
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
GGUF_ENDING, GGUF_MAGIC = ".gguf", b"GGUF"
HUB_TIMEOUT = 5.0  # seconds to wait for the hub's first answer before the local cache is tried
HUB_FILES = ("*.json", "*.safetensors", "*.model", "*.txt", "*.tiktoken", "*.jinja")
# Second copies of the weights and other formats, in subfolders or under other names.
HUB_FILES_SKIPPED = ("*/*", "consolidated*", "*.fp16.*", "*.bf16.*")


def find_model_folder(name: str, *, trust_remote_code: bool = False, allow_pickle: bool = False) -> Path:
    """The checked local folder of `name`: a folder, or a hub id whose files are fetched or found in the cache.

    Raises SourceError for a name that is neither, and for a folder that lacks the configuration, the
    tokenizer, or weights in safetensors (`allow_pickle` admits .bin, `trust_remote_code` admits the folder's
    own Python files).
    """
    path = Path(name).expanduser()
    if path.is_file():
        raise SourceError(
            f"{name} is a file, not a model; give the folder that holds config.json, or logits:{name} for a "
            "JSON file with one row of logits."
        )
    if not path.is_dir():
        if not HUB_ID.fullmatch(name):
            raise SourceError(
                f"There is no folder {name}; give a local model folder, a hub id such as org/model, "
                "embedded:NAME or logits:FILE."
            )
        path = fetch_from_hub(name, trust_remote_code=trust_remote_code, allow_pickle=allow_pickle)
    check_model_folder(path, name, allow_pickle=allow_pickle)
    return path


@dataclass(frozen=True)
class Adapter:
    """A LoRA or other PEFT folder, and the model that it changes."""

    folder: Path
    base: str


def find_adapter(name: str) -> Adapter | None:
    """The adapter in the folder `name`, where peft can load it with its base; None for any other folder.

    A base that is a relative path is looked for beside the adapter too.
    """
    folder = Path(name).expanduser()
    if (folder / CONFIG_FILE).exists() or not (folder / ADAPTER_FILE).exists() or find_spec("peft") is None:
        return None
    base = _adapter_base(folder, name)
    if not isinstance(base, str) or not base:
        raise SourceError(
            f"The adapter {name} does not name its base model; its {ADAPTER_FILE} needs base_model_name_or_path."
        )
    beside = folder / base
    return Adapter(folder, str(beside) if beside.is_dir() and not Path(base).is_dir() else base)


def _adapter_base(folder: Path, name: str) -> Any:
    said = read_json_object(folder / ADAPTER_FILE, f"The adapter {name} is damaged")
    return said.get("base_model_name_or_path")


def find_gguf(name: str) -> Path | None:
    """The checked file that transformers shall read, None where `name` does not end in .gguf.

    Raises SourceError as `check_gguf`, and MissingExtraError without the gguf library, which transformers needs for it.
    """
    if not name.lower().endswith(GGUF_ENDING):
        return None
    path = check_gguf(name)
    need_gguf_library(name)
    return path


def need_gguf_library(name: str) -> None:
    """Raise MissingExtraError without the library that multiplies the weights of `name` out."""
    if find_spec("gguf") is None:
        raise MissingExtraError("gguf", "gguf", f"Reading {name}")


def check_gguf(name: str) -> Path:
    """The path of a GGUF file; raises SourceError for a file that is missing or no GGUF."""
    path = Path(name).expanduser()
    if not path.is_file():
        raise SourceError(f"There is no file {name}; give a local GGUF file.")
    with path.open("rb") as file:
        if file.read(len(GGUF_MAGIC)) != GGUF_MAGIC:
            raise SourceError(f"{name} is not a GGUF file: it does not begin with GGUF.")
    return path


def fetch_from_hub(hub_id: str, *, trust_remote_code: bool = False, allow_pickle: bool = False) -> Path:
    """The folder of the cached snapshot of `hub_id`, brought up to date first where the hub can be reached.

    HF_HUB_OFFLINE, HF_TOKEN, HF_HOME and the other variables of huggingface_hub apply. Raises SourceError.
    """
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError, RepositoryNotFoundError
    except ImportError as error:
        raise MissingExtraError("huggingface_hub", "models", f"Loading the model {hub_id}") from error
    patterns = list(HUB_FILES) + ["*.py"] * trust_remote_code + ["pytorch_model*.bin"] * allow_pickle
    try:
        return Path(
            snapshot_download(
                hub_id,
                allow_patterns=patterns,
                ignore_patterns=list(HUB_FILES_SKIPPED),
                etag_timeout=HUB_TIMEOUT,
            )
        )
    except GatedRepoError as error:
        raise SourceError(
            f"The hub model {hub_id} is gated: accept its terms on the hub and set HF_TOKEN."
        ) from error
    except RepositoryNotFoundError as error:
        raise SourceError(
            f"The hub has no public model {hub_id}; check the spelling, or set HF_TOKEN if it is private."
        ) from error
    except LocalEntryNotFoundError as error:
        raise SourceError(
            f"{hub_id} is neither a local folder nor in the local cache, and the hub cannot be reached "
            "(no network, or HF_HUB_OFFLINE is set); give a local folder or connect."
        ) from error
    except Exception as error:  # the library's network stack has no common base class
        raise SourceError(f"The hub model {hub_id} cannot be fetched: {first_line(error)}") from error


def check_model_folder(folder: Path, name: str, *, allow_pickle: bool = False) -> None:
    """Raise SourceError where `folder` cannot be a causal language model with its tokenizer."""
    if not (folder / CONFIG_FILE).exists() and (folder / ADAPTER_FILE).exists():
        raise SourceError(
            f"{name} is an adapter of {_adapter_base(folder, name)}, not a model of its own; install it with its base: "
            "pip install 'retort-lm[peft]', or merge the two with peft's merge_and_unload and save the result."
        )
    config = read_json_object(folder / CONFIG_FILE, f"The folder {name} is not a model")
    if not config.get("model_type") and "auto_map" not in config:
        raise SourceError(f"The folder {name} is not a model: its {CONFIG_FILE} has no model_type.")
    masked = [a for a in config.get("architectures") or [] if str(a).endswith("ForMaskedLM")]
    if masked:
        raise SourceError(
            f"{name} is a masked language model ({masked[0]}): it fills gaps and has no next-token "
            f"distribution; give a causal language model."
        )
    need_any(folder, name, "weights", "model.safetensors", "*.safetensors", "*.bin")
    if not has_any(folder, "*.safetensors") and not allow_pickle:
        raise SourceError(
            f"The weights of {name} are pickle files (.bin), which can run any code when they are opened; "
            "convert them to safetensors, or pass allow_pickle=True to retort.load if you trust them."
        )
    for file in folder.iterdir():
        if file.suffix in (".safetensors", ".json", ".model", ".bin"):
            refuse_pointer(file, f"{file.name} of {name}")
    need_any(folder, name, "tokenizer", "tokenizer.json", *TOKENIZER_FILES)


def read_json_object(file: Path, complaint: str) -> dict[str, Any]:
    """The JSON object in `file`; SourceError beginning with `complaint` where there is none."""
    if not file.exists():
        raise SourceError(f"{complaint}: it has no {file.name}.")
    return read_object(file, f"{complaint}: {file.name}")


def read_generation_config(folder: Path) -> dict[str, Any]:
    """What generation_config.json says, {} where there is none. Raises SourceError for a file that is damaged."""
    file = folder / GENERATION_FILE
    return read_json_object(file, f"The model in {folder} is damaged") if file.exists() else {}


def sampling_settings(generation: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of generation_config.json that change what is drawn: no token ids, lengths or versions.

    The file of a converted GGUF model holds that file's own keys, `general.sampling.*`.
    """
    return {
        key: value
        for key, value in generation.items()
        if (key in SAMPLING_KEYS or key.startswith(GGUF_SAMPLING)) and value is not None
    }


def need_any(folder: Path, name: object, what: str, best: str, *patterns: str) -> None:
    """Raise SourceError, which asks for the file `best`, where no file of the folder fits any of the patterns."""
    if not has_any(folder, *patterns):
        raise SourceError(f"The folder {name} has no {what}; it should hold {best}.")


def package_file(package: str, pattern: str) -> Path | None:
    """The first file that fits in the folder of an installed package, which is found and never imported."""
    spec = find_spec(package)
    folders = [] if spec is None else spec.submodule_search_locations or []
    return next((file for folder in folders for file in sorted(Path(folder).glob(pattern))), None)


def has_any(folder: Path, *patterns: str) -> bool:
    return any(next(folder.glob(pattern), None) is not None for pattern in patterns)


def first_line(error: BaseException) -> str:
    """What other libraries say in a paragraph, in one line."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
