"""What the web asks of the program: the protocols `Gate` and `Program`.

The web holds a gate and nothing else. Through it, each request gets a program for its principal:
`http.current.program()`. `kchat_search.gate.Gate` is a `Gate`, and its services are `Program`s. The
web imports only these protocols, so the type checker also checks the fakes of the tests against
them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from kchat_search.chats.history import History
from kchat_search.models.account import AccountCheck
from kchat_search.models.chats import StoredReject
from kchat_search.models.holder import Holder
from kchat_search.models.hot import HotPage, Period
from kchat_search.models.people import Permission, Principal
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
from kchat_search.models.search import (
    SIMILAR,
    ChatView,
    Completions,
    InUse,
    RelatedChat,
    SearchPage,
    SearchRequest,
    SimilarPage,
    VisitorChats,
    Within,
)
from kchat_search.ports.access import Access, Recorder
from kchat_search.ports.sign_in import SignInElsewhere
from kchat_search.search.export_walk import Export


class Gate(Protocol):
    """The one way to a program."""

    @property
    def presentation(self) -> Presentation:
        """The settings that answers and pages need."""
        ...

    @property
    def access(self) -> Access | None:
        """People, tokens, sessions and the audit. None: there can be no people."""
        ...

    @property
    def elsewhere(self) -> SignInElsewhere | None:
        """Who vouches for people elsewhere; None where nobody does."""
        ...

    def recorder(self, principal: Principal, address: str) -> Recorder:
        """Records what this principal does from this address. As long as there are no people, it
        records nothing."""
        ...

    def for_(
        self,
        principal: Principal,
        recorder: Recorder,
        *,
        pages: bool = False,
        again: Callable[[], Principal] | None = None,
    ) -> Program:
        """The program for this principal. `pages`: the answers are shown on pages, which mask
        private numbers for everybody who has signed in. `again` says who it is by now, also when
        the request is over: an export that takes long asks it."""
        ...


class Program(Protocol):
    """The program behind the web, for one principal. What it may not do raises `Forbidden`.

    Every method raises `ArchiveError` or `IndexDamaged` if the archive or the index can't be read.
    """

    @property
    def presentation(self) -> Presentation:
        """The settings that answers and pages need."""
        ...

    def may(self, permission: Permission) -> bool:
        """May the principal do this? Called where an answer has parts that not everybody may
        see."""
        ...

    def search(self, request: SearchRequest, *, meaning: bool = True) -> SearchPage:
        """One page of hits; without `meaning`, its related chats by meaning are left out. Raises
        `BadRequest` for a wrong request. Called by API and pages."""
        ...

    def related(self, request: SearchRequest) -> SearchPage:
        """The same, asked for its related chats. Called by the API."""
        ...

    def by_meaning(self, request: SearchRequest) -> tuple[RelatedChat, ...]:
        """Its related chats by meaning alone. Called by pages."""
        ...

    def suggest(self, q: str, at: int, language: str) -> Completions:
        """What may be typed at a cursor of a query. Called by pages."""
        ...

    def in_use(self) -> InUse:
        """Values that chats have, for examples of queries. Called by pages."""
        ...

    def hot(self, period: Period) -> HotPage:
        """What visitors asked about most. Called by API and pages."""
        ...

    def chats_found(self, request: SearchRequest) -> Sequence[int]:
        """The ids of all chats that a search finds, in any order. Raises what `search` raises.
        Called by the page of saved searches."""
        ...

    def coverage(self) -> Coverage:
        """How many chats can be searched. Called by pages."""
        ...

    def export(self, request: SearchRequest) -> Export:
        """Every hit, by date. Raises `BadRequest` for a wrong request. Called by the API."""
        ...

    def chat(
        self,
        chat_id: int,
        q: str = "",
        *,
        find: str = "",
        within: Within | None = None,
        sent: bool = True,
        reveal: bool = False,
    ) -> ChatView:
        """One chat. The matches of the queries `q` and `find` are marked in it, each apart.
        `within`: with its place among the hits of that search. Without `sent`, what Kchat sent is
        left out. `reveal`: with its private numbers, on a page too. Raises `NotFound`, and
        `LimitExceeded` for a query that is too long. Called by API and pages."""
        ...

    def visitor_chats(self, chat_id: int, q: str = "", page: int | None = None) -> VisitorChats:
        """A page of all chats of a chat's visitor, each with what matches the query `q`; None: the
        page with that chat. Raises `NotFound`. Called by pages."""
        ...

    def similar(self, chat_id: int, limit: int = SIMILAR) -> SimilarPage:
        """The chats that are most like one. Raises `NotFound`. Called by API and pages."""
        ...

    def history(self, chat_id: int) -> History:
        """All versions of one chat. Raises `NotFound`. Called by API and pages."""
        ...

    def agents(self) -> Mapping[str, str]:
        """The names of the agents, by id. Called by API and pages."""
        ...

    def every_agent(self) -> Mapping[str, str]:
        """The same of all agents, for whoever manages people. Called by pages."""
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
        """What is wrong now and does not stop searches, for who may see the status. Never raises.
        Called by `/readyz`, by
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
        """How much of Kchat the archive and the index have at this moment."""
        ...

    def holder(self) -> Holder | None:
        """The process that is the indexer now; None if there is none."""
        ...

    def kchat_chat_url(self) -> str | None:
        """Where a chat is at Kchat, with `{id}` for its id; None where no account is known. Called
        by API and pages."""
        ...

    def can_check_account(self) -> bool:
        """Is there anybody who can try the account at Kchat? Called by pages."""
        ...

    def checked_account(self) -> AccountCheck | None:
        """How the last try of the account went; None: there was none. Called by pages."""
        ...

    def check_account(self) -> None:
        """Have the account tried. Called by pages."""
        ...

    def rebuilt_percent(self) -> int | None:
        """How much of the index is built, where a process rebuilds it now; None: none does. Called
        where the index can't be read."""
        ...
