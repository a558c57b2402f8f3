"""Tokens for programs: `ports.access.Tokens`.

A token never gives more than its owner has at that moment: of its roles those that the owner still
has, and the owner's agent. The role metrics, which no person has, goes with the role admin, which
may see the same.

Who signs in by OpenID Connect has the roles that the provider says, and it is asked again as long
as they are signed in. So their tokens count as long: each stands on their newest session, whose
grant asks the provider (`Principal.session`, `vouched_by`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, insert, select, update

from kchat_search.access.database import AccessDatabase, latest_time
from kchat_search.access.people import checked_agent_id, row_of
from kchat_search.access.role_lists import roles_in, roles_out
from kchat_search.access.secret_text import TOKEN_BEGINS, hash_of, new_token, prefix
from kchat_search.access.sessions import SqlSessions
from kchat_search.access.tables import people, tokens
from kchat_search.databases.column_values import moment_in, moment_out
from kchat_search.errors import BadRequest, NotFound
from kchat_search.models.people import Principal, Role, Token

_MOST_CHARACTERS = 64
_MOST_OF_AN_OWNER = 100
_WRITTEN_EVERY = timedelta(minutes=1)

_owner = people.alias("owner")
_WITH_OWNER = select(
    tokens,
    _owner.c.name.label("owner_name"),
    _owner.c.roles.label("owner_roles"),
    _owner.c.agent_id.label("owner_agent_id"),
    _owner.c.disabled_at.label("owner_disabled_at"),
    _owner.c.provider.label("owner_provider"),
    latest_time.label("latest_time"),
).join_from(tokens, _owner, isouter=True)
_BY_SECRET = _WITH_OWNER.where(tokens.c.secret_hash == bindparam("hash"))


class SqlTokens:
    """See the port. `agents_see_own`: an agent sees only chats that they took part in, so a token
    of that role must say which agent."""

    def __init__(
        self, database: AccessDatabase, sessions: SqlSessions, *, agents_see_own: bool
    ) -> None:
        self._database = database
        self._sessions = sessions
        self._agents_see_own = agents_see_own

    def add(
        self,
        name: str,
        roles: Iterable[Role],
        *,
        owner: str | None = None,
        agent_id: str | None = None,
        expires_at: datetime | None = None,
    ) -> tuple[Token, str]:
        """A new token, and its secret."""
        wanted = roles_in(roles)
        row: dict[str, Any] = {"name": _checked_name(name), "roles": wanted, "owner_id": None}
        if not wanted:
            raise BadRequest("A token needs a role: what shall it be for?", "role")
        secret = new_token()
        agent = checked_agent_id(agent_id)
        with self._database.writing() as connection:
            now = self._database.now(connection.scalar(select(latest_time)))
            if expires_at is not None and expires_at <= now:
                raise BadRequest("The token would have ended already: name a later end.", "expires")
            if owner is not None:
                person = row_of(connection, owner)
                _check_owner(person, roles_out(wanted), agent)
                row["owner_id"] = person.id
                agent = person.agent_id
                count = len(connection.execute(select(tokens.c.id).where(_live(person.id))).all())
                if count >= _MOST_OF_AN_OWNER:
                    raise BadRequest(
                        f"«{person.name}» has {count} tokens: revoke some first.", "owner"
                    )
            self._check_agent(roles_out(wanted), agent)
            row |= {
                "prefix": prefix(secret),
                "secret_hash": hash_of(secret),
                "agent_id": agent,
                "created_at": moment_in(now),
                "expires_at": None if expires_at is None else moment_in(expires_at),
            }
            number = connection.execute(insert(tokens).values(row)).inserted_primary_key
            assert number is not None
            stored = connection.execute(_WITH_OWNER.where(tokens.c.id == number[0])).one()
            return _token_out(stored), secret

    def principal(self, secret: str) -> Principal | None:
        """Who has this token. What does not look like a token is not looked up."""
        if not secret.startswith(TOKEN_BEGINS):
            return None
        with self._database.reading() as connection:
            row = connection.execute(_BY_SECRET, {"hash": hash_of(secret)}).one_or_none()
        if row is None or row.revoked_at is not None:
            return None
        now = self._database.now(row.latest_time)
        if row.expires_at is not None and row.expires_at <= moment_in(now):
            return None
        if row.owner_disabled_at is not None:
            return None
        session = None
        if row.owner_provider is not None:
            session = self._sessions.newest_vouched(row.owner_id)
            if session is None:
                return None
        used = moment_out(row.last_used_at)
        if used is None or now - used >= _WRITTEN_EVERY:
            self._write_use(row.id, now)
        return Principal(
            kind="token",
            key=f"token:{row.id}",
            name=row.name,
            roles=_present_roles(row),
            agent_id=row.agent_id if row.owner_id is None else row.owner_agent_id,
            session=session,
            vouched_by=row.owner_provider,
        )

    def everything(self, *, owner: str | None = None) -> tuple[Token, ...]:
        """All tokens, newest first; with `owner`, only that person's."""
        with self._database.reading() as connection:
            wanted = _WITH_OWNER.order_by(tokens.c.id.desc())
            if owner is not None:
                wanted = wanted.where(tokens.c.owner_id == row_of(connection, owner).id)
            rows = connection.execute(wanted).all()
        return tuple(map(_token_out, rows))

    def revoke(self, token: int, *, owner: str | None = None) -> None:
        """Revoke a token; with `owner`, only if it is theirs. One that is revoked stays so."""
        with self._database.writing() as connection:
            which = tokens.c.id == token
            if owner is not None:
                which &= tokens.c.owner_id == row_of(connection, owner).id
            row = connection.execute(select(tokens.c.revoked_at).where(which)).one_or_none()
            if row is None:
                raise NotFound(f"There is no token {token}.")
            if row.revoked_at is None:
                now = moment_in(self._database.now())
                connection.execute(update(tokens).where(which).values(revoked_at=now))

    def _check_agent(self, roles: frozenset[Role], agent_id: str | None) -> None:
        if self._agents_see_own and "agent" in roles and agent_id is None:
            raise BadRequest(
                "Agents see their own chats only (KCHAT_AGENTS_SEE=own): say which agent this "
                "token is for, by its id at Kchat (--agent-id).",
                "agent_id",
            )

    def _write_use(self, token: int, now: datetime) -> None:
        with self._database.writing() as connection:
            connection.execute(
                update(tokens).where(tokens.c.id == token).values(last_used_at=moment_in(now))
            )
            self._database.keep_time(connection, now)


