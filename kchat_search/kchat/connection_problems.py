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
    name: bool = False
    """The name can't be looked up."""


def problem_of(
    error: BaseException, address: str, setting: str, timeout: float
) -> ConnectionProblem:
    """The problem that an error of requests, urllib3 or the system means.

    `address` is `https://host`, `setting` is where it comes from, `timeout` is in seconds.
    """
    causes = list(_causes(error))
    for kinds, words in _NO_CONNECTION:
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
            is_name = kinds is _NAME
            return ConnectionProblem(
                f"Kchat can't be reached at {text}.", at_all=True, name=is_name
            )
    system = _first(causes, OSError)
    if isinstance(system, OSError) and system.errno in _NO_WAY:
        text = (
            f"Kchat can't be reached at {address}: there is no way to it ({system.strerror}); "
            f"check this machine's network, and {setting}."
        )
        return ConnectionProblem(text, at_all=True)
    if any(map(_is_timeout, causes)):
        text = f"There was no answer from {address} within {timeout:g} s."
        return ConnectionProblem(text, at_all=False)
    reason = _system_reason(system)
    text = (
        f"Kchat can't be reached at {address}: the connection was closed or broken before the "
        f"answer was complete ({reason}); check {setting}, and the network."
    )
    return ConnectionProblem(text, at_all=False)


_NAME = (socket.gaierror, UnicodeError)
_NO_CONNECTION: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    (
        (requests.exceptions.ProxyError, urllib3.exceptions.ProxyError),
        (
            "{address}: the proxy that the environment names failed ({proxy}); check HTTPS_PROXY, "
            "HTTP_PROXY and NO_PROXY"
        ),
    ),
    (
        _NAME,
        (
            "{address}: the name {host} can't be looked up ({system}); check {setting}, and this "
            "machine's network"
        ),
    ),
    (
        (ssl.SSLError,),
        (
            "{address}: TLS failed ({tls}); check {setting}, and for a company's own certificates "
            "REQUESTS_CA_BUNDLE"
        ),
    ),
    (
        (requests.exceptions.ConnectTimeout,),
        (
            "{address}: no connection came about in time; check {setting}, and this machine's "
            "network, firewall and proxy"
        ),
    ),
    (
        (ConnectionRefusedError,),
        "{address}: the connection was refused; check {setting}, and the port in it",
    ),
)
"""Kinds of errors where no connection came about, the first that fits, and the words for each."""


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
