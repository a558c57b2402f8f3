"""The status page: is everything there, what goes on, what failed, and what to do about it."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Response, request

from kchat_search.models.reports import IndexStatus, Status
from kchat_search.ports import Clock
from kchat_search.web.http import parameters
from kchat_search.web.http.current import program
from kchat_search.web.http.language import without_choice
from kchat_search.web.http.permissions import needs
from kchat_search.web.http.rendering import page
from kchat_search.web.pages import histogram, status_words

REJECTS_A_PAGE = 50
REPORTS_SHOWN = 10
RAW_SHOWN = 4_000
"""At most so many characters of a reject's raw JSON are shown."""
_SOON, _LATER = 10, 30
"""Seconds until the page is brought up to date: while something goes on, and else."""


def blueprint(clock: Clock) -> Blueprint:
    """The page. `clock` tells the present time."""
    pages = Blueprint("status", __name__)

    @pages.get("/status")
    @needs("status")
    def status() -> Response:
        given = parameters.only(without_choice(request.args), "offset")["offset"]
        return _page(parameters.read_offset(given), clock)

    return pages


def _page(offset: int, clock: Clock) -> Response:
    status = program().status()
    now = clock()
    reports = program().reports(REPORTS_SHOWN)
    every = timedelta(seconds=program().presentation.sync_interval_seconds)
    rejects = program().rejects(REJECTS_A_PAGE, offset) if program().may("rejects") else ()
    index = status.index if isinstance(status.index, IndexStatus) else None
    gaps = status_words.gaps(index.months if index else {})
    return page(
        "status.html",
        status=status,
        index=index,
        silent=None if isinstance(status.index, IndexStatus) else status_words.silent(status.index),
        now=now,
        refresh=_SOON if _is_busy(status) else _LATER,
        work=status_words.work_of(status, now),
        troubles=status_words.troubles(status.alerts),
        indexer=status_words.indexer_doing(status.indexer),
        rejects=status_words.rejected(rejects),
        RAW_SHOWN=RAW_SHOWN,
        offset=offset,
        step=REJECTS_A_PAGE,
        reports=status_words.report_rows(reports),
        # A tick begins one interval after the last one began, unless that one takes longer.
        next_sync=reports[0].started_at + every if reports and status.indexer else None,
        histogram=histogram.of_months(index.months if index else {}),
        gaps=gaps[-status_words.GAPS_SHOWN :],
        more_gaps=max(0, len(gaps) - status_words.GAPS_SHOWN),
    )


def _is_busy(status: Status) -> bool:
    waits = status.counts.pending or not isinstance(status.index, IndexStatus)
    return bool(status.reading or status.rebuild or status.alerts or waits)
