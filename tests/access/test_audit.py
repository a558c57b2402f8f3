"""The audit: what is recorded is there, in one chain of all processes, or nothing is answered."""

from __future__ import annotations

import os
import random
import resource
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kchat_search.access.audit_chain import BEFORE_THE_FIRST
from kchat_search.access.recorder import AuditRecorder, SettlingRecorder
from kchat_search.access.store import SqlAccess
from kchat_search.errors import AccessError, AuditUnwritable, BadRequest, NotFound
from kchat_search.models.audit import AuditEntry, AuditFilter
from kchat_search.models.people import OWNER, Principal

from .audit_world import attacking, entry, hash_of, record
from .test_group_commit import child
from .world import START, Clock, Office

EVERYTHING = AuditFilter()

WRITER = """
import sys
from datetime import UTC, datetime
from kchat_search.access.opening import open_access
from kchat_search.models.audit import AuditEntry
url, who, many = sys.argv[1:]
audit = open_access(url, lambda: datetime.now(UTC), wait_seconds=60.0).audit
print("ready", flush=True)
for number in range(int(many)):
    audit.record(AuditEntry(who, who, "", "search", query=str(number))).wait()
    print(number, flush=True)
"""


@pytest.fixture
def file(office: Office) -> Path:
    return office.file


def test_an_audit_without_rows_is_whole(access: SqlAccess) -> None:
    checked = access.audit.check()
    assert (checked.ok, checked.rows, checked.head) == (True, 0, BEFORE_THE_FIRST)
    assert access.audit.check(BEFORE_THE_FIRST).ok


def test_what_was_recorded_is_read_as_it_was(access: SqlAccess) -> None:
    record(access.audit, 1, 30)
    rows = access.audit.rows(EVERYTHING, limit=50)
    assert [row.number for row in rows] == list(range(30, 0, -1))
    assert [row.entry for row in rows] == [entry(number) for number in range(30, 0, -1)]
    assert {row.at for row in rows} == {START}
    checked = access.audit.check()
    assert (checked.ok, checked.rows, checked.head) == (True, 30, rows[0].hash)
    assert access.audit.check(rows[7].hash).ok


def test_anybody_can_compute_the_hashes_again(access: SqlAccess, file: Path) -> None:
    record(access.audit, 1, 5)
    with attacking(file) as reader:
        before = "0" * 64
        for number in range(1, 6):
            row = reader.row(number)
            assert (row["previous"], row["hash"]) == (before, hash_of(reader.chain, row))
            before = row["hash"]


def test_two_databases_have_chains_of_their_own(tmp_path: Path) -> None:
    heads = set()
    for name in ("one", "other"):
        access = Office(f"sqlite:///{tmp_path}/{name}.sqlite3").open()
        record(access.audit, 1, 1)
        heads.add(access.audit.check().head)
        access.close()
    assert len(heads) == 2


TEXTS = ["", "退款", "a\0b", "\ud800", "🙂", "é" * 10, "'; DROP TABLE audit; --", "\r\n", " x "]


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_any_text_can_be_recorded(access: SqlAccess, text: str) -> None:
    access.audit.record(AuditEntry(text, text, text, "search", text, text)).wait()
    (row,) = access.audit.rows(EVERYTHING)
    kept = text.replace("\0", "\ufffd").replace("\ud800", "\ufffd")
    assert (row.entry.principal, row.entry.query, row.entry.object) == (kept, kept, kept)
    assert access.audit.check().ok


def test_what_somebody_types_does_not_fill_the_disk(access: SqlAccess) -> None:
    access.audit.record(AuditEntry("", "x" * 10**6, "y" * 10**6, "search", "o", "z" * 10**6)).wait()
    (row,) = access.audit.rows(EVERYTHING)
    assert (len(row.entry.name), len(row.entry.query), len(row.entry.address)) == (256, 16_384, 64)
    assert row.entry.query.endswith("z…")


# -- time ------------------------------------------------------------------------------------------


def test_time_never_goes_back_and_the_row_says_what_the_clock_said(
    access: SqlAccess, clock: Clock
) -> None:
    record(access.audit, 1, 1)
    clock.passes(days=-400)
    record(access.audit, 2, 2)
    clock.passes(days=401)
    record(access.audit, 3, 3)
    third, second, first = access.audit.rows(EVERYTHING)
    assert first.at == second.at == START
    assert (first.clock, second.clock) == (None, START - timedelta(days=400))
    assert (third.at, third.clock) == (START + timedelta(days=1), None)
    assert access.audit.check().ok
    in_between = AuditFilter(since=START - timedelta(days=401), until=START - timedelta(days=1))
    assert [row.number for row in access.audit.rows(in_between)] == [2]


# -- erasing ---------------------------------------------------------------------------------------


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


