"""The network: every fault ends in one clear sentence, retries are tried, and the key is in no sentence."""

from __future__ import annotations

import re
import time

import pytest

from mock_server import KEY
from retort.errors import SourceError
from retort.sources.chat import Message
from retort.sources.server.connection import Connection, ServerError, check_url
from retort.sources.server.server import Ask, Server

BODY = {"model": "mock", "prompt": "hello", "max_tokens": 1, "temperature": 1, "top_p": 1, "logprobs": 2}


def connection(url: str, retries: int = 2) -> Connection:
    # Long enough for a machine that is busy with other things: 0.4 s was not.
    return Connection(url, timeout=1.5, retries=retries)


@pytest.mark.parametrize("fault", ["429", "500", "503", "cut"])
def test_a_fault_that_passes_is_tried_again(url, server, fault) -> None:
    server.faults = [fault, fault]
    assert connection(url).post("/completions", BODY)["choices"]
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("429", "too many requests (HTTP 429) after 2 tries"),
        ("500", "failed at /completions (HTTP 500) after 2 tries"),
        ("401", "refuses the key that was sent (HTTP 401)"),
        ("403", "set RETORT_API_KEY or OPENAI_API_KEY"),
        ("400", "refuses /completions (HTTP 400)"),
        ("hang", "did not answer /completions within 1.5 s; is it overloaded"),
        ("cut", "No connection"),
        ("malformed", "invalid JSON"),
        ("html", "does the URL end in /v1?"),
    ],
)
def test_a_fault_that_stays_is_one_sentence_without_the_key(url, server, fault, said) -> None:
    server.fault_always = fault
    with pytest.raises(ServerError) as caught:
        connection(url, retries=1).post("/completions", BODY)
    message = str(caught.value)
    assert said in message
    assert "\n" not in message and KEY not in message
    chain, error = [], caught.value
    while error is not None:
        chain.append(str(error))
        error = error.__cause__  # what a traceback would show: the cause is cut off, it may hold the request
    assert KEY not in " ".join(chain)


def test_retry_after_is_waited_for(url, server) -> None:
    server.faults, server.retry_after = ["429"], "1"
    begun = time.monotonic()
    connection(url).post("/completions", BODY)
    assert time.monotonic() - begun >= 1.0


def test_nobody_there_is_said() -> None:
    with pytest.raises(ServerError, match="is the server running"):
        Connection("http://127.0.0.1:9/v1", timeout=1, retries=0).get("/models")


def test_a_request_that_cannot_be_written_is_not_tried_again(url, server) -> None:
    body = {**BODY, "prompt": "half a pair: \ud800"}
    one = connection(url)
    with pytest.raises(ServerError, match=r"The request to http://\S+ cannot be written \(.*surrogates"):
        one.post("/completions", body)
    assert one.repeated == 0 and server.requests == []


def test_the_key_goes_into_the_header_and_comes_from_the_environment(url, server, monkeypatch) -> None:
    connection(url).get("/models")
    assert server.headers["authorization"] == f"Bearer {KEY}"
    monkeypatch.setenv("RETORT_API_KEY", "other")
    connection(url).get("/models")
    assert server.headers["authorization"] == "Bearer other"


def test_openai_s_key_does_not_go_over_the_network_in_the_clear(monkeypatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("RETORT_API_KEY", raising=False)
    assert Connection("http://example.invalid/v1")._key is None
    assert Connection("https://example.invalid/v1")._key == KEY
    monkeypatch.setenv("RETORT_API_KEY", "other")
    assert Connection("http://example.invalid/v1")._key == "other"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://user:secret@host/v1", "no password"),
        ("http://host/v1?key=secret", "no query"),
        ("http://", "not the URL of a server"),
        ("http://host:port/v1", "not a URL"),
        ("ftp://host/v1", "not the URL of a server"),
    ],
)
def test_urls_that_cannot_be_used(url: str, said: str) -> None:
    with pytest.raises(SourceError, match=re.escape(said)) as caught:
        check_url(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("prompt", ["hello", (Message("user", "hello"),)])
def test_a_stream_comes_in_pieces_and_says_where_it_breaks(url, server, prompt) -> None:
    model = Server(connection(url), "mock")
    ask = Ask(prompt, max_tokens=5, top_logprobs=3, seed=1)
    pieces = list(model.stream(ask))
    assert [len(piece.positions) for piece in pieces] == [1] * 5
    assert "".join(piece.text for piece in pieces) == model.ask(ask).choices[0].text
    server.lies.add("cuts the stream")
    seen = []
    with pytest.raises(ServerError, match="broke off"):
        for piece in model.stream(ask):
            seen.append(piece)
    assert len(seen) == 2  # what came before is kept
    server.fault_always = "500"
    with pytest.raises(ServerError, match="HTTP 500"):
        list(model.stream(ask))
