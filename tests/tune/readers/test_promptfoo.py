"""promptfoo's files as promptfoo reads them: what is asked and checked, and what is refused by name."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from mock_source import MockSource
from retort.blocks import Line
from retort.errors import InputError, RetortError, SourceError
from retort.sources.chat import Message
from retort.tune import Tuning, conclude, find_goal, read, run
from retort.tune.item import Marker
from retort.tune.readers.javascript import Template
from retort.tune.readers.obstacles import Problems, Unsupported
from retort.tune.readers.promptfoo_tests import assertion_of
from retort.tune.task import load_task, needed_models

BLUE = [{"type": "contains", "value": "blue"}]


def loaded(
    folder: Path, config: dict[str, Any] | str, files: dict[str, str] | None = None, **options: Any
) -> Any:
    """The task in a configuration with these files beside it."""
    for name, text in (files or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    file = folder / "promptfooconfig.yaml"
    file.write_text(config if isinstance(config, str) else yaml.safe_dump(config), encoding="utf-8")
    return load_task(file, **options)


def asked(task: Any) -> list[list[Any]]:
    """What is asked of every item through every prompt; messages as pairs of role and content."""
    return [
        [
            prompt if isinstance(prompt, str) else [(one.role, one.content) for one in prompt]
            for prompt in (task.prompt(item, number) for number in range(len(task.prompts)))
        ]
        for item in task.items
    ]


def one_test(**test: Any) -> list[dict[str, Any]]:
    return [{"assert": BLUE, **test}]


@pytest.mark.parametrize(
    ("prompt", "variables", "text"),
    [
        ("the {{x}} is", {"x": "sky"}, "the sky is"),
        ("the {{thing.name}} is", {"thing": {"name": "sky"}}, "the sky is"),
        ("the {{ thing['a b'] }} is", {"thing": {"a b": "sky"}}, "the sky is"),
        ("the {{ things[1].name }} is", {"things": [{"name": "sea"}, {"name": "sky"}]}, "the sky is"),
        ("the{{- x -}}  is", {"x": "sky"}, "theskyis"),
        ("a {{x}} b", {"x": None}, "a  b"),
        ("{{x}}, {{y}}", {"x": True, "y": 1.0}, "true, 1"),
        ("{{x}}, {{y}}", {"x": 0.00001, "y": -1.5e-7}, "0.00001, -1.5e-7"),
        ("{{x}}, {{y}}", {"x": 1e21, "y": -0.0}, "1e+21, 0"),
        ("{{x}}", {"x": [1, 2, 3]}, "1,2,3"),
        ("a {{x}}", {"x": "b {{y}}", "y": "c"}, "a b c"),
        ("no {x} here }}", {}, "no {x} here }}"),
    ],
)
def test_variables(prompt: str, variables: dict[str, Any], text: str, tmp_path: Path) -> None:
    config = {"prompts": [prompt], "tests": one_test(vars=variables)}
    assert asked(loaded(tmp_path, config)) == [[text]]


def test_texts_that_yaml_1_1_would_change_stay_texts(tmp_path: Path) -> None:
    tests = "- vars: {a: no, b: 12:30, c: on}\n  assert: [{type: equals, value: yes}]\n"
    config = f"prompts: ['{{{{a}}}} {{{{b}}}} {{{{c}}}}']\ntests:\n{tests}"
    task = loaded(tmp_path, config)
    assert asked(task) == [["no 12:30 on"]]
    assert task.items[0].checks[0].score("yes") == 1.0


@pytest.mark.parametrize(
    ("prompt", "variables", "said"),
    [
        ("{{x | upper}}", {"x": "a"}, r"'\{\{x \| upper\}\}' uses more of nunjucks"),
        ("{% for y in x %}{{y}}{% endfor %}", {"x": "a"}, "uses more of nunjucks"),
        ("{# note #}{{x}}", {"x": "a"}, "uses more of nunjucks"),
        ("{{x + 1}}", {"x": 1}, "uses more of nunjucks"),
        ("{{x", {"x": "a"}, "opens a tag that is not closed"),
        ("{{thong}}", {"thing": "a"}, r"uses \{\{thong\}\} \(did you mean thing\?\)"),
        ("{{x.z}}", {"x": {"y": 1}}, r"uses \{\{x.z\}\}, which its vars do not have"),
        ("{{x}}", {"x": {"y": 1}}, r"\{\{x\}\} is a mapping; name a value in it"),
        ("{{x[0]}}", {"x": ["sky"]}, "x is a text here; .*disableVarExpansion"),
        ("{{env.RETORT_NO_SUCH}}", {}, "uses {{env.RETORT_NO_SUCH}}"),
    ],
)
def test_templates_that_are_not_carried_out_are_refused(
    prompt: str, variables: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said):
        loaded(tmp_path, {"prompts": [prompt], "tests": one_test(vars=variables)})


def test_all_that_stands_in_the_way_is_said_at_once(tmp_path: Path) -> None:
    config = {
        "redteam": {},
        "prompts": ["{{x}} is", "file://gone.txt", "{{x | upper}}"],
        "providers": [{"id": "openai:chat:m", "config": {"tools": [], "max_tokens": 0}}],
        "defaultTest": {"assert": [{"type": "llm-rubric", "value": "nice"}]},
        "tests": [
            {"vars": {"x": "a"}, "assert": [{"type": "contians", "value": "b"}, {"type": "javascript", "value": "1"}]},
            {"vars": {"y": "a"}},
            {"vars": {"x": "a"}, "asert": []},
        ],
    }  # fmt: skip
    with pytest.raises(Problems) as error:
        loaded(tmp_path, config)
    wanted = [
        "the key 'redteam' generates tests",
        "a provider's max_tokens is 0",
        "names the file 'file://gone.txt'",
        "test 3: unknown key 'asert'",
        "uses {{x}}, which its vars do not have",
        "uses more of nunjucks",
        "'llm-rubric' asks another model to judge.* The same is in 2 more places.",
        "no assertion 'contians'",
        "'javascript' needs JavaScript",
    ]
    for pattern in wanted:
        assert [said for said in error.value.said if re.search(pattern, said)], (pattern, error.value.said)
    assert len(error.value.said) == len(wanted)


@pytest.mark.parametrize(
    "part",
    [
        {"tests": "file://make.js"},
        {"defaultTest": "file://default.js"},
        {"description": {"$ref": "file://about.js"}},
    ],
)
def test_what_all_tests_need_is_not_skipped(tmp_path: Path, part: dict[str, Any]) -> None:
    with pytest.raises(Unsupported, match="is JavaScript"):
        loaded(
            tmp_path,
            {"prompts": ["{{x}}"], "tests": one_test(vars={"x": "a"}), **part},
            skip_unsupported=True,
        )


def test_a_date_is_refused_as_a_variable(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'day' is a date to YAML"):
        loaded(tmp_path, "prompts: ['{{day}}']\ntests: [{vars: {day: 2024-05-01}}]\n")


def test_lists_of_texts_make_a_test_each_unless_the_test_says_no(tmp_path: Path) -> None:
    config = {"prompts": ["{{x}} {{y}}"], "tests": one_test(vars={"x": ["a", "b"], "y": ["1", "2"]})}
    task = loaded(tmp_path, config)
    assert [item.id for item in task.items] == ["1", "1.2", "1.3", "1.4"]
    assert asked(task) == [["a 1"], ["a 2"], ["b 1"], ["b 2"]]
    config["tests"][0]["options"] = {"disableVarExpansion": True}
    assert asked(loaded(tmp_path, config)) == [["a,b 1,2"]]


FILES = {
    "two.txt": "first {{x}}\n---\nsecond {{x}}\n",
    "p/a.txt": "from a {{x}}",
    "p/b.txt": "from b {{x}}",
    "note.md": "# {{x}}\n",
    "rows.csv": "prompt,label\nrow {{x}},one\n",
    "lines.jsonl": '"line {{x}}"\n',
    "chat.json": '[{"role": "system", "content": "brief"}, {"role": "user", "content": "say {{x}}"}]',
    "chat.yaml": "- role: user\n  content: say {{x}}\n",
    "make.py": "def text(context):\n    return 'made ' + context['vars']['x']\n"
    "def chat(context):\n    return [{'role': 'user', 'content': context['vars']['x']}]\n",
}
CHAT = [[("system", "brief"), ("user", "say sky")]]


@pytest.mark.parametrize(
    ("prompts", "texts"),
    [
        ("file://two.txt", ["first sky", "second sky"]),
        (["two.txt"], ["first sky", "second sky"]),
        (["file://p/*.txt"], ["from a sky", "from b sky"]),
        (["p/*.txt"], ["from a sky", "from b sky"]),
        (["file://note.md"], ["# sky\n"]),
        (["file://rows.csv"], ["row sky"]),
        (["file://lines.jsonl"], ['"line sky"']),
        (["file://chat.json"], CHAT),
        (["file://chat.yaml"], [[("user", "say sky")]]),
        (["- role: user\n  content: say {{x}}"], [[("user", "say sky")]]),
        (['[{"role": "user", "content": "say {{x}}"}]'], [[("user", "say sky")]]),
        (["file://make.py:text"], ["made sky"]),
        (["file://make.py:chat"], [[("user", "sky")]]),
        ([{"id": "file://p/a.txt", "label": "one"}], ["from a sky"]),
        ([{"raw": "raw {{x}}", "label": "two"}], ["raw sky"]),
        ({"p/a.txt": "one", "p/b.txt": "two"}, ["from a sky", "from b sky"]),
        (["either/or {{x}}"], ["either/or sky"]),
    ],
)
def test_prompts_in_every_way_they_are_written(prompts: Any, texts: list[Any], tmp_path: Path) -> None:
    assert asked(loaded(tmp_path, {"prompts": prompts, "tests": one_test(vars={"x": "sky"})}, FILES)) == [
        texts
    ]


def test_a_quote_in_a_variable_breaks_no_chat(tmp_path: Path) -> None:
    config = {"prompts": ["file://chat.json"], "tests": one_test(vars={"x": 'a "b"\nc'})}
    assert asked(loaded(tmp_path, config, FILES))[0][0][1] == ("user", 'say a "b"\nc')


@pytest.mark.parametrize(
    ("prompts", "said"),
    [
        (["file://none.txt"], "does not exist"),
        (["file://none/*.txt"], "no file matches"),
        (["file://make.js"], "make.js is JavaScript"),
        (["file://make.py"], "without a function's name"),
        (["langfuse://x"], "is a remote file"),
        ([{"id": "x", "lable": "y"}], r"unknown key 'lable' \(did you mean label\?\)"),
        ([{"raw": "x", "config": {"response_format": {}}}], "the config of a prompt"),
        ([], "prompts is missing or empty"),
        ([3], "a prompt must be a text"),
        ([{"raw": "x", "label": ["y"]}], r"a prompt's label is \['y'\]"),
        (["file://" + "a" * 300 + ".txt"], "does not exist"),
        (['[{"role": "user", "content": [{"type": "image_url"}]}]'], "pictures or other parts"),
    ],
)
def test_prompts_that_cannot_be_asked(prompts: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(RetortError, match=said):
        loaded(tmp_path, {"prompts": prompts, "tests": one_test()}, FILES)


VALUES = {
    "v.txt": " sky \n",
    "v.json": '{"a": 1}',
    "v.yaml": "a: 1\n",
    "many/1.txt": "one",
    "many/2.txt": "two",
    "get.py": "def get_var(name, prompt, others):\n    return {'output': name + ' of ' + others['y']}\n",
}


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("file://v.txt", ["sky"]),
        ("file://v.json", ['{"a": 1}']),
        ("file://v.yaml", ['{"a":1}']),
        ("file://many/*.txt", ["one", "two"]),
        (["file://v.txt", "sea"], ["sky", "sea"]),
        ("file://get.py", ["x of why"]),
    ],
)
def test_variables_from_files(value: Any, texts: list[str], tmp_path: Path) -> None:
    task = loaded(tmp_path, {"prompts": ["{{x}}"], "tests": one_test(vars={"x": value, "y": "why"})}, VALUES)
    assert asked(task) == [[text] for text in texts]


@pytest.mark.parametrize("value", ["file://a.js", "file://a.png", "package:x:y"])
def test_variables_that_are_no_text_are_refused(value: str, tmp_path: Path) -> None:
    with pytest.raises(Unsupported):
        loaded(tmp_path, {"prompts": ["{{x}}"], "tests": one_test(vars={"x": value})})


TESTS = {
    "t.yaml": "- vars: {x: sky}\n  assert: [{type: contains, value: blue}]\n- vars: {x: sea}\n",
    "t.json": json.dumps([{"vars": {"x": "sky"}, "assert": BLUE}, {"vars": {"x": "sea"}}]),
    "t.jsonl": '{"vars": {"x": "sky"}}\n{"vars": {"x": "sea"}}\n',
    "t.csv": "x,__expected,__expected2,__description\nsky,contains: blue,not-contains: red,first\nsea,Blue,,second\n",
    "more/1.yaml": "- vars: {x: sky}\n",
    "more/2.yaml": "- vars: vars.yaml\n",
    "more/vars.yaml": "x: sea\n",
    "more/1.csv": "x,__expected\nsky,\n",
    "more/2.csv": "x\nsea\n",
    "make.py": "def generate_tests(config=('sky', 'sea')):\n    return [{'vars': {'x': x}} for x in config]\n",
}


@pytest.mark.parametrize(
    "tests",
    [
        "file://t.yaml",
        "t.yaml",
        "file://t.json",
        "file://t.jsonl",
        "file://t.csv",
        ["file://t.yaml"],
        ["t.csv"],
        ["file://more/?.yaml"],
        ["more/*.csv"],
        "file://make.py",
        ["file://make.py:generate_tests"],
        {"path": "file://make.py", "config": ["sky", "sea"]},
        [{"vars": {"x": "sky"}}, {"vars": {"x": "sea"}}],
    ],
)
def test_tests_in_every_way_they_are_written(tests: Any, tmp_path: Path) -> None:
    config = {"prompts": ["{{x}}"], "tests": tests, "defaultTest": {"assert": BLUE}}
    assert asked(loaded(tmp_path, config, TESTS)) == [["sky"], ["sea"]]


def test_csv_says_what_is_expected(tmp_path: Path) -> None:
    task = loaded(tmp_path, {"prompts": ["{{x}}"], "tests": "file://t.csv"}, TESTS)
    sky, sea = (task.scorer.judge((), item.checks) for item in task.items)
    assert [sky(text) for text in ("blue", "blue, red", "red")] == [1.0, 0.5, 0.0]
    assert [sea(text) for text in ("Blue", "blue")] == [1.0, 0.0]


@pytest.mark.parametrize(
    ("cell", "assertion"),
    [
        ("blue", {"type": "equals", "value": "blue"}),
        ("contains-any: a, b", {"type": "contains-any", "value": ["a", "b"]}),
        ("not-icontains:x", {"type": "not-icontains", "value": "x"}),
        ("levenshtein(3): abc", {"type": "levenshtein", "value": "abc", "threshold": 3.0}),
        ("levenshtein: abc", {"type": "levenshtein", "value": "abc", "threshold": 0.75}),
        ("is-json", {"type": "is-json"}),
        ("python: len(output) < 9", {"type": "python", "value": "len(output) < 9"}),
        ("file://a.py:f", {"type": "python", "value": "file://a.py:f"}),
        ("not-python: len(output) > 9", {"type": "not-python", "value": "len(output) > 9"}),
        ("numeric: 5", {"type": "equals", "value": "numeric: 5"}),
        ("fn: output", {"type": "javascript", "value": "output"}),
        ("grade: is polite", {"type": "llm-rubric", "value": " is polite"}),
        ("similar(0.8): x", {"type": "similar", "value": "x"}),
        ("note: this", {"type": "equals", "value": "note: this"}),
    ],
)
def test_cells_of_expected(cell: str, assertion: dict[str, Any]) -> None:
    assert assertion_of(cell) == assertion


def test_columns_that_are_misspelt_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"unknown column '__expcted' \(did you mean __expected\?\)"):
        loaded(tmp_path, {"prompts": ["{{x}}"], "tests": "file://w.csv"}, {"w.csv": "x,__expcted\na,b\n"})


def test_scenarios_ask_every_test_with_every_data(tmp_path: Path) -> None:
    scenario = {
        "config": [
            {"vars": {"x": "sky"}},
            {"vars": {"x": "sea"}, "assert": [{"type": "icontains", "value": "w"}]},
        ],
        "tests": [{"vars": {"y": "now"}, "assert": BLUE}, {"vars": {"y": "then"}, "assert": BLUE}],
    }
    task = loaded(
        tmp_path,
        {"prompts": ["{{x}} {{y}} {{z}}"], "scenarios": [scenario], "defaultTest": {"vars": {"z": "!"}}},
    )
    assert asked(task) == [["sky now !"], ["sky then !"], ["sea now !"], ["sea then !"]]
    assert [len(item.checks) for item in task.items] == [1, 1, 2, 2]


def test_a_test_can_do_without_the_defaults_assertions(tmp_path: Path) -> None:
    config = {
        "prompts": ["{{x}}"],
        "defaultTest": {"assert": BLUE, "options": {"prefix": "say "}},
        "tests": [
            {"vars": {"x": "sky"}, "assert": [{"type": "contains", "value": "deep"}]},
            {
                "vars": {"x": "sea"},
                "assert": [{"type": "contains", "value": "deep"}],
                "options": {"disableDefaultAsserts": True, "prefix": ""},
            },
        ],
    }
    task = loaded(tmp_path, config)
    assert asked(task) == [["say sky"], ["say sea"]]
    assert [[check.value for check in item.checks] for item in task.items] == [["blue", "deep"], ["deep"]]


def test_an_empty_list_is_one_value(tmp_path: Path) -> None:
    config = {"prompts": ["a {{x}} b"], "tests": one_test(vars={"x": []})}
    assert asked(loaded(tmp_path, config)) == [["a  b"]]


def test_files_beside_a_configuration_whose_path_is_relative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "sub"
    folder.mkdir()
    config = {
        "prompts": ["{{x}}"],
        "tests": [{"vars": {"x": "file://many/*.txt"}, "assert": ["file://asserts.yaml"]}],
    }
    files = {**VALUES, "asserts.yaml": "- {type: python, value: file://right.py}\n"}
    files["right.py"] = "def get_assert(output, context):\n    return output == context['vars']['x']\n"
    loaded(folder, config, files)
    monkeypatch.chdir(tmp_path)
    task = load_task("sub/promptfooconfig.yaml")
    assert asked(task) == [["one"], ["two"]]
    assert [item.checks[0].score("one") for item in task.items] == [1.0, 0.0]


def test_a_default_test_of_a_file_and_references(tmp_path: Path) -> None:
    config = {
        "prompts": ["{{x}}"],
        "defaultTest": "file://d.yaml",
        "assertionTemplates": {"b": BLUE[0]},
        "tests": [
            {"vars": {"x": "sky"}},
            {"vars": {"x": "sea"}, "assert": [{"$ref": "#/assertionTemplates/b"}]},
        ],
    }
    task = loaded(
        tmp_path, config, {"d.yaml": "assert: [{type: contains, value: deep}]\noptions: {prefix: 'say '}\n"}
    )
    assert asked(task) == [["say sky"], ["say sea"]]
    assert [[check.value for check in item.checks] for item in task.items] == [["deep"], ["deep", "blue"]]


def scores(
    folder: Path, test: dict[str, Any], answers: list[str], files: dict[str, str] | None = None
) -> list[float]:
    task = loaded(folder, {"prompts": ["{{x}}"], "tests": [{"vars": {"x": "sky"}, **test}]}, files)
    marker = Marker(task.scorer, task.items)
    return [marker.mark(0, answer)[1] for answer in answers]


def test_thresholds_weights_and_sets(tmp_path: Path) -> None:
    a, b = ({"type": "contains", "value": letter} for letter in "ab")
    answers = ["ab", "a", "x"]
    assert scores(tmp_path, {"assert": [{**a, "weight": 3}, b]}, answers) == [1.0, 0.75, 0.0]
    assert scores(tmp_path, {"assert": [a, b], "threshold": 0.5}, answers) == [1.0, 1.0, 0.0]
    assert scores(tmp_path, {"assert": [a, b], "threshold": 0.6}, answers) == [1.0, 0.0, 0.0]
    both = {"type": "assert-set", "assert": [a, b]}
    assert scores(tmp_path, {"assert": [both]}, answers) == [1.0, 0.0, 0.0]
    assert scores(tmp_path, {"assert": [{**both, "threshold": 0.5}]}, answers) == [1.0, 0.5, 0.0]
    assert scores(tmp_path, {"assert": [a, {**b, "weight": 0}]}, answers) == [1.0, 1.0, 0.0]


def test_python_in_every_way_it_is_written(tmp_path: Path) -> None:
    files = {
        "a.py": "def get_assert(output, context):\n"
        "    return {'pass': 'blue' in output, 'score': 1.0, 'reason': context['vars']['x']}\n"
        "def half(output, context):\n    return 0.5\n"
        "def shout(output, context):\n    return output.upper()\n"
        "get_transform = shout\n"
    }
    answers = ["blue", "red"]

    def of(value: str, **more: Any) -> list[float]:
        return scores(tmp_path, {"assert": [{"type": "python", "value": value, **more}]}, answers, files)

    assert of("file://a.py") == of("'blue' in output") == of("file://a.py:get_assert") == [1.0, 0.0]
    assert of("context['vars']['x'] == 'sky' and 'blue' in output") == [1.0, 0.0]
    assert of(
        "if 'blue' in output:\n    return {'pass': True, 'score': 0.5, 'reason': ''}\nreturn False"
    ) == [0.5, 0.0]
    assert of("file://a.py:half") == [0.5, 0.5]
    assert of("file://a.py:half", threshold=0.6) == [0.0, 0.0]
    assert of("output == context['config']['wanted']", config={"wanted": "red"}) == [0.0, 1.0]
    assert of("'BLUE' in output", transform="file://a.py") == [1.0, 0.0]
    upper = {"assert": [{"type": "contains", "value": "BLUE"}], "options": {"transform": "file://a.py:shout"}}
    assert scores(tmp_path, upper, answers, files) == [1.0, 0.0]
    with pytest.raises(InputError, match="is not Python"):
        of("len(output")


def test_variables_in_assertions(tmp_path: Path) -> None:
    assert scores(tmp_path, {"assert": [{"type": "contains", "value": "{{x}}!"}]}, ["sky!", "sea!"]) == [
        1.0,
        0.0,
    ]
    listed = {"assert": [{"type": "contains-any", "value": ["{{x}}", "file://v.txt"]}]}
    assert scores(tmp_path, listed, ["a sky", "sea", "none"], {"v.txt": "sea\n"}) == [1.0, 1.0, 0.0]


SKIPPED = {
    "prompts": ["{{x}}", "{{x | upper}}"],
    "tests": [
        {"vars": {"x": "sky"}, "assert": [*BLUE, {"type": "llm-rubric", "value": "nice"}]},
        {"vars": {"x": "sea"}, "assert": [{"type": "javascript", "value": "true"}]},
        {"vars": {"x": "sun"}, "assert": BLUE, "options": {"transform": "output.trim()"}},
    ],
}


def test_what_is_not_carried_out_is_refused_or_left_out_and_counted(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--skip-unsupported"):
        loaded(tmp_path, SKIPPED)
    task = loaded(tmp_path, SKIPPED, skip_unsupported=True)
    assert asked(task) == [["sky"], ["sea"]], "an answer that would become another one is not looked at"
    assert [bool(item.checks) for item in task.items] == [True, False]
    assert task.skipped == {
        "'{{x | upper}}'": 1,
        "the assertion 'llm-rubric'": 1,
        "the assertion 'javascript'": 1,
        "transform 'output.trim()'": 1,
    }


def test_tests_without_assertions_show_variety_and_agreement(tmp_path: Path) -> None:
    task = loaded(tmp_path, {"prompts": ["{{x}}"], "tests": [{"vars": {"x": "sky"}}]})
    assert (task.goal, task.scorer.kind.name) == ("reproduce", "none")
    assert any("variety and agreement" in note for note in task.notes)
    assert asked(loaded(tmp_path, {"prompts": ["hello"], "providers": ["openai:x"]})) == [["hello"]]


def test_tests_with_and_without_assertions_in_one_file(tmp_path: Path) -> None:
    """The first is scored; the second is looked at for agreement, in no score."""
    config = {
        "prompts": ["{{x}}"],
        "tests": [{"vars": {"x": f"w{n}"}, "assert": [{"type": "equals", "value": "w1"}]} for n in range(6)]
        + [{"vars": {"x": f"w{n}"}} for n in (1, 2, 3)],
    }
    task = loaded(tmp_path, config)
    assert any(note.startswith("3 of 9 tests do not have a supported assertion") for note in task.notes)
    source = MockSource(12, end_bias=-4)
    found = run(replace(task, max_tokens=1), source, (0.0, 3.0), 4, record=tmp_path / "r")
    assert (found.items, found.items_left_out) == (6, 0) and found.item_ids == tuple("123456")
    cold, hot = found.unscored
    assert (cold.items, cold.agreement, cold.identical, cold.distinct) == (3, 1.0, 1.0, 0.25)
    assert hot.agreement is not None and hot.agreement < 0.6
    assert found.settings[0].samples == 24, "of the tests that are scored"
    words = " ".join(line.text for line in found.blocks() if isinstance(line, Line))
    assert "3 items without an assertion, in no score above" in words
    samples, goal, origin = read(tmp_path / "r")
    assert conclude(samples, find_goal(goal), origin).to_dict() == {**found.to_dict(), "skipped": {}}
    assert Tuning.from_dict(json.loads(json.dumps(found.to_dict()))).unscored == found.unscored
    raced = run(replace(task, max_tokens=1), source, (0.0, 3.0), 4, budget=48)
    assert raced.unscored == () and raced.skipped == {"tests without an assertion": 3}


def test_what_a_transform_makes_is_what_agrees(tmp_path: Path) -> None:
    """All answers begin with a space; the transform leaves their length, or makes a mapping of it."""
    code = "def get_transform(output, context):\n    return len(output)\n\ndef mapped(output, context):\n"
    code += "    return {'length': len(output), 'of': context['vars']['x']}\n"
    for name, key in (("", "2"), (":mapped", '{"length":2,"of":"sky"}')):
        test = {"vars": {"x": "sky"}, "options": {"transform": f"file://t.py{name}"}}
        task = loaded(tmp_path, {"prompts": ["{{x}}"], "tests": [test]}, {"t.py": code})
        marker = Marker(task.scorer, task.items)
        assert marker.mark(0, "ab")[0] == marker.mark(0, "cd")[0] == key
        assert marker.mark(0, "abc")[0] != key
    scored = {**test, "assert": [{"type": "python", "value": "output['length'] == 2"}]}
    task = loaded(tmp_path, {"prompts": ["{{x}}"], "tests": [scored, test]}, {"t.py": code})
    marker = Marker(task.scorer, task.items)
    assert marker.mark(0, "ab") == (key, 1.0) and marker.mark(0, "abc")[1] == 0.0
    assert math.isnan(marker.mark(1, "ab")[1])


def test_dump_writes_a_value_as_json(tmp_path: Path) -> None:
    said = [{"role": "user", "content": 'say "é"'}, {"role": "assistant", "content": "a\nb"}]
    messages = {"vars": {"messages": said}, "options": {"disableVarExpansion": True}}
    (item,) = loaded(tmp_path, {"prompts": ["{{ messages | dump }}"], "tests": [messages]}).items
    assert item.prompts == ((Message("user", 'say "é"'), Message("assistant", "a\nb")),)
    prompt = '[{"role": "system", "content": "brief"}, {"role": "user", "content": {{ text | dump }}}]'
    (item,) = loaded(tmp_path, {"prompts": [prompt], "tests": [{"vars": {"text": 'a "quote"\n'}}]}).items
    assert item.prompts[0][1] == Message("user", 'a "quote"')
    for written, made in (
        ("{{ x | dump }}", '{"a":[1,"b"],"c":null}'),
        ("{{ x | dump(2) }}", '{\n  "a": [\n    1,\n    "b"\n  ],\n  "c": null\n}'),
        ("{{ x.a[1] | dump }}", '"b"'),
        ("{{ n | dump }}", "1.5"),
        ("{{ whole | dump }}", '[1,{},"é",0.00001,null]'),
    ):
        values = {"x": {"a": [1, "b"], "c": None}, "n": 1.5, "whole": [1.0, {}, "é", 1e-5, math.nan]}
        assert Template(written, "here").fill(values) == made
    with pytest.raises(Unsupported, match="uses more of nunjucks"):
        Template("{{ x | upper }}", "here")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"redteam": {}}, "'redteam' generates tests"),
        ({"extensions": ["file://x.js"]}, "'extensions' hooks into"),
        ({"nunjucksFilters": {}}, "'nunjucksFilters' names JavaScript"),
        ({"test": []}, r"unknown key 'test' \(did you mean tests\?\)"),
        ({"tests": "file://t.xlsx"}, "t.xlsx"),
        ({"tests": "https://docs.google.com/spreadsheets/x"}, "is a remote file"),
        ({"tests": "huggingface://datasets/x"}, "is a remote file"),
        ({"tests": one_test(optoins={})}, r"unknown key 'optoins' \(did you mean options\?\)"),
        ({"tests": one_test(providerOutput="x")}, "'providerOutput' is an existing answer"),
        ({"tests": one_test(options={"storeOutputAs": "x"})}, "the option 'storeOutputAs'"),
        ({"tests": one_test(threshold="high")}, "threshold must be a number, got 'high'"),
        ({"tests": one_test(threshold=10**400)}, "threshold must be a number, got 1000"),
        (
            {"providers": [{"id": "openai:x", "transform": {}}, "openai:y"]},
            "transform is {}; it must be a text",
        ),
        (
            {"tests": [{"assert": [{"type": "levenshtein", "value": "x", "threshold": "far"}]}]},
            "threshold must be a number, got 'far'",
        ),
        ({"tests": [{"assert": [{"type": "assert-set", "assert": []}]}]}, "needs a list of assertions"),
        (
            {"tests": [{"assert": [{"type": "latency", "threshold": 9}]}]},
            "'latency' is about a promptfoo run",
        ),
        ({"tests": [{"assert": {"type": "contains"}}]}, "it must be a list of assertions"),
        (
            {"providers": [{"id": "openai:x", "config": {"tools": []}}]},
            "'tools' of the provider openai changes the answers",
        ),
        ({"providers": [{"id": "openai:x", "prompts": ["b"]}]}, "no prompt has that label"),
        ({"providers": [{"id": "openai:x", "transform": "output"}]}, "transform 'output' is JavaScript"),
        ({"evaluateOptions": {"repaet": 2}}, "unknown key 'repaet'"),
        ({"scenarios": [{"tests": []}]}, "a scenario's config is None"),
        ({"tests": [{"assert": [{"$ref": "#/none"}]}]}, "points to nothing"),
    ],
)
def test_what_cannot_be_carried_out_is_named(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises((InputError, SourceError), match=said) as error:
        loaded(tmp_path, {"prompts": ["a"], "tests": one_test(), **change})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("provider", "model", "is_chat"),
    [
        ("openai:gpt-4o", "https://api.openai.com/v1#gpt-4o", True),
        ("openai:chat:gpt-4o", "https://api.openai.com/v1#gpt-4o", True),
        ("openai:completion:davinci-002", "https://api.openai.com/v1#davinci-002", None),
        ("openai:gpt-3.5-turbo-instruct", "https://api.openai.com/v1#gpt-3.5-turbo-instruct", None),
        (
            {"id": "openai:chat:m", "config": {"apiBaseUrl": "http://127.0.0.1:9/v1/"}},
            "http://127.0.0.1:9/v1#m",
            True,
        ),
        ({"id": "openai:chat:m", "config": {"apiHost": "host"}}, "https://host/v1#m", True),
        ({"openai:chat:m": {"config": {"temperature": 0.2}}}, "https://api.openai.com/v1#m", True),
        ("ollama:chat:llama3", "http://localhost:11434/v1#llama3", True),
        ("anthropic:messages:claude", None, True),
        ("openai:embedding:x", None, None),
        ("file://mine.py", None, None),
    ],
)
def test_providers_that_retort_can_ask(
    provider: Any, model: str | None, is_chat: bool | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_BASE_URL", "OPENAI_API_BASE_URL", "OPENAI_API_HOST", "OLLAMA_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    task = loaded(tmp_path, {"prompts": ["a"], "providers": [provider], "tests": one_test()})
    assert (task.models, task.is_chat) == (() if model is None else (model,), is_chat)
    assert needed_models(task, ["embedded:small"]) == ("embedded:small",)
    assert needed_models(task, ["http://h/v1#m"]) == (
        f"{task.endpoint}+http://h/v1#m" if task.endpoint else "http://h/v1#m",
    )
    if model is not None:
        assert needed_models(task) == (f"{'chat' if is_chat else 'completions'}+{model}",)
    if model is None:
        with pytest.raises(InputError, match="give --model"):
            needed_models(task)


def test_the_address_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:8/v1")
    config = {"prompts": ["a"], "providers": ["openai:m"], "tests": one_test()}
    assert loaded(tmp_path, config).models == ("http://127.0.0.1:8/v1#m",)
    config["env"] = {"OPENAI_BASE_URL": "http://127.0.0.1:7/v1"}
    assert loaded(tmp_path, config).models == ("http://127.0.0.1:7/v1#m",)
    monkeypatch.setenv("OPENAI_API_BASE_URL", "http://127.0.0.1:6/v1")
    assert loaded(tmp_path, config).models == ("http://127.0.0.1:7/v1#m",), (
        "the file's goes before the system's"
    )
    del config["env"]
    assert loaded(tmp_path, config).models == ("http://127.0.0.1:6/v1#m",)
    config["providers"] = [{"id": "openai:m", "config": {"apiBaseUrl": "http://a/v1", "apiHost": "b"}}]
    assert loaded(tmp_path, config).models == ("https://b/v1#m",)
    monkeypatch.setenv("OPENAI_API_HOST", "c")
    config["providers"] = ["openai:m"]
    assert loaded(tmp_path, config).models == ("https://c/v1#m",)


def test_prompts_of_a_table_have_labels(tmp_path: Path) -> None:
    config = {
        "prompts": ["file://p.csv"],
        "providers": [{"id": "openai:x", "prompts": ["b"]}],
        "tests": one_test(),
    }
    table = {"p.csv": 'prompt,label\n"one, two",a\nthree,b\n'}
    assert asked(loaded(tmp_path, config, table)) == [["three"]]


def test_a_cell_may_hold_a_document(tmp_path: Path) -> None:
    text = "word " * 40_000
    config = {"prompts": ["{{x}}"], "tests": "file://t.csv"}
    task = loaded(tmp_path, config, {"t.csv": f"x,__expected\n{text},blue\n"})
    assert asked(task) == [[text]]


def test_prompts_of_all_providers_by_label(tmp_path: Path) -> None:
    prompts = [{"raw": "one", "label": "a"}, {"raw": "two", "label": "b"}]
    config = {"prompts": prompts, "providers": [{"id": "openai:x", "prompts": ["b"]}], "tests": one_test()}
    assert asked(loaded(tmp_path, config)) == [["two"]]
