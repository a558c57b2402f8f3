"""Chats by their meaning: apart from what is exact, and as little as everybody sees."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from kchat_search.cli.printing_chats import print_page
from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL, DEMO_PASSWORD
from kchat_search.demo.server import DemoServer
from kchat_search.meaning import floor
from kchat_search.models.people import Viewer
from kchat_search.models.plan import HIDDEN_DIGIT, AllOf, Contains, FieldIs, Messages, Sight
from kchat_search.models.reports import IndexStatus
from kchat_search.models.search import RelatedChat, SearchPage, SearchRequest
from kchat_search.search.plan import Context
from kchat_search.search.related import meant
from kchat_search.search.syntax import parse
from kchat_search.serialization.links import Links
from kchat_search.serialization.search import search_json
from kchat_search.text.segmentation import Segmenter
from tests.access.test_gate import Written
from tests.world import World, agents, asked, chat

ZONE = ZoneInfo("Asia/Shanghai")
TODAY = datetime(2019, 7, 2, tzinfo=UTC).date()
LINKS = Links("http://127.0.0.1:5080", None)
CONTEXT = Context({"2192": "李雷"}, TODAY, ZONE)
MATTERS = (
    "退款几天到账",
    "发票怎么开",
    "快递到哪里了",
    "密码忘了怎么办",
    "可以换货吗",
    "优惠券用不了",
)
REPLIES = ("请稍等，我查一下。", "已经为您处理", "请提供订单号")


def tree_of(q: str) -> Any:
    return parse(q, Segmenter().segment_han, TODAY).tree


@pytest.mark.parametrize(
    ("q", "text"),
    [
        ("钱什么时候退回来", "钱什么时候退回来"),
        ("退款 几天 agent:2192 到账", "退款 几天 到账"),
        ('退款 "物流" -发票 (快递 OR 换货)', "退款"),
        ("REFUND 多久", "refund 多久"),
        ("in:history 退款多久", "退款多久"),
        ("我是13800138845 退款", f"我是138{HIDDEN_DIGIT * 4}8845 退款"),
        ("138 0013 8845 退款", f"138 {HIDDEN_DIGIT * 4} 8845 退款"),
        ('"退款多久"', None),
        ("agent:2192", None),
        ("退款 OR 发票", None),
        ("-退款", None),
        ("退", None),
        ("你好", None),
        ("？！", None),
        ("", None),
    ],
)
def test_the_free_words_are_meant_as_everybody_sees_them(q: str, text: str | None) -> None:
    for masked in (False, True):
        found = meant(tree_of(q), replace(CONTEXT, masked=masked), 20)
        assert (found.text if found else None) == text


@pytest.mark.parametrize(
    ("q", "scopes"),
    [
        ("退款多久", ()),
        ("退款多久 from:visitor", ((Messages("visitor"),),)),
        ("退款多久 (from:visitor OR from:agent)", ((Messages("agent"), Messages("visitor")),)),
    ],
)
def test_the_opening_is_one_of_the_messages_that_the_query_names(q: str, scopes: Any) -> None:
    found = meant(tree_of(q), CONTEXT, 20)
    assert found is not None
    assert {frozenset(group) for group in found.scopes} == {frozenset(g) for g in scopes}
    within = replace(CONTEXT, said=Messages(start=5))
    found = meant(tree_of(q), within, 20)
    assert found is not None
    assert all(each.start == 5 for group in found.scopes for each in group)
    assert found.scopes


def test_all_else_of_the_query_is_required() -> None:
    found = meant(tree_of('退款多久 "物流" status:close'), CONTEXT, 3)
    assert found is not None
    assert found.required == AllOf((Contains("物流"), FieldIs("status", ("close",))))
    assert found.limit == 3
    assert found.floor == floor.FLOOR


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, World]]:
    """The same chats, with and without what is found by meaning."""
    chats = [
        chat(
            n,
            ("你好", MATTERS[n % 6])[n % 5 > 0],
            REPLIES[n % 3],
            f"{MATTERS[(n + n // 6) % 6]}，手机1380013{8000 + n}",
            status=("close", "open")[n % 2],
        )
        for n in range(1, 61)
    ]
    server = DemoServer(
        chats, agents(), email=DEMO_EMAIL, password=DEMO_PASSWORD, api_token=DEMO_API_TOKEN
    )
    with server:
        made = [
            World(server, tmp_path_factory.mktemp(name), meaning=name == "on", per_page=100)
            for name in ("on", "off")
        ]
        for world in made:
            world.sync()
        yield made[0], made[1]
        for world in made:
            world.service.close()


@pytest.fixture(autouse=True)
def low_floor(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """So that there always is something, whatever the table."""
    if "worlds" in request.fixturenames:
        for name in ("FLOOR", "BESIDE_HITS"):
            monkeypatch.setattr(floor, name, -1.0)


def by_meaning(page: SearchPage) -> list[RelatedChat]:
    return [each for each in page.related if each.why == "meaning"]


def ids(chats: list[RelatedChat]) -> list[int]:
    return [each.hit.chat.id for each in chats]


def exact(request: SearchRequest, page: SearchPage) -> Any:
    rest = tuple(each for each in page.related if each.why == "words")
    return search_json(request, replace(page, took_ms=None, related=rest), ZONE, LINKS)


def a_request(rnd: random.Random) -> SearchRequest:
    words = [rnd.choice(MATTERS)[: rnd.randrange(2, 7)] for _ in range(rnd.randrange(1, 3))]
    words += rnd.choices(
        ("", '"怎么"', "-发票", "from:visitor", "火箭", "agent:李雷", "has:upload", "13800138010"),
        k=2,
    )
    return asked(
        " ".join(filter(None, words)),
        status=rnd.choice((None, None, "close")),
        start=rnd.choice((None, None, "2016-03-05")),
        said_end=rnd.choice((None, None, "2016-03-02")),
        sort=rnd.choice(("relevance", "relevance", "newest")),
        per_page=rnd.choice((3, 20)),
        page=rnd.choice((1, 1, 2)),
        related=rnd.choice((20, 20, 2, 0)),
        history=rnd.random() < 0.2,
    )


@pytest.mark.slow
def test_what_is_exact_is_the_same_with_and_without_them(worlds: tuple[World, World]) -> None:
    on, off = worlds
    rnd = random.Random(5)
    shown = 0
    for _ in range(40):
        request = a_request(rnd)
        page, without = on.service.search(request), off.service.search(request)
        assert exact(request, page) == exact(request, without), request
        assert by_meaning(without) == []
        apart = on.service.search(request, meaning=False)
        assert exact(request, apart) == exact(request, without), request
        found = by_meaning(page)
        assert on.service.by_meaning(request) == tuple(found), "they are the same, asked for apart"
        assert apart.may_mean >= bool(found)
        assert off.service.search(request, meaning=False).may_mean is False
        elsewhere = {hit.chat.id for hit in page.hits} | on.found(
            request.q, **{**request.filters, "start": request.start, "said_end": request.said_end}
        )
        elsewhere |= {each.hit.chat.id for each in page.related if each.why == "words"}
        assert elsewhere.isdisjoint(ids(found)), "they stand nowhere else on the page"
        assert len(found) <= min(5, request.related)
        if request.sort != "relevance" or page.total >= 20:
            assert found == []
        shown += bool(found)
    assert shown > 5


def test_exports_and_walks_are_the_same(worlds: tuple[World, World]) -> None:
    for q in ("退款几天到账", "退款 火箭", "发票 status:close"):
        walks, exports = [], []
        for world in worlds:
            walked, cursor = [], None
            while True:
                page = world.search(q, per_page=4, cursor=cursor)
                walked.append((page.total, [hit.chat.id for hit in page.hits], page.cursor))
                cursor = page.cursor
                if cursor is None:
                    break
            walks.append(walked)
            export = world.service.export(asked(q, sort="newest"))
            exports.append((export.total, list(export.chats)))
        assert walks[0] == walks[1]
        assert exports[0] == exports[1]


def test_behind_a_cursor_there_are_none(worlds: tuple[World, World]) -> None:
    first = worlds[0].search("退款几天到账 status:close", per_page=2)
    assert by_meaning(first)
    behind = worlds[0].search("退款几天到账 status:close", per_page=2, cursor=first.cursor)
    assert by_meaning(behind) == []


def test_its_snippet_is_the_nearest_opening_and_the_reply(worlds: tuple[World, World]) -> None:
    for limit, kinds in ((3, ["visitor", "agent"]), (1, ["visitor"]), (0, [])):
        found = by_meaning(worlds[0].search("怎么开发票 火箭", related=5, snippets=limit))
        assert found
        for each in found:
            snippets = each.hit.snippets
            assert [one.speaker for one in snippets] == kinds[: len(snippets)]
            assert not any(one.highlights for one in snippets)
            assert len(snippets) > 0 or limit == 0
            if limit:
                assert any(matter in snippets[0].text for matter in MATTERS), "not the greeting"
            assert (each.has, each.lacks) == ((), ())


def seeing(world: World, sight: Sight) -> World:
    """The world of somebody who sees less."""
    viewer = Viewer("x", sight, shows_numbers=not sight.masked, versions=not sight.masked)
    searcher = replace(world.service.searcher, viewer=viewer)
    other = World.__new__(World)
    other.__dict__.update(world.__dict__)
    other.service = replace(world.service, searcher=searcher)
    return other


def test_nobody_gets_a_chat_that_they_do_not_see(worlds: tuple[World, World]) -> None:
    own = seeing(worlds[0], Sight(FieldIs("agent_id", ("2192",)), masked=True))
    found = by_meaning(own.search("怎么退款 火箭", related=5))
    assert found
    assert {each.hit.chat.agent_id for each in found} == {"2192"}
    assert "1380013" not in "".join(one.text for each in found for one in each.hit.snippets)


def test_filters_dates_and_quotes_hold(worlds: tuple[World, World]) -> None:
    on = worlds[0]
    for more in ({"status": "open"}, {"start": "2016-03-10"}, {"agent_id": "2193"}):
        found = by_meaning(on.search("怎么退款 火箭", related=5, **more))
        assert found
        assert set(ids(found)) <= on.found("", **more)
    quoted = by_meaning(on.search('怎么退款 "换货吗"', related=5))
    assert quoted
    assert set(ids(quoted)) <= on.found('"换货吗"')
    assert by_meaning(on.search("怎么退款 from:agent", related=5)) == []
    assert by_meaning(on.search("怎么退款 火箭", related=5, said_start="2030-01-01")) == []


def test_what_a_query_hides_changes_nothing(worlds: tuple[World, World]) -> None:
    """A number of which other digits are hidden, in a query that nobody's chat fulfils."""
    found = [
        [(each.hit.chat.id, each.hit.score) for each in by_meaning(worlds[0].search(q, related=5))]
        for q in ("怎么退款 13900001234", "怎么退款 13987651234")
    ]
    assert found[0] == found[1] != []


