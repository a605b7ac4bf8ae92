"""A studio on loopback in a thread, with models that are mocks, and requests to it."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.mock_source import MockDecoder, MockSource

from retort.errors import SourceError
from retort.studio.app import create_app
from retort.studio.runs import Models
from retort.studio.serve import listen

TOKEN = "test-token"


@dataclass
class Answer:
    status: int
    body: bytes
    headers: Any

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        return str(self.json["error"]["message"])


class Studio:
    """Where it runs, and how to ask it."""

    def __init__(self, port: int, models: Models, app: Any, server: Any) -> None:
        self.server = server
        self.port = port
        self.models = models
        self.app = app
        self.url = f"http://127.0.0.1:{port}"
        self.page = f"{self.url}/?token={TOKEN}"

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = TOKEN,
        raw: bytes | None = None,
        **headers: str,
    ) -> Answer:
        sent = {"X-Retort-Token": token} if token is not None else {}
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        if data is not None:
            sent["Content-Type"] = "application/json"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(self.url + path, data, sent, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return Answer(answer.status, answer.read(), answer.headers)
        except urllib.error.HTTPError as problem:
            return Answer(problem.code, problem.read(), problem.headers)

    def cut(self) -> int:
        """Break every open connection in the middle, as a machine that sleeps does; how many there were."""
        open_now = list(self.server.server_state.connections)
        loop = self.server.servers[0].get_loop()
        for connection in open_now:
            loop.call_soon_threadsafe(connection.transport.abort)
        return len(open_now)

    def start(self, kind: str, **body: Any) -> str:
        answer = self.ask("POST", f"/api/{kind}", body)
        assert answer.status == 202, answer.body
        return str(answer.json["id"])

    def state(self, run: str) -> str:
        return str(self.ask("GET", f"/api/runs/{run}").json["state"])

    def wait(self, run: str, *states: str, seconds: float = 10.0) -> str:
        """The run's state once it is one of these."""
        last = time.monotonic() + seconds
        while (state := self.state(run)) not in states:
            assert time.monotonic() < last, f"the run is still {state}"
            time.sleep(0.02)
        return state

    def idle(self, seconds: float = 10.0) -> None:
        """Wait until nothing runs, without asking after any run."""
        last = time.monotonic() + seconds
        while self.ask("GET", "/api/models").json["working"]:
            assert time.monotonic() < last, "something still runs"
            time.sleep(0.05)

    def events(self, run: str, after: int = 0) -> Iterator[tuple[int, str, Any]]:
        """A run's events as they come; closing the iterator closes the connection."""
        request = urllib.request.Request(
            f"{self.url}/api/runs/{run}/events", headers={"Last-Event-ID": str(after)}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            number, name = 0, ""
            for line in answer:
                key, _, value = line.decode().rstrip("\n").partition(": ")
                if key == "id":
                    number = int(value)
                elif key == "event":
                    name = value
                elif key == "data":
                    yield number, name, json.loads(value)


class SlowSource(MockSource):
    """A mock whose every pass takes a while."""

    seconds = 0.05

    def start(self, prompts: Sequence[Sequence[int]]) -> MockDecoder:
        time.sleep(self.seconds)
        return _SlowDecoder(self, [tuple(prompt) for prompt in prompts])


class _SlowDecoder(MockDecoder):
    def _run(self, prefixes: list[tuple[int, ...]]) -> None:
        time.sleep(SlowSource.seconds)
        super()._run(prefixes)


class BrokenSource(MockSource):
    """A mock that fails as a model does: with a sentence."""

    def start(self, prompts: Sequence[Sequence[int]]) -> MockDecoder:
        raise SourceError("The weights of mock:broken are gone; get the whole model.")


def mock(name: str) -> MockSource:
    """The models that the tests name."""
    made: dict[str, Callable[[], MockSource]] = {
        "mock:a": lambda: MockSource(400),
        "mock:b": lambda: MockSource(400, seed=1),
        "mock:slow": lambda: SlowSource(50, ends=False),
        "mock:broken": lambda: BrokenSource(50),
    }
    source = made[name]()
    source.name = name
    return source


@contextmanager
def studio(*names: str, load: Callable[[str], Any] = mock, grace: float = 0.3) -> Iterator[Studio]:
    """A studio with these models until the block ends."""
    import uvicorn

    listening = listen(0)
    port = listening.getsockname()[1]
    models = Models(names, load)
    app = create_app(models, TOKEN, port, grace=grace)
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield Studio(port, models, app, server)
    finally:
        server.should_exit = True
        thread.join(10)
