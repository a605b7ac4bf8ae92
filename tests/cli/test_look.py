"""`retort look`: its numbers, a chain, and what the table says."""

from __future__ import annotations

import math

import pytest

# By hand: probabilities of blue, cloudy, clear, dark, green, cheese; entropy (nats); e^H.
TABLE = {
    0.1: (
        "1.00000",
        "7.09547e-23",
        "2.93748e-30",
        "8.19401e-40",
        "1.28063e-57",
        "1.3839e-87",
        0.00000,
        1.0000,
    ),
    1: ("0.992717", "0.00605235", "0.00110566", "0.000122511", "2.03034e-06", "2.04614e-09", 0.04682, 1.0479),
    2: ("0.889648", "0.0694652", "0.0296905", "0.0098831", "0.0012723", "4.039e-05", 0.44822, 1.5655),
    3: ("0.740689", "0.135312", "0.0767777", "0.0368767", "0.00940193", "0.000942626", 0.86220, 2.3684),
    4: ("0.620321", "0.173337", "0.113322", "0.0653814", "0.0234586", "0.00417969", 1.13600, 3.1143),
}


def test_the_worked_example_to_six_significant_digits(run_json, sky) -> None:
    document = run_json("look", sky, "The sky is", "--temperature", "0.1,1,2,3,4")
    assert (document["model"], document["prompt"]) == (sky, "The sky is")
    assert (document["vocabulary"], document["known"]) == (6, "full")
    assert document["margin"] == pytest.approx(5.1, rel=1e-12)
    assert [row["temperature"] for row in document["rows"]] == list(TABLE)
    for row in document["rows"]:
        *probs, entropy, support = TABLE[row["temperature"]]
        assert [token["token"] for token in row["top"]] == [
            "blue",
            "cloudy",
            "clear",
            "dark",
            "green",
            "cheese",
        ]
        assert [token["id"] for token in row["top"]] == list(range(6))
        assert [f"{token['prob']:.6g}" for token in row["top"]] == [f"{float(prob):.6g}" for prob in probs]
        assert [token["logit"] for token in row["top"]] == [15.2, 10.1, 8.4, 6.2, 2.1, -4.8]
        assert round(row["entropy_nats"], 5) == entropy
        assert round(row["effective_support"], 4) == support
        assert all(
            token["logprob"] == pytest.approx(math.log(token["prob"]), abs=1e-12) for token in row["top"]
        )


def test_against_another_prompt_and_another_model(run, run_json, sky) -> None:
    plain = run_json("look", "embedded:english", "the sky is", "--temperature", "1")
    document = run_json(
        "look", "embedded:english", "the sky is", "--against-prompt", "once in a", "--temperature", "1"
    )
    assert {key: document[key] for key in plain} == plain
    assert document["other"] == run_json("look", "embedded:english", "once in a", "--temperature", "1")
    assert 0 < document["against"]["total_variation"] < 1
    same = run_json("look", sky, "x", "--against", sky)["against"]
    assert (same["kl_ab"], same["kl_ba"], same["total_variation"]) == (0, 0, 0)
    assert same["equivalent_temperature"] == pytest.approx(1)
    assert "B is nearest to A at τ = 1," in run("look", sky, "x", "--against", sky).stdout
    refused = run("look", sky, "x", "--against", "embedded:english")
    assert refused.exit_code == 2 and "have different tokens" in refused.stderr
    assert run("look", sky, "x", "--against", sky, "--fail-if", "jsd > 0.1").exit_code == 0


def test_zero_temperature_is_greedy_and_its_impossible_logprobs_are_null(run_json, sky) -> None:
    (row,) = run_json("look", sky, "x", "--temperature", "0")["rows"]
    assert [token["prob"] for token in row["top"]] == [1, 0, 0, 0, 0, 0]
    assert [token["logprob"] for token in row["top"]] == [0, None, None, None, None, None]


def test_a_chain_tells_its_stages_and_its_conflicts(run_json, sky) -> None:
    chain = run_json("look", sky, "x", "--chain", "temp=2 | top-k=5 | top_p=0.3")["chain"]
    assert chain["spec"] == "temperature=2 | top_k=5 | top_p=0.3"
    assert [(stage["stage"], stage["kept"], stage["removed"]) for stage in chain["stages"]] == [
        ("temperature=2", 6, 0),
        ("top_k=5", 5, 1),
        ("top_p=0.3", 1, 4),
    ]
    assert chain["stages"][1]["kept_mass"] == pytest.approx(1 - 4.039e-05, abs=1e-8)
    assert chain["stages"][2]["kept_mass"] == pytest.approx(0.889648 / (1 - 4.039e-05), rel=1e-5)
    assert chain["kept"] == 1
    assert chain["warnings"]
    assert (chain["entropy_nats"], [token["prob"] for token in chain["top"]]) == (0, [1])


def test_top_limits_what_is_listed_and_more_than_there_is_is_all(run_json, sky) -> None:
    assert len(run_json("look", sky, "x", "--top", "2")["rows"][0]["top"]) == 2
    assert len(run_json("look", sky, "x", "--top", "99")["rows"][0]["top"]) == 6


def test_the_trigram_model_says_blue_first(run_json) -> None:
    document = run_json("look", "embedded:english", "the sky is", "--temperature", "1")
    tokens = [token["token"].strip() for token in document["rows"][0]["top"]]
    assert (tokens[0], tokens[2]) == ("blue", "falling")
    assert document["vocabulary"] == 72_547
    assert "two words back" in document["note"]


def test_the_table_says_which_distribution_each_number_is_of(run, sky) -> None:
    result = run("look", sky, "x", "--temperature", "0,1,2", "--chain", "top_k=2")
    assert (result.exit_code, result.stderr) == (0, "")
    for said in (
        "τ = 0, greedy",
        "τ = 1, raw",
        "τ = 2, tempered",
        "entropy, nats",
        "Processed",
        "'cheese'",
        "█",
    ):
        assert said in result.stdout
    assert "the prompt has no effect" in result.stdout


def test_the_chain_that_was_asked_for_comes_before_the_temperatures(run, sky) -> None:
    shown = run("look", sky, "x", "--chain", "temperature=2 | top_k=2").stdout
    places = [
        shown.index(said) for said in ("Chain: temperature=2", "Processed", "Without the chain", "τ = 0.1")
    ]
    assert places == sorted(places)
    assert "Without the chain" not in run("look", sky, "x").stdout


def test_many_temperatures_are_shown_in_several_tables(run, sky) -> None:
    shown = run("look", sky, "x", "--temperature", "0.5:2:16").stdout
    assert shown.count("'blue'") > 1
    assert all(f"τ = {temperature:g}," in shown for temperature in (0.5, 0.6, 1.9, 2))
