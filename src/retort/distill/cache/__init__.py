"""The cache of soft targets: a teacher is run over the data once, and students are trained from what was kept."""

from __future__ import annotations

from retort.distill.cache.capture import capture
from retort.distill.cache.codecs import CODECS, Targets, find_codec
from retort.distill.cache.manifest import Manifest
from retort.distill.cache.reader import Cache

__all__ = ["CODECS", "Cache", "Manifest", "Targets", "capture", "find_codec"]
