"""The distillation loss from hidden states: both output projections are done chunk by chunk, inside the loss.

At a vocabulary of 128,256 the logits of 2,048 positions are a gigabyte of float32 for each model, and the
textbook loss holds seven or eight such tensors. Here a chunk of positions is projected into two buffers, its
loss and gradient are taken block by block in the cache, and the chunk's part of the gradients by hidden
states and weight is added while it is there. `[positions, vocab]` never exists, for neither model; what is
kept for backward is a gradient like the student's hidden states and one like its weight.

Products are in float32 for float32 and half-float input on a CPU, where those are faster than half-float ones
(docs/LOG.md), and in the input's own arithmetic on an accelerator; sums of the weight's gradient and all that
comes after the logits are float32, or float64 for float64 input.

Shapes: T positions of a chunk, V vocabulary, D width of the hidden states.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from retort.distill.losses.mixture import (
    IGNORE_INDEX,
    Mixture,
    block_rows,
    check_shape,
    kept_positions,
    match_vocabulary,
)
from retort.errors import InputError

# 128 MB of float32 a buffer, of which there are two: enough rows that a product is worth reading the weight for.
CHUNK_ELEMENTS = 2**25
# A half-float weight is widened this many elements at a time, for one product, and never as a whole.
WIDENED_ELEMENTS = 2**23


@dataclass(frozen=True)
class Head:
    """An output projection: logits = softcap(scale * (hidden @ weight.T + bias)), softcap(z) = cap * tanh(z / cap).

    `weight` `[vocab, width]`, `bias` `[vocab]`. `scale` is what Cohere and Granite multiply by, `softcap` what
    Gemma bends with.
    """

    weight: Tensor
    bias: Tensor | None = None
    scale: float = 1.0
    softcap: float | None = None

    def into(self, hidden_TD: Tensor, logits_TV: Tensor) -> None:
        """Write the logits of a chunk into its buffer."""
        for start, weight in _widened(self.weight, logits_TV.dtype):
            part = logits_TV[:, start : start + len(weight)]
            if part.is_contiguous():
                torch.mm(hidden_TD, weight.T, out=part)
            else:
                part.copy_(hidden_TD @ weight.T)
        if self.bias is not None:
            logits_TV += self.bias
        if self.scale != 1.0:
            logits_TV *= self.scale
        if self.softcap is not None:
            logits_TV.div_(self.softcap).tanh_().mul_(self.softcap)

    def back(self, gradient_TV: Tensor, logits_TV: Tensor) -> None:
        """Turn the gradient by the logits into that by `hidden @ weight.T + bias`, in place."""
        if self.softcap is not None:  # d softcap / dz = 1 - tanh²
            gradient_TV.mul_(1 - (logits_TV / self.softcap).square_())
        if self.scale != 1.0:
            gradient_TV.mul_(self.scale)

    def hidden_gradient(self, gradient_TV: Tensor) -> Tensor:
        """`[T, D]`: gradient_TV @ weight."""
        total = None
        for start, weight in _widened(self.weight, gradient_TV.dtype):
            part = gradient_TV[:, start : start + len(weight)] @ weight
            total = part if total is None else total.add_(part)
        assert total is not None
        return total


def _widened(weight: Tensor, dtype: torch.dtype) -> Iterator[tuple[int, Tensor]]:
    """Rows of `weight` in the arithmetic of the products, with where they begin; all at once if they have it."""
    if weight.dtype == dtype:
        yield 0, weight
        return
    rows = max(1, WIDENED_ELEMENTS // weight.shape[1])
    for start in range(0, len(weight), rows):
        yield start, weight[start : start + rows].to(dtype)


def fused_distillation_loss(
    student_hidden: Tensor,
    student_weight: Tensor,
    teacher_hidden: Tensor | None,
    teacher_weight: Tensor | None,
    labels: Tensor,
    temperature: float = 3.0,
    alpha: float = 0.7,
    divergence: str = "forward_kl",
    ignore_index: int = IGNORE_INDEX,
    *,
    student_bias: Tensor | None = None,
    teacher_bias: Tensor | None = None,
    student_scale: float = 1.0,
    teacher_scale: float = 1.0,
    student_softcap: float | None = None,
    teacher_softcap: float | None = None,
    chunk_positions: int | None = None,
) -> tuple[Tensor, Tensor]:
    """`distillation_loss` of the logits that the hidden states project to: the same `(total, count)`, in nats.

    logits = softcap(scale * (hidden @ weight.T + bias)), each model with its own (`softcap` None: none).

    - `student_hidden` `[..., width]`, `student_weight` `[vocab, width]`, `student_bias` `[vocab]`; the teacher's
      the same with its own width and vocabulary. `labels` `[...]`, aligned with what predicts them.
    - Gradients reach the student's hidden states, weight and bias, once. A weight tied to the embedding gets
      this gradient added to the embedding's. The teacher gets none.
    - Tables of different size and -inf: as in `distillation_loss`. Give `teacher_weight[:tokens]` where the
      teacher's table is padded beyond its tokens.
    - With alpha = 0 the teacher may be None: a fused cross-entropy.

    Raises InputError as `distillation_loss` does, and for weights that do not fit their hidden states.
    """
    mixture = Mixture.of(temperature, alpha, divergence)
    check_shape(labels, student_hidden, "student hidden states")
    _check_head(student_hidden, student_weight, student_bias, student_softcap, "student")
    teacher = teacher_rows = None
    if alpha > 0:
        if teacher_hidden is None or teacher_weight is None:
            raise InputError(f"alpha is {alpha} but the teacher is missing; give it, or set alpha to 0.")
        check_shape(labels, teacher_hidden, "teacher hidden states")
        _check_head(teacher_hidden, teacher_weight, teacher_bias, teacher_softcap, "teacher")
        # Ids that the student lacks are conditioned away: their logits need not be made.
        shared = min(len(teacher_weight), len(student_weight))
        teacher = Head(
            teacher_weight.detach()[:shared],
            None if teacher_bias is None else teacher_bias.detach()[:shared],
            teacher_scale,
            teacher_softcap,
        )
        teacher_rows = teacher_hidden.detach().reshape(-1, teacher_hidden.shape[-1])
    kept = kept_positions(labels, len(student_weight), ignore_index)
    total: Tensor = _FusedSum.apply(
        student_hidden.reshape(-1, student_hidden.shape[-1]),
        student_weight,
        student_bias,
        teacher_rows,
        teacher,
        labels.reshape(-1),
        kept,
        (student_scale, student_softcap),
        chunk_positions or max(1, CHUNK_ELEMENTS // len(student_weight)),
        mixture,
    )
    return total, torch.tensor(kept.numel(), device=student_hidden.device)


class _FusedSum(torch.autograd.Function):
    """Project, compare and differentiate chunk by chunk; everything that backward needs is made on the way."""

    @staticmethod
    @torch.no_grad()
    def forward(
        ctx: torch.autograd.function.FunctionCtx,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        teacher_hidden: Tensor | None,
        teacher: Head | None,
        labels: Tensor,
        kept: Tensor,
        bending: tuple[float, float | None],
        chunk: int,
        mixture: Mixture,
    ) -> Tensor:
        """The total, a scalar; `kept` holds the indices of the rows that count."""
        by_hidden, by_weight, by_bias = ctx.needs_input_grad[:3]  # type: ignore[attr-defined]
        inside = torch.promote_types(hidden.dtype, torch.float32)
        # Half-float products are slower than float32 ones on CPUs without matrix units, and lose digits.
        products = inside if hidden.device.type == "cpu" else hidden.dtype
        vocab_size, chunk = len(weight), min(chunk, max(1, kept.numel()))
        student = Head(weight, bias, *bending)
        buffer_TV = hidden.new_empty((chunk, vocab_size), dtype=products)
        teacher_TV = (
            None if teacher is None else hidden.new_empty((chunk, len(teacher.weight)), dtype=products)
        )
        hidden_gradient = torch.zeros_like(hidden) if by_hidden else None
        weight_gradient = torch.zeros_like(weight, dtype=inside) if by_weight else None
        bias_gradient = torch.zeros_like(bias, dtype=inside) if bias is not None and by_bias else None
        total = torch.zeros((), dtype=inside, device=hidden.device)
        rows = block_rows(buffer_TV)
        with torch.autocast(hidden.device.type, enabled=False):
            for start in range(0, kept.numel(), chunk):
                places = kept[start : start + chunk]
                hidden_TD = hidden[places].to(products)
                logits_TV = buffer_TV[: len(places)]
                student.into(hidden_TD, logits_TV)
                if teacher is not None and teacher_TV is not None and teacher_hidden is not None:
                    teacher.into(teacher_hidden[places].to(products), teacher_TV[: len(places)])
                for first in range(0, len(places), rows):
                    block = slice(first, min(first + rows, len(places)))
                    wide = logits_TV[block].to(inside)
                    value, gradient = mixture.value_and_gradient(
                        wide,
                        None
                        if teacher_TV is None
                        else match_vocabulary(teacher_TV[block].to(inside), vocab_size),
                        labels[places[block]],
                    )
                    total += value
                    student.back(gradient, wide)
                    if bias_gradient is not None:
                        bias_gradient += gradient.sum(0)
                    logits_TV[block] = gradient  # the logits are used up
                if hidden_gradient is not None:
                    hidden_gradient[places] = student.hidden_gradient(logits_TV).to(hidden.dtype)
                if weight_gradient is not None:
                    if products == inside:
                        weight_gradient.addmm_(logits_TV.T, hidden_TD)
                    else:
                        weight_gradient += logits_TV.T @ hidden_TD
        if weight_gradient is not None:
            weight_gradient = weight_gradient.to(weight.dtype)
        if bias_gradient is not None and bias is not None:
            bias_gradient = bias_gradient.to(bias.dtype)
        kept_gradients: tuple[Any, ...] = (hidden_gradient, weight_gradient, bias_gradient)
        ctx.save_for_backward(*kept_gradients)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: torch.autograd.function.FunctionCtx, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        """The kept gradients, scaled; where the scale is 1, as they are."""
        kept = ctx.saved_tensors  # type: ignore[attr-defined]
        return (*(None if one is None else one * grad_output.to(one.dtype) for one in kept), *[None] * 7)


def _check_head(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, softcap: float | None, name: str
) -> None:
    if weight.ndim != 2 or weight.shape[1] != hidden.shape[-1]:
        raise InputError(
            f"the {name}'s weight has shape {list(weight.shape)} and its hidden states {list(hidden.shape)};"
            " the weight must be [vocab, width] with the hidden states' width."
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise InputError(
            f"the {name}'s bias has shape {list(bias.shape)}; it must be [{len(weight)}], one number per token."
        )
    if softcap is not None and not softcap > 0:
        raise InputError(f"the {name}'s softcap is {softcap}; it must be above 0, or None for none.")
