"""Results and filters change without loading a whole page, and nothing is lost with it."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from tests.system.chromium import NEEDS_CHROMIUM, Watch, served, watched
from tests.web import chats
from tests.web.conftest import access_in, make_presentation
from tests.web.doors import WORDS, Doors, Time, hire
from tests.web.fake_service import FakeService

pytestmark = NEEDS_CHROMIUM

MARK = "document.documentElement.dataset.same = 'yes'"
SAME = "document.documentElement.dataset.same === 'yes'"
HERE = "location.pathname + decodeURIComponent(location.search)"
FAILED = "Failed to load resource"


class Held:
    """Requests that are not answered yet."""

    def __init__(self) -> None:
        self.routes: list[Route] = []

    def hold(self, route: Route) -> None:
        self.routes.append(route)


def open_marked(watch: Watch, path: str) -> Page:
    """The page at `path`, with a mark that is lost if a whole page is loaded."""
    page = watch.open(path)
    page.evaluate(MARK)
    return page


def search(page: Page, q: str) -> None:
    page.fill("#q", q)
    page.keyboard.press("Enter")


def at(page: Page, address: str) -> None:
    page.wait_for_function(f"address => {HERE} === address", arg=address)


def test_a_search_changes_what_belongs_to_it_and_nothing_else(watch: Watch) -> None:
    page = open_marked(watch, "/?q=退款&sort=newest")
    search(page, "包裹")
    at(page, "/?q=包裹&sort=newest")
    assert page.evaluate(SAME)
    assert page.title().startswith("包裹")
    expect(page.locator("#evidence .total")).to_have_text("60 个对话")
    expect(page.locator("#live")).to_have_text("60 个对话")
    expect(page.locator("#results")).to_be_focused()
    assert "%E5%8C%85%E8%A3%B9" in str(page.get_attribute("a[hreflang=en]", "href"))
    page.keyboard.press("j")
    expect(page.locator(".hit.selected a.open")).to_be_focused()


def test_a_name_in_a_hit_leads_to_all_chats_of_whoever_it_is_and_its_line_to_this_one(
    watch: Watch,
) -> None:
    page = open_marked(watch, "/?q=退款")
    for name, address in (("访客5", "visitor_id=547"), ("李雷", "agent_id=2192")):
        page.locator("#hit-290 h2").get_by_role("link", name=name).click()
        page.wait_for_function(f"address => ({HERE}).includes(address)", arg=address)
        expect(page.locator(".chip")).to_have_count(1)
        page.go_back()
        at(page, "/?q=退款")
    assert page.evaluate(SAME)
    line = page.locator("#hit-290 header").bounding_box()
    assert line is not None
    page.mouse.click(line["x"] + line["width"] / 2, line["y"] + line["height"] / 2)
    page.wait_for_url("**/chats/290**")


def test_a_filter_keeps_focus_scroll_and_what_was_typed(watch: Watch) -> None:
    page = open_marked(watch, "/?q=包裹")
    page.locator("#q").fill("还没发出")
    page.evaluate("scrollTo(0, 150)")
    box = page.locator("#filter-form input[name=agent_id][value='2193']")
    box.focus()
    page.keyboard.press("Space")
    at(page, "/?q=还没发出&agent_id=2193")
    expect(box).to_be_focused()
    expect(box).to_be_checked()
    assert page.evaluate(SAME)
    page.locator("#q").fill("还没发出的")
    page.locator("#filters .presets a").last.click()
    page.wait_for_function("() => location.search.includes('start=')")
    assert page.input_value("#q") == "还没发出的"


def test_a_link_is_focused_again_and_the_scroll_stays(watch: Watch) -> None:
    page = open_marked(watch, "/?q=包裹")
    page.evaluate("scrollTo(0, 120)")
    page.locator(".sorts a", has_text="最早").evaluate("a => a.focus({preventScroll: true})")
    page.keyboard.press("Enter")
    at(page, "/?q=包裹&sort=oldest")
    expect(page.locator(".sorts a", has_text="最早")).to_be_focused()
    assert page.evaluate("scrollY") == 120
    page.locator(".pager a[rel=next]").click()
    page.wait_for_function("() => location.search.includes('page=2')")
    expect(page.locator("#results")).to_be_focused()
    assert page.evaluate("scrollY") == 0


def test_back_and_forward_show_at_once_what_was_there(watch: Watch) -> None:
    page = open_marked(watch, "/?q=包裹")
    page.evaluate("scrollTo(0, 300)")
    page.locator(".pager a[rel=next]").evaluate("a => a.click()")
    at(page, "/?q=包裹&page=2")
    search(page, "运费险")
    at(page, "/?q=运费险")
    asked: list[str] = []

    def note(sent: Request) -> None:
        if "/static/" not in sent.url:  # the icon comes with each address
            asked.append(sent.url)

    page.on("request", note)
    page.go_back()
    at(page, "/?q=包裹&page=2")
    assert page.input_value("#q") == "包裹"
    page.go_back()
    at(page, "/?q=包裹")
    page.wait_for_function("() => scrollY === 300")
    page.go_forward()
    page.go_forward()
    at(page, "/?q=运费险")
    assert page.input_value("#q") == "运费险"
    expect(page.locator(".hit")).to_have_count(1)
    assert asked == []
    assert page.evaluate(SAME)
    page.reload()
    page.go_back()
    at(page, "/?q=包裹&page=2")
    expect(page.locator(".pager a[aria-current]")).to_have_text("2")


def test_a_later_search_takes_the_place_of_an_earlier_one(watch: Watch) -> None:
    page = open_marked(watch, "/?q=退款")
    held = Held()
    page.route(lambda url: "slow" in url, held.hold)
    with page.expect_request("**/*slow*"):
        search(page, "slow")
    page.locator(".sorts a", has_text="最新").click()
    page.wait_for_function("() => location.search.includes('newest')")
    assert len(held.routes) == 1
    assert page.input_value("#q") == "slow", "what was typed is still there"
    assert page.evaluate(SAME)


def test_what_is_asked_for_a_place_that_was_left_again_is_given_up(watch: Watch) -> None:
    page = watch.open("/?q=退款")
    search(page, "运费险")
    at(page, "/?q=运费险")
    page.reload()  # so nothing is kept
    held = Held()
    page.route(lambda url: "%E9%80%80" in url, held.hold)
    with page.expect_request(lambda sent: "%E9%80%80" in sent.url):
        page.go_back()
    with page.expect_event("requestfailed"):  # else it would be shown at the other address
        page.go_forward()
    at(page, "/?q=运费险")
    expect(page.locator("#evidence .asked")).to_contain_text("运费险")


def test_it_is_busy_only_after_a_moment(watch: Watch) -> None:
    page = watch.page
    page.clock.install(time=datetime(2026, 1, 1, tzinfo=UTC))
    watch.open("/?q=退款")
    page.clock.pause_at(datetime(2026, 1, 2, tzinfo=UTC))
    held = Held()
    page.route(lambda url: "%E5%8C%85" in url, held.hold)
    with page.expect_request(lambda sent: "%E5%8C%85" in sent.url):
        search(page, "包裹")
    page.clock.run_for(100)
    assert page.locator("html.busy").count() == 0
    page.clock.run_for(100)
    expect(page.locator("#results[aria-busy=true]")).to_have_count(1)
    assert page.locator("html.busy").count() == 1
    held.routes[0].continue_()
    expect(page.locator(".hit")).to_have_count(20)
    assert page.locator("html.busy").count() == 0


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "连不上服务器"),
        ({"status": 429, "headers": {"Retry-After": "7"}, "body": "x"}, "请过 7 秒再试"),
        ({"status": 503, "body": "x"}, "服务器出了问题"),
    ],
    ids=["gone", "too-many", "error"],
)
def test_what_fails_is_said_and_can_be_tried_again(
    watch: Watch, answer: dict[str, object] | None, words: str
) -> None:
    page = open_marked(watch, "/?q=退款")

    def fail(route: Route) -> None:
        if answer is None:
            route.abort("connectionrefused")
        else:
            route.fulfill(**answer)  # type: ignore[arg-type]

    page.route(lambda url: "%E5%8C%85" in url, fail)
    search(page, "包裹")
    expect(page.locator("#trouble")).to_contain_text(words)
    assert page.input_value("#q") == "包裹"
    expect(page.locator(".hit")).to_have_count(3)
    at(page, "/?q=退款")
    page.evaluate("history.pushState(null, '', '/?q=x')")
    page.go_back()
    expect(page.locator("#trouble")).to_be_hidden()
    search(page, "包裹")
    page.wait_for_selector("#trouble:not([hidden])")
    page.unroute_all()
    page.click("#trouble button")
    at(page, "/?q=包裹")
    expect(page.locator("#trouble")).to_be_hidden()
    assert page.evaluate(SAME)
    watch.complaints = [
        one for one in watch.complaints if "%E5%8C%85" not in one and FAILED not in one
    ]


def test_while_the_index_is_rebuilt_the_page_that_waits_for_it_comes(watch: Watch) -> None:
    page = watch.open("/?q=退款")
    body = "<title>x</title><p id=rebuild>43 %"
    page.route(
        lambda url: "%E5%8C%85" in url,
        lambda route: route.fulfill(status=503, content_type="text/html", body=body),
    )
    search(page, "包裹")
    expect(page.locator("#rebuild")).to_have_text("43 %")
    at(page, "/?q=包裹")
    watch.complaints = [one for one in watch.complaints if FAILED not in one]


def test_an_expired_log_in_keeps_what_was_typed(browser: Browser, tmp_path: Path) -> None:
    with closing(access_in(tmp_path / "access.sqlite3", clock := Time())) as access:
        hire(access)
        doors = Doors(FakeService(chats.ordinary(), make_presentation()), access, clock)
        with served(doors.app()) as address, watched(browser, address) as watch:
            page = watch.open("/login")

            def log_in() -> None:
                page.fill("#username", "cora")
                page.fill("#password", WORDS)
                page.click("main button[type=submit]")

            log_in()
            page.wait_for_url(lambda url: "/login" not in url)
            watch.open("/?q=退款")
            page.context.clear_cookies()
            search(page, "包裹")
            page.wait_for_url("**/login?next=**")
            log_in()
            at(page, "/?q=包裹")
            watch.complaints = [one for one in watch.complaints if FAILED not in one]


def test_a_query_that_is_refused_gets_the_words_of_the_server(watch: Watch) -> None:
    page = watch.open("/?q=退款")
    page.evaluate("document.getElementById('q').maxLength = 2000")
    search(page, "很" * 1100)
    page.wait_for_selector("main .code")
    watch.complaints = [one for one in watch.complaints if FAILED not in one]


def test_a_click_that_wants_another_tab_gets_one(watch: Watch) -> None:
    page = open_marked(watch, "/?q=包裹")
    with page.context.expect_page() as opened:
        page.locator(".sorts a", has_text="最新").click(modifiers=["Control"])
    at(opened.value, "/?q=包裹&sort=newest")
    at(page, "/?q=包裹")


def test_a_range_is_chosen_by_dragging_over_the_bars(watch: Watch) -> None:
    page = open_marked(watch, "/?q=包裹")
    bars = page.locator(".bars .hit-area")
    first, third = bars.nth(1), bars.nth(3)
    start, end = first.get_attribute("data-start"), third.get_attribute("data-end")
    first.hover()
    page.mouse.down()
    third.hover()
    expect(page.locator(".bars .in-range")).to_have_count(3)
    assert (page.input_value("#from"), page.input_value("#to")) == (start, end)
    page.mouse.up()
    at(page, f"/?q=包裹&start={start}&end={end}")
    assert page.evaluate(SAME)


def test_a_range_is_chosen_with_the_keyboard(watch: Watch) -> None:
    page = open_marked(watch, "/?q=包裹")
    bar = page.locator(".bars a").first
    start = bar.locator(".hit-area").get_attribute("data-start")
    bar.evaluate("a => a.focus()")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    end = page.locator(".bars .in-range").last.get_attribute("data-end")
    page.keyboard.press("Enter")
    at(page, f"/?q=包裹&start={start}&end={end}")


def test_every_key_stands_in_the_help_and_the_help_has_no_other(watch: Watch) -> None:
    added: set[str] = set()
    shown: set[str] = set()
    for path in ("/?q=退款", "/chats/290?q=退款"):
        page = watch.open(path)
        added |= set(page.evaluate("[...kchat.keys.keys()]"))
        shown = set(page.locator("#help kbd").all_text_contents())
    assert shown - {"Enter", "Esc", "↑", "↓"} == added
