"""`retort sample` on a server: real requests with what it knows, and one sentence for what it does not."""

from __future__ import annotations

import json

import pytest

from mock_server import KEY, MockServer, serve, true_log_probs
from retort.sources.server.probe import PROBES


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    PROBES.clear()
    mock = MockServer()
    with serve(mock) as url:
        mock.model = f"{url}#mock"
        yield mock


def drawn_bodies(server: MockServer) -> list[dict]:
    """The requests for texts, and not the probe's."""
    return [body for body in server.requests if body.get("max_tokens") == 6]


ASKED = ("hello there", "--samples", "3", "--seed", "7", "--max-tokens", "6")


def test_a_text_is_one_request_with_its_own_seed_and_the_settings(run_json, server) -> None:
    server.knows = {"top_k", "min_p"}
    settings = ("--temperature", "0.8", "--top-p", "0.9", "--top-k", "5", "--min-p", "0.01", "--stop", "zzz")
    other = ("--settings", '{"presence_penalty": 0.5, "logit_bias": {"3": 2}}')
    document = run_json("sample", server.model, *ASKED, *settings, *other)
    bodies = drawn_bodies(server)
    assert [body["seed"] for body in bodies] == [7, 8, 9] == [one["seed"] for one in document["samples"]]
    for body in bodies:
        said = {name: body[name] for name in document["asked"]}
        assert said == document["asked"]
        assert (body["temperature"], body["top_p"], body["top_k"], body["min_p"]) == (0.8, 0.9, 5, 0.01)
        assert (body["stop"], body["presence_penalty"], body["logit_bias"]) == (["zzz"], 0.5, {"3": 2.0})
        assert "n" not in body
    again = run_json("sample", server.model, *ASKED, *settings, *other)
    assert again == document  # this server honours its seed
    assert document["probe"]["seed"] is True and document["logprobs"] == "raw"
    assert KEY not in json.dumps(document)


def test_tokens_carry_the_logprobs_that_the_server_gives(run_json, server) -> None:
    for text in run_json("sample", server.model, *ASKED)["samples"]:
        assert text["text"] == "".join(token["token"] for token in text["tokens"])
        assert text["logprob"] == pytest.approx(sum(token["logprob"] for token in text["tokens"]))
        first = text["tokens"][0]
        truth = true_log_probs("hello there")[int(first["token"].removeprefix(" w"))]
        assert first["logprob"] == pytest.approx(truth)
        assert (len(text["tokens"]), text["finish_reason"]) == (6, "length")


def test_a_conversation_goes_to_chat(run_json, server) -> None:
    document = run_json(
        "sample", server.model, "--message", "user:hello", "--samples", "1", "--max-tokens", "6"
    )
    assert drawn_bodies(server)[-1]["messages"] == [{"role": "user", "content": "hello"}]
    assert document["messages"] == [{"role": "user", "content": "hello"}]
    assert len(document["samples"][0]["tokens"]) == 6


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--top-k", "5"), "does not know top_k and would leave it out"),
        (
            ("--min-p", "0.1", "--settings", "typical_p=0.5"),
            "does not know min_p, typical_p and would leave them",
        ),
        (("--chain", "top_k=3"), "in its own order"),
        (("--engine", "vllm", "--top-k", "3"), "in its own order"),
        (
            ("--draft", "embedded:small", "--save", "x"),
            "--draft, --save: a server's draws cannot be replayed",
        ),
        (("--include-stop",), "--include-stop: a server's draws cannot be replayed"),
    ],
)
def test_what_it_does_not_know_is_refused_in_one_sentence(run, server, options, said) -> None:
    result = run("sample", server.model, *ASKED, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr and result.stderr.count("\n") == 1
    assert drawn_bodies(server) == []


@pytest.mark.parametrize(
    ("lie", "said"), [("", "It honours the seed"), ("ignores seed", "It ignores the seed")]
)
def test_the_table_says_whose_noise_it_is(run, server, lie, said) -> None:
    server.lies = {lie}
    result = run("sample", server.model, *ASKED, "--temperature", "0.5")
    assert result.exit_code == 0
    assert f"Drawn by the server, with its own noise. {said}" in result.stdout
    assert "Asked for: temperature 0.5, max_tokens 6; 3 requests" in result.stdout
    assert result.stdout.count("6 tokens, length; logprob −") == 3


def test_logprobs_after_the_sampler_are_called_so(run, run_json, server) -> None:
    server.lies = {"post-temperature"}
    assert run_json("sample", server.model, *ASKED)["logprobs"] == "processed"
    assert "of what the server drew from" in run("sample", server.model, *ASKED).stdout


def test_a_server_without_logprobs_still_draws(run_json, run, server) -> None:
    server.lies = {"no logprobs"}
    document = run_json("sample", server.model, *ASKED)
    assert (document["probe"], document["logprobs"], document["samples"][0]["tokens"]) == (None, None, None)
    assert "without logprobs" in document["note"] and document["samples"][0]["text"].startswith(" w")
    assert "length; no logprobs" in run("sample", server.model, *ASKED).stdout


@pytest.mark.parametrize("endpoint", ["completions", "chat"])
def test_a_stream_shows_the_texts_and_a_broken_one_keeps_what_came(run, run_json, server, endpoint) -> None:
    prompt = ("hello there",) if endpoint == "completions" else ("--message", "user:hello there")
    asked = ("sample", server.model, *prompt, "--samples", "2", "--max-tokens", "6")
    texts = [one["text"] for one in run_json(*asked)["samples"]]
    result = run(*asked, "--stream")
    assert result.exit_code == 0 and all(text in result.stdout for text in texts)
    assert result.stdout.count("6 tokens, length; logprob") == 2
    server.lies = {"cuts the stream"}
    broken = run(*asked, "--stream")
    assert broken.exit_code == 2 and "broke off" in broken.stderr
    assert " ".join(texts[0].split()[:2]) in broken.stdout


def test_a_fault_keeps_the_texts_before_it(run, server) -> None:
    run("sample", server.model, *ASKED)  # the probe is made, so that the fault meets a text
    server.faults = ["ok", "ok", "ok", "malformed"]  # the list of models, the endpoint, one text
    result = run("sample", server.model, *ASKED, "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 2 and result.stderr.count("\n") == 1
    assert f"{len(document['samples'])} of 3 texts were drawn before" in result.stderr
    assert len(document["samples"]) == 1 and document["incomplete"] in result.stderr


def test_several_temperatures_are_not_sent_to_path_which_refuses_a_server(run, server) -> None:
    result = run("sample", server.model, *ASKED, "-t", "0.2,1")
    assert result.exit_code == 2 and server.requests == []
    assert "is on a server, so run this once for each of them" in result.stderr
    assert "retort path" not in result.stderr
    result = run("path", server.model, "hello there")
    assert result.exit_code == 2
    assert "does not give it; use a model that runs here, or `retort sample` once" in result.stderr
