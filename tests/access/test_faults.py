"""A database of people that can't be used gives nobody an answer, and never an open door."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from sqlalchemy import event

from kchat_search.access.on_demand import AccessOnDemand
from kchat_search.access.store import SqlAccess
from kchat_search.errors import AccessError, ArchiveError
from kchat_search.models.people import Principal

from .world import ADDRESS, PASSWORD, TABLES, Mark, Office, url_of

ANNA = Principal("person", "person:1", "anna")


@pytest.fixture
def database() -> str:
    return "sqlite"


@pytest.fixture
def used(office: Office) -> Iterator[SqlAccess]:
    """A process that has answered somebody."""
    access = office.open(wait_seconds=0.05)
    person = access.people.add("anna", ["admin"], password=PASSWORD)
    office.secret = access.sessions.begin(person, address=ADDRESS, browser="")
    _, office.token = access.tokens.add("x", ["compliance"])
    access.people.ever()
    access.signing_key()
    yield access
    with suppress(AccessError):
        access.close()


def run(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def overwrite(file: Path, data: bytes) -> None:
    for end in ("-wal", "-shm"):
        file.with_name(file.name + end).unlink(missing_ok=True)
    with file.open("r+b") as opened:  # the same file, as a failing disk leaves it
        opened.truncate(0)
        opened.write(data)


def replace(file: Path) -> None:
    copy = Path(shutil.copyfile(file, file.with_name("copy")))
    copy.replace(file)


def remove_all(file: Path) -> None:
    for path in file.parent.glob("access*"):
        path.unlink()


def become_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


GONE: dict[str, Callable[[Path], object]] = {
    "removed": lambda file: file.unlink(),
    "removed with its folder": lambda file: shutil.rmtree(file.parent),
    "replaced": replace,
    "damaged": lambda file: overwrite(file, b"x" * 8_192),
    "empty": lambda file: overwrite(file, b""),
    "without its tables": lambda file: run(file, *(f"DROP TABLE {name}" for name in TABLES)),
    "a folder": become_a_folder,
}
READS: dict[str, Callable[[SqlAccess, Office], object]] = {
    "everybody": lambda a, _: a.people.everybody(),
    "person": lambda a, _: a.people.person("anna"),
    "of_provider": lambda a, _: a.people.of_provider("https://id.example", "1"),
    "check_password": lambda a, _: a.people.check_password("anna", PASSWORD),
    "session": lambda a, office: a.sessions.principal(office.secret),
    "no session": lambda a, _: a.sessions.principal("wrong"),
    "sessions": lambda a, _: a.sessions.of("anna"),
    "token": lambda a, office: a.tokens.principal(office.token),
    "wrong token": lambda a, _: a.tokens.principal("kchat_wrong"),
    "tokens": lambda a, _: a.tokens.everything(),
    "signing_key": lambda a, _: a.signing_key(),
}
WRITES: dict[str, Callable[[SqlAccess, Office], object]] = {
    "add": lambda a, _: a.people.add("bert", ["agent"]),
    "set_roles": lambda a, _: a.people.set_roles("anna", ["agent"]),
    "set_password": lambda a, _: a.people.set_password("anna", "other words of mine"),
    "disable": lambda a, _: a.people.disable("anna"),
    "remove": lambda a, _: a.people.remove("anna"),
    "end": lambda a, _: a.sessions.end(1),
    "new token": lambda a, _: a.tokens.add("y", ["compliance"]),
    "revoke": lambda a, _: a.tokens.revoke(1),
    "log-in": lambda a, _: a.sign_ins.with_password("anna", PASSWORD, address=ADDRESS),
    "wrong log-in": lambda a, _: a.sign_ins.with_password("who", PASSWORD, address=ADDRESS),
    "request": lambda a, _: a.requests.count(ANNA, limit=100),
    "export": lambda a, _: a.exports.begin(ANNA, most=3),
}


@pytest.mark.parametrize("fault", GONE)
def test_nothing_answers_without_the_database(used: SqlAccess, office: Office, fault: str) -> None:
    used._database._opened.engine.dispose()  # else what SQLite has in memory may still answer
    GONE[fault](office.file)
    for name, call in (READS | WRITES).items():
        with pytest.raises(AccessError) as error:
            call(used, office)
        assert "\n" not in str(error.value), name
    assert used.people.ever()  # it saw people: it never opens again


@pytest.mark.parametrize("fault", ["removed", "removed with its folder", "replaced"])
def test_what_was_removed_while_it_was_open_is_missed_at_once(
    used: SqlAccess, office: Office, fault: str
) -> None:
    """SQLite itself would go on with the file that is no longer there."""
    GONE[fault](office.file)
    with pytest.raises(AccessError, match=r"gone|replaced"):
        used.sessions.principal(office.secret)


def test_a_locked_database_refuses_what_must_be_written(used: SqlAccess, office: Office) -> None:
    with closing(sqlite3.connect(office.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for call in WRITES.values():
            with pytest.raises(AccessError, match="held by another program"):
                call(used, office)
        assert used.sessions.principal(office.secret) is not None  # readers do not wait
        other.execute("ROLLBACK")
    assert used.people.disable("anna").disabled


def test_a_database_that_is_locked_for_readers_too_answers_nobody(
    used: SqlAccess, office: Office
) -> None:
    used._database._opened.engine.dispose()
    with closing(sqlite3.connect(office.file, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        for call in (READS | WRITES).values():
            with pytest.raises(AccessError, match="held by another program"):
                call(used, office)
        with pytest.raises(AccessError):
            office.open(wait_seconds=0.05)


def test_a_full_disk_refuses_what_must_be_written(used: SqlAccess, office: Office) -> None:
    used._database._opened.engine.dispose()
    pages = office.file.stat().st_size // 4096

    def full(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    event.listen(used._database._opened.engine, "checkout", full)

    def add_many() -> None:
        for number in range(1_000):
            used.people.add(f"name{number}", ["agent"], agent_id="9" * 255)

    with pytest.raises(AccessError, match="no room left"):
        add_many()
    assert used.sessions.principal(office.secret) is not None


@pytest.mark.parametrize("fault", ["damaged", "a folder"])
def test_a_database_that_can_t_be_opened_is_an_error(office: Office, fault: str) -> None:
    GONE[fault](office.file)
    with pytest.raises(AccessError):
        office.open()


EMPTIED: dict[str, Callable[[Path], object]] = {
    "another, new database": remove_all,
    "emptied": lambda file: run(file, "DELETE FROM people", "DELETE FROM facts"),
    "truncated": lambda file: overwrite(file, b""),
}


@pytest.mark.parametrize("how", EMPTIED)
def test_where_there_were_people_an_empty_database_opens_no_door(
    used: SqlAccess, office: Office, how: str
) -> None:
    used.close()
    EMPTIED[how](office.file)
    later = office.open()
    for _ in range(2):
        with pytest.raises(AccessError, match="There were people"):
            later.people.ever()
    later.people.add("bert", ["admin"])
    assert later.people.ever()
    later.close()


def test_the_last_person_removed_opens_no_door(used: SqlAccess, office: Office) -> None:
    used.people.remove("anna")
    later = office.open(mark=Mark())  # not even without the mark
    for process in (used, later):
        assert process.people.everybody() == ()
        assert process.people.ever()
        assert process.sessions.principal(office.secret) is None
    later.close()


def test_a_process_that_saw_nobody_sees_the_first_person_at_once(
    office: Office, access: SqlAccess
) -> None:
    other = office.open()
    assert not other.people.ever()
    access.people.add("anna", ["admin"])
    assert other.people.ever()
    other.close()


class Unreadable(Mark):
    """The mark of an archive that can't be read."""

    def is_set(self) -> bool:
        """Nobody can tell."""
        raise ArchiveError("The archive can't be read.")

    def set(self) -> None:
        """It can't be set either."""
        raise ArchiveError("The archive can't be written.")


