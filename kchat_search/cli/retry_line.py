"""The retries of a sync as one line that counts, on a terminal.

Elsewhere the log has them, at growing intervals.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LOGGER = "kchat_search.kchat.transport"
"""Its records have `retries`, the number of retries so far, where they are about one."""


@contextmanager
def retries_shown(show: Callable[[int], None]) -> Iterator[None]:
    """Within this block, each retry calls `show` with the number of retries so far. The log has
    none."""
    logger = logging.getLogger(_LOGGER)
    level = logger.level

    def is_logged(record: logging.LogRecord) -> bool:
        count = getattr(record, "retries", None)
        if count is not None:
            show(count)
        return count is None

    logger.addFilter(is_logged)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeFilter(is_logged)
