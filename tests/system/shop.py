"""The whole program over the demo's made-up conversations, with people, behind a real server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from playwright.sync_api import Browser, BrowserContext

from kchat_search.demo.conversations import agents, conversations
from kchat_search.gate import Gate
from kchat_search.models.search import SearchRequest
from kchat_search.web import create_app
from tests.access.planted import opened
from tests.system.chromium import DEADLINE_MS, served
from tests.web.doors import STAFF, WORDS
from tests.world import BEGIN

NOW = BEGIN + timedelta(days=100)
"""The time of the program, whose last conversations have just begun."""
COUNT = 250
AGENT = "周佳怡"
"""Who signs in as an agent."""


@dataclass(frozen=True)
class Shop:
    """What browsers go to."""

    address: str
    app: Flask
    gate: Gate
    refund: int
    """A chat in which somebody asked about a refund."""

    def context(self, browser: Browser, role: str | None, **options: Any) -> BrowserContext:
        """A browser in which somebody with this role has signed in; None: nobody."""
        context = browser.new_context(**{"locale": "zh-CN", **options})
        context.set_default_timeout(DEADLINE_MS)
        if role is not None:
            context.add_cookies(
                [{"name": "kchat", "value": self._cookie(role), "url": self.address}]
            )
        return context

    def _cookie(self, role: str) -> str:
        access = self.gate.access
        assert access is not None
        name = next(name for name, roles in STAFF.items() if role in roles)
        secret = access.sessions.begin(
            access.people.person(name), address="127.0.0.1", browser="test"
        )
        client = self.app.test_client()
        with client.session_transaction() as session:
            session["secret"] = secret
        cookie = client.get_cookie("kchat")
        assert cookie is not None
        return cookie.value


@contextmanager
def shop_in(folder: Path) -> Iterator[Shop]:
    """The program in `folder`, which must not exist, and its server."""
    names = {str(each["id"]): each["agent_display_name"] or each["name"] for each in agents()}
    gate = opened(
        folder,
        [[chat] for chat in conversations(1, NOW, COUNT)],
        agents=names,
        gone=frozenset[int]().__contains__,
        access_url=f"sqlite:///{folder}/access.sqlite3",
        agents_see="all",
    )
    with closing(gate):
        assert gate.access is not None
        own = next(number for number, name in names.items() if name == AGENT)
        for name, roles in STAFF.items():
            own_id = own if roles == ("agent",) else None
            gate.access.people.add(name, roles, password=WORDS, agent_id=own_id)
        app = create_app(gate, clock=lambda: NOW)
        with served(app) as address:
            found = gate.owners.search(SearchRequest(q="退款", per_page=1))
            yield Shop(address, app, gate, found.hits[0].chat.id)
