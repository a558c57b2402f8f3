"""All chats of one visitor, newest first, a part of them at a time: what did they say before?

Invariant: what is shown of them is what the searcher's viewer may see, also where one chat is shown
with its private numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kchat_search import processor_time
from kchat_search.chats.reader import Transcript
from kchat_search.models.chats import StoredChat
from kchat_search.models.damage import DamagedRow
from kchat_search.models.plan import FieldIs, Plan
from kchat_search.models.search import Hit, Snippet, VisitorChat, VisitorChats
from kchat_search.search.marks import Needle
from kchat_search.search.searcher import Searcher
from kchat_search.search.snippets import one_message, snippets

BESIDE = 10
"""Chats of the visitor that a chat is shown with."""
_NEWER = 3
"""Of these, so many that are newer: who reads a chat asks what was before."""
A_PAGE = 20
_MAX_CHARACTERS = 1 << 20
"""Of the raw JSON of a part, all together. What goes beyond is named and not read."""


def chats_around(
    searcher: Searcher, chat_id: int, visitor_id: str, needles: Sequence[Needle]
) -> tuple[tuple[VisitorChat, ...], int]:
    """(the visitor's other chats around this one, at most ten; how many there are). `needles`: what
    a search looks for."""
    ids = _ids(searcher, visitor_id)
    at = _place(ids, chat_id)
    others = len(ids) if at is None else len(ids) - 1
    start = max(0, min((at or 0) - _NEWER, len(ids) - BESIDE - 1))
    part = [one for one in ids[start : start + BESIDE + 1] if one != chat_id][:BESIDE]
    return _read(searcher, part, needles), others


def visitor_chats(
    searcher: Searcher, chat_id: int, visitor_id: str, needles: Sequence[Needle], page: int | None
) -> VisitorChats:
    """A page of the visitor's chats, this one among them; `page` counts from 1, None is the page
    with this chat. Raises `IndexDamaged` and `ArchiveError`."""
    ids = _ids(searcher, visitor_id)
    last = max(0, len(ids) - 1) // A_PAGE
    number = (_place(ids, chat_id) or 0) // A_PAGE if page is None else min(page - 1, last)
    part = ids[number * A_PAGE : (number + 1) * A_PAGE]
    return VisitorChats(_read(searcher, part, needles), len(ids), number + 1, last + 1)


def _ids(searcher: Searcher, visitor_id: str) -> Sequence[int]:
    return searcher.index.ids(Plan(FieldIs("visitor_id", (visitor_id,)), sort="newest"))


def _place(ids: Sequence[int], chat_id: int) -> int | None:
    """Where the chat stands; None while it waits for the index."""
    return next((place for place, one in enumerate(ids) if one == chat_id), None)


def _read(
    searcher: Searcher, ids: Sequence[int], needles: Sequence[Needle]
) -> tuple[VisitorChat, ...]:
    archived = searcher.archive.get(list(ids))
    agents = searcher.archive.agents()
    found, characters = [], 0
    for chat_id in ids:
        stored = archived.get(chat_id)
        if stored is None:  # erased a moment ago
            continue
        characters += 0 if isinstance(stored, DamagedRow) else len(stored.raw)
        if isinstance(stored, DamagedRow) or characters > _MAX_CHARACTERS:
            found.append(VisitorChat(chat_id, None))
        else:
            found.append(_line(searcher, stored, agents, needles))
    return tuple(found)


def _line(
    searcher: Searcher, stored: StoredChat, agents: Mapping[str, str], needles: Sequence[Needle]
) -> VisitorChat:
    processor_time.check()
    seen = searcher.recent_chats.read(stored, agents, searcher.viewer)
    matching = snippets(seen, needles, phrases=(), limit=1) if needles else ()
    matches = bool(matching and matching[0].highlights)
    hit = Hit(
        chat=seen.chat,
        speakers=seen.speakers,
        agent_name=seen.agent_name,
        participants=seen.participants,
        visitor_name=seen.visitor_name,
        gone_at=stored.gone_at,
        score=0.0,
        snippets=matching if matches else _first_words(seen),
    )
    return VisitorChat(stored.id, hit, matches)


def _first_words(seen: Transcript) -> tuple[Snippet, ...]:
    """The visitor's first message with a text; of anybody where they said nothing."""
    with_text = [at for at, text in enumerate(seen.visible) if text.strip()]
    by_visitor = (at for at in with_text if seen.speakers[at] == "visitor")
    first = next(by_visitor, with_text[0] if with_text else None)
    return () if first is None else (one_message(seen, first),)
