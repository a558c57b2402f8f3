"""Where a chat stands among the hits of a search: the lists of the search itself are the oracle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from kchat_search.models.search import Place, SearchRequest, Within
from kchat_search.search import place as places
from kchat_search.search.searcher import Searcher
from kchat_search.serialization.links import pairs
from tests.search.test_search import filled
from tests.world import World

__all__ = ["filled"]

LISTS = [
    SearchRequest(q="退款"),
    SearchRequest(q="退款", sort="newest", per_page=3),
    SearchRequest(sort="oldest", filters={"agent_id": ("2192",)}),
    SearchRequest(q="退款 发票", sort="oldest", start="2000-01-01", per_page=1),
    SearchRequest(),
]


def listed(world: World, request: SearchRequest) -> Iterator[int]:
    """All hits of a search, one page after the other."""
    asked = replace(request, related=0)
    while True:
        page = world.service.search(asked)
        yield from (hit.chat.id for hit in page.hits)
        if not page.has_next:
            return
        asked = replace(asked, page=asked.page + 1)


def place(world: World, request: SearchRequest, chat_id: int, at: int) -> Place:
    found = world.service.chat(chat_id, request.q, within=Within(request, at)).place
    assert found is not None
    return found


@pytest.mark.parametrize("request_", LISTS, ids=lambda asked: str(pairs(asked)))
@pytest.mark.parametrize("moved", [0, 1, -2, 40])
def test_a_chat_knows_its_place_and_its_neighbours(
    filled: World, request_: SearchRequest, moved: int
) -> None:
    ids = list(listed(filled, request_))
    assert ids
    for at in {1, 2, len(ids) // 2, len(ids)} - {0}:
        found = place(filled, request_, ids[at - 1], max(1, at + moved))
        assert (found.at, found.total) == (at, len(ids))
        before, after = ids[max(0, at - 2) : at - 1], ids[at : at + 1]
        assert [found.previous.chat_id] * bool(before) == before if found.previous else not before
        assert [found.next.chat_id] * bool(after) == after if found.next else not after


def test_a_neighbour_is_opened_at_what_matched_best_in_it(filled: World) -> None:
    first, second, *_ = filled.service.search(SearchRequest(q="退款")).hits
    found = place(filled, SearchRequest(q="退款"), first.chat.id, 1).next
    assert found is not None
    assert found.snippet is not None
    assert found.snippet.position == second.snippets[0].position


def test_a_chat_that_left_the_list_has_no_place(filled: World) -> None:
    request = SearchRequest(q="id:101")
    assert place(filled, request, 102, 1) == Place(None, 1)


def test_a_list_that_cannot_be_asked_for_leaves_the_chat_readable(filled: World) -> None:
    view = filled.service.chat(101, within=Within(SearchRequest(hot="1-7d-1"), 1))
    assert (view.chat.id, view.place) == (101, None)


def test_a_related_chat_has_no_place_and_costs_no_search(
    filled: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Searcher, "plan_of_hits", None)
    assert filled.service.chat(101, within=Within(SearchRequest(q="退款"))).place is None


@pytest.mark.parametrize("sort", ["relevance", "newest", "oldest"])
def test_where_pages_do_not_reach_a_cursor_leads_back(
    filled: World, sort: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "MAX_HITS_BY_PAGE", 4)
    request = SearchRequest(q="退款", sort=sort)  # type: ignore[arg-type]
    ids = list(listed(filled, request))
    assert place(filled, request, ids[3], 4).cursor is None
    cursor = place(filled, request, ids[6], 7).cursor
    page = filled.service.search(replace(request, cursor=cursor))
    assert [hit.chat.id for hit in page.hits] == ids[6:]
    assert page.first == 7
