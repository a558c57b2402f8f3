"""Which passages are among the messages that a node looks into, decided without reading a text."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kchat_search import processor_time
from kchat_search.engines.whoosh.passages import AT_ONCE, Numbers, Passages, in_time, sender_term
from kchat_search.engines.whoosh.postings import DocNumbers
from kchat_search.engines.whoosh.schema import FRAGMENTS
from kchat_search.engines.whoosh.segment import Segment
from kchat_search.engines.whoosh.segment_file import SegmentFile
from kchat_search.engines.whoosh.sets import intersect, union
from kchat_search.models.chats import SPEAKERS
from kchat_search.models.plan import Messages


class MessageFilter:
    """Messages, as they are looked for in one text of a segment. They are not `EVERYWHERE`."""

    def __init__(self, file: SegmentFile, name: str, messages: Messages) -> None:
        """`name`: a text of passages or of fragments."""
        self._file = file
        self._name = name
        self._messages = messages
        self._timed = messages.start is not None or messages.end is not None
        self._passages: Passages = file.passages[FRAGMENTS.get(name, name)]

    def passes(self, docs: DocNumbers, places: NDArray[np.int64]) -> NDArray[np.bool_]:
        """For each of these places of a passage or a fragment in the text of its document (`docs`):
        is it one of the messages?"""
        fragments = self._file.fragments.get(self._name)
        if fragments is not None:
            places = fragments.places(docs, places)
        return self._passes(docs, self._passages.starts[docs] + places)

    def documents(self, segment: Segment, within: DocNumbers | None) -> DocNumbers:
        """The documents of `within` that have one of these messages."""
        docs = self._candidates(segment, within)
        if not self._timed:
            return docs
        earliest, latest = self._passages.bounds
        has = np.zeros(len(docs), np.bool_)
        if self._messages.speaker is None and not self._messages.senders:
            has = in_time(earliest[docs], self._messages) | in_time(latest[docs], self._messages)
        undecided = docs[~has]
        decided = [docs[has]]
        for first in range(0, len(undecided), AT_ONCE):
            processor_time.check()
            of_each, numbers = self._passages.of(undecided[first : first + AT_ONCE])
            decided.append(np.unique(of_each[self._passes(of_each, numbers)]))
        return union(decided, segment.size)

    def narrowed(self, segment: Segment, docs: DocNumbers) -> DocNumbers:
        """Those of `docs` that may have one of these messages: none is lost."""
        plain = Messages(self._messages.speaker)  # the marks in the text decide it at less cost
        return docs if self._messages == plain else self._candidates(segment, docs)

    def _candidates(self, segment: Segment, within: DocNumbers | None) -> DocNumbers:
        """The documents of `within` that have a message of these senders, and whose messages were
        said in a time that has some of the range."""
        docs = segment.live if within is None else within
        if self._messages.senders:
            ordinals = self._ordinals()
            lists = [segment.docs(self._passages.field, ordinal) for ordinal in ordinals]
            docs = intersect(docs, union(lists, segment.size), segment.size)
        elif self._messages.speaker is not None:
            of_side = self._passages.by_side(self._messages.speaker, *self._side())
            docs = intersect(docs, of_side, segment.size)
        if not self._timed:
            return docs
        earliest, latest = (times[docs] for times in self._passages.bounds)
        reaches = earliest <= latest
        if self._messages.start is not None:
            reaches &= latest >= self._messages.start
        if self._messages.end is not None:
            reaches &= earliest < self._messages.end
        return docs[reaches]

    def _passes(self, docs: DocNumbers, numbers: Numbers) -> NDArray[np.bool_]:
        """For each of these passages, of these documents: is it one of the messages?"""
        senders = self._passages.senders(docs, numbers)
        passes: NDArray[np.bool_] = senders >= 0
        if self._messages.senders:
            passes &= np.isin(senders, self._ordinals())
        elif self._messages.speaker is not None:
            first, last = self._side()
            passes &= (senders >= first) & (senders < last)
        if self._timed:
            passes &= in_time(self._passages.times(docs, numbers), self._messages)
        return passes

    def _side(self) -> tuple[int, int]:
        """The senders of the side that is asked for: the first ordinal, and the one behind."""
        assert self._messages.speaker is not None
        letter = sender_term(self._messages.speaker, "").encode()
        field = self._passages.field
        # No UTF-8 has the byte 0xFF, so this is behind every term that begins so.
        return self._file.lower_bound(field, letter), self._file.lower_bound(
            field, letter + b"\xff"
        )

    def _ordinals(self) -> list[int]:
        """The ordinals of the senders that are asked for."""
        speaker = self._messages.speaker
        found = (
            self._file.find(self._passages.field, sender_term(side, sender).encode())
            for side in (SPEAKERS if speaker is None else (speaker,))
            for sender in self._messages.senders
        )
        return [ordinal for ordinal in found if ordinal is not None]
