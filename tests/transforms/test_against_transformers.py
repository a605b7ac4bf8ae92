"""The same tokens as the installed transformers' processors, away from ties; and where they differ, how.

Rows are drawn from a normal distribution in float64, so no two logits tie and no sum lands on its threshold.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from retort.transforms.entropy import top_h, typical_p
from retort.transforms.truncation import epsilon_cutoff, eta_cutoff

torch = pytest.importorskip("torch")
warpers = pytest.importorskip("transformers.generation.logits_process")


def rows(masked: bool) -> np.ndarray:
    """Peaked, usual and flat rows of 300 tokens; masked: a third of them removed."""
    generator = np.random.default_rng(21)
    logits = generator.normal(size=(60, 300)) * np.repeat([0.3, 2.0, 6.0], 20)[:, None]
    if masked:
        logits[:, ::3] = -math.inf
    return logits


def theirs(processor: object, logits: np.ndarray) -> np.ndarray:
    """What a processor of transformers keeps."""
    ids = torch.zeros((len(logits), 1), dtype=torch.long)
    return (processor(ids, torch.tensor(logits)) > -math.inf).numpy()  # type: ignore[operator]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("mass", [0.05, 0.3, 0.9, 0.99])
@pytest.mark.parametrize("min_keep", [1, 5])
def test_typical(mass: float, min_keep: int, masked: bool) -> None:
    logits = rows(masked)
    ours = typical_p(logits, mass, ties="all", min_keep=min_keep)
    processor = warpers.TypicalLogitsWarper(mass=mass, min_tokens_to_keep=min_keep)
    np.testing.assert_array_equal(ours > -math.inf, theirs(processor, logits))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("epsilon", [0.0003, 0.01, 0.3, 0.9])
@pytest.mark.parametrize("min_keep", [1, 5])
@pytest.mark.parametrize(
    ("function", "warper"), [(epsilon_cutoff, "EpsilonLogitsWarper"), (eta_cutoff, "EtaLogitsWarper")]
)
def test_floors(function: object, warper: str, epsilon: float, min_keep: int, masked: bool) -> None:
    logits = rows(masked)
    ours = function(logits, epsilon, ties="all", min_keep=min_keep)  # type: ignore[operator]
    processor = getattr(warpers, warper)(epsilon=epsilon, min_tokens_to_keep=min_keep)
    np.testing.assert_array_equal(ours > -math.inf, theirs(processor, logits))


def test_ties_at_the_edge_are_where_typical_and_the_floors_differ() -> None:
    """They keep every token that ties with the last one; so do we with ties="all", and exactly as many without."""
    uniform = np.zeros((1, 10))
    typical = theirs(warpers.TypicalLogitsWarper(mass=0.35), uniform)
    np.testing.assert_array_equal(typical, typical_p(uniform, 0.35, ties="all") > -math.inf)
    assert typical.sum() == 10 and np.isfinite(typical_p(uniform, 0.35)).sum() == 4
    floor = theirs(warpers.EpsilonLogitsWarper(epsilon=0.2), uniform)
    np.testing.assert_array_equal(floor, epsilon_cutoff(uniform, 0.2, ties="all") > -math.inf)
    assert floor.sum() == 10 and np.isfinite(epsilon_cutoff(uniform, 0.2)).sum() == 1


def test_top_h_of_transformers_does_not_renormalise() -> None:
    """transformers 5.24 adds up -p ln p of the tokens kept, with p as it was: on 100 equal tokens 50, not √100 = 10."""
    uniform = np.zeros((1, 100))
    assert theirs(warpers.TopHLogitsWarper(top_h=0.5), uniform).sum() in (49, 50)
    assert np.isfinite(top_h(uniform, 0.5)).sum() == 10


def test_top_h_of_transformers_sees_100_tokens() -> None:
    """Nor does it look beyond the first 100, for the entropy or for the tokens: of 10,000 equal ones it keeps 50."""
    uniform = np.zeros((1, 10_000))
    assert theirs(warpers.TopHLogitsWarper(top_h=0.5), uniform).sum() in (49, 50)
    assert np.isfinite(top_h(uniform, 0.5)).sum() == 100


def test_top_h_agrees_where_the_first_token_alone_breaks_the_bound() -> None:
    logits = rows(masked=False)[40:]
    ours = top_h(logits, 0.05) > -math.inf
    assert (ours.sum(axis=-1) == 1).all()
    np.testing.assert_array_equal(ours, theirs(warpers.TopHLogitsWarper(top_h=0.05), logits))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("share", [0.05, 0.4, 0.9])
def test_top_h_summed_among_100_is_what_transformers_does(share: float, masked: bool) -> None:
    logits = rows(masked)
    ours = top_h(logits, share, entropy="summed", among=100)
    np.testing.assert_array_equal(ours > -math.inf, theirs(warpers.TopHLogitsWarper(top_h=share), logits))
