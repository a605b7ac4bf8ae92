"""Each claim on models for which the answer is known, holding and not; what is missing; the record."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.tune.knowing_source import KnowingSource
from tests.tune.test_run import EXPLOIT_KNOWN, EXPLORE_KNOWN, task_of

from mock_source import MockSource
from retort.claims import CLAIMS, Evidence, check_claims, claims, tasks, texts
from retort.claims.claim import ARITHMETIC, decide
from retort.claims.evidence import RULES, interval_of_mean, share_interval
from retort.claims.texts import KINDS, triples
from retort.errors import InputError, SourceError
from retort.sources.load import load

BY_ID = {claim.id: claim for claim in CLAIMS}


class Scaled(MockSource):
    """The mock's logits times a factor: sharper above 1, flatter below, 0 is uniform."""

    def __init__(self, factor: float, vocab_size: int = 64) -> None:
        super().__init__(vocab_size)
        self.factor = factor

    def logits_of(self, prefix):
        return self.factor * super().logits_of(prefix)


def verdict(claim: str, evidence: Evidence):
    (found,) = check_claims(evidence, [BY_ID[claim]]).claims
    return found


def asked(lead: float = 4.0, **others) -> Evidence:
    """Evidence on a source whose answers follow a formula, with both tasks."""
    evidence = Evidence(
        KnowingSource({**EXPLOIT_KNOWN, **EXPLORE_KNOWN}, lead=lead), items=30, samples=4, **others
    )
    evidence._loaded = {
        "exploit": task_of(EXPLOIT_KNOWN, "exploit", "references", ("a {word}",)),
        "explore": task_of(EXPLORE_KNOWN, "explore", "distinct_valid", ("a {word}",)),
    }
    return evidence


@pytest.mark.parametrize(
    ("claim", "source", "expected"),
    [
        ("never-reorders", Scaled(1.0), "holds"),
        ("entropy-rises", Scaled(1.0), "holds"),
        ("zero-is-deterministic", Scaled(1.0), "holds"),  # a mock computes nothing, so nothing can move
        ("low-hides-runners-up", Scaled(1.0), "holds"),
        ("low-hides-runners-up", Scaled(0.01), "does not hold"),  # nearly uniform: 0.3 hides nothing
        ("soft-targets-carry-more-bits", Scaled(1.0), "holds"),
        ("soft-targets-carry-more-bits", Scaled(40.0), "does not hold"),  # nearly one-hot
        ("runners-up-carry-similarity", Scaled(1.0), "cannot tell"),  # a hash knows no kinds
        # top_p | top_k keeps what the stricter keeps alone, so the general claim fails on every model.
        ("stacked-settings-restrict", Scaled(1.0), "does not hold"),
        ("stacked-settings-restrict", Scaled(40.0), "does not hold"),  # one token survives either way
        ("never-keeps-more", Scaled(1.0), "holds"),
        ("top-k-hot-keeps-fewer", Scaled(0.1), "holds"),  # nearly uniform: top-p keeps most of 64 tokens
        ("top-k-hot-keeps-fewer", Scaled(40.0), "does not hold"),
        ("order-matters", Scaled(1.0), "holds"),
        ("order-matters", Scaled(40.0), "does not hold"),
    ],
)
def test_claims_about_one_distribution(claim: str, source: MockSource, expected: str) -> None:
    found = verdict(claim, Evidence(source))
    assert found.verdict == expected, found.measured
    assert found.measured


def test_tuned_is_sharper_both_ways() -> None:
    assert verdict("tuned-is-sharper", Evidence(Scaled(1.0), instruct_source=Scaled(2.0))).verdict == "holds"
    found = verdict("tuned-is-sharper", Evidence(Scaled(1.0), instruct_source=Scaled(0.5)))
    assert found.verdict == "does not hold"
    assert found.measured["tuned_temperature_of_equal_entropy"] == pytest.approx(0.5, rel=1e-3)


def test_tau_squared_against_a_near_and_a_far_student() -> None:
    near = verdict("tau-squared-keeps-the-scale", Evidence(Scaled(0.3), small_source=Scaled(0.25)))
    assert near.verdict == "holds"
    assert near.measured["largest_over_smallest_without"] > 10
    far = verdict("tau-squared-keeps-the-scale", Evidence(Scaled(3.0, 4096), small_source=Scaled(-3.0, 4096)))
    assert far.verdict == "does not hold"


