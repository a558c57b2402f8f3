"""What is wrong with a connection, in one sentence for a person.

The libraries' errors wrap one another, and their texts show objects («Plain(host=...)»). So the
innermost reason is looked for, and said in our own words.

Invariant: no text of a library's own error is repeated, only what the system says (`strerror`),
what TLS says, and the status with which a proxy refused.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
import urllib3

_NO_WAY = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN}
_TUNNEL = re.compile(r"Tunnel connection failed: ([0-9]{3} [A-Za-z ]{0,60})")


@dataclass(frozen=True, slots=True)
class ConnectionProblem:
    """Why there was no answer."""

    text: str
    """One sentence; it names the address and what to check."""
    at_all: bool
    """No connection came about, so no other request will have one."""
    cause: str
    """The same in one word, as `KchatError.cause`."""


def problem_of(
    error: BaseException, address: str, setting: str, timeout: float
) -> ConnectionProblem:
    """The problem that an error of requests, urllib3 or the system means.

    `address` is `https://host`, `setting` is where it comes from, `timeout` is in seconds.
    """
    causes = list(_causes(error))
    for name, kinds, words in _NO_CONNECTION:
        cause = _first(causes, *kinds)
        if cause is not None:
            text = words.format(
                address=address,
                host=urlsplit(address).hostname or address,
                setting=setting,
                timeout=timeout,
                system=_system_reason(cause),
                tls=_tls_reason(cause),
                proxy=_proxy_reason(causes),
            )
            return ConnectionProblem(f"Kchat can't be reached at {text}.", at_all=True, cause=name)
    system = _first(causes, OSError)
    if isinstance(system, OSError) and system.errno in _NO_WAY:
        text = (
            f"Kchat can't be reached at {address}: there is no way to it ({system.strerror}); "
            f"check this machine's network, and {setting}."
        )
        return ConnectionProblem(text, at_all=True, cause="network")
    if any(map(_is_timeout, causes)):
        text = f"There was no answer from {address} within {timeout:g} s."
        return ConnectionProblem(text, at_all=False, cause="time-out")
    reason = _system_reason(system)
    text = (
        f"Kchat can't be reached at {address}: the connection was closed or broken before the "
        f"answer was complete ({reason}); check {setting}, and the network."
    )
    return ConnectionProblem(text, at_all=False, cause="broken")


_NO_CONNECTION: tuple[tuple[str, tuple[type[BaseException], ...], str], ...] = (
    (
        "proxy",
        (requests.exceptions.ProxyError, urllib3.exceptions.ProxyError),
        (
            "{address}: the proxy that the environment names failed ({proxy}); check HTTPS_PROXY, "
            "HTTP_PROXY and NO_PROXY"
        ),
    ),
    (
        "name",
        (socket.gaierror, UnicodeError),
        (
            "{address}: the name {host} can't be looked up ({system}); check {setting}, and this "
            "machine's network"
        ),
    ),
    (
        "tls",
        (ssl.SSLError,),
        (
            "{address}: TLS failed ({tls}); check {setting}, and for a company's own certificates "
            "REQUESTS_CA_BUNDLE"
        ),
    ),
    (
        "time-out",
        (requests.exceptions.ConnectTimeout,),
        (
            "{address}: no connection came about in time; check {setting}, and this machine's "
            "network, firewall and proxy"
        ),
    ),
    (
        "connection",
        (ConnectionRefusedError,),
        "{address}: the connection was refused; check {setting}, and the port in it",
    ),
)
"""Where no connection came about: the cause in one word, its kinds of errors, and the words for it.
The first that fits counts."""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it wraps, outermost first."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]


def _first(causes: list[BaseException], *kinds: type[BaseException]) -> BaseException | None:
    """The innermost of these kinds."""
    return next((cause for cause in reversed(causes) if isinstance(cause, kinds)), None)


def _is_timeout(error: BaseException) -> bool:
    # For old callers of urllib3, a connection that could not be made is a time-out, too.
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return False
    kinds = (requests.Timeout, TimeoutError, urllib3.exceptions.TimeoutError)
    return isinstance(error, kinds)


def _system_reason(error: BaseException | None) -> str:
    """What the system says about it."""
    text = getattr(error, "strerror", None)
    return text if isinstance(text, str) and text and "object at" not in text else "no reason given"


def _tls_reason(error: BaseException) -> str:
    text = getattr(error, "verify_message", None) or getattr(error, "reason", None)
    if text == "WRONG_VERSION_NUMBER":
        return "the server does not speak TLS on this port"
    return str(text).replace("_", " ").lower() if isinstance(text, str) else "no reason given"


def _proxy_reason(causes: list[BaseException]) -> str:
    for cause in causes:
        refused = _TUNNEL.search(str(cause)) if isinstance(cause, OSError) else None
        if refused:
            return f"it answered {refused[1].strip()}"
    system = next(
        (one for one in reversed(causes) if isinstance(one, OSError) and one.strerror), None
    )
    return _system_reason(system)
