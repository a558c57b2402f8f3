"""Which chats match: a `Node` to an ascending array of document numbers of one segment.

Every function takes `within`, the documents still in question (None: all live ones), and answers
with those of them that match; so a dear test is put only to what the cheap ones left. What costs
what, a document, in nanoseconds (the constants are their ratio):

    a list that is decoded            2 to 3, of the list
    a look into a text              300 to 500, of what is looked at

So lists are taken smallest first, and as soon as what is left is so little that looking into its
texts is cheaper than decoding the next list, the texts decide, which they must in the end: pairs
of characters may stand in another order, or in different messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.whoosh.postings import EMPTY, DocNumbers
from kchat_search.engines.whoosh.schema import GRAM_FIELDS, filter_term
from kchat_search.engines.whoosh.segment import Segment
from kchat_search.engines.whoosh.sets import difference, intersect, union
from kchat_search.engines.whoosh.text_scan import TextTest, contains, has_word
from kchat_search.models.plan import (
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
from kchat_search.text.grams import is_gram, required_grams
from kchat_search.text.scripts import Kind, runs
from kchat_search.text.segmentation import MAX_TOKEN_LENGTH, index_token

_ID = re.compile("0|-?[1-9][0-9]{0,18}")
_MAX_LITERAL = 64
"""Of a longer literal, only so many characters are looked up: the look into the text decides."""
_SUBTRACT_SHARE = 8
"""Subtracting costs less than finding the same again, where so large a part of all is found."""
_SCAN_COST = 150
"""A look into a text costs as much as decoding so many numbers of a list."""


def matching(segment: Segment, node: Node, within: DocNumbers | None = None) -> DocNumbers:
    """Those of `within` that match `node`."""
    match node:
        case Everything():
            return segment.live if within is None else within
        case Contains() | FileNamed():
            left, test = _candidates(segment, node, within)
            return left if test is None else test(left)
        case HasWord():
            return _with_word(segment, node, within)
        case FieldIs():
            return _with_value(segment, node, within)
        case CreatedIn(start, end):
            return _created_in(segment, start, end, within)
        case AllOf(parts):
            return _all_of(segment, parts, within)
        case AnyOf(parts):
            return _any_of(segment, parts, within)
        case NoneOf(part):
            rest = segment.live if within is None else within
            return difference(rest, matching(segment, part, within), segment.size)


def _all_of(segment: Segment, parts: Sequence[Node], within: DocNumbers | None) -> DocNumbers:
    """All lists first, what reads a column or subtracts then, and the looks into texts last."""
    tests: list[TextTest] = []
    for part in sorted(parts, key=lambda part: _cost(segment, part)):
        if within is not None and not len(within):
            return within
        if isinstance(part, Contains | FileNamed):
            within, test = _candidates(segment, part, within)
            if test is not None:
                tests.append(test)
        else:
            within = matching(segment, part, within)
    within = segment.live if within is None else within
    return reduce(lambda left, test: test(left), tests, within)


def _any_of(segment: Segment, parts: Sequence[Node], within: DocNumbers | None) -> DocNumbers:
    """What a part has found is not asked of the next, once that is worth the subtraction: of 64
    frequent strings, the first few then find nearly all."""
    found: list[DocNumbers] = []
    for part in parts:
        found.append(matching(segment, part, within))
        if within is not None:
            within = difference(within, found[-1], segment.size)
        elif sum(map(len, found)) > segment.size // _SUBTRACT_SHARE:
            within = difference(segment.live, union(found, segment.size), segment.size)
    return union(found, segment.size)


def _cost(segment: Segment, node: Node) -> int:  # noqa: PLR0911  # one a kind
    """Which of several parts to ask first: about how many numbers it decodes, on its own. What
    can only look at what is there comes last."""
    match node:
        case Contains(text, _):
            found = _gram_terms(segment, "text", text)
            return segment.df(*found[0]) if found else 0
        case HasWord(text, prefix, _):
            ordinal = None if prefix else segment.find("words", index_token(text))
            return (
                segment.size if prefix else 0 if ordinal is None else segment.df("words", ordinal)
            )
        case FieldIs("id", _):
            return 0
        case AllOf(parts):
            return min((_cost(segment, part) for part in parts), default=segment.size)
        case AnyOf(parts):
            return sum(_cost(segment, part) for part in parts)
        case FieldIs(field, values):
            rows = (segment.find(field, filter_term(value)) for value in values)
            return sum(segment.df(field, ordinal) for ordinal in rows if ordinal is not None)
        case FileNamed():
            return segment.size
        case CreatedIn():
            return segment.size + 1
        case Everything() | NoneOf():
            return segment.size + 2


def _candidates(
    segment: Segment, node: Contains | FileNamed, within: DocNumbers | None
) -> tuple[DocNumbers, TextTest | None]:
    """(those of `within` that may have a literal, as far as lists tell at little cost; the look
    into their texts that decides, None where nothing is in doubt)."""
    name, speaker = ("files", None) if isinstance(node, FileNamed) else ("text", node.speaker)
    test = contains(segment.file, name, node.text, speaker)
    found = _gram_terms(segment, name, node.text)
    if found is None or test is None:
        return EMPTY, None
    left = within
    for field, ordinal in found:
        if left is not None and len(left) * _SCAN_COST < segment.df(field, ordinal):
            return left, test
        left = _narrowed(segment, segment.docs(field, ordinal), left)
    assert left is not None
    return left, None if speaker is None and is_gram(node.text) else test


def _gram_terms(segment: Segment, name: str, literal: str) -> list[tuple[str, int]] | None:
    """(field, row) of each gram that a literal needs, those of the fewest documents first; None
    where one is nowhere."""
    found = []
    for gram in required_grams(literal[:_MAX_LITERAL]):
        field = GRAM_FIELDS[name][len(gram) - 1]
        ordinal = segment.find(field, gram)
        if ordinal is None:
            return None
        found.append((field, ordinal))
    return sorted(found, key=lambda each: segment.df(*each))


def _with_word(segment: Segment, node: HasWord, within: DocNumbers | None) -> DocNumbers:
    if runs(node.text)[0].kind is not Kind.LETTERS:
        return EMPTY
    shortened = len(node.text) > MAX_TOKEN_LENGTH  # its term stands for all words that begin so
    if node.prefix and not shortened:
        candidates = union([segment.docs_with_prefix("words", node.text)], segment.size)
    else:
        candidates = _any_term(segment, "words", [index_token(node.text)])
    candidates = _narrowed(segment, candidates, within)
    if node.speaker is None and not shortened:
        return candidates
    return has_word(segment.file, node)(candidates)


def _any_term(segment: Segment, field: str, terms: Iterable[str]) -> DocNumbers:
    rows = (segment.find(field, term) for term in terms)
    lists = [segment.docs(field, ordinal) for ordinal in rows if ordinal is not None]
    return lists[0] if len(lists) == 1 else union(lists, segment.size)


def _narrowed(segment: Segment, docs: DocNumbers, within: DocNumbers | None) -> DocNumbers:
    return docs if within is None else intersect(docs, within, segment.size)


def _with_value(segment: Segment, node: FieldIs, within: DocNumbers | None) -> DocNumbers:
    if node.field == "id":
        return _with_id(segment, node.values, within)
    docs = _any_term(segment, node.field, map(filter_term, node.values))
    return _narrowed(segment, docs, within)


def _with_id(
    segment: Segment, values: Sequence[str | None], within: DocNumbers | None
) -> DocNumbers:
    """By the column of ids: one pass over it, 0.5 ns a document."""
    docs = EMPTY
    for value in values:
        if value is not None and _ID.fullmatch(value) and abs(int(value)) < 2**63:
            docs = union([docs, np.flatnonzero(segment.ids == int(value))], segment.size)
    return _narrowed(segment, difference(docs, segment.deleted, segment.size), within)


def _created_in(
    segment: Segment, start: int | None, end: int | None, within: DocNumbers | None
) -> DocNumbers:
    created = segment.created if within is None else segment.created[within]
    keep: NDArray[np.bool_] = created != NO_TIME
    if start is not None:
        keep &= created >= start
    if end is not None:
        keep &= created < end
    if within is not None:
        return within[keep]
    return difference(np.flatnonzero(keep), segment.deleted, segment.size)