def test_claims_about_one_right_answer() -> None:
    evidence = asked()
    falls = verdict("accuracy-falls", evidence)
    assert falls.verdict == "holds" and falls.measured["score_at_0"] == 1.0
    others = evidence.source.vocab_size - 2
    for temperature in (0.7, 2.0):
        chance = 1 / (1 + others * math.exp(-4.0 / temperature))
        error = math.sqrt(chance * (1 - chance) / 120)
        assert falls.measured[f"score_at_{temperature:g}"] == pytest.approx(chance, abs=5 * error + 1e-9)
    assert verdict("same-answer-below-0.3", evidence).verdict == "holds"
    assert verdict("answer-below-the-top", evidence).verdict != "holds"
    flat = asked(lead=0.5)
    assert verdict("same-answer-below-0.3", flat).verdict == "does not hold"


def test_the_right_answer_below_the_top_is_found() -> None:
    """Half of the items have a wrong word ahead of the right one: greedy never gets them, heat sometimes does."""
    evidence = asked()
    source = evidence.source
    start = source.start

    def misled(prompts):
        decoder = start(prompts)
        for row, (word, answered) in enumerate(decoder._rows):
            if not answered and word % 2:
                decoder.logits[row, -1] = source.lead + 1.0
        return decoder

    source.start = misled
    found = verdict("answer-below-the-top", evidence)
    assert found.verdict == "holds"
    assert found.measured["right_only_above_0"] > 0.1


def test_claims_about_many_right_answers() -> None:
    evidence = asked()
    assert verdict("temperature-is-not-creativity", evidence).verdict == "holds"
    rises = verdict("variety-rises", evidence)
    assert rises.verdict == "holds" and rises.measured["valid_share_lost"] > 0
    assert verdict("useful-range", evidence).verdict in ("does not hold", "cannot tell")


def test_larger_stays_coherent_by_what_is_retained() -> None:
    evidence = asked(lead=9.0)
    evidence.small_source = asked(lead=4.0).source
    found = verdict("larger-stays-coherent", evidence)
    assert found.verdict == "holds"
    assert found.measured["larger_retains"] > found.measured["smaller_retains"]
    evidence.source, evidence.small_source = evidence.small_source, evidence.source
    assert verdict("larger-stays-coherent", evidence).verdict == "does not hold"


def test_prompt_matters_more_when_one_wording_breaks_the_model() -> None:
    evidence = asked(lead=12.0)
    evidence._loaded["exploit"] = task_of(
        EXPLOIT_KNOWN, "exploit", "references", ("a {word}", "a {word} kind0", "the {word}")
    )
    found = verdict("prompt-matters-more", evidence)
    assert found.verdict == "holds", found.measured
    evidence = asked()
    evidence._loaded["exploit"] = task_of(EXPLOIT_KNOWN, "exploit", "references", ("a {word}", "the {word}"))
    assert verdict("prompt-matters-more", evidence).verdict == "does not hold"


def test_distillation_is_read_from_its_record(tmp_path: Path) -> None:
    file = tmp_path / "distill.json"

    def written(ci) -> Path:
        file.write_text(json.dumps({"difference": {"mean": 0.3, "ci": ci, "per_seed": [0.2, 0.4]}}))
        return file

    def found(path: Path):
        return verdict("distilled-beats-hard-labels", Evidence(Scaled(1.0), distill_files=[path]))

    assert found(written([0.1, 0.5])).verdict == "holds"
    assert found(written([-0.5, -0.1])).verdict == "does not hold"
    assert found(written([-0.1, 0.5])).verdict == "cannot tell"
    assert found(written(None)).verdict == "cannot tell"
    file.write_text("{}")
    with pytest.raises(SourceError, match="is not the JSON of"):
        found(file)


@pytest.mark.parametrize(
    "content", ["[1]", '{"difference": 3}', '{"difference": {"mean": 1}}', "not JSON", "{}"]
)
def test_a_file_that_is_no_record_of_distilling_is_said(content: str, tmp_path: Path) -> None:
    file = tmp_path / "d.json"
    file.write_text(content)
    with pytest.raises(SourceError, match=r"d.json is not the JSON of `retort distill --json`"):
        verdict("distilled-beats-hard-labels", asked(distill_files=[file]))


