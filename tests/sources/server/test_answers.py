"""The one parser: every shape gives the same positions, whole or as a stream, and a list says what it bounds."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from retort.errors import SourceError
from retort.sources.base import KnownToken
from retort.sources.chat import Conversation, Message, conversation_of
from retort.sources.load import load
from retort.sources.server.answers import Reply, read_reply
from retort.sources.server.candidates import complaint, position_of

# Three steps of an answer: what was drawn, and the two most probable tokens with their logprobs and ids.
STEPS = (
    (("Yes", -0.3, 5), (("Yes", -0.3, 5), ("No", -1.5, 6))),
    ((" it", -0.2, 7), ((" it", -0.2, 7), (" that", -2.5, 8))),
    ((" is", -0.1, 9), ((" is", -0.1, 9), (" was", -3.0, 10))),
)
TEXT = "Yes it is"


def entry(step: Any) -> dict[str, Any]:
    (token, logprob, _), top = step
    listed = [{"token": t, "logprob": v, "bytes": list(t.encode())} for t, v, _ in top]
    return {"token": token, "logprob": logprob, "bytes": list(token.encode()), "top_logprobs": listed}


ENTRIES = [entry(step) for step in STEPS]
TRIPLES = [[[v, i, t] for t, v, i in top] for _, top in STEPS]
TOKENS = [{"id": i, "text": t, "logprob": v} for (t, v, i), _ in STEPS]
GEMINI = [{"token": t, "tokenId": i, "logProbability": v} for (t, v, i), _ in STEPS]
OPENAI = {
    "choices": [{"message": {"content": TEXT}, "finish_reason": "stop", "logprobs": {"content": ENTRIES}}]
}
PARTS = [{"type": "output_text", "text": TEXT, "logprobs": ENTRIES}]
WHOLE: dict[str, Any] = {
    "openai-chat": OPENAI,
    "openai-completions": {
        "choices": [
            {
                "text": TEXT,
                "logprobs": {
                    "tokens": [t for (t, _, _), _ in STEPS],
                    "token_logprobs": [v for (_, v, _), _ in STEPS],
                    "top_logprobs": [{t: v for t, v, _ in top} for _, top in STEPS],
                },
            }
        ]
    },
    "openai-responses": {
        "object": "response",
        "output": [{"type": "reasoning"}, {"type": "message", "content": PARTS}],
    },
    "llama.cpp": {"content": TEXT, "completion_probabilities": ENTRIES, "stop_type": "eos"},
    "vllm": {
        "outputs": [
            {
                "text": TEXT,
                "logprobs": [
                    {
                        str(i): {"logprob": v, "rank": rank, "decoded_token": t}
                        for rank, (t, v, i) in enumerate(top, 1)
                    }
                    for _, top in STEPS
                ],
            }
        ]
    },
    "sglang": {
        "text": TEXT,
        "meta_info": {
            "finish_reason": {"type": "stop", "matched": 2},
            "output_token_logprobs": [[v, i, t] for (t, v, i), _ in STEPS],
            "output_top_logprobs": TRIPLES,
        },
    },
    "ollama": {"model": "m", "response": TEXT, "done": True, "logprobs": ENTRIES},
    "koboldcpp": {"results": [{"text": TEXT, "logprobs": {"content": ENTRIES}}]},
    "tgi": [
        {
            "generated_text": TEXT,
            "details": {
                "tokens": TOKENS,
                "top_tokens": [[{"id": i, "text": t, "logprob": v} for t, v, i in top] for _, top in STEPS],
            },
        }
    ],
    "gemini": {
        "candidates": [
            {
                "content": {"parts": [{"text": TEXT}]},
                "finishReason": "STOP",
                "logprobsResult": {
                    "chosenCandidates": GEMINI,
                    "topCandidates": [
                        {"candidates": [{"token": t, "tokenId": i, "logProbability": v} for t, v, i in top]}
                        for _, top in STEPS
                    ],
                },
            }
        ]
    },
}


def chunk(place: int) -> dict[str, Any]:
    delta = {"content": STEPS[place][0][0]}
    last = "stop" if place == 2 else None
    choice = {"delta": delta, "logprobs": {"content": [ENTRIES[place]]}, "finish_reason": last}
    return {"id": "c", "object": "chat.completion.chunk", "choices": [choice]}


STREAMS: dict[str, list[Any]] = {
    "openai-chat": [
        *(chunk(place) for place in range(3)),
        {"id": "c", "object": "chat.completion.chunk", "choices": []},
    ],
    "ollama": [
        {"response": STEPS[place][0][0], "done": place == 2, "logprobs": [ENTRIES[place]]}
        for place in range(3)
    ],
    "openai-responses": [
        {"type": "response.created"},
        *(
            {"type": "response.output_text.delta", "delta": STEPS[place][0][0], "logprobs": [ENTRIES[place]]}
            for place in range(3)
        ),
        {"type": "response.completed", "response": WHOLE["openai-responses"]},
    ],
    "tgi": [
        {
            "token": TOKENS[place],
            "top_tokens": [{"id": i, "text": t, "logprob": v} for t, v, i in STEPS[place][1]],
            "generated_text": TEXT if place == 2 else None,
        }
        for place in range(3)
    ],
}


def check_source(source: Any, shape: str) -> None:
    assert f"shape {shape};" in source.note
    steps = source.answered("Is it?")
    assert [step.token for step in steps] == ["Yes", " it", " is"]
    assert [step.before for step in steps] == ["Is it?", "Is it?Yes", "Is it?Yes it"]
    for step, (_, top) in zip(steps, STEPS, strict=True):
        assert [(token.token, token.logprob) for token in step.known.tokens] == [(t, v) for t, v, _ in top]
    assert source.answered("Is it?", "Yes it is") == steps
    assert source.answered("Is it?", "Yes it") == steps[:2]
    assert source.answered("Is it?", "Yes, it") is None
    assert source.next_tokens("Is it?") == steps[0].known


@pytest.mark.parametrize("shape", WHOLE)
def test_a_saved_answer_is_read_at_every_position(tmp_path: Path, shape: str) -> None:
    file = tmp_path / "r.json"
    file.write_text(json.dumps(WHOLE[shape]))
    check_source(load(f"recorded:{file}"), shape)


@pytest.mark.parametrize("shape", STREAMS)
@pytest.mark.parametrize("form", ["lines", "events", "list"])
def test_a_saved_stream_is_one_answer(tmp_path: Path, shape: str, form: str) -> None:
    pieces = [json.dumps(piece) for piece in STREAMS[shape]]
    written = {
        "lines": "\n".join(pieces),
        "events": "".join(f"event: x\ndata: {piece}\n\n" for piece in pieces) + "data: [DONE]\n\n",
        "list": f'{{"response": [{", ".join(pieces)}]}}',
    }
    file = tmp_path / "r.jsonl"
    file.write_text(written[form])
    check_source(load(f"recorded:{file}"), shape)


def test_batch_output_and_messages_beside_an_answer(tmp_path: Path) -> None:
    file = tmp_path / "batch.jsonl"
    body = {"custom_id": "r0", "response": {"status_code": 200, "body": OPENAI}, "error": None}
    failed = {"custom_id": "r1", "response": None, "error": {"message": "too many"}}
    file.write_text("\n".join(map(json.dumps, [failed, body])))
    source = load(f"recorded:{file}")
    assert [step.token for step in source.answered("r0")] == ["Yes", " it", " is"]
    assert "1 record of an error left out (line 1)." in source.note
    file.write_text(
        json.dumps({"request": {"messages": [{"role": "user", "content": "Is it?"}]}, "response": OPENAI})
    )
    source = load(f"recorded:{file}")
    assert len(source.answered((Message("user", "Is it?"),))) == 3
    assert source.answered("something else") is None
    request = {"messages": [{"role": "user", "content": "Is it?"}], "tools": [{"name": "look"}]}
    file.write_text(json.dumps({"request": request, "response": OPENAI}))
    source = load(f"recorded:{file}")
    assert source.answered((Message("user", "Is it?"),)) is None  # another question
    assert len(source.answered(Conversation([Message("user", "Is it?")], request["tools"]))) == 3


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"choices": [{"message": 7}]}, "choices[0].message is 7, but input should be a valid dictionary."),
        (
            {"choices": [{"message": {"content": [5]}}]},
            "choices[0].message.content[0] is 5, but input should be a valid dictionary.",
        ),
        (
            {
                "choices": [
                    {"logprobs": {"tokens": ["a"], "token_logprobs": [-1], "top_logprobs": [{"a": "x"}]}}
                ]
            },
            "choices[0].logprobs.top_logprobs[0].a is 'x', but input should be a valid number, unable to parse "
            "string as a number.",
        ),
    ],
)
def test_what_cannot_be_read_is_named_as_it_stands_in_the_answer(answer: Any, said: str) -> None:
    with pytest.raises(SourceError) as caught:
        read_reply(answer, "x")
    assert str(caught.value) == f"x: the answer cannot be read: {said}"


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": "Is it?"},
        {"role": "user", "content": [{"type": "text", "text": "Is"}, {"type": "text", "text": "it?"}]},
        {"role": "user", "content": "Is it?", "name": "Ann"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
    ],
)
def test_the_request_of_a_log_finds_its_answer(tmp_path: Path, message: dict[str, Any]) -> None:
    file = tmp_path / "log.json"
    file.write_text(json.dumps({"request": {"messages": [message]}, "response": OPENAI}))
    asked = conversation_of([message], "x")
    assert len(load(f"recorded:{file}").answered(asked)) == 3
    picture = {"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}
    file.write_text(json.dumps({"request": {"messages": [picture]}, "response": OPENAI}))
    assert load(f"recorded:{file}").answered(asked) is None


def test_a_log_of_errors_alone_is_said(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    file.write_text('{"error": {"message": "Rate limit"}}\n{"error": "x"}\n')
    with pytest.raises(SourceError, match="2 of them are error messages"):
        load(f"recorded:{file}")
    file.write_text('{"error": {"message": "Rate limit"}}\n{"choices": 5}\n')
    with pytest.raises(SourceError, match="line 2: the answer cannot be read: choices is 5"):
        load(f"recorded:{file}")


def token(text: str, logprob: float, number: int | None = None) -> KnownToken:
    return KnownToken(text, logprob, number)


A, THE, MY, ZEBRA = token(" a", -1.2), token(" the", -1.6), token(" my", -2.0), token(" zebra", -9.0)


@pytest.mark.parametrize(
    ("chosen", "listed", "asked", "known", "ceiling"),
    [
        (A, [A, THE, MY], None, [A, THE, MY], None),  # the list is the most probable ones
        (ZEBRA, [ZEBRA, A, THE, MY], None, [A, THE, MY, ZEBRA], -2.0),  # vLLM's chat: drawn, and k - 1
        (MY, [A, THE, MY], None, [A, THE, MY], -1.6),  # it may be there because it was drawn
        (MY, [A, THE, MY], 3, [A, THE, MY], None),  # completions: it would have come besides
        (ZEBRA, [A, THE], None, [A, THE, ZEBRA], -1.6),  # beside the list
        (
            token("Good", -0.0001),
            [token("Fine", -9.6)],
            None,
            [token("Good", -0.0001), token("Fine", -9.6)],
            math.inf,
        ),
        (A, [A], None, [A], math.inf),  # one token: nothing says that it is the most probable
        (None, [A, THE], None, [A, THE], None),
        (None, [], None, [], math.inf),
        (token("x", 0.0), [token("x", 0.0), token("<s>", -math.inf)], None, [token("x", 0.0)], -math.inf),
        (token("x", -9999.0), [A, THE], None, [A, THE], None),  # OpenAI: not among the most probable ones
        (A, [A, None, THE], None, [A, THE], None),  # null
    ],
)
def test_what_a_list_bounds(chosen, listed, asked, known, ceiling) -> None:
    found = position_of(chosen, listed, asked)
    assert list(found.known) == known and found.ceiling == ceiling


def of(*top: dict[str, Any], drawn: dict[str, Any] | None = None) -> Reply:
    one = {**(drawn or top[0]), "top_logprobs": list(top)}
    return read_reply({"choices": [{"message": {"content": "x"}, "logprobs": {"content": [one]}}]}, "x")


def test_equal_texts_with_other_bytes_are_other_tokens() -> None:
    reply = of(
        {"token": "a", "logprob": -1.0, "bytes": [97]},
        {"token": "a", "logprob": -2.0, "bytes": [32, 97]},
        {"token": "\ufffd", "logprob": -3.0, "bytes": [0xE2]},
        {"token": "\ufffd", "logprob": -4.0, "bytes": [0xF0, 0x9F]},
    )
    known = reply.choices[0].positions[0].known
    assert [one.token for one in known] == ["a", " a", "<0xE2>", "<0xF0><0x9F>"]
    assert complaint(known) is None
    same_text = of({"token": "a", "logprob": -1.0, "id": 1}, {"token": "a", "logprob": -2.0, "id": 2})
    assert complaint(same_text.choices[0].positions[0].known) is None


def test_completions_that_lost_a_token_are_bounded_by_the_mass_alone() -> None:
    """Two tokens that are no whole characters share one key, so one of the three that were asked for is gone."""
    logprobs = {"tokens": ["a"], "token_logprobs": [-0.5], "top_logprobs": [{"a": -0.5, "\ufffd": -2.0}]}
    record = {"choices": [{"text": "a", "logprobs": logprobs}]}
    assert read_reply(record, "x", asked=3).choices[0].positions[0].ceiling == math.inf
    assert read_reply(record, "x", asked=2).choices[0].positions[0].ceiling is None
    assert read_reply(record, "x").choices[0].positions[0].ceiling == math.inf


def test_vllm_s_own_token_is_found_by_its_id() -> None:
    ranks = {
        "7": {"logprob": -0.5, "rank": 1, "decoded_token": "a"},
        "9": {"logprob": -7.0, "rank": 300, "decoded_token": "z"},
        "8": {"logprob": None, "rank": 2, "decoded_token": "b"},
    }
    position = read_reply({"outputs": [{"token_ids": [9], "logprobs": [ranks]}]}, "x").choices[0].positions[0]
    assert position.chosen == token("z", -7.0, 9) and position.ceiling == -0.5


def test_a_server_that_wants_logprobs_as_true_gets_them_so(url, server) -> None:
    """mlx-lm refuses the number that OpenAI's completions have, and answers in the chat shape."""
    server.lies |= {"as a list", "logprobs are true"}
    source = load(f"{url}#mock")
    known = source.next_tokens("hello there")
    assert len(known.tokens) == 20
    assert server.requests[-1]["logprobs"] is True and server.requests[-1]["top_logprobs"] == 20


