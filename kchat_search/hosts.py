"""Hosts in addresses: which of them mean this machine, and how they are written."""

from __future__ import annotations

import string
from ipaddress import ip_address

_NAME_CHARACTERS = frozenset(string.ascii_letters + string.digits + "-.")
_DIGITS = frozenset(string.digits)
_LONGEST_HOST = 255


def is_loopback(host: str) -> bool:
    """Does this name or address mean this machine and no other?

    The only name is `localhost`, because any other may be resolved to anything. An address counts
    as it is written in full: 127.1, 0x7f000001 and 2130706433 do not.
    """
    name = host.removeprefix("[").removesuffix("]").lower()
    if name == "localhost":
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    if getattr(address, "scope_id", None):  # it would not be an address in a link
        return False
    # A socket for IPv4 and IPv6 shows 127.0.0.1 as ::ffff:127.0.0.1. Python 3.11 and 3.13 differ
    # in whether they call that a loopback address.
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def host_of(authority: str) -> str | None:
    """The host of `host` or `host:port` (RFC 3986, section 3.2), or None if it is neither.

    A name has ASCII letters, digits, hyphens and dots, at most 255. An IPv6 address stands in
    brackets; they are part of the answer. The port is 1 to 65535, without leading zeros.
    """
    if authority.startswith("["):
        inside, bracket, rest = authority.partition("]")
        host = inside + bracket
        if not bracket or not _is_ipv6(inside[1:]):
            return None
    else:
        name, colon, port = authority.partition(":")
        host, rest = name, colon + port
        if not 1 <= len(name) <= _LONGEST_HOST or not _NAME_CHARACTERS.issuperset(name):
            return None
    return host if not rest or (rest[0] == ":" and _is_port(rest[1:])) else None


def http_url(host: str, port: int) -> str:
    """`http://host:port/`; an IPv6 address stands in brackets."""
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _is_ipv6(text: str) -> bool:
    try:
        return ":" in text and "%" not in text and ip_address(text).version == 6
    except ValueError:
        return False


def _is_port(text: str) -> bool:
    return (
        1 <= len(text) <= 5 and _DIGITS.issuperset(text) and text[0] != "0" and int(text) <= 65_535
    )
