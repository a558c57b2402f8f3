"""A whole build: batches of chats to documents of a new index, in several processes.

Each process makes the documents of a batch (parsing, folding, jieba) and sends them itself, so that
one cuts words while another waits for the servers.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from itertools import chain, islice
from typing import Any, NamedTuple, TypeVar

from kchat_search.engines.opensearch import bulk
from kchat_search.engines.opensearch.connection import Cluster, Connection
from kchat_search.engines.opensearch.documents import sources
from kchat_search.engines.opensearch.fence import Into
from kchat_search.engines.workers import BATCHES_AHEAD, FEWEST_BATCHES, can_spawn, workers
from kchat_search.meaning.table import Table
from kchat_search.models.plan import IndexDocument

Chat = TypeVar("Chat")


class Sent(NamedTuple):
    """What became of a batch."""

    chats: int
    refused: dict[int, str]
    """Those that the servers do not take, and why."""


class Target(NamedTuple):
    """Where documents go, and what makes them."""

    into: Into
    documents: Callable[[Sequence[Any]], Sequence[IndexDocument]]
    table: Table | None


def fill(
    connection: Connection, target: Target, batches: Iterable[Sequence[Chat]], processes: int
) -> Iterator[Sent]:
    """Put the documents of all batches into an index; what became of each, in their order.

    `target.documents` is sent to other processes, so it must be picklable. Raises what it and
    `batches` raise, and as `bulk.write` does.
    """
    iterator = iter(batches)
    first = list(islice(iterator, FEWEST_BATCHES))
    batches = chain(first, iterator)
    if processes == 1 or len(first) < FEWEST_BATCHES or not can_spawn():
        for batch in batches:
            yield _send(connection, target, batch)
        return
    content = None if target.table is None else target.table.content
    plain = target._replace(table=None)
    with workers(processes, _start, connection.cluster, plain, content) as pool:
        waiting: deque[Future[Sent]] = deque()
        for batch in batches:
            waiting.append(pool.submit(_send_batch, batch))
            if len(waiting) > BATCHES_AHEAD * processes:
                yield waiting.popleft().result()
        for future in waiting:
            yield future.result()


def _send(connection: Connection, target: Target, batch: Sequence[Any]) -> Sent:
    newest = {each.id: each for each in target.documents(batch)}
    made = sources(list(newest.values()), target.table)
    refused = bulk.write(connection, (bulk.index(target.into, one) for one in made))
    return Sent(len(newest), refused)


# -- in other processes --------------------------------------------------------------------------

_connection: Connection
_target: Target
"""What a process of the pool sends with, and what. `_start` sets both."""


def _start(cluster: Cluster, target: Target, table: bytes | None) -> None:
    """What each process of the pool does first."""
    global _connection, _target  # noqa: PLW0603  # a process of the pool has no other place for them
    _connection = Connection(cluster)
    _target = target._replace(table=None if table is None else Table.of(table))


def _send_batch(batch: Sequence[Any]) -> Sent:
    sent = _send(_connection, _target, batch)
    gc.collect()
    return sent
