"""Conversations: read, refused where they are none, and written with the model's own template."""

from __future__ import annotations

import re

import pytest

from mock_source import MockSource
from retort.errors import CapabilityError, InputError, RetortError, SourceError
from retort.sources.chat import (
    Conversation,
    Message,
    asked,
    conversation_of,
    parse_message,
    prompt_for,
    read_messages,
    render,
)
from retort.sources.embedded import MODELS_FOLDER
from retort.sources.load import load
from tiny_models import save_tiny_model

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


TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m.content }}"
    "{% for c in m.tool_calls or [] %}[call {{ c.function.name }}]{% endfor %}{{ eos_token }}{% endfor %}"
    "{% if tools %}[tools {{ tools | length }}]{% endif %}{% if add_generation_prompt %}[assistant]{% endif %}"
)
PLAIN = (
    "{% for m in messages %}{% if m.role != 'system' %}[{{ m.role }}]{{ m.content }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)
PARTS = (
    "{% for m in messages %}[{{ m.role }}]{% if m.content is string %}{{ m.content }}{% else %}"
    "{% for p in m.content %}({{ p.text }}){% endfor %}{% endif %}{% endfor %}"
)
TOOL = {"type": "function", "function": {"name": "lookup", "parameters": {}}}
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "1", "type": "function", "function": {"name": "lookup", "arguments": {}}}],
}
ANSWER = {"role": "tool", "content": "42", "tool_call_id": "1"}
ASK = {"role": "user", "content": "hi"}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return load(str(save_tiny_model(tmp_path_factory.mktemp("chat"))))


@pytest.fixture
def chat(tiny, monkeypatch):
    """A function: the text that a tiny model with this template sees of this JSON value."""

    def seen(template: str, value: object) -> str:
        monkeypatch.setattr(tiny.tokenizer, "chat_template", template)
        return prompt_for(tiny, conversation_of(value, "c.json")).text

    return seen


def test_tools_and_tool_calls_reach_the_template(chat) -> None:
    said = chat(TEMPLATE, {"messages": [ASK, CALL, ANSWER], "tools": [TOOL]})
    assert said == "<s>[user]hi</s>[assistant][call lookup]</s>[tool]42</s>[tools 1][assistant]"


def test_what_a_template_leaves_out_is_refused_by_name(chat) -> None:
    with pytest.raises(SourceError, match="leaves out the tools"):
        chat(PLAIN, {"messages": [ASK], "tools": [TOOL]})
    with pytest.raises(SourceError, match="leaves out 'tool_calls' of message 1"):
        chat(PLAIN, [ASK, CALL, ANSWER])
    with pytest.raises(SourceError, match="leaves out 'name' of message 0"):
        chat(TEMPLATE, [{**ASK, "name": "Ada"}])
    with pytest.raises(SourceError, match=r"leaves out message 0 \(system\)"):
        chat(PLAIN, [{"role": "system", "content": "be brief"}, ASK])


def test_a_last_answer_is_continued_and_keeps_its_spaces(chat) -> None:
    said = chat(TEMPLATE, [ASK, {"role": "assistant", "content": "A pear is "}])
    assert said == "<s>[user]hi</s>[assistant]A pear is "
    with pytest.raises(SourceError, match=r"calls tools, so .* has nothing to continue"):
        chat(TEMPLATE, [ASK, CALL])


def test_parts_are_text_where_the_template_reads_none(chat) -> None:
    def parts(*texts: str) -> list[dict]:
        return [{"role": "user", "content": [{"type": "text", "text": text} for text in texts]}]

    assert chat(PLAIN, parts("hi")) == chat(PLAIN, [ASK])
    assert chat(PLAIN, parts("hi", "you")) == "[user]hi\nyou[assistant]"
    assert chat(PARTS, parts("hi", "you")) == "[user](hi)(you)"
    image = [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]
    with pytest.raises(InputError, match="message 0 has a part of type 'image_url'"):
        chat(PARTS, image)


def test_a_start_marker_typed_by_hand_is_noted_and_stands_once(tiny, monkeypatch) -> None:
    from tokenizers.processors import TemplateProcessing

    backend = tiny.tokenizer.backend_tokenizer
    monkeypatch.setattr(tiny, "start_marker", None, raising=False)
    assert prompt_for(tiny, "<s>hi").notes == ()  # a tokenizer that adds none
    with monkeypatch.context() as patch:
        patch.setattr(tiny, "start_marker", "<s>", raising=False)
        backend.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
        seen = prompt_for(tiny, "<s>hi")
        assert seen.ids == tiny.encode("hi") and seen.ids.count(0) == 1
        assert "begins with <s>" in seen.notes[0] and prompt_for(tiny, "hi").notes == ()


def test_chat_makes_a_text_a_message_and_no_chat_makes_messages_a_text() -> None:
    hello = Message("user", "hi")
    assert asked("hi") == "hi" and asked("hi", True) == (hello,) and asked([hello]) == (hello,)
    assert asked([Message("system", "be brief"), hello], False) == "be brief\n\nhi"
    with pytest.raises(InputError, match="have tools, which only a chat template can write"):
        asked(Conversation([hello], [TOOL]), False)


def test_a_message_is_written_as_it_was_given() -> None:
    (message,) = conversation_of([CALL], "c.json")
    assert message.content == "" and message.to_dict() == CALL
    assert Message("user", "hi").to_dict() == ASK


@needs_models
def test_an_answer_is_continued_as_transformers_does() -> None:
    source = load("embedded:instruct")
    said = [Message("user", "What is a pear?"), Message("assistant", "A pear is")]
    text = source.tokenizer.apply_chat_template(
        [message.to_dict() for message in said], tokenize=False, continue_final_message=True
    )
    assert prompt_for(source, said).text == text == "<|end|>Question: What is a pear?\nAnswer: A pear is"
