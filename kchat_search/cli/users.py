"""`kchat-search user`: the people who may sign in.

Each change is recorded in the audit as one of the owner, with the name of the account that the
command runs under.
"""

from __future__ import annotations

import click
from rich.table import Table
from rich.text import Text

from kchat_search.access.administration import Administration, Risk, risks
from kchat_search.access.names import folded
from kchat_search.cli import terminal
from kchat_search.cli.new_password import new_password, password_stdin_option
from kchat_search.cli.options import json_option
from kchat_search.cli.owner import administration, owner
from kchat_search.cli.starting import settings_of_command
from kchat_search.config import Settings
from kchat_search.errors import NotFound
from kchat_search.models.people import ROLES, Person, Role
from kchat_search.serialization.people import person_json

_ROLES_OF_PEOPLE = [role for role in ROLES if role != "metrics"]
_WARNINGS: dict[Risk, str] = {
    "last_admin": "Nobody who can sign in is an administrator any more; only this command line can "
    "change people: kchat-search user add NAME --role admin",
}

name_argument = click.argument("name")
_roles_option = click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice(_ROLES_OF_PEOPLE),
    help="May be given several times; roles add up.",
)
_agent_option = click.option("--agent-id", help="Which agent at Kchat this person is, by the id.")


@click.group()
def user() -> None:
    """The people who may sign in. As soon as there is one, everybody must."""


@user.command()
@name_argument
@_roles_option
@_agent_option
@password_stdin_option
@click.option(
    "--no-password", is_flag=True, help="Who signs in by OpenID Connect or a proxy needs none."
)
@json_option
def add(
    name: str,
    roles: tuple[Role, ...],
    agent_id: str | None,
    from_stdin: bool,
    no_password: bool,
    as_json: bool,
) -> None:
    """Add a person."""
    if no_password and from_stdin:
        raise click.UsageError("Take --no-password or --password-stdin, not both.")
    settings = settings_of_command()
    with administration(settings) as people:
        first = not people.everybody()
        password = None if no_password else new_password(name, from_stdin=from_stdin)
        person = people.add(name, frozenset(roles), password=password, agent_id=agent_id)
    _print_changed(person, settings, as_json=as_json)
    if first:
        _say("From now on everybody must sign in, on this machine too.")
    _say_if_blind(person, settings)


@user.command("list")
@json_option
def list_(as_json: bool) -> None:
    """Everybody who has an account."""
    settings = settings_of_command()
    with administration(settings) as people:
        everybody = people.everybody()
    if as_json:
        terminal.print_json({"people": [person_json(one, settings.zone) for one in everybody]})
        return
    if not everybody:
        click.echo("Nobody. Add somebody: kchat-search user add NAME --role admin")
        return
    table = Table(box=None)
    for column in ("name", "roles", "agent", "signs in", "last sign-in"):
        table.add_column(column, overflow="fold")
    for one in everybody:
        cells = (
            one.name,
            _roles(one),
            one.agent_id or "",
            _how(one),
            terminal.time_text(one.last_sign_in_at, settings.zone),
        )
        table.add_row(*(Text(terminal.clean(cell)) for cell in cells))
    terminal.console().print(table)


@user.command()
@name_argument
@_roles_option
@_agent_option
@json_option
def role(name: str, roles: tuple[Role, ...], agent_id: str | None, as_json: bool) -> None:
    """Give a person these roles, and no others. Sessions that had more end."""
    settings = settings_of_command()
    with administration(settings) as people:
        person = _person(people, name)
        _warn(people, person, frozenset(roles))
        agent = person.agent_id if agent_id is None else agent_id or None
        people.change(person, frozenset(roles), agent)
        person = people.person(person.id)
    _print_changed(person, settings, as_json=as_json)
    _say_if_blind(person, settings)


