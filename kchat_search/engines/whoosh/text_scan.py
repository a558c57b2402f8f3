"""Scans the texts themselves, where the posting lists of a document cannot decide.

A `TextTest` takes document numbers and returns those that pass. Texts are bytes in the segment's
alphabet, in which a match of bytes is a match of characters (see `text_encoding.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kchat_search import processor_time
from kchat_search.engines.whoosh.message_filter import MessageFilter
from kchat_search.engines.whoosh.near import Occurrences, together
from kchat_search.engines.whoosh.postings import EMPTY, ByteArray, DocNumbers
from kchat_search.engines.whoosh.segment_file import SegmentFile
from kchat_search.engines.whoosh.text_encoding import MARKS, TextDamaged
from kchat_search.models.plan import (
    EVERYWHERE,
    HIDDEN_DIGIT,
    HIDDEN_LETTER,
    HasWord,
    Messages,
    Near,
)

TextTest = Callable[[DocNumbers], DocNumbers]
Positions = NDArray[np.int64]
"""Where matches begin in some bytes, ascending. Shape: (matches,)."""


class Texts(NamedTuple):
    """Some documents' texts, end to end."""

    docs: DocNumbers
    starts: NDArray[np.int64]
    """Where each document's text begins."""
    data: bytes
    array: ByteArray
    """`data` as an array."""


Finder = Callable[[ByteArray], Positions]
"""Finds a literal in some bytes."""
FindMatches = Callable[[Texts], Positions]
"""Finds the matches in some texts."""

_AT_ONCE = 8_192
"""How many texts are scanned at a time, at most: some megabytes."""
_LONGEST_CHARACTER = 4
"""Bytes."""
_BYTES_AT_ONCE = 8 << 20
"""How many bytes of text, at most, unless one text has more. numpy is not interrupted while it
looks through them: some milliseconds for each byte of what is looked for."""


def contains(
    file: SegmentFile, name: str, literal: str, messages: Messages = EVERYWHERE
) -> TextTest | None:
    """The test: does the text contain the literal, in one of these messages?

    `name`: one of `TEXTS`. None if a character of the literal occurs in no text; then no document
    can pass. Cost: 0.2 to 0.5 µs a document.
    """
    find = make_finder(file, literal)
    if find is None:
        return None

    def matches(texts: Texts) -> Positions:
        return in_messages(file, name, texts, find(texts.array), messages)

    return _test(file, name, matches)


def has_word(file: SegmentFile, name: str, node: HasWord) -> TextTest:
    """The test: does one of those messages have the whole word (or, with `prefix`, a word that
    begins so)? A run in which letters are hidden is no word. `name`: one of `TEXTS`. Cost: some µs
    a document."""
    find = make_finder(file, node.text)
    letters = file.alphabet.letters
    hidden = file.alphabet.needle(HIDDEN_LETTER)

    def matches(texts: Texts) -> Positions:
        if find is None:
            return EMPTY
        found = find(texts.array)
        positions = in_messages(file, name, texts, found, node.messages)
        # A word ends where its letters end. So look at the character before the match (there is
        # always one, at least the mark) and at the character behind it, if there is one.
        heads = np.flatnonzero((texts.array & 0xC0) != 0x80)
        numbers = np.append(file.alphabet.numbers(texts.data), np.uint32(0))
        first = np.searchsorted(heads, positions)
        whole = ~letters[numbers[first - 1]]
        behind = first + len(node.text)
        if not node.prefix:
            whole &= ~letters[numbers[behind]]
        elif hidden is not None:
            ends = np.flatnonzero(~letters[numbers])
            hides = np.append(np.flatnonzero(numbers == ord(hidden.decode())), len(numbers))
            next_end, next_hidden = np.searchsorted(ends, behind), np.searchsorted(hides, behind)
            whole &= hides[next_hidden] > ends[next_end]
        return positions[whole]

    return _test(file, name, matches)


