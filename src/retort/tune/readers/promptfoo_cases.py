"""What promptfoo's files ask and check: their tests.

Tests are lists, files of every kind, CSV with __expected, scenarios; each with defaultTest, its variables expanded, and
its assertions.
"""

from __future__ import annotations

import datetime
import glob
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial, reduce
from pathlib import Path
from typing import Any

from retort.errors import InputError, did_you_mean
from retort.files import parse_json, read_jsonl, read_text
from retort.sources.chat import read_messages
from retort.tune.checks import (
    CHECKS,
    REFUSED,
    Check,
    Verdict,
    make_check,
    make_transform,
    score_all,
    together,
)
from retort.tune.item import Item, Prompt
from retort.tune.outside import python_function
from retort.tune.readers.javascript import Template, filled, resolved
from retort.tune.readers.promptfoo_prompts import PromptSource
from retort.tune.readers.reading import (
    JAVASCRIPT,
    PYTHON,
    JavaScript,
    Reading,
    Unsupported,
    csv_rows,
    listed,
    mapping,
    parse_yaml,
)

LIKE_JSON = re.compile(r'\{\s*"|\[\s*[\[{"]')
NOT_DONE = {
    "provider": "names another provider for one test",
    "providers": "names the providers of one test",
    "prompts": "names the prompts of one test",
    "providerOutput": "is an existing answer",
    "assertScoringFunction": "uses promptfoo's own scoring",
}
TEST_KEYS = ("vars", "assert", "description", "options", "threshold", "metadata", *NOT_DONE)
OPTIONS = ("prefix", "suffix", "transform", "postprocess", "transformVars", "disableVarExpansion")
FOR_JUDGES = ("provider", "rubricPrompt", "factuality")
"""Options that only assertions with a judge read, and those are refused themselves."""
FOR_PROMPTFOO = ("delay", "runSerially", "repeat", "disableDefaultAsserts")


@dataclass(frozen=True)
class Case:
    """One test with one combination of its variables."""

    id: str
    place: str
    variables: Mapping[str, Any]
    prefix: str
    suffix: str
    asserts: tuple[Any, ...]
    threshold: float | None
    transforms: tuple[str, ...]
    test: Mapping[str, Any] = field(default_factory=dict)

    def asked(self, prompt: PromptSource, is_chat: bool, reading: Reading) -> Prompt:
        """What this prompt asks of the test: the text, or the messages that its JSON or YAML holds."""
        raw, where = prompt.raw, prompt.where
        if prompt.is_function:
            function = python_function(prompt.raw, reading.folder, where, "")
            made = function({"vars": dict(self.variables), "provider": {"id": "retort"}, "config": {}})
            if isinstance(made, Mapping) and "prompt" in made:
                if made.get("config"):
                    raise Unsupported(where, "the config of a prompt", "is not supported")
                made = made["prompt"]
            raw = made if isinstance(made, str) else json.dumps(made, ensure_ascii=False)
        raw = f"{self.prefix}{raw}{self.suffix}"
        try:
            document = json.loads(raw)
        except ValueError:
            text = Template(raw, where, reading.env).fill(self.variables)
        else:
            document = filled(document, self.variables, where, reading.env)
            text = json.dumps(document, ensure_ascii=False, indent=2)
        if not text.strip():
            raise InputError(f"{where}: the prompt of {self.place} is empty.")
        return _conversation(text, is_chat, f"{where}, {self.place}")

    def item(self, asked: tuple[Any, ...], reading: Reading) -> Item | None:
        """The test as an item: what is asked, what becomes of an answer, and what the answer must satisfy. None where
        the answer would have to become what it cannot here: nothing of the test is then about the answer as it is."""
        context: dict[str, Any] = {"vars": dict(self.variables), "test": dict(self.test)}
        if len(asked) == 1:
            (prompt,) = asked
            if not isinstance(prompt, str):
                prompt = json.dumps([{"role": one.role, "content": one.content} for one in prompt])
            context["prompt"] = prompt
        folder, codes = reading.folder, self.transforms
        changes = reading.tried(
            None, lambda: [make_transform(code, self.place, folder, context) for code in codes]
        )
        if changes is None:
            return None
        found = []
        skip = reading.refuse if reading.skip else None
        for record in self.asserts:
            with reading.noted():
                one = _value_filled(record, self, reading)
                found.append(make_check(one, self.place, folder, context, skip=skip))
        item = Item(self.id, self.variables, (), prompts=asked)
        if changes:
            changed = partial(reduce, lambda made, change: change(made), changes)
            item = replace(item, transform=changed)
        if not found or (self.threshold is None and not changes):
            return replace(item, checks=tuple(found))

        def all_of_them(answer: Any) -> Verdict:
            if self.threshold is None:
                return Verdict(True, score_all(found, answer))
            holds = together(found, self.threshold, answer).holds
            return Verdict(holds, float(holds))

        # One check, whose value says all of it: a recording is of another task where any part differs.
        said = {"threshold": self.threshold, "transform": list(self.transforms), "assert": list(self.asserts)}
        check = Check("all assertions", json.loads(json.dumps(said, default=str)), 1.0, all_of_them)
        return replace(item, checks=(check,))


