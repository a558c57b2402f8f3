"""Commands for who keeps the program: `sync`, `reindex`, `verify`, `repair`, `status`."""

from __future__ import annotations

import random
import sys
from contextlib import nullcontext

import click

from kchat_search.cli import printing_reports, terminal
from kchat_search.cli.exit_codes import EXIT_DIFFERENCE, EXIT_NOT_NOW
from kchat_search.cli.options import json_option, wait_option
from kchat_search.cli.starting import (
    links,
    service_of_command,
    settings_of_command,
    settings_with_account,
)
from kchat_search.config import (
    Settings,
)
from kchat_search.models.damage import REPAIR
from kchat_search.models.search import MAX_PER_PAGE
from kchat_search.serialization.status import (
    ROWS_IN_STATUS,
    rejects_json,
    repair_json,
    report_json,
    status_json,
    verify_json,
)
from kchat_search.service import Service

_REJECTS_A_PAGE = MAX_PER_PAGE


@click.command(short_help="Fetch, archive and index once.")
@click.option("--reconcile", is_flag=True, help="List everything again; find what vanished.")
@wait_option
@json_option
def sync(reconcile: bool, wait: float, as_json: bool) -> None:
    """Fetch, archive and index once; afterwards all of it can be searched."""
    settings = settings_with_account()
    with service_of_command(settings) as service:
        service.require_account()  # before anything else is done
        with service.indexing("sync", wait), terminal.progress_bars(quiet=as_json) as progress:
            service.prepare(progress)
            report = service.sync(reconcile=reconcile, progress=progress)
    if as_json:
        terminal.print_json(report_json(report, settings.zone))
    else:
        printing_reports.print_report(report)
    if not report.complete:
        sys.exit(EXIT_NOT_NOW)


@click.command(short_help="Build the index anew from the archive.")
@wait_option
@json_option
def reindex(wait: float, as_json: bool) -> None:
    """Build the index anew from the archive; the present one answers until the swap."""
    with (
        service_of_command(settings_of_command()) as service,
        service.indexing("reindex", wait),
        terminal.progress_bars(quiet=as_json) as progress,
    ):
        count = service.reindex(progress)
    if as_json:
        terminal.print_json({"chats": count})
    else:
        click.echo(f"{count:,} chats indexed anew.")


@click.command(short_help="Prove the archive, and the index against it.")
@click.option("--strings", default=200, show_default=True, help="Random strings to look up.")
@click.option("--seed", type=int, help="The seed of an earlier run, to repeat it.")
@json_option
def verify(strings: int, seed: int | None, as_json: bool) -> None:
    """Prove the archive, and the index against it: nothing changed, missed or invented."""
    if seed is None:
        seed = random.SystemRandom().randrange(2**32)
    with (
        service_of_command(settings_of_command()) as service,
        terminal.progress_bars(quiet=as_json) as progress,
    ):
        report = service.verify(strings, seed, progress)
    if as_json:
        terminal.print_json(verify_json(report))
    else:
        printing_reports.print_verify(report)
    if report.archive:
        click.echo(f"The archive is damaged; set it right: {REPAIR}", err=True)
    if not report.index_clean:
        click.echo(
            "The index differs from the archive; build it anew: kchat-search reindex", err=True
        )
    if not report.clean:
        sys.exit(EXIT_DIFFERENCE)


@click.command(short_help="Set right what is damaged in the archive.")
@click.option("--dry-run", is_flag=True, help="Only say what is damaged; change nothing.")
@wait_option
@json_option
def repair(dry_run: bool, wait: float, as_json: bool) -> None:
    """Check the whole archive and set right what is damaged: compute it again from what is sound,
    or fetch the chat again from Kchat. What is lost is put aside as it is, and named."""
    with (
        service_of_command(settings_with_account()) as service,
        nullcontext() if dry_run else service.indexing("repair", wait),
        terminal.progress_bars(quiet=as_json) as progress,
    ):
        report = service.repair(dry_run=dry_run, progress=progress)
    if as_json:
        terminal.print_json(repair_json(report))
    else:
        printing_reports.print_repair(report)
    if report.may_succeed_later:
        sys.exit(EXIT_NOT_NOW)
    if not report.sound:
        sys.exit(EXIT_DIFFERENCE)


@click.command()
@click.option("--rejects", is_flag=True, help="Only the chats that could not be understood.")
@click.option("--page", type=click.IntRange(1), help="Which page of them; needs --rejects.")
@json_option
def status(rejects: bool, page: int | None, as_json: bool) -> None:
    """Chats, last sync, index, who is the indexer, and which chats could not be understood."""
    if page is not None and not rejects:
        raise click.UsageError("--page needs --rejects.")
    settings = settings_of_command()
    with service_of_command(settings) as service:
        if rejects:
            _print_rejects(service, settings, page or 1, as_json=as_json)
            return
        now, reports = service.status(), service.reports(ROWS_IN_STATUS)
        stored, total = service.rejects(ROWS_IN_STATUS), service.count_rejects()
    if as_json:
        terminal.print_json(status_json(now, reports, stored, settings.zone))
    else:
        printing_reports.print_status(now, stored, total, settings.zone)


def _print_rejects(service: Service, settings: Settings, page: int, *, as_json: bool) -> None:
    """A page of the rejects; the answer of `/api/v1/rejects` in JSON."""
    total = service.count_rejects()
    first = (page - 1) * _REJECTS_A_PAGE
    rejects = service.rejects(_REJECTS_A_PAGE + 1, first)  # one more says that a page follows
    if as_json:
        content = rejects_json(
            rejects,
            settings.zone,
            links(settings),
            page=page,
            per_page=_REJECTS_A_PAGE,
            total=total,
        )
        terminal.print_json(content)
        return
    rejects = rejects[:_REJECTS_A_PAGE]
    left = total - first - len(rejects)
    printing_reports.print_rejects(
        rejects, settings.zone, left, f"status --rejects --page {page + 1}"
    )
