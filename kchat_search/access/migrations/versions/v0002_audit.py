"""The audit: its chain, the texts beside it, and the end of the chain."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ZEROS = "0" * 64


def upgrade() -> None:
    """Make the tables, and begin a chain that no other database has."""
    op.create_table(
        "audit",
        sa.Column("number", _ID, autoincrement=False, nullable=False),
        _number("at"),
        _number("clock", nullable=True),
        *(_text(name) for name in ("principal", "address", "action", "object")),
        _number("count", nullable=True),
        _number("numbers"),
        *(_text(name) for name in ("name_commitment", "query_commitment", "previous", "hash")),
        sa.PrimaryKeyConstraint("number", name="pk_audit"),
    )
    op.create_index("ix_audit_principal_number", "audit", ["principal", "number"])
    op.create_index("ix_audit_object_number", "audit", ["object", "number"])
    op.create_table(
        "audit_texts",
        sa.Column("number", _ID, autoincrement=False, nullable=False),
        *(_text(name, nullable=True) for name in ("name", "name_salt", "query", "query_salt")),
        sa.PrimaryKeyConstraint("number", name="pk_audit_texts"),
    )
    chain = op.create_table(
        "audit_chain",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        _text("chain"),
        _number("rows"),
        _text("head"),
        sa.PrimaryKeyConstraint("id", name="pk_audit_chain"),
        sa.CheckConstraint("id = 1", name="ck_audit_chain_one_row"),
    )
    begin = {"id": 1, "chain": secrets.token_hex(16), "rows": 0, "head": _ZEROS}
    op.bulk_insert(chain, [begin])


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)
