"""The cookie of a log-in: Flask's session, signed with a key that all processes share.

It holds the secret of a session, which the database keeps hashed, and the secret behind the CSRF
tokens. So a log-in can be ended on the server's side, everywhere and at once.

Where the address is https, the cookie has the prefix `__Host-` (RFC 6265bis, section 4.1.3): no
other host and no http page can set it. Where an answer can't be recorded, no cookie leaves.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

from flask import Flask, Request, Response, g, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

from kchat_search.errors import AccessError
from kchat_search.web.program import Gate

COOKIES = ("__Host-kchat", "kchat")
"""Its name over https, and over http."""
_SECRET = "secret"  # noqa: S105  # nosec B105  # the name of a field


def install(app: Flask, gate: Gate) -> None:
    """Give `app` sessions whose cookies are signed with the key of the database of access."""
    app.session_interface = _Cookies(gate)


def secret() -> str | None:
    """The secret of the session that the present request's cookie holds, if it has one."""
    found = session.get(_SECRET)
    return found if isinstance(found, str) else None


def keep(secret: str) -> None:
    """The cookie holds this secret, and nothing of what it held before."""
    forget()
    session[_SECRET] = secret


def forget() -> None:
    """The cookie holds nothing any more."""
    session.clear()
    g.pop("csrf_token", None)  # Flask-WTF keeps the one of the old cookie there


class _Cookies(SecureCookieSessionInterface):
    """Flask's signed cookie, whose name and `Secure` follow the address of the request."""

    salt = "kchat-search session"
    digest_method = staticmethod(hashlib.sha256)

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The session of a request; an empty one where the key can't be read. The guard then finds
        out the same, and answers."""
        if not app.config["SECRET_KEY"]:
            try:
                app.config["SECRET_KEY"] = self._key()
            except AccessError:
                empty: SecureCookieSession = self.session_class()
                return empty
        return super().open_session(app, request)

    def _key(self) -> bytes:
        access = self._gate.access
        return os.urandom(32) if access is None else access.signing_key()

    def save_session(self, app: Flask, session: Any, response: Response) -> None:
        """Send the cookie, unless the answer could not be recorded."""
        if app.config["SECRET_KEY"] and not g.get("unrecorded"):
            super().save_session(app, session, response)

    def get_cookie_name(self, app: Flask) -> str:
        """With the prefix where the address is https."""
        del app
        return COOKIES[0] if request.is_secure else COOKIES[1]

    def get_cookie_secure(self, app: Flask) -> bool:
        """Only over https, where the address is that."""
        del app
        return request.is_secure

    def get_cookie_samesite(self, app: Flask) -> str:
        """A page of another site opens ours with the cookie, and sends nothing else with it."""
        del app
        return "Lax"

    def get_cookie_httponly(self, app: Flask) -> bool:
        """No script reads it."""
        del app
        return True
