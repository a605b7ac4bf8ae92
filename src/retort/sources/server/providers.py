"""`anthropic:NAME`, `gemini:NAME`, `any-llm:PROVIDER/NAME`: models whose provider speaks no OpenAI, by way of any-llm.

In: an `Ask`. Out: a `Reply`, as from `Server`. The library (extra `providers`) writes each provider's own wire format
and gives back OpenAI's form, which `answers.py` reads. Keys come from each provider's own variable (ANTHROPIC_API_KEY,
GEMINI_API_KEY …), another address from PROVIDER_BASE_URL. These are sources of ANSWERS: texts, no distribution.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from retort.errors import MissingExtraError, SourceError
from retort.sources.base import Capability
from retort.sources.server.answers import Choice, Reply, read_reply
from retort.sources.server.connection import (
    TIMEOUT,
    ParameterRefused,
    ServerError,
    one_line,
    refused_parameters,
)
from retort.sources.server.server import CHAT, SECONDS_PER_TOKEN, Ask
from retort.sources.server.source import ServerSource

BASES = ("{}_BASE_URL", "{}_API_BASE")
STATUS_WORDS = ("status_code", "code", "status")


class Provider:
    """One model of a provider, asked as `Server` is. A seed that the provider does not take is left out, and noted."""

    endpoint = CHAT
    vocabulary: int | None = None
    max_context: int | None = None

    def __init__(self, provider: str, model: str) -> None:
        """Raises SourceError for a provider that any-llm does not know, MissingExtraError without the library."""
        self.provider, self.model = provider, model
        self.name = f"{provider}:{model}"
        self.takes_seed = True
        if not model:
            raise SourceError(f"{self.name} has no model name; give {provider}:NAME.")
        try:
            from any_llm import AnyLLM
        except ImportError as error:
            raise MissingExtraError("any-llm-sdk", "providers", f"Asking {provider}") from error
        variables = (form.format(provider.upper().replace("-", "_")) for form in BASES)
        base = next((os.environ[name] for name in variables if os.environ.get(name)), None)
        try:
            self._client = AnyLLM.create(provider, api_base=base)
        except Exception as error:  # an unknown provider, a key that is not set: they have no base class
            raise SourceError(f"{self.name} cannot be asked: {_short(error)}.") from None

    def ask(self, ask: Ask) -> Reply:
        """The reply to one request; `n` texts are as many requests. Raises ServerError."""
        one = replace(ask, n=1, echo=False)
        replies = [self._one(one) for _ in range(ask.n)]
        return replace(replies[0], choices=tuple(choice for reply in replies for choice in reply.choices))

    def stream(self, ask: Ask) -> Iterator[Choice]:
        """The whole text as one piece: what is paid for is asked for once, and nothing is lost half-way."""
        yield from self.ask(replace(ask, n=1)).choices[:1]

    def render_chat(self, messages: Any) -> None:
        """No provider tells what its model sees."""

    def _one(self, ask: Ask) -> Reply:
        sent = {name: v for name, v in ask.settings(self.takes_seed).items() if v is not None}
        try:
            answer = self._client.completion(
                model=self.model,
                messages=ask.messages,
                max_tokens=ask.max_tokens,
                timeout=TIMEOUT + SECONDS_PER_TOKEN * ask.max_tokens,
                **sent,
            )
        except Exception as error:  # of the library, of each provider's own client, of the network
            refused = refused_parameters(str(error), sent)
            if refused == ("seed",):
                self.takes_seed = False
                return self._one(ask)
            status = next(
                (n for n in (getattr(error, w, None) for w in STATUS_WORDS) if isinstance(n, int)), None
            )
            sentence = f"{self.name} refused the request or failed: {_short(error)!r}."
            raise (
                ParameterRefused(sentence, status, refused) if refused else ServerError(sentence, status)
            ) from None
        return read_reply(answer.model_dump(mode="json"), self.name)


class ProviderSource(ServerSource):
    """A source of ANSWERS: nothing is asked when it is made, since every answer is paid for."""

    def __init__(self, provider: str, model: str) -> None:
        self.server = Provider(provider, model)  # type: ignore[assignment]  # asked in the same way
        self.capability = Capability.ANSWERS
        self.name = self.server.name
        self.max_context = None
        self._last_asked = CHAT


def _short(error: Exception) -> str:
    """One short line without any key that is in the environment."""
    keys = [
        value for name, value in os.environ.items() if name.endswith(("_KEY", "_TOKEN")) and len(value) >= 8
    ]
    return one_line(str(error).strip() or type(error).__name__, keys)
