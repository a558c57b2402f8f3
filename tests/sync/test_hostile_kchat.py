"""A Kchat that lies, repeats itself or fails in places. Every sync ends, says what was wrong, and
loses nothing."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from kchat_search.errors import KchatBadAnswer, KchatBusy
from tests.world import World, chat

pytestmark = pytest.mark.slow

LIST = "/apiv2/chats.json"


def is_list(target: str) -> bool:
    return LIST in target


def test_pages_that_begin_anew_end_the_walk(make_world: Callable[..., World]) -> None:
    world = make_world(requests_in_flight=1)
    pages = [world.kchat.chats()[i : i + 5] for i in (0, 5, 10)]
    asked = 0

    def whirl(_: dict[str, Any]) -> dict[str, Any]:
        nonlocal asked
        asked += 1
        return {"chats": pages[(asked - 1) % 3]}

    world.kchat.fail_next(edit=whirl, times=500, match=is_list)
    report = world.sync()
    assert not report.complete
    assert world.archived().keys() == {sent["id"] for page in pages for sent in page}
    world.check_index()


def test_pages_of_nothing_but_rejects_end_the_walk(world: World) -> None:
    world.kchat.fail_next(edit=lambda _: {"chats": [{"id": None}]}, times=500, match=is_list)
    assert not world.sync().complete
    assert world.service.status().counts.rejected == 1
    world.kchat.clear_faults()
    world.later(minutes=1).sync()
    world.check_whole()


def test_a_null_next_page_is_not_believed_while_more_are_counted(
    make_world: Callable[..., World],
) -> None:
    world = make_world(per_page=100)  # the server gives ten at most
    world.kchat.fail_next(
        edit=lambda answer: {**answer, "next_page": None}, times=500, match=is_list
    )
    assert world.sync().complete
    world.check_whole()


def test_chats_do_not_wait_for_the_agents_names(world: World) -> None:
    world.kchat.fail_next(500, times=500, match=lambda target: "users.json" in target)
    assert world.sync().complete
    world.check_whole()


def open_chats(world: World) -> None:
    for chat_id in range(101, 126):
        world.kchat.put(chat(chat_id, status="open", end_at=None))
    world.sync()


def hide_old_chats(world: World) -> None:
    """From now on the list shows only new chats. The others must be fetched one by one."""

    def only_new(_: dict[str, Any]) -> dict[str, Any]:
        new = [sent for sent in world.kchat.chats() if sent["id"] > 125]
        return {"chats": new, "next_page": None}

    world.kchat.fail_next(edit=only_new, times=500, match=is_list)


@pytest.mark.parametrize("body", [None, b"<html>", b'{"chat": {"id": 999999}}'])
def test_a_chat_that_always_fails_stops_no_other(world: World, body: bytes | None) -> None:
    open_chats(world)
    status = 500 if body is None else 200
    world.kchat.fail_next(status, body=body, times=500, match=lambda t: "/chats/103.json" in t)
    hide_old_chats(world)
    world.kchat.put(chat(104, "改过的", status="open", end_at=None))
    world.kchat.put(chat(126, "新来的"))
    report = world.later(minutes=1).sync()
    assert (report.new, report.changed, report.rejected) == (1, 1, 1)
    assert world.found("新来的") == {126}
    assert world.found("改过的") == {104}
    assert world.found("id:103") == {103}
    assert not world.service.status().coverage.complete
    world.kchat.clear_faults()
    world.later(minutes=1).sync()
    assert world.service.status().coverage.complete
    world.check_whole()


def test_where_every_chat_fails_what_came_before_can_be_searched(world: World) -> None:
    open_chats(world)
    world.kchat.fail_next(503, times=500, match=lambda target: "/chats/1" in target)
    hide_old_chats(world)
    world.kchat.put(chat(126, "新来的"))
    with pytest.raises(KchatBusy):
        world.later(minutes=1).sync()
    assert world.found("新来的") == {126}


def test_a_page_that_always_fails_hides_no_page_before_it(world: World) -> None:
    def is_third(target: str) -> bool:
        return is_list(target) and parse_qs(urlsplit(target).query).get("page") == ["3"]

    world.kchat.fail_next(500, times=500, match=is_third)
    with pytest.raises(KchatBusy):
        world.sync()
    assert len(world.found()) == 20
    world.check_index()


def broken_page(world: World, number: int, *, chats: str = "nothing") -> None:
    """From now on this page of the plain list fails, and so do single chats whose path begins with
    `chats`."""

    def is_it(target: str) -> bool:
        asked = parse_qs(urlsplit(target).query)
        return is_list(target) and asked.get("page") == [str(number)] and "start" not in asked

    world.kchat.fail_next(500, times=5_000, match=is_it)
    world.kchat.fail_next(500, times=5_000, match=lambda target: f"/chats/{chats}" in target)


def test_in_place_of_a_page_that_always_fails_its_chats_come_one_by_one(world: World) -> None:
    broken_page(world, 2)
    assert world.sync().complete
    world.check_whole()
    assert world.service.status().coverage.complete


def test_the_chat_that_breaks_a_page_hides_no_other(world: World) -> None:
    broken_page(world, 2, chats="115.json")
    world.sync()
    assert world.archived().keys() == set(range(101, 126)) - {115}
    (reject,) = world.service.rejects()
    assert reject.reject.chat_id == 115
    assert not world.service.status().coverage.complete
    world.check_index()
    world.kchat.clear_faults()
    world.later(minutes=1).sync()
    world.check_whole()
    assert world.service.status().coverage.complete


def test_where_neither_a_page_nor_its_chats_can_be_had_the_rest_goes_on(world: World) -> None:
    broken_page(world, 2, chats="1")
    report = world.sync()
    assert not report.complete
    assert "could not be fetched" in report.notes[0]
    assert world.archived().keys() == {*range(101, 111), *range(121, 126)}
    world.kchat.put(chat(126, "新来的 保修", created_at="2016-03-20 11:00:00"))
    assert world.later(minutes=1).sync().kind == "tick"
    assert world.found("保修") == {126}
    assert not world.service.status().coverage.complete
    world.kchat.clear_faults()
    world.later(days=1).sync(reconcile=True)
    world.check_whole()
    world.later(days=1).sync(reconcile=True)  # the sync before still found what had been missed
    assert world.service.status().coverage.complete


def test_a_broken_page_makes_nobody_vanish(world: World) -> None:
    world.sync()
    world.kchat.delete(114)
    broken_page(world, 2, chats="1")
    with pytest.raises(KchatBusy):  # no single chat can be had
        world.later(days=1).sync(reconcile=True)
    assert world.found("is:gone") == set()
    world.kchat.clear_faults()
    world.later(days=1).sync(reconcile=True)
    assert world.found("is:gone") == {114}


def test_a_chat_that_vanished_before_it_was_fetched_keeps_what_was_said(world: World) -> None:
    world.kchat.put(chat(130, "押金什么时候退"))
    world.sync()

    def bare(answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "chats": [{**sent, "messages": None} for sent in answer["chats"]]}

    world.kchat.fail_next(edit=bare, times=500, match=is_list)
    world.kchat.fail_next(404, times=500, match=lambda target: "/chats/130.json" in target)
    world.later(minutes=1).sync(reconcile=True)
    assert world.found("押金什么时候退") == {130}


def test_a_reconcile_that_proves_nothing_waits_for_its_time(world: World) -> None:
    world.sync()
    world.kchat.fail_next(edit=lambda answer: {**answer, "count": 5000}, times=5000, match=is_list)
    with world.service.indexing("test"):
        kinds = [world.later(hours=1).service.tick().kind for _ in range(26)]
    assert kinds.count("reconcile") == 1


def test_a_clock_that_was_ahead_stops_no_reconcile(world: World) -> None:
    world.later(days=365).sync()
    with world.later(days=-365).service.indexing("test"):
        assert world.service.tick().kind == "reconcile"


def test_a_list_that_always_fails_does_not_hide_what_comes_another_way(world: World) -> None:
    world.kchat.put(chat(110, "开着", status="open", end_at=None))
    world.sync()
    world.kchat.fail_next(500, times=5_000, match=lambda t: is_list(t) and "start=" in t)
    world.kchat.put(chat(110, "开着", "还开着 发货", status="open", end_at=None))
    world.kchat.put(chat(126, "新来的 保修", created_at="2016-03-20 11:00:00"))
    with pytest.raises(KchatBusy):
        world.later(minutes=1).sync()
    assert world.found("保修") == {126}
    assert world.found("发货") == {110}
    assert "500" in (world.service.reports(1)[0].error or "")
    world.check_whole()


def test_where_the_end_of_the_list_cant_be_read_nobody_vanishes(world: World) -> None:
    world.kchat.put(chat(110, "开着", status="open", end_at=None))
    world.sync()
    world.kchat.fail_next(500, times=5_000, match=lambda t: is_list(t) and "start=" not in t)
    world.kchat.fail_next(404, times=5_000, match=lambda t: "/chats/" in t)
    with pytest.raises(KchatBusy):
        world.later(minutes=1).sync()
    assert world.found("is:gone") == set()


def test_a_reconcile_that_fails_is_not_repeated_each_minute(world: World) -> None:
    world.sync()
    world.kchat.fail_next(500, times=5_000, match=lambda t: is_list(t) and "start=2016-02" in t)
    kinds = []
    for hours in (25, 0.1, 0.1, 1):
        with world.later(hours=hours).service.indexing("test"):
            try:
                world.service.tick()
            except KchatBusy:
                kinds.append(world.service.reports(1)[0].kind)
            else:
                kinds.append("tick")
    assert kinds == ["reconcile", "tick", "tick", "reconcile"]


def test_a_reject_keeps_its_raw_form_though_nothing_more_can_be_had(world: World) -> None:
    spoil = {"messages": "none"}

    def spoilt(answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "chats": [c | spoil if c["id"] == 105 else c for c in answer["chats"]]}

    world.kchat.fail_next(edit=spoilt, times=500, match=is_list)
    world.kchat.fail_next(500, times=500, match=lambda t: "/chats/105.json" in t)
    world.sync()
    hide_old_chats(world)
    world.later(minutes=1).sync()
    (kept,) = world.service.archive.rejects()
    assert '"messages":"none"' in kept.reject.raw
    assert "500" in kept.reject.reason


def monster(chat_id: int) -> dict[str, Any]:
    """A chat with more lists than an answer may have."""
    return chat(chat_id, "怪物") | {"x": [[]] * 260_000}


@pytest.mark.parametrize("chat_id", [101, 108, 125, 126])
@pytest.mark.parametrize("per_page", [1, 7, 10, 100])
def test_a_chat_that_is_too_large_costs_only_itself(
    make_world: Callable[..., World], chat_id: int, per_page: int
) -> None:
    """Wherever it is: on the first page, the last one, or the only one."""
    world = make_world(per_page=per_page)  # the server gives ten at most
    before = world.kchat.chats()
    world.kchat.put(monster(chat_id))
    world.sync()
    assert world.archived().keys() == {sent["id"] for sent in before} - {chat_id}
    (reject,) = world.service.rejects()
    assert reject.reject.chat_id == chat_id
    assert "250,000 objects and lists" in reject.reject.reason
    assert not world.service.status().coverage.complete
    world.check_index()
    world.kchat.put(chat(127, "新来的"))
    world.later(minutes=1).sync()
    assert world.found("新来的") == {127}
    world.kchat.put(chat(chat_id, "怪物"))
    world.later(days=1).sync(reconcile=True)
    world.check_whole()
    assert world.service.status().coverage.complete


def test_pages_of_nothing_but_bombs_end_the_sync(world: World) -> None:
    bomb = gzip.compress(b'{"chats": [' + b"[]," * 1_000_000 + b"[]]}")
    world.kchat.fail_next(body=bomb, headers={"Content-Encoding": "gzip"}, times=50_000)
    with pytest.raises(KchatBadAnswer, match="KCHAT_PER_PAGE"):
        world.sync()
    assert len(world.kchat.requests) < 200
    world.kchat.clear_faults()
    world.later(minutes=1).sync()
    world.check_whole()