def _conversation(text: str, is_chat: bool, where: str) -> Prompt:
    """The messages in a prompt that is JSON or YAML of them; any other text as it is."""
    bare = text.strip()
    if bare.startswith("- role:"):
        return read_messages(json.dumps(parse_yaml(text, where)), where)
    try:
        document = json.loads(bare) if bare[0] in "[{" else None
    except ValueError as error:
        if is_chat and bare[-1] in "]}" and LIKE_JSON.match(bare):
            raise InputError(f"{where}: the prompt looks like JSON and is not ({error}).") from None
        return text
    messages = document if isinstance(document, list) else []
    if messages and all(isinstance(one, Mapping) and "role" in one for one in messages):
        if any(isinstance(one.get("content"), list) and not _is_text(one["content"]) for one in messages):
            raise Unsupported(where, "a message with pictures or other parts", "is not supported")
        return read_messages(json.dumps(document), where)
    if document is not None and is_chat:
        raise Unsupported(
            where, "a JSON prompt that is not a list of messages", "is for one provider's own interface"
        )
    return text


def _is_text(parts: list[Any]) -> bool:
    return all(isinstance(part, Mapping) and part.get("type") == "text" for part in parts)


def read_cases(
    record: Mapping[str, Any], reading: Reading, transforms: list[str | None], prompts: list[PromptSource]
) -> list[Case]:
    """Every test of a configuration, expanded. `transforms`: what each provider does to its answers."""
    default: dict[str, Any] = reading.needed({}, lambda: _default_test(record.get("defaultTest"), reading))
    if len(set(transforms)) > 1:
        reading.refuse(Unsupported(reading.where, "transforms of single providers", "are not supported"))
        transforms = []
    before = len(reading.obstacles)
    given = [] if record.get("tests") is None else record["tests"]
    tests: list[Any] = reading.needed([], lambda: list(_tests(given, reading)))
    tests += reading.needed([], lambda: _scenarios(record.get("scenarios"), reading))
    if not tests and record.get("scenarios") is None and len(reading.obstacles) == before:
        tests = [{}]  # prompts alone, compared with each other
    cases: list[Case] = []
    of_provider = [one for one in transforms[:1] if one]
    for number, test in enumerate(tests, 1):
        with reading.noted():
            cases += _cases(test, default, number, reading, of_provider, prompts)
    if not cases and len(reading.obstacles) == before:
        reading.refuse(InputError(f"{reading.where}: there are no tests."))
    return cases


def _default_test(value: Any, reading: Reading) -> dict[str, Any]:
    where = f"{reading.where}: defaultTest"
    if isinstance(value, str):
        value = reading.loaded(reading.load(value, where), where)
    default = mapping(value, where)
    _check_keys(default, where, reading)
    return default


def _tests(value: Any, reading: Reading) -> Iterator[Any]:
    where = f"{reading.where}: tests"
    if isinstance(value, list):
        for one in value:
            with reading.noted():
                if isinstance(one, str):
                    yield from _from_pattern(one, where, reading)
                elif isinstance(one, Mapping) and "path" in one:
                    yield from _standalone(str(one["path"]), where, reading, one.get("config"))
                else:
                    yield one
    elif isinstance(value, Mapping) and "path" in value:
        yield from _standalone(str(value["path"]), where, reading, value.get("config"))
    elif isinstance(value, str) and (value.endswith((".yaml", ".yml")) or glob.has_magic(value)):
        yield from _from_pattern(value, where, reading)
    elif isinstance(value, str):
        yield from _standalone(value, where, reading)
    else:
        raise InputError(f"{where} is {value!r}; it must be a list, or the name of a file with one.")


