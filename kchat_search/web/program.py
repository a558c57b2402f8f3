"""What the web asks of the program: the protocol `Program`.

`kchat_search.service.Service` is a `Program`. The web imports only this protocol, so the type
checker also checks the fake service of the tests against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from kchat_search.chats.history import History
from kchat_search.models.chats import StoredReject
from kchat_search.models.reports import (
    Alert,
    ArchiveCounts,
    Coverage,
    EngineState,
    Presentation,
    Status,
    SyncReport,
    SyncTotals,
)
from kchat_search.models.search import ChatView, SearchPage, SearchRequest
from kchat_search.search.export_walk import Export


class Program(Protocol):
    """The program behind the web.

    Every method raises `ArchiveError` or `IndexDamaged` if the archive or the index can't be read.
    """

    @property
    def presentation(self) -> Presentation:
        """The settings that answers and pages need."""
        ...

    def search(self, request: SearchRequest) -> SearchPage:
        """One page of hits. Raises `BadRequest` for a wrong request. Called by API and pages."""
        ...

    def export(self, request: SearchRequest) -> Export:
        """Every hit, by date. Raises `BadRequest` for a wrong request. Called by the API."""
        ...

    def chat(self, chat_id: int, q: str = "", part: slice | None = None) -> ChatView:
        """One chat. The matches of the query `q` are marked in it. With `part`, only in those of
        its messages, and `sent` is empty: so the page of a long chat takes less time. Raises
        `NotFound`, and `LimitExceeded` for a query that is too long. Called by API and pages."""
        ...

    def history(self, chat_id: int) -> History:
        """All versions of one chat. Raises `NotFound`. Called by API and pages."""
        ...

    def agents(self) -> Mapping[str, str]:
        """The names of the agents, by id. Called by API and pages."""
        ...

    def status(self) -> Status:
        """The state of the whole program. Called by API and pages."""
        ...

    def reports(self, limit: int = 20) -> tuple[SyncReport, ...]:
        """The reports of the last `limit` syncs, newest first. Called by API, pages and metrics."""
        ...

    def rejects(self, limit: int = 100, offset: int = 0) -> tuple[StoredReject, ...]:
        """Chats that could not be understood, the one seen last first, without the tokens of
        uploads. Called by API and pages."""
        ...

    def count_rejects(self) -> int:
        """The number of all rejects. Called by the API."""
        ...

    def alerts(self) -> tuple[Alert, ...]:
        """What is wrong now and does not stop searches. Never raises. Called by `/readyz`, by
        metrics, and where an answer fails."""
        ...

    def ready(self) -> None:
        """Returns if searches can be answered, else raises. Called by `/readyz`."""
        ...

    def counts(self) -> ArchiveCounts:
        """Sizes of the archive. Called by metrics, like all methods below."""
        ...

    def totals(self) -> Mapping[str, SyncTotals]:
        """The sums over all syncs, by kind of sync."""
        ...

    def index_state(self) -> tuple[EngineState, bool]:
        """(the state of the index, whether it was built with the present settings)."""
        ...

    def coverage_now(self) -> Coverage:
        """How much of Kchat an answer can contain at this moment."""
        ...

    def holder(self) -> str | None:
        """The process that is the indexer now; None if there is none."""
        ...

    def rebuilt_percent(self) -> int | None:
        """How much of the index is built, where a process rebuilds it now; None: none does. Called
        where the index can't be read."""
        ...
