"""What can be ordered to go wrong: faults that the demo server serves instead of an answer.

A fault is served `times` times to the requests that it matches, then forgotten; of several that
match, the one ordered first goes first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Match = Callable[[str], bool]
"""Is this request meant? It is given the path with its query."""

Edit = Callable[[dict[str, Any]], dict[str, Any]]
"""From the true answer's JSON to the one that is sent."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to go wrong. What is left at its default goes right."""

    status: int | None = None
    """None: whatever the true answer has."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """None: the true answer's, edited; for an error status a short JSON."""
    edit: Edit | None = None
    delay: float = 0.0
    """Seconds before the answer; cut short when the server closes."""
    truncate: bool = False
    """Content-Length tells the whole body, half of it is sent, then the connection ends."""
    reset: bool = False
    """No answer: the connection is reset."""
    half: bool = False
    """The answer is complete as HTTP goes, but its body is the first half of the true one."""


class Faults:
    """The faults still to be served. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._orders: list[_Order] = []

    def add(self, fault: Fault, times: int, match: Match | None) -> None:
        """Serve `fault` to the next `times` requests that `match` (None: to any)."""
        with self._lock:
            self._orders.append(_Order(fault, times, match))

    def take(self, target: str) -> Fault | None:
        """The fault that this request gets, if any; it counts as served."""
        with self._lock:
            for order in self._orders:
                if order.match is None or order.match(target):
                    order.times -= 1
                    if order.times <= 0:
                        self._orders.remove(order)
                    return order.fault
        return None

    def clear(self) -> None:
        """Forget every fault not yet served."""
        with self._lock:
            self._orders.clear()


@dataclass(slots=True, eq=False)
class _Order:
    fault: Fault
    times: int
    match: Match | None


def without_messages(answer: dict[str, Any]) -> dict[str, Any]:
    """An edit: the chats of a list come without `messages`."""
    chats = [{k: v for k, v in chat.items() if k != "messages"} for chat in answer["chats"]]
    return {**answer, "chats": chats}


def without(*keys: str) -> Edit:
    """An edit: these keys are missing, for example `count` or `next_page`."""
    return lambda answer: {key: answer[key] for key in answer if key not in keys}


def with_next_page(url: str | None) -> Edit:
    """An edit: `next_page` says this, for example an address on another host."""
    return lambda answer: {**answer, "next_page": url}
