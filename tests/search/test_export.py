"""An export has exactly the hits, each once, in one order, whatever happens in the meantime."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete

from kchat_search.archive import tables
from kchat_search.archive.store import SqlArchive
from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL, DEMO_PASSWORD
from kchat_search.demo.server import DemoServer
from kchat_search.errors import ArchiveError, BadRequest, LimitExceeded
from kchat_search.models.chats import StoredChat
from kchat_search.models.damage import DamagedRow
from kchat_search.models.search import ChatView, SearchRequest
from kchat_search.search.export_walk import BATCH, AbsentChat, ChatWithPast, Exported, walk
from tests.contracts.archive.chats import all_stored
from tests.world import World, agents, chat
from tests.world import asked as search_for

WORDS = ["", "退款", "订单号", "退款 订单号", '"手机尾号5678"', "from:agent 您", "-发票"]
WORDS += ["has:upload", "退款 OR 版本", "date:2016-03", "agent:李雷", "rating:none"]
WORDS += ["不存在的词", "谢谢 user109"]


def _varied(number: int) -> dict[str, Any]:
    """A chat. Of many such chats, each filter lets some through and stops others."""
    upload = {"id": 9, "name": "发票.pdf", "url": "https://f.example/9", "token": "s3cret"}
    made = chat(
        number,
        rating=[None, 0, 1, "满意", 3][number % 5],
        status=["close", "open"][number % 2],
        started_by=["visitor", "agent"][number % 3 == 0],
        user_id=[None, 45, 46][number % 3],
        type=["chat", "ticket"][number % 4 == 0],
        agent_id=[None, 2192, 2193][number % 3],
    )
    if number % 6 == 0:
        made["created_at"] = None  # a chat without a time is in no range, and before the oldest
    if number % 4 == 0:
        made["messages"][0] |= {"type": "chat.upload", "upload": upload, "upload_id": 9}
    return made


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One program over 260 chats, for all tests here that only search."""
    server = DemoServer(
        [_varied(number) for number in range(101, 361)],
        agents(),
        email=DEMO_EMAIL,
        password=DEMO_PASSWORD,
        api_token=DEMO_API_TOKEN,
    )
    with server:
        world = World(server, tmp_path_factory.mktemp("export"), per_page=100)
        world.sync()
        yield world
        world.service.close()


def exported(world: World, **request: Any) -> list[int]:
    found = world.service.export(search_for(**({"sort": "oldest"} | request)))
    ids = [_id(each) for each in found.chats]
    assert found.total == len(ids)
    return ids


def _id(each: Exported) -> int:
    assert not isinstance(each, DamagedRow | ChatWithPast)
    return each.id if isinstance(each, AbsentChat) else each.chat.id


def walked(world: World, request: SearchRequest) -> tuple[list[int], int]:
    """(the same hits by the search itself, page after page, how many it counts)."""
    ids: list[int] = []
    total = 0
    cursor: str | None = None
    while True:
        asked = dataclasses.replace(request, cursor=cursor, per_page=40, snippets=0)
        page = world.service.search(asked)
        ids += [hit.chat.id for hit in page.hits]
        total, cursor = page.total, page.cursor
        if cursor is None:
            return ids, total


def _chosen(draw: random.Random) -> dict[str, Any]:
    """A random search."""

    def some(*values: Any) -> Any:
        return draw.choice(values) if draw.random() < 0.25 else None

    def few(*values: str) -> tuple[str, ...]:
        return tuple(draw.sample(values, 2)) if draw.random() < 0.25 else ()

    return {
        "q": draw.choice(WORDS),
        "agent_id": few("2192", "2193", "none"),
        "visitor_id": some("1", "2", "none"),
        "user_id": some("45", "46", "none"),
        "status": few("close", "open", "queue"),
        "rating": few("1", "不满意", "3", "none"),
        "started_by": some("visitor", "agent"),
        "type": some("chat", "ticket"),
        "has_upload": some(True, False),
        "start": some("2016-03-05", "2016-03-10T10:00:00+08:00"),
        "end": some("2016-03-15", "2016-03-18T00:00:00Z"),
        "sort": draw.choice(["oldest", "newest"]),
    }


@pytest.mark.slow
def test_an_export_is_what_the_search_counts_and_in_its_order(filled: World) -> None:
    draw = random.Random(20160301)
    sizes = set()
    for chosen in [{"sort": "newest"}, *(_chosen(draw) for _ in range(150))]:
        ids, total = walked(filled, search_for(**chosen))
        assert exported(filled, **chosen) == ids, chosen
        assert total == len(ids) == len(set(ids))
        assert set(ids) == filled.found(**chosen)
        sizes.add(total)
    assert {0, 260} < sizes
    assert len(sizes) > 30, "the searches were too much alike to say anything"


