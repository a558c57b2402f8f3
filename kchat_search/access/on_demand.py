"""`ports.Access` that opens its database when it is needed.

So a process that asks nobody who they are (a worker, a sync) makes no file of people; and a web
server whose database of people can't be opened answers that it can't, says so to who watches it,
and goes on by itself when that is mended.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

from kchat_search.ports.access import (
    Access,
    Audit,
    Exports,
    People,
    Requests,
    SavedSearches,
    Sessions,
    SignIns,
    Tokens,
)


class AccessOnDemand:
    """Everything raises `AccessError` as long as the database can't be opened."""

    def __init__(self, opened: Callable[[], Access]) -> None:
        self._open = opened
        self._lock = threading.Lock()
        self._access: Access | None = None

    @property
    def people(self) -> People:
        """The accounts."""
        return self._opened().people

    @property
    def sessions(self) -> Sessions:
        """Log-ins of people."""
        return self._opened().sessions

    @property
    def tokens(self) -> Tokens:
        """Tokens for programs."""
        return self._opened().tokens

    @property
    def sign_ins(self) -> SignIns:
        """Signing in by password."""
        return self._opened().sign_ins

    @property
    def requests(self) -> Requests:
        """How many requests a principal makes."""
        return self._opened().requests

    @property
    def exports(self) -> Exports:
        """The exports of a principal that run."""
        return self._opened().exports

    @property
    def saved_searches(self) -> SavedSearches:
        """The searches that people have saved."""
        return self._opened().saved_searches

    @property
    def audit(self) -> Audit:
        """The record of who did what."""
        return self._opened().audit

    def together(self) -> AbstractContextManager[None]:
        """See the port."""
        return self._opened().together()

    def signing_key(self) -> bytes:
        """See the port."""
        return self._opened().signing_key()

    def close(self) -> None:
        """Close what was opened."""
        with self._lock:
            access, self._access = self._access, None
        if access is not None:
            access.close()

    def _opened(self) -> Access:
        access = self._access
        if access is not None:
            return access
        with self._lock:
            if self._access is None:
                self._access = self._open()
            return self._access
