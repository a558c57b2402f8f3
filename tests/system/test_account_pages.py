"""Log-in, account, people and tokens in a browser: axe, a phone, both themes, no JavaScript."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from kchat_search.models.audit import AuditEntry
from kchat_search.models.people import Entrance
from kchat_search.models.search import ChatView, Within
from kchat_search.web.pages.audit import TOO_MANY
from tests.system.chromium import DEADLINE_MS, NEEDS_CHROMIUM, served
from tests.system.test_browser import CONTRAST, TARGETS
from tests.web import chats
from tests.web.conftest import access_in, make_presentation
from tests.web.doors import WORDS, Doors, Time, hire
from tests.web.fake_service import FakeService

pytestmark = NEEDS_CHROMIUM

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CHECK = """async (rules) => {
    const found = await axe.run(document, {runOnly: rules, resultTypes: ["violations"]});
    return found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target).join(", ")}`);
}"""

LONG_QUERY = "q=" + "很长的查询 " * 60 + "x" * 300


class Hiding(FakeService):
    """Made-up chats with private numbers."""

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
        view = super().chat(chat_id, q, find=find, within=within, sent=sent)
        return replace(view, hides=not reveal)


UNDER_LABELS = """() => [...document.querySelectorAll("td[data-title] > *")]
    .filter((e) => e.checkVisibility() && e.getBoundingClientRect().left
        < e.parentElement.getBoundingClientRect().left + 90)
    .map((e) => `in the column of labels: ${e.outerHTML}`)"""
PHONE = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}
DESK = {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"}


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    file: Path = tmp_path_factory.mktemp("access") / "access.sqlite3"
    clock = Time()
    with closing(access_in(file, clock)) as access:
        hire(access)
        access.people.add(
            "a.very.long.name.of.somebody@example-company.cn", ["compliance", "admin"],
            password=WORDS,
        )  # fmt: skip
        access.people.add("gone", ["agent"], password=WORDS)
        access.people.disable("gone")
        access.tokens.add("nightly report", ["compliance"], owner="cora")
        old, _ = access.tokens.add("old report", ["compliance"], owner="cora")
        access.tokens.revoke(old.id)
        tries = AuditEntry(
            "person:99", "a.very.long.name.of.somebody@example-company.cn", "192.0.2.66", "search",
            query=LONG_QUERY, count=0, numbers=TOO_MANY,
        )  # fmt: skip
        access.audit.record(tries).wait()
        yield Doors(Hiding(chats.ordinary(), make_presentation()), access, clock)


@pytest.fixture(scope="module")
def address(doors: Doors) -> Iterator[str]:
    with served(doors.app()) as address:
        yield address


class Visit:
    """A window in which somebody goes about."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.complaints: list[str] = []
        page.on("console", lambda said: self.complaints.append(said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: str) -> Page:
        self.page.goto(self.address + path)
        return self.page

    def log_in(self, name: str) -> None:
        self.open("/login")
        self.page.fill("#username", name)
        self.page.fill("#password", WORDS)
        self.page.click("main button[type=submit]")
        self.page.wait_for_url(lambda url: "/login" not in url)


@pytest.fixture
def visit(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    options: dict[str, Any] = {"locale": "zh-CN", **getattr(request, "param", {})}
    context = browser.new_context(**options)
    context.set_default_timeout(DEADLINE_MS)
    found = Visit(context.new_page(), address)
    yield found
    context.close()
    refusals = "Failed to load resource: the server responded with a status of 4"
    assert [one for one in found.complaints if not one.startswith(refusals)] == []


def axe(page: Page) -> list[str]:
    """What axe finds on the page that is shown."""
    page.evaluate(AXE)
    found: list[str] = page.evaluate(CHECK, RULES)
    return found


def judged(page: Page) -> list[str]:
    """What is wrong with the page that is shown: axe (on a phone: elsewhere it would be the same),
    contrast, width, size of what is tapped."""
    found: list[str] = page.evaluate(CONTRAST)
    found += page.evaluate(TARGETS)
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("wider than the screen")
    if page.viewport_size == PHONE["viewport"]:
        found += axe(page) + page.evaluate(UNDER_LABELS)
    return [f"{page.url}: {one}" for one in found]


def seen_by_the_auditor(visit: Visit, doors: Doors) -> list[str]:
    """What is wrong with the audit, a page that is not there, and one request too many."""
    visit.log_in("otto")
    wrong = judged(visit.open("/audit"))
    wrong += judged(visit.open("/there-is-no-such-page"))
    doors.clock.pass_(minutes=1)
    doors.set_entrance(requests_per_minute=0)
    assert visit.open("/account").locator("main .code").inner_text() == "429"
    wrong += judged(visit.page)
    doors.clock.pass_(minutes=1)
    doors.set_entrance(requests_per_minute=Entrance().requests_per_minute)
    return wrong


@pytest.mark.parametrize(
    ("visit", "language"), [(PHONE, "zh"), (DESK, "en")], ids=["phone-dark-zh", "desk-light-en"],
    indirect=["visit"],
)  # fmt: skip
def test_everybody_can_use_the_pages_of_accounts(visit: Visit, doors: Doors, language: str) -> None:
    page = visit.open(f"/login/code?lang={language}")
    wrong = judged(page)
    wrong += judged(visit.open("/login"))
    page.fill("#username", "otto")
    page.fill("#password", "not the password")
    page.click("main button[type=submit]")
    assert page.locator("#password").evaluate("e => e === document.activeElement")
    wrong += judged(page)
    visit.log_in("cora")
    visit.open("/account")
    page.click(".me summary")
    page.click(".more summary")
    wrong += judged(page)
    page.keyboard.press("Escape")
    wrong += judged(visit.open("/people"))  # closed to her
    wrong += judged(visit.open("/chats/290?q=退款"))
    page.click("form.numbers button")
    page.wait_for_selector(".warning.numbers")
    wrong += judged(page)
    page.click(".me summary")
    page.click("form[action='/logout'] button")
    page.wait_for_selector("main .good")
    wrong += judged(page)
    wrong += seen_by_the_auditor(visit, doors)
    page.context.clear_cookies(name="kchat")
    visit.log_in("ada")
    who = doors.access.people.person("ada").id
    for path in ("/people", f"/people/{who}", f"/people/{who}/remove", "/tokens"):
        wrong += judged(visit.open(path))
    page.fill("#name", "prometheus")
    page.check("#role-metrics")
    page.click('form[action="/tokens"] button')
    assert page.locator(".secret").inner_text().startswith("kchat_")
    wrong += judged(page)
    visit.open("/people")
    page.fill("#name", "ADA")
    page.check("#role-agent")
    page.fill("#password", WORDS)
    page.click('form[action="/people"] button')
    assert page.locator("#name").evaluate("e => e === document.activeElement")
    wrong += judged(page)
    assert wrong == [], "\n".join(wrong)
    page.evaluate("document.documentElement.removeAttribute('lang')")
    assert "html-has-lang" in "".join(axe(page)), "axe would say so"


@pytest.mark.parametrize(
    "visit", [{}, {"java_script_enabled": False}], ids=["with", "without"], indirect=True
)
def test_an_account_lives_with_and_without_javascript(visit: Visit, doors: Doors) -> None:
    name = "meimei"
    page = visit.page
    visit.log_in("ada")
    page.wait_for_url("**/people")
    page.fill("#name", name)
    page.check("#role-compliance")
    page.fill("#agent_id", "2193")
    page.fill("#password", WORDS)
    page.click('form[action="/people"] button')
    page.click(f"main a:has-text('{name}')")
    page.check("#role-auditor")
    page.click("form[action$='/roles'] button")
    page.wait_for_selector("main .good")
    page.click(".me summary")
    page.click("form[action='/logout'] button")
    page.wait_for_url("**/login")
    visit.log_in(name)
    visit.open("/account")
    page.fill("#old_password", WORDS)
    page.fill("#password", "three more words")
    page.fill("#again", "three more words")
    page.click("form[action='/account/password'] button")
    page.wait_for_selector("main .good")
    page.click(".more summary")
    page.fill("#token-name", "report")
    page.check("#token-role-compliance")
    page.click("form[action='/account/tokens'] button")
    assert page.locator(".secret").inner_text().startswith("kchat_")
    page.click(".me summary")
    page.click("form[action='/logout'] button")
    visit.log_in("ada")
    page.click(f"main a:has-text('{name}')")
    page.click("a[href$='/remove']")
    page.click("form[action$='/remove'] button")
    page.wait_for_url("**/people")
    assert name not in [one.name for one in doors.access.people.everybody()]
