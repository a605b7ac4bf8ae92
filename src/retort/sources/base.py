"""What a source of logits must give: the two protocols that everything above this layer is written against.

A source returns *raw* logits and never tempers, truncates or samples. It need not be a neural network: a
trigram table and a JSON file with one row are sources too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, NoReturn, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from retort.distribution.bounds import PartialDistribution
from retort.errors import CapabilityError, InputError
from retort.sources.chat import Question


class Capability(Enum):
    """How much of the distribution a source can give."""

    FULL = "full"  # a logit for every token of the vocabulary
    TOP_N = "top_n"  # only the most likely tokens; everything else is a bounded tail
    ANSWERS = "answers"  # texts, and nothing of the distribution that they come from


class Decoder(Protocol):
    """A batch of texts being continued, one row a text.

    `logits` is `[rows, vocab]`, the raw next-token logits of every row: float32 from models, float64 where the source
    knows them that well (a file). They need not be normalised; a token that can never come (a padded vocabulary entry,
    a start marker) is -inf.
    """

    @property
    def logits(self) -> NDArray[np.floating]: ...

    def advance(self, parents: Sequence[int], tokens: Sequence[int]) -> None:
        """Make new row `i` the old row `parents[i]` followed by `tokens[i]`, and refresh `logits`.

        Naming a parent twice forks it, leaving it out drops it, and the order of `parents` is the new order,
        all in one call with one forward pass a row. No parents at all leaves `logits` with no rows. Raises
        InputError for a parent or token that does not exist and where a text would outgrow `max_context`.
        """


@runtime_checkable
class SpanDecoder(Decoder, Protocol):
    """A decoder that can also read several tokens in one pass and take tokens back: what speculative decoding needs.

    Optional: a source's `start` may return one. `advance(parents, tokens)` is `extend` with one token for every parent.
    """

    def extend(
        self, parents: Sequence[int], tokens: Sequence[Sequence[int]], drop: Sequence[int] | None = None
    ) -> list[NDArray[np.floating]]:
        """Make new row `i` the old row `parents[i]`, without its last `drop[i]` tokens, followed by all of `tokens[i]`.

        Returns for every row `[len(tokens[i]), vocab]`, the logits after each of its new tokens, from one forward pass
        over all rows; `logits` is the last of each. Rows may get different numbers of tokens; a row may get none if it
        drops none, and its `logits` then stay. `drop` is 0 everywhere by default, and leaves at least one token.
        Raises InputError as `advance` does, and for a drop that does not fit.
        """


class PositionReader(Protocol):
    """A source that reads a whole text in one pass. Optional; `sources.positions` does without, in more passes."""

    def read_positions(self, ids: Sequence[int], keep: int) -> NDArray[np.floating]:
        """`[keep, vocab]`, the raw logits after each of the last `keep` tokens of `ids`. Raises as `start` does."""


@runtime_checkable
class LaneSource(Protocol):
    """A source whose decoders may run in several threads at once, each with its share of the processors."""

    @property
    def lanes(self) -> int:
        """How many threads are worth having."""

    def enter_lane(self, lanes: int) -> None:
        """Called in each of that many threads before it decodes."""


@runtime_checkable
class Source(Protocol):
    """Where logits come from.

    The attributes are read-only: `name` is the MODEL string that loads it again, `max_context` counts tokens
    (None: unlimited), `end_ids` are the tokens that end a text, and `note` is one sentence that a reader of
    its output must know, or None.
    """

    @property
    def name(self) -> str: ...
    @property
    def capability(self) -> Capability: ...
    @property
    def vocab_size(self) -> int: ...
    @property
    def max_context(self) -> int | None: ...
    @property
    def end_ids(self) -> frozenset[int]: ...
    @property
    def note(self) -> str | None: ...

    def encode(self, text: str) -> list[int]:
        """The token ids of a prompt, with the start marker in front where the model is used with one."""

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids; start and end markers leave no text."""

    def token_text(self, token_id: int) -> str:
        """How one token is shown: its text with the spaces kept, or the name of a marker such as `</s>`."""

    def start(self, prompts: Sequence[Sequence[int]]) -> Decoder:
        """A decoder with one row a prompt; lengths may differ.

        Raises InputError for a prompt that is empty (where the source needs at least one token), that is
        longer than `max_context`, or that holds an id outside the vocabulary.
        """


