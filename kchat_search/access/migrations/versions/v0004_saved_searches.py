"""Searches that people have saved."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "saved_searches",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column(
            "person_id",
            _ID,
            sa.ForeignKey(
                "people.id", name="fk_saved_searches_person_id_people", ondelete="CASCADE"
            ),
            nullable=True,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_saved_searches"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_saved_searches_person_id", "saved_searches", ["person_id"])
