"""`recorded:FILE`: every shape is detected and read, our own recordings replay, and damage is said."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from mock_source import MockSource
from retort.errors import CapabilityError, SourceError
from retort.sources.base import Capability, next_token_logits
from retort.sources.chat import Conversation, Message
from retort.sources.load import load
from retort.sources.recording import recording

TOP = [(" blue", -0.1), (" clear", -3.0), (" dark", -4.5)]

CHAT = {
    "choices": [
        {
            "message": {"role": "assistant", "content": " blue"},
            "logprobs": {
                "content": [
                    {
                        "token": " blue",
                        "logprob": -0.1,
                        "bytes": None,
                        "top_logprobs": [{"token": t, "logprob": v, "bytes": None} for t, v in TOP]
                        + [{"token": " never", "logprob": -9999.0, "bytes": None}],
                    }
                ]
            },
        }
    ]
}
COMPLETIONS = {
    "choices": [
        {
            "text": " blue",
            "logprobs": {
                "tokens": [" blue"],
                "token_logprobs": [-0.1],
                "top_logprobs": [dict(TOP)],
                "text_offset": [0],
            },
        }
    ]
}
LLAMA = {
    "content": " blue",
    "completion_probabilities": [
        {"id": 0, "token": " blue", "bytes": [], "logprob": -0.1}
        | {"top_logprobs": [{"id": i, "token": t, "bytes": [], "logprob": v} for i, (t, v) in enumerate(TOP)]}
    ],
}
LLAMA_PROCESSED = {
    "content": " blue",
    "completion_probabilities": [
        {"id": 0, "token": " blue", "bytes": [], "prob": math.exp(-0.1)}
        | {
            "top_probs": [
                {"id": i, "token": t, "bytes": [], "prob": math.exp(v)} for i, (t, v) in enumerate(TOP)
            ]
        }
    ],
}
LLAMA_OLD = {
    "content": " blue",
    "completion_probabilities": [
        {"content": " blue", "probs": [{"tok_str": t, "prob": math.exp(v)} for t, v in TOP]}
    ],
}
VLLM_DICT = {
    # The prompt's own token comes first, whatever its rank.
    "88": {"logprob": -9.0, "rank": 411, "decoded_token": " odd"},
    **{str(i): {"logprob": v, "rank": i + 1, "decoded_token": t} for i, (t, v) in enumerate(TOP)},
}
VLLM = {"choices": [{"text": "", "prompt_logprobs": [None, VLLM_DICT]}]}
VLLM_OFFLINE = {
    "prompt": "the sky is",
    "prompt_logprobs": [None],
    "outputs": [{"text": " blue", "logprobs": [VLLM_DICT]}],
}


def write(path: Path, *records: object) -> str:
    path.write_text("\n".join(json.dumps(record) for record in records))
    return f"recorded:{path}"


@pytest.mark.parametrize(
    ("record", "shape"),
    [
        (CHAT, "openai-chat"),
        (COMPLETIONS, "openai-completions"),
        (LLAMA, "llama.cpp"),
        (LLAMA_PROCESSED, "llama.cpp"),
        (LLAMA_OLD, "llama.cpp"),
        (VLLM, "vllm"),
        (VLLM_OFFLINE, "vllm"),
    ],
)
def test_every_shape_gives_the_same_tokens_and_says_which_it_is(tmp_path, record, shape) -> None:
    source = load(write(tmp_path / "r.json", record))
    assert source.capability is Capability.TOP_N
    known = source.next_tokens("the sky is")
    top = [token for token in known.tokens if known.ceiling is None or token.logprob >= known.ceiling]
    assert [token.token for token in top] == [token for token, _ in TOP]
    assert [token.logprob for token in top] == pytest.approx([value for _, value in TOP])
    # vLLM's own token is known beside them, and bounds nothing.
    assert [token.token for token in known.tokens[3:]] == ([" odd"] if shape == "vllm" else [])
    assert f"shape {shape};" in source.note
    assert ("after the sampler's stages" in source.note) == (record in (LLAMA_PROCESSED, LLAMA_OLD))
    assert ("the prompt has no effect" in source.note) == (record is not VLLM_OFFLINE)


def test_json_lines_with_prompts_are_told_apart(tmp_path) -> None:
    other = json.loads(json.dumps(COMPLETIONS).replace(" blue", " green"))
    name = write(
        tmp_path / "r.jsonl",
        {"request": {"prompt": "the sky is"}, "response": COMPLETIONS},
        {"prompt": "grass is", **other},
        {"request": {"messages": [{"role": "user", "content": "hi"}]}, "response": CHAT},
    )
    source = load(name)
    assert source.next_tokens("the sky is").tokens[0].token == " blue"
    assert source.next_tokens("grass is").tokens[0].token == " green"
    assert source.next_tokens((Message("user", "hi"),)).tokens[0].token == " blue"
    with pytest.raises(
        SourceError, match="not recorded with the prompt 'snow is'; it holds 'the sky is', 'grass is'"
    ):
        source.next_tokens("snow is")


def test_a_full_recording_replays_the_same_numbers(tmp_path) -> None:
    source, path = MockSource(12), tmp_path / "r.jsonl"
    taped = recording(source, path)
    decoder = taped.start([taped.encode("w1 w2"), taped.encode("w3")])
    decoder.advance([0, 0], [4, 5])
    replayed = load(f"recorded:{path}")
    assert (replayed.capability, replayed.vocab_size, replayed.end_ids) == (
        Capability.FULL,
        12,
        source.end_ids,
    )
    row = next_token_logits(replayed, "w1 w2")
    assert row.dtype == np.float32 and np.array_equal(row, source.logits_of([1, 2]))
    again = replayed.start([replayed.encode("w1 w2")])
    again.advance([0, 0], [5, 4])
    assert np.array_equal(again.logits, [source.logits_of([1, 2, 5]), source.logits_of([1, 2, 4])])
    assert replayed.token_text(3) == source.token_text(3)
    assert "mock:12" in replayed.note
    with pytest.raises(SourceError, match="this was not recorded"):
        again.advance([0], [7])
    with pytest.raises(SourceError, match="it holds 'w1 w2', 'w3'"):
        replayed.encode("w9")


def test_minus_infinity_and_float64_survive(tmp_path) -> None:
    (tmp_path / "sky.json").write_text('{"tokens": ["a", "b", "c"], "logits": [15.2, 0.1, null]}')
    source = load(f"logits:{tmp_path / 'sky.json'}")
    taped = recording(source, tmp_path / "r.jsonl")
    next_token_logits(taped, "x")
    row = next_token_logits(load(f"recorded:{tmp_path / 'r.jsonl'}"), "x")
    assert row.dtype == np.float64 and row.tolist() == [15.2, 0.1, -math.inf]


def test_a_recording_is_added_to_and_nothing_is_written_twice(tmp_path) -> None:
    path = tmp_path / "deep" / "r.jsonl"
    for text in ("w1", "w1", "w2"):
        taped = recording(MockSource(12), path)
        next_token_logits(taped, text)
    assert len(path.read_text().splitlines()) == 5  # a head, and of each text its ids and its row
    with pytest.raises(SourceError, match="is a recording of mock:12 \\(full\\), not of mock:13"):
        recording(MockSource(13), path)
    (tmp_path / "letter.txt").write_text("Dear Sir")
    with pytest.raises(SourceError, match="is not a recording of retort"):
        recording(MockSource(12), tmp_path / "letter.txt")


def test_a_line_cut_off_in_the_middle_loses_only_itself(tmp_path) -> None:
    path = tmp_path / "r.jsonl"
    for text in ("w1", "w2"):
        next_token_logits(recording(MockSource(12), path), text)
    path.write_text(path.read_text()[:-40])
    assert np.array_equal(next_token_logits(load(f"recorded:{path}"), "w1"), MockSource(12).logits_of([1]))


def test_a_server_s_answers_replay_with_their_probe(connect, server, tmp_path) -> None:
    path = tmp_path / "r.jsonl"
    source = connect()
    taped = recording(source, path)
    first = taped.next_tokens("hello there")
    talk = (Message("user", "hello"),)
    second = taped.next_tokens(talk)
    server.fault_always = "500"
    with pytest.raises(SourceError, match="HTTP 500"):
        taped.next_tokens("lost")
    replayed = load(f"recorded:{path}")
    assert replayed.next_tokens("hello there") == first  # what came before the fault is kept
    assert replayed.next_tokens(talk) == second
    assert replayed.probe["logprobs"] == "raw"
    assert replayed.vocab_size == source.vocab_size
    from mock_server import KEY

    assert KEY not in path.read_text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("Dear Sir", "is not JSON"),
        ("[]", "is empty"),
        ('{"a": 1}', "no choices and no logprobs"),
        ("7", "the answer is a number, not a JSON object"),
        ('{"choices": [{"text": "x"}]}', "answers without logprobs"),
        (
            '{"choices": [{"logprobs": {"content": [{"token": 1}]}}]}',
            "content[0].token is 1, but input should be a valid string",
        ),
        ('{"choices": [{"logprobs": {"tokens": ["a"], "token_logprobs": []}}]}', "answers without logprobs"),
        ('{"retort_recording": 9}', "version 9"),
        ('{"retort_recording": 1, "known": "full"}', "damaged"),
        ('{"retort_recording": 1, "known": "top_n", "model": "m", "vocabulary": 3}', "contains no position"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path, text, said) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(SourceError, match=re.escape(said)) as caught:
        load(f"recorded:{tmp_path / 'r.json'}")
    assert "r.json" in str(caught.value)


def test_tools_are_a_part_of_what_was_asked(connect, server, tmp_path) -> None:
    messages = [Message("user", "hello")]
    asked = [Conversation(messages, [{"name": name}]) for name in "ab"]
    source = recording(connect(), tmp_path / "r.jsonl")
    written = source.next_tokens(asked[0])
    again = load(f"recorded:{tmp_path / 'r.jsonl'}")
    assert again.next_tokens(asked[0]) == written
    for other in (asked[1], Conversation(messages), tuple(messages)):
        assert other != asked[0] and asked[0] != other
        with pytest.raises(SourceError, match="was not recorded with the prompt"):
            again.next_tokens(other)
    assert Conversation(messages) == tuple(messages) and hash(Conversation(messages)) == hash(tuple(messages))


def test_probabilities_that_cannot_be_are_refused(tmp_path) -> None:
    record = json.loads(json.dumps(LLAMA).replace("-3.0", "-0.2"))
    with pytest.raises(SourceError, match="sum to"):
        load(write(tmp_path / "r.json", record))


def test_a_missing_file_and_what_needs_the_whole_vocabulary(tmp_path) -> None:
    with pytest.raises(SourceError, match="there is no such file"):
        load("recorded:none.jsonl")
    source = load(write(tmp_path / "r.json", CHAT))
    for call in (lambda: source.start([[1]]), lambda: source.encode("x"), lambda: source.decode([1])):
        with pytest.raises(CapabilityError):
            call()
