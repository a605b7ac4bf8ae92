"""Start the studio: on loopback, at a port that is free, with a new token, and say where."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Sequence
from importlib.util import find_spec

from retort.errors import InputError, MissingExtraError
from retort.sources.embedded import SMOLLM2_PACKAGE
from retort.studio.runs import Models

HOST = "127.0.0.1"
DEFAULT_PORT = 8765
NEXT_PORTS = 20
SMOLLM2 = "embedded:smollm2"


def default_models() -> tuple[str, ...]:
    """A real language model first, where its package is installed, then two small ones that are always here."""
    real = (SMOLLM2,) if find_spec(SMOLLM2_PACKAGE) is not None else ()
    return (*real, "embedded:base", "embedded:english")


def serve(names: Sequence[str], port: int | None, say: Callable[[str], None]) -> None:
    """Serve until interrupted. `say` gets the address, token included, once it answers there.

    `port` None takes DEFAULT_PORT or one of the next that are free, 0 any. Raises InputError for a port that is taken
    and MissingExtraError without starlette and uvicorn.
    """
    try:
        import uvicorn

        from retort.studio.app import create_app
    except ImportError as problem:
        raise MissingExtraError(str(problem.name), "studio", "The studio") from None
    from retort.sources.load import load

    # Before the app is made: its guard has to know the port, which with 0 only the socket tells.
    listening = listen(port)
    found: int = listening.getsockname()[1]
    token = secrets.token_urlsafe(24)
    app = create_app(Models(names, load), token, found)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, timeout_graceful_shutdown=1, server_header=False
    )
    say(f"http://{HOST}:{found}/?token={token}")
    uvicorn.Server(config).run(sockets=[listening])


def listen(port: int | None) -> socket.socket:
    """A socket that listens on loopback."""
    tried = [port] if port is not None else range(DEFAULT_PORT, DEFAULT_PORT + NEXT_PORTS)
    for one in tried:
        found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        # Else the port of a studio that was just stopped counts as taken until its last connections have timed out.
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((HOST, one))
        except OSError:
            found.close()
            continue
        found.listen(128)
        return found
    raise InputError(
        f"port {tried[0]} is taken on this machine; choose another with --port, or 0 for any that is free"
    )
