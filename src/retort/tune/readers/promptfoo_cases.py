"""What a promptfoo test means: a `Case` for each combination of its variables, and the item that a case becomes.

In: the tests of promptfoo_tests.py, with defaultTest beside each. Out: items, with what is asked written out and what
an answer must satisfy. The order in which things are merged and filled in is promptfoo's (src/evaluator.ts).
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
from typing import Any

from retort.errors import InputError
from retort.files import read_text
from retort.sources.chat import conversation_of
from retort.tune.assertions import REFUSED, Verdict, number_of
from retort.tune.checks import NEGATION, Check, make_check, make_transform, score_all, together
from retort.tune.item import Item, Prompt
from retort.tune.outside import python_function
from retort.tune.readers.javascript import Template, as_json, filled, resolved
from retort.tune.readers.obstacles import JavaScript, Unsupported
from retort.tune.readers.promptfoo_prompts import PromptSource
from retort.tune.readers.promptfoo_tests import check_keys, default_test, every_test, variables_in_files
from retort.tune.readers.reading import PYTHON, Reading, listed, mapping
from retort.tune.readers.yaml_1_2 import parse_yaml

LIKE_JSON = re.compile(r'\{\s*"|\[\s*[\[{"]')
OPTIONS = (
    "prefix", "suffix", "transform", "postprocess", "transformVars", "disableVarExpansion", "disableDefaultAsserts",
)  # fmt: skip
FOR_JUDGES = ("provider", "rubricPrompt", "factuality")
"""Options that only assertions with a judge read, and those are refused themselves."""
FOR_PROMPTFOO = ("delay", "runSerially", "repeat")
"""Options of how promptfoo runs a test, which is not how a sweep does."""


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
        where = prompt.where
        raw = f"{self.prefix}{prompt.text(self.variables, reading.folder)}{self.suffix}"
        # JSON is filled in text by text, so that a quote in a variable breaks none of it. What is JSON only when it is
        # filled in, as with `{{ x | dump }}` in it, is a template like any other.
        try:
            document = json.loads(raw)
        except ValueError:
            text = Template(raw, where, reading.env).fill(self.variables)
        else:
            text = as_json(filled(document, self.variables, where, reading.env), 2)
        if not text.strip():
            raise InputError(f"{where}: the prompt of {self.place} is empty.")
        return _conversation(text, is_chat, f"{where}, {self.place}")

    def item(self, asked: tuple[Any, ...], reading: Reading) -> Item | None:
        """The test as an item: what is asked, what becomes of an answer, and what the answer must satisfy. None where
        the answer would have to become what it cannot here: nothing of the test is then about the answer as it is."""
        context: dict[str, Any] = {"vars": dict(self.variables), "test": dict(self.test)}
        # promptfoo gives Python the prompt that was asked. A check belongs to an item here and not to one of its
        # prompts, so it is there only where there is one.
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
        return conversation_of(parse_yaml(text, where), where)
    try:
        document = json.loads(bare) if bare[0] in "[{" else None
    except ValueError as error:
        # promptfoo refuses every text in brackets here, also one such as [a summary of the news] (parseChatPrompt).
        if is_chat and bare[-1] in "]}" and LIKE_JSON.match(bare):
            raise InputError(f"{where}: the prompt looks like JSON and is not ({error}).") from None
        return text
    messages = document if isinstance(document, list) else []
    if messages and all(isinstance(one, Mapping) and "role" in one for one in messages):
        if any(isinstance(one.get("content"), list) and not _is_text(one["content"]) for one in messages):
            raise Unsupported(where, "a message with pictures or other parts", "is not supported")
        return conversation_of(document, where)
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
    default: dict[str, Any] = reading.needed({}, lambda: default_test(record.get("defaultTest"), reading))
    if len(set(transforms)) > 1:
        reading.refuse(Unsupported(reading.where, "transforms of single providers", "are not supported"))
        transforms = []
    before = len(reading.obstacles)
    cases: list[Case] = []
    of_provider = [one for one in transforms[:1] if one]
    for number, test in enumerate(every_test(record, reading), 1):
        with reading.noted():
            cases += _cases(test, default, number, reading, of_provider, prompts)
    if not cases and len(reading.obstacles) == before:
        reading.refuse(InputError(f"{reading.where}: there are no tests."))
    return cases


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
    check_keys(test, place, reading)
    if isinstance(test.get("vars"), (str, list)):
        test = {**test, "vars": variables_in_files(test["vars"], reading.folder, place, reading)}

    def said(key: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """By the default test, and by the test itself, which goes before."""
        usual = mapping(default.get(key), f"{place}: defaultTest's {key}")
        return usual, mapping(test.get(key), f"{place}: {key}")

    (usual_vars, own_vars), (usual, own) = said("vars"), said("options")
    given, options = {**usual_vars, **own_vars}, {**usual, **own}
    for key, value in options.items():
        if value is not None and key not in (*OPTIONS, *FOR_JUDGES, *FOR_PROMPTFOO):
            raise Unsupported(place, f"the option {key!r}", "is not supported")
    threshold = default.get("threshold") if test.get("threshold") is None else test["threshold"]
    if threshold is not None:
        threshold = number_of(threshold, "threshold", place)
    # Only the test itself can do without the default's assertions (promptfoo's pull request 8124).
    asserting = (test,) if own.get("disableDefaultAsserts") is True else (default, test)
    asserts = tuple(record for part in asserting for record in _asserts(part.get("assert"), place, reading))
    # An answer goes through the provider's transform first, then through the test's.
    if code := options.get("transform") or options.get("postprocess"):
        transforms = [*transforms, code]
    if code := options.get("transformVars"):
        changed = make_transform(code, place, reading.folder)(dict(given))
        given |= mapping(changed, f"{place}: what transformVars gives")
    # Expanded before files are read: a list may name files, and a pattern of files is a list of them.
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
            # An empty prefix, such as an empty cell of CSV, does not replace the default's.
            str(options.get("prefix") or usual.get("prefix") or ""),
            str(options.get("suffix") or usual.get("suffix") or ""),
            asserts,
            threshold or None,  # 0 is none, as in promptfoo
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
    """Every combination of the variables that are lists of texts, or patterns of files.

    A list without a text at its beginning, such as a conversation, is one value (generateVarCombinations).
    """
    values: list[list[Any]] = []
    for value in given.values():
        if isinstance(value, str) and value.startswith("file://") and glob.has_magic(value):
            # Absolute, since each of them is looked for in the configuration's folder once more.
            values.append([f"file://{file.absolute()}" for file in reading.matching(value, place)])
        elif isinstance(value, list) and value and isinstance(value[0], str):
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
        # promptfoo calls it for every prompt. A test has one set of variables here, so the first prompt stands for all.
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
    # YAML becomes JSON in one line, whereas a JSON file stays as it is written (renderPrompt).
    return as_json(parse_yaml(text, file.name)) if file.suffix in (".yaml", ".yml") else text.strip()


def _value_filled(record: Any, case: Case, reading: Reading) -> Any:
    """An assertion with the variables in its value filled in, where promptfoo does that: texts, and lists of texts."""
    if not isinstance(record, Mapping):
        return record
    if record.get("type") == "assert-set" and isinstance(record.get("assert"), list):
        return {**record, "assert": [_value_filled(one, case, reading) for one in record["assert"]]}
    kind = str(record.get("type")).removeprefix(NEGATION)
    # What a judge or JavaScript is told may have any template in it; the assertion is refused for what it is.
    if kind in REFUSED or "value" not in record:
        return record
    return {**record, "value": _filled(record["value"], case, reading)}


def _filled(value: Any, case: Case, reading: Reading) -> Any:
    if isinstance(value, str) and not value.startswith("file://"):
        return Template(value, f"{case.place}, an assertion", reading.env).fill(case.variables)
    if not isinstance(value, list):
        return value
    return [_filled_part(part, case, reading) for part in value]


def _filled_part(value: Any, case: Case, reading: Reading) -> Any:
    """A text of a list, which alone may name a file: a whole value that does is read where its check is made."""
    if isinstance(value, str) and value.startswith("file://"):
        loaded = reading.load(value, case.place)
        return loaded.strip() if isinstance(loaded, str) else loaded
    return _filled(value, case, reading) if isinstance(value, str) else value
