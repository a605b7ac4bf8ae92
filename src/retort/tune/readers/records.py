"""Answers made elsewhere, read as samples; the same statistics then need no model.

In: one or more files of retort's own records (JSON lines), promptfoo's output (.json, .jsonl), an inspect_ai log
(.json, .eval), lm-eval's samples (.jsonl), or an OpenAI batch (the requests beside the output). Out: `Answers`, the
samples with what was left out. Each shape is a pydantic model of the fields that are used; `_READERS` says how a shape
is known. Several files are one comparison: a file at one temperature beside a file at another.
"""

from __future__ import annotations

import json
import math
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import AliasPath, BaseModel, BeforeValidator, ConfigDict, Field

from retort.errors import InputError, SourceError, did_you_mean
from retort.files import parse_json, read_jsonl, read_text
from retort.tune.item import Marker, Task
from retort.tune.numbers_in_text import is_number
from retort.tune.readers.obstacles import validated
from retort.tune.readers.reading import listed, mapping
from retort.tune.samples import Samples, numbered
from retort.tune.score import normalise
from retort.tune.settings import axis_of, key

SETTINGS = (
    "temperature", "top_p", "top_k", "min_p", "frequency_penalty", "presence_penalty", "repetition_penalty",
)  # fmt: skip
"""What of a request's parameters tells one setting from another."""


@dataclass(frozen=True)
class ReadAnswer:
    """One answer, whoever wrote it down. `score` None: the task says; `asked`: what was asked, to find the item."""

    place: str
    item: str
    setting: Mapping[str, Any]
    score: float | None
    text: str | None = None
    prompt: str = ""
    repeat: str | None = None
    asked: Any = None


@dataclass(frozen=True)
class Answers:
    """The samples of some files, whether they have scores, and how much of what was left out."""

    samples: Samples
    is_scored: bool
    skipped: Mapping[str, int] = field(default_factory=dict)


def read_records(paths: Path | Sequence[Path]) -> Samples:
    """The samples in files of answers with scores; see `read_answers`."""
    found = read_answers(paths)
    if not found.is_scored:
        raise InputError("these answers have no scores; score them with retort tune TASK --from FILE")
    return found.samples


def read_answers(paths: Path | Sequence[Path], task: Task | None = None) -> Answers:
    """The answers in these files; `task` scores those that have no score.

    Raises SourceError where one cannot be read, InputError (with the line) where a record cannot be used: a missing
    field, a score that is no finite number, the same item, setting, prompt and repeat twice.
    """
    files = [paths] if isinstance(paths, Path) else list(paths)
    skipped: Counter[str] = Counter()
    found = list(_all_answers(files, skipped))
    if not found:
        raise InputError(f"{files[0].name} has no records; give one JSON object per line")
    if task is not None and any(answer.score is None for answer in found):
        found = _scored(found, task)
    unscored = sum(answer.score is None for answer in found)
    if unscored not in (0, len(found)):
        raise InputError(
            f"{unscored} of {len(found)} answers have no score; score them with retort tune TASK --from FILE"
        )
    return Answers(_samples(found, files[0].name), not unscored, dict(skipped))


def _samples(answers: Sequence[ReadAnswer], name: str) -> Samples:
    keys = [key(one.setting) for one in answers]
    item, items = numbered(one.item for one in answers)
    prompt, _ = numbered(one.prompt for one in answers)
    settings: dict[str, Mapping[str, Any]] = {}
    seen: dict[Any, str] = {}
    for one, setting in zip(answers, keys, strict=True):
        settings.setdefault(setting, one.setting)
        entry = (setting, one.item, one.prompt, one.repeat)
        # Without a number of the repeat, two equal records are two answers.
        if one.repeat is not None and entry in seen:
            raise InputError(
                f"{one.place}: item {one.item!r} at this setting has repeat {one.repeat} already, at "
                f"{seen[entry]}; every answer has one record"
            )
        seen[entry] = one.place
    answer, texts = numbered(normalise(one.text) for one in answers if one.text is not None)
    if len(answer) not in (0, len(answers)):
        raise InputError(
            f"{name}: {len(answer)} of {len(answers)} records have a text; give it in all of them, or in none"
        )
    # Either all answers have a score or none, and then nobody reads the 1 that stands for it (`Answers.is_scored`).
    axis = axis_of(list(settings.values()))
    place_of = {key(one): number for number, one in enumerate(axis.settings)}
    return Samples(
        axis,
        items,
        setting=np.array([place_of[one] for one in keys], dtype=np.int64),
        item=item,
        prompt=prompt,
        answer=answer if len(answer) else None,
        score=np.array([1.0 if one.score is None else one.score for one in answers], dtype=np.float64),
        texts=texts if len(answer) else None,
    )


