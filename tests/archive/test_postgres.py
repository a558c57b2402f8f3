"""What only an archive on PostgreSQL meets: its server, its errors, its settings."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from threading import Event, Thread
from urllib.parse import urlsplit

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

from kchat_search.archive import SqlArchive, open_archive
from kchat_search.archive import election as election_module
from kchat_search.archive.error_translation import ARCHIVE
from kchat_search.archive.tables import metadata
from kchat_search.databases import opening
from kchat_search.databases.connections import _WRITERS, OnPostgres
from kchat_search.errors import ArchiveError, ArchiveFull, IndexerDeposed
from tests import postgres
from tests.archive_on_postgres import EmptyOnPostgres
from tests.contracts.archive.chats import at, fetched, rejected

from .damage import found, run


@pytest.fixture
def url(archive_on_postgres: EmptyOnPostgres) -> str:
    return archive_on_postgres.emptied()


@pytest.fixture
def archive(url: str) -> Iterator[SqlArchive]:
    with closing(open_archive(url)) as archive:
        yield archive


@pytest.fixture
def other_url(postgres_server: str) -> Iterator[str]:
    """An empty database."""
    with postgres.database(postgres_server, "other") as url:
        yield url


def at_each_insert(url: str, statement: str) -> None:
    """From now on, the server does this whenever a chat is inserted."""
    run(
        url,
        f"CREATE OR REPLACE FUNCTION odd() RETURNS trigger AS $$ BEGIN {statement}; RETURN NEW; END"
        " $$ LANGUAGE plpgsql",
        "CREATE OR REPLACE TRIGGER odd BEFORE INSERT ON chats FOR EACH ROW EXECUTE FUNCTION odd()",
    )


@pytest.fixture
def odd_url(url: str) -> Iterator[str]:
    """The archive's address; afterwards the server does nothing odd any more."""
    yield url
    run(url, "DROP TRIGGER odd ON chats", "DROP FUNCTION odd")


@pytest.fixture
def of_another_program(url: str) -> Iterator[str]:
    """A server that is not PostgreSQL's."""
    del url
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            with suppress(OSError):  # it has ended
                while True:
                    connection, _ = listening.accept()
                    with connection:
                        connection.recv(1)
                        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = Thread(target=answer)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("tests:{password}@127.0.0.1:1/archives", "refused"),
        ("tests:{password}@nowhere.invalid/archives", "nowhere.invalid"),
        ("tests:{password}@{other}/archives", "invalid response"),
        ("tests:s3cret@{server}/archives", "password authentication failed"),
        ("nobody:{password}@{server}/archives", "password authentication failed"),
        ("many:{password}@{server}/archives", "too many connections"),
        ("tests:{password}@{server}/nothing", "does not exist"),
        ("tests:{password}@{server}/archives?sslmode=require", "does not support SSL"),
        ("tests:{password}@{server}/archives?password=s3cret&sslmode=sideways", "sslmode"),
        ("tests:{password}@{server}/archives?sslpassword=s3cret&nonsense=1", "nonsense"),
    ],
)
def test_a_server_that_lets_nobody_in_is_said_without_a_password(
    url: str, of_another_program: str, wrong: str, words: str
) -> None:
    parts = urlsplit(url)
    password = str(parts.password)
    server = f"{parts.hostname}:{parts.port}"
    if wrong.startswith("many"):
        run(
            url,
            "DROP ROLE IF EXISTS many",
            f"CREATE ROLE many LOGIN PASSWORD '{password}' CONNECTION LIMIT 0",
        )
    address = wrong.format(password=password, server=server, other=of_another_program)
    with pytest.raises(ArchiveError, match="can't be reached") as error:
        open_archive(f"postgresql://{address}")
    assert words in str(error.value)
    assert "s3cret" not in str(error.value)
    assert password not in str(error.value)
    assert "KCHAT_ARCHIVE_URL" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("code", "words", "may_pass"),
    [
        ("53100", "no room left", True),
        ("25006", "can only be read", False),
        ("42501", "does not allow this", False),
        ("40P01", "held by another program", True),
        ("57014", "did not answer in time", True),
        ("58030", "The disk", False),
        ("XX001", "is damaged", False),
        ("57P01", "can't be reached", True),
    ],
)
def test_what_the_server_refuses_is_said_and_changes_nothing(
    odd_url: str, archive: SqlArchive, code: str, words: str, may_pass: bool
) -> None:
    archive.save([fetched(1)], now=at(0), cursor=("list", {"page": 1}))
    at_each_insert(odd_url, f"RAISE 'so it is' USING ERRCODE = '{code}'")
    with pytest.raises(ArchiveError, match=words) as error:
        archive.save([fetched(2)], [rejected("raw:x")], now=at(1), cursor=("list", {"page": 2}))
    assert error.value.retry == may_pass
    assert isinstance(error.value, ArchiveFull) == (code == "53100")
    assert archive.counts().chats == 1
    assert archive.count_rejects() == 0
    assert archive.cursor("list") == {"page": 1}


