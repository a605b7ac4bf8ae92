"""GGUF files: read once, multiplied out, and kept as a model folder in Hugging Face form.

In: a file. Out: `convert` writes config.json, model.safetensors in float32, tokenizer.json and the settings for
generating, which `llama.py` and transformers both read. Files of the Llama and Gemma 3 families are converted here; of
any other family transformers reads the file itself, which takes a minute.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. The head is read here, in 0.2 s for
SmolLM2, where the gguf library takes 9; the weights are multiplied out by that library.
"""

from __future__ import annotations

import json
import math
import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retort.errors import RetortError, SourceError
from retort.sources.model_cache import converted
from retort.sources.model_folder import GGUF_SAMPLING, check_gguf, first_line, need_gguf_library
from retort.sources.transformers import TransformersSource, byte_spelling

if TYPE_CHECKING:
    from retort.sources.base import Source

MAGIC, LENGTH = b"GGUF", struct.Struct("<Q")
STRING, ARRAY = 8, 9
# The value types 0 to 7 and 10 to 12, as struct writes them.
LETTER = dict(enumerate("BbHhIif?")) | {10: "Q", 11: "q", 12: "d"}
# What reading raises: the file ends too soon, a kind is unknown, a number is none or absurd, arrays nest deeply.
DAMAGE = (struct.error, LookupError, ValueError, TypeError, OverflowError, MemoryError, RecursionError)
CONTROL, USER_DEFINED = 3, 4  # token types
# Splitting texts before BPE as GPT-2 does. SmolLM splits digits too; no merge of it joins two, so that changes nothing.
GPT2_LIKE = frozenset({"gpt-2", "smollm", "default"})


@dataclass(frozen=True)
class Tensor:
    """Where a tensor lies in the file; `shape` as torch has it, the slowest index first."""

    shape: tuple[int, ...]
    kind: int
    start: int  # bytes from the beginning of the file


@dataclass(frozen=True)
class GgufFile:
    """The metadata of a file, parsed once, and where its tensors are."""

    path: Path
    metadata: Mapping[str, Any]
    tensors: Mapping[str, Tensor]

    @property
    def architecture(self) -> str:
        return str(self.metadata.get("general.architecture", "unknown"))

    def setting(self, key: str, default: Any = None) -> Any:
        """The value of a key below the architecture's name."""
        return self.metadata.get(f"{self.architecture}.{key}", default)


def parse(path: Path) -> GgufFile:
    """The head of a GGUF file of version 2 or 3. Raises SourceError for a file that is damaged."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return _parse(path, data)
        except DAMAGE as error:
            raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> SourceError:
    return SourceError(f"{path} cannot be loaded: its GGUF header is damaged ({first_line(error)}).")


def _parse(path: Path, data: mmap.mmap) -> GgufFile:
    head = _Head(data)
    magic, version, num_tensors, num_values = head.take("4sIQQ")
    if magic != MAGIC:
        raise ValueError("it does not begin with GGUF")
    if version not in (2, 3):
        raise ValueError(f"version {version}, and 2 and 3 are known")
    metadata: dict[str, Any] = {}
    for _ in range(num_values):
        key = head.text()
        metadata[key] = head.value(*head.take("I"))
    described: dict[str, Tensor] = {}
    for _ in range(num_tensors):
        name = head.text()
        (num_dimensions,) = head.take("I")
        *shape, kind, offset = head.take(f"{num_dimensions}QIQ")
        described[name] = Tensor(tuple(reversed(shape)), kind, offset)
    # Offsets count from where the tensors begin: behind the head, at the next multiple of the alignment.
    alignment = int(metadata.get("general.alignment", 32))
    if alignment < 1:
        raise ValueError(f"an alignment of {alignment}")
    start = -(-head.place // alignment) * alignment
    tensors = {name: replace(tensor, start=start + tensor.start) for name, tensor in described.items()}
    return GgufFile(path, metadata, tensors)


class _Head:
    """The values at the head of a file, read one behind the other."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data, self.place = data, 0

    def take(self, form: str) -> tuple[Any, ...]:
        """Numbers in struct's letters, little-endian and without gaps."""
        found = struct.unpack_from(f"<{form}", self.data, self.place)
        self.place += struct.calcsize(f"<{form}")
        return found

    def text(self) -> str:
        # Not by `take`: nearly all that a head holds are texts, in SmolLM2 98,000 tokens and merges.
        (length,) = LENGTH.unpack_from(self.data, self.place)
        start, self.place = self.place + 8, self.place + 8 + length
        if self.place > len(self.data):
            raise ValueError(f"a text of {length:,} bytes at byte {start:,}")
        return self.data[start : self.place].decode("utf-8")

    def value(self, kind: int) -> Any:
        if kind == STRING:
            return self.text()
        if kind != ARRAY:
            return self.take(LETTER[kind])[0]
        inner, count = self.take("IQ")
        # A damaged count would be allocated before the end of the file is met. Every value takes a byte at least.
        if count > len(self.data) - self.place:
            raise ValueError(f"an array of {count:,} values at byte {self.place:,}")
        if inner in (STRING, ARRAY):
            return [self.value(inner) for _ in range(count)]
        values = np.frombuffer(self.data, f"<{LETTER[inner]}", count, self.place)
        self.place += values.nbytes
        return values.tolist()


