"""Replays of greedy texts: what moves, what is predicted from margins, and what happened."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from mock_source import MockSource
from retort.errors import InputError
from retort.lens.determinism import MOST_LISTED, determinism
from retort.sources.replays import Replay, replays
from tiny_models import save_tiny_model

PROMPTS = [f"w{number} w{number + 1}" for number in range(12)]


def noisy(source: MockSource, size: float):
    """A replay whose logits differ by Gaussian noise of this standard deviation."""
    rng = np.random.default_rng(7)

    def run(texts):
        return [
            np.stack(
                [
                    source.logits_of(text[: end + 1]) + size * rng.normal(size=source.vocab_size)
                    for end in range(len(text))
                ]
            )
            for text in texts
        ]

    return run


@pytest.fixture
def replayed(monkeypatch: pytest.MonkeyPatch) -> MockSource:
    """A mock with three ways of running: itself, itself again, and with noise of 0.3 on every logit."""
    source = MockSource(24, spread=1.0, ends=False)
    ways = (
        Replay("alone", "", noisy(source, 0.0)),
        Replay("again", "nothing", noisy(source, 0.0)),
        Replay("noisy", "noise", noisy(source, 0.3)),
    )
    monkeypatch.setattr(import_module("retort.lens.determinism"), "replays", lambda given: ways)
    return source


def test_noise_and_flips_are_what_was_put_in(replayed: MockSource) -> None:
    found = determinism(replayed, PROMPTS, max_tokens=30)
    assert (found.prompts, found.positions) == (12, 360)
    again, other = found.replays
    assert again.bitwise and (again.noise, again.flips_observed, again.largest_change) == (0.0, 0, 0.0)
    # The gap is a difference of two logits: √2 times the noise of one; 360 gaps, five standard errors.
    assert other.noise == pytest.approx(0.3 * np.sqrt(2), rel=5 / np.sqrt(2 * 360))
    # The prediction sees the runner-up alone and other tokens come close too, so it is low: between half and all of it.
    assert 0.4 * other.flips_observed < other.flips_predicted < 1.2 * other.flips_observed
    assert other.flips_observed > 20
    assert not other.bitwise
    assert "Bit for bit the same here: again." in found.advice


def test_near_ties_are_the_smallest_margins_first(replayed: MockSource) -> None:
    found = determinism(replayed, PROMPTS, max_tokens=30)
    margins = [tie.margin for tie in found.near_ties]
    assert margins == sorted(margins) and len(margins) == MOST_LISTED
    first = found.near_ties[0]
    logits = replayed.logits_of(replayed.encode(first.before))
    best, second = np.argsort(-logits)[:2]
    assert first.margin == pytest.approx(float(logits[best] - logits[second]))
    assert (first.token, first.runner_up) == (replayed.token_text(best), replayed.token_text(second))
    # Several rivals lie within the noise here, so the risk is above that of a single tie.
    assert 0.5 < first.risk < 1.0


def test_a_replay_that_overflows_has_flipped_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gemma in float16: NaN at every position. It was an error about the noise, and the claim took it for a table."""
    source = MockSource(24, spread=1.0, ends=False)

    def overflowing(texts):
        rows = noisy(source, 0.0)(texts)
        rows[1][:] = np.nan
        rows[2][5, 3] = np.inf
        return rows

    ways = (Replay("alone", "", noisy(source, 0.0)), Replay("float16", "dtype", overflowing))
    monkeypatch.setattr(import_module("retort.lens.determinism"), "replays", lambda given: ways)
    found = determinism(source, PROMPTS, max_tokens=30)
    (report,) = found.replays
    assert (report.no_distribution, report.flips_observed, report.noise, report.largest_change) == (
        31,
        31,
        0.0,
        0.0,
    )
    assert report.texts_observed == pytest.approx(2 / 12) and not report.bitwise
    assert any(
        "float16 gave no distribution (NaN or infinite logits) at 31 positions" in one for one in found.advice
    )

    everything = Replay(
        "float16", "dtype", lambda texts: [np.full((len(text), 24), np.nan) for text in texts]
    )
    monkeypatch.setattr(
        import_module("retort.lens.determinism"), "replays", lambda given: (ways[0], everything)
    )
    found = determinism(source, PROMPTS, max_tokens=30)
    assert found.replays[0].no_distribution == found.positions and found.replays[0].noise == 0.0


def test_a_table_has_no_noise_and_no_prompts_are_refused() -> None:
    with pytest.raises(InputError, match="does not compute them"):
        determinism(MockSource(8), PROMPTS)
    with pytest.raises(InputError, match="no prompts"):
        determinism(MockSource(8), [])


def test_every_replay_of_a_real_model_gives_its_logits(tmp_path: Path) -> None:
    from retort.sources.transformers import TransformersSource

    source = TransformersSource(str(save_tiny_model(tmp_path / "llama", "llama")))
    texts = [
        source.encode("the sky is blue and"),
        source.encode("a pear"),
        source.encode("what is a pear? a"),
    ]
    ways = replays(source)
    reference = ways[0].run(texts)
    for way in ways[1:]:
        tolerance = {"bfloat16": 0.3, "float16": 0.05}.get(way.name, 1e-4)
        for expected, found in zip(reference, way.run(texts), strict=True):
            assert found.shape == expected.shape, way.name
            assert np.abs(found - expected).max() < tolerance, way.name
    found = determinism(source, ["the sky", "a pear is"], max_tokens=6)
    assert {report.name for report in found.replays} >= {"batch", "bfloat16", "one thread", "token by token"}
    assert next(report for report in found.replays if report.name == "bfloat16").noise > 1e-4
