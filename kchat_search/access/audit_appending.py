"""Append entries to the audit's chain.

Invariant: it happens inside a transaction that is the only one that writes, from reading the end of
the chain on. So all processes append to one chain, and its numbers have no gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from sqlalchemy import Connection, Dialect, bindparam, func, insert, select, update

from kchat_search.access.audit_chain import commitment, new_salt, row_hash
from kchat_search.access.audit_check import ChainEnd
from kchat_search.access.audit_tables import HASHED, audit, audit_chain, audit_texts
from kchat_search.databases.column_values import moment_in, storable
from kchat_search.databases.driver_statements import DriverStatement
from kchat_search.errors import AccessError
from kchat_search.models.audit import AuditEntry

_LONGEST = {"principal": 64, "name": 256, "query": 16_384, "address": 64, "object": 256}
"""Characters. A longer text is cut, and ends in «…»: what somebody types must not fill the disk."""
_NO_END = (
    "The end of the audit's chain is not in the database of people: somebody removed it. Put a "
    "backup in its place; until then nobody gets an answer."
)

_at_last = audit.c.number == select(func.max(audit.c.number)).scalar_subquery()
_END = select(
    audit_chain.c.chain, audit_chain.c.rows, audit_chain.c.head, audit.c.number, audit.c.at
).select_from(audit_chain.outerjoin(audit, _at_last))
_NEW_END = update(audit_chain).values(rows=bindparam("rows"), head=bindparam("head"))


class _Statements:
    """What an append runs, for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self.end = DriverStatement(_END, dialect)
        self.row = DriverStatement(insert(audit), dialect)
        self.texts = DriverStatement(insert(audit_texts), dialect)
        self.new_end = DriverStatement(_NEW_END, dialect)


_statements = lru_cache(maxsize=8)(_Statements)


def chain_end(connection: Connection) -> ChainEnd:
    """What is written down beside the chain. Raises `AccessError` where that is gone."""
    return _end(connection)[0]


def append(connection: Connection, entries: Sequence[AuditEntry], now: datetime) -> None:
    """Append the entries in this order. `now` is the time of all of them, but where the row before
    has a later one. Raises `AccessError` where the end of the chain is gone."""
    end, last, latest = _end(connection)
    # The end is what was written down, also where somebody has cut off rows or put some in: so the
    # chain shows that for ever.
    head, before = end.head, max(end.rows, last)
    clock = moment_in(now)
    at = max(clock, latest)
    rows, texts = [], []
    for number, entry in enumerate(entries, before + 1):
        row, text = _columns(entry)
        row |= {"number": number, "at": at, "clock": clock if clock < at else None}
        row["previous"] = head
        row["hash"] = head = row_hash(end.chain, (row[name] for name in HASHED))
        rows.append(row)
        texts.append({"number": number, **text})
    statements = _statements(connection.dialect)
    statements.row.run(connection, rows)
    statements.texts.run(connection, texts)
    statements.new_end.run(connection, [{"rows": before + len(rows), "head": head}])


def _end(connection: Connection) -> tuple[ChainEnd, int, int]:
    """(what is written down, the number of the last row, its time)."""
    found = _statements(connection.dialect).end.row(connection)
    if found is None or not isinstance(found[1], int):
        raise AccessError(_NO_END)
    chain, rows, head, *last = found
    number, latest = (value if isinstance(value, int) else 0 for value in last)
    return ChainEnd(str(chain), rows, str(head)), number, latest


def _columns(entry: AuditEntry) -> tuple[dict[str, object], dict[str, object]]:
    """(the entry's columns in the chain, its texts)."""
    name, query = _bounded(entry.name, "name"), _bounded(entry.query, "query")
    name_salt, query_salt = new_salt(), new_salt()
    row: dict[str, object] = {
        "principal": _bounded(entry.principal, "principal"),
        "address": _bounded(entry.address, "address"),
        "action": entry.action,
        "object": _bounded(entry.object, "object"),
        "count": entry.count,
        "numbers": entry.numbers,
        "name_commitment": commitment(name_salt, name),
        "query_commitment": commitment(query_salt, query),
    }
    texts: dict[str, object] = {
        "name": name,
        "name_salt": name_salt,
        "query": query,
        "query_salt": query_salt,
    }
    return row, texts


def _bounded(text: str, what: str) -> str:
    longest = _LONGEST[what]
    text = storable(text)
    return text if len(text) <= longest else text[: longest - 1] + "…"