def _scored(answers: Sequence[ReadAnswer], task: Task) -> list[ReadAnswer]:
    """The answers with the task's scores; an item is found by what it was asked, else by its id."""
    # By what was asked first: other tools number their items in their own way. Of two items that ask the same the first
    # one is taken.
    asked_of: dict[str, tuple[int, int]] = {}
    for number, one in enumerate(task.items):
        for prompt in range(len(task.prompts)):
            asked_of.setdefault(_plain(task.prompt(one, prompt)), (number, prompt))
    ids = {item.id: number for number, item in enumerate(task.items)}
    marker = Marker(task.scorer, task.items)
    found = []
    for answer in answers:
        known = None if answer.asked is None else asked_of.get(_plain(answer.asked))
        item = ids.get(answer.item) if known is None else known[0]
        if item is None:
            raise InputError(
                f"{answer.place}: {answer.item[:60]!r} is neither a question of the task {task.name} nor "
                f"the id of an item"
            )
        if answer.text is None:
            raise InputError(f"{answer.place}: there is no text to score")
        _, score = marker.mark(item, answer.text)
        prompt_name = answer.prompt if known is None else str(known[1])
        found.append(replace(answer, item=task.items[item].id, score=score, prompt=prompt_name))
    return found


def _plain(asked: Any) -> str:
    """What was asked as one text: equal for a text, for a user's message with it, and for messages as JSON."""
    if isinstance(asked, str):
        return asked.strip()
    pairs = [
        (one.get("role"), _content(one.get("content")))
        if isinstance(one, Mapping)
        else (one.role, one.content)
        for one in asked
    ]
    return pairs[0][1].strip() if len(pairs) == 1 and pairs[0][0] == "user" else json.dumps(pairs)


def _all_answers(files: Sequence[Path], skipped: Counter[str]) -> Iterator[ReadAnswer]:
    """The answers of all files; the two files of an OpenAI batch go together."""
    # A batch's results say which request they answer, and only that says at what temperature: they wait for all files.
    batches: list[tuple[str, Any]] = []
    requests: list[tuple[str, Any]] = []
    for file in files:
        rows = _records(file)
        if not rows:
            continue
        first = rows[0][1]
        if _has("custom_id", "body")(first):
            requests += rows
        elif _has("custom_id", "response")(first):
            batches += rows
        else:
            # The first record says whose file it is; what another record of it lacks is an error.
            yield from next(read for is_this, read in _READERS if is_this(first))(rows, file, skipped)
    if batches or requests:
        yield from _batch_answers(batches, requests, files[0], skipped)


def _records(file: Path) -> list[tuple[str, Any]]:
    """Each record of a file with its place: the lines of JSON lines, the one document of a JSON file or a log."""
    if file.suffix == ".eval":
        return [(file.name, _inspect_archive(file))]
    if file.suffix == ".json":
        return [(file.name, parse_json(read_text(file), file.name))]
    return [(f"{file.name} line {number}", record) for number, record in read_jsonl(file, file.name)]


class _Shape(BaseModel):
    """A record of another tool: the fields that are used; the rest is theirs."""

    # Strict: pydantic would make a number of the text "1", and a score of it.
    model_config = ConfigDict(extra="ignore", strict=True)


def _score_of(value: Any) -> Any:
    return float(value) if isinstance(value, bool) else value


Score = Annotated[float, BeforeValidator(_score_of), Field(allow_inf_nan=False)]
Name = str | int


class OwnRecord(_Shape):
    """One line of retort's own records: `{"item": "q1", "setting": {"temperature": 0.3}, "score": 1, "text": "Paris"}`.

    `text` is optional (without it there is no agreement, no distinct), `prompt` names a prompt variant, `repeat`
    numbers the answers to one item at one setting.
    """

    item: Name
    setting: dict[str, Any]
    score: Score = Field(description="a finite number, 1 right, 0 wrong")
    repeat: Name | None = None
    text: str | None = None
    prompt: Name = ""