def _live(owner: int) -> ColumnElement[bool]:
    return (tokens.c.owner_id == owner) & tokens.c.revoked_at.is_(None)


def _given(owner: frozenset[Role]) -> frozenset[Role]:
    """What a token of somebody with these roles may have."""
    return owner | {"metrics"} if "admin" in owner else owner


def _check_owner(person: Row[Any], wanted: frozenset[Role], agent_id: str | None) -> None:
    lacking = sorted(wanted - _given(roles_out(person.roles)))
    if lacking:
        raise BadRequest(
            f"«{person.name}» does not have the role {lacking[0]}, so no token of theirs can.",
            "role",
        )
    if agent_id is not None and agent_id != person.agent_id:
        raise BadRequest(
            f"A token of «{person.name}» is for the agent that they are, and for no other.",
            "agent_id",
        )
    if person.disabled_at is not None:
        raise BadRequest(f"«{person.name}» is disabled: enable the account first.", "owner")


def _present_roles(row: Row[Any]) -> frozenset[Role]:
    roles = roles_out(row.roles)
    return roles if row.owner_id is None else roles & _given(roles_out(row.owner_roles))


def _token_out(row: Row[Any]) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        prefix=row.prefix,
        roles=roles_out(row.roles),
        agent_id=row.agent_id if row.owner_id is None else row.owner_agent_id,
        owner=row.owner_name,
        created_at=moment_out(row.created_at),
        expires_at=moment_out(row.expires_at),
        last_used_at=moment_out(row.last_used_at),
        revoked_at=moment_out(row.revoked_at),
    )


def _checked_name(name: str) -> str:
    text = unicodedata.normalize("NFKC", name[: 4 * _MOST_CHARACTERS]).strip()
    if not text:
        raise BadRequest("The token has no name: say what it is for.", "name")
    if len(text) > _MOST_CHARACTERS or not text.isprintable():
        raise BadRequest(
            f"A token's name has at most {_MOST_CHARACTERS} characters, all of which can be seen.",
            "name",
        )
    return text
