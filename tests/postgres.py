"""A PostgreSQL server of the tests' own, on loopback.

It needs the server's binaries (`initdb`, `postgres`), which `.ci/setup` installs. Where they are
not, the tests that want it are skipped and say so; on a CI server they fail. As root it runs under
another user, because PostgreSQL refuses to run as root.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest

if sys.platform != "win32":
    import pwd

_SECONDS = 120
_USERS = ("postgres", "nobody")
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
    "lc_messages": "C",
}


def binaries() -> Path | None:
    """The folder of `initdb` and `postgres`; None where there are none."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    found = shutil.which("postgres")
    for folder in (*folders, *([Path(found).resolve().parent] if found else [])):
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            return folder
    return None


class Server:
    """A server that can be killed and started again."""

    def __init__(self, folder: Path, root: Path, user: int | None, *, durable: bool) -> None:
        password = secrets.token_hex(8)
        self._folder, self._root, self._user = folder, root, user
        self._port = free_port()
        self._more = {} if durable else _NOT_DURABLE
        self.killed = 0
        """How often it was killed."""
        self.url = f"postgresql://tests:{password}@127.0.0.1:{self._port}/postgres"
        _make(folder, root, password, user)
        self.start()

    def start(self, *, standby: bool = False) -> None:
        """Returns when it answers. `standby`: it can only be read from now on."""
        if standby:
            (self._root / "data" / "standby.signal").touch()
        more = self._more | {"port": str(self._port)}
        self._process = _start(self._folder, self._root, more, self._user)

    @contextmanager
    def followed(self) -> Iterator[Server]:
        """A standby, without which nothing is acknowledged from now on."""
        with _folder(self._user) as root:
            there = copy(self)
            there._root, there._port, there.killed = root, free_port(), 0
            there.url = self.url.replace(f":{self._port}/", f":{there._port}/")
            subprocess.run(
                [self._folder / "pg_basebackup", "-D", root / "data", "-R", "-d", self.url],
                capture_output=True, check=True, timeout=_SECONDS, user=self._user,
                cwd=root, env={"PATH": os.defpath},
            )  # fmt: skip
            there.start()
            try:
                with psycopg.connect(self.url, autocommit=True) as connection:
                    connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
                    connection.execute("SELECT pg_reload_conf()")
                yield there
            finally:
                there.end()

    def promote(self) -> None:
        """The standby becomes a server that can be written. Returns when it is."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("SELECT pg_promote()")

    def kill(self) -> None:
        """As a loss of power: all of its processes are gone at once."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate(timeout=_SECONDS)
        self.killed += 1

    def end(self) -> None:
        """At once: what it has is thrown away."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.communicate(timeout=_SECONDS)


@contextmanager
def server(*, durable: bool = False) -> Iterator[str]:
    """The address of a database on a server that runs as long as the block. Raises as `running`."""
    with running(durable=durable) as there:
        yield there.url


@contextmanager
def running(*, durable: bool = False) -> Iterator[Server]:
    """A server that runs as long as the block. What tests write need not outlive the machine,
    unless it is to be `durable`. Skips the test where no server can be started."""
    folder = binaries()
    if folder is None:
        without("no PostgreSQL server is installed: run .ci/setup")
    user = unprivileged()
    with _folder(user) as root:
        there = Server(folder, root, user, durable=durable)
        try:
            yield there
        finally:
            there.end()


@contextmanager
def _folder(user: int | None) -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix="kchat-postgres-"))
    try:
        if user is not None:
            os.chown(root, user, -1)
        yield root
    finally:
        shutil.rmtree(root)


@contextmanager
def database(server: str, name: str) -> Iterator[str]:
    """The address of an empty database on this server, which is there as long as the block."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield server.removesuffix("/postgres") + f"/{name}"
        finally:
            connection.execute(f"DROP DATABASE {name} (FORCE)")


def _make(folder: Path, root: Path, password: str, user: int | None) -> None:
    given = root / "password"
    given.write_text(password)
    given.chmod(0o644)  # in a folder that nobody else can enter
    subprocess.run(
        [
            folder / "initdb", "-D", root / "data", "-U", "tests", f"--pwfile={given}",
            "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync",
        ],
        capture_output=True, check=True, timeout=_SECONDS, user=user,
        cwd=root, env={"PATH": os.defpath},
    )  # fmt: skip


def _start(
    folder: Path, root: Path, more: dict[str, str], user: int | None
) -> subprocess.Popen[str]:
    settings = [f"--{name}={value}" for name, value in (_SETTINGS | more).items()]
    process = subprocess.Popen(
        [folder / "postgres", "-D", root / "data", *settings],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        user=user, cwd=root, env={"PATH": os.defpath}, start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "ready to accept" in line:
            return process
    raise AssertionError("".join(said))


def _version(folder: Path) -> int:
    found = re.search(r"[0-9]+", folder.parent.name)
    return int(found[0]) if found else 0


def unprivileged() -> int | None:
    """The number of the user that the server runs as; None for the present one."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    for name in _USERS:
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    pytest.skip("a server does not run as root, and there is no user postgres or nobody")


def without(reason: str) -> NoReturn:
    """Skips the test; on a CI server, where all must be, it fails."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
