"""The benchmarks' own arithmetic: ratios, turns, tables, and a run of one. No time is asserted anywhere."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from benchmarks import coverage, engines
from benchmarks.__main__ import main
from benchmarks.record import Record, Settings, markdown, record
from benchmarks.sampling_rows import lengthened
from benchmarks.timing import compared, in_turns


def test_a_ratio_is_taken_round_by_round() -> None:
    # Round 2 was slow for both: a ratio of medians would be 3, the median of ratios is 2.
    row = compared("case", {"ours": [1.0, 10.0, 2.0], "peer": [2.0, 20.0, 6.0]}, kept=3)
    assert (row.ratios["peer"].median, row.ratios["peer"].low, row.ratios["peer"].high) == (2.0, 2.0, 3.0)
    assert row.seconds == {"ours": 2.0, "peer": 6.0}
    assert row.details == {"kept": 3}
    assert list(row.ratios) == ["peer"]


def test_things_are_timed_in_turns_after_one_uncounted_call() -> None:
    called: list[str] = []
    now = iter(range(100))
    timed = {"a": lambda: called.append("a"), "b": lambda: called.append("b")}
    seconds = in_turns(timed, 2, clock=lambda: float(next(now)))
    assert "".join(called) == "ab" + "ab" + "ba"
    assert seconds == {"a": [1.0, 1.0], "b": [1.0, 1.0]}


def made_up() -> Record:
    row = compared("8 tokens", {"retort": [0.002], "peer": [0.003]}, kept=8.0)
    return record("trial", "One line.", "none", Settings(None, 1, 2, True), {"rows": 16}, [row])


def test_a_record_says_how_it_was_made() -> None:
    found = asdict(made_up())
    assert json.loads(json.dumps(found)) == json.loads(json.dumps(asdict(made_up())))
    assert found["versions"]["python"] and found["hardware"] and len(found["date"]) == len("2026-01-31")
    assert found["command"].startswith("python -m benchmarks")
    table = markdown(found)
    assert "| 8 tokens | 2 ms | 1.50 (1.50–1.50) | 8 |" in table
    assert "torch with 2 threads" in table


def test_a_quick_run_prints_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    main(["sampling", "--quick", "--json", "--threads", "1"])
    (found,) = json.loads(capsys.readouterr().out)
    assert found["name"] == "sampling"
    cases = {row["case"]: row for row in found["rows"]}
    listed = cases["real, 20,000, 2 rows, float32, τ, top-k, top-p"]
    assert 1 <= listed["details"]["tokens kept"] <= 50
    assert cases["all ties, 20,000, 2 rows, float32, τ"]["details"]["tokens kept"] == 20_000
    assert set(listed["ratios"]) >= {"torch.softmax", "transformers"}
    assert {"first call of a process", "peaked, 20,000, 2 rows, float32, τ"} <= set(cases)
    assert cases["real, 20,000, 1 row, bfloat16, τ, top-p"]["ratios"].keys() == {"torch.softmax"}


def test_long_rows_keep_the_head_of_the_short_ones() -> None:
    short = np.random.default_rng(0).normal(0, 3, (2, 500)).astype(np.float32)
    long = lengthened(short, 4000)
    for row, given in zip(long, short, strict=True):
        assert np.isin(given, row).all()
        tail = np.exp(row.astype(float)).sum() - np.exp(given.astype(float)).sum()
        half = np.exp(np.sort(given.astype(float))[:250]).sum()
        assert 0.5 < tail / half < 2


def test_generation_is_timed_with_the_tokens_it_drew(capsys: pytest.CaptureFixture[str]) -> None:
    main(["generate", "--quick", "--json", "--threads", "1"])
    (found,) = json.loads(capsys.readouterr().out)
    assert [row["case"].rpartition(", ")[2] for row in found["rows"]] == ["1 texts", "3 texts"]
    for row in found["rows"]:
        count = int(row["case"].rpartition(", ")[2].split()[0])
        tokens = count * found["settings"]["max_tokens"]
        assert row["details"]["tokens/s"] == pytest.approx(tokens / row["seconds"]["retort"])
        assert set(row["ratios"]) == {"transformers", "in transformers", "forward alone"}


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["pathh"])
    assert (
        "there are startup, sampling, generate, speculative, path, tune, distill" in capsys.readouterr().err
    )


def test_a_page_of_a_large_vocabulary_is_packed_and_timed_without_a_studio() -> None:
    from benchmarks.lens import _row

    row = _row("a case", [0.001, 0.002, 0.009], data=2500)
    assert row.seconds == {"retort": 0.002} and row.details["kilobytes"] == 2.5
    assert row.details["worst ms"] == pytest.approx(9.0) and row.details["wait ms"] == pytest.approx(2.0)


def test_a_quick_run_of_tune_has_its_cases(capsys: pytest.CaptureFixture[str]) -> None:
    main(["tune", "--quick", "--json", "--threads", "1"])
    (document,) = json.loads(capsys.readouterr().out)
    cases = [row["case"].split(":")[0] for row in document["rows"]]
    # Short and long twice: beside batches of transformers, and beside one call for each text.
    assert cases == [*(["short answers"] * 2), *(["long answers"] * 2), "whole job", "from a recording"]
    assert 0 < document["rows"][0]["details"]["passes, share"] <= 1
    assert "whole job" in markdown(document)


def test_vllm_without_its_model_folder_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "smollm2_file", lambda: "smollm2.gguf")
    monkeypatch.setenv("RETORT_BENCH_VLLM", "python")
    monkeypatch.delenv("RETORT_BENCH_FOLDER", raising=False)
    with pytest.raises(SystemExit, match="RETORT_BENCH_FOLDER must name the folder"):
        engines._servers(1)
    monkeypatch.setenv("RETORT_BENCH_FOLDER", "smollm2")
    assert "smollm2" in engines._servers(1)["vLLM"]


def test_one_promise_is_simulated_alone_with_what_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[object] = []

    def looked_at(promise: coverage.Promise, *numbers: int) -> tuple[dict[str, float], str]:
        asked.extend((promise.name.split(",")[0], *numbers))
        return {"worst": 0.95}, "n = 10"

    monkeypatch.setattr(coverage, "looked_at", looked_at)
    line = ["coverage", "all pairs cover", "--tasks", "200", "--places", "12", "--resamples", "500"]
    monkeypatch.setattr("sys.argv", line)
    coverage.main()
    again = next(one.again for one in coverage.PROMISES if one.name.startswith("all pairs cover"))
    assert asked == ["all pairs cover", 200, again, 500, 12]
    assert json.loads(capsys.readouterr().out) == {"worst": 0.95, "worst again": "n = 10"}
