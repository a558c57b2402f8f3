"""`kchat-search archive`: the archive, and the database of people, as databases."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import asdict

import click

from kchat_search.access.recorder import SettlingRecorder
from kchat_search.cli import terminal
from kchat_search.cli.exit_codes import EXIT_DIFFERENCE
from kchat_search.cli.options import json_option
from kchat_search.cli.owner import owner
from kchat_search.cli.starting import settings_of_command
from kchat_search.composition import access_beside_copy, copy_database
from kchat_search.config import Settings
from kchat_search.models.audit import AuditEntry
from kchat_search.models.copies import Copied


@click.group()
def archive() -> None:
    """The archive, and the database of people, as databases."""


@archive.command("copy", short_help="Copy it to another database, and prove the copy.")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@json_option
def copy(source: str, target: str, *, as_json: bool) -> None:
    """Copy an archive, or a database of people, to another database that is empty. FROM and TO are
    addresses such as sqlite:///var/archive.sqlite3 and postgresql://user@host/database.

    Nobody can write FROM meanwhile, so stop the worker first; to copy the people, everything. A
    copy that was stopped goes on when the same command is given again. At last every row is read
    from both and compared.
    """
    settings = settings_of_command()
    _record(settings, target)
    with terminal.progress_bars(quiet=as_json) as progress:
        copied = copy_database(settings, source, target, progress)
    if as_json:
        terminal.print_json(asdict(copied))
    else:
        _print(copied)
    if copied.damaged:
        sys.exit(EXIT_DIFFERENCE)


def _record(settings: Settings, target: str) -> None:
    """That all of it is copied is recorded, where there are people. The copy itself may be theirs,
    and can't be opened before it is whole."""
    access = access_beside_copy(settings, target)
    if access is None:
        return
    with closing(access):
        if access.people.ever():
            entry = AuditEntry("", "", "", "operate", "archive copy")
            SettlingRecorder(access.audit, owner()).add(entry)


def _print(copied: Copied) -> None:
    for table in copied.tables:
        click.echo(f"{table.name:<16} {table.rows:>12,} rows  {table.sha256[:16]}")
    click.echo(
        f"The {copied.noun} is copied: each of {copied.rows:,} rows was read from both databases, "
        f"and is the same. Now set {copied.setting}, and start the program."
    )
    if copied.damaged:
        click.echo(
            f"{copied.damaged:,} things were damaged before, and are in the copy as they were: "
            "kchat-search verify (or audit --check) names them.",
            err=True,
        )
