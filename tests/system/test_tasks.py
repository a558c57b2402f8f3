"""The four tasks for which people come, counted in clicks.

A click counts, and so does `Enter` in the box, because it does what the button does. Keys that type
text or go to the next field do not count, and neither does a look at the page. Each task begins on
the first page, with the cursor in the box.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.serialization.export_files import sheet_rows
from tests.system.chromium import NEEDS_CHROMIUM
from tests.system.shop import AGENT
from tests.system.states import Places

pytestmark = NEEDS_CHROMIUM

LAST_MONTH = ("2016-05-01", "2016-05-31")
PHONE = {"viewport": {"width": 390, "height": 844}}
WITHOUT = {"java_script_enabled": False}


class Hand:
    """Somebody at a page, whose clicks are counted."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0

    def type(self, text: str) -> None:
        """Write into the box, and send it."""
        self.page.locator("#q").fill(text)
        self.page.locator("#q").press("Enter")
        self.clicks += 1
        expect(self.page.locator("#evidence")).to_be_visible()

    def click(self, what: Locator) -> None:
        """Click on what can be seen."""
        what.click()
        self.clicks += 1


@pytest.fixture
def hand(browser: Browser, everywhere: Places, request: pytest.FixtureRequest) -> Iterator[Hand]:
    role, options = request.param
    context = everywhere.shop.context(browser, role, **options)
    page = context.new_page()
    page.goto(everywhere.shop.address + "/")
    yield Hand(page)
    context.close()


def by(*roles: str, **options: dict[str, Any]) -> pytest.MarkDecorator:
    """The test for each of these roles, with and without JavaScript, and on a phone."""
    ways = options or {"": {}, "without": WITHOUT, "phone": PHONE}
    given = {
        f"{role}-{name}".strip("-"): (role, way) for role in roles for name, way in ways.items()
    }
    return pytest.mark.parametrize("hand", given.values(), ids=list(given), indirect=True)


def shown_total(page: Page) -> int:
    return int(page.locator("#evidence b").first.inner_text().replace(",", ""))


def total(everywhere: Places, **filters: Any) -> int:
    from tests.world import asked  # noqa: PLC0415

    return everywhere.shop.gate.owners.search(asked(**filters)).total


@by("agent", "compliance", desk={}, without=WITHOUT)
def test_how_we_answered_a_late_refund_last_month(hand: Hand, everywhere: Places) -> None:
    page = hand.page
    hand.type("退款")
    hand.click(page.get_by_role("link", name="上月", exact=True))
    start, end = LAST_MONTH
    expect(page.locator(".presets [aria-current]")).to_have_text("上月")
    expected = total(everywhere, q="退款", start=start, end=end)
    assert shown_total(page) == expected > 0
    hand.click(page.locator(".snippet.reply").first)
    page.wait_for_url("**/chats/**")
    assert "agent" in str(page.locator(":target").get_attribute("class"))
    expect(page.locator(":target")).to_be_in_viewport()
    assert hand.clicks <= 3


@by("agent", "compliance")
def test_what_this_visitor_said_before(hand: Hand, everywhere: Places) -> None:
    page = hand.page
    number, visitor = seen_twice(everywhere)
    page.goto(f"{everywhere.shop.address}/chats/{number}")  # where somebody is when they ask
    heading = page.get_by_role("heading", name="这位访客的其他对话")
    before = page.locator("section", has=heading).locator("a[href^='/chats/']").first
    hand.click(before)
    page.wait_for_url(lambda url: f"/chats/{number}" not in url)
    opened = int(page.url.split("/chats/")[1].split("?")[0].split("#")[0])
    assert everywhere.shop.gate.owners.chat(opened).chat.visitor_id == visitor
    assert hand.clicks <= 2


def seen_twice(everywhere: Places) -> tuple[int, str]:
    """The newest chat of a visitor who was there before."""
    chats = [hit.chat for hit in everything(everywhere)]
    seen = [chat.visitor_id for chat in chats]
    chat = next(one for one in chats if one.visitor_id and seen.count(one.visitor_id) > 1)
    assert chat.visitor_id
    return chat.id, chat.visitor_id


def everything(everywhere: Places) -> Any:
    from tests.world import asked  # noqa: PLC0415

    return everywhere.shop.gate.owners.search(asked(sort="newest", per_page=100)).hits


@by("compliance")
def test_the_last_four_digits_of_a_phone_number(hand: Hand, everywhere: Places) -> None:
    page = hand.page
    digits, found = four_digits(everywhere)
    hand.type(digits)
    assert shown_total(page) == found
    expect(page.locator("mark", has_text=digits).first).to_be_visible()
    assert hand.clicks <= 1


def four_digits(everywhere: Places) -> tuple[str, int]:
    """The end of a phone number that somebody has written, and how many chats have it."""
    import re  # noqa: PLC0415

    for hit in everything(everywhere):
        for said in hit.chat.messages:
            number = re.search(r"(?<!\d)1[3-9]\d{5}(\d{4})(?!\d)", said.text)
            if number:
                return number[1], total(everywhere, q=number[1])
    raise AssertionError("nobody wrote a number")


@by("compliance", desk={})
def test_a_word_between_two_days_by_one_agent_exported(hand: Hand, everywhere: Places) -> None:
    page = hand.page
    start, end = "2016-01-10", "2016-06-20"
    hand.type("退款")
    hand.click(page.locator("#from"))
    page.locator("#from").fill(start)
    page.locator("#to").fill(end)  # with Tab
    hand.click(page.get_by_role("checkbox", name=AGENT).first)
    page.wait_for_url("**agent_id=**")
    expect(page.locator(".chips")).to_contain_text(AGENT)
    filters = {"agent_id": (agent_of(everywhere),), "start": start, "end": end}
    expected = total(everywhere, q="退款", **filters)
    assert shown_total(page) == expected > 0
    assert exported(hand) == expected
    assert hand.clicks <= 5


@by("compliance")
def test_the_same_by_what_is_typed(hand: Hand, everywhere: Places) -> None:
    hand.type(f"退款 agent:{AGENT} after:2016-01-10 before:2016-06-20")
    expected = shown_total(hand.page)
    assert expected > 0
    assert exported(hand) == expected
    assert hand.clicks <= 5


def agent_of(everywhere: Places) -> str:
    names = everywhere.shop.gate.owners.agents()
    return next(number for number, name in names.items() if name == AGENT)


def exported(hand: Hand) -> int:
    """How many chats the workbook has."""
    hand.click(hand.page.locator(".export summary"))
    with hand.page.expect_download() as started:
        hand.click(hand.page.get_by_role("link", name="Excel"))
    rows = sheet_rows(Path(started.value.path()).read_bytes())
    return len({row["chat_id"] for row in rows})


def test_last_month_is_what_the_tests_say() -> None:
    from tests.system.shop import NOW  # noqa: PLC0415

    assert NOW.date() == date(2016, 6, 28)
