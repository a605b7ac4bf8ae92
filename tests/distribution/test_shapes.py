"""Shapes and kinds of results, checked by jaxtyping and beartype: what the docstrings promise holds for every axis."""

from __future__ import annotations

import numpy as np
import pytest
from beartype import beartype
from jaxtyping import Bool, Float, Float64, Int64, jaxtyped

from retort.chain import Chain
from retort.distribution import (
    Distribution,
    entropy,
    jsd,
    kl,
    leakage,
    log_softmax,
    margin,
    nucleus_size,
    skew_kl,
    softmax,
    support_size,
    tempered,
    top_ids,
    total_variation,
)

SHAPES = [(5,), (3, 5), (2, 3, 5), (0, 5), (4, 1)]


@jaxtyped(typechecker=beartype)
def check_logits_to_logits(
    logits: Float[np.ndarray, "*rows vocab"],
    log_probs: Float64[np.ndarray, "*rows vocab"],
    probs: Float64[np.ndarray, "*rows vocab"],
    processed: Float[np.ndarray, "*rows vocab"],
    kept: Bool[np.ndarray, "*rows vocab"],
) -> None:
    """Every argument has the shape of the logits."""


@jaxtyped(typechecker=beartype)
def check_one_number_a_row(
    logits: Float[np.ndarray, "*rows vocab"],
    nats: Float64[np.ndarray, "*rows"],
    gaps: Float[np.ndarray, "*rows"],
    counts: Int64[np.ndarray, "*rows"],
) -> None:
    """Every other argument has one entry for each row of logits."""


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_results_have_the_promised_shapes(shape: tuple[int, ...], dtype: type) -> None:
    logits = np.random.default_rng(0).normal(size=shape).astype(dtype)
    chain = Chain("temperature=0.7 | top_k=3 | top_p=0.9 | min_p=0.05")
    processed = chain.apply(logits)
    check_logits_to_logits(logits, log_softmax(logits), softmax(logits, 2.0), processed, processed > -np.inf)
    check_logits_to_logits(logits, tempered(logits, 0.5), tempered(logits, 0.0), logits, logits == logits)
    p, q = log_softmax(logits), log_softmax(logits, 2.0)
    for nats in (
        entropy(logits),
        leakage(logits, processed),
        kl(p, q),
        jsd(p, q),
        skew_kl(p, q),
        total_variation(p, q),
    ):
        check_one_number_a_row(
            logits,
            np.asarray(nats),
            np.asarray(margin(logits)),
            np.asarray(nucleus_size(logits, 0.9), dtype=np.int64),
        )
    assert np.asarray(support_size(logits)).dtype == np.int64
    assert top_ids(logits, 1).shape == (*shape[:-1], 1)


def test_the_shape_check_itself_can_fail() -> None:
    logits = np.zeros((3, 5))
    with pytest.raises(Exception, match="nats"):
        check_one_number_a_row(logits, np.zeros(4), np.zeros(3), np.zeros(3, np.int64))


@pytest.mark.parametrize("shape", SHAPES)
def test_torch_results_are_torch_tensors_of_the_same_shapes(shape: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    distribution = Distribution(
        torch.randn(shape, generator=torch.Generator().manual_seed(0)), temperature=0.8
    )
    for whole in (
        distribution.log_probs,
        distribution.probs,
        Chain("top_k=2 | top_p=0.9").apply(distribution.logits),
    ):
        assert (
            isinstance(whole, torch.Tensor) and tuple(whole.shape) == shape and whole.dtype == torch.float32
        )
    for one in (distribution.entropy, distribution.margin, distribution.support, distribution.greedy):
        assert isinstance(one, torch.Tensor) and tuple(one.shape) == shape[:-1]
