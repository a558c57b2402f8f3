"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_THERE = sa.text("gone_at IS NULL")
_OPEN = sa.text("gone_at IS NULL AND status != 'close'")


def upgrade() -> None:
    """Make the tables in an empty database."""
    _chats()
    _versions()
    _queue_and_rejects()
    _small_tables()


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _chats() -> None:
    op.create_table(
        "chats",
        sa.Column("id", _ID, autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        _text("digest"),
        _number("created_at", nullable=True),
        _number("end_at", nullable=True),
        _number("active_at", nullable=True),
        _text("status"),
        _text("agent_id", nullable=True),
        _text("visitor_id", nullable=True),
        _number("first_seen_at"),
        _number("changed_at"),
        _number("seen_at"),
        _number("gone_at", nullable=True),
        _text("raw"),
        sa.PrimaryKeyConstraint("id", name="pk_chats"),
    )
    op.create_index("ix_chats_id_version", "chats", ["id", "version"])
    for name in ("created_at", "agent_id", "visitor_id"):
        op.create_index(f"ix_chats_{name}", "chats", [name])
    for name, columns, where in (
        ("ix_chats_there_seen_at", ["seen_at"], _THERE),
        ("ix_chats_there_active_at", ["active_at", "seen_at"], _THERE),
        ("ix_chats_open_seen_at", ["seen_at"], _OPEN),
    ):
        op.create_index(name, "chats", columns, sqlite_where=where, postgresql_where=where)


def _versions() -> None:
    op.create_table(
        "versions",
        sa.Column("chat_id", _ID, autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        _text("digest"),
        _number("seen_at"),
        _text("raw"),
        sa.PrimaryKeyConstraint("chat_id", "version", name="pk_versions"),
        sa.ForeignKeyConstraint(
            ["chat_id"], ["chats.id"], name="fk_versions_chat_id_chats", ondelete="CASCADE"
        ),
    )


def _queue_and_rejects() -> None:
    op.create_table(
        "changes",
        sa.Column("sequence", _ID, autoincrement=True, nullable=False),
        sa.Column("chat_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_changes"),
        sa.UniqueConstraint("chat_id", name="uq_changes_chat_id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "rejects",
        _text("key"),
        _number("chat_id", nullable=True),
        _text("reason"),
        _number("first_seen_at"),
        _number("last_seen_at"),
        sa.Column("times", sa.Integer(), nullable=False),
        _text("raw"),
        sa.PrimaryKeyConstraint("key", name="pk_rejects"),
    )
    op.create_index("ix_rejects_last_seen_at", "rejects", ["last_seen_at"])


def _small_tables() -> None:
    op.create_table(
        "cursors",
        _text("name"),
        _text("value"),
        _number("updated_at"),
        sa.PrimaryKeyConstraint("name", name="pk_cursors"),
    )
    op.create_table(
        "agents",
        _text("id"),
        _text("name"),
        _number("seen_at"),
        sa.PrimaryKeyConstraint("id", name="pk_agents"),
    )
    op.create_table(
        "reports",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        _text("value"),
        sa.PrimaryKeyConstraint("id", name="pk_reports"),
        sqlite_autoincrement=True,
    )
    sizes = ("chats", "gone", "pending", "rejected", "versions")
    tally = op.create_table(
        "tally",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        *(_number(name) for name in sizes),
        sa.PrimaryKeyConstraint("id", name="pk_tally"),
        sa.CheckConstraint("id = 1", name=op.f("ck_tally_one_row")),
    )
    op.bulk_insert(tally, [{"id": 1, **dict.fromkeys(sizes, 0)}])