def test_a_floor_that_nothing_reaches(
    worlds: tuple[World, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(floor, "FLOOR", 1.01)
    assert by_meaning(worlds[0].search("怎么退款 火箭")) == []


def test_beside_what_has_the_words_a_guess_must_be_better(
    worlds: tuple[World, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(floor, "BESIDE_HITS", 1.01)
    assert by_meaning(worlds[0].search("怎么退款 火箭"))
    found = worlds[0].search("退款")
    assert found.total
    assert by_meaning(found) == []


def test_the_status_says_that_it_works(worlds: tuple[World, World]) -> None:
    states = [
        index.meaning
        for world in worlds
        if isinstance(index := world.service.status().index, IndexStatus)
    ]
    assert [(each.state, each.problem) for each in states] == [("on", None), ("off", None)]


def test_the_answer_and_the_command_name_them_apart(
    worlds: tuple[World, World], capsys: pytest.CaptureFixture[str]
) -> None:
    request = asked("退款 火箭", related=4)
    page = worlds[0].service.search(request)
    answer = search_json(request, page, ZONE, LINKS)
    whys = [each["why"] for each in answer["related"]]
    assert whys == ["words"] * 4 + ["meaning"] * 4
    assert page.related_total >= 4
    assert not any({"has", "lacks"} & each.keys() for each in answer["related"][4:])
    print_page(page, ZONE)
    printed = capsys.readouterr().out
    _, words, meaning = re.split("with only some of it:|Guessed by meaning, .*:", printed)
    assert (words.count("lacks"), meaning.count("lacks"), meaning.count("#")) == (4, 0, 4)


def test_the_record_counts_all_that_was_shown(worlds: tuple[World, World]) -> None:
    written = Written()
    service = replace(worlds[0].service, recorder=written)
    service.related(asked("退款 火箭", related=3))
    service.by_meaning(asked("退款 火箭", related=3))
    assert [(entry.action, entry.count) for entry in written.entries] == [
        ("related", 6),
        ("related", 3),
    ]
