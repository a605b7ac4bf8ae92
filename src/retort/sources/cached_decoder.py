"""The decoder of a transformers model: left-padded rows and a key-value cache that follows every fork.

Not every network takes padding, positions or forks as it says it does. `find_mode` tries a model that is not known,
when it is opened, against the same model reading each text alone, and takes the fastest `Mode` that agrees.

Shapes: R rows, T columns of the padded texts (the same for every row), K of them that are new, V logits.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from retort.errors import SourceError
from retort.sources.base import Source, check_advance, check_extend, check_room, num_shared


@dataclass(frozen=True)
class Mode:
    """How a model can be decoded. `note` is what a reader must know, None where everything works.

    `caches`: what was computed is kept and follows forks. `pads`: rows of unequal length go in together, with a mask.
    `positions`: it is told where each token stands. `batches`: rows of equal length go in together.
    """

    caches: bool = True
    pads: bool = True
    positions: bool = True
    batches: bool = True
    note: str | None = None


class NetworkSource(Source, Protocol):
    """A source whose logits come from a network that is called as transformers' models are."""

    model: Any
    device: str
    unused: NDArray[np.bool_]  # `[vocab]`, True where the tokenizer has no token


# From the fastest to the one that cannot be wrong: each text alone, from its first token.
AGAIN = "reads every text again at each step, so long texts are slow"
MODES = (
    Mode(),
    Mode(positions=False),
    Mode(caches=False, note=f"its cache does not follow forks; retort {AGAIN}."),
    Mode(caches=False, pads=False, positions=False, note=f"it cannot read padded rows; retort {AGAIN}."),
    Mode(
        caches=False,
        pads=False,
        positions=False,
        batches=False,
        note=f"it cannot read several texts at once; retort {AGAIN}.",
    ),
)
# Tried in tests/sources/test_architectures.py; any other is tried when it is opened.
KNOWN_GOOD = frozenset(
    {"llama", "gpt2", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "mistral", "mixtral",
     "openai-gpt", "phi3"}
)  # fmt: skip

# Tokens saved at least by reading once what all texts begin with: it takes a pass of its own.
WORTH_SHARING = 64
CACHE_NAMES = ("cache", "past_key_values")  # newer and older name of the same argument and output