def test_pages_and_cursors_are_of_no_account(filled: World) -> None:
    everything = exported(filled)
    assert len(everything) == 260 > BATCH * 2
    assert exported(filled, page=2, per_page=3, facets=(), snippets=0, cursor="x") == everything


def test_the_order_is_by_time_then_id_and_there_is_no_other(filled: World) -> None:
    def place(stored: StoredChat) -> tuple[datetime, int]:
        created = filled.service.chat_reader.parse(stored.raw).created_at
        return created or datetime.min.replace(tzinfo=UTC), stored.id

    stored = sorted(all_stored(filled.service.archive), key=place)
    assert exported(filled) == [each.id for each in stored]
    assert exported(filled, sort="newest") == [each.id for each in stored][::-1]
    with pytest.raises(BadRequest) as refused:
        filled.service.export(SearchRequest(sort="relevance"))
    assert refused.value.parameter == "sort"


def test_what_can_not_be_asked_is_refused_before_the_walk(filled: World) -> None:
    with pytest.raises(LimitExceeded, match="1,000"):
        exported(filled, q="退" * 1001)
    with pytest.raises(BadRequest, match="start"):
        exported(filled, start="yesterday")


def test_a_chat_is_whole_and_without_tokens(filled: World) -> None:
    found = filled.service.export(SearchRequest(q="id:104", sort="oldest"))
    (view,) = found.chats
    assert isinstance(view, ChatView)
    asked = filled.service.chat(104)
    assert view == dataclasses.replace(asked, others=(), others_total=0)
    assert "s3cret" not in str(view)
    assert found.coverage == filled.service.searcher.coverage()


def test_what_changes_meanwhile_is_neither_lost_nor_doubled(world: World) -> None:
    world.sync()
    found = world.service.export(SearchRequest(q="", sort="oldest"))
    world.kchat.put(chat(200, "新来的", created_at="2016-03-01 00:00:01"))  # before all others
    world.kchat.put(chat(201, "新来的", created_at="2016-03-19 11:00:00"))  # after most
    moved = chat(110, "改过的", created_at="2016-03-20 11:00:00")
    world.kchat.put(moved)  # its position would be another now
    world.kchat.delete(111)
    world.later(hours=1).sync(reconcile=True)
    assert world.found() > set(range(101, 126))
    views = {view.chat.id: view for view in found.chats if isinstance(view, ChatView)}
    assert sorted(views) == list(range(101, 126))
    assert found.total == 25
    assert views[110].version == 2, "each is as it is when its turn comes"
    assert views[111].gone_at is not None, "vanished at Kchat, but it is evidence"


def test_a_chat_that_was_erased_meanwhile_is_told_to_be_absent(world: World) -> None:
    world.sync()
    found = world.service.export(SearchRequest(q="", sort="newest"))
    archive = world.service.archive
    assert isinstance(archive, SqlArchive)
    with archive._writing() as connection:
        connection.execute(delete(tables.chats).where(tables.chats.c.id == 110))
    walked = list(found.chats)
    assert [_id(each) for each in walked if isinstance(each, AbsentChat)] == [110]
    assert len(walked) == found.total == 25


class _Counting:
    """An archive that has every chat, and notes what it was asked for."""

    def __init__(self, note: Callable[[int], None]) -> None:
        self.note = note

    def get(self, chat_ids: Collection[int]) -> dict[int, StoredChat]:
        self.note(len(chat_ids))
        at = datetime(2016, 3, 1, tzinfo=UTC)
        return {i: StoredChat(i, "{}", "", 1, at, at, at, None) for i in chat_ids}


def test_only_a_batch_is_read_ahead() -> None:
    asked: list[int] = []
    chats = walk(
        _Counting(asked.append),  # type: ignore[arg-type]  # a walk needs no more of an archive
        range(1, 10 * BATCH + 2),
        lambda stored: stored.id,  # type: ignore[arg-type, return-value]
    )
    assert asked == [], "nothing is read before somebody walks"
    for _ in range(BATCH):
        next(chats)
    assert asked == [BATCH]
    next(chats)
    assert asked == [BATCH, BATCH]
    assert sum(1 for _ in chats) == 9 * BATCH
    assert asked == [BATCH] * 10 + [1]


def test_an_archive_that_fails_ends_the_walk_with_its_error() -> None:
    asked: list[int] = []

    def fail_at_the_second(count: int) -> None:
        asked.append(count)
        if len(asked) == 2:
            raise ArchiveError("The archive can't be read.")

    chats = walk(
        _Counting(fail_at_the_second),  # type: ignore[arg-type]
        range(1, 3 * BATCH),
        lambda stored: stored.id,  # type: ignore[arg-type, return-value]
    )
    done: list[object] = []
    with pytest.raises(ArchiveError):
        done.extend(chats)
    assert done == list(range(1, BATCH + 1)), "an end that came too soon is no end"
