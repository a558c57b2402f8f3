"""The shape of a SQLite database: its own definitions of our tables and indexes.

SQLite keeps them as text in the same file, so damage may change them too: a column gets another
name, an index another condition. Therefore the migration keeps a SHA-256 of each definition in the
tally, and `opening` compares. What others have added (an index, ANALYZE) makes no difference.
"""

from __future__ import annotations

import json
from hashlib import sha256

from sqlalchemy import Connection, text

_DEFINITIONS = text("SELECT name, tbl_name, type, sql FROM sqlite_master WHERE sql IS NOT NULL")


def shape_of(connection: Connection) -> str | None:
    """JSON: {name of a table or index: SHA-256 of its definition}; None on another database."""
    definitions = _definitions(connection)
    return None if definitions is None else json.dumps(definitions, sort_keys=True)


def shape_problem(connection: Connection, stored: str | None) -> str | None:
    """What differs from the shape that `shape_of` gave; None if nothing does."""
    definitions = _definitions(connection)
    if definitions is None or stored is None:
        return None
    for name, digest in json.loads(stored).items():
        if name not in definitions:
            return f"{name} is missing"
        if definitions[name] != digest:
            return f"the definition of {name} has changed"
    return None


def _definitions(connection: Connection) -> dict[str, str] | None:
    if connection.dialect.name != "sqlite":
        return None
    return {
        row.name: sha256(ascii(tuple(row)).encode()).hexdigest()
        for row in connection.execute(_DEFINITIONS)
        if isinstance(row.name, str)
    }
