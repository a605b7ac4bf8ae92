"""What stands before every route: who may ask (Host, Origin, token), how much, and what the answer's page may do.

The studio listens on loopback, yet any page in the user's browser can send requests there. So a Host that is not this
server's (DNS rebinding), an Origin of another site, and anything that works a model without the token are refused.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
MOST_BYTES = 64 * 1024
MOST_BYTES_WITH_A_FILE = 4 * 2**20  # a task of a million characters, in UTF-8
TAKES_A_FILE = "/api/tune"
TOKEN_HEADER = b"x-retort-token"
READING = ("GET", "HEAD")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """An ASGI layer around the studio's routes."""

    def __init__(self, app: App, token: str, port: int) -> None:
        self._app = app
        self._token = token.encode("ascii")
        self._hosts = {f"{host}:{port}" for host in LOOPBACK}
        if port == 80:  # the port of http, which browsers leave out
            self._hosts |= set(LOOPBACK)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # a websocket is refused by not answering: the studio has none
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        refused = self._refusal(scope["method"], headers)
        if refused is not None:
            await _answer(send, *refused)
            return
        body = b""
        if scope["method"] not in READING:
            # All of it before the route begins: a chunked body does not say its length, so what comes is counted.
            most = MOST_BYTES_WITH_A_FILE if scope["path"] == TAKES_A_FILE else MOST_BYTES
            body, whole = await _read(receive, most)
            if not whole:
                await _answer(send, 413, "too_long", f"a request may have {most:,} bytes at most")
                return
        sent = False

        async def again() -> MutableMapping[str, Any]:
            """The body that was read already, then whatever comes, which can only be that the client has gone."""
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, receive if scope["method"] in READING else again, _with_headers(send))

    def _refusal(self, method: str, headers: dict[bytes, bytes]) -> tuple[int, str, str] | None:
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if host not in self._hosts:
            return 403, "wrong_host", f"this studio answers only at {min(self._hosts)}"
        # Browsers send it with every POST and with every request to another site; a shell sends none.
        origin = headers.get(b"origin", b"").decode("latin-1").lower()
        if origin and origin.removeprefix("http://") not in self._hosts:
            return 403, "wrong_origin", "requests from pages of another site are refused"
        if headers.get(b"sec-fetch-site", b"") in (b"cross-site", b"same-site") and method not in READING:
            return 403, "wrong_origin", "requests from pages of another site are refused"
        # The page itself is read before it can show a token, and a result is found under its run's random id alone.
        if method in READING:
            return None
        if not hmac.compare_digest(headers.get(TOKEN_HEADER, b""), self._token):
            return (
                401,
                "no_token",
                "this needs the token of the address that retort studio printed when it started",
            )
        # A form of another site can send text/plain without asking first (no preflight), but not this type.
        kind = headers.get(b"content-type", b"").split(b";")[0].strip().lower()
        if method == "POST" and kind != b"application/json":
            return 415, "not_json", "the body must be JSON, with the content type application/json"
        return None


async def _read(receive: Receive, most: int) -> tuple[bytes, bool]:
    """The body, and whether it is whole: reading stops where it is too long."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > most:
            return b"", False
        if not message.get("more_body", False):
            return body, True


def _with_headers(send: Send) -> Send:
    async def dressed(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            extra = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message["headers"] = [*message.get("headers", []), *extra]
        await send(message)

    return dressed


async def _answer(send: Send, status: int, code: str, message: str) -> None:
    body = json.dumps({"error": {"code": code, "message": message}}).encode("utf-8")
    start = {
        "type": "http.response.start",
        "status": status,
        "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())],
    }
    await _with_headers(send)(start)
    await send({"type": "http.response.body", "body": body})
