"""People, sessions, tokens, failed log-ins, requests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables in an empty database."""
    _people()
    _sessions()
    _tokens()
    _small_tables()


def _id() -> sa.Column[int]:
    return sa.Column("id", _ID, autoincrement=True, nullable=False)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _people() -> None:
    op.create_table(
        "people",
        _id(),
        _text("name"),
        _text("folded"),
        _text("roles"),
        _text("agent_id", nullable=True),
        _number("disabled_at", nullable=True),
        _text("password_hash", nullable=True),
        _text("provider", nullable=True),
        _text("subject", nullable=True),
        _number("created_at"),
        _number("last_sign_in_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_people"),
        sa.UniqueConstraint("provider", "subject", name="uq_people_provider_subject"),
        sa.UniqueConstraint("folded", name="uq_people_folded"),
        sqlite_autoincrement=True,
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        _id(),
        _text("secret_hash"),
        sa.Column("person_id", _ID, nullable=False),
        _number("began_at"),
        _number("last_used_at"),
        _number("ends_at"),
        _text("address"),
        _text("browser"),
        _text("provider_data"),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.UniqueConstraint("secret_hash", name="uq_sessions_secret_hash"),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name="fk_sessions_person_id_people", ondelete="CASCADE"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_sessions_person_id", "sessions", ["person_id"])


def _tokens() -> None:
    op.create_table(
        "tokens",
        _id(),
        _text("name"),
        _text("prefix"),
        _text("secret_hash"),
        _text("roles"),
        _text("agent_id", nullable=True),
        sa.Column("owner_id", _ID, nullable=True),
        _number("created_at"),
        _number("expires_at", nullable=True),
        _number("last_used_at", nullable=True),
        _number("revoked_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.UniqueConstraint("secret_hash", name="uq_tokens_secret_hash"),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["people.id"], name="fk_tokens_owner_id_people", ondelete="CASCADE"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_tokens_owner_id", "tokens", ["owner_id"])


def _small_tables() -> None:
    op.create_table(
        "failed_log_ins",
        _text("key"),
        sa.Column("times", sa.Integer(), nullable=False),
        _number("last_at"),
        _number("open_at"),
        sa.PrimaryKeyConstraint("key", name="pk_failed_log_ins"),
    )
    op.create_index("ix_failed_log_ins_last_at", "failed_log_ins", ["last_at"])
    op.create_table(
        "request_counts",
        _text("principal"),
        sa.Column("minute", sa.BigInteger(), autoincrement=False, nullable=False),
        _number("taken"),
        sa.PrimaryKeyConstraint("principal", "minute", name="pk_request_counts"),
    )
    op.create_table(
        "facts",
        _text("name"),
        _text("value"),
        sa.PrimaryKeyConstraint("name", name="pk_facts"),
    )
