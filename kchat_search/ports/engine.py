"""The port to what holds the index and answers from it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from kchat_search.meaning.clusters import Openings
from kchat_search.meaning.table import Table
from kchat_search.models.plan import (
    Alike,
    AlikeHit,
    EngineAnswer,
    FilterField,
    IndexDocument,
    Node,
    Plan,
    Sight,
)
from kchat_search.models.reports import EngineState, IndexCheck, Progress

Source = TypeVar("Source")
"""What a document is made from."""


class IndexReader(Protocol):
    """Answers from the index. Raises as `Engine` does."""

    def search(self, plan: Plan) -> EngineAnswer:
        """Carry out a plan. An index that was never built has no chats. Called by search."""
        ...

    def ids(self, plan: Plan) -> Sequence[int]:
        """The ids of all chats that fulfil the plan's `match` and filters, newest first or oldest
        first as its `sort` says. The rest of the plan has no effect. All ids are of one state of
        the index, and each takes only some bytes. Called by search, for exports and verify."""
        ...

    def count(self, match: Node, *, history: bool = False) -> int:
        """How many chats match, exactly. `history`: former passages are looked into too. Called by
        search."""
        ...

    def values(
        self, field: FilterField, prefix: str, limit: int, shows: Callable[[str], bool]
    ) -> tuple[str, ...]:
        """The values of a field that begin with a prefix and that `shows` lets through, in the
        order of their code points, at most `limit`. Some chat has each. Called by search, to
        complete what is typed."""
        ...

    def first_characters(self, field: FilterField) -> tuple[str, ...]:
        """The characters that the values of a field begin with, in the order of their code points.
        Called by search, to complete a value by how it sounds."""
        ...

    def openings(self, match: Node) -> Openings:
        """What the visitors of all chats that match asked first; a chat whose visitor said nothing
        is left out, and all are where the index has no vectors. Called by sync, for the hot
        questions."""
        ...

    def similar(self, word: str, limit: int) -> tuple[str, ...]:
        """Words of the index that are near a folded word, at most `limit`, for «did you mean».

        First come words that sound alike (or whose pinyin `word` is), then words that differ by one
        character: changed, inserted, left out, or two neighbours swapped. Among equally near words,
        those of the most chats come first. Each is in some chat. Called by search.
        """
        ...

    def alike(self, asked: Alike) -> tuple[AlikeHit, ...]:
        """The chats that are most like one, at most `limit`, best first; of equally good ones, the
        newest, then the highest id. The chat itself is not among them, and need not be in the
        index. A chat without any of its words is not like it. The score: the words that both have,
        by BM25, as a share of what the chat has in common with itself, and a part of the cosine of
        the two openings that are nearest, where both chats have vectors. Called by search."""
        ...


class Engine(IndexReader, Protocol):
    """Holds the index and answers from it. Several threads may read at once, while one writer, in
    any process, writes.

    Every method raises `IndexDamaged` if the index can't be read. Those that write raise
    `IndexUnwritable` if there is no room or no permission, or if another process is writing, and
    `ChatsRefused` for chats that they can't take, after all others are written. An engine on other
    machines raises `EngineUnreachable` from any method, where they do not answer,
    and `IndexerDeposed` from those that write, where an indexer of a later term has written:
    nothing that this one still has under way changes what is seen then. It is told the term by
    `ports.Election.term`; one in a folder needs none, because who writes there holds a lock of the
    system.
    """

    @property
    def schema(self) -> str:
        """Names the engine and the form of its index, such as «whoosh 3». It is part of what
        decides whether an index must be rebuilt. Called by the indexer."""
        ...

    @property
    def batch_bytes(self) -> int:
        """How many bytes of raw JSON a batch of `rebuild` should have, so that all the processes
        that build stay within the engine's memory. Called by the indexer."""
        ...

    def write(self, upserts: Sequence[IndexDocument], deletes: Collection[int] = ()) -> None:
        """Put documents in, each replacing one of the same id, and remove the chats `deletes` (ids
        in both are put in). All of it is on the disk on return, or nothing has changed. Called only
        by the indexer, under its lock."""
        ...

    def rebuild(
        self,
        batches: Iterable[Sequence[Source]],
        fingerprint: str,
        documents: Callable[[Sequence[Source]], Sequence[IndexDocument]],
        progress: Progress,
        *,
        low_memory: bool = False,
        table: Table | None = None,
    ) -> int:
        """Build a new generation beside the present one, switch to it, and remove the old one.
        Returns how many documents it has. The present one answers until the switch. Called by the
        indexer, under its lock.

        `documents` makes the documents of a batch. It may be called in other processes, so it must
        be picklable. `fingerprint` is what `describe` will say. `low_memory`: in this process and
        with little memory, which may take twice the time. `table` makes the vectors of the
        documents' `openings`; it becomes a part of the generation, which answers and is written to
        with it. None: the generation has no vectors.

        Raises what `batches` and `documents` raise; then nothing has changed.
        """
        ...

    def seen(self, sight: Sight) -> IndexReader:
        """The index as somebody sees it. What they do not see is to them as if it were not there:
        every answer, with its scores, is that of an index of what they see alone.

        The restriction is evaluated once for each commit, and looks at all that there is. Who sees
        masked finds a literal in the `text` and `joined` of passages; one with numbers between
        `WHOLE_BEGINS` and `WHOLE_ENDS`, all of them whole, in `Hidden.whole` and `whole_files`.
        `HasWord` and `Near` know no whole numbers. `history` has no effect, and
        `EngineAnswer.former` is None. Chats that both find come in one order, with one score: that
        of the masked form. Cheap; called by search for each request."""
        ...

    def id_revisions(self) -> Iterator[tuple[int, int]]:
        """(id, revision) of every document, id ascending, all of one state. All are read before
        this returns, and take 16 bytes each. Called by the indexer and verify."""
        ...

    def damage(self) -> str | None:
        """Read every byte of the index and compare it with its checksum. Returns a message that
        says what is damaged and what to do; None if nothing is. Called by verify."""
        ...

    def check(self, position: str, max_bytes: int) -> IndexCheck:
        """Do a part of what `damage` does: read about `max_bytes` bytes from `position` on.

        «» is the beginning; what is returned says where to go on. A position stays good after
        commits, rebuilds and restarts: files that were there at the beginning and still are there
        are read whole, new ones perhaps the next time. A position that can't be understood means
        the beginning. Called by the worker, a part each tick."""
        ...

    def describe(self) -> EngineState:
        """The generation, its fingerprint, number of documents and size. Called by service and the
        indexer."""
        ...

    def table(self) -> Table | None:
        """The table that the generation's vectors are made with; None where it has none, or it
        can't be read. Called by the indexer, which keeps one that was fitted on the archive."""
        ...

    def tend(self) -> None:
        """Do what an index needs now and then and does not do by itself; no answer changes by that.
        What can't be done now is left for the next time, and nothing is raised. Called by the
        indexer, with each tick."""
        ...

    def close(self) -> None:
        """Close all files. Called by service."""
        ...
