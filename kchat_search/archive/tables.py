"""The tables of the archive, as this version of the program needs them.

`migrations/` makes them in a database; a test checks that both agree. Times are integers, since
1970 UTC, because integers sort alike on every database: whole seconds for the times of a chat
(`created_at`, `end_at`, `active_at`), microseconds for the times of the archive (`seen_at`,
`changed_at` and the like).

Invariants: `chats` holds the present version of each chat and `versions` the earlier ones. `tally`
changes in the transaction that changes what it counts. A sequence number is never used twice.
Every row but those of the change queue is sealed (`seals`).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    and_,
    literal_column,
)

MIGRATION = "0003"
"""The number of the migration that leads to these tables."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only in a column of the type INTEGER, which has 64 bits there.
_Id = BigInteger().with_variant(Integer(), "sqlite")


def _seal() -> Column[str]:
    return Column("seal", Text)  # see `seals`


def _proofs() -> tuple[Column[str], Column[str]]:
    """Of a row with a raw JSON text: the SHA-256 (hex) of its bytes, and the seal."""
    return Column("sha256", Text), _seal()


chats = Table(
    "chats",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("created_at", BigInteger),
    Column("end_at", BigInteger),
    Column("active_at", BigInteger),  # `end_at`, or `created_at` where there is no end
    Column("status", Text, nullable=False),
    Column("agent_id", Text),
    Column("visitor_id", Text),
    Column("first_seen_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("gone_at", BigInteger),
    # Behind the others, so that the pages of a long conversation are read only when needed.
    Column("raw", Text, nullable=False),
    *_proofs(),
)

not_gone = chats.c.gone_at.is_(None)
# A partial index serves only a query with exactly its condition, so 'close' can't be a parameter.
still_open = and_(not_gone, chats.c.status != literal_column("'close'"))

Index(None, chats.c.id, chats.c.version, chats.c.gone_at)
Index(None, chats.c.created_at)
Index(None, chats.c.agent_id)
Index(None, chats.c.visitor_id)
Index("ix_chats_there_seen_at", chats.c.seen_at, sqlite_where=not_gone, postgresql_where=not_gone)
Index(
    "ix_chats_there_active_at",
    chats.c.active_at,
    chats.c.seen_at,
    sqlite_where=not_gone,
    postgresql_where=not_gone,
)
Index(
    "ix_chats_open_seen_at", chats.c.seen_at, sqlite_where=still_open, postgresql_where=still_open
)

versions = Table(
    "versions",
    metadata,
    Column("chat_id", _Id, ForeignKey("chats.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("digest", Text, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("raw", Text, nullable=False),  # '' for a version that is lost; its bytes are set aside
    *_proofs(),
)

cursors = Table(
    "cursors",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    _seal(),
)

# No foreign key: an entry whose chat is not in the archive tells the indexer to remove that chat
# from the index.
changes = Table(
    "changes",
    metadata,
    Column("sequence", _Id, primary_key=True, autoincrement=True),
    Column("chat_id", BigInteger, nullable=False, unique=True),
    sqlite_autoincrement=True,
)

rejects = Table(
    "rejects",
    metadata,
    Column("key", Text, primary_key=True),
    Column("chat_id", BigInteger),
    Column("reason", Text, nullable=False),
    Column("first_seen_at", BigInteger, nullable=False),
    Column("last_seen_at", BigInteger, nullable=False, index=True),
    Column("times", Integer, nullable=False),
    Column("raw", Text, nullable=False),
    Column("gone_at", BigInteger),  # when Kchat no longer showed it
    *_proofs(),
)

agents = Table(
    "agents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    _seal(),
)

reports = Table(
    "reports",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("value", Text, nullable=False),
    _seal(),
    sqlite_autoincrement=True,
)

# One row of sizes: every search shows them, and counting a million rows takes longer than a search
# may take.
tally = Table(
    "tally",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("chats", BigInteger, nullable=False),
    Column("gone", BigInteger, nullable=False),
    Column("pending", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("versions", BigInteger, nullable=False),
    # JSON: {table: [rows, sum of their seals in hex]}; see `seals`.
    Column("sums", Text),
    Column("shape", Text),  # JSON: {table or index: SHA-256 of its definition}; see `shape`
    _seal(),
    CheckConstraint("id = 1", name="one_row"),
)

# What was damaged and was replaced or removed since, as it was: JSON of its columns.
set_aside = Table(
    "set_aside",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("table_name", Text, nullable=False),
    Column("chat_id", BigInteger, index=True),
    Column("key", Text, nullable=False),
    Column("problem", Text, nullable=False),
    Column("set_aside_at", BigInteger, nullable=False),
    Column("content", Text, nullable=False),
    _seal(),
    sqlite_autoincrement=True,
)
