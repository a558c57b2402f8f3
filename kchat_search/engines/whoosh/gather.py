"""Documents to a run: the terms and texts of some chats as sorted arrays, the first half of a build.

What goes in is objects, a chat each; what comes out is arrays, a field each. Everything behind it
(spilling, merging, writing) never sees a document again.

Cost: gathering takes some 0.1 ms a chat, of which the grams, sorted as one array of numbers, take
half; a set of strings a chat, as `text.grams` has it, takes four times as long.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.whoosh.arrays import Array, Arrays, ArraysWriter
from kchat_search.engines.whoosh.schema import FILTERS, filter_term
from kchat_search.engines.whoosh.texts import FILE_MARK, MARKS, codes, joined
from kchat_search.models.query import NO_TIME, IndexDocument

_CHARACTER, _DIGIT, _DOCUMENT = (np.uint64(bits) for bits in (21, 4, 18))
MOST_DOCUMENTS = 1 << 18
"""Documents a run, at most: a gram and a document number are sorted as one number of 64 bits."""

COLUMNS = ("id", "version", "created", "length")
TEXTS = ("text", "files")


class Run:
    """Some documents as arrays, in memory or in a file.

    By field of terms: `F.terms` (the terms in UTF-8, ascending, joined), `F.ends` (where each
    ends), `F.df` (documents that have it), `F.docs` (their numbers, ascending, term after term)
    and, for `words`, `words.freqs` (shape of `words.docs`). By document: `id`, `version`,
    `created`, `length`. Texts: `text` and `files` in UTF-8, and `T.chars`, the characters of each
    document.
    """

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self.arrays = arrays
        self.size = len(arrays["id"])

    @classmethod
    def read(cls, path: Path) -> Run:
        """A run that was spilled."""
        return cls(Arrays(path))

    def spill(self, path: Path) -> None:
        """To a file, so that memory holds one run at a time."""
        with ArraysWriter(path) as writer:
            for name, array in self.arrays.items():
                writer.add(name, array, "i8" if name in ("id", "created") else None)
            writer.finish({})


def gather(documents: Sequence[IndexDocument]) -> Run:
    """The run of some documents, numbered in this order. Raises ValueError for text that is not
    folded."""
    arrays: dict[str, Array] = {
        "id": np.array([d.id for d in documents], np.int64),
        "version": np.array([d.version for d in documents], np.int64),
        "created": np.array(
            [NO_TIME if d.created is None else d.created for d in documents], np.int64
        ),
        "length": np.array([len(d.words) for d in documents], np.int64),
    }
    values: dict[str, list[list[str]]] = {
        name: [list(map(filter_term, d.fields[name])) for d in documents]  # type: ignore[index]
        for name in FILTERS
    }
    values["created_month"] = [[filter_term(d.month)] for d in documents]
    for name, lists in values.items():
        arrays |= _inverted(name, lists)
    arrays |= _inverted("words", [d.words for d in documents], frequencies=True)
    texts = [joined(d.texts) for d in documents]
    arrays |= _texts("text", "grams", texts, sum(len(d.texts) for d in documents))
    files = ["".join(FILE_MARK + name for name in d.files) for d in documents]
    arrays |= _texts("files", "file_grams", files, sum(len(d.files) for d in documents))
    return Run(arrays)


def _inverted(
    field: str, values: Sequence[Sequence[str]], *, frequencies: bool = False
) -> dict[str, Array]:
    """Each document's values turned into each value's documents."""
    flat = list(chain.from_iterable(values))
    vocabulary = sorted(set(flat))  # strings sort by code point, as UTF-8 does
    number = {value: n for n, value in enumerate(vocabulary)}
    numbers = np.fromiter(map(number.__getitem__, flat), np.uint64, len(flat))
    docs = np.repeat(np.arange(len(values), dtype=np.uint64), [len(each) for each in values])
    keys, freqs = _distinct(numbers << _DOCUMENT | docs)
    found = _lists(field, keys, [value.encode() for value in vocabulary])
    if frequencies:
        found[f"{field}.freqs"] = freqs
    return found


def _texts(name: str, field: str, texts: Sequence[str], marks: int) -> dict[str, Array]:
    """A column of texts with so many marks in all, and the lists of their grams."""
    text = "".join(texts)
    chars = np.array([len(each) for each in texts], np.int64)
    points = codes(text).astype(np.uint64)
    docs = np.repeat(np.arange(len(texts), dtype=np.uint64), chars)
    plain = ~_is_mark(points)
    if len(plain) - int(plain.sum()) != marks:
        raise ValueError("a message has white space that folding would have made a blank")
    pairs = plain[:-1] & plain[1:]  # the next document begins with a mark
    digits = (points >= ord("0")) & (points <= ord("9"))
    triples = digits[:-2] & digits[1:-1] & digits[2:]
    points += np.uint64(1)  # so that «no second character» is 0, and sorts first, as in UTF-8
    first = points << (_CHARACTER + _DIGIT + _DOCUMENT) | docs
    second = points << (_DIGIT + _DOCUMENT)
    third = (points - np.uint64(ord("0"))) << _DOCUMENT
    keys, _ = _distinct(
        np.concatenate(
            (
                first[plain],
                (first[:-1] | second[1:])[pairs],
                (first[:-2] | second[1:-1] | third[2:])[triples],
            )
        )
    )
    terms = (keys >> _DOCUMENT)[_heads(keys >> _DOCUMENT)]
    found = _lists(field, keys, list(map(_gram, terms.tolist())))
    found[name] = np.frombuffer(text.encode(), np.uint8)
    found[f"{name}.chars"] = chars
    return found


def _gram(code: int) -> bytes:
    """The term of a gram's number."""
    first, second, digit = code >> 25, code >> 4 & (1 << 21) - 1, code & 15
    return (
        chr(first - 1)
        + (chr(second - 1) if second else "")
        + (chr(digit - 1 + ord("0")) if digit else "")
    ).encode()


def _is_mark(points: NDArray[np.unsignedinteger]) -> NDArray[np.bool_]:
    found = np.zeros(len(points), np.bool_)
    for mark in MARKS.values():
        found |= points == ord(mark)
    return found


def _distinct(keys: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """(each key once, ascending; how often it was there)."""
    keys.sort()
    heads = _heads(keys)
    return keys[heads], np.diff(heads, append=len(keys))


def _heads(ascending: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Where each value stands first."""
    new = np.ones(len(ascending), np.bool_)
    np.not_equal(ascending[1:], ascending[:-1], out=new[1:])
    return np.flatnonzero(new)


def _lists(field: str, keys: NDArray[np.uint64], terms: Sequence[bytes]) -> dict[str, Array]:
    """The arrays of a field, from its distinct (term, document) pairs, ascending."""
    heads = _heads(keys >> _DOCUMENT)
    return {
        f"{field}.terms": np.frombuffer(b"".join(terms), np.uint8),
        f"{field}.ends": ends(terms),
        f"{field}.df": np.diff(heads, append=len(keys)),
        f"{field}.docs": (keys & np.uint64(MOST_DOCUMENTS - 1)).astype(np.int64),
    }


def ends(terms: Iterable[bytes]) -> NDArray[np.int64]:
    """Where each ends when they are joined."""
    return np.cumsum(np.fromiter(map(len, terms), np.int64))


def parted(data: Array, stops: Array) -> list[bytes]:
    """Joined terms one by one."""
    whole = data.tobytes()
    last = stops.tolist()
    return [whole[start:end] for start, end in zip([0, *last], last, strict=False)]
