"""A Kchat server with the corpus, in a process of its own, apart from the clients.

    python -m benchmarks.kchat CHATS PORT

It prints its address when it is ready. Then it reads commands from standard input, one on a line:
`change` begins to add and change chats as time goes on, `pause` stops that. It ends when standard
input ends.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from random import Random
from threading import Lock
from typing import Any

from benchmarks import corpus
from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL, DEMO_PASSWORD
from kchat_search.demo.server import DemoServer

CHANGES_PER_SECOND = 10
"""Half of them are new chats."""
_AT_ONCE = 100


class Changing:
    """`demo.server.ChangingChats` while told so: chats come, and go on."""

    def __init__(self, count: int) -> None:
        self._corpus = corpus.Corpus(count)
        self._next = count
        # These chats are from the last day, which every tick lists again, so changes are seen at
        # once.
        self._recent = max(1, count // corpus.DAYS // 2)
        self._rng = Random(5)
        self._since: datetime | None = None
        self._wanted = False
        self._lock = Lock()
        self.changes = 0

    def go(self, *, on: bool) -> None:
        """Begin to change chats, or stop."""
        with self._lock:
            self._wanted = on
            self._since = None

    def advance(self, now: datetime) -> Iterator[dict[str, Any]]:
        """Chats that are new or changed since the last call."""
        with self._lock:
            if not self._wanted:
                return
            since = self._since or now
            due = int((now - since).total_seconds() * CHANGES_PER_SECOND)
            if due or self._since is None:
                self._since = now
        for _ in range(min(due, _AT_ONCE)):
            self.changes += 1
            yield self._changed() if self.changes % 2 else self._new()

    def _new(self) -> dict[str, Any]:
        self._next += 1
        return self._corpus.chat(self._next - 1)

    def _changed(self) -> dict[str, Any]:
        number = self._rng.randrange(self._next - self._recent, self._next)
        return corpus.grown(self._corpus.chat(number), f"还有一件事，第{self.changes}次问")


def main() -> None:
    """The command."""
    count, port = int(sys.argv[1]), int(sys.argv[2])
    timeline = Changing(count)
    server = DemoServer(
        corpus.chats(count),
        corpus.agents(),
        email=DEMO_EMAIL,
        password=DEMO_PASSWORD,
        api_token=DEMO_API_TOKEN,
        port=port,
        timeline=timeline,
    )
    with server:
        print(server.url, flush=True)  # noqa: T201  # the caller waits for it
        for line in sys.stdin:
            timeline.go(on=line.strip() == "change")


if __name__ == "__main__":
    main()
