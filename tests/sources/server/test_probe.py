"""The probe: a server that lies in any of the ways it knows is caught, with the sentence that belongs to the lie."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from mock_server import TOKENS, WORDS, true_log_probs
from retort.errors import CapabilityError, SourceError
from retort.sources.base import LARGEST_VOCABULARY, Capability
from retort.sources.chat import Message
from retort.sources.server.server import Ask
from retort.sources.server.source import ServerSource

PROMPT = "hello there"
COMPLETED = "Asked at its completions endpoint, where a text is continued without a chat template."
TRUTH = sorted(zip(true_log_probs(PROMPT), TOKENS, strict=True), reverse=True)


def test_an_honest_server(connect, server) -> None:
    found = connect().probe
    assert (found.logprobs, found.log_base, found.shape) == ("raw", "natural", "openai-completions")
    assert (found.temperature, found.top_p, found.top_k) == ("ignored", "ignored", "ignored")
    assert (found.seed, found.greedy, found.n, found.echo) == (True, True, True, True)
    assert (found.asked, found.given, found.vocabulary) == (20, 20, WORDS)
    assert (found.replay, found.rounding, found.notes) == (0.0, 1e-5, ())
    assert 0.5 < found.mass < 1.0
    assert len(server.requests) <= 20


@pytest.mark.parametrize(
    ("lie", "changed", "note"),
    [
        ("post-temperature", {"logprobs": "processed", "temperature": "applied"}, "(temperature)"),
        (
            "odd temperature",
            {"logprobs": "processed", "temperature": "unclear"},
            "not as softmax(logits / τ)",
        ),
        ("after top_p", {"logprobs": "processed", "top_p": "applied"}, "(top_p)"),
        ("after top_k", {"logprobs": "processed", "top_k": "applied"}, "(top_k)"),
        ("log10", {"log_base": "10"}, "base 10"),
        ("ignores seed", {"seed": False}, "ignores the seed"),
        ("ignores n", {"n": False}, "asked for 3 texts, it gave 1"),
        ("greedy wobbles", {"greedy": False}, "are not reproducible"),
        ("fewer than asked", {"given": 3}, "3 logprobs where 20 were asked for"),
        ("no echo", {"echo": False}, None),
        ("rounded", {"rounding": 0.005}, None),
        ("noisy", {}, "Two equal requests differ"),
    ],
)
def test_a_lie_that_can_be_lived_with_is_stated(connect, server, lie, changed, note) -> None:
    server.lies.add(lie)
    source = connect()
    found = source.probe
    honest = {"logprobs": "raw", "log_base": "natural", "seed": True, "n": True, "greedy": True, "given": 20}
    assert {key: getattr(found, key) for key in {**honest, **changed}} == {**honest, **changed}
    assert source.note == " ".join([COMPLETED, *found.notes[:1]])
    if note:
        assert note in found.notes[0]
    if lie == "noisy":
        assert source.next_tokens(PROMPT).rounding > 0.01
        return
    known = source.next_tokens(PROMPT)
    assert known.tokens[0].token == TRUTH[0][1]
    # Whatever the server does to its numbers, the ones that are used are the model's own.
    assert known.tokens[0].logprob == pytest.approx(TRUTH[0][0], abs=max(known.rounding, 1e-9))


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        ("sums above 1", "sum to 7."),
        ("non-finite", "gives a logprob that is nan"),
        ("probabilities", "logprobs are 0 or less"),
        ("duplicated", "names the token ' w"),
        ("renormalised", "renormalises over the tokens it lists"),
    ],
)
def test_a_lie_that_makes_every_number_wrong_is_refused(connect, server, lie, said) -> None:
    server.lies |= {lie, "as a list"}
    with pytest.raises(SourceError, match=re.escape(said)) as caught:
        connect().next_tokens(PROMPT)
    assert "127.0.0.1" in str(caught.value)


def test_answers_without_a_choice_leave_seed_and_greedy_unknown(connect, server, monkeypatch) -> None:
    honest = server.answer
    monkeypatch.setattr(
        server,
        "answer",
        lambda body, is_chat: honest(body, is_chat) if body.get("logprobs") else {"choices": []},
    )
    found = connect().probe
    assert (found.seed, found.greedy, found.n) == (None, None, False)
    assert found.notes == ("It ignores n: asked for 3 texts, it gave 0.",)


def test_a_server_without_logprobs_gives_answers_only(connect, server) -> None:
    server.lies.add("no logprobs")
    source = connect()
    assert source.capability is Capability.ANSWERS
    assert source.note == COMPLETED
    assert source.server.ask(Ask(PROMPT, 3, top_logprobs=0)).choices[0].text
    for call in (lambda: source.next_tokens(PROMPT), lambda: source.encode("x"), lambda: source.probe):
        with pytest.raises(CapabilityError, match="answers without logprobs"):
            call()


def test_tokens_that_do_not_decode(connect, server) -> None:
    server.lies |= {"undecodable", "as a list"}
    assert "partial characters" in connect().probe.notes[0]
    server.lies = {"bytes", "as a list"}
    assert connect().next_tokens(PROMPT).tokens[2].token == "<0xE2><0x96>"


@pytest.mark.parametrize("lies", [{"no echo"}, set(), {"as a list"}])
def test_a_token_that_reaches_from_the_prompt_into_the_text_is_read(
    connect, server, monkeypatch, lies
) -> None:
    """Echoed in either form, or asked for token by token as the server cuts the text (llama.cpp's /tokenize)."""
    server.lies |= lies
    source = connect()
    monkeypatch.setattr(source.server, "pieces", lambda text: ["hello", " there", " w1"])
    steps = list(source.read("hello th", "ere w1"))
    assert [(step.before, step.token) for step in steps] == [("hello", " there"), ("hello there", " w1")]
    assert steps[1].known.tokens[0].logprob == pytest.approx(TRUTH[0][0])


def test_a_server_is_probed_once(connect, server) -> None:
    connect().next_tokens(PROMPT)
    asked = len(server.requests)
    connect().next_tokens(PROMPT)
    assert len(server.requests) == asked + 2  # one to find the endpoint, one for the answer


def test_a_server_that_gives_fewer_is_asked_for_fewer_and_more_on_demand(connect, server) -> None:
    server.most = 5
    source = connect()
    assert (source.probe.asked, source.probe.given) == (5, 5)
    assert len(source.next_tokens(PROMPT, 50).tokens) == 5
    server.most = 60
    assert len(source.next_tokens(PROMPT, 50).tokens) == 50


def test_a_server_with_chat_alone_gets_the_text_as_a_message(connect, server) -> None:
    server.completions = False
    source = connect()
    known = source.next_tokens(PROMPT)
    assert (source.probe.endpoint, source.probe.shape) == ("chat", "openai-chat")
    assert known.tokens[0].logprob == pytest.approx(TRUTH[0][0])
    assert server.requests[-1]["messages"] == [{"role": "user", "content": PROMPT}]


def test_a_conversation_goes_to_chat_and_is_probed_there(connect, server) -> None:
    source = connect()
    source.next_tokens((Message("system", "Be brief."), Message("user", PROMPT)))
    assert source.probe.endpoint == "chat"
    assert [message["role"] for message in server.requests[-1]["messages"]] == ["system", "user"]
    assert source.render_chat([Message("user", "x")]) is None  # this server does not tell


def test_what_a_conversation_holds_is_sent(connect, server) -> None:
    from retort.sources.chat import conversation_of

    tool = {"type": "function", "function": {"name": "lookup", "parameters": {}}}
    call = {"id": "1", "type": "function", "function": {"name": "lookup", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "hello"}, {"type": "text", "text": "there"}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "42", "tool_call_id": "1"},
    ]
    source = connect()
    source.next_tokens(conversation_of({"messages": messages, "tools": [tool]}, "x"))
    assert server.requests[-1]["tools"] == [tool]
    assert server.requests[-1]["messages"] == [{"role": "user", "content": "hello\nthere"}, *messages[1:]]
    source.next_tokens(conversation_of(messages[:1], "x"))
    assert "tools" not in server.requests[-1]


