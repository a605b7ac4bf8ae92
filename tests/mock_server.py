"""MockServer: an OpenAI-compatible server on loopback with a known distribution, which can lie and fail on request.

The model behind it is a softmax over `TOKENS`, seeded by the prompt, so a test can say what the truth is. `lies` are
names, one for every way that the probe knows; so are `faults`. Plain http.server in a thread: no dependency, and a
connection can be cut in the middle of an answer.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WORDS = 60
TOKENS = [f" w{i}" for i in range(WORDS)]
KEY = "sk-secret-of-the-test"


def true_log_probs(prompt: str) -> list[float]:
    """`[WORDS]` the model's own log-probabilities after `prompt`; a prompt that counts is followed by one word."""
    key = hashlib.blake2b(prompt.encode(), digest_size=8).digest()
    draw = random.Random(key)
    sharp = 12.0 if prompt.endswith("three,") else 0.0
    logits = [draw.gauss(0.0, 2.0) + (sharp if i == 4 else 0.0) for i in range(WORDS)]
    return log_softmax(logits)


def log_softmax(logits: list[float], temperature: float = 1.0) -> list[float]:
    scaled = [z / temperature for z in logits]
    top = max(scaled)
    total = math.log(sum(math.exp(z - top) for z in scaled))
    return [z - top - total for z in scaled]


