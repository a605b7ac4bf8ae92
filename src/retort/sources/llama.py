"""The forward pass of a plain Llama in torch alone, so that an embedded model answers as soon as torch is there.

transformers' class for the same model takes longer to import than torch itself (it brings torch's compiler, its
distributed tensors, sympy and scipy). These are its operations in its order, so the logits are the same to the last
bit; tests/sources/test_embedded_model.py holds the two side by side. Touvron et al. 2023, arXiv:2302.13971.

Shapes: R rows, H heads, D numbers of a head, T columns of the texts, S of them new, E numbers of a token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

LAYER = "model.layers.{}."


@dataclass
class Columns:
    """The keys and values of one layer `[R, H, T, D]`, None before the first token."""

    keys: torch.Tensor | None = None
    values: torch.Tensor | None = None

    def grown(self, keys: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """All columns, after these have been added."""
        self.keys = keys if self.keys is None else torch.cat([self.keys, keys], dim=2)
        self.values = values if self.values is None else torch.cat([self.values, values], dim=2)
        return self.keys, self.values


@dataclass
class ColumnCache:
    """The columns of every layer. No layer forgets any, so that they can be moved and taken back."""

    layers: list[Columns]

    def reorder_cache(self, rows: torch.Tensor) -> None:
        """Make `rows` of the batch the new batch."""
        for layer in self.layers:
            if layer.keys is not None and layer.values is not None:
                layer.keys = layer.keys.index_select(0, rows)
                layer.values = layer.values.index_select(0, rows)


@dataclass
class Answer:
    """`[R, columns, V]` logits of the last columns, and the cache with the new columns in it."""

    logits: torch.Tensor
    past_key_values: ColumnCache = field(repr=False)


class Llama:
    """A Llama in float32 on the CPU. Called as transformers' model is, as far as a decoder calls it."""

    def __init__(self, config: Mapping[str, Any], weights: Mapping[str, torch.Tensor]) -> None:
        """`config` as `embedded_model.is_plain` takes it. Raises KeyError for a weight that is missing."""
        self.head_dim, self.eps = int(config["head_dim"]), float(config["rms_norm_eps"])
        places = torch.arange(0, self.head_dim, 2, dtype=torch.float)
        self.frequencies = 1.0 / (float(config["rope_parameters"]["rope_theta"]) ** (places / self.head_dim))
        self.embedding = weights["model.embed_tokens.weight"].float()
        self.norm = weights["model.norm.weight"].float()
        self.layers = [
            {
                name: weights[f"{LAYER.format(number)}{name}.weight"].float()
                for name in (
                    "input_layernorm",
                    *(f"self_attn.{part}_proj" for part in "qkvo"),
                    "post_attention_layernorm",
                    *(f"mlp.{part}_proj" for part in ("gate", "up", "down")),
                )
            }
            for number in range(int(config["num_hidden_layers"]))
        ]

    @classmethod
    def read(cls, folder: Path, config: Mapping[str, Any]) -> Llama:
        """The model of a folder. Raises what safetensors does for a damaged file, KeyError for a missing weight."""
        from safetensors.torch import load_file

        return cls(config, load_file(folder / "model.safetensors"))

    def __call__(self, **arguments: Any) -> Answer:
        return self.forward(**arguments)

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        position_ids: torch.Tensor,
        past_key_values: ColumnCache | None = None,
        logits_to_keep: int = 0,
        use_cache: bool = True,
    ) -> Answer:
        """Read the columns `input_ids` `[R, S]` behind those of the cache; `attention_mask` `[R, T]`, 0 for padding."""
        cache = past_key_values or ColumnCache([Columns() for _ in self.layers])
        states_RSE = functional.embedding(input_ids, self.embedding)
        angles = position_ids[..., None].float() * self.frequencies
        angles = torch.cat((angles, angles), dim=-1)[:, None]
        turn = angles.cos(), angles.sin()
        mask = _mask(attention_mask.bool(), input_ids.shape[1])
        for layer, columns in zip(self.layers, cache.layers, strict=True):
            normed = self._normed(states_RSE, layer["input_layernorm"])
            states_RSE = states_RSE + self._attention(layer, normed, turn, mask, columns)
            normed = self._normed(states_RSE, layer["post_attention_layernorm"])
            gate = functional.silu(functional.linear(normed, layer["mlp.gate_proj"]))
            up = functional.linear(normed, layer["mlp.up_proj"])
            states_RSE = states_RSE + functional.linear(gate * up, layer["mlp.down_proj"])
        states_RSE = self._normed(states_RSE, self.norm)[:, -logits_to_keep:]
        # Contiguous, so that torch takes one product of matrices, as it does for weights that could be trained, and not
        # a product a row, which rounds in another way.
        return Answer(functional.linear(states_RSE.contiguous(), self.embedding), cache)

    def _normed(self, states: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return weight * (states * torch.rsqrt(states.pow(2).mean(-1, keepdim=True) + self.eps))

    def _attention(
        self,
        layer: Mapping[str, torch.Tensor],
        states_RSE: torch.Tensor,
        turn: tuple[torch.Tensor, torch.Tensor],
        mask: torch.Tensor | None,
        columns: Columns,
    ) -> torch.Tensor:
        num_rows, num_new, _ = states_RSE.shape
        queries, keys, values = (
            functional.linear(states_RSE, layer[f"self_attn.{part}_proj"])
            .view(num_rows, num_new, -1, self.head_dim)
            .transpose(1, 2)
            for part in "qkv"
        )
        keys, values = columns.grown(_turned(keys, *turn), values)
        mixed = functional.scaled_dot_product_attention(
            _turned(queries, *turn),
            keys,
            values,
            attn_mask=mask,
            is_causal=mask is None and num_new > 1,
            scale=self.head_dim**-0.5,
        )
        together = mixed.transpose(1, 2).reshape(num_rows, num_new, -1)
        return functional.linear(together, layer["self_attn.o_proj"])


def _turned(states: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor) -> torch.Tensor:
    """Rotary positions (Su et al. 2021, arXiv:2104.09864): numbers i and i + D/2 are turned as a pair."""
    first, second = states.chunk(2, dim=-1)
    return states * cosines + torch.cat((-second, first), dim=-1) * sines


def _mask(read: torch.Tensor, num_new: int) -> torch.Tensor | None:
    """`[R, 1, S, T]` what each new column may see; None where that is everything up to itself.

    None lets torch take its own causal kernel, which rounds in another way than the one with a mask.
    """
    num_columns = read.shape[1]
    if num_new in (1, num_columns) and bool(read.all()):
        return None
    columns = torch.arange(num_columns)
    causal = columns <= columns[num_columns - num_new :, None]
    return causal & read[:, None, None, :]
