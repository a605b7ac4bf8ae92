"""Tasks of messages: how they are written, what a model sees of them, and how a text becomes a user's message."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.tune.knowing_source import KnowingSource

from retort.errors import CapabilityError, InputError
from retort.sources.chat import Message
from retort.tune.item import encoded_after, prompt_text, reworded
from retort.tune.plan import content_hash
from retort.tune.task import load_task, task_schema

CHAT = """\
goal: exploit
messages:
- {role: system, content: Be brief.}
- {role: user, content: 'What is {{thing}}?'}
scorer: references
items:
- {vars: {thing: a pear}, references: [fruit]}
"""


class Templated(KnowingSource):
    """A source with a chat template: roles in angle brackets."""

    def render_chat(self, messages):
        return "".join(f"<{one.role}>{one.content}" for one in messages) + "<assistant>"

    def encode_rendered(self, text):
        return self.encode(text)

    def encode(self, text):
        return [ord(letter) for letter in text]


def written(folder: Path, text: str = CHAT):
    (folder / "chat.yaml").write_text(text)
    return load_task(folder / "chat.yaml")


def test_messages_with_variables(tmp_path: Path) -> None:
    task = written(tmp_path)
    assert task.prompt(task.items[0]) == (Message("system", "Be brief."), Message("user", "What is a pear?"))
    assert (task.is_chat, task.endpoint, task.stop) == (True, "chat", ())
    seen = task.seen(Templated({}), task.items[0])
    assert seen.text == "<system>Be brief.<user>What is a pear?<assistant>"
    assert encoded_after(Templated({}), seen, " x") == [*seen.ids, ord(" "), ord("x")]
    with pytest.raises(CapabilityError):
        task.seen(KnowingSource({}), task.items[0])


def test_two_wordings_and_what_they_are_called(tmp_path: Path) -> None:
    two = CHAT.replace("- {role: system", "- - {role: system").replace("- {role: user", "  - {role: user")
    task = written(tmp_path, two.replace("scorer:", "- - {role: user, content: '{{thing}}:'}\nscorer:"))
    assert [prompt_text(prompt) for prompt in task.prompts] == ["What is {{thing}}?", "{{thing}}:"]
    assert prompt_text(reworded(task.prompts[0], str.upper)) == "WHAT IS {{THING}}?"
    assert prompt_text(reworded("a", str.upper)) == "A"


def test_a_text_is_a_users_message_where_that_is_meant(tmp_path: Path) -> None:
    text = CHAT.replace(CHAT[CHAT.index("messages") : CHAT.index("scorer")], "prompts: 'What is {thing}?'\n")
    task = written(tmp_path, text)
    assert task.question(task.items[0]) == "What is a pear?"
    assert task.seen(Templated({}), task.items[0]).text == "What is a pear?"
    chat = replace(task, is_chat=True)
    assert chat.question(task.items[0]) == (Message("user", "What is a pear?"),)
    assert chat.seen(Templated({}), task.items[0]).text == "<user>What is a pear?<assistant>"
    # A model without a template continues the text.
    assert chat.seen(KnowingSource({}), task.items[0]).messages is None
    assert replace(chat, endpoint="completions").question(task.items[0]) == "What is a pear?"
    plain = replace(written(tmp_path), is_chat=False)
    assert plain.question(plain.items[0]) == "Be brief.\n\nWhat is a pear?"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("{{thing}}", "{{thong}}"), r"uses \{thong\} \(did you mean thing\?\)"),
        (("{{thing}}", "{{thing.name}}"), "not a plain name"),
        (("{{thing}}", "{{thing | upper}}"), "uses more of nunjucks"),
        (("role: user", "rôle: user"), "has no key messages"),
        (("goal:", "prompts: x\ngoal:"), "prompts or messages, not both"),
    ],
)
def test_messages_that_cannot_be_used(change: tuple[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        written(tmp_path, CHAT.replace(*change))


def test_json_lines_of_messages(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(
        '{"messages": [{"role": "user", "content": "2+2?"}], "reference": "4"}\n'
        '{"prompt": [{"role": "user", "content": "3+3?"}], "reference": "6"}\n'
    )
    task = load_task(tmp_path / "t.jsonl")
    assert [task.prompt(item)[0].content for item in task.items] == ["2+2?", "3+3?"]
    assert content_hash(task.items) != content_hash(task.items[::-1])


def test_a_task_file_says_what_it_wants(tmp_path: Path) -> None:
    more = (
        "model: [embedded:small, 'http://host/v1#m']\nendpoint: completions\nsamples: 3\ntemperatures: [0, 1]\n"
        "settings: ['temperature=0.7 | top_p=0.9']\nagainst: temperature=1\nbaseline: before.json\n"
    )
    task = written(tmp_path, CHAT + more)
    assert task.models == ("embedded:small", "http://host/v1#m")
    assert (task.endpoint, task.against, task.baseline) == (
        "completions",
        "temperature=1",
        str(tmp_path / "before.json"),
    )
    assert (task.budget.samples, task.budget.temperatures) == (3, (0.0, 1.0))
    assert [str(chain) for chain in task.budget.chains] == ["temperature=0.7 | top_p=0.9"]
    with pytest.raises(InputError, match=r"unknown transform .top_q. .did you mean top_p"):
        written(tmp_path, CHAT + "settings: ['top_q=3']\n")
    with pytest.raises(InputError, match="endpoint is 'talk'; allowed are chat, completions"):
        written(tmp_path, CHAT + "endpoint: talk\n")


def test_the_schema_names_every_key() -> None:
    schema = task_schema()
    assert {"goal", "messages", "prompts", "scorer", "items", "model", "settings", "against"} <= set(
        schema["properties"]
    )
    assert schema["additionalProperties"] is False
