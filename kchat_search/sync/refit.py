"""The table of meanings, fitted on the archive's own chats: with `reindex`, and in the worker at
night when the archive has grown by a fifth.

A kill at any point only loses the work: the present generation answers until the new one is whole,
and the worker tries again a day later.
"""

from __future__ import annotations

import logging
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from kchat_search.errors import IndexDamaged
from kchat_search.meaning.features import MOST_CHARACTERS
from kchat_search.meaning.refit import ANSWERS, MESSAGES, MOST_TALKS, Talk, refit
from kchat_search.meaning.table import Table
from kchat_search.models.damage import DamagedRow
from kchat_search.models.plan import IndexDocument
from kchat_search.models.reports import Progress, no_progress
from kchat_search.ports import Archive, Clock
from kchat_search.sync.decide import Pass, refit_due
from kchat_search.sync.document import document
from kchat_search.sync.indexer import Indexer

LEAST_CHATS = 2_000
"""Fewer chats tell too little of what words mean."""
_CURSOR = "table"
_CHATS_AT_ONCE = 500

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Refitter:
    """Fits the table. Call it within the indexer's lock."""

    archive: Archive
    indexer: Indexer
    clock: Clock
    zone: ZoneInfo
    """In which it is night."""
    least_chats: int = LEAST_CHATS

    def reindex(self, progress: Progress = no_progress) -> int:
        """Fit the table where there are chats enough, and build a new generation. Returns how many
        chats it has."""
        shipped = self.indexer.tables.shipped()
        chats = self.archive.counts().chats
        if shipped is None or chats < self.least_chats:
            return self.indexer.rebuild(progress, table=shipped)
        table = self._fit(shipped, progress)
        count = self.indexer.rebuild(progress, table=table)
        self._keep(shipped, chats, table)
        return count

    def tick(self) -> bool:
        """Fit the table and build a new generation with it, if it is time to. Whether it was."""
        shipped = self.indexer.tables.shipped()
        chats = self.archive.counts().chats
        before = self.archive.cursor(_CURSOR) or {}
        if shipped is None or chats < self.least_chats:
            return False
        in_use = self._in_use()
        lost = before.get("shipped") != shipped.digest or before.get("table") != in_use
        if not self._backfilled() or not refit_due(
            before, chats, lost=lost, now=self.clock(), zone=self.zone
        ):
            return False
        # Kept first: where it is killed each time, it must not begin again and again.
        self._set(before | {"tried_at": self.clock().isoformat()})
        table = self._fit(shipped, no_progress)
        if table.digest != in_use:
            self.indexer.rebuild(low_memory=True, table=table)
        self._keep(shipped, chats, table)
        return True

    def _fit(self, shipped: Table, progress: Progress) -> Table:
        talks = list(self._talks(progress))
        result = refit(talks, shipped)
        log.info(
            "The table of meanings: %s. Of %d chats held back, the mean reciprocal rank is %.3f "
            "with the shipped table, %.3f with one fitted on this archive.",
            "fitted" if result.table.fitted else "shipped",
            result.talks,
            result.shipped,
            result.fitted,
        )
        return result.table

    def _talks(self, progress: Progress) -> Iterator[Talk]:
        """Chats taken evenly from the whole archive, the same ones each time."""
        there = array("q", (chat_id for chat_id, _ in self.archive.id_revisions()))
        count = min(len(there), MOST_TALKS)
        ids = [there[number * len(there) // count] for number in range(count)]
        agents = self.archive.agents()
        for start in range(0, len(ids), _CHATS_AT_ONCE):
            stored = self.archive.get(ids[start : start + _CHATS_AT_ONCE])
            for _, chat in sorted(stored.items()):
                if not isinstance(chat, DamagedRow):
                    transcript = self.indexer.chat_reader.read(chat.raw, agents)
                    yield talk_of(document(transcript, 0, self.zone, lambda _: []))
            progress("fit", min(start + _CHATS_AT_ONCE, len(ids)), len(ids))

    def _in_use(self) -> str | None:
        try:
            return self.indexer.engine.describe().table
        except IndexDamaged:
            return None

    def _backfilled(self) -> bool:
        return Pass.from_json(self.archive.cursor("backfill")).done

    def _keep(self, shipped: Table, chats: int, table: Table) -> None:
        self._set(
            {
                "tried_at": self.clock().isoformat(),
                "chats": chats,
                "shipped": shipped.digest,
                "table": table.digest,
            }
        )

    def _set(self, value: Mapping[str, Any]) -> None:
        self.archive.set_cursor(_CURSOR, value, now=self.clock())


def talk_of(made: IndexDocument) -> Talk:
    """What is learned from a chat: as everybody sees it, without names and names of files."""
    said = [
        (place, passage.speaker, passage.text[:MOST_CHARACTERS])
        for place, passage in enumerate(made.passages)
        if passage.text and passage.text not in made.files
    ]
    asked = set(made.openings)
    further = [text for place, who, text in said if who == "visitor" and place not in asked]
    return Talk(
        openings=tuple(text for place, _, text in said if place in asked),
        further=tuple(further[: MESSAGES - len(asked)]),
        answers=tuple(text for _, who, text in said if who == "agent")[:ANSWERS],
    )
