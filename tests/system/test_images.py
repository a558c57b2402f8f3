"""Images of chats in a browser: from another site on loopback, which sees every request for one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser
from werkzeug.wrappers import Request, Response

from kchat_search.models.chats import Upload
from tests.system.chromium import DEADLINE_MS, NEEDS_CHROMIUM, served
from tests.web.builders import chat, message
from tests.web.conftest import make_app, make_presentation
from tests.web.fake_service import FakeService

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

pytestmark = NEEDS_CHROMIUM

# One pixel.
GIF = bytes.fromhex("47494638396101000100800000ffffff0000002c00000000010001000002024401003b")


class Cdn:
    """Has an image at every address, and notes who asks."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        self.asked.append((request.path, dict(request.headers)))
        return Response(GIF, content_type="image/gif")(environ, start)


def image(url: str, number: int) -> Upload:
    return Upload(str(number), f"{number}.gif", 35, "gif", f"{url}/{number}.gif", 40, 30)


@pytest.mark.parametrize("scripts", [True, False], ids=["with", "without"])
def test_an_image_is_loaded_by_the_click_that_asks_for_it_and_by_nothing_else(
    browser: Browser, *, scripts: bool
) -> None:
    cdn, other = Cdn(), Cdn()
    with served(cdn) as allowed, served(other) as elsewhere:
        said = [
            message("", type="chat.upload", upload=image(url, number))
            for number, url in enumerate((allowed, elsewhere, allowed))
        ]
        presentation = replace(make_presentation(), image_origins=(allowed,))
        with served(make_app(FakeService([chat(8, said)], presentation))) as ours:
            context = browser.new_context(java_script_enabled=scripts, locale="zh-CN")
            context.set_default_timeout(DEADLINE_MS)
            page = context.new_page()
            page.goto(f"{ours}/chats/8", wait_until="networkidle")
            buttons = page.locator(".show-image")
            assert buttons.count() == 2, "only for the allowed site"
            page.locator("#m8001").scroll_into_view_if_needed()
            page.pdf()  # a browser loads what is lazy before it prints
            page.locator(f"a[href='{allowed}/0.gif']").hover()
            assert cdn.asked == []
            buttons.nth(1).click()
            shown = page.locator("#m8002 img")
            shown.wait_for()
            if scripts:
                page.wait_for_function("document.querySelector('#m8002 img').naturalWidth === 1")
                assert buttons.nth(1).get_attribute("aria-expanded") == "true"
            page.wait_for_load_state("networkidle")
            ((path, headers),) = cdn.asked
            assert path == "/2.gif"
            assert {"Cookie", "Referer", "Origin"}.isdisjoint(headers)
            assert page.locator("img").count() == 1
            hide = page.locator("#m8002 .file .button")
            assert hide.inner_text() == "收起图片"
            hide.click()
            shown.wait_for(state="detached")
            assert len(cdn.asked) == 1
            context.close()
        assert other.asked == []
