"""The audit in a file of SQLite: what is in the file, what is not, and what damage does."""

from __future__ import annotations

import random
import resource
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from kchat_search.access.recorder import AuditRecorder, SettlingRecorder
from kchat_search.access.store import SqlAccess
from kchat_search.errors import AccessError, AuditUnwritable
from kchat_search.models.audit import AuditEntry, AuditFilter
from kchat_search.models.people import OWNER

from .audit_world import attacking, entry, hash_of, record
from .test_audit import ANNA, EVERYTHING
from .world import Office


@pytest.fixture
def database() -> str:
    return "sqlite"


@pytest.fixture
def file(office: Office) -> Path:
    return office.file


def test_anybody_can_compute_the_hashes_again(access: SqlAccess, file: Path) -> None:
    record(access.audit, 1, 5)
    with attacking(file) as reader:
        before = "0" * 64
        for number in range(1, 6):
            row = reader.row(number)
            assert (row["previous"], row["hash"]) == (before, hash_of(reader.chain, row))
            before = row["hash"]


def test_an_erased_text_is_gone_from_the_file_and_the_chain_is_whole(
    access: SqlAccess, file: Path
) -> None:
    record(access.audit, 1, 300)
    secret = "Frau Müller, 13800138000"
    access.audit.record(replace(entry(301), name=secret, query=f"q={secret}")).wait()
    record(access.audit, 302, 600)
    head = access.audit.check().head
    access.audit.erase(301, "Art. 17 GDPR, letter of 2026-03-01", replace(OWNER, name="root"))
    checked = access.audit.check(head)
    assert (checked.problems, checked.rows) == ((), 601)
    (erased,) = access.audit.rows(EVERYTHING, before=302, limit=1)
    assert (erased.erased, erased.entry.name, erased.entry.query) == (("name", "query"), "", "")
    assert erased.entry.count == entry(301).count
    (last,) = access.audit.rows(EVERYTHING, limit=1)
    assert (last.entry.action, last.entry.object) == ("text_erased", "audit:301")
    assert (last.entry.name, last.entry.query) == ("root", "Art. 17 GDPR, letter of 2026-03-01")
    for part in file.parent.iterdir():
        assert secret.encode() not in part.read_bytes(), part.name


def test_a_locked_database_refuses(access: SqlAccess, file: Path) -> None:
    record(access.audit, 1, 1)
    with closing(sqlite3.connect(file)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(AuditUnwritable, match="not answered"):
            access.audit.record(entry(2)).wait()
    record(access.audit, 3, 3)
    assert (access.audit.check().rows, access.audit.check().ok) == (2, True)


def test_a_full_disk_refuses_and_goes_on_when_there_is_room(access: SqlAccess, file: Path) -> None:
    record(access.audit, 1, 3)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(part.stat().st_size for part in file.parent.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, limits[1]))
    try:
        with pytest.raises(AuditUnwritable):
            fill(access)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    record(access.audit, 401, 402)
    assert access.audit.check().ok


def fill(access: SqlAccess) -> None:
    for number in range(4, 400):
        access.audit.record(replace(entry(number), query="q" * 9_000)).wait()


def test_a_database_that_is_gone_refuses(access: SqlAccess, file: Path) -> None:
    record(access.audit, 1, 1)
    file.rename(file.with_name("elsewhere"))
    with pytest.raises(AuditUnwritable):
        access.audit.record(entry(2)).wait()
    with pytest.raises(AccessError):
        access.audit.check()


@pytest.mark.parametrize("statement", ["DELETE FROM audit_chain", "DROP TABLE audit_chain"])
def test_without_the_end_of_the_chain_nothing_is_recorded(
    access: SqlAccess, file: Path, statement: str
) -> None:
    record(access.audit, 1, 1)
    with attacking(file) as attacker:
        attacker.run(statement)
    with pytest.raises(AuditUnwritable):
        access.audit.record(entry(2)).wait()
    with pytest.raises(AccessError):
        access.audit.check()


def test_a_recorder_settles_only_what_is_on_the_disk(access: SqlAccess, file: Path) -> None:
    recorder = AuditRecorder(access.audit, ANNA, "")
    with closing(sqlite3.connect(file)) as other:
        other.execute("BEGIN IMMEDIATE")
        recorder.add(AuditEntry("", "", "", "view", "chat:1"))
        with pytest.raises(AuditUnwritable):
            recorder.settle()
        with pytest.raises(AuditUnwritable):
            SettlingRecorder(access.audit, ANNA).add(AuditEntry("", "", "", "view", "chat:1"))
    assert access.audit.count(EVERYTHING) == 0


@pytest.mark.slow
def test_any_byte_that_changes_what_is_read_is_named(office: Office, file: Path) -> None:
    """Bytes of a small audit, in all its tables and indexes, get another value, one at a time."""
    access = office.open()
    record(access.audit, 1, 8)
    access.audit.erase(3, "asked for", OWNER)
    principals = [None, *(f"person:{n}" for n in range(7)), "owner"]
    filters = [AuditFilter(principal=name) for name in principals]
    filters += [AuditFilter(object="chat:5"), AuditFilter(who="李雷")]

    def read(audit: SqlAccess) -> list[object]:
        return [audit.audit.rows(wanted) for wanted in filters]

    before = read(access)
    access.close()
    with attacking(file) as attacker:
        pages = pages_of(attacker.connection)
    sound = file.read_bytes()
    size = int.from_bytes(sound[16:18], "big")
    places = [p for page in pages for p in range((page - 1) * size, page * size)]
    changed = unnamed = 0
    used = [place for place in places if sound[place]]
    for place in random.Random(4).sample(used, 120):
        file.write_bytes(sound[:place] + bytes([sound[place] ^ 0x15]) + sound[place + 1 :])
        for end in ("-wal", "-shm"):
            file.with_name(file.name + end).unlink(missing_ok=True)
        try:
            audit = office.open()
        except AccessError:
            continue
        try:
            if read(audit) == before:
                continue
            changed += 1
            unnamed += audit.audit.check().ok
        except AccessError:
            continue
        finally:
            audit.close()
    assert unnamed == 0
    assert changed > 20


def pages_of(connection: sqlite3.Connection) -> list[int]:
    """The numbers of the pages that tables and indexes of the audit begin at."""
    query = "SELECT rootpage FROM sqlite_master WHERE tbl_name LIKE 'audit%' AND rootpage > 0"
    return [page for (page,) in connection.execute(query)]
