"""`kchat-search demo`: the whole program against a Kchat server of our own.

Every part is the real one: HTTP, requests, an archive on disk, the index, the indexer's process,
the pages. The demo reads no settings from the environment. It writes only to `var/demo` and
`index/demo` below the current folder, and deletes both when it starts.
"""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from filelock import FileLock, Timeout

from kchat_search import private_files
from kchat_search.cli import printing_reports, serve, terminal
from kchat_search.cli.demo_people import add_people
from kchat_search.composition import make_service
from kchat_search.config import Settings, SettingsOfServe, only
from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL, DEMO_PASSWORD
from kchat_search.demo.chat_file import load
from kchat_search.demo.conversations import Timeline, agents
from kchat_search.demo.server import DemoServer
from kchat_search.errors import SettingsError

ARCHIVE = Path("var/demo")
INDEX = Path("index/demo")
_INTERVAL_SECONDS = 5
"""Between ticks. New chats arrive every quarter of a minute, and should be visible soon."""


@contextmanager
def kchat_server(chats: Path | None, port: int, count: int, seed: int) -> Iterator[DemoServer]:
    """A Kchat server with the chats of a file, or with made-up chats that go on arriving.

    Raises `SettingsError` for a file that can't be read and a port that can't be used.
    """
    if chats is not None:
        timeline = None
        sent_chats, users = load(chats)
    else:
        timeline = Timeline(seed, datetime.now(UTC), count)
        sent_chats, users = timeline.chats(), agents()
    try:
        server = DemoServer(
            sent_chats,
            users,
            email=DEMO_EMAIL,
            password=DEMO_PASSWORD,
            api_token=DEMO_API_TOKEN,
            port=port,
            timeline=timeline,
        )
    except OSError as error:
        raise SettingsError(
            f"Port {port} can't be used ({error.strerror}): choose another."
        ) from error
    with server:
        yield server


def how_to_connect(server: DemoServer) -> str:
    """Lines for a shell: the settings that connect to a demo server, and how to switch its faults
    on."""
    return (
        f"export KCHAT_BASE_URL={server.url}\n"
        f"export KCHAT_EMAIL={DEMO_EMAIL}\n"
        f"export KCHAT_API_TOKEN={DEMO_API_TOKEN}\n"
        f"# What can go wrong: curl -u {DEMO_EMAIL}:{DEMO_PASSWORD} {server.url}/demo/conditions"
    )


def run_demo(server: DemoServer, port: int | None, *, people: bool = False) -> int:
    """Sync from the server, then serve the pages until interrupted. With `people`, whoever looks
    must sign in, with an account that is printed. Returns the exit code."""
    with _only_demo():
        for folder in (ARCHIVE, INDEX):
            if folder.is_symlink():
                raise SettingsError(f"{folder} is a symbolic link; the demo deletes it: remove it.")
            shutil.rmtree(folder, ignore_errors=True)
        settings = _settings(server, _free_port(port))
        with closing(make_service(settings)) as service:
            click.echo(f"A Kchat server with made-up conversations: {server.url}")
            with service.indexing("demo"), terminal.progress_bars() as progress:
                service.prepare(progress)
                report = service.sync(progress=progress)
            printing_reports.print_report(report)
            agents_there = service.agents()
        if people:
            add_people(settings, agents_there)
        return serve.run(settings, lambda: settings)


def _settings(server: DemoServer, port: int) -> SettingsOfServe:
    return only(
        base_url=server.url,
        email=DEMO_EMAIL,
        api_token=DEMO_API_TOKEN,
        archive_url=f"sqlite:///{ARCHIVE}/archive.sqlite3",
        access_url=f"sqlite:///{ARCHIVE}/access.sqlite3",
        index_dir=INDEX,
        port=port,
        sync_interval_seconds=_INTERVAL_SECONDS,
        log_level="WARNING",
        demo=True,
    )


@contextmanager
def _only_demo() -> Iterator[None]:
    path = ARCHIVE.parent / "demo.lock"
    try:
        private_files.make_folder(path.parent)
        private_files.narrow(path)
        lock = FileLock(path, mode=private_files.FILE_MODE)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise SettingsError(
            f"A demo is running in {Path.cwd()} already: stop it, or start this one in another "
            "folder."
        ) from error
    except OSError as error:
        raise SettingsError(
            f"The demo can't write to {path.parent.absolute()} ({error.strerror or error}): start "
            "it in a folder of your own."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _free_port(requested: int | None) -> int:
    """The port that was asked for, else the usual port, else 0 (any) if the usual one is taken."""
    if requested is not None:
        return requested
    usual = int(Settings.model_fields["port"].default)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", usual))
        except OSError:
            return 0
    return usual
