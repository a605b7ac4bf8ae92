"""`retort capture http://…/v1#model`: the top K of a server's teacher, and how much it left untold.

A server that repeats a text with its logprobs (echo) is asked once a document. One that does not would have to
be asked once a token, which nobody can afford: it is refused. What is kept is biased, as plain top-k always is, and
each position says between which bounds the rest weighs at the capture's tau.

A server names tokens by their text. With `tokenizer` they become the ids of that tokenizer, after its cut of every
document was compared with the server's; students with that tokenizer can be trained. Without one, ids are given in the
order in which texts are first seen: good for looking, and for nothing else.

A document's first token has no logprob (nothing stands before it), and the server never sees an end marker.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from retort.distill.cache.codecs import Codec
from retort.distill.cache.folder import (
    COLUMNS,
    FORMAT,
    NOT_TOLD,
    TOKENS,
    Manifest,
    OnShard,
    Origin,
    Shard,
    in_shards,
    keep_tokens,
    read_shard,
    read_tokens,
    write_cache,
)
from retort.distill.cache.teacher import tokenizer_hash
from retort.distill.data.corpus import Corpus, data_checksum, read_documents
from retort.distill.data.records import plain_text
from retort.distill.data.rows import content_hash
from retort.distill.models import open_tokenizer
from retort.errors import CapabilityError, InputError, SourceError
from retort.sources.base import LARGEST_VOCABULARY, UNDECODED, KnownTop, ReadToken
from retort.sources.load import load
from retort.sources.server.probe import OPEN_PROMPT
from retort.sources.server.source import ServerSource

CONTEXT = 0  # windows are not cut: a document is one request


@dataclass
class Names:
    """Token texts to ids: those of a tokenizer, or (`tokenizer` None) new ones in the order of appearance."""

    tokenizer: Any
    texts: list[str]
    ids: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Several tokens can have one text (parts of characters all show as one sign): a text means the first of them.
        for token_id, text in enumerate(self.texts):
            self.ids.setdefault(text, token_id)

    def id_of(self, text: str) -> int | None:
        """The token's id; None for one that the tokenizer has not."""
        if self.tokenizer is None and text not in self.ids:
            self.ids[text] = len(self.texts)
            self.texts.append(text)
        return self.ids.get(text)


@dataclass(frozen=True)
class ReadDocument:
    """A document's number, the hash that readers compare, the offset of its first position, and its positions.

    `ids` are those of the tokens that stand at the positions.
    """

    number: int
    content: bytes
    offset: int
    ids: tuple[int, ...]
    tokens: tuple[ReadToken, ...]


def capture_from_server(
    teacher: str,
    data: str,
    corpus: Corpus,
    folder: Path,
    codec: Codec,
    temperature: float,
    seed: int,
    tokenizer: str | None,
    shard_tokens: int,
    on_shard: OnShard | None,
) -> Manifest:
    """The manifest of a cache of the server's top K over the documents of `data`, written into `folder`.

    Finished shards are kept and their documents not asked for again. Raises CapabilityError for a server
    that cannot teach, InputError for another codec than topk and for a tokenizer that cuts texts otherwise.
    """
    source = load(teacher)
    assert isinstance(source, ServerSource)
    _check_codec(source, codec)
    chosen = None if tokenizer is None else open_tokenizer(tokenizer)
    origin = Origin(
        format=FORMAT,
        teacher=source.name,
        teacher_revision=NOT_TOLD,
        tokenizer=NOT_TOLD if chosen is None else tokenizer_hash(chosen),
        vocabulary=LARGEST_VOCABULARY if chosen is None else len(chosen),
        temperature=float(temperature),
        codec=codec.text,
        seed=seed,
        dtype=NOT_TOLD,
        data=data,
        data_sha256=data_checksum(corpus),
        context=CONTEXT,
        batch_tokens=1,
        shard_tokens=shard_tokens,
    )
    shards = partial(_shards, folder, source, codec, origin, corpus, chosen)
    server = {"probe": asdict(source.probe), "tokenizer": tokenizer}
    return write_cache(folder, origin, corpus, lambda: _texts(chosen), shards, on_shard, server)


