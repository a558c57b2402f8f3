"""Inversion: documents to a run, the first half of a build.

Documents come in as objects, one for each chat. A run comes out: arrays, a few for each field, with
the posting lists of these documents. What follows (spilling, merging, writing) never sees a
document again.

Cost: some 55 µs a chat. The grams are those of `text.grams`, made for all chats at once. Making a
set of strings for each chat would take four times as long.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from itertools import chain
from operator import or_
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.terms import FILTERS, filter_term
from kchat_search.engines.whoosh.array_file import Array, ArrayFile, ArrayFileWriter
from kchat_search.engines.whoosh.hidden_spans import SPANS
from kchat_search.engines.whoosh.passages import fragment_columns, passage_columns
from kchat_search.engines.whoosh.schema import (
    FRAGMENTS,
    GRAM_FIELDS,
    HIDDEN_TEXTS,
    SENDERS,
)
from kchat_search.engines.whoosh.text_encoding import (
    FILE_MARK,
    MARKS,
    Fragment,
    arranged,
    codes,
    marked,
    marked_fragments,
)
from kchat_search.engines.whoosh.vectors import vector_arrays
from kchat_search.meaning.table import Table
from kchat_search.models.plan import NO_TIME, IndexDocument, Passage

COLUMNS = ("id", "version", "created", "length")
"""`version` holds the documents' revisions. The column keeps its old name in the file, because
another name would force every index to be rebuilt."""


class Run:
    """The inverted form of some documents: arrays, in memory or in a file.

    For each field F with terms: `F.terms`, the terms in UTF-8, ascending, end to end; `F.ends`,
    where each of them ends; `F.df`, how many documents have it; `F.docs`, their posting lists, term
    after term. For `words` also `words.freqs`, how often the word occurs in each of these documents
    (shape of `words.docs`).

    For each document: the columns `id`, `version`, `created` (seconds since 1970 UTC) and `length`
    (words). Each text T of `schema.TEXTS`, in UTF-8, end to end; and `T.chars`, how many characters
    each document has. The columns of passages, see `passages.py`, and of vectors, see `vectors.py`.
    """

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self.arrays = arrays
        self.size = len(arrays["id"])

    @classmethod
    def read(cls, path: Path) -> Run:
        """Open a run that was spilled. Raises `ArrayFileDamaged`, OSError."""
        return cls(ArrayFile(path))

    def spill(self, path: Path) -> None:
        """Write the run to a file, so that only one run is in memory at a time."""
        with ArrayFileWriter(path) as writer:
            for name, array in self.arrays.items():
                writer.add(name, array, "i8" if name in ("id", "created") else None)
            writer.finish({})


def invert(documents: Sequence[IndexDocument], table: Table | None = None) -> Run:
    """The run of these documents. Their document numbers are their places in `documents`. `table`:
    makes their vectors; without it they have none.

    Raises ValueError if a text is not folded.
    """
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
    arrays |= _invert_values("hidden_words", [d.hidden_words for d in documents])
    arrays |= _invert_passages("text", [d.passages for d in documents], arrays["created"])
    arrays |= _invert_passages("former", [d.former for d in documents], arrays["created"])
    arrays |= _invert_names("files", [d.files for d in documents])
    hidden_files = [(*d.hidden_files, *d.whole_files) for d in documents]
    arrays |= _invert_names("hidden_files", hidden_files)
    return Run(arrays | vector_arrays(documents, table))


def _invert_values(
    field: str, values: Sequence[Sequence[str]], *, frequencies: bool = False
) -> dict[str, Array]:
    """The arrays of a field. `values`: for each document, its terms, repetitions included."""
    flat = list(chain.from_iterable(values))
    vocabulary = sorted(set(flat))  # strings sort by code point, as UTF-8 does
    ordinal = {value: n for n, value in enumerate(vocabulary)}
    dtype = np.min_scalar_type(len(vocabulary))
    ordinals = np.fromiter(map(ordinal.__getitem__, flat), dtype, len(flat))
    docs = np.repeat(_numbers(len(values)), list(map(len, values)))
    inverted = _InvertedField([ordinals], docs)
    encoded = [term.encode() for term in vocabulary]
    terms = np.frombuffer(b"".join(encoded), np.uint8)
    arrays = inverted.arrays(field, terms, end_offsets(encoded))
    if frequencies:
        arrays[f"{field}.freqs"] = inverted.freqs
    return arrays


def _invert_passages(
    text: str, passages: Sequence[Sequence[Passage]], created: Array
) -> dict[str, Array]:
    """The arrays of these passages. `text`: the name of their text. `passages`, `created`: of each
    document."""
    passages = list(map(arranged, passages))
    arrays, senders = passage_columns(text, passages, created)
    arrays |= _invert_values(SENDERS[text], senders)
    arrays |= _invert_texts(text, list(map(marked, passages)), len(arrays[f"{text}.said"]))
    # Few passages hide something, and most texts of fragments are of these.
    hiding = [[(n, p) for n, p in enumerate(some) if p.hidden] for some in passages]
    for name in (name for name, belongs in FRAGMENTS.items() if belongs == text):
        looked_at = hiding if name in HIDDEN_TEXTS else map(enumerate, passages)
        fragments = [marked_fragments(name, some) for some in looked_at]
        arrays |= fragment_columns(name, fragments)
        texts = ["".join([fragment for _, fragment in some]) for some in fragments]
        hidden = _hidden_characters(name, passages, fragments) if name in SPANS else None
        arrays |= _invert_texts(name, texts, len(arrays[f"{name}.place"]), hidden)
    return arrays


def _hidden_characters(
    name: str, passages: Sequence[Sequence[Passage]], fragments: Sequence[Sequence[Fragment]]
) -> NDArray[np.bool_]:
    """For each character of a text: is it one that not everybody sees? `name`: one of `SPANS`.
    `passages`, `fragments`: of each document."""
    spans_of = SPANS[name]
    starts, ends = [], []
    begin = 0
    for some, of_these in zip(passages, fragments, strict=True):
        for place, fragment in of_these:
            for start, end in spans_of(some[place].text, fragment[1:]):
                starts.append(begin + 1 + start)
                ends.append(begin + 1 + end)
            begin += len(fragment)
    changes = np.bincount(np.array(starts, np.int64), minlength=begin + 1)
    changes -= np.bincount(np.array(ends, np.int64), minlength=begin + 1)
    return np.cumsum(changes)[:-1] > 0


def _invert_names(text: str, names: Sequence[Sequence[str]]) -> dict[str, Array]:
    """The arrays of the names of each document's uploads. `text`: the name of their text."""
    marked_names = ["".join([FILE_MARK + name for name in some]) for some in names]
    return _invert_texts(text, marked_names, sum(map(len, names)))


