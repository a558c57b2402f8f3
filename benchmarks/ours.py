"""kchat-search as its own processes use it: `make_service`, an archive, an index.

Nothing here makes documents. Chats are archived and the indexer reads them from the archive, so
the benchmark measures the way that chats really go.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any
from uuid import uuid4

from benchmarks import corpus
from benchmarks.measure import say
from benchmarks.queries import Query
from kchat_search.composition import make_service
from kchat_search.config import Settings, only
from kchat_search.kchat.parse import ChatParser
from kchat_search.models.chats import FetchedChat
from kchat_search.models.reports import no_progress
from kchat_search.models.search import SearchRequest
from kchat_search.serialization.json_text import json_text
from kchat_search.serialization.links import Links
from kchat_search.serialization.search import search_json
from kchat_search.service import Service

_BATCH = 500
_PER_TICK = 10
_SAY_EVERY = 20_000
_CORPUS = "benchmark"
"""The archive's cursor that keeps the number of chats it was filled for."""

_LINKS = Links("http://127.0.0.1:5080/")


def settings(
    folder: Path, *, meaning: bool = True, cluster: bool = False, archive_url: str | None = None
) -> Settings:
    """Settings with the archive and the index in one folder. Kchat is never asked. `cluster`: the
    index is on the servers that `OPENSEARCH_HOSTS` names. `archive_url`: the archive is there."""
    elsewhere = (
        {
            "engine": "opensearch",
            "opensearch_hosts": os.environ["OPENSEARCH_HOSTS"],
            "opensearch_prefix": "kchat-benchmark",
            "opensearch_shards": int(os.environ.get("OPENSEARCH_SHARDS", "1")),
            "opensearch_replicas": int(os.environ.get("OPENSEARCH_REPLICAS", "0")),
        }
        if cluster
        else {}
    )
    return only(
        base_url="http://127.0.0.1:9",
        archive_url=archive_url or f"sqlite:///{folder}/archive.sqlite3",
        index_dir=folder / "index",
        log_level="WARNING",
        meaning=meaning,
        **elsewhere,
    )


@contextmanager
def opened(
    folder: Path, *, meaning: bool = True, cluster: bool = False, archive_url: str | None = None
) -> Iterator[Service]:
    """The service over a folder; see `settings`."""
    folder.mkdir(parents=True, exist_ok=True)
    service = make_service(
        settings(folder, meaning=meaning, cluster=cluster, archive_url=archive_url)
    )
    try:
        yield service
    finally:
        service.close()


def fill(service: Service, count: int) -> dict[str, float]:
    """Archive the corpus. Chats that are there stay, so a run that was stopped can continue."""
    archive = service.archive
    there = archive.counts().chats
    planned = (archive.cursor(_CORPUS) or {"chats": count})["chats"]
    if planned != count or there > count:  # a chat depends on the number of chats
        raise SystemExit(f"{service.archive!r} is for {planned:,} chats: remove it.")
    archive.set_cursor(_CORPUS, {"chats": count}, now=_now())
    archive.save_agents(corpus.agent_names(), now=_now())
    made = corpus.Timed(corpus.Corpus(count).chats(first=there))
    began = perf_counter()
    done = there
    for saved in saving(service, made):
        done += saved
        if done % _SAY_EVERY == 0:
            say(f"  archived {done:,} of {count:,}")
    seconds = perf_counter() - began - made.seconds
    return {"chats": made.count, "seconds": seconds, "rate": made.count / seconds}


def saving(service: Service, chats: Iterable[dict[str, Any]]) -> Iterator[int]:
    """Archive these chats as if Kchat had sent them. Yields the size of each batch."""
    parser = ChatParser(service.presentation.zone)
    iterator = iter(chats)
    while batch := list(islice(iterator, _BATCH)):
        service.archive.save([fetched(parser, chat) for chat in batch], now=_now())
        yield len(batch)


def build(service: Service, *, fitted: bool = False) -> float:
    """Build the index from the archive. Returns seconds, without the loading of the dictionary.

    `fitted`: as `reindex` does, with a table of meanings that is fitted on these chats, if it is
    found to help. Otherwise with the shipped table.
    """
    service.segmenter.load()
    told = 0

    def progress(step: str, done: int, total: int | None) -> None:
        nonlocal told
        if done >= told + _SAY_EVERY:
            told = done
            say(f"  {step} {done:,} of {total or 0:,}, {done / (perf_counter() - began):,.0f}/s")

    began = perf_counter()
    with service.indexing("benchmark"):
        (service.reindex if fitted else service.indexer.rebuild)(progress)
    return perf_counter() - began


