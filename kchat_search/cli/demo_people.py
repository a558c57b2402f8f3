"""`demo --people`: an account for each role, and tokens, with made-up passwords."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

import click
from rich.table import Table
from rich.text import Text

from kchat_search.access import names
from kchat_search.cli import terminal
from kchat_search.cli.owner import administration
from kchat_search.config import Settings
from kchat_search.errors import BadRequest
from kchat_search.models.people import Role

_AGENT = "李雷"
"""The agent of the made-up conversations who signs in."""
_PASSWORD_BYTES = 6
_ACCOUNTS: dict[Role, str] = {
    "agent": "searches; numbers are masked",
    "compliance": "searches, sees numbers, exports",
    "admin": "adds people and tokens",
    "auditor": "reads the audit",
}
_TOKENS: tuple[Role, ...] = ("compliance", "metrics")


def add_people(settings: Settings, agents: Mapping[str, str]) -> None:
    """Add them to an empty database, and print how to sign in. `agents`: names by id."""
    agent_id = next((key for key, name in agents.items() if name == _AGENT), None)
    if agent_id is None:
        agent_id = min(agents, default=None)
    people = Table(box=None, title="Sign in as", title_justify="left")
    tokens = Table(box=None, title="Tokens for programs", title_justify="left")
    for table, columns in ((people, ("name", "password", "")), (tokens, ("role", "token"))):
        for column in columns:
            table.add_column(column, no_wrap=True)
    with administration(settings) as administrator:
        for role, may in _ACCOUNTS.items():
            password = secrets.token_hex(_PASSWORD_BYTES)
            name = _name(agents.get(agent_id or "")) if role == "agent" else role
            person = administrator.add(
                name,
                frozenset({role}),
                password=password,
                agent_id=agent_id if role == "agent" else None,
            )
            people.add_row(Text(terminal.clean(person.name)), password, may)
        for role in _TOKENS:
            _, secret = administrator.add_token(
                role, [role], owner=None, agent_id=None, expires_at=None
            )
            tokens.add_row(role, secret)
    out = terminal.console()
    for table in (people, tokens):
        out.print(table)
        out.print()
    click.echo("These accounts are for this demo alone, and go with it.")


def _name(agent: str | None) -> str:
    """The user name of an agent: their own, where it can be one."""
    try:
        return names.checked(agent or "", ("compliance", "admin", "auditor"))
    except BadRequest:
        return "agent"
