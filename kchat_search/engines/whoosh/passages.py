"""Who said a passage, and when: two numbers for each passage, read for some thousands at a time.

For each text T of passages (`text`, `former`) a segment has these arrays:

    T.counts   for each document, how many passages it has
    T.said     for each passage, 0 if it is not known when it was said, else 1 + 2n where it was
               said n seconds after the chat was created, 2n where n seconds before (n > 0)
    T.sender   for each passage, 0 if nobody said it, else the place of its sender (from 1) in the
               document's list of senders

A sender, as a term of the field `schema.SENDERS[T]`, is a letter for the side and the sender's key
(`sender_term`). The document's list is `.ordinals` of that field, ascending. For each text of
fragments J (`schema.FRAGMENTS`), `J.place` has for each fragment the place of its passage (from 0)
among those of the document, and `J.counts` how many fragments each document has. So who said a
passage in clear, and when, is written once.

So a message takes some three bytes here, and what is asked is decided for whole arrays: the
position of a match gives its passage, the passage its sender and its time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kchat_search.engines.whoosh.array_file import Array
from kchat_search.engines.whoosh.postings import DocNumbers, concatenated_ranges
from kchat_search.engines.whoosh.schema import FRAGMENTS, SENDERS
from kchat_search.engines.whoosh.text_encoding import Fragment
from kchat_search.models.chats import Speaker
from kchat_search.models.plan import NO_TIME, Messages, Passage

_FARTHEST = 2**60
"""Times are held to so many seconds before and after 1970: differences then fit 64 bits."""
AT_ONCE = 1 << 15
"""How many documents' passages are looked at in one step."""

Numbers = NDArray[np.int64]
"""Passages of a segment, counted from the first one of the first document. Shape: (passages,)."""
Times = NDArray[np.int64]


def sender_term(speaker: Speaker, sender: str) -> str:
    """The term for a sender: «v访客5» for a visitor. No two sides begin with the same letter."""
    return speaker[0] + sender


def passage_columns(
    name: str, passages: Sequence[Sequence[Passage]], created: Times
) -> tuple[dict[str, Array], list[list[str]]]:
    """(the arrays of a text's passages, the terms of each document's senders).

    `name`: «text» or «former». `passages`: for each document, in the order of its text. `created`:
    for each document, or `NO_TIME`.
    """
    counts = np.array(list(map(len, passages)), np.int64)
    flat = [passage for some in passages for passage in some]
    said = np.array(
        [NO_TIME if p.said is None or p.speaker is None else p.said for p in flat], np.int64
    )
    since = np.clip(said, -_FARTHEST, _FARTHEST) - np.repeat(_base(created), counts)
    senders: list[int] = []
    terms: list[list[str]] = []
    for some in passages:
        # As `sender_term`, which takes twice as long.
        of_each = [p.speaker and p.speaker[0] + p.sender for p in some]
        listed = sorted({term for term in of_each if term})
        terms.append(listed)
        places = {term: place for place, term in enumerate(listed, start=1)}
        senders += [places[term] if term else 0 for term in of_each]
    arrays: dict[str, Array] = {
        f"{name}.counts": counts,
        f"{name}.said": np.where(said == NO_TIME, 0, 1 + ((since << 1) ^ (since >> 63))),
        f"{name}.sender": np.array(senders, np.int64),
    }
    return arrays, terms


def fragment_columns(name: str, fragments: Sequence[Sequence[Fragment]]) -> dict[str, Array]:
    """The arrays of a text's fragments. `name`: of the text. `fragments`: for each document, in the
    order of the text."""
    return {
        f"{name}.counts": np.array(list(map(len, fragments)), np.int64),
        f"{name}.place": np.array([place for some in fragments for place, _ in some], np.int64),
    }


def _base(created: Times) -> Times:
    """The time from which a document's times are counted."""
    return np.where(created == NO_TIME, 0, np.clip(created, -_FARTHEST, _FARTHEST))


COLUMNS = {
    **dict.fromkeys(SENDERS, ("said", "sender")),
    **dict.fromkeys(FRAGMENTS, ("place",)),
}
"""For each text, its arrays with one number for each passage or fragment."""


def starts(counts: Array) -> Array:
    """Where the first value of each document stands, if document n has `counts[n]` of them."""
    ends = np.cumsum(counts, dtype=np.int64)
    begin = ends - counts
    return begin.astype(np.min_scalar_type(int(ends[-1])) if len(ends) else np.uint8)


