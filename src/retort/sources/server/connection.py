"""The network: one connection to a server that speaks JSON. All of retort's own outgoing traffic is in this file.

In: a path and a JSON body. Out: the JSON of the answer, or its pieces as they come; a ServerError in one sentence for
everything else. A request is repeated on 408, 409, 429, 5xx and a lost connection, later each time or when Retry-After
says; not after a timeout, since the server may still be at work (and paid). A whole answer has a limit of time and of
bytes, not only each read. The key comes from the environment, goes into the request's header and nowhere else: where an
answer repeats it, it is struck out before anybody sees it.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from retort.errors import MissingExtraError, SourceError, printable
from retort.files import parse_json

KEY_VARIABLES = ("RETORT_API_KEY", "OPENAI_API_KEY")
TIMEOUT = 60.0  # seconds without an answer, and for the whole answer unless more was asked for
RETRIES = 3
FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0  # seconds between tries
# And 5xx, as OpenAI's own client does (openai/_base_client.py, `_should_retry`), but 501: a route that is not there.
REPEATED = (408, 409, 429)
EVENTS_SECONDS = 600.0  # a whole stream
MOST_BYTES = 2**26  # of one answer
LOOPBACK = ("127.0.0.1", "localhost", "::1")
LONGEST_REASON = 200  # characters of a server's own words in our sentence


class ServerError(SourceError):
    """A request that got no usable answer; `status` is the HTTP status, None where there was no answer at all."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class NotJson(ServerError):
    """An answer that came, and that is not JSON."""


class ParameterRefused(ServerError):
    """The server does not take a parameter for this model, whatever its value or at any but one.

    `parameters` are their names as they were sent: without them the request may be repeated.
    """

    def __init__(self, message: str, status: int | None, parameters: tuple[str, ...]) -> None:
        super().__init__(message, status)
        self.parameters = parameters


