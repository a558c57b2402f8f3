"""A Kchat where one thing never works. It must not hold up a tick, a sweep or any other chat."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kchat_search.errors import ArchiveFull, IndexUnwritable, KchatError
from kchat_search.sync import decide
from tests.world import World, chat

pytestmark = pytest.mark.slow

LIST = "/apiv2/chats.json"
MANY = 50_000
MakeWorld = Callable[..., World]
FAULTS: list[dict[str, Any]] = [{"status": 500}, {"reset": True}, {"status": 404}, {"status": 403}]


def is_list(target: str) -> bool:
    return LIST in target


def of_chats(*ids: int) -> Callable[[str], bool]:
    return lambda target: any(f"/chats/{chat_id}.json" in target for chat_id in ids)


def tick(world: World, **later: float) -> str | None:
    """A tick some time later: its kind, or None if it failed in the end."""
    with world.later(**later).service.indexing("test"):
        try:
            return world.service.tick().kind
        except KchatError:
            return None


def sync(world: World, **later: float) -> None:
    """A sync some time later, which may fail in the end."""
    try:
        world.later(**later).sync()
    except KchatError:
        return


def still_open(chat_id: int, *said: str) -> dict[str, Any]:
    """A chat that began three weeks ago and still goes on."""
    return chat(chat_id, *said, status="open", end_at=None, created_at="2016-03-01 10:00:00")


def swept(world: World) -> bool:
    return bool((world.service.archive.cursor("sweep") or {}).get("done"))


def make_old(world: World) -> None:
    """Make all chats but the last years old."""
    for sent in world.kchat.chats()[:-1]:
        day = "2011-03-01 10:00:00"
        world.kchat.put(sent | {"created_at": day, "assigned_at": day, "end_at": day})


@pytest.mark.parametrize("fault", [{"status": 500}, {"reset": True}, {"status": 401}])
def test_without_the_agents_names_everything_else_comes(
    world: World, fault: dict[str, Any]
) -> None:
    world.kchat.fail_next(**fault, times=MANY, match=lambda t: "users.json" in t)
    assert world.sync().complete
    world.check_whole()


@pytest.mark.parametrize("fault", FAULTS)
def test_without_the_list_by_date_everything_else_goes_on(
    world: World, fault: dict[str, Any]
) -> None:
    world.kchat.put(still_open(110, "开着"))
    world.sync()
    world.kchat.fail_next(**fault, times=MANY, match=lambda t: is_list(t) and "start=" in t)
    world.kchat.put(still_open(110, "开着", "保修"))
    world.kchat.put(chat(130, "保修"))
    tick(world, minutes=1)
    assert world.found("保修") == {110, 130}
    tick(world, days=1)
    assert swept(world)
    world.check_whole()


@pytest.mark.parametrize("fault", [{"status": 500}, {"reset": True}])
@pytest.mark.parametrize("pages", [("2",), ("2", "3")])
def test_pages_that_always_fail_hide_none_behind_them(
    make_world: MakeWorld, fault: dict[str, Any], pages: tuple[str, ...]
) -> None:
    world = make_world(per_page=5)
    asked = tuple(f"?page={page}&" for page in pages)
    world.kchat.fail_next(**fault, times=MANY, match=lambda t: any(a in t for a in asked))
    sync(world)
    world.check_whole()  # the chats of the failing pages came one by one


def test_a_server_that_refuses_pages_beyond_the_last_is_read_to_its_end(world: World) -> None:
    world.kchat.omit = frozenset({"count", "next_page"})
    beyond = ("?page=4&", "?page=5&", "?page=6&", "?page=7&")
    world.kchat.fail_next(400, times=MANY, match=lambda t: any(page in t for page in beyond))
    assert world.sync().complete
    world.check_whole()


def test_chats_that_fail_by_themselves_hold_up_no_list_without_messages(world: World) -> None:
    world.kchat.switch_on("without_messages")
    world.kchat.fail_next(500, times=MANY, match=of_chats(103, 104, 105, 106))
    sync(world)
    assert world.archived().keys() == set(range(101, 126)) - {103, 104, 105, 106}
    world.kchat.clear_faults()
    sync(world, days=1)
    world.check_whole()


def test_a_list_that_shows_no_messages_takes_none_away(world: World) -> None:
    world.sync()
    world.kchat.fail_next(
        edit=lambda a: {**a, "chats": [sent | {"messages": []} for sent in a["chats"]]},
        times=MANY,
        match=is_list,
    )
    world.later(days=1).sync(reconcile=True)
    world.check_whole()


@pytest.mark.parametrize("status", [500, 403])
def test_deleted_chats_that_fail_in_place_of_not_being_found_stop_no_sweep(
    make_world: MakeWorld, status: int
) -> None:
    world = make_world(recheck_days=0)
    make_old(world)
    world.sync()
    for chat_id in (103, 104, 105, 106, 110):
        world.kchat.delete(chat_id)
    world.kchat.fail_next(status, times=MANY, match=of_chats(103, 104, 105, 106))
    tick(world, days=1)
    tick(world, minutes=1)
    assert swept(world)
    assert world.found("is:gone") == {110}


@pytest.mark.parametrize("settings", [{"reconcile_pages_per_tick": 1}, {"recheck_per_tick": 0}])
def test_the_smallest_settings_end_a_sweep(make_world: MakeWorld, settings: dict[str, int]) -> None:
    world = make_world(per_page=5, recheck_days=0, **settings)
    make_old(world)
    world.sync()
    world.kchat.put(world.kchat.chats()[12] | {"rating": 1})
    tick(world, days=1)
    for _ in range(40):
        tick(world, minutes=1)
    assert swept(world)
    world.check_whole()


def test_a_list_that_begins_anew_ends_the_sweep(make_world: MakeWorld) -> None:
    world = make_world(per_page=5, recheck_days=0, reconcile_pages_per_tick=2, requests_in_flight=1)
    make_old(world)
    world.sync()

    def whirl(answer: dict[str, Any]) -> dict[str, Any]:
        return answer if answer["chats"] else {"chats": world.kchat.chats()[:5]}

    world.kchat.omit = frozenset({"count", "next_page"})
    world.kchat.fail_next(edit=whirl, times=MANY, match=is_list)
    tick(world, days=1)
    for _ in range(12):
        tick(world, minutes=1)
    assert swept(world)
    assert world.found("is:gone") == set()


# -- nobody vanishes who is there --------------------------------------------------------------


@pytest.mark.parametrize("other", ["deletes_between_pages", "without_messages", "without_paging"])
def test_without_single_chats_nobody_vanishes_who_is_listed(
    make_world: MakeWorld, other: str
) -> None:
    world = make_world(per_page=5)
    world.sync()
    world.kchat.switch_on("no_single_chats")
    world.kchat.switch_on(other)
    world.kchat.fail_next(
        500, times=MANY, match=lambda t: other == "without_paging" and "?page=2&" in t
    )
    try:
        world.later(days=1).sync(reconcile=True)
    except KchatError:
        assert other == "without_paging"
    there = {sent["id"] for sent in world.kchat.chats()}
    assert not world.found("is:gone") & there


def test_a_chat_that_comes_back_without_its_messages_is_there_again(world: World) -> None:
    world.sync()
    before = next(sent for sent in world.kchat.chats() if sent["id"] == 110)
    world.kchat.delete(110)
    world.later(days=1).sync(reconcile=True)
    assert world.found("is:gone") == {110}
    world.kchat.put(before)
    world.kchat.switch_on("without_messages")
    world.kchat.switch_on("no_single_chats")
    world.later(days=1).sync(reconcile=True)
    assert world.found("is:gone") == set()
    world.check_index()


def test_a_page_that_no_chat_came_of_proves_nothing(make_world: MakeWorld) -> None:
    world = make_world(per_page=5)
    world.kchat.switch_on("no_single_chats")
    world.kchat.switch_on("without_paging")
    world.kchat.fail_next(500, times=MANY, match=lambda t: "?page=2&" in t)
    assert not world.sync().complete


def test_what_a_clock_that_was_ahead_saw_is_looked_at_again(world: World) -> None:
    world.later(days=365).sync()
    world.kchat.delete(103)
    world.later(days=-365).sync(reconcile=True)
    assert world.found("is:gone") == {103}


# -- every chat has its turn -----------------------------------------------------------------------


def test_chats_that_cant_be_understood_take_no_turn_from_the_others(make_world: MakeWorld) -> None:
    world = make_world(recheck_per_tick=4)
    for chat_id in range(201, 241):
        world.kchat.put(still_open(chat_id, "开着"))
    for chat_id in range(301, 312):  # so that the others are not at the end of the list
        world.kchat.put(chat(chat_id, created_at="2016-03-20 10:00:00"))
    world.sync()

    def spoil(answer: dict[str, Any]) -> dict[str, Any]:
        single = answer.get("chat", {"id": 0})
        return {"chat": single | {"messages": 7}} if single["id"] in range(201, 235) else answer

    world.kchat.fail_next(edit=spoil, times=MANY, match=lambda t: "/chats/" in t)
    for _ in range(12):
        tick(world, minutes=1)
    world.kchat.put(still_open(238, "开着", "保修"))
    for _ in range(4):
        tick(world, minutes=1)
    assert world.found("保修") == {238}


def test_the_list_by_date_does_not_grow_while_other_steps_fail(world: World) -> None:
    for chat_id in range(201, 205):
        world.kchat.put(still_open(chat_id))
    for chat_id in range(301, 312):
        world.kchat.put(chat(chat_id, created_at="2016-03-20 10:00:00"))
    world.sync()
    world.kchat.fail_next(500, times=MANY, match=lambda t: "/chats/20" in t)
    for _ in range(8):
        tick(world, minutes=1)
    assert world.service.archive.cursor("tick") == {"at": world.now.isoformat()}


def test_an_outage_makes_no_rejects(world: World) -> None:
    for chat_id in range(101, 126):
        world.kchat.put(still_open(chat_id, "开着"))
    world.sync()
    world.kchat.fail_next(503, times=MANY)
    for _ in range(5):
        assert tick(world, minutes=1) is None
    assert world.service.archive.counts().rejected == 0


def test_a_list_that_leaves_fields_out_makes_no_versions(world: World) -> None:
    world.kchat.put(still_open(125, "开着"))

    def shorter(answer: dict[str, Any]) -> dict[str, Any]:
        chats = [{k: v for k, v in c.items() if k != "started_by"} for c in answer["chats"]]
        return {**answer, "chats": chats}

    world.kchat.fail_next(edit=shorter, times=MANY, match=is_list)
    world.sync()
    for number in range(6):
        world.kchat.fail_next(503, times=number % 2, match=is_list)
        tick(world, minutes=1)
    world.kchat.put(still_open(125, "开着", "说了别的"))
    tick(world, minutes=1)
    assert len(world.service.versions(125)) <= 3
    assert world.found("说了别的") == {125}


# -- the archive and the index fail ----------------------------------------------------------------


def test_a_backfill_that_was_killed_before_it_said_so_has_its_reconciles(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = type(world.service.archive).set_cursor

    def full(archive: Any, name: str, value: Any, **now: Any) -> None:
        if name == "tick":
            raise ArchiveFull("no room left")
        keep(archive, name, value, **now)

    with monkeypatch.context() as patched:
        patched.setattr(type(world.service.archive), "set_cursor", full)
        with pytest.raises(ArchiveFull):
            world.sync()
    assert tick(world, days=1) == "reconcile"


def test_an_index_without_room_keeps_no_chat_from_the_archive(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sync()
    (world.settings.index_dir / "CURRENT").unlink()  # so the index must be built

    def full(*_: Any, **__: Any) -> int:
        raise IndexUnwritable("no room left")

    world.kchat.put(chat(126, "新来的", created_at="2016-03-20 11:00:00"))
    with monkeypatch.context() as patched:
        patched.setattr(type(world.service.engine), "rebuild", full)
        with world.later(minutes=1).service.indexing("test"), pytest.raises(IndexUnwritable):
            world.service.tick()
    assert 126 in world.archived()
    tick(world, minutes=1)
    world.check_whole()


def test_a_fetch_goes_on_where_the_index_takes_no_more_chats(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again at the end of the sync, which says so, and by the next one."""
    tried: list[object] = []

    def full(_: object, documents: object, *__: object) -> None:
        tried.append(documents)
        raise IndexUnwritable("no room left")

    with monkeypatch.context() as patched:
        patched.setattr(decide, "INDEX_FROM", 1)
        patched.setattr(type(world.service.engine), "write", full)
        with pytest.raises(IndexUnwritable):
            world.sync()
    assert len(world.archived()) == 25
    assert len(tried) == 2
    tick(world, minutes=1)
    world.check_whole()
