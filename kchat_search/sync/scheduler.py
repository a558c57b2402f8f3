"""Ticks, on APScheduler. The only place that knows it.

The process that runs this is the indexer and nothing else, so that a search never waits for it.
It may be killed at any moment: everything it does survives that, so stopping is just that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from apscheduler.schedulers.blocking import BlockingScheduler

from kchat_search.errors import KchatSearchError

log = logging.getLogger(__name__)


def run(tick: Callable[[], object], interval_seconds: int) -> None:
    """Call `tick` now and then every `interval_seconds`, never twice at once; does not return.

    What the world does wrong is logged and tried again with the next tick. A bug is logged with
    its traceback by APScheduler, and does not end the ticks either.
    """

    def safely() -> None:
        try:
            tick()
        except KchatSearchError as error:
            log.error("%s: %s", type(error).__name__, error)  # noqa: TRY400  # one line, no trace

    scheduler = BlockingScheduler(timezone=UTC)
    scheduler.add_job(
        safely,
        "interval",
        seconds=interval_seconds,
        next_run_time=datetime.now(UTC),
        max_instances=1,  # a tick that takes long is not overtaken
        coalesce=True,  # ticks missed meanwhile are one
        misfire_grace_time=None,
    )
    scheduler.start()
