"""Re-weighted scores agree with the truth within their error; what answers cannot say is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from tests.tune.knowing_source import KnowingSource, sweep
from tests.tune.test_run import EXPLOIT_KNOWN, task_of

import retort
from retort.chain import Chain
from retort.distribution import log_softmax
from retort.errors import InputError, SourceError
from retort.sources.positions import position_logits
from retort.tune import Wanted, conclude, find_goal, load_task, read, read_likelihoods, reweighted, run
from retort.tune.plan import make_plan
from retort.tune.reweight import likelihoods_of, score_pieces
from retort.tune.samples import as_samples
from retort.tune.settings import key

TASK = task_of(EXPLOIT_KNOWN, "exploit", "references")
SOURCE = KnowingSource(EXPLOIT_KNOWN)


def truth(temperature: float) -> float:
    """The chance of a right answer, by formula."""
    return 1 / (1 + (SOURCE.vocab_size - 2) * math.exp(-SOURCE.lead / temperature))


def at(*texts: str) -> tuple[Chain, ...]:
    return tuple(map(Chain.parse, texts))


def estimated(temperatures, targets, source=None, *, seed=0, chain=None, samples=8):
    """The estimates of one sweep, without its other statistics."""
    plan = make_plan(TASK, temperatures, samples, seed, chain=chain)
    pieces = sweep(plan, SOURCE)
    likelihoods = score_pieces(plan, SOURCE, pieces, targets, None)
    columns = as_samples(pieces, plan.axis, [item.id for item in plan.items])
    return reweighted(columns, likelihoods, find_goal("exploit"), Wanted(targets, source), seed)


def test_intervals_hold_at_their_rate() -> None:
    """40 sweeps of 40 items × 8 answers at τ = 1, 95% intervals. At a rate of 7 %, over 8 come once in 400 times."""
    targets = (0.6, 0.8, 1.3)
    misses = np.zeros(3)
    errors = []
    for seed in range(40):
        found = estimated(
            (1.0, 1.01), at(*(f"temperature={t}" for t in targets)), at("temperature=1")[0], seed=seed
        )
        assert all(one.refused is None for one in found)
        errors.append([one.score - truth(t) for one, t in zip(found, targets, strict=True)])
        misses += [
            not one.score_ci[0] <= truth(t) <= one.score_ci[1] for one, t in zip(found, targets, strict=True)
        ]
    assert (misses <= 8).all()
    # Unbiased: the mean error over sweeps within four of its standard errors.
    errors = np.array(errors)
    assert (np.abs(errors.mean(axis=0)) < 4 * errors.std(axis=0, ddof=1) / math.sqrt(40)).all()


def test_estimates_stand_beside_what_was_measured_and_are_worth_less_the_farther_they_are() -> None:
    found = estimated((0.5, 0.75, 1.0), (), at("temperature=1")[0], samples=32)
    assert [one.setting for one in found] == [{"temperature": 0.5}, {"temperature": 0.75}]
    assert all(one.source == {"temperature": 1.0} and one.samples == 40 * 32 for one in found)
    for one in found:
        # 1,280 answers each way: four standard errors of the difference, with the answers that the weighted are worth.
        chance = truth(one.setting["temperature"])
        error = math.sqrt(chance * (1 - chance) * (1 / 1280 + 1 / one.effective_sample_size))
        assert one.score == pytest.approx(one.measured, abs=4 * error)
    assert found[0].effective_sample_size < found[1].effective_sample_size < 1280


def test_the_nearest_setting_is_taken_where_none_is_named() -> None:
    (found,) = estimated((0.6, 1.0, 2.0), at("temperature=1.1"))
    assert found.source == {"temperature": 1.0} and found.measured is None
    assert found.setting == {"temperature": 1.1}


def test_what_answers_cannot_say_is_refused() -> None:
    top = Chain.parse("top_k=2")
    # One answer at τ = 0 cannot speak for any other; top-2 cannot speak for the whole vocabulary.
    (greedy,) = estimated((0.0, 1.0), at("temperature=0.5"), at("temperature=0")[0])
    assert greedy.score is None and "allows tokens that temperature=0 removed" in greedy.refused
    (cut,) = estimated((0.9, 1.0), at("temperature=1 | top_k=50"), at("temperature=1")[0], chain=top)
    assert "allows tokens" in cut.refused and cut.score_ci is None
    # The other way round it can: top-1 keeps what the whole vocabulary also draws.
    (kept,) = estimated((0.9, 1.0), at("temperature=1 | top_k=1"), at("temperature=1")[0])
    assert kept.refused is None and kept.score == 1.0
    assert kept.setting == {"temperature": 1.0, "chain": "temperature=1 | top_k=1"}
    # Too few answers count (τ = 3 draws the right one hardly ever), or what would be drawn never occurred.
    (far,) = estimated((1.0, 8.0), at("temperature=0.2"), at("temperature=8")[0])
    assert far.score is None and "worth only" in far.refused
    (narrow,) = estimated((0.3, 1.0), at("temperature=2"), at("temperature=0.3")[0])
    assert narrow.score is None and narrow.refused


def test_a_narrow_setting_whose_answers_all_weigh_alike_is_refused() -> None:
    """All answers at τ = 0.25 are right, so all weights are equal and worth their whole number: and wrong."""
    (found,) = estimated((0.25, 1.0), at("temperature=1"), at("temperature=0.25")[0])
    assert found.effective_sample_size == pytest.approx(found.samples)
    assert found.score is None and "never occurred" in found.refused


def test_too_few_items_carry_no_interval() -> None:
    few = task_of({name: EXPLOIT_KNOWN[name] for name in list(EXPLOIT_KNOWN)[:6]}, "exploit", "references")
    found = run(few, SOURCE, (0.9, 1.0), 8, reweight=Wanted(at("temperature=0.95")))
    assert "items, fewer than 10" in found.reweighted[0].refused


@pytest.fixture(scope="module")
def phrases():
    """Texts of several tokens: the task, the model, and the rows of one sweep."""
    task = load_task(Path(__file__).parents[2] / "docs" / "examples" / "phrases.yaml")
    source = retort.load("embedded:english")
    plan = make_plan(task, (0.5, 1.5), 4, limit_items=5)
    return source, plan, sweep(plan, source)[0]


def test_log_probabilities_are_those_of_the_model(phrases) -> None:
    source, plan, rows = phrases
    scored = [({"temperature": t}, Chain.parse(f"temperature={t}")) for t in (1.0, 0.5)]
    found = likelihoods_of(rows, plan, source, scored)
    # At τ = 1 what the path summed while it drew; at 0.5 by hand.
    np.testing.assert_allclose(found.logprobs[:, 0], rows.columns["logprob_raw"], rtol=1e-9)
    last = len(rows) - 1
    ids = rows.columns["tokens"][last]
    prompt = source.encode(plan.task.prompt(plan.items[rows.columns["item"][last]]))
    logits = position_logits(source, [*prompt, *ids[:-1]])[len(prompt) - 1 :].astype(np.float64)
    by_hand = log_softmax(logits / 0.5)[np.arange(len(ids)), ids].sum()
    assert found.logprobs[last, 1] == pytest.approx(by_hand)
    assert not found.outside.any()


def test_a_recording_keeps_them_and_needs_no_model(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    wanted = Wanted(at("temperature=0.9"), at("temperature=1")[0])
    plain = run(TASK, SOURCE, (0.75, 1.0), 4, record=folder, seed=3)
    samples, goal, origin = read(folder)
    with pytest.raises(SourceError, match="--resume --logprobs"):
        read_likelihoods(folder, len(samples))
    before = SOURCE.rows
    live = run(
        TASK, SOURCE, (0.75, 1.0), 4, record=folder, seed=3, resume=True, logprobs=True, reweight=wanted
    )
    assert SOURCE.rows > before
    assert conclude(samples, find_goal(goal), origin).to_dict() == plain.to_dict()
    likelihoods = read_likelihoods(folder, len(samples))
    assert [key(one) for one in likelihoods.settings] == [key({"temperature": t}) for t in (0.75, 1.0, 0.9)]
    again = reweighted(samples, likelihoods, find_goal(goal), wanted, origin.seed)
    assert again == live.reweighted
    before = SOURCE.rows
    run(TASK, SOURCE, (0.75, 1.0), 4, record=folder, seed=3, resume=True, reweight=wanted)
    assert before == SOURCE.rows
    with pytest.raises(InputError, match=r"only at temperature=0\.75; temperature=1; temperature=0\.9"):
        reweighted(samples, likelihoods, find_goal(goal), Wanted(at("temperature=0.8")))
    (folder / "logprobs-000000.parquet").write_bytes(b"no parquet")
    with pytest.raises(SourceError, match="damaged"):
        read_likelihoods(folder, len(samples))
    assert json.dumps(live.to_dict()["reweighted"][0]["setting"]) == '{"temperature": 0.9}'


def test_what_cannot_be_re_weighted_is_said_before_anything_is_drawn(tmp_path: Path) -> None:
    before = SOURCE.rows
    wanted = Wanted(at("temperature=0.9"))
    with pytest.raises(InputError, match="goal reproduce is not a mean"):
        run(task_of(EXPLOIT_KNOWN, "reproduce", "references"), SOURCE, (0.5, 1), 2, reweight=wanted)
    with pytest.raises(InputError, match="needs noise"):
        run(TASK, SOURCE, (0.5, 1), 2, reweight=Wanted(at("xtc(probability=0.5, threshold=0.1)")))
    with pytest.raises(InputError, match="needs --record DIR"):
        run(TASK, SOURCE, (0.5, 1), 2, logprobs=True)
    assert before == SOURCE.rows
    with pytest.raises(InputError, match="no answers were drawn at temperature=2"):
        estimated((0.5, 1.0), (), at("temperature=2")[0])
