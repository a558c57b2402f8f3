"""Rejects get a mark for «gone from Kchat», as chats have it; revisions of chats get an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, empty, and the index."""
    op.add_column("rejects", sa.Column("gone_at", sa.BigInteger(), nullable=True))
    op.drop_index("ix_chats_id_version", "chats")
    op.create_index("ix_chats_id_version_gone_at", "chats", ["id", "version", "gone_at"])
