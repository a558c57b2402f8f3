"""The account, as the header that every request carries.

Invariant: that header is the only copy of the secret that is kept here. Whatever else is needed of
it, such as the forms in which a server may echo it, is made from the header for a moment.
"""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import requests
from requests.auth import AuthBase

_SCHEME = b"Basic "


class Account(AuthBase):
    """Basic auth. It signs requests, and removes the secret from texts."""

    def __init__(self, user: str, secret: str) -> None:
        # requests would encode text as Latin-1. With "surrogateescape", Python passes on bytes of
        # the environment that are not UTF-8.
        pair = f"{user}:{secret}".encode("utf-8", "surrogateescape")
        self._header = _SCHEME + base64.b64encode(pair)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign a request; of the protocol of requests."""
        request.headers["Authorization"] = self._header  # type: ignore[assignment]  # bytes do, too
        return request

    def __repr__(self) -> str:
        return "Account(***)"

    def masked(self, text: str) -> str:
        """The text with stars in the place of the secret, in whatever form a server echoes it."""
        for spelling in self._spellings():
            text = text.replace(spelling, "***")
        return text

    def _spellings(self) -> tuple[str, ...]:
        """The forms in which a server may echo the secret, the longest first."""
        pair = self._header.removeprefix(_SCHEME)
        # The user has no colon in it (`config` sees to that), the secret may have some.
        raw = base64.b64decode(pair).partition(b":")[2]
        if not raw:
            return ()
        secret = raw.decode("utf-8", "surrogateescape")
        spellings = {
            secret,
            raw.decode("utf-8", "replace"),
            quote(raw, safe=""),
            quote(raw),
            quote_plus(raw),
            json.dumps(secret)[1:-1],
            json.dumps(secret, ensure_ascii=False)[1:-1],
            pair.decode(),
            base64.b64encode(raw).decode(),
        }
        return tuple(sorted(spellings, key=len, reverse=True))
