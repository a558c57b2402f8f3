"""What one chat costs: bytes, and milliseconds of a processor, in each archive and engine.

    python -m benchmarks.costs --chats 20000 [--postgres]
    OPENSEARCH_HOSTS=http://127.0.0.1:9200 python -m benchmarks.costs --chats 20000 --opensearch

Times are processor time, of all processes that took part, the servers' included: so they hold on a
busy machine, too. With `--inputs FILE` the figures are put into the inputs of `simulate`.

    …_bytes             of a chat: the archive with its indexes; one copy of the index
    …_message_bytes     what one more message adds to the index
    …_save_ms           a new chat is archived
    …_seen_ms           a chat is archived that is there already, unchanged
    …_wal_bytes         of PostgreSQL's log for a new chat; …_seen_wal_bytes, for one seen again
    …_agent_ms          an agent is new, so all texts are looked through for the name
    …_check_ms          a row, or a document, is held against its seal
    …_build_ms          a whole build, by our processes
    …_write_ms          the same of a chat that changed, in a tick
    …_server_ms         the servers' part of these
    copy_ms             `archive copy` from SQLite to PostgreSQL, proof included
    …_revisions_…       the ids and revisions of all, as an indexer compares them when it begins
    …_search_ms         a search of the query set, in the mean; by our process, and by the servers
    …_documents         how many documents a chat is, as Lucene counts them
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tracemalloc
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import corpus, ours, queries, tables
from benchmarks.backfill import server_seconds
from benchmarks.measure import say
from kchat_search.composition import copy_database
from kchat_search.engines.opensearch import generations
from kchat_search.kchat.parse import ChatParser
from kchat_search.models.chats import FetchedChat
from kchat_search.models.reports import no_progress
from kchat_search.ports import Archive
from kchat_search.search.verify import check_archive
from kchat_search.service import Service

_NOW = datetime(2018, 1, 1, tzinfo=UTC)
_BATCH = 500
_WRITTEN = 2_000
"""So many chats are indexed as in ticks."""
_ROUNDS = 3
_FEW, _MANY = 5, 15
"""Messages of the chats from which it is seen what one more adds."""
_OF_LENGTH = 2_000
"""So many chats of each length."""

Figures = dict[str, float]
Seconds = Callable[[], float]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="What one chat costs.")
    parser.add_argument("--chats", type=int, default=20_000)
    parser.add_argument("--postgres", action="store_true", help="the archive on PostgreSQL, too")
    parser.add_argument(
        "--opensearch", action="store_true", help="the index on OPENSEARCH_HOSTS, too"
    )
    parser.add_argument("--inputs", type=Path, metavar="FILE", help="put the figures in there")
    chosen = parser.parse_args()
    generations.WORTH_MERGING = 0  # so that small indexes are as large ones are
    with TemporaryDirectory(prefix="kchat-costs-") as folder, ExitStack() as stack:
        database = stack.enter_context(_postgres()) if chosen.postgres else None
        found = Costs(chosen.chats, Path(folder)).figures(database, cluster=chosen.opensearch)
    if chosen.inputs:
        keep(chosen.inputs, found)
    rows = [[name, f"{value:,.4g}"] for name, value in found.items()]
    print(tables.table(["a chat", ""], rows))  # noqa: T201  # a command's answer


def keep(inputs: Path, found: Mapping[str, float]) -> None:
    """Put these figures into a file of inputs, each with this command."""
    content = json.loads(inputs.read_text("utf-8"))
    for name, value in found.items():
        if name in content["measured"]:
            content["measured"][name] |= {"value": float(f"{value:.4g}"), "command": _command()}
    inputs.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _command() -> str:
    given = iter(sys.argv[1:])
    words = [word for word in given if word != "--inputs" or next(given) is None]
    return " ".join(("python -m benchmarks.costs", *words))


def _postgres() -> AbstractContextManager[str]:
    from tests import postgres  # noqa: PLC0415  # only this needs the extra `test`

    return postgres.server(durable=True)


# -- processor time --------------------------------------------------------------------------------


@dataclass
class Spent:
    """The processor time of a block, in seconds."""

    ours: float = 0.0
    servers: float = 0.0


@contextmanager
def spending(servers: Seconds = lambda: 0.0) -> Iterator[Spent]:
    """What our processes (those that have ended, too) and the servers take within the block."""
    spent = Spent()
    before, theirs = sum(os.times()[:4]), servers()
    yield spent
    spent.ours, spent.servers = sum(os.times()[:4]) - before, servers() - theirs


def opensearch_seconds() -> float:
    """Processor time of all servers of the cluster."""
    nodes = _asked("/_nodes/stats/process")["nodes"].values()
    return sum(float(node["process"]["cpu"]["total_in_millis"]) for node in nodes) / 1000


def _asked(path: str) -> Any:
    host = os.environ["OPENSEARCH_HOSTS"].split(",")[0]
    with urllib.request.urlopen(host + path, timeout=60) as answer:  # noqa: S310  # our own cluster
        return json.load(answer)


_LOG = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"
"""How many bytes of log a server has written."""


def _one(database: str, statement: str) -> int:
    """The one number that a statement gives."""
    import psycopg  # noqa: PLC0415  # only this needs the extra `postgres`

    with psycopg.connect(database) as connection:
        row = connection.execute(statement).fetchone()
    assert row is not None
    return int(row[0])


def _save(archive: Archive, chats: Sequence[FetchedChat], now: datetime) -> None:
    for start in range(0, len(chats), _BATCH):
        archive.save(chats[start : start + _BATCH], now=now)


def _held(read: Callable[[], Iterable[object]]) -> int:
    """Bytes of memory that are taken when the first of these has come."""
    tracemalloc.start()
    held = read()
    first = next(iter(held))
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del held, first
    return taken


# -- what is measured ------------------------------------------------------------------------------


@dataclass
class Costs:
    """Measures so many chats, below one folder."""

    count: int
    folder: Path
    found: Figures = field(default_factory=dict)

    def figures(self, database: str | None, *, cluster: bool) -> Figures:
        """All figures. `database`: the address of one on PostgreSQL."""
        place = self.folder / "ours"
        with ours.opened(place) as service:
            self._archive("sqlite", service, self._parsed(service))
        self.found["sqlite_bytes"] = self._mean((place / "archive.sqlite3").stat().st_size)
        if database:
            self._on_postgres(place, database)
        self._engine("whoosh", place, lambda: 0.0)
        if cluster:
            self._engine("opensearch", place, opensearch_seconds)
        return self.found

    def _parsed(self, service: Service) -> list[FetchedChat]:
        """The chats as Kchat's client hands them on."""
        parser = ChatParser(service.presentation.zone)
        chats = list(corpus.chats(self.count))
        self.found["messages"] = self._mean(
            sum(bool(m["msg"]) for c in chats for m in c["messages"])
        )
        self.found["text_bytes"] = self._mean(sum(map(corpus.text_bytes, chats)))
        with spending() as spent:
            parsed = [ours.fetched(parser, chat) for chat in chats]
        self.found["parse_ms"] = self._ms(spent.ours)
        service.archive.save_agents(corpus.agent_names(), now=_NOW)
        return parsed

    def _mean(self, total: float) -> float:
        return total / self.count

    def _ms(self, seconds: float) -> float:
        return 1000 * seconds / self.count

    # -- archives ----------------------------------------------------------------------------------

    def _archive(
        self,
        name: str,
        service: Service,
        chats: Sequence[FetchedChat],
        servers: Seconds = lambda: 0.0,
    ) -> None:
        say(f"{name}: {self.count:,} chats")
        archive = service.archive
        with spending(servers) as spent:
            _save(archive, chats, _NOW)
        self._both(f"{name}_save_ms", spent)
        with spending(servers) as spent:
            _, findings = check_archive(archive, service.understand)
        assert not findings, findings
        self._both(f"{name}_check_ms", spent)
        with spending(servers) as spent:
            archive.save_agents({"9999": "无人认识"}, now=_NOW)
        self._both(f"{name}_agent_ms", spent)
        with spending(servers) as spent:
            assert sum(1 for _ in archive.id_revisions()) == self.count
        self._both(f"{name}_revisions_ms", spent)
        self.found[f"{name}_revisions_bytes"] = self._mean(_held(archive.id_revisions))

    def _both(self, name: str, spent: Spent) -> None:
        self.found[name] = self._ms(spent.ours + spent.servers)

    def _on_postgres(self, place: Path, server: str) -> None:
        """The same there, its log, and a copy of the one on SQLite."""
        from tests import postgres  # noqa: PLC0415  # only this needs the extra `test`

        servers = partial(server_seconds, server)
        with postgres.database(server, "filled") as url, postgres.database(server, "copy") as copy:
            with ours.opened(self.folder / "postgres", archive_url=url) as service:
                chats = self._parsed(service)
                written = _one(url, _LOG)
                self._archive("postgres", service, chats, servers)
                new = _one(url, _LOG)
                with spending(servers) as spent:
                    _save(service.archive, chats, _NOW + timedelta(hours=1))
                self._both("postgres_seen_ms", spent)
                seen = _one(url, _LOG)
            self.found["postgres_wal_bytes"] = self._mean(new - written)
            self.found["postgres_seen_wal_bytes"] = self._mean(seen - new)
            with spending(servers) as spent:
                source = ours.settings(place).archive_url
                copy_database(ours.settings(place), source, copy, no_progress)
            self._both("copy_ms", spent)
            # Of the copy, in which no row was changed.
            size = _one(copy, "SELECT pg_total_relation_size('chats')")
            self.found["postgres_bytes"] = self._mean(size)

    # -- engines -----------------------------------------------------------------------------------

    def _engine(self, name: str, place: Path, servers: Seconds) -> None:
        say(f"{name}: {self.count:,} chats")
        with ours.opened(place, cluster=name == "opensearch") as service:
            whole = _built(service, servers)
            self.found[f"{name}_bytes"] = _bytes(service, name) / self.count
            if name == "opensearch":
                counted = _asked("/kchat-benchmark/_stats/docs")["_all"]["primaries"]["docs"]
                self.found["opensearch_documents"] = self._mean(counted["count"])
            self._revisions(name, service, servers)
            with spending(servers) as spent:
                assert service.engine.damage() is None
            self._put(name, "check", spent, self.count)
            self._searches(name, service, servers)
            with service.indexing("benchmark"):
                service.archive.queue([corpus.FIRST_ID + n for n in range(_WRITTEN)])
                with spending(servers) as spent:
                    service.indexer.index_pending(no_progress)
            self._put(name, "write", spent, _WRITTEN)
        few, many = (self._of_length(name, texts, servers) for texts in (_FEW, _MANY))
        self.found[f"{name}_message_bytes"] = (many[0] - few[0]) / _OF_LENGTH / (_MANY - _FEW)
        # A build begins with imports and dictionaries, however many chats there are.
        begin = (few[1].ours + many[1].ours) / 2, (few[1].servers + many[1].servers) / 2
        rest = Spent(whole.ours - begin[0], whole.servers - begin[1])
        self._put(name, "build", rest, self.count - _OF_LENGTH)

    def _put(self, name: str, what: str, spent: Spent, count: int) -> None:
        self.found[f"{name}_{what}_ms"] = 1000 * spent.ours / count
        if name == "opensearch":
            self.found[f"{name}_{what}_server_ms"] = 1000 * spent.servers / count

    def _revisions(self, name: str, service: Service, servers: Seconds) -> None:
        with spending(servers) as spent:
            assert sum(1 for _ in service.engine.id_revisions()) == self.count
        self._put(name, "revisions", spent, self.count)
        self.found[f"{name}_revisions_bytes"] = self._mean(_held(service.engine.id_revisions))

    def _searches(self, name: str, service: Service, servers: Seconds) -> None:
        service.warm()
        asked = queries.draw(self.count, service.segmenter)
        asking = ours.Asking(service)
        for query in asked:
            asking.ask(query)
        with spending(servers) as spent:
            for _ in range(_ROUNDS):
                for query in asked:
                    asking.ask(query)
        self._put(name, "search", spent, _ROUNDS * len(asked))

    def _of_length(self, name: str, texts: int, servers: Seconds) -> tuple[int, Spent]:
        """(bytes, time of the build) of an index of chats with so many messages."""
        place = self.folder / f"{name}-{texts}"
        with ours.opened(place, cluster=name == "opensearch") as service:
            for _ in ours.saving(service, corpus.Corpus(_OF_LENGTH, texts=texts).chats()):
                pass
            spent = _built(service, servers)
            return _bytes(service, name), spent


def _built(service: Service, servers: Seconds) -> Spent:
    with spending(servers) as spent:
        ours.build(service)
    return spent


def _bytes(service: Service, name: str) -> int:
    """Bytes of the index, without the table of meanings, which has one size for any archive."""
    if name == "opensearch":  # the size in its statistics comes late
        segments = _asked("/_cat/segments/kchat-benchmark?format=json&bytes=b&h=size")
        return sum(int(segment["size"]) for segment in segments)
    table = service.engine.table()
    assert table is not None
    return service.engine.describe().size_bytes - len(table.content)


if __name__ == "__main__":
    main()
