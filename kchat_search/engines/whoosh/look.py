"""The look into the texts: what a document's lists can't say, its messages do.

A `TextTest` takes document numbers and answers with those that pass. Texts are bytes in the
segment's alphabet, and a match of bytes is a match of characters (see `texts.py`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.whoosh.lists import EMPTY, Docs
from kchat_search.engines.whoosh.stored import StoredSegment
from kchat_search.engines.whoosh.texts import messages, messages_of
from kchat_search.models.chats import Side
from kchat_search.models.query import HasWord
from kchat_search.text.scripts import words

TextTest = Callable[[Docs], Docs]

_AT_ONCE = 8_192
"""Texts that are joined at a time: some megabytes."""


def contains(stored: StoredSegment, name: str, literal: str) -> TextTest | None:
    """Is the literal in the `text` (or in `files`)? None where some character is in no text.
    Cost: 0.2 to 0.5 µs a document."""
    needle = stored.alphabet.needle(literal)
    if needle is None:
        return None
    wanted = np.frombuffer(needle, np.uint8)
    rarest = np.argsort(stored.byte_counts[wanted], kind="stable").tolist()

    def test(docs: Docs) -> Docs:
        """All texts of some documents at once: where the needle's rarest byte is, then of those
        places where the next rarest is as well, and so on. A search in each text by itself takes
        twice to three times as long."""
        pieces = [EMPTY]
        for first in range(0, len(docs), _AT_ONCE):
            some = docs[first : first + _AT_ONCE]
            data, starts = joined_texts(stored, name, some)
            text = np.frombuffer(data, np.uint8)
            places = np.arange(0)
            for number, offset in enumerate(rarest):
                if number:
                    places = places[text[places + offset] == wanted[offset]]
                else:
                    end = max(0, len(text) - len(wanted) + 1)
                    places = np.flatnonzero(text[offset : offset + end] == wanted[offset])
            there = np.zeros(len(some), np.bool_)
            # A text begins with a mark, and no needle has one: no match lies across two texts.
            there[np.searchsorted(starts, places, side="right") - 1] = True
            pieces.append(some[there])
        return np.concatenate(pieces)

    return test


def of_side(stored: StoredSegment, literal: str, side: Side | None) -> TextTest | None:
    """Is it in a message of that side? Cost: some µs a document."""
    needle = stored.alphabet.needle(literal)
    if needle is None or side is None:
        return None

    def said(text: bytes) -> bool:
        return needle in text and any(needle in each for each in messages_of(text, side))

    return _passing(stored, said)


def says_word(stored: StoredSegment, node: HasWord) -> TextTest:
    """Is it a whole word (or the beginning of one) of a message of that side? Cost: some 50 µs a
    document; asked only of those that have the word."""

    def said(text: bytes) -> bool:
        parts = messages(text) if node.side is None else messages_of(text, node.side)
        found = (word for part in parts for _, word in words(stored.alphabet.string(part)))
        if node.prefix:
            return any(word.startswith(node.text) for word in found)
        return any(word == node.text for word in found)

    return _passing(stored, said)


def _passing(stored: StoredSegment, said: Callable[[bytes], bool]) -> TextTest:
    def test(docs: Docs) -> Docs:
        return np.array([d for d in docs.tolist() if said(stored.text("text", d))], np.int64)

    return test


def joined_texts(stored: StoredSegment, name: str, docs: Docs) -> tuple[bytes, NDArray[np.int64]]:
    """(the texts of these documents, joined; where each begins)."""
    ends = stored.arrays[f"{name}.ends"]
    offset = stored.arrays.offset(name)
    lasts = ends[docs].astype(np.int64)
    firsts = np.where(docs > 0, ends[docs - 1], 0).astype(np.int64)
    slices = map(slice, (firsts + offset).tolist(), (lasts + offset).tolist())
    return b"".join(map(stored.arrays.map.__getitem__, slices)), np.cumsum(lasts - firsts) - (
        lasts - firsts
    )
