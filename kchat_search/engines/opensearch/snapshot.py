"""One state of the index, opened: a commit of a generation, kept by the server for as long as it is
read (a point in time). Statistics and counts of it that were asked for once are kept here.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from time import monotonic, sleep
from typing import Any, Self

from kchat_search import processor_time
from kchat_search.engines.opensearch.clauses import fitted
from kchat_search.engines.opensearch.connection import Connection, SnapshotGone
from kchat_search.engines.opensearch.generations import Generation, Generations
from kchat_search.engines.opensearch.mapping import MOST_HITS, Json
from kchat_search.engines.opensearch.queries import every, restriction
from kchat_search.errors import EngineUnreachable, KchatSearchError, RequestTooExpensive
from kchat_search.meaning.table import Table
from kchat_search.models.plan import Sight

BY_SCORE: list[Json] = [{"_score": "desc"}, {"time": "desc"}, {"id": "desc"}]
NOTHING_STORED: Json = {"_source": False, "stored_fields": "_none_"}
"""For hits of which no more is wanted than what they are sorted by."""
_KEPT = "10m"
"""So long the server keeps a state that nobody reads."""
_PATIENCE = 10
"""A server under load may take so many times the processor time that a request may use: it does
other work in between."""
_MOST_SIGHTS = 256
_SEARCHES_AT_ONCE = 200
"""The frequencies of so many words are asked for in one request."""
_MOST_COUNTS = 1_000
"""So many counts are kept for a state."""
_MOST_WORDS = 20_000
"""So many statistics are kept for a state."""
_ATTEMPTS, _PAUSE = 20, 0.05
"""How often a state is opened that is just being made seen, and seconds between two attempts."""


@dataclass
class Statistics:
    """Of what somebody sees."""

    documents: int
    words: int
    """Of all documents together."""
    former: int
    """How many documents have former passages."""
    dfs: dict[str, int] = field(default_factory=dict)
    """By word: how many documents have it; of those that were asked for."""


class Snapshot:
    """It never changes; a newer one replaces it. Safe to share between threads."""

    def __init__(self, connection: Connection, generation: Generation, pit: str) -> None:
        self.generation = generation
        self._connection = connection
        self._pit = pit
        self._statistics: dict[Sight, Statistics] = {}
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()
        self._readers = 0
        self._retired = False

    def search(self, body: Json) -> Mapping[str, Any]:
        """One search of this state; see `searches`."""
        return self.searches([body])[0]

    def searches(self, bodies: Sequence[Json]) -> list[Mapping[str, Any]]:
        """Some searches of this state, in one request. All of it, or none: the answer of some
        shards is no answer.

        Raises `SnapshotGone`, `RequestTooExpensive` and as `Connection.ask` does."""
        processor_time.check()
        read: Json = {"pit": {"id": self._pit, "keep_alive": _KEPT}}
        left = processor_time.left()
        limited = left != math.inf  # then the server says whether it took too long
        if limited:
            # In whole seconds, because servers keep answers by what was asked to the letter.
            read["timeout"] = f"{math.ceil(left * _PATIENCE) or 1}s"
        answers = self._connection.search([read | fitted(body) for body in bodies], partial=limited)
        if any(answer["timed_out"] for answer in answers):
            raise RequestTooExpensive(left)
        parts = [answer["_shards"] for answer in answers]
        if any(part["failed"] or part["successful"] < part["total"] for part in parts):
            raise SnapshotGone
        return answers

    def pages(self, body: Json, limit: int) -> Iterator[Sequence[Mapping[str, Any]]]:
        """The hits of a search, at most `limit`, some thousand at a time. `body` has `sort`, the
        last key of which no two hits have in common."""
        after: object = None
        while limit > 0:
            size = min(limit, MOST_HITS)
            asked = body if after is None else {**body, "search_after": after}
            hits = self.search({**asked, "size": size, "track_total_hits": False})["hits"]["hits"]
            if hits:
                yield hits
            if len(hits) < size:
                return
            after = hits[-1]["sort"]
            limit -= size

    def terms(
        self, query: Json, field: str, at_once: int, after: str | None = None
    ) -> Iterator[list[tuple[str, int]]]:
        """(term, how many chats have it) of all terms that the chats of a query have in a field, in
        the order of their code points, some at a time; those behind `after`."""
        while True:
            pages: Json = {"size": at_once, "sources": [{"term": {"terms": {"field": field}}}]}
            if after is not None:
                pages["after"] = {"term": after}
            body: Json = {"query": query, "size": 0, "aggs": {"pages": {"composite": pages}}}
            buckets = self.search(body)["aggregations"]["pages"]["buckets"]
            yield [(bucket["key"]["term"], bucket["doc_count"]) for bucket in buckets]
            if len(buckets) < at_once:
                return
            after = buckets[-1]["key"]["term"]

    def count(self, query: Json) -> int:
        """How many chats fulfil a query."""
        key = json.dumps(query)
        total = self._counts.get(key)
        if total is None:
            total = total_of(self.search(counting(query)))
            if len(self._counts) >= _MOST_COUNTS:
                self._counts = {}
            self._counts[key] = total
        return total

    def statistics(self, sight: Sight, words: Iterable[str]) -> Statistics:
        """Those of what somebody sees, with the frequencies of these words."""
        wanted = list(dict.fromkeys(words))
        with self._lock:
            known = self._statistics.get(sight)
            dfs = {w: known.dfs[w] for w in wanted if w in known.dfs} if known else {}
        lacking = [word for word in wanted if word not in dfs]
        if known is not None and not lacking:
            return known
        counted = self._counted(sight, known, lacking)
        with self._lock:
            if len(self._statistics) > _MOST_SIGHTS:
                self._statistics.clear()
            known = self._statistics.get(sight)
            if known is None or len(known.dfs) > _MOST_WORDS:
                # Nothing is taken out of one that somebody may be reading.
                known = self._statistics[sight] = counted
            known.dfs.update(dfs | counted.dfs)
        return known

    def _counted(self, sight: Sight, known: Statistics | None, words: Sequence[str]) -> Statistics:
        """The same, from the server; what is not of words from `known`, if it is."""
        seen = restriction(sight)
        every_chat = counting(seen) | {
            "aggs": {
                "words": {"sum": {"field": "length"}},
                "former": {"filter": {"term": {"has_former": True}}},
            }
        }
        of_words = [counting(every([seen, {"term": {"words": word}}])) for word in words]
        bodies = of_words if known else [every_chat, *of_words]
        answers = [
            answer
            for start in range(0, len(bodies), _SEARCHES_AT_ONCE)
            for answer in self.searches(bodies[start : start + _SEARCHES_AT_ONCE])
        ]
        dfs = dict(zip(words, map(total_of, answers[len(bodies) - len(words) :]), strict=True))
        if known:
            return replace(known, dfs=dfs)
        found = answers[0]["aggregations"]
        return Statistics(
            total_of(answers[0]),
            int(found["words"]["value"] or 0),
            int(found["former"]["doc_count"]),
            dfs,
        )

    # -- as long as it is read ---------------------------------------------------------------------

    def __enter__(self) -> Self:
        with self._lock:
            self._readers += 1
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._readers -= 1
            over = self._retired and not self._readers
        if over:
            self._forget()

    def retire(self) -> None:
        """Nobody will read it any more, but for who reads it now."""
        with self._lock:
            over = not self._retired and not self._readers
            self._retired = True
        if over:
            self._forget()

    def _forget(self) -> None:
        try:
            self._connection.ask(
                "DELETE", "/_search/point_in_time", {"pit_id": [self._pit]}, missing_is_none=True
            )
        except (SnapshotGone, KchatSearchError):
            return  # the server forgets it by itself


def counting(query: Json) -> Json:
    """The body of a search that only counts; see `total_of`."""
    return {"query": query, "size": 0, "track_total_hits": True}


def total_of(answer: Mapping[str, Any]) -> int:
    """How many chats fulfil the query of a search."""
    return int(answer["hits"]["total"]["value"])


class Snapshots:
    """The newest state of the index. Safe to share between threads."""

    def __init__(self, connection: Connection, generations: Generations) -> None:
        self._connection = connection
        self._generations = generations
        self._lock = threading.Lock()
        self._open: Snapshot | None = None
        self._asked = -math.inf
        """When the servers were asked whether it is the newest."""
        self._written = 0
        """How often this process has written."""
        self._failed_at, self._failure = -math.inf, ""
        """When the servers opened no state at last, and why."""
        self._table: tuple[str, Table | None, str | None] | None = None

    def outdated(self) -> None:
        """Something was written: who reads next asks for the newest state."""
        with self._lock:
            self._asked = -math.inf
            self._written += 1

    def newest(self) -> Snapshot | None:
        """The newest state, or one that was the newest `Cluster.refresh` seconds ago; None if
        nothing was built."""
        began = monotonic()
        with self._lock:
            if self._open is not None and began < self._asked + self._connection.cluster.refresh:
                return self._open
            written = self._written
        current = self._generations.current(of_any_server=True)
        with self._lock:
            before = self._open
            if current is None:
                return None
            if written == self._written:
                self._asked = began
            if before is not None and before.generation.is_as_new_as(current):
                return before
            if began < self._failed_at:  # while this thread waited for another one, which tried
                raise EngineUnreachable(self._failure)
            try:
                self._open = self._opened(current)
            except EngineUnreachable as error:
                self._failed_at, self._failure = monotonic(), str(error)
                raise
        if before is not None:
            before.retire()
        return self._open

    def _opened(self, current: Generation) -> Snapshot:
        for attempt in count(1):
            # It is removed if a rebuild has just ended; then there is a newer one.
            opened = self._connection.ask(
                "POST",
                f"/{current.index}/_search/point_in_time",
                missing_is_none=True,
                keep_alive=_KEPT,
                # Else it would leave out what is away, and not say so.
                allow_partial_pit_creation="false",
            )
            now = self._generations.current(of_any_server=True)
            if opened is not None:
                snapshot = Snapshot(self._connection, current, opened["pit_id"])
                if now == current and not current.meta.refreshing:
                    return snapshot
                if attempt == _ATTEMPTS:
                    return snapshot  # a writer that was killed says «refreshing» until the next one
                snapshot.retire()
            if now is None or attempt == _ATTEMPTS:
                raise SnapshotGone
            current = now
            sleep(_PAUSE)
        raise AssertionError("the last attempt returns")

    def table(self, generation: Generation) -> tuple[Table | None, str | None]:
        """The table of a generation, read once; see `Generations.read_table`."""
        with self._lock:
            if self._table is None or self._table[0] != generation.index:
                self._table = (generation.index, *self._generations.read_table(generation))
            return self._table[1:]

    def drop(self, snapshot: Snapshot, *, silent: bool = False) -> None:
        """The servers no longer keep this state, or are `silent`: then they are not asked to forget
        it."""
        with self._lock:
            if self._open is snapshot:
                self._open = None
        if not silent:
            snapshot.retire()

    def close(self) -> None:
        """Forget the state that is open."""
        with self._lock:
            snapshot, self._open = self._open, None
        if snapshot is not None:
            snapshot.retire()
