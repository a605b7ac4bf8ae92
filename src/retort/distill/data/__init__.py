"""The data of a distillation and of a capture: names to records, records to token ids, token ids to rows.

records.py says what a record is and what it is in tokens; corpus.py finds and reads texts; rows.py puts tokens into the
rows that models read, and alone loads torch. Start with records.py.
"""

from retort.distill.data.corpus import Corpus, data_checksum, read_documents, resolve
from retort.distill.data.records import (
    Chat,
    Pair,
    Record,
    Rendered,
    Renderer,
    Shape,
    plain_text,
    record_of,
    share_of,
)

__all__ = [
    "Chat",
    "Corpus",
    "Pair",
    "Record",
    "Rendered",
    "Renderer",
    "Shape",
    "data_checksum",
    "plain_text",
    "read_documents",
    "record_of",
    "resolve",
    "share_of",
]
