"""A database that was copied, either way: what it has, what is refused, and that a kill costs
nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from kchat_search.access.copying import ACCESS_COPY
from kchat_search.access.tables import metadata as access_tables
from kchat_search.archive import open_archive
from kchat_search.archive.copying import ARCHIVE_COPY
from kchat_search.archive.tables import metadata as archive_tables
from kchat_search.databases import copying
from kchat_search.databases.connections import OnPostgres
from kchat_search.databases.copying import Subject, copy_database
from kchat_search.databases.driver_statements import insert_many
from kchat_search.errors import AccessError, ArchiveError
from kchat_search.models.audit import AuditEntry
from kchat_search.models.chats import RejectedChat
from kchat_search.models.copies import Copied
from kchat_search.models.reports import SyncReport
from tests import postgres
from tests.access.world import ADDRESS, PASSWORD, Office
from tests.archive.damage import Place, found, mend, named, outside, run, sent, url_of
from tests.contracts.archive.chats import at

EITHER_WAY = [("sqlite", "postgres"), ("postgres", "sqlite"), ("sqlite", "sqlite")]
NewPlace = Callable[[str], Place]


@pytest.fixture
def new_place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[NewPlace]:
    """Makes empty databases: the path of a file that is not there yet, or the address of one on
    PostgreSQL."""
    with ExitStack() as stack:
        made: list[Place] = []

        def make(kind: str) -> Place:
            name = f"copy_{len(made)}"
            if kind == "sqlite":
                made.append(tmp_path / f"{name}.sqlite3")
            else:
                server = request.getfixturevalue("postgres_server")
                made.append(stack.enter_context(postgres.database(server, name)))
            return made[-1]

        yield make


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_ROWS_AT_ONCE", 2)


def copied(subject: Subject, source: Place, target: Place) -> Copied:
    return copy_database(
        subject,
        url_of(source),
        url_of(target),
        on_postgres=OnPostgres(),
        progress=lambda *_: None,
    )


def fill_archive(place: Place) -> None:
    """Something in every table, also what was damaged once."""
    with closing(open_archive(url_of(place))) as archive:
        chats = [sent(i, f"第{i}句", status="close" if i % 2 else "open") for i in range(1, 8)]
        archive.save(chats, now=at(0), cursor=("backfill", {"page": 3, "什么": "\ud83d\0"}))
        archive.save([sent(i, "退款") for i in range(1, 4)], now=at(1))
        archive.save(
            [sent(1, "到账")], [RejectedChat("chat:77", 77, '{"id":77}', "odd")], now=at(2)
        )
        archive.mark_gone([5], now=at(3))
        archive.save_agents({"2192": "李雷", "2193": "韩梅梅"}, now=at(4))
        archive.save_report(SyncReport("tick", at(0), at(1), seen=7))
        archive.done(archive.changes(2))
        run(place, "UPDATE versions SET raw = '{}' WHERE chat_id = 1 AND version = 2")
        mend(archive)


def rows_of(place: Place, table: str) -> list[tuple[Any, ...]]:
    """The rows of a table; of the tally, without what is the database's own."""
    own = ("shape", "seal") if table == "tally" else ()
    with outside(place) as connection:
        cursor = connection.execute(f"SELECT * FROM {table}")  # noqa: S608  # our names
        kept = [at for at, column in enumerate(cursor.description) if column[0] not in own]
        return sorted((tuple(row[at] for at in kept) for row in cursor), key=ascii)


def same_archive(source: Place, target: Place) -> None:
    for table in archive_tables.tables:
        assert rows_of(target, table) == rows_of(source, table), table
    with closing(open_archive(url_of(target))) as archive:
        assert found(archive) == ()


@pytest.mark.parametrize(("source", "target"), EITHER_WAY)
def test_a_copied_archive_is_the_same_and_goes_on(
    new_place: NewPlace, source: str, target: str
) -> None:
    here, there = new_place(source), new_place(target)
    fill_archive(here)
    report = copied(ARCHIVE_COPY, here, there)
    assert (report.noun, report.setting, report.damaged) == ("archive", "KCHAT_ARCHIVE_URL", 0)
    assert {table.name: table.rows for table in report.tables} == {
        name: len(rows_of(here, name)) for name in archive_tables.tables if name != "tally"
    }
    same_archive(here, there)
    with closing(open_archive(url_of(here))) as one, closing(open_archive(url_of(there))) as other:
        for archive in (one, other):
            archive.save([sent(9, "以后")], now=at(99))
        assert one.changes(99) == other.changes(99)
        assert one.facts("backfill") == other.facts("backfill")
    hashes = {table.name: table.sha256 for table in report.tables}
    again = copied(ARCHIVE_COPY, there, new_place("sqlite"))
    assert {t.name for t in again.tables if t.sha256 != hashes[t.name]} == {"chats", "changes"}


