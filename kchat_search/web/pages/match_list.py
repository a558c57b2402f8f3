"""The matches of a chat, listed with their excerpts, whatever part of the chat is shown.

Pure functions. Invariant: the list has the matches of the part that is shown, unless these alone
are more than `MATCHES_AT_ONCE`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kchat_search.chats.visible_text import visible_text
from kchat_search.models.chats import Speaker
from kchat_search.models.search import ChatView
from kchat_search.search.snippets import shown_part
from kchat_search.web.pages.transcript import Mark, Match, marks

MATCHES_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A match, with its text or the part of it around what is marked."""

    number: int
    """Which match it is, from 1."""
    url: str
    name: str
    speaker: Speaker
    created_at: datetime | None
    text: str
    marks: tuple[Mark, ...]
    cut_before: bool
    cut_after: bool


@dataclass(frozen=True, slots=True)
class MatchList:
    """The matches around those of the part that is shown."""

    total: int
    excerpts: tuple[Excerpt, ...]
    previous: Match | None
    """The last match before those of the list."""
    next: Match | None
    """The first match after them."""
    places: str
    """Index and anchor of every match, `0:m17 5:m22`: for the script that goes from match to match
    and shows where they are."""


def match_list(view: ChatView, matches: Sequence[Match], offset: int) -> MatchList:
    """The matches around message `offset`, where the part that is shown begins."""
    here = bisect_left(matches, offset, key=lambda match: match.index)
    first = min(here, max(0, len(matches) - 1)) // MATCHES_AT_ONCE * MATCHES_AT_ONCE
    last = first + MATCHES_AT_ONCE
    listed = matches[first:last]
    return MatchList(
        total=len(matches),
        excerpts=tuple(
            _excerpt(view, match, number) for number, match in enumerate(listed, first + 1)
        ),
        previous=matches[first - 1] if first else None,
        next=matches[last] if last < len(matches) else None,
        places=" ".join(f"{match.index}:{match.anchor}" for match in matches),
    )


def _excerpt(view: ChatView, match: Match, number: int) -> Excerpt:
    message = view.chat.messages[match.index]
    text = visible_text(message.text)
    found = view.found.get(match.index, ())
    highlights = view.highlights.get(match.index, ())
    start, end = shown_part(text, found or highlights)
    return Excerpt(
        number=number,
        url=match.url,
        name=message.name,
        speaker=view.speakers[match.index],
        created_at=message.created_at,
        text=text[start:end],
        marks=tuple(
            (max(first, start) - start, min(last, end) - start, kind)
            for first, last, kind in marks(highlights, found)
            if first < end and last > start
        ),
        cut_before=start > 0,
        cut_after=end < len(text),
    )
