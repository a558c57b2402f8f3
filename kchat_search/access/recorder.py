"""Record what one principal does from one address."""

from __future__ import annotations

from kchat_search.models.audit import AuditEntry
from kchat_search.models.people import Principal
from kchat_search.ports import Audit
from kchat_search.ports.access import Ticket


class AuditRecorder:
    """`ports.Recorder`: of one request, or of one command. One thread uses it."""

    def __init__(self, audit: Audit, principal: Principal, address: str = "") -> None:
        self._audit = audit
        self._principal = principal
        self._address = address
        self._tickets: list[Ticket] = []

    def add(self, entry: AuditEntry) -> None:
        """Begin to record an entry. Its `principal`, `name` and `address` are filled in where they
        are «». Raises `AuditUnwritable`."""
        filled = AuditEntry(
            principal=entry.principal or self._principal.key,
            name=entry.name or self._principal.name,
            address=entry.address or self._address,
            action=entry.action,
            object=entry.object,
            query=entry.query,
            count=entry.count,
            numbers=entry.numbers,
        )
        self._tickets.append(self._audit.record(filled))

    def settle(self) -> None:
        """Returns when all that was added is on the disk. Raises `AuditUnwritable`."""
        tickets, self._tickets = self._tickets, []
        for ticket in tickets:
            ticket.wait()


class SettlingRecorder(AuditRecorder):
    """The same for the command line, which prints as it goes: each entry is on the disk before
    `add` returns."""

    def add(self, entry: AuditEntry) -> None:
        """Record an entry. Raises `AuditUnwritable`."""
        super().add(entry)
        self.settle()
