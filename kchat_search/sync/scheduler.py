"""Calls the tick at fixed intervals. The only file that knows APScheduler.

The process that runs this is the indexer and nothing else, so that a search never waits for it. It
may be killed at any moment, because everything that it does survives a kill. So it is stopped by
killing it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.schedulers.blocking import BlockingScheduler

from kchat_search.errors import IndexerDeposed, KchatSearchError

log = logging.getLogger(__name__)


def run(tick: Callable[[], object], interval_seconds: int) -> None:
    """Call `tick` now, and then every `interval_seconds`, never twice at once. Does not return:
    it raises `IndexerDeposed` once a tick has.

    Any other error of this program's tree (the network, a disk) is logged; the next tick tries
    again. A bug is logged by APScheduler, with its traceback, and does not end the ticks either.
    """

    deposed: list[IndexerDeposed] = []

    def tick_and_log() -> None:
        try:
            tick()
        except IndexerDeposed as error:
            deposed.append(error)
            scheduler.shutdown(wait=False)
        except KchatSearchError as error:
            log.error("%s: %s", type(error).__name__, error)  # noqa: TRY400  # one line, no traceback

    scheduler = BlockingScheduler(timezone=UTC)
    job = scheduler.add_job(
        tick_and_log,
        "interval",
        seconds=interval_seconds,
        next_run_time=datetime.now(UTC),
        max_instances=1,  # a long tick is not overtaken by the next
        coalesce=True,  # all ticks missed meanwhile become one
        misfire_grace_time=None,
    )
    ended = threading.Event()
    arguments = (job, interval_seconds, ended)
    threading.Thread(target=_watch, args=arguments, daemon=True).start()
    scheduler.start()
    ended.set()
    raise deposed[0]


def _watch(job: Any, interval_seconds: int, ended: threading.Event) -> None:
    """Correct the time of the next tick if the machine's clock was set back.

    APScheduler plans by the wall clock. If that was ahead and is set right, the next tick would
    wait until the wrong time comes. This thread waits by a clock that is never set.
    """
    interval = timedelta(seconds=interval_seconds)
    while not ended.wait(interval_seconds):
        planned = getattr(job, "next_run_time", None)  # None before the start and during a tick
        if planned is not None and planned - datetime.now(UTC) > 2 * interval:
            job.modify(next_run_time=datetime.now(UTC))
