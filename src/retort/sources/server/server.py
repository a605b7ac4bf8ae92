"""One model behind an OpenAI-compatible server: how it is asked, and what it answers, before anybody judges it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from retort.errors import InputError, SourceError, printable
from retort.sources.chat import Message, Question
from retort.sources.server.answers import Byte, Choice, Reply, read_reply
from retort.sources.server.connection import Connection, NotJson, ParameterRefused, ServerError

COMPLETIONS, CHAT = "completions", "chat"
ENDPOINTS = (CHAT, COMPLETIONS)
NO_SUCH_ROUTE = (404, 405, 501)
REFUSED = (400, 404, 405, 415, 422, 501)  # the server understood, and will not
FEWER = (20, 10, 5, 2)  # what servers that refuse more let one ask for
SECONDS_PER_TOKEN = 1.0  # patience beyond the timeout, for what a slow server may need
MORE_CHUNKS = 4  # chunks of a stream per token that was asked for, until it counts as endless


@dataclass(frozen=True)
class Ask:
    """One request. What is None, and no logprobs, seed or stop strings, is not sent: the server's own defaults hold.

    `extra` goes into the body as it is: settings that only some servers know, such as top_k.
    """

    prompt: Question
    max_tokens: int = 1
    temperature: float | None = None
    top_p: float | None = None
    top_logprobs: int = 20
    n: int = 1
    seed: int | None = None
    stop: tuple[str, ...] = ()
    echo: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def messages(self) -> list[Any]:
        """The prompt as a conversation: a text is the one message of a user."""
        return _as_sent([Message("user", self.prompt)] if isinstance(self.prompt, str) else self.prompt)

    def settings(self, takes_seed: bool) -> dict[str, Any]:
        """What is sent beside the prompt, its length and logprobs."""
        named = {
            "tools": _tools(self.prompt) or None,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "seed": self.seed if takes_seed else None,
            "n": self.n if self.n != 1 else None,
            "stop": list(self.stop) or None,
            "echo": self.echo or None,
        }
        return {name: value for name, value in named.items() if value is not None} | dict(self.extra)


def _as_sent(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """With all that a message holds; parts of a content as one text, which every server takes."""
    sent = [message.to_dict() for message in messages]
    return [
        entry if entry.get("content") is None else {**entry, "content": message.content}
        for entry, message in zip(sent, messages, strict=True)
    ]


def _tools(prompt: str | Sequence[Message]) -> list[dict[str, Any]]:
    return [dict(tool) for tool in getattr(prompt, "tools", ())]


class Server:
    """A connection and the name of a model there. `endpoint` is what texts go to: completions, or chat where there
    is nothing else or it was asked for (a text is then the one message of a user). Messages go to chat always.
    """

    def __init__(self, connection: Connection, model: str) -> None:
        """`model` may be empty where the server has one only. Raises SourceError for a model it does not have."""
        self.connection = connection
        self.model, self.vocabulary, self.max_context = _find_model(connection, model)
        self.name = f"{connection.base_url}#{self.model}"
        self.endpoint = COMPLETIONS
        self.takes_seed = True  # until it refuses one: then it is left out, and noted
        self._length_name = "max_tokens"
        self._logprobs_as_chat = False

    def ask(self, ask: Ask) -> Reply:
        """The reply to one request. Raises ServerError where it is refused, SourceError where it cannot be read."""
        seconds = SECONDS_PER_TOKEN * ask.max_tokens * ask.n
        try:
            return self._read(self.connection.post(*self._request(ask), seconds), ask)
        except ServerError as error:
            # Tried once more without what was refused, once for each: the flags are never set back.
            if self._adapts_to(error):
                return self.ask(ask)
            raise

    def stream(self, ask: Ask) -> Iterator[Choice]:
        """The choice of one request (n = 1) in pieces as they come, each with the positions that it brings.

        Raises ServerError where the stream ends before the text does, or long after it should have.
        """
        finished, chunks = False, 0
        # The connection bounds bytes and time; a stream of pieces without an end is told much earlier by their number.
        for record in self.connection.stream(*self._request(ask)):
            if isinstance(record, Mapping) and "choices" in record and not record["choices"]:
                continue  # usage, at the end
            chunks += 1
            if chunks > MORE_CHUNKS * (ask.max_tokens + 16):
                raise ServerError(
                    f"The stream of {self.name} does not end: {ask.max_tokens} tokens were asked for, and "
                    f"{chunks:,} pieces came."
                )
            for choice in self._read(record, ask).choices[:1]:
                finished = finished or choice.finish_reason is not None
                if choice.text or choice.positions or choice.finish_reason is not None:
                    yield choice
        if not finished:
            raise ServerError(
                f"The stream of {self.name} was interrupted before the text ended; the text so far is kept."
            )

    def _is_chat(self, ask: Ask) -> bool:
        return not isinstance(ask.prompt, str) or self.endpoint == CHAT

    def _read(self, record: Any, ask: Ask) -> Reply:
        return read_reply(record, self.name, None if self._is_chat(ask) else ask.top_logprobs)

    def _adapts_to(self, error: ServerError) -> bool:
        """True once for each: where the server takes no seed, where it wants `max_completion_tokens`, as newer models
        of OpenAI do, or `logprobs` in completions as true with `top_logprobs` beside it, as mlx-lm does.
        """
        said = str(error)
        if isinstance(error, ParameterRefused) and error.parameters == ("seed",) and self.takes_seed:
            self.takes_seed = False
            return True
        if "max_completion_tokens" in said and self._length_name == "max_tokens":
            self._length_name = "max_completion_tokens"
            return True
        if "logprobs" in said and "bool" in said and not self._logprobs_as_chat:
            self._logprobs_as_chat = True
            return True
        return False

    def _request(self, ask: Ask) -> tuple[str, dict[str, Any]]:
        is_chat = self._is_chat(ask)
        length = self._length_name if is_chat else "max_tokens"
        prompt = {"messages": ask.messages} if is_chat else {"prompt": ask.prompt}
        body: dict[str, Any] = {"model": self.model, length: ask.max_tokens, **prompt}
        # OpenAI's two endpoints write it differently: a switch and a number in chat, a number alone in completions.
        if ask.top_logprobs:
            both = {"logprobs": True, "top_logprobs": ask.top_logprobs}
            body |= both if is_chat or self._logprobs_as_chat else {"logprobs": ask.top_logprobs}
        return ("/chat/completions" if is_chat else "/completions"), body | ask.settings(self.takes_seed)

    def choose_endpoint(self, endpoint: str | None = None) -> bool:
        """Ask chat where the server has no completions, or has them for other models only. Found by one request.

        Returns whether logprobs came with it. Raises ServerError where neither answers.
        """
        if endpoint is not None:
            self.endpoint = endpoint
            return self._gives_logprobs()
        try:
            return self._gives_logprobs()
        except ServerError as error:
            if error.status not in REFUSED:
                raise
            # If both fail, the refusal says more than that there is no such route.
            self.endpoint = CHAT
            try:
                return self._gives_logprobs()
            except ServerError as chat_error:
                raise chat_error if error.status in NO_SUCH_ROUTE else error from None

    def _gives_logprobs(self) -> bool:
        try:
            reply = self.ask(Ask("The", top_logprobs=2))
        except ServerError as error:
            if error.status not in REFUSED or error.status in NO_SUCH_ROUTE:
                raise
            self.ask(Ask("The", top_logprobs=0))  # raises if it was not the logprobs that were refused
            return False
        # A text that ends at once has no positions, and says nothing.
        return any(choice.positions or not choice.text for choice in reply.choices)

    def pieces(self, text: str) -> list[str] | None:
        """How the server cuts `text` into tokens, where it has a route that tells (llama.cpp's); None elsewhere."""
        try:
            record = self.connection.post("//tokenize", {"content": text, "with_pieces": True})
            tokens = _Tokenized.model_validate(record).tokens
        except (SourceError, ValidationError):
            return None
        raw = b""
        pieces: list[str] = []
        for token in tokens:
            # A piece that is no whole character comes as bytes; it is put together with those after it.
            piece = token.piece
            raw += piece.encode("utf-8", "replace") if isinstance(piece, str) else bytes(piece)
            try:
                pieces.append(raw.decode("utf-8"))
            except UnicodeDecodeError:
                continue
            raw = b""
        # A tokenizer that adds or changes characters tells nothing of where this text is cut.
        return pieces if "".join(pieces) == text else None

    def render_chat(self, messages: Sequence[Message]) -> str | None:
        """The prompt that the server makes of a message list, where it has a route that tells (llama.cpp's)."""
        try:
            tools = {"tools": _tools(messages)} if _tools(messages) else {}
            record = self.connection.post("//apply-template", {"messages": _as_sent(messages), **tools})
        except SourceError:  # no such route, or a template that refuses: the answer itself will say which
            return None
        rendered = record.get("prompt") if isinstance(record, Mapping) else None
        return rendered if isinstance(rendered, str) else None


class _Piece(BaseModel):
    piece: str | Annotated[list[Byte], Field(max_length=256)]


class _Tokenized(BaseModel):
    tokens: list[_Piece]


class _Entry(BaseModel):
    id: str
    meta: dict[str, Any] | None = None
    max_model_len: Any = None


class _Listed(BaseModel):
    data: list[_Entry] = []


def _find_model(connection: Connection, model: str) -> tuple[str, int | None, int | None]:
    """The model's name at the server, its vocabulary and its context, as far as `/models` tells."""
    try:
        listed = _Listed.model_validate(connection.get("/models"))
    except ServerError as error:
        if model and (error.status in REFUSED or isinstance(error, NotJson)):
            return model, None, None  # some servers list nothing
        raise
    except ValidationError:
        if model:
            return model, None, None
        raise SourceError(
            f"{connection.base_url} lists its models in an unknown format; name one after '#'."
        ) from None
    models = {entry.id: entry for entry in listed.data}
    if not model and len(models) == 1:
        model = next(iter(models))
    if model not in models and (models or not model):
        there = ", ".join(sorted(models)[:8]) or "none that it lists"
        missing = f"has no model {model!r}" if model else "has more than one model"
        raise SourceError(
            printable(f"{connection.base_url} {missing}; name one after '#': {there}.", keep="")
        )
    entry = models.get(model, _Entry(id=model))
    meta = entry.meta or {}
    return model, _whole(meta.get("n_vocab")), _whole(meta.get("n_ctx") or entry.max_model_len)


def _whole(value: Any) -> int | None:
    is_whole = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31
    return value if is_whole else None


def check_endpoint(endpoint: str | None) -> None:
    if endpoint is not None and endpoint not in ENDPOINTS:
        raise InputError(f"endpoint is {endpoint!r}; allowed are {' and '.join(ENDPOINTS)}.")