@pytest.mark.parametrize(("source", "target"), EITHER_WAY)
def test_copied_people_are_who_they_were_and_their_audit_is_one_chain(
    new_place: NewPlace, source: str, target: str
) -> None:
    here, there = new_place(source), new_place(target)
    office = Office(url_of(here))
    with closing(office.open()) as access:
        anna = access.people.add("anna", ["admin"], password=PASSWORD)
        left = access.people.add("bert", ["agent"], password=PASSWORD)
        access.people.remove("bert")
        secret = access.sessions.begin(anna, address=ADDRESS, browser="")
        for number in range(5):
            entry = AuditEntry(f"person:{anna.id}", "anna", ADDRESS, "search", "", f"退款 {number}")
            access.audit.record(entry).wait()
        head = access.audit.check().head
    assert copied(ACCESS_COPY, here, there).damaged == 0
    for table in access_tables.tables:
        assert rows_of(there, table) == rows_of(here, table), table
    with closing(Office(url_of(there)).open()) as access:
        assert access.audit.check(head).ok
        assert access.sessions.principal(secret) is not None
        assert access.people.add("carl", ["agent"]).id > left.id
        access.audit.record(
            AuditEntry(f"person:{anna.id}", "anna", ADDRESS, "search", "", "以后")
        ).wait()
        assert access.audit.check(head).ok


class Stopped(BaseException):
    """In the place of a kill."""


def stop_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """The copy ends when it writes for this time, before or after that is committed."""
    write = copying._Copy._write
    calls = iter(range(10_000))

    def counted(self: Any, *arguments: Any) -> None:
        here = next(calls)
        if here == step // 2 and step % 2:
            raise Stopped
        write(self, *arguments)
        if here == step // 2:
            raise Stopped

    monkeypatch.setattr(copying._Copy, "_write", counted)


