"""The saved searches of whoever asks.

Invariant: a number that is shown is what its address finds, for this person and at this moment. So
what is new is counted from the chats that were seen, and not from times: a chat that has grown into
the search is new, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from kchat_search.access.needs import needs
from kchat_search.access.policy import permissions
from kchat_search.access.queries import query_string
from kchat_search.access.recorded import change, recorded
from kchat_search.models.audit import AuditEntry
from kchat_search.models.people import Principal
from kchat_search.models.saved import NewHits, SavedSearch
from kchat_search.models.search import SearchRequest
from kchat_search.ports.access import Access, Recorder


class Finds(Protocol):
    """What finds the chats of a search, as far as whoever asks sees them."""

    def chats_found(self, request: SearchRequest) -> Sequence[int]:
        """The ids of all of them, in any order."""
        ...


class OwnSearches:
    """See above."""

    def __init__(
        self, access: Access, finds: Finds, principal: Principal, recorder: Recorder
    ) -> None:
        self.permissions = permissions(principal)
        self._access = access
        self._finds = finds
        self._principal = principal
        self._recorder = recorder

    @needs("own_searches")
    def everything(self) -> tuple[SavedSearch, ...]:
        """All of them, by name."""
        found = self._access.saved_searches.of(self._principal)
        self._recorder.add(AuditEntry("", "", "", "saved", count=len(found)))
        return found

    @needs("own_searches")
    def one(self, number: int) -> SavedSearch:
        """One of them. Raises `NotFound`."""
        return self._access.saved_searches.one(self._principal, number)

    @needs("own_searches")
    def new_hits(self, saved: SavedSearch, request: SearchRequest) -> NewHits:
        """What it finds now. `request`: its search. Raises what a search raises."""
        found = self._finds.chats_found(request)
        if saved.seen is None:
            return NewHits(len(found), None)
        return NewHits(len(found), len(set(found).difference(saved.seen)))

    @needs("own_searches")
    def save(self, name: str, query: str, request: SearchRequest) -> SavedSearch:
        """Save a search under a name: `query` is the query string of its address. Raises
        `BadRequest` for a name that can't be taken, and where there are too many."""
        seen = self._finds.chats_found(request)
        with change(self._access, self._recorder):
            saved = self._access.saved_searches.add(self._principal, name, query, seen)
            recorded(self._recorder, "search_saved", f"saved:{saved.id}", query_string(request))
        return saved

    @needs("own_searches")
    def rename(self, number: int, name: str) -> None:
        """Raises `NotFound`, and `BadRequest` for a name that can't be taken."""
        self._access.saved_searches.rename(self._principal, number, name)

    @needs("own_searches")
    def mark_seen(self, number: int, request: SearchRequest) -> None:
        """All that it finds now is seen. Raises `NotFound`."""
        seen = self._finds.chats_found(request)
        self._access.saved_searches.mark_seen(self._principal, number, seen)

    @needs("own_searches")
    def remove(self, number: int) -> None:
        """Raises `NotFound`."""
        with change(self._access, self._recorder):
            self._access.saved_searches.remove(self._principal, number)
            recorded(self._recorder, "search_removed", f"saved:{number}")
