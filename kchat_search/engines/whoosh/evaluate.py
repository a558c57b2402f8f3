"""Which chats match: a `Node` to a sorted array of document numbers of one segment.

Every function takes `within`, the documents still in question, and answers with those of them
that match; so a dear test (a look into the text) is put only to what the cheap ones left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.whoosh.schema import filter_term
from kchat_search.engines.whoosh.segment import EMPTY, Docs, Segment
from kchat_search.models.query import (
    NO_TIME,
    AllOf,
    AnyOf,
    Contains,
    CreatedIn,
    Everything,
    FieldIs,
    FileNamed,
    HasWord,
    Node,
    NoneOf,
)
from kchat_search.text.grams import needed
from kchat_search.text.scripts import Kind, runs
from kchat_search.text.segment import MAX_WORD, indexed_word


def matching(segment: Segment, node: Node, within: Docs) -> Docs:  # noqa: PLR0911  # one a kind
    """Those of `within` that match `node`."""
    match node:
        case Everything():
            return within
        case Contains():
            return _containing(segment, node, within)
        case HasWord():
            return _having_word(segment, node, within)
        case FileNamed(text):
            candidates = _with_all(segment, "file_grams", needed(text), within)
            return _checked(candidates, text, segment.files, exact=len(text) <= 2)
        case FieldIs(field, values):
            return _either(segment, field, [filter_term(v) for v in values], within)
        case CreatedIn(start, end):
            return _created_in(segment, start, end, within)
        case AllOf(parts):
            return _all_of(segment, parts, within)
        case AnyOf(parts):
            return union([matching(segment, part, within) for part in parts])
        case NoneOf(part):
            return np.setdiff1d(within, matching(segment, part, within), assume_unique=True)


def _all_of(segment: Segment, parts: Sequence[Node], within: Docs) -> Docs:
    for part in sorted(parts, key=_cost):
        if not len(within):
            break
        within = matching(segment, part, within)
    return within


def _cost(node: Node) -> int:
    """Which of several parts to ask first: those that need no look into the text."""
    match node:
        case Contains(text, side):
            return 2 if len(text) > 2 or side else 0
        case HasWord(_, prefix, side):
            return 2 if side else int(prefix)
        case AllOf(parts) | AnyOf(parts):
            return max(map(_cost, parts), default=0) + 1
        case NoneOf(part):
            return _cost(part) + 1
        case _:
            return 0


def _containing(segment: Segment, node: Contains, within: Docs) -> Docs:
    candidates = _with_all(segment, "grams", needed(node.text), within)
    exact = len(node.text) <= 2 and node.side is None
    return _checked(candidates, node.text, lambda doc: segment.text(doc, node.side), exact=exact)


def _having_word(segment: Segment, node: HasWord, within: Docs) -> Docs:
    shortened = len(node.text) > MAX_WORD  # its term stands for all words that begin so
    if node.prefix and not shortened:
        terms = [t for t in segment.terms_beginning("words", node.text) if _is_letters(t)]
    else:
        terms = [indexed_word(node.text)]
    candidates = _either(segment, "words", terms, within)
    if node.side is None and not shortened:
        return candidates
    kept = [d for d in candidates.tolist() if _says(segment.text(d, node.side).decode(), node)]
    return np.array(kept, np.int64)


def _is_letters(term: str) -> bool:
    return runs(term)[0].kind is Kind.LETTERS


def _says(text: str, node: HasWord) -> bool:
    words = (run.text for run in runs(text) if run.kind is Kind.LETTERS)
    if node.prefix:
        return any(word.startswith(node.text) for word in words)
    return any(word == node.text for word in words)


def _with_all(segment: Segment, field: str, terms: Iterable[str], within: Docs) -> Docs:
    """Those that have every term; the rarest first, since what follows only looks at its rest."""
    lists = sorted((segment.docs(field, term) for term in terms), key=len)
    for docs in lists:
        if not len(within):
            break
        within = intersect(within, docs)
    return within


def _either(segment: Segment, field: str, terms: Sequence[str], within: Docs) -> Docs:
    return intersect(within, union([segment.docs(field, term) for term in terms]))


def _checked(candidates: Docs, text: str, read: Callable[[int], bytes], *, exact: bool) -> Docs:
    """Those in whose text the literal stands; where its grams already say so, all."""
    if exact:
        return candidates
    # UTF-8 is self-synchronising: a match of bytes is a match of characters.
    needle = text.encode()
    kept = [doc for doc in candidates.tolist() if needle in read(doc)]
    return np.array(kept, np.int64)


def _created_in(segment: Segment, start: int | None, end: int | None, within: Docs) -> Docs:
    created = segment.created[within]
    keep: NDArray[np.bool_] = created != NO_TIME
    if start is not None:
        keep &= created >= start
    if end is not None:
        keep &= created < end
    kept: Docs = within[keep]
    return kept


def intersect(a: Docs, b: Docs) -> Docs:
    """What two ascending arrays share: O(small · log large), so a rare word stays cheap."""
    if len(a) > len(b):
        a, b = b, a
    if not len(a):
        return EMPTY
    places = np.searchsorted(b, a)
    places[places == len(b)] = len(b) - 1
    shared: Docs = a[b[places] == a]
    return shared


def union(lists: Sequence[Docs]) -> Docs:
    """What is in any of these ascending arrays."""
    if not lists:
        return EMPTY
    if len(lists) == 1:
        return lists[0]
    joined: Docs = np.unique(np.concatenate(lists))
    return joined