def _standalone(name: str, where: str, reading: Reading, config: Any = None) -> Iterator[Any]:
    """The tests of one file, by its ending."""
    plain = name.removeprefix("file://")
    if JAVASCRIPT.search(plain):
        raise JavaScript(where, plain)
    if PYTHON.search(plain):
        given = [] if config is None else [config]
        made = python_function(plain, reading.folder, where, "generate_tests")(*given)
        if not isinstance(made, list):
            raise InputError(f"{where}: {plain} gave {type(made).__name__}; it must give a list of tests.")
        yield from made
        return
    if config is not None:
        raise Unsupported(where, "a config for the tests' file", "is for Python and JavaScript")
    file = reading.path(name, where)
    if file.suffix in (".yaml", ".yml"):
        raise Unsupported(
            where, f"a YAML file as the path of tests ({file.name})", "is read as a table there"
        )
    yield from listed(_tests_in(file, where))


def _from_pattern(name: str, where: str, reading: Reading) -> Iterator[Any]:
    """The tests of the files that match, with what they refer to loaded."""
    plain = name.removeprefix("file://")
    if JAVASCRIPT.search(plain) or PYTHON.search(plain) or plain.endswith(".csv"):
        yield from _standalone(name, where, reading)
        return
    for file in reading.matching(name, where):
        found = _tests_in(file, where)
        if file.suffix != ".csv":
            found = reading.dereferenced(reading.loaded(found, where), found)
        for one in listed(found):
            if isinstance(one, Mapping) and isinstance(one.get("vars"), (str, list)):
                yield {**one, "vars": _vars_files(one["vars"], file.parent, where, reading)}
            else:
                yield one


def _tests_in(file: Path, where: str) -> Any:
    """What a file of tests holds, by its ending."""
    if file.suffix == ".jsonl":
        return [one for _, one in read_jsonl(file, f"{where}: {file}")]
    if file.suffix not in (".csv", ".json", ".yaml", ".yml"):
        raise InputError(
            f"{where} in {file.name} cannot be read; known are .yaml, .json, .jsonl, .csv and .py."
        )
    text = read_text(file, f"{where}: {file}")
    if file.suffix == ".csv":
        rows = enumerate(csv_rows(text, file.name), 2)
        return [_test_of_row(row, f"{file.name} row {number}") for number, row in rows]
    return parse_json(text, str(file)) if file.suffix == ".json" else parse_yaml(text, file.name)


def _vars_files(value: Any, folder: Path, where: str, reading: Reading) -> dict[str, Any]:
    """The variables in the files that `vars` names."""
    found: dict[str, Any] = {}
    beside = Reading(folder, reading.where, reading.env, reading.skip)
    for one in listed(value):
        if not isinstance(one, str) or not one.removeprefix("file://").endswith((".yaml", ".yml", ".json")):
            raise InputError(f"{where}: vars is {value!r}; it must be a mapping of names to values.")
        loaded = beside.load(one, where)
        found |= mapping(reading.loaded(loaded, where), f"{where}: vars in {one}")
    return found


def _scenarios(value: Any, reading: Reading) -> list[Any]:
    where = f"{reading.where}: scenarios"
    found = []
    for one in listed(value):
        loaded = reading.load(one, where) if isinstance(one, str) else one
        for number, scenario in enumerate(listed(loaded), 1):
            said = mapping(scenario, f"{where}, scenario {number}")
            if wrong := [key for key in said if key not in ("config", "tests", "description")]:
                raise InputError(
                    f"{where}: a scenario has the unknown key {wrong[0]!r}; it has config and tests."
                )
            config, tests = said.get("config"), said.get("tests", [{}])
            if isinstance(config, str):
                config = reading.load(config, where)
            if not isinstance(config, list) or not all(isinstance(data, Mapping) for data in config):
                raise InputError(
                    f"{where}: a scenario's config is {config!r}; it must be a list of mappings with vars."
                )
            tests = list(_tests(tests, reading))
            for data, test in itertools.product(config, tests):
                if not isinstance(test, Mapping):
                    raise InputError(f"{where}: a test must be a mapping with vars and assert, got {test!r}.")
                merged = {**data, **test}
                for key in ("vars", "options", "metadata"):
                    first, second = (mapping(part.get(key), f"{where}: {key}") for part in (data, test))
                    # promptfoo drops the options that stand beside a scenario's data.
                    merged[key] = second if key == "options" else {**first, **second}
                merged["assert"] = [*listed(data.get("assert")), *listed(test.get("assert"))]
                found.append(merged)
    return found


def _check_keys(test: Mapping[str, Any], place: str, reading: Reading) -> None:
    for key in test:
        if key not in TEST_KEYS:
            near = did_you_mean(key, TEST_KEYS)
            reading.refuse(
                InputError(f"{place}: unknown key {key!r}{near}; a test has vars, assert and options.")
            )
    for key, why in NOT_DONE.items():
        if test.get(key) is not None:
            reading.refuse(Unsupported(place, f"{key!r}", f"{why}, which a sweep does not do"))


