"""A recorder that keeps what is recorded, unless the disk is full."""

from __future__ import annotations

from dataclasses import dataclass, field

from kchat_search.errors import AuditUnwritable
from kchat_search.models.audit import AuditEntry


@dataclass
class Kept:
    """`ports.access.Recorder`."""

    entries: list[AuditEntry] = field(default_factory=list)
    disk_full: bool = False

    def add(self, entry: AuditEntry) -> None:
        self.entries.append(entry)

    def settle(self) -> None:
        if self.disk_full:
            raise AuditUnwritable("The disk of the audit is full.")

    def said(self) -> list[tuple[str, str]]:
        """(action, object) of each entry."""
        return [(entry.action, entry.object) for entry in self.entries]