def test_nobody_is_added_where_the_mark_can_t_be_set(office: Office) -> None:
    access = office.open(mark=Unreadable())
    with pytest.raises(ArchiveError):
        access.people.ever()
    with pytest.raises(ArchiveError):
        access.people.add("anna", ["admin"])
    assert access.people.everybody() == ()
    access.close()


def test_who_is_there_signs_in_although_the_archive_can_t_be_read(
    used: SqlAccess, office: Office
) -> None:
    later = office.open(mark=Unreadable())
    assert later.people.ever()
    assert later.sessions.principal(office.secret) is not None
    later.close()


def test_an_archive_without_the_mark_gets_it_again(used: SqlAccess, office: Office) -> None:
    mark = Mark()
    later = office.open(mark=mark)
    assert later.people.ever()
    assert mark.marked
    later.close()


def test_a_database_on_demand_is_opened_when_it_can_be(tmp_path: Path) -> None:
    office = Office(url_of(tmp_path / "var" / "access.sqlite3"))
    access = AccessOnDemand(office.open)
    access.close()
    assert not office.file.parent.exists()
    office.file.mkdir(parents=True)
    for _ in range(2):
        with pytest.raises(AccessError, match="is a folder"):
            access.people.ever()
    office.file.rmdir()
    assert not access.people.ever()
    assert access.people is access.people
    access.close()


def test_the_key_that_signs_cookies_is_one_in_all_processes(
    access: SqlAccess, office: Office
) -> None:
    other = office.open()
    key = access.signing_key()
    assert len(key) == 32
    assert other.signing_key() == access.signing_key() == key
    run(office.file, "UPDATE facts SET value = 'zz' WHERE name = 'signing_key'")
    with pytest.raises(AccessError, match="its key for cookies is none"):
        other.signing_key()
    other.close()


def test_the_file_is_for_this_user_alone(access: SqlAccess, office: Office) -> None:
    access.people.add("anna", ["admin"])
    modes = {path.name: path.stat().st_mode & 0o777 for path in office.file.parent.iterdir()}
    assert set(modes.values()) == {0o600}, modes
