"""A real browser over a real server, and what a page in it should never do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.web import serving

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
ARGS += ["--disable-component-update", "--disable-sync"]
DEADLINE_MS = 60_000
expect.set_options(timeout=DEADLINE_MS)
NEEDS_CHROMIUM = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]


@contextmanager
def served(app: WSGIApplication) -> Iterator[str]:
    """`app` behind the program's own server; its address."""
    with serving.served(app) as server:
        yield f"http://127.0.0.1:{server.port}"


@dataclass
class Watch:
    """A page, and what it should never do."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """The page at `path`."""
        self.page.goto(self.address + path)
        return self.page


@contextmanager
def watched(browser: Browser, address: str, **options: object) -> Iterator[Watch]:
    """A new page of `browser`, in a context with these options. At its end it must not have
    complained, opened a dialog, or asked another host for anything."""
    context = browser.new_context(**({"locale": "zh-CN"} | options))  # type: ignore[arg-type]
    context.set_default_timeout(DEADLINE_MS)
    page = context.new_page()
    seen = Watch(page, address)
    page.on("console", lambda said: seen.complaints.append(said.text))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("dialog", lambda dialog: seen.complaints.append(dialog.message))
    page.on(
        "request",
        lambda sent: None if sent.url.startswith(address) else seen.complaints.append(sent.url),
    )
    # a request that ends because the page is left is no failure
    page.on(
        "requestfailed",
        lambda sent: (
            None if sent.failure == "net::ERR_ABORTED" else seen.complaints.append(sent.url)
        ),
    )
    yield seen
    context.close()
    assert seen.complaints == [], "errors, dialogs, or requests to another host"
