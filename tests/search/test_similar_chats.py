"""Chats that are like one, over the whole program."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL
from kchat_search.demo.server import DemoServer
from kchat_search.errors import LimitExceeded, NotFound
from kchat_search.models.chats import StoredChat
from kchat_search.models.plan import Alike, AlikeHit, EngineHit
from kchat_search.models.search import MAX_SIMILAR
from kchat_search.search import similar_chats
from tests.world import World, agents, chat

CHATS = (
    chat(1, "退款几天到账", "一般三个工作日", "好的谢谢"),
    chat(2, "退款要几天才到账呢", "三个工作日内原路退回", "明白"),
    chat(3, "发票抬头开错了", "可以重开", "谢谢"),
    chat(4, "抬头错了，发票能重开吗", "已经为您重开", "谢谢"),
    chat(5, "你好", "您好，请讲", "发票抬头写错，想重开"),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with DemoServer(
        CHATS, agents(), email=DEMO_EMAIL, password="secret", api_token=DEMO_API_TOKEN
    ) as kchat:
        one = World(kchat, tmp_path_factory.mktemp("similar"))
        one.sync()
        yield one
        one.service.close()


def test_the_chats_that_speak_of_the_same_come_with_the_message_that_says_so(
    world: World,
) -> None:
    found = world.service.similar(4).hits
    assert [hit.chat.id for hit in found][:2] in ([3, 5], [5, 3])
    said = {hit.chat.id: [(s.text, s.reply) for s in hit.snippets] for hit in found}
    assert said[3] == [("发票抬头开错了", False), ("可以重开", True)]
    assert said[5] == [("发票抬头写错，想重开", False)]
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
    assert world.service.similar(1).hits[0].chat.id == 2
    assert 1 not in {hit.chat.id for hit in world.service.similar(1).hits}


def test_a_number_that_can_not_be_asked_for_is_refused_and_a_chat_that_is_not_there(
    world: World,
) -> None:
    assert len(world.service.similar(4, 1).hits) == 1
    for limit in (0, MAX_SIMILAR + 1):
        with pytest.raises(LimitExceeded):
            world.service.similar(4, limit)
    with pytest.raises(NotFound):
        world.service.similar(99)


@pytest.mark.parametrize(
    ("words", "place", "position"),
    [
        ({"谢谢": 0.1, "重开": 0.2}, 0, 0),
        ({"谢谢": 0.1, "重开": 0.2}, 1, 2),
        ({"谢谢": 0.1, "重开": 0.2}, None, 1),
        ({"谢谢": 0.3, "重开": 0.2}, None, 2),
        ({"别的": 0.3}, None, 0),
        ({"重开": 0.2}, 2, 1),  # the chat has changed since it was indexed
    ],
)
def test_without_an_opening_the_message_with_the_most_telling_words_is_shown(
    world: World, words: dict[str, float], place: int | None, position: int
) -> None:
    service = world.service
    (stored,) = service.archive.get([3]).values()
    assert isinstance(stored, StoredChat)
    transcript = service.chat_reader.read(stored.raw, {})
    found = AlikeHit(EngineHit(3, 1.0, None), words, place)
    assert similar_chats._message(transcript, found) == position


@pytest.mark.slow
def test_without_meanings_the_words_alone_decide(tmp_path: Path) -> None:
    with DemoServer(
        CHATS, agents(), email=DEMO_EMAIL, password="secret", api_token=DEMO_API_TOKEN
    ) as kchat:
        world = World(kchat, tmp_path, meaning=False)
        world.sync()
        found = world.service.searcher.index.alike(Alike(4, ("发票", "抬头", "重开"), 5))
        assert {one.hit.id: one.place for one in found} == {3: None, 5: None}
        assert {hit.chat.id for hit in world.service.similar(4).hits} >= {3, 5}
        world.service.close()
