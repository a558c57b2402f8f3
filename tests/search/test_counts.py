"""Every count of an answer is what the search finds that it promises."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL, DEMO_PASSWORD
from kchat_search.demo.server import DemoServer
from kchat_search.fields import BY_NAME
from kchat_search.models.search import SearchPage, SearchRequest
from kchat_search.serialization.links import changed, filtered, without_filters
from tests.world import World, agents, asked, chat

STATUSES, RATINGS = ("close", "open", "close", "queue"), (None, 1, "满意", 0, None, "不错")
TEXTS = (
    "申请退款", "退款没到账", "物流 138 1111 2222", "退货和发票", "<p>帳號登录不了</p>",
    "iPhone 6 屏幕", "3月15日到账", "订单号20160301", "谢谢", "火星",
)  # fmt: skip


def made(number: int) -> dict[str, Any]:
    """A chat that depends on its number; every third was handed over, every fourth went on."""
    said = [TEXTS[number % 10], TEXTS[number // 3 % 10], TEXTS[number * 7 % 10], "好的"]
    one = chat(number, *said, status=STATUSES[number % 4], rating=RATINGS[number % 6])
    day = f"2016-{1 + number % 3:02}-{1 + number % 28:02}"
    one["created_at"] = f"{day} 10:00:00" if number % 11 else None
    for place, message in enumerate(one["messages"]):
        later = f"2016-{1 + (number + place) % 4:02}-20" if number % 4 == 0 else day
        message["created_at"] = f"{later} 10:{place:02}:00"
    if number % 3 == 0:
        one["messages"][3]["name"] = "韩梅梅"
    if number % 9 == 0:
        one["agent_id"] = None
    return one


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Sixty chats. Of some, a text was another one before."""
    server = DemoServer(
        [made(number) for number in range(1, 61)], agents(),
        email=DEMO_EMAIL, password=DEMO_PASSWORD, api_token=DEMO_API_TOKEN,
    )  # fmt: skip
    with server:
        world = World(server, tmp_path_factory.mktemp("counted"))
        world.sync()
        for number in range(2, 61, 5):
            one = made(number)
            one["messages"][0]["msg"] = "撤回了"
            server.put(one)
        world.later(hours=1).sync(reconcile=True)
        yield world
        world.service.close()


SEARCHES: list[tuple[str, dict[str, Any]]] = [
    ("", {}),
    ("退款", {}),
    ("退款", {"participant": ("2193",)}),
    ("退款 到账", {"agent_id": ("2192", "none"), "status": ("open",)}),
    ("退款 火星", {}),
    ("退款 火星", {"status": ("queue",), "rating": ("1",), "start": "2016-02-01"}),
    ("13811112222", {"start": "2016-02-01", "end": "2016-02-29"}),
    ("账号", {"rating": ("none",)}),
    ("iphone6 date:2016-03", {}),
    ("到账 after:2016-02", {"spoke": ("agent",)}),
    ("from:visitor 退款 -发票", {"has_upload": "false"}),
    ("agent:韩梅梅 退款", {"said_start": "2016-03-01", "said_end": "2016-03-31"}),
    ("3月15日 status:open", {"history": True}),
    ("火星 in:history", {"participant": ("2192",)}),
    ("said:2016-03 退款", {"status": ("close",)}),
    ("退宽", {"status": ("close", "open")}),
    ("agent:韩 火星 金星", {"type": "chat"}),
    ("status:进行时 退款", {"participant": ("none",)}),
    ('"退款没到账" 火星 木星', {"started_by": "visitor", "user_id": "none"}),
    ("(退款 OR 火星) 发票 木星", {"visitor_id": "3"}),
    ("撤回了", {"said_start": "2016-02-01"}),
    ("木星 金星 rating:满意", {"said_end": "2015-01-01", "status": ("open",)}),
    ("22", {}),
    ("撤回了 OR -谢谢", {}),
    ("撤回了 OR (火星 -申请)", {}),
    ("-撤回了", {}),
    ("火星 -火星", {"status": ("close",)}),
    ("火星", {"said_end": "2015-01-01"}),
]


@pytest.mark.parametrize(("q", "given"), SEARCHES, ids=[f"{n}" for n in range(len(SEARCHES))])
def test_every_count_is_what_its_search_finds(
    counted: World, q: str, given: dict[str, Any]
) -> None:
    request = asked(q, **given)
    page = counted.service.search(request)

    def total(other: SearchRequest) -> int:
        answer = counted.service.search(dataclasses.replace(other, per_page=100, facets=()))
        found = counted.service.searcher.all_ids(other)
        assert answer.total == len(found) == len(answer.hits)
        return answer.total

    assert page.total == total(request)
    for name, values in page.facets.items():
        if name in BY_NAME:
            for value in values:
                chosen = filtered(request, name, "none" if value.value is None else value.value)
                assert total(chosen) == value.count, (name, value)
    check_reasons(page, request, total)
    if page.former is not None:
        assert total(changed(request, history=True)) == page.total + page.former


def check_reasons(page: SearchPage, request: SearchRequest, total: Any) -> None:
    """Parts, cuts, suggestions, and what would be found otherwise."""
    query = page.query
    for part in query.parts:
        assert total(SearchRequest(q=part.text, history=request.history)) == part.count, part
    for cut in query.cuts:
        if cut.parameter == "q":
            other = changed(request, q=cut.q)
        elif cut.parameter == "created":
            other = changed(request, start=None, end=None)
        elif cut.parameter == "said":
            other = changed(request, said_start=None, said_end=None)
        else:
            other = filtered(request, cut.parameter)
        assert total(other) == cut.total, cut
    check_ways_on(page, request, total)


def check_ways_on(page: SearchPage, request: SearchRequest, total: Any) -> None:
    """What else would be found."""
    query = page.query
    for near in query.suggestions:
        assert total(changed(request, q=near.q)) == near.total > 0
    if query.without_filters is not None:
        assert total(without_filters(request)) == query.without_filters
    if query.said_instead is not None:
        said = query.said_instead
        times = {"said_start": said.said_start, "said_end": said.said_end}
        if request.start or request.end:
            times |= {"start": None, "end": None}
        assert total(changed(request, q=said.q, **times)) == said.total
    for note in query.notes:
        if note.instead is not None:
            assert total(changed(request, q=note.instead)) >= 0
    assert page.related_total >= len(page.related)
    if page.related_total:
        assert page.total < 20


def test_all_kinds_of_counts_are_among_them(counted: World) -> None:
    pages = [counted.service.search(asked(q, **given)) for q, given in SEARCHES]
    queries = [page.query for page in pages]
    assert sum(bool(page.related) for page in pages) > 2
    assert sum(bool(query.parts) for query in queries) > 4
    assert {cut.parameter for query in queries for cut in query.cuts if cut.total} >= {"q", "said"}
    assert sum(bool(query.suggestions) for query in queries) > 3
    assert sum(bool(query.without_filters) for query in queries) > 1
    assert sum(query.said_instead is not None for query in queries) > 1
