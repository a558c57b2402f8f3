"""Every row is sealed: see `kchat_search.archive.seals`.

What is in the archive now is taken for what was stored: nothing here can tell whether it was
damaged before. A row that can't be sealed, because a value of it is no text or number, stays
without a seal, so that `kchat-search verify` names it. All of it is one transaction; rows are read
some hundred at a time, and the disk needs room for a second copy of the archive meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from kchat_search.archive.seals import MODULUS, seal_of
from kchat_search.archive.shape import shape_of
from kchat_search.models.chats import raw_sha256

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_BATCH = 200

# (table, primary key, columns that its seal covers besides `sha256`), as they are at this step.
_TABLES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        "chats",
        ("id",),
        (
            *("id", "version", "digest", "created_at", "end_at", "active_at", "status"),
            *("agent_id", "visitor_id", "first_seen_at", "changed_at", "seen_at", "gone_at"),
        ),
    ),
    ("versions", ("chat_id", "version"), ("chat_id", "version", "digest", "seen_at")),
    (
        "rejects",
        ("key",),
        ("key", "chat_id", "reason", "first_seen_at", "last_seen_at", "times", "gone_at"),
    ),
    ("cursors", ("name",), ("name", "value", "updated_at")),
    ("agents", ("id",), ("id", "name", "seen_at")),
    ("reports", ("id",), ("id", "value")),
)
_WITH_RAW = ("chats", "versions", "rejects")
_SIZES = ("chats", "gone", "pending", "rejected", "versions")


def upgrade() -> None:
    """Add the columns and the table for what was damaged, and seal every row."""
    for table in _WITH_RAW:
        op.add_column(table, sa.Column("sha256", sa.Text(), nullable=True))
    for table, _, _ in _TABLES:
        op.add_column(table, sa.Column("seal", sa.Text(), nullable=True))
    for name in ("sums", "shape", "seal"):
        op.add_column("tally", sa.Column(name, sa.Text(), nullable=True))
    _set_aside()
    sums = {table: _seal_rows(table, key, columns) for table, key, columns in _TABLES}
    _seal_tally({**sums, "set_aside": [0, "0"]})


def _set_aside() -> None:
    op.create_table(
        "set_aside",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("chat_id", sa.BigInteger(), nullable=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("set_aside_at", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("seal", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_set_aside"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_set_aside_chat_id", "set_aside", ["chat_id"])


def _seal_rows(name: str, key: tuple[str, ...], columns: tuple[str, ...]) -> list[Any]:
    """Seal all rows of a table. Returns [rows, sum of their seals in hex], as the tally has it."""
    connection = op.get_bind()
    with_raw = name in _WITH_RAW
    table = sa.table(name, *map(sa.column, (*columns, "raw", "sha256", "seal")))
    statement = (
        sa.update(table)
        .where(*(table.c[part] == sa.bindparam(f"key_{part}") for part in key))
        .values(seal=sa.bindparam("new_seal"))
    )
    if with_raw:
        statement = statement.values(sha256=sa.bindparam("new_sha256"))
    rows = total = 0
    for batch in _batches(connection, table, key, (*columns, *(["raw"] if with_raw else []))):
        sealed = []
        for row in batch:
            rows += 1
            values: tuple[Any, ...] = tuple(row)[: len(columns)]
            new: dict[str, Any] = {f"key_{part}": getattr(row, part) for part in key}
            if with_raw:
                raw = row[-1]
                new["new_sha256"] = raw_sha256(raw) if isinstance(raw, str) else None
                values = (*values, new["new_sha256"])
            new["new_seal"] = seal_of(name, values) if _is_sound(values) else None
            total += int(new["new_seal"] or "0", 16)
            sealed.append(new)
        connection.execute(statement, sealed)
    return [rows, f"{total % MODULUS:x}"]


def _is_sound(values: tuple[Any, ...]) -> bool:
    return all(value is None or isinstance(value, int | str) for value in values)


def _batches(
    connection: sa.Connection, table: sa.TableClause, key: tuple[str, ...], columns: tuple[str, ...]
) -> Iterator[list[sa.Row[Any]]]:
    keys = [table.c[part] for part in key]
    statement = sa.select(*(table.c[name] for name in columns)).order_by(*keys).limit(_BATCH)
    batch = list(connection.execute(statement))
    while batch:
        yield batch
        last = [getattr(batch[-1], part) for part in key]
        batch = list(connection.execute(statement.where(sa.tuple_(*keys) > sa.tuple_(*last))))


def _seal_tally(sums: dict[str, list[Any]]) -> None:
    connection = op.get_bind()
    table = sa.table("tally", *map(sa.column, ("id", *_SIZES, "sums", "shape", "seal")))
    row = connection.execute(sa.select(*(table.c[name] for name in ("id", *_SIZES)))).one()
    text, shape = json.dumps(dict(sorted(sums.items()))), shape_of(connection)
    seal = seal_of("tally", (*row, text, shape))
    connection.execute(sa.update(table).values(sums=text, shape=shape, seal=seal))
