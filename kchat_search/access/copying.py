"""What is particular about copying the database of people: the audit's chain."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from kchat_search.access.audit_store import check_chain
from kchat_search.access.audit_tables import audit_chain
from kchat_search.access.tables import ACCESS
from kchat_search.databases.copying import Subject


def _finish(source: Connection, target: Connection) -> int:
    """It is the same chain, so its end is the same. Every row is held against it."""
    target.execute(delete(audit_chain))
    rows = [dict(row) for row in source.execute(select(audit_chain)).mappings()]
    if rows:
        target.execute(insert(audit_chain), rows)
    return len(check_chain(target).problems)


ACCESS_COPY = Subject(
    ACCESS,
    audit_chain,
    is_damaged=lambda _table, _row: False,  # the chain says it
    check=lambda _source, _location: None,
    finish=_finish,
)
