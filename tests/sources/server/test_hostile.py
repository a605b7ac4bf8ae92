"""A server that answers anything at all: every answer ends in one sentence, in bounded time, with nothing executed.

Plain sockets, so that bytes can come one by one, or never.
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from mock_server import KEY
from retort.errors import SourceError
from retort.sources.server import connection
from retort.sources.server.answers import read_reply
from retort.sources.server.server import Ask, Server

LIMIT = 1.0  # seconds, and one more for the one token that is asked for
GOOD = {"choices": [{"text": "x", "finish_reason": "stop"}]}
Write = Callable[[Callable[[bytes], None]], None]


def request_of(one: socket.socket) -> bytes:
    """A whole request: a socket that is closed with something unread resets the connection, answer and all."""
    asked, wanted = b"", None
    while wanted is None or len(asked) < wanted:
        part = one.recv(65536)
        if not part:
            raise ConnectionError("the client left before it had asked")
        asked += part
        end = asked.find(b"\r\n\r\n")
        if end >= 0:
            length = re.search(rb"content-length: (\d+)", asked[:end], re.IGNORECASE)
            wanted = end + 4 + (int(length[1]) if length else 0)
    return asked


@contextmanager
def answering(write: Write, kind: str = "application/json") -> Iterator[str]:
    """A server that lists one model and writes what it likes to everything else."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer(one: socket.socket) -> None:
        with one:
            try:
                asked = request_of(one)
                if asked.startswith(b"GET"):
                    said = json.dumps({"data": [{"id": "m"}]}).encode()
                    one.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + said)
                    return
                one.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n".encode())
                write(one.sendall)
            except OSError:
                pass  # the client had enough

    def accept() -> None:
        while True:
            try:
                one, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(one,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        listener.close()


def whole(value: object) -> Write:
    return lambda send: send((value if isinstance(value, str) else json.dumps(value)).encode())


def ask(url: str) -> None:
    Server(connection.Connection(url, timeout=LIMIT, retries=0), "m").ask(Ask("x", top_logprobs=2))


def of_token(**token: object) -> dict[str, object]:
    return {
        "choices": [
            {"message": {"content": "x"}, "logprobs": {"content": [{"token": "x", "logprob": -1.0} | token]}}
        ]
    }


@pytest.mark.parametrize(
    "answer",
    [
        [],
        7,
        "null",
        '"text"',
        {"choices": 5},
        {"choices": [5]},
        {"choices": [[]]},
        {"choices": [{"message": [1]}]},
        {"choices": [{"message": 7}]},
        {"choices": [{"text": {"a": 1}}]},
        {"choices": [{"logprobs": [1]}]},
        {"choices": [{"logprobs": {"content": 5}}]},
        {"choices": [{"logprobs": {"content": [5]}}]},
        {"choices": [{"logprobs": {"tokens": [5], "token_logprobs": "x"}}]},
        {"choices": [{"logprobs": {"tokens": ["a"], "token_logprobs": [-1], "top_logprobs": [5]}}]},
        of_token(bytes=[300]),
        of_token(bytes=[-1]),
        of_token(bytes=[10**30]),
        of_token(bytes=[65] * 100_000),
        of_token(id=10**40),
        of_token(logprob={"a": 1}),
        of_token(logprob=10**400),
        of_token(top_logprobs=[[1, 2]]),
        {"choices": [{"prompt_logprobs": [{"1": 5}]}]},
        {"completion_probabilities": {"a": 1}},
        {"outputs": [{"logprobs": [7]}]},
        {"output": [5]},
        {"meta_info": {"output_token_logprobs": [[1]]}},
        {"results": [5]},
        {"candidates": [{"logprobsResult": []}]},
        {"generated_text": "x", "details": 5},
        {"error": {"message": "\x1b[2Jgone"}},
        "[" * 100_000,
        '{"choices":' * 5_000,
        "9" * 5_000,
        "",
        "\x00\x01",
    ],
)
def test_an_answer_of_any_form_is_one_sentence(answer: object) -> None:
    with answering(whole(answer)) as url, pytest.raises(SourceError) as caught:
        ask(url)
    message = str(caught.value)
    assert "\n" not in message and "\x1b" not in message and len(message) < 700 and url in message


def test_strange_answers_that_can_be_used() -> None:
    """A long list, half a surrogate pair and control characters are data; showing them is for `printable`."""
    reply = read_reply({"choices": [{"text": "\ud800\x1b[2J"}], "usage": [1]}, "x")
    assert reply.choices[0].text == "\ufffd\x1b[2J" and reply.usage is None
    many = [{"token": f"t{i}", "logprob": -20.0} for i in range(50_000)]
    assert len(read_reply(of_token(top_logprobs=many), "x").choices[0].positions[0].known) == 50_001


def _drip(send: Callable[[bytes], None]) -> None:
    for byte in json.dumps(GOOD).encode() * 100:
        send(bytes([byte]))
        time.sleep(0.05)


def _half(send: Callable[[bytes], None]) -> None:
    send(b'{"choices": [')
    time.sleep(30)


def _flood(send: Callable[[bytes], None]) -> None:
    while True:
        send(b" " * 1_000_000)


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (_drip, "did not end its answer to /completions within 2 s"),
        (_half, "did not answer /completions within 2 s"),
        (_flood, "more than 1,000,000 bytes"),
    ],
)
def test_an_answer_without_an_end_has_one(write: Write, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MOST_BYTES", 1_000_000)
    begun = time.monotonic()
    with answering(write) as url, pytest.raises(SourceError, match=said):
        ask(url)
    assert time.monotonic() - begun < 10 * LIMIT  # a bound, not a speed: it hung for ever


def event(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def _endless(send: Callable[[bytes], None]) -> None:
    while True:
        send(event({"choices": [{"text": "x", "finish_reason": None}]}))


def _silent(send: Callable[[bytes], None]) -> None:
    send(event({"choices": [{"text": "x", "finish_reason": None}]}))
    time.sleep(30)


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (_endless, "does not end: 3 tokens were asked for"),
        (_silent, "did not answer /completions within 1 s"),
        (lambda send: send(event({"choices": 7})), "choices is 7"),
        (lambda send: send(event({"choices": [{"delta": 7}]})), "choices\\[0\\].delta is 7"),
        (lambda send: send(event([1, 2])), "the answer is a list"),
        (lambda send: send(event({"error": {"message": "out of memory"}})), "out of memory"),
        (lambda send: send(b"data: {\n\n"), "broke off or cannot be read"),
        (lambda send: send(b"nothing"), "was interrupted before the text ended"),
    ],
)
def test_a_stream_of_any_form_is_one_sentence(write: Write, said: str) -> None:
    with answering(write, "text/event-stream") as url:
        server = Server(connection.Connection(url, timeout=LIMIT, retries=0), "m")
        with pytest.raises(SourceError, match=said):
            list(server.stream(Ask("x", max_tokens=3, top_logprobs=0)))