def test_a_server_that_ends_a_connection_midway_costs_one_save(
    odd_url: str, archive: SqlArchive
) -> None:
    at_each_insert(odd_url, "PERFORM pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(ArchiveError, match="can't be reached") as error:
        archive.save([fetched(1)], now=at(0))
    assert error.value.retry
    at_each_insert(odd_url, "NULL")
    archive.save([fetched(1)], now=at(0))
    assert archive.counts().chats == 1


def test_connections_that_were_lost_while_nobody_asked_are_made_anew(
    url: str, archive: SqlArchive
) -> None:
    archive.save([fetched(1)], now=at(0))
    with psycopg.connect(url) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert archive.counts().chats == 1
    archive.save([fetched(2)], now=at(0))


def test_a_statement_that_takes_too_long_is_ended(odd_url: str) -> None:
    at_each_insert(odd_url, "PERFORM pg_sleep(60)")
    with closing(open_archive(odd_url, on_postgres=OnPostgres(1, 1.0))) as hasty:
        with pytest.raises(ArchiveError, match="did not answer in time") as error:
            hasty.save([fetched(1)], now=at(0))
        assert "KCHAT_DATABASE_STATEMENT_SECONDS" in str(error.value)
        with hasty._reading() as connection:
            assert connection.scalar(text("SHOW statement_timeout")) == "1s"
        # What reads everything may take as long as it takes.
        with hasty._reading(patient=True) as connection:
            assert connection.scalar(text("SHOW statement_timeout")) == "0"
        with hasty._writing(patient=True) as connection:
            assert connection.scalar(text("SHOW statement_timeout")) == "0"


def test_another_writer_is_waited_for_and_readers_do_not_wait(
    url: str, archive: SqlArchive
) -> None:
    with psycopg.connect(url) as other, closing(open_archive(url, wait_seconds=0.05)) as hasty:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [_WRITERS])
        with pytest.raises(ArchiveError, match="held by another program"):
            hasty.save([fetched(1)], now=at(0))
        assert archive.counts().chats == 0
    archive.save([fetched(1)], now=at(0))


def test_more_threads_than_connections_are_told_so(url: str) -> None:
    done = Event()
    few = OnPostgres(pool_size=1)
    with (
        closing(open_archive(url, wait_seconds=0.05, on_postgres=few)) as archive,
        ThreadPoolExecutor(2) as pool,
        ExitStack() as stack,
    ):
        stack.callback(done.set)
        held = [Event(), Event()]

        def hold(is_held: Event) -> None:
            with archive._reading():
                is_held.set()
                done.wait(60)

        waiting = [pool.submit(hold, is_held) for is_held in held]
        assert all(is_held.wait(60) for is_held in held)
        with pytest.raises(ArchiveError, match="KCHAT_DATABASE_POOL_SIZE") as error:
            archive.counts()
        assert error.value.retry
        done.set()
        for each in waiting:
            each.result(60)


def test_the_server_s_defaults_make_no_difference(url: str) -> None:
    odd = (
        ("default_transaction_isolation", "serializable"),
        ("synchronous_commit", "off"),
        ("statement_timeout", "1h"),
    )
    try:
        with psycopg.connect(url) as connection:
            for name, value in odd:
                connection.execute(f"ALTER DATABASE archives SET {name} = '{value}'")
        with closing(open_archive(url)) as archive:
            archive.save([fetched(1)], now=at(0))
            with archive._writing() as connection:
                shown = [
                    connection.scalar(text(f"SHOW {name}"))
                    for name in ("transaction_isolation", "synchronous_commit", "statement_timeout")
                ]
            assert shown == ["read committed", "local", "5min"]
            with archive._reading() as connection:
                assert connection.scalar(text("SHOW transaction_isolation")) == "repeatable read"
                assert connection.scalar(text("SHOW transaction_read_only")) == "on"
    finally:
        with psycopg.connect(url) as connection:
            connection.execute("ALTER DATABASE archives RESET ALL")