def _invert_texts(
    name: str, texts: Sequence[str], marks: int, hidden: NDArray[np.bool_] | None = None
) -> dict[str, Array]:
    """The column of a text and the posting lists of its grams.

    `texts`: one for each document. `marks`: how many marks they must have in all; a text with more
    was not folded. Raises ValueError for it. `hidden`: for each character of all texts; only grams
    that have one of these are indexed.
    """
    text = "".join(texts)
    chars = np.array(list(map(len, texts)), np.int64)
    docs = np.repeat(_numbers(len(texts)), chars)
    points = codes(text)
    alphabet = np.flatnonzero(np.bincount(points))
    # Places in this alphabet mostly fit into 16 bits, so that they are sorted by radix.
    place_of = np.zeros(points.max(initial=0) + 1, np.min_scalar_type(len(alphabet)))
    place_of[alphabet] = np.arange(len(alphabet))
    places = place_of[points]
    plain = ~np.isin(alphabet, [ord(mark) for mark in MARKS.values()])[places]
    if len(plain) - int(plain.sum()) != marks:
        raise ValueError("a message has white space that folding would have made a blank")
    digits = ((alphabet >= ord("0")) & (alphabet <= ord("9")))[places]
    arrays: dict[str, Array] = {
        name: np.frombuffer(text.encode(), np.uint8),
        f"{name}.chars": chars,
    }
    is_gram = (
        plain,
        plain[:-1] & plain[1:],  # no pair spans two documents: the next one begins with a mark
        digits[:-2] & digits[1:-1] & digits[2:],
    )
    for length, (field, where) in enumerate(zip(GRAM_FIELDS[name], is_gram, strict=True), start=1):
        begin = np.flatnonzero(where)
        if hidden is not None:
            begin = begin[reduce(or_, (hidden[begin + n] for n in range(length)))]
        inverted = _InvertedField([places[n:][begin] for n in range(length)], docs[begin])
        grams = np.stack([alphabet[key] for key in inverted.keys], axis=-1)
        arrays |= inverted.arrays(field, *_in_utf8(grams))
    return arrays


