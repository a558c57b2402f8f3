"""Sign-ins elsewhere that have begun in this browser: kept in its signed cookie.

Invariant: an answer counts only in the browser in which its sign-in began, once, and for
`_MINUTES`. So nobody is signed in by a link that somebody else has made (log-in CSRF).
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import Any

from flask import session

from kchat_search.models.sign_in import Attempt
from kchat_search.web.http.next_page import HOME

_KEY = "attempts"
_MOST = 3
"""Tabs that may begin at the same time. A cookie has room for little more."""
_LONGEST_NEXT = 400
_MINUTES = 15
"""People look for their phone, for the second factor."""


def keep(attempt: Attempt, there: str, now: datetime) -> None:
    """Keep an attempt that begins now. `there`: the own address to which it leads."""
    kept = _kept()[-(_MOST - 1) :]
    kept.append(
        [
            attempt.state,
            attempt.nonce,
            attempt.verifier,
            there if len(there) <= _LONGEST_NEXT else HOME,
            int(now.timestamp()),
        ]
    )
    session[_KEY] = kept


def take(state: str, now: datetime) -> tuple[Attempt, str] | None:
    """The attempt of this browser to which an answer with `state` belongs, and where it leads; None
    if there is none. It is kept no longer."""
    kept = _kept()
    for one in kept:
        if hmac.compare_digest(one[0].encode(), state.encode("utf-8", "replace")):
            session[_KEY] = [other for other in kept if other is not one]
            age = now - datetime.fromtimestamp(one[4], now.tzinfo)
            if timedelta(0) <= age <= timedelta(minutes=_MINUTES):
                return Attempt(one[0], one[1], one[2]), one[3]
    return None


def _kept() -> list[list[Any]]:
    found = session.get(_KEY, [])
    return list(found) if isinstance(found, list) else []
