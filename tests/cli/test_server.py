"""`retort look` on a server, on a recording and on a conversation: what is printed, and what the JSON holds."""

from __future__ import annotations

import json
import math

import pytest

from mock_server import KEY, MockServer, serve, true_log_probs
from retort.sources.embedded import MODELS_FOLDER
from retort.sources.server.probe import PROBES

needs_models = pytest.mark.skipif(not (MODELS_FOLDER / "instruct").is_dir(), reason="needs embedded:instruct")
TRUTH = sorted(true_log_probs("hello there"), reverse=True)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    PROBES.clear()
    mock = MockServer()
    with serve(mock) as url:
        mock.model = f"{url}#mock"
        yield mock


def test_intervals_and_the_probe_are_in_the_record(run_json, server) -> None:
    document = run_json("look", server.model, "hello there", "--temperature", "0.5,1,2")
    assert (document["known"], document["known_tokens"], document["vocabulary"]) == ("top_n", 20, 60)
    assert document["probe"]["logprobs"] == "raw"
    assert document["probe"]["seed"] is True
    assert document["margin"]["low"] <= TRUTH[0] - TRUTH[1] <= document["margin"]["high"]
    for row in document["rows"]:
        weights = [math.exp(value / row["temperature"]) for value in TRUTH]
        probs = [weight / sum(weights) for weight in weights]
        assert (
            row["entropy_nats"]["low"] <= -sum(p * math.log(p) for p in probs) <= row["entropy_nats"]["high"]
        )
        for token, prob in zip(row["top"], probs, strict=False):
            assert token["prob"]["low"] <= prob <= token["prob"]["high"]
    assert KEY not in json.dumps(document)


def test_the_table_shows_intervals_and_no_key(run, server) -> None:
    result = run(
        "look", server.model, "hello there", "--temperature", "1,2", "--chain", "top_k=3", "--top", "4"
    )
    assert (result.exit_code, result.stderr) == (0, "")
    for said in ("20 tokens of 60 are known", "…", "all others unseen", "top_k=3", "Processed"):
        assert said in result.stdout
    assert KEY not in result.stdout


def test_saved_and_replayed_without_the_server(run_json, server, tmp_path) -> None:
    path = str(tmp_path / "saved.jsonl")
    asked = ("hello there", "--temperature", "0.5,1,2", "--chain", "top_k=3 | temperature=2")
    first = run_json("look", server.model, *asked, "--save", path)
    server.fault_always = "500"
    again = run_json("look", f"recorded:{path}", *asked)
    changed = {key for key in first if first[key] != again[key]}
    assert changed == {"model", "note"}
    assert server.model in again["note"]


@pytest.mark.parametrize(
    "asked",
    [
        ("sample", "the sky is", "--samples", "2", "--max-tokens", "4"),
        ("path", "the sky is", "--max-tokens", "3", "--temperature", "0:1.5:4"),
        ("trace", "the sky is", "--text", " blue and grey", "--chain", "top_k=9"),
        ("trace", "the sky is", "--max-tokens", "3"),
    ],
)
def test_every_verb_that_asks_a_model_can_be_saved_and_replayed(run_json, tmp_path, asked) -> None:
    path = str(tmp_path / "saved.jsonl")
    verb, prompt, *options = asked
    first = run_json(verb, "embedded:english", prompt, *options, "--save", path)
    again = run_json(verb, f"recorded:{path}", prompt, *options)
    assert {key for key in first if first[key] != again[key]} <= {"model", "note"}


def test_a_full_look_is_saved_and_replayed(run_json, sky, tmp_path) -> None:
    path = str(tmp_path / "saved.jsonl")
    asked = ("The sky is", "--temperature", "0.1,1,4", "--chain", "top_p=0.9")
    first = run_json("look", sky, *asked, "--save", path)
    again = run_json("look", f"recorded:{path}", *asked)
    assert {key for key in first if first[key] != again[key]} == {"model", "note"}


@pytest.mark.parametrize("lies", [set(), {"no echo"}])
def test_a_text_is_traced_on_a_server_and_replayed(run, run_json, server, tmp_path, lies) -> None:
    server.lies = lies
    path = str(tmp_path / "saved.jsonl")
    greedy = ("hello there", "--max-tokens", "3")
    first = run_json("trace", server.model, *greedy, "--save", path)
    assert [token["rank"] for token in first["tokens"]] == [1, 1, 1]
    assert first["probe"]["echo"] == (not lies)
    given = ("hello there", "--text", " w1 w2", "--chain", "top_k=5")
    if lies:
        assert "neither returns the logprobs" in run("trace", server.model, *given).stderr
        return
    second = run_json("trace", server.model, *given, "--save", path)
    assert [token["token"] for token in second["tokens"]] == [" w1", " w2"]
    log_probs = true_log_probs("hello there")
    rank = 1 + sum(value > log_probs[1] for value in log_probs)
    assert second["tokens"][0]["rank"] == (rank if rank <= 20 else None)
    assert second["tokens"][0]["removed_by"] == ("top_k=5" if rank > 5 else None)
    server.fault_always = "500"
    for asked, before in ((greedy, first), (given, second)):
        again = run_json("trace", f"recorded:{path}", *asked)
        assert {key for key in before if before[key] != again[key]} == {"model", "note"}
    result = run("trace", f"recorded:{path}", "hello there", "--text", " w9")
    assert result.exit_code == 2 and "was not recorded while ' w9' was read" in result.stderr


