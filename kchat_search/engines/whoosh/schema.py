"""What a document looks like in the index.

Terms of filter fields carry a mark before the value, so that «none» and any value a server may
invent (the empty string, too) stay apart.
"""

from __future__ import annotations

from collections.abc import Mapping

from whoosh.columns import NumericColumn, VarBytesColumn
from whoosh.fields import COLUMN, KEYWORD, FieldType, Schema
from whoosh.formats import Existence

from kchat_search.models.query import NO_TIME, IndexDocument
from kchat_search.text.grams import grams

VERSION = 1
"""Of the schema; part of what decides whether an index must be built anew."""

NONE = "-"
LINE = "\n"
"""Between the folded messages of a chat; no folded text contains it."""

FILTERS = (
    "id", "agent_id", "visitor_id", "user_id", "status", "rating", "started_by", "type",
    "has_upload", "spoke",
)  # fmt: skip

_SIDE_CODES = {"visitor": "v", "agent": "a", "robot": "r", "unknown": "u"}


def _keyword(*, scorable: bool = False) -> FieldType:
    field = KEYWORD(scorable=scorable)
    if not scorable:
        field.format = Existence()  # a filter asks whether, never how often
    return field


def make_schema() -> Schema:
    """The Whoosh schema: terms to find by, columns to look at."""
    fields: dict[str, FieldType] = {name: _keyword() for name in FILTERS}
    fields |= {
        "created_month": _keyword(),
        "words": _keyword(scorable=True),
        "grams": _keyword(),
        "file_grams": _keyword(),
        "c_id": COLUMN(NumericColumn("q")),
        "c_version": COLUMN(NumericColumn("q")),
        "c_created": COLUMN(NumericColumn("q", default=NO_TIME)),
        "c_length": COLUMN(NumericColumn("I")),
        "c_text": COLUMN(VarBytesColumn()),
        "c_sides": COLUMN(VarBytesColumn()),
        "c_files": COLUMN(VarBytesColumn()),
    }
    return Schema(**fields)


def filter_term(value: str | None) -> str:
    """The term that stands for a value of a filter field."""
    return NONE if value is None else "=" + value


def filter_value(term: str) -> str | None:
    """The value that a term of a filter field stands for."""
    return None if term == NONE else term[1:]


def side_code(side: str) -> int:
    """The byte that stands for a side in the column of sides."""
    return ord(_SIDE_CODES[side])


def to_fields(document: IndexDocument) -> Mapping[str, object]:
    """A document as Whoosh's `add_document` takes it."""
    texts = [text for _, text in document.texts]
    fields: dict[str, object] = {
        name: [filter_term(value) for value in values] for name, values in document.fields.items()
    }
    fields |= {
        "created_month": [filter_term(document.month)],
        "words": list(document.words),
        "grams": sorted(grams(texts)),
        "file_grams": sorted(grams(document.files)),
        "c_id": document.id,
        "c_version": document.version,
        "c_created": NO_TIME if document.created is None else document.created,
        "c_length": len(document.words),
        "c_text": LINE.join(texts).encode(),
        "c_sides": "".join(_SIDE_CODES[side] for side, _ in document.texts).encode(),
        "c_files": LINE.join(document.files).encode(),
    }
    return fields
