"""Whether a model keeps documents of one row apart when it is told where each begins.

transformers builds a block-diagonal mask from position ids that begin anew, for the models whose code asks for it so. A
model that takes position ids and ignores them would be trained on neighbours without a word; so it is tried.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from retort.errors import CapabilityError

LENGTH = 6  # tokens of each of the two documents that are tried
LARGEST_SHARE = (
    0.1  # of what a neighbour changes: rounding of bfloat16 stays below, a look at the neighbour above
)


@torch.no_grad()
def need_separation(model: nn.Module, named: str) -> None:
    """Raise CapabilityError unless `model` says the same of a document alone and behind another one in a row."""
    device = next(model.parameters()).device
    ids = torch.arange(1, 2 * LENGTH + 1, device=device)[None] % model.get_input_embeddings().num_embeddings  # type: ignore[operator]
    places = torch.arange(LENGTH, device=device).repeat(2)[None]
    was_training = model.training
    model.eval()
    try:
        alone = _logits(model, input_ids=ids[:, LENGTH:])
        seen = _logits(model, input_ids=ids)[:, LENGTH:]
        apart = _logits(model, input_ids=ids, position_ids=places)[:, LENGTH:]
    except TypeError as error:
        raise CapabilityError(
            f"separate_documents is true, but {named} takes no position ids ({error}); leave it out, or set"
            " data.packing to false."
        ) from None
    finally:
        model.train(was_training)
    if float((apart - alone).abs().max()) > LARGEST_SHARE * float((seen - alone).abs().max()):
        raise CapabilityError(
            f"separate_documents is true, but in {named} a document sees the one before it in its row all the same:"
            " its code does not build the mask from position ids. Leave it out, or set data.packing to false."
        )


def _logits(model: nn.Module, **inputs: Any) -> Tensor:
    logits: Tensor = model(**inputs, use_cache=False).logits
    return logits.float()
