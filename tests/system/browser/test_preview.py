"""On a wide screen the conversation stands beside the list."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, Request, expect

from tests.system.chromium import NEEDS_CHROMIUM, Watch
from tests.system.test_account_pages import axe

WIDE = {"viewport": {"width": 1680, "height": 950}}
DESK = {"viewport": {"width": 1280, "height": 800}}
pytestmark = NEEDS_CHROMIUM
wide = pytest.mark.parametrize("watch", [WIDE], ids=["wide"], indirect=True)


def chats_asked_for(page: Page) -> list[str]:
    """The addresses of chats that the page asks for from now on."""
    asked: list[str] = []

    def note(sent: Request) -> None:
        if "/chats/" in sent.url:
            asked.append(sent.url)

    page.on("request", note)
    return asked


def in_pane(page: Page, selector: str) -> None:
    """Waits until it is to be seen in the pane."""
    script = """selector => {
        const pane = document.querySelector(".preview-body").getBoundingClientRect();
        const box = document.querySelector(selector)?.getBoundingClientRect();
        return box && box.top >= pane.top - 1 && box.bottom <= pane.bottom + 1 && box.height > 0;
    }"""
    page.wait_for_function(script, arg=selector)


@wide
def test_a_click_shows_the_chat_and_a_second_one_opens_it(watch: Watch) -> None:
    page = watch.open("/?q=退款")
    asked = chats_asked_for(page)
    address = page.url
    page.locator("#hit-290 a.open").click()
    expect(page.locator("#preview h2").first).to_contain_text("李雷")
    expect(page.locator("#preview mark").first).to_have_text("退款")
    in_pane(page, "#preview .current")
    assert page.url == address
    assert len(asked) == 1
    expect(page.locator("#hit-290.selected a.open")).to_be_focused()
    assert axe(page) == []
    assert str(page.get_attribute("#preview header a.button", "href")).split("#")[0] == asked[0]
    page.locator("#hit-290 a.open").dblclick()
    page.wait_for_url("**/chats/290**")


@wide
def test_a_click_at_a_message_shows_that_message(watch: Watch) -> None:
    page = watch.open("/?q=退货")
    page.locator("#hit-7 .snippet").first.click()
    in_pane(page, "#preview .match.current")
    first = page.locator("#preview .current").get_attribute("id")
    page.keyboard.press("n")
    in_pane(page, f"#preview .current:not(#{first})")
    page.keyboard.press("p")
    in_pane(page, f"#preview .current#{first}")
    assert page.evaluate("scrollY") == 0, "the list stays where it is"


@wide
def test_n_and_p_go_to_matches_in_parts_of_a_chat_that_are_not_there_yet(watch: Watch) -> None:
    page = watch.open("/?q=换货")
    page.locator("#hit-8 a.open").click()
    for key, match in (("", 3), ("n", 250), ("n", 449), ("n", 3), ("p", 449), ("p", 250)):
        if key:
            page.keyboard.press(key)
        expect(page.locator("#preview .current")).to_contain_text(f"第 {match} 行")
        in_pane(page, "#preview .current")
    asked = chats_asked_for(page)
    page.locator("#preview .parts.after a").click()
    expect(page.locator("#preview .range").first).to_contain_text("401–450")
    assert len(asked) == 1
    page.keyboard.press("p")
    expect(page.locator("#preview .current")).to_contain_text("第 250 行")
    assert "offset=200" in str(page.get_attribute("#preview header a.button", "href"))


@wide
def test_arrows_go_through_the_hits_and_only_the_last_is_asked_for(watch: Watch) -> None:
    page = watch.page
    page.clock.install(time=datetime(2026, 1, 1, tzinfo=UTC))
    watch.open("/?q=包裹")
    page.clock.pause_at(datetime(2026, 1, 2, tzinfo=UTC))
    asked = chats_asked_for(page)
    for key in ("ArrowDown", "ArrowDown", "j", "ArrowUp"):
        page.keyboard.press(key)
    second = page.locator(".hit").nth(1)
    expect(second.locator("a.open")).to_be_focused()
    page.clock.run_for(249)
    assert asked == []
    page.clock.run_for(1)
    expect(page.locator("#preview .transcript")).to_be_visible()
    assert [f"/chats/{second.get_attribute('data-chat')}" in one for one in asked] == [True]
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/chats/{asked[0].split('/chats/')[1].split('?')[0]}**")


@wide
def test_escape_leads_from_the_chat_to_the_list_and_then_closes_it(watch: Watch) -> None:
    page = watch.open("/?q=退款")
    page.locator("#hit-290 a.open").click()
    expect(page.locator("#preview .transcript")).to_be_visible()
    page.focus(".preview-body")
    page.keyboard.press("Escape")
    expect(page.locator("#hit-290 a.open")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#preview .transcript")).to_have_count(0)
    assert axe(page) == []


@wide
def test_what_is_chosen_stays_as_long_as_it_is_found(watch: Watch) -> None:
    page = watch.open("/?q=退款")
    page.locator("#hit-290 a.open").click()
    expect(page.locator("#preview .transcript")).to_be_visible()
    page.locator(".sorts a").last.click()
    page.wait_for_function("() => location.search.includes('oldest')")
    expect(page.locator("#hit-290.selected")).to_have_count(1)
    expect(page.locator("#preview .transcript")).to_be_visible()
    page.fill("#q", "包裹")
    page.keyboard.press("Enter")
    expect(page.locator("#preview .transcript")).to_have_count(0)


@wide
def test_without_the_pane_a_click_opens_the_chat(watch: Watch) -> None:
    page = watch.open("/?q=退款")
    page.click("#preview-toggle")
    expect(page.locator("#preview")).to_be_hidden()
    page.reload()
    expect(page.locator("#preview-toggle")).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#preview")).to_be_hidden()
    page.click("#hit-290 a.open")
    page.wait_for_url("**/chats/290**")


@wide
def test_a_chat_that_does_not_come_can_be_asked_for_again(watch: Watch) -> None:
    page = watch.open("/?q=退款")
    page.route("**/chats/290*", lambda route: route.fulfill(status=503, body="x"))
    page.locator("#hit-290 a.open").click()
    expect(page.locator("#preview [role=status]")).to_contain_text("服务器出了问题")
    page.unroute_all()
    page.click("#preview > button")
    expect(page.locator("#preview .transcript")).to_be_visible()
    watch.complaints = [one for one in watch.complaints if "Failed to load" not in one]


@pytest.mark.parametrize("watch", [DESK], ids=["desk"], indirect=True)
def test_on_a_smaller_screen_a_click_opens_the_chat(watch: Watch) -> None:
    page = watch.open("/?q=退款")
    page.click("#hit-290 a.open")
    page.wait_for_url("**/chats/290**")
