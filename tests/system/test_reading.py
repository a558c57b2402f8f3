"""Reading in a browser: the chats of a list one after the other, and a chat of many parts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.system.chromium import NEEDS_CHROMIUM, Watch, served, watched
from tests.web import chats
from tests.web.builders import chat, message
from tests.web.conftest import make_app, make_presentation
from tests.web.fake_service import FakeService

pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server with ordinary chats, and one of 1,000 messages with five matches."""
    said = [message(f"第{n}句{' 火箭' * (n % 220 == 3)}") for n in range(1_000)]
    service = FakeService([*chats.ordinary(), chat(7, said)], make_presentation())
    with served(make_app(service)) as found:
        yield found


@pytest.fixture
def watch(browser: Browser, address: str) -> Iterator[Watch]:
    with watched(browser, address, permissions=["clipboard-read", "clipboard-write"]) as seen:
        yield seen


def wait_in_view(page: Page, anchor: str) -> None:
    """Until the message is where one sees it."""
    script = """(anchor) => {
        const box = document.getElementById(anchor)?.getBoundingClientRect();
        return box && box.top >= 0 && box.bottom <= innerHeight && box.height > 0;
    }"""
    page.wait_for_function(script, arg=anchor)


def wait_for_parts(page: Page, first: int, last: int) -> None:
    """Until just these messages are shown."""
    script = """([first, last]) => {
        const shown = document.querySelectorAll(".transcript > [id]");
        return shown[0].id === `m${first}` && [...shown].at(-1).id === `m${last}`;
    }"""
    page.wait_for_function(script, arg=[first, last])


def test_keys_lead_through_the_chats_of_a_list_and_back_to_the_place(watch: Watch) -> None:
    page = watch.open("/?q=退款&sort=oldest")
    page.locator(".hit a.open").first.click()
    page.wait_for_selector("text=第 1 / 3 个结果")
    page.keyboard.press("]")
    page.wait_for_selector("text=第 2 / 3 个结果")
    second = page.locator("#conversation").get_attribute("data-chat")
    page.keyboard.press("[")
    page.wait_for_selector("text=第 1 / 3 个结果")
    page.keyboard.press("]")
    page.wait_for_selector("text=第 2 / 3 个结果")
    page.keyboard.press("u")
    page.wait_for_selector(".hit")
    assert second is not None
    assert page.url.endswith(f"#hit-{second.rsplit('/', 1)[1]}")


def test_n_goes_through_the_matches_of_all_parts(watch: Watch) -> None:
    page = watch.open("/chats/7?find=火箭")
    for number, anchor in enumerate(("m7003", "m7223", "m7443", "m7663", "m7883", "m7003"), 1):
        if number > 1:
            page.keyboard.press("n")
        wait_in_view(page, anchor)
        page.wait_for_selector(f"text=第 {(number - 1) % 5 + 1} / 5 处匹配")
    page.keyboard.press("p")
    wait_in_view(page, "m7883")
    assert "offset=800" in page.url
    assert page.url.endswith("#m7883")
    assert page.locator(".match-track i").count() == 5


def test_an_old_link_to_a_message_finds_its_part(watch: Watch) -> None:
    page = watch.open("/chats/7#m7555")
    wait_in_view(page, "m7555")
    assert page.url.endswith("/chats/7?offset=400#m7555")


def test_parts_load_as_one_scrolls_and_nothing_jumps(watch: Watch) -> None:
    page = watch.open("/chats/7?offset=400#m7500")
    wait_in_view(page, "m7500")
    page.evaluate("document.getElementById('m7599').scrollIntoView({block: 'end'})")
    wait_for_parts(page, 7400, 7799)
    page.evaluate("document.getElementById('m7410').scrollIntoView({block: 'start'})")
    top = "document.getElementById('m7410').getBoundingClientRect().top"
    before = page.evaluate(top)
    wait_for_parts(page, 7200, 7799)
    page.wait_for_function(f"(before) => Math.abs({top} - before) < 60", arg=before)
    assert page.locator(".range").last.inner_text() == "第 201–800 条，共 1,000 条"


def test_all_of_it_is_loaded_before_it_is_printed(watch: Watch) -> None:
    page = watch.open("/chats/7?offset=800")
    wait_for_parts(page, 7600, 7999)  # what is near is there already
    page.evaluate("() => { window.print = () => { document.title = 'printed'; }; }")
    page.emulate_media(media="print")
    assert (
        page.locator("p.on-paper").inner_text().startswith("这里只有第 601–1,000 条消息，共 1,000")
    )
    page.emulate_media(media="screen")
    page.click("#whole")
    page.wait_for_function("() => document.title === 'printed'")
    assert page.locator(".transcript > [id]").count() == 1_000
    assert page.locator("p.on-paper, .parts").count() == 0


def test_a_part_that_comes_while_all_of_it_is_loaded_is_not_there_twice(watch: Watch) -> None:
    page = watch.open("/chats/7?offset=800")
    wait_for_parts(page, 7600, 7999)
    page.evaluate("() => { window.print = () => { document.title = 'printed'; }; }")
    page.evaluate(
        """() => {
          window.held = [];
          window.requestAnimationFrame = (drawn) => held.push(drawn);
          scrollTo({ top: 0, behavior: "instant" });
        }"""
    )
    page.wait_for_function("() => held.length > 0")  # a part is there, and waits to be put in
    page.evaluate("document.getElementById('whole').click()")
    page.wait_for_function("() => document.title === 'printed'")
    page.evaluate("async () => { while (held.length) { held.shift()(); await null; } }")
    ids = page.locator(".transcript > [id]").evaluate_all("all => all.map((one) => one.id)")
    assert ids == [f"m{number}" for number in range(7000, 8000)]


def test_a_button_copies_the_link_to_a_message(watch: Watch) -> None:
    page = watch.open("/chats/7?q=火箭&offset=200")
    page.focus("#m7250 .at")
    page.click("#m7250 .copy")
    page.wait_for_selector("#m7250 .copy:text('已复制')")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"{watch.address}/chats/7/at/m7250"
    page.goto(copied)
    wait_in_view(page, "m7250")