@dataclass(frozen=True)
class KnownToken:
    """One token that a TOP_N source names: its text, its logprob (nats, τ = 1), and its id where one is given."""

    token: str
    logprob: float
    id: int | None = None

    @property
    def key(self) -> int | str:
        """What tells it from the others of one list: its id, or its text where no id is given."""
        return self.token if self.id is None else self.id


@dataclass(frozen=True)
class KnownTop:
    """The next tokens that are known, falling. `vocabulary` is None where nobody said how many tokens there are in all.

    `rounding` is how far each logprob may be from what the source computed. `ceiling` is the largest logprob that any
    other token can have: None where that is the last one's, inf where nothing says it. Known tokens below the ceiling
    are merely known (a server lists the drawn token whatever its rank), and there may be more probable ones.
    """

    tokens: tuple[KnownToken, ...]
    vocabulary: int | None
    rounding: float = 0.0
    ceiling: float | None = None

    @property
    def num_tokens(self) -> int:
        """The size of the vocabulary, or a number that no vocabulary reaches: both keep every interval true."""
        return self.vocabulary or LARGEST_VOCABULARY

    def at(self, temperature: float) -> PartialDistribution:
        """What is known of the distribution at τ. Raises InputError for logprobs that no distribution has."""
        log_probs = [token.logprob for token in self.tokens]
        return PartialDistribution(log_probs, self.num_tokens, temperature, self.rounding, self.ceiling)


@dataclass(frozen=True)
class ReadToken:
    """One token of a given text: what stood before it, the token's text, and what was known of the position."""

    before: str
    token: str
    known: KnownTop


LARGEST_VOCABULARY = 2**20
"""Assumed, and said so, where a source does not tell its vocabulary; the largest in use are about a quarter of this."""


class PartialSource(Source, Protocol):
    """A source of capability TOP_N: `start` raises CapabilityError, and `next_tokens` says what is known.

    `probe` is what was found out about the server before its numbers were used, None where there is none to ask.
    """

    @property
    def probe(self) -> Any: ...

    def next_tokens(self, prompt: Question, count: int | None = None) -> KnownTop:
        """The most likely tokens after `prompt` (a text, or messages), `count` of them where it can give so many.

        Raises SourceError where it cannot be reached or answers with what cannot be used.
        """

    def read(self, prompt: str, text: str) -> Iterator[ReadToken]:
        """The tokens of `text` behind `prompt`, one by one; the first token of all has no position.

        Raises CapabilityError where the source does not tell how a text is cut into tokens, and SourceError.
        """


def needs_whole_vocabulary(source: Source, purpose: str) -> CapabilityError:
    """The error for a verb that cannot work with a source of TOP_N or ANSWERS."""
    if source.capability is Capability.ANSWERS:
        return CapabilityError(
            f"{source.name} answers without logprobs, so its distribution is not known; its texts can be "
            f"sampled and tuned. Servers such as vLLM, SGLang and llama.cpp give logprobs."
        )
    return CapabilityError(
        f"{purpose} needs the whole vocabulary, but {source.name} gives only its most likely tokens; "
        "use a model that runs here."
    )


class WithoutVocabulary:
    """What every source of TOP_N or ANSWERS refuses in the same words: whatever takes or gives token ids."""

    def encode(self: Source, text: str) -> NoReturn:
        raise needs_whole_vocabulary(self, "This")

    def decode(self: Source, ids: Sequence[int]) -> NoReturn:
        raise needs_whole_vocabulary(self, "This")

    def token_text(self: Source, token_id: int) -> NoReturn:
        raise needs_whole_vocabulary(self, "This")

    def start(self: Source, prompts: Sequence[Sequence[int]]) -> NoReturn:
        raise needs_whole_vocabulary(self, "This")


class LookupDecoder:
    """The decoder of a source that looks its rows up: `row` gives the logits `[vocab]` after a text."""

    def __init__(
        self,
        source: Source,
        prompts: Sequence[Sequence[int]],
        row: Callable[[tuple[int, ...]], NDArray[np.floating]],
    ) -> None:
        self._source, self._row = source, row
        self._read([tuple(map(int, prompt)) for prompt in prompts])

    def advance(self, parents: Sequence[int], tokens: Sequence[int]) -> None:
        check_advance(self._source, len(self._texts), parents, tokens)
        self._read([(*self._texts[p], int(token)) for p, token in zip(parents, tokens, strict=True)])

    def _read(self, texts: list[tuple[int, ...]]) -> None:
        rows = [self._row(text) for text in texts]
        self._texts = texts
        self.logits = np.stack(rows) if rows else np.empty((0, self._source.vocab_size), np.float32)


