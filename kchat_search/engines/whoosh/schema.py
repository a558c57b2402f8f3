"""The fields of a document in the index."""

from __future__ import annotations

from itertools import chain

from kchat_search.engines.terms import FILTERS
from kchat_search.fields import FIELDS

VERSION = 8
"""The version of the schema. An index with another version is rebuilt."""

ORDINALS = (
    *(f.name for f in FIELDS if f.facet and not f.many and f.name != "type"),
    "created_month",
)
"""Fields with one value a document that are also kept as a column: for each document, the ordinal
of its value among the field's terms. So a facet is one count over an array. Nearly all chats have
the same `type`, so a column for it would not pay."""

FRAGMENTS = {
    "joined": "text",
    "masked_joined": "text",
    "clear": "text",
    "clear_joined": "text",
    "whole": "text",
    "former_joined": "former",
}
"""The texts of fragments, and for each the text whose passages these belong to."""

SENDERS = {"text": "senders", "former": "former_senders"}
"""The texts of passages, and for each the field whose terms are who said them; see
`passages.py`."""

LISTS = (*(f.name for f in FIELDS if f.facet and f.many), *SENDERS.values())
"""Fields with several values a document that are also kept as a column: for each document, the
ordinals of its values, ascending."""

HIDDEN_TEXTS = ("masked_joined", "clear", "clear_joined", "whole")
"""Those of `FRAGMENTS` that only passages which hide something have."""

TEXTS = (*SENDERS, *FRAGMENTS, "files", "hidden_files")
"""The texts of a document.

    text           what its passages say, as everybody sees it
    joined         the joined fragments of passages that hide nothing
    masked_joined  the joined fragments of passages that hide something: only who sees masked looks
                   into them, because they may join what is apart in the clear passage
    clear          the passages that hide something, in clear, and their joined fragments:
    clear_joined   only who sees all looks into these two
    whole          the same passages with whole numbers in marks, for who sees masked
    former         what its former passages say, in clear, and their joined fragments:
    former_joined  only who sees all looks into these two
    files          the names of its uploads, as everybody sees them
    hidden_files   those of the names that hide something: in clear, for who sees all, and with
                   whole numbers in marks, for who sees masked and looks for these
"""

GRAM_FIELDS = {text: (f"{text}_characters", f"{text}_pairs", f"{text}_triples") for text in TEXTS}
"""For each text, the fields of its grams of one, two and three characters."""

TERM_FIELDS = tuple(
    sorted(
        (
            *FILTERS,  # the `id` is only a column: as terms, it would be the largest part
            "created_month",
            "words",
            "hidden_words",
            *SENDERS.values(),
            *chain.from_iterable(GRAM_FIELDS.values()),
        )
    )
)
"""All fields that have terms, in alphabetical order."""
