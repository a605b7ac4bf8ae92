"""`--settings`, `--engine` and `--defaults` of `retort sample`."""

from __future__ import annotations

import pytest


def test_settings_in_any_engines_names_reach_the_chain(run_json, sky) -> None:
    document = run_json(
        "sample", sky, "x", "--settings", "temp=2,typ_p=0.9,dry_multiplier=0.8", "--samples", "1"
    )
    assert document["chain"] == (
        "dry(multiplier=0.8, base=1.75, allowed_length=2, last_n=-1) | temperature=2 | typical_p=0.9"
    )


def test_options_and_settings_together(run_json, sky) -> None:
    document = run_json(
        "sample", sky, "x", "--temperature", "2", "--settings", '{"top-k": 3, "seed": 5, "max_new_tokens": 2}'
    )  # fmt: skip
    assert (document["chain"], document["seed"]) == ("temperature=2 | top_k=3", 5)
    assert all(len(sample["ids"]) <= 2 for sample in document["samples"])
    chained = run_json("sample", sky, "x", "--settings", "chain=top_k=2 | temperature=3,n_predict=1")
    assert chained["chain"] == "top_k=2 | temperature=3"


def test_an_engines_order_and_defaults(run_json, sky) -> None:
    in_order = run_json("sample", sky, "x", "--temperature", "2", "--top-k", "3", "--engine", "llama.cpp")
    assert in_order["chain"] == "top_k=3 | temperature=2"
    filled = run_json("sample", sky, "x", "--top-k", "0", "--engine", "llama.cpp", "--defaults")
    assert filled["chain"] == "top_p=0.95 | min_p=0.05 | temperature=0.8"


def test_penalties_look_at_what_was_drawn(run_json, sky) -> None:
    document = run_json(
        "sample", sky, "x", "--settings", "repetition_penalty=1.5,max_tokens=3", "--samples", "1"
    )
    assert document["chain"] == "repetition_penalty=1.5 | temperature=1"
    assert len(document["samples"][0]["ids"]) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--top-k", "3", "--settings", "top_k=4"], "--top-k and --settings both say top_k; give it once"),
        (["--seed", "3", "--settings", "seed=4"], "--seed and --settings both say seed"),
        (["--chain", "top_k=3", "--settings", "top_p=0.5"], "also top_p"),
        (["--chain", "top_k=3", "--engine", "vllm"], "cannot be combined with --engine"),
        (["--settings", "chain=top_k=3", "--engine", "vllm"], "cannot be combined with --engine"),
        (["--defaults"], "name the engine with --engine"),
        (["--settings", "typical_p=0.5", "--engine", "vllm"], "vllm does not apply typical_p here"),
        (["--engine", "kobold"], "unknown engine 'kobold'"),
        (["--settings", "num_beams=4"], "retort has no num_beams"),
    ],
)
def test_mistakes_are_one_line(run, sky, arguments: list[str], words: str) -> None:
    result = run("sample", sky, "x", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