def test_texts_are_erased_once_and_with_a_reason(access: SqlAccess) -> None:
    record(access.audit, 1, 2)
    with pytest.raises(BadRequest):
        access.audit.erase(1, "  ", OWNER)
    for number in (0, 3, -1, 2**70):
        with pytest.raises(NotFound):
            access.audit.erase(number, "asked for", OWNER)
    access.audit.erase(1, "asked for", OWNER)
    with pytest.raises(NotFound):
        access.audit.erase(1, "asked for", OWNER)
    assert access.audit.check().rows == 3
    access.audit.erase(3, "a reason can be personal, too", OWNER)
    assert access.audit.check().ok


def test_a_head_that_is_no_hash_is_refused(access: SqlAccess) -> None:
    for head in ("", "abc", "g" * 64, "0" * 63, "0" * 65):
        with pytest.raises(BadRequest):
            access.audit.check(head)


# -- whole numbers ---------------------------------------------------------------------------------


def test_who_tries_out_numbers_stands_first(access: SqlAccess, clock: Clock) -> None:
    def look_up(principal: str, name: str, numbers: int) -> None:
        found = AuditEntry(principal, name, "", "search", numbers=numbers)
        access.audit.record(found).wait()

    look_up("person:1", "old", 500)
    clock.passes(days=2)
    for _ in range(40):
        look_up("person:2", "mallory", 1)
    look_up("person:3", "anna", 3)
    look_up("person:4", "nobody", 0)
    found = access.audit.number_lookups(START + timedelta(days=1))
    assert [(one.name, one.rows, one.numbers) for one in found] == [
        ("mallory", 40, 40), ("anna", 1, 3),
    ]  # fmt: skip
    assert found[0].last_at == clock()


# -- several processes -----------------------------------------------------------------------------


@contextmanager
def writers(url: str, many: int, entries: int) -> Iterator[list[subprocess.Popen[str]]]:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, url, f"person:{number}", str(entries)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(many)
    ]
    try:
        for one in started:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        yield started
    finally:
        for one in started:
            one.kill()
            one.wait()
            assert one.stdout is not None
            one.stdout.close()


@pytest.mark.slow
def test_several_processes_write_one_chain(office: Office) -> None:
    access = office.open(wait_seconds=60.0)
    with writers(office.url, 3, 60) as started:
        ticket = access.audit.record(entry(1))
        for one in started:
            one.communicate(timeout=120)
        ticket.wait()
    checked = access.audit.check()
    assert (checked.problems, checked.rows) == ((), 181)
    for number in range(3):
        rows = access.audit.rows(AuditFilter(principal=f"person:{number}"), limit=100)
        written = [row.entry.query for row in reversed(rows) if row.entry.query.isdecimal()]
        assert written == [str(n) for n in range(60)], "in its order"
    access.close()


@pytest.mark.slow
def test_what_was_acknowledged_is_there_after_kill_9(office: Office, access: SqlAccess) -> None:
    with writers(office.url, 2, 100_000) as started:
        said: list[list[str]] = [[], []]
        for _ in range(40):
            for lines, one in zip(said, started, strict=True):
                assert one.stdout is not None
                lines.append(one.stdout.readline().strip())
        for lines, one in zip(said, started, strict=True):
            one.kill()
            lines.extend(one.communicate()[0].split())
    checked = access.audit.check()
    assert checked.problems == ()
    for number, lines in enumerate(said):
        rows = access.audit.rows(AuditFilter(principal=f"person:{number}"), limit=100_000)
        assert {row.entry.query for row in rows} >= set(lines)
    record(access.audit, 1, 3)
    assert access.audit.check().ok


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_writes_into_the_same_chain(access: SqlAccess) -> None:
    record(access.audit, 1, 3)

    def in_the_child() -> bool:
        record(access.audit, 4, 6)
        return access.audit.check().rows == 6

    assert child(in_the_child)
    record(access.audit, 7, 7)
    checked = access.audit.check()
    assert (checked.problems, checked.rows) == ((), 7)


def test_many_threads_write_one_chain(access: SqlAccess) -> None:
    threads = [
        threading.Thread(target=record, args=(access.audit, 10 * n + 1, 10 * n + 10))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (access.audit.check().rows, access.audit.check().ok) == (80, True)


# -- what can't be recorded ------------------------------------------------------------------------


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


# -- the recorder ----------------------------------------------------------------------------------

ANNA = Principal("person", "person:7", "anna")


def test_a_recorder_says_who_and_from_where(access: SqlAccess) -> None:
    recorder = AuditRecorder(access.audit, ANNA, "192.0.2.7")
    recorder.add(AuditEntry("", "", "", "search", query="q=退款", count=2, numbers=1))
    recorder.add(AuditEntry("", "somebody else", "", "log_in_failed"))
    recorder.settle()
    failed, search = access.audit.rows(EVERYTHING)
    assert search.entry == AuditEntry("person:7", "anna", "192.0.2.7", "search", "", "q=退款", 2, 1)
    assert failed.entry.name == "somebody else"
    recorder.settle()


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


# -- any byte --------------------------------------------------------------------------------------


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
