"""One model behind an OpenAI-compatible server: how it is asked, and what it answers, before anybody judges it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from retort.errors import SourceError
from retort.sources.chat import Message
from retort.sources.server.logprob_shapes import Choice, Reply, drop_extra, read_reply
from retort.sources.server.openai_api import Connection, ServerError

COMPLETIONS, CHAT = "completions", "chat"
NO_SUCH_ROUTE = (404, 405, 501)
REFUSED = (400, 404, 405, 415, 422, 501)  # the server understood, and will not
FEWER = (20, 10, 5, 2)  # what servers that refuse more let one ask for


@dataclass(frozen=True)
class Ask:
    """One request. `extra` goes into the body as it is: settings that only some servers know, such as top_k."""

    prompt: str | tuple[Message, ...]
    max_tokens: int = 1
    temperature: float = 1.0
    top_p: float = 1.0
    top_logprobs: int = 20
    n: int = 1
    seed: int | None = None
    stop: tuple[str, ...] = ()
    echo: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


class Server:
    """A connection and the name of a model there. `endpoint` is what texts go to: completions, or chat where there
    is nothing else (a text is then the one message of a user).
    """

    def __init__(self, connection: Connection, model: str) -> None:
        """`model` may be empty where the server has one only. Raises SourceError for a model it does not have."""
        self.connection = connection
        self.model, self.vocabulary, self.max_context = _find_model(connection, model)
        self.name = f"{connection.base_url}#{self.model}"
        self.endpoint = COMPLETIONS
        self._length_name = "max_tokens"

    def ask(self, ask: Ask) -> Reply:
        """The reply to one request. Raises ServerError where it is refused, SourceError where it cannot be read."""
        is_chat = not isinstance(ask.prompt, str) or self.endpoint == CHAT
        try:
            record = self.connection.post(*self._request(ask, is_chat))
        except ServerError as error:
            if "max_completion_tokens" in str(error) and self._length_name == "max_tokens":
                self._length_name = "max_completion_tokens"  # what newer models of OpenAI call it
                return self.ask(ask)
            raise
        reply = read_reply(record, self.name)
        if reply.shape != "openai-completions":
            return reply
        choices = [
            replace(choice, positions=tuple(drop_extra(p, ask.top_logprobs) for p in choice.positions))
            for choice in reply.choices
        ]
        return replace(reply, choices=tuple(choices))

    def stream(self, ask: Ask) -> Iterator[Choice]:
        """The choice of one request (n = 1) in pieces as they come, each with the positions that it brings.

        Raises ServerError where the stream ends before the text does.
        """
        is_chat = not isinstance(ask.prompt, str) or self.endpoint == CHAT
        finished = False
        for record in self.connection.stream(*self._request(ask, is_chat)):
            if not isinstance(record, Mapping) or not record.get("choices"):
                continue
            choices = [_as_whole(choice) for choice in record["choices"]]
            for choice in read_reply({**record, "choices": choices}, self.name).choices[:1]:
                finished = finished or choice.finish_reason is not None
                if choice.text or choice.positions or choice.finish_reason is not None:
                    yield choice
        if not finished:
            raise ServerError(
                f"The stream of {self.name} broke off before the text ended; what came so far is kept."
            )

    def _request(self, ask: Ask, is_chat: bool) -> tuple[str, dict[str, Any]]:
        body: dict[str, Any] = {
            "model": self.model,
            self._length_name if is_chat else "max_tokens": ask.max_tokens,
            "temperature": ask.temperature,
            "top_p": ask.top_p,
        }
        if is_chat:
            messages = [Message("user", ask.prompt)] if isinstance(ask.prompt, str) else ask.prompt
            body["messages"] = [{"role": message.role, "content": message.content} for message in messages]
            body |= {"logprobs": True, "top_logprobs": ask.top_logprobs} if ask.top_logprobs else {}
        else:
            body |= {"prompt": ask.prompt} | ({"logprobs": ask.top_logprobs} if ask.top_logprobs else {})
        if ask.n != 1:
            body["n"] = ask.n
        if ask.seed is not None:
            body["seed"] = ask.seed
        if ask.stop:
            body["stop"] = list(ask.stop)
        if ask.echo:
            body["echo"] = True
        return ("/chat/completions" if is_chat else "/completions"), body | dict(ask.extra)

    def choose_endpoint(self) -> None:
        """Ask chat where the server has no completions, or has them for other models only."""
        try:
            self.ask(Ask("The", top_logprobs=0))
        except ServerError as error:
            if error.status not in REFUSED:
                raise
            self.endpoint = CHAT
            try:
                self.ask(Ask("The", top_logprobs=0))
            except ServerError as chat_error:
                raise chat_error if error.status in NO_SUCH_ROUTE else error from None

    def pieces(self, text: str) -> list[str] | None:
        """How the server cuts `text` into tokens, where it has a route that tells (llama.cpp's); None elsewhere."""
        try:
            record = self.connection.post("//tokenize", {"content": text, "with_pieces": True})
        except SourceError:
            return None
        tokens = record.get("tokens") if isinstance(record, Mapping) else None
        raw = b""
        pieces: list[str] = []
        for token in tokens if isinstance(tokens, list) else ():
            piece = token.get("piece") if isinstance(token, Mapping) else None
            if piece is None:
                return None
            # A piece that is no whole character comes as bytes; it is put together with those after it.
            raw += piece.encode() if isinstance(piece, str) else bytes(piece)
            try:
                pieces.append(raw.decode("utf-8"))
            except UnicodeDecodeError:
                continue
            raw = b""
        return pieces if "".join(pieces) == text else None

    def render_chat(self, messages: Sequence[Message]) -> str | None:
        """The prompt that the server makes of a message list, where it has a route that tells (llama.cpp's)."""
        try:
            record = self.connection.post(
                "//apply-template", {"messages": [{"role": m.role, "content": m.content} for m in messages]}
            )
        except SourceError:
            return None
        rendered = record.get("prompt") if isinstance(record, Mapping) else None
        return rendered if isinstance(rendered, str) else None


def _as_whole(choice: Mapping[str, Any]) -> Mapping[str, Any]:
    """A chunk's choice as a whole answer would write it: `delta` is the piece of a message."""
    return {**choice, "message": choice["delta"]} if "delta" in choice else choice


def _find_model(connection: Connection, model: str) -> tuple[str, int | None, int | None]:
    """The model's name at the server, its vocabulary and its context, as far as `/models` tells."""
    try:
        listed = connection.get("/models")
    except ServerError as error:
        if error.status in REFUSED and model:
            return model, None, None  # some servers list nothing
        raise
    data = listed.get("data") if isinstance(listed, Mapping) else None
    models = {str(entry.get("id")): entry for entry in data or () if isinstance(entry, Mapping)}
    if not model and len(models) == 1:
        model = next(iter(models))
    if model not in models and (models or not model):
        there = ", ".join(sorted(models)[:8]) or "none that it lists"
        missing = f"has no model {model!r}" if model else "has more than one model"
        raise SourceError(f"{connection.base_url} {missing}; name one after '#': {there}.")
    entry = models.get(model, {})
    meta = entry.get("meta") or {}
    return model, _whole(meta.get("n_vocab")), _whole(meta.get("n_ctx") or entry.get("max_model_len"))


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
