"""How many connections the process may have: each is an open file for the system."""

from __future__ import annotations

import select
from contextlib import suppress

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_WITHOUT_POLL = 400
"""Connections where the system has select() alone. On Windows, it takes 512 sockets."""


def connections_allowed(wanted: int) -> int:
    """How many connections there may be at most, up to `wanted`.

    They get half of the files that the process may open. The archive, the index and files that are
    being sent need the rest. The limit of the process is raised as far as the system allows,
    because macOS begins with 256.
    """
    if not hasattr(select, "poll"):
        wanted = min(wanted, _WITHOUT_POLL)
    if resource is None:
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * wanted
    unlimited = resource.RLIM_INFINITY
    if soft == unlimited or soft >= needed:
        return wanted
    raised = needed if hard == unlimited else min(needed, hard)
    with suppress(OSError, ValueError):  # the system has a lower limit of its own
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
        soft = raised
    return max(1, min(wanted, soft // 2))
