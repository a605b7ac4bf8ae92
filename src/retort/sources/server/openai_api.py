"""The network: one connection to an OpenAI-compatible server. All of retort's own outgoing traffic is in this file.

The openai client repeats a request on 408, 409, 429, 5xx, a lost connection and a timeout, waiting longer each time, or
as long as Retry-After says. The API key comes from the environment, goes into the request's header and nowhere else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from retort.errors import MissingExtraError, SourceError

KEY_VARIABLES = ("RETORT_API_KEY", "OPENAI_API_KEY")
TIMEOUT = 60.0  # seconds without an answer
RETRIES = 3
LOOPBACK = ("127.0.0.1", "localhost", "::1")
LONGEST_REASON = 200  # characters of a server's own words in our sentence


class ServerError(SourceError):
    """A request that got no usable answer; `status` is the HTTP status, None where there was no answer at all."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Connection:
    """A server at `base_url` (`http://host:port/v1`), to which JSON is posted."""

    def __init__(self, base_url: str, *, timeout: float = TIMEOUT, retries: int = RETRIES) -> None:
        """Raises SourceError for a URL that is none, and MissingExtraError without the openai client."""
        self.base_url = check_url(base_url)
        self.timeout, self.retries = timeout, retries
        self._key = _key_for(self.base_url)
        try:
            import openai
        except ImportError as error:
            raise MissingExtraError("openai", "servers", f"Asking the server {base_url}") from error
        self._openai = openai
        # The client refuses to be made without a key; a server that wants none ignores this one.
        self._client = openai.OpenAI(
            base_url=self.base_url, api_key=self._key or "none", timeout=timeout, max_retries=retries
        )

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON that the server answers; ServerError in one sentence for everything else."""
        return self._json(path, lambda: self._client.post(self._url(path), cast_to=str, body=dict(body)))

    def get(self, path: str) -> Any:
        """As `post`, without a body."""
        return self._json(path, lambda: self._client.get(self._url(path), cast_to=str))

    def stream(self, path: str, body: Mapping[str, Any]) -> Iterator[Any]:
        """The JSON chunks of a streamed answer as they come; ServerError where the stream breaks off."""
        try:
            chunks = self._client.post(
                self._url(path),
                cast_to=object,
                body={**body, "stream": True},
                stream=True,
                stream_cls=self._openai.Stream[object],
            )
            yield from chunks
        except SourceError:
            raise
        except Exception as error:  # openai's own errors, and those of its network and JSON layers
            raise self._sentence(path, error) from None

    def _url(self, path: str) -> str:
        """Paths that begin with // lie beside /v1, at the root of the server: llama.cpp's own routes."""
        if not path.startswith("//"):
            return path
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc}/{path.removeprefix('//')}"

    def _json(self, path: str, request: Any) -> Any:
        try:
            text = request()
        except Exception as error:  # as above
            raise self._sentence(path, error) from None
        try:
            return json.loads(text)
        except ValueError:
            raise ServerError(
                f"{self.base_url} answered {path} with something that is not JSON ({self._short(text)!r}); "
                "is it an OpenAI-compatible server, and does the URL end in /v1?"
            ) from None

    def _sentence(self, path: str, error: Exception) -> ServerError:
        """`error` in our words. `from None` above: the chain could carry the request, and with it the key."""
        where, tries = self.base_url, f"{self.retries + 1} tries" if self.retries else "one try"
        status = getattr(error, "status_code", None)
        if isinstance(error, self._openai.APITimeoutError):
            return ServerError(
                f"{where} did not answer {path} within {self.timeout:g} s ({tries}); is it overloaded?"
            )
        if isinstance(error, self._openai.APIConnectionError):
            reason = self._short(str(error.__cause__ or error))
            return ServerError(
                f"No connection to {where}, or it was cut ({reason}; {tries}); is the server running?"
            )
        if status is None:
            return ServerError(
                f"The answer of {where} to {path} broke off or cannot be read ({self._short(str(error))})."
            )
        said = self._said(error)
        if status in (401, 403):
            key = "the key that was sent" if self._key else "a request without a key"
            return ServerError(
                f"{where} refuses {key} (HTTP {status}){said}; set {' or '.join(KEY_VARIABLES)}.", status
            )
        if status == 429:
            return ServerError(
                f"{where} says too many requests (HTTP 429) after {tries}{said}; try again later.", status
            )
        if status >= 500:
            return ServerError(f"{where} failed at {path} (HTTP {status}) after {tries}{said}.", status)
        return ServerError(f"{where} refuses {path} (HTTP {status}){said}.", status)

    def _said(self, error: Any) -> str:
        body = getattr(error, "body", None)
        said = body.get("message") if isinstance(body, Mapping) else None
        if not isinstance(said, str):
            said = body if isinstance(body, str) else None
        return f": {self._short(said)!r}" if said else ""

    def _short(self, text: str) -> str:
        """One short line, without the key: some servers repeat it in their error."""
        line = " ".join(text.split())
        if self._key:
            line = line.replace(self._key, "[key]")
        return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 1] + "…"


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
        if os.environ.get(variable):
            return os.environ[variable]
    return None
