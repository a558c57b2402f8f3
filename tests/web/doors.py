"""The pages with real accounts in front of made-up chats, and everything that they record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from flask import Flask

from kchat_search.access.policy import permissions
from kchat_search.errors import AuditUnwritable
from kchat_search.models.audit import AuditEntry
from kchat_search.models.people import Principal, Role
from kchat_search.models.reports import Presentation
from kchat_search.ports.access import Access, Recorder
from kchat_search.web import create_app
from kchat_search.web.program import Program
from tests.web.browsing import Browser
from tests.web.fake_service import NOW, FakeService

WORDS = "correct horse battery"
"""The password of everybody here."""
STAFF: dict[str, tuple[Role, ...]] = {
    "lilei": ("agent",),
    "cora": ("compliance",),
    "ada": ("admin",),
    "otto": ("auditor",),
}


@dataclass
class Time:
    """A clock that stands still until a test moves it."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Kept:
    """Keeps what is recorded, unless the disk is full."""

    doors: Doors
    principal: Principal
    address: str

    def add(self, entry: AuditEntry) -> None:
        self.doors.recorded.append(
            replace(
                entry,
                principal=entry.principal or self.principal.key,
                name=entry.name or self.principal.name,
                address=entry.address or self.address,
            )
        )

    def settle(self) -> None:
        if self.doors.disk_full:
            raise AuditUnwritable("The disk of the audit is full.")
        self.doors.settled += 1


@dataclass
class Doors:
    """A gate before a fake service, with real people."""

    service: FakeService
    access: Access
    clock: Time
    recorded: list[AuditEntry] = field(default_factory=list)
    disk_full: bool = False
    settled: int = 0
    """How often an answer waited for the disk."""

    @property
    def presentation(self) -> Presentation:
        return self.service.presentation

    @property
    def elsewhere(self) -> None:
        """Nobody vouches for people elsewhere."""

    def recorder(self, principal: Principal, address: str) -> Recorder:
        return Kept(self, principal, address)

    def for_(
        self,
        principal: Principal,
        recorder: Recorder,
        *,
        pages: bool = False,
        again: Callable[[], Principal] | None = None,
    ) -> Program:
        del recorder, pages, again
        return replace(self.service, permissions=permissions(principal))

    def set_entrance(self, **settings: Any) -> None:
        """Change these settings of how people come in."""
        entrance = replace(self.presentation.entrance, **settings)
        self.service.presentation = replace(self.presentation, entrance=entrance)

    def app(self) -> Flask:
        return create_app(self, clock=self.clock)

    def actions(self) -> list[tuple[str, str, str]]:
        """(who, what, to whom) of all that was recorded."""
        return [(entry.name, entry.action, entry.object) for entry in self.recorded]


def hire(access: Access) -> None:
    """One person for each role."""
    for name, roles in STAFF.items():
        access.people.add(name, roles, password=WORDS, agent_id="2192" if name == "lilei" else None)


def signed_in(app: Flask, name: str) -> Browser:
    """A browser in which this person has logged in."""
    browser = Browser(app)
    browser.log_in(name, WORDS)
    return browser
