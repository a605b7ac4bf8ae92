"""The forecast of `retort tune`, of seconds, answers and money, against what the sweep then took.

"factor" is what it took over what was forecast, of seconds; "cost, factor" the same of money. Local models have the
tasks that come with retort. The server is on loopback: it answers after 20 ms and 5 ms for each token, works on four
requests at once, and its answers have 1 to 40 tokens, longer at high temperatures and for some items. With a budget the
forecast is of the whole budget; the sweep ends earlier where settings are dropped ("answers, share").
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from benchmarks.record import Record, Settings, record
from benchmarks.timing import Row, compared
from retort import load
from retort.sources.base import Source
from retort.tune import Price, Task, Tuning, load_task
from retort.tune.forecast import Forecast
from retort.tune.item import Item
from retort.tune.run import run as tune
from retort.tune.score import make_scorer

GRID = [step / 5 for step in range(11)]
PRICE = Price(0.5, 1.5)
SLOTS = threading.Semaphore(4)


class _Handler(BaseHTTPRequestHandler):
    """An OpenAI-compatible server whose answers take time."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._send({"object": "list", "data": [{"id": "mock", "object": "model"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt, temperature = body["prompt"], body.get("temperature", 1.0)
        draw = random.Random(f"{prompt}/{body.get('seed')}/{temperature}")
        usual = random.Random(prompt).uniform(2, 20)
        words = max(1, min(body.get("max_tokens", 16), int(draw.gauss(usual * (1 + temperature / 2), 3))))
        with SLOTS:
            time.sleep(0.02 + 0.005 * words)
        text = " ".join(["right" if draw.random() < 1 - temperature / 3 else "wrong"] * words)
        usage = {"prompt_tokens": len(prompt.split()), "completion_tokens": words}
        self._send({"choices": [{"index": 0, "text": text, "finish_reason": "stop"}], "usage": usage})

    def _send(self, value: dict[str, Any]) -> None:
        content = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def _served() -> Iterator[Source]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield load(f"http://127.0.0.1:{server.server_port}/v1#mock")
    finally:
        server.shutdown()


def _questions(count: int) -> Task:
    items = tuple(
        Item(str(number), {"x": "word " * (1 + number % 40) + str(number)}, ("right",))
        for number in range(count)
    )
    return Task("questions", "exploit", "", ("{x}",), 40, (), make_scorer("contains", (), ""), items)


def _case(name: str, task: Task, source: Source, samples: int, items: int, budget: str | None = None) -> Row:
    told: list[tuple[Forecast, float]] = []
    start = time.perf_counter()
    found = tune(
        task, source, GRID, samples, limit_items=items, budget=budget, price=PRICE,
        on_forecast=lambda forecast: told.append((forecast, time.perf_counter())),
    )  # fmt: skip
    assert isinstance(found, Tuning) and told, "no forecast was made: the sweep is too small"
    end = time.perf_counter()
    ((forecast, at),) = told
    # A server's trial is part of the sweep; a local one comes before it.
    took = end - (start if found.forward_passes is None else at)
    cost = sum(cell.cost or 0.0 for cell in found.cells)
    numbers = {
        "forecast, s": forecast.seconds,
        "factor": took / forecast.seconds,
        "answers": float(forecast.answers),
        "answers, share": sum(one.samples for one in found.settings) / forecast.answers,
    }
    if forecast.prompt_tokens is not None and forecast.answer_tokens is not None:
        numbers["cost, factor"] = cost / PRICE.of(forecast.prompt_tokens, forecast.answer_tokens)
    return compared(name, {"retort tune": [took]}, **numbers)


def run(settings: Settings) -> Record:
    """The record of all cases."""
    few = settings.quick
    rows = []
    # As large as a forecast is made for: a small sweep is over before its trial would be.
    for model, task, samples, items in (
        ("embedded:small", "exploit", 16, 60), ("embedded:base", "exploit", 16, 40),
        ("embedded:base", "explore", 16, 30), ("embedded:smollm2", "capitals", 8, 30),
    ):  # fmt: skip
        if few and model != "embedded:small":
            continue
        size = 30 if few else items
        source = load(model)
        rows.append(_case(f"{model}, {task}, {size} items", load_task(task), source, samples, size))
        if task == "exploit":
            most = f"{size * len(GRID) * samples // 2} answers"
            rows.append(
                _case(
                    f"{model}, {task}, {size} items, budget {most}",
                    load_task(task),
                    source,
                    samples,
                    size,
                    most,
                )
            )
    size, samples = (30, 2) if few else (30, 4)
    with _served() as source:
        rows.append(_case(f"loopback, {size} items", _questions(size), source, samples, size))
        for budget in (
            f"{size * len(GRID) * samples * 2 // 5} answers",
            "0.01 cost" if not few else "0.02 cost",
        ):
            rows.append(_case(f"loopback, budget {budget}", _questions(size), source, samples, size, budget))
    details = {"temperatures": "11 from 0 to 2", "price": "0.5 and 1.5 per million tokens"}
    return record(
        "forecast", __doc__ or "", "embedded models and a server on loopback", settings, details, rows
    )
