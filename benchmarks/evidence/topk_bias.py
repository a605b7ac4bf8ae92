"""What a student learns from stored soft targets: the optimum of top-k alone, and the gradient's bias and variance.

With p the teacher at τ, K its k most probable tokens, P their mass and m = 1 − P the rest:

- *top-k, renormalised*: the loss KL(p_K / P ‖ q) has its optimum at q = p_K / P. Every kept token is 1/P times too
  likely and all others are impossible: KL(p ‖ q) is infinite. Mixed with hard labels, α KL + (1 − α) CE, the labels
  being drawn from p, the optimum is q = α p_K / P + (1 − α) p, and its cost is finite:

      KL(p ‖ q) = −P ln(α/P + 1 − α) − m ln(1 − α)

- *top-k with a lump*: the rest is one outcome of probability m. The kept tokens come out right, and of the others only
  their sum is taught. A student that starts with equal logits ends with m / (V − k) for each of them:

      KL(p ‖ q) = m (ln(V − k) − H(p_rest / m))

  With hard labels beside it the optimum is p: the labels tell the rest apart, as slowly as labels do.
- *sampled* and *topk+tail*: the expected target is p (Anshumann et al. 2025), so the optimum is p and the cost 0.

The gradient of a stored target w by the student's logits is q Σw − w, against q − p. Its error is measured where a
training step has it: averaged over N positions, as the gradient of the output layer's bias. A variance falls as 1/N and
a bias stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.evidence.record import Evidence, Interval, evidence, interval
from retort.distill.cache.codecs import Layout, find_codec
from retort.distill.cache.rounding import Places
from retort.distill.losses import SparseTargets, distillation_loss, sparse_distillation_loss

QUESTION = "Stored soft targets: where top-k alone leads, and what sampling costs instead"
ALPHAS = (0.7, 0.9)
SEARCH_STEPS = 200


@dataclass(frozen=True)
class Sizes:
    """How large the experiment is."""

    positions: int = 4096
    kept: tuple[int, ...] = (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
    searched: tuple[int, ...] = (2, 32, 512)  # values of k where the optimum is also searched for
    searched_positions: int = 2
    replicates: int = 16  # independent captures of the same positions
    temperatures: tuple[float, ...] = (1.0, 3.0)
    # One size: `sampled:50` decides, and top-k gets as many tokens as fit into its bytes.
    sampled: str = "sampled:50"
    repaired: str = "topk+tail:2+6"


FULL = Sizes()
QUICK = Sizes(positions=256, kept=(2, 8, 32), searched=(8,), searched_positions=2, replicates=6)


@dataclass(frozen=True)
class Rows:
    """Teacher and student logits at some positions of a text, `[positions, vocab]`."""

    teacher: Tensor
    student: Tensor
    named: str


def run(*, quick: bool = False, num_seeds: int | None = None) -> Evidence:
    """The cost of each optimum over k, by formula and by search; the gradient's error by codec, τ and N."""
    sizes = QUICK if quick else FULL
    rows = made_up(sizes.positions) if quick else embedded(sizes.positions)
    replicates = num_seeds or sizes.replicates
    optima = _optima(sizes, rows)
    gradients = [
        row for temperature in sizes.temperatures for row in _gradients(sizes, rows, temperature, replicates)
    ]
    settings = {**asdict(sizes), "replicates": replicates, "rows": rows.named, "alphas": list(ALPHAS)}
    return evidence("topk-bias", QUESTION, settings, [*optima, *gradients], _findings(optima, gradients))


