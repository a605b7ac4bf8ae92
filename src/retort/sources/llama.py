"""The Llama and Gemma 3 networks in torch alone, and the source that answers with them as soon as torch is there.

transformers' classes for the same models take longer to import than torch itself (they bring torch's compiler, its
distributed tensors, sympy and scipy): `retort look embedded:smollm2` takes 2.2 seconds of processor time with this file
and 6.0 without. A text is begun with the library's operations in its order, so the logits are the same, for Llama to
the last bit; steps take transposed weights and shared columns, and differ by rounding. tests/sources/test_llama.py
holds the two side by side. Touvron et al. 2023, arXiv:2302.13971; Gemma
Team 2025, arXiv:2503.19786.

Shapes: R rows, H heads, D numbers of a head, T columns of the texts, S of them new, E numbers of a token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from retort.errors import SourceError
from retort.files import read_text
from retort.sources.cached_decoder import Mode
from retort.sources.chat import jinja_template
from retort.sources.model_folder import (
    CONFIG_FILE,
    check_model_folder,
    first_line,
    read_generation_config,
    read_json_object,
    sampling_settings,
)
from retort.sources.transformers import (
    TransformersSource,
    end_ids_of,
    load_tokenizer,
    logits_without_token,
    note_on_unused,
    quiet_transformers,
    tokenizer_faults,
)

MARKERS = ("bos", "eos", "unk", "pad")
# What few rows that become many have in common is kept once, from so many columns and up to so many rows: the keys of
# each are a product of their own at every step.
WORTH_SHARING, MOST_RUNS = 16, 32
# Two threads that each multiply their own rows do 1.9 times the work of one; two that share a product of 100 rows, 1.3.
MOST_LANES = 4  # each has rows of its own in memory
SPARE_COLUMNS = 64  # of a row alone, so that most tokens need no new memory
LLAMA, GEMMA = "llama", "gemma3_text"
# What config.json must say for `Network` to be the whole model; anything else is for transformers.
PLAIN: dict[str, dict[str, Any]] = {
    LLAMA: {"hidden_act": "silu", "attention_bias": False, "mlp_bias": False},
    GEMMA: {
        "hidden_activation": "gelu_pytorch_tanh",
        "attention_bias": False,
        "final_logit_softcapping": None,
        "attn_logit_softcapping": None,
        "use_bidirectional_attention": None,
    },
}


def is_plain(config: Mapping[str, Any]) -> bool:
    """Whether a config.json describes what `Network` computes."""
    kind = config.get("model_type")
    if kind not in PLAIN or "head_dim" not in config:
        return False
    ropes = _ropes(config)
    # A key that is missing, null or false says the same.
    return all((config.get(name) or None) == (value or None) for name, value in PLAIN[kind].items()) and all(
        rope.get("rope_type") == "default" and "rope_theta" in rope for rope in ropes
    )


def _ropes(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The rotary settings of every layer."""
    found = config.get("rope_parameters") or {}
    layers = config.get("layer_types") or [None] * int(config.get("num_hidden_layers", 1))
    return [found.get(kind, {}) if config.get("model_type") == GEMMA else found for kind in layers]