class Passages:
    """The passages of one text in a segment. Safe to share between threads."""

    def __init__(self, arrays: Mapping[str, Array], name: str) -> None:
        """`name`: «text» or «former»."""
        self.field = SENDERS[name]
        """The field whose terms are the senders."""
        self.counts: Array = arrays[f"{name}.counts"]
        self._said: Array = arrays[f"{name}.said"]
        self._sender: Array = arrays[f"{name}.sender"]
        self._created: Array = arrays["created"]
        self._list_counts: Array = arrays[f"{self.field}.counts"]
        self._lists: Array = arrays[f"{self.field}.ordinals"]
        self._by_side: dict[Speaker, DocNumbers] = {}

    @cached_property
    def starts(self) -> Array:
        """The first passage of each document."""
        return starts(self.counts)

    @cached_property
    def documents(self) -> DocNumbers:
        """The documents that have passages, deleted ones included."""
        return np.flatnonzero(self.counts)

    @cached_property
    def bounds(self) -> tuple[Times, Times]:
        """(the earliest time, the latest time) of each document's messages. Where no time is
        known, the earliest is after the latest."""
        earliest = np.full(len(self.counts), -NO_TIME, np.int64)
        latest = np.full(len(self.counts), NO_TIME, np.int64)
        for first in range(0, len(self.documents), AT_ONCE):
            docs = self.documents[first : first + AT_ONCE]
            of_each, numbers = self.of(docs)
            times = self.times(of_each, numbers)
            heads = np.flatnonzero(np.diff(of_each, prepend=-1))
            latest[docs] = np.maximum.reduceat(times, heads)
            times[times == NO_TIME] = -NO_TIME
            earliest[docs] = np.minimum.reduceat(times, heads)
        return earliest, latest

    @cached_property
    def _list_starts(self) -> Array:
        return starts(self._list_counts)

    def by_side(self, speaker: Speaker, first: int, last: int) -> DocNumbers:
        """The documents that have a passage of that side, deleted ones included. `first`, `last`:
        the ordinals of its senders begin and end there. Cost: one pass over the lists of senders,
        the first time."""
        if speaker not in self._by_side:
            values = np.flatnonzero((self._lists >= first) & (self._lists < last))
            docs = np.searchsorted(self._list_starts, values, side="right") - 1
            self._by_side[speaker] = np.unique(docs)
        return self._by_side[speaker]

    def of(self, docs: DocNumbers) -> tuple[DocNumbers, Numbers]:
        """(the document, the number) of each passage of these documents, in order."""
        counts = self.counts[docs].astype(np.int64)
        return np.repeat(docs, counts), concatenated_ranges(
            self.starts[docs].astype(np.int64), counts
        )

    def times(self, docs: DocNumbers, numbers: Numbers) -> Times:
        """When these passages were said, in seconds since 1970 UTC; `NO_TIME` where that is not
        known. `docs`: the document of each."""
        said = self._said[numbers].astype(np.int64)
        since = said - 1
        times = _base(self._created[docs]) + ((since >> 1) ^ -(since & 1))
        return np.where(said == 0, NO_TIME, times)

    def senders(self, docs: DocNumbers, numbers: Numbers) -> NDArray[np.int64]:
        """The ordinal of the sender of each of these passages; -1 where nobody said it."""
        place = self._sender[numbers].astype(np.int64)
        at = np.maximum(self._list_starts[docs].astype(np.int64) + place - 1, 0)
        return np.where(place == 0, -1, self._lists[at] if len(self._lists) else -1)


class Fragments:
    """The fragments of a text: which passage each of them belongs to."""

    def __init__(self, arrays: Mapping[str, Array], name: str) -> None:
        """`name`: one of `FRAGMENTS`."""
        self._counts: Array = arrays[f"{name}.counts"]
        self._place: Array = arrays[f"{name}.place"]

    @cached_property
    def documents(self) -> DocNumbers:
        """The documents that have fragments, deleted ones included."""
        return np.flatnonzero(self._counts)

    @cached_property
    def _starts(self) -> Array:
        return starts(self._counts)

    def places(self, docs: DocNumbers, fragments: NDArray[np.int64]) -> NDArray[np.int64]:
        """The place of each fragment's passage among those of its document. `fragments`: their
        places among the fragments of their documents, `docs`."""
        places: NDArray[np.int64] = self._place[self._starts[docs] + fragments].astype(np.int64)
        return places


def in_time(times: Times, messages: Messages) -> NDArray[np.bool_]:
    """For each time: is it in the range of these messages?"""
    inside: NDArray[np.bool_] = times != NO_TIME
    if messages.start is not None:
        inside &= times >= messages.start
    if messages.end is not None:
        inside &= times < messages.end
    return inside


def unsound(arrays: Mapping[str, Array]) -> str | None:
    """Do the numbers of these arrays fit together? What does not, or None."""
    for name, columns in COLUMNS.items():
        counts = arrays[f"{name}.counts"].astype(np.int64)
        if any(len(arrays[f"{name}.{column}"]) != counts.sum() for column in columns):
            return f"passages of {name}"
    for text, field in SENDERS.items():
        of_list = np.repeat(arrays[f"{field}.counts"], arrays[f"{text}.counts"])
        if (arrays[f"{text}.sender"] > of_list).any():
            return f"passages of {text}"
    for name, text in FRAGMENTS.items():
        of_text = np.repeat(arrays[f"{text}.counts"], arrays[f"{name}.counts"])
        if (arrays[f"{name}.place"] >= of_text).any():
            return f"passages of {name}"
    return None
