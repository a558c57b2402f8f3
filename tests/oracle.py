"""The oracle: which documents a node matches, found by looking at every document.

It is written from the meaning of the nodes (`kchat_search.models.plan`). It uses nothing that an
engine uses: no grams, no postings, no arrays.
"""

from __future__ import annotations

import re

from kchat_search.models.plan import (
    AllOf,
    AnyOf,
    Contains,
    CreatedIn,
    Everything,
    FieldIs,
    FileNamed,
    HasWord,
    IndexDocument,
    Node,
    NoneOf,
)
from kchat_search.text.scripts import RunKind, runs


def matches(document: IndexDocument, node: Node) -> bool:  # noqa: PLR0911  # one for each kind
    """Does the document match the node?"""
    match node:
        case Everything():
            return True
        case Contains(text, speaker):
            return any(text in said for who, said in document.texts if speaker in (None, who))
        case HasWord(text, prefix, speaker):
            said = [s for who, s in document.texts if speaker in (None, who)]
            words = [r.text for s in said for r in runs(s) if r.kind is RunKind.LETTERS]
            return any(w.startswith(text) if prefix else w == text for w in words)
        case FileNamed(text):
            return any(re.search(re.escape(text), name) for name in document.files)
        case FieldIs(field, values):
            return any(value in values for value in document.fields[field])
        case CreatedIn(start, end):
            created = document.created
            return created is not None and (
                (start is None or created >= start) and (end is None or created < end)
            )
        case AllOf(parts):
            return all(matches(document, part) for part in parts)
        case AnyOf(parts):
            return any(matches(document, part) for part in parts)
        case NoneOf(part):
            return not matches(document, part)
