"""The distillation loss of a student's logits: against a teacher's logits, or a few weighted tokens of a cache.

    alpha * tau^2 * D(softmax(teacher / tau), softmax(student / tau)) + (1 - alpha) * CE(student, labels)

Here, and nowhere else, the two terms are weighed (`Mixture`), labels are shifted (`align_labels`), tables of different
size are matched and several teachers become one distribution; fused.py differs in how a block of logits comes to be.

A call returns the sum and the number of unmasked positions, and never the mean: only the trainer knows how many
positions the whole optimiser step has, over micro-batches and ranks.

Memory: positions go through in blocks that fit a core's cache, and a block's gradient is taken while it is
there. What is kept for backward is one tensor like the student's logits (the projection needs that one
anyway); the four or five temporaries of the textbook code never exist at full size.

Shapes: `[..., vocab]` logits, `[...]` labels: `[batch, time, vocab]` of a language model, `[batch, classes]`
of a classifier.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from retort.distill.losses.divergences import Chosen, find_divergence
from retort.errors import InputError

IGNORE_INDEX = -100


def align_labels(labels: Tensor, ignore_index: int = IGNORE_INDEX) -> Tensor:
    """Labels `[batch, time]` moved one place left, so that position t holds the token that logits t predict.

    The last position predicts nothing and gets `ignore_index`. Shifting labels rather than slicing logits
    avoids a copy of the logits, and the mask moves with the labels because it is part of them.
    """
    return functional.pad(labels[..., 1:], (0, 1), value=ignore_index)


def kept_positions(labels: Tensor, vocab_size: int, ignore_index: int) -> Tensor:
    """Indices into the flattened labels of the positions that count.

    Raises InputError for a label outside the vocabulary.
    """
    flat = labels.reshape(-1)
    # Indices and not a mask: how many there are is needed anyway, and a mask would be searched again for every block.
    kept = (flat != ignore_index).nonzero().squeeze(-1)
    counted = flat[kept]
    if counted.numel() and (int(counted.min()) < 0 or int(counted.max()) >= vocab_size):
        raise InputError(
            f"labels run from {int(counted.min())} to {int(counted.max())}; allowed are 0 to {vocab_size - 1}, and"
            f" {ignore_index} for positions that do not count."
        )
    return kept


def check_shape(labels: Tensor, other: Tensor, name: str) -> None:
    """Raise InputError unless `labels` are `other` without its last axis."""
    if labels.shape != other.shape[:-1]:
        raise InputError(
            f"labels have shape {list(labels.shape)} and {name} {list(other.shape)}; labels must have that shape"
            " without its last axis, already aligned with what predicts them."
        )


@dataclass(frozen=True)
class Mixture:
    """The soft and the hard term with their weights (Hinton, Vinyals and Dean 2015, section 2)."""

    temperature: float
    alpha: float
    divergence: Chosen

    @classmethod
    def of(cls, temperature: float, alpha: float, divergence: str) -> Mixture:
        """Checked: raises InputError for temperature <= 0, alpha outside [0, 1] and an unknown divergence."""
        if not 0 < temperature < math.inf:
            raise InputError(f"temperature is {temperature}; it must be a number above 0, for instance 3.0.")
        if not 0 <= alpha <= 1:
            raise InputError(
                f"alpha is {alpha}; it is the soft targets' share of the loss and must lie in [0, 1]."
            )
        return cls(temperature, alpha, find_divergence(divergence))

    @property
    def soft_weight(self) -> float:
        """alpha tau^2: tau^2 undoes the 1/tau^2 of the soft gradient, so alpha means the same at every tau."""
        return self.alpha * (self.temperature**2 if self.divergence.row.tempered else 1.0)

    def value_and_gradient(
        self, student: Tensor, teacher: Tensor | None, labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The summed loss of `[rows, vocab]` logits, a scalar in nats, and its gradient by the student's logits."""
        if self.alpha == 0:
            return cross_entropy(student, labels)
        assert teacher is not None, "a soft term needs a teacher"
        values, gradient = self.divergence.function(student, teacher, labels, self.temperature)
        return self.with_labels(
            self.soft_weight * values.sum(), gradient.mul_(self.soft_weight), student, labels
        )

    def with_labels(
        self, value: Tensor, gradient: Tensor, student: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The hard term of `[rows, vocab]` logits added to the soft one, which is weighted already; in place."""
        if self.alpha < 1:
            hard_value, hard = cross_entropy(student, labels)
            value = value + (1 - self.alpha) * hard_value
            gradient.add_(hard, alpha=1 - self.alpha)
        return value, gradient


def cross_entropy(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """-Σ ln softmax(z)[label] over `[rows, vocab]`, in nats, and its gradient softmax(z) - 1[label]."""
    log_probs = functional.log_softmax(logits, dim=-1)
    rows = labels.unsqueeze(-1)
    value = -log_probs.gather(-1, rows).sum()
    probs = log_probs.exp_()
    # The -1 at each label as one number seen from all rows, and the probabilities in place: nothing is made anew.
    return value, probs.scatter_add_(-1, rows, probs.new_full((1, 1), -1.0).expand(rows.shape))


def match_vocabulary(teacher_logits: Tensor, vocab_size: int) -> Tensor:
    """Teacher logits `[rows, vocab_size]`: padded with -inf (0 would be a likely token), or cut to the shared ids."""
    missing = vocab_size - teacher_logits.shape[-1]
    if missing > 0:
        return functional.pad(teacher_logits, (0, missing), value=float("-inf"))
    return teacher_logits[..., :vocab_size]


def averaged_logits(
    teacher_logits: Sequence[Tensor], weights: Sequence[float] | None, temperature: float
) -> Tensor:
    """Logits `[..., vocab]` that give the teachers' mean probabilities at `temperature` when they are tempered by
    it."""
    return average_log_probs(teacher_logits, weights, temperature).mul_(temperature)


def average_log_probs(
    teacher_logits: Sequence[Tensor], weights: Sequence[float] | None = None, temperature: float = 1.0
) -> Tensor:
    """`[..., vocab]` ln Σ_k w_k softmax(z_k / temperature): the mixture's log-probabilities, float32 at least.

    Averaged in probability space: one teacher that is sure of a token and one that rules it out give ½, where
    averaged logits would give nearly 0. The mean of distributions minimises the mean KL from the teachers, so the
    student's optimum is the same as with the teachers' losses averaged one by one. `weights` are made to sum to 1;
    None weighs all alike. One formula for training and for `retort capture`. Raises InputError for weights
    that do not fit.
    """
    if not teacher_logits:
        raise InputError("there is no teacher to average; give at least one.")
    shares = [1.0] * len(teacher_logits) if weights is None else [float(weight) for weight in weights]
    if len(shares) != len(teacher_logits) or min(shares) < 0 or not 0 < sum(shares) < math.inf:
        raise InputError(
            f"teacher weights are {shares} for {len(teacher_logits)} teachers; give one number of 0 or "
            "more for each, not all 0."
        )
    total = sum(shares)
    mixture = None
    for logits, share in zip(teacher_logits, shares, strict=True):
        if share == 0:  # ln 0 would make NaN of a token that this teacher rules out
            continue
        wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
        log_probs = torch.log_softmax(wide / temperature, dim=-1).add_(math.log(share / total))
        # In logarithms: a probability of e^-104 is 0 in float32, and the token would be one that no teacher can say.
        mixture = log_probs if mixture is None else torch.logaddexp(mixture, log_probs)
    assert mixture is not None
    return mixture


# Half a megabyte of float32 a block on a CPU, so that the passes over it and its few companions stay in the
# second-level cache; on an accelerator kernel launches cost more than memory traffic, so blocks are large.
BLOCK_ELEMENTS_CPU = 2**17
BLOCK_ELEMENTS_ACCELERATOR = 2**26

# (logits of the block `[rows, vocab]`, which kept rows they are) → value, a scalar, and gradient like the logits.
BlockLoss = Callable[[Tensor, slice], tuple[Tensor, Tensor]]


def block_rows(logits: Tensor) -> int:
    """How many rows of `[..., vocab]` logits one block takes on their device."""
    elements = BLOCK_ELEMENTS_CPU if logits.device.type == "cpu" else BLOCK_ELEMENTS_ACCELERATOR
    return max(1, elements // logits.shape[-1])


def sum_over_blocks(student: Tensor, kept: Tensor, rows: int, block_loss: BlockLoss) -> Tensor:
    """The total of `block_loss` over the rows `kept` of `[positions, vocab]` logits: a scalar with its gradient."""
    total: Tensor = _SumOverBlocks.apply(student, kept, rows, block_loss)
    return total


class _SumOverBlocks(torch.autograd.Function):
    """`sum_over_blocks`: the gradient is made with the value, since the block's logits are in the cache only then."""

    @staticmethod
    @torch.no_grad()
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        student: Tensor,
        kept: Tensor,
        rows: int,
        block_loss: BlockLoss,
    ) -> Tensor:
        """The total; `kept` holds the indices of the rows that count."""
        inside = torch.promote_types(student.dtype, torch.float32)
        # Masked rows keep a gradient of exactly 0. Without masked rows every row is written, so clearing
        # would be waste.
        everything = kept.numel() == student.shape[0]
        gradient = None
        if ctx.needs_input_grad[0]:  # type: ignore[attr-defined]
            gradient = torch.empty_like(student) if everything else torch.zeros_like(student)
        total = torch.zeros((), dtype=inside, device=student.device)
        # Autocast would take the log-softmax back to half precision, which the caller has just left.
        with torch.autocast(student.device.type, enabled=False):
            for start in range(0, kept.numel(), rows):
                block = slice(start, start + rows)
                # A slice when nothing is masked: indexing would copy the rows.
                where = block if everything else kept[block]
                value, block_gradient = block_loss(student[where].to(inside), block)
                total += value
                if gradient is not None:
                    gradient[where] = block_gradient.to(gradient.dtype)
        if gradient is not None:
            ctx.save_for_backward(gradient)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: torch.autograd.function.FunctionCtx, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        """The kept gradient, scaled. It has no derivative of its own: torch refuses to differentiate twice."""
        (gradient,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return gradient * grad_output.to(gradient.dtype), None, None, None


def distillation_loss(
    student_logits: Tensor,
    teacher_logits: Tensor | None,
    labels: Tensor,
    temperature: float = 3.0,
    alpha: float = 0.7,
    divergence: str = "forward_kl",
    ignore_index: int = IGNORE_INDEX,
    *,
    chunk_positions: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The sum of the loss over unmasked positions, in nats, and how many there are: `(total, count)`.

    alpha * tau^2 * D(teacher_tau, student_tau) + (1 - alpha) * CE (Hinton et al. 2015). tau^2 undoes the
    1/tau^2 of the soft term's gradient, so that alpha means the same at every temperature. `divergence` is a
    name of DIVERGENCES, with parameters as in `jsd(beta=0.3)`.

    - `student_logits` `[..., vocab]`, `teacher_logits` `[..., teacher vocab]`, `labels` `[...]` aligned with
      the logits. With alpha = 0 the teacher is not looked at and may be None.
    - Tables of different size: the shorter teacher is padded with -inf (probability 0, never logit 0). A
      teacher with more ids than the student is conditioned on the ids that both have, since no student can
      put mass on the others.
    - -inf teacher logits are tokens of probability 0. What stands at a masked position is never read, not
      even NaN.
    - Every position masked: total is 0 and still attached to the graph; divide by `count.clamp(min=1)`.
    - float32 inside (float64 for float64 input). Gradients go to the student only, once.

    Raises InputError for shapes that do not fit, temperature <= 0, alpha outside [0, 1], an unknown divergence
    and labels outside the vocabulary.
    """
    mixture = Mixture.of(temperature, alpha, divergence)
    check_shape(labels, student_logits, "student logits")
    if alpha > 0:
        _check_teacher(student_logits, teacher_logits, alpha)
    vocab_size = student_logits.shape[-1]
    student = student_logits.reshape(-1, vocab_size)
    kept = kept_positions(labels, vocab_size, ignore_index)
    teacher = None
    if alpha > 0 and teacher_logits is not None:
        teacher = teacher_logits.detach().reshape(-1, teacher_logits.shape[-1])
    counted = labels.reshape(-1)[kept]
    inside = torch.promote_types(student.dtype, torch.float32)
    everything = kept.numel() == student.shape[0]

    def block_loss(student_block: Tensor, block: slice) -> tuple[Tensor, Tensor]:
        teacher_block = None
        if teacher is not None:
            teacher_block = match_vocabulary(
                teacher[block if everything else kept[block]].to(inside), vocab_size
            )
        return mixture.value_and_gradient(student_block, teacher_block, counted[block])

    total = sum_over_blocks(student, kept, chunk_positions or block_rows(student), block_loss)
    return total, torch.tensor(kept.numel(), device=student.device)


def _check_teacher(student_logits: Tensor, teacher_logits: Tensor | None, alpha: float) -> None:
    if teacher_logits is None:
        raise InputError(f"alpha is {alpha} but there are no teacher logits; give them, or set alpha to 0.")
    if teacher_logits.shape[:-1] != student_logits.shape[:-1]:
        raise InputError(
            f"teacher logits have shape {list(teacher_logits.shape)} and student logits"
            f" {list(student_logits.shape)};"
            " all but the vocabulary must be equal."
        )


@dataclass(frozen=True)
class SparseTargets:
    """One row for each position that counts, in order: `ids` and `weights` `[count, kept]`, `entropy` `[count]`.

    Weight 0 is filling. `entropy` (nats) is the teacher's at tau; it makes the value a Kullback-Leibler divergence
    on average and does not touch the gradient.
    """

    ids: Tensor
    weights: Tensor
    entropy: Tensor


def sparse_distillation_loss(
    student_logits: Tensor,
    targets: SparseTargets,
    labels: Tensor,
    temperature: float = 3.0,
    alpha: float = 0.7,
    ignore_index: int = IGNORE_INDEX,
    *,
    chunk_positions: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The sum over unmasked positions, in nats, and how many there are, as `distillation_loss` with forward KL.

    `student_logits` `[..., vocab]`, `labels` `[...]` aligned with them, `targets` for the unmasked positions alone.
    The targets must be of this `temperature`: draws at one tau are not unbiased at another. With weights drawn
    by chance a single value may be negative, and its expectation is the divergence.

    Raises InputError as `distillation_loss` does, and for targets that are not one row a counted position.
    """
    mixture = Mixture.of(temperature, alpha, "forward_kl")
    check_shape(labels, student_logits, "student logits")
    vocab_size = student_logits.shape[-1]
    student = student_logits.reshape(-1, vocab_size)
    kept = kept_positions(labels, vocab_size, ignore_index)
    if len(targets.ids) != kept.numel() or targets.ids.shape != targets.weights.shape:
        raise InputError(
            f"targets are {list(targets.ids.shape)} ids and {list(targets.weights.shape)} weights for"
            f" {kept.numel()} positions that count; there must be one row of both for each."
        )
    if targets.ids.numel() and int(targets.ids.max()) >= vocab_size:
        raise InputError(
            f"targets name token {int(targets.ids.max())}, but the student has {vocab_size} logits;"
            " teacher and student must share a tokenizer."
        )
    counted = labels.reshape(-1)[kept]
    soft = mixture.soft_weight

    def block_loss(student_block: Tensor, block: slice) -> tuple[Tensor, Tensor]:
        ids, weights = targets.ids[block], targets.weights[block].to(student_block.dtype)
        # -Σ w ln q by z is (q Σw - w)/τ; Σw is 1 only on average for weights that were drawn, so it stays in.
        log_q = functional.log_softmax(student_block / temperature, dim=-1)
        # -inf · 0: filling names token 0, which may be one that the student rules out.
        on_targets = torch.where(weights > 0, log_q.gather(-1, ids), 0.0)
        value = soft * (-(weights * on_targets).sum() - targets.entropy[block].to(student_block.dtype).sum())
        gradient = log_q.exp_().mul_((soft / temperature) * weights.sum(-1, keepdim=True))
        gradient.scatter_add_(-1, ids, weights * (-soft / temperature))
        return mixture.with_labels(value, gradient, student_block, counted[block])

    total = sum_over_blocks(student, kept, chunk_positions or block_rows(student), block_loss)
    return total, torch.tensor(kept.numel(), device=student.device)
