"""The status page: is everything there, what goes on, what failed, and what to do about it."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Response, request
from flask_babel import gettext as _

from kchat_search.web.http import parameters
from kchat_search.web.http.current import program
from kchat_search.web.http.language import without_choice
from kchat_search.web.http.permissions import needs
from kchat_search.web.http.rendering import page
from kchat_search.web.pages import histogram

pages = Blueprint("status", __name__)
REJECTS_A_PAGE = 50
REPORTS_SHOWN = 10
RAW_SHOWN = 4_000
"""At most so many characters of a reject's raw JSON are shown."""


@pages.get("/status")
@needs("status")
def status() -> Response:
    """The page."""
    given = parameters.only(without_choice(request.args), "offset")["offset"]
    offset = parameters.read_offset(given)
    now = program().status()
    reports = program().reports(REPORTS_SHOWN)
    every = timedelta(seconds=program().presentation.sync_interval_seconds)
    rejects = program().rejects(REJECTS_A_PAGE, offset) if program().may("rejects") else ()
    return page(
        "status.html",
        status=now,
        kind_words=_kind_words(),
        rejects=rejects,
        any_gone=any(stored.gone_at for stored in rejects),
        RAW_SHOWN=RAW_SHOWN,
        offset=offset,
        step=REJECTS_A_PAGE,
        reports=reports,
        # A tick begins one interval after the last one began, unless that one takes longer.
        next_sync=reports[0].started_at + every if reports and now.indexer else None,
        histogram=histogram.of_months(now.months),
    )


def _kind_words() -> dict[str, str]:
    """The words for the kinds of syncs."""
    return {"backfill": _("全量导入"), "tick": _("例行"), "reconcile": _("核对")}
