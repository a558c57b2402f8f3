"""Which chats match: from a `Node` to an ascending array of document numbers of one segment.

Every function takes `within`, the documents that are still candidates (None means all live ones),
and returns those of them that match. So expensive conditions are tested last, on the documents that
the cheap ones left. Costs in nanoseconds (the constants below are their ratio):

    decode a posting list        2 to 3 for each document in the list
    scan texts               300 to 500 for each document that is scanned

`literals.py` says how a literal is looked for, and who looks into which texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from kchat_search import processor_time
from kchat_search.engines.terms import asked_ids, asked_terms, filter_term, has_whole_numbers
from kchat_search.engines.whoosh.hidden_spans import SPANS
from kchat_search.engines.whoosh.literals import (
    gram_terms,
    may_contain,
    may_contain_in,
)
from kchat_search.engines.whoosh.message_filter import MessageFilter
from kchat_search.engines.whoosh.postings import EMPTY, DocNumbers
from kchat_search.engines.whoosh.segment import Segment
from kchat_search.engines.whoosh.sets import difference, either, narrowed, union
from kchat_search.engines.whoosh.text_scan import TextTest, has_word, near
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
from kchat_search.text.scripts import RunKind, runs
from kchat_search.text.segmentation import MAX_TOKEN_LENGTH, index_token

_SUBTRACT_SHARE = 8
"""If more than one in so many documents has matched a part of `AnyOf`, they are subtracted before
the next part is evaluated: that costs less than matching the same documents again."""


def matching(  # noqa: C901, PLR0911  # one a kind
    segment: Segment, node: Node, within: DocNumbers | None = None, *, history: bool = False
) -> DocNumbers:
    """The documents of `within` that match `node`. `history`: former passages are looked into too,
    but for who sees masked.

    Raises `PostingsDamaged`, `TextDamaged`, and `RequestTooExpensive` where a request may not take
    so long.
    """
    processor_time.check()
    history = history and not segment.masked
    match node:
        case Everything():
            return segment.live if within is None else within
        case Contains() | FileNamed():
            candidates, test = may_contain(segment, node, within, history=history)
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
            within, test = may_contain(segment, part, within, history=history)
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
            terms = gram_terms(segment, "text", text)
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


def _with_word(
    segment: Segment, node: HasWord, within: DocNumbers | None, *, history: bool
) -> DocNumbers:
    if runs(node.text)[0].kind is not RunKind.LETTERS:
        return EMPTY
    found = [_with_term(segment, "words", "text", node, within)]
    if not segment.masked:
        found.append(_with_term(segment, "hidden_words", "clear", node, within))
    if history:
        former, _ = may_contain_in(segment, "former", node.text, EVERYWHERE, within)
        found.append(has_word(segment.file, "former", node)(former))
    return either(found, segment.size)


def _with_term(
    segment: Segment, field: str, name: str, node: HasWord, within: DocNumbers | None
) -> DocNumbers:
    """The documents of `within` that have a word. `field`: its words are those of the text
    `name`."""
    shortened = len(node.text) > MAX_TOKEN_LENGTH  # one term stands for all words that begin so
    if node.prefix and not shortened:
        candidates = union([segment.docs_with_prefix(field, node.text)], segment.size)
    else:
        candidates = _any_term(segment, field, [index_token(node.text)])
    matched = narrowed(candidates, within, segment.size)
    if node.messages != EVERYWHERE:
        matched = MessageFilter(segment.file, name, node.messages).narrowed(segment, matched)
    if node.messages != EVERYWHERE or shortened:
        matched = has_word(segment.file, name, node)(matched)
    return matched


def _with_texts_near(
    segment: Segment, node: Near, within: DocNumbers | None, *, history: bool
) -> DocNumbers:
    names = ["text", "clear"]
    if segment.masked:
        names = ["whole" if any(map(has_whole_numbers, node.texts)) else "text"]
    texts = sorted(node.texts, key=lambda text: _cost(segment, Contains(text)))
    found = []
    for name in [*names, "former"] if history else names:
        left = within
        if name in SPANS:
            hiding = segment.only_live(segment.file.fragments[name].documents)
            left = narrowed(hiding, within, segment.size)
        for text in texts:
            left = _may_have(segment, name, text, node.messages, left)
        test = near(segment.file, name, node, clear=not segment.masked)
        found.append(EMPTY if left is None else test(left))
    return either(found, segment.size)


def _may_have(
    segment: Segment, name: str, literal: str, messages: Messages, within: DocNumbers | None
) -> DocNumbers:
    """The documents of `within` that may contain a literal in one text: none is lost."""
    names = ("text", name) if name in SPANS else (name,)  # what is not hidden is known of `text`
    some = [may_contain_in(segment, each, literal, messages, within)[0] for each in names]
    return either(some, segment.size)


def _with_message(
    segment: Segment, messages: Messages, within: DocNumbers | None, *, history: bool
) -> DocNumbers:
    found = [
        MessageFilter(segment.file, name, messages).documents(segment, within)
        for name in (("text", "former") if history else ("text",))
    ]
    return either(found, segment.size)


def _any_term(segment: Segment, field: str, terms: Iterable[str]) -> DocNumbers:
    """The live documents that have any of these terms."""
    ordinals = (segment.find(field, term) for term in terms)
    lists = [segment.docs(field, ordinal) for ordinal in ordinals if ordinal is not None]
    return lists[0] if len(lists) == 1 else union(lists, segment.size)


def _with_value(segment: Segment, node: FieldIs, within: DocNumbers | None) -> DocNumbers:
    if node.field == "id":
        return _with_id(segment, node.values, within)
    asked = asked_terms(node.field, node.values, masked=segment.masked)
    docs = _any_term(segment, node.field, asked)
    return narrowed(docs, within, segment.size)


def _with_id(
    segment: Segment, values: Sequence[str | None], within: DocNumbers | None
) -> DocNumbers:
    """The documents of these chat ids. Cost: one pass over the column of ids, 0.5 ns a document,
    for one id; some 60 ns a document and 500 ns an id for many."""
    wanted = np.array(asked_ids(values), np.int64)
    found = segment.ids == wanted[0] if len(wanted) == 1 else np.isin(segment.ids, wanted)
    return narrowed(segment.only_live(np.flatnonzero(found)), within, segment.size)


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
    return segment.only_live(np.flatnonzero(keep))
