"""A sweep with a budget, and forecasts: what is paid is counted as it comes, never twice, and never too much."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.tune.knowing_source import KnowingSource
from tests.tune.test_run import EXPLOIT_KNOWN, GRID, task_of
from tests.tune.test_server_sweep import asked, greedy_word, source_of, task, without_seconds

from mock_server import MockServer, serve
from retort.chain import Chain
from retort.errors import InputError, RetortError, SourceError
from retort.tune.budget import Budget, Price, read_spending
from retort.tune.conclude import conclude
from retort.tune.forecast import Forecast
from retort.tune.goals import find_goal
from retort.tune.recording import read
from retort.tune.run import run
from retort.tune.score import make_scorer
from retort.tune.server_sweep import Pace
from retort.tune.tune import tune

ALIKE = (0.0, 0.1, 0.2, 0.3)
"""Temperatures that no budget finds a difference between."""

LOCAL = task_of(EXPLOIT_KNOWN, "exploit", "references", ("a {word}", "the {word}"))


class Counting(MockServer):
    """Says what every request cost: a token for each word of the prompt, and each word of the answer."""

    def answer(self, body: dict[str, Any], is_chat: bool) -> dict[str, Any]:
        found = super().answer(body, is_chat)
        prompt = body["prompt"] if not is_chat else body["messages"][-1]["content"]
        words = len(prompt.split())
        return {**found, "usage": {"prompt_tokens": words, "completion_tokens": 1, "total_tokens": words + 1}}


@pytest.fixture
def counting():
    server = Counting()
    with serve(server) as url:
        yield server, url


def reread(folder: Path, price: Price | None = None) -> dict:
    samples, goal, origin = read(folder)
    return conclude(samples, find_goal(goal), origin, price=price).to_dict()


# What a budget says


@pytest.mark.parametrize(
    ("text", "unit", "most"),
    [("5000", "answer", 5000), (300, "answer", 300), ("2M tokens", "token", 2e6), ("10k answers", "answer", 1e4),
     ("3.50 cost", "cost", 3.5)],
)  # fmt: skip
def test_a_budget_is_answers_tokens_or_money(text: str | int, unit: str, most: float) -> None:
    found = read_spending(text, 8, 10.0, Price(1.0, 2.0))
    assert (found.unit, found.most) == (unit, most)


def test_a_budget_that_says_nothing_is_refused() -> None:
    for text in ("many", "5 apples", "-1", "0", "inf"):
        with pytest.raises(InputError, match="budget is"):
            read_spending(text, 8, 10.0, None)
    with pytest.raises(InputError, match="a budget in money needs what tokens cost"):
        read_spending("3 cost", 8, 10.0, None)


def test_spending_by_hand() -> None:
    """Prompts of 10 tokens at 2 per million, answers of at most 8 at 4: 52 at most, 28 for an answer of 2 tokens."""
    spending = read_spending("0.0001 cost", 8, 10.0, Price(2.0, 4.0))
    assert spending.dearest == pytest.approx(52e-6)
    assert spending.has_room(1) and not spending.has_room(2)
    spending.add("first", 10, 2)
    spending.add("first", 10, 2)
    assert spending.spent == pytest.approx(28e-6), "an answer that is read again was paid once"
    assert spending.has_room(2) and not spending.has_room(3), "by what answers cost, not by what they may"
    assert spending.is_safe(0) and not spending.is_safe(1), "and never more than the budget at worst"
    spending.add("second", None, None)
    assert spending.spent == pytest.approx(80e-6), "what is not counted is taken at its most"


# What goes with it


def test_chains_at_temperatures_variety_a_second_model_and_logprobs(tmp_path: Path) -> None:
    chains = (Chain("top_k=1"), Chain("top_k=20"))
    found = run(
        LOCAL, KnowingSource(EXPLOIT_KNOWN), GRID, 2, chains=chains, budget=900, variety=True, logprobs=True,
        second=KnowingSource(EXPLOIT_KNOWN, lead=2.0), record=tmp_path / "r",
    )  # fmt: skip
    assert len(found.settings) == 8 and {one.setting["chain"] for one in found.settings} >= {
        "temperature=0 | top_k=1"
    }
    assert found.answers_drawn is not None and found.answers_drawn <= 900
    assert found.answers_of_grid == 40 * 2 * 2 * 8
    for one in found.settings:
        assert one.variety is not None and one.variety["distinct_1"] is not None
        assert one.second_nll is not None and one.distinct is not None and one.raw_nll is not None
    assert list((tmp_path / "r").glob("logprobs-*.parquet"))
    again = reread(tmp_path / "r")
    assert again["recommendation"] == found.to_dict()["recommendation"]
    assert again["answers_drawn"] == found.answers_drawn
    assert again["item_scores"] == found.to_dict()["item_scores"]


def test_a_budget_says_the_same_from_its_recording_and_after_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = KnowingSource(EXPLOIT_KNOWN)
    whole = run(LOCAL, source, ALIKE, 1, budget=200, record=tmp_path / "whole")
    assert reread(tmp_path / "whole") == whole.to_dict()
    assert whole.answers_drawn is not None and 150 < whole.answers_drawn <= 200

    module = sys.modules["retort.tune.run"]
    write, written = module.Recording.write, []

    def killed(self: Any, number: int, rows: Any) -> None:
        if number == 3:
            raise KeyboardInterrupt
        written.append(number)
        write(self, number, rows)

    monkeypatch.setattr(module.Recording, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        run(LOCAL, source, ALIKE, 1, budget=200, record=tmp_path / "cut")
    monkeypatch.setattr(module.Recording, "write", lambda self, number, rows: write(self, number, rows))
    assert written == [0, 1, 2]
    early = reread(tmp_path / "cut")
    assert early["items"] == 12, "a race holds wherever it stopped"
    resumed = run(LOCAL, source, ALIKE, 1, budget=200, record=tmp_path / "cut", resume=True)
    assert resumed.to_dict() == whole.to_dict()
    more = run(LOCAL, source, ALIKE, 1, budget=1000, record=tmp_path / "cut", resume=True)
    assert more.answers_drawn == 40 * 2 * len(ALIKE), "a larger budget goes on from there"


def test_a_budget_that_is_too_small_is_refused_before_anything_is_drawn() -> None:
    source = KnowingSource(EXPLOIT_KNOWN)
    with pytest.raises(
        InputError, match="a budget of 10 answers is too small: 4 items at 4 settings take 32"
    ):
        run(LOCAL, source, GRID, 1, budget=10)
    assert source.rows == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"temperatures": "auto"}, "auto chooses its fine temperatures .* cannot have a budget"),
        ({"engine": "ray"}, "workers would wait for each other; leave out --engine ray"),
        ({"budget": 10}, "a budget of 10 answers is too small"),
        ({"budget": "1 cost"}, "a budget in money needs what tokens cost"),
        ({"against": "temperature=7"}, "temperature=7 is no setting of those compared"),
        ({"against": "hot"}, "a setting must be written name=value"),
        ({"baseline": "nowhere.json"}, "nowhere.json cannot be read"),
    ],
)
def test_what_cannot_be_done_is_refused_before_a_model_is_opened(
    arguments: dict[str, Any], said: str
) -> None:
    """There is no such model, and nobody gets as far as to see that."""
    given: dict[str, Any] = {"temperatures": GRID, "samples": 1, "budget": 500, **arguments}
    with pytest.raises(RetortError, match=said):
        tune(LOCAL, "no-such-model", **given)
    if "engine" in arguments or arguments.get("temperatures") == "auto":
        with pytest.raises(InputError, match=said):
            run(LOCAL, KnowingSource(EXPLOIT_KNOWN), given.pop("temperatures"), **given)


def test_the_files_own_budget_is_kept_and_the_options_comes_before_it() -> None:
    task = replace(LOCAL, budget=Budget(amount="200 answers"))
    arguments: dict[str, Any] = {"temperatures": ALIKE, "samples": 1}
    own = tune(task, KnowingSource(EXPLOIT_KNOWN), **arguments)
    assert own.answers_drawn is not None and 150 < own.answers_drawn <= 200
    given = tune(task, KnowingSource(EXPLOIT_KNOWN), budget=100, **arguments)
    assert given.answers_drawn is not None and given.answers_drawn <= 100


def test_a_choice_has_no_budget() -> None:
    task = replace(LOCAL, scorer=make_scorer("choice", (), ""), budget=Budget(amount=500))
    with pytest.raises(InputError, match="draws nothing, so a budget has nothing to save"):
        tune(task, "no-such-model", temperatures=GRID)


def test_votes_and_prompts_are_compared_with_a_budget_too(tmp_path: Path) -> None:
    """Temperature 3 is much worse and dropped: its votes are those of fewer items."""
    source = KnowingSource(EXPLOIT_KNOWN)
    found = run(LOCAL, source, (0.0, 0.3, 3.0), 3, budget=750, record=tmp_path / "r")
    assert found.answers_drawn is not None and found.answers_drawn < 40 * 2 * 3 * 3
    assert found.settings[2].samples < found.settings[0].samples
    assert [one.question for one in found.questions][:2] == [
        "best prompt against the first",
        "suggested setting against the reference",
    ]
    assert {vote.kind for vote in found.votes} == {"majority", "any"}
    for vote in found.votes:
        assert vote.recommendation.anytime and vote.answers == 3
        assert vote.scores[2] < vote.scores[0]
        low, high = vote.recommendation.difference_ci
        assert low <= vote.recommendation.difference <= high
    assert found.variance is None and found.turning_point is None
    assert reread(tmp_path / "r") == found.to_dict()


# On a server


@pytest.mark.parametrize(("budget", "price"), [("150 tokens", None), ("0.0003 cost", Price(2.0, 1.0))])
def test_real_usage_is_counted_and_a_budget_is_never_passed(
    counting, budget: str, price: Price | None
) -> None:
    """Three tokens each, where 17 were possible: by the possible ones no block could be paid after the second."""
    server, url = counting
    found = run(replace(task(), max_tokens=1), source_of(url), GRID, 1, budget=budget, price=price)
    calls = asked(server)
    each = 3 if price is None else price.of(2, 1)
    most = float(budget.split()[0])
    assert len(calls) * each <= most
    assert (len(calls) + 4 * len(GRID)) * each > most or found.items == 12
    assert found.answers_drawn == len(calls)
    if price is not None:
        assert sum(cell.cost or 0.0 for cell in found.cells) == pytest.approx(len(calls) * each)


def test_a_killed_budget_on_a_server_pays_nothing_twice(counting, tmp_path: Path) -> None:
    server, url = counting
    arguments: dict[str, Any] = {"budget": "60 answers", "pace": Pace(concurrency=3)}
    whole = run(task(), source_of(url), GRID, 2, record=tmp_path / "whole", **arguments).to_dict()
    paid = len(asked(server))
    server.requests.clear()
    server.faults = ["ok"] * 31 + ["500"]
    with pytest.raises(SourceError, match="continue with --resume"):
        run(task(), source_of(url), GRID, 2, record=tmp_path / "cut", **arguments)
    server.faults = []
    failed = len(asked(server))
    resumed = run(
        task(), source_of(url), GRID, 2, record=tmp_path / "cut", resume=True, **arguments
    ).to_dict()
    assert without_seconds(resumed) == without_seconds(whole)
    assert len(asked(server)) - paid <= 1 + arguments["pace"].concurrency, (
        "what failed, and what was on its way"
    )
    assert failed < paid
    kinds = [json.dumps(body, sort_keys=True) for body in asked(server)]
    assert len(kinds) - len(set(kinds)) <= 1 + arguments["pace"].concurrency
    assert without_seconds(reread(tmp_path / "cut")) == without_seconds(whole)


# Forecasts


def test_a_forecast_counts_and_its_trial_is_not_asked_again(counting, tmp_path: Path) -> None:
    server, url = counting
    told: list[Forecast] = []
    plain = run(task(), source_of(url), GRID, 4).to_dict()
    server.requests.clear()
    found = run(
        task(),
        source_of(url),
        GRID,
        4,
        record=tmp_path / "r",
        pace=Pace(concurrency=1),
        on_forecast=told.append,
    )
    (forecast,) = told
    total = 12 * 4 * 4
    assert len(asked(server)) == total and forecast.answers == total and not forecast.at_most
    assert 6 <= forecast.tried <= total / 4
    assert forecast.prompt_tokens == pytest.approx(2 * total, rel=0.1)
    assert forecast.answer_tokens == total
    assert without_seconds({**found.to_dict(), "forward_passes": None}) == without_seconds(plain)
    assert not list((tmp_path / "r").glob("*.jsonl"))


def test_a_trial_is_kept_by_a_killed_run(counting, tmp_path: Path) -> None:
    server, url = counting

    def stop(_: Forecast) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(
            task(), source_of(url), GRID, 4, record=tmp_path / "r", pace=Pace(concurrency=1), on_forecast=stop
        )
    tried = len(asked(server))
    assert tried >= 6
    run(task(), source_of(url), GRID, 4, record=tmp_path / "r", resume=True, on_forecast=stop)
    assert len(asked(server)) == 12 * 4 * 4


def test_a_local_trial_changes_no_answer() -> None:
    told: list[Forecast] = []
    plain = run(LOCAL, KnowingSource(EXPLOIT_KNOWN), GRID, 2, seed=4).to_dict()
    tried = run(LOCAL, KnowingSource(EXPLOIT_KNOWN), GRID, 2, seed=4, on_forecast=told.append).to_dict()
    assert told[0].answers == 40 * 2 * 2 * 4
    assert tried == plain
    small: list[Forecast] = []
    run(LOCAL, KnowingSource(EXPLOIT_KNOWN), GRID, 1, limit_items=3, on_forecast=small.append)
    assert small == [], "the trial would be most of it"


def test_a_budgets_forecast_is_of_what_it_pays(counting) -> None:
    _, url = counting
    told: list[Forecast] = []
    run(
        task(),
        source_of(url),
        GRID,
        4,
        budget="190 answers",
        pace=Pace(concurrency=1),
        on_forecast=told.append,
    )
    assert told[0].at_most and told[0].answers <= 190
    assert greedy_word("say 1").startswith("w")
