"""What makes documents in the processes of a build: functions of a module, because these can be
pickled."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence

from kchat_search.models.plan import IndexDocument
from tests.engines.documents import make


def chats(numbers: Sequence[int]) -> list[IndexDocument]:
    """A document for each number."""
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
    """Raise an error at chat 13, as a bug would."""
    if 13 in numbers:
        raise LookupError("no chat thirteen")
    return chats(numbers)


def die(numbers: Sequence[int]) -> list[IndexDocument]:
    """Be killed at chat 13, as the system kills a process when memory is short."""
    if 13 in numbers:
        os.kill(os.getpid(), signal.SIGKILL)
    return chats(numbers)


def hang(numbers: Sequence[int]) -> list[IndexDocument]:
    """Print the id of this process, and never return."""
    os.write(1, f"{os.getpid()}\n".encode())
    threading.Event().wait()
    return chats(numbers)
