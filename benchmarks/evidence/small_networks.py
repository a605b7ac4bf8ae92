"""Many small networks trained at once: one hidden layer each, a seed a network, all in one batched product.

Networks do not touch one another: the loss is a sum over them and each has weights of its own, so a network's gradient
is the one that it would have alone.

Shapes: N networks, B examples, F features, H hidden units, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from retort.distill.losses import IGNORE_INDEX, distillation_loss

LEARNING_RATE = 0.01
WEIGHT_DECAY = 1e-3
LOOK_EVERY = 10  # steps between two looks at the validation part


class Weights(NamedTuple):
    """The weights of N networks: `[N, F, H]` and `[N, 1, H]` inside, `[N, H, C]` and `[N, 1, C]` outside."""

    inside: Tensor
    inside_bias: Tensor
    outside: Tensor
    outside_bias: Tensor


@dataclass(frozen=True)
class Task:
    """What networks learn from, `[N, B, F]` and `[N, B]` labels, and the part that picks their best step."""

    inputs: Tensor
    labels: Tensor
    validation_inputs: Tensor
    validation_labels: Tensor


@dataclass(frozen=True)
class Targets:
    """The loss: cross-entropy alone without `teacher_logits` `[N, B, C]`, else the mix of Hinton et al. 2015."""

    teacher_logits: Tensor | None = None
    temperature: float = 1.0
    alpha: float = 0.0


@dataclass(frozen=True)
class Trained:
    """Weights after the last step, and those of each network's best step on the validation part."""

    last: Weights
    best: Weights


def initial(seeds: Sequence[int], num_features: int, num_hidden: int, num_classes: int) -> Weights:
    """Weights drawn from each network's own seed, so that equal seeds start alike in any company."""
    inside, outside = [], []
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        inside.append(torch.randn(num_features, num_hidden, generator=generator) * (2 / num_features) ** 0.5)
        outside.append(torch.randn(num_hidden, num_classes, generator=generator) * (1 / num_hidden) ** 0.5)
    return Weights(
        torch.stack(inside),
        torch.zeros(len(seeds), 1, num_hidden),
        torch.stack(outside),
        torch.zeros(len(seeds), 1, num_classes),
    )


def logits(weights: Weights, inputs: Tensor) -> Tensor:
    """`[N, B, C]` of `[N, B, F]` inputs."""
    hidden = torch.baddbmm(weights.inside_bias, inputs, weights.inside).relu()
    return torch.baddbmm(weights.outside_bias, hidden, weights.outside)


def train(start: Weights, task: Task, targets: Targets, num_steps: int) -> Trained:
    """AdamW on the whole training part at once, `num_steps` times; labels of IGNORE_INDEX are left out."""
    weights = Weights(*(one.clone().requires_grad_(True) for one in start))
    optimiser = torch.optim.AdamW(list(weights), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    # Each network divides by its own number of examples.
    per_network = (task.labels != IGNORE_INDEX).sum(-1)
    assert (per_network == per_network[0]).all(), "networks see equally many examples"
    best = Weights(*(one.detach().clone() for one in weights))
    best_score = torch.full((len(per_network),), -1.0)
    for step in range(1, num_steps + 1):
        optimiser.zero_grad()
        total, _ = distillation_loss(
            logits(weights, task.inputs),
            targets.teacher_logits,
            task.labels,
            temperature=targets.temperature,
            alpha=targets.alpha,
        )
        (total / per_network[0]).backward()
        optimiser.step()
        if step % LOOK_EVERY == 0 or step == num_steps:
            with torch.no_grad():
                score = accuracy(weights, task.validation_inputs, task.validation_labels)
                better = score > best_score
                best_score = torch.where(better, score, best_score)
                for kept, now in zip(best, weights, strict=True):
                    kept[better] = now[better]
    return Trained(Weights(*(one.detach() for one in weights)), best)


def accuracy(weights: Weights, inputs: Tensor, labels: Tensor) -> Tensor:
    """The share of right answers of each network, `[N]`."""
    return (logits(weights, inputs).argmax(-1) == labels).float().mean(-1)
