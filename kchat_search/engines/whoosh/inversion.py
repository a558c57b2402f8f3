"""Documents to a run: terms and texts of some chats as sorted arrays, the first half of a build.

What goes in is objects, a chat each; what comes out is arrays, a field each. Everything behind it
(spilling, merging, writing) never sees a document again.

Cost: some 55 µs a chat. The grams are those of `text.grams`, of all chats at once: a set of strings
a chat would take four times as long.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.whoosh.array_file import Array, ArrayFile, ArrayFileWriter
from kchat_search.engines.whoosh.schema import FILTERS, GRAM_FIELDS, filter_term
from kchat_search.engines.whoosh.text_encoding import FILE_MARK, MARKS, codes, joined
from kchat_search.models.plan import NO_TIME, IndexDocument

COLUMNS = ("id", "version", "created", "length")
"""`version` holds the documents' revisions. The column keeps its old name in the file, because
another name would force every index to be built anew."""
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
        return cls(ArrayFile(path))

    def spill(self, path: Path) -> None:
        """To a file, so that memory holds one run at a time."""
        with ArrayFileWriter(path) as writer:
            for name, array in self.arrays.items():
                writer.add(name, array, "i8" if name in ("id", "created") else None)
            writer.finish({})


def invert(documents: Sequence[IndexDocument]) -> Run:
    """The run of some documents, numbered in this order. Raises ValueError for text that is not
    folded."""
    arrays: dict[str, Array] = {
        "id": np.array([d.id for d in documents], np.int64),
        "version": np.array([d.revision for d in documents], np.int64),
        "created": np.array(
            [NO_TIME if d.created is None else d.created for d in documents], np.int64
        ),
        "length": np.array([len(d.words) for d in documents], np.int64),
    }
    for name in FILTERS:
        values = [tuple(map(filter_term, d.fields[name])) for d in documents]
        arrays |= _invert_values(name, values)
    arrays |= _invert_values("created_month", [(filter_term(d.month),) for d in documents])
    arrays |= _invert_values("words", [d.words for d in documents], frequencies=True)
    texts = [joined(d.texts) for d in documents]
    arrays |= _invert_texts("text", texts, sum(len(d.texts) for d in documents))
    files = ["".join(FILE_MARK + name for name in d.files) for d in documents]
    arrays |= _invert_texts("files", files, sum(len(d.files) for d in documents))
    return Run(arrays)


def _invert_values(
    field: str, values: Sequence[Sequence[str]], *, frequencies: bool = False
) -> dict[str, Array]:
    """Each document's values turned into each value's documents."""
    flat = list(chain.from_iterable(values))
    vocabulary = sorted(set(flat))  # strings sort by code point, as UTF-8 does
    number = {value: n for n, value in enumerate(vocabulary)}
    kind = np.min_scalar_type(len(vocabulary))
    numbers = np.fromiter(map(number.__getitem__, flat), kind, len(flat))
    docs = np.repeat(np.arange(len(values)), [len(each) for each in values])
    lists = _InvertedField([numbers], docs)
    found = lists.arrays(field, vocabulary)
    if frequencies:
        found[f"{field}.freqs"] = lists.times
    return found


def _invert_texts(name: str, texts: Sequence[str], marks: int) -> dict[str, Array]:
    """A column of texts with so many marks in all, and the lists of their grams."""
    text = "".join(texts)
    chars = np.array([len(each) for each in texts], np.int64)
    docs = np.repeat(np.arange(len(texts)), chars)
    points = codes(text)
    alphabet = np.flatnonzero(np.bincount(points))
    letters = [chr(point) for point in alphabet.tolist()]
    place = np.zeros(points.max(initial=0) + 1, np.min_scalar_type(len(alphabet)))
    place[alphabet] = np.arange(len(alphabet))
    places = place[points]
    plain = ~_is_mark(points)
    if len(plain) - int(plain.sum()) != marks:
        raise ValueError("a message has white space that folding would have made a blank")
    digits = (points >= ord("0")) & (points <= ord("9"))
    found: dict[str, Array] = {
        name: np.frombuffer(text.encode(), np.uint8),
        f"{name}.chars": chars,
    }
    there = (
        plain,
        plain[:-1] & plain[1:],  # the next document begins with a mark
        digits[:-2] & digits[1:-1] & digits[2:],
    )
    for length, (field, where) in enumerate(zip(GRAM_FIELDS[name], there, strict=True), start=1):
        begin = np.flatnonzero(where)
        lists = _InvertedField([places[begin + n] for n in range(length)], docs[begin])
        parts = [map(letters.__getitem__, key) for key in lists.keys]
        found |= lists.arrays(field, list(map("".join, zip(*parts, strict=True))))
    return found


class _InvertedField:
    """(key, document) pairs, of which the documents ascend, as one list of documents a key.

    A key is one to three numbers, and numbers of 16 bits are sorted by radix (numpy's stable
    argsort): 16 ns each. Sorting key and document as one number of 64 bits takes 70 ns.
    """

    def __init__(self, keys: Sequence[Array], docs: NDArray[np.int64]) -> None:
        order = np.argsort(keys[-1], kind="stable")
        for key in reversed(keys[:-1]):
            order = order[np.argsort(key[order], kind="stable")]
        keys, docs = [key[order] for key in keys], docs[order]
        new_key = _changes(keys)
        heads = np.flatnonzero(new_key | _changes([docs]))
        self.docs = docs[heads]
        """Each once a key, key after key."""
        self.times = np.diff(heads, append=len(docs))
        """How often each of `docs` has its key."""
        first = np.flatnonzero(new_key)
        self.keys = [key[first].tolist() for key in keys]
        """The keys, ascending."""
        self.df = np.diff(np.searchsorted(heads, first), append=len(heads))
        """Documents of each key."""

    def arrays(self, field: str, terms: Sequence[str]) -> dict[str, Array]:
        """The arrays of a field with these terms, one a key."""
        written = [term.encode() for term in terms]
        return {
            f"{field}.terms": np.frombuffer(b"".join(written), np.uint8),
            f"{field}.ends": end_offsets(written),
            f"{field}.df": self.df,
            f"{field}.docs": self.docs,
        }


def _changes(columns: Sequence[Array]) -> NDArray[np.bool_]:
    """Where a row is not the one before it."""
    changed = np.ones(len(columns[0]), np.bool_)
    changed[1:] = False
    for column in columns:
        changed[1:] |= column[1:] != column[:-1]
    return changed


def _is_mark(points: NDArray[np.uint32]) -> NDArray[np.bool_]:
    found = np.zeros(len(points), np.bool_)
    for mark in MARKS.values():
        found |= points == ord(mark)
    return found


def end_offsets(terms: Iterable[bytes]) -> NDArray[np.int64]:
    """Where each ends when they are joined."""
    return np.cumsum(np.fromiter(map(len, terms), np.int64))


def split_terms(data: Array, stops: Array) -> list[bytes]:
    """Joined terms one by one."""
    whole = data.tobytes()
    last = stops.tolist()
    return [whole[start:end] for start, end in zip([0, *last], last, strict=False)]