class _InvertedField:
    """(key, document) pairs, turned into one posting list for each key.

    A key is one to three numbers. Numbers of 16 bits are sorted by radix (numpy's stable argsort),
    which takes 16 ns each. Sorting key and document as one number of 64 bits takes 70 ns.
    """

    def __init__(self, keys: Sequence[Array], docs: Array) -> None:
        """`keys`: one array for each number of the key. `docs`: the document of each pair,
        ascending. All have one shape."""
        order = np.argsort(keys[-1], kind="stable")
        for key in reversed(keys[:-1]):
            order = order[np.argsort(key[order], kind="stable")]
        keys, docs = [key[order] for key in keys], docs[order]
        new_key = _changes(keys)
        heads = np.flatnonzero(new_key | _changes([docs]))
        self.docs = docs[heads]
        """The posting lists, key after key."""
        self.freqs = np.diff(heads, append=len(docs))
        """How often each of `docs` has its key. Shape of `docs`."""
        first = np.flatnonzero(new_key[heads])
        self.keys = [key[heads[first]] for key in keys]
        """The keys, ascending, each once; an array for each number of the key."""
        self.df = np.diff(first, append=len(heads))
        """How many documents have each key."""

    def arrays(self, field: str, terms: Array, ends: Array) -> dict[str, Array]:
        """The arrays of a field. `terms`, `ends`: the term of each key, as in a `Run`."""
        return {
            f"{field}.terms": terms,
            f"{field}.ends": ends,
            f"{field}.df": self.df,
            f"{field}.docs": self.docs,
        }


def _changes(columns: Sequence[Array]) -> NDArray[np.bool_]:
    """For each row of a table: does it differ from the row before? The first one does."""
    changed = np.ones(len(columns[0]), np.bool_)
    changed[1:] = False
    for column in columns:
        changed[1:] |= column[1:] != column[:-1]
    return changed


def _numbers(size: int) -> Array:
    """The numbers of so many documents, in few bytes: they are moved often."""
    return np.arange(size, dtype=np.min_scalar_type(size))


def _in_utf8(grams: Array) -> tuple[Array, Array]:
    """(these grams in UTF-8 end to end, where each of them ends). `grams`: code points. Shape:
    (grams, characters of each)."""
    data = grams.astype("<u4").tobytes().decode("utf-32-le").encode()
    width = 1 + (grams >= 0x80) + (grams >= 0x800) + (grams >= 0x10000)
    return np.frombuffer(data, np.uint8), np.cumsum(width.sum(axis=1))


def end_offsets(terms: Iterable[bytes]) -> NDArray[np.int64]:
    """Where each term ends when all are written end to end, in bytes."""
    return np.cumsum(np.fromiter(map(len, terms), np.int64))


def split_terms(data: Array, ends: Array) -> list[bytes]:
    """The terms that stand end to end in `data` and end at `ends`."""
    whole = data.tobytes()
    stops = ends.tolist()
    return [whole[start:end] for start, end in zip([0, *stops], stops, strict=False)]