def near(file: SegmentFile, name: str, node: Near, *, clear: bool) -> TextTest:
    """The test: does one of those messages have all the texts near one another? `name`: one of
    `TEXTS`. `clear`: only messages count in which nothing is hidden, because what is hidden may
    have another length. Cost: some µs a document."""
    finders = [make_finder(file, text) for text in node.texts]
    hidden = [make_finder(file, one) for one in (HIDDEN_DIGIT, HIDDEN_LETTER)] if clear else []

    def matches(texts: Texts) -> Positions:
        heads = np.flatnonzero((texts.array & 0xC0) != 0x80)
        marks = np.flatnonzero(texts.array < len(MARKS))
        hiding = _passages_with(texts, marks, hidden)
        occurrences = []
        for text, find in zip(node.texts, finders, strict=True):
            found = EMPTY if find is None else find(texts.array)
            found = in_messages(file, name, texts, found, node.messages)
            passages = np.searchsorted(marks, found) - 1
            if len(hiding):
                keep = ~np.isin(passages, hiding)
                found, passages = found[keep], passages[keep]
            occurrences.append(Occurrences(np.searchsorted(heads, found), passages, len(text)))
        return np.asarray(marks[together(occurrences, node.distance)])

    return _test(file, name, matches)


def _passages_with(
    texts: Texts, marks: Positions, finders: Iterable[Finder | None]
) -> NDArray[np.int64]:
    """The passages that have what one of these finds, by number. `marks`: where they begin."""
    found = [find(texts.array) for find in finders if find is not None]
    places = [np.searchsorted(marks, positions) - 1 for positions in found]
    return np.unique(np.concatenate(places)) if places else EMPTY


def digits_around(
    file: SegmentFile, name: str, literal: str, docs: DocNumbers
) -> NDArray[np.int64]:
    """How the literal, which ends in a digit, stands in the text of each document (same shape): 2
    as a whole number somewhere, with no digit before or behind it; 1 as the end of one; else 0.

    `name`: one of `TEXTS`. Cost: that of `contains`.
    """
    best = np.zeros(len(docs), np.int64)
    find = make_finder(file, literal) if len(docs) else None
    if find is None:
        return best
    done = 0
    for some in in_portions(file, name, docs):
        processor_time.check()
        texts = texts_of(file, name, some)
        begin = find(texts.array)
        length = len(file.alphabet.needle(literal) or b"")
        goes_on = _digit_at(file, texts.array, begin + length)
        before = _digit_before(file, texts.array, begin) & literal[0].isdigit()
        document = np.searchsorted(texts.starts, begin, side="right") - 1
        np.maximum.at(best, done + document, np.where(goes_on, 0, np.where(before, 1, 2)))
        done += len(some)
    return best


def _digit_at(file: SegmentFile, text: ByteArray, positions: Positions) -> NDArray[np.bool_]:
    """For each position: does a digit begin there?"""
    known = map(file.alphabet.needle, "0123456789" + HIDDEN_DIGIT)
    digits = [digit for digit in known if digit is not None]
    is_digit = np.zeros(256, np.bool_)
    is_digit[[digit[0] for digit in digits if len(digit) == 1]] = True
    found: NDArray[np.bool_] = is_digit[text.take(positions, mode="clip")]
    for digit in digits:
        if len(digit) > 1:  # in few segments: digits are among the most frequent characters
            bytes_ = [text.take(positions + n, mode="clip") == b for n, b in enumerate(digit)]
            found |= np.logical_and.reduce(bytes_)
    return found & (positions < len(text))


def _digit_before(file: SegmentFile, text: ByteArray, positions: Positions) -> NDArray[np.bool_]:
    """For each position, which is never the first: does a digit end there?"""
    begin = positions - 1
    for _ in range(_LONGEST_CHARACTER - 1):
        begin = np.where((text[begin] & 0xC0) == 0x80, begin - 1, begin)
    return _digit_at(file, text, begin)


def _test(file: SegmentFile, name: str, find_matches: FindMatches) -> TextTest:
    """A test that passes documents with a match. Thousands of texts are searched in one pass. To
    search each text by itself takes two to three times as long."""

    def test(docs: DocNumbers) -> DocNumbers:
        passed = [EMPTY]
        for some in in_portions(file, name, docs):
            processor_time.check()
            texts = texts_of(file, name, some)
            matched = np.zeros(len(some), np.bool_)
            # No match spans two texts: a text begins with a mark, and no needle has a mark.
            matched[np.searchsorted(texts.starts, find_matches(texts), side="right") - 1] = True
            passed.append(some[matched])
        return np.concatenate(passed)

    return test