@user.command()
@name_argument
@password_stdin_option
@json_option
def password(name: str, from_stdin: bool, as_json: bool) -> None:
    """Give a person a new password. All their sessions end."""
    settings = settings_of_command()
    with administration(settings) as people:
        person = _person(people, name)
        people.set_password(person, new_password(person.name, from_stdin=from_stdin))
        person = people.person(person.id)
    _print_changed(person, settings, as_json=as_json)


@user.command()
@name_argument
@json_option
def code(name: str, as_json: bool) -> None:
    """A code with which a local account signs in once, within 15 minutes, at /login/code."""
    settings = settings_of_command()
    with administration(settings) as people:
        person = _person(people, name)
        secret = people.sign_in_code(person)
    if as_json:
        terminal.print_json({"name": person.name, "code": secret, "path": "/login/code"})
        return
    click.echo(secret)
    _say(
        f"{person.name} signs in with it once, within 15 minutes, at "
        f"{(settings.public_url or settings.served_url).rstrip('/')}/login/code"
    )


@user.command()
@name_argument
@json_option
def disable(name: str, as_json: bool) -> None:
    """Shut a person out: the account, its sessions and its tokens give no access."""
    settings = settings_of_command()
    with administration(settings) as people:
        person = _person(people, name)
        _warn(people, person, frozenset())
        people.disable(person)
        person = people.person(person.id)
    _print_changed(person, settings, as_json=as_json)


@user.command()
@name_argument
@json_option
def enable(name: str, as_json: bool) -> None:
    """Let a person in again who was disabled."""
    settings = settings_of_command()
    with administration(settings) as people:
        person = _person(people, name)
        people.enable(person)
        person = people.person(person.id)
    _print_changed(person, settings, as_json=as_json)


@user.command()
@name_argument
@json_option
def remove(name: str, as_json: bool) -> None:
    """Remove a person with all their sessions and tokens. What the audit says of them stays."""
    settings = settings_of_command()
    with administration(settings) as people:
        person = _person(people, name)
        _warn(people, person, frozenset())
        people.remove(person)
        last = not people.everybody()
    if as_json:
        terminal.print_json({"removed": person_json(person, settings.zone)})
    else:
        click.echo(f"{terminal.clean(person.name)} is removed.")
    if last:
        _say("Nobody is left, and the pages stay shut: add a person before anybody can sign in.")


def _person(people: Administration, name: str) -> Person:
    """The account of this name. Raises `NotFound`."""
    for person in people.everybody():
        if folded(person.name) == folded(name):
            return person
    raise NotFound(
        f"There is no person «{terminal.clean(name)}». Who there is: kchat-search user list"
    )


def _warn(people: Administration, person: Person, roles: frozenset[Role]) -> None:
    for risk in risks(people.everybody(), owner(), person, roles):
        _say(_WARNINGS[risk])


def _say_if_blind(person: Person, settings: Settings) -> None:
    sees_own = settings.agents_see == "own" and "agent" in person.roles
    if sees_own and person.agent_id is None and "compliance" not in person.roles:
        _say(
            "Agents see their own chats only (KCHAT_AGENTS_SEE=own), so this person sees none "
            f"until you say which agent they are: kchat-search user role {person.name} "
            "--role agent --agent-id ID"
        )


def _print_changed(person: Person, settings: Settings, *, as_json: bool) -> None:
    if as_json:
        terminal.print_json(person_json(person, settings.zone))
    else:
        agent = f", agent {person.agent_id}" if person.agent_id else ""
        click.echo(terminal.clean(f"{person.name}: {_roles(person)}{agent}, {_how(person)}"))


def _roles(person: Person) -> str:
    return ", ".join(sorted(person.roles)) or "no role"


def _how(person: Person) -> str:
    if person.disabled:
        return "disabled"
    ways = [*(["password"] if person.has_password else []), *filter(None, [person.provider])]
    return ", ".join(ways) or "no password"


def _say(text: str) -> None:
    click.echo(terminal.clean(text), err=True)