def _own(rows: Iterable[tuple[str, Any]], _: Path, __: Counter[str]) -> Iterator[ReadAnswer]:
    for place, record in rows:
        # Said here, before pydantic would: somebody writes these records by hand, and all of a record's names help.
        if not isinstance(record, dict):
            raise InputError(
                f"{place}: a record is an object with item, setting and score, and this is {record!r}"
            )
        for name in ("item", "setting", "score"):
            if name not in record:
                near = did_you_mean(name, [other for other in record if other not in OwnRecord.model_fields])
                raise InputError(
                    f"{place}: the field {name!r} is missing{near}; a record has {', '.join(OwnRecord.model_fields)}"
                )
        one = validated(OwnRecord, record, place)
        repeat = None if one.repeat is None else str(one.repeat)
        yield ReadAnswer(place, str(one.item), one.setting, one.score, one.text, str(one.prompt), repeat)


class _Named(_Shape):
    id: str = ""
    label: str | None = None
    raw: Any = None


class PromptfooResult(_Shape):
    """One result of promptfoo's output: a test, a prompt and a provider."""

    testIdx: int
    promptIdx: int
    provider: _Named
    prompt: _Named
    success: bool
    score: Score
    vars: dict[str, Any] = {}
    testCase: dict[str, Any] = {}
    output: Any = Field(None, validation_alias=AliasPath("response", "output"))
    error: str | None = None
    failureReason: int = 0


ERROR = 2
"""promptfoo's failureReason where something went wrong (ResultFailureReason); 1 is an assertion that does not hold."""


def _promptfoo(rows: Sequence[tuple[str, Any]], file: Path, skipped: Counter[str]) -> Iterator[ReadAnswer]:
    # Lines are results alone. A JSON file has the configuration beside them, which has the providers' settings.
    first = rows[0][1]
    config: Any = {}
    results: Any = [record for _, record in rows]
    if "promptIdx" not in first:
        inner = first["results"]
        config = first.get("config") or {}
        results = inner.get("results") if isinstance(inner, Mapping) else inner
        if not isinstance(results, list):
            raise InputError(f"{file.name}: results is {results!r}; it must be a list of promptfoo's results")
    providers = _promptfoo_settings(config)
    places = [f"{file.name} result {number}" for number in range(1, len(results) + 1)]
    found = [validated(PromptfooResult, one, place) for one, place in zip(results, places, strict=True)]
    prompts = {one.prompt.label for one in found}
    scored = any(one.testCase.get("assert") for one in found)
    for one, place in zip(found, places, strict=True):
        if one.failureReason == ERROR or one.output is None:
            skipped["promptfoo's errors"] += 1
            continue
        said = _settings_of(one, providers, len(prompts))
        # A label tells providers apart that are asked with the same settings, and is only a name otherwise.
        alike = said is None or sum(settings == said for _, settings in providers) > 1
        setting = {**(said or {}), "provider": (one.provider.label if alike else None) or one.provider.id}
        text = one.output if isinstance(one.output, str) else json.dumps(one.output, ensure_ascii=False)
        # testIdx counts every repeat and every combination of variables anew; what is asked and checked is the item.
        test = [one.vars or one.testCase.get("vars"), one.testCase.get("assert")]
        item = json.dumps(test, sort_keys=True, default=str)
        # One that fails counts as much as it has, and never as right.
        score = one.score if one.success or one.score < 1 else 0.0
        prompt = one.prompt.label or str(one.prompt.raw)
        yield ReadAnswer(place, item, setting, score if scored else None, text, prompt)


def _promptfoo_settings(config: Any) -> list[tuple[set[Any], dict[str, Any]]]:
    """The names and the settings of each provider of a configuration, in their order."""
    found: list[tuple[set[Any], dict[str, Any]]] = []
    for one in listed(config.get("providers") if isinstance(config, Mapping) else None):
        names = {one} if isinstance(one, str) else set()
        if isinstance(one, Mapping) and "id" not in one and len(one) == 1:
            ((name, one),) = one.items()
            names.add(name)
        one = one if isinstance(one, Mapping) else {}
        said: Any = one.get("config")
        if not isinstance(said, Mapping):
            said = {}
        names |= {one[key] for key in ("id", "label") if isinstance(one.get(key), str)}
        found.append((names, {name: said[name] for name in SETTINGS if name in said}))
    return found


def _settings_of(
    one: PromptfooResult, providers: Sequence[tuple[set[Any], dict[str, Any]]], num_prompts: int
) -> dict[str, Any] | None:
    """The settings of the provider that gave a result; None where the configuration does not tell."""
    for name in (one.provider.label, one.provider.id):
        if len(fits := [settings for names, settings in providers if name in names]) == 1:
            return fits[0]
    # Several have that name, or none: an id is not always as it was written. Providers are promptfoo's outer loop over
    # prompts, so a prompt's number says which provider it was, as long as all of them are asked every prompt.
    which = one.promptIdx // max(num_prompts, 1)
    return providers[which][1] if which < len(providers) else None


