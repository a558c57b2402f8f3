"""Puts what one sync fetched into the archive, and counts it.

Invariant: what was said is never lost. A chat that comes without its messages does not replace one
that has some. The counts say only what the archive has committed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from kchat_search.models.chats import FetchedChat, RejectedChat, SaveReport
from kchat_search.models.damage import DamagedRow
from kchat_search.ports import Clock, SyncArchive
from kchat_search.sync.alternating import CURSOR, Alternating, rounds
from kchat_search.sync.decide import SyncKind

Cursor = tuple[str, Mapping[str, Any]]
"""A cursor's name and its value."""


@dataclass
class Counts:
    """What a sync has done so far, in chats. Correct at any moment, so also if it ends early."""

    kind: SyncKind = "tick"
    seen: int = 0
    new: int = 0
    changed: int = 0
    vanished: int = 0
    rejected: int = 0
    indexed: int = 0


@dataclass(frozen=True, kw_only=True)
class ArchiveWriter:
    """Writes into the archive for one sync. It indexes nothing: its caller does that."""

    archive: SyncArchive
    clock: Clock
    counts: Counts
    alternating: Alternating = field(default_factory=Alternating)
    reject_keys: set[str] = field(default_factory=set)
    """Keys of this sync's rejects. The list may show one reject several times; it counts once."""

    def save(
        self,
        chats: Sequence[FetchedChat],
        rejects: Sequence[RejectedChat] = (),
        cursor: Cursor | None = None,
        *,
        seen_since: datetime | None = None,
    ) -> SaveReport | None:
        """Archive chats, rejects and the cursor in one transaction. Returns what that did.

        A chat that comes without messages, while the archive has it with some, is only marked as
        seen. What Kchat shows beside a chat's present content is held back until `settle`. Returns
        None if there was nothing to commit.

        A chat that stands here with several contents takes a transaction for each of them; the
        last one has the rejects and the cursor. `seen_since`: as `ports.SyncArchive.save` says.
        """
        without_messages = self._without_messages(chats)
        if without_messages:
            self.archive.see(without_messages, now=self.clock())
        whole = [fetched for fetched in chats if fetched.chat.id not in without_messages]
        *earlier, last = rounds(self.alternating.hold_back(whole)) or [[]]
        if not (last or rejects or cursor):
            return None
        reports = [self._archive(contents) for contents in earlier]
        report = self._archive(last, rejects, cursor, seen_since)
        self.reject_keys.update(reject.key for reject in rejects)
        self.counts.rejected = len(self.reject_keys)
        return replace(report, new=report.new + sum(before.new for before in reports))

    def settle(self) -> None:
        """At the end of a sync: what was held back, and is all that Kchat showed of a chat, becomes
        the present version."""
        if alone := self.alternating.shown_alone():
            self.alternating.exchanged(alone, self._archive(alone))
        if self.alternating.changed:
            self.archive.set_cursor(CURSOR, self.alternating.to_json(), now=self.clock())

    def mark_gone(self, chat_ids: Collection[int]) -> None:
        """Mark chats that Kchat no longer has."""
        self.counts.vanished += self.archive.mark_gone(chat_ids, now=self.clock())

    def _archive(
        self,
        chats: Sequence[FetchedChat],
        rejects: Sequence[RejectedChat] = (),
        cursor: Cursor | None = None,
        seen_since: datetime | None = None,
    ) -> SaveReport:
        report = self.archive.save(
            chats, rejects, now=self.clock(), cursor=cursor, seen_since=seen_since
        )
        self.alternating.archived(chats, report)
        self.counts.new += report.new
        self.counts.changed += report.changed
        return report

    def _without_messages(self, chats: Iterable[FetchedChat]) -> set[int]:
        """The chats that came without messages, while the archive has them with some. This happens
        if a list shows no messages and the chat vanishes before it can be fetched."""
        bare_ids = [fetched.chat.id for fetched in chats if not fetched.has_messages]
        stored = self.archive.get(bare_ids) if bare_ids else {}
        return {
            chat_id
            for chat_id, chat in stored.items()
            # What is damaged may have had messages, so it is not replaced either.
            if isinstance(chat, DamagedRow) or json.loads(chat.raw).get("messages")
        }
