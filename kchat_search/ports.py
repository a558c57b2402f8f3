"""The seams: what the rooms in the middle need of the rooms at the edge.

`service.make_service` is the one place that knows who stands behind each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol, TypeVar

from kchat_search.models.chats import (
    Change,
    Chat,
    ChatPage,
    ChatState,
    FetchedChat,
    RejectedChat,
    SaveReport,
    StoredChat,
    StoredReject,
    StoredVersion,
)
from kchat_search.models.query import EngineAnswer, IndexDocument, Node, Plan
from kchat_search.models.reports import (
    ArchiveCounts,
    ArchiveFacts,
    EngineState,
    Progress,
    SyncReport,
    SyncTotals,
)

Source = TypeVar("Source")
"""What documents are made from."""

Clock = Callable[[], datetime]
"""The present, aware, in UTC. Only the composition root has a real one."""

ReadChat = Callable[[str], Chat]
"""From the raw JSON of the archive to a `Chat`. Raises ValueError where that can't be done."""


class ChatSource(Protocol):
    """Where chats come from: the Kchat API. Safe to call from several threads.

    Every method raises `KchatUnreachable`, `KchatRefused`, `KchatBusy`, `KchatBadAnswer`, and
    `KchatNotFound` where there is no such path.
    """

    def page(self, number: int, start: date | None = None, end: date | None = None) -> ChatPage:
        """Page `number` (from 1) of the list, id ascending. Called by sync."""
        ...

    def chat(self, chat_id: int) -> FetchedChat | RejectedChat:
        """One chat. Called by sync. Raises `KchatNotFound` where it is gone."""
        ...

    def understand(self, raw: str) -> FetchedChat | RejectedChat:
        """A stored raw form, as it is understood now. Asks nobody. Called by sync, for rejects."""
        ...

    def agents(self) -> Mapping[str, str]:
        """Names by agent id. Called by sync; empty where Kchat forbids the list."""
        ...

    def retries(self) -> int:
        """How many requests were repeated since the start. Called by sync, for its report."""
        ...


class Archive(Protocol):
    """The system of record. Every method is one transaction, or reads one state.

    Every method raises `ArchiveError`; those that write, `ArchiveFull`.
    """

    def save(
        self,
        fetched: Sequence[FetchedChat],
        rejects: Sequence[RejectedChat] = (),
        *,
        now: datetime,
        cursor: tuple[str, Mapping[str, Any]] | None = None,
    ) -> SaveReport:
        """Keep chats, rejects and the cursor, all or nothing. Called by sync.

        A chat with a new digest becomes a new version and is queued for the index; one with the
        same digest is only seen again. A chat that parses is no reject any more, and a vanished
        chat that is seen is vanished no more (and is queued). The last of several chats with
        one id wins. A reject never touches the chat that an earlier version was understood as.
        """
        ...

    def see(self, chat_ids: Collection[int], *, now: datetime) -> None:
        """Kchat shows these chats still: they are seen now, and vanished no more; nothing new of
        them is kept. Called by sync."""
        ...

    def mark_gone(self, chat_ids: Collection[int], *, now: datetime) -> int:
        """Kchat has these no more: mark and queue them, drop nothing; how many chats were marked
        now. Rejects of these ids are marked too. Called by sync."""
        ...

    def mark_rejects_gone(self, unseen_since: datetime, *, now: datetime) -> None:
        """Rejects that have no chat's id and were last seen before that moment are not listed any
        more: mark them, drop nothing. Called by reconcile."""
        ...

    def get(self, chat_ids: Collection[int]) -> dict[int, StoredChat]:
        """Those of the chats that are there. Called by search, sync, service."""
        ...

    def iterate(self, after: int = 0, batch: int = 500) -> Iterator[StoredChat]:
        """All chats with an id above `after`, id ascending, read batch by batch (no transaction
        stays open between them). Called by reindex and verify."""
        ...

    def versions(self, chat_id: int) -> tuple[StoredVersion, ...]:
        """All versions of a chat, oldest first, the present one last. Called by service."""
        ...

    def id_editions(self) -> Iterator[tuple[int, int]]:
        """(id, edition) of every chat, id ascending. Called by sync, verify."""
        ...

    def ids_not_seen_since(
        self,
        moment: datetime,
        *,
        after: int = 0,
        limit: int | None = None,
        created_since: datetime | None = None,
        now: datetime | None = None,
    ) -> tuple[int, ...]:
        """Chats, not yet marked as gone, that were last seen before `moment`, with an id above
        `after`, ascending, at most `limit`; with `created_since`, those created since then; with
        `now`, also those last seen after it, which a clock that was ahead says.
        Called by reconcile."""
        ...

    def highest_id(self) -> int:
        """The highest id of all chats, 0 without any. Called by sync."""
        ...

    def cursor(self, name: str) -> dict[str, Any] | None:
        """A saved cursor. Called by sync, service."""
        ...

    def set_cursor(self, name: str, value: Mapping[str, Any], *, now: datetime) -> None:
        """Save a cursor by itself. Called by sync."""
        ...

    def newest_created(self) -> datetime | None:
        """The latest `created_at` of all chats. Called by sync."""
        ...

    def states_to_recheck(self, closed_since: datetime, limit: int) -> tuple[ChatState, ...]:
        """Chats, not gone, that are not closed (`status` other than «close») or ended (for want
        of an end: were created) at or after `closed_since`; least recently seen first.
        Called by sync."""
        ...

    def changes(self, limit: int) -> tuple[Change, ...]:
        """The head of the change queue, oldest first. Called by the indexer."""
        ...

    def done(self, changes: Collection[Change]) -> None:
        """Take these off the queue; an entry that was queued anew since stays. Called by the
        indexer, after the engine has committed."""
        ...

    def last_sequence(self) -> int:
        """The highest sequence number in the queue, 0 if it is empty. Called by reindex."""
        ...

    def done_through(self, sequence: int) -> None:
        """Take all entries up to this number off the queue. Called by reindex after the swap."""
        ...

    def queue(self, chat_ids: Collection[int]) -> None:
        """Queue chats for the index. Called by the indexer when it heals."""
        ...

    def agents(self) -> dict[str, str]:
        """Agents' names by id. Called by search, sync, service."""
        ...

    def save_agents(self, names: Mapping[str, str], *, now: datetime) -> None:
        """Add and rename agents (none is dropped), and queue the chats of those whose name is
        new or changed, since who spoke is told by it. Called by sync."""
        ...

    def rejects(self, limit: int = 100, offset: int = 0) -> tuple[StoredReject, ...]:
        """Rejects, those that Kchat still shows before the others, last seen first. Called by
        service."""
        ...

    def count_rejects(self) -> int:
        """How many rejects there are, gone ones too. Called by service."""
        ...

    def rejected_ids(self, limit: int | None) -> tuple[int, ...]:
        """Chats that could not be understood and that Kchat still has, least recently seen first;
        None: all. Called by sync."""
        ...

    def every_reject(self) -> Iterator[RejectedChat]:
        """All rejects, gone ones too, read a few at a time. Called by reconcile."""
        ...

    def drop_reject(self, key: str) -> None:
        """This one was understood after all. Called by reconcile, once the chat is archived."""
        ...

    def counts(self) -> ArchiveCounts:
        """Sizes. Called by search, service."""
        ...

    def facts(self, *cursors: str) -> ArchiveFacts:
        """Counts, agents and these cursors, read at once. Called by search."""
        ...

    def save_report(self, report: SyncReport) -> None:
        """Keep what a sync did, and add it to the totals. Called by sync."""
        ...

    def totals(self) -> dict[str, SyncTotals]:
        """What all syncs did together, by kind; without the kinds that never were. Called by
        service."""
        ...

    def reports(self, limit: int = 20) -> tuple[SyncReport, ...]:
        """What the last syncs did, newest first. Called by service."""
        ...

    def close(self) -> None:
        """Give back connections. Called by service."""
        ...