class MockServer:
    """What the server shall be: set the attributes, then ask. `requests` are the bodies it got."""

    def __init__(self) -> None:
        self.lies: set[str] = set()
        self.faults: list[str] = []  # one for each request to come, in order; then none
        self.fault_always: str | None = None
        self.knows: set[str] = set()  # of "top_k" and "min_p", what its draws honour
        self.completions = True
        self.chat = True
        self.vocabulary: int | None = WORDS
        self.most = 20
        self.retry_after: str | None = "0.01"
        self.requests: list[dict[str, Any]] = []
        self.headers: dict[str, str] = {}
        self.counter = 0

    # What it answers.

    def refusal(self, body: dict[str, Any]) -> str | None:
        """What a model says of a request that it does not take; None: it takes it."""
        return None

    def models(self) -> dict[str, Any]:
        entry: dict[str, Any] = {"id": "mock", "object": "model"}
        if self.vocabulary:
            entry["meta"] = {"n_vocab": self.vocabulary}
        return {"object": "list", "data": [entry]}

    def answer(self, body: dict[str, Any], is_chat: bool) -> dict[str, Any]:
        self.counter += 1
        prompt = body["messages"][-1]["content"] if is_chat else body["prompt"]
        as_true = is_chat or "logprobs are true" in self.lies
        asked = (
            (body.get("top_logprobs", 0) if body.get("logprobs") else 0)
            if as_true
            else body.get("logprobs", 0)
        )
        count = 1 if "ignores n" in self.lies else body.get("n", 1)
        choices = [self._choice(body, prompt, asked, index, is_chat) for index in range(count)]
        return {"id": "x", "object": "text_completion", "model": "mock", "choices": choices}

    def _choice(
        self, body: dict[str, Any], prompt: str, asked: int, index: int, is_chat: bool
    ) -> dict[str, Any]:
        seed = body.get("seed")
        if "ignores seed" in self.lies or seed is None:
            seed = (
                f"request {self.counter}"  # another for each request, and the same in each run of the tests
            )
        draw = random.Random(f"{seed}/{index}")
        text, entries = "", []
        if body.get("echo") and not is_chat and "no echo" not in self.lies:
            words = prompt.split(" ")
            for place, word in enumerate(words):
                before = " ".join(words[:place])
                token = word if place == 0 else f" {word}"
                top = self._top(before, body, asked) if place else None
                known = true_log_probs(before)[TOKENS.index(token)] if token in TOKENS else -30.0
                entries.append({"token": token, "logprob": known if place else None, "top_logprobs": top})
            text = prompt
        so_far = prompt
        for _ in range(body["max_tokens"] if "max_tokens" in body else body["max_completion_tokens"]):
            log_probs = true_log_probs(so_far)
            if body.get("temperature", 1.0) == 0 and "greedy wobbles" not in self.lies:
                chosen = max(range(WORDS), key=lambda i: log_probs[i])
            else:
                weights = [
                    math.exp(v) for v in log_softmax(log_probs, max(body.get("temperature", 1.0), 0.5))
                ]
                weights = self._cut(weights, body)
                chosen = draw.choices(range(WORDS), weights)[0]
            top = self._top(so_far, body, asked)
            own = next((entry["logprob"] for entry in top if entry["token"] == TOKENS[chosen]), None)
            if own is None:
                own = round(log_probs[chosen], 2) if "rounded" in self.lies else log_probs[chosen]
                own *= 1 / math.log(10) if "log10" in self.lies else 1.0
            entries.append(
                {
                    "token": TOKENS[chosen],
                    "logprob": own,
                    "bytes": list(TOKENS[chosen].encode()),
                    "top_logprobs": top,
                }
            )
            text += TOKENS[chosen]
            so_far += TOKENS[chosen]
        choice: dict[str, Any] = {"index": index, "finish_reason": "length"}
        choice |= {"message": {"role": "assistant", "content": text}} if is_chat else {"text": text}
        if asked and "no logprobs" not in self.lies:
            choice["logprobs"] = {"content": entries} if is_chat else self._legacy(entries)
        return choice

    def _cut(self, weights: list[float], body: dict[str, Any]) -> list[float]:
        """The weights that a draw may fall on."""
        ranked = sorted(weights, reverse=True)
        least = ranked[min(body["top_k"], WORDS) - 1] if "top_k" in self.knows and "top_k" in body else 0.0
        if "min_p" in self.knows:
            least = max(least, body.get("min_p", 0.0) * ranked[0])
        return [weight if weight >= least else 0.0 for weight in weights]

    def _legacy(self, entries: list[dict[str, Any]]) -> dict[str, Any]:
        if "as a list" in self.lies:  # llama.cpp: the chat shape in completions
            return {"content": entries}
        tops = []
        for entry in entries:
            top = entry["top_logprobs"]
            if top is not None:
                top = {candidate["token"]: candidate["logprob"] for candidate in top}
                if len(top) >= 2:
                    top.setdefault(
                        entry["token"], entry["logprob"]
                    )  # the drawn token comes on top of those asked for
            tops.append(top)
        return {
            "tokens": [entry["token"] for entry in entries],
            "token_logprobs": [entry["logprob"] for entry in entries],
            "top_logprobs": tops,
        }

    def _top(self, prompt: str, body: dict[str, Any], asked: int) -> list[dict[str, Any]]:
        if not asked:
            return []
        log_probs = true_log_probs(prompt)
        if "noisy" in self.lies:
            noise = random.Random(f"{prompt}/{self.counter}")
            log_probs = log_softmax([v + noise.gauss(0, 0.5) for v in log_probs])
        if "post-temperature" in self.lies:
            log_probs = log_softmax(log_probs, max(body.get("temperature", 1.0), 1e-3))
        if "odd temperature" in self.lies:
            log_probs = log_softmax(
                [
                    v * (1 + 0.3 * math.sin(i) * (body.get("temperature", 1.0) - 1))
                    for i, v in enumerate(log_probs)
                ]
            )
        ranked = sorted(range(WORDS), key=lambda i: -log_probs[i])
        kept = ranked
        if "after top_p" in self.lies and body.get("top_p", 1.0) < 1:
            mass, kept = 0.0, []
            for i in ranked:
                kept.append(i)
                mass += math.exp(log_probs[i])
                if mass >= body.get("top_p", 1.0):
                    break
        if "after top_k" in self.lies:
            kept = kept[: min(body.get("top_k", 10), len(kept))]
        if len(kept) < len(ranked):
            shift = math.log(sum(math.exp(log_probs[i]) for i in kept))
            log_probs = [v - shift for v in log_probs]
        kept = kept[: min(asked, 3 if "fewer than asked" in self.lies else asked)]
        if "renormalised" in self.lies:
            shift = math.log(sum(math.exp(log_probs[i]) for i in kept))
            log_probs = [v - shift for v in log_probs]
        if "rounded" in self.lies:
            log_probs = [round(v, 2) for v in log_probs]
        scale = 1 / math.log(10) if "log10" in self.lies else 1.0
        top = [
            {"token": TOKENS[i], "logprob": log_probs[i] * scale, "bytes": list(TOKENS[i].encode())}
            for i in kept
        ]
        if "probabilities" in self.lies:
            for entry in top:
                entry["logprob"] = math.exp(entry["logprob"])
        if "sums above 1" in self.lies:
            for entry in top:
                entry["logprob"] = entry["logprob"] / 4
        if "non-finite" in self.lies:
            top[1]["logprob"] = math.nan
        if "undecodable" in self.lies and len(top) > 2:
            top[2] |= {"token": "\ufffd", "bytes": None}
        if "bytes" in self.lies and len(top) > 2:
            top[2] |= {"token": "\ufffd", "bytes": [0xE2, 0x96]}
        if "duplicated" in self.lies and len(top) > 1:
            top[1] = dict(top[0])
        return top


