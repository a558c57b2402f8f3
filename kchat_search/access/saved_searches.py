"""The searches that people have saved: `ports.access.SavedSearches`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from kchat_search.access.database import AccessDatabase, latest_time
from kchat_search.access.tables import saved_searches
from kchat_search.databases.column_values import moment_in, moment_out
from kchat_search.errors import BadRequest, LimitExceeded, NotFound
from kchat_search.models.id_sets import packed, unpacked
from kchat_search.models.people import Principal
from kchat_search.models.saved import (
    LONGEST_NAME,
    LONGEST_QUERY,
    MOST_SAVED,
    MOST_SEEN,
    SavedSearch,
)

_PERSON = "person:"


class SqlSavedSearches:
    """See the port."""

    def __init__(self, database: AccessDatabase) -> None:
        self._database = database

    def of(self, owner: Principal) -> tuple[SavedSearch, ...]:
        """All of this person, by name."""
        with self._database.reading() as connection:
            rows = connection.execute(select(saved_searches).where(_of(owner))).all()
        return tuple(sorted(map(_out, rows), key=lambda one: (one.name.casefold(), one.id)))

    def one(self, owner: Principal, number: int) -> SavedSearch:
        """One of them. Raises `NotFound`."""
        with self._database.reading() as connection:
            wanted = select(saved_searches).where(_of(owner), saved_searches.c.id == number)
            row = connection.execute(wanted).one_or_none()
        if row is None:
            raise NotFound(f"You have no saved search {number}.")
        return _out(row)

    def add(self, owner: Principal, name: str, query: str, seen: Sequence[int]) -> SavedSearch:
        """A new one; `seen`: the ids of the chats that it finds now."""
        name = _checked_name(name)
        if len(query) > LONGEST_QUERY:
            raise LimitExceeded(
                "The search is too long to be saved: keep its address.", "query", LONGEST_QUERY
            )
        with self._database.writing() as connection:
            count = connection.scalar(
                select(func.count()).select_from(saved_searches).where(_of(owner))
            )
            if (count or 0) >= MOST_SAVED:
                raise BadRequest(f"You have {count} saved searches: remove one first.", "name")
            _refuse_second(connection, owner, name)
            now = moment_in(self._database.now(connection.scalar(select(latest_time))))
            row = {
                "person_id": _person(owner),
                "name": name,
                "query": query,
                "saved_at": now,
                "seen_at": now,
                "seen": _seen(seen),
            }
            number = connection.execute(insert(saved_searches).values(row)).inserted_primary_key
            assert number is not None
            wanted = select(saved_searches).where(saved_searches.c.id == number[0])
            return _out(connection.execute(wanted).one())

    def rename(self, owner: Principal, number: int, name: str) -> None:
        """Give one another name."""
        name = _checked_name(name)
        with self._database.writing() as connection:
            _refuse_second(connection, owner, name, but=number)
            _change(connection, owner, number, name=name)

    def mark_seen(self, owner: Principal, number: int, seen: Sequence[int]) -> None:
        """From now on, these chats are seen."""
        with self._database.reading() as connection:
            now = self._database.now(connection.scalar(select(latest_time)))
        with self._database.writing() as connection:
            _change(connection, owner, number, seen=_seen(seen), seen_at=moment_in(now))

    def remove(self, owner: Principal, number: int) -> None:
        """Remove one."""
        gone = delete(saved_searches).where(_of(owner), saved_searches.c.id == number)
        with self._database.writing() as connection:
            if not connection.execute(gone).rowcount:
                raise NotFound(f"You have no saved search {number}.")


def _change(
    connection: Connection, owner: Principal, number: int, **values: str | int | None
) -> None:
    changed = update(saved_searches).where(_of(owner), saved_searches.c.id == number)
    if not connection.execute(changed.values(values)).rowcount:
        raise NotFound(f"You have no saved search {number}.")


def _refuse_second(
    connection: Connection, owner: Principal, name: str, *, but: int | None = None
) -> None:
    """Raises `BadRequest` where another search of theirs than `but` has this name. Upper and lower
    case do not count: people would not tell them apart."""
    wanted = select(saved_searches.c.id, saved_searches.c.name).where(_of(owner))
    for number, taken in connection.execute(wanted):
        if number != but and taken.casefold() == name.casefold():
            raise BadRequest(f"You have a saved search «{taken}» already.", "name")


def _person(owner: Principal) -> int | None:
    """The number of a person; None for whoever sits at the machine. A token has no searches."""
    if owner.kind == "anyone":
        return None
    if owner.kind != "person":
        raise BadRequest("Only people have saved searches: log in as one.", "unseen")
    return int(owner.key.removeprefix(_PERSON))


def _of(owner: Principal) -> ColumnElement[bool]:
    number = _person(owner)
    if number is None:
        return saved_searches.c.person_id.is_(None)
    return saved_searches.c.person_id == number


def _seen(ids: Sequence[int]) -> str | None:
    return None if len(ids) > MOST_SEEN else packed(sorted(ids))


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise BadRequest("A saved search needs a name.", "name")
    if len(name) > LONGEST_NAME:
        message = f"The name is too long: at most {LONGEST_NAME} characters."
        raise LimitExceeded(message, "name", LONGEST_NAME)
    if not name.isprintable():
        raise BadRequest("The name has characters that can't be shown.", "name")
    return name


def _out(row: Row[Any]) -> SavedSearch:
    return SavedSearch(
        id=row.id,
        name=row.name,
        query=row.query,
        saved_at=moment_out(row.saved_at),
        seen_at=moment_out(row.seen_at),
        seen=None if row.seen is None else unpacked(row.seen),
    )