def test_models_of_other_families_are_refused_before_anything_is_measured() -> None:
    with pytest.raises(InputError, match=r"has 1,500 tokens and .* 64; claims compare models of one family"):
        Evidence(MockSource(64), small_source=MockSource(1500))


def test_texts_that_a_model_cannot_read_point_to_prompts() -> None:
    english = load("embedded:english")
    with pytest.raises(InputError, match=r"'operculum' is not among .* with --prompts FILE"):
        verdict("order-matters", Evidence(english))


def test_what_is_missing_is_said() -> None:
    evidence = Evidence(Scaled(1.0), tasks=("explore",))
    needs = {
        claim: verdict(claim, evidence).verdict for claim in ("tuned-is-sharper", "larger-stays-coherent")
    }
    assert needs == {
        "tuned-is-sharper": "needs: --instruct MODEL",
        "larger-stays-coherent": "needs: --small MODEL",
    }
    assert verdict("distilled-beats-hard-labels", evidence).verdict.startswith("needs: --distill FILE")
    assert verdict("accuracy-falls", evidence).verdict == "needs: --tasks with a task of goal exploit"


def test_verdicts_follow_the_interval() -> None:
    assert [decide(ends, 0.0) for ends in ((0.1, 0.2), (-0.2, -0.1), (-0.1, 0.1))] == [
        "holds",
        "does not hold",
        "cannot tell",
    ]
    low, high = interval_of_mean(np.random.default_rng(0).normal(size=400), 0)
    assert low < 0.15 and high > -0.15 and 0.12 < high - low < 0.28


def test_a_long_vocabulary_has_as_many_texts_and_fewer_positions_of_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One text alone had an interval of no width, and a claim about 262,144 tokens "held" by it."""
    evidence = Evidence(MockSource(64))
    whole = evidence.logits
    monkeypatch.setattr("retort.claims.evidence.MOST_LOGITS", 64 * 40)
    few = Evidence(MockSource(64))
    assert len(few.texts) == 16 and {keep for _, keep in few.texts} == {2}
    ends = np.flatnonzero(np.diff(evidence.owner, append=-1))[:16]
    np.testing.assert_array_equal(few.logits, whole[np.stack([ends - 1, ends], axis=1).ravel()])
    low, high = verdict("soft-targets-carry-more-bits", few).interval
    assert low < high
    # Of one text nothing is known.
    alone = verdict("soft-targets-carry-more-bits", Evidence(MockSource(64), prompts=["w1 w2 w3"]))
    assert (alone.verdict, alone.interval) == ("cannot tell", None) and alone.value > 0
    assert verdict("entropy-rises", Evidence(MockSource(64), prompts=["w1 w2 w3"])).interval is None


def test_a_share_of_all_items_or_triples_is_not_certain() -> None:
    """24 of 24: the interval said 1 to 1."""
    assert share_interval(np.ones(24)) == pytest.approx((0.025 ** (1 / 24), 1.0))
    assert share_interval(np.arange(24) < 4) == pytest.approx(
        (0.0473536, 0.3738417), abs=1e-6
    )  # exact binomial
    found = verdict("same-prompt-same-answer", asked(lead=60.0))
    assert found.value == 1.0 and found.interval == pytest.approx((0.025 ** (1 / 30), 1.0))


def test_triples_pair_every_word_with_its_own_kind_and_another() -> None:
    kind_of = {word: number for number, kind in enumerate(KINDS) for word in kind}
    found = triples()
    assert len(found) == len(set(found)) == 160
    for anchor, near, far in found:
        assert anchor != near and kind_of[anchor] == kind_of[near] != kind_of[far]


def test_every_claim_says_itself_and_has_a_name_of_its_own() -> None:
    assert len(BY_ID) == len(CLAIMS) == 26
    for claim in CLAIMS:
        assert claim.statement[-1] == "." and claim.how[-1] in ".)"


def test_arithmetic_is_told_from_claims_that_can_fail() -> None:
    assert [claim.id for claim in CLAIMS if claim.kind == ARITHMETIC] == [
        "never-reorders",
        "entropy-rises",
        "never-keeps-more",
    ]


def test_a_wrong_softmax_fails_the_checks_of_the_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log-softmax that turns the order round at high τ, and an entropy that falls: both are noticed."""
    from retort.claims import arithmetic

    monkeypatch.setattr(arithmetic, "log_softmax", lambda logits, temperature: logits * (2.0 - temperature))
    monkeypatch.setattr(
        arithmetic, "entropy", lambda logits, temperature: -temperature * np.ones(len(logits))
    )
    assert verdict("never-reorders", Evidence(Scaled(1.0))).verdict == "does not hold"
    assert verdict("entropy-rises", Evidence(Scaled(1.0))).verdict == "does not hold"