def test_a_database_that_can_t_hold_every_text_is_refused(postgres_server: str) -> None:
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE bytes ENCODING 'SQL_ASCII' TEMPLATE template0")
        with pytest.raises(ArchiveError, match="SQL_ASCII"):
            open_archive(postgres_server.replace("/postgres", "/bytes"))
        connection.execute("DROP DATABASE bytes (FORCE)")


def test_a_server_that_is_too_old_is_refused(
    other_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "_LEAST_POSTGRES", 99)
    with pytest.raises(ArchiveError, match="99 or newer"):
        open_archive(other_url)


def test_a_database_of_another_program_is_refused(other_url: str) -> None:
    run(other_url, "CREATE TABLE cookies (name text)")
    with pytest.raises(ArchiveError, match="some other program"):
        open_archive(other_url)


def end_the_lock(url: str) -> None:
    """The server ends the connection that holds the indexer's lock, as where a network fails."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory'"
        )


def test_an_indexer_that_lost_its_connection_knows_it(url: str, archive: SqlArchive) -> None:
    election = archive.election()
    assert election is not None
    election.check()  # nobody asked it to be the indexer
    with election.held("sync", at(0)):
        election.check()
        end_the_lock(url)
        for _ in range(2):
            with pytest.raises(IndexerDeposed):
                election.check()
        assert election.holder() is None
    with election.held("sync", at(1)):
        election.check()
        archive.save([fetched(1)], now=at(1))


def test_a_former_indexer_writes_nothing_once_there_is_another(
    url: str, archive: SqlArchive
) -> None:
    former = archive.election()
    assert former is not None
    with former.held("worker", at(0)), closing(open_archive(url)) as other:
        archive.save([fetched(1)], now=at(0))
        end_the_lock(url)
        present = other.election()
        assert present is not None
        with present.held("worker", at(1)):
            with pytest.raises(IndexerDeposed):
                archive.save([fetched(2)], now=at(1), cursor=("list", {"page": 2}))
            with pytest.raises(IndexerDeposed):
                archive.done(archive.changes(10))
            with pytest.raises(IndexerDeposed), former.rebuilding(lambda *_: None, lambda: at(1)):
                raise AssertionError
            other.save([fetched(3)], now=at(1))
        assert [entry.chat_id for entry in archive.changes(10)] == [1, 3]
    archive.set_cursor("list", {"page": 3}, now=at(2))  # it writes what everybody may


def test_who_waits_without_an_end_waits_for_a_server_too(
    postgres_server: str, other_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = Event()
    with closing(open_archive(other_url)) as archive, ThreadPoolExecutor(1) as pool:
        election = archive.election()
        assert election is not None
        monkeypatch.setattr(election_module, "_PAUSE_SECONDS", 0.05)
        monkeypatch.setattr(election_module.log, "warning", lambda *_: tried.set())
        with psycopg.connect(postgres_server, autocommit=True) as connection:
            connection.execute("ALTER DATABASE other ALLOW_CONNECTIONS false")
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'other'"
            )

            def be_the_indexer() -> None:
                with election.held("worker", at(0), -1):
                    pass

            waiting = pool.submit(be_the_indexer)
            assert tried.wait(60)
            connection.execute("ALTER DATABASE other ALLOW_CONNECTIONS true")
        waiting.result(60)


def test_migrations_and_tables_agree(url: str) -> None:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    ours = {"include_name": lambda name, kind, _: kind != "table" or name in metadata.tables}
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, **ours})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_an_archive_of_an_earlier_version_keeps_all_that_it_has(other_url: str) -> None:
    engine = create_engine(other_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        config = opening.config(ARCHIVE)
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    run(
        other_url,
        "INSERT INTO rejects VALUES ('chat:5', 5, 'odd', 1000000, 2000000, 3, '{}')",
        "UPDATE tally SET rejected = 1",
    )
    with closing(open_archive(other_url)) as archive:
        (stored,) = archive.rejects()
        assert (stored.reject.key, stored.times, stored.gone_at) == ("chat:5", 3, None)
        assert found(archive) == ()
        archive.save([fetched(5)], now=at(0))
        assert archive.counts().rejected == 0


def test_a_bug_is_not_translated(archive: SqlArchive) -> None:
    with pytest.raises(Exception, match='"lost" does not exist'), archive._reading() as connection:
        connection.execute(text("SELECT * FROM lost WHERE x = :x"), {"x": "13912345678"})


def test_a_table_that_was_dropped_is_damage(other_url: str) -> None:
    with closing(open_archive(other_url)) as archive:
        run(other_url, "DROP TABLE agents")
        with pytest.raises(ArchiveError, match="is damaged"):
            archive.agents()
        assert archive.counts().chats == 0
