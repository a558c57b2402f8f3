"""`kchat-search token`: tokens with which programs ask."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import click
from rich.table import Table
from rich.text import Text

from kchat_search.access.administration import Administration
from kchat_search.cli import terminal
from kchat_search.cli.options import json_option
from kchat_search.cli.owner import administration
from kchat_search.cli.starting import settings_of_command
from kchat_search.composition import utc_now
from kchat_search.errors import BadRequest, NotFound
from kchat_search.models.people import ROLES, Role, Token
from kchat_search.serialization.people import token_json

_LENGTH = re.compile(r"([1-9][0-9]{0,4})([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 24 * 7}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@click.group()
def token() -> None:
    """Tokens with which programs ask. Each has roles of its own."""


@token.command()
@click.argument("name")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice(list(ROLES)),
    help="May be given several times; roles add up.",
)
@click.option("--expires", metavar="WHEN", help="After 12h, 90d, 4w; or 2026-12-31, to its end.")
@click.option("--owner", metavar="USER", help="Whose it is. It never gives more than they have.")
@click.option("--agent-id", help="Which agent at Kchat it is for, by the id.")
@json_option
def add(
    name: str,
    roles: tuple[Role, ...],
    expires: str | None,
    owner: str | None,
    agent_id: str | None,
    as_json: bool,
) -> None:
    """Make a token, and print it. It is shown this once, and stored hashed."""
    settings = settings_of_command()
    expires_at = None if expires is None else _end(expires, utc_now(), settings.zone)
    with administration(settings) as people:
        made, secret = people.add_token(
            name, roles, owner=owner, agent_id=agent_id, expires_at=expires_at
        )
    if as_json:
        terminal.print_json(token_json(made, settings.zone) | {"token": secret})
        return
    end = "has no end"
    if made.expires_at is not None:
        end = f"ends {terminal.time_text(made.expires_at, settings.zone)}"
    click.echo(
        terminal.clean(f"Token {made.id} «{made.name}» {end}. It is shown this once:"), err=True
    )
    click.echo(secret)


@token.command("list")
@json_option
def list_(as_json: bool) -> None:
    """All tokens, newest first."""
    settings = settings_of_command()
    with administration(settings) as people:
        tokens = people.tokens()
    if as_json:
        terminal.print_json({"tokens": [token_json(one, settings.zone) for one in tokens]})
        return
    if not tokens:
        click.echo("None. Make one: kchat-search token add NAME --role compliance --expires 90d")
        return
    table = Table(box=None)
    for column in ("id", "name", "begins", "roles", "owner", "ends", "last use"):
        table.add_column(column, overflow="fold")
    now = utc_now()
    for one in tokens:
        cells = (
            str(one.id),
            one.name,
            one.prefix,
            ", ".join(sorted(one.roles)),
            one.owner or "",
            _state(one, now, settings.zone),
            terminal.time_text(one.last_used_at, settings.zone),
        )
        table.add_row(*(Text(terminal.clean(cell)) for cell in cells))
    terminal.console().print(table)


@token.command()
@click.argument("token")
@json_option
def revoke(token: str, as_json: bool) -> None:
    """End a token, by its number, or by its name where only one in use has it."""
    settings = settings_of_command()
    with administration(settings) as people:
        ended = _find(people, token)
        people.revoke_token(ended.id)
        (ended,) = (one for one in people.tokens() if one.id == ended.id)
    if as_json:
        terminal.print_json(token_json(ended, settings.zone))
    else:
        click.echo(terminal.clean(f"Token {ended.id} «{ended.name}» is revoked."))


def _find(people: Administration, wanted: str) -> Token:
    tokens = people.tokens()
    by_number = [one for one in tokens if str(one.id) == wanted]
    in_use = [one for one in tokens if one.name == wanted and one.revoked_at is None]
    if not by_number and len(in_use) > 1:
        numbers = ", ".join(str(one.id) for one in in_use)
        raise BadRequest(f"Several tokens have this name: take a number ({numbers}).", "token")
    for one in (*by_number, *in_use):
        return one
    raise NotFound(
        f"There is no token «{terminal.clean(wanted)}». Which there are: kchat-search token list"
    )


def _end(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """When a token ends: so long after `now`, or at the end of a day."""
    length = _LENGTH.fullmatch(text)
    if length:
        return now + timedelta(hours=int(length[1]) * _HOURS[length[2]])
    if _DAY.fullmatch(text):
        try:
            day = datetime.fromisoformat(text).date() + timedelta(days=1)
            return datetime.combine(day, time(), zone).astimezone(UTC)
        except (ValueError, OverflowError):
            pass  # as below
    raise BadRequest(
        f"--expires is {terminal.clean(text)[:32]!r}: write 12h, 90d, 4w or a day such as "
        "2026-12-31.",
        "expires",
    )


def _state(one: Token, now: datetime, zone: ZoneInfo) -> str:
    if one.revoked_at is not None:
        return "revoked"
    if one.expires_at is None:
        return "never"
    return "ended" if one.expires_at <= now else terminal.time_text(one.expires_at, zone)
