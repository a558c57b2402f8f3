"""A change that stands only if it is recorded."""

from __future__ import annotations

from collections.abc import Callable

from kchat_search.errors import AuditUnwritable
from kchat_search.models.audit import Action, AuditEntry
from kchat_search.models.people import Token
from kchat_search.ports.access import Recorder


def recorded(
    recorder: Recorder,
    action: Action,
    whom: str,
    details: str = "",
    *,
    undo: Callable[[], object] | None = None,
) -> None:
    """Record a change that was made a moment ago, and wait until that is on the disk.

    `whom` is what it was made to: «person:12». `details` must hold no secret. `undo` takes the
    change back where it can't be recorded. Raises `AuditUnwritable` then.
    """
    entry = AuditEntry("", "", "", action, whom, details)
    try:
        recorder.add(entry)
        recorder.settle()
    except AuditUnwritable:
        if undo is not None:
            undo()
        raise


def token_details(token: Token) -> str:
    """What the audit says of a new token: all but its secret."""
    end = "never" if token.expires_at is None else token.expires_at.isoformat(timespec="seconds")
    roles = ",".join(sorted(token.roles))
    return f"name={token.name} roles={roles} owner={token.owner or ''} ends={end}"