class Connection:
    """A server at `base_url` (`http://host:port/v1`), to which JSON is posted."""

    def __init__(self, base_url: str, *, timeout: float = TIMEOUT, retries: int = RETRIES) -> None:
        """Raises SourceError for a URL or a key that is none, and MissingExtraError without httpx2."""
        self.base_url = check_url(base_url)
        self.timeout, self.retries = timeout, retries
        # What was asked again, and how much of it for a rate limit: a long run's progress shows them.
        self.repeated = self.limited = 0
        self._key = _key_for(self.base_url)
        try:
            import httpx2
        except ImportError as error:
            raise MissingExtraError("httpx2", "servers", f"Asking the server {base_url}") from error
        self._httpx = httpx2
        # Not compressed: a small piece could unpack to far more than MOST_BYTES before anybody counts it.
        headers = {"Accept-Encoding": "identity"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        self._client = httpx2.Client(headers=headers, timeout=timeout)

    def __del__(self) -> None:
        if (client := getattr(self, "_client", None)) is not None:
            client.close()

    def post(self, path: str, body: Mapping[str, Any], seconds: float = 0.0) -> Any:
        """The JSON that the server answers, which may take `seconds` longer than `timeout`; ServerError else."""
        limit = self.timeout + seconds
        return self._json(path, b"".join(self._chunks(path, body, limit)))

    def get(self, path: str) -> Any:
        """As `post`, without a body."""
        return self._json(path, b"".join(self._chunks(path, None, self.timeout)))

    def stream(self, path: str, body: Mapping[str, Any]) -> Iterator[Any]:
        """The JSON values of a streamed answer as they come; ServerError where the stream breaks off.

        They stand behind `data:` (server-sent events) or on lines of their own (Ollama).
        """
        chunks = self._chunks(path, {**body, "stream": True}, EVENTS_SECONDS, self.timeout)
        for line in _lines(chunks):
            text = self._cleared(line).strip()
            if text.startswith("data:"):
                text = text.removeprefix("data:").strip()
            elif not text.startswith(("{", "[")):
                continue  # event:, id:, comments and blank lines
            if text == "[DONE]":
                return
            try:
                value = parse_json(text, "")
            except SourceError:
                raise ServerError(
                    f"The stream of {self.base_url} at {path} broke off or cannot be read ({self._short(text)!r})."
                ) from None
            if isinstance(value, Mapping) and isinstance(value.get("error"), Mapping | str):
                raise ServerError(
                    f"{self.base_url} interrupted the stream of {path}{self._said(text.encode())}."
                )
            yield value

    def _url(self, path: str) -> str:
        """Paths that begin with // lie beside /v1, at the root of the server: llama.cpp's own routes."""
        if not path.startswith("//"):
            return self.base_url + path
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc}/{path.removeprefix('//')}"

    def _chunks(
        self, path: str, body: Mapping[str, Any] | None, limit: float, pause: float | None = None
    ) -> Iterator[bytes]:
        """The bytes of a good answer: `limit` seconds in all. With a `pause` they come one by one, as soon as they are
        there, and that is how long the next ones may take. Raises ServerError.
        """
        silence = min(limit, pause or limit)
        # The library's timeout is for each read: a server that sends a byte a second never meets it, `limit` it does.
        timeout = self._httpx.Timeout(silence, connect=min(limit, self.timeout))
        method = "GET" if body is None else "POST"
        try:
            request = self._client.build_request(method, self._url(path), json=body, timeout=timeout)
        except (self._httpx.InvalidURL, UnicodeError) as error:
            # A host that is none, half a surrogate pair in a prompt: no second try would do better.
            reason = self._short(str(error))
            raise ServerError(f"The request to {self.base_url} cannot be written ({reason}).") from None
        wait = FIRST_WAIT
        for left in range(self.retries, -1, -1):
            began, size, kept = time.monotonic(), 0, b""
            try:
                response = self._client.send(request, stream=True)
                try:
                    for chunk in response.iter_bytes():
                        size += len(chunk)
                        self._check_limits(path, time.monotonic() - began, limit, size)
                        if pause is not None and response.status_code < 400:
                            yield chunk
                        else:
                            kept += chunk
                finally:
                    response.close()
            except self._httpx.TimeoutException:
                raise ServerError(
                    f"{self.base_url} did not answer {path} within {silence:g} s; is it overloaded?"
                ) from None
            except (self._httpx.HTTPError, OSError, UnicodeError) as error:
                # Nothing may be repeated once a part of the answer was handed on.
                if left == 0 or (size and not kept):
                    raise self._no_connection(error) from None
            else:
                if response.status_code < 400:
                    yield kept
                    return
                status = response.status_code
                if left == 0 or not (status in REPEATED or (status >= 500 and status != 501)):
                    raise self._refusal(path, status, kept, body)
                self.limited += status == 429
                wait = _asked_wait(response.headers.get("retry-after"), wait)
            self.repeated += 1
            time.sleep(wait)
            wait = min(2.0 * wait, LONGEST_WAIT)

    def _check_limits(self, path: str, seconds: float, limit: float, size: int) -> None:
        if seconds > limit:
            raise ServerError(f"{self.base_url} did not end its answer to {path} within {limit:g} s.")
        if size > MOST_BYTES:
            raise ServerError(
                f"{self.base_url} answered {path} with more than {MOST_BYTES:,} bytes, which is too long."
            )

    def _json(self, path: str, data: bytes) -> Any:
        text = self._cleared(data)
        try:
            return parse_json(text, "")
        except SourceError as problem:
            why = ": it is nested too deeply" if "deeply" in str(problem) else f" ({self._short(text)!r})"
            raise NotJson(
                f"{self.base_url} answered {path} with invalid JSON{why}; is it an OpenAI-compatible "
                f"server, and does the URL end in /v1?"
            ) from None

    def _no_connection(self, error: Exception) -> ServerError:
        # The exception itself stays out of the chain: it could carry the request, and with it the key.
        reason = self._short(str(error) or type(error).__name__)
        return ServerError(
            f"No connection to {self.base_url}, or it was cut ({reason}; {self._tries}); is the server running?"
        )

    @property
    def _tries(self) -> str:
        return f"{self.retries + 1} tries" if self.retries else "one try"

    def _refusal(self, path: str, status: int, answer: bytes, body: Mapping[str, Any] | None) -> ServerError:
        """What an answer of 400 and above says, in our words."""
        where, said = self.base_url, self._said(answer)
        if status in (401, 403):
            key = "the key that was sent" if self._key else "a request without a key"
            return ServerError(
                f"{where} refuses {key} (HTTP {status}){said}; set {' or '.join(KEY_VARIABLES)}.", status
            )
        if status == 429:
            return ServerError(
                f"{where} says too many requests (HTTP 429) after {self._tries}{said}; try again later.",
                status,
            )
        if status >= 500:
            return ServerError(f"{where} failed at {path} (HTTP {status}) after {self._tries}{said}.", status)
        sentence = f"{where} refuses {path} (HTTP {status}){said}."
        refused = refused_parameters(self._cleared(answer), body or {}) if status in (400, 422) else ()
        return ParameterRefused(sentence, status, refused) if refused else ServerError(sentence, status)

    def _said(self, answer: bytes) -> str:
        said = _message(self._cleared(answer))
        return f": {self._short(said)!r}" if said else ""

    def _cleared(self, data: bytes) -> str:
        text = data.decode("utf-8", "replace")
        return text.replace(self._key, "[key]") if self._key else text

    def _short(self, text: str) -> str:
        return one_line(text, [self._key] if self._key else ())


