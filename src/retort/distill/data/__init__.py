"""The data of a distillation and of a capture: files to documents, documents to tokens, tokens to rows."""

from retort.distill.data.corpus import Corpus, data_checksum, first_kinds, read_documents, resolve
from retort.distill.data.loading import DOCUMENTS_AT_ONCE, Layout, content_hash, load_rows, rows_of
from retort.distill.data.order import OrderedRows, reading_order
from retort.distill.data.records import Chat, Pair, Record, Shape, plain_text, share_of
from retort.distill.data.rendering import Rendered, Renderer
from retort.distill.data.rows import Rows, pack

__all__ = [
    "DOCUMENTS_AT_ONCE",
    "Chat",
    "Corpus",
    "Layout",
    "OrderedRows",
    "Pair",
    "Record",
    "Rendered",
    "Renderer",
    "Rows",
    "Shape",
    "content_hash",
    "data_checksum",
    "first_kinds",
    "load_rows",
    "pack",
    "plain_text",
    "read_documents",
    "reading_order",
    "resolve",
    "rows_of",
    "share_of",
]