def test_the_last_piece_of_tgi_s_stream_is_a_token_though_it_has_details(tmp_path: Path) -> None:
    *pieces, last = STREAMS["tgi"]
    last = {**last, "details": {"finish_reason": "eos_token", "generated_tokens": 3, "seed": None}}
    file = tmp_path / "r.jsonl"
    file.write_text("\n".join(map(json.dumps, [*pieces, last])))
    check_source(load(f"recorded:{file}"), "tgi")
    assert read_reply(last, "x").choices[0].finish_reason == "eos_token"


def test_a_drawn_token_without_a_number_keeps_its_text(tmp_path: Path) -> None:
    """llama.cpp before 2025 gives the drawn token's text alone, and it need not be among the candidates."""
    tops = [[("Yes", 0.7), ("No", 0.2)], [(" that", 0.6), (" this", 0.3)], [(" is", 0.9), (" was", 0.1)]]
    entries = [
        {"content": drawn, "probs": [{"tok_str": text, "prob": prob} for text, prob in top]}
        for drawn, top in zip(("Yes", " it", " is"), tops, strict=True)
    ]
    file = tmp_path / "r.json"
    file.write_text(json.dumps({"content": TEXT, "completion_probabilities": entries}))
    steps = load(f"recorded:{file}").answered("Is it?")
    assert [(step.before, step.token) for step in steps] == [
        ("Is it?", "Yes"),
        ("Is it?Yes", " it"),
        ("Is it?Yes it", " is"),
    ]
    reply = of({"token": "a", "logprob": -1.0}, drawn={"token": "b", "logprob": None})
    assert reply.choices[0].positions[0].chosen is None and reply.choices[0].positions[0].text == "b"


@pytest.mark.parametrize("key", ["message", "text"])
def test_llama_cpp_s_probabilities_after_its_sampler_are_known_as_such_in_openai_s_form(key: str) -> None:
    """With `post_sampling_probs` its OpenAI routes write `top_probs` too (tools/server/server-task.cpp)."""
    entry = {
        "token": "a",
        "prob": 0.5,
        "top_probs": [{"token": "a", "prob": 0.5}, {"token": "b", "prob": 0.25}],
    }
    choice = {key: {"content": "a"} if key == "message" else "a", "logprobs": {"content": [entry]}}
    reply = read_reply({"choices": [choice]}, "x")
    assert reply.processed
    known = reply.choices[0].positions[0].known
    assert [(one.token, one.logprob) for one in known] == [("a", math.log(0.5)), ("b", math.log(0.25))]
    assert not of({"token": "a", "logprob": -1.0}).processed
