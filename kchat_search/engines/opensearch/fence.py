"""Keeps a former indexer from writing: one whose term is over, and who does not know it yet.

It may have been stopped for a minute, or a network may have held its requests back. So an index is
written to through its write alias alone, whose name has the term of who writes:

    kchat-1764523000-3f2a9c1b0d4e-write-1764526011

An indexer first puts its own in the place of the one that is there (`Fence.claim`), in one request,
which is refused if that one is not there any more. From then on

- what the former one sends to its alias is refused as a whole: documents, refreshes, commits;
- so is its swap: the request that moves the readers' alias also removes the swapper's write alias
  from the generation that it replaces, and is carried out as a whole or not at all;
- it removes no generation of a later term: each has the term in its name;
- what was past the alias already, on a server that was stopped, is refused by each document that
  was written since: its version is the term and the number of the write. So is an own request that
  a proxy has kept until it was sent again. A removed document keeps its version for ten minutes
  (`index.gc_deletes`); by then a server that was stopped has lost its shards to others.

OpenSearch has no condition for two things. A commit's numbers (`_meta`) are set some milliseconds
after the alias was looked up, by the same server. And a first build replaces no generation, so two
of them may meet; then the alias leads to both, which is found as damage and built anew. Beyond
that, the archive has its own fence: what a former indexer wrote here it could not mark as done
there, so it is in the queue of the next one, which heals the index before its first tick.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple

from kchat_search.engines.opensearch.connection import Connection
from kchat_search.errors import IndexerDeposed

_WRITES_IN_A_TERM = 31
"""Bits of a version that number the writes of a term. The rest, of 63, is the term."""
_TERM = re.compile("[0-9]{1,18}")
_ATTEMPTS = 5


class Into(NamedTuple):
    """Where documents are written to."""

    alias: str
    """The write alias of their index."""
    version: int
    """That of what is written. A document with a higher one is not replaced."""


class Fence:
    """Of the indexes of one cluster, for the term of this process."""

    def __init__(self, connection: Connection, term: Callable[[], int]) -> None:
        self._connection = connection
        self.term = term
        """See `ports.Election.term`."""
        self._writes = count()
        self._claimed: tuple[str, int] | None = None

    def into(self, index: str) -> Into:
        """Where to put the documents of one write, or of one build."""
        version = (self.term() << _WRITES_IN_A_TERM) + next(self._writes)
        return Into(self.write_alias(index), version)

    def write_alias(self, index: str) -> str:
        """The name under which this process writes to an index. A server makes an index that is not
        there, but no alias: so nothing is written to one that was removed."""
        return f"{index}-write-{self.term()}"

    def holds(self, index: str) -> bool:
        """Has this process claimed the index in this term?"""
        return self._claimed == (index, self.term())

    def claim(self, index: str) -> bool:
        """Let nobody write to the index but this process. False where it is not there any more.
        Raises `IndexerDeposed` where a later one has claimed it."""
        own = self.write_alias(index)
        for _ in range(_ATTEMPTS):
            shown = self._connection.ask("GET", f"/{index}/_alias", missing_is_none=True)
            if shown is None:
                return False
            there = self._write_aliases(index, shown[index]["aliases"])
            if list(there) != [own]:
                former = [removed(index, alias) for alias in there if alias != own]
                add = {"add": {"index": index, "alias": own}}
                body = {"actions": [*former, add]}
                if self._connection.ask("POST", "/_aliases", body, missing_is_none=True) is None:
                    continue  # somebody else did so in between
            self._claimed = (index, self.term())
            return True
        raise _deposed(index)

    def check(self, alias: str) -> None:
        """Raises `IndexerDeposed` where a later indexer has claimed what an alias leads to."""
        shown = self._connection.ask("GET", f"/{alias}/_alias", missing_is_none=True) or {}
        for index, content in shown.items():
            self._write_aliases(index, content["aliases"])

    def _write_aliases(self, index: str, aliases: dict[str, Any]) -> list[str]:
        begin = f"{index}-write-"
        rests = {a: a.removeprefix(begin) for a in aliases if a.startswith(begin)}
        terms = {alias: int(rest) for alias, rest in rests.items() if _TERM.fullmatch(rest)}
        if any(term > self.term() for term in terms.values()):
            raise _deposed(index)
        return list(terms)


def removed(index: str, alias: str) -> dict[str, Any]:
    """The action that takes an alias from an index. Where it does not have it, nothing of the
    request is done."""
    return {"remove": {"index": index, "alias": alias, "must_exist": True}}


def _deposed(index: str) -> IndexerDeposed:
    return IndexerDeposed(
        f"This process writes the index no more: an indexer that began later writes {index}."
    )
