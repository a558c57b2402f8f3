"""Hot questions, as somebody sees them: every number is what its link gives."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from kchat_search.engines.whoosh.engine import WhooshEngine
from kchat_search.errors import BadRequest
from kchat_search.gate import Gate
from kchat_search.models.hot import PERIODS, RUN_LIST, Days, HotRun, KeptQuestion, run_name
from kchat_search.models.people import OWNER, Principal
from kchat_search.models.search import SearchRequest
from kchat_search.search.hot_page import MESSAGES
from kchat_search.serialization.hot import hot_search, hot_search_before
from kchat_search.service import Service
from kchat_search.web import create_app
from tests.access.planted import RARE, WORDS, conversations, opened, took_part
from tests.meaning.tables import random_table
from tests.web.markup import look
from tests.world import BEGIN, asked

CHATS = conversations(11, 40)
BY_ID = {versions[0]["id"]: versions for versions in CHATS}
TODAY = (BEGIN + timedelta(days=100)).date()
VIEWERS = {
    "owner": OWNER,
    **{
        agent: Principal("person", f"person:{agent}", "x", frozenset({"agent"}), agent)
        for agent in ("2192", "2193", "8")
    },
    "nobody's": Principal("person", "person:9", "x", frozenset({"agent"}), None),
}


def with_a_table(patch: pytest.MonkeyPatch) -> None:
    """Every index is built with vectors."""
    rebuild, table = WhooshEngine.rebuild, random_table("".join(WORDS))

    def with_table(self: WhooshEngine, *given: Any, **named: Any) -> int:
        return rebuild(self, *given, **{**named, "table": table})

    patch.setattr(WhooshEngine, "rebuild", with_table)


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    with pytest.MonkeyPatch.context() as patch:
        with_a_table(patch)
        gate = opened(tmp_path_factory.mktemp("hot") / "w", CHATS, agents_see="own")
    for number in (3, 4):
        for period in PERIODS:
            keep(gate.owners, a_run(random.Random(f"{number}{period}"), number, period))
    at = (BEGIN + timedelta(days=99)).isoformat()
    runs = [{"number": number, "made_at": at} for number in (4, 3)]
    gate.owners.archive.set_cursor(RUN_LIST, {"runs": runs}, now=BEGIN)
    yield gate
    gate.close()


def a_run(rnd: random.Random, number: int, period: Any) -> HotRun:
    """Random chats in random questions, some of which are not there any more."""
    ids = [*BY_ID, 999_999]
    rnd.shuffle(ids)
    cuts = [0, *sorted(rnd.sample(range(1, len(ids)), 4))]
    questions = []
    for first, last in pairwise(cuts):
        chats = tuple(sorted(ids[first:last]))
        typical = tuple(rnd.sample(chats, min(3, len(chats))))
        questions.append(KeptQuestion(chats, typical, tuple(rnd.sample([*WORDS[:8], *RARE], 5))))
    return HotRun(number, period, BEGIN, Days.of(period, TODAY), tuple(questions))


def keep(service: Service, run: HotRun) -> None:
    service.archive.set_cursor(run_name(run.number, run.period), run.to_json(), now=BEGIN)


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("viewer", VIEWERS)
def test_every_number_is_what_its_link_gives(gate: Gate, viewer: str, period: Any) -> None:
    service = gate.for_(VIEWERS[viewer])
    page = service.hot(period)
    assert page.state == "ready"
    days = {"start": page.days.start.isoformat(), "end": page.days.end.isoformat()}
    for question in page.questions:
        assert service.search(hot_search(question, page.days)).total == question.total > 0
        assert service.search(hot_search_before(question, page.days)).total == question.before
        assert len(question.by_day) == len(question.before_by_day) == int(period[:-1])
        assert sum(question.by_day) == question.total
        assert sum(question.before_by_day) == question.before
        at = question.by_day.index(max(question.by_day))
        day = (page.days.start + timedelta(at)).isoformat()
        request = asked(hot=str(question.id), start=day, end=day)
        assert service.search(request).total == question.by_day[at]
    shown = {question.id.place: question.total for question in page.questions}
    for place in range(1, 5):
        request = asked(hot=f"4-{period}-{place}", **days)
        assert service.search(request).total == shown.get(place, 0)
    assert page.covered == sum(shown.values())
    assert page.total == service.search(asked(**days)).total
    assert list(shown.values()) == sorted(shown.values(), reverse=True)


def test_the_links_of_the_page_find_the_numbers_beside_them(gate: Gate) -> None:
    client = create_app(gate).test_client()
    links = [link for one in PERIODS for link in look(client, f"/hot?period={one}").links]
    counted = [link for link in links if "data-finds" in link]
    assert len(counted) >= 4
    for link in counted:
        assert f'class="total"><b>{link["data-finds"]}</b>' in client.get(link["href"]).text


@pytest.mark.parametrize("viewer", VIEWERS)
def test_nothing_is_said_of_chats_that_are_not_seen(gate: Gate, viewer: str) -> None:
    principal = VIEWERS[viewer]
    service = gate.for_(principal)
    seen = {
        chat_id
        for chat_id, versions in BY_ID.items()
        if viewer == "owner" or (principal.agent_id and took_part(versions, principal.agent_id))
    }
    said = " ".join(
        str(m["msg"]) for chat_id in seen for m in BY_ID[chat_id][-1]["messages"]
    ).casefold()
    found = 0
    for period in PERIODS:
        for question in service.hot(period).questions:
            assert {message.chat_id for message in question.messages} <= seen
            assert len(question.messages) <= MESSAGES
            found += len(question.messages)
            if viewer != "owner":
                assert all(word.casefold() in said for word in question.words)
    assert bool(found) == bool(seen)


def test_a_typical_message_is_what_the_visitor_asked_first(gate: Gate) -> None:
    for question in gate.owners.hot("90d").questions:
        for message in question.messages:
            sent = BY_ID[message.chat_id][-1]["messages"]
            assert message.snippet.speaker == "visitor"
            assert sent[message.snippet.position]["id"] == message.snippet.message_id


@pytest.mark.parametrize("sort", ["newest", "oldest", "relevance"])
def test_a_walk_an_export_and_the_facets_are_of_the_questions_chats(gate: Gate, sort: Any) -> None:
    service = gate.owners
    value = service.archive.cursor(run_name(4, "90d"))
    assert value
    chats = set(HotRun.from_json(value).questions[1].chats) & BY_ID.keys()
    request = SearchRequest(hot="4-90d-2", sort=sort, per_page=3)
    walked: list[int] = []
    cursor: str | None = None
    while True:
        page = service.search(asked(hot="4-90d-2", sort=sort, per_page=3, cursor=cursor))
        walked += [hit.chat.id for hit in page.hits]
        cursor = page.cursor
        if cursor is None:
            break
    assert len(walked) == len(set(walked)) == page.total
    assert set(walked) == chats
    assert sum(value.count for value in page.facets["status"]) == len(chats)
    if sort != "relevance":
        assert set(service.searcher.ids(request)) == chats
    other = service.search(SearchRequest(hot="4-90d-2", sort="newest", per_page=1)).cursor
    if other and sort == "newest":
        with pytest.raises(BadRequest):
            service.search(SearchRequest(hot="4-90d-1", sort="newest", cursor=other))


def test_without_it_a_search_that_finds_nothing_would_find_something(gate: Gate) -> None:
    page = gate.owners.search(SearchRequest(hot="4-30d-1", start="2016-01-01", end="2016-01-02"))
    assert page.total == 0
    assert {cut.parameter for cut in page.query.cuts} == {"hot", "created"}


@pytest.mark.parametrize(
    "named", ["9-30d-1", "4-30d-9", "4-31d-1", "4-30d-0", "x", "4-30d-1 ", "0-7d-1", "４-7d-1"]
)
def test_an_unknown_question_is_refused_by_its_parameter(gate: Gate, named: str) -> None:
    with pytest.raises(BadRequest, match="hot question") as refused:
        gate.owners.search(SearchRequest(hot=named))
    assert refused.value.parameter == "hot"


def test_a_run_of_before_can_be_searched_and_the_page_has_the_last(gate: Gate) -> None:
    assert {question.id.run for question in gate.owners.hot("30d").questions} == {4}
    assert gate.owners.search(SearchRequest(hot="3-30d-1")).total


def test_no_vectors_or_no_run_is_said(tmp_path_factory: pytest.TempPathFactory) -> None:
    gate = opened(tmp_path_factory.mktemp("hot") / "w", CHATS[:3])
    try:
        service = gate.owners
        without = service.engine.describe().table is None
        page = service.hot("7d")
        assert page.state == ("off" if without else "waiting")
        assert page.questions == ()
    finally:
        gate.close()