def one_line(text: str, keys: Iterable[str]) -> str:
    """One short line without any of the keys: an error of the network may hold the request."""
    line = printable(" ".join(text.split()), keep="")
    for key in keys:
        line = line.replace(key, "[key]")
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 1] + "…"


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines that end at a line feed: a text may hold U+2028."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    if rest.strip():
        yield rest


def _asked_wait(header: str | None, wait: float) -> float:
    try:
        return min(max(float(header or ""), 0.0), LONGEST_WAIT)
    except ValueError:
        return wait


def _message(answer: str) -> str:
    """The server's own words in an error's body: `error.message`, `message`, `detail`, or the body itself."""
    try:
        body = json.loads(answer)
    except (ValueError, RecursionError):
        return "" if answer.lstrip().startswith("<") else answer
    for _ in range(3):  # {"error": {"message": …}}, and pydantic's {"detail": [{"msg": …}]}
        if isinstance(body, list) and body:
            body = body[0]
        if not isinstance(body, Mapping):
            break
        body = next((body[key] for key in ("error", "message", "detail", "msg") if body.get(key)), "")
    return body if isinstance(body, str) else ""


REFUSAL = re.compile(
    r"unsupported (parameter|value|field|argument)|not (currently )?support|n't support|no longer support|unsupported"
    r"|unknown (parameter|field|name|argument)|unrecogni[sz]ed|unexpected (keyword|field|argument|parameter)"
    r"|extra (inputs|fields)|additional propert|not (permitted|allowed|accepted|available|a valid parameter)"
    r"|only the default|may only be|can only be|must be (set to )?(exactly )?1\b|must be (omitted|unset|absent)"
    r"|cannot (both )?be (set|specified|used|changed)|can't be (set|specified|used)|deprecated|invalid parameter"
    r"|remove (the|this) parameter|does not accept|do not (accept|take)|is fixed",
    re.IGNORECASE,
)
"""How servers say that a parameter is not taken: OpenAI, Azure, Groq, Anthropic, Gemini, pydantic, vLLM, xAI."""


def refused_parameters(answer: str, sent: Mapping[str, Any]) -> tuple[str, ...]:
    """Those of the parameters that were sent which the server says it does not take; none for any other complaint."""
    if not REFUSAL.search(answer):
        return ()
    # What every request has is never the refused parameter: complaints about anything else name a model or a length.
    return tuple(
        name
        for name in sent
        if name not in ("model", "messages", "prompt", "max_tokens")
        and re.search(rf"(?<![A-Za-z0-9_]){_any_case(name)}(?![A-Za-z0-9_])", answer)
    )


def _any_case(name: str) -> str:
    """top_p as top_p, topP, `top-p` or "top p"."""
    first, *rest = name.split("_")
    return first + "".join(f"(?:[_ -]?{re.escape(one)}|{one.capitalize()})" for one in rest)


def check_url(url: str) -> str:
    """`url` without a slash at its end; SourceError for one that names no host, or holds a password or a query."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise SourceError(f"{url} is not a URL ({error}); give http://host:port/v1#name.") from None
    if "@" in parts.netloc or parts.query:
        raise SourceError(
            "The URL of a server may hold no password and no query, since a model's name is written into records; "
            f"set {' or '.join(KEY_VARIABLES)} instead."
        )
    if parts.scheme not in ("http", "https") or not host:
        raise SourceError(f"{url} is not the URL of a server; give http://host:port/v1#name.")
    return url.rstrip("/")


def _key_for(base_url: str) -> str | None:
    """The key to send: OPENAI_API_KEY goes out encrypted or to this machine only, RETORT_API_KEY to any server."""
    parts = urlsplit(base_url)
    safe = parts.scheme == "https" or parts.hostname in LOOPBACK
    for variable in KEY_VARIABLES if safe else KEY_VARIABLES[:1]:
        key = os.environ.get(variable, "").strip()
        if key and not (key.isascii() and key.isprintable()):
            raise SourceError(f"{variable} holds characters that no key has; set it again.")
        if key:
            return key
    return None