class Engine(Protocol):
    """Holds the index and answers from it. Reading is safe from several threads, beside one
    writer in any process.

    Every method raises `IndexDamaged` where the index can't be read; those that write,
    `IndexUnwritable` where there is no room or no permission.
    """

    def write(self, upserts: Sequence[IndexDocument], deletes: Collection[int] = ()) -> None:
        """Put documents in (replacing those of the same id) and take ids out, all or nothing; on
        return it is on the disk. Called by the indexer alone, under its lock."""
        ...

    def rebuild(
        self,
        batches: Iterable[Sequence[Source]],
        fingerprint: str,
        documents: Callable[[Sequence[Source]], Sequence[IndexDocument]],
        progress: Progress,
        *,
        alone: bool = False,
    ) -> int:
        """Build a new generation beside the present one, swap, drop the old; how many documents
        it has. The present one answers until the swap. `alone`: in this process, and with little
        memory, in up to twice the time. Called by the indexer, under its lock.

        `documents` makes the documents of a batch; it may be called in other processes, so it
        must be picklable. Raises what `batches` and `documents` raise; then nothing has changed.
        """
        ...

    def search(self, plan: Plan) -> EngineAnswer:
        """Carry out a plan. Called by search. An index that was never built has no chats."""
        ...

    def ids(self, plan: Plan) -> Sequence[int]:
        """Every chat that fulfils the plan's `match` and filters, newest or oldest first as its
        `sort` says, all of one state of the index and no more than some bytes each. Nothing else
        of the plan counts. Called by search, for exports and verify."""
        ...

    def count(self, match: Node) -> int:
        """How many chats match, exactly. Called by search."""
        ...

    def similar(self, word: str, limit: int) -> tuple[str, ...]:
        """Words of the index that are near this folded one, at most `limit`: first those that sound
        alike (or whose pinyin it is), then those that differ by one character (changed, put in,
        left out, or two neighbours the other way round); of the same, those of the most chats. For
        «did you mean»: some may be in no chat any more. Called by search."""
        ...

    def id_versions(self) -> dict[int, int]:
        """Version by id of every document. Called by the indexer and verify."""
        ...

    def damage(self) -> str | None:
        """Look at every byte: what is not as it was written, and the way out; None where all is
        well. Called by verify."""
        ...

    def describe(self) -> EngineState:
        """Generation, documents, size. Called by service and the indexer."""
        ...

    def close(self) -> None:
        """Give back files. Called by service."""
        ...
