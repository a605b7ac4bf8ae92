"""Where logits come from: raw, never tempered.

In: a MODEL string, or a model in memory. Out: a `Source`, which gives raw logits row by row, or what a server tells.
Read `base.py` first (what a source is), then `load.py` (which string opens which file).
"""

from retort.sources.base import Capability, Decoder, Source, next_token_logits
from retort.sources.load import load

__all__ = ["Capability", "Decoder", "Source", "load", "next_token_logits"]
