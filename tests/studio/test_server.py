"""The studio's routes: who may ask, what is refused and how, runs that report, stop and end with their tab."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.studio.server import TOKEN, Studio, mock, studio

from retort.lens.position import position
from retort.report.standalone import plain


@pytest.fixture(scope="module")
def running() -> Iterator[Studio]:
    pytest.importorskip("starlette")
    with studio("mock:a", "mock:b", "mock:slow", "mock:broken") as found:
        yield found


def test_a_position_is_what_lens_finds(running: Studio) -> None:
    run = running.start("position", model="mock:a", prompt="w1 w2", continuation=[3])
    running.wait(run, "done")
    assert running.ask("GET", f"/api/runs/{run}/result").json == plain(
        position(mock("mock:a"), "w1 w2", continuation=[3])
    )


def test_the_same_request_is_answered_once(running: Studio) -> None:
    first = running.start("position", model="mock:a", prompt="w5")
    running.wait(first, "done")
    source: Any = running.models.loaded("mock:a")
    rows = source.forward_rows
    assert running.start("position", model="mock:a", prompt="w5") == first
    assert source.forward_rows == rows


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Host": "evil.example"}, 403, "wrong_host"),
        ({"Host": "127.0.0.1:1"}, 403, "wrong_host"),
        ({"Origin": "http://evil.example"}, 403, "wrong_origin"),
        ({"Origin": "null"}, 403, "wrong_origin"),
        ({"Sec-Fetch-Site": "cross-site"}, 403, "wrong_origin"),
    ],
)
def test_others_are_refused(running: Studio, headers: dict[str, str], status: int, code: str) -> None:
    body = {"model": "mock:a", "prompt": "w1"}
    answer = running.ask("POST", "/api/position", body, **headers)
    assert (answer.status, answer.json["error"]["code"]) == (status, code)
    if "Sec-Fetch-Site" not in headers:
        assert running.ask("GET", "/", **headers).status == status


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN + "x"])
def test_nothing_runs_without_the_token(running: Studio, token: str | None) -> None:
    answer = running.ask("POST", "/api/position", {"model": "mock:a", "prompt": "w1"}, token=token)
    assert (answer.status, answer.json["error"]["code"]) == (401, "no_token")
    assert running.ask("DELETE", "/api/runs/x", token=token).status == 401
    assert running.ask("GET", "/api/models", token=token).status == 200


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"prompt": "x"}, "the field model is missing"),
        ({"model": "mock:a"}, "the field prompt is missing"),
        ({"model": "mock:a", "prompt": ""}, "prompt must be at least 1 characters, got 0"),
        ({"model": "mock:a", "prompt": "x" * 20_001}, "prompt may be at most 20,000 characters, got 20,001"),
        ({"model": "mock:a", "prompt": 7}, "prompt must be a string, got 7"),
        ({"model": "mock:a", "prompt": "x", "tokens": 1}, "unknown field 'tokens'; known are: model, prompt"),
        ({"model": "embedded:base", "prompt": "x"}, "model must be one of mock:a, mock:b, mock:slow"),
        ({"model": "/etc/passwd", "prompt": "x"}, "model must be one of"),
        ({"model": "logits:/etc/passwd", "prompt": "x"}, "model must be one of"),
        (
            {"model": "mock:a", "prompt": "x", "continuation": ["1"]},
            "continuation must be a list of integers",
        ),
        (
            {"model": "mock:a", "prompt": "x", "continuation": [True]},
            "continuation must be a list of integers",
        ),
        ([], "the body must be a JSON object, got []"),
        ("x", "the body must be a JSON object"),
    ],
)
def test_a_body_that_does_not_fit_is_one_sentence(running: Studio, body: Any, said: str) -> None:
    answer = running.ask("POST", "/api/position", body)
    assert answer.status == 422
    assert answer.json["error"]["code"] == "bad_request"
    assert said in answer.message and "\n" not in answer.message


@pytest.mark.parametrize("raw", [b"{", b"", b"\xff\xfe", b"[" * 20_000, b'{"model": NaN'])
def test_a_body_that_is_no_json(running: Studio, raw: bytes) -> None:
    answer = running.ask("POST", "/api/position", raw=raw)
    assert answer.status == 422 and "the body is not JSON" in answer.message


def test_too_long_and_of_another_kind(running: Studio) -> None:
    answer = running.ask("POST", "/api/position", raw=b" " * 70_000)
    assert (answer.status, answer.json["error"]["code"]) == (413, "too_long")
    answer = running.ask("POST", "/api/position", raw=b"model=x", Content_Type="text/plain")
    assert (answer.status, answer.json["error"]["code"]) == (415, "not_json")
    assert running.ask("GET", "/api/position").status == 405


def test_no_path_leads_to_a_file(running: Studio) -> None:
    for path in ("../app.py", "%2e%2e/app.py", "..%2fapp.py", "%2fetc%2fpasswd", "page.js/../../app.py", "x"):
        answer = running.ask("GET", f"/static/{path}")
        assert answer.status in (404, 405), path
    script = running.ask("GET", "/static/page.js")
    import retort.studio.app as app

    assert script.body == (Path(app.__file__).parent / "static" / "page.js").read_bytes()


def test_every_answer_has_the_policy(running: Studio) -> None:
    for answer in (
        running.ask("GET", "/"),
        running.ask("GET", "/api/models"),
        running.ask("GET", "/nothing"),
        running.ask("POST", "/api/position", token=None, body={}),
    ):
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_models_own_error_is_the_runs(running: Studio) -> None:
    run = running.start("position", model="mock:broken", prompt="w1")
    events = list(running.events(run))
    assert events[-1][1:] == (
        "failed",
        {"message": "The weights of mock:broken are gone; get the whole model."},
    )
    answer = running.ask("GET", f"/api/runs/{run}/result")
    assert answer.status == 409 and "weights of mock:broken" in answer.message


def test_a_run_that_is_not_there(running: Studio) -> None:
    for path in ("/api/runs/nothing", "/api/runs/nothing/result", "/api/runs/nothing/events"):
        assert running.ask("GET", path).status == 404
    assert running.ask("DELETE", "/api/runs/nothing").status == 404


def test_a_position_of_a_large_vocabulary_is_small(running: Studio) -> None:
    from tests.mock_source import MockSource

    source = MockSource(150_000, spread=3.0)
    with studio("large", load=lambda name: source) as large:
        run = large.start("position", model="large", prompt="w1")
        large.wait(run, "done")
        assert len(large.ask("GET", f"/api/runs/{run}/result").body) < 400_000


def test_turns_are_taken_in_order() -> None:
    from retort.studio.models import Turns

    turns, order = Turns(), []

    def take(number: int) -> None:
        with turns.turn():
            order.append(number)
            time.sleep(0.002)

    with turns.turn():
        threads = []
        for number in range(8):
            threads.append(threading.Thread(target=take, args=(number,)))
            threads[-1].start()
            time.sleep(0.01)
    for thread in threads:
        thread.join()
    assert order == list(range(8))


def test_the_page_holds_no_token_and_no_script(running: Studio) -> None:
    page = running.ask("GET", "/").body.decode()
    assert TOKEN not in page
    assert np.all(["<script>" not in page, "onclick" not in page])
