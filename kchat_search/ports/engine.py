"""The port to what holds the index."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol, TypeVar

from kchat_search.models.plan import EngineAnswer, IndexDocument, Node, Plan
from kchat_search.models.reports import EngineState, Progress

Source = TypeVar("Source")
"""What documents are made from."""


class Engine(Protocol):
    """Holds the index and answers from it. Reading is safe from several threads, beside one
    writer in any process.

    Every method raises `IndexDamaged` where the index can't be read; those that write,
    `IndexUnwritable` where there is no room or no permission.
    """

    @property
    def schema(self) -> str:
        """Names the engine and the form of its index, such as «whoosh 3». It is part of what
        decides whether an index must be rebuilt. Called by the indexer."""
        ...

    @property
    def batch_bytes(self) -> int:
        """Bytes of raw JSON that a batch of `rebuild` should have, so that all the processes that
        build stay within the engine's memory. Called by the indexer."""
        ...

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
        low_memory: bool = False,
    ) -> int:
        """Build a new generation beside the present one, swap, drop the old; how many documents
        it has. The present one answers until the swap. `low_memory`: in this process, and with
        little memory, in up to twice the time. Called by the indexer, under its lock.

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

    def id_revisions(self) -> dict[int, int]:
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
