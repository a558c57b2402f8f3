"""The tables of the audit.

`audit` is the chain, `audit_texts` has the free texts of its rows, which can be erased, and
`audit_chain`, of one row, has the id of the chain and what its end is, so that a row that is cut
off there is missed. Hashes, commitments and salts are hexadecimal, so that any tool shows them.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, Table, Text

from kchat_search.access.tables import IdType, metadata

audit = Table(
    "audit",
    metadata,
    Column("number", IdType, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),  # microseconds since 1970 UTC
    Column("clock", BigInteger),
    Column("principal", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("count", BigInteger),
    Column("numbers", BigInteger, nullable=False),
    Column("name_commitment", Text, nullable=False),
    Column("query_commitment", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
)
HASHED = tuple(column.name for column in audit.columns if column.name != "hash")
"""The columns that a row's hash is over, in this order."""

Index(None, audit.c.principal, audit.c.number)
Index(None, audit.c.object, audit.c.number)

audit_texts = Table(
    "audit_texts",
    metadata,
    Column("number", IdType, primary_key=True, autoincrement=False),
    Column("name", Text),
    Column("name_salt", Text),
    Column("query", Text),
    Column("query_salt", Text),
)

audit_chain = Table(
    "audit_chain",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("chain", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("head", Text, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)
