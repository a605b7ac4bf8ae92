"""What a caller adds to tokens or forbids: logit bias, bad words, a least length, an allowed set, a grammar."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from retort.distribution.arrays import Array, like, to_numpy
from retort.errors import InputError
from retort.transforms.context import (
    NOTHING_KNOWN,
    Context,
    changed,
    check_ids,
    looked_at,
    masked,
    something_left,
    without,
)
from retort.transforms.parameters import (
    BIASES,
    FUNCTION,
    ID_LIST,
    IDS,
    SEQUENCES,
    WHOLE,
    Parameter,
    checked_ids,
    scope_parameter,
)
from retort.transforms.transform import transform

BIAS = Parameter(
    "logit_bias",
    "token ids, each once, with a number below +inf each, such as 50256: -100, 11: 2.5",
    off_values=((),),
    setting="logit_bias",
    kind=BIASES,
)
WORDS = Parameter(
    "bad_words",
    "sequences of token ids, such as [5 6], [7]",
    off_values=((),),
    setting="bad_words",
    kind=SEQUENCES,
)
LEAST = Parameter(
    "min_tokens",
    "a whole number of 1 or more (None or 0: off)",
    low=1,
    off_values=(0,),
    whole=True,
    for_all=True,
    setting="min_tokens",
)
END = Parameter(
    "end", "token ids that end a text, such as 2 or [2 7]", default=(), setting="end_ids", kind=IDS
)
ALLOWED = Parameter(
    "allowed", "token ids, such as 3, 8-11, or a mask", setting="allowed_tokens", kind=ID_LIST
)
GRAMMAR = Parameter(
    "grammar",
    "a function from the ids so far to the ids allowed next (or a mask of them)",
    setting="grammar",
    kind=FUNCTION,
)

_ban = partial(transform, nested=False, truncates=False, bans=True)


@transform(
    "add a number to the logits of some tokens; -inf removes them", BIAS, nested=False, truncates=False
)
def logit_bias(logits: Array, biases: Any) -> Array:
    """Logits with a number added to those of some tokens: `z_i + bias_i`; a bias of -inf removes the token.

    `biases`: a mapping of token ids to numbers, or pairs. Shapes `[..., vocab]`. float64 for numpy, at least float32
    for torch. Raises InputError for unusable rows, an id beyond the vocabulary, a bias of +inf or NaN.
    Source: OpenAI API reference, logit_bias (there -100 to 100; no bound here).
    """
    ids = np.array([token for token, _ in biases], dtype=np.int64)
    check_ids(ids, logits.shape[-1], "logit_bias")
    num_rows = math.prod(logits.shape[:-1])
    # The same pairs in every row, so that one write serves the batch.
    amounts = like(logits, np.tile([bias for _, bias in biases], num_rows))
    shifted = changed(
        logits,
        np.repeat(np.arange(num_rows), len(ids)),
        np.tile(ids, num_rows),
        lambda values: values + amounts,
    )
    return something_left(shifted, "logit_bias")


@_ban(
    "forbid the last token of these sequences where the tokens before it have just come",
    WORDS,
    scope_parameter(WHOLE),
    needs=frozenset({"history"}),
)
def bad_words(logits: Array, words: Any, scope: str = WHOLE, *, context: Context = NOTHING_KNOWN) -> Array:
    """Logits with the last token of each sequence removed wherever the tokens before it end the history.

    A sequence of one token is always removed. `scope`: where the tokens before may stand, "all" (prompt and output),
    "output" or "last:N". Shapes `[..., vocab]`, dtype as given. Raises InputError for unusable rows, an id beyond the
    vocabulary, no history, or rows where nothing is left. Source: transformers, NoBadWordsLogitsProcessor.
    """
    rows, ids = [], []
    for row in range(math.prod(logits.shape[:-1])):
        history = tuple(looked_at(context, row, scope, "bad_words"))
        for *before, last in words:
            # A history shorter than what comes before gives a shorter slice, which is not equal.
            if tuple(before) == history[len(history) - len(before) :]:
                rows.append(row)
                ids.append(last)
    check_ids([last for *_, last in words], logits.shape[-1], "bad_words")
    return without(logits, np.array(rows, np.int64), np.array(ids, np.int64), "bad_words")


@_ban(
    "forbid the ids that end a text until this many tokens have been generated",
    LEAST,
    END,
    needs=frozenset({"history"}),
)
def min_tokens(
    logits: Array, least: Any, end: Sequence[int] = (), *, context: Context = NOTHING_KNOWN
) -> Array:
    """Logits with the ids that end a text removed until `least` tokens have been generated.

    Shapes `[..., vocab]`, dtype as given. Raises InputError for unusable rows, no `end` ids, a history without
    prompt_lengths, or rows where nothing is left. Source: transformers, MinNewTokensLengthLogitsProcessor.
    """
    if not end:
        raise InputError(
            f"min_tokens needs the ids that end a text; write min_tokens({least}, end=2), or give end_ids"
        )
    check_ids(end, logits.shape[-1], "min_tokens")
    early = [
        row
        for row in range(math.prod(logits.shape[:-1]))
        if len(context.generated(row, "min_tokens")) < least
    ]
    return without(logits, np.repeat(early, len(end)), np.tile(end, len(early)), "min_tokens")


@_ban("forbid every token but these", ALLOWED, aliases=("allowed_tokens",))
def allowed(logits: Array, tokens: Any) -> Array:
    """Logits with every token removed that is not among `tokens` (ids, or a boolean mask over the vocabulary).

    Shapes `[..., vocab]`, dtype as given. Raises InputError for unusable rows, an id beyond the vocabulary, or rows
    where nothing is left. Source: vLLM, allowed_token_ids.
    """
    return masked(logits, _mask(tokens, logits.shape[-1], "allowed"), "allowed")


@_ban(
    "forbid what a function of the tokens so far does not allow",
    GRAMMAR,
    scope_parameter(WHOLE),
    needs=frozenset({"history"}),
)
def grammar(
    logits: Array,
    function: Callable[[Sequence[int]], Any],
    scope: str = WHOLE,
    *,
    context: Context = NOTHING_KNOWN,
) -> Array:
    """Logits with every token removed that `function(ids so far)` does not allow in its row.

    The function returns allowed ids or a boolean mask `[vocab]`; `scope` says which ids it is given: "all" (prompt and
    output), "output" or "last:N". Shapes `[..., vocab]`, dtype as given. Raises InputError for unusable rows, what the
    function may not return, or rows where nothing is left. Source: transformers, prefix_allowed_tokens_fn.
    """
    num_tokens = logits.shape[-1]
    masks = [
        _mask(function(looked_at(context, row, scope, "grammar")), num_tokens, "grammar")
        for row in range(math.prod(logits.shape[:-1]))
    ]
    keep = np.array(masks, dtype=bool).reshape(logits.shape)
    return masked(logits, keep, "grammar")


def _mask(tokens: Any, num_tokens: int, name: str) -> np.ndarray:
    """`[vocab]` True for these ids; a boolean mask is taken as it is. Raises InputError."""
    values = to_numpy(tokens) if hasattr(tokens, "detach") else tokens
    if isinstance(values, np.ndarray) and values.dtype.kind == "b":
        if values.shape != (num_tokens,):
            raise InputError(f"{name} got a mask of shape {values.shape}; it must be ({num_tokens},)")
        return values
    if not isinstance(values, Iterable):
        raise InputError(f"{name} must give token ids or a boolean mask, got {type(values).__name__}")
    # A grammar's answer is checked as `allowed` is: it is a user's function.
    ids = checked_ids(ALLOWED, values)
    check_ids(ids, num_tokens, name)
    mask = np.zeros(num_tokens, dtype=bool)
    mask[list(ids)] = True
    return mask
