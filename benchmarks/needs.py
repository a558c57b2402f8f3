"""What many chats need, calculated from what one chat costs: the arithmetic of `simulate`.

A figure that depends on the number of chats is measured at two numbers, and taken for a line
through these points. What is far beyond the greater one is a guess.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.tables import size

INPUTS = Path(__file__).with_name("simulate.json")
MOST_DOCUMENTS = 2**31 - 1
"""Of a shard: Lucene numbers them with an int, nested ones too."""
FEWEST_NODES = 3
MERGED = 2
"""An index that is merged takes so many times its room."""
_DAY = 86_400.0
_SMALLEST, _GREATEST = 10_000, 100_000_000_000


class Inputs:
    """Figures by name: numbers, or lines through two points."""

    def __init__(self, content: Mapping[str, Mapping[str, Any]], **others: float) -> None:
        """`content`: as in `simulate.json`. `others`: in place of those there."""
        self.content = content
        every = {**content["measured"], **content["assumed"]}
        if unknown := others.keys() - every.keys():
            raise SystemExit(f"There is no input {', '.join(sorted(unknown))}.")
        self._values = {name: one.get("value") for name, one in every.items()} | others
        self._points = {name: one["points"] for name, one in every.items() if "points" in one}

    def __getattr__(self, name: str) -> float:
        value = self.__dict__["_values"][name]
        assert value is not None, f"{name} is a line"
        return float(value)

    @property
    def more(self) -> float:
        """So many more messages has a chat of yours than one that was measured."""
        return self.messages_a_chat - self.messages

    @property
    def longer(self) -> float:
        """So many times as long it is. Archives and times grow with the text."""
        return self.messages_a_chat / self.messages

    def line(self, name: str, chats: float) -> float:
        """The value at this number of chats, of a figure that was measured at two numbers."""
        if self._values[name] is not None:  # set from outside: the same everywhere
            return float(self._values[name])
        (n0, v0), (n1, v1) = self._points[name]
        return float(v0 + (v1 - v0) * (chats - n0) / (n1 - n0))


def read(path: Path = INPUTS, **others: float) -> Inputs:
    """The inputs of a file."""
    return Inputs(json.loads(path.read_text("utf-8")), **others)


# -- the arithmetic --------------------------------------------------------------------------------

Figures = dict[str, float]
"""Bytes, seconds, numbers."""


def figures(given: Inputs, chats: float) -> Figures:
    """All figures for a number of chats."""
    return _sync(given, chats) | _one_machine(given, chats) | _cluster(given, chats)


def _sync(i: Inputs, chats: float) -> Figures:
    """What Kchat and one indexer allow, with the archive on PostgreSQL."""
    a_page = i.page_ms / 1000 / i.in_flight  # seconds, with so many requests on their way at once
    arrivals = chats / (i.years * 365)

    def listed(many: float) -> float:
        """Seconds for a list of so many chats that are there already."""
        known = (i.parse_ms + i.postgres_seen_ms) * i.longer / 1000
        return max(many / i.per_page * a_page, many * known)

    tick = listed(i.overlap_days * arrivals) + i.recheck_per_tick * a_page
    ticks_a_day = _DAY / max(i.interval_seconds, tick)
    swept_a_day = i.reconcile_pages_per_tick * i.per_page * ticks_a_day
    marked_a_day = i.overlap_days * arrivals * min(i.marks_a_day, ticks_a_day)
    seen_a_day = swept_a_day + i.recheck_per_tick * ticks_a_day + marked_a_day
    new_bytes = i.postgres_wal_bytes * i.longer
    return {
        "backfill": max(2 * chats / i.per_page * a_page, chats * i.sync_ms * i.longer / 1000),
        "arrivals": arrivals,
        "tick": tick,
        "rechecks": i.recheck_per_tick * ticks_a_day / arrivals,
        "sweep": chats / swept_a_day * _DAY,
        "reconcile": listed(i.reconcile_days * arrivals),
        "wal": arrivals * new_bytes + seen_a_day * i.postgres_seen_wal_bytes,
    }


def _one_machine(i: Inputs, chats: float) -> Figures:
    """SQLite and Whoosh."""
    archive = chats * i.sqlite_bytes * i.longer * (1 + i.versions_a_chat)
    index = chats * (i.whoosh_bytes + i.more * i.whoosh_message_bytes)
    texts = chats * i.longer / 1000
    return {
        "one_archive": archive,
        "one_index": index,
        "one_disk": archive * (1 + i.backups) + 2 * index,
        "one_building": i.line("whoosh_building_bytes", chats),
        "one_serving": i.line("whoosh_serving_bytes", chats),
        "one_search": i.line("whoosh_search_ms", chats) / 1000,
        "one_reindex": texts * i.whoosh_build_ms / i.one_processors,
        "one_scrub": texts * (i.sqlite_check_ms + i.whoosh_check_ms),
        "one_begin_memory": chats * (i.whoosh_revisions_bytes + i.sqlite_revisions_bytes),
    }


def _cluster(i: Inputs, chats: float) -> Figures:
    """PostgreSQL and OpenSearch."""
    archive = chats * i.postgres_bytes * i.longer * (1 + i.versions_a_chat)
    index = chats * (i.opensearch_bytes + i.more * i.opensearch_message_bytes)
    documents = chats * (i.opensearch_documents + i.more)
    texts = chats * i.longer / 1000
    copies = 1 + i.replicas
    # The next generation beside the present one: being merged, without replicas; then with them.
    disk = index * (copies + max(copies, MERGED)) / i.full_share
    cache = index * copies * i.cache_share
    shards = max(1, ceil(index / i.shard_bytes), ceil(documents / MOST_DOCUMENTS))
    search = i.line("opensearch_search_ms", chats) / 1000
    busy = search * i.searches_a_second
    nodes = max(
        FEWEST_NODES,
        ceil(disk / i.node_disk_bytes),
        ceil(cache / (i.node_memory_bytes - i.heap_bytes - i.system_bytes)),
        ceil(busy / (i.node_processors * i.busy_share)),
    )
    ours, servers = texts * i.opensearch_build_ms, texts * i.opensearch_build_server_ms
    scrub = texts * (i.postgres_check_ms + i.opensearch_check_ms)
    written = texts / (i.years * 365) * i.writes_a_chat * i.opensearch_write_ms
    return {
        "archive": archive,
        "archive_disk": archive * (1 + i.standbys),
        "backups": archive * i.backups,
        "index": index,
        "index_copies": index * copies,
        "index_disk": disk,
        "documents": documents,
        "one_shard": documents / MOST_DOCUMENTS,
        "shards": shards,
        "chats_a_shard": chats / shards,
        "cache": cache,
        "bits": documents * copies / 8,
        "nodes": nodes,
        "heap": nodes * i.heap_bytes,
        "search_processor": search,
        "search": search / min(shards, nodes * i.node_processors),
        "busy": busy,
        "reindex_ours": ours,
        "reindex_servers": servers,
        "reindex": max(ours / i.indexer_processors, servers / (nodes * i.node_processors)),
        "indexing": written,
        "begin": chats * (i.opensearch_revisions_ms + i.postgres_revisions_ms) / 1000,
        "begin_memory": chats * (i.opensearch_revisions_bytes + i.postgres_revisions_bytes),
        "agent": texts * i.postgres_agent_ms,
        "scrub": scrub,
        "scrub_percent": 100 * scrub / (i.scrub_days * _DAY),
        "copy": texts * i.copy_ms,
        "ids": 8 * chats,
    }


# -- what breaks first -----------------------------------------------------------------------------


class Limit(NamedTuple):
    """Where a figure becomes more than can be borne."""

    what: str
    figure: str
    most: float
    step: str
    """What to do then."""


def limits(i: Inputs) -> tuple[Limit, ...]:
    """All that grows with the chats and has an end."""
    memory = i.node_memory_bytes
    return (
        Limit(
            "Whoosh: a search (p95) takes what a request may",
            "one_search",
            i.request_seconds,
            "OpenSearch",
        ),
        Limit(
            f"Whoosh: a build needs {size(memory)} of memory",
            "one_building",
            memory,
            "OpenSearch",
        ),
        Limit(
            f"an indexer that begins needs {size(i.heap_bytes)} of memory, to compare index and "
            "archive",
            "begin_memory",
            i.heap_bytes,
            "a machine with more; then, compare range by range of ids",
        ),
        Limit(
            "an indexer that begins, or takes over, finds nothing new for ten minutes",
            "begin",
            600.0,
            "compare in the background, range by range",
        ),
        Limit(
            "a new or renamed agent keeps the indexer for ten minutes",
            "agent",
            600.0,
            "ask the index for the name, not every text",
        ),
        Limit(
            "a tick takes longer than the interval",
            "tick",
            i.interval_seconds,
            "`KCHAT_REQUESTS_IN_FLIGHT`, `KCHAT_SYNC_INTERVAL_SECONDS`; then, list less than a day "
            "in most ticks",
        ),
        Limit(
            "PostgreSQL writes 100 GB of log a day",
            "wal",
            1e11,
            "`KCHAT_RECONCILE_PAGES_PER_TICK`; keep less of the log",
        ),
        Limit(
            "not every chat is looked at again in the days after its end",
            "unchecked",
            1.0,
            "`KCHAT_RECHECK_PER_TICK`",
        ),
        Limit(
            "a sweep of the whole list takes 30 days",
            "sweep",
            30 * _DAY,
            "`KCHAT_RECONCILE_PAGES_PER_TICK`",
        ),
        Limit(
            "the scrub needs more of a processor than it may take",
            "scrub_percent",
            i.scrub_percent,
            "`KCHAT_SCRUB_CPU_PERCENT`, `KCHAT_SCRUB_DAYS`",
        ),
        Limit(
            "a reindex takes 8 hours, in which nothing new is found",
            "reindex",
            8 * 3600.0,
            "more processors for the indexer; then, build on several machines",
        ),
        Limit(
            "one shard has as many documents as Lucene can number",
            "one_shard",
            1.0,
            "more shards: `KCHAT_OPENSEARCH_SHARDS`, and a reindex",
        ),
        Limit(
            f"the index is more than one shard of {size(i.shard_bytes)}",
            "index",
            i.shard_bytes,
            "more shards: `KCHAT_OPENSEARCH_SHARDS`, and a reindex",
        ),
        Limit(
            f"{i.searches_a_second:g} searches a second need more processors than the fewest nodes "
            "have to spare",
            "busy",
            i.busy_share * FEWEST_NODES * i.node_processors,
            "more nodes, and shards to spread over them",
        ),
        Limit(
            "indexing what changes takes one process all day",
            "indexing",
            _DAY,
            "several processes make the documents of a tick",
        ),
        Limit(
            f"an export of everything holds {size(1e9)} of ids",
            "ids",
            1e9,
            "exports of some years each",
        ),
    )


def breaks_at(given: Inputs, limit: Limit) -> float | None:
    """The number of chats from which on a figure is more than it may be; None if it never is, as
    far as is looked. Figures only grow with the chats."""
    low, high = float(_SMALLEST), float(_GREATEST)
    if _is_broken(given, limit, low) or not _is_broken(given, limit, high):
        return None
    while high / low > 1.001:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if _is_broken(given, limit, middle) else (middle, high)
    return high


def _is_broken(given: Inputs, limit: Limit, chats: float) -> bool:
    found = figures(given, chats)
    found["unchecked"] = 1 / found["rechecks"]
    return found[limit.figure] > limit.most
