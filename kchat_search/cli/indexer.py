"""The indexer as a process: alone (`worker`), or below `serve`, which it tells how it fares.

Invariant: it ends by `os._exit`. Every step of a sync survives a kill, so an end needs no more than
that: the archive's transaction is undone, the index's commit is not made, and the next start goes
on from there. An interpreter that is taken down in good order would wait for threads, and may die
of a lock that one of them holds.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from types import FrameType
from typing import NoReturn

import click

from kchat_search import logs
from kchat_search.cli.exit_codes import EXIT_FAILED, exit_code
from kchat_search.cli.parent import Parent
from kchat_search.cli.terminal import clean
from kchat_search.composition import make_service
from kchat_search.config import (
    SettingsWithAccount,
    from_json,
    load_settings_with_account,
    say_if_others_read_env,
)
from kchat_search.errors import KchatSearchError
from kchat_search.models.reports import Alert, Reason
from kchat_search.service import Service
from kchat_search.sync import scheduler
from kchat_search.sync.worker import Worker, reason_of

log = logging.getLogger(__name__)


def run(parent: Parent | None) -> NoReturn:
    """Be the indexer until this process is told to stop, or can't go on. While another process is
    the indexer, wait for its end. `parent`: `serve`, where it is the one that started us."""
    signal.signal(signal.SIGTERM, _exit_at_once)
    if parent is None:
        signal.signal(signal.SIGINT, _exit_at_once)
    else:
        # Ctrl-C reaches all processes of a terminal. `serve` ends this one when it is time.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        parent.keep_standard_output()
    code = EXIT_FAILED
    try:
        settings = _settings(parent)
        logs.setup(settings.log_level, settings.log_format)
        if parent is None:  # else the parent has said it
            say_if_others_read_env()
        _index(settings, parent)
        code = 0
    except KchatSearchError as error:
        code = exit_code(error)
        _say(parent, reason_of(error))
    except BaseException as error:
        log.exception("The indexer ends by a fault of the program.")
        _say(parent, reason_of(error))
    finally:
        _leave(code)


def _settings(parent: Parent | None) -> SettingsWithAccount:
    if parent is None:
        return load_settings_with_account()
    settings = from_json(parent.first_line(), SettingsWithAccount)
    parent.follow(_hear_nothing)
    return settings


def _hear_nothing(said: object) -> None:
    """`serve` says nothing more to an indexer. That it listens is enough: it ends with `serve`."""


def _index(settings: SettingsWithAccount, parent: Parent | None) -> None:
    service = make_service(settings)
    try:
        service.require_account()  # so that it is an error now, and not at each tick
        interval = settings.sync_interval_seconds
        Worker(
            service.tick,
            service.indexing,
            lambda tick: scheduler.run(tick, interval),
            report=_reporter(service, parent),
            waits=lambda: _tell(parent, None),
            clock=service.clock,
            interval=timedelta(seconds=interval),
        ).run()
    except BaseException as error:
        service.indexer_ends(reason_of(error))
        raise


def _reporter(service: Service, parent: Parent | None) -> Callable[[Alert | None], None]:
    def report(alert: Alert | None) -> None:
        _tell(parent, alert)
        service.report_indexer(alert)

    return report


def _tell(parent: Parent | None, alert: Alert | None) -> None:
    if parent is not None:
        parent.tell({"alert": None if alert is None else alert.to_json()})


def _say(parent: Parent | None, reason: Reason) -> None:
    """Why it ends: to the parent, which logs it, else to whoever started it."""
    if parent is None:
        click.echo(f"kchat-search: {clean(reason.text)}", err=True)
    else:
        parent.tell({"ended": asdict(reason)})


def _exit_at_once(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    try:
        log.info("The indexer stops (signal %s).", number)
    finally:
        _leave(0)


def _leave(code: int) -> NoReturn:
    try:
        logging.shutdown()
    finally:
        os._exit(code)
