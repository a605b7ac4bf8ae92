"""The data of a distillation and of a capture: names to records, records to token ids, token ids to rows.

records.py says what a record is; corpus.py finds and reads texts; rendering.py writes records down as token ids;
rows.py puts those into the rows that models read, and alone loads torch. Start with records.py.
"""

from retort.distill.data.corpus import Corpus, data_checksum, read_documents, resolve
from retort.distill.data.records import Chat, Pair, Record, Shape, plain_text, record_of, share_of
from retort.distill.data.rendering import Rendered, Renderer

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
