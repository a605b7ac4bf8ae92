"""`retort sample` and `retort path`: fields, seeds, and that each leaf of a path is what sample gives."""

from __future__ import annotations

import json

import pytest

SENTENCE = ("embedded:english", "the sky is")


def test_the_fields_of_a_sample(run_json) -> None:
    document = run_json(
        "sample", *SENTENCE, "--samples", "2", "--temperature", "0.8", "--top-k", "20", "--seed", "3"
    )
    assert (document["model"], document["prompt"], document["seed"]) == (*SENTENCE, 3)
    assert document["chain"] == "temperature=0.8 | top_k=20"
    assert len(document["samples"]) == 2
    for sample in document["samples"]:
        assert set(sample) == {"text", "ids", "finish_reason", "tokens"}
        assert [token["id"] for token in sample["tokens"]] == sample["ids"]
        for token in sample["tokens"]:
            assert set(token) == {
                "id",
                "token",
                "logprob_raw",
                "logprob_processed",
                "kept_mass",
                "entropy_nats",
                "near_tie",
            }
            assert 0 < token["kept_mass"] <= 1
            assert token["logprob_processed"] <= 0


def test_the_same_seed_gives_the_same_text_whatever_n_is(run_json) -> None:
    many = run_json("sample", *SENTENCE, "--samples", "4", "--seed", "10")["samples"]
    for offset in range(4):
        (alone,) = run_json("sample", *SENTENCE, "--samples", "1", "--seed", str(10 + offset))["samples"]
        assert alone == many[offset]
    assert len({sample["text"] for sample in many}) > 1


def test_a_stream_prints_the_texts_as_they_are(run, run_json) -> None:
    arguments = (*SENTENCE, "--samples", "2", "--seed", "10", "--max-tokens", "9")
    printed = run("sample", *arguments, "--stream").stdout.splitlines()
    for number, sample in enumerate(run_json("sample", *arguments)["samples"]):
        place = printed.index(f"seed {10 + number}")
        assert printed[place + 1] == sample["text"]
        assert printed[place + 2].startswith(f"{len(sample['ids'])} token")


def test_a_stream_keeps_line_breaks_and_escapes_what_moves_the_terminal(run, tmp_path) -> None:
    model = tmp_path / "signs.json"
    model.write_text(json.dumps({"tokens": ["a\n", "\x1b[31m"], "logits": [0, 0]}))
    printed = run("sample", f"logits:{model}", "x", "--samples", "1", "--stream", "--max-tokens", "12").stdout
    assert "a\n" in printed and "\\x1b[31m" in printed and "\x1b" not in printed


def test_a_stop_string_is_kept_if_asked_for(run, run_json) -> None:
    arguments = (*SENTENCE, "--samples", "1", "--seed", "10", "--max-tokens", "9")
    free = run_json("sample", *arguments)["samples"][0]["text"]
    stop = free.split()[2]
    before = free.split(stop)[0]
    cut, kept = (run_json("sample", *arguments, "--stop", stop, *more)["samples"][0]["text"]
                 for more in ((), ("--include-stop",)))  # fmt: skip
    assert (cut, kept) == (before, before + stop)
    assert (
        run("sample", *arguments, "--stop", stop, "--stream", "--include-stop").stdout.splitlines()[-2]
        == kept
    )


def test_generate_is_sample(run) -> None:
    arguments = (*SENTENCE, "--samples", "1", "--json")
    assert run("generate", *arguments).stdout == run("sample", *arguments).stdout


def test_off_values_of_other_engines_are_off(run_json, sky) -> None:
    plain = run_json("sample", sky, "x", "--max-tokens", "4")
    off = run_json("sample", sky, "x", "--max-tokens", "4", "--top-k", "0", "--top-p", "1", "--min-p", "0")
    assert off["chain"] == plain["chain"]
    assert off["samples"] == plain["samples"]


def test_zero_temperature_is_greedy(run_json, sky) -> None:
    for sample in run_json("sample", sky, "x", "--temperature", "0", "--max-tokens", "3")["samples"]:
        assert sample["text"] == "blue blue blue"
        assert sample["finish_reason"] == "length"


