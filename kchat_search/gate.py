"""The one gate: whoever wants a service says for whom.

Nothing but this file makes a `Service` (tests/access/test_gate.py), so every page, every answer of
the API and every command passes `access.policy`, once, here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from kchat_search.access import policy
from kchat_search.access.policy import AgentsSee
from kchat_search.access.recorder import AuditRecorder
from kchat_search.models.audit import AuditEntry
from kchat_search.models.people import OWNER, Permission, Principal
from kchat_search.models.reports import Presentation
from kchat_search.ports import Access, Clock, Recorder
from kchat_search.ports.sign_in import SignInElsewhere
from kchat_search.service import Service


class NotRecorded:
    """The recorder of whoever is not recorded: as long as there are no people."""

    def add(self, entry: AuditEntry) -> None:
        """Forget it."""

    def settle(self) -> None:
        """There is nothing to wait for."""


NOT_RECORDED = NotRecorded()


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Lets principals in. One stands before the whole program; threads may share it."""

    owners: Service
    """The service of the owner, of which those of all others are made."""
    agents_see: AgentsSee = "all"
    access: Access | None = None
    """People, tokens, sessions and the audit; None where there can be none."""
    elsewhere: SignInElsewhere | None = None
    """Who vouches for people elsewhere; None where nobody does."""

    @property
    def presentation(self) -> Presentation:
        """The settings that answers and pages need."""
        return self.owners.presentation

    @property
    def clock(self) -> Clock:
        """Tells the present time."""
        return self.owners.clock

    def for_(
        self,
        principal: Principal,
        recorder: Recorder = NOT_RECORDED,
        *,
        pages: bool = False,
        again: Callable[[], Principal] | None = None,
    ) -> Service:
        """The service for `principal`. `recorder` records what it does. `pages`: the answers are
        shown on pages, which mask private numbers for all who signed in. `again` says who it is by
        now, `NOBODY` where it is nobody any more: an export that takes long asks it."""
        service = self.owners
        viewer = policy.viewer(principal, self.agents_see, pages=pages)
        return replace(
            service,
            principal=principal,
            permissions=policy.permissions(principal),
            recorder=recorder,
            searcher=replace(
                service.searcher, viewer=viewer, seen_chats=self._seen_chats(principal)
            ),
            again=None if again is None else lambda: self._may_still(principal, again()),
            lacks_agent_id=policy.lacks_agent_id(principal, self.agents_see),
        )

    def _seen_chats(self, principal: Principal) -> Callable[[int], Sequence[int] | None] | None:
        access = self.access
        if access is None or "own_searches" not in policy.permissions(principal):
            return None
        return lambda number: access.saved_searches.one(principal, number).seen

    def recorder(self, principal: Principal, address: str) -> Recorder:
        """Records what `principal` does from this address. As long as there are no people, nothing
        is recorded."""
        if self.access is None or principal.kind == "anyone":
            return NOT_RECORDED
        return AuditRecorder(self.access.audit, principal, address)

    def _may_still(self, before: Principal, now: Principal) -> frozenset[Permission]:
        """What of it the principal may still do: nothing, where it sees other chats by now."""
        see = self.agents_see
        if policy.sight(before, see) != policy.sight(now, see):
            return frozenset()
        return policy.permissions(before) & policy.permissions(now)

    def load_words(self) -> None:
        """Load the dictionary, and open no file: a server that forks must not share any."""
        self.owners.segmenter.load()

    def warm(self) -> None:
        """Load and open now what the first search needs."""
        self.for_(OWNER).warm()

    def close(self) -> None:
        """Close files and connections."""
        self.owners.close()
        if self.access is not None:
            self.access.close()
