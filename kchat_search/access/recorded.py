"""A change that stands only if it is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kchat_search.models.audit import Action, AuditEntry
from kchat_search.models.people import Token
from kchat_search.ports.access import Access, Recorder


@contextmanager
def change(access: Access, recorder: Recorder) -> Iterator[None]:
    """What is changed within the block stands if `recorded` recorded it there: both are one
    transaction. Raises `AccessError` where it can't be recorded; nothing is changed then."""
    recorder.settle()  # written by another thread, which could not write within the block
    with access.together():
        yield


def recorded(recorder: Recorder, action: Action, whom: str = "", details: str = "") -> None:
    """Record a change within the block of `change`.

    `whom` is what it was made to: «person:12». `details` must hold no secret. Raises `AccessError`
    where it can't be recorded.
    """
    recorder.add(AuditEntry("", "", "", action, whom, details))
    recorder.settle()


def token_details(token: Token) -> str:
    """What the audit says of a new token: all but its secret."""
    end = "never" if token.expires_at is None else token.expires_at.isoformat(timespec="seconds")
    roles = ",".join(sorted(token.roles))
    return f"name={token.name} roles={roles} owner={token.owner or ''} ends={end}"
