"""People who search without a pause, while servers are killed: each answer is the whole one, or 503
that says so and when to come back."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import quote

from flask.testing import FlaskClient

_PAUSE = 0.05
"""Seconds between two searches, so that the servers have some of the processors."""
_SECONDS = 120.0
NOT_NOW = "暂时无法搜索"
"""What a page says."""


@dataclass
class Searching:
    """What was answered so far."""

    asked: str
    total: int
    """How many chats have it. It does not change."""
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[object] = field(default_factory=list)
    answered: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, *statuses: int, more: int = 4) -> None:
        """Until there were so many more answers of these statuses, to the API and the pages
        together."""

        def count() -> int:
            return sum(self.statuses[status] for status in statuses)

        with self.answered:
            enough = count() + more
            came = self.answered.wait_for(lambda: count() >= enough or self.wrong, _SECONDS)
        assert came, f"no more answers {statuses}: {self.statuses}"
        assert not self.wrong

    def ask(self, client: FlaskClient) -> None:
        """The API and the page once."""
        answer = client.get(f"/api/v1/search?q={quote(self.asked)}")
        page = client.get(f"/?q={quote(self.asked)}")
        right = [
            answer.get_json()["total"] == self.total
            if answer.status_code == 200
            else (answer.status_code, answer.headers.get("Retry-After")) == (503, "30")
            and answer.get_json()["type"].endswith(":engine-unavailable"),
            page.status_code == 200
            or (page.status_code == 503 and NOT_NOW in page.text and "Retry-After" in page.headers),
        ]
        with self.answered:
            self.statuses.update((answer.status_code, page.status_code))
            if not all(right):
                self.wrong.append((answer.text, page.text))
            self.answered.notify_all()


@contextmanager
def searching(client: Callable[[], FlaskClient], asked: str, total: int) -> Iterator[Searching]:
    """Runs as long as the block, which fails where an answer was wrong."""
    found = Searching(asked, total)
    ended = threading.Event()

    def search() -> None:
        browser = client()
        while not ended.is_set():
            found.ask(browser)
            ended.wait(_PAUSE)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(search)
        try:
            yield found
        finally:
            ended.set()
        running.result(_SECONDS)
    assert not found.wrong