def _check_codec(source: ServerSource, codec: Codec) -> None:
    """Before a document is sent: raise unless the server gives the codec's K tokens of every position of a text."""
    known = source.probe
    if not codec.text.startswith("topk:"):
        raise CapabilityError(
            f"codec is {codec.text}, and {source.name} gives only its most likely tokens; the codec "
            f"must be topk:K for such a teacher, for instance topk:{known.given}, which is biased. "
            f"Unbiased ones need a model that"
            " runs here."
        )
    if not known.echo:
        raise CapabilityError(
            f"{source.name} does not return the logprobs of a given text (echo in completions), so every "
            f"token would need its own request. Use a server that does (vLLM), or run the teacher here."
        )
    given = known.given
    # The probe asks for a modest number. What more there is, is found by asking for it.
    if codec.number > given:
        try:
            given = max(len(one.known.tokens) for one in source.echoed("", OPEN_PROMPT, codec.number))
        except (SourceError, ValueError):
            given = known.given
    if codec.number > given:
        raise CapabilityError(
            f"codec is {codec.text}, and {source.name} gives {given} tokens per position; use topk:{given}."
        )


def _texts(tokenizer: Any) -> list[str]:
    from retort.sources.transformers import text_of_token

    return [] if tokenizer is None else [text_of_token(tokenizer, one) for one in range(len(tokenizer))]


def _shards(
    folder: Path,
    source: ServerSource,
    codec: Codec,
    origin: Origin,
    corpus: Corpus,
    tokenizer: Any,
    finished: Sequence[Shard],
) -> Iterator[Shard | tuple[int, pa.Table]]:
    """The finished shards, whose documents are not asked for again, and the others."""
    names = Names(tokenizer, read_tokens(folder / TOKENS))  # those of the finished shards, too
    yield from finished
    begin_at = 0
    if finished:
        begin_at = read_shard(folder, finished[-1])["document"][-1].as_py() + 1
    read = _documents(source, origin, corpus, codec, names, begin_at)
    for documents in in_shards(read, lambda one: len(one.tokens), origin.shard_tokens):
        positions = _positions(documents, codec, origin, names)
        if tokenizer is None:
            # Before the shard that uses new ids: a kill between the two leaves ids that nothing uses yet.
            keep_tokens(folder, names.texts)
        yield len(documents), positions


def _documents(
    source: ServerSource, origin: Origin, corpus: Corpus, codec: Codec, names: Names, begin_at: int
) -> Iterator[ReadDocument]:
    for number, record in enumerate(read_documents(corpus)):
        if number < begin_at:
            continue
        text = plain_text(record, number)
        try:
            read = tuple(source.echoed("", text, codec.number))
        except SourceError as error:
            raise SourceError(
                f"document {number}: {error} What was captured is kept; continue with --resume."
            ) from error
        if not read:
            continue
        if names.tokenizer is None:
            seen = tuple(id_ for one in read if (id_ := names.id_of(one.token)) is not None)
            yield ReadDocument(number, content_hash(list(text.encode())), 1, seen, read)
        else:
            ids = names.tokenizer(text, add_special_tokens=False)["input_ids"]
            _check_cut(number, [names.texts[one] for one in ids], [one.token for one in read], origin)
            # The hash is that of the document as students read it, with the end marker that no server was sent.
            end = names.tokenizer.eos_token_id
            content = content_hash(ids if end is None else [*ids, end])
            first = len(ids) - len(read)
            yield ReadDocument(number, content, first, tuple(ids[first:]), read)


