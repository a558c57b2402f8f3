"""Generations: which index answers, and the swap to the next.

A generation is an index of its own. The alias `PREFIX` points to the one that answers, and to no
other; to swap it is one request that no reader sees half done. Its name has the term of who built
it, `PREFIX-TERM-ID`; `fence` says who may write to it. What it is, stands in its mapping's `_meta`,
so one request tells all of it:

    {"form": the digest of mapping and settings, "fingerprint": "...", "commit": 7,
     "documents": 500, "refreshing": false, "table": null, "fitted": false}

An index is never refreshed but by the writer, at the end of a commit. So what is being written is
seen by nobody, and then all of it. While shards are being refreshed, and until it is said how many
documents they have, `refreshing` is true, and whoever opens the index waits for a moment.
"""

from __future__ import annotations

import base64
import math
import re
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from time import sleep
from typing import Any

from kchat_search.engines.opensearch import mapping
from kchat_search.engines.opensearch.connection import Cluster, Connection, patiently, unreachable
from kchat_search.engines.opensearch.fence import Fence, removed
from kchat_search.errors import EngineUnreachable, IndexDamaged, IndexUnwritable
from kchat_search.meaning.table import Table

_TABLE_PART = 4 << 20
WORTH_MERGING = 64 << 20
"""An index of fewer bytes is small and searched fast as it is."""
_MOST_PAUSES, _PAUSE = 60, 1.0
"""How often at most, and seconds."""
_LARGEST_SEGMENT = 4 << 30
"""Servers merge none by themselves that has more than 5 GiB."""
_MERGED_A_SECOND = 1 << 20
"""Bytes, at least."""
_WAIT = "5s"
"""So long a request waits for copies. If none is being made then, there is no server for them."""
_OWN = re.compile("([0-9]{1,18})-[0-9a-f]{12}(-table)?")
"""What the names of our indexes have behind the prefix: the term, an id."""


@dataclass(frozen=True)
class Meta:
    """What a generation is."""

    form: str
    fingerprint: str
    commit: int = 0
    """Counts the commits."""
    documents: int = 0
    """How many chats the last commit left in it."""
    refreshing: bool = False
    table: str | None = None
    """The digest of its table of meanings."""
    fitted: bool = False


@dataclass(frozen=True)
class Generation:
    """An index, and what it says of itself."""

    index: str
    meta: Meta
    replaces: tuple[str, ...] = ()
    """The indexes that answered when it was begun."""

    def is_as_new_as(self, other: Generation) -> bool:
        """Need nobody who has opened this one open the other? Not while it is being made seen, nor
        if a server tells of it that has not yet heard of this one."""
        return self.index == other.index and (
            other.meta.refreshing or self.meta.commit >= other.meta.commit
        )