@contextmanager
def serve(server: MockServer) -> Iterator[str]:
    """`http://127.0.0.1:PORT/v1` with `server` behind it."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 1 << 16  # head and body in one packet; two wait for each other 40 ms

        def log_message(self, *arguments: Any) -> None:
            pass

        def do_GET(self) -> None:
            if self._failed():
                return
            if self.path == "/v1/models":
                self._send(200, json.dumps(server.models()))
            else:
                self._send(404, json.dumps({"error": {"message": "no such route"}}))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.requests.append(body)
            if self._failed():
                return
            is_chat = self.path == "/v1/chat/completions"
            known = (is_chat and server.chat) or (self.path == "/v1/completions" and server.completions)
            asked = body.get("top_logprobs") or body.get("logprobs") or 0
            if not known:
                self._send(404, json.dumps({"error": {"message": f"no route {self.path}"}}))
            elif "logprobs are true" in server.lies and type(body.get("logprobs", True)) is int:
                self._send(400, json.dumps({"error": "logprobs must be of type bool"}))
            elif asked is not True and asked > server.most:
                message = f"logprobs may be at most {server.most}"
                self._send(400, json.dumps({"error": {"message": message}}))
            elif (said := server.refusal(body)) is not None:
                self._send(400, json.dumps({"error": {"message": said, "type": "invalid_request_error"}}))
            elif body.get("stream"):
                self._stream(server.answer({**body, "n": 1}, is_chat), is_chat)
            else:
                self._send(200, json.dumps(server.answer(body, is_chat)))

        def _failed(self) -> bool:
            server.headers = {name.lower(): value for name, value in self.headers.items()}
            fault = server.faults.pop(0) if server.faults else server.fault_always
            if fault is None or fault == "ok":
                return False
            if fault.isdigit():
                said = {
                    "error": {"message": f"fault {fault}, your key is {self.headers.get('Authorization')}"}
                }
                self._send(int(fault), json.dumps(said), retry=server.retry_after)
            elif fault == "hang":
                time.sleep(2.0)
                self.close_connection = True
            elif fault == "cut":
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "5000")
                self.end_headers()
                self.wfile.write(b'{"choices": [')
                self.wfile.flush()
                self.close_connection = True
                self.connection.close()
            elif fault == "malformed":
                self._send(200, '{"choices": [{')
            elif fault == "html":
                self._send(200, "<html>It works!</html>", kind="text/html")
            else:
                raise AssertionError(fault)
            return True

        def _stream(self, whole: dict[str, Any], is_chat: bool) -> None:
            choice = whole["choices"][0]
            logprobs = choice.get("logprobs") or {}
            entries = logprobs.get("content") or [None] * len(logprobs.get("tokens", ()))
            pieces = (
                [" " + piece for piece in choice["message"]["content"].split()]
                if is_chat
                else [" " + piece for piece in choice["text"].split()]
            )
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            for place, piece in enumerate(pieces):
                if "cuts the stream" in server.lies and place == 2:
                    self.wfile.write(b'data: {"choices": [')
                    self.wfile.flush()
                    self.connection.close()
                    return
                last = place == len(pieces) - 1
                chunk: dict[str, Any] = {"index": 0, "finish_reason": "length" if last else None}
                chunk |= {"delta": {"content": piece}} if is_chat else {"text": piece}
                if entries:
                    one = (
                        {"content": [entries[place]]}
                        if entries[place] is not None
                        else {key: [value[place]] for key, value in logprobs.items()}
                    )
                    chunk["logprobs"] = one
                self.wfile.write(f"data: {json.dumps({'choices': [chunk]})}\n\n".encode())
            self.wfile.write(b"data: [DONE]\n\n")

        def _send(
            self, status: int, text: str, kind: str = "application/json", retry: str | None = None
        ) -> None:
            data = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            if retry is not None:
                self.send_header("Retry-After", retry)
            self.end_headers()
            self.wfile.write(data)

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_address[1]}/v1"
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
