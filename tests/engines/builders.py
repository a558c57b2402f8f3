"""What is sent to the processes of a build: functions of a module, as they must be."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence

from kchat_search.models.plan import IndexDocument
from tests.engines.documents import make


def chats(numbers: Sequence[int]) -> list[IndexDocument]:
    """A document of each number."""
    return [
        make(
            n,
            f"你好,订单 {n}{n * 7919 % 10_000:04} 要退款" * (1 + n % 3),
            "refund please " * (n % 5),
            created=n * 37 % 1000,
            month=f"2015-{1 + n % 12:02}",
            agent=str(n % 4) if n % 4 else None,
            files=("发票.pdf",) * (n % 2),
        )
        for n in numbers
    ]


def refuse(numbers: Sequence[int]) -> list[IndexDocument]:
    """As a bug would."""
    if 13 in numbers:
        raise LookupError("no chat thirteen")
    return chats(numbers)


def die(numbers: Sequence[int]) -> list[IndexDocument]:
    """As the system ends a process when memory is short."""
    if 13 in numbers:
        os.kill(os.getpid(), signal.SIGKILL)
    return chats(numbers)


def hang(numbers: Sequence[int]) -> list[IndexDocument]:
    """Say which process this is, and never come back."""
    os.write(1, f"{os.getpid()}\n".encode())
    threading.Event().wait()
    return chats(numbers)
