"""Other people's results: the same numbers as a live run, in any order, and clear words for what cannot be used."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.tune.simulated import simulated_scores

from retort.errors import InputError, SourceError
from retort.tune import Origin, conclude, find_goal, load_task, read_answers, read_records, recommend
from retort.tune.item import Marker

GRID = (0.0, 0.3, 0.7, 1.0)


def written(folder: Path, records: list) -> Path:
    file = folder / "records.jsonl"
    file.write_text("\n".join(map(json.dumps, records)) + "\n", encoding="utf-8")
    return file


def concluded(file: Path, goal: str = "exploit") -> dict:
    return conclude(read_records(file), find_goal(goal), Origin("records", "recorded")).to_dict()


@pytest.fixture
def scores() -> np.ndarray:
    return simulated_scores(np.random.default_rng(1), 60, np.array([0.2, 0.2, 0.0, -0.2]))


def records_of(scores: np.ndarray, repeats: int = 4) -> list[dict]:
    """Each share of right answers as that many right and wrong ones, shuffled."""
    records = [
        {
            "item": f"q{item}",
            "setting": {"temperature": GRID[setting]},
            "repeat": repeat,
            "score": int(repeat < right),
        }
        for item, row in enumerate(scores)
        for setting, right in enumerate(np.rint(row * repeats).astype(int))
        for repeat in range(repeats)
    ]
    np.random.default_rng(2).shuffle(records)
    return records


def test_scores_give_what_the_statistics_give(scores: np.ndarray, tmp_path: Path) -> None:
    found = concluded(written(tmp_path, records_of(scores)))
    assert [one["score"] for one in found["settings"]] == pytest.approx(scores.mean(axis=0))
    assert [one["temperature"] for one in found["settings"]] == list(GRID)
    assert found["recommendation"]["setting"] == recommend(GRID, scores, "exploit")[0].setting == 0.0
    assert found["recommendation"]["values"] == {"temperature": 0.0}
    assert found["recommendation"]["detectable"]
    assert {one["distinct"] for one in found["settings"]} == {None}
    assert found["forward_passes"] is None


def test_texts_give_agreement_and_variety(tmp_path: Path) -> None:
    texts = {0.0: ["Paris"] * 4, 1.0: ["Paris", "paris.", "Lyon", "Nice"]}
    records = [
        {"item": "q", "setting": {"temperature": t}, "repeat": r, "score": 1, "text": text}
        for t, answers in texts.items()
        for r, text in enumerate(answers)
    ]
    settings = concluded(written(tmp_path, records))["settings"]
    assert [one["agreement"] for one in settings] == pytest.approx([1.0, 1 / 6])
    assert [one["distinct"] for one in settings] == [0.25, 0.75]
    assert [one["identical"] for one in settings] == [1.0, 0.0]
    explore = concluded(written(tmp_path, records), "explore")
    assert [one["score"] for one in explore["settings"]] == [1.0, 3.0]


def test_other_numbers_are_an_axis_and_mixed_settings_are_not(scores: np.ndarray, tmp_path: Path) -> None:
    by_top_p = [
        {**record, "setting": {"temperature": 0.7, "top_p": record["setting"]["temperature"]}}
        for record in records_of(scores)
    ]
    found = concluded(written(tmp_path, by_top_p))
    assert (found["axis"], found["recommendation"]["setting"]) == ("top_p", 0.0)
    names = {
        0.0: {"engine": "a"},
        0.3: {"engine": "b"},
        0.7: {"engine": "c", "top_k": 5},
        1.0: {"engine": "d"},
    }
    mixed = [{**record, "setting": names[record["setting"]["temperature"]]} for record in records_of(scores)]
    found = concluded(written(tmp_path, mixed))
    chosen = found["recommendation"]
    assert found["axis"] is None
    assert chosen["setting"] in ({"engine": "a"}, {"engine": "b"}) and chosen["setting"] == chosen["best"]
    assert {one["engine"] for one in chosen["region"]} == {"a", "b"}
    assert chosen["reason"].startswith("Statistically tied: engine=")


def test_items_that_miss_a_setting_are_left_out_and_counted(scores: np.ndarray, tmp_path: Path) -> None:
    records = [
        record
        for record in records_of(scores)
        if not (record["item"] in ("q0", "q1") and record["setting"]["temperature"] == 0.7)
    ]
    found = concluded(written(tmp_path, records))
    assert (found["items"], found["items_left_out"]) == (58, 2)
    assert [one["score"] for one in found["settings"]] == pytest.approx(scores[2:].mean(axis=0))


GOOD = {"item": "a", "setting": {"temperature": 0}, "repeat": 0, "score": 1}


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([], "has no records"),
        ([GOOD, {"item": "a", "settings": {}, "score": 1}], "line 2: the field 'setting' is missing .did you mean"),
        ([GOOD, {**GOOD, "score": "yes"}], "line 2: score is 'yes'"),
        ([GOOD, {**GOOD, "score": float("nan")}], "line 2: score is nan"),
        ([GOOD, GOOD], "repeat 0 already, at records.jsonl line 1"),
        ([GOOD, {**GOOD, "repeat": 1}], "got 1 setting"),
        ([GOOD, {**GOOD, "setting": {"temperature": 1}, "text": "x"}], "1 of 2 records have a text"),
        ([{**GOOD, "item": None}], "line 1: item is None; it must be text"),
        ([{**GOOD, "prompt": ["p"]}], "line 1: prompt is .'p'.; it must be text"),
        ([{**GOOD, "repeat": {}}], "line 1: repeat is {}; it must be text"),
        ([GOOD, {**GOOD, "setting": 1}], "line 2: setting is 1; it must be keys and values"),
        ([GOOD, {**GOOD, "item": "b", "setting": {"temperature": 1}}], "no item has 1 answer"),
    ],
)  # fmt: skip
def test_records_that_cannot_be_used(records: list, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        concluded(written(tmp_path, records))


def test_variety_without_texts_is_refused(tmp_path: Path) -> None:
    records = [GOOD, {**GOOD, "setting": {"temperature": 1}}]
    with pytest.raises(InputError, match="these records have only scores; add `text`"):
        concluded(written(tmp_path, records), "explore")


def promptfoo_output() -> dict:
    """promptfoo 0.118's output: two providers at two temperatures, two prompts, three tests, one error."""
    providers = [
        {"id": "openai:m", "label": f"at {t}", "config": {"temperature": t, "apiKey": "x"}} for t in (0, 1)
    ]
    results = [
        {
            "cost": 0.1, "id": f"{test}", "latencyMs": 3, "namedScores": {}, "promptId": "p",
            "promptIdx": 2 * number + prompt,
            "gradingResult": {"pass": number == 0, "score": float(number == 0), "reason": "", "assertion": None},
            "prompt": {"raw": f"prompt {prompt} about {test}", "label": f"prompt {prompt} about {{{{x}}}}"},
            "provider": {"id": "openai:m", "label": f"at {number}"},
            "response": {"output": "blue" if number == 0 else {"a": test}, "tokenUsage": {"total": 9}},
            "score": float(number == 0), "success": number == 0, "failureReason": 0 if number == 0 else 1,
            "testCase": {"vars": {"x": test}, "assert": [{"type": "contains", "value": "blue"}], "options": {}},
            "testIdx": test, "vars": {"x": test},
        }
        for test in range(3) for number in (0, 1) for prompt in (0, 1)
    ]  # fmt: skip
    failed = {**results[0], "success": False, "failureReason": 2, "error": "429", "response": None}
    return {
        "evalId": "eval-1",
        "results": {
            "version": 3,
            "timestamp": "x",
            "prompts": [],
            "results": [*results, failed],
            "stats": {},
        },
        "config": {
            "providers": providers,
            "prompts": ["prompt 0 about {{x}}", "prompt 1 about {{x}}"],
            "tests": [],
        },
        "shareableUrl": None,
    }


