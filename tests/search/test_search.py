"""The searcher over a real engine and archive: each request gets an answer or a clear refusal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kchat_search.chats.visible_text import visible_text
from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL, DEMO_PASSWORD
from kchat_search.demo.server import DemoServer
from kchat_search.errors import BadRequest, LimitExceeded
from kchat_search.models.search import SearchRequest
from kchat_search.search import zero_results
from kchat_search.search.cursor import encode
from kchat_search.search.tree import quoted
from kchat_search.text.fold import fold
from kchat_search.text.typography import without_ignorable
from tests.search.words import queries
from tests.text.difficult_texts import texts
from tests.world import World, agents, chat
from tests.world import asked as search_for


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One program over 25 chats, for all tests here, because they only search."""
    chats = [chat(number) for number in range(101, 126)]
    server = DemoServer(
        chats, agents(), email=DEMO_EMAIL, password=DEMO_PASSWORD, api_token=DEMO_API_TOKEN
    )
    with server:
        world = World(server, tmp_path_factory.mktemp("search"))
        world.sync()
        yield world
        world.service.close()


@given(q=queries | texts(60))
@example(q="agent:\ud800")
@example(q='file:"\x00"')
def test_whatever_is_typed_is_answered_or_refused_with_the_limit(filled: World, q: str) -> None:
    try:
        page = filled.service.search(SearchRequest(q=q))
    except LimitExceeded:
        return
    assert page.total >= 0
    assert len(page.hits) == min(page.total, page.per_page)
    assert page.query.understood or not without_ignorable(q).strip()
    if page.total == 0 and page.query.understood:
        assert page.query.parts, "nothing was found, and why is not said"


@given(
    values=st.fixed_dictionaries(
        {
            "agent_id": st.lists(texts(5), max_size=2).map(tuple),
            "status": st.lists(texts(5), max_size=2).map(tuple),
            "rating": st.lists(texts(5), max_size=2).map(tuple),
            "visitor_id": st.none() | texts(5),
            "type": st.none() | texts(5),
            "start": st.none() | st.just("2016-03-01") | texts(12),
            "facets": st.none() | st.just(()) | st.lists(texts(5), max_size=2).map(tuple),
        }
    )
)
def test_whatever_is_chosen_is_answered_or_refused(filled: World, values: dict[str, Any]) -> None:
    wrong = None
    try:
        page = filled.service.search(search_for(**values))
        assert page.total == len(filled.found(**values))
    except BadRequest as refused:
        wrong = refused.parameter
    assert wrong in (None, "start", "facets")


@given(number=st.integers(0, 24), at=st.integers(0, 40), length=st.integers(1, 12))
def test_a_piece_of_a_message_finds_its_chat_and_no_chat_without_it(
    filled: World, number: int, at: int, length: int
) -> None:
    chats = filled.archived()
    said = {
        i: [fold(visible_text(message["msg"])) for message in chat["messages"]]
        for i, chat in chats.items()
    }
    text = said[101 + number][at % 3]
    piece = text[at % len(text) :][:length]
    looked_for = piece.strip()  # blanks beside the quotes are not
    assert filled.found(quoted(piece)) == {
        i for i, each in said.items() if any(looked_for in one for one in each)
    }


@pytest.mark.parametrize(
    "q",
    [
        "退" * 1000,
        "退款流程" * 250,
        "".join(chr(0x4E00 + 7 * i) for i in range(1000)),
        " ".join(["a*"] * 64),
        " ".join(f"{chr(97 + i % 26)}*" for i in range(64)),
        " OR ".join(f"-{chr(97 + i % 26)}*" for i in range(64)),
        "-(" * 60 + "退款" + ")" * 60,
        "(退 OR " * 31 + "款" + ")" * 31,
        '"' + "a" * 998 + '"',
        "ﷺ" * 1000,
        "\u0301" * 1000,
        ")" * 1000,
        "😀" * 1000,
        "，" * 1000,
        '"' + '\\"' * 499 + '"',
        "NOT " * 240 + "退款",
        "a" * 999 + "*",
        "5" * 1000,
        "(from:visitor OR from:agent) " * 20 + "退款",
        "(from:visitor OR (from:agent OR from:robot)) (" * 9 + "退款" + ")" * 9,
        "date:0001..9999 date:9999d after:9999-12-31 before:0001-01-01",
    ],
)
def test_no_query_takes_the_service_down(filled: World, q: str) -> None:
    filled.search("退款")  # loads the dictionary
    began = time.process_time()
    filled.service.search(SearchRequest(q=q))
    assert time.process_time() - began < 3


