"""Pages of other sites in a browser: what they embed is refused, and what they link opens."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from werkzeug.wrappers import Request, Response

from kchat_search.models.search import SearchPage, SearchRequest
from tests.system.chromium import DEADLINE_MS, NEEDS_CHROMIUM, served
from tests.web import chats
from tests.web.conftest import make_app, make_presentation
from tests.web.fake_service import FakeService

pytestmark = NEEDS_CHROMIUM
PATIENCE_SECONDS = 60

TARGETS = {
    "page": "/?q=退款&",
    "chat": "/chats/290?q=退款&",
    "search": "/api/v1/search?q=退款&",
    "export": "/api/v1/export?format=csv&q=退款&",
}
EMBEDDING = """
const load = (tag, name, address, more = {}) => {
    const made = Object.assign(document.createElement(tag), more);
    made[name] = address;
    document.body.append(made);
};
const ways = {
    image: (to) => { new Image().src = to; },
    script: (to) => load("script", "src", to),
    style: (to) => load("link", "href", to, {rel: "stylesheet"}),
    preload: (to) => load("link", "href", to, {rel: "preload", as: "image"}),
    prefetch: (to) => load("link", "href", to, {rel: "prefetch"}),
    module: (to) => load("link", "href", to, {rel: "modulepreload"}),
    frame: (to) => load("iframe", "src", to),
    object: (to) => load("object", "data", to),
    embed: (to) => load("embed", "src", to),
    video: (to) => load("video", "src", to),
    opaque: (to) => fetch(to, {mode: "no-cors"}).catch(() => 0),
    silent: (to) => fetch(to, {mode: "no-cors", referrerPolicy: "no-referrer"}).catch(() => 0),
    shared: (to) => fetch(to).catch(() => 0),
    preflight: (to) => fetch(to, {headers: {"X-Any": "1"}}).catch(() => 0),
    posted: (to) => fetch(to, {mode: "no-cors", method: "POST", body: "x"}).catch(() => 0),
    beacon: (to) => navigator.sendBeacon(to, "x"),
    events: (to) => new EventSource(to),
    socket: (to) => new WebSocket(to.replace("http", "ws")),
    worker: (to) => {
        const code = `fetch(${JSON.stringify(to)}, {mode: "no-cors"}).catch(() => 0)`;
        new Worker(URL.createObjectURL(new Blob([code])));
    },
    imported: (to) => {
        load("style", "textContent", `@import ${JSON.stringify(to)};`);
    },
    form: (to) => {
        load("iframe", "name", "in" + Math.random());
        load("form", "action", to, {method: "post", target: document.body.lastChild.name});
        document.body.lastChild.submit();
    },
    speculated: (to) => {
        const rules = {prefetch: [{source: "list", urls: [to], eagerness: "immediate"}]};
        load("script", "textContent", JSON.stringify(rules), {type: "speculationrules"});
    },
    prerendered: (to) => {
        const rules = {prerender: [{source: "list", urls: [to], eagerness: "immediate"}]};
        load("script", "textContent", JSON.stringify(rules), {type: "speculationrules"});
    },
};
"""
WAYS = [  # a page's icon is not among them: Chromium asks for it when it likes
    line.split(":")[0].strip()
    for line in EMBEDDING.splitlines()
    if line.startswith("    ") and not line.startswith("     ") and ": (to)" in line
]


class SlowService(FakeService):
    """A search takes until `may_end` is set."""

    may_end = threading.Event()

    def search(self, request: SearchRequest, *, meaning: bool = True) -> SearchPage:
        assert self.may_end.wait(PATIENCE_SECONDS)
        return super().search(request, meaning=meaning)


@dataclass
class Target:
    """Our server, and the statuses of what it was asked, by the address's `way`."""

    service: FakeService
    address: str = ""
    answers: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def recording(self, app: Any) -> Callable[..., Any]:
        def recorded(environ: Any, start: Any) -> Any:
            def begin(status: str, headers: Any, *more: Any) -> Any:
                with self.arrived:
                    way = Request(environ).args.get("way", "")
                    self.answers[way].append(int(status[:3]))
                    self.arrived.notify_all()
                return start(status, headers, *more)

            return app(environ, begin)

        return recorded

    def wait_for(self, ways: Iterable[str]) -> None:
        expected = set(ways)
        with self.arrived:
            self.arrived.wait_for(lambda: expected <= set(self.answers), PATIENCE_SECONDS)
        assert expected <= set(self.answers), "the browser sends all of them"


@pytest.fixture
def target() -> Iterator[Target]:
    made = Target(SlowService(chats.ordinary(), make_presentation()))
    SlowService.may_end.set()
    with served(made.recording(make_app(made.service))) as address:
        made.address = address
        yield made
        SlowService.may_end.set()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(locale="zh-CN")
    made.set_default_timeout(DEADLINE_MS)
    yield made
    made.close()


@pytest.fixture(params=["localhost", "127.0.0.1"], ids=["cross-site", "same-site"])
def foreign(context: BrowserContext, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of another site: of another host, or of another port on the same host."""

    def app(environ: Any, start: Any) -> Any:
        return Response("<!doctype html><body>", mimetype="text/html")(environ, start)

    with served(app) as address:
        page = context.new_page()
        page.goto(address.replace("127.0.0.1", request.param))
        yield page
        page.close()


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_another_sites_page_embeds_is_refused_before_a_search(
    target: Target, foreign: Page, name: str
) -> None:
    target.service.bug = ZeroDivisionError  # whatever is looked up would be a 500
    address = target.address + TARGETS[name]
    foreign.evaluate(f"{EMBEDDING} for (const way in ways) ways[way]({address!r} + 'way=' + way);")
    target.wait_for(WAYS)
    wrong = {way: codes for way, codes in target.answers.items() if way and set(codes) != {403}}
    assert not wrong


def test_another_sites_link_opens_a_page_at_the_message_it_names(
    target: Target, foreign: Page
) -> None:
    link = f"{target.address}/chats/290?q=退款#m290001"
    foreign.evaluate(f"document.body.innerHTML = '<a href={link}>link</a>'")
    foreign.click("a")
    foreign.wait_for_selector(":target")
    assert foreign.url.endswith("#m290001")
    assert foreign.locator("#m290001 mark").inner_text() == "退款"
    foreign.reload()
    assert foreign.locator("#m290001").is_visible()


def test_another_sites_link_opens_a_page_without_javascript(
    browser: Browser,
    target: Target,
) -> None:
    context = browser.new_context(java_script_enabled=False, locale="zh-CN")
    page = context.new_page()
    page.set_content(f"<a href='{target.address}/?q=退款'>link</a>")
    page.click("a")
    page.wait_for_selector(".hit", timeout=DEADLINE_MS)
    context.close()


def test_who_opens_a_window_does_not_see_how_long_the_search_takes(
    target: Target, foreign: Page
) -> None:
    """Its handle is closed when the first answer has come, and that needs no search."""
    SlowService.may_end.clear()
    with foreign.context.expect_page() as opened:
        foreign.evaluate(f"window.opened = open('{target.address}/?q=退款')")
    foreign.wait_for_function("opened.closed")  # while the search still waits
    assert not target.service.asked
    SlowService.may_end.set()
    opened.value.wait_for_selector(".hit")
    assert foreign.evaluate("opened.closed")
