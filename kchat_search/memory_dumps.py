"""No process of this program leaves its memory in a file when it dies.

Conversations, and the secrets of an account, are in it.
"""

from __future__ import annotations

import ctypes
import sys

try:
    import resource
except ImportError:  # Windows, which writes no core files
    resource = None  # type: ignore[assignment]

_PR_SET_DUMPABLE = 4  # prctl(2)


def forbid() -> None:
    """From now on this process writes no core file, and neither do those that it starts.

    On Linux it also becomes undumpable: a core that is piped to a program (core(5)) has no limit.
    No other process of the same user may then read its memory or its environment; root may.
    """
    if resource is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
