"""Conversations: read, refused where they are none, and written with the model's own template."""

from __future__ import annotations

import re

import pytest

from mock_source import MockSource
from retort.errors import CapabilityError, InputError, RetortError, SourceError
from retort.sources.chat import Message, parse_message, read_messages, render
from retort.sources.embedded import MODELS_FOLDER
from retort.sources.load import load

needs_models = pytest.mark.skipif(not (MODELS_FOLDER / "instruct").is_dir(), reason="needs embedded:instruct")


def test_messages_are_read_from_a_list_or_an_object() -> None:
    written = '[{"role": "user", "content": "hi"}]'
    assert read_messages(written, "x") == (Message("user", "hi"),)
    assert read_messages(f'{{"messages": {written}}}', "x") == (Message("user", "hi"),)
    assert parse_message("user: what: now") == Message("user", "what: now")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hi", "chat.json is not JSON"),
        ("[]", "holds no messages"),
        ('{"a": 1}', "holds no messages"),
        ('[{"role": "user"}]', "message 0 must have a role and a content"),
        ('["hi"]', "message 0 must have a role and a content"),
    ],
)
def test_what_is_no_conversation_is_said(text: str, said: str) -> None:
    with pytest.raises(RetortError, match=re.escape(said)):
        read_messages(text, "chat.json")


@pytest.mark.parametrize("text", ["hello", ": hello", "two words: hello"])
def test_a_message_has_a_role(text: str) -> None:
    with pytest.raises(InputError, match="role:text"):
        parse_message(text)


def test_a_source_without_a_template_is_refused() -> None:
    with pytest.raises(CapabilityError, match="no chat template"):
        render(MockSource(), [Message("user", "hi")])


@needs_models
def test_the_model_s_own_template_is_what_the_model_sees() -> None:
    source = load("embedded:instruct")
    text = render(source, [Message("user", "What is a pear?")])
    assert text == "<|end|>Question: What is a pear?\nAnswer:"
    # The marker that every text of its training began with is a token here, as in a plain prompt.
    assert source.encode_rendered(text) == source.encode("Question: What is a pear?\nAnswer:")
    with pytest.raises(
        SourceError, match="refuses these messages: it knows the roles user and assistant, not system"
    ):
        render(source, [Message("system", "be brief"), Message("user", "What is a pear?")])
    with pytest.raises(SourceError, match="no chat template"):
        render(load("embedded:small"), [Message("user", "hi")])