@pytest.mark.parametrize("place", [0, 24, 25, 10**6, 2**63 - 1])
def test_a_cursor_far_behind_the_end_finds_nothing(filled: World, place: int) -> None:
    request = SearchRequest(q="-没有")
    page = filled.search("-没有", cursor=encode(request, place, filled.service.searcher.bound_to))
    assert len(page.hits) == max(0, min(20, 25 - place))
    assert page.total == 25
    assert (page.cursor is None) == (place >= 5)


@pytest.mark.parametrize("sort", ["newest", "oldest"])
@pytest.mark.parametrize("far", [-(2**63), 2**63 - 1])
def test_a_cursor_at_the_end_of_time_finds_all_or_nothing(
    filled: World, sort: Any, far: int
) -> None:
    request = SearchRequest(sort=sort)
    page = filled.search(
        sort=sort, cursor=encode(request, (far, far), filled.service.searcher.bound_to)
    )
    everything = (sort == "newest") == (far > 0)
    assert len(page.hits) == (20 if everything else 0)


@pytest.mark.parametrize("sort", ["relevance", "newest", "oldest"])
def test_pages_cursors_and_ids_agree(filled: World, sort: Any) -> None:
    everything = filled.found("退款 OR 发票")
    pages: list[int] = []
    walked: list[int] = []
    for number in range(1, 10):
        page = filled.search("退款 OR 发票", sort=sort, per_page=4, page=number)
        pages += [hit.chat.id for hit in page.hits]
        assert page.total == len(everything)
        assert page.has_next == (number * 4 < page.total)
    cursor = None
    while len(walked) < 100:
        page = filled.search("退款 OR 发票", sort=sort, per_page=4, cursor=cursor)
        walked += [hit.chat.id for hit in page.hits]
        cursor = page.cursor
        if cursor is None:
            break
    assert pages == walked
    assert len(pages) == len(set(pages))
    assert set(pages) == everything


def test_nothing_found_says_what_each_part_has_and_what_the_filters_cut(filled: World) -> None:
    page = filled.search('退款 "火星" agent:李雷')
    assert page.total == 0
    alone = {part.text: part.count for part in page.query.parts}
    assert alone == {
        "退款": len(filled.found("退款")),
        '"火星"': 0,
        "agent:李雷": len(filled.found("agent:2192")),
    }
    assert alone["退款"]
    assert page.query.without_filters is None
    page = filled.search("退款", status=("open",))
    assert (page.total, page.query.without_filters) == (0, len(filled.found("退款")))


@pytest.mark.parametrize(
    ("q", "filters", "cuts"),
    [
        ("退款 date:2015 -订单号", {}, {"date:2015"}),
        ("退款 订单号", {"status": ("open",)}, {"status"}),
        ("退款", {"status": ("open",), "rating": ("1",), "start": "2016-03-01"}, set()),
        ("退款 date:2015", {"end": "2016-12-31", "agent_id": ("2193",)}, {"date:2015"}),
        ("from:visitor 退款 -火星", {"spoke": ("robot",)}, {"spoke"}),
        ("退款", {"start": "2017-01-01"}, {"created"}),
        ("退款 -发票 -退款", {}, {"-退款"}),
    ],
)
def test_a_filter_that_cuts_everything_away_is_named_with_what_is_without_it(
    filled: World, q: str, filters: dict[str, Any], cuts: set[str]
) -> None:
    page = filled.search(q, **filters)
    assert page.total == 0
    names = {cut.parameter for cut in page.query.cuts}
    created = {"created"} if filters.keys() & {"start", "end"} else set()
    assert names - {"q"} == {n for n in filters if n not in ("start", "end")} | created
    for cut in page.query.cuts:
        gone = {"start", "end"} if cut.parameter == "created" else {cut.parameter}
        left = {name: value for name, value in filters.items() if name not in gone}
        assert cut.total == filled.search(cut.q, **left).total, cut
        assert (cut.q == q) == (cut.parameter != "q")
    assert {cut.part or cut.parameter for cut in page.query.cuts if cut.total} == cuts


def test_reasons_that_would_take_too_long_are_left_open(
    filled: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zero_results, "PATIENCE", -1.0)
    reading = filled.search('from:visitor 退宽 "火星"', status=("open",)).query
    assert [part.text for part in reading.parts] == [
        "from:visitor", "from:visitor 退", "from:visitor 宽", 'from:visitor "火星"',
    ]  # fmt: skip
    assert {part.count for part in reading.parts} == {None}
    assert (reading.suggestions, reading.cuts, reading.without_filters) == ((), (), None)


