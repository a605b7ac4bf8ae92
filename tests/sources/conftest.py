"""What the tests of servers share: the mock server, a key in the environment, and an empty memory of probes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from mock_server import KEY, MockServer, serve
from retort.sources.server.probe import PROBES
from retort.sources.server.source import ServerSource


@pytest.fixture
def server() -> MockServer:
    return MockServer()


@pytest.fixture
def url(server: MockServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("RETORT_API_KEY", raising=False)
    PROBES.clear()
    with serve(server) as address:
        yield address


@pytest.fixture
def connect(url: str) -> Callable[..., ServerSource]:
    """A source of the mock server that does not wait long."""

    def make(**settings: float) -> ServerSource:
        return ServerSource(f"{url}#mock", **{"timeout": 0.5, "retries": 1, **settings})

    return make
