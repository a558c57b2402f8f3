"""One browser for all tests: playwright can be started only once in a thread."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.system.chromium import ARGS, CHROMIUM
from tests.system.states import Places, places


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, without a page."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield found
        found.close()


@pytest.fixture(scope="session")
def everywhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """The whole program over made-up conversations, and a service that fails as it is told."""
    with places(tmp_path_factory.mktemp("states") / "shop") as found:
        yield found