BLOCKS_AT_ONCE = 1 << 12  # of 32 numbers: half a MB, which stays in the processor's cache


def dequantise(data: NDArray[np.uint8], tensor: Tensor) -> NDArray[np.float32]:
    """The numbers of a tensor in float32; `data` is the whole file. Raises SourceError for a type without a rule."""
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, dequantize

    try:
        kind = GGMLQuantizationType(tensor.kind)
        numbers, size = GGML_QUANT_SIZES[kind]  # of a block
        out = np.empty((math.prod(tensor.shape) // numbers, numbers), np.float32)
        blocks = data[tensor.start : tensor.start + len(out) * size].reshape(len(out), size)
        for first in range(0, len(out), BLOCKS_AT_ONCE):
            part = blocks[first : first + BLOCKS_AT_ONCE]
            # As one long row: the library goes 16 rows at a time, which is slow for short ones.
            out[first : first + len(part)] = dequantize(part.reshape(1, -1), kind).reshape(len(part), numbers)
    except (ValueError, NotImplementedError) as error:
        raise SourceError(
            f"Weights of GGUF's type {tensor.kind} cannot be multiplied out ({error})."
        ) from None
    return out.reshape(tensor.shape)


# --- The folder.

# What Gemma 3's files do not say: every sixth layer sees the whole text, the others turn with a base of their own
# (transformers' Gemma3TextConfig: sliding_window_pattern, rope_local_base_freq).
GEMMA_PATTERN, GEMMA_LOCAL_BASE = 6, 10000.0
OUTER = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}
HEAD = {"output.weight": "lm_head.weight"}
LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
LAYERS = {
    "llama": LAYER | {"ffn_norm": "post_attention_layernorm"},
    "gemma3": LAYER
    | {
        "attn_q_norm": "self_attn.q_norm",
        "attn_k_norm": "self_attn.k_norm",
        "post_attention_norm": "post_attention_layernorm",
        "ffn_norm": "pre_feedforward_layernorm",
        "post_ffw_norm": "post_feedforward_layernorm",
    },
}


def open_gguf(path: str, name: str | None = None) -> Source:
    """The source of a GGUF file. Raises SourceError for a file that is none, or that no reader here knows."""
    name = name or path
    folder = _converted(parse(check_gguf(path)))
    if folder is None:
        return TransformersSource(path, name=name)
    from retort.sources.llama import open_folder

    return open_folder(folder, name)


def _converted(file: GgufFile) -> Path | None:
    """The converted model; None where it cannot be converted here, or the disk has no room for it."""
    numbers = sum(math.prod(tensor.shape) for tensor in file.tensors.values())
    try:
        if not can_convert(file):
            return None
        return converted(file.path, 4 * numbers, lambda folder: convert(file, folder))
    except (RetortError, OSError):
        raise
    # A setting that is missing or of another kind; tokenizers raises plain Exceptions.
    except Exception as error:
        raise _damaged(file.path, error) from error


def can_convert(file: GgufFile) -> bool:
    """Whether `convert` knows everything that is in the file."""
    return (
        _names(file) is not None
        and not any(".rope.scaling." in key or key.endswith("expert_count") for key in file.metadata)
        and _has_known_tokenizer(file)
    )


def convert(file: GgufFile, folder: Path) -> None:
    """Write the model in `file` to `folder`, in Hugging Face form. Call it where `can_convert` says so."""
    from safetensors.numpy import save_file

    need_gguf_library(str(file.path))
    names = _names(file)
    assert names is not None
    config = _config(file)
    data = np.memmap(file.path, np.uint8, "r")
    weights = {}
    for name, tensor in file.tensors.items():
        values = dequantise(data, tensor)
        if file.architecture == "llama" and (".attn_q." in name or ".attn_k." in name):
            heads = config["num_attention_heads" if ".attn_q." in name else "num_key_value_heads"]
            values = _halves_of_heads(values, heads)
        elif file.architecture == "gemma3" and name.endswith("norm.weight"):
            # transformers multiplies by 1 + weight (Gemma3RMSNorm), llama.cpp by what stands in the file.
            values = values - np.float32(1)
        weights[names[name]] = values
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    _write_json(folder / "config.json", config)
    _write_json(folder / "generation_config.json", _generation(file))
    _tokenizer(file).save(str(folder / "tokenizer.json"))
    _write_json(folder / "tokenizer_config.json", _tokenizer_config(file))


def sampling_defaults(file: GgufFile) -> dict[str, Any]:
    """What the file says that llama.cpp samples with: its metadata `general.sampling.*`, as chain/engines reads it."""
    return {key: value for key, value in file.metadata.items() if key.startswith(GGUF_SAMPLING)}


def _halves_of_heads(values: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Rows of each head as transformers turns them, first halves before second; llama.cpp keeps the pairs together.

    The inverse of `permute` in llama.cpp's conversion of Llama models (conversion/llama.py).
    """
    size = len(values) // heads
    pairs = values.reshape(heads, size // 2, 2, -1).swapaxes(1, 2)
    return np.ascontiguousarray(pairs.reshape(values.shape))


def _names(file: GgufFile) -> dict[str, str] | None:
    """llama.cpp's name of every tensor → transformers'; None where the file has others or lacks one."""
    layer, blocks = LAYERS.get(file.architecture), file.setting("block_count", 0)
    if layer is None:
        return None
    names = dict(OUTER)
    for number in range(blocks):
        names |= {f"blk.{number}.{a}.weight": f"model.layers.{number}.{b}.weight" for a, b in layer.items()}
    if "output.weight" in file.tensors:
        names |= HEAD
    # Exactly these: a tensor more, such as a bias or a factor of the rotation, makes another network.
    return names if names.keys() == file.tensors.keys() else None


def _config(file: GgufFile) -> dict[str, Any]:
    heads, width = _whole(file, "attention.head_count"), _whole(file, "embedding_length")
    vocab = file.tensors["token_embd.weight"].shape[0]
    config: dict[str, Any] = {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": "output.weight" not in file.tensors,
        "hidden_size": width,
        "intermediate_size": _whole(file, "feed_forward_length"),
        "num_hidden_layers": _whole(file, "block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": _whole(file, "attention.head_count_kv", heads),
        "head_dim": int(
            file.setting("attention.key_length") or file.setting("rope.dimension_count") or width // heads
        ),
        "max_position_embeddings": _whole(file, "context_length"),
        "rms_norm_eps": float(file.setting("attention.layer_norm_rms_epsilon")),
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": float(file.setting("rope.freq_base", 10000.0)),
        },
        "vocab_size": vocab,
        "dtype": "float32",
        **{f"{name}_token_id": _token_id(file, kind) for name, kind in MARKERS.items()},
    }
    if file.architecture == "gemma3":
        kinds = [
            "full_attention" if (number + 1) % GEMMA_PATTERN == 0 else "sliding_attention"
            for number in range(config["num_hidden_layers"])
        ]
        config |= {
            "model_type": "gemma3_text",
            "architectures": ["Gemma3ForCausalLM"],
            "hidden_activation": "gelu_pytorch_tanh",
            "query_pre_attn_scalar": config["head_dim"],
            "sliding_window": _whole(file, "attention.sliding_window"),
            "layer_types": kinds,
            "rope_parameters": {
                "full_attention": config["rope_parameters"],
                "sliding_attention": {"rope_type": "default", "rope_theta": GEMMA_LOCAL_BASE},
            },
        }
        del config["hidden_act"], config["mlp_bias"]
    return config


MARKERS = {"bos": "bos", "eos": "eos", "pad": "padding"}


def _whole(file: GgufFile, key: str, default: int | None = None) -> int:
    value = file.setting(key, default)
    if not isinstance(value, int):  # some files have one number for each layer
        raise ValueError(f"{file.architecture}.{key} is {str(value)[:40]}, and one whole number is needed")
    return value


def _token_id(file: GgufFile, name: str) -> int | None:
    return file.metadata.get(f"tokenizer.ggml.{name}_token_id")


def _generation(file: GgufFile) -> dict[str, Any]:
    ends = {number for name in ("eos", "eot") if (number := _token_id(file, name)) is not None}
    markers = {"bos_token_id": _token_id(file, "bos"), "eos_token_id": sorted(ends) or None}
    return {key: value for key, value in markers.items() if value is not None} | sampling_defaults(file)


def _has_known_tokenizer(file: GgufFile) -> bool:
    kind = file.metadata.get("tokenizer.ggml.model")
    if kind == "gpt2":
        return file.metadata.get("tokenizer.ggml.pre", "default") in GPT2_LIKE
    return bool(kind == "llama" and file.architecture == "gemma3")


def _tokenizer(file: GgufFile) -> Any:
    """The tokenizer that the metadata describes, as transformers builds it."""
    from tokenizers import AddedToken, processors

    tokens: list[str] = file.metadata["tokenizer.ggml.tokens"]
    byte_level = file.metadata["tokenizer.ggml.model"] == "gpt2"
    made = _byte_level(file, tokens) if byte_level else _gemma(file, tokens)
    spelling = set(byte_spelling().values()) if byte_level else None
    kinds = file.metadata.get("tokenizer.ggml.token_type") or []
    special, plain = [], []
    for token, kind in zip(tokens, kinds, strict=False):
        # A marker that the vocabulary spells by bytes is not known under its own text; adding it would make a new id.
        if kind == CONTROL and (spelling is None or set(token) <= spelling):
            special.append(AddedToken(token, normalized=False, special=True))
        elif kind == USER_DEFINED and made.token_to_id(token) is not None:
            plain.append(AddedToken(token, normalized=False, special=False))
    made.add_special_tokens(special)
    made.add_tokens(plain)
    start = _token_id(file, "bos")
    if start is not None and file.metadata.get("tokenizer.ggml.add_bos_token", not byte_level):
        made.post_processor = processors.TemplateProcessing(
            single=f"{tokens[start]} $A",
            pair=f"{tokens[start]} $A $B",
            special_tokens=[(tokens[start], start)],
        )
    return made


def _byte_level(file: GgufFile, tokens: list[str]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    spelling = byte_spelling()
    alphabet = set(spelling.values())
    vocab = {
        token if set(token) <= alphabet else "".join(spelling[byte] for byte in token.encode()): number
        for number, token in enumerate(tokens)
    }
    merges = [tuple(merge.split(" ")) for merge in file.metadata["tokenizer.ggml.merges"]]
    made = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return made


def _gemma(file: GgufFile, tokens: list[str]) -> Any:
    """SentencePiece as BPE. The file lists no merges; they follow from the order of the tokens, which is theirs."""
    from tokenizers import Tokenizer, decoders, models, normalizers

    # A run of spaces is stored as it is, and looked up with the sign for a space.
    tokens = ["▁" * len(t) if " " in t and not t.strip() else t for t in tokens]
    vocab = {token: number for number, token in enumerate(tokens)}
    merges: list[tuple[str, str]] = []
    for token in tokens:
        # The longer left part first, as transformers orders them (tokenization_utils_base.py, `generate_merges`).
        splits = [(token[:place], token[place:]) for place in range(len(token) - 1, 0, -1)]
        merges += [pair for pair in splits if pair[0] in vocab and pair[1] in vocab]
    unknown = tokens[_token_id(file, "unknown") or 0]
    made = Tokenizer(
        models.BPE(vocab=vocab, merges=merges, fuse_unk=True, unk_token=unknown, byte_fallback=True)
    )
    made.normalizer = normalizers.Replace(" ", "▁")
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    return made


def _tokenizer_config(file: GgufFile) -> dict[str, Any]:
    tokens = file.metadata["tokenizer.ggml.tokens"]
    ids = {name: _token_id(file, kind) for name, kind in (MARKERS | {"unk": "unknown"}).items()}
    config = {f"{name}_token": tokens[number] for name, number in ids.items() if number is not None}
    config |= {"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
    template = file.metadata.get("tokenizer.chat_template")
    return config | ({"chat_template": template} if template else {})


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1), encoding="utf-8")