def test_promptfoos_output(tmp_path: Path) -> None:
    file = tmp_path / "output.json"
    file.write_text(json.dumps(promptfoo_output()))
    found = read_answers(file)
    assert found.is_scored and found.skipped == {"promptfoo's errors": 1}
    samples = found.samples
    assert (samples.axis.name, samples.axis.points) == ("temperature", (0.0, 1.0))
    assert (len(samples.item_ids), samples.num_prompts, len(samples)) == (3, 2, 12)
    assert samples.cell_scores[:, :, 0].tolist() == [[1.0, 1.0]] * 3
    assert samples.cell_scores[:, :, 1].tolist() == [[0.0, 0.0]] * 3
    lines = tmp_path / "output.jsonl"
    lines.write_text("\n".join(json.dumps(one) for one in promptfoo_output()["results"]["results"]))
    labelled = read_answers(lines).samples
    assert labelled.axis.settings == ({"provider": "at 0"}, {"provider": "at 1"}) and len(labelled) == 12


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"testCase": "x"}, "testCase is 'x'"),
        ({"prompt": 3}, "prompt is 3"),
    ],
)
def test_promptfoos_results_that_cannot_be_used(change: dict, said: str, tmp_path: Path) -> None:
    output = promptfoo_output()
    output["results"]["results"][1] |= change
    file = tmp_path / "output.json"
    file.write_text(json.dumps(output))
    with pytest.raises(InputError, match=f"output.json result 2: {said}"):
        read_answers(file)
    file.write_text(json.dumps({**output, "results": {"version": 3}}))
    with pytest.raises(InputError, match=r"output\.json: results is None; it must be"):
        read_answers(file)