def next_token_logits(source: Source, prompt: str) -> NDArray[np.floating]:
    """The raw logits after `prompt`, `[vocab]`, as `Decoder.logits`; InputError for a prompt it cannot take."""
    return source.start([source.encode(prompt)]).logits[0]


UNDECODED = "\ufffd"  # how decoders show bytes that are no whole character


def text_of_bytes(raw: bytes) -> str:
    """The characters that these bytes are; `<0xE2><0x96>` where they are no whole ones."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(f"<0x{byte:02X}>" for byte in raw)


def num_shared(texts: Sequence[tuple[int, ...]]) -> int:
    """How many tokens all texts begin with; at least one of each is left to be computed."""
    first, last = min(texts), max(texts)  # in the order of tuples, all others lie between them
    most = min(map(len, texts)) - 1
    return next((place for place in range(most) if first[place] != last[place]), most)


def check_prompts(source: Source, prompts: Sequence[Sequence[int]]) -> None:
    """Raise InputError for a prompt that is empty, too long, or outside the vocabulary of `source`."""
    for prompt in prompts:
        if len(prompt) == 0:
            raise InputError(
                f"The prompt is empty, and {source.name} has no token that starts a text; "
                "give a prompt of at least one token."
            )
        if source.max_context is not None and len(prompt) > source.max_context:
            raise InputError(
                f"The prompt is {len(prompt):,} tokens long, but {source.name} reads at most "
                f"{source.max_context:,}; shorten the prompt."
            )
        check_token_ids(source, prompt)


def check_advance(source: Source, rows: int, parents: Sequence[int], tokens: Sequence[int]) -> None:
    """Raise InputError unless parents and tokens pair up, and exist among `rows` and in the vocabulary."""
    if len(parents) != len(tokens):
        raise InputError(
            f"advance got {len(parents)} parents and {len(tokens)} tokens; give one token for every parent."
        )
    for parent in parents:
        if not 0 <= parent < rows:
            raise InputError(f"advance got the parent row {parent}, but the batch has rows 0 to {rows - 1}.")
    check_token_ids(source, tokens)


def check_room(source: Source, texts: Sequence[Sequence[int]], parents: Sequence[int]) -> None:
    """Raise InputError if one of the texts that get a token more is as long as `source` reads."""
    limit = source.max_context
    if limit is not None and any(len(texts[parent]) >= limit for parent in parents):
        raise InputError(
            f"A text has reached the {limit:,} tokens that {source.name} can read; "
            "ask for fewer tokens or give a shorter prompt."
        )


def check_extend(
    source: Source,
    lengths: Sequence[int],
    parents: Sequence[int],
    tokens: Sequence[Sequence[int]],
    drop: Sequence[int],
) -> None:
    """Raise InputError unless parents, tokens and drop fit together and rows that are `lengths` tokens long."""
    if not len(parents) == len(tokens) == len(drop):
        raise InputError(
            f"extend got {len(parents)} parents, {len(tokens)} lists of tokens and {len(drop)} drops; "
            "give one of each for every new row."
        )
    for parent, added, dropped in zip(parents, tokens, drop, strict=True):
        # A row that gets no token has a parent to be checked all the same.
        check_advance(source, len(lengths), [parent] * (len(added) or 1), added if len(added) else [0])
        if not 0 <= dropped < lengths[parent] or (dropped and not len(added)):
            raise InputError(
                f"extend is to drop {dropped} tokens of row {parent}, which has {lengths[parent]}, and to add "
                f"{len(added)}; leave at least one token, and add one where you drop some."
            )
        length = lengths[parent] - dropped + len(added)
        if source.max_context is not None and length > source.max_context:
            raise InputError(
                f"A text would reach {length:,} tokens, but {source.name} reads at most {source.max_context:,}; "
                "ask for fewer tokens or give a shorter prompt."
            )


def check_token_ids(source: Source, token_ids: Sequence[int]) -> None:
    """Raise InputError for an id outside `[0, vocab_size)`."""
    for token_id in token_ids:
        if not 0 <= token_id < source.vocab_size:
            raise InputError(
                f"Token id {token_id} is not in the vocabulary of {source.name}; "
                f"its ids are 0 to {source.vocab_size - 1:,}."
            )
