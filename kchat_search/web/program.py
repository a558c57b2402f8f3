"""What the web asks of the program: `Program`, which `kchat_search.service.Service` is.

The web is typed over this protocol and imports no service, so that the one made for its tests is
checked against the same promises.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from kchat_search.chats.history import History
from kchat_search.models.chats import StoredReject
from kchat_search.models.reports import (
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
    """Every method raises `ArchiveError` or `IndexDamaged` where it can't be answered."""

    @property
    def presentation(self) -> Presentation:
        """What answers and pages need to know of the settings."""
        ...

    def search(self, request: SearchRequest) -> SearchPage:
        """A page of hits. Raises `BadRequest` for what can't be asked. Called by API and pages."""
        ...

    def export(self, request: SearchRequest) -> Export:
        """Every hit, by date. Raises `BadRequest` for what can't be asked. Called by the API."""
        ...

    def chat(self, chat_id: int, q: str = "") -> ChatView:
        """One chat; `q` marks what that query looks for. Raises `NotFound`, and `LimitExceeded` for
        a query that is too long. Called by API and pages."""
        ...

    def history(self, chat_id: int) -> History:
        """All versions of a chat. Raises `NotFound`. Called by API and pages."""
        ...

    def agents(self) -> Mapping[str, str]:
        """Agents' names by id. Called by API and pages."""
        ...

    def status(self) -> Status:
        """The whole program at a glance. Called by API and pages."""
        ...

    def reports(self, limit: int = 20) -> tuple[SyncReport, ...]:
        """What the last syncs did, newest first. Called by API, pages and metrics."""
        ...

    def rejects(self, limit: int = 100, offset: int = 0) -> tuple[StoredReject, ...]:
        """Chats that could not be understood, as they may be shown. Called by API and pages."""
        ...

    def count_rejects(self) -> int:
        """How many there are of those. Called by the API."""
        ...

    def ready(self) -> None:
        """Returns where searches can be answered. Called by `/readyz`."""
        ...

    def counts(self) -> ArchiveCounts:
        """Sizes of the archive. Called by metrics, as all that follow."""
        ...

    def totals(self) -> Mapping[str, SyncTotals]:
        """What all syncs did together, by kind."""
        ...

    def index_state(self) -> tuple[EngineState, bool]:
        """(the index, whether it was built as it would be now)."""
        ...

    def coverage_now(self) -> Coverage:
        """Can an answer be trusted to be of everything?"""
        ...

    def holder(self) -> str | None:
        """Who is the indexer now; None while nobody is."""
        ...