@pytest.mark.parametrize(
    ("q", "instead"),
    [
        ("退宽", "退款"),
        ("“我想申请推款”", '"我想申请退款"'),
        ("iphnoe6", None),
        ("tuikuan", "退款"),
    ],
)
def test_what_may_have_been_meant_is_said_with_what_it_finds(
    filled: World, q: str, instead: str | None
) -> None:
    near = {each.q: each.total for each in filled.search(q).query.suggestions}
    assert instead is None or near[instead] == filled.search(instead).total > 0
    assert filled.search("退款").query.suggestions == (), "where it is found, nothing else is meant"
    filtered = filled.search(q, status=("open",)).query.suggestions
    assert filtered == (), "the filters hold for what is suggested too"


def test_a_page_that_was_shown_before_shows_what_is_so_now(kchat: DemoServer, world: World) -> None:
    kchat.put(chat(101, "你好,我想申请退款", "好的", agent_id=2192))
    world.sync()

    def shown() -> tuple[str | None, list[tuple[str, str]]]:
        (hit,) = world.search("退款 AND id:101").hits
        return hit.agent_name, [(each.text, each.speaker) for each in hit.snippets]

    before = ("李雷", [("你好,我想申请退款", "visitor"), ("好的", "agent")])
    assert shown() == shown() == before
    archive = world.service.archive
    archive.save_agents({"2192": "访客101"}, now=world.now)
    assert shown() == ("访客101", [("你好,我想申请退款", "agent")])
    archive.save_agents({"2192": "李雷"}, now=world.now)
    assert shown() == before
    kchat.put(chat(101, "退款到了吗", "好的", agent_id=2192))
    world.sync(reconcile=True)
    assert shown() == ("李雷", [("退款到了吗", "visitor"), ("好的", "agent")])


def test_a_hit_names_all_agents_who_took_part(kchat: DemoServer, world: World) -> None:
    handed_over = chat(101, "火星", "请稍等", "退款", "好的", agent_id=2192)
    handed_over["messages"][3]["name"] = "韩梅梅"
    nobody = chat(102, "火星", agent_id=None)
    helped = chat(103, "火星", "在的", agent_id=2192)
    helped["messages"][1] |= {"name": "小王", "role": "agent"}
    for each in (handed_over, nobody, helped):
        kchat.put(each)
    world.sync()
    found = {hit.chat.id: [tuple(p) for p in hit.participants] for hit in world.search("火星").hits}
    assert found == {
        101: [("2192", "李雷"), ("2193", "韩梅梅")],
        102: [],
        103: [("2192", "李雷"), (None, "小王")],
    }
    for number, participants in found.items():
        assert [tuple(p) for p in world.service.chat(number).participants] == participants
    facet = {
        each.value: (each.label, each.count) for each in world.search("火星").facets["participant"]
    }
    assert facet == {"2192": ("李雷", 2), "2193": ("韩梅梅", 1), "小王": (None, 1), None: (None, 1)}
    for value, (_, count) in facet.items():
        assert world.search("火星", participant=(value or "none",)).total == count


def said_on(number: int, *days: str, **fields: Any) -> dict[str, Any]:
    """A chat that was created on the first of these days, and says 火星 on each of the others."""
    made = chat(number, "你好", *["火星"] * (len(days) - 1), created_at=f"{days[0]} 10:00:00")
    for message, day in zip(made["messages"], days, strict=True):
        message["created_at"] = f"{day} 10:00:00"
    return made | fields


