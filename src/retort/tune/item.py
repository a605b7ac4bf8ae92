"""What a task is made of: the items that are asked, and the task that holds them with its scorer and its defaults.

`Marker` marks the answers to its items.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from retort.errors import CapabilityError, InputError
from retort.sources.chat import Message, SeenPrompt, asked, prompt_for
from retort.tune.assertions import as_text
from retort.tune.budget import NO_BUDGET, Budget
from retort.tune.checks import Check
from retort.tune.readers.javascript import Template
from retort.tune.score import Scorer

Prompt = str | tuple[Message, ...]
"""A text that the model continues, or a conversation that it answers."""

COMPLETIONS = "completions"


@dataclass(frozen=True)
class Item:
    """One thing asked: the variables of the prompt templates, and the answers that count as right.

    `choices`: all the answers to choose from, for scorer choice; `checks`: what an answer must satisfy, for scorer
    checks. `prompts`: what is asked through each of the task's prompts, where the file's own language wrote it out.
    `transform`: what becomes of an answer before it is compared and scored.
    """

    id: str
    variables: Mapping[str, Any]
    references: tuple[str, ...]
    choices: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    prompts: tuple[Prompt, ...] = ()
    transform: Callable[[Any], Any] | None = None


@dataclass(frozen=True)
class Task:
    """What `run` sweeps. `prompts` are templates with {variables}; every item is asked through each of them.

    A template may be a conversation, with {{variables}} in its messages. `is_chat` True: a prompt that is a text is a
    user's message, wherever the model has a chat template; False: messages are a plain text; None: both as they are.
    `models`, `endpoint`, `against`, `baseline`: what the file says of the model to ask, the way to ask it, the setting
    to compare with, and an earlier run; empty where it does not say.
    `skipped`: how many parts of each kind the reader left out, as it was asked to. `notes`: what a user should know.
    """

    name: str
    goal: str
    description: str
    prompts: tuple[Prompt, ...]
    max_tokens: int
    stop: tuple[str, ...]
    scorer: Scorer
    items: tuple[Item, ...]
    budget: Budget = NO_BUDGET
    is_chat: bool | None = None
    models: tuple[str, ...] = ()
    endpoint: str | None = None
    against: str | None = None
    baseline: str | None = None
    skipped: Mapping[str, int] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def prompt(self, item: Item, prompt_index: int = 0) -> Prompt:
        """What the model is asked: template `prompt_index` with the item's variables filled in."""
        if item.prompts:
            return item.prompts[prompt_index]
        template = self.prompts[prompt_index]
        if isinstance(template, str):
            return template.format_map(item.variables)
        return tuple(
            replace(message, content=Template(message.content, self.name).fill(item.variables))
            for message in template
        )

    def seen(self, source: Any, item: Item, prompt_index: int = 0) -> SeenPrompt:
        """What a model that runs here sees of it: the text, with its chat template where that is meant, and the ids.

        Raises CapabilityError for messages to a model without a chat template.
        """
        prompt = self.prompt(item, prompt_index)
        if not isinstance(prompt, str):
            return prompt_for(source, prompt, self.is_chat)
        if self.is_chat:
            try:
                return prompt_for(source, prompt, True)
            except CapabilityError:
                pass  # no template: a base model continues the text
        return prompt_for(source, prompt)

    def question(self, item: Item, prompt_index: int = 0) -> Prompt:
        """What a server is asked: messages for a conversation, and for a text that is a user's message."""
        prompt = self.prompt(item, prompt_index)
        chat = self.is_chat
        # A completions endpoint takes a text, also where the task's texts are meant for a user.
        if isinstance(prompt, str):
            chat = bool(chat) and self.endpoint != COMPLETIONS
        return asked(prompt, chat)


class Marker:
    """Marks answers. Many draws give few different texts: each is normalised once and judged once per item."""

    def __init__(self, scorer: Scorer, items: Sequence[Item]) -> None:
        self._items = items
        self._key = cache(scorer.key)
        self._judge = cache(lambda item: scorer.judge(items[item].references, items[item].checks))
        self._transformed = cache(self._transform)
        self._scores: dict[tuple[int, str], float] = {}

    def mark(self, item: int, text: str) -> tuple[str, float]:
        """The answer that `text` gives (equal for equal answers), and its score for item number `item`."""
        key = judged = self._key(text)
        if self._items[item].transform is not None:
            key, judged = self._transformed(item, key)
        # By the key and not by what is judged: a transform may make a list of an answer, which has no hash.
        if (item, key) not in self._scores:
            self._scores[item, key] = float(self._judge(item)(judged))
        return key, self._scores[item, key]

    def _transform(self, item: int, key: str) -> tuple[str, Any]:
        """What the item's transform makes of an answer, as a text and as it is."""
        transform = self._items[item].transform
        assert transform is not None, "asked for such items alone"
        made = transform(key)
        return as_text(made), made


def encoded_after(source: Any, seen: SeenPrompt, text: str) -> list[int]:
    """The ids of a prompt with `text` after it, cut into tokens together, as the model would read them.

    Together, since a token may reach over the place where the prompt ends. A template writes its own start marker,
    which `encode` would write once more.
    """
    encode = source.encode if seen.messages is None else source.encode_rendered
    return list(encode(seen.text + text))


def num_shared(*texts: Sequence[int]) -> int:
    """How many tokens all texts begin with."""
    length = min(map(len, texts))
    return next((n for n in range(length) if len({text[n] for text in texts}) > 1), length)


def prompt_text(prompt: Prompt) -> str:
    """A prompt or a template in words: the text, or what its last message says."""
    return prompt if isinstance(prompt, str) else prompt[-1].content


def reworded(prompt: Prompt, rule: Callable[[str], str]) -> Prompt:
    """The prompt with `rule` applied to its text, of a conversation to its last message."""
    if isinstance(prompt, str):
        return rule(prompt)
    return (*prompt[:-1], replace(prompt[-1], content=rule(prompt[-1].content)))


def written_prompt(prompt: Prompt) -> Any:
    """A prompt or a template as JSON can hold it."""
    return prompt if isinstance(prompt, str) else [message.to_dict() for message in prompt]


def needed_models(task: Task, given: Sequence[str] = ()) -> tuple[str, ...]:
    """The models to tune: those given, else those that the task's file names; one on a server with the task's endpoint,
    as in chat+http://…, unless its own says another. Raises InputError where there is none."""
    if found := tuple(given) or task.models:
        to = f"{task.endpoint}+" if task.endpoint else ""
        return tuple(f"{to}{one}" if one.startswith(("http://", "https://")) else one for one in found)
    raise InputError(
        f"The task {task.name} names no model that retort can ask; give --model MODEL, or model: in a task file of "
        "retort's own."
    )
