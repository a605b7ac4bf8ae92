"""A sum over rows of logits whose gradient is taken block by block on the way, while a block is in the cache."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

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
        """The kept gradient, scaled."""
        (gradient,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return gradient * grad_output.to(gradient.dtype), None, None, None
