"""Faults: what the demo server sends instead of a correct answer, when a test commands it.

A fault is served to the next `times` requests that it matches, and then forgotten. If several match
a request, the one that was commanded first is served.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Match = Callable[[str], bool]
"""Does the fault apply to this request? The argument is the path with its query."""

Edit = Callable[[dict[str, Any]], dict[str, Any]]
"""From the JSON of the correct answer to the JSON that is sent."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which an answer can go wrong. Fields with their default do not go wrong."""

    status: int | None = None
    """None: the status of the correct answer."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """None: the body of the correct answer after `edit`; for an error status, a short JSON."""
    edit: Edit | None = None
    delay: float = 0.0
    """Seconds before the answer. Ends early when the server closes."""
    truncate: bool = False
    """Content-Length is that of the whole body, but only half of the body is sent."""
    reset: bool = False
    """There is no answer. The connection is reset."""
    half: bool = False
    """The answer is complete as HTTP, but its body is the first half of the correct one."""


class Faults:
    """The faults that are still to be served. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: list[_Order] = []

    def add(self, fault: Fault, times: int, match: Match | None) -> None:
        """Serve `fault` to the next `times` requests that `match` (None: any request)."""
        with self._lock:
            self._orders.append(_Order(fault, times, match))

    def take(self, target: str) -> Fault | None:
        """The fault for this request, if any. It then counts as served."""
        with self._lock:
            for order in self._orders:
                if order.match is None or order.match(target):
                    order.times -= 1
                    if order.times <= 0:
                        self._orders.remove(order)
                    return order.fault
        return None

    def clear(self) -> None:
        """Forget all faults that were not served yet."""
        with self._lock:
            self._orders.clear()


@dataclass(slots=True, eq=False)
class _Order:
    fault: Fault
    times: int
    match: Match | None


def without_messages(answer: dict[str, Any]) -> dict[str, Any]:
    """An edit: the chats of a list lack `messages`."""
    chats = [{k: v for k, v in chat.items() if k != "messages"} for chat in answer["chats"]]
    return {**answer, "chats": chats}


def without(*keys: str) -> Edit:
    """An edit: these keys are missing, for example `count` or `next_page`."""
    return lambda answer: {key: answer[key] for key in answer if key not in keys}


def with_next_page(url: str | None) -> Edit:
    """An edit: `next_page` is this, for example an address on another host."""
    return lambda answer: {**answer, "next_page": url}
