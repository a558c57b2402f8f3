"""Whatever is done in whatever order, the archive is what a few dictionaries say it is."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from kchat_search.archive import open_archive
from kchat_search.models.chats import FetchedChat, QueueEntry, SaveReport
from kchat_search.models.reports import ArchiveCounts

from .conftest import START, fetched, rejected, url_of

ids = st.integers(1, 6)
names = st.sampled_from(["李雷", "韩梅梅", ""])
fetches = st.builds(
    fetched, ids, st.sampled_from(["a", "b", "c"]), agent_id=st.sampled_from(["x", "y", None])
)


class ArchiveMachine(RuleBasedStateMachine):
    """The archive beside dictionaries that follow the words of `ports.Archive`."""

    empty_file: Path

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        file = shutil.copyfile(self.empty_file, self.folder / "archive.sqlite3")
        self.archive = open_archive(url_of(Path(file)))
        self.clock = START
        self.history: dict[int, list[tuple[FetchedChat, datetime]]] = {}
        self.seen: dict[int, datetime] = {}
        self.gone: dict[int, datetime] = {}
        self.queue: list[int] = []
        self.taken: list[QueueEntry] = []
        self.stale: set[QueueEntry] = set()
        self.odd: dict[str, int] = {}
        self.odd_gone: dict[str, datetime] = {}
        self.odd_seen: dict[str, datetime] = {}
        self.names: dict[str, str] = {}
        self.page = 0

    def teardown(self) -> None:
        self.archive.close()
        shutil.rmtree(self.folder)

    def now(self) -> datetime:
        self.clock += timedelta(microseconds=1)
        return self.clock

    def put(self, chat_ids: Iterable[int]) -> None:
        for chat_id in sorted(chat_ids):
            if chat_id in self.queue:
                self.queue.remove(chat_id)
            self.queue.append(chat_id)
            # a taken entry of this chat is another one from now on
            self.stale |= {entry for entry in self.taken if entry.chat_id == chat_id}

    @rule(
        chats=st.lists(fetches, max_size=5),
        odd=st.lists(ids, max_size=3),
        nameless=st.sets(ids, max_size=2),
    )
    def save(self, chats: list[FetchedChat], odd: list[int], nameless: set[int]) -> None:
        now, latest = self.now(), {item.chat.id: item for item in chats}
        self.page += 1
        queued, new, same = set(), 0, 0
        for chat_id, item in latest.items():
            past = self.history.setdefault(chat_id, [])
            new += not past
            if past and past[-1][0].digest == item.digest:
                same += 1
            else:
                past.append((item, now))
                queued.add(chat_id)
            if self.gone.pop(chat_id, None):
                queued.add(chat_id)
            self.seen[chat_id] = now
            self.odd.pop(f"chat:{chat_id}", None)
            self.odd_gone.pop(f"chat:{chat_id}", None)
        refused = {f"chat:{i}" for i in odd if i not in latest} | {f"raw:{i}" for i in nameless}
        for key in refused:
            self.odd[key] = self.odd.get(key, 0) + 1
            self.odd_seen[key] = now
            self.odd_gone.pop(key, None)
        self.put(queued)
        report = self.archive.save(
            chats,
            [rejected(f"chat:{i}", i) for i in odd] + [rejected(f"raw:{i}") for i in nameless],
            now=now,
            cursor=("list", {"page": self.page}),
        )
        assert report == SaveReport(new, len(latest) - new - same, same, len(refused))

    @rule(chat_ids=st.sets(ids))
    def mark_gone(self, chat_ids: set[int]) -> None:
        now = self.now()
        marked = {i for i in chat_ids if i in self.history and i not in self.gone}
        self.gone.update(dict.fromkeys(marked, now))
        self.put(marked)
        for key in {f"chat:{i}" for i in chat_ids} & self.odd.keys():
            self.odd_gone.setdefault(key, now)
        assert self.archive.mark_gone(chat_ids, now=now) == len(marked)

    @rule(ago=st.integers(0, 6))
    def mark_rejects_gone(self, ago: int) -> None:
        now = self.now()
        since = now - timedelta(microseconds=ago)
        for key in self.odd:
            if key.startswith("raw:") and self.odd_seen[key] < since:
                self.odd_gone.setdefault(key, now)
        self.archive.mark_rejects_gone(since, now=now)

    @rule(chat_id=ids, kind=st.sampled_from(["chat", "raw"]))
    def drop_reject(self, chat_id: int, kind: str) -> None:
        self.odd.pop(f"{kind}:{chat_id}", None)
        self.odd_gone.pop(f"{kind}:{chat_id}", None)
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
        done = {entry.chat_id for entry in self.taken if entry not in self.stale}
        self.queue = [chat_id for chat_id in self.queue if chat_id not in done]
        self.archive.done(self.taken)
        self.taken = []

    @rule(stale=st.lists(st.builds(QueueEntry, st.integers(1, 40), ids)))
    def finish_made_up_entries(self, stale: list[QueueEntry]) -> None:
        there = set(self.archive.changes(100)) & set(stale)
        self.queue = [i for i in self.queue if i not in {entry.chat_id for entry in there}]
        self.archive.done(stale)

    @rule()
    def finish_through_the_middle(self) -> None:
        entries = self.archive.changes(100)
        half = len(entries) // 2
        if half:
            self.archive.done_through(entries[half - 1].sequence)
            self.queue = self.queue[half:]

    @rule(told=st.dictionaries(st.sampled_from(["x", "y", "z"]), names))
    def save_agents(self, told: dict[str, str]) -> None:
        renamed = sorted(i for i, name in told.items() if self.names.get(i) != name)
        self.names.update(told)
        theirs = [
            chat_id
            for chat_id, past in self.history.items()
            if past[-1][0].chat.agent_id in renamed
        ]
        self.put(theirs)
        self.archive.save_agents(told, now=self.now())

    @invariant()
    def agree(self) -> None:
        if not hasattr(self, "history"):
            return
        stored = self.archive.get(range(10))
        assert {
            i: (c.raw, c.version, c.first_seen_at, c.changed_at) for i, c in stored.items()
        } == {
            i: (past[-1][0].raw, len(past), past[0][1], past[-1][1])
            for i, past in self.history.items()
        }
        assert {i: c.seen_at for i, c in stored.items()} == self.seen
        assert {i: c.gone_at for i, c in stored.items() if c.gone_at} == self.gone
        assert list(self.archive.iterate(batch=2)) == [stored[i] for i in sorted(stored)]
        for chat_id, past in self.history.items():
            found = self.archive.versions(chat_id)
            assert [(v.raw, v.seen_at) for v in found] == [(item.raw, t) for item, t in past]
        assert list(self.archive.id_revisions()) == [
            (i, 2 * len(past) + (i in self.gone)) for i, past in sorted(self.history.items())
        ]
        assert [entry.chat_id for entry in self.archive.changes(100)] == self.queue
        told = self.archive.rejects()
        assert len(told) == self.archive.count_rejects()
        assert [r.gone_at is None for r in told] == sorted([not r.gone_at for r in told])[::-1]
        assert {r.reject.key: r.times for r in told} == self.odd
        assert {r.reject.key: r.gone_at for r in told if r.gone_at} == self.odd_gone
        assert sorted(r.key for r in self.archive.every_reject()) == sorted(self.odd)
        waiting = [k for k in self.odd if k.startswith("chat:") and k not in self.odd_gone]
        waiting.sort(key=lambda key: (self.odd_seen[key], key))
        assert self.archive.rejected_ids(2) == tuple(int(key[5:]) for key in waiting[:2])
        assert self.archive.highest_id() == max(self.history, default=0)
        assert self.archive.agents() == self.names
        assert self.archive.cursor("list") == ({"page": self.page} if self.page else None)
        assert self.archive.counts() == ArchiveCounts(
            chats=len(self.history),
            gone=len(self.gone),
            pending=len(self.queue),
            rejected=len(self.odd) - len(self.odd_gone),
            versions=sum(map(len, self.history.values())),
        )


def test_any_order_of_calls_ends_as_the_model_does(empty_file: Path) -> None:
    machine = type("Machine", (ArchiveMachine,), {"empty_file": empty_file})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=20,
            deadline=None,
            # twenty steps can be read as they are; to shorten them takes minutes on a real disk
            phases=[Phase.reuse, Phase.generate],
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
