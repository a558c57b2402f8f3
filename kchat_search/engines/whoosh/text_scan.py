"""The look into the texts: what a document's lists can't say, its messages do.

A `TextTest` takes document numbers and answers with those that pass. Texts are bytes in the
segment's alphabet, and a match of bytes is a match of characters (see `texts.py`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.whoosh.postings import EMPTY, ByteArray, DocNumbers
from kchat_search.engines.whoosh.segment_file import SegmentFile
from kchat_search.engines.whoosh.text_encoding import MARKS
from kchat_search.models.chats import Speaker
from kchat_search.models.plan import HasWord

TextTest = Callable[[DocNumbers], DocNumbers]
Positions = NDArray[np.int64]
"""Where in some bytes, ascending."""

_AT_ONCE = 8_192
"""Texts that are joined at a time: some megabytes."""


def contains(
    file: SegmentFile, name: str, literal: str, speaker: Speaker | None = None
) -> TextTest | None:
    """Is the literal in the `text` (or in `files`), in a message by that speaker? None where some
    character is in no text. Cost: 0.2 to 0.5 µs a document."""
    find = make_finder(file, literal)
    if find is None:
        return None

    def places(text: ByteArray, data: bytes) -> Positions:
        del data
        return _by_speaker(text, find(text), speaker)

    return _test(file, name, places)


def has_word(file: SegmentFile, node: HasWord) -> TextTest:
    """Is it a whole word (or the beginning of one) of a message by that speaker? Cost: some µs a
    document."""
    find = make_finder(file, node.text)
    letters = file.alphabet.letters

    def places(text: ByteArray, data: bytes) -> Positions:
        if find is None:
            return EMPTY
        found = _by_speaker(text, find(text), node.speaker)
        # By character: the one before, which is at least the mark, and the one behind, if any.
        heads = np.flatnonzero((text & 0xC0) != 0x80)
        numbers = np.append(file.alphabet.numbers(data), np.uint32(0))
        first = np.searchsorted(heads, found)
        whole = ~letters[numbers[first - 1]]
        if not node.prefix:
            whole &= ~letters[numbers[first + len(node.text)]]
        return found[whole]

    return _test(file, "text", places)


def _test(
    file: SegmentFile, name: str, places: Callable[[ByteArray, bytes], Positions]
) -> TextTest:
    """All texts of some documents at once; `places` tells where in them what is looked for is. A
    search in each text by itself takes two to three times as long."""

    def test(docs: DocNumbers) -> DocNumbers:
        pieces = [EMPTY]
        for first in range(0, len(docs), _AT_ONCE):
            some = docs[first : first + _AT_ONCE]
            data, starts = read_texts(file, name, some)
            found = places(np.frombuffer(data, np.uint8), data)
            there = np.zeros(len(some), np.bool_)
            # A text begins with a mark, and no needle has one: no match lies across two texts.
            there[np.searchsorted(starts, found, side="right") - 1] = True
            pieces.append(some[there])
        return np.concatenate(pieces)

    return test


def make_finder(file: SegmentFile, literal: str) -> Callable[[ByteArray], Positions] | None:
    """Finds all places of a literal: where its rarest byte is, then of those places where the next
    rarest is as well, and so on."""
    needle = file.alphabet.needle(literal)
    if needle is None:
        return None
    wanted = np.frombuffer(needle, np.uint8)
    first, *others = np.argsort(file.byte_counts[wanted], kind="stable").tolist()

    def find(text: ByteArray) -> Positions:
        end = max(0, len(text) - len(wanted) + 1)
        places = np.flatnonzero(text[first : first + end] == wanted[first])
        for offset in others:
            places = places[text[places + offset] == wanted[offset]]
        return places

    return find


def _by_speaker(text: ByteArray, places: Positions, speaker: Speaker | None) -> Positions:
    """Those in messages by one speaker, whom the mark before each message tells."""
    if speaker is None or not len(places):
        return places
    marks = np.flatnonzero(text < len(MARKS))
    mark = text[marks[np.searchsorted(marks, places) - 1]]
    return np.asarray(places[mark == tuple(MARKS).index(speaker)])


def read_texts(file: SegmentFile, name: str, docs: DocNumbers) -> tuple[bytes, NDArray[np.int64]]:
    """(the texts of these documents, joined; where each begins)."""
    ends = file.arrays[f"{name}.ends"]
    offset = file.arrays.offset(name)
    lasts = ends[docs].astype(np.int64)
    firsts = np.where(docs > 0, ends[docs - 1], 0).astype(np.int64)
    slices = map(slice, (firsts + offset).tolist(), (lasts + offset).tolist())
    return b"".join(map(file.arrays.map.__getitem__, slices)), np.cumsum(lasts - firsts) - (
        lasts - firsts
    )
