"""What can be wrong with a database of people on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from kchat_search.access.opening import open_access
from kchat_search.errors import AccessError
from tests import postgres

from .test_faults import READS, WRITES
from .world import ADDRESS, PASSWORD, TABLES, Clock, Office


@pytest.fixture
def other_url(postgres_url: str) -> Iterator[str]:
    """An empty database on the same server."""
    with postgres.database(postgres_url, "other") as url:
        yield url


@pytest.mark.parametrize("wrong", ["a port of nobody", "a password", "a name"])
def test_a_server_that_lets_nobody_in_is_said_without_the_password(
    postgres_url: str, wrong: str
) -> None:
    user, password, place = (
        postgres_url.replace("@", ":").removeprefix("postgresql://").split(":", 2)
    )
    url = {
        "a port of nobody": f"postgresql://{user}:{password}@127.0.0.1:1/postgres",
        "a password": f"postgresql://{user}:s3cret@{place}",
        "a name": f"postgresql://{user}:{password}@{place}x",
    }[wrong]
    with pytest.raises(AccessError, match="can't be reached") as error:
        open_access(url, Clock())
    assert "s3cret" not in str(error.value)
    assert password not in str(error.value)
    assert "KCHAT_ACCESS_URL" in str(error.value)


def test_nothing_answers_without_the_tables(other_url: str) -> None:
    office = Office(other_url)
    with closing(office.open()) as access:
        person = access.people.add("anna", ["admin"], password=PASSWORD)
        office.secret = access.sessions.begin(person, address=ADDRESS, browser="")
        _, office.token = access.tokens.add("x", ["compliance"])
        assert access.people.ever()
        with psycopg.connect(other_url) as connection:
            connection.execute(f"DROP TABLE {', '.join(TABLES)}")
        for call in (READS | WRITES).values():
            with pytest.raises(AccessError):
                call(access, office)
        assert access.people.ever()


def test_nothing_answers_without_the_database(other_url: str, postgres_url: str) -> None:
    office = Office(other_url)
    with closing(office.open()) as access:
        access.people.add("anna", ["admin"])
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute("DROP DATABASE other (FORCE)")
            with pytest.raises(AccessError, match="can't be reached"):
                access.people.everybody()
            connection.execute("CREATE DATABASE other")
        with pytest.raises(AccessError):
            access.people.everybody()


def test_a_database_of_another_program_is_refused(other_url: str) -> None:
    with psycopg.connect(other_url) as connection:
        connection.execute("CREATE TABLE cookies (name text)")
    with pytest.raises(AccessError, match="some other program"):
        Office(other_url).open()
