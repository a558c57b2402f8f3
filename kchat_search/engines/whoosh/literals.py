"""Which documents contain a literal: from the lists of its grams to a scan of texts.

A literal needs all its grams, so their lists are intersected, smallest first. When so few
candidates are left that scanning their texts is cheaper than decoding the next list, the texts are
scanned. Mostly they must be scanned anyway: the pairs of characters may stand in another order, or
in different messages.

What is looked into depends on who looks (`Segment.masked`). Everybody sees the `text`. What is
found there letter for letter is in the clear passage too, because no literal of who sees all has a
hidden character. Who sees all looks into `clear` as well, who sees masked into `whole` for whole
numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.terms import has_whole_numbers
from kchat_search.engines.whoosh.hidden_spans import SPANS
from kchat_search.engines.whoosh.message_filter import MessageFilter
from kchat_search.engines.whoosh.postings import EMPTY, DocNumbers
from kchat_search.engines.whoosh.schema import GRAM_FIELDS
from kchat_search.engines.whoosh.segment import Segment
from kchat_search.engines.whoosh.sets import difference, either, intersect, narrowed, union
from kchat_search.engines.whoosh.text_scan import TextTest, contains, digits_around
from kchat_search.models.plan import (
    EVERYWHERE,
    Contains,
    FileNamed,
    Messages,
)
from kchat_search.text.grams import is_gram, required_grams

_MAX_LITERAL = 64
"""Only the grams of so many characters of a literal are looked up. The text scan decides."""
_SCAN_COST = 150
"""Scanning one text costs as much as decoding so many numbers of a list."""


def may_contain(
    segment: Segment, node: Contains | FileNamed, within: DocNumbers | None, *, history: bool
) -> tuple[DocNumbers, TextTest | None]:
    """(documents of `within` that may contain a literal, as far as posting lists tell at little
    cost; the text scan that decides, or None if there is nothing left to decide)."""
    if isinstance(node, FileNamed):
        names = ["files", "hidden_files"]
        if segment.masked:
            names = ["hidden_files" if has_whole_numbers(node.text) else "files"]
        messages = EVERYWHERE
    else:
        names = _texts(segment, node, history=history)
        messages = node.messages
    found = [may_contain_in(segment, name, node.text, messages, within) for name in names]
    found = [one for one in found if len(one[0])]
    if len(found) <= 1:
        return found[0] if found else (EMPTY, None)
    candidates = union([docs for docs, _ in found], segment.size)
    if all(test is None for _, test in found):
        return candidates, None
    return candidates, partial(_in_some_text, segment, found)


def _texts(segment: Segment, node: Contains, *, history: bool) -> list[str]:
    """The texts in which a literal is looked for."""
    if not segment.masked:
        names = ["text", "joined", "clear", "clear_joined"] if node.joined else ["text", "clear"]
        if history:
            names += ["former", "former_joined"] if node.joined else ["former"]
        return names
    if has_whole_numbers(node.text):
        return ["whole"]
    return ["text", "joined", "masked_joined"] if node.joined else ["text"]


def _in_some_text(
    segment: Segment, found: Sequence[tuple[DocNumbers, TextTest | None]], docs: DocNumbers
) -> DocNumbers:
    """The documents of `docs` that one of these texts decides to contain a literal. `found`: what
    `may_contain_in` returned for each text. What one text has is not looked for in the next."""
    passed = []
    for candidates, test in found:
        mine = intersect(docs, candidates, segment.size)
        passed.append(mine if test is None else test(mine))
        docs = difference(docs, passed[-1], segment.size)
    return union(passed, segment.size)


def may_contain_in(
    segment: Segment, name: str, literal: str, messages: Messages, within: DocNumbers | None
) -> tuple[DocNumbers, TextTest | None]:
    """`may_contain` in one text. `name`: one of `TEXTS`."""
    if name in SPANS:
        return _may_contain_hidden(segment, name, literal, messages, within)
    terms = gram_terms(segment, name, literal)
    test = None if terms is None else contains(segment.file, name, literal, messages)
    if terms is None or test is None:
        return EMPTY, None
    left = within
    for field, ordinal in terms:
        if left is not None and len(left) * _SCAN_COST < segment.df(field, ordinal):
            return left, test
        left = narrowed(segment.docs(field, ordinal), left, segment.size)
    assert left is not None
    if messages != EVERYWHERE:
        left = MessageFilter(segment.file, name, messages).narrowed(segment, left)
    return left, None if messages == EVERYWHERE and is_gram(literal) else test


def _may_contain_hidden(
    segment: Segment, name: str, literal: str, messages: Messages, within: DocNumbers | None
) -> tuple[DocNumbers, TextTest | None]:
    """`may_contain` in a text of which only grams with a hidden character are indexed (`SPANS`).
    Without such a gram, a literal stands in `text` if it stands there, and is found there."""
    grams = _grams_of(literal)
    fields = GRAM_FIELDS[name]
    terms = [(fields[len(gram) - 1], gram) for gram in grams]
    hidden = [(field, segment.find(field, gram)) for field, gram in terms]
    lists = [segment.docs(field, ordinal) for field, ordinal in hidden if ordinal is not None]
    test = contains(segment.file, name, literal, messages) if lists else None
    if test is None:
        return EMPTY, None
    left = narrowed(either(lists, segment.size), within, segment.size)
    if messages == EVERYWHERE and is_gram(literal):
        return left, None
    for gram in grams[:_MAX_LITERAL]:
        both = [GRAM_FIELDS[text][len(gram) - 1] for text in ("text", name)]
        found = [(field, segment.find(field, gram)) for field in both]
        known = [(field, ordinal) for field, ordinal in found if ordinal is not None]
        if not known:
            return EMPTY, None
        if sum(segment.df(*term) for term in known) < len(left) * _SCAN_COST:
            with_gram = either([segment.docs(*term) for term in known], segment.size)
            left = intersect(left, with_gram, segment.size)
    if messages != EVERYWHERE:
        left = MessageFilter(segment.file, name, messages).narrowed(segment, left)
    return left, test


def digits_stand(segment: Segment, literal: str, docs: DocNumbers) -> NDArray[np.int64]:
    """How a literal that ends in a digit stands in each of `docs` (same shape), in the text or in a
    joined form of it: see `digits_around`. It is the same for everybody."""
    best = np.zeros(len(docs), np.int64)
    for name in ("text", "joined", "masked_joined"):
        having, _ = may_contain_in(segment, name, literal, EVERYWHERE, docs)
        places = np.searchsorted(docs, having)
        best[places] = np.maximum(best[places], digits_around(segment.file, name, literal, having))
    return best


def in_text(segment: Segment, literal: str, docs: DocNumbers) -> DocNumbers:
    """The documents of `docs` whose text, as everybody sees it, contains a literal."""
    candidates, test = may_contain_in(segment, "text", literal, EVERYWHERE, docs)
    return candidates if test is None else test(candidates)


@lru_cache(128)
def _grams_of(literal: str) -> tuple[str, ...]:
    """`required_grams`, which a plan asks for in each text."""
    return tuple(required_grams(literal))


def gram_terms(segment: Segment, name: str, literal: str) -> list[tuple[str, int]] | None:
    """(field, ordinal) of each gram that a literal requires, those with the fewest documents first.
    None if some gram is in no document; then the literal is in none."""
    terms = []
    for gram in _grams_of(literal[:_MAX_LITERAL]):
        field = GRAM_FIELDS[name][len(gram) - 1]
        ordinal = segment.find(field, gram)
        if ordinal is None:
            return None
        terms.append((field, ordinal))
    return sorted(terms, key=lambda term: segment.df(*term))
