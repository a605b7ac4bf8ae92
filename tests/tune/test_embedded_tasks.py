"""The tasks that come with retort: what they hold, and that they can be asked."""

from __future__ import annotations

import json

import pytest

from retort.tune.score import normalise
from retort.tune.task import EMBEDDED, embedded_tasks, load_task


def test_each_can_be_read_and_names_a_model() -> None:
    assert embedded_tasks() == ["capitals", "exploit", "explore", "names"]
    for name in embedded_tasks():
        task = load_task(name)
        assert len(task.models) == 1 and task.models[0].startswith("embedded:")
        assert len({item.id for item in task.items}) == len(task.items)


@pytest.mark.parametrize("name", ["capitals", "names"])
def test_chats_are_asked_in_two_wordings(name: str) -> None:
    task = load_task(name)
    assert task.is_chat and len(task.prompts) == 2
    for number in (0, 1):
        prompt = task.prompt(task.items[0], number)
        assert not isinstance(prompt, str) and prompt[-1].role == "user"
        assert "{" not in "".join(message.content for message in prompt)


def test_capitals_has_famous_cities_that_are_wrong() -> None:
    task = load_task("capitals")
    famous = [item for item in task.items if "famous" in item.variables]
    assert len(task.items) >= 60 and len(famous) >= 40
    for item in task.items:
        right = task.scorer.judge(item.references)
        assert right(task.scorer.key(f"The capital of {item.variables['country']} is {item.references[0]}."))
        # A question that is repeated, or the famous city, is no answer.
        assert not right(task.scorer.key(f"What is the capital of {item.variables['country']}?"))
        assert "famous" not in item.variables or not right(task.scorer.key(item.variables["famous"]))


def test_names_are_different_when_normalised() -> None:
    for line in (EMBEDDED / "names.jsonl").read_text(encoding="utf-8").splitlines():
        references = json.loads(line)["references"]
        assert len(references) >= 20
        assert len({normalise(one) for one in references}) >= len(references) - 3, (
            "only spellings may coincide"
        )
