"""Where a promptfoo configuration's tests come from: lists, files of every kind, patterns, Python, scenarios.

In: `tests`, `scenarios` and `defaultTest` as they are written. Out: one mapping a test, as if it had been written into
the configuration; promptfoo_cases.py says what it means. A row of CSV has its assertion in a short form of its own.
The ways that promptfoo reads one kind of file depend on how the file is named (src/util/testCaseReader.ts).
"""

from __future__ import annotations

import glob
import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from retort.errors import InputError, did_you_mean
from retort.files import read_jsonl, read_text
from retort.tune.assertions import CHECKS, OUTSIDE, OWN, REFUSED
from retort.tune.outside import python_function
from retort.tune.readers.obstacles import JavaScript, Unsupported
from retort.tune.readers.reading import JAVASCRIPT, PYTHON, Reading, csv_rows, listed, mapping, parsed

NOT_DONE = {
    "provider": "names another provider for one test",
    "providers": "names the providers of one test",
    "prompts": "names the prompts of one test",
    "providerOutput": "is an existing answer",
    "assertScoringFunction": "uses promptfoo's own scoring",
}
TEST_KEYS = ("vars", "assert", "description", "options", "threshold", "metadata", *NOT_DONE)


def default_test(value: Any, reading: Reading) -> dict[str, Any]:
    """What every test begins with."""
    where = f"{reading.where}: defaultTest"
    if isinstance(value, str):
        value = reading.loaded(reading.load(value, where), where)
    default = mapping(value, where)
    check_keys(default, where, reading)
    return default


def every_test(record: Mapping[str, Any], reading: Reading) -> list[Any]:
    """The tests of a configuration, in promptfoo's order: those of scenarios last."""
    before = len(reading.obstacles)
    given = [] if record.get("tests") is None else record["tests"]
    tests: list[Any] = reading.needed([], lambda: list(_tests(given, reading)))
    tests += reading.needed([], lambda: _scenarios(record.get("scenarios"), reading))
    if not tests and record.get("scenarios") is None and len(reading.obstacles) == before:
        return [{}]  # prompts alone, compared with each other
    return tests


def check_keys(test: Mapping[str, Any], place: str, reading: Reading) -> None:
    for key in test:
        if key not in TEST_KEYS:
            near = did_you_mean(key, TEST_KEYS)
            reading.refuse(
                InputError(f"{place}: unknown key {key!r}{near}; a test has vars, assert and options.")
            )
    for key, why in NOT_DONE.items():
        if test.get(key) is not None:
            reading.refuse(Unsupported(place, f"{key!r}", f"{why}, which a sweep does not do"))


def _tests(value: Any, reading: Reading) -> Iterator[Any]:
    # A name in a list is a pattern of files. The one name of all tests is one file, unless it is YAML (readTests).
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
    """The tests of one file, by its ending. References within it are not followed, as promptfoo does not either."""
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
    if JAVASCRIPT.search(plain) or PYTHON.search(plain):
        yield from _standalone(name, where, reading)
        return
    for file in reading.matching(name, where):
        found = _tests_in(file, where)
        if file.suffix != ".csv":  # a cell with file:// in it is a variable's value, and stays one
            found = reading.dereferenced(reading.loaded(found, where), found)
        for one in listed(found):
            # Files of variables lie beside the file that names them, all others beside the configuration.
            if isinstance(one, Mapping) and isinstance(one.get("vars"), (str, list)):
                yield {**one, "vars": variables_in_files(one["vars"], file.parent, where, reading)}
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
    return parsed(file, text)


def variables_in_files(value: Any, folder: Path, where: str, reading: Reading) -> dict[str, Any]:
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
    """Every test of every scenario with each of the scenario's data, a test for each of these pairs."""
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


# Longest first, or `similar` would be found at the beginning of `similar:cosine`.
NAMES = sorted({*CHECKS, *OUTSIDE, *REFUSED} - {*OWN}, key=len, reverse=True)
EXPECTED = re.compile(rf"(not-)?({'|'.join(NAMES)})(?:\((\d+(?:\.\d+)?)\))?(?::([\s\S]*))?")
WITH_THRESHOLD = ("levenshtein", "starts-with")
"""Of the assertions that are carried out, those to which promptfoo gives 0.75 where a cell says no threshold, also in
levenshtein, where that asks for equal texts and an assertion in a list would allow 5 edits."""
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
        elif found := re.fullmatch(r"__config:__expected([1-9]\d*)?:threshold", name):
            thresholds[int(found[1] or 1) - 1] = _float(cell, f"{place}: {name}")
        elif name == "__providerOutput":
            test["providerOutput"] = cell or None
        elif name.startswith("__") and name != "__metric" and not name.startswith("__metadata"):
            raise InputError(f"{place}: unknown column {name!r}{did_you_mean(name, COLUMNS)}.")
        elif not name.startswith("__"):
            test["vars"][name] = cell
    # Numbered by the cells that say something, as promptfoo does: after an empty one the numbers of columns and of
    # assertions differ. The columns may come in any order, so this waits until all assertions are there.
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
