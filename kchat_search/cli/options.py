"""Options that several commands have. Those of the filters come from `kchat_search.fields`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from kchat_search.fields import NONE, PARAMETERS, Field, chosen_filters
from kchat_search.models.search import SearchRequest

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program.")
wait_option = click.option(
    "--wait", default=0.0, metavar="SECONDS", help="Wait so long for another indexer to finish."
)


def _filter_option(field: Field) -> Callable[[Any], Any]:
    """The option that filters by this field."""
    help_text = field.description.replace("`", "")
    if field.flag:
        return click.option(field.option, field.name, default=None, help=help_text)
    return click.option(
        field.option,
        field.name,
        multiple=field.repeatable,
        type=click.Choice([*field.labels, NONE]) if field.closed else None,
        metavar=field.metavar,
        help=help_text,
    )


_SEARCH_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.argument("query", nargs=-1),
    *map(_filter_option, PARAMETERS.values()),
    click.option(
        "--start", metavar="DAY", help="Created on this day or later; a day is 2015-04-01."
    ),
    click.option("--end", metavar="DAY", help="Created on this day or earlier."),
    click.option("--said-start", metavar="DAY", help="Said on this day or later."),
    click.option("--said-end", metavar="DAY", help="Said on this day or earlier."),
    click.option("--hot", metavar="ID", help="Only chats of this hot question; see hot."),
    click.option("--history", is_flag=True, help="Also earlier versions and recalled messages."),
)

_OTHERS = ("start", "end", "said_start", "said_end", "hot", "history")


def search_options(command: Callable[..., None]) -> Callable[..., None]:
    """A decorator: the command takes a query and all filters as options, and gets them as the
    argument `request`, a `SearchRequest`."""

    @functools.wraps(command)
    def with_request(query: tuple[str, ...], **options: Any) -> None:
        filters = chosen_filters({name: options.pop(name) for name in PARAMETERS})
        others = {name: options.pop(name) for name in _OTHERS}
        command(request=SearchRequest(q=" ".join(query), filters=filters, **others), **options)

    for option in reversed(_SEARCH_OPTIONS):
        option(with_request)
    return with_request
