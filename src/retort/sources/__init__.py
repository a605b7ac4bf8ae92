"""Where logits come from: raw, never tempered."""

from retort.sources.base import Capability, Decoder, Source, next_token_logits
from retort.sources.load import load

__all__ = ["Capability", "Decoder", "Source", "load", "next_token_logits"]
