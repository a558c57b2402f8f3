"""The threads that answer, and the requests that wait for one.

First come, first served, but that few log-ins are answered at a time: checking a password takes a
processor and memory, and anybody may ask for it. The others wait in a queue of their own and occupy
no thread. So who tries one password after the other slows down nobody but whoever logs in.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

from waitress.task import ThreadedTaskDispatcher

_LOG_IN = "/login"
_MOST_WAITING = 64
"""Log-ins in their queue. Further ones are answered as other requests are; the application then
refuses most of them at once."""


class Threads(ThreadedTaskDispatcher):  # type: ignore[misc]  # waitress has no types
    """The threads. A queue of requests is no line in the log each: clients could fill the disk."""

    queue_logger = logging.getLogger(f"{__name__}.queue")

    def __init__(self, log_ins: int) -> None:
        """`log_ins`: so many are answered at a time."""
        super().__init__()
        self.queue = Queue(log_ins, self.queue_cv)


Threads.queue_logger.setLevel(logging.ERROR)


class Queue:
    """What waitress uses of a `deque`. Its lock is held whenever it is used."""

    def __init__(self, log_ins: int, changed: threading.Condition) -> None:
        """`changed` is told when a log-in has been answered; its lock is that of this queue."""
        self._most = log_ins
        self._changed = changed
        self._answered = 0
        self._came = 0
        self._others: deque[tuple[int, Any]] = deque()
        self._log_ins: deque[tuple[int, Any]] = deque()

    def __len__(self) -> int:
        """How many requests could be answered now."""
        return len(self._others) + min(len(self._log_ins), self._most - self._answered)

    def append(self, task: Any) -> None:
        """A request has come. `task` is its connection."""
        self._came += 1
        waits = _is_log_in(task) and len(self._log_ins) < _MOST_WAITING
        (self._log_ins if waits else self._others).append((self._came, task))

    def popleft(self) -> Any:
        """The one that has waited longest, of those that can be answered."""
        may_log_in = self._log_ins and self._answered < self._most
        if not may_log_in or (self._others and self._others[0] < self._log_ins[0]):
            return self._others.popleft()[1]
        self._answered += 1
        return _LogIn(self._log_ins.popleft()[1], self)

    def answered(self) -> None:
        """A log-in has been answered: the next one may be."""
        with self._changed:
            self._answered -= 1
            self._changed.notify()


@dataclass(frozen=True, slots=True)
class _LogIn:
    """One that is answered."""

    task: Any
    queue: Queue

    def service(self) -> None:
        """Answer it."""
        try:
            self.task.service()
        finally:
            self.queue.answered()

    def cancel(self) -> None:
        """The server stops."""
        self.task.cancel()


def _is_log_in(task: Any) -> bool:
    requests = list(task.requests)  # the newest is the one that has come
    return bool(
        requests and requests[-1].command == "POST" and requests[-1].path.startswith(_LOG_IN)
    )