def test_a_key_that_a_server_repeats_is_struck_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with answering(whole({"choices": [{"text": f"your key is {KEY}"}]})) as url:
        server = Server(connection.Connection(url, timeout=LIMIT, retries=0), "m")
        assert server.ask(Ask("x")).choices[0].text == "your key is [key]"
    with answering(lambda send: send(event({"choices": [{"text": KEY, "finish_reason": "stop"}]}))) as url:
        server = Server(connection.Connection(url, timeout=LIMIT, retries=0), "m")
        assert [choice.text for choice in server.stream(Ask("x"))] == ["[key]"]


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        ("Unsupported parameter: 'temperature' is not supported with this model.", ("temperature",)),
        (
            "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is "
            "supported.",
            ("temperature",),
        ),
        (
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
            ("temperature", "top_p"),
        ),
        ("temperature: Extra inputs are not permitted", ("temperature",)),
        ("`temperature` is deprecated for this model.", ("temperature",)),
        ("`temperature` may only be set to 1 when thinking is enabled.", ("temperature",)),
        ("Invalid JSON payload received. Unknown name \"topP\" at 'generation_config'", ("top_p",)),
        ("Unrecognized request argument supplied: seed", ("seed",)),
        ("property 'seed' is unsupported", ("seed",)),
        ("This model doesn't support the parameter temperature", ("temperature",)),
        ("logprobs is not supported with this model", ("logprobs",)),
        ("temperature must be between 0 and 2, got 5", ()),
        ("maximum context length is 2048 tokens", ()),
        ("This model is not supported", ()),
    ],
)
def test_a_refused_parameter_is_told_from_other_refusals(said: str, refused: tuple[str, ...]) -> None:
    sent = {
        "model": "m",
        "prompt": "x",
        "temperature": 0.2,
        "top_p": 0.9,
        "seed": 1,
        "logprobs": True,
        "top_logprobs": 2,
    }
    answer = json.dumps({"error": {"message": said, "type": "invalid_request_error"}})
    assert connection.refused_parameters(answer, sent) == refused
