"""Commands for who looks for chats: `search`, `hot`, `export`, `show`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from kchat_search.cli import output_file, printing_chats, printing_reports, terminal
from kchat_search.cli.exit_codes import EXIT_DIFFERENCE
from kchat_search.cli.options import json_option, search_options, wait_option
from kchat_search.cli.starting import (
    links,
    service_of_command,
    settings_of_command,
)
from kchat_search.models.damage import DamagedRow
from kchat_search.models.hot import DEFAULT_PERIOD, PERIODS, Period
from kchat_search.models.plan import Sort
from kchat_search.models.search import SearchRequest
from kchat_search.serialization import export_formats
from kchat_search.serialization.chats import chat_json
from kchat_search.serialization.export_about import About
from kchat_search.serialization.history import versions_json
from kchat_search.serialization.hot import hot_json
from kchat_search.serialization.search import search_json, similar_json


@click.command()
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
    with service_of_command(settings) as service:
        service.warm()  # loading the dictionary is not part of the search
        answer = service.search(request)
    if as_json:
        terminal.print_json(search_json(request, answer, settings.zone, links(settings)))
    else:
        printing_chats.print_page(answer, settings.zone)


@click.command()
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
    with service_of_command(settings) as service:
        if renew:
            with service.indexing("hot", wait):
                service.renew_hot()
        page = service.hot(period)
    if as_json:
        terminal.print_json(hot_json(page, settings.zone, links(settings)))
    else:
        printing_chats.print_hot(page, settings.zone)


@click.command(short_help="Every hit of a search, whole chats, into a file.")
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
    with service_of_command(settings) as service:
        asked = replace(request, sort=sort)
        hits = service.export(asked)
        about = About(
            request=asked,
            total=hits.total,
            coverage=hits.coverage,
            made_at=service.clock(),
            zone=settings.zone,
            links=links(settings),
            agents=service.agents(),
            history=hits.history,
        )
        damaged: list[DamagedRow] = []
        with (
            output_file.opened(output, force=force) as file,
            terminal.progress_bars(quiet=file.isatty()) as progress,
        ):
            named = output_file.noted(hits.chats, damaged)
            chats = output_file.counted(named, hits.total, progress)
            file.writelines(export_formats.pieces(chats, form, about))
    printing_reports.print_exported(hits.total, output, hits.coverage, damaged)
    if damaged:
        sys.exit(EXIT_DIFFERENCE)


@click.command(short_help="A whole chat.")
@click.argument("chat_id", type=click.IntRange(1, 2**63 - 1))
@click.option("--versions", is_flag=True, help="What it said before, and what changed.")
@click.option("--similar", is_flag=True, help="The chats that are like it.")
@json_option
def show(chat_id: int, versions: bool, similar: bool, as_json: bool) -> None:
    """A whole chat."""
    if versions and similar:
        raise click.UsageError("--versions and --similar do not go together.")
    settings = settings_of_command()
    with service_of_command(settings) as service:
        if similar:
            found = service.similar(chat_id)
            if as_json:
                terminal.print_json(similar_json(chat_id, found, settings.zone, links(settings)))
            else:
                printing_chats.print_similar(chat_id, found, settings.zone)
            return
        if versions:
            history = service.history(chat_id)
            if as_json:
                answer = versions_json(chat_id, history, settings.zone, links(settings))
                terminal.print_json(answer)
            else:
                printing_chats.print_versions(chat_id, history, settings.zone)
            return
        view = service.chat(chat_id)
    if as_json:
        terminal.print_json(chat_json(view, settings.zone, links(settings)))
    else:
        printing_chats.print_chat(view, settings.zone)
