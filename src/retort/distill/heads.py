"""A model's output projection, and its hidden states instead of its logits: what the fused loss needs of a model.

The projection is asked for by the model's own name for it, its scale and soft-cap are read from the config, and then
nothing is believed: a few tokens go through the model, and the logits that come out must be those that projection,
scale and cap give. A model that does anything else to its logits is refused, not computed wrongly.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from retort.distill.losses.fused import Head
from retort.errors import CapabilityError

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
        if hasattr(weight, "full_tensor"):
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

    @contextmanager
    def hidden(self) -> Iterator[list[Tensor]]:
        """Within it a forward pass leaves its hidden states `[batch, time, width]` here, and logits of one place.

        The pass itself is the caller's, through whatever wraps the model, so data parallelism sees it as any other.
        """
        seen: list[Tensor] = []

        def keep(module: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
            seen.append(given[0])
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
    hook = head.module.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    was_training = model.training
    model.eval()
    try:
        ids = torch.arange(TRIED_TOKENS, device=head.weight.device)[None] % len(head.weight)
        logits = model(input_ids=ids, use_cache=False).logits[0].float()
    finally:
        hook.remove()
        model.train(was_training)
    if len(seen) != 1:
        return False
    hidden = seen[0].float().reshape(-1, seen[0].shape[-1])
    if len(hidden) != len(logits) or len(head.weight) != logits.shape[-1]:
        return False
    made = torch.empty_like(logits)
    bias = None if head.bias is None else head.bias.float()
    Head(head.weight.float(), bias, head.scale, head.softcap).into(hidden, made)
    allowed = TOLERANCE if head.weight.dtype == torch.float32 else HALF_FLOAT_TOLERANCE
    return bool((made - logits).abs().max() <= allowed * logits.abs().max())