def _cases(
    test: Any,
    default: Mapping[str, Any],
    number: int,
    reading: Reading,
    transforms: list[str],
    prompts: list[PromptSource],
) -> Iterator[Case]:
    """The cases of test `number`: one for each combination of its variables."""
    place = f"{reading.where}, test {number}"
    if not isinstance(test, Mapping):
        raise InputError(f"{place}: a test must be a mapping with vars and assert, got {test!r}.")
    _check_keys(test, place, reading)
    if isinstance(test.get("vars"), (str, list)):
        test = {**test, "vars": _vars_files(test["vars"], reading.folder, place, reading)}

    def said(key: str) -> dict[str, Any]:
        """By the default test, and in its place by the test."""
        before = mapping(default.get(key), f"{place}: defaultTest's {key}")
        return {**before, **mapping(test.get(key), f"{place}: {key}")}

    given, options = said("vars"), said("options")
    for key, value in options.items():
        if value is not None and key not in (*OPTIONS, *FOR_JUDGES, *FOR_PROMPTFOO):
            raise Unsupported(place, f"the option {key!r}", "is not supported")
    threshold = test.get("threshold", default.get("threshold"))
    if threshold is not None and (isinstance(threshold, bool) or not isinstance(threshold, (int, float))):
        raise InputError(f"{place}: threshold must be a number, got {threshold!r}.")
    asserts = tuple(
        record for part in (default, test) for record in _asserts(part.get("assert"), place, reading)
    )
    if code := options.get("transform", options.get("postprocess")):
        transforms = [*transforms, code]
    if code := options.get("transformVars"):
        changed = make_transform(code, place, reading.folder)(dict(given))
        given |= mapping(changed, f"{place}: what transformVars gives")
    expanded = [given] if options.get("disableVarExpansion") else list(_combinations(given, place, reading))
    kept = {
        key: test[key] for key in test if key in ("description", "metadata", "options", "threshold", "assert")
    }
    for variant, named in enumerate(expanded, 1):
        read = {
            name: _read_variable(name, value, named, place, reading, prompts) for name, value in named.items()
        }
        variables = resolved(read, place, reading.env)
        yield Case(
            f"{number}" if variant == 1 else f"{number}.{variant}",
            place,
            variables,
            str(options.get("prefix") or ""),
            str(options.get("suffix") or ""),
            asserts,
            float(threshold) if threshold else None,
            tuple(transforms),
            kept | {"vars": variables},
        )


def _asserts(value: Any, place: str, reading: Reading) -> Iterator[Any]:
    if value is not None and not isinstance(value, list):
        raise InputError(f"{place}: assert is {value!r}; it must be a list of assertions.")
    for one in value or []:
        if isinstance(one, str) and one.startswith("file://"):
            yield from listed(reading.load(one, place))
        else:
            yield one


def _combinations(given: Mapping[str, Any], place: str, reading: Reading) -> Iterator[dict[str, Any]]:
    """Every combination of the variables that are lists of texts, or patterns of files."""
    values: list[list[Any]] = []
    for value in given.values():
        if isinstance(value, str) and value.startswith("file://") and glob.has_magic(value):
            values.append([f"file://{file}" for file in reading.matching(value, place)])
        elif isinstance(value, list) and (not value or isinstance(value[0], str)):
            values.append(value)
        else:
            values.append([value])
    return (dict(zip(given, each, strict=True)) for each in itertools.product(*values))


def _read_variable(
    name: str, value: Any, named: Mapping[str, Any], place: str, reading: Reading, prompts: list[PromptSource]
) -> Any:
    """A variable's value, read from its file where it names one."""
    if isinstance(value, datetime.date):
        raise InputError(f"{place}: the variable {name!r} is a date to YAML; put it in quotes.")
    if not isinstance(value, str):
        return value
    if value.startswith("package:"):
        raise JavaScript(place, value)
    if not value.startswith("file://"):
        return value
    if PYTHON.search(value):
        made = python_function(value, reading.folder, place, "get_var")(
            name, prompts[0].raw if prompts else "", dict(named)
        )
        if not isinstance(made, Mapping) or not isinstance(made.get("output"), str):
            raise InputError(
                f"{place}: {value} gave {made!r} for the variable {name!r}; it must give a mapping with "
                f"a text as output."
            )
        return made["output"].strip()
    file = reading.path(value, place)
    text = read_text(file, f"{place}: the file {file}")
    if file.suffix in (".yaml", ".yml"):
        return json.dumps(parse_yaml(text, file.name), ensure_ascii=False, separators=(",", ":"))
    return text.strip()