def test_a_number_that_decides_is_named_and_lies_in_its_interval() -> None:
    """Who cites an interval must know of what it is."""
    evidence = asked()
    seen = 0
    for claims_of, asked_of in ((tasks.CLAIMS, evidence), (texts.CLAIMS, Evidence(Scaled(1.0)))):
        for claim in claims_of:
            found = verdict(claim.id, asked_of)
            if found.interval is not None:
                seen += 1
                assert found.quantity and found.value is not None, claim.id
                assert found.interval[0] <= found.value <= found.interval[1], claim.id
    assert seen >= 10
    fall = verdict("accuracy-falls", evidence)
    assert fall.value == pytest.approx(fall.measured["score_at_0"] - fall.measured["score_at_2"])


def test_a_threshold_of_a_claim_that_is_not_asked_for_is_refused() -> None:
    with pytest.raises(InputError, match="order-matters, which is not among the claims to check"):
        claims(MockSource(64), only=["entropy-rises"], thresholds={"order-matters": 0.1})
    with pytest.raises(InputError, match="did you mean order-matters"):
        claims(MockSource(64), only=["order-maters"])


def test_thresholds_can_be_set() -> None:
    evidence = asked()
    found = verdict("same-answer-below-0.3", evidence)
    assert found.threshold == 0.8
    share = found.measured["same_as_greedy_at_0.3"]
    evidence.thresholds = {"same-answer-below-0.3": 1.01}
    found = verdict("same-answer-below-0.3", evidence)
    assert (found.verdict, found.threshold) == ("does not hold", 1.01) and share <= 1.0


def test_claims_that_could_not_fail_now_can() -> None:
    """A model that knows everything has no right answer below the top; one that stays valid when hot is creative."""
    evidence = asked(lead=12.0)
    evidence.items = 100
    assert verdict("answer-below-the-top", evidence).verdict in ("does not hold", "cannot tell")
    assert verdict("answer-below-the-top", evidence).measured["right_only_above_0"] == 0.0
    evidence.thresholds = {"answer-below-the-top": 0.2}
    assert verdict("answer-below-the-top", evidence).verdict == "does not hold"
    assert verdict("temperature-is-not-creativity", asked(lead=20.0)).verdict != "holds"


def test_incoherence_and_invented_facts() -> None:
    evidence = asked()
    rise = verdict("invented-facts-rise", evidence)
    assert rise.verdict == "holds" and rise.measured["wrong_at_1"] > rise.measured["wrong_at_0.3"]
    assert verdict("invented-facts-rise", asked(lead=40.0)).verdict != "holds"
    assert "valid_share_lost_1_to_1.6" in verdict("above-1.5-incoherent", evidence).measured
    sure = asked(lead=40.0)
    assert verdict("same-prompt-same-answer", sure).verdict == "cannot tell"  # 30 of 30 is 88% at least
    assert (
        check_claims(
            replace(sure, thresholds={"same-prompt-same-answer": 0.88}), [BY_ID["same-prompt-same-answer"]]
        )
        .claims[0]
        .verdict
        == "holds"
    )
    assert share_interval(np.ones(60))[0] > BY_ID["same-prompt-same-answer"].threshold
    assert verdict("same-prompt-same-answer", asked(lead=0.5)).verdict == "does not hold"