@pytest.fixture(scope="module")
def long_chats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Chats that go on for days. Today is 2016-03-20."""
    chats = [
        said_on(1, "2016-02-28", "2016-02-28", "2016-03-01"),
        said_on(2, "2016-03-01", "2016-03-02", "2016-03-09"),
        said_on(3, "2016-02-20", "2016-02-21"),
        said_on(4, "2016-02-20", "2016-03-05", status="open"),
        said_on(5, "2016-03-03", "2016-03-03", "2016-04-02"),
        said_on(6, "2016-02-01"),
    ]
    server = DemoServer(
        chats, agents(), email=DEMO_EMAIL, password=DEMO_PASSWORD, api_token=DEMO_API_TOKEN
    )
    with server:
        world = World(server, tmp_path_factory.mktemp("long"))
        world.sync()
        yield world
        world.service.close()


@pytest.mark.parametrize(
    ("q", "days", "found"),
    [
        ("火星", ("2016-03-01", "2016-03-31"), {1, 2, 4, 5}),
        ("火星", ("2016-03-02", "2016-03-08"), {2, 4, 5}),
        ("火星", ("2016-03-06", "2016-03-08"), set()),
        ("火星", (None, "2016-02-29"), {1, 3}),
        ("火星", ("2016-04-02", None), {5}),
        ("火星", ("2016-03-01T10:00:00+08:00", "2016-03-01T10:00:00+08:00"), {1}),
        ("火星", ("2016-03-01T10:00:01+08:00", "2016-03-01T11:00:00+08:00"), set()),
        ("你好", ("2016-03-01", "2016-03-31"), {2, 5}),
        ("", ("2016-03-01", "2016-03-31"), {1, 2, 4, 5}),
        ("-你好", ("2016-03-05", "2016-03-05"), {4}),
        ("-火星", ("2016-03-05", "2016-03-05"), set()),
        ("-火星", ("2016-02-01", "2016-02-20"), {3, 4, 6}),
        ("id:1 OR 火星", ("2016-02-28", "2016-02-28"), {1}),
        ("from:agent", ("2016-03-05", "2016-03-05"), {4}),
        ("from:visitor", ("2016-03-05", "2016-03-05"), set()),
        ("status:open from:visitor", ("2016-02-20", "2016-03-05"), {4}),
        ("火星 said:2016-03", ("2016-03-03", "2016-03-09"), {2, 4, 5}),
        ("火星 said:2016-02", ("2016-03-03", "2016-03-09"), set()),
        ("火星", ("2016-03-31", "2016-03-01"), set()),
    ],
)
def test_said_start_and_said_end_are_about_the_messages_that_fulfil_the_query(
    long_chats: World, q: str, days: tuple[str | None, str | None], found: set[int]
) -> None:
    start, end = days
    assert long_chats.found(q, said_start=start, said_end=end) == found


@pytest.mark.parametrize(
    ("q", "asked", "instead"),
    [
        ("火星 date:2016-03", {}, ("火星 said:2016-03", None, None, 4, 2)),
        ("火星 date:2016-03-02..2016-04", {}, ("火星 said:2016-03-02..2016-04", None, None, 3, 2)),
        ("火星 after:2016-03-02", {}, ("火星 said:2016-03-02..", None, None, 3, 2)),
        ("火星 before:2016-02-29", {}, None),
        ("火星 after:2016-03 before:2016-03", {}, ("火星 said:2016-03..2016-03", None, None, 4, 2)),
        ("火星 before:2016-03-31 after:2016-03-02", {"status": ("open",)},
         ("火星 said:2016-03-02..2016-03-31", None, None, 1, 1)),
        ("火星", {"start": "2016-03-01"}, ("火星", "2016-03-01", None, 4, 2)),
        ("火星", {"start": "2016-03-02", "end": "2016-03-31"},
         ("火星", "2016-03-02", "2016-03-31", 3, 2)),
        ("火星", {"end": "2016-02-29"}, None),
        ("火星 date:2016-03", {"end": "2016-03-31"}, None),
        ("火星 said:2016-03", {"start": "2016-03-01"}, None),
        ("火星", {"start": "2016-03-01", "said_end": "2016-03-31"}, None),
        ("date:2016-03", {}, None),
        ("status:close date:2016-03", {}, None),
        ("-火星 date:2016-03", {}, None),
        ("火星 -date:2016-03", {}, None),
        ("火星 OR date:2016-03", {}, None),
        ("木星 date:2016-03", {}, None),
    ],
)  # fmt: skip
def test_what_was_said_in_the_days_by_chats_that_began_before_is_told_with_its_query(
    long_chats: World, q: str, asked: dict[str, Any], instead: tuple[Any, ...] | None
) -> None:
    page = long_chats.search(q, **asked)
    said = page.query.said_instead
    assert (said and (said.q, said.said_start, said.said_end, said.total, said.more)) == instead
    if said is not None:
        others = {name: value for name, value in asked.items() if name not in ("start", "end")}
        found = long_chats.found(
            said.q, said_start=said.said_start, said_end=said.said_end, **others
        )
        assert len(found) == said.total
        assert len(found - long_chats.found(q, **asked)) == said.more
    assert long_chats.search(q, page=2, **asked).query.said_instead is None
