"""Addresses in settings: of hosts, networks and sites."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from kchat_search.hosts import host_of, is_loopback

# What no address contains does not match: blanks, backslashes, brackets without an address.
NETLOC = re.compile(r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?")
OWN_PORTS = {"https": ":443", "http": ":80"}


def networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Read what is divided by commas. Raises `ValueError` for what is no address and no network."""
    found = []
    for part in text.replace(",", " ").split():
        try:
            network = ip_network(part, strict=False)
        except ValueError:
            raise ValueError(f"has «{part}», which is no address and no network") from None
        if "/" in part and network.network_address != ip_address(part.partition("/")[0]):
            raise ValueError(f"has «{part}», which is no network: write {network}")
        found.append(network)
    return tuple(found)


def origins(text: str) -> tuple[str, ...]:
    """Read what is divided by commas: each site once, without its default port. They stand in a
    header, so nothing else passes. Raises `ValueError` for what is no origin."""
    found = []
    for part in text.replace(",", " ").split():
        parts = urlsplit(part.lower())
        if parts.scheme not in OWN_PORTS or host_of(parts.netloc) is None:
            raise ValueError(f"has «{part}», which does not look like https://host")
        if parts.path.rstrip("/") or parts.query or parts.fragment:
            raise ValueError(f"has «{part}»: write https://host alone, without a path")
        if parts.scheme == "http" and not is_loopback(str(parts.hostname)):
            raise ValueError(f"has «{part}», which must be https: anybody could change the images")
        found.append(f"{parts.scheme}://{parts.netloc.removesuffix(OWN_PORTS[parts.scheme])}")
    return tuple(dict.fromkeys(found))
