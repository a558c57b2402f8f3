"""GET a JSON answer from Kchat: credentials, time-outs, limits, retries, clear errors.

Invariants:

- The credentials are sent to the configured host only. No redirect is followed.
- Neither the credentials nor any header appear in an error, a log or a repr.
- Every request ends, whatever the server does.
- Only a complete JSON answer is passed on, and only one within the bounds of `answer_limits`.
- No cookie is kept or sent.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from http.cookiejar import DefaultCookiePolicy
from threading import Lock
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from kchat_search import __version__
from kchat_search.answer_deadline import DeadlineAdapter, answer_read
from kchat_search.errors import (
    KchatBadAnswer,
    KchatBusy,
    KchatError,
    KchatNotFound,
    KchatRefused,
    KchatUnreachable,
)
from kchat_search.hosts import is_loopback
from kchat_search.kchat.account import Account
from kchat_search.kchat.answer_limits import HEAVY_BYTES, HEAVY_VALUES, Unpacking, amount, first_id
from kchat_search.kchat.connection_problems import problem_of
from kchat_search.kchat.json_codec import decode, excerpt
from kchat_search.kchat.throttle import MAX_PAUSE, MAX_WAIT, Series, Throttle, backoff, retry_after

T = TypeVar("T")

_ERROR_BODY = 64 * 1024
"""Bytes of an error's body that are read."""
_CHUNK = 64 * 1024
"""Bytes."""
FIRST_CONTACT = 5.0
"""Seconds. Until Kchat has answered once, no request is repeated for longer than this: the address
may be wrong, and somebody waits for the answer."""
_FIRST_CONNECTION = 10.0
"""Seconds. Until then, no connection is waited for longer than this."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Timing:
    """How the transport waits. `clock` and `sleep` are in seconds, `random` gives 0 to 1."""

    sleep: Callable[[float], None]
    clock: Callable[[], float]
    now: Callable[[], datetime]
    """The present time, aware, for a Retry-After that is a date."""
    random: Callable[[], float]


class _RetryableFailure(Exception):
    """This attempt failed, and another may succeed. `error` is raised after the last attempt.

    `wait_seconds` is what Kchat asked for. `pause_all` says that all threads must wait.
    `no_connection`: none came about. `no_name`: because the name can't be looked up.
    """

    def __init__(
        self,
        error: KchatError,
        wait_seconds: float | None = None,
        *,
        pause_all: bool = False,
        no_connection: bool = False,
        no_name: bool = False,
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait_seconds = wait_seconds
        self.pause_all = pause_all
        self.no_connection = no_connection
        self.no_name = no_name


class _Session(requests.Session):
    """A session that does not compute the target of a redirect. requests computes it even where it
    may not follow, and fails at invalid addresses."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002
        return None


