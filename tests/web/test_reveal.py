"""Private numbers on the page of a chat: hidden from who signed in, shown by one click."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask

from kchat_search.demo.server import DemoServer
from kchat_search.gate import Gate
from kchat_search.models.audit import AuditFilter
from kchat_search.ports.access import Access
from kchat_search.web import create_app
from tests.web.browsing import Browser, form
from tests.web.conftest import access_in
from tests.web.doors import Time, hire, signed_in
from tests.web.markup import Page
from tests.world import World, chat

PHONE = "13800138845"
HIDDEN = "138****8845"


@dataclass
class Real:
    """The real program, with people."""

    app: Flask
    access: Access

    def audited(self, *actions: str) -> list[tuple[str, str, str]]:
        rows = self.access.audit.rows(AuditFilter())
        said = [(row.entry.name, row.entry.action, row.entry.object) for row in rows]
        return [one for one in said if one[1] in actions]


@pytest.fixture
def real(kchat: DemoServer, world: World, tmp_path: Path) -> Iterator[Real]:
    kchat.put(chat(290, f"我的电话是 {PHONE}", "好的", visitor_id=5))
    kchat.put(chat(291, "没有号码", "好的", visitor_id=6))
    world.sync()
    clock = Time(world.now)
    with closing(access_in(tmp_path / "access.sqlite3", clock)) as access:
        hire(access)
        gate = Gate(owners=world.service, access=access)
        yield Real(create_app(gate, clock=clock), access)


def can_reveal(page: Page) -> bool:
    return any(tag == "form" and "/reveal" in known.get("action", "") for tag, known in page.tags)


def test_one_click_shows_the_numbers_of_one_chat_and_is_recorded(real: Real) -> None:
    browser = signed_in(real.app, "cora")
    page = browser.open("/chats/290?q=%E7%94%B5%E8%AF%9D")
    assert HIDDEN in page.text
    assert PHONE not in browser.response.text
    assert real.audited("reveal") == []
    page = browser.send("/chats/290/reveal?q=%E7%94%B5%E8%AF%9D")
    assert PHONE in page.text
    assert "已记入审计" in page.text
    assert browser.response.headers["Cache-Control"] == "private, no-store"
    assert real.audited("reveal") == [("cora", "reveal", "chat:290")]
    assert not can_reveal(page)
    hide = next(link["href"] for link in page.links if link["href"].startswith("/chats/290?q="))
    page = browser.open(hide)
    assert HIDDEN in page.text
    assert PHONE not in browser.response.text
    assert not can_reveal(browser.open("/chats/291")), "it hides nothing"
    data = form(browser.open("/chats/290"), "/chats/290/reveal")
    assert browser.client.post("/chats/999/reveal", data=data).status_code == 404
    assert real.audited("reveal")[0] == ("cora", "reveal", "chat:999")


def test_numbers_are_shown_to_nobody_else_and_by_nothing_else(real: Real) -> None:
    browser = signed_in(real.app, "lilei")
    page = browser.open("/chats/290")
    assert HIDDEN in page.text
    assert not can_reveal(page)
    data = form(page, "/logout")
    answer = browser.client.post("/chats/290/reveal", data=data)
    assert answer.status_code == 403
    assert PHONE not in answer.text
    browser = signed_in(real.app, "cora")
    assert browser.client.get("/chats/290/reveal").status_code == 405
    answer = browser.client.post("/chats/290/reveal", data={})
    assert answer.status_code == 403
    assert PHONE not in answer.text
    assert real.audited("reveal") == []


def test_an_administrator_opens_every_page_of_theirs(real: Real) -> None:
    browser = signed_in(real.app, "ada")
    for path in ("/status", "/account", "/people", "/tokens", "/docs"):
        assert PHONE not in browser.open(path).text


def test_who_logs_in_and_out_is_in_the_real_audit(real: Real) -> None:
    browser = Browser(real.app)
    browser.log_in("cora", "wrong", status=401)
    browser = signed_in(real.app, "cora")
    browser.open("/account")
    browser.send("/logout")
    said = real.audited("log_in", "log_in_failed", "log_out")
    assert said == [("cora", "log_out", ""), ("cora", "log_in", ""), ("cora", "log_in_failed", "")]
    assert real.access.audit.check().ok
