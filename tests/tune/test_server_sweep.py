"""Sweeps over a server on loopback: right answers, nothing asked twice after a fault or a kill, a pace that is kept."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from mock_server import MockServer, serve, true_log_probs
from retort.chain import Chain
from retort.errors import CapabilityError, InputError, SourceError
from retort.sources.load import load
from retort.sources.server.source import ServerSource
from retort.tune.conclude import conclude
from retort.tune.goals import find_goal
from retort.tune.recording import read
from retort.tune.run import run
from retort.tune.score import make_scorer
from retort.tune.server_sweep import Answer, Journal, Pace
from retort.tune.task import Item, Task, load_task, needed_models

GRID = (0.0, 0.7, 2.0)
PROMPTS = [f"say {number}" for number in range(12)]


def greedy_word(prompt: str) -> str:
    log_probs = true_log_probs(prompt)
    return f"w{max(range(len(log_probs)), key=lambda word: log_probs[word])}"


def task() -> Task:
    items = tuple(Item(prompt, {"p": prompt}, (greedy_word(prompt),)) for prompt in PROMPTS)
    return Task("t", "exploit", "", ("{p}",), 1, (), make_scorer("references", (), ""), items)


@pytest.fixture
def mock():
    server = MockServer()
    with serve(server) as url:
        yield server, url


def source_of(url: str) -> ServerSource:
    return ServerSource(f"{url}#mock", timeout=5.0, retries=0)


def without_seconds(found: dict) -> dict:
    """The record but for how long each answer took, which no two runs share."""
    return {**found, "cells": [{**cell, "seconds": None} for cell in found["cells"]]}


def asked(server: MockServer) -> list[dict]:
    return [body for body in server.requests if body.get("prompt") in PROMPTS]


def test_a_server_is_tuned_and_recorded(mock, tmp_path: Path) -> None:
    server, url = mock
    found = run(task(), source_of(url), GRID, 3, record=tmp_path / "r").to_dict()
    assert len(asked(server)) == 12 * 3 * 3
    scores = [one["score"] for one in found["settings"]]
    assert scores[0] == 1.0 and scores[0] > scores[2]
    assert found["forward_passes"] is None
    assert found["settings"][0]["mean_tokens"] is None and found["turning_point"] is None
    seeds = {(body["prompt"], body["seed"]) for body in asked(server)}
    assert len(seeds) == 12 * 3, "temperatures share the seed of an item's repeat; items and repeats do not"
    samples, goal, origin = read(tmp_path / "r")
    again = conclude(samples, find_goal(goal), origin).to_dict()
    assert again == found
    assert not list((tmp_path / "r").glob("*.jsonl"))


def test_ray_has_no_model_to_load_on_a_server(mock) -> None:
    server, url = mock
    with pytest.raises(InputError, match=r"cannot be loaded there; leave it out \(--concurrency"):
        run(task(), source_of(url), GRID, 3, engine="ray")
    assert asked(server) == []


def test_a_fault_loses_nothing_and_nothing_is_asked_twice(mock, tmp_path: Path) -> None:
    server, url = mock
    whole = run(task(), source_of(url), GRID, 3, record=tmp_path / "whole").to_dict()
    server.requests.clear()
    source = source_of(url)
    server.faults = ["ok"] * 40 + ["500"]
    with pytest.raises(SourceError, match=r"answers of this piece are kept in .*; continue with --resume"):
        run(task(), source, GRID, 3, record=tmp_path / "cut", pace=Pace(concurrency=3))
    (journal,) = (tmp_path / "cut").glob("*.jsonl")
    before = len(journal.read_bytes().splitlines())
    assert before >= 35
    server.faults = []
    answered = len(asked(server))
    assert without_seconds(
        run(task(), source, GRID, 3, record=tmp_path / "cut", resume=True).to_dict()
    ) == without_seconds(whole)
    assert len(asked(server)) - answered == 12 * 3 * 3 - before
    cut, uncut = (read(tmp_path / name)[0] for name in ("cut", "whole"))
    assert cut.score.tolist() == uncut.score.tolist() and cut.answer is not None and uncut.answer is not None
    assert [cut.texts[code] for code in cut.answer] == [uncut.texts[code] for code in uncut.answer]


def test_the_coarse_part_of_auto_is_kept_too(mock, tmp_path: Path) -> None:
    server, url = mock
    whole = run(task(), source_of(url), "auto", 1, limit_items=6, record=tmp_path / "whole").to_dict()
    every = len(asked(server))
    assert every == 6 * len(whole["settings"]), "what was asked coarsely is not asked again"
    server.requests.clear()
    unrecorded = run(task(), source_of(url), "auto", 1, limit_items=6).to_dict()
    assert without_seconds(unrecorded) == without_seconds(whole)
    assert len(asked(server)) == every, "nor without a recording"
    server.requests.clear()
    # The coarse grid's answers are there and some of the fine one's, when the server fails.
    server.faults = ["ok"] * (every - 5) + ["500"]
    with pytest.raises(SourceError, match="continue with --resume"):
        run(
            task(),
            source_of(url),
            "auto",
            1,
            limit_items=6,
            record=tmp_path / "cut",
            pace=Pace(concurrency=1),
        )
    server.faults = []
    again = run(task(), source_of(url), "auto", 1, limit_items=6, record=tmp_path / "cut", resume=True)
    assert without_seconds(again.to_dict()) == without_seconds(whole)
    assert len(asked(server)) <= every + 1, "the request that failed is the only one made twice"


def test_a_line_cut_by_a_kill_is_dropped(tmp_path: Path) -> None:
    file = tmp_path / "piece.jsonl"
    journal = Journal(file)
    journal.add((0, 0, 0, 0), Answer("a\n", "stop", 3, 1, 0.5))
    journal.add((0, 0, 0, 1), Answer("ü", "length"))
    content = file.read_bytes()
    for end in range(len(content)):
        file.write_bytes(content[:end])
        found = Journal(file)
        assert len(found.answers) == content[:end].count(b"\n")
        found.add((5, 5, 5, 5), Answer("x", "stop"))
        assert Journal(file).answers == found.answers
        assert all(json.loads(line) for line in file.read_bytes().splitlines())


def test_the_pace_is_kept(mock) -> None:
    _, url = mock
    start = time.monotonic()
    run(task(), source_of(url), (0.0, 1.0), 1, limit_items=6, pace=Pace(concurrency=4, per_minute=1200))
    assert time.monotonic() - start >= 11 * 60 / 1200


def test_a_chain_cannot_be_applied_on_a_server(mock) -> None:
    _, url = mock
    with pytest.raises(CapabilityError, match="truncates by its own settings"):
        run(task(), source_of(url), GRID, 1, chain=Chain("top_k=5"))


def test_a_promptfoo_file_asks_its_own_provider_with_messages(mock, tmp_path: Path) -> None:
    server, url = mock
    config = {
        "prompts": [
            '[{"role": "system", "content": "brief"}, {"role": "user", "content": "say {{x}}"}]',
            "tell {{x}}",
        ],
        "providers": [{"id": "openai:chat:mock", "config": {"apiBaseUrl": url, "max_tokens": 1}}],
        "tests": [
            {"vars": {"x": x}, "assert": [{"type": "contains", "value": "w"}]} for x in ("a", "b", "c")
        ],
    }
    file = tmp_path / "promptfooconfig.yaml"
    file.write_text(json.dumps(config))
    task = load_task(file)
    (model,) = needed_models(task)
    assert model == f"chat+{url}#mock"
    found = run(task, load(model), (0.0, 1.0), 2)
    assert [one.score for one in found.settings] == [1.0, 1.0]
    chats = [
        body["messages"]
        for body in server.requests
        if body.get("messages", [{}])[-1]["content"][:4] in ("say ", "tell")
    ]
    assert len(chats) == 3 * 2 * 2 * 2
    assert [{"role": "system", "content": "brief"}, {"role": "user", "content": "say a"}] in chats
    assert [{"role": "user", "content": "tell a"}] in chats