def test_a_server_is_compared_with_its_recording(run, run_json, server, tmp_path) -> None:
    path = str(tmp_path / "saved.jsonl")
    run_json("look", server.model, "hello there", "--save", path)
    document = run_json("compare", server.model, f"recorded:{path}", "hello there")
    (place,) = document["positions"]
    assert (place["common"], place["logprob_difference"], place["parted"]) == (20, 0, False)
    assert place["total_variation"]["low"] == 0 and place["total_variation"]["high"] > 0
    assert document["probe_a"]["logprobs"] == document["probe_b"]["logprobs"] == "raw"
    assert (
        "as far as both sides name" in run("compare", server.model, f"recorded:{path}", "hello there").stdout
    )
    refused = run("compare", server.model, f"recorded:{path}", "hello there", "--chain", "top_k=2")
    assert refused.exit_code == 2 and "whole vocabulary" in refused.stderr


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("429", "too many requests"),
        ("500", "HTTP 500"),
        ("malformed", "invalid JSON"),
        ("401", "RETORT_API_KEY"),
    ],
)
def test_a_fault_is_one_line_and_exit_2(run, server, fault, said) -> None:
    server.fault_always = fault
    result = run("look", server.model, "hello there")
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1
    assert said in result.stderr and KEY not in result.stderr


def test_a_path_from_a_server_and_texts_from_its_recording_are_refused(run, server, tmp_path) -> None:
    path = str(tmp_path / "saved.jsonl")
    assert run("look", server.model, "hello there", "--save", path).exit_code == 0
    for asked in (("path", server.model), ("sample", f"recorded:{path}")):
        result = run(*asked, "hello there")
        assert (result.exit_code, result.stdout) == (2, "")
        assert "whole vocabulary" in result.stderr and result.stderr.count("\n") == 1


@needs_models
def test_a_conversation_shows_what_the_model_sees(run, run_json, tmp_path) -> None:
    chat = tmp_path / "chat.json"
    chat.write_text('[{"role": "user", "content": "What is a pear?"}]')
    document = run_json("look", "embedded:instruct", "--chat", str(chat), "--temperature", "1")
    assert document["rendered"] == document["prompt"] == "<|end|>Question: What is a pear?\nAnswer:"
    assert document["messages"] == [{"role": "user", "content": "What is a pear?"}]
    same = run_json("look", "embedded:instruct", "--message", "user:What is a pear?", "--temperature", "1")
    assert same == document
    assert (
        "What the model sees: '<|end|>Question: What is a pear?\\nAnswer:'"
        in run("look", "embedded:instruct", "--message", "user:What is a pear?").stdout
    )


@needs_models
@pytest.mark.parametrize("command", ["sample", "path"])
def test_texts_after_a_conversation(run, run_json, tmp_path, command) -> None:
    chat = tmp_path / "chat.json"
    chat.write_text('[{"role": "user", "content": "What is a pear?"}]')
    settings = (
        "--max-tokens",
        "4",
        *(("--samples", "2") if command == "sample" else ("--temperature", "0,1")),
    )
    rendered = "<|end|>Question: What is a pear?\nAnswer:"
    document = run_json(command, "embedded:instruct", "--chat", str(chat), *settings)
    assert document["rendered"] == document["prompt"] == rendered
    asked = ("embedded:instruct", "--message", "user:What is a pear?", *settings)
    assert run_json(command, *asked) == document
    as_text = run_json(command, "embedded:instruct", rendered.removeprefix("<|end|>"), *settings)
    assert as_text["rendered"] is None
    found = {"sample": "samples", "path": "leaves"}[command]
    assert [one["ids"] for one in document[found]] == [one["ids"] for one in as_text[found]]
    if command == "sample":
        assert (
            "What the model sees: '<|end|>Question: What is a pear?\\nAnswer:'"
            in run("sample", *asked).stdout
        )


