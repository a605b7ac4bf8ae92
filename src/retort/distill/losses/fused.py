"""The distillation loss from hidden states: both output projections are done chunk by chunk, inside the loss.

At a vocabulary of 128,256 the logits of 2,048 positions are a gigabyte of float32 for each model, and the
textbook loss holds seven or eight such tensors. Here a chunk of positions is projected into two buffers, its
loss and gradient are taken block by block in the cache, and the chunk's part of the gradients by hidden
states and weight is added while it is there. `[positions, vocab]` never exists, for neither model; what is
kept for backward is a gradient like the student's hidden states and one like its weight.

Products are in float32 for float32 and half-float input on a CPU, where those are faster than half-float ones
(docs/LOG.md), and in the input's own arithmetic on an accelerator; sums of the weight's gradient and all that
comes after the logits are float32, or float64 for float64 input.

A model's projection (`OutputHead`) is asked for by the model's own name for it, its scale and soft-cap are read from
the config, and then nothing is believed: a few tokens go through the model, and the logits that come out must be those
that projection, scale and cap give. A model that does anything else to its logits is refused, not computed wrongly.

Shapes: T positions of a chunk, V vocabulary, D width of the hidden states.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from retort.distill.losses.dense import (
    IGNORE_INDEX,
    Mixture,
    block_rows,
    check_shape,
    kept_positions,
    match_vocabulary,
)
from retort.errors import CapabilityError, InputError

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

    def cut(self, num_tokens: int) -> Head:
        """That of the first `num_tokens` tokens, without a gradient."""
        bias = None if self.bias is None else self.bias.detach()[:num_tokens]
        return replace(self, weight=self.weight.detach()[:num_tokens], bias=bias)

    def into(self, hidden_TD: Tensor, logits_TV: Tensor) -> None:
        """Write the logits of a chunk into its buffer."""
        for start, weight in _widened(self.weight, logits_TV.dtype):
            torch.mm(hidden_TD, weight.T, out=logits_TV[:, start : start + len(weight)])
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
    teacher = None
    if teacher_weight is not None:
        teacher = Head(teacher_weight, teacher_bias, teacher_scale, teacher_softcap)
    return fused_loss(
        student_hidden,
        Head(student_weight, student_bias, student_scale, student_softcap),
        teacher_hidden,
        teacher,
        labels,
        Mixture.of(temperature, alpha, divergence),
        ignore_index,
        chunk_positions,
    )


def fused_loss(
    student_hidden: Tensor,
    student: Head,
    teacher_hidden: Tensor | None,
    teacher: Head | None,
    labels: Tensor,
    mixture: Mixture,
    ignore_index: int = IGNORE_INDEX,
    chunk_positions: int | None = None,
) -> tuple[Tensor, Tensor]:
    """`fused_distillation_loss` of two models' heads."""
    check_shape(labels, student_hidden, "student hidden states")
    _check_head(student_hidden, student, "student")
    vocab_size = len(student.weight)
    if mixture.alpha == 0:
        teacher = teacher_hidden = None
    elif teacher_hidden is None or teacher is None:
        raise InputError(f"alpha is {mixture.alpha} but the teacher is missing; give it, or set alpha to 0.")
    else:
        check_shape(labels, teacher_hidden, "teacher hidden states")
        _check_head(teacher_hidden, teacher, "teacher")
        # Ids that the student lacks are conditioned away: their logits need not be made.
        teacher = teacher.cut(vocab_size)
        teacher_hidden = teacher_hidden.detach().reshape(-1, teacher_hidden.shape[-1])
    kept = kept_positions(labels, vocab_size, ignore_index)
    total: Tensor = _FusedSum.apply(
        student_hidden.reshape(-1, student_hidden.shape[-1]),
        student.weight,
        student.bias,
        teacher_hidden,
        teacher,
        labels.reshape(-1),
        kept,
        (student.scale, student.softcap),
        chunk_positions or max(1, CHUNK_ELEMENTS // vocab_size),
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
        # The student comes in pieces, since autograd follows tensors that are arguments and not those inside of one.
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
            # A chunk is as many positions as make a product worth reading the whole weight for; a block within it, as
            # many as stay in the cache while the loss passes over them several times.
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
                    # Summed over chunks in float32: bfloat16 would lose what a late chunk adds to a large sum.
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
        """The kept gradients, scaled; none for the seven inputs behind them."""
        kept = ctx.saved_tensors  # type: ignore[attr-defined]
        return (*(None if one is None else one * grad_output.to(one.dtype) for one in kept), *[None] * 7)


def _check_head(hidden: Tensor, head: Head, name: str) -> None:
    weight, bias = head.weight, head.bias
    if weight.ndim != 2 or weight.shape[1] != hidden.shape[-1]:
        raise InputError(
            f"the {name}'s weight has shape {list(weight.shape)} and its hidden states {list(hidden.shape)};"
            " the weight must be [vocab, width] with the hidden states' width."
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise InputError(
            f"the {name}'s bias has shape {list(bias.shape)}; it must be [{len(weight)}], one number per token."
        )
    if head.softcap is not None and not head.softcap > 0:
        raise InputError(f"the {name}'s softcap is {head.softcap}; it must be above 0, or None for none.")


TRIED_TOKENS = 4
# Of the largest logit: more than these round, less than a forgotten scale or cap changes.
TOLERANCE, HALF_FLOAT_TOLERANCE = 1e-3, 0.03
INSTEAD = "Leave fused out (or false): the dense loss works with every model."


@dataclass(frozen=True)
class OutputHead:
    """The module that makes logits, and what is done to them behind it: softcap(scale · (hidden @ weight.T + bias))."""

    module: nn.Module
    scale: float
    softcap: float | None

    @property
    def weight(self) -> Tensor:
        """`[vocab, width]`."""
        weight: Any = self.module.weight
        if hasattr(weight, "full_tensor"):  # a DTensor of FSDP2
            raise CapabilityError(
                "the student's output weight is spread over ranks (FSDP), and the fused loss needs it whole."
                f" {INSTEAD}"
            )
        found: Tensor = weight
        return found

    @property
    def bias(self) -> Tensor | None:
        """`[vocab]`, or None."""
        found: Tensor | None = getattr(self.module, "bias", None)
        return found

    @property
    def now(self) -> Head:
        """With the weights that it has at this moment."""
        return Head(self.weight, self.bias, self.scale, self.softcap)

    @contextmanager
    def hidden(self) -> Iterator[list[Tensor]]:
        """Within it a forward pass leaves its hidden states `[batch, time, width]` here, and logits of one place.

        The pass itself is the caller's, through whatever wraps the model, so data parallelism sees it as any other.
        """
        seen: list[Tensor] = []

        def keep(module: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
            seen.append(given[0])
            # The model's own code goes on to its head and must find logits, which nobody reads: one place is enough.
            return (given[0][:, :1], *given[1:])

        hook = self.module.register_forward_pre_hook(keep)
        try:
            yield seen
        finally:
            hook.remove()


def find_head(model: Any, name: str) -> OutputHead:
    """The head of a causal language model. Raises CapabilityError where its logits are not what its head gives."""
    module = model.get_output_embeddings()
    weight = getattr(module, "weight", None)
    if module is None or weight is None or weight.ndim != 2:
        raise CapabilityError(
            f"fused is true, but {name} ({type(model).__name__}) has no output projection that can be found. {INSTEAD}"
        )
    head = OutputHead(module, *_bending(model.config.get_text_config(decoder=True)))
    if not _explains(model, head):
        raise CapabilityError(
            f"fused is true, but {name} ({type(model).__name__}) changes its logits in another way than "
            f"by projection, bias, scale and soft-cap. {INSTEAD}"
        )
    return head


def is_fused(asked: bool | str, *, possible: bool, dtype: str, models: Sequence[tuple[str, Any]]) -> bool:
    """Whether both arms are trained from hidden states; `auto` decides.

    `auto` fuses in float32, where it was measured to be faster, and where it can (`possible`: one running teacher;
    models whose head is found; weights in one piece). In bfloat16 the fused loss still multiplies in float32 on a CPU,
    and was not faster (docs/LOG.md). Raises CapabilityError where true is asked for and a model cannot.
    """
    if asked != "auto":
        for name, model in models if asked else ():
            find_head(model, name)
        return bool(asked)
    # Asked of the launcher's variable: the models are spread only when Trainer wraps them.
    spread = os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true"
    if not possible or spread or dtype != "float32":
        return False
    try:
        for name, model in models:
            find_head(model, name)
    except CapabilityError:
        return False
    return True


def _bending(config: Any) -> tuple[float, float | None]:
    """Scale and soft-cap as the families of transformers call them: Cohere, Granite, Falcon-H1, and Gemma's cap."""
    scale = float(getattr(config, "logit_scale", None) or 1.0)
    scale /= float(getattr(config, "logits_scaling", None) or 1.0)
    scale *= float(getattr(config, "lm_head_multiplier", None) or 1.0)
    softcap = getattr(config, "final_logit_softcapping", None)
    return scale, None if softcap is None else float(softcap)


@torch.no_grad()
def _explains(model: Any, head: OutputHead) -> bool:
    """Whether the model's own logits of a few tokens are those of the head."""
    seen: list[Tensor] = []
    # Not `head.hidden()`: here the model's own logits of all places are wanted too.
    hook = head.module.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    was_training = model.training
    model.eval()
    try:
        ids = torch.arange(TRIED_TOKENS, device=head.weight.device)[None] % len(head.weight)
        logits = model(input_ids=ids, use_cache=False).logits[0].float()
    finally:
        hook.remove()
        model.train(was_training)
    if len(seen) != 1:  # the head is called by nobody, or more than once
        return False
    hidden = seen[0].float().reshape(-1, seen[0].shape[-1])
    if len(hidden) != len(logits) or len(head.weight) != logits.shape[-1]:
        return False
    made, bias = torch.empty_like(logits), None if head.bias is None else head.bias.float()
    replace(head.now, weight=head.weight.float(), bias=bias).into(hidden, made)
    allowed = TOLERANCE if head.weight.dtype == torch.float32 else HALF_FLOAT_TOLERANCE
    return bool((made - logits).abs().max() <= allowed * logits.abs().max())
