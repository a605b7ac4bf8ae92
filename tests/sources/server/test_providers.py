"""Anthropic and Gemini in their own wire formats: what is sent, what is read, and what a refusal becomes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from retort.errors import CapabilityError, SourceError
from retort.sources.base import Capability
from retort.sources.chat import Message
from retort.sources.load import load
from retort.sources.server.connection import ParameterRefused, ServerError
from retort.sources.server.server import Ask

pytest.importorskip("any_llm", reason="needs the extra providers")

KEY = "key-of-the-test-0123456789"
ANTHROPIC = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "stop_reason": "end_turn",
    "stop_sequence": None, "content": [{"type": "text", "text": "Canberra."}],
    "usage": {"input_tokens": 12, "output_tokens": 4},
}  # fmt: skip
GEMINI = {
    "candidates": [
        {"content": {"role": "model", "parts": [{"text": "Canberra."}]}, "finishReason": "STOP", "index": 0}
    ],
    "usageMetadata": {"promptTokenCount": 12, "candidatesTokenCount": 4, "totalTokenCount": 16},
    "modelVersion": "gemini-x",
}
SAID = f"`temperature` is deprecated for this model. {KEY}"
REFUSAL = {"type": "error", "error": {"type": "invalid_request_error", "message": SAID}}


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """`status` is what the provider answers with; `requests` are the paths and bodies it got."""
    state: dict[str, Any] = {"status": 200, "requests": []}

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments: Any) -> None:
            pass

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state["requests"].append((self.path, body))
            good = ANTHROPIC if "messages" in self.path else GEMINI
            data = json.dumps(good if state["status"] == 200 else REFUSAL).encode()
            self.send_response(state["status"])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    for name in ("ANTHROPIC", "GEMINI"):
        monkeypatch.setenv(f"{name}_BASE_URL", f"http://127.0.0.1:{http.server_address[1]}")
        monkeypatch.setenv(f"{name}_API_KEY", KEY)
    yield state
    http.shutdown()
    http.server_close()


@pytest.mark.parametrize(
    ("model", "path"), [("anthropic:claude-x", "messages"), ("gemini:gemini-x", ":generateContent")]
)
def test_a_text_is_asked_for_and_read(wire: dict[str, Any], model: str, path: str) -> None:
    source = load(model)
    assert (source.capability, source.name) == (Capability.ANSWERS, model)
    messages = (Message("system", "Be brief."), Message("user", "What is the capital of Australia?"))
    reply = source.server.ask(Ask(messages, max_tokens=8, temperature=0.5, stop=("\n",)))
    assert [choice.text for choice in reply.choices] == ["Canberra."]
    assert reply.usage is not None and (reply.usage.prompt, reply.usage.completion) == (12, 4)
    ((asked, body),) = wire["requests"]
    assert path in asked and "Be brief." in json.dumps(body)
    said = json.dumps(body)
    assert "0.5" in said and "top_p" not in said and "topP" not in said  # nothing that was not asked for
    with pytest.raises(CapabilityError, match="answers without logprobs"):
        source.next_tokens("x")


def test_a_refused_temperature_is_typed_and_without_the_key(wire: dict[str, Any]) -> None:
    wire["status"] = 400
    with pytest.raises(ParameterRefused, match="deprecated for this model") as caught:
        load("anthropic:claude-x").server.ask(Ask("x", temperature=0.5))
    assert caught.value.parameters == ("temperature",) and KEY not in str(caught.value)
    wire["status"] = 401
    with pytest.raises(ServerError, match="anthropic:claude-x refused the request or failed"):
        load("anthropic:claude-x").server.ask(Ask("x"))


def test_a_seed_that_is_not_taken_is_left_out_and_noted(wire: dict[str, Any]) -> None:
    source = load("anthropic:claude-x")
    assert source.server.ask(Ask("x", seed=3, n=2)).choices[1].text == "Canberra."
    assert source.note == (
        "Asked at its chat endpoint, where a text is sent as a user's message. "
        "It does not accept a seed, so none is sent."
    )


def test_what_cannot_be_loaded_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with pytest.raises(SourceError, match="anthropic:claude-x cannot be asked"):
        load("anthropic:claude-x")
    with pytest.raises(SourceError, match="has no model name"):
        load("any-llm:anthropic")
    with pytest.raises(SourceError, match="cannot be asked"):
        load("any-llm:nobody/x")
