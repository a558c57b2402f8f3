"""The web server of `serve` and of `demo`: the pages and the API, on this machine alone."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from types import FrameType
from typing import Any, NoReturn

import click
import waitress

from kchat_search import logs
from kchat_search.cli.parent import Parent
from kchat_search.composition import make_service
from kchat_search.config import Settings, from_json
from kchat_search.errors import SettingsError
from kchat_search.hosts import http_url, is_loopback
from kchat_search.models.reports import Alert
from kchat_search.service import Service
from kchat_search.web import create_app

_THREADS = 8
_STALLED_MILLISECONDS = 600_000


def check_address(host: str) -> None:
    """Raises `SettingsError` for an address that other machines can reach: until there is a log-in,
    only this machine may read."""
    if not is_loopback(host):
        raise SettingsError(
            f"KCHAT_HOST={host} would show the conversations to everybody who can reach this "
            "machine, since no users are defined yet. Use 127.0.0.1 (and, from elsewhere, an SSH "
            "tunnel)."
        )


def run(parent: Parent) -> None:
    """Be the web server below `serve`: its settings, without an account, come from the parent, and
    so does what is wrong with the indexer. Ends with the parent.

    Raises as `make_service` and `serve_web` do.
    """
    settings = from_json(parent.first_line(), Settings)
    logs.setup(settings.log_level, settings.log_format)
    told: list[Alert | None] = [None]

    def hear(said: Mapping[str, Any] | None) -> None:
        told[0] = None if said is None else Alert.from_json(said)

    parent.follow(hear)
    with closing(make_service(settings)) as service:
        serve_web(
            replace(service, told=lambda: told[0]),
            settings.host,
            settings.port,
            _announce_demo if settings.demo else _announce,
        )


def _announce(address: str) -> None:
    click.echo(f"Open {address}")


def _announce_demo(address: str) -> None:
    click.echo(f"\nOpen {address}    (Ctrl-C ends the demo)\n")


def serve_web(service: Service, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve the pages and the API until the process is told to stop. `ready` is called with the
    address once it can be opened. Raises `SettingsError` where the address can't be used."""
    check_address(host)
    service.warm()
    sockets: dict[int, Any] = {}
    try:
        server = waitress.create_server(
            create_app(service),
            sockets,
            host=host,
            port=port,
            threads=_THREADS,
            ident=None,
            # The guard refuses requests that came through a proxy, so it must see these headers.
            clear_untrusted_proxy_headers=False,
        )
    except OSError as error:
        raise SettingsError(
            f"Port {port} on {host} can't be used ({error.strerror or error}): choose another with "
            "--port or KCHAT_PORT."
        ) from error
    drop_stalled_connections(sockets)
    # «localhost» may be two sockets, one for IPv4 and one for IPv6. They share the port.
    listening = getattr(server, "effective_listen", None)
    ready(http_url(host, listening[0][1] if listening else server.effective_port))
    # An exit by exception, so that the context managers around this call end too.
    signal.signal(signal.SIGTERM, _exit_normally)
    try:
        server.run()
    finally:
        server.close()


def drop_stalled_connections(sockets: Mapping[int, Any]) -> None:
    """Have the system close connections whose client has read nothing for ten minutes.

    A thread that sends an export waits for its client, and waitress never closes a connection that
    it is serving. So two clients that stall would stop all exports for ever. `sockets` are
    waitress's, by number. Listening sockets pass the option on to their connections (tcp(7)). Only
    Linux has it.
    """
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        for channel in sockets.values():
            if channel.accepting:
                channel.socket.setsockopt(
                    socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _STALLED_MILLISECONDS
                )


def _exit_normally(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    sys.exit(0)