def sizes(service: Service) -> dict[str, int]:
    """Bytes of the index by kind, if the engine reports them."""
    told: Callable[[], Mapping[str, int]] | None = getattr(service.engine, "sizes", None)
    return {} if told is None else dict(told())


class Asking:
    """Searches as the API does, JSON included, and measures the engine's part."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._seconds = {"search": 0.0, "count": 0.0, "write": 0.0}
        index, engine = service.searcher.index, service.engine  # what a search asks, who writes
        for of, name in ((index, "search"), (index, "count"), (engine, "write")):
            vars(of)[name] = self._timed(name, getattr(of, name))

    def ask(self, query: Query) -> tuple[int, dict[str, float]]:
        """The number of chats that have all that is asked for, and seconds by column.

        `engine` is the engine's search, `service` is the whole answer, `share` is the service
        without the engine.
        """
        self._seconds.update(search=0.0, count=0.0)
        began = perf_counter()
        page = self._service.search(query.request)
        json_text(search_json(query.request, page, self._service.presentation.zone, _LINKS))
        whole = perf_counter() - began
        engine = self._seconds["search"]
        share = whole - engine - self._seconds["count"]
        return page.total, {"engine": engine, "service": whole, "share": share}

    def committed(self) -> float:
        """Seconds in `engine.write` since the last call."""
        seconds = self._seconds["write"]
        self._seconds["write"] = 0.0
        return seconds

    def _timed(self, name: str, inner: Callable[..., Any]) -> Callable[..., Any]:
        def outer(*args: Any, **options: Any) -> Any:
            began = perf_counter()
            try:
                return inner(*args, **options)
            finally:
                self._seconds[name] += perf_counter() - began

        return outer


class Ticking:
    """Ticks of ten chats. `new` of them are new; the others have one more message."""

    def __init__(self, service: Service, count: int, new: int, seed: int = 11) -> None:
        self._service = service
        self._parser = ChatParser(service.presentation.zone)
        self._corpus = corpus.Corpus(count)
        self._there = count
        self._new = new
        self._rng = Random(seed)
        self._run = uuid4().hex[:12]  # an archive that is kept may have the marks of earlier runs
        self._ticks = 0

    def tick(self, asking: Asking) -> dict[str, float]:
        """One tick. Returns seconds: commit, all the indexing, first search, until found."""
        self._ticks += 1
        mark = f"{self._run}{self._ticks:08}"
        chats = [*self._added(mark), *self._changed(mark)]
        items = [fetched(self._parser, chat) for chat in chats]
        self._service.archive.save(items, now=_now())
        asking.committed()
        began = perf_counter()
        self._service.indexer.index_pending(no_progress)
        indexed = perf_counter()
        page = self._service.search(SearchRequest(q=f'"{mark}"', facets=()))
        found = perf_counter()
        if page.total != len(chats):
            raise SystemExit(f"{mark}: {page.total} chats were found, not {len(chats)}.")
        return {
            "commit": asking.committed(),
            "indexed": indexed - began,
            "first_search": found - indexed,
            "found": found - began,
        }

    def _added(self, mark: str) -> Sequence[dict[str, Any]]:
        numbers = range(self._there, self._there + self._new)
        self._there += self._new
        return [corpus.grown(self._corpus.chat(number), mark) for number in numbers]

    def _changed(self, mark: str) -> Sequence[dict[str, Any]]:
        """Half of them began lately, as when a chat goes on. The other half are any chats."""
        numbers: set[int] = set()
        while len(numbers) < _PER_TICK - self._new:
            oldest = 0 if len(numbers) % 2 else max(0, self._there - self._new - 1_000)
            numbers.add(self._rng.randrange(oldest, self._there - self._new))
        return [corpus.grown(self._corpus.chat(number), mark) for number in sorted(numbers)]


def fetched(parser: ChatParser, chat: dict[str, Any]) -> FetchedChat:
    """A chat as Kchat's client hands it on."""
    found = parser.parse_chat(chat)
    assert isinstance(found, FetchedChat), found
    return found


def _now() -> datetime:
    return datetime.now(UTC)
