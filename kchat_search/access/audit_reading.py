"""The audit for whoever reads it: all rows for an auditor, their own for everybody else.

Reading the audit is recorded in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import datetime

from kchat_search.access.needs import needs
from kchat_search.access.policy import permissions
from kchat_search.models.audit import (
    AuditCheck,
    AuditEntry,
    AuditFilter,
    AuditRow,
    NumberLookups,
)
from kchat_search.models.people import Principal
from kchat_search.ports.access import Audit, Recorder

_ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Rows of the audit, the newest first."""

    rows: tuple[AuditRow, ...]
    total: int
    """How many there are in all."""
    before: int | None
    """The next page has the rows below this number; None: there are no more."""


@dataclass(frozen=True, slots=True)
class AuditExport:
    """All rows that were asked for, the newest first, read as they are needed."""

    total: int
    rows: Iterator[AuditRow]


class AuditReading:
    """The audit, for one principal."""

    def __init__(self, audit: Audit, principal: Principal, recorder: Recorder) -> None:
        self.permissions = permissions(principal)
        self._audit = audit
        self._principal = principal
        self._recorder = recorder

    @needs("audit", "own_audit")
    def page(self, wanted: AuditFilter, *, before: int | None = None, limit: int) -> AuditPage:
        """The newest rows that fulfil `wanted`, from below the number `before`."""
        wanted = self._seen(wanted)
        total = self._audit.count(wanted)
        rows = self._audit.rows(wanted, before=before, limit=limit + 1)
        self._record(wanted, total)
        more = rows[limit - 1].number if len(rows) > limit else None
        return AuditPage(rows[:limit], total, more)

    @needs("audit", "own_audit")
    def export(self, wanted: AuditFilter) -> AuditExport:
        """All rows that fulfil `wanted` and are there now."""
        wanted = self._seen(wanted)
        first = self._audit.rows(wanted, limit=_ROWS_AT_ONCE)
        last = first[0].number if first else 0
        # Counted up to there, so that a row that comes meanwhile is in neither.
        total = self._audit.count(replace(wanted, last=last))
        self._record(wanted, total)
        return AuditExport(total, self._rows(wanted, first))

    @needs("audit")
    def number_lookups(self, since: datetime) -> tuple[NumberLookups, ...]:
        """Who looked up whole private numbers that they see masked, the most first."""
        return self._audit.number_lookups(since)

    @needs("operate")
    def check(self, head: str | None = None) -> AuditCheck:
        """See `ports.Audit.check`. It shows no row, so it is not recorded: the head stays what it
        is as long as nobody does anything."""
        return self._audit.check(head)

    @needs("operate")
    def erase(self, number: int, reason: str) -> None:
        """See `ports.Audit.erase`."""
        self._audit.erase(number, reason, self._principal)

    def _seen(self, wanted: AuditFilter) -> AuditFilter:
        if "audit" in self.permissions:
            return wanted
        return replace(wanted, principal=self._principal.key)

    def _rows(self, wanted: AuditFilter, part: tuple[AuditRow, ...]) -> Iterator[AuditRow]:
        while part:
            yield from part
            part = self._audit.rows(wanted, before=part[-1].number, limit=_ROWS_AT_ONCE)

    def _record(self, wanted: AuditFilter, total: int) -> None:
        self._recorder.add(AuditEntry("", "", "", "audit", query=_text(wanted), count=total))


def _text(wanted: AuditFilter) -> str:
    """What was asked for, as the audit records it: `who=anna&action=search&action=view`."""
    pairs: list[tuple[str, object]] = []
    for field in fields(wanted):
        value = getattr(wanted, field.name)
        if isinstance(value, datetime):
            pairs.append((field.name, value.isoformat()))
        elif isinstance(value, tuple):
            pairs.extend(("action", one) for one in value)
        elif value:
            pairs.append((field.name, str(value).lower() if value is True else value))
    return "&".join(f"{name}={value}" for name, value in pairs)
