"""The states in which somebody meets the pages: where each is, who sees it, what was done before.

The tests judge them; `python -m benchmarks.screenshots` takes their pictures. `shop`: the whole
program over made-up conversations. `fake`: a service that fails as it is told, with no people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Page

from kchat_search.errors import ArchiveError, IndexDamaged, TooManyRequests
from kchat_search.models.chats import RejectedChat, StoredReject
from kchat_search.models.hot import Days, HotId, HotPage, HotQuestion, TypicalMessage
from kchat_search.models.reports import Coverage
from kchat_search.models.search import Snippet
from kchat_search.web.http.language import COOKIE
from tests.system.chromium import served
from tests.system.shop import Shop, shop_in
from tests.web import chats
from tests.web.builders import chat, message
from tests.web.conftest import make_app, make_presentation
from tests.web.fake_service import NOW, FakeService

Act = Callable[[Page], None]


@dataclass(frozen=True)
class State:
    """A page, and how one comes to it. `path` may name `{chat}`: a chat about a refund."""

    name: str
    path: str
    role: str | None = "compliance"
    act: Act | None = None
    prepare: Callable[[FakeService], None] | None = None
    """What the fake service is told; with it, the state is of `fake`."""
    status: int = 200
    only: Literal["phone", "desk", "wide"] | None = None
    """Where it is, if not everywhere."""


# -- what is done in a page --------------------------------------------------------------------


def _opened(selector: str) -> Act:
    return lambda page: page.locator(selector).first.click()


def _typed(page: Page) -> None:
    page.locator("#q").click()
    page.keyboard.type("agent:")
    page.wait_for_selector("[role=option]")


def _keys(page: Page) -> None:
    page.keyboard.press("?")
    page.wait_for_selector("dialog#help[open]")


def _previewed(page: Page) -> None:
    page.keyboard.press("j")
    page.wait_for_selector(".preview-body:not([hidden])")


# -- what the fake service is told ---------------------------------------------------------------


def _with(**told: Any) -> Callable[[FakeService], None]:
    return lambda service: vars(service).update(told)


def _coverage(chats: int, counted: int | None, *, pending: int = 0) -> Coverage:
    return Coverage(
        complete=False, chats=chats, pending=pending, rejected=0, synced_at=NOW,
        backfilled=False, counted=counted,
    )  # fmt: skip


def _empty(service: FakeService) -> None:
    service.chats, service.covers = [], _coverage(0, 90_000)


def _long(service: FakeService) -> None:
    said = [message(f"第 {n} 句{' 退款' if n in (3, 700) else ''}") for n in range(1_000)]
    service.chats = [chat(7, said, visitor_id="7")]


def _changed(service: FakeService) -> None:
    service.past = {290: chats.refund_versions()}


def _hostile(service: FakeService) -> None:
    service.chats = [chats.hostile()]
    service.past = {666: chats.hostile_versions()}


def _rejects(service: FakeService) -> None:
    rejected = RejectedChat("chat:9", 9, '{"id": 9}', "created_at: not a time")
    service.stored_rejects = (StoredReject(rejected, NOW, NOW, 3),)
    service.covers = replace(_coverage(12_300, 90_000, pending=40), rejected=1)


def _hot(service: FakeService) -> None:
    def asked(place: int, text: str, by_day: tuple[int, ...], before: tuple[int, ...]) -> Any:
        snippet = Snippet(290_001, 1, "访客5", "visitor", NOW, text, ())
        return HotQuestion(
            HotId(12, "7d", place), sum(by_day), sum(before), tuple(text.split()[:2]),
            (TypicalMessage(290, snippet),), by_day, before,
        )  # fmt: skip

    questions = (
        asked(1, "退款 没到账 怎么查", (1, 2, 4, 3, 0, 5, 6), (2, 1, 0, 3, 2, 1, 1)),
        asked(2, "发票 抬头 写错了", (0, 1, 0, 0, 2, 1, 0), (1, 1, 1, 1, 1, 1, 1)),
        asked(3, "改地址 还来得及吗", (1, 0, 0, 0, 0, 0, 0), (0,) * 7),
    )
    days = Days.of("7d", NOW.date())
    service.hot_found = HotPage("ready", "7d", days, NOW, 40, 26, questions)


_TOO_MANY = TooManyRequests("Too many requests.", 20)
_DISK, _INDEX = ArchiveError("disk"), IndexDamaged("damaged")
STATES = (
    State("home", "/"),
    State("box", "/", act=_typed),
    State("syntax", "/?q=退款", act=_opened("#syntax summary")),
    State("keys", "/?q=退款", act=_keys, only="desk"),
    State("search", "/?q=退款"),
    State("search-last-month", "/?q=退款&start=2016-05-01&end=2016-05-31&status=close"),
    State("search-related", "/?q=退款 火箭"),
    State("search-nothing", "/?q=火箭筒&status=close"),
    State("search-page-3", "/?q=&sort=newest&page=3"),
    State("search-export", "/?q=退款", act=_opened(".export summary")),
    State("filters", "/?q=退款", act=_opened(".to-filters"), only="phone"),
    State("preview", "/?q=退款", act=_previewed, only="wide"),
    State("saved", "/saved"),
    State("chat", "/chats/{chat}?q=退款"),
    State("visitor", "/chats/{chat}/visitor"),
    State("versions", "/chats/{chat}/versions"),
    State("similar", "/chats/{chat}/similar"),
    State("status", "/status", role="admin"),
    State("docs", "/docs"),
    State("closed", "/people", status=403),
    State("missing", "/chats/999999999", status=404),
    State("refused", "/?page=x", status=400),
    State("log-in", "/login", role=None),
    State("nobody-added", "/", role=None, prepare=_with()),
    State("empty", "/", role=None, prepare=_empty),
    State("backfill", "/?q=退款", role=None, prepare=_with(covers=_coverage(12_300, 90_000))),
    State("archive-broken", "/?q=退款", role=None, prepare=_with(fails=_DISK), status=503),
    State("index-broken", "/?q=退款", role=None, prepare=_with(fails=_INDEX), status=503),
    State("index-rebuilt", "/", role=None, prepare=_with(fails=_INDEX, rebuilt=40), status=503),
    State("status-rejects", "/status", role=None, prepare=_rejects),
    State("set-up", "/setup", role=None, prepare=_with()),
    State("too-many", "/?q=退款", role=None, prepare=_with(fails=_TOO_MANY), status=429),
    State("hot", "/hot?period=7d", role=None, prepare=_hot),
    State("hot-waiting", "/hot", role=None, prepare=_with()),
    State("chat-long", "/chats/7?q=退款", role=None, prepare=_long),
    State("chat-hostile", "/chats/666?q=alert", role=None, prepare=_hostile),
    State("versions-changed", "/chats/290/versions", role=None, prepare=_changed),
)  # fmt: skip


@dataclass(frozen=True)
class Places:
    """Both servers."""

    shop: Shop
    fake: FakeService
    fake_address: str

    @contextmanager
    def shown(
        self, browser: Browser, state: State, *, language: str = "zh", **options: Any
    ) -> Iterator[Page]:
        """A new page in this state."""
        if state.prepare is not None:
            fresh = FakeService(chats.ordinary(), make_presentation())
            vars(self.fake).clear()
            vars(self.fake).update(vars(fresh))
            state.prepare(self.fake)
        address = self.shop.address if state.prepare is None else self.fake_address
        context = self.shop.context(browser, state.role, **options)
        context.add_cookies([{"name": COOKIE, "value": language, "url": address}])
        page = context.new_page()
        answer = page.goto(address + state.path.format(chat=self.shop.refund))
        assert answer is not None
        assert answer.status == state.status, (state.name, answer.status)
        if state.act is not None:
            state.act(page)
        yield page
        context.close()


@contextmanager
def places(folder: Path) -> Iterator[Places]:
    """Both servers, in a folder that does not exist yet."""
    service = FakeService(chats.ordinary(), make_presentation())
    with shop_in(folder) as shop, served(make_app(service)) as address:
        yield Places(shop, service, address)
