"""What a document looks like in the index.

Terms of filter fields carry a mark before the value, so that «none» and any value a server may
invent (the empty string, too) stay apart.
"""

from __future__ import annotations

from whoosh.columns import NumericColumn, VarBytesColumn
from whoosh.fields import COLUMN, KEYWORD, FieldType, Schema
from whoosh.formats import Existence

from kchat_search.fields import FIELDS
from kchat_search.models.plan import NO_TIME

VERSION = 3
"""Of the schema; part of what decides whether an index must be built anew."""

NONE = "-"

FILTERS = tuple(field.name for field in FIELDS if field.name != "id")
"""Fields whose values are terms. The `id` is a column alone: a list of one document a term would
be the largest part of the index."""

ORDINALS = (
    *(f.name for f in FIELDS if f.facet and not f.many and f.name != "type"),
    "created_month",
)
"""Fields with one value a document, kept as a column too (the value's place among the field's
terms), so that a facet is one count over an array. Nearly all chats have one `type`, so its column
would not pay."""

GRAM_FIELDS = {
    "text": ("text_characters", "text_pairs", "text_triples"),
    "files": ("files_characters", "files_pairs", "files_triples"),
}
"""By name of a text, the fields of its grams of one, two and three characters."""

TERM_FIELDS = tuple(
    sorted((*FILTERS, "created_month", "words", *GRAM_FIELDS["text"], *GRAM_FIELDS["files"]))
)


def _keyword(*, scorable: bool = False) -> FieldType:
    field = KEYWORD(scorable=scorable)
    if not scorable:
        field.format = Existence()  # a filter asks whether, never how often
    return field


def make_schema() -> Schema:
    """The Whoosh schema: terms to find by, columns to look at."""
    fields: dict[str, FieldType] = {
        name: _keyword(scorable=name == "words") for name in TERM_FIELDS
    }
    fields |= {
        "id": COLUMN(NumericColumn("q")),
        "version": COLUMN(NumericColumn("Q")),
        "created": COLUMN(NumericColumn("q", default=NO_TIME)),
        "length": COLUMN(NumericColumn("I")),
        "text": COLUMN(VarBytesColumn()),
        "files": COLUMN(VarBytesColumn()),
    }
    return Schema(**fields)


def filter_term(value: str | None) -> str:
    """The term that stands for a value of a filter field."""
    return NONE if value is None else "=" + value


def filter_value(term: str) -> str | None:
    """The value that a term of a filter field stands for."""
    return None if term == NONE else term[1:]
