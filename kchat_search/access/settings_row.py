"""Settings that decide who may see what: the audit says when they became others.

They are the environment's, so nobody changes them while the program runs. Each process that answers
people looks once whether they are those that were recorded last.
"""

from __future__ import annotations

from kchat_search.models.audit import AuditEntry, AuditFilter
from kchat_search.models.people import OWNER
from kchat_search.ports.access import Access


def record_settings(access: Access, settings: str) -> None:
    """Record the settings that this process answers by, unless the last row of this kind says the
    same. Nothing is recorded where there are none («»). Raises `AccessError`."""
    if not settings:
        return
    rows = access.audit.rows(AuditFilter(actions=("settings",)), limit=1)
    if not rows or rows[0].entry.query != settings:
        entry = AuditEntry(OWNER.key, OWNER.name, "", "settings", query=settings)
        access.audit.record(entry).wait()
