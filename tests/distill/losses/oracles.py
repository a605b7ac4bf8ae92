"""Every divergence as its paper writes it, differentiated by autograd in float64: what the table is held against.

Written from the papers' definitions with plain probabilities, apart from the package's formulas and derivatives.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Formula = Callable[[Tensor, Tensor], Tensor]


def kl(p: Tensor, q: Tensor) -> Tensor:
    return torch.where(p > 0, p * (p.clamp_min(1e-300) / q.clamp_min(1e-300)).log(), 0).sum(-1)


def jsd(beta: float) -> Formula:
    if beta == 0:
        return kl
    if beta == 1:
        return lambda p, q: kl(q, p)
    return lambda p, q: (
        beta * kl(p, beta * p + (1 - beta) * q) + (1 - beta) * kl(q, beta * p + (1 - beta) * q)
    )


# Written form → the same between two probability vectors.
OF_PROBABILITIES: dict[str, Formula] = {
    "forward_kl": kl,
    "reverse_kl": lambda p, q: kl(q, p),
    "jsd": jsd(0.5),
    "jsd(beta=0.1)": jsd(0.1),
    "jsd(0.9)": jsd(0.9),
    "jsd(0)": jsd(0),
    "jsd(1)": jsd(1),
    "skew_kl": lambda p, q: kl(p, 0.1 * p + 0.9 * q),
    "skew_kl(0.7)": lambda p, q: kl(p, 0.7 * p + 0.3 * q),
    "skew_reverse_kl": lambda p, q: kl(q, 0.1 * q + 0.9 * p),
    "total_variation": lambda p, q: 0.5 * (p - q).abs().sum(-1),
}


def z_scored(z: Tensor) -> Tensor:
    return (z - z.mean(-1, keepdim=True)) / z.std(-1, keepdim=True, correction=0)


def decoupled(
    z: Tensor, t: Tensor, labels: Tensor, temperature: float, target: float, others: float
) -> Tensor:
    rows = torch.arange(len(z))
    p, q = (t / temperature).softmax(-1), (z / temperature).softmax(-1)
    b, s = p[rows, labels], q[rows, labels]
    sides = kl(torch.stack([b, 1 - b], -1), torch.stack([s, 1 - s], -1))
    without = torch.ones_like(z, dtype=torch.bool)
    without[rows, labels] = False
    p, q = (one[without].reshape(len(z), -1) for one in (p, q))
    return target * sides + others * kl(p / p.sum(-1, keepdim=True), q / q.sum(-1, keepdim=True))


def of_logits(text: str, z: Tensor, t: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """`[rows]` values of the divergence written `text`, differentiable."""
    if text in OF_PROBABILITIES:
        return OF_PROBABILITIES[text]((t / temperature).softmax(-1), (z / temperature).softmax(-1))
    if text == "mse":
        return 0.5 * (z - t).square().mean(-1)
    if text == "standardised_kl":
        return kl((z_scored(t) / temperature).softmax(-1), (z_scored(z) / temperature).softmax(-1))
    if text == "decoupled":
        return decoupled(z, t, labels, temperature, 1.0, 8.0)
    if text == "decoupled(2, others=3)":
        return decoupled(z, t, labels, temperature, 2.0, 3.0)
    raise AssertionError(text)


ALL = (*OF_PROBABILITIES, "mse", "standardised_kl", "decoupled", "decoupled(2, others=3)")
