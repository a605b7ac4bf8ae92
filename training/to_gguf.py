"""Write a Llama model in Hugging Face form as one GGUF file, the format of llama.cpp.

    python training/to_gguf.py embedded:base base.gguf
    python training/to_gguf.py path/to/model model.gguf --type q8_0

For Llama models with a byte-level BPE tokenizer, which all neural models of retort are. f32 holds their float16 weights
without loss and lets llama.cpp multiply in float32; f16 holds them without loss too, but the products are then rounded.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from safetensors.numpy import load_file

TYPES = {
    "f32": gguf.GGMLQuantizationType.F32,
    "f16": gguf.GGMLQuantizationType.F16,
    "q8_0": gguf.GGMLQuantizationType.Q8_0,
}
FILE_TYPES = {
    "f32": gguf.LlamaFileType.ALL_F32,
    "f16": gguf.LlamaFileType.MOSTLY_F16,
    "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
}

# Hugging Face's name of a layer's tensor → llama.cpp's.
LAYER_TENSORS = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
OUTER_TENSORS = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}


def convert(folder: Path, out: Path, kind: str = "f32") -> Path:
    """Write the model in `folder` to the file `out`; returns `out`."""
    config = json.loads((folder / "config.json").read_text())
    if config["model_type"] != "llama":
        raise SystemExit(f"{folder} is a {config['model_type']} model; this converts Llama models only.")
    writer = gguf.GGUFWriter(out, "llama")
    _write_settings(writer, config, folder.name, kind)
    _write_tokenizer(writer, folder, config)
    for name, tensor in sorted(load_file(folder / "model.safetensors").items()):
        _write_tensor(writer, name, tensor, config, kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return out


def _write_settings(writer: gguf.GGUFWriter, config: dict[str, Any], name: str, kind: str) -> None:
    writer.add_name(name)
    writer.add_file_type(FILE_TYPES[kind])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])


def _write_tokenizer(writer: gguf.GGUFWriter, folder: Path, config: dict[str, Any]) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    ids = tokenizer["model"]["vocab"] | {t["content"]: t["id"] for t in tokenizer["added_tokens"]}
    special = {t["id"] for t in tokenizer["added_tokens"] if t["special"]}
    by_id = {token_id: token for token, token_id in ids.items()}
    tokens = [by_id.get(token_id, f"[unused{token_id}]") for token_id in range(config["vocab_size"])]
    control, unused, normal = gguf.TokenType.CONTROL, gguf.TokenType.UNUSED, gguf.TokenType.NORMAL
    kinds = [control if i in special else normal if i in by_id else unused for i in range(len(tokens))]
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in tokenizer["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    # The template of tokenizer.json puts the start marker in front.
    writer.add_add_bos_token("TemplateProcessing" in json.dumps(tokenizer["post_processor"]))
    template = folder / "chat_template.jinja"
    if template.is_file():
        writer.add_chat_template(template.read_text())


def _write_tensor(
    writer: gguf.GGUFWriter, name: str, tensor: np.ndarray, config: dict[str, Any], kind: str
) -> None:
    values = tensor.astype(np.float32)
    stem = name.removesuffix(".weight")
    if stem in OUTER_TENSORS:
        written = OUTER_TENSORS[stem]
    else:
        _, _, layer, stem = stem.split(".", 3)
        written = f"blk.{layer}.{LAYER_TENSORS[stem]}"
        heads = {"attn_q": "num_attention_heads", "attn_k": "num_key_value_heads"}.get(LAYER_TENSORS[stem])
        if heads:
            values = _interleaved(values, config[heads])
    # Norms are vectors and stay float32 in every file.
    to = TYPES[kind] if values.ndim == 2 else gguf.GGMLQuantizationType.F32
    writer.add_tensor(f"{written}.weight", gguf.quants.quantize(values, to), raw_dtype=to)


def _interleaved(weights: np.ndarray, heads: int) -> np.ndarray:
    """`weights` `[heads · size, width]` with each head's rows in llama.cpp's order: rotary pairs side by side, where
    Hugging Face keeps first halves before second halves.
    """
    size = weights.shape[0] // heads
    return weights.reshape(heads, 2, size // 2, -1).swapaxes(1, 2).reshape(weights.shape)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a Llama model as one GGUF file.")
    parser.add_argument("model", help="embedded:NAME, or a folder in Hugging Face form")
    parser.add_argument("out", type=Path, help="the .gguf file to write")
    parser.add_argument(
        "--type", choices=list(TYPES), default="f32", help="how matrices are stored (default: f32)"
    )
    arguments = parser.parse_args()
    folder = Path(arguments.model)
    if arguments.model.startswith("embedded:"):
        from retort.sources.embedded import MODELS_FOLDER

        folder = MODELS_FOLDER / arguments.model.removeprefix("embedded:")
    if not (folder / "config.json").is_file():
        raise SystemExit(f"{arguments.model} is no model folder; there is no {folder / 'config.json'}.")
    out = convert(folder, arguments.out, arguments.type)
    print(f"{out}: {out.stat().st_size:,} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
