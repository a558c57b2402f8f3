"""The box in a browser: what it suggests, and what it keeps of earlier searches."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.system.chromium import NEEDS_CHROMIUM, Watch, served, watched
from tests.web import chats
from tests.web.conftest import make_app, make_presentation
from tests.web.fake_service import FakeService

pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(make_app(FakeService(chats.ordinary(), make_presentation()))) as address:
        yield address


@pytest.fixture
def watch(browser: Browser, address: str) -> Iterator[Watch]:
    with watched(browser, address) as seen:
        yield seen


def options(page: Page) -> list[str]:
    expect(page.locator("#q")).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#suggestions")).to_have_attribute("aria-busy", "false")
    return page.locator("#suggestions [role=option] .written").all_inner_texts()


def test_a_condition_is_completed_by_the_keyboard_and_enter_alone_searches(watch: Watch) -> None:
    page = watch.open("/?q=")
    box = page.locator("#q")
    expect(box).to_have_role("combobox")
    box.fill('agent:"李 雷')
    assert options(page) == ["agent:李雷", "agent:韩梅梅"], "a name with a blank in it"
    box.fill("退款 ")
    expect(box).to_have_attribute("aria-expanded", "false")
    box.press_sequentially("agent:")
    assert options(page) == ["agent:李雷", "agent:韩梅梅"]
    assert box.get_attribute("aria-activedescendant") is None, "«Enter» still searches"
    assert page.locator("#live").inner_text() == "", "who types is not talked to"
    box.press("ArrowDown")
    box.press("ArrowDown")
    chosen = str(box.get_attribute("aria-activedescendant"))
    assert page.locator(f"#{chosen}").get_attribute("aria-selected") == "true"
    box.press("Escape")
    expect(box).to_have_attribute("aria-expanded", "false")
    expect(box).to_be_focused()
    box.press("ArrowDown")
    expect(page.locator("#live")).to_have_text("建议: 2")
    box.press("Enter")
    expect(box).to_have_value("agent:李雷 ")
    assert "agent" not in page.url
    box.press("Enter")
    page.wait_for_url("**/?q=agent**")


def test_options_for_what_was_typed_before_can_t_be_chosen(watch: Watch) -> None:
    """The answer for the rest is late: until then the list is of an earlier text, and what it would
    put in has its place there."""
    page = watch.open("/?q=")
    box = page.locator("#q")
    box.press_sequentially("ag")
    assert options(page)
    waiting: list[Route] = []
    page.route("**/suggest?*", lambda route: waiting.append(route))  # noqa: PLW0108  # playwright marks it
    box.press_sequentially("ent:")
    expect(page.locator("#suggestions")).to_have_attribute("aria-busy", "true")
    page.locator("#suggestions [role=option]").first.click()
    expect(box).to_have_value("agent:")
    with page.expect_request("**/suggest?*"):
        box.press("ArrowDown")
    assert box.get_attribute("aria-activedescendant") is None
    for route in waiting:
        route.continue_()
    expect(box).to_have_attribute("aria-activedescendant", "suggestion-0")
    assert options(page) == ["agent:李雷", "agent:韩梅梅"]
    box.press("Enter")
    expect(box).to_have_value("agent:李雷 ")


def test_an_input_method_and_a_late_answer_change_nothing(watch: Watch) -> None:
    page = watch.open("/")
    waiting: list[Route] = []
    page.route("**/suggest?*", lambda route: waiting.append(route))  # noqa: PLW0108  # playwright marks it
    box = page.locator("#q")
    box.press_sequentially("agent:")
    with page.expect_request("**/suggest?*q=agent*"):
        pass
    box.press_sequentially("x ")
    one = {"insert": "a:b", "label": "b", "hint": "", "count": 1}
    late = {"start": 0, "end": 6, "suggestions": [one]}
    for route in waiting:
        route.fulfill(status=200, content_type="application/json", body=json.dumps(late))
    expect(box).to_have_attribute("aria-expanded", "false")
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url) if "/suggest?" in sent.url else None)
    page.evaluate(
        """() => {
          const q = document.getElementById("q");
          q.value = "agent:";
          q.dispatchEvent(new InputEvent("input", { bubbles: true, isComposing: true }));
          const enter = { key: "Enter", bubbles: true, cancelable: true, isComposing: true };
          window.taken = !q.dispatchEvent(new KeyboardEvent("keydown", enter));
        }"""
    )
    assert page.evaluate("window.taken") is False
    with page.expect_request("**/suggest?*"):
        box.press_sequentially("y")
    assert len(asked) == 1, "it was not asked while the input method composed"


def test_earlier_searches_are_kept_until_they_are_cleared_or_another_comes(watch: Watch) -> None:
    page = watch.open("/?q=退款")
    watch.open("/?q=包裹")
    watch.open("/chats/290?q=没有")
    watch.open("/")
    box = page.locator("#q")
    box.press("ArrowDown")
    assert options(page)[:2] == ["包裹", "退款"]
    box.press("Enter")
    page.wait_for_url("**/?q=%E5%8C%85%E8%A3%B9")
    page.evaluate("document.getElementById('search-form').dataset.who = 'another'")
    box.fill("")
    box.press("ArrowDown")
    expect(page.locator("#live")).to_have_text("没有建议")
    assert page.evaluate("localStorage.getItem('kchat.recent')") is None
    watch.open("/?q=退款")
    box.fill("")
    box.press("ArrowDown")
    assert options(page)[0] == "退款"
    page.locator(".forget").click()
    expect(box).to_be_focused()
    assert page.evaluate("localStorage.getItem('kchat.recent')") is None


def test_the_syntax_opens_at_the_box_and_closes_like_a_menu(watch: Watch) -> None:
    page = watch.open("/chats/290")
    page.locator("#syntax summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#syntax .panel")).to_be_visible()
    assert "agent:李雷" in page.locator("#syntax .examples").inner_text()
    page.keyboard.press("Escape")
    expect(page.locator("#syntax .panel")).to_be_hidden()
    expect(page.locator("#syntax summary")).to_be_focused()
