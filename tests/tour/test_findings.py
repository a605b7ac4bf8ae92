"""The sentences say what the records say, and nothing where nothing can be told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.report.stories import EXPLORE, make_distillation, make_draws, make_look, make_path, make_tuning

from retort.numerals import interval
from retort.tour.findings import compared, distilled, drawn, findings, followed, seen, shared, tuned


def test_a_look_names_the_first_token_its_chances_and_the_entropies() -> None:
    look = make_look()
    text = seen(look).text
    assert text.startswith(
        "embedded:base puts “fruit” first and “edible fruit” second at every temperature: 62.06% and 27.89% at τ = 0.5,"
    )
    assert f"from {look.rows[0].entropy_nats:.2f} to {look.rows[-1].entropy_nats:.2f} nats" in text


def test_draws_are_counted_by_their_first_word() -> None:
    text = drawn(make_draws()).text
    assert "at τ = 0 Sydney 10×; at τ = 1 Sydney 3×, Canberra 3×" in text
    assert "and 3 others" in text


def test_a_path_counts_its_texts_and_its_passes() -> None:
    found = make_path()
    text = followed(found).text
    assert "give 9 different texts; the text of τ = 0 holds up to τ = 0.431" in text
    assert "96 forward passes instead of 402" in text
    one = replace(found, path=replace(found.path, leaves=found.path.leaves[:1]))
    assert "is the same at all 9 temperatures up to τ = 0.4312" in followed(one).text


def test_a_tuning_says_its_setting_its_score_and_its_reason() -> None:
    text = tuned(make_tuning()).text
    assert text.startswith("τ = 0.2 (share of right answers 0.6")
    assert text.endswith("Because of synthetic numbers.")


def test_a_model_that_knows_nothing_is_not_given_a_temperature() -> None:
    found = make_tuning(detectable=False)
    nothing = replace(found, recommendation=replace(found.recommendation, setting=None))
    assert tuned(nothing).text.startswith("Cannot tell: no answer was right")


def test_opposites_are_claimed_only_where_regions_do_not_meet() -> None:
    exploit, explore = make_tuning(), make_tuning("explore", **EXPLORE)
    text = compared(exploit, explore).text
    assert text.startswith("Yes: one right answer wants a low temperature")
    assert "exploit τ = 0 to 0.6, explore τ = 1 to 1.2" in text
    wrong = next(one for one in explore.settings if one.temperature == 0.2)
    assert f"Explore: {wrong.score:.3f} ({interval(wrong.score_ci)}) at exploit’s τ = 0.2, " in text

    meeting = compared(exploit, make_tuning("explore", setting=0.6, region=(0.6, 1.2))).text
    assert meeting.startswith("Not shown")
    assert "τ = 0.6 suits both" in meeting

    wide = make_tuning("explore", setting=0.6, region=(0.6, 1.2))
    apart = replace(wide, recommendation=replace(wide.recommendation, best=1.0))
    text = compared(exploit, apart).text
    assert text.startswith("In part: each task’s best temperature is significantly worse for the other.")
    wrong = next(one for one in exploit.settings if one.temperature == 1.0)
    assert f"Exploit: {wrong.score:.3f} ({interval(wrong.score_ci)}) at explore’s τ = 1, " in text
    assert "But with so few items the temperatures" in text and "τ = 0.6 suits both" in text

    turned = compared(make_tuning(setting=1.4, region=(1.4, 1.6)), explore).text
    assert turned.startswith("Yes, but the reverse")


def test_opposites_cannot_be_told_where_one_task_shows_no_difference() -> None:
    text = compared(make_tuning(detectable=False), make_tuning("explore", **EXPLORE)).text
    assert text.startswith("Cannot tell")
    assert text.endswith("could be detected for exploit.")


@pytest.mark.parametrize(
    ("gains", "said"),
    [
        ((0.06, 0.05, 0.07), "Distilling helps: hard minus soft is +0.0600 (0.0003 to 0.1197)"),
        ((0.001, 0.002, 0.003), "Distilling does not help here: hard minus soft is +0.0020"),
        ((-0.06, -0.05, -0.07), "Distilling does not help here, it is worse: hard minus soft is −0.0600"),
        ((0.1, -0.05, 0.03), "Cannot tell whether distilling helps: hard minus soft is +0.0267"),
        ((0.06,), "Cannot tell: hard minus soft is +0.0600 nats per token"),
    ],
)
def test_each_verdict_of_a_distillation_has_its_sentence(gains: tuple[float, ...], said: str) -> None:
    """Three gains 0.05, 0.06, 0.07: standard error 0.01/√3, times the always-valid 10.33 of three seeds, is 0.0597."""
    result = make_distillation(gains, time_gains=gains)
    assert distilled(result).text.startswith(said)
    assert distilled(result, same_steps=False).text.startswith(said)
    assert "for the same training time" in distilled(result, same_steps=False).text


def test_the_test_part_is_told_where_there_is_one_with_the_teachers_loss_on_it() -> None:
    assert "held-out test text" in distilled(make_distillation()).text
    assert "loss of 2.640" in distilled(make_distillation()).text
    assert "held-out validation text" in distilled(make_distillation(test=False)).text
    assert "loss of 2.610" in distilled(make_distillation(test=False)).text


def test_without_a_control_nothing_is_claimed() -> None:
    assert distilled(make_distillation(control=False)).text.startswith("No control was trained")


def test_all_findings_in_order_and_the_passes_added_up() -> None:
    path, tunings = make_path(), [make_tuning(), make_tuning("explore", **EXPLORE)]
    assert shared(path, tunings).text.startswith(
        "42,096 forward passes gave every text above, instead of 132,402"
    )
    told = [one.title for one in findings([make_look()], make_draws(), path, tunings, make_distillation())]
    assert told == [
        "Look: a pear is a kind of",
        "Draw: 10 texts each",
        "Path: seed 7",
        "Tune: exploit",
        "Tune: explore",
        "Tune: opposites?",
        "Distil: same steps",
        "Distil: same time",
        "Passes saved",
    ]
    untimed = [
        one.title for one in findings([], make_draws(), path, tunings[:1], make_distillation(control=False))
    ]
    assert untimed == [
        "Draw: 10 texts each",
        "Path: seed 7",
        "Tune: exploit",
        "Distil: same steps",
        "Passes saved",
    ]
