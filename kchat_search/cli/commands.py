"""The commands.

Every message says what happened and what to do next. `--json` prints what a program reads, which is
what the API answers. An error is one line on standard error. Exit codes: 0 done, 1 failed, 2 wrong
usage or settings, 3 `verify` found a difference, `export` a damaged chat, or `repair` could not set
all of it right, 75 not now (the same call may succeed later).
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import click

from kchat_search import __version__, logs, memory_dumps
from kchat_search.cli import indexer, terminal
from kchat_search.cli import serve as processes
from kchat_search.cli.archive import archive
from kchat_search.cli.audit import audit
from kchat_search.cli.exit_codes import exit_code
from kchat_search.cli.parent import Parent
from kchat_search.cli.reading import export, hot, search, show
from kchat_search.cli.starting import set_up
from kchat_search.cli.tokens import token
from kchat_search.cli.upkeep import reindex, repair, status, sync, verify
from kchat_search.cli.users import user
from kchat_search.config import (
    TRY_THE_DEMO,
    load_settings_of_serve,
)
from kchat_search.errors import KchatSearchError, SettingsError
from kchat_search.hosts import is_loopback


def main() -> None:
    """The entry point."""
    # Files are private by how they are made (private_files.py). This is for what libraries make.
    os.umask(0o077)
    # The processes that we start would import modules from the current folder, whoever put them
    # there (https://docs.python.org/3/using/cmdline.html#envvar-PYTHONSAFEPATH).
    os.environ["PYTHONSAFEPATH"] = "1"
    memory_dumps.forbid()
    try:
        commands(prog_name="kchat-search")
    except KchatSearchError as error:
        click.echo(f"kchat-search: {terminal.clean(str(error))}", err=True)
        sys.exit(exit_code(error))


@click.group(epilog=TRY_THE_DEMO, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def commands() -> None:
    """The full-text archive of a company's Kchat conversations.

    Settings come from KCHAT_* environment variables or a .env file; docs/settings.md lists them.
    """


@commands.command()
@click.option(
    "--chats",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Serve these chats (a chat a line, gzip or plain) instead of the made-up ones.",
)
@click.option(
    "--port", type=click.IntRange(0, 65_535), help="Port of the pages (5080, or any free one)."
)
@click.option("--kchat-port", default=0, help="Port of the demo Kchat server (0: any).")
@click.option("--server-only", is_flag=True, help="Only the demo Kchat server.")
@click.option("--count", default=2_000, show_default=True, help="Made-up conversations.")
@click.option("--seed", default=1, show_default=True, help="Of the made-up conversations.")
@click.option("--people", is_flag=True, help="With an account for each role, which it prints.")
def demo(
    chats: Path | None,
    port: int | None,
    kchat_port: int,
    server_only: bool,
    count: int,
    seed: int,
    people: bool,
) -> None:
    """The whole program on made-up conversations; nothing to configure."""
    from kchat_search.cli.demo import (  # noqa: PLC0415  # as for `serve`
        how_to_connect,
        kchat_server,
        run_demo,
    )

    logs.setup("WARNING")
    with kchat_server(chats, kchat_port, count, seed) as server:
        if server_only:
            click.echo(how_to_connect(server))
            _wait_for_interrupt()
            return
        code = run_demo(server, port, people=people)
    sys.exit(code)


@commands.command()
@click.option("--host", help="Address to serve on (KCHAT_HOST; 127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port (KCHAT_PORT; 5080).")
@click.option("--from-parent", is_flag=True, hidden=True)
def serve(host: str | None, port: int | None, from_parent: bool) -> None:
    """The web server and the indexer, each in a process of its own."""
    # Flask and the pages take a quarter of the start of a command, and no other needs them.
    if from_parent:
        from kchat_search.cli import web_server  # noqa: PLC0415

        web_server.run(Parent())
        return
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = set_up(load_settings_of_serve(**given))
    if not is_loopback(settings.host):
        from kchat_search.cli import web_server  # noqa: PLC0415

        web_server.check_settings(settings)
    try:
        settings.credentials()
    except SettingsError as error:
        click.echo(
            f"{error}\nServing what the archive has; nothing new is fetched. The page /setup leads "
            "through it.",
            err=True,
        )
    sys.exit(processes.run(settings, lambda: load_settings_of_serve(**given)))


@commands.command()
@click.option("--from-parent", is_flag=True, hidden=True)
def worker(from_parent: bool) -> None:
    """The scheduled indexer alone."""
    indexer.run(Parent() if from_parent else None)


def _wait_for_interrupt() -> None:
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return


for each in (
    *(sync, reindex, verify, repair, status),
    *(search, hot, export, show),
    *(user, token, audit, archive),
):
    commands.add_command(each)
