"""How many requests one person or token may make: `KCHAT_REQUESTS_PER_MINUTE`.

They are counted over all processes. Every answer says how many are left, in the fields of
draft-ietf-httpapi-ratelimit-headers-10.
"""

from __future__ import annotations

from flask import Response, g

from kchat_search.errors import TooManyRequests
from kchat_search.models.people import Principal
from kchat_search.ports.access import Requests

WINDOW_SECONDS = 60
_POLICY = "requests"


def count(requests: Requests, principal: Principal, limit: int) -> None:
    """Count the present request. Raises `TooManyRequests` where none was left."""
    try:
        left, seconds = requests.count(principal, limit=limit)
    except TooManyRequests as error:
        g.rate_limit = (limit, 0, error.retry_after)
        raise
    g.rate_limit = (limit, left, seconds)


def add_headers(response: Response) -> Response:
    """Say what is left, where requests are counted."""
    if "rate_limit" in g:
        limit, left, seconds = g.rate_limit
        response.headers["RateLimit-Policy"] = f'"{_POLICY}";q={limit};w={WINDOW_SECONDS}'
        response.headers["RateLimit"] = f'"{_POLICY}";r={left};t={seconds}'
    return response
