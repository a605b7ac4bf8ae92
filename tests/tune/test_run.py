"""The sweep end to end, on a source whose right answer at every temperature is known by formula."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from tests.tune.knowing_source import KnowingSource, sweep

from retort.chain import Chain
from retort.errors import InputError
from retort.sampling import SamplingParams, generate
from retort.tune import plan as plan_module
from retort.tune.plan import COARSE, check_temperatures, make_plan, refined, request_seed
from retort.tune.run import run
from retort.tune.score import make_scorer
from retort.tune.task import Item, Task

GRID = (0.0, 0.5, 1.0, 1.5)
EXPLOIT_KNOWN = {f"asked{number}": [f"right{number}"] for number in range(40)}
EXPLORE_KNOWN = {f"kind{number}": [f"member{number}.{m}" for m in range(8)] for number in range(30)}


def task_of(
    known: dict[str, list[str]], goal: str, scorer: str, prompts: tuple[str, ...] = ("a {word}",)
) -> Task:
    items = tuple(Item(word, {"word": word}, tuple(answers)) for word, answers in known.items())
    return Task(goal, goal, "", prompts, 4, ("\n",), make_scorer(scorer, ("\n",), ""), items)


@pytest.fixture(scope="module")
def exploit_task() -> Task:
    return task_of(EXPLOIT_KNOWN, "exploit", "references")


@pytest.fixture(scope="module")
def exploit(exploit_task: Task):
    return run(exploit_task, KnowingSource(EXPLOIT_KNOWN), GRID, 8, seed=3)


def test_scores_are_what_the_softmax_says(exploit) -> None:
    """320 samples a setting: within 4 standard errors of the formula."""
    source = KnowingSource(EXPLOIT_KNOWN)
    others = source.vocab_size - 2  # neither the right word nor the end
    for setting in exploit.settings:
        temperature = setting.temperature
        chance = 1.0 if temperature == 0 else 1 / (1 + others * math.exp(-source.lead / temperature))
        error = math.sqrt(chance * (1 - chance) / setting.samples)
        assert setting.score == pytest.approx(chance, abs=4 * error + 1e-12)
        assert setting.samples == 40 * 8
        assert setting.score_ci[0] <= setting.score <= setting.score_ci[1]


def test_exploit_is_told_to_stay_low(exploit) -> None:
    found = exploit.recommendation
    assert found.detectable
    assert (found.setting, found.reference) == (0.0, 1.0)
    assert found.difference_ci[0] > 0
    assert exploit.settings[0].agreement == 1.0
    assert exploit.settings[0].distinct == 1 / 8
    assert exploit.settings[-1].agreement < 0.2


def test_explore_is_told_to_go_up() -> None:
    source = KnowingSource(EXPLORE_KNOWN, lead=8.0)
    # One member of each kind is ahead of the others, so that low temperatures repeat it.
    task = task_of(EXPLORE_KNOWN, "explore", "distinct_valid")
    start = source.start

    def leaning(prompts):
        decoder = start(prompts)
        for row, (asked, _) in enumerate(decoder._rows):
            decoder.logits[row, source.known[asked][0]] += 2.0
        return decoder

    source.start = leaning
    found = run(task, source, GRID, 10, seed=1)
    assert [setting.score for setting in found.settings[:1]] == [1.0]
    assert found.recommendation.detectable
    assert found.recommendation.setting >= 0.5
    assert found.settings[2].score > 3
    assert found.to_dict()["score"] == "distinct valid answers per item"


def test_a_model_that_temperature_cannot_move_gets_no_difference(exploit_task: Task) -> None:
    """All logits equal: every temperature above 0 draws the same token."""
    found = run(exploit_task, KnowingSource(EXPLOIT_KNOWN, lead=0.0), (0.3, 0.6, 1.0, 2.0), 8)
    assert not found.recommendation.detectable
    assert found.recommendation.region == (0.3, 2.0)
    assert found.recommendation.difference == 0.0


def test_every_answer_is_what_generate_gives_with_the_same_seed(exploit_task: Task) -> None:
    source = KnowingSource(EXPLOIT_KNOWN)
    task = replace(exploit_task, items=exploit_task.items[:3], prompts=("a {word}", "the {word}"))
    plan = make_plan(replace(task), GRID, 2, 9)
    rows = sweep(plan, source)
    columns = {name: [value for piece in rows for value in piece.columns[name]] for name in rows[0].columns}
    assert len(columns["text"]) == 3 * 2 * 2 * len(GRID)
    for number in range(len(columns["text"])):
        row = {name: values[number] for name, values in columns.items()}
        item = task.items[row["item"]]
        seed = request_seed(9, item.id, row["repeat"])
        params = SamplingParams(GRID[row["setting"]], seed=seed, max_tokens=4)
        text = generate(source, task.prompt(item, row["prompt"]), params)[0]
        assert (row["answer"], row["seed"]) == (task.scorer.key(text.text), seed)
        assert row["tokens"] == list(text.ids)
        assert row["logprob_raw"] == pytest.approx(sum(token.logprob_raw for token in text.tokens))


def test_a_chain_is_applied(exploit_task: Task) -> None:
    found = run(
        exploit_task, KnowingSource(EXPLOIT_KNOWN), GRID, 2, chain=Chain.parse("top_k=1"), limit_items=20
    )
    assert {setting.score for setting in found.settings} == {1.0}
    assert "top_k=1" in found.chain
    assert found.items == 20


def test_chains_are_compared_at_their_own_temperatures_or_at_all(exploit_task: Task) -> None:
    chains = [Chain("temperature=1"), Chain("temperature=1 | top_k=1"), Chain("temperature=2")]
    source = KnowingSource(EXPLOIT_KNOWN)
    found = run(exploit_task, source, (), 4, chains=chains)
    assert found.axis is None
    assert [one.setting["chain"] for one in found.settings] == list(map(str, chains))
    plain = run(exploit_task, source, (1.0, 2.0), 4)
    assert [one.score for one in found.settings] == [plain.settings[0].score, 1.0, plain.settings[1].score]
    assert found.recommendation.setting == found.settings[1].setting
    everywhere = run(exploit_task, source, (0.5, 2.0), 4, chains=chains[:2])
    assert [one.setting["temperature"] for one in everywhere.settings] == [0.5, 2.0, 0.5, 2.0]
    with pytest.raises(InputError, match="not both"):
        run(exploit_task, source, (1.0,), 4, chains=chains, chain=chains[0])


def test_auto_is_fine_where_it_matters(exploit_task: Task) -> None:
    source = KnowingSource(EXPLOIT_KNOWN)
    with pytest.raises(InputError, match="auto searches the temperatures of one chain, got 2"):
        run(exploit_task, source, "auto", 4, chains=[Chain("top_k=2"), Chain("top_k=3")])
    # The coarse grid is drawn through the chain as well: one token alone leaves nothing to look for.
    only = run(exploit_task, source, "auto", 4, chains=[Chain("top_k=1")])
    assert not only.recommendation.detectable and only.chain == "top_k=1"
    found = run(exploit_task, source, "auto", 4)
    tried = [setting.temperature for setting in found.settings]
    coarse = run(exploit_task, source, COARSE, 4)
    assert tried == list(refined(COARSE, coarse.recommendation.region))
    same = {one.temperature: one.score for one in found.settings}
    assert all(same[one.temperature] == one.score for one in coarse.settings)
    assert refined(COARSE, (0.0, 0.25))[:4] == (0.0, 0.05, 0.1, 0.15)
    assert refined(COARSE, (0.0, 0.25))[-7:] == (0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
    assert len(refined(COARSE, (2.0, 2.0))) == 7 + 6


def test_the_json_has_the_names_of_the_issue(exploit) -> None:
    record = json.loads(json.dumps(exploit.to_dict(), allow_nan=False))
    assert {
        "task",
        "model",
        "goal",
        "settings",
        "recommendation",
        "forward_passes",
        "independent_passes",
    } <= set(record)
    for setting in record["settings"]:
        assert {"temperature", "score", "score_ci", "distinct", "agreement", "samples"} <= set(setting)
        assert setting["setting"] == {"temperature": setting["temperature"]}
    assert {"setting", "reason", "detectable", "difference", "difference_ci", "region"} <= set(
        record["recommendation"]
    )
    assert [setting["temperature"] for setting in record["settings"]] == list(GRID)


def test_passes_are_counted_and_shared(exploit_task: Task) -> None:
    source = KnowingSource(EXPLOIT_KNOWN)
    found = run(exploit_task, source, GRID, 8, seed=3)
    assert found.forward_passes == source.rows
    # A right answer is one word and the end; every temperature by itself would take both for every sample.
    assert found.independent_passes == 2 * 8 * 40 * len(GRID)
    assert found.forward_passes < 0.5 * found.independent_passes


def test_batches_and_left_out_items_change_no_answer(
    exploit_task: Task, exploit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_module, "REQUESTS_AT_ONCE", 7)
    calls: list[tuple[int, int, str]] = []
    found = run(
        exploit_task,
        KnowingSource(EXPLOIT_KNOWN),
        reversed(GRID),
        8,
        seed=3,
        limit_items=25,
        on_progress=lambda done, total, detail: calls.append((done, total, detail)),
    )
    np.testing.assert_array_equal(found.item_scores, exploit.item_scores[:25])
    settings = len(GRID)
    assert [done for done, _, _ in calls] == [settings * paths for paths in range(1, 201)]
    assert {total for _, total, _ in calls} == {200 * settings}


def test_items_have_their_own_noise() -> None:
    seeds = {
        request_seed(seed, item, repeat)
        for seed in (0, 1)
        for item in ("a", "b", "0/a")
        for repeat in (0, 1, 10)
    }
    assert len(seeds) == 18
    assert all(0 <= seed < 2**63 for seed in seeds)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"temperatures": [1.0]}, "at least two different"),
        ({"temperatures": [1.0, 1.0]}, "at least two different"),
        ({"temperatures": [0.0, -1.0]}, "of 0"),
        ({"temperatures": [0.0, math.nan]}, "finite"),
        ({"samples": 0}, "of 1 or more"),
        ({"samples": 2.0}, "of 1 or more"),
        ({"limit_items": 0}, "of 1 or more"),
        ({"seed": -1}, "seed"),
    ],
)
def test_arguments_that_do_not_fit(exploit_task: Task, change: dict, said: str) -> None:
    arguments = {"temperatures": GRID, "samples": 2, **change}
    with pytest.raises(InputError, match=said):
        run(exploit_task, KnowingSource(EXPLOIT_KNOWN), **arguments)


def test_one_sample_is_enough_for_exploit_and_not_for_explore(exploit_task: Task) -> None:
    found = run(exploit_task, KnowingSource(EXPLOIT_KNOWN), GRID, 1, limit_items=6)
    assert [setting.agreement for setting in found.settings] == [None] * 4
    with pytest.raises(InputError, match="of 2 or more"):
        run(task_of(EXPLORE_KNOWN, "explore", "distinct_valid"), KnowingSource(EXPLORE_KNOWN), GRID, 1)


def test_temperatures_are_sorted_once_each() -> None:
    assert check_temperatures([1, 0.5, 1.0, 0]) == (0.0, 0.5, 1.0)
