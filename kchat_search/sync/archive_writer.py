"""What one sync fetched goes into the archive, and is counted.

Invariant: what was said stays. A chat that comes without its messages never replaces one with
some, and every count is of what the archive has committed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kchat_search.models.chats import FetchedChat, RejectedChat
from kchat_search.models.reports import Progress
from kchat_search.ports import Clock, SyncArchive
from kchat_search.sync.decide import Kind
from kchat_search.sync.fetching import Fetched


@dataclass
class Counts:
    """What a sync has done so far; of chats. Right at any moment, so also where it ends early."""

    kind: Kind = "tick"
    seen: int = 0
    new: int = 0
    changed: int = 0
    vanished: int = 0
    rejected: int = 0
    indexed: int = 0


@dataclass(frozen=True, kw_only=True)
class ArchiveWriter:
    """The archive's side of one sync."""

    archive: SyncArchive
    clock: Clock
    counts: Counts
    progress: Progress
    saved: Callable[[], int]
    """Called after each transaction; says how many chats it indexed."""
    reject_keys: set[str] = field(default_factory=set)
    """Keys of the rejects: the list may show one several times."""

    def save(
        self,
        chats: tuple[FetchedChat, ...],
        rejects: tuple[RejectedChat, ...] = (),
        cursor: tuple[str, Mapping[str, Any]] | None = None,
    ) -> int:
        """Archive; how many were new."""
        impoverished = self._without_messages(chats)
        if impoverished:
            self.archive.see(impoverished, now=self.clock())
        chats = tuple(fetched for fetched in chats if fetched.chat.id not in impoverished)
        if not (chats or rejects or cursor):
            return 0
        report = self.archive.save(chats, rejects, now=self.clock(), cursor=cursor)
        self.counts.new += report.new
        self.counts.changed += report.changed
        self.reject_keys.update(reject.key for reject in rejects)
        self.counts.rejected = len(self.reject_keys)
        self.counts.indexed += self.saved()
        return report.new

    def save_mixed(self, items: Iterable[Fetched]) -> None:
        """Archive chats and rejects as they came."""
        items = list(items)
        self.save(
            tuple(item for item in items if isinstance(item, FetchedChat)),
            tuple(item for item in items if isinstance(item, RejectedChat)),
        )

    def mark_gone(self, chat_ids: Collection[int]) -> None:
        """Kchat has these no more."""
        if chat_ids:
            self.counts.vanished += self.archive.mark_gone(chat_ids, now=self.clock())
            self.counts.indexed += self.saved()

    def _without_messages(self, chats: Iterable[FetchedChat]) -> set[int]:
        """Those that came without messages though the archive has them with some: a list that
        shows none, of a chat that vanished before it could be fetched."""
        bare = [fetched.chat.id for fetched in chats if not fetched.has_messages]
        known = self.archive.get(bare) if bare else {}
        return {i for i, stored in known.items() if json.loads(stored.raw).get("messages")}
