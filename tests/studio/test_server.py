"""The studio's routes: who may ask, what is refused and how, runs that report, stop and end with their tab."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.studio.server import TOKEN, Studio, mock, studio

from retort.lens.page import position
from retort.report.standalone import plain
from retort.studio.runs import Models, Runs, Stopped


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


def test_a_run_is_over_only_once_its_last_event_can_be_seen() -> None:
    async def ended() -> list[str]:
        runs, worked = Runs(), threading.Event()
        run = runs.start("text", lambda run: worked.wait(10))
        with run._guard:  # its thread ends the work and cannot tell of it yet
            worked.set()
            await asyncio.sleep(0.2)
            assert not run.over
        try:
            return [name async for _, name, _ in run.follow(0)]
        finally:
            runs.close()

    assert asyncio.run(ended()) == ["done"]


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
        ({"prompt": "x"}, "the request has no model, which is required"),
        ({"model": "mock:a"}, "the request has no prompt, which is required"),
        ({"model": "mock:a", "prompt": ""}, "prompt is ''; it must not be empty"),
        ({"model": "mock:a", "prompt": "x" * 20_001}, "it may have 20,000 characters at most, got 20,001"),
        ({"model": "mock:a", "prompt": 7}, "prompt is 7; it must be text"),
        (
            {"model": "mock:a", "prompt": "x", "tokens": 1},
            "the request has no key tokens; keys are model, prompt",
        ),
        ({"model": "embedded:base", "prompt": "x"}, "allowed are mock:a, mock:b, mock:slow"),
        ({"model": "/etc/passwd", "prompt": "x"}, "allowed are mock:a"),
        ({"model": "logits:/etc/passwd", "prompt": "x"}, "allowed are mock:a"),
        (
            {"model": "mock:a", "prompt": "x", "continuation": ["1"]},
            "continuation[0] is '1'; allowed is a whole number of 0 or more",
        ),
        (
            {"model": "mock:a", "prompt": "x", "continuation": [True]},
            "continuation[0] is True; allowed is a whole number of 0 or more",
        ),
        ([], "the request is []; it must be keys and values"),
        ("x", "the request is 'x'; it must be keys and values"),
    ],
)
def test_a_body_that_does_not_fit_is_one_sentence(running: Studio, body: Any, said: str) -> None:
    answer = running.ask("POST", "/api/position", body)
    assert answer.status == 422
    assert answer.json["error"]["code"] == "bad_request"
    assert said in answer.message and "\n" not in answer.message


def test_a_page_is_saved_with_what_was_found(running: Studio) -> None:
    run = running.start("position", model="mock:a", prompt="w1 w2")
    running.wait(run, "done")
    answer = running.ask("POST", "/api/page", {"runs": {"position": run}, "state": "view=position"})
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/html")
    text = answer.body.decode()
    data = json.loads(text.partition('id="retort-data">')[2].partition("</script>")[0])
    assert data["position"]["prompt"] == "w1 w2" and data["state"] == "view=position"
    assert data["tour"]["first"] == " Sydney" and "studio" not in data
    for runs, status in (({"position": "x"}, 404), ({"text": run}, 404), ({"tour": run}, 422)):
        assert running.ask("POST", "/api/page", {"runs": runs}).status == status


def test_a_task_is_uploaded_and_its_answers_come_back(running: Studio) -> None:
    task = {
        "name": "mine",
        "goal": "exploit",
        "scorer": {"kind": "references"},
        "max_tokens": 2,
        "prompts": ["{text}"],
    }
    text = json.dumps(
        {**task, "items": [{"vars": {"text": one}, "references": ["w2"]} for one in ("w1", "w3")]}
    )
    body = {"model": "mock:a", "temperatures": [0, 1], "samples": 2}
    run = running.start("tune", file={"name": "../mine.json", "text": text}, **body)
    assert list(running.events(run))[-1][1] == "done", running.ask("GET", f"/api/runs/{run}").json
    found = running.ask("GET", f"/api/runs/{run}/result").json
    assert found["task"] == "mine"
    pytest.importorskip("pyarrow")
    assert len(found["answers"]) == 2 * 2 * 2
    assert {(one["setting"], one["prompt"]) for one in found["answers"]} == {(0, 1), (1, 1)}
    wrong = running.start("tune", file={"name": "mine.txt", "text": text}, **body)
    assert running.wait(wrong, "failed") == "failed"


def test_our_own_mistakes_leave_a_traceback(
    running: Studio, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from retort.studio import work

    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(work, "position", broken)
    run = running.start("position", model="mock:a", prompt="w9 w9 w9")
    assert running.wait(run, "failed") == "failed"
    assert "ZeroDivisionError: by nothing" in running.ask("GET", f"/api/runs/{run}").json["error"]
    assert any(record.exc_info for record in caplog.records if record.name == "retort.studio")


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
    from retort.studio.runs import Turns

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


def test_a_text_streams_its_tokens_and_can_be_followed_again(running: Studio) -> None:
    run = running.start("text", model="mock:a", prompt="w1", max_tokens=6, chain="temperature=1")
    events = list(running.events(run))
    places = [data["index"] for _, name, data in events if name == "token"]
    assert places == list(range(len(places))) and events[-1][1] == "done"
    record = running.ask("GET", f"/api/runs/{run}/result").json
    assert [data["token"] for _, name, data in events if name == "token"] == [
        one["token"] for one in record["tokens"]
    ]
    cut = events[2][0]
    # Progress replaces progress; what was told is told again from where the connection was cut.
    told = [event for event in running.events(run, after=cut) if event[1] != "progress"]
    assert told == [event for event in events if event[0] > cut and event[1] != "progress"]


def slow_text(running: Studio, tokens: int = 200, seed: int = 0) -> str:
    return running.start("text", model="mock:slow", prompt="w1", max_tokens=tokens, chain="", seed=seed)


def test_a_run_is_stopped(running: Studio) -> None:
    run = slow_text(running)
    events = running.events(run)
    next(events)
    answer = running.ask("DELETE", f"/api/runs/{run}")
    assert answer.status == 202
    assert list(events)[-1][1] == "stopped"
    answer = running.ask("GET", f"/api/runs/{run}/result")
    assert answer.status == 409 and "stopped" in answer.message


def test_a_closed_tab_frees_its_work(running: Studio) -> None:
    run = slow_text(running, seed=1)
    events = running.events(run)
    next(events)
    events.close()  # type: ignore[attr-defined]
    running.idle()
    never_followed = slow_text(running, seed=2)
    running.idle()
    assert {running.state(run), running.state(never_followed)} == {"stopped"}


def test_who_asks_after_a_run_keeps_it(running: Studio) -> None:
    run = slow_text(running, tokens=30, seed=5)
    running.wait(run, "done")


def test_one_tab_of_two_keeps_the_run(running: Studio) -> None:
    run = slow_text(running, tokens=40, seed=3)
    first, second = running.events(run), running.events(run)
    next(first), next(second)
    first.close()  # type: ignore[attr-defined]
    assert list(second)[-1][1] == "done"


def test_a_short_request_does_not_wait_for_a_long_one(running: Studio) -> None:
    run = slow_text(running, seed=4)
    events = running.events(run)
    next(events)
    began = time.monotonic()
    short = running.start("position", model="mock:slow", prompt="w7")
    running.wait(short, "done")
    assert time.monotonic() - began < 3 and running.state(run) == "running"
    events.close()  # type: ignore[attr-defined]


def test_too_many_runs_are_refused_and_none_is_lost() -> None:
    from retort.studio.runs import AT_ONCE, MOST_WAITING

    with studio("mock:slow", grace=30) as busy:
        started = [slow_text(busy, seed=seed) for seed in range(AT_ONCE + MOST_WAITING)]
        answer = busy.ask("POST", "/api/text", {"model": "mock:slow", "prompt": "w1", "seed": 999})
        assert (answer.status, answer.json["error"]["code"]) == (429, "busy")
        for run in started:
            busy.ask("DELETE", f"/api/runs/{run}")
        for run in started:
            busy.wait(run, "stopped")


def test_a_path_and_a_comparison(running: Studio) -> None:
    run = running.start(
        "path", model="mock:a", prompt="w1", temperatures=[0, 0.5, 1, 2], max_tokens=5, seed=3
    )
    running.wait(run, "done")
    record = running.ask("GET", f"/api/runs/{run}/result").json
    asked = sorted(one for leaf in record["leaves"] for one in leaf["temperatures"])
    assert asked == [0, 0.5, 1, 2]
    assert [len(tokens) for tokens in record["tokens"]] == [len(leaf["ids"]) for leaf in record["leaves"]]
    run = running.start("compare", model="mock:a", prompt="w1", model_b="mock:b", prompt_b="w2")
    running.wait(run, "done")
    record = running.ask("GET", f"/api/runs/{run}/result").json
    assert record["comparable"] and record["b"]["model"] == "mock:b"


@pytest.mark.parametrize("chain", ["warm=1", "temperature", "temperature=-1", "top_p=2"])
def test_a_chain_that_cannot_be_is_the_runs_error(running: Studio, chain: str) -> None:
    run = running.start("text", model="mock:a", prompt="w1", chain=chain)
    assert list(running.events(run))[-1][1] == "failed"


def test_work_that_reports_nothing_is_stopped_between_two_passes(running: Studio) -> None:
    run = running.start("path", model="mock:slow", prompt="w1", temperatures=[0, 1, 2], max_tokens=150)
    running.wait(run, "running")
    source: Any = running.models.loaded("mock:slow")
    before = source.forward_rows
    running.ask("DELETE", f"/api/runs/{run}")
    running.wait(run, "stopped", "done")
    assert running.state(run) == "stopped"
    # 150 passes were asked for.
    assert source.forward_rows - before < 75


def test_a_failure_outside_any_run_leaves_a_traceback(
    running: Studio, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from retort.studio import app

    def broken(*_: Any) -> None:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(app, "page_html", broken)
    answer = running.ask("POST", "/api/page", {"runs": {}})
    assert answer.status == 500 and "ZeroDivisionError" in answer.message
    logged = [record for record in caplog.records if record.name == "retort.studio"]
    assert any("/api/page" in record.getMessage() and record.exc_info for record in logged)


class _Told:
    """Stands for a run: `check` raises once it has been told to stop."""

    def __init__(self) -> None:
        self.stopped = threading.Event()

    def check(self) -> None:
        if self.stopped.is_set():
            raise Stopped


def test_a_run_stopped_while_it_waits_for_its_turn_computes_nothing() -> None:
    models = Models(("mock:a",), mock)
    told = _Told()
    source = models.borrow("mock:a", told.check)
    other = models.borrow("mock:a", lambda: None)
    inner: Any = models.loaded("mock:a")
    held, go_on = threading.Event(), threading.Event()

    def long_pass(prompts: Any) -> Any:
        held.set()
        go_on.wait(10)
        return type(inner).start(inner, prompts)

    inner.start = long_pass
    first = threading.Thread(target=lambda: other.start([[1]]))
    first.start()
    assert held.wait(10)
    raised: list[type[BaseException]] = []

    def asks() -> None:
        try:
            source.start([[2]])
        except Stopped as problem:
            raised.append(type(problem))

    second = threading.Thread(target=asks)
    second.start()
    told.stopped.set()  # while it waits for the first one's pass
    go_on.set()
    first.join(10)
    second.join(10)
    assert raised == [Stopped] and inner.starts == 1


def test_a_run_stopped_while_its_model_loads_computes_nothing() -> None:
    told = _Told()

    def load(name: str) -> Any:
        told.stopped.set()
        return mock(name)

    models = Models(("mock:a",), load)
    with pytest.raises(Stopped):
        models.borrow("mock:a", told.check)
    inner: Any = models.loaded("mock:a")
    assert inner is not None and inner.starts == 0, "it is kept for the next run"
