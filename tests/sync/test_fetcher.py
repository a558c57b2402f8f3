"""Several requests at once: answers in order, and no request left behind."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from kchat_search.errors import KchatBusy, KchatNotFound
from kchat_search.models.chats import ChatPage, RejectedChat
from kchat_search.sync.fetcher import Fetcher
from tests.contracts.archive.chats import fetched
from tests.fakes import FakeSource


def pages(count: int) -> dict[int, ChatPage]:
    """`count` pages with one chat each; the pages behind them are empty, as Kchat's are."""
    filled = {n: ChatPage(n, (fetched(n),), (), None, last=n == count) for n in range(1, count + 1)}
    return filled | {n: ChatPage(n, (), (), None, last=True) for n in range(count + 1, count + 20)}


def test_pages_come_in_order_with_several_in_flight() -> None:
    together = threading.Barrier(3, timeout=60)

    def gate(number: int) -> None:
        if number in (2, 3, 4):
            together.wait()  # goes on only if all three are asked for at once

    source = FakeSource(pages(6), gate=gate)
    with Fetcher(source, 3) as fetcher:
        numbers = [page.number for page in fetcher.pages()]
    assert numbers == [1, 2, 3, 4, 5, 6]
    assert source.most_at_once == 3


def test_a_list_of_one_page_costs_one_request() -> None:
    source = FakeSource(pages(1))
    with Fetcher(source, 4) as fetcher:
        assert len(list(fetcher.pages())) == 1
    assert source.asked == [1]


def test_a_walk_may_begin_in_the_middle() -> None:
    source = FakeSource(pages(5))
    with Fetcher(source, 2) as fetcher:
        assert [page.number for page in fetcher.pages(4)] == [4, 5]


def test_a_page_that_fails_by_itself_is_passed_over() -> None:
    def gate(number: int) -> None:
        if number == 3:
            raise KchatBusy("later")

    for in_flight in (1, 4):
        with Fetcher(FakeSource(pages(5), gate=gate), in_flight) as fetcher:
            walked = list(fetcher.pages())
        assert [page.number for page in walked] == [1, 2, 3, 4, 5]
        assert [page.failed for page in walked] == [None, None, "later", None, None]


def test_the_last_page_is_never_passed_over() -> None:
    def gate(number: int) -> None:
        if number == 5:
            raise KchatBusy("later")

    with Fetcher(FakeSource(pages(5), gate=gate), 4) as fetcher, pytest.raises(KchatBusy):
        list(fetcher.pages())


def test_an_error_comes_in_its_place_and_ends_the_walk() -> None:
    def gate(number: int) -> None:
        if number >= 3:
            raise KchatBusy("later")

    source = FakeSource(pages(9), gate=gate)
    with Fetcher(source, 4) as fetcher:
        walk = fetcher.pages()
        assert [next(walk).number, next(walk).number] == [1, 2]
        with pytest.raises(KchatBusy):
            next(walk)
    assert source.at_once == 0


def test_a_caller_that_has_enough_leaves_nothing_running() -> None:
    source = FakeSource(pages(50))
    with Fetcher(source, 4) as fetcher:
        for page in fetcher.pages():
            if page.number == 2:
                break
    assert source.at_once == 0
    assert max(source.asked) <= 2 + 4


def test_chats_come_in_order_and_what_is_gone_is_none() -> None:
    source = FakeSource(chats={i: fetched(i) for i in (1, 2, 4)})
    with Fetcher(source, 2) as fetcher:
        outcomes = dict(fetcher.chats([4, 3, 2, 1]))
    assert list(outcomes) == [4, 3, 2, 1]
    assert outcomes[3] is None
    assert outcomes[1] == fetched(1)


def test_a_list_without_messages_is_completed() -> None:
    bare = replace(fetched(1), has_messages=False)
    gone = replace(fetched(2), has_messages=False)
    odd = replace(fetched(3), has_messages=False)
    rejected = RejectedChat("chat:3", 3, "{}", "odd")
    source = FakeSource(
        {1: ChatPage(1, (bare, gone, odd), (), None, last=True)},
        {1: fetched(1, "whole"), 3: rejected},
    )
    with Fetcher(source, 2) as fetcher:
        (page,) = fetcher.pages()
    assert page.chats == (fetched(1, "whole"), gone)  # a chat that is gone stays as the list had it
    assert page.rejects == (rejected,)


def test_not_found_behind_the_first_page_is_the_end() -> None:
    def gate(number: int) -> None:
        if number > limit:
            raise KchatNotFound("no such page")

    source = FakeSource(
        {n: ChatPage(n, (fetched(n),), (), None, last=False) for n in (1, 2)}, gate=gate
    )
    limit = 2
    with Fetcher(source, 3) as fetcher:
        assert [page.number for page in fetcher.pages()] == [1, 2, 3]
    limit = 0
    with Fetcher(source, 3) as fetcher, pytest.raises(KchatNotFound):
        next(fetcher.pages())