def test_promptfoos_providers_that_are_asked_different_prompts(tmp_path: Path) -> None:
    output = promptfoo_output()
    for number, provider in enumerate(output["config"]["providers"]):
        provider["prompts"] = [f"prompt {number} about {{{{x}}}}"]
    asked = [one for one in output["results"]["results"] if one["promptIdx"] in (0, 3)]
    for one in asked:
        one["promptIdx"] //= 2  # promptfoo counts those that are asked
    output["results"]["results"] = asked
    file = tmp_path / "output.json"
    file.write_text(json.dumps(output))
    samples = read_answers(file).samples
    assert samples.axis.points == (0.0, 1.0)
    assert [sorted(set(samples.prompt[samples.setting == number].tolist())) for number in (0, 1)] == [
        [0],
        [1],
    ]


def inspect_log(temperature: float, right: str) -> dict:
    """An inspect_ai log (0.3): four items in two epochs, with one scorer."""
    return {
        "version": 2,
        "status": "success",
        "eval": {
            "eval_id": "e", "run_id": "r", "task": "capitals", "task_version": 0, "model": "openai/m", "model_args": {},
            "dataset": {"name": "d", "samples": 4}, "model_generate_config": {}, "config": {"epochs": 2},
        },
        "plan": {"name": "plan", "steps": [], "config": {"temperature": temperature, "max_tokens": 8}},
        "samples": [
            {
                "id": item, "epoch": epoch, "input": "q", "target": "Paris",
                "messages": [{"role": "user", "content": "q"}],
                "output": {"model": "m", "choices": [{"message": {"content": [{"type": "text", "text": "Paris"}],
                           "role": "assistant"}, "stop_reason": "stop"}]},
                "scores": {"match": {"value": right if item else "I", "answer": "Paris", "explanation": "x"}},
            }
            for item in range(4) for epoch in (1, 2)
        ],
    }  # fmt: skip


def test_inspect_logs_as_json_and_as_archives(tmp_path: Path) -> None:
    cold, hot = tmp_path / "cold.json", tmp_path / "hot.eval"
    cold.write_text(json.dumps(inspect_log(0.0, "C")))
    log = inspect_log(1.0, "P")
    with zipfile.ZipFile(hot, "w") as archive:
        for sample in log.pop("samples"):
            archive.writestr(f"samples/{sample['id']}_epoch_{sample['epoch']}.json", json.dumps(sample))
        archive.writestr("header.json", json.dumps(log))
    samples = read_answers([cold, hot]).samples
    assert (samples.axis.name, samples.axis.points) == ("temperature", (0.0, 1.0))
    assert len(samples.item_ids) == 4 and samples.cell_sizes.tolist() == [[[2, 2]]] * 4
    assert samples.cell_scores[:, 0].tolist() == [[0.0, 0.0], *[[1.0, 0.5]] * 3]
    log["samples"] = [
        {"id": 1, "output": {"choices": [{"message": {"content": "x"}}]}, "scores": {"m": {"value": "?"}}}
    ]
    hot.write_text("no zip")
    with pytest.raises(SourceError, match="inspect_ai log"):
        read_answers(hot)
    for value, said in (("?", "'\\?'"), ("nan", "'nan'"), (None, "None"), ([1], r"\[1\]")):
        log["samples"][0]["scores"]["m"]["value"] = value
        cold.write_text(json.dumps(log))
        with pytest.raises(InputError, match=f"the score is {said}"):
            read_answers(cold)
    log["plan"] = {"config": "hot"}
    cold.write_text(json.dumps(log))
    with pytest.raises(InputError, match="the plan's config is 'hot'; it must be a mapping"):
        read_answers(cold)


def lm_eval_line(doc: int, temperature: float | None, right: bool, filter_: str = "strict-match") -> dict:
    """A line of lm-eval's samples_gsm8k_….jsonl (0.4)."""
    kwargs = {"until": ["\n"], "do_sample": temperature is not None} | (
        {} if temperature is None else {"temperature": temperature}
    )
    return {
        "doc_id": doc, "doc": {"question": "q"}, "target": "4",
        "arguments": {"gen_args_0": {"arg_0": "q", "arg_1": kwargs}},
        "resps": [["it is 4"]], "filtered_resps": ["4"], "filter": filter_, "metrics": ["exact_match"],
        "doc_hash": "a", "prompt_hash": "b", "target_hash": "c", "exact_match": float(right),
    }  # fmt: skip


