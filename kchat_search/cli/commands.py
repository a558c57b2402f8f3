"""The commands.

Every message says what happened and what to do next. `--json` prints what a program reads, which is
what the API answers. An error is one line on standard error. Exit codes: 0 done, 1 failed, 2 wrong
usage or settings, 3 `verify` found a difference, `export` a damaged chat, or `repair` could not set
all of it right, 75 not now (the same call may succeed later).
"""

from __future__ import annotations

import os
import random
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from kchat_search import __version__, logs, memory_dumps
from kchat_search.cli import indexer, output_file, printing
from kchat_search.cli import serve as processes
from kchat_search.cli.archive import archive
from kchat_search.cli.audit import audit
from kchat_search.cli.exit_codes import EXIT_DIFFERENCE, EXIT_NOT_NOW, exit_code
from kchat_search.cli.options import json_option, search_options, wait_option
from kchat_search.cli.owner import owner
from kchat_search.cli.parent import Parent
from kchat_search.cli.starting import set_up, settings_of_command
from kchat_search.cli.tokens import token
from kchat_search.cli.users import user
from kchat_search.composition import make_gate, owners_recorder
from kchat_search.config import (
    TRY_THE_DEMO,
    Settings,
    SettingsWithAccount,
    load_settings_of_serve,
    load_settings_with_account,
)
from kchat_search.errors import KchatSearchError, SettingsError
from kchat_search.hosts import is_loopback
from kchat_search.models.damage import REPAIR, DamagedRow
from kchat_search.models.hot import DEFAULT_PERIOD, PERIODS, Period
from kchat_search.models.plan import Sort
from kchat_search.models.search import MAX_PER_PAGE, SearchRequest
from kchat_search.serialization import export_formats
from kchat_search.serialization.chats import chat_json
from kchat_search.serialization.export_about import About
from kchat_search.serialization.history import versions_json
from kchat_search.serialization.hot import hot_json
from kchat_search.serialization.links import Links
from kchat_search.serialization.search import search_json, similar_json
from kchat_search.serialization.status import (
    ROWS_IN_STATUS,
    rejects_json,
    repair_json,
    report_json,
    status_json,
    verify_json,
)
from kchat_search.service import Service

AnySettings = TypeVar("AnySettings", bound=Settings)

_REJECTS_A_PAGE = MAX_PER_PAGE


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
        click.echo(f"kchat-search: {printing.clean(str(error))}", err=True)
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


@commands.command(short_help="Fetch, archive and index once.")
@click.option("--reconcile", is_flag=True, help="List everything again; find what vanished.")
@wait_option
@json_option
def sync(reconcile: bool, wait: float, as_json: bool) -> None:
    """Fetch, archive and index once; afterwards all of it can be searched."""
    settings = _settings_with_account()
    with _service(settings) as service:
        service.require_account()  # before anything else is done
        with service.indexing("sync", wait), printing.progress_bars(quiet=as_json) as progress:
            service.prepare(progress)
            report = service.sync(reconcile=reconcile, progress=progress)
    if as_json:
        printing.print_json(report_json(report, settings.zone))
    else:
        printing.print_report(report)
    if not report.complete:
        sys.exit(EXIT_NOT_NOW)


@commands.command()
@search_options
@click.option(
    "--sort",
    type=click.Choice(["relevance", "newest", "oldest"]),
    default="relevance",
    show_default=True,
    help="What comes first.",
)
@click.option("--page", default=1, show_default=True, help="Which page.")
@click.option(
    "--per-page", default=SearchRequest().per_page, show_default=True, help="Chats a page."
)
@click.option(
    "--related",
    default=SearchRequest().related,
    show_default=True,
    help="Chats with only some of the words, at most.",
)
@json_option
def search(request: SearchRequest, as_json: bool, **asked: Any) -> None:
    """Search; the query language is that of the pages. Put -- before a query that begins with -."""
    settings = settings_of_command()
    request = replace(request, **asked)
    with _service(settings) as service:
        service.warm()  # loading the dictionary is not part of the search
        answer = service.search(request)
    if as_json:
        printing.print_json(search_json(request, answer, settings.zone, _links(settings)))
    else:
        printing.print_page(answer, settings.zone)