def _check_cut(number: int, ours: Sequence[str], theirs: Sequence[str], origin: Origin) -> None:
    """Raise InputError where the tokenizer cuts a document otherwise than the server: every later id would be wrong."""
    # A server that puts a start marker in front tells the first token too; others begin with the second.
    # A token that is part of a character has no text that could be compared.
    more = len(ours) - len(theirs)
    pairs = list(zip(ours[max(0, more) :], theirs, strict=False))
    if more in (0, 1) and all(one == other or UNDECODED in other for one, other in pairs):
        return
    place = next((n for n, (one, other) in enumerate(pairs) if one != other), 0)
    here, there = ([one[side] for one in pairs[place : place + 1]] for side in (0, 1))
    raise InputError(
        f"the tokenizer splits document {number} into {len(ours)} tokens with {here} where"
        f" {origin.teacher} has {there} and {len(theirs)} tokens with a logprob; give"
        " --tokenizer the teacher's own, or leave it out."
    )


def _positions(documents: Sequence[ReadDocument], codec: Codec, origin: Origin, names: Names) -> pa.Table:
    flat = [(document, place) for document in documents for place in range(len(document.tokens))]
    ids = np.zeros((len(flat), codec.number), np.int64)
    log_probs = np.full((len(flat), codec.number), -np.inf)
    rest = np.empty((len(flat), 2))
    for row, (document, place) in enumerate(flat):
        known = document.tokens[place].known
        kept, rest[row] = _kept_tokens(known, codec.number, origin.temperature, names)
        ids[row, : len(kept)], log_probs[row, : len(kept)] = zip(*kept, strict=True)
    low, high = outward(rest).T
    columns = {
        "document": [document.number for document, _ in flat],
        "content": [document.content for document, _ in flat],
        "offset": [document.offset + place for document, place in flat],
        "token": [document.ids[place] for document, place in flat],
        "entropy": np.full(len(flat), np.nan, np.float16),
    }
    target = codec.pack(origin.vocabulary, ids=ids, log_probs=log_probs)
    return pa.table(
        {name: pa.array(columns[name], kind) for name, kind in COLUMNS.items()}
        | {"target": target, "rest_low": pa.array(low), "rest_high": pa.array(high)}
    )


def _kept_tokens(
    known: KnownTop, number: int, temperature: float, names: Names
) -> tuple[list[tuple[int, float]], tuple[float, float]]:
    """Ids and log-probabilities at tau among the tokens kept, and the bounds on what all others weigh at tau."""
    top = KnownTop(known.tokens[:number], known.vocabulary, known.rounding)
    at_tau = top.at(temperature)
    probs, unseen = at_tau.probs, at_tau.unseen
    low, high = float(unseen.low), float(unseen.high)
    named: dict[int, float] = {}
    # What is unseen is bounded at tau already; each token that cannot be kept adds its own bounds to those.
    for place, token in enumerate(top.tokens):
        token_id = names.id_of(token.token)
        if token_id is None or token_id in named or not math.isfinite(token.logprob):
            # A token without an id, or of a text that is taken, is one of the others.
            low, high = low + float(probs.low[place]), high + float(probs.high[place])
        else:
            named[token_id] = token.logprob / temperature
    if not named:
        raise SourceError(
            f"none of the tokens {[one.token for one in top.tokens[:3]]} that the server names is in the tokenizer;"
            " give --tokenizer the teacher's own, or leave it out."
        )
    # Renormalised among those that are kept, as the codec topk does it.
    largest = max(named.values())
    log_sum = largest + math.log(sum(math.exp(value - largest) for value in named.values()))
    kept = [(token_id, value - log_sum) for token_id, value in named.items()]
    return kept, (max(low, 0.0), min(high, 1.0))


def outward(rest: np.ndarray) -> np.ndarray:
    """`[positions, 2]` bounds in half precision, rounded so that they stay bounds."""
    low, high = rest[:, 0].astype(np.float16), rest[:, 1].astype(np.float16)
    low = np.where(low > rest[:, 0], np.nextafter(low, np.float16(0)), low)
    high = np.where(high < rest[:, 1], np.nextafter(high, np.float16(2)), high)
    return np.stack([low, high], axis=1)
