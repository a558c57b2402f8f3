"""The web server of `serve` and of `demo`: the pages and the API, on this machine alone."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from types import FrameType
from typing import Any, NoReturn

from kchat_search import logs
from kchat_search.cli.parent import Parent
from kchat_search.composition import make_gate
from kchat_search.config import Settings, SettingsOfWeb, from_json
from kchat_search.errors import INDEX_SILENT, SettingsError
from kchat_search.gate import Gate
from kchat_search.hosts import http_url, is_loopback
from kchat_search.models.account import AccountCheck, AccountDoor
from kchat_search.models.reports import Alert
from kchat_search.web import create_app
from kchat_search.web.http.forwarding import is_proxy
from kchat_search.web.server import WebServer

log = logging.getLogger(__name__)


def check_address(host: str, gate: Gate) -> None:
    """Raises `SettingsError` for an address that other machines can reach, as long as there are no
    people, nor a provider that vouches for some: then only this machine may read. Raises
    `AccessError` where that can't be known."""
    if is_loopback(host) or gate.elsewhere is not None:
        return
    if gate.access is not None and gate.access.people.ever():
        return
    raise SettingsError(
        f"KCHAT_HOST={host} would show the conversations to everybody who can reach this machine, "
        "since no users are defined yet. Add one, and everybody has to log in: kchat-search user "
        "add NAME --role admin. Or use 127.0.0.1 (and, from elsewhere, an SSH tunnel)."
    )


def check_settings(settings: Settings) -> None:
    """The same for the address in the settings, before any process is started."""
    with closing(make_gate(settings)) as gate:
        check_address(settings.host, gate)


def run(parent: Parent) -> None:
    """Be the web server below `serve`: its settings, without an account, come from the parent, and
    so does what is wrong with the indexer, and with the account. Ends with the parent.

    Raises as `make_gate` and `serve_web` do.
    """
    parent.keep_standard_output()
    settings = from_json(parent.first_line(), SettingsOfWeb)
    logs.setup(settings.log_level, settings.log_format)
    alert: list[Alert | None] = [None]
    checked: list[AccountCheck | None] = [None]
    chat_url: list[str | None] = [None]

    def hear(said: Mapping[str, Any]) -> None:
        if "account" in said:
            checked[0] = check = AccountCheck.from_json(said["account"])
            chat_url[0] = check.chat_url or chat_url[0]
        else:
            alert[0] = None if said["alert"] is None else Alert.from_json(said["alert"])

    def announce(address: str) -> None:
        words = f"Open {address}"
        parent.tell({"open": f"\n{words}    (Ctrl-C ends the demo)\n" if settings.demo else words})

    parent.follow(hear)
    account = AccountDoor(
        check=lambda: parent.tell({"check": True}),
        last=lambda: checked[0],
        chat_url=lambda: chat_url[0],
    )
    with closing(make_gate(settings, told=lambda: alert[0], account=account)) as gate:
        serve_web(gate, settings.host, settings.port, announce)


def serve_web(gate: Gate, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve the pages and the API until the process is told to stop. `ready` is called with the
    address once it can be opened. Raises `SettingsError` where the address can't be used, and
    `ArchiveError` where the archive can't be read."""
    check_address(host, gate)
    try:
        gate.warm()
    # As after an upgrade, or while its servers are away: answers say so until it is there.
    except INDEX_SILENT as error:
        log.warning("%s", error)
    try:
        server = WebServer(create_app(gate), host, port, is_proxy=_is_proxy(gate))
    except OSError as error:
        raise SettingsError(
            f"Port {port} on {host} can't be used ({error.strerror or error}): choose another with "
            "--port or KCHAT_PORT."
        ) from error
    ready(http_url(host, server.port))
    # An exit by exception, so that the context managers around this call end too.
    signal.signal(signal.SIGTERM, _exit_normally)
    try:
        server.run()
    finally:
        server.close()


def _is_proxy(gate: Gate) -> Callable[[str], bool]:
    trusted = gate.presentation.entrance.trusted_proxies
    return lambda address: is_proxy(address, trusted)


def _exit_normally(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    sys.exit(0)
