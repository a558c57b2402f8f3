"""What the chat page shows: all messages in order, divided into days, with the matches marked.

Pure functions. Invariant: every message of the chat is there, in Kchat's order, and has an anchor
that no other message has.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    highlights: tuple[tuple[int, int], ...]
    """The ranges of the visible text that match the query: [start, end) in code points."""
    next_match: str | None
    """The anchor of the next message with a match; None on the last one."""

    @property
    def title_end(self) -> int:
        """Where the title of a card ends, with its line break, in code points of the text; 0 where
        it has none."""
        return self.text.find("\n") + 1 if self.message.type in WITH_TITLE else 0

    @property
    def text(self) -> str:
        """The visible text. Made when it is asked for, because a page shows a part of the rows."""
        return visible_text(self.message.text)


def rows(view: ChatView, zone: ZoneInfo) -> list[Row]:
    """All messages of the chat, in order. `zone` decides where a day begins."""
    messages = view.chat.messages
    anchors = list(_anchors(messages))
    matches = [position for position, m in enumerate(messages) if view.highlights.get(m.position)]
    following = {match: anchors[after] for match, after in pairwise(matches)}
    made: list[Row] = []
    today: date | None = None
    previous: Row | None = None
    for position, (message, speaker) in enumerate(zip(messages, view.speakers, strict=True)):
        day = None if message.created_at is None else local(message.created_at, zone).date()
        begins = day if day is not None and day != today else None
        today = day or today
        event = message.type.startswith(EVENTS)
        row = Row(
            message=message,
            anchor=anchors[position],
            kind="event" if event else "said",
            speaker=speaker,
            day=begins,
            follows=begins is None
            and previous is not None
            and _follows(previous, message, speaker),
            highlights=tuple(view.highlights.get(message.position, ())),
            next_match=following.get(position),
        )
        made.append(row)
        previous = row
    return made


def _anchors(messages: tuple[Message, ...]) -> Iterator[str]:
    """An anchor for each message. A server may send an id twice, but anchors must differ."""
    used: set[int] = set()
    for message in messages:
        if message.id is None or message.id in used:
            yield anchor(None, message.position)
        else:
            used.add(message.id)
            yield anchor(message.id, message.position)


def _follows(previous: Row, message: Message, speaker: Speaker) -> bool:
    if previous.kind == "event" or message.type.startswith(EVENTS):
        return False
    if (previous.speaker, previous.message.name) != (speaker, message.name):
        return False
    if previous.message.created_at is None or message.created_at is None:
        return previous.message.created_at is message.created_at
    apart = (message.created_at - previous.message.created_at).total_seconds()
    return 0 <= apart <= _SOON_SECONDS
