"""Which chats match: from a `Node` to an ascending array of document numbers of one segment.

Every function takes `within`, the documents that are still candidates (None means all live ones),
and returns those of them that match. So expensive conditions are tested last, on the documents that
the cheap ones left. Costs in nanoseconds (the constants below are their ratio):

    decode a posting list        2 to 3 for each document in the list
    scan texts               300 to 500 for each document that is scanned

A literal needs all its grams, so their lists are intersected, smallest first. When so few
candidates are left that scanning their texts is cheaper than decoding the next list, the texts are
scanned. Mostly they must be scanned anyway: the pairs of characters may stand in another order, or
in different messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import partial, reduce

import numpy as np
from numpy.typing import NDArray

from kchat_search import processor_time
from kchat_search.engines.whoosh.message_filter import MessageFilter
from kchat_search.engines.whoosh.postings import EMPTY, DocNumbers
from kchat_search.engines.whoosh.schema import GRAM_FIELDS, filter_term
from kchat_search.engines.whoosh.segment import Segment
from kchat_search.engines.whoosh.sets import difference, intersect, union
from kchat_search.engines.whoosh.text_scan import TextTest, contains, digits_around, has_word, near
from kchat_search.models.plan import (
    EVERYWHERE,
    NO_TIME,
    AllOf,
    AnyOf,
    Contains,
    CreatedIn,
    Everything,
    FieldIs,
    FileNamed,
    HasWord,
    Messages,
    Near,
    Node,
    NoneOf,
    Said,
)
from kchat_search.text.grams import is_gram, required_grams
from kchat_search.text.scripts import RunKind, runs
from kchat_search.text.segmentation import MAX_TOKEN_LENGTH, index_token

_ID = re.compile("0|-?[1-9][0-9]{0,18}")
_MAX_LITERAL = 64
"""Only the grams of so many characters of a literal are looked up. The text scan decides."""
_SUBTRACT_SHARE = 8
"""If more than one in so many documents has matched a part of `AnyOf`, they are subtracted before
the next part is evaluated: that costs less than matching the same documents again."""
_SCAN_COST = 150
"""Scanning one text costs as much as decoding so many numbers of a list."""


def matching(  # noqa: C901, PLR0911  # one a kind
    segment: Segment, node: Node, within: DocNumbers | None = None, *, history: bool = False
) -> DocNumbers:
    """The documents of `within` that match `node`. `history`: former passages are looked into too.

    Raises `PostingsDamaged`, `TextDamaged`, and `RequestTooExpensive` where a request may not take
    so long.
    """
    processor_time.check()
    match node:
        case Everything():
            return segment.live if within is None else within
        case Contains() | FileNamed():
            candidates, test = _candidates(segment, node, within, history=history)
            return candidates if test is None else test(candidates)
        case HasWord():
            return _with_word(segment, node, within, history=history)
        case FieldIs():
            return _with_value(segment, node, within)
        case CreatedIn(start, end):
            return _created_in(segment, start, end, within)
        case Said(messages):
            return _with_message(segment, messages, within, history=history)
        case Near():
            return _with_texts_near(segment, node, within, history=history)
        case AllOf(parts):
            return _all_of(segment, parts, within, history=history)
        case AnyOf(parts):
            return _any_of(segment, parts, within, history=history)
        case NoneOf(part):
            every = segment.live if within is None else within
            matched = matching(segment, part, within, history=history)
            return difference(every, matched, segment.size)


def _all_of(
    segment: Segment, parts: Sequence[Node], within: DocNumbers | None, *, history: bool
) -> DocNumbers:
    """Posting lists first, then what reads a column or subtracts, and last the text scans."""
    tests: list[TextTest] = []
    for part in sorted(parts, key=lambda part: _cost(segment, part)):
        if within is not None and not len(within):
            return within
        if isinstance(part, Contains | FileNamed):
            within, test = _candidates(segment, part, within, history=history)
            if test is not None:
                tests.append(test)
        else:
            within = matching(segment, part, within, history=history)
    within = segment.live if within is None else within
    return reduce(lambda candidates, test: test(candidates), tests, within)


def _any_of(
    segment: Segment, parts: Sequence[Node], within: DocNumbers | None, *, history: bool
) -> DocNumbers:
    """Documents that one part matched are not tested by the next, once that is worth the
    subtraction. Of 64 frequent strings, the first few match nearly all documents."""
    matched: list[DocNumbers] = []
    for part in parts:
        matched.append(matching(segment, part, within, history=history))
        if within is not None:
            within = difference(within, matched[-1], segment.size)
        elif sum(map(len, matched)) > segment.size // _SUBTRACT_SHARE:
            within = difference(segment.live, union(matched, segment.size), segment.size)
    return union(matched, segment.size)


def _cost(segment: Segment, node: Node) -> int:  # noqa: PLR0911  # one a kind
    """In which order to evaluate the parts of `AllOf`, lowest first: about how many numbers the
    part decodes by itself. Parts that can only filter what others found come last."""
    match node:
        case Contains(text):
            terms = _gram_terms(segment, "text", text)
            return segment.df(*terms[0]) if terms else 0
        case HasWord(text, prefix):
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
            ordinals = (segment.find(field, filter_term(value)) for value in values)
            return sum(segment.df(field, ordinal) for ordinal in ordinals if ordinal is not None)
        case FileNamed():
            return segment.size
        case CreatedIn() | Near() | Said():
            return segment.size + 1
        case Everything() | NoneOf():
            return segment.size + 2


def _candidates(
    segment: Segment, node: Contains | FileNamed, within: DocNumbers | None, *, history: bool
) -> tuple[DocNumbers, TextTest | None]:
    """(documents of `within` that may contain a literal, as far as posting lists tell at little
    cost; the text scan that decides, or None if there is nothing left to decide)."""
    if isinstance(node, FileNamed):
        return _candidates_in(segment, "files", node.text, EVERYWHERE, within)
    names = ["text", "joined"] if node.joined else ["text"]
    if history:
        names += ["former", "former_joined"] if node.joined else ["former"]
    found = [_candidates_in(segment, name, node.text, node.messages, within) for name in names]
    found = [one for one in found if len(one[0])] or found[:1]
    if len(found) == 1:
        return found[0]
    candidates = union([docs for docs, _ in found], segment.size)
    if all(test is None for _, test in found):
        return candidates, None
    return candidates, partial(_in_some_text, segment, found)


def _in_some_text(
    segment: Segment, found: Sequence[tuple[DocNumbers, TextTest | None]], docs: DocNumbers
) -> DocNumbers:
    """The documents of `docs` that one of these texts decides to contain a literal. `found`: what
    `_candidates_in` returned for each text. What one text has is not looked for in the next."""
    passed = []
    for candidates, test in found:
        mine = intersect(docs, candidates, segment.size)
        passed.append(mine if test is None else test(mine))
        docs = difference(docs, passed[-1], segment.size)
    return union(passed, segment.size)


def _candidates_in(
    segment: Segment, name: str, literal: str, messages: Messages, within: DocNumbers | None
) -> tuple[DocNumbers, TextTest | None]:
    """`_candidates` in one text. `name`: one of `TEXTS`."""
    terms = _gram_terms(segment, name, literal)
    test = None if terms is None else contains(segment.file, name, literal, messages)
    if terms is None or test is None:
        return EMPTY, None
    left = within
    for field, ordinal in terms:
        if left is not None and len(left) * _SCAN_COST < segment.df(field, ordinal):
            return left, test
        left = _narrowed(segment, segment.docs(field, ordinal), left)
    assert left is not None
    if messages != EVERYWHERE:
        left = MessageFilter(segment.file, name, messages).narrowed(segment, left)
    return left, None if messages == EVERYWHERE and is_gram(literal) else test


def digits_stand(segment: Segment, literal: str, docs: DocNumbers) -> NDArray[np.int64]:
    """How a literal that ends in a digit stands in each of `docs` (same shape), in the text or in a
    joined form of it: see `digits_around`."""
    best = np.zeros(len(docs), np.int64)
    for name in ("text", "joined"):
        having, _ = _candidates_in(segment, name, literal, EVERYWHERE, docs)
        places = np.searchsorted(docs, having)
        best[places] = np.maximum(best[places], digits_around(segment.file, name, literal, having))
    return best


def _gram_terms(segment: Segment, name: str, literal: str) -> list[tuple[str, int]] | None:
    """(field, ordinal) of each gram that a literal requires, those with the fewest documents first.
    None if some gram is in no document; then the literal is in none."""
    terms = []
    for gram in required_grams(literal[:_MAX_LITERAL]):
        field = GRAM_FIELDS[name][len(gram) - 1]
        ordinal = segment.find(field, gram)
        if ordinal is None:
            return None
        terms.append((field, ordinal))
    return sorted(terms, key=lambda term: segment.df(*term))


def _with_word(
    segment: Segment, node: HasWord, within: DocNumbers | None, *, history: bool
) -> DocNumbers:
    if runs(node.text)[0].kind is not RunKind.LETTERS:
        return EMPTY
    shortened = len(node.text) > MAX_TOKEN_LENGTH  # one term stands for all words that begin so
    if node.prefix and not shortened:
        candidates = union([segment.docs_with_prefix("words", node.text)], segment.size)
    else:
        candidates = _any_term(segment, "words", [index_token(node.text)])
    matched = _narrowed(segment, candidates, within)
    if node.messages != EVERYWHERE:
        matched = MessageFilter(segment.file, "text", node.messages).narrowed(segment, matched)
    if node.messages != EVERYWHERE or shortened:
        matched = has_word(segment.file, "text", node)(matched)
    if not history:
        return matched
    former, _ = _candidates_in(segment, "former", node.text, EVERYWHERE, within)
    return union([matched, has_word(segment.file, "former", node)(former)], segment.size)


def _with_texts_near(
    segment: Segment, node: Near, within: DocNumbers | None, *, history: bool
) -> DocNumbers:
    found = []
    for name in ("text", "former") if history else ("text",):
        left = within
        for text in sorted(node.texts, key=lambda text: _cost(segment, Contains(text))):
            left, _ = _candidates_in(segment, name, text, node.messages, left)
        found.append(EMPTY if left is None else near(segment.file, name, node)(left))
    return found[0] if len(found) == 1 else union(found, segment.size)


def _with_message(
    segment: Segment, messages: Messages, within: DocNumbers | None, *, history: bool
) -> DocNumbers:
    found = [
        MessageFilter(segment.file, name, messages).documents(segment, within)
        for name in (("text", "former") if history else ("text",))
    ]
    return found[0] if len(found) == 1 else union(found, segment.size)


def _any_term(segment: Segment, field: str, terms: Iterable[str]) -> DocNumbers:
    """The live documents that have any of these terms."""
    ordinals = (segment.find(field, term) for term in terms)
    lists = [segment.docs(field, ordinal) for ordinal in ordinals if ordinal is not None]
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
    """The documents of these chat ids. Cost: one pass over the column of ids for each, 0.5 ns a
    document."""
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
