"""Is a chat in the list? The binary search against the list itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kchat_search.models.chats import ChatPage, RejectedChat
from kchat_search.sync.list_lookup import ListLookup
from tests.contracts.archive.chats import fetched


def a_list(ids: set[int], size: int, odd: set[int]) -> tuple[dict[int, ChatPage], int]:
    """Pages of a list in ascending order; those of `odd` are rejects."""
    ordered = sorted(ids)
    pages = {}
    for number, start in enumerate(range(0, max(1, len(ordered)), size), start=1):
        part = ordered[start : start + size]
        chats = tuple(fetched(i) for i in part if i not in odd)
        rejects = tuple(RejectedChat(f"chat:{i}", i, "{}", "odd") for i in part if i in odd)
        pages[number] = ChatPage(number, chats, rejects, None, last=False)
    return pages, max(pages)


@given(
    st.sets(st.integers(1, 60)),
    st.integers(1, 7),
    st.sets(st.integers(1, 60), max_size=5),
    st.lists(st.integers(1, 60), min_size=1, max_size=9),
    st.integers(0, 3),
)
def test_a_chat_is_found_exactly_where_the_list_has_it(
    ids: set[int], size: int, odd: set[int], asked_ids: list[int], pages_beyond: int
) -> None:
    pages, last = a_list(ids, size, odd)
    fetched_pages: list[int] = []

    def page(number: int) -> ChatPage:
        fetched_pages.append(number)
        return pages.get(number, ChatPage(number, (), (), None, last=True))

    lookup = ListLookup(page, last + pages_beyond)
    assert {i: lookup.shows(i) for i in asked_ids} == {i: i in ids for i in asked_ids}
    assert len(fetched_pages) == len(set(fetched_pages)), "each page once"


def test_a_page_that_tells_no_id_makes_nobody_vanish() -> None:
    nameless = ChatPage(1, (), (RejectedChat("raw:1", None, "{}", "odd"),), None, last=True)
    assert ListLookup(lambda _: nameless, 1).shows(5)
