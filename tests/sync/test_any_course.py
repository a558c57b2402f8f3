"""Any course of events: Kchat changes, misbehaves, time passes, the indexer ticks or is killed.

After each step, nothing that was ever archived is lost. At the end Kchat behaves again; then the
archive equals the server, and the index equals the archive.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL, DEMO_PASSWORD
from kchat_search.demo.events import EVENTS
from kchat_search.demo.server import DemoServer
from kchat_search.errors import KchatError
from tests.contracts.archive.chats import all_stored, stored_versions
from tests.system.killing import Killed
from tests.world import World, agents, chat

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="forks a server"),
]

CONDITIONS: list[tuple[str, dict[str, Any]]] = [
    ("too_many_requests", {"every": 2, "seconds": 0}),
    ("server_errors", {"every": 4, "burst": 3}),
    ("resets", {"every": 3}),
    ("truncated", {"every": 3}),
    ("html", {"every": 3}),
    ("small_pages", {"size": 2}),
    ("without_messages", {}),
    ("without_paging", {}),
    ("null_next_page", {}),
    ("foreign_next_page", {}),
    ("wrong_count", {"by": 3}),
    ("last_page_for_ever", {}),
    ("deletes_between_pages", {"times": 2}),
    ("adds_between_pages", {"times": 2}),
    ("null_fields", {}),
    ("unknown_types", {}),
    ("lone_surrogates", {}),
    ("text_ids", {}),
    ("malformed", {"every": 5}),
    ("malformed", {"every": 3, "how": "bad_time"}),
    ("start_end", {"reads": "ended", "inclusive": False}),
    ("no_single_chats", {}),
    ("no_agents", {}),
]


class Course(RuleBasedStateMachine):
    @initialize(chats=st.integers(0, 25))
    def begin(self, chats: int) -> None:
        self.folder = Path(tempfile.mkdtemp())
        (self.folder / "index").mkdir()
        self.kchat = DemoServer(
            [
                chat(i, "还没完", f"第{i}个", status="open", end_at=None) if i % 4 == 0 else chat(i)
                for i in range(101, 101 + chats)
            ],
            agents(),
            email=DEMO_EMAIL,
            password=DEMO_PASSWORD,
            api_token=DEMO_API_TOKEN,
            max_per_page=5,
        )
        self.world = World(
            self.kchat,
            self.folder,
            archive_url=f"sqlite:///{self.folder}/var/archive.sqlite3",
            per_page=5,
            request_retries=1,
            reconcile_pages_per_tick=2,
            recheck_per_tick=4,
        )
        self.world.now = datetime.now(UTC)  # the processes that are killed have the real clock
        self.killed = Killed(
            self.kchat,
            self.folder,
            KCHAT_PER_PAGE="5",
            KCHAT_REQUEST_RETRIES="0",
            KCHAT_RECONCILE_PAGES_PER_TICK="2",
        )
        self.known: dict[int, list[str]] = {}

    def teardown(self) -> None:
        if not hasattr(self, "known"):
            return
        try:
            self.kchat.switch_off()
            self.world.later(days=1).sync(reconcile=True)
            # Once more, because the first may still have seen a wrong count.
            self.world.later(minutes=1).sync(reconcile=True)
            self.nothing_is_lost()
            self.world.check_whole()
            assert self.world.service.status().coverage.complete
        finally:
            self.world.service.close()
            self.kchat.close()
            shutil.rmtree(self.folder)

    def nothing_is_lost(self) -> None:
        """Every version that this test ever saw in the archive is still there, in its place."""
        archive = self.world.service.archive
        for chat_id, before in self.known.items():
            assert [v.raw for v in stored_versions(archive, chat_id)][: len(before)] == before
        for stored in all_stored(archive):
            self.known[stored.id] = [v.raw for v in stored_versions(archive, stored.id)]

    # -- Kchat ---------------------------------------------------------------------------------

    @rule(event=st.sampled_from(sorted(set(EVENTS) - {"is_new"})))
    def something_happens(self, event: str) -> None:
        try:
            self.kchat.happen(event)
        except ValueError:
            return  # no chat can have this event now

    @rule(times=st.integers(1, 7))
    def chats_come(self, times: int) -> None:
        for _ in range(times):
            self.kchat.happen("is_new")

    @rule(condition=st.sampled_from(CONDITIONS))
    def misbehave(self, condition: tuple[str, dict[str, Any]]) -> None:
        name, options = condition
        self.kchat.switch_on(name, **options)

    @precondition(lambda self: self.kchat.conditions())
    @rule(number=st.integers(0, 30))
    def behave(self, number: int) -> None:
        names = sorted(self.kchat.conditions())
        self.kchat.switch_off(names[number % len(names)])

    # -- the program ---------------------------------------------------------------------------

    @rule(minutes=st.sampled_from([1, 60, 60 * 25]))
    def tick(self, minutes: int) -> None:
        self.world.later(minutes=minutes)
        try:
            with self.world.service.indexing("test"):
                self.world.service.tick()
        except KchatError:
            pass
        self.nothing_is_lost()
        assert self.world.service.archive.counts().pending == 0

    @rule()
    def reconcile(self) -> None:
        try:
            self.world.later(minutes=1).sync(reconcile=True)
        except KchatError:
            return
        self.nothing_is_lost()
        self.world.check_index()

    @rule(
        command=st.sampled_from([("sync",), ("sync", "--reconcile"), ("reindex",)]),
        by=st.sampled_from(["calls", "events", "seconds"]),
        share=st.floats(0, 1),
    )
    def is_killed(self, command: tuple[str, ...], by: Any, share: float) -> None:
        moment = {
            "calls": 1 + int(share * 40_000),
            "events": 1 + int(share * 300),
            "seconds": 0.05 + 0.5 * share,
        }
        self.killed.at(by, moment[by], *command, may_fail=True)
        self.nothing_is_lost()


def test_any_course_ends_whole() -> None:
    run_state_machine_as_test(
        Course,
        settings=settings(
            max_examples=25,
            stateful_step_count=14,
            deadline=None,
            # Fourteen steps can be read as they are; to shrink them takes minutes.
            phases=[Phase.reuse, Phase.generate],
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
