"""One request to the provider: bounded in time and size, followed nowhere.

Invariants: what is asked is asked at the address that is given, since no redirect is followed.
Every request ends, and every answer is bounded, whatever the provider does. Neither an answer nor a
secret is in an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from threading import BoundedSemaphore
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from requests.auth import AuthBase

from kchat_search import __version__
from kchat_search.answer_deadline import DeadlineAdapter, answer_read
from kchat_search.hosts import is_loopback

T = TypeVar("T")

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 6.0
"""From the request to the last byte of its answer."""
MAX_BYTES = 512 * 1024
"""Of an answer. A list of keys has some 5 KB, a person with a thousand groups some 50 KB."""
AT_ONCE = 3
"""Requests to the provider that run at one time: `serve` has eight threads, and a provider that is
silent must leave some for searches."""


class Unreachable(Exception):
    """No answer came, or none that can be used at this moment. The text names no secret."""


class Refused(Exception):
    """The provider answered with an error. `code` is one that OAuth 2.0 knows, else «»."""

    def __init__(self, code: str) -> None:
        super().__init__(code or "an error")
        self.code = code


class Busy(Exception):
    """As many requests run as may."""


class _Answer(requests.exceptions.RequestException):
    """An answer that is too long, or packed though nobody asked for that."""


class _BoundedAdapter(DeadlineAdapter):
    """Reads the whole answer, within its bounds, before anybody looks at it."""

    def send(self, request: requests.PreparedRequest, *args: Any, **more: Any) -> requests.Response:
        """As the base class, but that the body is there."""
        more["stream"] = True
        response = super().send(request, *args, **more)
        try:
            with answer_read(response.raw):
                body = response.raw.read(MAX_BYTES + 1, decode_content=False)
        finally:
            response.raw.close()
        if len(body) > MAX_BYTES:
            raise _Answer("the answer is too long")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise _Answer("the answer is packed")
        # requests works out the target of a redirect even where it may not follow.
        response.headers.pop("Location", None)
        response.raw = BytesIO(body)
        return response


class _Bearer(AuthBase):
    """Shows an access token. As an `auth`, so that no .netrc can replace it."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


@dataclass(frozen=True, slots=True)
class Client:
    """This program, as the provider knows it."""

    client_id: str
    client_secret: str | None = field(repr=False)
    scopes: str


class Transport:
    """Sends requests to one provider. Safe to share between threads."""

    def __init__(self, client: Client, host: str) -> None:
        self.client = client
        # The proxy and the CA bundle that the environment names are the company's own. There is no
        # proxy between this machine and itself.
        self._trust_env = not is_loopback(host)
        self._places = BoundedSemaphore(AT_ONCE)

    def get(self, url: str, access_token: str | None = None) -> Mapping[str, Any]:
        """The JSON object at an address. Raises `Unreachable`, `Refused` (401, 403), `Busy`."""

        def ask(session: OAuth2Session) -> Mapping[str, Any]:
            auth = _Bearer(access_token) if access_token else _nothing
            answer = session.get(url, auth=auth, allow_redirects=False)
            if access_token and answer.status_code in (401, 403):
                raise Refused("invalid_token")
            if answer.status_code != 200:
                raise Unreachable(f"{_where(url)} answered {answer.status_code}")
            return _object(answer.json(), url)

        return self._asked(url, "none", ask)

    def token(self, url: str, method: str, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        """What the token endpoint at `url` gives. `method` is how the client shows its secret;
        `parameters` have the `grant_type`. Raises as `get` does."""

        def ask(session: OAuth2Session) -> Mapping[str, Any]:
            return _object(session.fetch_token(url, allow_redirects=False, **parameters), url)

        return self._asked(url, method, ask)

    def _asked(self, url: str, method: str, ask: Callable[[OAuth2Session], T]) -> T:
        try:
            with self._place(), self._session(method) as session:
                return ask(session)
        except AuthlibBaseError as error:
            raise Refused(known_error(error.error)) from None
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            OSError,
            ValueError,  # no JSON
            RecursionError,  # JSON that is nested without end
            TypeError,  # fields of other types than they have
        ) as error:
            # Without the error as cause: its text may have the answer in it.
            raise Unreachable(f"{_where(url)}: {type(error).__name__}") from None

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise Busy
        try:
            yield
        finally:
            self._places.release()

    @contextmanager
    def _session(self, method: str) -> Iterator[OAuth2Session]:
        client = self.client
        with OAuth2Session(
            client.client_id,
            client.client_secret,
            token_endpoint_auth_method=method,
            default_timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
        ) as session:
            for scheme in ("http://", "https://"):
                session.mount(scheme, _BoundedAdapter(ANSWER_SECONDS))
            session.trust_env = self._trust_env
            session.headers.update(
                {
                    "User-Agent": f"kchat-search/{__version__}",
                    "Accept": "application/json",
                    "Accept-Encoding": "identity",
                }
            )
            yield session


def _nothing(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


_ERRORS = frozenset(
    {
        "access_denied", "invalid_client", "invalid_grant", "invalid_request", "invalid_scope",
        "unauthorized_client", "unsupported_grant_type", "unsupported_response_type",
        "server_error", "temporarily_unavailable", "interaction_required", "login_required",
        "account_selection_required", "consent_required", "registration_not_supported",
    }
)  # fmt: skip
"""RFC 6749, sections 4.1.2.1 and 5.2; OpenID Connect Core 1.0, section 3.1.2.6."""


def known_error(code: object) -> str:
    """An error's code if OAuth 2.0 or OpenID Connect has it, else «»: so nothing that a provider,
    or whoever poses as one, writes itself reaches a page or a log."""
    return code if isinstance(code, str) and code in _ERRORS else ""


def _object(answer: object, url: str) -> Mapping[str, Any]:
    if not isinstance(answer, dict):
        raise Unreachable(f"{_where(url)} answered with something else than a JSON object")
    return answer


def _where(url: str) -> str:
    """An address without its query, for the log."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"