def test_the_order_of_a_chain_is_kept(run_json, sky) -> None:
    document = run_json("sample", sky, "x", "--chain", "top_p=0.9 | temperature=4", "--max-tokens", "1")
    assert document["chain"] == "top_p=0.9 | temperature=4"
    # 0.9 of the untempered mass is blue alone, so nothing is left to the temperature.
    assert {sample["text"] for sample in document["samples"]} == {"blue"}


def test_a_leaf_is_what_sample_gives_at_any_temperature_of_its_interval(run_json) -> None:
    arguments = ("--seed", "7", "--max-tokens", "4", "--top-p", "0.9")
    document = run_json("path", *SENTENCE, *arguments, "--temperature", "0:2:5")
    assert (document["seed"], document["chain"], document["exact"]) == (7, "top_p=0.9", True)
    leaves = document["leaves"]
    assert len(leaves) > 2
    assert leaves[0]["temperature_low"] == 0
    assert leaves[-1]["temperature_high"] == 2
    for leaf in leaves:
        low, high = leaf["temperature_low"], leaf["temperature_high"]
        for temperature in (low, (low + high) / 2, high):
            again = run_json(
                "sample", *SENTENCE, *arguments, "--samples", "1", "--temperature", repr(temperature)
            )
            assert again["samples"][0]["ids"] == leaf["ids"], temperature
            assert again["samples"][0]["text"] == leaf["text"]
    edges = [edge for leaf in leaves for edge in (leaf["temperature_low"], leaf["temperature_high"])]
    assert edges == sorted(edges)
    assert 0 < document["forward_passes"] < document["independent_passes"]


def test_the_tables_say_what_their_numbers_are(run) -> None:
    sampled = run("sample", *SENTENCE, "--samples", "2", "--max-tokens", "3")
    assert (sampled.exit_code, sampled.stderr) == (0, "")
    for said in ("seed 0", "seed 1", "raw", "processed", "near tie", "two words back", "temperature=1"):
        assert said in sampled.stdout
    path = run("path", *SENTENCE, "--max-tokens", "3", "--temperature", "0:1:5")
    assert (path.exit_code, path.stderr) == (0, "")
    for said in ("τ from", "0.0000", "1.0000", "blue", "forward passes", "times fewer", "exact"):
        assert said in path.stdout


def test_a_text_with_line_breaks_stays_on_one_line(run, tmp_path) -> None:
    model = tmp_path / "break.json"
    model.write_text('{"tokens": ["a\\n[b]\\u001b"], "logits": [0]}')
    shown = run("sample", f"logits:{model}", "x", "--samples", "1", "--max-tokens", "2").stdout
    assert "a\\n[b]\\x1ba\\n[b]\\x1b" in shown


@pytest.mark.parametrize("command", ["sample", "path"])
def test_a_long_seed_is_allowed_and_one_beyond_is_not(run, sky, command: str) -> None:
    one = ("--samples", "1") if command == "sample" else ()  # each further text takes the next seed
    assert run(command, sky, "x", "--seed", str(2**64 - 1), "--max-tokens", "1", *one).exit_code == 0
    assert run(command, sky, "x", "--seed", str(2**64), "--max-tokens", "1").exit_code == 2


def test_stop_ends_the_text_of_sample_and_path(run_json) -> None:
    settings = ("--seed", "2", "--max-tokens", "8", "--stop", " think")
    (leaf,) = run_json("path", *SENTENCE, "--temperature", "0.5", *settings)["leaves"]
    (drawn,) = run_json("sample", *SENTENCE, "--temperature", "0.5", "--samples", "1", *settings)["samples"]
    assert leaf["text"] == drawn["text"] == "the first time i"
    assert leaf["finish_reason"] == drawn["finish_reason"] == "stop"


def test_several_temperatures_are_for_path(run, sky) -> None:
    for several in ("0.2,1", "0:2:5"):
        result = run("sample", sky, "x", "-t", several)
        assert result.exit_code == 2
        assert f"texts are drawn at one temperature, got {several}; `retort path` shows" in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
    assert (
        run("sample", sky, "x", "-n", "1", "--max-tokens", "1", "-t", "1,1.0").exit_code == 0
    )  # one, said twice
