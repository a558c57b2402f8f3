"""On a phone the filters are a sheet over the results, with one button."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.system.chromium import NEEDS_CHROMIUM, Watch
from tests.system.test_account_pages import axe

PHONE = {"viewport": {"width": 390, "height": 844}}
pytestmark = NEEDS_CHROMIUM
phone = pytest.mark.parametrize("watch", [PHONE], ids=["phone"], indirect=True)

BOX = "#filter-form input[name=agent_id][value='2193']"
BEHIND = """() => {
    const link = document.querySelector(".hit a.open");
    link.focus();
    return document.activeElement !== link;
}"""


def with_sheet(watch: Watch, path: str) -> Page:
    page = watch.open(path)
    page.click("a.to-filters")
    expect(page.locator("#filters")).to_be_visible()
    return page


@phone
def test_a_sheet_is_a_dialog_and_is_left_without_a_choice(watch: Watch) -> None:
    page = with_sheet(watch, "/?q=包裹")
    assert page.evaluate("document.activeElement.closest('#filters') !== null")
    assert page.evaluate(BEHIND), "what lies behind can't be reached"
    # Sizes are measured elsewhere: axe takes what is half under the foot for too small.
    assert [one for one in axe(page) if not one.startswith("target-size")] == []
    for way in ("Escape", "close"):
        page.check(BOX)
        assert "agent_id" not in page.url, "only «apply» applies"
        if way == "Escape":
            page.keyboard.press("Escape")
        else:
            page.click("#filters .close")
        expect(page.locator("#filters")).to_be_hidden()
        expect(page.locator("a.to-filters")).to_be_focused()
        page.click("a.to-filters")
        expect(page.locator(BOX)).not_to_be_checked()
    page.set_viewport_size({"width": 1280, "height": 800})
    expect(page.locator("#sheet[open]")).to_have_count(0)
    expect(page.locator("#filters")).to_be_visible()


@phone
def test_several_filters_are_applied_at_once(watch: Watch) -> None:
    page = with_sheet(watch, "/?q=包裹")
    page.check(BOX)
    page.check("#filter-form input[name=rating][value='1']")
    page.click("#filters .sheet-foot [type=submit]")
    page.wait_for_function("() => location.search.includes('agent_id=2193&rating=1')")
    expect(page.locator("#filters")).to_be_hidden()
    expect(page.locator("a.to-filters")).to_be_focused()
    expect(page.locator("a.to-filters b")).to_have_text("2")


@phone
def test_a_link_of_the_sheet_leaves_it_open(watch: Watch) -> None:
    page = with_sheet(watch, "/?q=包裹")
    page.locator("#filters .presets a").last.click()
    page.wait_for_function("() => location.search.includes('start=')")
    expect(page.locator("#filters")).to_be_visible()
    assert page.evaluate("document.activeElement.closest('.presets') !== null")
    page.go_back()
    page.wait_for_function("() => !location.search.includes('start=')")
    page.keyboard.press("Escape")
    expect(page.locator("#filters")).to_be_hidden()
    assert page.evaluate("document.activeElement.matches('.to-filters')")


@phone
def test_what_was_ticked_in_the_sheet_is_kept_when_a_link_of_it_is_tapped(watch: Watch) -> None:
    page = with_sheet(watch, "/?q=包裹&rating=1")
    page.check(BOX)
    page.uncheck("#filter-form input[name=rating][value='1']")
    page.fill("#from", "2015-01-01")
    page.locator("#filters .presets a").last.click()  # it says which days
    page.wait_for_function("() => location.search.includes('start=')")
    assert "start=2015-01-01&end=2015-12-31&agent_id=2193" in page.url
    assert "rating" not in page.url
    expect(page.locator(BOX)).to_be_checked()
    expect(page.locator("#filters")).to_be_visible()
    page.fill("#to", "2015-06-30")
    page.locator("#filters .not").first.click()
    page.wait_for_function("() => location.search.includes('2015-06-30')")
    assert "agent_id=2193" in page.url


def test_a_roomier_list_is_remembered(watch: Watch) -> None:
    page = watch.open("/?q=退款")
    button = page.locator("#density")
    expect(button).to_have_attribute("aria-pressed", "false")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    page.reload()
    assert page.locator("body.roomy").count() == 1
    page.fill("#q", "包裹")
    page.keyboard.press("Enter")
    expect(page.locator(".hit")).to_have_count(20)
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    page.reload()
    assert page.locator("body.roomy").count() == 0
