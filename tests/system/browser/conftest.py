"""The pages over made-up chats, and one page of the browser that is watched."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.system.chromium import Watch, served, watched
from tests.web import chats
from tests.web.builders import chat, message
from tests.web.conftest import make_app, make_presentation
from tests.web.fake_service import FakeService

IN_PARTS = chat(
    8, [message(f"第 {n} 行{' 换货' if n in (3, 250, 449) else ''}") for n in range(450)]
)
LONG = chat(7, [message(f"第 {n} 句{' 退货' if n in (3, 50, 70) else ''}") for n in range(80)])


@pytest.fixture(scope="package")
def address() -> Iterator[str]:
    with served(
        make_app(FakeService([*chats.ordinary(), LONG, IN_PARTS], make_presentation()))
    ) as address:
        yield address


@pytest.fixture
def watch(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Watch]:
    with watched(browser, address, **getattr(request, "param", {})) as seen:
        yield seen
