"""`http(s)://host:port/v1#name`: a model on a server, of which the most probable tokens are known and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from retort.errors import CapabilityError, SourceError
from retort.sources.base import (
    LARGEST_VOCABULARY,
    Capability,
    KnownToken,
    KnownTop,
    ReadToken,
    needs_whole_vocabulary,
)
from retort.sources.chat import Message
from retort.sources.server.logprob_shapes import Position, complaint, rounding_of
from retort.sources.server.openai_api import RETRIES, TIMEOUT, Connection, ServerError
from retort.sources.server.probe import Probe, probe
from retort.sources.server.server import CHAT, REFUSED, Ask, Server

Prompt = str | tuple[Message, ...]


class ServerSource:
    """A TOP_N source. The server is reached when it is made, and probed when its numbers are first asked for."""

    capability = Capability.TOP_N
    end_ids: frozenset[int] = frozenset()

    def __init__(self, url: str, *, timeout: float = TIMEOUT, retries: int = RETRIES) -> None:
        """Raises SourceError where the server cannot be reached or has no such model."""
        address, _, model = url.partition("#")
        self.server = Server(Connection(address, timeout=timeout, retries=retries), model)
        self.server.choose_endpoint()
        self.name = self.server.name
        self.max_context = self.server.max_context
        self._last_asked: str | None = None

    @property
    def vocab_size(self) -> int:
        """The size that the server tells; one that no vocabulary reaches where it does not."""
        return self.server.vocabulary or LARGEST_VOCABULARY

    @property
    def probe(self) -> Probe:
        """What was found out about the endpoint that was asked last (completions, before anything was asked)."""
        return probe(self.server, self._last_asked)

    def probe_for(self, prompt: Prompt) -> Probe:
        """What was found out about the endpoint that `prompt` goes to; made on first use, as `probe` is."""
        self._last_asked = self.server.endpoint if isinstance(prompt, str) else CHAT
        return self.probe

    @property
    def note(self) -> str | None:
        return " ".join(self.probe.notes) or None

    def next_tokens(self, prompt: Prompt, count: int | None = None) -> KnownTop:
        known = self.probe_for(prompt)
        if count is not None and count > known.given:
            try:
                return self._top(prompt, count)
            except ServerError as error:
                if error.status not in REFUSED:
                    raise
        return self._top(prompt, known.asked)

    def _top(self, prompt: Prompt, asked: int) -> KnownTop:
        known = self.probe
        reply = self.server.ask(Ask(prompt, top_logprobs=asked, extra=known.neutral))
        positions = reply.choices[0].positions if reply.choices else ()
        if not positions:
            raise SourceError(
                f"{self.name} answered without logprobs this time"
                + (", since the text ends here" if reply.choices and not reply.choices[0].text else "")
                + "; ask again, or for another prompt."
            )
        return self.known_top(positions[0])

    def known_top(self, position: Position) -> KnownTop:
        """A position's candidates in nats, checked again: a server may change its mind after the probe."""
        known = self.probe
        tokens = tuple(KnownToken(t.token, t.logprob * known.scale, t.id) for t in position.top)
        wrong = complaint(tokens)
        if wrong is not None:
            raise SourceError(f"{self.name} {wrong}; its logprobs cannot be used.")
        # What two equal requests differ by is unknown to whoever sees one of them, just as a rounding is.
        rounding = max(rounding_of(tokens), known.rounding) + known.replay
        return KnownTop(tokens, self.server.vocabulary, rounding)

    def read(self, prompt: str, text: str) -> Iterator[ReadToken]:
        self._last_asked = self.server.endpoint
        if self.probe.echo:
            yield from self.echoed(prompt, text, self.probe.asked)
            return
        pieces = self.server.pieces(prompt + text)
        if pieces is None:
            raise CapabilityError(
                f"{self.name} neither repeats the logprobs of a text (echo) nor tells how it cuts one into tokens, so "
                "a given text cannot be traced there; leave the text out to trace the greedy one."
            )
        before = ""
        for piece in pieces:
            if len(before) >= len(prompt):
                yield ReadToken(before, piece, self.next_tokens(before))
            before += piece

    def echoed(self, prompt: str, text: str, count: int) -> Iterator[ReadToken]:
        """All positions of one request, with `count` candidates each, from a server whose probe says `echo`.

        A token that reaches from the prompt into the text belongs to the text. Raises SourceError.
        """
        known = self.probe
        ask = Ask(prompt + text, top_logprobs=count, echo=True, extra=known.neutral)
        choices = self.server.ask(ask).choices
        before, end = "", len(prompt) + len(text)
        for position in choices[0].positions if choices else ():
            token = position.chosen.token if position.chosen else position.text
            if len(before) + len(token) > len(prompt) and position.top and len(before) < end:
                yield ReadToken(before, token, self.known_top(position))
            before += token

    def render_chat(self, messages: Sequence[Message]) -> str | None:
        return self.server.render_chat(messages)

    def encode(self, text: str) -> NoReturn:
        raise needs_whole_vocabulary(self, "This")

    def decode(self, ids: Sequence[int]) -> NoReturn:
        raise needs_whole_vocabulary(self, "This")

    def token_text(self, token_id: int) -> NoReturn:
        raise needs_whole_vocabulary(self, "This")

    def start(self, prompts: Sequence[Sequence[int]]) -> Any:
        raise needs_whole_vocabulary(self, "This")
