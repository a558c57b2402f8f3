"""From the archive's change queue to the engine. Everything here runs under the indexer's lock."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from kchat_search.chats.former import differing
from kchat_search.chats.reader import ChatReader
from kchat_search.errors import (
    INDEX_SILENT,
    ChatsRefused,
    IndexDamaged,
    IndexerDeposed,
    IndexUnwritable,
)
from kchat_search.meaning.table import Table
from kchat_search.models.chats import StoredChat
from kchat_search.models.damage import DamagedRow
from kchat_search.models.plan import IndexDocument
from kchat_search.models.reports import Progress, no_progress
from kchat_search.ports import Clock, Engine, IndexSource
from kchat_search.sync.decide import compared, index_now, rebuild_pays
from kchat_search.sync.document import VERSION as DOCUMENT_VERSION
from kchat_search.sync.document import Documents, Source
from kchat_search.sync.tables import Tables
from kchat_search.text.segmentation import Segmenter

_CHATS_PER_COMMIT = 500
"""Chats in one commit of the engine: so many that a commit costs little for each, so few that
they fit into memory."""
_BATCH_BYTES_LOW_MEMORY = 3_000_000
"""Bytes of raw JSON in one batch, where other work needs memory too. Splitting long messages of
that size takes a few hundred MB."""
_CHATS_PER_BATCH = 2_000
"""Chats in one batch, at most."""
_FIT = re.compile(r"\+[0-9a-f]{64}$")
"""What a fingerprint says last where the table was fitted on the archive: its digest."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Indexer:
    """Makes the index follow the archive."""

    archive: IndexSource
    engine: Engine
    segmenter: Segmenter
    chat_reader: ChatReader
    zone: ZoneInfo
    tables: Tables
    rebuilding: Callable[[Progress], AbstractContextManager[Progress]] = nullcontext
    """Around a rebuild: gives a `progress` that other processes hear, too."""
    check: Callable[[], None] = lambda: None
    """Called before the index is written: raises `IndexerDeposed` where this process is not the
    indexer any more."""

    @property
    def fingerprint(self) -> str:
        """Names everything that documents and their vectors depend on. An index with another one is
        rebuilt. Whether the table was fitted on the archive makes no other index necessary."""
        return self._fingerprint(self.tables.shipped())

    def is_current(self, fingerprint: str | None) -> bool:
        """Was an index with this fingerprint built with the present analyzer, dictionary, schema,
        zone and shipped table?"""
        return fingerprint is not None and _FIT.sub("", fingerprint) == self.fingerprint

    def ensure_current(self, progress: Progress = no_progress) -> bool:
        """Build the index if there is none, if it or its table can't be read, or if it is not
        current. Returns whether it was built."""
        try:
            state = self.engine.describe()
            fingerprint, damage = state.fingerprint, state.table_problem
        except IndexDamaged as error:
            fingerprint, damage = None, str(error)
        if damage is not None:
            log.warning("%s Building it anew now.", damage)
        elif self.is_current(fingerprint):
            self.engine.tend()
            return False
        self.rebuild(progress)
        return True

    def prepare(self, progress: Progress = no_progress) -> None:
        """What an indexer does first: build the index if it isn't current, else heal it."""
        if not self.ensure_current(progress):
            self.heal()

    def rebuild(
        self,
        progress: Progress = no_progress,
        *,
        low_memory: bool = False,
        table: Table | None = None,
    ) -> int:
        """Build a new generation from everything in the archive. Returns how many chats it has.

        Chats that the engine refuses are queued again. `low_memory`: other work runs at the same
        time, so the build uses little memory and takes up to twice the time. What changes during
        the build stays in the queue and is indexed after it. `table`: the table of the new
        generation; None: that of the present one where it was fitted from the shipped one, else the
        shipped one.
        """
        shipped = self.tables.shipped()
        if shipped is None or table is None:
            table = self._fitted_from(shipped)
        last_sequence = self.archive.last_sequence()
        total = self.archive.counts().chats

        def with_total(step: str, done: int, known_total: int | None) -> None:
            self.check()
            told(step, done, max(total, done) if known_total is None else known_total)

        refused: Collection[int] = ()
        with self.rebuilding(progress) as told, self._as_indexer():
            try:
                count = self.engine.rebuild(
                    self._batches(self.archive.iterate(), self._batch_size(low_memory=low_memory)),
                    self._fingerprint(shipped, table),
                    self._documents(),
                    with_total,
                    low_memory=low_memory,
                    table=table,
                )
            except ChatsRefused as error:
                log.warning("%s", error)
                count, refused = error.written, error.chats
        self.archive.done_through(last_sequence)
        if refused:
            self.archive.queue(refused)
        return count

    def index_pending(self, progress: Progress = no_progress) -> int:
        """Index everything in the change queue. Returns how many chats were indexed. If very many
        wait, or if the index turns out to be damaged or missing, it is rebuilt instead. Raises
        `ChatsRefused` for those that the engine does not take, which stay in the queue, after all
        others are indexed."""
        counts = self.archive.counts()
        if rebuild_pays(counts.pending, counts.chats):
            self.rebuild(progress, low_memory=True)
            return counts.pending + self._index_queue(progress)
        try:
            return self._index_queue(progress)
        except IndexDamaged as error:
            log.warning("%s Building it anew now.", error)
            return self.rebuild(progress)

    def _index_queue(self, progress: Progress) -> int:
        done = 0
        refused: dict[int, str] = {}
        while entries := self.archive.changes(_CHATS_PER_COMMIT):
            if all(entry.chat_id in refused for entry in entries):
                raise ChatsRefused(refused)
            stored = self.archive.get([entry.chat_id for entry in entries])
            erased = [entry.chat_id for entry in entries if entry.chat_id not in stored]
            for batch in self._batches(stored.values(), self._batch_size(low_memory=True)):
                refused |= self._write(self._documents()(batch), erased)
                erased = []  # they were removed with the first batch
            if erased:
                self._write([], erased)
            again = [entry.chat_id for entry in entries if entry.chat_id in refused]
            if again:
                self.archive.queue(again)  # behind all others
            self.archive.done(entries)
            done += len(entries) - len(again)
            progress("index", done, done + self.archive.counts().pending)
        return done

    def heal(self) -> int:
        """Compare the index with the archive. Queue the chats that the index lacks or has in
        another revision, and remove those that the archive does not have. Returns how many chats
        differed."""
        lacking, surplus = compared(self.archive.id_revisions(), self.engine.id_revisions())
        if lacking:
            self.archive.queue(lacking)
        if surplus:
            self._write([], surplus)
        return len(lacking) + len(surplus)

    def _write(
        self, documents: Sequence[IndexDocument], erased: Sequence[int]
    ) -> Mapping[int, str]:
        """Returns which chats the engine does not take, and why."""
        with self._as_indexer():
            try:
                self.engine.write(documents, erased)
            except ChatsRefused as error:
                return error.chats
        return {}

    @contextmanager
    def _as_indexer(self) -> Iterator[None]:
        """Raises `IndexerDeposed` where this process is not the indexer any more. Where the engine
        says so, and the archive does not, the other one is the indexer of another archive: raises
        `IndexUnwritable`, so that the two do not depose one another again and again."""
        self.check()
        try:
            yield
        except IndexerDeposed as error:
            self.check()
            raise IndexUnwritable(
                f"{error} It is not the indexer of this archive: give each archive an index of its "
                "own (KCHAT_OPENSEARCH_PREFIX). If there is only this one, its clock was wrong: "
                "remove the index, and it is built anew."
            ) from error

    def _fingerprint(self, shipped: Table | None, used: Table | None = None) -> str:
        meaning = "none" if shipped is None else shipped.digest
        fit = f"+{used.digest}" if used is not None and used.fitted else ""
        return (
            f"{self.engine.schema}; document {DOCUMENT_VERSION}; zone {self.zone.key}; "
            f"{self.segmenter.fingerprint}; meaning {meaning}{fit}"
        )

    def _fitted_from(self, shipped: Table | None) -> Table | None:
        """The present generation's table if it was fitted from this one, else this one."""
        if shipped is None:
            return None
        try:
            fingerprint, table = self.engine.describe().fingerprint, self.engine.table()
        except INDEX_SILENT:
            return shipped  # a part of the index may be lost for ever
        if table is None or f"meaning {shipped.digest}+{table.digest}" not in (fingerprint or ""):
            return shipped
        return table

    def _batch_size(self, *, low_memory: bool) -> int:
        most = self.engine.batch_bytes
        return min(most, _BATCH_BYTES_LOW_MEMORY) if low_memory else most

    def _batches(
        self, chats: Iterable[StoredChat | DamagedRow], max_bytes: int
    ) -> Iterator[list[Source]]:
        """Chats in batches that fit into memory. What is damaged in the archive is left out, and
        the log says so; a document that the index has of it stays."""
        batch: list[Source] = []
        size = 0
        for stored in chats:
            if isinstance(stored, DamagedRow):
                log.error("Not indexed: %s", stored)
                continue
            source = self._source(stored)
            batch.append(source)
            size += len(source.raw) + sum(len(version.raw) for version in source.earlier)
            if size >= max_bytes or len(batch) == _CHATS_PER_BATCH:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _source(self, stored: StoredChat) -> Source:
        if stored.version == 1:
            return Source(stored.revision, stored.raw)
        with closing(self.archive.earlier_versions(stored.id)) as earlier:
            return Source(stored.revision, stored.raw, differing(stored.raw, earlier))

    def _documents(self) -> Documents:
        return Documents(
            chat_reader=self.chat_reader,
            segmenter=self.segmenter,
            zone=self.zone,
            agents=self.archive.agents(),
        )


class IndexWhileFetching:
    """Indexes now and then what a long fetch has brought. One for each sync."""

    def __init__(self, indexer: Indexer, clock: Clock, progress: Progress) -> None:
        self._indexer = indexer
        self._clock = clock
        self._progress = progress
        self._ended = clock()
        self._took = 0.0  # seconds
        self._is_unwritable = False

    def index_if_due(self) -> int:
        """Index what waits, if it is time to. Returns how many chats were indexed. Where the index
        can't be written, fetching goes on, and what it brings waits."""
        if self._is_unwritable:
            return 0
        began = self._clock()
        waited = (began - self._ended).total_seconds()
        if not index_now(self._indexer.archive.counts().pending, waited, self._took):
            return 0
        try:
            count = self._indexer.index_pending(self._progress)
        except IndexUnwritable as error:
            log.warning("%s Chats are archived meanwhile.", error)
            self._is_unwritable = True
            return 0
        self._ended = self._clock()
        self._took = (self._ended - began).total_seconds()
        return count
