"""The OpenSearch engine: `ports.Engine` over indexes of a cluster.

Any number of processes and threads may read while one writes. A search first asks whether there is
a newer commit or generation, unless the last has asked just now (`Cluster.refresh`).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TypeVar

from kchat_search.engines.opensearch import bulk
from kchat_search.engines.opensearch.build import Target, fill
from kchat_search.engines.opensearch.check import check, counted
from kchat_search.engines.opensearch.connection import (
    Cluster,
    Connection,
    SnapshotGone,
    is_silence,
)
from kchat_search.engines.opensearch.documents import sources
from kchat_search.engines.opensearch.fence import Fence
from kchat_search.engines.opensearch.generations import Generations, damaged
from kchat_search.engines.opensearch.mapping import VERSION
from kchat_search.engines.opensearch.reader import SeenIndex
from kchat_search.engines.opensearch.snapshot import NOTHING_STORED, Snapshot, Snapshots
from kchat_search.engines.workers import processors, unchanged
from kchat_search.errors import (
    INDEX_SILENT,
    ChatsRefused,
    EngineUnreachable,
    IndexDamaged,
    IndexUnwritable,
)
from kchat_search.meaning.table import Table
from kchat_search.models.plan import (
    EVERYTHING_SEEN,
    IndexDocument,
    Sight,
)
from kchat_search.models.reports import EngineState, IndexCheck, Progress, no_progress

Answer = TypeVar("Answer")
Chat = TypeVar("Chat")

_ATTEMPTS = 3
"""How often an answer is begun anew because the server no longer keeps the state that was read."""
_BATCH_BYTES = 4 << 20


class OpenSearchEngine(SeenIndex):
    """See `ports.Engine`. To read, it is the index as somebody sees it who sees everything. Every
    method raises `EngineUnreachable` where no server answers, or where they refuse who asks."""

    def __init__(self, cluster: Cluster, term: Callable[[], int] = int) -> None:
        """`term`: see `ports.Election.term`. No request is sent before the first call. Raises
        `SettingsError`."""
        super().__init__(self._reading, self._table_of, EVERYTHING_SEEN)
        self._connection = Connection(cluster)
        self._fence = Fence(self._connection, term)
        self._generations = Generations(self._connection, self._fence)
        self._snapshots = Snapshots(self._connection, self._generations)

    def __repr__(self) -> str:
        return f"OpenSearchEngine({self._connection!r})"

    @property
    def schema(self) -> str:
        """See `ports.Engine.schema`."""
        return f"opensearch {VERSION}"

    @property
    def batch_bytes(self) -> int:
        """See `ports.Engine.batch_bytes`."""
        return _BATCH_BYTES

    def seen(self, sight: Sight) -> SeenIndex:
        """See `ports.Engine.seen`."""
        return SeenIndex(self._reading, self._table_of, sight)

    def id_revisions(self) -> Iterator[tuple[int, int]]:
        """See `ports.Engine.id_revisions`."""

        def found(snapshot: Snapshot | None) -> Iterator[tuple[int, int]]:
            body = {
                "query": {"match_all": {}},
                "sort": [{"id": "asc"}, {"revision": "asc"}],  # so both come with the hits
                **NOTHING_STORED,
            }
            ids, revisions = array("q"), array("q")
            for hits in snapshot.pages(body, 2**62) if snapshot else ():
                ids.extend(hit["sort"][0] for hit in hits)
                revisions.extend(hit["sort"][1] for hit in hits)
            return zip(ids, revisions, strict=True)

        return self._reading(found)

    def describe(self) -> EngineState:
        """See `ports.Engine.describe`."""
        self._generations.forget_form()  # each tick asks
        current = self._generations.current()
        if current is None:
            return EngineState("opensearch", None, None, 0, 0, 0)
        documents = self._generations.count(current.index)
        size, segments = self._generations.size(current.index)
        _, problem = self._snapshots.table(current)
        return EngineState(
            engine="opensearch",
            generation=current.index,
            fingerprint=current.meta.fingerprint,
            documents=documents,
            size_bytes=size,
            segments=segments,
            table=None if problem else current.meta.table,
            table_fitted=current.meta.fitted and not problem,
            table_problem=problem,
        )

    def table(self) -> Table | None:
        """See `ports.Engine.table`."""
        current = self._generations.current()
        return None if current is None else self._snapshots.table(current)[0]

    def damage(self) -> str | None:
        """See `ports.Engine.damage`."""
        return self.check("", 1 << 62).damage

    def check(self, position: str, max_bytes: int) -> IndexCheck:
        """See `ports.Engine.check`."""

        def checked(snapshot: Snapshot | None) -> IndexCheck:
            if snapshot is None:
                return IndexCheck(None, 0)
            found = check(snapshot, position, max_bytes)
            if found.damage is None and found.position is None:
                _, problem = self._snapshots.table(snapshot.generation)
                return IndexCheck(None, found.read, problem)
            if found.damage is None:
                return found
            return IndexCheck(found.position, found.read, str(damaged(found.damage)))

        try:
            return counted(position, max_bytes) or self._reading(checked)
        except IndexDamaged as error:
            return IndexCheck(position, 0, str(error))

    # -- writing -----------------------------------------------------------------------------------

    def write(self, upserts: Sequence[IndexDocument], deletes: Collection[int] = ()) -> None:
        """See `ports.Engine.write`. Raises `IndexDamaged` if nothing was built yet.

        What was sent is seen by nobody before all of it is on the disks. If the servers fail in
        between, some of these chats may be seen with the next commit, each whole; the indexer
        writes all of them again."""
        with self._as_indexer():
            current = self._generations.claimed()
            if current is None:
                raise damaged("no generation was built")
            table, problem = self._snapshots.table(current)
            if problem is not None:
                raise IndexDamaged(problem)
            into = self._fence.into(current.index)
            newest = {document.id: document for document in upserts}
            made = sources(list(newest.values()), table)
            actions = [bulk.index(into, one) for one in made]
            actions += [bulk.delete(into, each) for each in set(deletes) - newest.keys()]
            refused = bulk.write(self._connection, actions)
            current = self._generations.commit(current)
        self._snapshots.outdated()
        if refused:
            raise ChatsRefused(refused, current.meta.documents)

    def rebuild(
        self,
        batches: Iterable[Sequence[Chat]],
        fingerprint: str,
        documents: Callable[[Sequence[Chat]], Sequence[IndexDocument]] = unchanged,
        progress: Progress = no_progress,
        *,
        low_memory: bool = False,
        table: Table | None = None,
    ) -> int:
        """See `ports.Engine.rebuild`."""
        with self._as_indexer():
            new = self._generations.begin(fingerprint, table)
            target = Target(self._fence.into(new.index), documents, table)
            processes = 1 if low_memory else self._connection.cluster.processes or processors()
            try:
                done = 0
                refused: dict[int, str] = {}
                for sent in fill(self._connection, target, batches, processes):
                    done += sent.chats
                    refused |= sent.refused
                    progress("index", done, None)
                self._generations.merge(new.index, lambda: progress("merge", 0, 1))
                progress("merge", 1, 1)
                new = self._generations.commit(new)
                self._generations.ready(new, lambda: progress("index", done, None))
            except BaseException:
                self._remove(new.index)
                raise
            # A swap that was not answered may be carried out yet: then nothing is removed. What is
            # left, if it was not, the next build removes.
            self._generations.swap(new)
        self._snapshots.outdated()
        if refused:
            raise ChatsRefused(refused, new.meta.documents)
        return new.meta.documents

    @contextmanager
    def _as_indexer(self) -> Iterator[None]:
        """What a later indexer has claimed, swapped or removed looks like damage to a former one:
        then raises `IndexerDeposed`."""
        try:
            yield
        except IndexDamaged:
            self._generations.check_term()
            raise

    def _remove(self, index: str) -> None:
        """Remove what a failed build has left; if the servers do not answer, the next one does."""
        with suppress(*INDEX_SILENT):
            self._generations.remove(index)

    def tend(self) -> None:
        """See `ports.Engine.tend`."""
        # Who may not, is not told: a copy less is no harm to answers, and the servers say it.
        with suppress(IndexUnwritable, IndexDamaged):
            self._generations.place_copies()

    def close(self) -> None:
        """See `ports.Engine.close`."""
        try:
            self._snapshots.close()
        finally:
            self._connection.close()

    # -- reading -----------------------------------------------------------------------------------

    def _reading(self, answer: Callable[[Snapshot | None], Answer]) -> Answer:
        """The answer of the newest state; again, if the server has forgotten it: a server that held
        it was ended, or nobody read it for long."""
        for _ in range(_ATTEMPTS):
            snapshot = None
            try:
                snapshot = self._snapshots.newest()
                if snapshot is None:
                    return answer(None)
                with snapshot:
                    return answer(snapshot)
            except SnapshotGone:
                if snapshot is not None:
                    self._snapshots.drop(snapshot)
            except EngineUnreachable as error:
                # It is one of those that keep this state; others may have the same chats.
                if snapshot is not None and is_silence(error):
                    self._snapshots.drop(snapshot, silent=True)
                raise
        raise EngineUnreachable(
            "OpenSearch loses what is being read, again and again: some of its servers may be "
            "starting or ending. Try again in a minute."
        )

    def _table_of(self, snapshot: Snapshot) -> Table | None:
        return self._snapshots.table(snapshot.generation)[0]
