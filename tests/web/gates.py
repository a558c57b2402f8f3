"""Gates for tests: one that is open, as long as nobody was ever added."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kchat_search.gate import NOT_RECORDED
from kchat_search.models.people import Principal
from kchat_search.models.reports import Presentation
from kchat_search.ports.access import Access, Recorder
from kchat_search.ports.sign_in import SignInElsewhere
from kchat_search.web.program import Program


@dataclass(frozen=True)
class OpenGate:
    """Behind it, everybody gets this program: the state as long as there are no people."""

    program: Program

    @property
    def presentation(self) -> Presentation:
        return self.program.presentation

    @property
    def access(self) -> Access | None:
        return None

    @property
    def elsewhere(self) -> SignInElsewhere | None:
        return None

    def recorder(self, principal: Principal, address: str) -> Recorder:
        del principal, address
        return NOT_RECORDED

    def for_(
        self,
        principal: Principal,
        recorder: Recorder,
        *,
        pages: bool = False,
        again: Callable[[], Principal] | None = None,
    ) -> Program:
        del principal, recorder, pages, again
        return self.program
