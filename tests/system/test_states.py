"""Every state of the pages: axe, names, contrast, what can be tapped, from 320 to 2560 px, both
themes, both languages. A covering set: each state in one language, in both themes and three widths.
"""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from tests.system.chromium import NEEDS_CHROMIUM
from tests.system.states import STATES, Places, State
from tests.system.test_account_pages import axe
from tests.system.test_browser import CONTRAST, TARGETS

pytestmark = NEEDS_CHROMIUM

DESK: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 320, "height": 640}
WIDE: ViewportSize = {"width": 2560, "height": 1300}
ROOMS: dict[str, ViewportSize] = {
    "desk": DESK,
    "phone": {"width": 390, "height": 844},
    "wide": {"width": 1680, "height": 950},
}
OPERATED = frozenset(
    {"link", "button", "textbox", "combobox", "checkbox", "radio", "option", "dialog"}
)
"""The roles that must have a name in the accessibility tree, and `navigation`, `DisclosureTriangle`
(a summary), so that somebody who hears the page knows where they are."""


def nameless(page: Page) -> list[str]:
    """What the accessibility tree has without a name, though a person operates it."""
    session = page.context.new_cdp_session(page)
    nodes: list[dict[str, Any]] = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    return [
        f"no name: {role}"
        for node in nodes
        if not node.get("ignored")
        and (role := str(node.get("role", {}).get("value")))
        in OPERATED | {"navigation", "DisclosureTriangle"}
        and not str(node.get("name", {}).get("value", "")).strip()
    ]


def judged(page: Page) -> list[str]:
    """What is wrong with a page as it stands."""
    found: list[str] = axe(page) + nameless(page) + page.evaluate(CONTRAST)
    return found + too_wide(page)


def too_wide(page: Page) -> list[str]:
    is_wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return [f"wider than {page.viewport_size}"] if is_wide else []


@pytest.mark.parametrize("number", range(len(STATES)), ids=[state.name for state in STATES])
def test_every_state_is_for_everybody(browser: Browser, everywhere: Places, number: int) -> None:
    state = STATES[number]
    language = "en" if number % 2 else "zh"
    room = ROOMS[state.only or "desk"]
    with everywhere.shown(browser, state, viewport=room, language=language) as page:
        wrong = judged(page)
        page.emulate_media(color_scheme="dark", contrast="more", reduced_motion="reduce")
        if state.only is None:
            page.set_viewport_size(WIDE)
            wrong += too_wide(page)
            page.set_viewport_size(PHONE)
            wrong += page.evaluate(TARGETS)
        wrong += judged(page)
        spoken = page.locator("html").get_attribute("lang")
        assert spoken == {"en": "en", "zh": "zh-CN"}[language]
    assert wrong == [], "\n".join(wrong)


def of(name: str) -> State:
    return next(state for state in STATES if state.name == name)


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id || document.activeElement.localName"))


REACHED = """() => [...document.querySelectorAll("main a[href], main button, main input")]
    .filter((e) => e.checkVisibility({visibilityProperty: true}) && e.tabIndex >= 0).length"""
SEEN = """() => {
    const active = document.activeElement;
    const box = active.getBoundingClientRect();
    const inSight = box.bottom > 0 && box.top < innerHeight;
    return inSight && (getComputedStyle(active).outlineStyle !== "none" || active.closest("svg"));
}"""


@pytest.mark.parametrize("name", ["search", "chat", "status", "home", "hot"])
def test_the_keyboard_reaches_everything_and_is_never_lost(
    browser: Browser, everywhere: Places, name: str
) -> None:
    with everywhere.shown(browser, of(name), viewport=DESK) as page:
        # The box of the home page has the focus: begin where a page without that begins.
        page.evaluate("document.body.tabIndex = -1; document.body.focus()")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.matches('.skip')")
        page.keyboard.press("Enter")
        assert focused(page) == "main"
        reached = page.evaluate(REACHED)
        for _ in range(min(25, reached)):
            page.keyboard.press("Tab")
            assert focused(page) != "body"
            assert page.evaluate(SEEN), page.evaluate("document.activeElement.outerHTML")


@pytest.mark.parametrize("name", ["search", "chat", "hot"])
def test_at_200_percent_nothing_is_cut_off(browser: Browser, everywhere: Places, name: str) -> None:
    half = {"width": DESK["width"] // 2, "height": DESK["height"] // 2}
    with everywhere.shown(browser, of(name), viewport=half, device_scale_factor=2) as page:
        assert too_wide(page) == []
        assert axe(page) == []


@pytest.mark.parametrize(
    ("role", "first", "ways"),
    [
        ("agent", "/", {"/hot", "/docs", "/account"}),
        ("compliance", "/", {"/hot", "/docs", "/account"}),
        ("admin", "/people", {"/status", "/docs", "/account", "/people", "/tokens"}),
        ("auditor", "/audit", {"/docs", "/account", "/audit"}),
    ],
)
def test_each_role_is_shown_the_ways_that_are_open_to_it(
    browser: Browser, everywhere: Places, role: str, first: str, ways: set[str]
) -> None:
    context = everywhere.shop.context(browser, role)
    page = context.new_page()
    page.goto(everywhere.shop.address + first)
    assert page.locator("#q").count() == (1 if first == "/" else 0)
    links = page.eval_on_selector_all(
        ".site a[href^='/']:not([hreflang])", "all => all.map((link) => link.getAttribute('href'))"
    )
    assert ways <= set(links)
    for path in links:
        answer = page.goto(everywhere.shop.address + path)
        assert answer is not None
        assert answer.status == 200, path
    context.close()