class CachedDecoder:
    """Rows aligned at the right edge, so that one column is one step for all of them.

    Equal prompts are computed once and then forked. A row differs from the same row computed alone only by
    the rounding of the kernels for another batch shape (about 1e-6 of a logit in float32).
    """

    logits: NDArray[np.float32]
    _texts: list[tuple[int, ...]]  # every row's tokens so far
    _mask_RT: torch.Tensor  # 0 for padding

    def __init__(
        self, source: NetworkSource, prompts: Sequence[Sequence[int]], model: Any, mode: Mode
    ) -> None:
        """`model` is called as transformers' models are; `source` says everything else about it."""
        self._source, self._model, self._mode = source, model, mode
        self._cache: Any = None
        # Of the arguments that transformers' models share, each takes some; an unknown one would be an error.
        accepted = inspect.signature(self._model.forward).parameters
        named = next((name for name in CACHE_NAMES if name in accepted), None)
        self._cache_name = named if mode.caches else None
        self._uses_cache = "use_cache" in accepted
        self._takes_positions = "position_ids" in accepted and mode.positions
        self._keeps_last = "logits_to_keep" in accepted
        self._shares = getattr(self._model, "shares_columns", False)

        distinct = list(dict.fromkeys(tuple(prompt) for prompt in prompts))
        self._begin(distinct)
        if len(distinct) < len(prompts):
            row_of = {prompt: row for row, prompt in enumerate(distinct)}
            self._select([row_of[tuple(prompt)] for prompt in prompts])

    def read(self, ids: Sequence[int], keep: int) -> NDArray[np.float32]:
        """Make one text the whole batch, in one pass over it; `[keep, V]` logits after each of its last tokens."""
        return self._begin([tuple(ids)], keep)[0]

    def advance(self, parents: Sequence[int], tokens: Sequence[int]) -> None:
        check_advance(self._source, len(self._texts), parents, tokens)
        check_room(self._source, self._texts, parents)
        self._extend(parents, [[token] for token in tokens], [0] * len(parents))

    def extend(
        self, parents: Sequence[int], tokens: Sequence[Sequence[int]], drop: Sequence[int] | None = None
    ) -> list[NDArray[np.float32]]:
        """As SpanDecoder says. With sliding windows nothing can be taken back: the model reads its texts again."""
        drop = [0] * len(parents) if drop is None else drop
        check_extend(self._source, [len(text) for text in self._texts], parents, tokens, drop)
        return self._extend(parents, tokens, drop)

    def _extend(
        self, parents: Sequence[int], tokens: Sequence[Sequence[int]], drop: Sequence[int]
    ) -> list[NDArray[np.float32]]:
        if not parents:
            self._begin([])
            return []
        if not any(tokens):  # a fork alone needs no pass
            self._select(parents)
            return [self.logits[:0]] * len(parents)
        counts = [len(added) for added in tokens]
        widest = max(counts)
        ragged = any(drop) or min(counts) < widest
        # Of rows that get no token; copied for these alone, since all rows of a large batch are many megabytes.
        before = {row: self.logits[parents[row]].copy() for row, count in enumerate(counts) if count == 0}
        texts = [self._texts[parent] for parent in parents]
        kept = [text[: len(text) - dropped] for text, dropped in zip(texts, drop, strict=True)]
        if self._cache is None or (ragged and not can_shift(self._cache)):
            # The texts are read again, padded in front: a row's own columns are its last.
            whole = [(*text, *added) for text, added in zip(kept, tokens, strict=True)]
            columns_RKV = self._begin(whole, widest)
            spans = [row_KV[widest - count :] for row_KV, count in zip(columns_RKV, counts, strict=True)]
        else:
            if list(parents) != list(range(len(self._texts))):
                self._fork(parents)
            self._texts = kept
            self._mask_RT = shifted(self._cache, self._mask_RT, drop)
            spans = self._append(tokens)
        # A pass leaves the logits of its last column, which is every row's newest token only if all got as many.
        if ragged:
            last = [before[row] if row in before else span_KV[-1] for row, span_KV in enumerate(spans)]
            self.logits = np.stack(last)
        return spans

    def _append(self, tokens: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        """Read these tokens behind the rows with one forward pass; the logits after each."""
        counts = [len(added) for added in tokens]
        widest = max(counts)
        # A row with fewer tokens than the others is padded behind them, where causal attention does not see it, and
        # then moved to the right edge.
        pads = [widest - count for count in counts]
        mask = [[1] * count + [0] * pad for count, pad in zip(counts, pads, strict=True)]
        new = torch.tensor(mask, device=self._mask_RT.device)
        self._mask_RT = torch.cat([self._mask_RT, new], dim=1)
        first = [len(text) for text in self._texts]
        self._texts = [(*text, *added) for text, added in zip(self._texts, tokens, strict=True)]
        # The padding stands at the last position of its text: one further could have no embedding.
        positions = [
            [min(start + place, len(text) - 1) for place in range(widest)]
            for start, text in zip(first, self._texts, strict=True)
        ]
        padded = [[*added, *[0] * pad] for added, pad in zip(tokens, pads, strict=True)]
        columns_RKV = self._forward(padded, positions, widest)
        self._mask_RT = shifted(self._cache, self._mask_RT, pads)
        return [row_KV[:count] for row_KV, count in zip(columns_RKV, counts, strict=True)]

    def _begin(self, texts: Sequence[tuple[int, ...]], columns: int = 1) -> NDArray[np.float32]:
        """Compute every row from its first token; `[R, columns, V]` logits of the last columns."""
        self._texts = list(texts)
        self._cache = None
        if not texts:
            self.logits = np.empty((0, self._source.vocab_size), np.float32)
            return self.logits[:, None]
        if not self._mode.pads:
            return self._alone(texts, columns)
        # Only where the last column is all that is wanted: those before it may stand in the shared part.
        shared = num_shared(texts) if self._shares and columns == 1 else 0
        if shared * (len(texts) - 1) < WORTH_SHARING:
            shared = 0
        if shared:
            # What all texts begin with is read once, and every row is a fork of it: few-shot examples, a system prompt.
            self._mask_RT = torch.ones(1, shared, dtype=torch.long, device=self._source.device)
            self._forward([list(texts[0][:shared])], [list(range(shared))])
            self._cache.reorder_cache(torch.zeros(len(texts), dtype=torch.long))
        longest = max(len(text) for text in texts)
        pads = [longest - len(text) for text in texts]
        # Padding stands before what is a row's own. Position 0 for it too: it is masked, and a negative position has
        # no embedding.
        positions = [
            [0] * pad + list(range(shared, len(text))) for pad, text in zip(pads, texts, strict=True)
        ]
        mask = [
            [1] * shared + [0] * pad + [1] * (len(text) - shared)
            for pad, text in zip(pads, texts, strict=True)
        ]
        self._mask_RT = torch.tensor(mask, device=self._source.device)
        padded = [[0] * pad + list(text[shared:]) for pad, text in zip(pads, texts, strict=True)]
        return self._forward(padded, positions, columns)

    def _alone(self, texts: Sequence[tuple[int, ...]], columns: int) -> NDArray[np.float32]:
        """As `_begin`, for a model that takes no padding: nothing but ids, texts of one length at a time."""
        groups: dict[object, list[int]] = {}
        for row, text in enumerate(texts):
            groups.setdefault(len(text) if self._mode.batches else row, []).append(row)
        found = np.zeros((len(texts), columns, self._source.vocab_size), np.float32)
        for rows in groups.values():
            ids = torch.tensor([texts[row] for row in rows], device=self._source.device)
            with torch.no_grad():
                logits = self._model(
                    input_ids=ids, **({"use_cache": False} if self._uses_cache else {})
                ).logits
            kept = min(columns, ids.shape[1])
            found[rows, columns - kept :] = logits[:, -kept:].to(torch.float32).cpu().numpy()
        found[..., self._source.unused] = -np.inf
        self._mask_RT = torch.ones(len(texts), 1)  # of no use here, and `_select` takes rows of it
        self.logits = found[:, -1]
        return found

    def _select(self, rows: Sequence[int]) -> None:
        """Make `rows` of the batch the new batch, cache and logits included."""
        self._fork(rows)
        self.logits = self.logits[list(rows)]

    def _fork(self, rows: Sequence[int]) -> None:
        """As `_select`, but for the logits, which the next pass writes in any case."""
        index = torch.tensor(rows, device=self._mask_RT.device)
        if self._cache is not None:
            self._cache.reorder_cache(index)
        self._mask_RT = self._mask_RT[index]
        self._texts = [self._texts[row] for row in rows]

    def _forward(
        self, tokens: list[list[int]], positions: list[list[int]], columns: int = 1
    ) -> NDArray[np.float32]:
        """One pass over these columns; `[R, columns, V]` logits of the last `columns`; `logits` is the very last."""
        device = self._source.device
        arguments: dict[str, Any] = {
            "input_ids": torch.tensor(tokens, device=device),
            "attention_mask": self._mask_RT,
        }
        if self._takes_positions:
            arguments["position_ids"] = torch.tensor(positions, device=device)
        # Without it every column would go through the head, `[R, T, V]` numbers of which all but a few are dropped.
        if self._keeps_last:
            arguments["logits_to_keep"] = columns
        if self._cache_name is not None:
            arguments |= {"use_cache": True, self._cache_name: self._cache}
        elif self._uses_cache:
            arguments["use_cache"] = False
        # no_grad, not inference_mode: `distill` trains the same model, and tensors made in inference mode (a rotary
        # table, for instance) cannot take part in that.
        with torch.no_grad():
            output = self._model(**arguments)
        cache = getattr(output, self._cache_name, None) if self._cache_name is not None else None
        # A cache of another make cannot follow forks; without one every step computes the whole texts again.
        self._cache = cache if hasattr(cache, "reorder_cache") else None
        logits_RKV = output.logits[:, -columns:, :].to(torch.float32).cpu().numpy()
        if self._source.unused.any():
            logits_RKV[..., self._source.unused] = -np.inf
        self.logits = logits_RKV[:, -1]
        return logits_RKV


# --- Taking columns out of a key-value cache, another number from each row, so that all rows end at the right edge.
# Keys were turned to their positions when they were written, so a row may stand in other columns without a change.
# Shapes: R rows, H heads, T columns before, S columns after, D numbers of a key or value.


def can_shift(cache: Any) -> bool:
    """True if every layer keeps all columns. A sliding window has forgotten what would move in from the left."""
    if getattr(cache, "keeps_all_columns", False):
        return True
    from transformers.cache_utils import DynamicLayer

    layers = getattr(cache, "layers", ())
    return bool(layers) and all(type(layer) is DynamicLayer for layer in layers)


def shifted(cache: Any, mask_RT: torch.Tensor, drop: Sequence[int]) -> torch.Tensor:
    """Leave out the last `drop[i]` columns of row i of `cache`, in place; the new mask `[R, S]`, `S = T - min(drop)`.

    A row that drops more than the others moves to the right, and what moves in on its left is masked.
    """
    if not any(drop):
        return mask_RT
    least = min(drop)
    num_columns = mask_RT.shape[1] - least
    moves_R1 = torch.tensor(drop, device=mask_RT.device)[:, None] - least
    source_RS = torch.arange(num_columns, device=mask_RT.device)[None] - moves_R1
    inside_RS = source_RS >= 0
    source_RS = source_RS.clamp(min=0)
    moves = bool((moves_R1 > 0).any())
    if hasattr(cache, "shift"):
        cache.shift(source_RS, moves)
        return mask_RT.gather(1, source_RS) * inside_RS
    for layer in cache.layers:
        if layer.keys is None:  # a layer that uses another one's
            continue
        for name in ("keys", "values"):
            states_RHTD = getattr(layer, name)
            if moves:
                num_rows, num_heads, _, size = states_RHTD.shape
                index = source_RS[:, None, :, None].to(states_RHTD.device)
                states = states_RHTD.gather(2, index.expand(num_rows, num_heads, num_columns, size))
            else:
                states = states_RHTD[:, :, :num_columns]
            setattr(layer, name, states)
    return mask_RT.gather(1, source_RS) * inside_RS


# --- The trial.

# Texts of unequal length, which need padding; steps that swap and fork rows, then drop one, so that a cache that keeps
# its old order gives other logits.
TRIAL_TEXTS = ((7, 11, 5, 9, 6), (8, 5, 10))
TRIAL_STEPS = (([1, 0, 0], [6, 7, 9]), ([0, 2], [11, 5]))
TOLERANCE = 1e-3  # of a logit in float32; faults are of whole nats


def find_mode(source: NetworkSource) -> Mode:
    """The fastest mode in which the model gives, row by row, what it gives for each text alone.

    Raises SourceError for a model whose answer at a token depends on the tokens behind it: it predicts no next token.
    """
    if getattr(source.model.config, "model_type", None) in KNOWN_GOOD:
        return MODES[0]
    trial = _trial(source.vocab_size)
    rows, tolerance = _alone_rows(source, [text for _, _, texts in trial for text in texts])
    for mode in MODES:
        if _agrees(source, mode, trial, rows, tolerance):
            return mode if mode.note is None else replace(mode, note=f"{source.name}: {mode.note}")
    raise SourceError(
        f"{source.name} gives different logits when it reads the same text twice, so it cannot be decoded."
    )


Text = tuple[int, ...]
Trial = list[tuple[list[int], list[int], list[Text]]]


def _trial(vocab_size: int) -> Trial:
    """What each step advances by, and the texts that are its rows then; the first step begins them."""
    texts = [tuple(i % vocab_size for i in text) for text in TRIAL_TEXTS]
    found: Trial = [([], [], texts)]
    for parents, tokens in TRIAL_STEPS:
        tokens = [token % vocab_size for token in tokens]
        texts = [(*texts[p], t) for p, t in zip(parents, tokens, strict=True)]
        found.append((parents, tokens, texts))
    return found


def _alone_rows(
    source: NetworkSource, texts: Sequence[Text]
) -> tuple[dict[Text, NDArray[np.float32]], float]:
    """The logits after each text read alone, and how far rounding can move them."""

    def read(text: Text) -> torch.Tensor:
        with torch.no_grad():
            logits: torch.Tensor = source.model(input_ids=torch.tensor([text], device=source.device)).logits
        return logits[0]

    # What a causal model says at a token is the same whether or not others follow.
    whole, before = read(texts[0]), read(texts[0][:3])[-1]
    tolerance = max(TOLERANCE, 10 * torch.finfo(whole.dtype).eps * float(whole.abs().max()))
    if whole.shape[0] != len(texts[0]) or float((whole[2] - before).abs().max()) > tolerance:
        raise SourceError(
            f"{source.name} ({type(source.model).__name__}) is not a causal language model: its output "
            f"at a token depends on later tokens; give a causal language model."
        )
    rows = {text: read(text)[-1].to(torch.float32).cpu().numpy() for text in texts}
    for row in rows.values():
        row[source.unused] = -np.inf
    return rows, tolerance


def _agrees(
    source: NetworkSource,
    mode: Mode,
    trial: Trial,
    rows: dict[Text, NDArray[np.float32]],
    tolerance: float,
) -> bool:
    try:
        decoder = CachedDecoder(source, trial[0][2], source.model, mode)
        for parents, tokens, texts in trial:
            if tokens:
                decoder.advance(parents, tokens)
            alone = np.stack([rows[text] for text in texts])
            if not np.allclose(decoder.logits, alone, rtol=0, atol=tolerance):
                return False
        return True
    except Exception:  # whatever a network raises for inputs that it was not made for
        return False