class Transport:
    """Sends GET requests to one Kchat account. Safe to share between threads.

    Two threads never use one session at the same time. A thread that ends leaves its connection to
    the next. The arguments are those of `KchatClient`.
    """

    def __init__(
        self,
        base_url: str,
        user: str,
        secret: str,
        *,
        timeout: float,
        deadline: float,
        retries: int,
        max_body: int,
        per_minute: int | None,
        timing: Timing,
        setting: str,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._setting = setting
        self._reached = False
        self._series = Series()
        self._account = Account(user, secret)
        self._timeout = timeout
        self._deadline = deadline
        self._attempts = retries + 1
        self._max_body = max_body
        self._timing = timing
        self._throttle = Throttle(timing.clock, timing.sleep, per_minute)
        self._heavy = Lock()  # held while a heavy answer is read
        self._lock = Lock()
        self._idle: list[requests.Session] = []
        self._retried = 0

    @property
    def retried(self) -> int:
        """How many requests were repeated so far."""
        with self._lock:
            return self._retried

    def close(self) -> None:
        """Close the idle connections. The transport may be used again."""
        with self._lock:
            idle, self._idle = self._idle, []
        for session in idle:
            session.close()

    def get(
        self,
        path: str,
        params: Mapping[str, str],
        read: Callable[[object], T],
        *,
        none_statuses: Collection[int] = (),
    ) -> T | None:
        """Send the request, and return what `read` makes of the JSON answer. None where the HTTP
        status is one of `none_statuses`. `read` may raise `KchatBadAnswer`.

        `path` begins with «/»; `params` are those of the query string. Raises
        `KchatUnreachable`, `KchatRefused`, `KchatNotFound`, `KchatBusy`, `KchatBadAnswer`.
        """
        began = self._timing.clock()
        for attempt in range(self._attempts):
            left = self._throttle.pause_left()
            if left > MAX_WAIT:
                raise KchatBusy(f"Kchat asked for a pause; {left:.0f} s of it are left.").because(
                    "pause"
                )
            self._throttle.wait()
            try:
                answer = self._attempt(path, params, read, none_statuses)
            except _RetryableFailure as failure:
                seconds = max(failure.wait_seconds or 0.0, backoff(attempt, self._timing.random))
                last = attempt + 1 == self._attempts or self._in_vain(failure, began, seconds)
                self._wait_before_retry(failure, seconds, path, last=last)
                if last:
                    raise failure.error from failure.__cause__
            else:
                self._reached = True
                return answer
        raise AssertionError("the last attempt returns or raises")

    def _in_vain(self, failure: _RetryableFailure, began: float, seconds: float) -> bool:
        """Should a request not be repeated, because Kchat never answered? One that asks to come
        later is Kchat. `began` is a time of the clock; `seconds` would be waited."""
        if self._reached or isinstance(failure.error, KchatBusy):
            return False
        if isinstance(failure.error, KchatUnreachable):
            failure.error.no_contact = failure.no_connection
        return failure.no_name or self._timing.clock() - began + seconds > FIRST_CONTACT

    def _wait_before_retry(
        self, failure: _RetryableFailure, seconds: float, path: str, *, last: bool
    ) -> None:
        """Wait, or make all threads wait, before the next attempt, and never less than Kchat asked
        for."""
        if failure.pause_all:
            self._throttle.pause(seconds)
        if last:
            return
        with self._lock:
            self._retried += 1
            count, due = self._series.one_more(self._timing.clock())
        # Before the first contact, the error itself says all.
        level = logging.WARNING if due and self._reached else logging.DEBUG
        text = "Kchat is asked again (%d retries so far) in %.1f s. %s: %s"
        _log.log(level, text, count, seconds, path, failure.error, extra={"retries": count})
        if not failure.pause_all:
            self._timing.sleep(seconds)

    def _attempt(
        self,
        path: str,
        params: Mapping[str, str],
        read: Callable[[object], T],
        none_statuses: Collection[int],
    ) -> T | None:
        status, headers, body = self._send(path, params)
        if status in none_statuses:
            return None
        if not 200 <= status < 300:
            raise self._error_for_status(status, path, headers, body)
        size = amount(body)
        if size.too_much:
            raise self._too_large(f"{path}: the answer {size.too_much}", body)
        heavy = len(body) > HEAVY_BYTES or size.values > HEAVY_VALUES
        # Reading takes many times the memory of the body, so only one heavy answer is read at once.
        with self._heavy if heavy else nullcontext():
            begin = bytes(body[:_ERROR_BODY])
            try:
                answer = decode(body)
            except ValueError as error:
                problem, cause = f"no JSON ({error})", ""
                if begin.lstrip()[:1] == b"<":
                    problem = f"a web page in place of JSON (check {self._setting})"
                    cause = "page"
                bad = self._bad_answer(path, problem, begin).because(cause)
                raise _RetryableFailure(bad) from error
            body.clear()
            try:
                return read(answer)
            except KchatBadAnswer as error:
                raise _RetryableFailure(self._bad_answer(path, str(error), begin)) from error

    def _bad_answer(self, path: str, problem: str, body: bytes) -> KchatBadAnswer:
        begin = self._body_excerpt(body)
        return KchatBadAnswer(
            f"{self.base_url}{path}: {self._masked_line(problem)}; the answer begins: {begin}"
        )

    def _too_large(self, problem: str, body: bytes | bytearray) -> KchatBadAnswer:
        error = KchatBadAnswer(
            f"{problem}: set a lower KCHAT_PER_PAGE; the answer begins: {self._body_excerpt(body)}"
        )
        error.retry, error.too_large, error.first_id = False, True, first_id(body)
        return error

    def _send(
        self, path: str, params: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytearray]:
        """Status, headers and body of one attempt. Raises `_RetryableFailure` or
        `KchatUnreachable`."""
        until = self._timing.clock() + self._deadline
        try:
            with (
                self._session() as session,
                session.get(
                    self.base_url + path,
                    params=dict(params),
                    timeout=(self._connect_timeout(), self._timeout),
                    stream=True,
                    allow_redirects=False,
                ) as response,
            ):
                with answer_read(response.raw):
                    body = self._read_body(response, until)
                return response.status_code, response.headers, body
        except (requests.exceptions.InvalidURL, urllib3.exceptions.LocationParseError) as error:
            raise KchatUnreachable(
                f"{self.base_url} is not a valid address: check {self._setting}"
            ).because("address") from error
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            problem = problem_of(error, self.base_url, self._setting, self._timeout)
            raise _RetryableFailure(
                KchatUnreachable(self._account.masked(problem.text)).because(problem.cause),
                no_connection=problem.at_all,
                no_name=problem.cause == "name",
            ) from error

    def _connect_timeout(self) -> float:
        return self._timeout if self._reached else min(self._timeout, _FIRST_CONNECTION)

    @contextmanager
    def _session(self) -> Iterator[requests.Session]:
        with self._lock:
            session = self._idle.pop() if self._idle else None
        session = session or self._new_session()
        try:
            yield session
        finally:
            with self._lock:
                self._idle.append(session)

    def _new_session(self) -> requests.Session:
        session = _Session()
        for scheme in ("http://", "https://"):
            session.mount(scheme, DeadlineAdapter(self._timeout + self._deadline))
        session.auth = self._account  # set here, so that no .netrc can replace it
        session.headers.update(
            {
                "User-Agent": f"kchat-search/{__version__}",
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
            }
        )
        # Basic auth needs no session at Kchat. A cookie would only be a way to be recognised.
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # Use the proxy and the CA bundle that the environment names: they are the company's own.
        # There is no proxy between this machine and itself.
        session.trust_env = not is_loopback(urlsplit(self.base_url).hostname or "")
        return session

    def _read_body(self, response: requests.Response, until: float) -> bytearray:
        """The unpacked body. Of an error's body, only the beginning. `until` is a time of the
        clock."""
        accepted = 200 <= response.status_code < 300
        try:
            unpacking = Unpacking(
                response.headers.get("Content-Encoding", ""),
                self._max_body if accepted else _ERROR_BODY,
            )
            # read1 returns what has arrived. read and iter_content wait until a chunk is full. A
            # server that sends a byte now and then could make that endless. urllib3 does not
            # unpack, because it would unpack whatever it can, and five times over.
            while piece := response.raw.read1(_CHUNK, decode_content=False):
                unpacking.add(piece)
                if unpacking.too_long:
                    break
                if self._timing.clock() > until:
                    text = f"{self.base_url} did not finish its answer within {self._deadline:g} s"
                    raise _RetryableFailure(KchatUnreachable(text).because("time-out"))
        except (ValueError, zlib.error) as error:
            if not accepted:
                return bytearray()
            text = f"the answer of {self.base_url} can't be unpacked: {error}"
            raise _RetryableFailure(KchatUnreachable(text)) from error
        if accepted and unpacking.too_long:
            problem = f"the answer is longer than {self._max_body:,} bytes"
            raise self._too_large(problem, unpacking.body)
        if accepted and unpacking.cut_short:
            raise _RetryableFailure(KchatUnreachable(f"the answer of {self.base_url} is cut short"))
        return unpacking.body

    def _error_for_status(
        self, status: int, path: str, headers: Mapping[str, str], body: bytes | bytearray
    ) -> KchatError | _RetryableFailure:
        """The error that the status of an answer means, or a failure that may be retried."""
        summary = f"{self.base_url}{path} answered {status}: {self._body_excerpt(body)}"
        if status == 401:
            return KchatRefused(
                "Kchat refused the e-mail or the token: check KCHAT_EMAIL and KCHAT_API_TOKEN "
                f"(or KCHAT_PASSWORD), and that the account allows the API. {summary}"
            ).because("401")
        if status == 403:
            return KchatRefused(
                "Kchat refused the permission: the account of KCHAT_EMAIL must be an agent "
                f"(permission «agent»). {summary}"
            ).because("403")
        if status in (404, 410):
            return KchatNotFound(
                "Kchat has no such chat or path. If every request fails like this, check "
                f"{self._setting}, and KCHAT_CHATS_PATH. {summary}"
            ).because("404")
        if 300 <= status < 400:
            return self._redirect_error(status, path, headers.get("Location", ""))
        if status == 429 or status >= 500:
            return self._busy_error(summary, status, headers)
        error = KchatBadAnswer(f"Kchat did not accept the request: {summary}")
        error.retry, error.status = False, status
        return error

    def _busy_error(
        self, summary: str, status: int, headers: Mapping[str, str]
    ) -> KchatError | _RetryableFailure:
        wait_seconds = retry_after(headers.get("Retry-After"), self._timing.now())
        if wait_seconds is not None and wait_seconds > MAX_WAIT:
            self._throttle.pause(min(wait_seconds, MAX_PAUSE))
            return KchatBusy(f"Kchat asks for a pause of {wait_seconds:.0f} s. {summary}").because(
                "pause"
            )
        pause_all = status == 429 or wait_seconds is not None
        return _RetryableFailure(
            KchatBusy(f"Kchat is busy. {summary}"), wait_seconds, pause_all=pause_all
        )

    def _redirect_error(self, status: int, path: str, location: str) -> KchatError:
        try:
            target = urlsplit(urljoin(self.base_url + path, location))
            address = f"{target.scheme}://{target.netloc.rpartition('@')[2]}{target.path}"
        except ValueError:
            address = "an invalid address"
        error = KchatBadAnswer(
            f"{self.base_url}{path} answered {status}, a redirect to "
            f"{self._masked_line(address)}, which was not followed. Set KCHAT_BASE_URL "
            "(or KCHAT_SUBDOMAIN) to the account's own address, and "
            "KCHAT_CHATS_PATH to a path that it has."
        )
        error.retry = False
        return error.because("redirect")

    def _body_excerpt(self, body: bytes | bytearray) -> str:
        return self._masked_line(body[:_ERROR_BODY].decode("utf-8", "replace")) or "(nothing)"

    def _masked_line(self, text: str) -> str:
        """One printable line. Secrets are masked before the line is cut; else half a secret might
        show."""
        return excerpt(self._account.masked(text))