def test_lm_evals_samples(tmp_path: Path) -> None:
    for name, temperature in (("greedy", None), ("hot", 0.8)):
        lines = [lm_eval_line(doc, temperature, doc > 0) for doc in range(3)]
        lines += [lm_eval_line(doc, temperature, True, "flexible-extract") for doc in range(3)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    found = read_answers([tmp_path / "greedy.jsonl", tmp_path / "hot.jsonl"])
    assert found.samples.axis.points == (0.0, 0.8)
    assert found.samples.cell_scores[:, 0].tolist() == [[0.0, 0.0], [1.0, 1.0], [1.0, 1.0]]
    assert found.skipped == {"lm-eval's filter flexible-extract, beside strict-match": 6}
    likelihood = {
        **lm_eval_line(0, None, True),
        "arguments": {"gen_args_0": {"arg_0": "q", "arg_1": " A"}},
        "acc": 1.0,
    }
    for name in "ab":
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(likelihood))
    assert read_answers([tmp_path / "a.jsonl", tmp_path / "b.jsonl"]).samples.axis.settings == (
        {"file": "a"},
        {"file": "b"},
    )


def test_a_metric_that_some_samples_lack(tmp_path: Path) -> None:
    for line, said in (
        (
            {**lm_eval_line(1, 0.8, True), "metrics": ["f1"], "f1": 1.0, "exact_match": None},
            "exact_match is None",
        ),
        ({**lm_eval_line(1, 0.8, True), "exact_match": float("nan")}, "none of the metrics exact_match"),
    ):
        file = written(tmp_path, [lm_eval_line(0, 0.8, True), line])
        with pytest.raises(InputError, match=f"line 2: {said}"):
            read_answers(file)


def test_settings_that_are_words(tmp_path: Path) -> None:
    """Nothing is near to temperature 1 then, so the first one is what the other is compared with."""
    records = [
        {**GOOD, "item": str(item), "setting": {"temperature": word}}
        for item in range(3)
        for word in ("hot", "cold")
    ]
    samples = read_records(written(tmp_path, records))
    assert samples.axis.points == ({"temperature": "hot"}, {"temperature": "cold"})
    assert samples.axis.default == 0
    assert concluded(tmp_path / "records.jsonl")["items"] == 3


def test_a_choice_that_was_written_is_right_or_wrong(tmp_path: Path) -> None:
    (tmp_path / "task.jsonl").write_text(
        '{"prompt": "1+1?", "reference": "B", "choices": ["A", "B"]}\n'
        '{"prompt": "1?1=0", "reference": "-", "choices": ["+", "-"]}\n'
    )
    marker = Marker((task := load_task(tmp_path / "task.jsonl")).scorer, task.items)
    assert [marker.mark(0, text)[1] for text in (" B\n", "b.", "A", "")] == [1.0, 1.0, 0.0, 0.0]
    assert [marker.mark(1, text)[1] for text in (" -\n", "+", "")] == [1.0, 0.0, 0.0]


def test_an_openai_batch_is_scored_by_the_task(tmp_path: Path) -> None:
    (tmp_path / "task.jsonl").write_text(
        '{"prompt": "2+2?", "reference": "4"}\n{"prompt": "3+3?", "reference": "6"}\n'
    )
    requests, results = [], []
    for number, (question, temperature) in enumerate((q, t) for q in ("2+2?", "3+3?") for t in (0, 1)):
        body = {
            "model": "m",
            "messages": [{"role": "user", "content": question}],
            "temperature": temperature,
            "n": 2,
        }
        requests.append(
            {"custom_id": f"r{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
        )
        said = ["4", "four"] if question == "2+2?" else ["6", "6"]
        choices = [
            {"index": i, "message": {"role": "assistant", "content": text}} for i, text in enumerate(said)
        ]
        response = {"status_code": 200, "request_id": "x", "body": {"id": "c", "choices": choices}}
        results.append({"id": f"b{number}", "custom_id": f"r{number}", "response": response, "error": None})
    sent, came = written(tmp_path, requests).rename(tmp_path / "sent.jsonl"), written(tmp_path, results)
    task = load_task(tmp_path / "task.jsonl")
    found = read_answers([came, sent], task)
    assert found.is_scored and found.samples.axis.points == (0.0, 1.0)
    assert found.samples.item_ids == ("1", "2")
    assert found.samples.cell_scores[:, 0].tolist() == [[0.5, 0.5], [1.0, 1.0]]
    unscored = read_answers([sent, came])
    assert not unscored.is_scored and unscored.samples.texts == ("4", "four", "6")
    with pytest.raises(InputError, match="no scores; score them"):
        read_records([sent, came])
    with pytest.raises(InputError, match="an OpenAI batch is two files"):
        read_answers(came)
    with pytest.raises(InputError, match="is neither a question of the task task"):
        read_answers([came, sent], replace(task, items=task.items[:1]))
