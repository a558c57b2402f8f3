"""What trusted proxies say of a request: the client's address, the scheme and the host.

Headers such as `X-Forwarded-For` say nothing by themselves: whoever asks can send them. They count
where the request comes from an address in `KCHAT_TRUSTED_PROXIES`, and nowhere else. A proxy adds
its client at the right end of the list, and passes on what stood there before; so the list is read
from the right, and the first address that is no trusted proxy is the client.

A proxy that writes only one of `X-Forwarded-For` and `Forwarded` (RFC 7239) passes on what a client
has written into the other. So where both are there and differ, the request is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from kchat_search.models.people import Entrance

Networks: TypeAlias = tuple[IPv4Network | IPv6Network, ...]
_KEY = "kchat_search.client"
_SCHEMES = ("http", "https")
_PORTS = {"http": ":80", "https": ":443"}


@dataclass(frozen=True, slots=True)
class Client:
    """Who sends a request, as far as can be known."""

    address: str
    """As trusted proxies tell it; «» where nothing tells it, as over a Unix socket."""
    by_proxy: bool
    """It came through a trusted proxy."""
    contradictory: bool = False
    """The forwarding headers contradict each other."""


def client_of(environ: Mapping[str, Any]) -> Client:
    """The client of a request that came through `forwarded`."""
    found = environ.get(_KEY)
    return (
        found if isinstance(found, Client) else Client(str(environ.get("REMOTE_ADDR") or ""), False)
    )


def forwarded(app: WSGIApplication, entrance: Entrance) -> WSGIApplication:
    """`app`, where the environment says what the client sent, not what the proxy sent: its scheme
    and its host. The header fields stay as they are."""

    def seen(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        read(environ, entrance)
        return app(environ, start_response)

    return seen


def read(environ: dict[str, Any], entrance: Entrance) -> None:
    """Put what the client sent into the environment of a request (PEP 3333): its scheme and its
    host, and for `client_of` who it is."""
    peer = _address(str(environ.get("REMOTE_ADDR") or ""))
    if peer is None or not is_trusted(peer, entrance.trusted_proxies):
        environ[_KEY] = Client(
            str(environ.get("REMOTE_ADDR") or "") if peer is None else str(peer), False
        )
    else:
        told = _Told.read(environ)
        environ[_KEY] = Client(
            str(_first_untrusted(peer, told.chain, entrance.trusted_proxies)),
            True,
            told.contradictory,
        )
        if told.host:
            environ["HTTP_HOST"] = told.host
        if told.scheme:
            environ["wsgi.url_scheme"] = told.scheme
    if entrance.public_url is not None:
        public = urlsplit(entrance.public_url)
        if same_host(str(environ.get("HTTP_HOST") or ""), entrance.public_url):
            environ["wsgi.url_scheme"] = public.scheme
            environ["HTTP_HOST"] = public.netloc


def same_host(host: str, public_url: str) -> bool:
    """Does this `Host` name the host of `public_url`? The scheme's own port may be left out."""
    public = urlsplit(public_url)
    return host.lower().removesuffix(_PORTS[public.scheme]) == public.netloc


@dataclass(frozen=True, slots=True)
class _Told:
    """What forwarding headers say."""

    chain: tuple[str, ...]
    """Addresses, the last proxy's client at the end."""
    scheme: str | None
    host: str | None
    contradictory: bool

    @classmethod
    def read(cls, environ: Mapping[str, Any]) -> _Told:
        older = _list(environ, "HTTP_X_FORWARDED_FOR")
        elements = [
            _parameters(one) for one in _split(str(environ.get("HTTP_FORWARDED") or ""), ",")
        ]
        newer = tuple(one.get("for", "") for one in elements)
        last = elements[-1] if elements else {}
        schemes = [*_list(environ, "HTTP_X_FORWARDED_PROTO")[-1:], last.get("proto", "")]
        hosts = [*_list(environ, "HTTP_X_FORWARDED_HOST")[-1:], last.get("host", "")]
        scheme, host = _one(schemes, str.lower), _one(hosts, str.lower)
        differ = bool(older and newer) and _node(older[-1]) != _node(newer[-1])
        return cls(
            chain=older or newer,
            scheme=scheme if scheme in _SCHEMES else None,
            host=host,
            contradictory=differ or None in (scheme, host),
        )


def _one(said: list[str], fold: Callable[[str], str]) -> str | None:
    """The one value that all say who say something; «» if nobody does; None if they differ."""
    values = {fold(value) for value in said if value}
    return None if len(values) > 1 else next(iter(values), "")


def _list(environ: Mapping[str, Any], key: str) -> tuple[str, ...]:
    text = str(environ.get(key) or "")
    return tuple(part.strip() for part in text.split(",")) if text else ()


def _parameters(element: str) -> dict[str, str]:
    """`for=…;proto=…;host=…`. Names in lower case; quotes are removed."""
    found: dict[str, str] = {}
    for pair in _split(element, ";"):
        name, equals, value = pair.partition("=")
        if equals:
            found.setdefault(name.strip().lower(), _unquoted(value.strip()))
    return found


def _split(text: str, sign: str) -> Iterator[str]:
    """The parts of a text between signs that don't stand in quotes."""
    part: list[str] = []
    quoted = escaped = False
    for character in text:
        if character == sign and not quoted:
            yield "".join(part)
            part = []
            continue
        if escaped:
            escaped = False
        elif character == "\\" and quoted:
            escaped = True
        elif character == '"':
            quoted = not quoted
        part.append(character)
    if part or text:
        yield "".join(part)


def _unquoted(value: str) -> str:
    if len(value) < 2 or not (value.startswith('"') and value.endswith('"')):
        return value
    return value[1:-1].replace("\\", "")


def _first_untrusted(
    peer: IPv4Address | IPv6Address, chain: tuple[str, ...], trusted: Networks
) -> IPv4Address | IPv6Address:
    """From the right: the first that is no trusted proxy. What is no address (`unknown`, `_name`)
    ends the list: the one right of it is the last that is known."""
    known = peer
    for text in reversed(chain):
        node = _node(text)
        if node is None:
            break
        known = node
        if not is_trusted(node, trusted):
            break
    return known


def is_proxy(address: str, trusted: Networks) -> bool:
    """Is this the address of a trusted proxy?"""
    known = _address(address)
    return known is not None and is_trusted(known, trusted)


def is_trusted(address: IPv4Address | IPv6Address, trusted: Networks) -> bool:
    """Is this a proxy whose headers count?"""
    return any(address in network for network in trusted)


def _node(text: str) -> IPv4Address | IPv6Address | None:
    """The address in `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`."""
    if text.startswith("["):
        return _address(text[1:].partition("]")[0])
    return _address(text.partition(":")[0] if text.count(":") == 1 else text)


@lru_cache(maxsize=256)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An address; one of IPv4 that is written as one of IPv6 is that of IPv4."""
    if "%" in text:
        return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
