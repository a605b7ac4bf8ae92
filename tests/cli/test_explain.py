"""`retort explain`: its JSON, its table, and one line for every mistake."""

from __future__ import annotations

import math

import pytest


def test_json_has_each_engine_and_each_pair(run_json, sky) -> None:
    document = run_json(
        "explain", sky, "The sky is", "--settings", "temperature=3,top_p=0.9", "--engine", "vllm", "--engine", "mlx-lm"
    )  # fmt: skip
    assert document["settings"] == {"temperature": 3, "top_p": 0.9}
    vllm, mlx = document["engines"]
    assert (vllm["engine"], vllm["spec"]) == ("vllm", "temperature=3 | top_p=0.9")
    assert (mlx["engine"], mlx["spec"]) == ("mlx-lm", "top_p(0.9, ties=all) | temperature=3")
    # At τ = 3: 0.7407, 0.1353, 0.0768: three are needed. At τ = 1 the first alone has 0.9927.
    assert (vllm["kept"], vllm["ids"]) == (3, [0, 1, 2])
    assert (mlx["kept"], mlx["ids"], mlx["entropy_nats"]) == (1, [0], 0)
    probs = [0.740689, 0.135312, 0.0767777]
    shares = [prob / sum(probs) for prob in probs]
    assert vllm["entropy_nats"] == pytest.approx(-sum(p * math.log(p) for p in shares), rel=1e-5)
    (pair,) = document["total_variation"]
    assert pair["engines"] == ["vllm", "mlx-lm"]
    assert pair["total_variation"] == pytest.approx(1 - shares[0], rel=1e-5)


def test_without_engine_all_stand_side_by_side(run_json, sky) -> None:
    document = run_json("explain", sky, "x", "--settings", '{"temp": 0.5, "top-k": 2}')
    names = [reading["engine"] for reading in document["engines"]]
    assert names == ["transformers", "vllm", "sglang", "llama.cpp", "mlx-lm", "ollama"]
    assert len(document["total_variation"]) == 15


def test_the_table_says_stages_removed_tokens_warnings_and_pairs(run, sky) -> None:
    result = run(
        "explain", sky, "x", "--settings", "temperature=2,top_k=3,top_p=0.3,typical_p=0.9", "--engine", "vllm"
    )
    assert result.exit_code == 0
    assert "temperature=2 | top_k=3 | top_p=0.3" in result.stdout
    assert "6, 3, 1" in result.stdout
    assert "Does not apply typical_p: vllm" in result.stdout
    assert "'dark' 'green' 'cheese'" in result.stdout
    assert "Warning: one token is left" in result.stdout
    assert "Probability moved: the share of a stage's input" in result.stdout
    both = run("explain", sky, "x", "--settings", "top_k=3", "--engine", "vllm", "--engine", "retort").stdout
    assert "all 2 engines sample from the same distribution" in both


def test_two_distributions_are_two_columns_and_a_sentence(run, sky) -> None:
    shown = " ".join(run("explain", sky, "x", "--settings", "temperature=3,top_p=0.9").stdout.split())
    assert "6 engines sample from 2 different distributions" in shown
    # vLLM, SGLang, ollama and transformers temper first and keep 3 tokens; llama.cpp and mlx-lm keep 1.
    for row in ("A transformers", "A vllm", "A sglang", "B llama.cpp", "B mlx-lm", "A ollama"):
        assert row in shown
    share = 0.740689 / (0.740689 + 0.135312 + 0.0767777)
    assert f"{100 * (1 - share):.2f}% of the draws would differ between A and B" in shown
    assert "Tokens that only A can give: 2; only B: 0." in shown
    assert "Warning (B): one token is left" in shown
    assert shown.count("one token is left") == 1
    assert "most likely removed" not in shown


def test_defaults(run_json, sky) -> None:
    document = run_json("explain", sky, "x", "--engine", "llama.cpp", "--defaults")
    assert document["engines"][0]["spec"] == "top_k=40 | top_p=0.95 | min_p=0.05 | temperature=0.8"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--settings", "temperature"], "a setting is written name=value"),
        (["--settings", "heat=1"], "unknown sampling setting 'heat'"),
        (["--settings", "top_p=2"], "top_p must be"),
        (["--settings", "chain=top_k=2"], "a chain has its own order"),
        (["--engine", "vlm"], "unknown engine 'vlm' (did you mean vllm?)"),
        (["--engine", "vllm", "--engine", "vllm"], "each once"),
        (["--top", "0"], "--top"),
    ],
)
def test_mistakes_are_one_line(run, sky, arguments: list[str], words: str) -> None:
    result = run("explain", sky, "x", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
