"""Read rows of the audit: which ones are asked for, and what they say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, or_, select

from kchat_search.access.audit_tables import audit, audit_texts
from kchat_search.databases.column_values import moment_in, moment_out
from kchat_search.errors import AccessError
from kchat_search.models.audit import AuditEntry, AuditFilter, AuditRow, NumberLookups

_BESIDE = audit.outerjoin(audit_texts, audit_texts.c.number == audit.c.number)
_TEXTS = tuple(column for column in audit_texts.columns if column.name != "number")
_COLUMNS = tuple(
    # A row of SQLAlchemy has a method of this name.
    column.label("counted") if column.name == "count" else column
    for column in audit.columns
)
EVERYTHING = select(*_COLUMNS, *_TEXTS).select_from(_BESIDE).order_by(audit.c.number)
"""All rows with their texts, number ascending, in the order of `audit_check.StoredRow`."""
TEXTS_ALONE = (
    select(audit_texts.c.number)
    .outerjoin(audit, audit_texts.c.number == audit.c.number)
    .where(audit.c.number.is_(None))
    .order_by(audit_texts.c.number)
)
"""Numbers of texts that no row has."""
_DAMAGED = "Row {number} of the audit is damaged. See: kchat-search audit --check"


def newest(
    connection: Connection, wanted: AuditFilter, before: int | None, limit: int
) -> Iterator[AuditRow]:
    """The newest rows that fulfil `wanted`, of those below the number `before`."""
    statement = _filtered(EVERYTHING, wanted).order_by(None).order_by(audit.c.number.desc())
    if before is not None:
        statement = statement.where(audit.c.number < before)
    return map(_row, connection.execute(statement.limit(limit)))


def count(connection: Connection, wanted: AuditFilter) -> int:
    """How many rows fulfil it."""
    statement = select(func.count()).select_from(audit if wanted.who is None else _BESIDE)
    return connection.scalar(_filtered(statement, wanted)) or 0


def number_lookups(connection: Connection, since: datetime) -> Iterator[NumberLookups]:
    """Who looked up whole numbers that they see masked, the most first."""
    total, last = func.sum(audit.c.numbers), func.max(audit.c.number)
    sums = (
        select(
            audit.c.principal,
            func.count().label("rows"),
            total.label("total"),
            last.label("last"),
        )
        .where(audit.c.numbers > 0, audit.c.at >= moment_in(since))
        .group_by(audit.c.principal)
        .subquery()
    )
    statement = (
        select(sums, audit.c.at, audit_texts.c.name)
        .join(audit, audit.c.number == sums.c.last)
        .outerjoin(audit_texts, audit_texts.c.number == sums.c.last)
        .order_by(sums.c.total.desc(), sums.c.principal)
    )
    for row in connection.execute(statement):
        name = row.name if isinstance(row.name, str) else ""
        yield NumberLookups(row.principal, name, row.rows, int(row.total), moment_out(row.at))


def _filtered(statement: Select[Any], wanted: AuditFilter) -> Select[Any]:
    conditions: list[ColumnElement[bool]] = []
    since, until = wanted.since, wanted.until
    if since is not None or until is not None:
        # Where the clock was set back, a row has two times, and either may be the one that is
        # looked for.
        conditions.append(or_(*(_between(c, since, until) for c in (audit.c.at, audit.c.clock))))
    if wanted.principal is not None:
        conditions.append(audit.c.principal == wanted.principal)
    if wanted.who is not None:
        folded = func.lower(audit_texts.c.name) == wanted.who.lower()
        named = or_(audit_texts.c.name == wanted.who, folded)
        conditions.append(or_(named, audit.c.principal == wanted.who))
    if wanted.actions:
        conditions.append(audit.c.action.in_(wanted.actions))
    if wanted.object is not None:
        conditions.append(audit.c.object == wanted.object)
    if wanted.last is not None:
        conditions.append(audit.c.number <= wanted.last)
    if wanted.numbers:
        conditions.append(audit.c.numbers > 0)
    return statement.where(*conditions)


def _between(
    moment: ColumnElement[Any], since: datetime | None, until: datetime | None
) -> ColumnElement[bool]:
    return and_(
        moment.is_not(None),
        *(() if since is None else (moment >= moment_in(since),)),
        *(() if until is None else (moment < moment_in(until),)),
    )


def _row(stored: Row[Any]) -> AuditRow:
    """Raises `AccessError` for a row whose columns are not of their types."""
    texts = {"name": stored.name, "query": stored.query}
    erased = tuple(name for name, text in texts.items() if text is None)
    numbers = (stored.number, stored.at, stored.clock or 0, stored.counted or 0, stored.numbers)
    strings = (stored.principal, stored.address, stored.action, stored.object, stored.hash)
    if not (
        all(isinstance(value, int) for value in numbers)
        and all(isinstance(value, str) for value in (*strings, *filter(None, texts.values())))
    ):
        raise AccessError(_DAMAGED.format(number=stored.number))
    try:
        at, clock = moment_out(stored.at), moment_out(stored.clock)
    except OverflowError as error:
        raise AccessError(_DAMAGED.format(number=stored.number)) from error
    return AuditRow(
        number=stored.number,
        at=at,
        clock=clock,
        entry=AuditEntry(
            principal=stored.principal,
            name=texts["name"] or "",
            address=stored.address,
            action=stored.action,
            object=stored.object,
            query=texts["query"] or "",
            count=stored.counted,
            numbers=stored.numbers,
        ),
        erased=erased,
        hash=stored.hash,
    )