class _Message(_Shape):
    content: str | list[dict[str, Any]] = ""


class _Choice(_Shape):
    """One answer of a chat or of a completion."""

    message: _Message | None = None
    text: str | None = None

    @property
    def said(self) -> str:
        return (self.text or "") if self.message is None else _content(self.message.content)


class _InspectScore(_Shape):
    value: Any
    answer: Any = None


class InspectSample(_Shape):
    """One sample of an inspect_ai log: an epoch of an item."""

    id: Name
    epoch: int = 1
    choices: list[_Choice] = Field([], validation_alias=AliasPath("output", "choices"))
    scores: dict[str, _InspectScore] | None = None
    error: Any = None


class _InspectEval(_Shape):
    task: str
    model: str
    model_generate_config: dict[str, Any] = {}


class InspectLog(_Shape):
    """An inspect_ai log: the evaluation, its plan, and its samples."""

    eval: _InspectEval
    plan: dict[str, Any] = {}
    samples: list[InspectSample] | None = None


def _inspect(rows: Sequence[tuple[str, Any]], file: Path, skipped: Counter[str]) -> Iterator[ReadAnswer]:
    log = validated(InspectLog, rows[0][1], file.name)
    config = {
        **log.eval.model_generate_config,
        **mapping(log.plan.get("config"), f"{file.name}: the plan's config"),
    }
    setting = {name: config[name] for name in SETTINGS if config.get(name) is not None}
    setting["model"] = log.eval.model
    for sample in log.samples or []:
        place = f"{file.name}, sample {sample.id} of epoch {sample.epoch}"
        if sample.error is not None or not sample.choices:
            skipped["inspect_ai's errors"] += 1
            continue
        scores = sample.scores or {}
        names = list(scores)
        if len(names) > 1:
            skipped[f"inspect_ai's scorers beside {names[0]}"] += len(names) - 1
        score = None if not names else _inspect_value(scores[names[0]].value, place)
        yield ReadAnswer(place, str(sample.id), setting, score, sample.choices[0].said, "", str(sample.epoch))


def _inspect_value(value: Any, place: str) -> float:
    """A score of inspect_ai as a number: C 1, P 0.5, I and N 0, as its own value_to_float says."""
    words = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0, "yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
    if isinstance(value, str):
        value = words.get(value, words.get(value.lower(), value))
    with suppress(ValueError, TypeError, OverflowError):
        if math.isfinite(number := float(value)):
            return number
    raise InputError(f"{place}: the score is {value!r}; it must be a number, or one of C, P, I and N")


def _inspect_archive(file: Path) -> Any:
    """The log in an .eval file, which is a zip of JSON files."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            # A run that was stopped has a journal of its start in place of a header.
            head = next((name for name in ("header.json", "_journal/start.json") if name in names), None)
            if head is None:
                raise SourceError(f"{file.name} is not an inspect_ai log: it has no header.json.")
            log = parse_json(archive.read(head).decode(), f"{file.name}, {head}")
            samples = [name for name in names if re.fullmatch(r"samples/.*\.json", name)]
            read = ((archive.read(name).decode(), name) for name in samples)
            log["samples"] = [parse_json(text, f"{file.name}, {name}") for text, name in read]
            return log
    except (OSError, zipfile.BadZipFile, UnicodeDecodeError) as error:
        raise SourceError(f"{file.name} cannot be read as an inspect_ai log ({error}).") from None


class LmEvalSample(_Shape):
    """One line of lm-eval's samples: a document, what the model was asked and said, and its metrics."""

    doc_id: int
    arguments: dict[str, dict[str, Any]] | list[Any] = {}
    resps: list[Any] = []
    filtered_resps: list[Any] = []
    filter: str = "none"
    metrics: list[str] = []


PREFERRED = ("exact_match", "acc", "em", "f1", "pass@1", "acc_norm")
"""Of several metrics of a sample, the first of these that it has is its score."""


