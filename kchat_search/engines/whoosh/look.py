"""The look into the texts: what a document's lists can't say, its messages do.

A `TextTest` takes document numbers and answers with those that pass. Texts are bytes in the
segment's alphabet, and a match of bytes is a match of characters (see `texts.py`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from itertools import repeat
from mmap import mmap

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.whoosh.lists import Docs
from kchat_search.engines.whoosh.stored import StoredSegment
from kchat_search.engines.whoosh.texts import messages, messages_of
from kchat_search.models.chats import Side
from kchat_search.models.query import HasWord
from kchat_search.text.scripts import words

TextTest = Callable[[Docs], Docs]


def contains(stored: StoredSegment, name: str, literal: str) -> TextTest | None:
    """Is the literal in the `text` (or in `files`)? None where some character is in no text.
    Cost: some 0.3 µs a document, and its text."""
    needle = stored.alphabet.needle(literal)
    if needle is None:
        return None

    def test(docs: Docs) -> Docs:
        data, starts, ends = _extents(stored, name, docs)
        # No line of Python a document: a third less time than a comprehension takes.
        texts = map(data.__getitem__, map(slice, starts, ends))
        there = map(operator.contains, texts, repeat(needle))
        return docs[np.fromiter(there, np.bool_, len(docs))]

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


def _extents(stored: StoredSegment, name: str, docs: Docs) -> tuple[mmap, list[int], list[int]]:
    """(the file, where each document's text begins in it, where it ends)."""
    ends = stored.arrays[f"{name}.ends"]
    offset = stored.arrays.offset(name)
    starts = np.where(docs > 0, ends[docs - 1], 0).astype(np.int64) + offset
    return stored.arrays.map, starts.tolist(), (ends[docs].astype(np.int64) + offset).tolist()


def joined_texts(stored: StoredSegment, docs: Docs) -> tuple[bytes, NDArray[np.int64]]:
    """(the texts of these documents, joined; where each begins)."""
    data, starts, ends = _extents(stored, "text", docs)
    texts = [data[start:end] for start, end in zip(starts, ends, strict=True)]
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    return b"".join(texts), np.cumsum(lengths) - lengths
