"""Task files: what is read, and one clear sentence for everything that cannot be."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from retort.errors import InputError, RetortError, SourceError
from retort.tune import task as task_module
from retort.tune.readers.obstacles import Problems
from retort.tune.task import load_task

GOOD = """\
name: kinds
goal: exploit
description: what things are
prompts:
  - "{article} {noun} is a kind of"
max_tokens: 6
stop: ["\\n", "."]
scorer: {kind: references}
items: kinds.jsonl
"""
ITEMS = [
    {"id": "pear", "vars": {"noun": "pear", "article": "a"}, "references": ["edible fruit", "fruit"]},
    {"id": "apple", "vars": {"noun": "apple", "article": "an"}, "references": ["fruit"]},
]


def written(folder: Path, text: str = GOOD, items: list | str = ITEMS) -> Path:
    lines = items if isinstance(items, str) else "\n".join(json.dumps(item) for item in items)
    (folder / "kinds.jsonl").write_text(lines, encoding="utf-8")
    path = folder / "kinds.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_task_and_its_prompts(tmp_path: Path) -> None:
    task = load_task(written(tmp_path))
    assert (task.name, task.goal, task.max_tokens, task.stop) == ("kinds", "exploit", 6, ("\n", "."))
    assert [item.id for item in task.items] == ["pear", "apple"]
    assert [task.prompt(item) for item in task.items] == ["a pear is a kind of", "an apple is a kind of"]
    assert task.items[0].references == ("edible fruit", "fruit")


def test_defaults_and_items_inside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    path.write_text(
        "goal: explore\nprompts: 'A kind of {kind} is'\nscorer: distinct_valid\n"
        "items:\n- vars: {kind: 7}\n  references: pear\n",
        encoding="utf-8",
    )
    task = load_task(str(path))
    assert (task.name, task.max_tokens, task.stop, task.description) == ("mine", 16, ("\n",), "")
    assert task.prompts == ("A kind of {kind} is",)
    assert (task.items[0].id, task.prompt(task.items[0])) == ("1", "A kind of 7 is")


def test_json_that_is_indented_with_tabs(tmp_path: Path) -> None:
    path = tmp_path / "tabs.json"
    record = {"goal": "exploit", "prompts": "{noun} is", "scorer": "exact", "items": [{"references": "x"}]}
    record["items"][0]["vars"] = {"noun": "a\tpear"}
    path.write_text(json.dumps(record, indent="\t").replace('": ', '":\t'), encoding="utf-8")
    task = load_task(path)
    assert task.prompt(task.items[0]) == "a\tpear is"
    path.write_text(path.read_text().replace("exploit", "exploite"))
    with pytest.raises(InputError, match="line 2: goal is"):
        load_task(path)
    path.write_text("goal: exploit\n\tprompts: x\n")
    with pytest.raises(InputError, match="line 2: this is not YAML"):
        load_task(path)


def test_empty_lines_are_skipped_and_line_numbers_still_count(tmp_path: Path) -> None:
    task = load_task(written(tmp_path, items=json.dumps(ITEMS[0]) + "\n\n" + json.dumps(ITEMS[1]) + "\n"))
    assert len(task.items) == 2
    with pytest.raises(SourceError, match=r"kinds\.jsonl line 3 is not JSON"):
        load_task(written(tmp_path, items=json.dumps(ITEMS[0]) + "\n\n{oops\n"))


def test_a_line_separator_inside_a_text_is_no_new_line(tmp_path: Path) -> None:
    item = {"vars": {"noun": "a b", "article": "a"}, "references": ["fruit"]}
    assert (
        load_task(written(tmp_path, items=json.dumps(item, ensure_ascii=False))).items[0].variables["noun"]
        == "a b"
    )


@pytest.mark.parametrize(
    ("line", "replacement", "said"),
    [
        ("goal: exploit", "goal: exploite", r"line 2: goal is 'exploite' \(did you mean exploit\?\)"),
        ("goal: exploit", "goal: [exploit]", r"line 2: goal is \['exploit'\]"),
        ("goal: exploit", "gaol: exploit", r"line 2 has no key gaol \(did you mean goal\?\)"),
        ("goal: exploit", "3: exploit", "has no key 3; keys are name"),
        ("goal: exploit", "", "has no goal, which is required"),
        (
            "kind: references",
            "kind: distinct_valid",
            "line 8: scorer 'distinct_valid' is for goal 'explore'.*one of references, says",
        ),
        ("max_tokens: 6", "max_tokens: 0", "line 6: max_tokens is 0"),
        ("max_tokens: 6", "max_tokens: true", "line 6: max_tokens is True"),
        ("max_tokens: 6", "goal: exploit", "line 6: .*the key 'goal' is there already, at line 2"),
        ("name: kinds", "name: [kinds]", "line 1: name is"),
        ("{kind: references}", "{kind: referenecs}", "line 8: unknown scorer 'referenecs'"),
        ("items: kinds.jsonl", "items: other.jsonl", "line 9: the items file .*other.jsonl cannot be read"),
        ("items: kinds.jsonl", "items: 3", "line 9: items is 3"),
        ("items: kinds.jsonl", "items: []", "line 9: there are no items"),
        (
            "{article} {noun}",
            "{article} {nuon}",
            r"kinds.jsonl line 1: the prompt uses {nuon} \(did you mean noun",
        ),
        ("{article} {noun}", "{} {noun}", "a variable is a plain name"),
        ("{article} {noun}", "{noun.__class__}", "a variable is a plain name"),
        ("{article} {noun}", "{article {noun}", "line 4: the prompt"),
        ("{article} {noun} is a kind of", " ", "a prompt is empty"),
        ('  - "', '  - 3\n  - "', r"line 4: prompts\[0\] is 3"),
        ("stop: [", "stop: [''  , ", "line 7: stop is"),
        ("name: kinds", "name: 'kinds", "this is not YAML"),
    ],
)
def test_a_task_file_that_cannot_be_used_says_where_and_why(
    tmp_path: Path, line: str, replacement: str, said: str
) -> None:
    assert line in GOOD
    with pytest.raises(RetortError, match=said) as error:
        load_task(written(tmp_path, GOOD.replace(line, replacement)))
    assert "\n" not in str(error.value)
    assert "kinds." in str(error.value)


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (["pear"], "an item is an object"),
        ({**ITEMS[1], "refs": []}, "has no key refs"),
        ({**ITEMS[1], "references": []}, "references are missing"),
        ({**ITEMS[1], "references": [3]}, r"references\[0\] is 3"),
        ({**ITEMS[1], "references": ["the"]}, None),
        ({**ITEMS[1], "references": ["?"]}, "only punctuation"),
        ({**ITEMS[1], "vars": ["noun"]}, "vars is"),
        ({**ITEMS[1], "vars": {"noun": "x", "article": None}}, "vars.article is None"),
        ({**ITEMS[1], "vars": {"noun": "x"}}, r"the prompt uses {article}"),
        ({**ITEMS[1], "id": "pear"}, "the id 'pear' is used by an earlier item"),
        ({**ITEMS[1], "id": 1.5}, "id is 1.5"),
    ],
)
def test_an_item_that_cannot_be_used_says_which_line(tmp_path: Path, item: object, said: str | None) -> None:
    path = written(tmp_path, items=[ITEMS[0], item])
    if said is None:
        assert len(load_task(path).items) == 2
        return
    with pytest.raises(InputError, match=said) as error:
        load_task(path)
    assert str(error.value).startswith("kinds.jsonl line 2")


def test_all_that_is_wrong_with_a_task_is_said_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("goal: exploit", "gaol: exploit").replace("max_tokens: 6", "max_tokens: 0")
    items = [{**ITEMS[0], "refs": [], "vars": 3}, {**ITEMS[1], "vars": {"noun": "x"}}, ITEMS[1]]
    with pytest.raises(Problems) as error:
        load_task(written(tmp_path, text.replace("{kind: references}", "referenecs"), items))
    wanted = [
        "kinds.yaml line 6: max_tokens is 0",
        r"kinds.yaml line 2 has no key gaol \(did you mean goal\?\)",
        "kinds.yaml line 8: unknown scorer 'referenecs'",
        "kinds.jsonl line 1: vars is 3",
        "kinds.jsonl line 1 has no key refs",
        r"kinds.jsonl line 2: the prompt uses \{article\}",
    ]
    assert len(error.value.said) == len(wanted), error.value.said
    for said, pattern in zip(error.value.said, wanted, strict=True):
        assert re.match(pattern, said), said
    assert str(error.value).startswith("6 problems: (1) kinds.yaml line 6: max_tokens is 0")


def test_lines_of_a_task_that_are_wrong_are_said_at_once_and_not_without_end(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text('{"prompt": "2+2?", "reference": "4"}\n{"prompt": "3+3?"}\n{"promt": "4+4?"}\n')
    with pytest.raises(Problems) as error:
        load_task(path)
    first, second = error.value.said
    assert first.startswith("lines.jsonl line 3 has no key promt (did you mean prompt?)")
    assert second.startswith("lines.jsonl line 2: references are missing")
    path.write_text('{"prompt": "3+3?"}\n' * 50)
    with pytest.raises(Problems, match=r"^50 problems: .* \(21\) 30 more problems are not listed\.$"):
        load_task(path)


def test_a_file_name_that_is_misspelt_is_recognised_beside_it(tmp_path: Path) -> None:
    written(tmp_path)
    with pytest.raises(
        SourceError, match=r"no file of that name \(did you mean kinds.yaml\?\); give one of these"
    ):
        load_task(tmp_path / "knids.yaml")
    for other in (tmp_path / "nowhere" / "kinds.yaml", tmp_path / "capitals.yaml"):
        with pytest.raises(SourceError, match="no file of that name; give"):
            load_task(other)


@pytest.mark.parametrize("amount", ["500", "2M tokens", '"3.50 cost"'])
def test_a_budget_in_the_file_is_what_the_option_takes(tmp_path: Path, amount: str) -> None:
    task = load_task(written(tmp_path, f"{GOOD}budget: {amount}\n"))
    assert str(task.budget.amount) == amount.strip('"') and task.budget.samples is None
    older = load_task(
        written(tmp_path, f"{GOOD}budget: {{samples: 3, items: 2, temperatures: [0, 1]}}\n")
    ).budget
    assert (older.samples, older.items, older.temperatures, older.amount) == (3, 2, (0.0, 1.0), None)


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ("many", "line 10: budget is 'many'; give a number of answers"),
        ("5 apples", "line 10: budget is '5 apples'"),
        ("{answers: 500}", "line 10 has no key budget.answers"),
        ("{samples: 0}", "line 10: budget.samples is 0"),
        ("{temperatures: [-1]}", r"line 10: budget.temperatures\[0\] is -1"),
    ],
)
def test_a_budget_that_cannot_be_kept_is_refused_by_name(tmp_path: Path, budget: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        load_task(written(tmp_path, f"{GOOD}budget: {budget}\n"))


def test_a_file_that_is_no_mapping_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a task is a mapping"):
        load_task(written(tmp_path, "- goal"))
    with pytest.raises(InputError, match="a task is a mapping"):
        load_task(written(tmp_path, ""))
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"\xff\xfe\x00name")
    with pytest.raises(SourceError, match="cannot be read as UTF-8 text"):
        load_task(path)


def test_embedded_tasks_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "embedded"
    folder.mkdir()
    written(folder)
    monkeypatch.setattr(task_module, "EMBEDDED", folder)
    monkeypatch.chdir(tmp_path)
    assert load_task("kinds").name == "kinds"
    with pytest.raises(
        SourceError, match=r"no task 'kind': the embedded tasks are kinds \(did you mean kinds\?\)"
    ):
        load_task("kind")
    with pytest.raises(SourceError, match=r"ends in '\.toml'"):
        (tmp_path / "task.toml").write_text("")
        load_task(tmp_path / "task.toml")