def test_an_unknown_vocabulary_is_bounded_and_said(connect, server) -> None:
    server.vocabulary = None
    source = connect()
    known = source.next_tokens(PROMPT)
    assert (known.vocabulary, known.num_tokens) == (None, LARGEST_VOCABULARY)
    assert "at most 1,048,576 tokens" in str(source.note)


@pytest.mark.parametrize("tau", [0.5, 1.0, 2.0])
def test_the_truth_is_inside_the_intervals(connect, server, tau) -> None:
    known = connect().next_tokens(PROMPT).at(tau)
    weights = np.exp(np.array(true_log_probs(PROMPT)) / tau)
    probs = weights / weights.sum()
    ranked = np.sort(probs)[::-1][:20]
    assert (known.probs.low <= ranked).all() and (ranked <= known.probs.high).all()
    assert known.entropy.low <= -(probs * np.log(probs)).sum() <= known.entropy.high
    assert known.margin.low <= TRUTH[0][0] - TRUTH[1][0] <= known.margin.high


def test_a_wrong_model_and_a_missing_name(url, server) -> None:
    with pytest.raises(SourceError, match="has no model 'nobody'; name one after '#': mock"):
        ServerSource(f"{url}#nobody")
    assert ServerSource(url).name == f"{url}#mock"  # one model: no need to name it


def test_what_needs_the_whole_vocabulary_is_refused(connect) -> None:
    source = connect()
    for call in (lambda: source.start([[1]]), lambda: source.encode("x"), lambda: source.token_text(1)):
        with pytest.raises(CapabilityError, match="needs the whole vocabulary"):
            call()


def test_a_fault_after_the_probe_is_a_sentence_and_the_next_request_works(connect, server) -> None:
    source = connect()
    first = source.next_tokens(PROMPT)
    server.faults = ["malformed"]
    with pytest.raises(SourceError, match="invalid JSON"):
        source.next_tokens(PROMPT)
    assert source.next_tokens(PROMPT) == first
    assert math.isfinite(first.tokens[0].logprob)
