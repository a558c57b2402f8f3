"""What the chat page shows: the messages as they came, by days, with what the query marks.

Pure. Invariant: every message of the chat is there, in Kchat's order, under an anchor of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

from kchat_search.models.chats import Message, Speaker
from kchat_search.models.search import ChatView
from kchat_search.serialization.links import anchor
from kchat_search.serialization.times import local

EVENTS = ("chat.member", "chat.system", "chat.join", "chat.leave", "chat.close", "chat.transfer")
"""Beginnings of the types that nobody said: they stand in the middle."""
PLAIN = ("chat.msg", "chat.upload", "")
"""Types that need no name of their own."""
_NEAR_SECONDS = 180


@dataclass(frozen=True, slots=True)
class Row:
    """One message, ready to be shown."""

    message: Message
    anchor: str
    kind: Literal["event", "said"]
    speaker: Speaker
    day: date | None
    """The day that begins with this message, if one does."""
    follows: bool
    """Said by the same person as the one before, and soon after: the name need not stand again."""
    highlights: tuple[tuple[int, int], ...]
    next_match: str | None
    """The anchor of the next message that matches."""


def rows(view: ChatView, zone: ZoneInfo) -> list[Row]:
    """All messages of the chat, in order."""
    messages = view.chat.messages
    anchors = list(_anchors(messages))
    matches = [place for place, m in enumerate(messages) if view.highlights.get(m.position)]
    following = {place: anchors[after] for place, after in pairwise(matches)}
    found: list[Row] = []
    today: date | None = None
    before: Row | None = None
    for place, (message, speaker) in enumerate(zip(messages, view.speakers, strict=True)):
        here = None if message.created_at is None else local(message.created_at, zone).date()
        begins = here if here is not None and here != today else None
        today = here or today
        event = message.type.startswith(EVENTS)
        row = Row(
            message=message,
            anchor=anchors[place],
            kind="event" if event else "said",
            speaker=speaker,
            day=begins,
            follows=begins is None and before is not None and _follows(before, message, speaker),
            highlights=tuple(view.highlights.get(message.position, ())),
            next_match=following.get(place),
        )
        found.append(row)
        before = row
    return found


def _anchors(messages: tuple[Message, ...]) -> Iterator[str]:
    """A server may send one id twice; an anchor must be one message's alone."""
    used: set[int] = set()
    for message in messages:
        if message.id is None or message.id in used:
            yield anchor(None, message.position)
        else:
            used.add(message.id)
            yield anchor(message.id, message.position)


def _follows(before: Row, message: Message, speaker: Speaker) -> bool:
    if before.kind == "event" or message.type.startswith(EVENTS):
        return False
    if (before.speaker, before.message.name) != (speaker, message.name):
        return False
    if before.message.created_at is None or message.created_at is None:
        return before.message.created_at is message.created_at
    apart = (message.created_at - before.message.created_at).total_seconds()
    return 0 <= apart <= _NEAR_SECONDS
