"""Reconcile: it goes slowly through everything, and finds what vanished, was rejected or failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kchat_search.errors import KchatBusy
from tests.world import World, chat

LIST = "/apiv2/chats.json"
MakeWorld = Callable[..., World]


def is_list(target: str) -> bool:
    return LIST in target


def pages_of(world: World) -> list[str]:
    """The numbers of the pages that were asked for of the plain list (without `start`)."""
    lists = [t for t in world.kchat.requests if is_list(t) and "start=" not in t]
    return [target.split("page=")[1].split("&")[0] for target in lists]


def tick(world: World, **later: float) -> Any:
    with world.later(**later).service.indexing("test"):
        return world.service.tick()


def old_world(make_world: MakeWorld, **settings: object) -> World:
    """A world whose chats are years old, all but the last, so that no list of recent days has
    them."""
    world = make_world(recheck_days=0, **settings)
    for sent in world.kchat.chats()[:-1]:
        day = "2011-03-01 10:00:00"
        world.kchat.put(sent | {"created_at": day, "assigned_at": day, "end_at": day})
    world.sync()
    world.check_whole()
    return world


def test_a_new_chat_is_found_though_start_means_the_end_of_a_chat(world: World) -> None:
    """A chat that is still going on has no end, so such a list does not show it."""

    def ended(answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "chats": [sent for sent in answer["chats"] if sent["end_at"]]}

    world.sync()
    world.kchat.fail_next(edit=ended, times=500, match=lambda t: is_list(t) and "start=" in t)
    world.kchat.put(chat(126, "正在进行的 保修", status="open", end_at=None))
    world.later(minutes=1).sync()
    assert world.found("保修") == {126}
    world.check_whole()


@pytest.mark.slow
@pytest.mark.parametrize("deleted", [1, 4, 5, 6, 13, 24])
def test_new_chats_are_found_though_deletions_move_the_end(
    make_world: MakeWorld, deleted: int
) -> None:
    world = make_world(per_page=3)
    world.sync()
    for chat_id in range(102, 102 + deleted):
        world.kchat.delete(chat_id)
    world.kchat.omit = frozenset({"count", "next_page"})
    for chat_id in (130, 131, 132, 133):
        world.kchat.put(chat(chat_id, "新的 保修", created_at="2011-01-01 10:00:00"))
    world.later(minutes=1).sync()
    assert world.found("保修") == {130, 131, 132, 133}


def test_a_quiet_tick_asks_for_one_page_of_the_plain_list(make_world: MakeWorld) -> None:
    world = make_world(per_page=3)
    world.sync()
    world.later(minutes=1).sync()
    world.kchat.forget_requests()
    world.later(minutes=1).sync()
    assert pages_of(world) == ["9"]


def test_everything_is_listed_again_a_few_pages_a_tick(make_world: MakeWorld) -> None:
    world = old_world(make_world, per_page=5, reconcile_pages_per_tick=2, requests_in_flight=1)
    world.kchat.put(world.kchat.chats()[2] | {"rating": 1})
    world.kchat.put(world.kchat.chats()[12] | {"rating": 1})
    world.kchat.delete(107)
    world.kchat.forget_requests()
    first = tick(world, days=1)
    assert first.kind == "reconcile"
    assert world.found("rating:满意") == {103}
    kinds = []
    while not world.service.archive.cursor("sweep")["done"]:  # type: ignore[index]
        kinds.append(tick(world, minutes=1).kind)
        assert len(kinds) < 10
    assert set(kinds) == {"tick"}
    assert world.found("rating:满意") == {103, 113}
    assert world.found("is:gone") == {107}
    world.kchat.forget_requests()
    tick(world, minutes=1)
    assert len(pages_of(world)) == 1  # nothing goes on until the next day
    world.check_index()


@pytest.mark.slow
def test_a_chat_that_moved_past_the_place_between_two_ticks_does_not_count_as_gone(
    make_world: MakeWorld,
) -> None:
    world = old_world(make_world, per_page=2, reconcile_pages_per_tick=2, requests_in_flight=1)
    tick(world, days=1)
    for chat_id in (101, 102, 103, 104):  # of pages 1 and 2, so 105 to 108 are there now
        world.kchat.delete(chat_id)
    for _ in range(15):
        tick(world, minutes=1)
    assert world.service.archive.cursor("sweep")["done"]  # type: ignore[index]
    assert world.found("is:gone") == set()  # the four had been seen; 105 to 108 came one by one
    for days in (1, *[0] * 15):
        tick(world, days=days, minutes=1)
    assert world.found("is:gone") == {101, 102, 103, 104}
    world.check_index()


def test_a_sweep_that_is_stopped_goes_on_where_it_was(make_world: MakeWorld) -> None:
    world = old_world(make_world, per_page=5, reconcile_pages_per_tick=9, requests_in_flight=1)
    broken = ("page=4&", "page=5&")  # a single one would be passed over
    world.kchat.fail_next(
        500,
        times=99,
        match=lambda t: is_list(t) and "start" not in t and any(p in t for p in broken),
    )
    with pytest.raises(KchatBusy):
        tick(world, days=1)
    world.kchat.clear_faults()
    world.kchat.put(world.kchat.chats()[1] | {"rating": 1})
    world.kchat.forget_requests()
    tick(world, minutes=1)
    assert pages_of(world)[1:4] == ["3", "4", "5"]  # the first request is for the end of the list
    world.check_index()


def test_the_window_finds_what_changed_lately_at_once(make_world: MakeWorld) -> None:
    world = make_world(recheck_days=0, per_page=5, reconcile_pages_per_tick=1)
    world.sync()
    world.kchat.put(chat(123, rating=1))
    world.kchat.delete(124)
    report = tick(world, days=1)
    assert (report.kind, report.changed, report.vanished) == ("reconcile", 1, 1)
    assert world.found("rating:满意") == {123}
    assert world.found("is:gone") == {124}
    assert world.found("-is:gone") == set(world.archived()) - {124}
    assert world.service.chat(124).gone_at == world.now


def test_a_sync_from_a_timetable_reconciles_too(world: World) -> None:
    world.sync()
    assert world.later(hours=23).sync().kind == "tick"
    assert world.later(hours=2).sync().kind == "reconcile"


# -- rejects ---------------------------------------------------------------------------------


def spoilt(world: World, chat_id: int, **fields: object) -> None:
    """From now on this chat comes with these fields, in lists and by itself."""

    def spoil(answer: dict[str, Any]) -> dict[str, Any]:
        if "chat" in answer:
            single = answer["chat"]
            return {"chat": single | fields if single["id"] == chat_id else single}
        chats = [sent | fields if sent["id"] == chat_id else sent for sent in answer["chats"]]
        return {**answer, "chats": chats}

    world.kchat.fail_next(edit=spoil, times=5_000, match=lambda t: "/chats" in t)


@pytest.mark.parametrize("fields", [{"id": None}, {"messages": "none"}])
def test_a_reject_that_kchat_shows_no_more_is_marked_and_counts_no_longer(
    world: World, fields: dict[str, object]
) -> None:
    spoilt(world, 105, **fields)
    world.sync()
    assert world.service.status().counts.rejected == 1
    world.kchat.delete(105)
    world.kchat.clear_faults()
    world.later(days=1).sync(reconcile=True)
    (kept,) = world.service.rejects()
    assert kept.gone_at == world.now
    assert world.service.status().counts.rejected == 0
    assert world.service.status().coverage.complete


def test_a_reject_that_a_newer_program_understands_becomes_a_chat(world: World) -> None:
    spoilt(world, 105, created_at="yesterday")
    world.sync()
    world.kchat.delete(105)  # so only its raw form is left
    (kept,) = world.service.archive.every_reject()
    mended = type(kept)(kept.key, 105, kept.raw.replace("yesterday", "2016-03-06 10:00:00"), "")
    world.service.archive.save([], [mended], now=world.now)
    world.kchat.clear_faults()
    world.later(days=1).sync(reconcile=True)
    assert world.service.rejects() == ()
    assert 105 in world.found()
    world.check_index()


@pytest.mark.slow
def test_of_many_rejects_each_has_its_turn(make_world: MakeWorld) -> None:
    world = make_world(per_page=100)
    world.kchat.max_per_page = 100
    for chat_id in range(201, 261):
        world.kchat.put(chat(chat_id))
    world.kchat.fail_next(
        edit=lambda a: {**a, "chats": [c | {"messages": 7} for c in a["chats"]]},
        match=is_list,
        times=2,
    )
    world.kchat.fail_next(500, times=5_000, match=lambda t: "/chats/" in t)
    world.sync()
    assert world.service.status().counts.rejected == 85
    world.kchat.clear_faults()
    world.kchat.fail_next(edit=lambda _: {"chats": []}, match=is_list, times=5_000)
    for _ in range(5):
        world.later(minutes=1).sync()
    assert world.service.status().counts.rejected == 0
    assert len(world.archived()) == 85


# -- reports ---------------------------------------------------------------------------------


def test_a_sync_that_fails_leaves_a_report_that_says_why(world: World) -> None:
    world.kchat.fail_next(503, match=lambda t: is_list(t) and "page=3" in t)
    with pytest.raises(KchatBusy):
        world.sync()
    (report,) = world.service.reports()
    assert (report.kind, report.new, report.complete) == ("backfill", 20, False)
    assert "503" in (report.error or "")
    world.sync()
    newest, failed = world.service.reports()
    assert failed == report
    assert (newest.error, newest.complete) == (None, True)
