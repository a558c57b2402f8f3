"""Where a chat stands among the hits of a search, and which hits are beside it.

It is asked while somebody reads the chats of a list one after the other. Invariant: it says of the
hits what the search says to the same viewer, and reads no more than two chats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kchat_search.models.plan import NO_TIME, EngineAnswer, EngineHit
from kchat_search.models.search import MAX_HITS_BY_PAGE, Neighbour, Place, SearchRequest
from kchat_search.search import cursor as cursors
from kchat_search.search.hits import Hits
from kchat_search.search.searcher import Searcher

_NEAR = 100
"""If the list has moved, a chat is looked for so many places before and behind its former one."""


def place_of(searcher: Searcher, chat_id: int, request: SearchRequest, at: int) -> Place:
    """The place of a chat among the hits of a search: `at`, from 1, or near it. The page and the
    cursor of the search are ignored.

    Raises what `Searcher.search` raises.
    """
    agents = searcher.archive.agents()
    plan = searcher.plan_of_hits(request, agents)

    def around(place: int, near: int) -> EngineAnswer:
        first = max(1, place - near)
        return searcher.index.search(
            replace(plan, offset=first - 1, limit=place + near + 1 - first)
        )

    answer = around(at, 1)
    there = _by_place(answer).get(at)
    if there is None or there.id != chat_id:
        wide = _by_place(around(at, _NEAR))
        at = next((place for place, hit in wide.items() if hit.id == chat_id), 0)
        if not at:
            return Place(None, answer.total)
        answer = around(at, 1)
    beside = _by_place(answer)
    hits = searcher.hits(plan, agents)
    return Place(
        at,
        answer.total,
        previous=_neighbour(hits, beside.get(at - 1), at - 1),
        next=_neighbour(hits, beside.get(at + 1), at + 1),
        cursor=_from_here(searcher, request, beside, at) if at > MAX_HITS_BY_PAGE else None,
    )


def _by_place(answer: EngineAnswer) -> dict[int, EngineHit]:
    return dict(enumerate(answer.hits, answer.before + 1))


def _from_here(
    searcher: Searcher, request: SearchRequest, beside: Mapping[int, EngineHit], at: int
) -> str | None:
    """The cursor of the hits from the place `at` on."""
    before = beside.get(at - 1)
    if before is None:
        return None
    created = NO_TIME if before.created is None else before.created
    position = at - 1 if request.sort == "relevance" else (created, before.id)
    return cursors.encode(request, position, searcher.bound_to)


def _neighbour(hits: Hits, hit: EngineHit | None, at: int) -> Neighbour | None:
    if hit is None:
        return None
    read, _ = hits.read([hit], 1)  # one that is damaged has no snippet, and says so itself
    return Neighbour(hit.id, at, read[0].snippets[0] if read and read[0].snippets else None)