class Columns:
    """The keys and values of one layer: of each row's own columns, and once for those that several rows share.

    Rows that are forked from one take what they share with it; only their own columns are copied. Rows of one prompt
    stand together: `runs` are (first row, row behind the last, which of `shared`), in order.
    """

    def __init__(self) -> None:
        self.shared: torch.Tensor | None = None  # `[2, G, H, P, D]`, keys and values of G prompts
        self.used = 0  # own columns
        self._group: torch.Tensor | None = None  # `[R]` which of `shared` stands before each row
        # `[2, R, H, more than used, D]`: a new column is written, none is moved
        self._room: torch.Tensor | None = None
        self.runs: list[tuple[int, int, int]] = []

    def add(self, keys: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """All own columns `[R, H, T, D]`, after these have been added."""
        rows, heads, new, size = keys.shape
        last = self.used + new
        # One tensor for keys and values, so that a fork is one copy a layer and not two.
        if self._room is None or last > self._room.shape[3]:
            # Fewer to spare where there are many rows: a fork copies the spare ones too.
            room = keys.new_empty(2, rows, heads, last + max(8, SPARE_COLUMNS // rows), size)
            if self._room is not None:
                room[:, :, :, : self.used] = self._room[:, :, :, : self.used]
            self._room = room
        self._room[0, :, :, self.used : last], self._room[1, :, :, self.used : last] = keys, values
        self.used = last
        return self._room[0, :, :, :last], self._room[1, :, :, :last]

    def select(self, rows: torch.Tensor) -> None:
        """Make `rows` of the batch the new batch. What few rows become many with is shared from then on."""
        if self._room is None:
            self._stand_behind(rows if self._group is None else self._group[rows])
            return
        before = self._room.shape[1]
        few = before <= MOST_RUNS and 2 * before <= len(rows)
        # One row that becomes several is what all texts begin with, or the prompt of many samples: always shared.
        if before == 1 < len(rows) or (few and self.used >= WORTH_SHARING):
            self.shared, self._room, self.used = self._whole(), None, 0
            self._stand_behind(rows)
        else:
            self._room = self._room.index_select(1, rows)
            if self._group is not None:
                self._stand_behind(self._group[rows])

    def _stand_behind(self, group: torch.Tensor) -> None:
        self._group = group
        # Not sorted: the rows of a prompt that were moved apart are two runs, and cost a product more.
        kinds, counts = torch.unique_consecutive(group, return_counts=True)
        ends = counts.cumsum(0).tolist()
        self.runs = list(zip([0, *ends], ends, kinds.tolist(), strict=False))

    def before_rows(self) -> torch.Tensor | None:
        """`[2, R, H, P, D]` the shared columns, written out for each row."""
        return None if self.shared is None else self.shared[:, self._group]

    def _whole(self) -> torch.Tensor:
        """`[2, R, H, P + used, D]` all columns of each row."""
        own = None if self._room is None else self._room[:, :, :, : self.used]
        return torch.cat([part for part in (self.before_rows(), own) if part is not None], dim=3)

    def shift(self, source_RS: torch.Tensor, moves: bool) -> None:
        """Let column s of row r be the old column `source_RS[r, s]`; where nothing `moves`, keep the first S."""
        rows, last = source_RS.shape
        if self.shared is not None:  # each row now moves by its own number of columns
            self._room, self.shared, self._group, self.runs = self._whole(), None, None, []
        assert self._room is not None
        if moves:
            _, _, heads, _, size = self._room.shape
            index = source_RS[None, :, None, :, None].expand(2, rows, heads, last, size)
            self._room = self._room.gather(3, index)
        self.used = last


@dataclass
class ColumnCache:
    """The columns of every layer. No layer forgets any, so that they can be moved and taken back."""

    layers: list[Columns]
    keeps_all_columns = True

    def reorder_cache(self, rows: torch.Tensor) -> None:
        """Make `rows` of the batch the new batch."""
        for layer in self.layers:
            layer.select(rows)

    def shift(self, source_RS: torch.Tensor, moves: bool) -> None:
        """As `Columns.shift`, in every layer."""
        for layer in self.layers:
            layer.shift(source_RS, moves)


@dataclass
class Answer:
    """`[R, columns, V]` logits of the last columns, and the cache with the new columns in it."""

    logits: torch.Tensor
    past_key_values: ColumnCache = field(repr=False)


class Product:
    """Matrices that take the same states, `[out, in]` each, and for steps all of them as one `[in, all out]`.

    Few rows read a transposed matrix in half the time (8 rows, 576 × 3,072: 0.20 for 0.36 ms on two cores); that copy
    is made at the first step, so that a single look does not wait for it.
    """

    def __init__(self, *weights: torch.Tensor) -> None:
        self.weights = weights
        self.sizes = [len(weight) for weight in weights]

    @cached_property
    def joined(self) -> torch.Tensor:
        return torch.cat(self.weights).T.contiguous()

    def __call__(self, states_RSE: torch.Tensor, steps: bool) -> Sequence[torch.Tensor]:
        """The states times each matrix; `steps`: more tokens of texts that have been begun."""
        if steps:
            return torch.matmul(states_RSE, self.joined).split(self.sizes, dim=-1)
        return [functional.linear(states_RSE, weight) for weight in self.weights]


@dataclass(frozen=True)
class Layer:
    """The matrices of a layer, its norms by name, how far it looks back (None: to the beginning), and its turning."""

    norms: Mapping[str, torch.Tensor]
    queries_keys_values: Product
    mixed: Product
    gate_up: Product
    down: Product
    window: int | None
    frequencies: torch.Tensor


class Network:
    """A Llama or Gemma 3 in float32 on the CPU. Called as transformers' models are, as far as a decoder calls it."""

    shares_columns = True  # rows that are forked from one keep its columns once

    def __init__(self, config: Mapping[str, Any], weights: Mapping[str, torch.Tensor]) -> None:
        """`config` as `is_plain` takes it. Raises KeyError for a weight that is missing."""
        self.gemma = config["model_type"] == GEMMA
        self.head_dim, self.eps = int(config["head_dim"]), float(config["rms_norm_eps"])
        width = int(config["hidden_size"])
        self.scale = float(config["query_pre_attn_scalar"] if self.gemma else self.head_dim) ** -0.5
        # A tensor in float32, as the library has it, so that the product rounds alike.
        self.embedding_scale = torch.tensor(width**0.5) if self.gemma else None
        self.embedding = weights["model.embed_tokens.weight"].float()
        self.head = self.embedding if config["tie_word_embeddings"] else weights["lm_head.weight"].float()
        self.norm = weights["model.norm.weight"].float()
        norms = ["input_layernorm", "post_attention_layernorm"]
        if self.gemma:
            norms += [
                "pre_feedforward_layernorm",
                "post_feedforward_layernorm",
                "self_attn.q_norm",
                "self_attn.k_norm",
            ]
        places = torch.arange(0, self.head_dim, 2, dtype=torch.float)
        kinds = config.get("layer_types") or [""] * int(config["num_hidden_layers"])
        self.logits = Product(self.head)

        def product(number: int, *names: str) -> Product:
            return Product(*(weights[f"model.layers.{number}.{name}_proj.weight"].float() for name in names))

        self.layers = [
            Layer(
                {name: weights[f"model.layers.{number}.{name}.weight"].float() for name in norms},
                product(number, "self_attn.q", "self_attn.k", "self_attn.v"),
                product(number, "self_attn.o"),
                product(number, "mlp.gate", "mlp.up"),
                product(number, "mlp.down"),
                int(config["sliding_window"]) if kind == "sliding_attention" else None,
                1.0 / (float(rope["rope_theta"]) ** (places / self.head_dim)),
            )
            for number, (kind, rope) in enumerate(zip(kinds, _ropes(config), strict=True))
        ]

    @classmethod
    def read(cls, folder: Path, config: Mapping[str, Any]) -> Network:
        """The model of a folder. Raises what safetensors does for a damaged file, KeyError for a missing weight."""
        from safetensors.torch import load_file

        return cls(config, load_file(folder / "model.safetensors"))

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
        steps = past_key_values is not None
        cache = past_key_values or ColumnCache([Columns() for _ in self.layers])
        states_RSE = functional.embedding(input_ids, self.embedding)
        if self.embedding_scale is not None:
            states_RSE = states_RSE * self.embedding_scale
        read = attention_mask.bool()
        # Every layer of Llama masks and turns alike, and Gemma has two kinds, which their windows tell apart.
        kinds = {layer.window: layer for layer in self.layers}
        masks = {window: _mask(read, input_ids.shape[1], window) for window in kinds}
        turns = {window: _turn(position_ids, layer.frequencies) for window, layer in kinds.items()}
        # In place: nothing is trained here, and at 256 rows each new tensor would be memory that the system must clear.
        for layer, columns in zip(self.layers, cache.layers, strict=True):
            states_RSE += self._attention(
                layer, states_RSE, turns[layer.window], masks[layer.window], columns, steps
            )
            states_RSE += self._mlp(layer, states_RSE, steps)
        states_RSE = self._normed(states_RSE, self.norm)[:, -logits_to_keep:]  # 0 keeps all, as -0 is 0
        # Contiguous, so that torch takes one product of matrices, and not a product a row.
        return Answer(self.logits(states_RSE.contiguous(), steps)[0], cache)

    __call__ = forward

    def _normed(self, states: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        normed = states * torch.rsqrt(states.pow(2).mean(-1, keepdim=True) + self.eps)
        return normed * (1.0 + weight) if self.gemma else weight * normed

    def _mlp(self, layer: Layer, states_RSE: torch.Tensor, steps: bool) -> torch.Tensor:
        before = "pre_feedforward_layernorm" if self.gemma else "post_attention_layernorm"
        gate, up = layer.gate_up(self._normed(states_RSE, layer.norms[before]), steps)
        gate = functional.gelu(gate, approximate="tanh") if self.gemma else functional.silu(gate)
        (added,) = layer.down(gate.mul_(up), steps)
        return self._normed(added, layer.norms["post_feedforward_layernorm"]) if self.gemma else added

    def _attention(
        self,
        layer: Layer,
        states_RSE: torch.Tensor,
        turn: tuple[torch.Tensor, torch.Tensor],
        mask: torch.Tensor | None,
        columns: Columns,
        steps: bool,
    ) -> torch.Tensor:
        num_rows, num_new, _ = states_RSE.shape
        normed = self._normed(states_RSE, layer.norms["input_layernorm"])
        queries, keys, values = (
            states.view(num_rows, num_new, -1, self.head_dim).transpose(1, 2)
            for states in layer.queries_keys_values(normed, steps)
        )
        if self.gemma:
            queries = self._normed(queries, layer.norms["self_attn.q_norm"])
            keys = self._normed(keys, layer.norms["self_attn.k_norm"])
        # Keys are kept turned: a column's position never changes, and turning all of them again at each step would cost
        # as much as the attention.
        queries = _turned(queries, *turn)
        keys, values = columns.add(_turned(keys, *turn), values)
        if num_new == 1:
            mixed = self._step(queries, keys, values, columns, mask)
        else:
            mixed = self._span(queries, keys, values, columns.before_rows(), mask)
        (added,) = layer.mixed(mixed.transpose(1, 2).reshape(num_rows, num_new, -1), steps)
        return self._normed(added, layer.norms["post_attention_layernorm"]) if self.gemma else added

    def _span(
        self,
        queries: torch.Tensor,
        keys: torch.Tensor,
        values: torch.Tensor,
        before: torch.Tensor | None,
        mask: torch.Tensor | None,
    ) -> torch.Tensor:
        """`[R, H, S, D]` for several new columns, as texts are begun: torch's kernel, every row with all keys."""
        if before is not None:
            keys, values = (
                torch.cat((part, own), dim=2) for part, own in zip(before, (keys, values), strict=True)
            )
        groups = queries.shape[1] // keys.shape[1]
        if groups > 1 and mask is not None:  # torch's kernel with a mask wants a key for every query
            keys, values = (states.repeat_interleave(groups, dim=1) for states in (keys, values))
        return functional.scaled_dot_product_attention(
            queries,
            keys,
            values,
            attn_mask=mask,
            is_causal=mask is None,
            scale=self.scale,
            enable_gqa=groups > 1 and mask is None,
        )

    def _step(
        self,
        queries: torch.Tensor,
        keys: torch.Tensor,
        values: torch.Tensor,
        columns: Columns,
        mask: torch.Tensor | None,
    ) -> torch.Tensor:
        """`[R, H, 1, D]` for one new column a row. The G queries that share a key are rows of one product."""
        num_rows, heads, _, size = keys.shape
        groups = queries.shape[1] // heads
        own_RHGD = queries.reshape(num_rows, heads, groups, size)
        if columns.shared is None:
            return functional.scaled_dot_product_attention(
                own_RHGD, keys, values, attn_mask=mask, scale=self.scale
            ).reshape(num_rows, -1, 1, size)
        # Shared keys are read once for the queries of all their rows, and not once a row: one large product a head.
        # Shared and own scores lie side by side, so that one softmax goes over both.
        num_shared = columns.shared.shape[3]
        scores = own_RHGD.new_empty(num_rows, heads, groups, num_shared + columns.used)
        for first, end, prompt in columns.runs:
            of_run = _by_head(own_RHGD[first:end])
            found = torch.bmm(of_run, columns.shared[0, prompt].transpose(1, 2))
            scores[first:end, ..., :num_shared] = _by_row(found, end - first)
        scores[..., num_shared:] = torch.matmul(own_RHGD, keys.transpose(2, 3))
        scores.mul_(self.scale)
        if mask is not None:
            scores.masked_fill_(~mask, -torch.inf)
        weights = torch.softmax(scores, dim=-1)
        mixed = torch.matmul(weights[..., num_shared:], values)
        for first, end, prompt in columns.runs:
            of_run = _by_head(weights[first:end, ..., :num_shared])
            mixed[first:end] += _by_row(torch.bmm(of_run, columns.shared[1, prompt]), end - first)
        return mixed.view(num_rows, -1, 1, size)


def _by_head(states_RHGX: torch.Tensor) -> torch.Tensor:
    """`[H, R × G, X]`."""
    rows, heads, groups, size = states_RHGX.shape
    return states_RHGX.transpose(0, 1).reshape(heads, rows * groups, size)


def _by_row(states: torch.Tensor, rows: int) -> torch.Tensor:
    """`[R, H, G, X]` of `[H, R × G, X]`."""
    heads, _, size = states.shape
    return states.view(heads, rows, -1, size).transpose(0, 1)


def _turn(position_ids: torch.Tensor, frequencies: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    angles = position_ids[..., None].float() * frequencies
    angles = torch.cat((angles, angles), dim=-1)[:, None]
    return angles.cos(), angles.sin()


def _turned(states: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor) -> torch.Tensor:
    """Rotary positions (Su et al. 2021, arXiv:2104.09864): numbers i and i + D/2 are turned as a pair."""
    first, second = states.chunk(2, dim=-1)
    return states * cosines + torch.cat((-second, first), dim=-1) * sines


def _mask(read: torch.Tensor, num_new: int, window: int | None) -> torch.Tensor | None:
    """`[R, 1, S, T]` what each new column may see; None where that is everything up to itself.

    None lets torch take its own causal kernel, which rounds in another way than the one with a mask.
    """
    num_columns = read.shape[1]
    # torch's own causal mask begins at the upper left (scaled_dot_product_attention, `is_causal`), so it is right for
    # as many queries as keys; one new column may see all there are.
    window = None if window is None or num_columns <= window else window
    if num_new in (1, num_columns) and bool(read.all()) and window is None:
        return None
    columns = torch.arange(num_columns)
    own = columns[num_columns - num_new :, None]
    seen = columns <= own
    if window is not None:
        # Counted in tokens: padding may stand inside a text, behind what it shares with others.
        places = read.cumsum(1)
        seen = (seen & (places[:, None, :] > places[:, num_columns - num_new :, None] - window))[:, None]
    # A padding column sees itself alone: nothing to look at would be no number.
    return (seen & read[:, None, None, :]) | (columns == own)


class LlamaSource(TransformersSource):
    """As a TransformersSource of the same folder, ready without the library; `is_plain` says for which folders.

    What wants the library's own objects (distilling, determinism, chats) finds them as `model` and `tokenizer`.
    """

    def __init__(self, folder: Path, name: str, config: dict[str, Any]) -> None:
        """Read it. Raises SourceError for a damaged folder."""
        from tokenizers import Tokenizer

        check_model_folder(folder, name)
        self.name, self.device = name, "cpu"
        self._folder = folder
        try:
            self._fast = Tokenizer.from_file(str(folder / "tokenizer.json"))
            self._llama = Network.read(folder, config)
        except Exception as error:  # the libraries raise whatever their parsers raised
            raise SourceError(f"The model {name} cannot be loaded: {first_line(error)}") from error
        self.vocab_size = int(config["vocab_size"])
        self.max_context = int(config["max_position_embeddings"])
        ids, added = (
            self._fast.get_vocab(with_added_tokens=True).values(),
            self._fast.get_added_tokens_decoder(),
        )
        self.unused = logits_without_token(ids, added, self.vocab_size, name)
        self.note, self.mode = note_on_unused(name, self.unused), Mode()
        generation = read_generation_config(folder)
        named = (config.get("eos_token_id"), generation.get("eos_token_id"))
        self.end_ids = end_ids_of(named, self.vocab_size)
        self.generation_defaults = sampling_settings(generation)
        self._ids_of_nothing = self._ids("")  # a start marker may be an end marker too

    @property
    def lanes(self) -> int:
        """One where transformers' own model answers, of which nothing is known."""
        return 1 if "model" in self.__dict__ else min(MOST_LANES, torch.get_num_threads())

    def enter_lane(self, lanes: int) -> None:
        """torch's number of threads belongs to the thread that sets it."""
        torch.set_num_threads(max(1, torch.get_num_threads() // lanes))

    @cached_property
    def model(self) -> Any:
        """transformers' own model of the same weights. Once it is there, logits come from it: it may be changed."""
        return TransformersSource(str(self._folder), name=self.name).model

    @cached_property
    def tokenizer(self) -> Any:
        """transformers' own tokenizer."""
        with quiet_transformers():
            return load_tokenizer(self._folder, self.name)

    def _template(
        self, messages: list[dict[str, Any]], tools: list[dict[str, Any]], opens_answer: bool
    ) -> str:
        """As the library renders it, without importing the library, except for its own tag `generation`."""
        template = self._tokenizer_settings.get("chat_template")
        if not isinstance(template, str) or "generation %}" in template:
            return super()._template(messages, tools, opens_answer)
        found = {f"{name}_token": self._tokenizer_settings.get(f"{name}_token") for name in MARKERS}
        # A marker is written as a text, or as an object with its settings.
        markers = {
            name: marker if isinstance(marker, str) else str(marker["content"])
            for name, marker in found.items()
            if marker
        }
        return jinja_template(template, markers)(messages, tools, opens_answer)

    @cached_property
    def _tokenizer_settings(self) -> dict[str, Any]:
        complaint = f"The tokenizer of {self.name} is damaged"
        settings = read_json_object(self._folder / "tokenizer_config.json", complaint)
        template = self._folder / "chat_template.jinja"
        return settings | ({"chat_template": read_text(template)} if template.is_file() else {})

    @property
    def _has_template(self) -> bool:
        return bool(self._tokenizer_settings.get("chat_template"))

    @cached_property
    def start_marker(self) -> str | None:
        before = self._ids("")
        return self._token(before[0]) if before else None

    def _ids(self, text: str, add_special_tokens: bool = True) -> list[int]:
        with tokenizer_faults(self.name, "cannot read this text"):
            return list(self._fast.encode(text, add_special_tokens=add_special_tokens).ids)

    def _text(self, ids: list[int], skip_special_tokens: bool = False) -> str:
        return str(self._fast.decode(ids, skip_special_tokens=skip_special_tokens))

    def _token(self, token_id: int) -> str:
        return str(self._fast.id_to_token(token_id))

    @property
    def _network(self) -> Any:
        return self.__dict__.get("model", self._llama)


def open_folder(folder: Path, name: str) -> TransformersSource:
    """The model in a folder of ours: with this file where it computes the model, else with transformers."""
    config = read_json_object(folder / CONFIG_FILE, f"The model {name} is damaged")
    if is_plain(config):
        return LlamaSource(folder, name, config)
    return TransformersSource(str(folder), name=name)
