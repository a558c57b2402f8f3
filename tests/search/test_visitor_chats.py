"""All chats of one visitor, over the whole program."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL
from kchat_search.demo.server import DemoServer
from kchat_search.errors import NotFound
from kchat_search.gate import Gate
from kchat_search.models.people import Principal
from kchat_search.search import visitor_chats
from tests.world import World, agents, chat

BEGAN = date(2015, 1, 1)
OF_ONE = [
    chat(
        n,
        f"第{n}次来问退款" if n % 5 == 0 else f"第{n}次来",
        "您好",
        visitor_id=547,
        created_at=f"{BEGAN + timedelta(days=n)} 10:00:00",
    )
    for n in range(1, 46)
]
OTHERS = [
    chat(100, "别人", visitor_id=548),
    chat(101, "没有编号", visitor_id=None),
    chat(102, visitor_id=549),
    chat(105, "电话 13800138845", visitor_id=551),
    chat(106, "还是 13800138845", visitor_id=551),
    chat(103, "长" * 200, visitor_id=550, created_at="2016-03-01 10:00:00"),
    chat(104, "短", visitor_id=550, created_at="2016-03-02 10:00:00"),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with DemoServer(
        [*OF_ONE, *OTHERS], agents(), email=DEMO_EMAIL, password="secret", api_token=DEMO_API_TOKEN
    ) as kchat:
        one = World(kchat, tmp_path_factory.mktemp("visitor"))
        one.sync()
        yield one
        one.service.close()


def test_all_chats_of_a_visitor_come_page_by_page_newest_first(world: World) -> None:
    found = [world.service.visitor_chats(7, "", page) for page in (1, 2, 3)]
    assert [one.id for page in found for one in page.chats] == list(range(45, 0, -1))
    assert {(page.total, page.pages) for page in found} == {(45, 3)}
    asked_for = world.service.visitor_chats(7)
    assert (asked_for.page, asked_for.chats) == (2, found[1].chats), "the page with this chat"
    assert world.service.visitor_chats(7, "", 99).page == 3


def test_a_chat_has_its_first_words_or_what_matched(world: World) -> None:
    (page,) = [world.service.visitor_chats(45, "退款", 1)]
    for one in page.chats:
        assert one.hit is not None
        (snippet,) = one.hit.snippets
        assert one.matches == (one.id % 5 == 0)
        assert [snippet.text[a:b] for a, b in snippet.highlights] == ["退款"] * one.matches
        assert snippet.text.startswith(f"第{one.id}次来")
        assert one.hit.agent_name in ("李雷", "韩梅梅")


@pytest.mark.parametrize(
    ("chat_id", "around"),
    [
        (45, list(range(44, 34, -1))),
        (30, [33, 32, 31, *range(29, 22, -1)]),
        (2, [12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 1][1:]),
    ],
)
def test_a_chat_is_shown_with_those_around_it(
    world: World, chat_id: int, around: list[int]
) -> None:
    view = world.service.chat(chat_id)
    assert [one.id for one in view.others] == around
    assert view.others_total == 44


def test_who_names_no_visitor_has_no_other_chats(world: World) -> None:
    assert (world.service.chat(101).others, world.service.chat(101).others_total) == ((), 0)
    assert (world.service.chat(102).others, world.service.chat(102).others_total) == ((), 0)
    for chat_id in (101, 10**9):
        with pytest.raises(NotFound):
            world.service.visitor_chats(chat_id)


def test_who_reveals_one_chat_sees_the_others_masked(world: World) -> None:
    cora = Principal("person", "1", "cora", frozenset({"compliance"}))
    view = Gate(owners=world.service).for_(cora, pages=True).chat(105, reveal=True)
    assert "电话 13800138845" in [message.text for message in view.chat.messages]
    (other,) = view.others
    assert other.hit is not None
    assert [snippet.text for snippet in other.hit.snippets] == ["还是 138****8845"]


def test_very_long_chats_are_named_and_not_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitor_chats, "_MAX_CHARACTERS", 1_500)
    found = world.service.visitor_chats(103)
    assert [(one.id, one.hit is not None) for one in found.chats] == [(104, True), (103, False)]


def test_the_cost_of_a_page_does_not_grow_with_the_visitors_chats(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    archive = world.service.searcher.archive
    get = archive.get

    def counted(ids: list[int]) -> object:
        asked.append(len(ids))
        return get(ids)

    monkeypatch.setattr(type(archive), "get", lambda _, ids: counted(ids))
    world.service.visitor_chats(7)
    world.service.chat(7)
    assert asked == [1, 20, 1, 10]
