"""After any calls in any order, the archive holds what a model made of dictionaries holds."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from kchat_search.models.chats import FetchedChat, QueueEntry, SaveReport
from kchat_search.models.reports import ArchiveCounts

from .chats import START, all_stored, fetched, rejected, stored_versions
from .conftest import NewArchive

ids = st.integers(1, 6)
names = st.sampled_from(["李雷", "韩梅梅", ""])
fetches = st.builds(
    fetched, ids, st.sampled_from(["a", "b", "c"]), agent_id=st.sampled_from(["x", "y", None])
)


class ArchiveMachine(RuleBasedStateMachine):
    """An archive, and beside it dictionaries that follow the docstrings of `ports.Archive`."""

    new_archive: NewArchive

    @initialize()
    def begin(self) -> None:
        self.resources = ExitStack()
        self.archive = self.resources.enter_context(type(self).new_archive())
        self.clock = START
        self.versions: dict[int, list[tuple[FetchedChat, datetime]]] = {}
        self.seen_at: dict[int, datetime] = {}
        self.gone_at: dict[int, datetime] = {}
        self.queue: list[int] = []
        self.taken: list[QueueEntry] = []
        self.queued_again: set[QueueEntry] = set()
        self.reject_times: dict[str, int] = {}
        self.reject_gone_at: dict[str, datetime] = {}
        self.reject_seen_at: dict[str, datetime] = {}
        self.agent_names: dict[str, str] = {}
        self.page = 0

    def teardown(self) -> None:
        if hasattr(self, "resources"):
            self.resources.close()

    def now(self) -> datetime:
        self.clock += timedelta(microseconds=1)
        return self.clock

    def put(self, chat_ids: Iterable[int]) -> None:
        for chat_id in sorted(chat_ids):
            if chat_id in self.queue:
                self.queue.remove(chat_id)
            self.queue.append(chat_id)
            # The chat has a new entry from now on; the one that was taken is no longer valid.
            self.queued_again |= {entry for entry in self.taken if entry.chat_id == chat_id}

    @rule(
        chats=st.lists(fetches, max_size=5),
        rejected_ids=st.lists(ids, max_size=3),
        without_id=st.sets(ids, max_size=2),
    )
    def save(self, chats: list[FetchedChat], rejected_ids: list[int], without_id: set[int]) -> None:
        now, last_by_id = self.now(), {item.chat.id: item for item in chats}
        self.page += 1
        queued, new, same = set(), 0, 0
        for chat_id, item in last_by_id.items():
            versions = self.versions.setdefault(chat_id, [])
            new += not versions
            if versions and versions[-1][0].digest == item.digest:
                same += 1
            else:
                versions.append((item, now))
                queued.add(chat_id)
            if self.gone_at.pop(chat_id, None):
                queued.add(chat_id)
            self.seen_at[chat_id] = now
            self.reject_times.pop(f"chat:{chat_id}", None)
            self.reject_gone_at.pop(f"chat:{chat_id}", None)
        keys = {f"chat:{i}" for i in rejected_ids if i not in last_by_id}
        keys |= {f"raw:{i}" for i in without_id}
        for key in keys:
            self.reject_times[key] = self.reject_times.get(key, 0) + 1
            self.reject_seen_at[key] = now
            self.reject_gone_at.pop(key, None)
        self.put(queued)
        report = self.archive.save(
            chats,
            [rejected(f"chat:{i}", i) for i in rejected_ids]
            + [rejected(f"raw:{i}") for i in without_id],
            now=now,
            cursor=("list", {"page": self.page}),
        )
        assert report == SaveReport(new, len(last_by_id) - new - same, same, len(keys))

    @rule(chat_ids=st.sets(ids))
    def mark_gone(self, chat_ids: set[int]) -> None:
        now = self.now()
        marked = {i for i in chat_ids if i in self.versions and i not in self.gone_at}
        self.gone_at.update(dict.fromkeys(marked, now))
        self.put(marked)
        for key in {f"chat:{i}" for i in chat_ids} & self.reject_times.keys():
            self.reject_gone_at.setdefault(key, now)
        assert self.archive.mark_gone(chat_ids, now=now) == len(marked)

    @rule(microseconds=st.integers(0, 6))
    def mark_rejects_gone(self, microseconds: int) -> None:
        now = self.now()
        since = now - timedelta(microseconds=microseconds)
        for key in self.reject_times:
            if key.startswith("raw:") and self.reject_seen_at[key] < since:
                self.reject_gone_at.setdefault(key, now)
        self.archive.mark_rejects_gone(since, now=now)

    @rule(chat_id=ids, kind=st.sampled_from(["chat", "raw"]))
    def drop_reject(self, chat_id: int, kind: str) -> None:
        self.reject_times.pop(f"{kind}:{chat_id}", None)
        self.reject_gone_at.pop(f"{kind}:{chat_id}", None)
        self.archive.drop_reject(f"{kind}:{chat_id}")

    @rule(chat_ids=st.sets(ids))
    def queue_by_hand(self, chat_ids: set[int]) -> None:
        self.put(chat_ids)
        self.archive.queue(chat_ids)

    @rule(limit=st.integers(0, 4))
    def take(self, limit: int) -> None:
        self.taken += self.archive.changes(limit)

    @rule()
    def finish(self) -> None:
        done = {entry.chat_id for entry in self.taken if entry not in self.queued_again}
        self.queue = [chat_id for chat_id in self.queue if chat_id not in done]
        self.archive.done(self.taken)
        self.taken = []

    @rule(entries=st.lists(st.builds(QueueEntry, st.integers(1, 40), ids)))
    def finish_made_up_entries(self, entries: list[QueueEntry]) -> None:
        in_queue = set(self.archive.changes(100)) & set(entries)
        self.queue = [i for i in self.queue if i not in {entry.chat_id for entry in in_queue}]
        self.archive.done(entries)

    @rule()
    def finish_through_the_middle(self) -> None:
        entries = self.archive.changes(100)
        half = len(entries) // 2
        if half:
            self.archive.done_through(entries[half - 1].sequence)
            self.queue = self.queue[half:]

    @rule(new_names=st.dictionaries(st.sampled_from(["x", "y", "z"]), names))
    def save_agents(self, new_names: dict[str, str]) -> None:
        renamed = {i for i, name in new_names.items() if self.agent_names.get(i) != name}
        self.agent_names.update(new_names)
        self.put(
            chat_id
            for chat_id, versions in self.versions.items()
            if versions[-1][0].chat.agent_id in renamed
        )
        self.archive.save_agents(new_names, now=self.now())

    @invariant()
    def chats_agree(self) -> None:
        if not hasattr(self, "versions"):
            return
        stored = {chat.id: chat for chat in all_stored(self.archive)}
        assert self.archive.get(range(10)) == stored
        assert {
            i: (c.raw, c.version, c.first_seen_at, c.changed_at) for i, c in stored.items()
        } == {
            i: (versions[-1][0].raw, len(versions), versions[0][1], versions[-1][1])
            for i, versions in self.versions.items()
        }
        assert {i: c.seen_at for i, c in stored.items()} == self.seen_at
        assert {i: c.gone_at for i, c in stored.items() if c.gone_at} == self.gone_at
        assert list(self.archive.iterate(batch=2)) == [stored[i] for i in sorted(stored)]
        for chat_id, versions in self.versions.items():
            assert [(v.raw, v.seen_at) for v in stored_versions(self.archive, chat_id)] == [
                (item.raw, moment) for item, moment in versions
            ]
        assert list(self.archive.id_revisions()) == [
            (i, 2 * len(versions) + (i in self.gone_at))
            for i, versions in sorted(self.versions.items())
        ]
        assert self.archive.highest_id() == max(self.versions, default=0)

    @invariant()
    def rejects_agree(self) -> None:
        if not hasattr(self, "versions"):
            return
        rejects = self.archive.rejects()
        assert len(rejects) == self.archive.count_rejects()
        still_shown = [r.gone_at is None for r in rejects]
        assert still_shown == sorted(still_shown, reverse=True)
        assert {r.reject.key: r.times for r in rejects} == self.reject_times
        assert {r.reject.key: r.gone_at for r in rejects if r.gone_at} == self.reject_gone_at
        assert sorted(r.key for r in self.archive.every_reject()) == sorted(self.reject_times)
        shown = [k for k in self.reject_times if k not in self.reject_gone_at]
        with_id = [key for key in shown if key.startswith("chat:")]
        with_id.sort(key=lambda key: (self.reject_seen_at[key], key))
        assert self.archive.rejected_ids(2) == tuple(
            int(key.removeprefix("chat:")) for key in with_id[:2]
        )

    @invariant()
    def everything_else_agrees(self) -> None:
        if not hasattr(self, "versions"):
            return
        assert [entry.chat_id for entry in self.archive.changes(100)] == self.queue
        assert self.archive.agents() == self.agent_names
        assert self.archive.cursor("list") == ({"page": self.page} if self.page else None)
        assert self.archive.counts() == ArchiveCounts(
            chats=len(self.versions),
            gone=len(self.gone_at),
            pending=len(self.queue),
            rejected=len(self.reject_times) - len(self.reject_gone_at),
            versions=sum(map(len, self.versions.values())),
        )


@pytest.mark.slow
def test_any_order_of_calls_ends_as_the_model_does(new_archive: NewArchive) -> None:
    machine = type("Machine", (ArchiveMachine,), {"new_archive": staticmethod(new_archive)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=20,
            deadline=None,
            # Twenty steps can be read as they are; shortening them takes minutes on a real disk.
            phases=[Phase.reuse, Phase.generate],
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
