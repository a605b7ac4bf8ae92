"""The cache of soft targets: a teacher is run over the data once, and students are trained from what was kept.

MODEL and text flow in (capture.py, with teacher.py, ray_engine.py or server_capture.py), records of a codec (codecs.py,
rounding.py, packing.py) go into shards of a folder (folder.py), and targets flow out by document and offset
(reader.py), or a summary (captured.py). Start with codecs.py.
"""

from __future__ import annotations

from retort.distill.cache.capture import capture
from retort.distill.cache.captured import Captured, captured
from retort.distill.cache.codecs import CODECS, Targets, find_codec
from retort.distill.cache.folder import Manifest
from retort.distill.cache.reader import Cache

__all__ = ["CODECS", "Cache", "Captured", "Manifest", "Targets", "capture", "captured", "find_codec"]