def _value_filled(record: Any, case: Case, reading: Reading) -> Any:
    """An assertion with the variables in its value filled in, where promptfoo does that: texts, and lists of texts."""
    if not isinstance(record, Mapping):
        return record
    if record.get("type") == "assert-set" and isinstance(record.get("assert"), list):
        return {**record, "assert": [_value_filled(one, case, reading) for one in record["assert"]]}
    kind = str(record.get("type")).removeprefix("not-")
    if kind in REFUSED or "value" not in record:
        return record
    return {**record, "value": _filled(record["value"], case, reading)}


def _filled(value: Any, case: Case, reading: Reading) -> Any:
    if isinstance(value, str) and not value.startswith("file://"):
        return Template(value, f"{case.place}, an assertion", reading.env).fill(case.variables)
    if isinstance(value, list):
        return [
            (_read_value(one, case, reading) if one.startswith("file://") else _filled(one, case, reading))
            if isinstance(one, str)
            else one
            for one in value
        ]
    return value


def _read_value(name: str, case: Case, reading: Reading) -> Any:
    loaded = reading.load(name, case.place)
    return loaded.strip() if isinstance(loaded, str) else loaded


NAMES = sorted({*CHECKS, *REFUSED} - {"numeric"}, key=len, reverse=True)
EXPECTED = re.compile(rf"(not-)?({'|'.join(NAMES)})(?:\((\d+(?:\.\d+)?)\))?(?::([\s\S]*))?")
WITH_THRESHOLD = ("levenshtein", "starts-with")
COLUMNS = (
    "__expected", "__prefix", "__suffix", "__description", "__threshold", "__metric", "__metadata",
)  # fmt: skip


def _test_of_row(row: Mapping[str, str], place: str) -> dict[str, Any]:
    """The test that a row of CSV is: columns are variables, and those that begin with __ say something of the test."""
    test: dict[str, Any] = {"vars": {}, "assert": [], "options": {}}
    thresholds: dict[int, float] = {}
    for name, cell in row.items():
        if name.startswith("__expected"):
            if cell.strip():
                test["assert"].append(assertion_of(cell.strip()))
        elif name in ("__prefix", "__suffix"):
            test["options"][name[2:]] = cell
        elif name == "__description":
            test["description"] = cell
        elif name == "__threshold":
            if cell.strip():
                test["threshold"] = _float(cell, f"{place}: __threshold")
        elif found := re.fullmatch(r"__config:__expected(\d*):threshold", name):
            thresholds[int(found[1] or 1) - 1] = _float(cell, f"{place}: {name}")
        elif name == "__providerOutput":
            test["providerOutput"] = cell or None
        elif name.startswith("__") and name != "__metric" and not name.startswith("__metadata"):
            raise InputError(f"{place}: unknown column {name!r}{did_you_mean(name, COLUMNS)}.")
        elif not name.startswith("__"):
            test["vars"][name] = cell
    for number, threshold in thresholds.items():
        if number < len(test["assert"]):
            test["assert"][number]["threshold"] = threshold
    return test


def _float(cell: str, what: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise InputError(f"{what} must be a number, got {cell!r}.") from None


def assertion_of(expected: str) -> dict[str, Any]:
    """The assertion in a cell of __expected: `contains: blue`, `levenshtein(3): blue`, or a text that must be equal."""
    if expected.startswith(("javascript:", "fn:", "eval:")) or (
        expected.startswith("file://") and JAVASCRIPT.search(expected)
    ):
        return {"type": "javascript", "value": expected.partition(":")[2].strip()}
    if expected.startswith("grade:"):
        return {"type": "llm-rubric", "value": expected.removeprefix("grade:")}
    if expected.startswith("python:"):
        return {"type": "python", "value": expected.removeprefix("python:").strip()}
    if expected.startswith("file://") and PYTHON.search(expected):
        return {"type": "python", "value": expected}
    found = EXPECTED.fullmatch(expected)
    if found is None:
        return {"type": "equals", "value": expected}
    kind, value = found[2], found[4]
    assertion: dict[str, Any] = {"type": f"{found[1] or ''}{kind}"}
    if kind.startswith(("contains-a", "icontains-a")):
        assertion["value"] = [part.strip() for part in value.split(",")] if value else value
    elif value is not None:
        assertion["value"] = value if kind.endswith("json") else value.strip()
    if kind in WITH_THRESHOLD:
        assertion["threshold"] = float(found[3]) if found[3] else 0.75
    return assertion