def in_portions(file: SegmentFile, name: str, docs: DocNumbers) -> Iterator[DocNumbers]:
    """The documents in portions whose texts may be scanned at one time. `name`: one of
    `TEXTS`."""
    for first in range(0, len(docs), _AT_ONCE):
        some = docs[first : first + _AT_ONCE]
        if len(some) * file.longest[name] <= _BYTES_AT_ONCE:
            yield some
            continue
        ends = np.cumsum(_lengths(file, name, some))
        begin = 0
        while begin < len(some):
            before = int(ends[begin - 1]) if begin else 0
            stop = int(np.searchsorted(ends, before + _BYTES_AT_ONCE, side="right"))
            stop = max(begin + 1, stop)
            yield some[begin:stop]
            begin = stop


def make_finder(file: SegmentFile, literal: str) -> Finder | None:
    """A function that finds all matches of a literal in some bytes. None if a character of the
    literal occurs in no text.

    It looks for the literal's rarest byte first, keeps those positions where the next rarest byte
    is in its place too, and so on.
    """
    needle = file.alphabet.needle(literal)
    if needle is None:
        return None
    needle_bytes = np.frombuffer(needle, np.uint8)
    first, *others = np.argsort(file.byte_counts[needle_bytes], kind="stable").tolist()

    def find(text: ByteArray) -> Positions:
        end = max(0, len(text) - len(needle_bytes) + 1)
        positions = np.flatnonzero(text[first : first + end] == needle_bytes[first])
        for offset in others:
            positions = positions[text[positions + offset] == needle_bytes[offset]]
        return positions

    return find


def in_messages(
    file: SegmentFile, name: str, texts: Texts, positions: Positions, messages: Messages
) -> Positions:
    """The positions inside these messages. The mark before a message tells the side that said it;
    how many marks stand before in the document, which passage it is."""
    if messages == EVERYWHERE or not len(positions):
        return positions
    marks = np.flatnonzero(texts.array < len(MARKS))
    at = np.searchsorted(marks, positions) - 1
    mark = texts.array[marks[at]]
    sides = tuple(MARKS)
    if messages.speaker is None:
        inside = mark != sides.index(None)
    else:
        inside = mark == sides.index(messages.speaker)
    if messages != Messages(messages.speaker):
        positions, at = positions[inside], at[inside]
        document = np.searchsorted(texts.starts, positions, side="right") - 1
        places = at - np.searchsorted(marks, texts.starts)[document]
        inside = MessageFilter(file, name, messages).passes(texts.docs[document], places)
    return np.asarray(positions[inside])


def _lengths(file: SegmentFile, name: str, docs: DocNumbers) -> NDArray[np.int64]:
    """How many bytes the text of each of `docs` has. Shape: that of `docs`."""
    ends = file.arrays[f"{name}.ends"]
    firsts = np.where(docs > 0, ends[docs - 1], 0).astype(np.int64)
    lengths: NDArray[np.int64] = ends[docs].astype(np.int64) - firsts
    return lengths


def texts_of(file: SegmentFile, name: str, docs: DocNumbers) -> Texts:
    """The texts of these documents. `name`: one of `TEXTS`."""
    data, starts = read_texts(file, name, docs)
    return Texts(docs, starts, data, np.frombuffer(data, np.uint8))


def read_texts(file: SegmentFile, name: str, docs: DocNumbers) -> tuple[bytes, NDArray[np.int64]]:
    """(the texts of these documents end to end, where each begins in bytes). `name`: one of
    `TEXTS`."""
    ends = file.arrays[f"{name}.ends"]
    offset = file.arrays.offset(name)
    lasts = ends[docs].astype(np.int64)
    firsts = np.where(docs > 0, ends[docs - 1], 0).astype(np.int64)
    slices = map(slice, (firsts + offset).tolist(), (lasts + offset).tolist())
    lengths = lasts - firsts
    if (lengths < 0).any() or int(lengths.sum()) > len(file.arrays[name]):
        raise TextDamaged("texts are longer than all their bytes, or end before they begin")
    data = b"".join(map(file.arrays.map.__getitem__, slices))
    return data, np.cumsum(lengths) - lengths
