"""An audit for tests: its rows as somebody with the file can change them, and how they are hashed.

What an attacker computes is computed here a second time, from the form that docs/operations.md
gives, and not with the program's own functions.
"""

# ruff: noqa: S608  # tables and columns that a test names

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from kchat_search.access.audit_store import SqlAudit
from kchat_search.models.audit import Action, AuditEntry

COLUMNS = (
    *("number", "at", "clock", "principal", "address", "action", "object", "count", "numbers"),
    *("name_commitment", "query_commitment", "previous"),
)
NAMES = ("李雷", "Anna", "韩梅梅", "zoë")
ACTIONS: tuple[Action, ...] = ("search", "view", "export", "log_in_failed")

Row = dict[str, Any]


def entry(number: int, **other: Any) -> AuditEntry:
    """An entry that differs from the others."""
    given: dict[str, Any] = {
        "principal": f"person:{number % 7}",
        "name": NAMES[number % 4],
        "address": f"192.0.2.{number % 200}",
        "action": ACTIONS[number % 4],
        "object": f"chat:{number}" if number % 4 == 1 else "",
        "query": f"q=退款 {number}&agent_id=2192",
        "count": number % 50 if number % 4 != 3 else None,
        "numbers": int(number % 10 == 0),
    }
    return AuditEntry(**(given | other))


def record(audit: SqlAudit, first: int, last: int) -> None:
    """Record the entries of these numbers."""
    for ticket in [audit.record(entry(number)) for number in range(first, last + 1)]:
        ticket.wait()


def field(value: object) -> str:
    """A column's value in the canonical bytes of its row."""
    if isinstance(value, str):
        return f"s{len(value)}:{value}"
    return "n0:" if value is None else f"i{len(str(value))}:{value}"


def hash_of(chain: str, row: Row) -> str:
    """The hash that a row must have."""
    values = ("kchat-search audit 1", chain, *(row[name] for name in COLUMNS))
    return hashlib.sha256("".join(map(field, values)).encode()).hexdigest()


def promise(salt: str, text: str) -> str:
    """The commitment to a text."""
    return hashlib.sha256(bytes.fromhex(salt) + text.encode()).hexdigest()


class Attacker:
    """Whoever can write into the file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        connection.row_factory = sqlite3.Row
        (self.chain,) = connection.execute("SELECT chain FROM audit_chain").fetchone()

    def row(self, number: int) -> Row:
        """A row of the chain."""
        found = self.connection.execute("SELECT * FROM audit WHERE number = ?", [number])
        return dict(found.fetchone())

    def set(self, number: int, *, rehash: bool = False, **columns: Any) -> None:
        """Change a row; with `rehash`, compute its hash anew."""
        row = self.row(number) | columns
        if rehash:
            row["hash"] = hash_of(self.chain, row)
        self.remove(number)
        self.put(row)

    def text(self, number: int, **columns: Any) -> None:
        """Change the texts of a row."""
        for name, value in columns.items():
            self.run(f"UPDATE audit_texts SET {name} = ? WHERE number = ?", value, number)

    def remove(self, number: int) -> None:
        """Remove a row, not its texts."""
        self.run("DELETE FROM audit WHERE number = ?", number)

    def put(self, row: Row) -> None:
        """Put a row in."""
        places = ", ".join("?" * len(row))
        names = ", ".join(f'"{name}"' for name in row)
        self.run(f"INSERT INTO audit ({names}) VALUES ({places})", *row.values())

    def cut_off(self, above: int) -> None:
        """Remove all rows above this one, with their texts."""
        self.run("DELETE FROM audit WHERE number > ?", above)
        self.run("DELETE FROM audit_texts WHERE number > ?", above)

    def swap(self, one: int, other: int, tables: Sequence[str] = ("audit", "audit_texts")) -> None:
        """Give two rows, with their texts, each other's numbers."""
        for table in tables:
            for old, new in ((one, -1), (other, one), (-1, other)):
                self.run(f"UPDATE {table} SET number = ? WHERE number = ?", new, old)

    def shift(self, first: int, by: int) -> None:
        """Move all rows from this one on, with their texts, to other numbers."""
        for table in ("audit", "audit_texts"):
            self.run(f"UPDATE {table} SET number = -(number + ?) WHERE number >= ?", by, first)
            self.run(f"UPDATE {table} SET number = -number WHERE number < 0")

    def remove_whole(self, number: int) -> None:
        """Remove a row and its texts."""
        self.remove(number)
        self.run("DELETE FROM audit_texts WHERE number = ?", number)

    def copy_texts(self, number: int, to: int) -> None:
        """Put in the texts of one row for another."""
        self.run(
            "INSERT INTO audit_texts SELECT ?, name, name_salt, query, query_salt FROM audit_texts "
            "WHERE number = ?",
            to,
            number,
        )

    def rehash_from(self, first: int) -> None:
        """Compute the hashes of this row and of all after it anew."""
        last = self.run("SELECT max(number) FROM audit").fetchone()[0]
        for number in range(first, last + 1):
            before = self.row(number - 1)["hash"] if number > 1 else "0" * 64
            self.set(number, rehash=True, previous=before)

    def end(self, **columns: Any) -> None:
        """Change what is written down of the end."""
        for name, value in columns.items():
            self.run(f'UPDATE audit_chain SET "{name}" = ?', value)

    def run(self, statement: str, *values: Any) -> sqlite3.Cursor:
        """Any statement."""
        return self.connection.execute(statement, values)


@contextmanager
def attacking(file: Path) -> Iterator[Attacker]:
    """Somebody has the file."""
    with closing(sqlite3.connect(file)) as connection:
        yield Attacker(connection)
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