@pytest.mark.parametrize("command", ["sample", "path"])
def test_texts_after_a_conversation_need_the_model_and_its_template(run, sky, server, command) -> None:
    assert "no chat template" in run(command, sky, "--message", "user:hi").stderr
    result = run("path", server.model, "--message", "user:hi")
    assert result.exit_code == 2 and "whole vocabulary" in result.stderr
    assert "Missing argument 'PROMPT'" in run(command, sky).stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x", "--message", "user:hi"], "cannot be combined"),
        (["--message", "hi"], "role:text"),
        (["--chat", "none.json"], "none.json cannot be read"),
        (["--message", "user:hi"], "no chat template"),
    ],
)
def test_a_conversation_that_is_none(run, sky, arguments, said) -> None:
    result = run("look", sky, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_a_prompt_from_stdin(sky) -> None:
    from click.testing import CliRunner

    from retort.cli.main import main

    result = CliRunner().invoke(main, ["look", sky, "-", "--json"], input="The sky is\n")
    assert json.loads(result.stdout)["prompt"] == "The sky is"


def test_a_server_as_teacher_bias_and_bounds_on_screen_and_in_json(run, run_json, server, tmp_path) -> None:
    (tmp_path / "text.txt").write_text("w1 w2 w3 w4\n\nw5 w6 w7", encoding="utf-8")
    folder = str(tmp_path / "cache")
    done = run("capture", server.model, str(tmp_path / "text.txt"), "--out", folder, "--codec", "topk:20")
    assert done.exit_code == 0, done.stderr
    for text in ("a student learns p / p(top K)", "not told", "of the probability at τ", "logprobs raw"):
        assert text in " ".join(done.stdout.split())
    shown = run_json("cache", folder)
    assert shown["unbiased"] is False and shown["server"]["probe"]["logprobs"] == "raw"
    assert shown["rows"][0]["entropy"] is None
    assert 0 < shown["rows"][0]["rest_low"] < shown["rows"][0]["rest_high"] < 1
    assert "rest" in run("cache", folder).stdout
    refused = run("capture", server.model, str(tmp_path / "text.txt"), "--out", folder + "2")
    assert refused.exit_code == 2 and "topk:20, which is biased" in " ".join(refused.stderr.split())


def answer(*positions: tuple[str, float, list[tuple[str, float]]]) -> dict:
    """A chat answer with these tokens: each with its logprob and the list beside it."""
    content = [
        {
            "token": token,
            "logprob": logprob,
            "top_logprobs": [{"token": one, "logprob": value} for one, value in listed],
        }
        for token, logprob, listed in positions
    ]
    message = {"role": "assistant", "content": "".join(token for token, _, _ in positions)}
    return {"choices": [{"message": message, "logprobs": {"content": content}}]}


SAVED = answer(
    ("Yes", -0.3, [("Yes", -0.3), ("No", -1.5)]),
    (" it", -0.2, [(" it", -0.2), (" he", -2.5)]),
    (" is", -0.1, [(" is", -0.1), (" was", -3.0)]),
)


def test_a_saved_answer_is_traced_at_every_position(run_json, tmp_path) -> None:
    bare, asked = tmp_path / "bare.json", tmp_path / "asked.json"
    bare.write_text(json.dumps(SAVED))
    request = {"messages": [{"role": "user", "content": "Is it?"}]}
    asked.write_text(json.dumps({"request": request, "response": SAVED}))
    for arguments in (
        (f"recorded:{bare}", "Is it?"),
        (f"recorded:{bare}", "Is it?", "--text", "Yes it is"),
        (f"recorded:{asked}", "--message", "user:Is it?"),
    ):
        document = run_json("trace", *arguments)
        assert [(one["token"], one["logprob_raw"], one["rank"]) for one in document["tokens"]] == [
            ("Yes", -0.3, 1),
            (" it", -0.2, 1),
            (" is", -0.1, 1),
        ]
        assert document["totals"]["logprob_raw"] == pytest.approx(-0.6)
    assert document["messages"] == [{"role": "user", "content": "Is it?"}]


def test_a_drawn_token_beside_its_list_is_the_most_likely_one(run_json, tmp_path) -> None:
    path = tmp_path / "drawn.json"
    path.write_text(json.dumps(answer(("Good", -0.0001, [("Fine", -9.6), (" Good", -12.0)]))))
    found = run_json("look", f"recorded:{path}", "How is it?", "--temperature", "1", "--chain", "top_k=1")
    first = found["rows"][0]["top"][0]
    assert first["token"] == "Good" and first["prob"]["low"] > 0.9998
    assert found["rows"][0]["entropy_nats"]["high"] < 0.003
    assert [token["token"] for token in found["chain"]["top"]] == ["Good"]


def test_one_possible_token_is_certain(run_json, tmp_path) -> None:
    path = tmp_path / "one.json"
    path.write_text(
        '{"choices": [{"text": "x", "logprobs": {"tokens": ["x"], "token_logprobs": [0.0], '
        '"top_logprobs": [{"x": 0.0, "<s>": -Infinity, "<0x00>": -Infinity}]}}]}'
    )
    found = run_json("look", f"recorded:{path}", "x", "--temperature", "1")
    (row,) = found["rows"]
    assert (row["top"][0]["prob"], row["entropy_nats"], found["margin"]) == (1.0, 0.0, None)
