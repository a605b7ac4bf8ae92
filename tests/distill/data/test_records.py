"""Records to tokens, and which of them are learned: worked by hand on a tokenizer whose tokens are characters."""

from __future__ import annotations

from typing import Any

import pytest

from distill.data.chat_tokenizer import FORGETS, MARKED, PLAIN, REFUSES, make_tokenizer
from retort.distill.data import Chat, Pair, Record, Shape, record_of
from retort.distill.data.records import Renderer
from retort.errors import InputError

ASKED = {"role": "user", "content": "2+2"}
TOLD = {"role": "assistant", "content": "four"}
MORE = {"role": "user", "content": "sure?"}
YES = {"role": "assistant", "content": "yes"}


def rendered(tokenizer: Any, record: Record, *, completions_only: bool = True) -> tuple[str, str]:
    """The text of all tokens, and of those that are learned with a dot for every other one."""
    (found,) = Renderer(tokenizer, tokenizer.eos_token_id, completions_only)([record], [7])
    texts = tokenizer.convert_ids_to_tokens(found.ids)
    learned = found.learned or [True] * len(texts)
    return "".join(texts), "".join(
        one if kept else "." * len(one) for one, kept in zip(texts, learned, strict=True)
    )


def test_a_completion_is_learned_with_its_end_and_the_prompt_is_not() -> None:
    tokenizer = make_tokenizer()
    assert rendered(tokenizer, Pair("2+2=", "4")) == ("2+2=4[end]", "....4[end]")
    # Everything, unless asked otherwise; then a plain text is one too.
    assert rendered(tokenizer, Pair("2+2=", "4"), completions_only=False)[1] == "2+2=4[end]"
    assert rendered(tokenizer, "2+2=4", completions_only=False)[1] == "2+2=4[end]"
    assert rendered(tokenizer, Pair("2+2=", ""))[1] == "....[end]"


def test_tokens_are_those_of_the_whole_text_and_one_over_the_border_is_learned() -> None:
    tokenizer = make_tokenizer(merges=(("=", "4"), ("2", "+")))
    pair = Pair("2+2=", "41")
    (found,) = Renderer(tokenizer, None, True)([pair], [0])
    assert tokenizer.convert_ids_to_tokens(found.ids) == ["2+", "2", "=4", "1"]
    assert found.learned == [False, False, True, True]
    assert found.ids == tokenizer("2+2=41")["input_ids"]


def test_turns_of_the_assistant_are_learned() -> None:
    tokenizer = make_tokenizer()
    chat = Chat((ASKED, TOLD, MORE, YES))
    text = "<user>2+2</user><assistant>four</assistant><user>sure?</user><assistant>yes</assistant>"
    learned = "." * 27 + "four</assistant>" + "." * 29 + "yes</assistant>"
    assert rendered(tokenizer, chat) == (text, learned)
    # No end token: the template has marks of its own.
    assert rendered(tokenizer, chat, completions_only=False) == (text, text)
    assert rendered(tokenizer, Chat((TOLD, ASKED)))[1] == "." * 0 + "<assistant>four</assistant>" + "." * 16


def test_marks_of_the_template_say_what_is_learned_where_it_has_them() -> None:
    chat = Chat((ASKED, TOLD, MORE, YES))
    assert rendered(make_tokenizer(MARKED), chat) == rendered(make_tokenizer(PLAIN), chat)
    # A template given with the data replaces the tokenizer's.
    assert rendered(make_tokenizer(None), Chat(chat.messages, template=MARKED)) == rendered(
        make_tokenizer(PLAIN), chat
    )


def test_of_a_prompt_and_completion_in_messages_the_completion_is_learned() -> None:
    found = rendered(make_tokenizer(), Chat((ASKED, TOLD, MORE, YES), asked=3))
    assert found[1] == "." * (len(found[0]) - 15) + "yes</assistant>"