def embedded(positions: int) -> Rows:
    """embedded:base and embedded:small over the first tokens of the validation text."""
    from retort.distill.data import Corpus
    from retort.distill.data.records import Renderer
    from retort.distill.data.rows import RowLayout, rows_of
    from retort.sources.load import load

    base: Any = load("embedded:base")
    small: Any = load("embedded:small")
    end_id = base.tokenizer.eos_token_id
    length = 128
    text = rows_of(
        Corpus("embedded:validation"),
        Renderer(base.tokenizer, end_id),
        RowLayout(length, end_id),
        tokens=positions + length,
    )
    ids = torch.from_numpy(text.ids[: -(-positions // length)])

    @torch.no_grad()
    def logits(model: Any) -> Tensor:
        parts = [model(input_ids=part, use_cache=False).logits.flatten(0, 1) for part in ids.split(8)]
        return torch.cat(parts)[:positions].float()

    return Rows(logits(base.model), logits(small.model), "embedded:base and embedded:small, validation text")


def made_up(positions: int, vocab_size: int = 128) -> Rows:
    """Gaussian logits that share a part, as those of one text do; the student knows half of it."""
    generator = torch.Generator().manual_seed(0)
    shared = torch.randn(vocab_size, generator=generator)
    own, guess = torch.randn(2, positions, vocab_size, generator=generator)
    return Rows(2 * shared + 2 * own, 1.5 * shared + own + guess, f"made up, {vocab_size} tokens")


def renormalised_cost(probs: Tensor, kept: int, alpha: float) -> Tensor:
    """KL(p ‖ α p_K / P + (1 − α) p) in nats, `[rows]` of `[rows, vocab]`; infinite where alpha is 1."""
    top = probs.topk(kept, dim=-1).values.sum(-1)
    rest = (1 - top).clamp(min=0)  # rounding may leave the sum above 1
    of_rest = torch.special.xlog1py(rest, torch.full_like(rest, -alpha))
    return -top * (alpha / top + 1 - alpha).log() - of_rest


def lump_cost(probs: Tensor, kept: int) -> Tensor:
    """m (ln(V − k) − H(p_rest / m)) in nats, `[rows]`."""
    rest = probs.sort(dim=-1, descending=True).values[:, kept:]
    mass = rest.sum(-1)
    return mass * (rest.shape[-1] / mass).log() + torch.special.xlogy(rest, rest).sum(-1)


def searched_cost(probs: Tensor, kept: int, alpha: float, *, lump: bool) -> Tensor:
    """KL(p ‖ q) in nats, `[rows]`, of a student trained with retort's loss from equal logits, in float64.

    The labels' term is taken in expectation: the cross-entropy with p itself.
    """
    log_probs = probs.log()
    top = probs.topk(kept, dim=-1)
    count = len(probs)
    nothing = torch.zeros(count, dtype=torch.long)
    targets = SparseTargets(
        top.indices, top.values / top.values.sum(-1, keepdim=True), torch.zeros(count, dtype=probs.dtype)
    )
    inside = torch.zeros_like(probs, dtype=torch.bool).scatter_(-1, top.indices, True)

    def lumped(log_values: Tensor) -> Tensor:
        rest = log_values.masked_fill(inside, float("-inf")).logsumexp(-1, keepdim=True)
        return torch.cat([log_values.gather(-1, top.indices), rest], dim=-1)

    logits = torch.zeros_like(probs, requires_grad=True)
    for _ in range(SEARCH_STEPS):
        if lump:
            soft, _ = distillation_loss(
                lumped(logits.log_softmax(-1)), lumped(log_probs), nothing, temperature=1.0, alpha=1.0
            )
        else:
            soft, _ = sparse_distillation_loss(logits, targets, nothing, temperature=1.0, alpha=1.0)
        hard, _ = distillation_loss(logits, log_probs, nothing, temperature=1.0, alpha=1.0)
        (gradient,) = torch.autograd.grad(alpha * soft + (1 - alpha) * hard, logits)
        # The natural gradient: a rare token's logit moves as fast as a likely one's, or the tail would take for ever.
        with torch.no_grad():
            logits -= (gradient / logits.softmax(-1)).clamp(-1, 1)
    return (probs * (log_probs - logits.detach().log_softmax(-1))).sum(-1)


def _optima(sizes: Sizes, rows: Rows) -> list[dict[str, Any]]:
    probs = rows.teacher.double().softmax(-1)
    few = probs[:: len(probs) // sizes.searched_positions][: sizes.searched_positions]
    found = []
    for kept in sizes.kept:
        if kept >= probs.shape[-1]:
            continue
        outside = 1 - probs.topk(kept, dim=-1).values.sum(-1)
        for target, alpha in (*(("renormalised", alpha) for alpha in ALPHAS), ("lump", 1.0)):
            lump = target == "lump"
            cost = lump_cost(probs, kept) if lump else renormalised_cost(probs, kept, alpha)
            gap = None
            if kept in sizes.searched:
                formula = lump_cost(few, kept) if lump else renormalised_cost(few, kept, alpha)
                gap = float((searched_cost(few, kept, alpha, lump=lump) - formula).abs().max())
            found.append(
                {
                    "part": "optimum",
                    "target": target,
                    "k": kept,
                    "alpha": alpha,
                    "mass outside": float(outside.mean()),
                    "excess": float(cost.mean()),
                    "formula less search, at most": gap,
                }
            )
    return found


def _gradients(sizes: Sizes, rows: Rows, temperature: float, replicates: int) -> list[dict[str, Any]]:
    sampled = stored_errors(rows, sizes.sampled, temperature, replicates)
    equal = max(1, int(sampled.bytes_per_token // 4))
    found = [sampled]
    for codec, times in ((sizes.repaired, replicates), (f"topk:{equal}", 1), (f"topk:{4 * equal}", 1)):
        found.append(stored_errors(rows, codec, temperature, times))
    return [
        {
            "part": "gradient",
            "temperature": temperature,
            "codec": one.codec,
            "bytes a token": one.bytes_per_token,
            "variance": one.variance,
            "bias over its own noise": None if one.excess is None else asdict(one.excess),
            **{f"error at N = {size}": value for size, value in one.errors.items()},
        }
        for one in found
    ]


@dataclass(frozen=True)
class Stored:
    """What a codec does to the gradient.

    `variance`: of one position's gradient, summed over the vocabulary. `errors`: root mean square error of the mean
    gradient over N positions, as a share of that gradient's length. `excess`: squared error that all captures share
    over what one capture's noise makes, plus 1; so 1 where there is no bias. None for a codec without noise.
    """

    codec: str
    bytes_per_token: float
    variance: float
    errors: dict[int, float]
    excess: Interval | None


def stored_errors(rows: Rows, codec: str, temperature: float, replicates: int) -> Stored:
    """Capture `replicates` times with a real codec and compare the gradients that come out."""
    probs = (rows.teacher / temperature).softmax(-1)
    student = (rows.student / temperature).softmax(-1)
    exact = student - probs
    chosen = find_codec(codec)
    positions, vocab_size = exact.shape
    layout = Layout(vocab_size, temperature, seed=0)
    num_bytes = 0
    sizes = [size for size in (4**power for power in range(12)) if size <= positions]
    squared: dict[int, list[float]] = {size: [] for size in sizes}
    over_all = []
    total, total_square = torch.zeros(positions, vocab_size), torch.zeros(positions)
    for replicate in range(replicates):
        places = Places(
            np.full(positions, 10_000 + replicate, dtype=np.uint64), np.arange(positions, dtype=np.int64)
        )
        packed, _ = chosen.encode(temperature * torch.log(probs), layout, places)
        num_bytes += sum(map(len, packed.to_pylist()))
        targets = chosen.decode(packed, layout, places, np.zeros(positions, dtype=np.float32))
        ids, weights = torch.from_numpy(targets.ids), torch.from_numpy(targets.weights)
        error = student * (weights.sum(-1, keepdim=True) - 1) + probs
        error.scatter_add_(-1, ids, -weights)
        for size in sizes:
            squared[size].append(float(_means(error, size).square().sum(-1).mean()))
        over_all.append(error.mean(0))
        total += error
        total_square += error.square().sum(-1)
    # Between captures alone; within one capture there is none.
    variance = 0.0
    if replicates > 1:
        spread = total_square / replicates - (total / replicates).square().sum(-1)
        variance = float(spread.mean()) * replicates / (replicates - 1)
    return Stored(
        chosen.text,
        num_bytes / (positions * replicates),
        variance,
        {
            size: (sum(squared[size]) / replicates / float(_means(exact, size).square().sum(-1).mean()))
            ** 0.5
            for size in sizes
        },
        bias_over_noise(torch.stack(over_all)) if replicates > 1 else None,
    )


def _means(values: Tensor, size: int) -> Tensor:
    """Means over groups of `size` positions, `[groups, vocab]`; the groups are spread over the text."""
    groups = len(values) // size
    return values[: groups * size].unflatten(0, (size, groups)).mean(0)


def bias_over_noise(captures: Tensor) -> Interval:
    """1 + ‖bias‖² / variance of one capture's mean error, `[captures, vocab]`; an interval over disjoint pairs.

    The product of two independent errors has ‖bias‖² as its expectation, without the variance that a square adds.
    """
    pairs = captures[: len(captures) // 2 * 2].unflatten(0, (-1, 2))
    squared_bias = (pairs[:, 0] * pairs[:, 1]).sum(-1)
    return interval((1 + squared_bias / captures.var(0).sum()).tolist())


def _findings(optima: Sequence[dict[str, Any]], gradients: Sequence[dict[str, Any]]) -> list[str]:
    gaps = [row["formula less search, at most"] for row in optima]
    gap = max(one for one in gaps if one is not None)
    shown = [row for row in optima if row["target"] == "renormalised" and row["alpha"] == ALPHAS[0]]
    some = min(shown, key=lambda row: abs(row["k"] - 64))
    lump = next(row for row in optima if row["target"] == "lump" and row["k"] == some["k"])
    last = max(
        (name for name in gradients[0] if name.startswith("error")), key=lambda name: int(name.split()[-1])
    )
    said = [
        f"Top-{some['k']} alone with α = {ALPHAS[0]:g} costs {some['excess']:.4g} nats a token that no training can win"
        f" back ({some['mass outside']:.2%} of the probability is outside); without hard labels it is infinite.",
        f"Top-{lump['k']} with a lump costs {lump['excess']:.4g} nats where the student has to guess the rest evenly.",
        f"A search with retort's own loss ends where the formulas say, to {gap:.1e} nats.",
    ]
    for row in gradients:
        excess = row["bias over its own noise"]
        left = "" if excess is None else f"; 1 + bias²/variance of one capture {Interval(**excess)}"
        said.append(
            f"τ = {row['temperature']:g}, {row['codec']}: {row['bytes a token']:.1f} bytes a token, the gradient is off"
            f" by {row['error at N = 1']:.3g} of its length at one position and {row[last]:.3g} over"
            f" {last.split()[-1]}{left}."
        )
    return said
