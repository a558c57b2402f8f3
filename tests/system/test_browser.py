"""The pages in a browser, over a real server on loopback."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.serialization.export_files import sheet_rows
from tests.system.chromium import NEEDS_CHROMIUM, Watch, served, watched
from tests.web import chats
from tests.web.builders import chat, message
from tests.web.conftest import make_app, make_presentation
from tests.web.fake_service import FakeService

pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    everything = [*chats.ordinary(), chats.hostile()]
    long = [message(f"第 {n} 句{' 退款' if n in (3, 1500, 1990) else ''}") for n in range(2000)]
    everything.append(chat(7, long, visitor_id="7"))
    service = FakeService(everything, make_presentation(demo=True))
    service.past = {290: chats.refund_versions(), 666: chats.hostile_versions()}
    with served(make_app(service)) as address:
        yield address


@pytest.fixture
def watch(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Watch]:
    with watched(browser, address, **getattr(request, "param", {})) as seen:
        yield seen


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id || document.activeElement.className"))


@pytest.mark.parametrize(
    "watch", [{}, {"java_script_enabled": False}], ids=["with", "without"], indirect=True
)
def test_a_chat_is_found_narrowed_and_opened_with_and_without_javascript(watch: Watch) -> None:
    page = watch.open("/")
    without = not page.locator("#help-open").is_visible()
    page.fill("#q", "退款")
    page.click("#search-form button[type=submit]")
    page.wait_for_url("**/?q=*")
    assert page.locator(".hit").count() == 4
    page.click("[name=agent_id][value='2193']")  # at once the page answers, and this box is gone
    if without:
        page.click("#filter-form .sheet-foot button")
    page.wait_for_url("**agent_id=2193**")
    assert page.locator(".hit").count() == 1
    page.click(".chip")
    page.wait_for_url("**/?q=%E9%80%80%E6%AC%BE")
    page.locator(".hit a.open").first.click()
    page.wait_for_url("**/chats/290**#m290001")
    assert page.locator("#m290001 mark").inner_text() == "退款"
    assert page.locator("#m290001").is_visible()
    assert page.locator(":target").get_attribute("id") == "m290001"
    page.click("#m290001 a.next" if without else "#match-next")
    page.wait_for_url("**#m290002")
    page.click("#back")
    page.wait_for_url("**/?q=%E9%80%80%E6%AC%BE#hit-290")


@pytest.mark.parametrize(
    "watch", [{}, {"java_script_enabled": False}], ids=["with", "without"], indirect=True
)
def test_dates_narrow_and_leave_a_clean_address(watch: Watch) -> None:
    page = watch.open("/?q=包裹&status=close")
    page.fill("#from", "2015-01-01")
    page.click(".filters button[type=submit]")
    page.wait_for_url("**start=2015-01-01**")
    assert "end=" not in page.url
    assert "said" not in page.url
    assert "status=close" in page.url
    assert page.locator(".chip").count() == 2


def test_a_bar_of_the_histogram_can_be_clicked(watch: Watch) -> None:
    page = watch.open("/?q=包裹")
    page.locator(".bars a").first.click()
    page.wait_for_url("**start=2014-06-01&end=2014-06-30")
    assert page.locator(".count b").inner_text() == "3"


def test_everything_can_be_done_with_the_keyboard(watch: Watch) -> None:
    page = watch.open("/?q=退款")
    page.keyboard.press("/")
    assert focused(page) == "q"
    page.keyboard.type("j")
    assert page.input_value("#q").endswith("j"), "a letter typed in the box is a letter"
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.locator(".hit.selected").count() == 1
    assert "王芳" in page.locator(".hit.selected").inner_text()
    page.keyboard.press("k")
    page.keyboard.press("?")
    assert page.locator("dialog#help").is_visible()
    page.keyboard.press("j")
    page.keyboard.press("Escape")
    assert not page.locator("dialog#help").is_visible()
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_url("**/chats/290**")


def test_the_way_back_keeps_filters_and_page(watch: Watch) -> None:
    page = watch.open("/?q=包裹&status=close&page=2")
    page.locator(".hit a.open").first.click()
    page.wait_for_url("**/chats/**")
    page.click("#back")
    page.wait_for_url("**/?q=*&status=close&page=2#hit-*")


def in_view(page: Page, selector: str) -> bool:
    script = """selector => {
        const box = document.querySelector(selector)?.getBoundingClientRect();
        return box && box.top >= 0 && box.bottom <= innerHeight && box.height > 0;
    }"""
    page.wait_for_function(script, arg=selector)
    return True


def test_one_can_step_through_the_matches_of_a_long_chat(watch: Watch) -> None:
    page = watch.open("/chats/7?q=退款#m8500")
    assert in_view(page, "#m8500")
    assert page.locator("#match-place").inner_text() == "第 2 / 3 处匹配"
    page.click("#match-next")
    assert in_view(page, "#m8990")
    page.keyboard.press("n")
    assert in_view(page, "#m7003")
    page.keyboard.press("p")
    assert in_view(page, "#m8990")
    assert page.url.endswith("#m8990")


PHONE = {"viewport": {"width": 360, "height": 740}}
WIDE = {"viewport": {"width": 1600, "height": 900}}


@pytest.mark.parametrize("watch", [PHONE, WIDE], ids=["phone", "wide"], indirect=True)
def test_no_page_is_wider_than_the_screen(watch: Watch) -> None:
    paths = ["/?lang=en", "/?q=退款&status=close", "/?q=退款 火箭", "/chats/290?q=退款"]
    paths += ["/chats/290/versions", "/chats/666/versions", "/chats/666/similar"]
    paths += ["/chats/666", "/?q=alert", "/status", "/docs", "/?lang=zh", "/?q=&sort=newest"]
    for path in paths:
        page = watch.open(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_hostile_chats_run_nothing(watch: Watch) -> None:
    for path in (
        "/chats/666?q=alert",
        "/chats/666/versions",
        "/chats/666/similar",
        "/?q=alert",
        "/?q=<script>alert(1)</script>",
        "/status",
    ):
        page = watch.open(path)
        assert page.locator("main img").count() == 0


@pytest.mark.parametrize(
    ("watch", "has_scripts"),
    [({}, True), ({"java_script_enabled": False}, False)],
    ids=["with", "without"],
    indirect=["watch"],
)
def test_the_chats_that_are_like_one_stand_beside_it_or_behind_a_link(
    watch: Watch, has_scripts: bool
) -> None:
    page = watch.open("/chats/290")
    if not has_scripts:
        page.locator(".alike [role=status] a").click()
    found = page.locator(".alike .to-chat, #later .to-chat")
    found.first.wait_for()
    chats = {str(a.get_attribute("href")).split("#")[0] for a in found.all()}
    assert chats
    assert all(re.fullmatch(r"/chats/[0-9]+", chat) for chat in chats)
    assert "/chats/290" not in chats


CONTRAST = """() => {
    const channel = (value) => {
        const c = value / 255;
        return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    };
    const read = (text) => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
    const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
    const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const colour = read(getComputedStyle(at).backgroundColor);
            if (colour.length === 3 || colour[3] === 1) return colour;
        }
        return [255, 255, 255];
    };
    const poor = [];
    for (const element of document.querySelectorAll("body *")) {
        const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
        if (!own || !element.checkVisibility() || element.closest("svg, dialog, .skip")) continue;
        if (element.closest(".visually-hidden")) continue;
        const a = light(read(getComputedStyle(element).color));
        const b = light(ground(element));
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) poor.push(`${element.className || element.tagName}: ${ratio.toFixed(2)}`);
    }
    return poor;
}"""


@pytest.mark.parametrize(
    "watch", [{"color_scheme": "light"}, {"color_scheme": "dark"}], ids=str, indirect=True
)
def test_every_text_has_enough_contrast(watch: Watch) -> None:
    for path in (
        "/",
        "/?q=退款&status=close",
        "/chats/290?q=退款",
        "/chats/291",
        "/chats/290/versions",
        "/chats/290/similar",
        "/status",
        "/docs",
    ):
        page = watch.open(path)
        assert page.evaluate(CONTRAST) == [], path
        page.emulate_media(media="print")
        assert page.evaluate(CONTRAST) == [], f"{path}, printed"
        page.emulate_media(media="screen")


TARGETS = """() => [...document.querySelectorAll("a, button, input:not([type=hidden]), summary")]
    .filter((e) => e.checkVisibility() && !e.closest("svg, .visually-hidden, .skip, p, dd, td"))
    .filter((e) => !e.classList.contains("visually-hidden"))
    .map((e) => [e.className || e.id || e.textContent.trim(), e.getBoundingClientRect()])
    .filter(([, box]) => box.width < 24 || box.height < 24)
    .map(([name, box]) => `${name} ${box.width}x${box.height}`)"""


@pytest.mark.parametrize("watch", [PHONE], ids=["phone"], indirect=True)
def test_everything_that_can_be_tapped_is_large_enough(watch: Watch) -> None:
    for path in (
        "/",
        "/?q=退款&status=close",
        "/chats/290?q=退款",
        "/chats/290/versions",
        "/chats/290/similar",
        "/status",
    ):
        assert watch.open(path).evaluate(TARGETS) == [], path


@pytest.mark.parametrize(
    "watch", [{}, {"java_script_enabled": False}, PHONE], ids=["with", "without", "phone"],
    indirect=True,
)  # fmt: skip
def test_the_results_can_be_downloaded(watch: Watch) -> None:
    page = watch.open("/?q=包裹&status=close")
    page.click(".export summary")
    link = page.locator(".export a").first
    box, width = link.bounding_box(), page.evaluate("innerWidth")
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert box["height"] >= 24
    assert page.evaluate(CONTRAST) == []
    with page.expect_download() as started:
        link.click()
    assert started.value.suggested_filename == "kchat-chats-20160520-120000.xlsx"
    found = sheet_rows(Path(started.value.path()).read_bytes())
    assert len(found) == 120
