"""Every way in which a Kchat server can be difficult. At the end the archive equals the server, and
the index equals the archive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL, DEMO_PASSWORD
from kchat_search.demo.conditions import CONDITIONS
from kchat_search.demo.events import EVENTS
from kchat_search.demo.server import DemoServer
from tests.world import BEGIN, World, agents, chat

pytestmark = pytest.mark.slow

Case = tuple[str, dict[str, Any]]

CASES: list[Case] = [
    ("too_many_requests", {"retry_after": "seconds"}),
    ("too_many_requests", {"retry_after": "date", "seconds": 30}),
    ("too_many_requests", {"retry_after": "none", "every": 2}),
    ("server_errors", {"status": 500}),
    ("server_errors", {"status": 503, "retry_after": 7, "every": 3}),
    ("server_errors", {"status": 502, "burst": 4, "every": 9}),
    ("resets", {}),
    ("truncated", {"announced": "half"}),
    ("truncated", {"announced": "whole"}),
    ("html", {}),
    ("slow", {"seconds": 0.02}),
    ("small_pages", {"size": 3}),
    ("without_messages", {}),
    ("without_paging", {}),
    ("null_next_page", {}),
    ("foreign_next_page", {}),
    ("foreign_next_page", {"url": "javascript:alert(1)"}),
    ("repeated_next_page", {}),
    ("wrong_count", {"by": 5}),
    ("wrong_count", {"by": -5}),
    ("last_page_for_ever", {}),
    ("listed_twice", {}),
    ("deletes_between_pages", {"on_page": 2, "times": 3}),
    ("adds_between_pages", {"on_page": 2, "times": 3}),
    ("long_chat", {}),
    ("huge_message", {}),
    ("null_fields", {}),
    ("unknown_fields", {}),
    ("unknown_types", {}),
    ("lone_surrogates", {}),
    ("nul", {}),
    ("text_ids", {}),
    ("php_forms", {}),
    *(("malformed", {"how": how}) for how in CONDITIONS["malformed"].options["how"].choices),
    *(
        ("start_end", {"reads": reads, "inclusive": inclusive, "without_end": without_end})
        for reads in ("created", "ended")
        for inclusive in (True, False)
        for without_end in ("hidden", "shown")
    ),
    ("no_single_chats", {}),
    ("no_agents", {}),
]


@pytest.fixture
def moving(tmp_path: Any) -> Iterator[World]:
    """A world with chats that are still going on. Its server has the same clock."""
    present = [BEGIN]
    server = DemoServer(
        [
            *(chat(i) for i in range(101, 121)),
            *(chat(i, "还没完", status="open", end_at=None) for i in range(121, 126)),
        ],
        agents(),
        email=DEMO_EMAIL,
        password=DEMO_PASSWORD,
        api_token=DEMO_API_TOKEN,
        max_per_page=10,
        clock=lambda: present[0],
    )

    class Moving(World):
        def later(self, **by: float) -> World:
            super().later(**by)
            present[0] = self.now
            return self

    with server:
        world = Moving(server, tmp_path, request_retries=5)
        yield world
        world.service.close()


def test_the_table_has_every_condition() -> None:
    assert {name for name, _ in CASES} == set(CONDITIONS)


@pytest.mark.parametrize(("name", "options"), CASES, ids=[f"{n} {o}" for n, o in CASES])
def test_under_a_condition_and_after_it(moving: World, name: str, options: dict[str, Any]) -> None:
    kchat = moving.kchat
    kchat.switch_on(name, **options)
    moving.sync()
    for event in ("grows", "is_new", "is_rated", "closes", "is_recalled"):
        kchat.happen(event)
    moving.later(minutes=1).sync()
    kchat.happen("is_edited", 104)
    kchat.happen("is_deleted", 106)
    moving.later(days=1).sync(reconcile=True)
    if name == "adds_between_pages":  # a chat may have come after the end was read
        kchat.switch_off()
        moving.later(minutes=1).sync()
    foreign = [target for target in kchat.requests if "elsewhere" in target or "alert" in target]
    assert not foreign
    if name == "malformed":
        broken = {int(i) for i in moving.archived()} - moving.found("is:gone")
        assert not broken - {sent["id"] for sent in kchat.chats()}
        assert moving.service.status().counts.rejected > 0 or options["how"] == "text_id"
        moving.check_index()
    elif options.get("by") == 5:  # a server that counts more than it shows makes nobody vanish
        assert moving.found("is:gone") == set()
        assert not moving.service.status().coverage.complete
        moving.check_index()
    else:
        moving.check_whole()
    kchat.switch_off()
    moving.later(days=1).sync(reconcile=True)
    moving.check_whole()
    assert moving.found("is:gone") >= {106}
    assert moving.service.status().coverage.complete


READINGS = [options for name, options in CASES if name == "start_end"]


@pytest.mark.parametrize("options", READINGS, ids=[str(options) for options in READINGS])
def test_however_start_is_read_a_tick_finds_what_is_new(
    moving: World, options: dict[str, Any]
) -> None:
    moving.kchat.switch_on("start_end", **options)
    moving.sync()
    for _ in range(3):
        moving.kchat.happen("is_new")
        moving.kchat.happen("grows")
        moving.later(minutes=1).sync()
        moving.check_whole()
    assert {report.kind for report in moving.service.reports(3)} == {"tick"}


@pytest.mark.parametrize("event", sorted(set(EVENTS)))
def test_whatever_happens_to_a_chat_of_these_days_a_tick_finds_it(
    moving: World, event: str
) -> None:
    today = {"created_at": "2016-03-20 11:00:00", "end_at": "2016-03-20 11:30:00"}
    moving.kchat.put(chat(126, "你好", "再见", **today))
    moving.sync()
    chat_id = moving.kchat.happen(event)
    moving.later(minutes=1).sync()
    moving.check_whole()
    versions = len(moving.service.versions(chat_id))
    assert versions == (1 if event in ("is_new", "is_deleted") else 2)


PAIRS = [
    ("too_many_requests", "small_pages"),
    ("without_messages", "server_errors"),
    ("without_paging", "deletes_between_pages"),
    ("text_ids", "lone_surrogates"),
    ("truncated", "null_next_page"),
    ("last_page_for_ever", "small_pages"),
    ("html", "resets"),
    ("unknown_types", "nul"),
    ("start_end", "no_single_chats"),
]


@pytest.mark.parametrize("pair", PAIRS, ids=" ".join)
def test_under_two_at_once(moving: World, pair: tuple[str, str]) -> None:
    options: dict[str, dict[str, Any]] = {"start_end": {"reads": "ended", "inclusive": False}}
    for name in pair:
        moving.kchat.switch_on(name, **options.get(name, {}))
    moving.sync()
    for event in ("grows", "is_new", "is_deleted", "is_rated"):
        moving.kchat.happen(event)
        moving.later(minutes=1).sync()
    moving.later(days=1).sync(reconcile=True)
    moving.check_whole()


def test_a_condition_is_found_by_a_fault_that_is_left(moving: World) -> None:
    """The tables above would prove nothing if the server behaved well: it really misbehaves."""
    moving.kchat.switch_on("too_many_requests", every=2)
    assert moving.sync().retries > 0
