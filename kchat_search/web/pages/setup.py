"""The page that leads through connecting the account at Kchat, and says what is wrong with it.

No secret passes here: the account stands in the settings, and is tried by the process that holds
it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from flask import Blueprint, redirect
from werkzeug.wrappers import Response as BaseResponse

from kchat_search.models.account import AccountCheck
from kchat_search.models.reports import Alert
from kchat_search.serialization.reasons import reason_words
from kchat_search.web.http.current import program
from kchat_search.web.http.language import current
from kchat_search.web.http.permissions import needs
from kchat_search.web.http.rendering import page
from kchat_search.web.pages.status_words import settings_in

pages = Blueprint("setup", __name__)
_OR = re.compile(r"\(or [^()]*\)")
"""Other settings that would do."""
_SOON, _LATER = 2, 30
"""Seconds until the page is brought up to date: while the account is tried, and else."""


@pages.get("/setup")
@needs("connect")
def setup() -> BaseResponse:
    """The page."""
    alerts = program().alerts()
    alert = next((one for one in alerts if one.code == "not_connected"), None)
    checked = program().checked_account()
    trying = checked is not None and not checked.done
    return page(
        "setup.html",
        missing=settings_in(_OR.sub("", alert.reason.text)) if alert else (),
        connected=alert is None,
        chats=program().counts().chats,
        checked=checked,
        can_check=program().can_check_account(),
        refresh=_SOON if trying else _LATER,
        **_problem(checked, () if alert else alerts),
    )


@pages.post("/setup/check")
@needs("connect")
def check() -> BaseResponse:
    """Have the account tried. The page says how that goes."""
    program().check_account()
    return redirect("/setup", 303)


def _problem(checked: AccountCheck | None, alerts: Iterable[Alert]) -> dict[str, Any]:
    """What is wrong with the account: what its last try said, else what an alert says of Kchat."""
    if checked is not None:
        reason = checked.problem
    else:
        reason = next((one.reason for one in alerts if "Kchat" in one.reason.kind), None)
    return {
        "problem": None if reason is None else reason_words(reason.kind, current(), reason.text),
        "raw": "" if reason is None else reason.text,
        "settings": () if reason is None else settings_in(reason.text),
    }
