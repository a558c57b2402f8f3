"""Ticks, on APScheduler. The only place that knows it.

The process that runs this is the indexer and nothing else, so that a search never waits for it.
It may be killed at any moment: everything it does survives that, so stopping is just that.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

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
    job = scheduler.add_job(
        safely,
        "interval",
        seconds=interval_seconds,
        next_run_time=datetime.now(UTC),
        max_instances=1,  # a tick that takes long is not overtaken
        coalesce=True,  # ticks missed meanwhile are one
        misfire_grace_time=None,
    )
    watch = threading.Thread(target=_watch, args=(job, interval_seconds), daemon=True)
    watch.start()
    scheduler.start()


def _watch(job: Any, interval_seconds: int) -> None:
    """Ticks are planned by the wall clock. Where that was ahead and has been set right, the next
    would wait until the wrong time comes; waiting here goes by a clock that is never set."""
    every = timedelta(seconds=interval_seconds)
    while True:
        threading.Event().wait(interval_seconds)
        planned = getattr(job, "next_run_time", None)  # none before the start, and during a tick
        if planned is not None and planned - datetime.now(UTC) > 2 * every:
            job.modify(next_run_time=datetime.now(UTC))