@pytest.mark.parametrize("chat", [Chat((ASKED, TOLD, MORE, YES)), Chat((ASKED, TOLD, MORE, YES), asked=3)])
def test_a_template_that_writes_earlier_turns_otherwise_is_refused(chat: Chat) -> None:
    tokenizer = make_tokenizer(FORGETS)
    assert rendered(tokenizer, chat, completions_only=False)[0].startswith("<user>2+2</user><assistant>fou<")
    if chat.asked is None:
        with pytest.raises(InputError, match="first 2 messages of document 7 differently when more follow"):
            rendered(tokenizer, chat)
    else:
        with pytest.raises(InputError, match="first 3 messages of document 7 differently"):
            rendered(tokenizer, chat)


def test_what_cannot_be_rendered_says_why() -> None:
    with pytest.raises(InputError, match="document 7 is a plain text, which has no completion"):
        rendered(make_tokenizer(), "text")
    with pytest.raises(
        InputError, match=r"document 7 is a conversation, and this tokenizer has no chat template"
    ):
        rendered(make_tokenizer(None), Chat((ASKED,)))
    with pytest.raises(
        InputError, match=r"document 7 cannot be written .*\(roles must alternate\); its roles are user"
    ):
        rendered(make_tokenizer(REFUSES), Chat((ASKED,)))
    with pytest.raises(InputError, match="document 7 cannot be written by the chat template"):
        rendered(make_tokenizer(), Chat((ASKED,), template="{% if %}"))


def test_a_slow_tokenizer_cannot_say_where_a_completion_begins() -> None:
    class Slow:
        is_fast = False

    with pytest.raises(InputError, match="does not tell which characters"):
        Renderer(Slow(), 0, completions_only=True)([Pair("a", "b")], [0])


CALL = {
    "role": "assistant",
    "tool_calls": [{"type": "function", "function": {"name": "look_up", "arguments": {}}}],
}
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {}}}
WITH_TOOLS = (
    "{% if tools %}[tools {{ tools | length }}]{% endif %}{% for m in messages %}[{{ m.role }}]{{ m.content }}"
    "{% for c in m.tool_calls or [] %}[call {{ c.function.name }}]{% endfor %}{% endfor %}"
)
WITHOUT = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"


def test_tools_and_calls_reach_the_template_or_are_refused() -> None:
    values = {"messages": [{"role": "user", "content": "hi"}, CALL | {"content": None}], "tools": [TOOL]}
    record = record_of(values, Shape(template=WITH_TOOLS), "line 1")
    assert isinstance(record, Chat) and record.tools == (TOOL,)
    tokenizer = make_tokenizer()
    (found,) = Renderer(tokenizer, None)([record], [0])
    assert tokenizer.decode(found.ids) == "tools 1userhiassistantcall lookup"  # its words have no brackets
    for changed, named in (({"tools": None}, "tool_calls"), ({"messages": values["messages"][:1]}, "tools")):
        plain = record_of(values | changed, Shape(template=WITHOUT), "line 1")
        with pytest.raises(InputError, match=f"document 7 has `{named}`, and the chat template ignores it"):
            Renderer(tokenizer, None)([plain], [7])


def test_what_a_record_asks_for_and_is_not_carried_out_is_refused_by_name() -> None:
    chat = {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
        ]
    }
    record = record_of(chat, Shape(), "line 1")
    assert isinstance(record, Chat) and record.messages[0]["content"] == "ab"
    for name in ("functions", "images", "chat_template_kwargs"):
        with pytest.raises(InputError, match=f"line 1, has `{name}`, which is not supported"):
            record_of(chat | {name: [{"x": 1}]}, Shape(), "line 1")
    with pytest.raises(InputError, match="has `tools`"):
        record_of({"text": "a", "tools": [TOOL]}, Shape(), "line 1")
    image = {"messages": [{"role": "user", "content": [{"type": "image", "url": "x"}]}]}
    with pytest.raises(InputError, match="a part of type 'image'"):
        record_of(image, Shape(), "line 1")
    with pytest.raises(InputError, match="`tools` is text that is not JSON"):
        record_of(chat | {"tools": "look_up"}, Shape(), "line 1")