def _lm_eval(rows: Sequence[tuple[str, Any]], file: Path, skipped: Counter[str]) -> Iterator[ReadAnswer]:
    chosen: tuple[str, str] | None = None
    for place, record in rows:
        one = validated(LmEvalSample, record, place)
        values = {name: record.get(name) for name in one.metrics}
        metrics = [name for name, value in values.items() if isinstance(value, bool) or is_number(value)]
        if not metrics:
            raise InputError(
                f"{place}: none of the metrics {', '.join(one.metrics) or 'that are missing'} is a number"
            )
        if chosen is None:
            chosen = one.filter, next((name for name in PREFERRED if name in metrics), metrics[0])
        if one.filter != chosen[0]:
            skipped[f"lm-eval's filter {one.filter}, beside {chosen[0]}"] += 1
            continue
        if chosen[1] not in metrics:
            raise InputError(
                f"{place}: {chosen[1]} is {record.get(chosen[1])!r}; it must be a number, as in the first sample"
            )
        if len(metrics) > 1:
            skipped[f"lm-eval's metrics beside {chosen[1]}"] += len(metrics) - 1
        # Of a multiple-choice task the answers are the likelihoods of all choices: such a sample has no text.
        said = one.filtered_resps[0] if one.filtered_resps else None
        said = said[0] if isinstance(said, list) and said else said
        text = said if isinstance(said, str) and len(one.filtered_resps) == 1 else None
        setting = _lm_eval_setting(one.arguments) or {"file": file.stem}
        yield ReadAnswer(place, str(one.doc_id), setting, float(record[chosen[1]]), text)


def _lm_eval_setting(arguments: Any) -> dict[str, Any]:
    """The settings in the generation arguments of a request; greedy where it says so; none for likelihoods."""
    # {"gen_args_0": {"arg_0": the context, "arg_1": the settings}}, or the same as lists. A request for a likelihood
    # has a text in the second place.
    groups = arguments.values() if isinstance(arguments, Mapping) else arguments
    for group in groups:
        for value in group.values() if isinstance(group, Mapping) else listed(group):
            if isinstance(value, Mapping):
                found = {name: value[name] for name in SETTINGS if isinstance(value.get(name), (int, float))}
                if value.get("do_sample") is False or (not found and "until" in value):
                    found["temperature"] = 0.0
                return found
    return {}


class _BatchBody(_Shape):
    model: str = ""
    messages: list[dict[str, Any]] | None = None
    prompt: str | None = None


class BatchRequest(_Shape):
    """One line of the file that was sent to a batch endpoint."""

    custom_id: str
    body: dict[str, Any]


class _BatchResponse(_Shape):
    status_code: int = 200
    choices: list[_Choice] = Field([], validation_alias=AliasPath("body", "choices"))


class BatchResult(_Shape):
    """One line of the output file."""

    custom_id: str
    response: _BatchResponse | None = None
    error: Any = None


def _batch_answers(
    results: Sequence[tuple[str, Any]], requests: Sequence[tuple[str, Any]], file: Path, skipped: Counter[str]
) -> Iterator[ReadAnswer]:
    if not results or not requests:
        missing = "the file of its requests, which has the temperatures" if results else "the output file"
        raise InputError(f"{file.name}: an OpenAI batch is two files; give {missing} as well")
    sent = [validated(BatchRequest, record, place) for place, record in requests]
    bodies = {one.custom_id: one.body for one in sent}
    repeats: Counter[str] = Counter()
    for place, record in results:
        result = validated(BatchResult, record, place)
        body = bodies.get(result.custom_id)
        if body is None:
            raise InputError(f"{place}: no request has the custom_id {result.custom_id!r}")
        if result.error is not None or result.response is None or result.response.status_code != 200:
            skipped["the batch's errors"] += 1
            continue
        asked = validated(_BatchBody, body, f"the request {result.custom_id}")
        setting = {name: body[name] for name in SETTINGS if body.get(name) is not None}
        setting = {"temperature": 1.0, **setting, "model": asked.model}  # 1 is the endpoint's default
        question = asked.messages if asked.messages is not None else asked.prompt
        item = result.custom_id if question is None else _plain(question)
        for choice in result.response.choices:
            once = key({**setting, "asked": item})
            repeats[once] += 1
            yield ReadAnswer(place, item, setting, None, choice.said, "", str(repeats[once]), asked=question)


def _content(content: Any) -> str:
    """The text of a message, whose content may come in parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return content if isinstance(content, str) else ""


def _has(*names: str) -> Callable[[Any], bool]:
    return lambda record: isinstance(record, dict) and set(names) <= record.keys()


_READERS: tuple[tuple[Callable[[Any], bool], Callable[..., Iterator[ReadAnswer]]], ...] = (
    (_has("results", "config"), _promptfoo),
    (_has("testIdx", "promptIdx"), _promptfoo),
    (_has("eval", "plan"), _inspect),
    (_has("doc_id", "resps"), _lm_eval),
    (lambda record: True, _own),
)
