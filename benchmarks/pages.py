"""A Kchat server that needs almost no processor time, with any number of chats.

    python -m benchmarks.pages CHATS DELAY PER_PAGE FOLDER

Before it answers anything, it writes each chat to a file in `FOLDER`, as JSON. A page is a part of
that file, mapped into memory. So no chat becomes an object, and a page takes less than a
millisecond. It answers lists (with `start` and `end`), single chats and the list of users, like the
demo's server. Invariant: every answer leaves at least `DELAY` seconds after its request was read.

It prints its address when it is ready. For each line on standard input, it prints all requests so
far as a line of JSON. It ends when standard input ends.
"""

from __future__ import annotations

import base64
import json
import mmap
import sys
import threading
import time
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from benchmarks import corpus
from benchmarks.measure import say
from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL
from kchat_search.demo.api import CHAT_PATHS, Answer, ApiBehaviour, ServerData, answer, failure

_LISTS = frozenset(f"{path}.json" for path in CHAT_PATHS)
LOGIN = base64.b64encode(f"{DEMO_EMAIL}/token:{DEMO_API_TOKEN}".encode()).decode()
_SAY_EVERY = 100_000


class Request(NamedTuple):
    """An answered request. Times are `time.monotonic`, which is the same for all processes."""

    target: str
    read: float
    sent: float


class Rendered:
    """All chats as JSON, one after the other in a file, with a comma after each."""

    def __init__(self, count: int, file: Path) -> None:
        self.count = count
        self._starts = array("q", [0])
        self._days: list[str] = []
        self._firsts: list[int] = []  # the first chat of each of these days
        with file.open("wb") as out:
            for number, chat in enumerate(corpus.chats(count)):
                if not self._days or chat["created_at"][:10] != self._days[-1]:
                    self._days.append(chat["created_at"][:10])
                    self._firsts.append(number)
                # ASCII with escapes, as PHP writes JSON by default.
                size = out.write(json.dumps(chat, separators=(",", ":")).encode("ascii") + b",")
                self._starts.append(self._starts[-1] + size)
                if (number + 1) % _SAY_EVERY == 0:
                    say(f"  {number + 1:,} chats written for the server")
        with file.open("rb") as read:
            self._bytes = mmap.mmap(read.fileno(), 0, access=mmap.ACCESS_READ)

    def between(self, start: str, end: str) -> tuple[int, int]:
        """The first chat and the end (exclusive) of those created from `start` to `end`, both days
        included. "" means no limit."""
        low = bisect_left(self._days, start) if start else 0
        high = bisect_right(self._days, end) if end else len(self._days)
        firsts = [*self._firsts, self.count]
        return firsts[low], max(firsts[low], firsts[high])

    def some(self, first: int, end: int) -> bytes:
        """The chats from `first` to `end` (exclusive), with commas between them."""
        return self._bytes[self._starts[first] : max(self._starts[first], self._starts[end] - 1)]

    def one(self, chat_id: int) -> dict[str, Any] | None:
        """The chat with this id."""
        number = chat_id - corpus.FIRST_ID
        if not 0 <= number < self.count:
            return None
        found: dict[str, Any] = json.loads(self.some(number, number + 1))
        return found


class Pages(ThreadingHTTPServer):
    """The server. `delay` is in seconds; `per_page` is the maximum of a page."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, rendered: Rendered, delay: float, per_page: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.delay = delay
        self.asked: list[Request] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self._rendered = rendered
        self._per_page = per_page
        self._others = ServerData(
            (), rendered.one, corpus.agents(), self.url, ApiBehaviour(per_page)
        )

    def body(self, target: str, authorization: str | None) -> tuple[int, bytes]:
        """The status and the JSON of an answer."""
        if authorization != f"Basic {LOGIN}":
            return _encoded(failure(HTTPStatus.UNAUTHORIZED, "Unauthorized", "wrong login"))
        parts = urlsplit(target)
        if parts.path not in _LISTS:
            return _encoded(answer(target, self._others))
        parameters = dict(parse_qsl(parts.query))
        unknown = parameters.keys() - {"page", "per_page", "start", "end"}
        if unknown:  # better than an answer to another question
            text = f"{', '.join(sorted(unknown))}: not known to this server"
            return _encoded(failure(HTTPStatus.BAD_REQUEST, "InvalidParameter", text))
        return HTTPStatus.OK, self._page(parts.path, parameters)

    def _page(self, path: str, parameters: Mapping[str, str]) -> bytes:
        page = int(parameters.get("page", 1))
        size = min(int(parameters.get("per_page", 100)), self._per_page)
        low, high = self._rendered.between(parameters.get("start", ""), parameters.get("end", ""))
        first = min(high, low + (page - 1) * size)
        end = min(high, first + size)

        def link(other: int) -> str:
            return f"{self.url}{path}?{urlencode({**parameters, 'page': other})}"

        rest = {
            "count": high - low,
            "next_page": link(page + 1) if end < high else None,
            "previous_page": link(page - 1) if page > 1 else None,
        }
        chats = self._rendered.some(first, end)
        return b'{"chats":[%b],%b' % (chats, json.dumps(rest).encode("ascii")[1:])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one write for each answer
    server: Pages

    def do_GET(self) -> None:
        read = time.monotonic()
        status, body = self.server.body(self.path, self.headers.get("Authorization"))
        time.sleep(max(0.0, read + self.server.delay - time.monotonic()))
        sent = time.monotonic()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
        self.server.asked.append(Request(self.path, read, sent))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing: the log is `Pages.asked`."""


def _encoded(found: Answer) -> tuple[int, bytes]:
    return found.status, json.dumps(found.body, separators=(",", ":")).encode("ascii")


def main() -> None:
    """The command."""
    count, delay, per_page = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    server = Pages(Rendered(count, Path(sys.argv[4]) / "chats.json"), delay, per_page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    before = time.process_time()
    print(server.url, flush=True)  # noqa: T201  # the caller waits for it
    for _ in sys.stdin:
        told = {"asked": list(server.asked), "cpu_seconds": time.process_time() - before}
        print(json.dumps(told), flush=True)  # noqa: T201  # the same


if __name__ == "__main__":
    main()