def test_a_good_wording_is_chosen_on_one_half_and_measured_on_the_other() -> None:
    evidence = asked(lead=12.0)
    evidence._loaded["exploit"] = task_of(
        EXPLOIT_KNOWN, "exploit", "references", ("a {word}", "a {word} kind0", "the {word}")
    )
    found = verdict("good-prompt-beats-poor", evidence)
    assert found.verdict == "holds", found.measured
    assert found.measured["poor_wording"] == "a {word} kind0"
    assert found.measured["items_measured"] < evidence.items
    assert len({rule("The capital") for rule in RULES.values()}) >= 5


def test_the_default_of_distilling_against_other_settings(tmp_path: Path) -> None:
    def run(name: str, temperature: float, alpha: float, losses: list[float]) -> Path:
        file = tmp_path / name
        arms = {"soft": [{"seed": seed, "test_nll": loss} for seed, loss in enumerate(losses)]}
        file.write_text(json.dumps({"recipe": {"temperature": temperature, "alpha": alpha}, "arms": arms}))
        return file

    default = run("default.json", 3.0, 0.7, [3.0, 3.1, 3.05, 3.02])
    better = run("better.json", 1.0, 0.9, [2.5, 2.62, 2.54, 2.53])
    worse = run("worse.json", 1.0, 0.5, [3.4, 3.52, 3.44, 3.41])

    def found(*files: Path):
        return verdict("tau-3-to-4-is-a-good-default", Evidence(Scaled(1.0), distill_files=files))

    assert found(default, worse).verdict == "holds"
    assert found(default, worse, better).verdict == "does not hold"
    assert found(default, worse, better).measured["best_other_temperature"] == 1.0
    assert found(default).verdict.startswith("needs: --distill FILE several times")


def told(claim: str, evidence: Evidence) -> list[tuple[float, float, str]]:
    found: list[tuple[float, float, str]] = []
    evidence.on_progress = lambda done, total, detail: found.append((done, total, detail))
    verdict(claim, evidence)
    return found


MADE_OF_ANSWERS = {claim.id for claim in tasks.CLAIMS}


@pytest.mark.parametrize("claim", [claim.id for claim in CLAIMS if claim.uses])
def test_progress_plans_what_a_claim_then_measures(claim: str) -> None:
    """A part that is planned and never measured would stop short of 100%; one that is not planned counts nothing."""
    if claim in MADE_OF_ANSWERS:
        evidence = asked()
        evidence.small_source = asked().source
    else:
        evidence = Evidence(Scaled(0.3), instruct_source=Scaled(0.6), small_source=Scaled(0.25))
    found = told(claim, evidence)
    shares = [done for done, _, _ in found]
    assert shares == sorted(shares) and shares[0] == 0.0 and shares[-1] == pytest.approx(100.0)
    assert {total for _, total, _ in found} == {100.0}
    assert set(evidence.work._sizes) == set(evidence.work._shares)


def test_progress_moves_within_a_claim_and_counts_shared_answers_once() -> None:
    evidence = asked()
    found: list[tuple[float, float, str]] = []
    evidence.on_progress = lambda done, total, detail: found.append((done, total, detail))
    check_claims(evidence, [BY_ID["accuracy-falls"], BY_ID["invented-facts-rise"], BY_ID["variety-rises"]])
    assert {round(done) for done, _, _ in found} >= {0, 50, 100}
    assert len([done for done, _, _ in found if 0 < done < 50]) > 5  # the answers to one task, as they come
    assert any("of 840 answers to" in detail for _, _, detail in found)  # 30 items, 7 temperatures, 4 answers
    assert found[-1][0] == pytest.approx(100.0)


def test_what_cannot_be_measured_is_not_planned() -> None:
    evidence = Evidence(Scaled(1.0), tasks=("explore",))
    assert evidence.planned(("logits", "logits of small", "exploit")) == evidence.planned(("logits",))
    assert evidence.planned(("explore of small",)) == {}
    assert set(evidence.planned(("explore",))) == {"explore"}


def test_answers_are_generated_once_for_all_claims() -> None:
    evidence = asked()
    first = evidence.answers(evidence.source, evidence.task("explore"))
    assert evidence.answers(evidence.source, evidence.task("explore")) is first
    assert evidence.answers(asked(lead=1.0).source, evidence.task("explore")) is not first
