"""A first task file for somebody who has none: from a prompt, a goal and examples, or from a CSV file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import yaml

from retort.errors import InputError
from retort.tune.readers.reading import csv_rows

ANSWERS = (
    "references", "reference", "answers", "answer", "expected", "target", "label", "output", "completion",
)  # fmt: skip
QUESTIONS = ("prompt", "question", "input", "instruction", "text", "query")
SCORER_OF = {"exploit": "says", "explore": "distinct_valid", "reproduce": "none"}
"""How an answer is judged where only the goal is known."""


@dataclass(frozen=True)
class Draft:
    """What a task shall be. `prompt` has {variables}, `rows` give their values and the right answers of each item."""

    name: str
    prompt: str
    goal: str
    rows: Sequence[tuple[Mapping[str, str], Sequence[str]]]
    chat: bool = True
    model: str | None = None

    def text(self) -> str:
        # Templates of prompts have {variables}, those of messages {{variables}}, as promptfoo's.
        asked = re.sub(r"\{(\w+)\}", r"{{\1}}", self.prompt)
        record = {
            "name": self.name,
            "goal": self.goal,
            **({"model": self.model} if self.model else {}),
            **(
                {"messages": [{"role": "user", "content": asked}]}
                if self.chat
                else {"prompts": [self.prompt]}
            ),
            "max_tokens": 64,
            "scorer": SCORER_OF[self.goal],
        }
        items = [
            {"vars": dict(values)} | ({"references": list(right)} if right else {})
            for values, right in self.rows
        ]
        head = (
            "# A task for `retort tune`. Check it: retort tune FILE --check. All keys: docs/tasks.md.\n"
            "# scorer says: the answer has one of the references in it; others: exact, numeric, regex, f1, choice …\n"
        )
        # PyYAML has one style for all of a document; a file of thousands of items can be read with one on a line.
        written = yaml.safe_dump(record, sort_keys=False, allow_unicode=True, width=110)
        lines = [
            f"  - {yaml.safe_dump(item, default_flow_style=True, allow_unicode=True, width=10**6).strip()}\n"
            for item in items
        ]
        return f"{head}{written}items:\n{''.join(lines)}"


def draft_of_csv(
    text: str,
    where: str,
    name: str,
    prompt: str | None,
    answer: str | None,
    goal: str,
    *,
    chat: bool,
    model: str | None,
) -> Draft:
    """The draft of a CSV file: a column of right answers (`answer`, or the first that is called so), variables in the
    others; several answers in a cell are separated by |. Without `prompt` the column with the question is asked.

    Raises InputError, beginning with `where`.
    """
    rows = csv_rows(text, where)
    if not rows:
        raise InputError(
            f"{where}: it has no rows; the first line must name the columns, and every other line is an item."
        )
    columns = list(rows[0])
    # A variable is a plain name, which a heading need not be.
    names = {
        column: re.sub(r"\W+", "_", column.strip()).strip("_") or f"column_{n}"
        for n, column in enumerate(columns, 1)
    }
    lower = {column.strip().lower(): column for column in columns}
    if answer is not None and answer not in columns:
        raise InputError(f"{where}: there is no column {answer!r}; there are {', '.join(columns)}.")
    right = answer or next((lower[one] for one in ANSWERS if one in lower), None)
    if right is None and goal != "reproduce":
        raise InputError(
            f"{where}: no column is called {', '.join(ANSWERS[:5])} …; name the column of right answers "
            f"with --answer, or use --goal reproduce, which needs none."
        )
    variables = [column for column in columns if column != right]
    if prompt is None:
        asked = next(
            (lower[one] for one in QUESTIONS if one in lower), variables[0] if len(variables) == 1 else None
        )
        if asked is None:
            known = ", ".join(f"{{{names[one]}}}" for one in variables)
            raise InputError(
                f"{where}: give the question with --prompt, a text with {known or 'no variables'}."
            )
        prompt = f"{{{names[asked]}}}"
    used = set(re.findall(r"\{(\w+)\}", prompt))
    if missing := sorted(used - {names[one] for one in variables}):
        known = ", ".join(names[one] for one in variables)
        raise InputError(f"{where}: the prompt uses {{{missing[0]}}}, and the columns are {known}.")
    items = []
    for number, row in enumerate(rows, 1):
        answers = [] if right is None else [part.strip() for part in row[right].split("|") if part.strip()]
        if not answers and goal != "reproduce":
            raise InputError(
                f"{where}: row {number} has no answer in the column {right!r}; fill it in or take it out."
            )
        items.append(({names[one]: row[one] for one in variables if names[one] in used}, answers))
    return Draft(name, prompt, goal, items, chat, model)
