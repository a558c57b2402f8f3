"""Who may export now: so many at once, and so many of them for one client.

A client is a person or a token, whose exports are counted over all processes (`ports.Exports`). As
long as there are no people, it is an address; all users and programs of the machine may have the
same one, so its share is large; but it is never all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from flask_babel import gettext as _

from kchat_search.errors import ExportQuotaReached, TooManyExports

AT_ONCE = 4
"""Exports that may run at once: half of the threads of the server. Each occupies one as long as its
client reads, and a large part of a processor while the client reads fast."""
OF_ONE_CLIENT = 3


class ExportPlaces:
    """The places for exports of one process. Threads may share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._taken: Counter[str] = Counter()

    @contextmanager
    def place(self, client: str) -> Iterator[None]:
        """A place for an export of this client, until the end of the block.

        Raises `TooManyExports` if there is none, and `ExportQuotaReached` if the client has its
        share.
        """
        self._take(client)
        try:
            yield
        finally:
            with self._lock:
                self._taken[client] -= 1
                self._taken += Counter()  # forget those who have none

    def _take(self, client: str) -> None:
        with self._lock:
            if self._taken.total() >= AT_ONCE:
                raise TooManyExports(
                    _("同时最多进行 %(limit)s 个导出；请等其中一个结束后再试。", limit=AT_ONCE)
                )
            if self._taken[client] >= OF_ONE_CLIENT:
                raise quota_reached()
            self._taken[client] += 1


def quota_reached() -> ExportQuotaReached:
    """What a client is told that has its share."""
    return ExportQuotaReached(
        _(
            "同一客户端同时最多进行 %(limit)s 个导出；请等其中一个结束后再试。",
            limit=OF_ONE_CLIENT,
        )
    )
