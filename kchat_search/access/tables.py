"""The tables of people, sessions, tokens and log-ins, as this version of the program needs them.

`migrations/` makes them in a database; a test checks that both agree. Times are microseconds since
1970 UTC. Roles are names, divided by commas, in order. Of a secret (of a session, a token) only the
SHA-256 is here, and of a password only what argon2id makes of it.

Invariant: an id is never given again, so that a row of the audit names the same person for ever.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

from kchat_search.databases.kind import Kind
from kchat_search.errors import AccessError

MIGRATION = "0004"
"""The number of the migration that leads to these tables."""
NEWEST_TABLE = "saved_searches"
"""A table that it made."""

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
IdType = BigInteger().with_variant(Integer(), "sqlite")

people = Table(
    "people",
    metadata,
    Column("id", IdType, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),  # as it was given
    Column("folded", Text, nullable=False, unique=True),  # as it is compared; see `names`
    Column("roles", Text, nullable=False),
    Column("agent_id", Text),
    Column("disabled_at", BigInteger),
    Column("password_hash", Text),
    Column("provider", Text),
    Column("subject", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("last_sign_in_at", BigInteger),
    UniqueConstraint("provider", "subject"),
    sqlite_autoincrement=True,
)

# Whose agent id is the one that their provider says; `agent_id` is the one that it replaced, which
# an admin had set.
claimed_agents = Table(
    "claimed_agents",
    metadata,
    Column(
        "person_id",
        IdType,
        ForeignKey("people.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("agent_id", Text),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", IdType, primary_key=True, autoincrement=True),
    Column("secret_hash", Text, nullable=False, unique=True),
    Column("person_id", IdType, ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("began_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    Column("address", Text, nullable=False),
    Column("browser", Text, nullable=False),
    Column("provider_data", Text, nullable=False),
    sqlite_autoincrement=True,
)
Index(None, sessions.c.person_id)

tokens = Table(
    "tokens",
    metadata,
    Column("id", IdType, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("secret_hash", Text, nullable=False, unique=True),
    Column("roles", Text, nullable=False),
    Column("agent_id", Text),
    Column("owner_id", IdType, ForeignKey("people.id", ondelete="CASCADE")),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("last_used_at", BigInteger),
    Column("revoked_at", BigInteger),
    sqlite_autoincrement=True,
)
Index(None, tokens.c.owner_id)

# Of whoever sits at the machine, as long as there are no people, `person_id` is null.
saved_searches = Table(
    "saved_searches",
    metadata,
    Column("id", IdType, primary_key=True, autoincrement=True),
    Column("person_id", IdType, ForeignKey("people.id", ondelete="CASCADE")),
    Column("name", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("saved_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("seen", Text),  # ids of chats: see `models.id_sets`
    sqlite_autoincrement=True,
)
Index(None, saved_searches.c.person_id)

# Failed log-ins, by a hash of name and address: what somebody types into the field of the name may
# be a password.
failed_log_ins = Table(
    "failed_log_ins",
    metadata,
    Column("key", Text, primary_key=True),
    Column("times", Integer, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("open_at", BigInteger, nullable=False),  # no try before
)
Index(None, failed_log_ins.c.last_at)

# Requests of a principal in a minute; and until that minute: places of exports that run, and states
# of sign-ins elsewhere that were used.
request_counts = Table(
    "request_counts",
    metadata,
    Column("principal", Text, primary_key=True),
    Column("minute", BigInteger, primary_key=True, autoincrement=False),  # since 1970 UTC
    Column("taken", BigInteger, nullable=False),
)

# Single values: when the first person was added, the key that signs cookies, the latest time.
facts = Table(
    "facts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

ACCESS = Kind(
    noun="database of people",
    setting="KCHAT_ACCESS_URL",
    example="sqlite:///var/access.sqlite3",
    metadata=metadata,
    migration=MIGRATION,
    newest_table=NEWEST_TABLE,
    migrations="kchat_search.access:migrations",
    version_table="access_version",
    error=AccessError,
    full=AccessError,
    remedy="Put a backup in its place; until then nobody gets an answer",
)