@pytest.mark.parametrize("target", ["sqlite", "postgres"])
def test_a_copy_that_was_stopped_anywhere_goes_on_also_after_the_source_has_changed(
    new_place: NewPlace, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = new_place("sqlite"), new_place(target)
    fill_archive(here)
    rows = 0
    for step, change in enumerate([0, 7, 14, 21]):
        with monkeypatch.context() as patch:
            stop_at(patch, change)
            with pytest.raises(Stopped):
                copied(ARCHIVE_COPY, here, there)
        with pytest.raises(ArchiveError, match="unfinished copy"):
            open_archive(url_of(there))
        before, rows = rows, sum(len(rows_of(there, table)) for table in archive_tables.tables)
        assert rows >= before
        with closing(open_archive(url_of(here))) as archive:
            archive.save([sent(2, f"又改了 {step}"), sent(20 + step)], now=at(20 + step))
            archive.drop_reject("chat:77")
            archive.done(archive.changes(1))
    other = new_place("sqlite")
    fill_archive(other)
    with pytest.raises(ArchiveError, match=r"unfinished copy of .*copy_0"):
        copied(ARCHIVE_COPY, other, there)
    assert copied(ARCHIVE_COPY, here, there).damaged == 0
    same_archive(here, there)


_KILLED = """
import os, signal, sys
from kchat_search.cli import main
from kchat_search.databases import copying
write, calls, last = copying._Copy._write, iter(range(10_000)), int(sys.argv[1])
copying._ROWS_AT_ONCE = 2
def counted(self, *arguments):
    if next(calls) == last:
        os.kill(os.getpid(), signal.SIGKILL)
    write(self, *arguments)
copying._Copy._write = counted
sys.argv = ["kchat-search", "archive", "copy", *sys.argv[2:]]
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize(("source", "target"), EITHER_WAY[:2])
def test_a_killed_copy_is_finished_by_the_same_command(
    new_place: NewPlace, tmp_path: Path, source: str, target: str
) -> None:
    here, there = new_place(source), new_place(target)
    fill_archive(here)
    killed, done = (
        subprocess.run(
            [sys.executable, "-c", _KILLED, str(step), url_of(here), url_of(there)],
            cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True, text=True, timeout=120, check=False,
        )
        for step in (5, 10_000)
    )  # fmt: skip
    assert (killed.returncode, done.returncode) == (-signal.SIGKILL, 0), done.stderr
    assert "The archive is copied" in done.stdout
    assert "KCHAT_ARCHIVE_URL" in done.stdout
    same_archive(here, there)
    assert {file.name for file in tmp_path.iterdir() if file.is_dir()} == set()


def test_what_can_t_be_copied_is_refused_and_nothing_is_changed(new_place: NewPlace) -> None:
    here, there, none = new_place("sqlite"), new_place("postgres"), new_place("sqlite")
    with pytest.raises(ArchiveError, match="FROM has no archive"):
        copied(ARCHIVE_COPY, none, there)
    fill_archive(here)
    with pytest.raises(AccessError, match="FROM has no database of people"):
        copied(ACCESS_COPY, here, there)
    assert not Path(none).exists()
    with pytest.raises(ArchiveError, match="the same database"):
        copied(ARCHIVE_COPY, here, here)
    run(there, "CREATE TABLE cookies (name text)")
    with pytest.raises(ArchiveError, match="some other program"):
        copied(ARCHIVE_COPY, here, there)
    run(there, "DROP TABLE cookies")
    with closing(open_archive(url_of(there))) as archive:
        archive.set_cursor("of its own", {}, now=at(0))
    with pytest.raises(ArchiveError, match=r"TO has content of its own \(cursors\)"):
        copied(ARCHIVE_COPY, here, there)
    assert len(rows_of(there, "cursors")) == 1


def test_tables_without_rows_are_no_content(new_place: NewPlace) -> None:
    here, there = new_place("sqlite"), new_place("postgres")
    fill_archive(here)
    open_archive(url_of(there)).close()
    copied(ARCHIVE_COPY, here, there)
    same_archive(here, there)


@pytest.mark.parametrize("target", ["sqlite", "postgres"])
def test_damage_that_a_database_can_hold_is_copied_and_named(
    new_place: NewPlace, target: str
) -> None:
    here, there = new_place("sqlite"), new_place(target)
    fill_archive(here)
    run(
        here,
        "UPDATE chats SET status = 'x' WHERE id = 7",
        "UPDATE agents SET name = '韩' WHERE id = '2193'",
        "DELETE FROM reports",
    )
    report = copied(ARCHIVE_COPY, here, there)
    assert report.damaged == 3
    with closing(open_archive(url_of(here))) as one, closing(open_archive(url_of(there))) as other:
        assert named(other) == named(one) >= {"chat 7, version 1", "agents 2193", "reports"}


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("UPDATE chats SET raw = x'ff80' WHERE id = 7", r"the raw of row 7 of chats is damaged"),
        ("UPDATE chats SET status = CAST(x'ff' AS TEXT) WHERE id = 7", "the status of row 7"),
        ("UPDATE rejects SET times = 1.5", "the times of row 'chat:77' of rejects"),
        ("UPDATE chats SET version = 5000000000 WHERE id = 7", "the version of row 7"),
        ("DELETE FROM chats WHERE id = 1", "do not belong together"),
        ("UPDATE tally SET chats = 1", "its sizes"),
        ("UPDATE changes SET chat_id = 'x' WHERE chat_id = 7", "its queue"),
    ],
)
def test_damage_that_no_database_holds_is_to_be_repaired_first(
    new_place: NewPlace, damage: str, words: str
) -> None:
    here, there = new_place("sqlite"), new_place("postgres")
    fill_archive(here)
    run(here, damage)
    with pytest.raises(ArchiveError, match=f"{words}.*kchat-search repair"):
        copied(ARCHIVE_COPY, here, there)


def test_a_target_that_changes_what_it_gets_is_found_out(
    new_place: NewPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = new_place("sqlite"), new_place("postgres")
    fill_archive(here)

    def careless(connection: Any, columns: Any, rows: Any) -> None:
        lacks = columns[0].table.name == "agents"
        insert_many(connection, columns, rows[1:] if lacks else rows)

    monkeypatch.setattr("kchat_search.databases.copying.insert_many", careless)
    copied(ARCHIVE_COPY, here, there)  # what lacks is put right
    same_archive(here, there)

    odd = new_place("postgres")
    open_archive(url_of(odd)).close()
    run(
        odd,
        "CREATE FUNCTION odd() RETURNS trigger AS $$ BEGIN NEW.name = 'x'; RETURN NEW; END $$ "
        "LANGUAGE plpgsql",
        "CREATE TRIGGER odd BEFORE INSERT OR UPDATE ON agents FOR EACH ROW EXECUTE FUNCTION odd()",
    )
    with pytest.raises(ArchiveError, match="is not what it was copied from"):
        copied(ARCHIVE_COPY, here, odd)
    with pytest.raises(ArchiveError, match="unfinished copy"):
        open_archive(url_of(odd))