@commands.command()
@click.option(
    "--period",
    type=click.Choice(PERIODS),
    default=DEFAULT_PERIOD,
    show_default=True,
    help="The last days.",
)
@click.option("--renew", is_flag=True, help="Find them anew first; the worker does every 6 hours.")
@wait_option
@json_option
def hot(period: Period, renew: bool, wait: float, as_json: bool) -> None:
    """What visitors asked about most lately."""
    settings = settings_of_command()
    with _service(settings) as service:
        if renew:
            with service.indexing("hot", wait):
                service.renew_hot()
        page = service.hot(period)
    if as_json:
        printing.print_json(hot_json(page, settings.zone, _links(settings)))
    else:
        printing.print_hot(page, settings.zone)


@commands.command(short_help="Every hit of a search, whole chats, into a file.")
@search_options
@click.option(
    "--sort",
    type=click.Choice(["oldest", "newest"]),
    default="oldest",
    show_default=True,
    help="What comes first.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(list(export_formats.TYPES)),
    default="jsonl",
    show_default=True,
    help="jsonl: a line a chat. csv: a row a message. xlsx: the same, for Excel.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    default="-",
    metavar="FILE",
    help="Where to write; standard output if not given.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there already.")
def export(
    request: SearchRequest, sort: Sort, form: export_formats.Format, output: Path, force: bool
) -> None:
    """Every chat that has all the words, whole, by date; without a query, every chat.

    A file is there when it is whole, and not before. Links lead to where `serve` would answer.
    """
    settings = settings_of_command()
    with _service(settings) as service:
        asked = replace(request, sort=sort)
        hits = service.export(asked)
        about = About(
            request=asked,
            total=hits.total,
            coverage=hits.coverage,
            made_at=service.clock(),
            zone=settings.zone,
            links=_links(settings),
            agents=service.agents(),
            history=hits.history,
        )
        damaged: list[DamagedRow] = []
        with (
            output_file.opened(output, force=force) as file,
            printing.progress_bars(quiet=file.isatty()) as progress,
        ):
            named = output_file.noted(hits.chats, damaged)
            chats = output_file.counted(named, hits.total, progress)
            file.writelines(export_formats.pieces(chats, form, about))
    printing.print_exported(hits.total, output, hits.coverage, damaged)
    if damaged:
        sys.exit(EXIT_DIFFERENCE)


@commands.command(short_help="A whole chat.")
@click.argument("chat_id", type=click.IntRange(1, 2**63 - 1))
@click.option("--versions", is_flag=True, help="What it said before, and what changed.")
@click.option("--similar", is_flag=True, help="The chats that are like it.")
@json_option
def show(chat_id: int, versions: bool, similar: bool, as_json: bool) -> None:
    """A whole chat."""
    if versions and similar:
        raise click.UsageError("--versions and --similar do not go together.")
    settings = settings_of_command()
    with _service(settings) as service:
        if similar:
            found = service.similar(chat_id)
            if as_json:
                printing.print_json(similar_json(chat_id, found, settings.zone, _links(settings)))
            else:
                printing.print_similar(chat_id, found, settings.zone)
            return
        if versions:
            history = service.history(chat_id)
            if as_json:
                answer = versions_json(chat_id, history, settings.zone, _links(settings))
                printing.print_json(answer)
            else:
                printing.print_versions(chat_id, history, settings.zone)
            return
        view = service.chat(chat_id)
    if as_json:
        printing.print_json(chat_json(view, settings.zone, _links(settings)))
    else:
        printing.print_chat(view, settings.zone)


@commands.command(short_help="Build the index anew from the archive.")
@wait_option
@json_option
def reindex(wait: float, as_json: bool) -> None:
    """Build the index anew from the archive; the present one answers until the swap."""
    with (
        _service(settings_of_command()) as service,
        service.indexing("reindex", wait),
        printing.progress_bars(quiet=as_json) as progress,
    ):
        count = service.reindex(progress)
    if as_json:
        printing.print_json({"chats": count})
    else:
        click.echo(f"{count:,} chats indexed anew.")


