"""`kchat-search audit`: who did what, when and from where; and is the record of it whole?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import click

from kchat_search.access.audit_reading import AuditPage, AuditReading
from kchat_search.access.recorder import SettlingRecorder
from kchat_search.cli import output_file, terminal
from kchat_search.cli.exit_codes import EXIT_DIFFERENCE
from kchat_search.cli.options import json_option
from kchat_search.cli.owner import owner
from kchat_search.cli.starting import settings_of_command
from kchat_search.composition import make_access
from kchat_search.config import Settings
from kchat_search.models.audit import Action, AuditCheck, AuditFilter, AuditRow
from kchat_search.serialization import audit as forms
from kchat_search.serialization import export_formats

_ROWS = 100


@click.command(short_help="Who did what, when and from where.")
@click.option("--since", metavar="DAY", help="On this day or later; a day is 2026-03-02.")
@click.option("--until", metavar="DAY", help="On this day or earlier.")
@click.option("--who", metavar="NAME", help="A user name, or person:12, token:3, owner.")
@click.option(
    "--action",
    "actions",
    multiple=True,
    type=click.Choice(get_args(Action)),
    metavar="ACTION",
    help="What was done, such as view; may be given several times.",
)
@click.option("--object", "target", metavar="WHAT", help="To what: chat:290, person:12.")
@click.option("--numbers", is_flag=True, help="Only look-ups of whole private numbers.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=_ROWS, show_default=True, help="Rows, at most."
)
@click.option(
    "--export",
    "file",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    metavar="FILE",
    help="Write all rows into a file; - is standard output.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(forms.FILE_FORMATS),
    help="Of that file; csv if its name ends so, else jsonl.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there already.")
@click.option("--check", is_flag=True, help="Hold every row against the chain of hashes.")
@click.option("--head", metavar="HASH", help="Check, and hold the chain against this hash.")
@click.option(
    "--erase", type=click.IntRange(min=1), metavar="NUMBER", help="Erase the texts of a row."
)
@click.option("--reason", help="Why they are erased; it is recorded.")
@json_option
def audit(
    since: str | None,
    until: str | None,
    who: str | None,
    actions: tuple[Action, ...],
    target: str | None,
    numbers: bool,
    limit: int,
    file: Path | None,
    form: forms.FileFormat | None,
    force: bool,
    check: bool,
    head: str | None,
    erase: int | None,
    reason: str | None,
    as_json: bool,
) -> None:
    """Who did what, when and from where, the newest first. Reading it is recorded in it.

    With --check nothing is listed: every row is held against the chain, each that was changed,
    removed, moved or put in is named, and the exit code is 3. It prints the head: write that down
    elsewhere, and give it to --head the next time.
    """
    check = check or head is not None
    if sum([check, erase is not None, file is not None]) > 1:
        raise click.UsageError("--check, --erase and --export are three things: do one at a time.")
    settings = settings_of_command()
    with _reading(settings) as reading:
        if check:
            _check(reading, head, as_json=as_json)
        elif erase is not None:
            reading.erase(erase, reason or "")
            click.echo(f"The texts of row {erase} are erased; that is recorded.", err=True)
        else:
            wanted = _wanted(since, until, who, actions, target, settings.zone, numbers=numbers)
            if file is None:
                _list(reading.page(wanted, limit=limit), settings.zone, as_json=as_json)
            else:
                _export(reading, wanted, file, form, settings.zone, force=force)


@contextmanager
def _reading(settings: Settings) -> Iterator[AuditReading]:
    with closing(make_access(settings)) as access:
        asks = owner()
        yield AuditReading(access.audit, asks, SettlingRecorder(access.audit, asks))


def _wanted(
    since: str | None,
    until: str | None,
    who: str | None,
    actions: tuple[Action, ...],
    target: str | None,
    zone: ZoneInfo,
    *,
    numbers: bool,
) -> AuditFilter:
    first, last = forms.moments(since, until, zone)
    return AuditFilter(
        since=first, until=last, who=who, actions=actions, object=target, numbers=numbers
    )


def _list(page: AuditPage, zone: ZoneInfo, *, as_json: bool) -> None:
    if as_json:
        answer = forms.page_json(page.rows, zone, total=page.total, before=page.before, next_=None)
        terminal.print_json(answer)
        return
    for row in page.rows:
        click.echo(terminal.clean(_line(row, zone)))
    if page.total > len(page.rows):
        click.echo(f"{len(page.rows):,} of {page.total:,} rows; --limit shows more.", err=True)


def _line(row: AuditRow, zone: ZoneInfo) -> str:
    """A row in one line, so that other programs can look through them."""
    entry = row.entry
    parts = [
        f"{row.number:>7}",
        f"{row.at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
        entry.name or entry.principal or "-",
        entry.address or "-",
        f"{entry.action} {entry.object}".rstrip(),
        "(erased)" if "query" in row.erased else entry.query,
        "" if entry.count is None else f"({entry.count})",
    ]
    return "  ".join(part for part in parts if part)


def _export(
    reading: AuditReading,
    wanted: AuditFilter,
    file: Path,
    form: forms.FileFormat | None,
    zone: ZoneInfo,
    *,
    force: bool,
) -> None:
    form = form or ("csv" if file.suffix.lower() == ".csv" else "jsonl")
    found = reading.export(wanted)
    with output_file.opened(file, force=force) as out:
        out.writelines(export_formats.joined(forms.file_lines(found.rows, form, zone)))
    click.echo(f"{found.total:,} rows exported.", err=True)


def _check(reading: AuditReading, head: str | None, *, as_json: bool) -> None:
    checked = reading.check(head)
    if as_json:
        terminal.print_json(forms.check_json(checked))
    else:
        _print_check(checked)
    if not checked.ok:
        sys.exit(EXIT_DIFFERENCE)


def _print_check(checked: AuditCheck) -> None:
    for problem in checked.problems:
        row = "" if problem.number is None else f"Row {problem.number}: "
        click.echo(terminal.clean(f"{row}{problem.text}."))
    outcome = "whole" if checked.ok else "not what was recorded"
    click.echo(f"{checked.rows:,} rows; the audit is {outcome}.\nHead: {checked.head}")
