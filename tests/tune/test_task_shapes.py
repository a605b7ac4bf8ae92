"""Task files of other shapes: promptfoo's as it is, JSON lines, multiple choice; presets and budgets."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.tune.knowing_source import KnowingSource

from retort.errors import InputError, SourceError
from retort.tune import PRESETS, find_goal, load_task, run
from retort.tune.score import make_scorer
from retort.tune.task import Item, Task

PROMPTFOO = """\
description: kinds of things
prompts:
  - "What is a {{thing}}?"
  - raw: 'JSON like {"a": 1}, about {{ thing }}:'
  - file://third.txt
providers:
  - openai:gpt-4o-mini
  - id: openai:gpt-4o
    config: {temperature: 0.2, max_tokens: 12}
  - openai:gpt-4o:
      config: {temperature: 0.9}
defaultTest:
  assert:
    - {type: not-contains, value: sorry}
tests:
  - vars: {thing: [pear, apple], kind: fruit}
    assert:
      - {type: icontains, value: "{{kind}}"}
  - description: a tool
    vars: {thing: hammer}
    assert:
      - {type: contains-any, value: [tool, implement], weight: 3}
evaluateOptions: {repeat: 4}
"""


def written(folder: Path, name: str, text: str) -> Path:
    (folder / "third.txt").write_text("a {{thing}} is")
    (folder / name).write_text(text)
    return folder / name


def test_promptfoo_as_it_is(tmp_path: Path) -> None:
    task = load_task(written(tmp_path, "promptfooconfig.yaml", PROMPTFOO))
    assert [item.id for item in task.items] == ["1", "1.2", "2"]
    assert task.prompt(task.items[0], 0) == "What is a pear?"
    assert task.prompt(task.items[1], 1) == 'JSON like {"a": 1}, about apple:'
    assert task.prompt(task.items[2], 2) == "a hammer is"
    assert (task.goal, task.max_tokens) == ("exploit", 12)
    assert (task.budget.samples, task.budget.temperatures) == (4, (0.2, 0.9))
    fruit = task.scorer.judge((), task.items[1].checks)
    assert [fruit(text) for text in ("A FRUIT", "sorry, a fruit", "a tool")] == [1.0, 0.5, 0.5]
    tool = task.scorer.judge((), task.items[2].checks)
    assert [tool(text) for text in ("an implement", "a fruit")] == [1.0, 0.25]


def test_providers_that_truncate_differently_are_whole_chains(tmp_path: Path) -> None:
    same = (
        PROMPTFOO.replace("max_tokens: 12}", "max_tokens: 12, top_p: 0.5, apiKey: x}")
        .replace("temperature: 0.9}", "temperature: 0.9, top_p: 0.5}")
        .replace("  - openai:gpt-4o-mini\n", "")
    )
    budget = load_task(written(tmp_path, "same.yaml", same)).budget
    assert budget.temperatures == (0.2, 0.9)
    assert [str(chain.at_temperature(1)) for chain in budget.chains] == ["temperature=1 | top_p=0.5"]
    other = same.replace("temperature: 0.9, top_p: 0.5}", "temperature: 0.9}")
    budget = load_task(written(tmp_path, "other.yaml", other)).budget
    assert budget.temperatures == ()
    assert list(map(str, budget.chains)) == ["temperature=0.2 | top_p=0.5", "temperature=0.9"]


def test_promptfoo_tests_in_a_file(tmp_path: Path) -> None:
    tests = [{"vars": {"thing": "pear"}, "assert": [{"type": "equals", "value": "fruit"}]}]
    (tmp_path / "tests.json").write_text(json.dumps(tests))
    file = written(tmp_path, "p.yaml", "prompts: ['a {{thing}} is a']\ntests: file://tests.json\n")
    assert load_task(file).prompt(load_task(file).items[0]) == "a pear is a"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("{{thing}}?", "{{thing | upper}}?"), "more of nunjucks"),
        (("{{thing}}?", "{{thong}}?"), "uses {{thong}}"),
        (("icontains", "llm-rubric"), "test 1: .*another model"),
        (("file://third.txt", "file://none.txt"), "does not exist"),
        (("defaultTest:\n  assert:\n    - {type: not-contains, value: sorry}\n", ""), None),
        (("    assert:\n      - {type: contains-any, value: [tool, implement], weight: 3}\n", ""), None),
        (("repeat: 4", "repeat: many"), "the providers: samples is 'many'"),
        (("{repeat: 4}", "[4]"), r"evaluateOptions is \[4\]; it must be a mapping"),
        (
            ("temperature: 0.9", "temperature: hot"),
            r"the providers: temperatures\[1\] is 'hot'; allowed is a number of 0 or more",
        ),
        (("max_tokens: 12", "max_tokens: 0"), "max_tokens is 0; it must be a whole number of 1 or more"),
        (("max_tokens: 12", "stop: [3]"), r"stop is \[3\]; it must be a text"),
        (("max_tokens: 12", "top_p: 7"), "a provider's config: .*top_p.* 7"),
        (("config: {temperature: 0.2, max_tokens: 12}", "config: 3"), "config is 3; it must be a mapping"),
        (
            (
                "defaultTest:\n  assert:\n    - {type: not-contains, value: sorry}",
                "defaultTest: 3",
            ),
            "defaultTest is 3; it must be a mapping",
        ),
        (("vars: {thing: hammer}", "vars: hammer"), "vars is 'hammer'; it must be a mapping"),
        (("description: kinds", "goal: exploite\ndescription: kinds"), "goal is 'exploite'"),
    ],
)
def test_promptfoo_that_cannot_be_used(change: tuple[str, str], said: str | None, tmp_path: Path) -> None:
    file = written(tmp_path, "p.yaml", PROMPTFOO.replace(*change))
    assert change[0] in PROMPTFOO
    if said is None:
        assert load_task(file).items
        return
    with pytest.raises((InputError, SourceError), match=said):
        load_task(file)


def test_json_lines(tmp_path: Path) -> None:
    lines = [
        {"prompt": "the capital of France is", "reference": "Paris"},
        {"id": "x", "prompt": "2+2=", "references": ["4", "four"]},
    ]
    task = load_task(written(tmp_path, "t.jsonl", "\n".join(map(json.dumps, lines))))
    assert [task.prompt(item) for item in task.items] == ["the capital of France is", "2+2="]
    assert task.items[1].references == ("4", "four")
    for wrong, said in (
        ({"prompt": "x"}, "references are missing"),
        ({"prompt": "x", "answer": "y"}, "has no key answer"),
        ({"reference": "y"}, "with a prompt"),
    ):
        with pytest.raises(InputError, match=said):
            load_task(written(tmp_path, "w.jsonl", json.dumps(wrong)))


KNOWN = {f"asked{number}": [f"right{number}"] for number in range(30)}


def choice_task() -> Task:
    items = tuple(
        Item(
            word,
            {"word": word},
            (f"right{n}",),
            choices=(f"right{(n + 1) % 30}", f"right{n}", "other3", "other4"),
        )
        for n, word in enumerate(KNOWN)
    )
    return Task("c", "exploit", "", ("a {word}",), 4, (), make_scorer("choice", (), ""), items)


class Plain(KnowingSource):
    """Reads the word asked about anywhere in the prompt: a choice in the text is not a prompt of its own."""

    def start(self, prompts):
        return super().start([[next(token for token in prompt if token in self.known)] for prompt in prompts])


def test_multiple_choice_is_the_softmax_over_the_choices() -> None:
    source = Plain(KNOWN, lead=2.0)
    found = run(choice_task(), source, (0.0, 0.5, 1.0, 2.0), 1)
    for setting in found.settings:
        t = setting.temperature
        assert t is not None
        assert setting.score == pytest.approx(1.0 if t == 0 else 1 / (1 + 3 * math.exp(-2.0 / t)))
    assert found.forward_passes == 30 and found.independent_passes == 120
    assert found.recommendation.setting == 0.0
    assert np.ptp(found.item_scores, axis=0).max() < 1e-12


def test_choices_are_calibrated_at_the_temperature_that_makes_them_true() -> None:
    """A wrong choice leads by 2 on one question in four: the true chance of the leader is 3/4, so e^{2/τ} = 3 · 3."""
    known = {word: [f"right{(n + 1) % 30}"] if n % 4 == 0 else KNOWN[word] for n, word in enumerate(KNOWN)}
    known["spare"] = [f"right{n}" for n in range(30)]
    task = choice_task()
    found = run(replace(task, items=task.items[:28]), Plain(known, lead=2.0), (0.0, 1.0), 1).calibration
    assert found is not None and found.questions == 28 and not found.at_bound
    assert found.temperature == pytest.approx(2.0 / math.log(9.0))
    assert found.nll[1] < found.nll[0] and found.ece[1] < 1e-9 < found.ece[0]
    assert found.nll[0] == pytest.approx(math.log(math.exp(2) + 3) - 0.75 * 2)


def test_a_choice_that_begins_another_is_refused() -> None:
    items = (Item("a", {"word": "asked1"}, ("right1",), choices=("right1", "right1 other3")),)
    task = Task("c", "exploit", "", ("a {word}",), 4, (), make_scorer("choice", (), ""), items)
    with pytest.raises(InputError, match="'right1' is the beginning of 'right1 other3'"):
        run(task, Plain(KNOWN), (0.0, 1.0), 1)


def test_choice_items_are_checked_when_read(tmp_path: Path) -> None:
    line = {"prompt": "x is", "reference": "A", "choices": ["A", "B"]}
    assert load_task(written(tmp_path, "c.jsonl", json.dumps(line))).scorer.kind.name == "choice"
    for change, said in (({"choices": ["A"]}, "two or more"), ({"reference": "C"}, "not among the choices")):
        with pytest.raises(InputError, match=said):
            load_task(written(tmp_path, "c.jsonl", json.dumps({**line, **change})))


def test_presets_have_goals_and_reasons() -> None:
    assert set(PRESETS) == {"code", "sql", "facts", "summary", "brainstorm", "names", "story"}
    for preset in PRESETS.values():
        assert find_goal(preset.goal).fewest_samples <= preset.samples
        assert list(preset.temperatures) == sorted(set(preset.temperatures)) and preset.why


def test_a_budget_in_a_task_file(tmp_path: Path) -> None:
    text = (
        "goal: exploit\nprompts: ['{a} is']\nscorer: exact\nitems: [{vars: {a: x}, references: y}]\n"
        "budget: {samples: 3, items: 1, temperatures: [0, 1]}\n"
    )
    assert load_task(written(tmp_path, "b.yaml", text)).budget.temperatures == (0.0, 1.0)
    with pytest.raises(InputError, match=r"line 5: budget\.samples is 0"):
        load_task(written(tmp_path, "b.yaml", text.replace("samples: 3", "samples: 0")))