@commands.command(short_help="Prove the archive, and the index against it.")
@click.option("--strings", default=200, show_default=True, help="Random strings to look up.")
@click.option("--seed", type=int, help="The seed of an earlier run, to repeat it.")
@json_option
def verify(strings: int, seed: int | None, as_json: bool) -> None:
    """Prove the archive, and the index against it: nothing changed, missed or invented."""
    if seed is None:
        seed = random.SystemRandom().randrange(2**32)
    with (
        _service(settings_of_command()) as service,
        printing.progress_bars(quiet=as_json) as progress,
    ):
        report = service.verify(strings, seed, progress)
    if as_json:
        printing.print_json(verify_json(report))
    else:
        printing.print_verify(report)
    if report.archive:
        click.echo(f"The archive is damaged; set it right: {REPAIR}", err=True)
    if not report.index_clean:
        click.echo(
            "The index differs from the archive; build it anew: kchat-search reindex", err=True
        )
    if not report.clean:
        sys.exit(EXIT_DIFFERENCE)


@commands.command(short_help="Set right what is damaged in the archive.")
@click.option("--dry-run", is_flag=True, help="Only say what is damaged; change nothing.")
@wait_option
@json_option
def repair(dry_run: bool, wait: float, as_json: bool) -> None:
    """Check the whole archive and set right what is damaged: compute it again from what is sound,
    or fetch the chat again from Kchat. What is lost is put aside as it is, and named."""
    with (
        _service(_settings_with_account()) as service,
        nullcontext() if dry_run else service.indexing("repair", wait),
        printing.progress_bars(quiet=as_json) as progress,
    ):
        report = service.repair(dry_run=dry_run, progress=progress)
    if as_json:
        printing.print_json(repair_json(report))
    else:
        printing.print_repair(report)
    if report.may_succeed_later:
        sys.exit(EXIT_NOT_NOW)
    if not report.sound:
        sys.exit(EXIT_DIFFERENCE)


@commands.command()
@click.option("--rejects", is_flag=True, help="Only the chats that could not be understood.")
@click.option("--page", type=click.IntRange(1), help="Which page of them; needs --rejects.")
@json_option
def status(rejects: bool, page: int | None, as_json: bool) -> None:
    """Chats, last sync, index, who is the indexer, and which chats could not be understood."""
    if page is not None and not rejects:
        raise click.UsageError("--page needs --rejects.")
    settings = settings_of_command()
    with _service(settings) as service:
        if rejects:
            _print_rejects(service, settings, page or 1, as_json=as_json)
            return
        now, reports = service.status(), service.reports(ROWS_IN_STATUS)
        stored, total = service.rejects(ROWS_IN_STATUS), service.count_rejects()
    if as_json:
        printing.print_json(status_json(now, reports, stored, settings.zone))
    else:
        printing.print_status(now, stored, total, settings.zone)


def _print_rejects(service: Service, settings: Settings, page: int, *, as_json: bool) -> None:
    """A page of the rejects; the answer of `/api/v1/rejects` in JSON."""
    total = service.count_rejects()
    first = (page - 1) * _REJECTS_A_PAGE
    rejects = service.rejects(_REJECTS_A_PAGE + 1, first)  # one more says that a page follows
    if as_json:
        content = rejects_json(
            rejects,
            settings.zone,
            _links(settings),
            page=page,
            per_page=_REJECTS_A_PAGE,
            total=total,
        )
        printing.print_json(content)
        return
    rejects = rejects[:_REJECTS_A_PAGE]
    left = total - first - len(rejects)
    printing.print_rejects(rejects, settings.zone, left, f"status --rejects --page {page + 1}")


def _links(settings: Settings) -> Links:
    """Addresses at which `serve` would answer."""
    return Links(settings.served_url, settings.kchat_chat_url)


def _settings_with_account() -> SettingsWithAccount:
    return set_up(load_settings_with_account())


@contextmanager
def _service(settings: Settings) -> Iterator[Service]:
    """The program for its owner. Once there are people, what it does is recorded."""
    with closing(make_gate(settings)) as gate:
        asks = owner()
        yield gate.for_(asks, owners_recorder(settings, gate, asks))


def _wait_for_interrupt() -> None:
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return


commands.add_command(user)
commands.add_command(token)
commands.add_command(audit)
commands.add_command(archive)
