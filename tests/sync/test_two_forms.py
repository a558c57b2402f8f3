"""A chat that Kchat shows in two forms, or with two contents, gains no version at each tick."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL, DEMO_PASSWORD
from kchat_search.demo.server import DemoServer
from kchat_search.models.chats import FetchedChat, SaveReport
from kchat_search.sync.alternating import Alternating, rounds
from tests.contracts.archive.chats import fetched
from tests.world import World, agents, chat


@pytest.fixture
def world(tmp_path: Any) -> Iterator[World]:
    """Twelve chats of today, so each tick looks at them."""
    today = {"created_at": "2016-03-20 11:00:00", "end_at": "2016-03-20 11:30:00"}
    with DemoServer(
        [chat(number, **today) for number in range(101, 113)],
        agents(),
        email=DEMO_EMAIL,
        password=DEMO_PASSWORD,
        api_token=DEMO_API_TOKEN,
    ) as server:
        world = World(server, tmp_path, per_page=5)
        yield world
        world.service.close()


def versions(world: World) -> dict[int, int]:
    return {number: len(world.service.versions(number)) for number in sorted(world.archived())}


def test_ten_ticks_of_a_php_server_make_no_version(world: World) -> None:
    """The forms take turns with those of the documentation."""
    world.sync()
    before = versions(world)
    for number in range(10):
        if number % 2:
            world.kchat.switch_off()
        else:
            world.kchat.switch_on("php_forms")
        report = world.later(minutes=1).sync(reconcile=number % 4 > 1)
        assert (report.new, report.changed, report.rejected) == (0, 0, 0)
    assert versions(world) == before == dict.fromkeys(range(101, 113), 1)


def test_ten_ticks_of_a_php_server_from_the_beginning(world: World) -> None:
    world.kchat.switch_on("php_forms")
    world.sync()
    for number in range(10):
        world.later(minutes=1).sync(reconcile=number == 5)
    assert versions(world) == dict.fromkeys(range(101, 113), 1)
    world.check_whole()
    for stored in world.archived().values():
        assert isinstance(stored["messages"], dict)  # the raw JSON is as it was sent
    assert world.found('"手机尾号5678"')


def test_a_change_in_a_php_form_is_a_version(world: World) -> None:
    world.kchat.switch_on("php_forms")
    world.sync()
    for event in ("grows", "is_rated", "is_recalled"):
        world.kchat.happen(event, 105)
        world.later(minutes=1).sync()
    assert versions(world)[105] == 4
    world.check_whole()
    changes = list(world.service.history(105).walk())[1:]
    assert all(change.differences for change in changes)


@pytest.mark.parametrize("reconcile", [False, True])
def test_a_chat_that_is_listed_twice_with_two_contents_has_two_versions_for_ever(
    world: World, reconcile: bool
) -> None:
    world.kchat.switch_on("listed_twice")
    world.sync()
    assert max(versions(world).values()) == 2
    before = versions(world)
    for _ in range(10):
        world.later(minutes=1).sync(reconcile=reconcile)
    assert versions(world) == before
    world.check_whole()  # the last content of a list is believed
    world.kchat.happen("grows", 101)
    world.later(minutes=1).sync(reconcile=reconcile)
    assert versions(world)[101] <= before[101] + 1
    world.check_whole()


def test_when_only_the_other_content_is_left_it_is_the_present_one(world: World) -> None:
    world.kchat.switch_on("listed_twice")
    world.sync()
    twice = [number for number, count in versions(world).items() if count == 2]
    for number in twice:
        sent = next(one for one in world.kchat.chats() if one["id"] == number)
        world.kchat.put({**sent, "messages": sent["messages"][:-1]})
    world.kchat.switch_off()
    report = world.later(minutes=1).sync()
    assert report.changed == len(twice)
    world.check_whole()
    for _ in range(3):
        assert world.later(minutes=1).sync().changed == 0


# -- the memory alone --------------------------------------------------------------------------

A, B, C = (fetched(1, text) for text in "ABC")


class Archive:
    """One chat. It counts its versions."""

    def __init__(self) -> None:
        self.present: FetchedChat | None = None
        self.versions = 0
        self.cursor: dict[str, Any] = {}

    def save(self, item: FetchedChat) -> SaveReport:
        before, self.present = self.present, item
        if before == item:
            return SaveReport(same=1)
        self.versions += 1
        return SaveReport(replaced={} if before is None else {1: before.digest})

    def sync(self, *shown: FetchedChat) -> None:
        alternating = Alternating(self.cursor)
        for item in shown:
            for news in alternating.hold_back([item]):
                alternating.archived([news], self.save(news))
        for alone in alternating.shown_alone():
            alternating.exchanged([alone], self.save(alone))
        self.cursor = alternating.to_json()


@pytest.mark.parametrize(
    ("syncs", "count", "present"),
    [
        ([[A, B]] * 10, 2, B),
        ([[A, B, A, B]] * 10, 2, B),
        ([[A, B, C]] * 10, 3, C),
        ([[A, B]] + [[A]] * 10, 3, A),  # then B is not shown any more
        ([[A, B]] + [[A], [A, B]] * 10, 3, A),  # a list that shows it now and then
        ([[A, B]] + [[B]] * 10, 2, B),
        ([[A, B], [B, C], [A, C], [A, B, C]], 3, C),
        ([[A], [B], [A], [B]], 4, B),  # it changed and changed back: all of it is told
        ([[A, B], [C], [A], [B]], 5, B),
    ],
)
def test_contents_that_take_turns(
    syncs: list[list[FetchedChat]], count: int, present: FetchedChat
) -> None:
    archive = Archive()
    for shown in syncs:
        archive.sync(*shown)
    assert (archive.versions, archive.present) == (count, present)


def test_no_more_is_remembered_than_is_useful() -> None:
    alternating = Alternating()
    many = [fetched(number) for number in range(1, 302)]
    alternating.archived(many, SaveReport())
    for text in "abcdefgh":
        alternating.archived(many, SaveReport(replaced={one.chat.id: text for one in many}))
    assert len(alternating.to_json()) == 200
    for text in "abcdefgh":
        alternating.archived(many, SaveReport(replaced={7: text}))
    found = alternating.to_json()
    assert max(map(len, found.values())) == 4


def test_a_page_with_a_chat_of_several_contents_is_several_saves() -> None:
    other = fetched(2)
    assert rounds([]) == []
    assert rounds([A, other]) == [[A, other]]
    assert rounds([A, A]) == [[A]]
    assert rounds([A, other, B]) == [[A, other], [B]]
    assert rounds([A, B, A]) == [[B], [A]]  # the last is the last