class Generations:
    """The generations of one prefix."""

    def __init__(self, connection: Connection, fence: Fence) -> None:
        self._connection = connection
        self._fence = fence
        self._cluster: Cluster = connection.cluster
        self.alias = connection.cluster.prefix
        self._known_form: str | None = None
        """The index whose mapping was found as we made it."""

    def current(self, *, of_any_server: bool = False) -> Generation | None:
        """The generation that answers; None before the first build. `of_any_server`: as the server
        that is asked knows it, which is enough to read, and needs no cluster manager. Raises
        `IndexDamaged` where it is not of this program's form."""
        shown = self._mapping("*.mappings._meta", of_any_server=of_any_server)
        if not shown and not (shown := self._mapping("*", of_any_server=of_any_server)):
            return None  # what is there and says nothing of itself is nothing of ours
        if len(shown) != 1:
            raise damaged(f"the alias {self.alias} leads to no index of ours, or to several")
        ((index, content),) = shown.items()
        try:
            meta = Meta(**content["mappings"]["_meta"])
        except (KeyError, TypeError) as error:
            raise damaged(f"{index} says nothing of itself") from error
        if meta.form != mapping.digest():
            raise damaged(f"{index} has another form than this program's")
        if index != self._known_form:
            self._check_form(index)
        return Generation(index, meta)

    def _mapping(self, of_it: str, *, of_any_server: bool) -> Mapping[str, Any]:
        """The mapping of what answers, by index, or a part of it. Servers that begin anew, all at
        once, don't know yet what they have: they would say «404». So asked, they wait until they
        know, or say that they can't tell."""
        shown: Mapping[str, Any] = self._connection.ask(
            "GET",
            f"/{self.alias}/_mapping",
            ignore_unavailable="true",
            filter_path=of_it,
            local=str(of_any_server).lower(),
        )
        return shown

    def _check_form(self, index: str) -> None:
        """Raises `IndexDamaged` where somebody changed the mapping, the settings or the alias."""
        shown = self._shown(self.alias)
        if index not in shown:
            return  # a rebuild has just ended; who opens it finds the newer one
        if len(shown) > 1:
            raise damaged(f"the alias {self.alias} leads to several indexes")
        wrong = mapping.changed(shown[index])
        if wrong is not None:
            raise damaged(f"{index} was changed: its {wrong} is not as it was made")
        self._known_form = index

    def forget_form(self) -> None:
        """Look at the mapping again the next time: somebody may have changed it since."""
        self._known_form = None

    def _shown(self, name: str) -> dict[str, Any]:
        """By the name of the index: what a name or an alias leads to."""
        path = f"/{name}?flat_settings=true"
        return self._connection.ask("GET", path, missing_is_none=True) or {}

    def claimed(self) -> Generation | None:
        """The generation that answers, to which nobody but this process may write from now on; None
        before the first build. Raises `IndexerDeposed`, and as `current` does."""
        current = self.current()
        while current is not None and not self._fence.holds(current.index):
            self._fence.claim(current.index)
            current = self.current()  # as a former indexer has left it
        return current

    def check_term(self) -> None:
        """Raises `IndexerDeposed` where a later indexer writes the generation that answers."""
        self._fence.check(self.alias)

    def begin(self, fingerprint: str, table: Table | None) -> Generation:
        """A new index, which nobody reads yet. What was begun before and never finished is removed.
        Raises `IndexerDeposed`, and `IndexUnwritable` where the cluster makes no such index."""
        present = self._with_alias()
        while not all(map(self._fence.claim, present)):
            present = self._with_alias()
        self.sweep(present)
        index = f"{self.alias}-{self._fence.term()}-{uuid.uuid4().hex[:12]}"
        meta = Meta(
            mapping.digest(),
            fingerprint,
            table=None if table is None else table.digest,
            fitted=table is not None and table.fitted,
        )
        body = {
            "settings": mapping.settings(self._cluster.shards),
            "aliases": {self._fence.write_alias(index): {}},
            "mappings": {**mapping.MAPPING, "_meta": asdict(meta)},
        }
        self._connection.put(f"/{index}", body)
        self._check_made(index)
        if table is not None:
            self._write_table(index, table)
        return Generation(index, meta, tuple(present))

    def _check_made(self, index: str) -> None:
        """Raises `IndexUnwritable` where an index template has made it otherwise than asked."""
        shown = self._shown(index).get(index)
        if shown is None:
            raise damaged(f"{index} was removed as soon as it was made")
        wrong = f"alias {self.alias}" if self.alias in shown["aliases"] else mapping.changed(shown)
        if wrong is not None:
            self._remove(index)
            raise IndexUnwritable(
                f"OpenSearch makes an index otherwise than it is asked to (its {wrong}): an index "
                f"template changes it. See that none of the cluster's matches {self.alias}-*."
            )

    def merge(self, index: str, waiting: Callable[[], None]) -> None:
        """Make few segments of the many that a build has left: they take less room, and are
        searched faster. If that fails, they stay as they are. `waiting` is called now and then."""
        size, _ = self.size(index)
        if size < WORTH_MERGING:
            return
        segments = math.ceil(size / self._cluster.shards / _LARGEST_SEGMENT)
        try:
            self._connection.ask("POST", f"/{index}/_flush")
            for _ in range(_MOST_PAUSES):
                if self._needs_no_sources(index):
                    break
                waiting()
                sleep(_PAUSE)
            self._connection.ask(
                "POST",
                f"/{index}/_forcemerge",
                max_num_segments=segments,
                request_timeout=self._cluster.timeout + size / _MERGED_A_SECOND,
            )
        except EngineUnreachable:
            return  # a server may go on with it

    def _needs_no_sources(self, index: str) -> bool:
        """Does a merge drop the documents as they were sent? Until a server has noted that no copy
        of a shard can want them, which it does each half minute, it keeps them, because the source
        leaves out some fields (`mapping.NOT_IN_SOURCE`): three tenths of an index."""
        shown = self._connection.ask(
            "GET", f"/{index}/_stats", level="shards", filter_path="**.seq_no,**.retaining_seq_no"
        )
        return all(
            lease["retaining_seq_no"] > copy["seq_no"]["max_seq_no"]
            for copies in shown["indices"][index]["shards"].values()
            for copy in copies
            for lease in copy.get("retention_leases", {}).get("leases", ())
        )

    def commit(self, generation: Generation) -> Generation:
        """Make seen what was written, all at once."""
        return patiently(lambda: self._commit(generation))

    def _commit(self, generation: Generation) -> Generation:
        alias = self._fence.write_alias(generation.index)
        number = generation.meta.commit + 1
        self._say(alias, replace(generation.meta, refreshing=True))
        refreshed = self._connection.ask("POST", f"/{alias}/_refresh")["_shards"]
        if refreshed["failed"]:  # a copy that is searched would not have what was written
            raise unreachable("a part of the index is away")
        meta = replace(generation.meta, commit=number, documents=self.count(generation.index))
        self._say(alias, meta)
        return replace(generation, meta=meta)

    def count(self, index: str) -> int:
        """How many chats it has, as of its last commit."""
        counted = self._connection.ask("GET", f"/{index}/_count")
        shards = counted["_shards"]
        if shards["successful"] < shards["total"]:  # what is away is left out, and is no failure
            raise unreachable("a part of the index is away")
        return int(counted["count"])

    def _say(self, alias: str, meta: Meta) -> None:
        self._connection.ask("PUT", f"/{alias}/_mapping", {"_meta": asdict(meta)})

    def ready(self, new: Generation, waiting: Callable[[], None]) -> None:
        """Make its copies, and wait until they are there, as far as there are servers for them: so
        what answers after the swap outlives a server. `waiting` is called now and then."""
        if self._cluster.replicas:
            body = {"number_of_replicas": self._cluster.replicas}
            patiently(lambda: self._connection.put(f"/{new.index}/_settings", body))
        while patiently(lambda: self._is_being_copied(new)):
            waiting()

    def _is_being_copied(self, new: Generation) -> bool:
        """The index or its table."""
        path = f"/_cluster/health/{new.index}*?wait_for_status=green&timeout={_WAIT}"
        health = self._connection.ask("GET", path)
        if health["status"] == "red":
            raise unreachable("a part of the new index is away")
        in_the_making = health["initializing_shards"] or health["number_of_in_flight_fetch"]
        return health["status"] != "green" and bool(in_the_making)

    def place_copies(self) -> None:
        """Have the servers try again what they gave up: a copy that could not be placed five times,
        such as on a server that came back after a minute and was not yet done with its former one,
        they leave out for good."""
        health = self._connection.ask("GET", f"/_cluster/health/{self.alias}-*")
        if health["unassigned_shards"] > health["delayed_unassigned_shards"]:
            self._connection.ask(
                "POST", "/_cluster/reroute", retry_failed="true", filter_path="acknowledged"
            )

    def swap(self, new: Generation) -> None:
        """Let it answer in place of those that answered when it was begun, which are removed, and
        so is every other. Raises `IndexDamaged` where they don't answer any more, or where another
        indexer has claimed them; then nothing has changed."""
        former = [
            removed(index, alias)
            for index in new.replaces
            for alias in (self.alias, self._fence.write_alias(index))
        ]
        add = {"add": {"index": new.index, "alias": self.alias}}
        if not new.replaces and self._with_alias():
            raise damaged("another index was built at the same time")
        body = {"actions": [*former, add]}
        swapped = self._connection.ask("POST", "/_aliases", body, missing_is_none=True)
        # Where it was sent twice, because a connection broke, the second one is refused.
        if swapped is None and self._with_alias() != [new.index]:
            raise damaged("another index was built at the same time")
        self.sweep([new.index])

    def _with_alias(self) -> list[str]:
        shown = self._connection.ask("GET", f"/{self.alias}/_alias", missing_is_none=True) or {}
        if self.alias in shown:
            raise IndexUnwritable(
                f"There is an index named {self.alias}, where the alias of ours should be: some "
                "program wrote to that name. Remove it, or set another KCHAT_OPENSEARCH_PREFIX."
            )
        return list(shown)

    def sweep(self, keep: Collection[str]) -> None:
        """Remove what builds have left: all indexes of the prefix but these and their tables, and
        but those of a later indexer."""
        named = self._connection.ask("GET", f"/{self.alias}-*", filter_path="*.aliases") or {}
        for name in named:
            own = _OWN.fullmatch(name.removeprefix(f"{self.alias}-"))
            if own and int(own[1]) <= self._fence.term() and not name.startswith(tuple(keep)):
                self._remove(name)

    def remove(self, index: str) -> None:
        """Remove the index of a generation and its table, as far as they are there."""
        for name in (index, _table_index(index)):
            self._remove(name)

    def _remove(self, name: str) -> None:
        self._connection.ask("DELETE", f"/{name}", missing_is_none=True)

    # -- the table ---------------------------------------------------------------------------------

    def _write_table(self, index: str, table: Table) -> None:
        name = _table_index(index)
        body = {
            "settings": {"number_of_shards": 1, "number_of_replicas": self._cluster.replicas},
            "mappings": {"dynamic": "strict", "properties": {"part": {"type": "binary"}}},
        }
        self._connection.put(f"/{name}", body)
        for number, part in enumerate(_parts(table.content)):
            encoded = {"part": base64.b64encode(part).decode()}
            self._connection.ask("PUT", f"/{name}/_doc/{number}", encoded)

    def read_table(self, generation: Generation) -> tuple[Table | None, str | None]:
        """(the table of a generation; why it can't be read). Both None where it has none."""
        if generation.meta.table is None:
            return None, None
        name = _table_index(generation.index)
        content = b""
        while True:
            number = len(content) // _TABLE_PART
            found = self._connection.ask("GET", f"/{name}/_doc/{number}", missing_is_none=True)
            part = base64.b64decode(found["_source"]["part"]) if found else b""
            content += part
            if len(part) < _TABLE_PART:
                break
        try:
            table = Table.of(content)
        except ValueError:
            return None, _TABLE_PROBLEM
        return (table, None) if table.digest == generation.meta.table else (None, _TABLE_PROBLEM)

    def size(self, index: str) -> tuple[int, int]:
        """(bytes with all copies, segments of the first copies) of a generation."""
        path = f"/{index},{_table_index(index)}/_stats/store,segments"
        shown: Any = self._connection.ask("GET", path, ignore_unavailable="true")["_all"]
        return shown["total"]["store"]["size_in_bytes"], shown["primaries"]["segments"]["count"]


_TABLE_PROBLEM = (
    "The table of meanings of the index is missing or damaged. Nothing is found by meaning; all "
    "else works: run `kchat-search reindex`, which makes a new one."
)


def _table_index(index: str) -> str:
    return f"{index}-table"


def _parts(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), _TABLE_PART):
        yield content[start : start + _TABLE_PART]


def damaged(what: str) -> IndexDamaged:
    """The error for an index that can't be used."""
    return IndexDamaged(f"The index is damaged ({what}): run `kchat-search reindex`.")
