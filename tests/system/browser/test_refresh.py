"""The page of the status keeps itself up to date, and takes nothing from whoever reads it."""

from __future__ import annotations

from datetime import UTC, datetime

from playwright.sync_api import Browser, Page, expect

from kchat_search.errors import ArchiveError
from kchat_search.models.chats import RejectedChat, StoredReject
from tests.system.chromium import NEEDS_CHROMIUM, served, watched
from tests.web import chats
from tests.web.conftest import make_app, make_presentation
from tests.web.fake_service import NOW, FakeService

pytestmark = NEEDS_CHROMIUM
RAW = "[id='raw-chat:7'] summary"


def requests_of(page: Page) -> list[str]:
    """The pages that the page asks for from now on."""
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url))
    return asked


def test_the_status_keeps_itself_up_to_date(browser: Browser) -> None:
    service = FakeService(chats.ordinary(), make_presentation())
    service.stored_rejects = (StoredReject(RejectedChat("chat:7", 7, "{}", "odd"), NOW, NOW, 1),)
    with served(make_app(service)) as address, watched(browser, address) as watch:
        page = watch.page
        page.clock.install(time=datetime(2026, 1, 1, tzinfo=UTC))
        page.clock.pause_at(datetime(2026, 1, 2, tzinfo=UTC))
        watch.open("/status")
        page.click(RAW)
        asked = requests_of(page)
        service.rebuilt = 50
        page.clock.run_for(29_999)
        assert asked == []
        page.clock.run_for(1)
        expect(page.locator("#work-1")).to_contain_text("已完成 50%")
        expect(page.locator("[id='raw-chat:7'][open]")).to_have_count(1)
        expect(page.locator(RAW)).to_be_focused()

        service.stored_rejects = ()
        service.rebuilt = 60
        page.clock.run_for(10_000)  # sooner, as long as something goes on
        expect(page.locator("#work-1")).to_contain_text("已完成 60%")
        expect(page.locator("#main")).to_be_focused()  # what had the focus is gone

        service.fails = ArchiveError("The archive is locked.")
        page.clock.run_for(10_000)
        expect(page.locator("#refresh-trouble")).to_contain_text("20 秒后再试")
        expect(page.locator("#work-1")).to_contain_text("已完成 60%")
        service.fails = None
        page.clock.run_for(20_000)
        expect(page.locator("#refresh-trouble")).to_be_hidden()

        page.click("#refresh-pause")
        asked.clear()
        service.rebuilt = None
        page.clock.run_for(60_000)
        assert asked == []
        page.click("#refresh-pause")
        page.clock.run_for(0)
        expect(page.locator("#work-1")).to_have_count(0)
        watch.complaints = [one for one in watch.complaints if "Failed to load" not in one]
