"""`http(s)://host:port/v1#name`: a model on a server, of which texts and the most likely tokens are known.

In: a URL. Out: what is known of the next token, once the probe has said what the server's numbers are. A server without
logprobs is known by its texts alone (`Capability.ANSWERS`): look, trace and compare refuse it, sample and tune do not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from retort.errors import CapabilityError, SourceError
from retort.sources.base import (
    LARGEST_VOCABULARY,
    Capability,
    KnownTop,
    ReadToken,
    WithoutVocabulary,
    needs_whole_vocabulary,
)
from retort.sources.chat import Message, Question
from retort.sources.server.candidates import Position, check_usable, rounding_of
from retort.sources.server.connection import RETRIES, TIMEOUT, Connection, ServerError
from retort.sources.server.probe import IGNORED, Probe, probe, scaled
from retort.sources.server.server import CHAT, REFUSED, Ask, Server, check_endpoint


class ServerSource(WithoutVocabulary):
    """A source of TOP_N, or of ANSWERS where the server gives no logprobs.

    The server is reached when the source is made, and probed when its numbers are first asked for.
    """

    end_ids: frozenset[int] = frozenset()

    def __init__(
        self, url: str, *, endpoint: str | None = None, timeout: float = TIMEOUT, retries: int = RETRIES
    ) -> None:
        """`endpoint`: "chat" or "completions" for texts, None for the one that works. Raises SourceError where the
        server cannot be reached or has no such model.
        """
        check_endpoint(endpoint)
        address, _, model = url.partition("#")
        self.server = Server(Connection(address, timeout=timeout, retries=retries), model)
        with_logprobs = self.server.choose_endpoint(endpoint)
        self.capability = Capability.TOP_N if with_logprobs else Capability.ANSWERS
        # The MODEL string that loads it again.
        self.name = self.server.name if endpoint is None else f"{endpoint}+{self.server.name}"
        self.max_context = self.server.max_context
        self._last_asked: str | None = None

    @property
    def vocab_size(self) -> int:
        """The size that the server tells; one that no vocabulary reaches where it does not."""
        return self.server.vocabulary or LARGEST_VOCABULARY

    @property
    def endpoint(self) -> str:
        """The endpoint that was asked last, or the one for texts."""
        return self._last_asked or self.server.endpoint

    @property
    def probe(self) -> Probe:
        """What was found out about `endpoint`. Raises CapabilityError where there are no logprobs to probe."""
        if self.capability is Capability.ANSWERS:
            raise needs_whole_vocabulary(self, "This")
        return probe(self.server, self.endpoint)

    def probe_for(self, prompt: Question) -> Probe:
        """What was found out about the endpoint that `prompt` goes to; made on first use, as `probe` is."""
        self._last_asked = self.server.endpoint if isinstance(prompt, str) else CHAT
        return self.probe

    @property
    def note(self) -> str | None:
        asked = (
            "Asked at its chat endpoint, where a text is sent as a user's message."
            if self.endpoint == CHAT
            else "Asked at its completions endpoint, where a text is continued without a chat template."
        )
        if not self.server.takes_seed:
            asked += " It does not accept a seed, so none is sent."
        return " ".join([asked, *(self.probe.notes if self.capability is Capability.TOP_N else ())])

    def next_tokens(self, prompt: Question, count: int | None = None) -> KnownTop:
        known = self.probe_for(prompt)
        if count is not None and count > known.given:
            try:
                return self._top(prompt, count)
            except ServerError as error:
                if error.status not in REFUSED:
                    raise
        return self._top(prompt, known.asked)

    def _top(self, prompt: Question, asked: int) -> KnownTop:
        ask = Ask(prompt, top_logprobs=asked, **self.probe.neutral)
        position = self._first_position(ask)
        if position.num_ranked < min(asked, self.probe.given) and self.probe.temperature == IGNORED:
            # The drawn token may stand in the place of one of the most likely ones (vLLM's chat); a greedy one
            # cannot, and the logprobs are the same.
            position = self._first_position(replace(ask, temperature=0.0))
        if len(position.known) > (ranked := position.num_ranked) >= self.probe.given:
            # What was drawn besides would be another token each time: a look is to be repeatable.
            position = replace(position, known=position.known[:ranked], ceiling=None)
        return self.known_top(position)

    def _first_position(self, ask: Ask) -> Position:
        reply = self.server.ask(ask)
        positions = reply.choices[0].positions if reply.choices else ()
        if not positions:
            raise SourceError(
                f"{self.name} answered without logprobs this time"
                + (", since the text ends here" if reply.choices and not reply.choices[0].text else "")
                + "; ask again, or for another prompt."
            )
        return positions[0]

    def known_top(self, position: Position) -> KnownTop:
        """A position's candidates in nats, checked again: a server may change its mind after the probe."""
        probe = self.probe
        tokens = scaled(position.known, probe.scale)
        check_usable(tokens, self.name)
        # What two equal requests differ by is unknown to whoever sees one of them, just as a rounding is.
        rounding = max(rounding_of(tokens), probe.rounding) + probe.replay
        ceiling = None if position.ceiling is None else position.ceiling * probe.scale
        return KnownTop(tokens, self.server.vocabulary, rounding, ceiling)

    def read(self, prompt: str, text: str) -> Iterator[ReadToken]:
        # A token that reaches from the prompt into the text belongs to the text.
        self._last_asked = self.server.endpoint
        if self.probe.echo:
            yield from self.echoed(prompt, text, self.probe.asked)
            return
        pieces = self.server.pieces(prompt + text)
        if pieces is None:
            raise CapabilityError(
                f"{self.name} neither returns the logprobs of a given text (echo) nor its tokens, so a "
                f"given text cannot be traced; leave the text out to trace the greedy one."
            )
        before = ""
        for piece in pieces:
            if len(before) + len(piece) > len(prompt) and (before or not prompt):
                yield ReadToken(before, piece, self.next_tokens(before))
            before += piece

    def echoed(self, prompt: str, text: str, count: int) -> Iterator[ReadToken]:
        """All positions of one request, with `count` candidates each, from a server whose probe says `echo`.

        Raises SourceError.
        """
        ask = Ask(prompt + text, top_logprobs=count, echo=True, **self.probe.neutral)
        choices = self.server.ask(ask).choices
        before, end = "", len(prompt) + len(text)
        for position in choices[0].positions if choices else ():
            token = position.chosen.token if position.chosen else position.text
            if len(before) + len(token) > len(prompt) and position.known and len(before) < end:
                yield ReadToken(before, token, self.known_top(position))
            before += token

    def render_chat(self, messages: Sequence[Message]) -> str | None:
        return self.server.render_chat(messages)
