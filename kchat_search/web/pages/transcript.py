"""What the chat page shows: the messages in order, divided into days, with the matches marked.

Pure functions. Invariant: the parts of a chat together have every message, in Kchat's order, each
with an anchor that no other message has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

from kchat_search.chats.visible_text import visible_text
from kchat_search.models.chats import Message, Speaker
from kchat_search.models.search import ChatView
from kchat_search.serialization.links import anchor
from kchat_search.serialization.times import local

EVENTS = ("chat.member", "chat.system", "chat.join", "chat.leave", "chat.close", "chat.transfer")
"""The types of events begin like this. Nobody said them, so they stand in the middle."""
PLAIN = ("chat.msg", "chat.upload", "")
"""Types that the page does not name."""
CARDS = ("chat.answer", "chat.card", "chat.document")
"""Types of what a robot or the program sent: a card on the page."""
WITH_TITLE = ("chat.card", "chat.document")
"""Cards whose first line is a title, where more follow."""
Range = tuple[int, int]
"""Of the visible text: [start, end) in code points."""
Mark = tuple[int, int, str]
"""A range, and the class of its `<mark>`."""
_KINDS = {(True, False): "", (False, True): "found", (True, True): "found both"}
"""By: does it match the query, is it what is looked for in the chat?"""
_SOON_SECONDS = 180


@dataclass(frozen=True, slots=True)
class Row:
    """One message, ready to be shown."""

    message: Message
    anchor: str
    kind: Literal["event", "said"]
    speaker: Speaker
    day: date | None
    """The day that begins with this message; None if none does."""
    follows: bool
    """The same person said the message before, at most 180 seconds earlier: no name is shown."""
    highlights: tuple[Mark, ...]
    """What to mark of the visible text."""
    next_match: str | None
    """The address of the next match, see `Match`; None on the last one, and where it has none."""

    @property
    def title_end(self) -> int:
        """Where the title of a card ends, with its line break, in code points of the text; 0 where
        it has none."""
        return self.text.find("\n") + 1 if self.message.type in WITH_TITLE else 0

    @property
    def text(self) -> str:
        """The visible text. Made when it is asked for, because a page shows a part of the rows."""
        return visible_text(self.message.text)


@dataclass(frozen=True, slots=True)
class Match:
    """A message that the reader goes to: it has what is looked for in the chat; where nothing is,
    the query's matches."""

    index: int
    """Which message of the chat, from 0."""
    anchor: str
    url: str


def matches(
    view: ChatView, names: Sequence[str], url: Callable[[int, str], str], *, find: bool
) -> list[Match]:
    """The matches of all parts, in order. `names`: the chat's `anchors`; `url`: from index and
    anchor of a message to its address; `find`: is something looked for in the chat?"""
    marked = view.found if find else view.highlights
    return [
        Match(index, anchor, url(index, anchor))
        for index, anchor in enumerate(names)
        if index in marked
    ]


def rows(
    view: ChatView, names: Sequence[str], zone: ZoneInfo, part: slice, matches: Sequence[Match]
) -> list[Row]:
    """The messages of a part of the chat. `names`: the chat's `anchors`; `zone` decides where a day
    begins. The first one has its day and its name, whatever comes before it."""
    messages = view.chat.messages
    following = {match.index: after.url for match, after in pairwise(matches)}
    made: list[Row] = []
    today: date | None = None
    previous: Row | None = None
    for index in range(len(messages))[part]:
        message, speaker = messages[index], view.speakers[index]
        day = None if message.created_at is None else local(message.created_at, zone).date()
        begins = day if day is not None and day != today else None
        today = day or today
        event = message.type.startswith(EVENTS)
        row = Row(
            message=message,
            anchor=names[index],
            kind="event" if event else "said",
            speaker=speaker,
            day=begins,
            follows=begins is None
            and previous is not None
            and _follows(previous, message, speaker),
            highlights=marks(view.highlights.get(index, ()), view.found.get(index, ())),
            next_match=following.get(index),
        )
        made.append(row)
        previous = row
    return made


def marks(highlights: Sequence[Range], found: Sequence[Range]) -> tuple[Mark, ...]:
    """What to mark for the query and what for that which is looked for in the chat, divided so that
    no two overlap. Each of both is in ascending order."""
    if not found:
        return tuple((start, end, "") for start, end in highlights)
    ends = sorted({end for pair in (*highlights, *found) for end in pair})
    kinds = zip(_covered(highlights, ends), _covered(found, ends), strict=True)
    return tuple(
        (start, end, _KINDS[kind])
        for (start, end), kind in zip(pairwise(ends), kinds, strict=True)
        if any(kind)
    )


def _covered(ranges: Sequence[Range], ends: Sequence[int]) -> Iterator[bool]:
    """Of each piece between two ends, whether it lies in one of the ranges."""
    next_range = 0
    for start, end in pairwise(ends):
        while next_range < len(ranges) and ranges[next_range][1] <= start:
            next_range += 1
        yield next_range < len(ranges) and ranges[next_range][0] < end


def anchors(messages: Sequence[Message]) -> list[str]:
    """An anchor for each message. A server may send an id twice, but anchors must differ."""
    used: set[int] = set()
    names = []
    for message in messages:
        if message.id is None or message.id in used:
            names.append(anchor(None, message.position))
        else:
            used.add(message.id)
            names.append(anchor(message.id, message.position))
    return names


def _follows(previous: Row, message: Message, speaker: Speaker) -> bool:
    if previous.kind == "event" or message.type.startswith(EVENTS):
        return False
    if (previous.speaker, previous.message.name) != (speaker, message.name):
        return False
    if previous.message.created_at is None or message.created_at is None:
        return previous.message.created_at is message.created_at
    apart = (message.created_at - previous.message.created_at).total_seconds()
    return 0 <= apart <= _SOON_SECONDS
