"""The audit: what is recorded is there, in one chain of all processes, or nothing is answered."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from kchat_search.access.audit_chain import BEFORE_THE_FIRST
from kchat_search.access.recorder import AuditRecorder
from kchat_search.access.settings_row import record_settings
from kchat_search.access.store import SqlAccess
from kchat_search.config import Settings, SettingsOfWeb
from kchat_search.errors import BadRequest, NotFound
from kchat_search.models.audit import AuditEntry, AuditFilter
from kchat_search.models.people import OWNER, Principal

from .audit_world import entry, record
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


# -- settings --------------------------------------------------------------------------------------


def test_settings_are_recorded_when_they_become_others(access: SqlAccess) -> None:
    one, other = Settings(), Settings(agents_see="own", oidc_agent_group="support")
    for settings in (one, one, other, other, one):
        record_settings(access, settings.who_sees_what)
        record(access.audit, 1, 1)
    record_settings(access, "")
    rows = access.audit.rows(AuditFilter(actions=("settings",)))
    said = [row.entry.query for row in reversed(rows)]
    assert said == [settings.who_sees_what for settings in (one, other, one)]
    assert "KCHAT_AGENTS_SEE=own" in said[1]
    assert "KCHAT_OIDC_AGENT_GROUP=support" in said[1]


def test_no_secret_is_among_the_settings_that_are_recorded() -> None:
    settings = SettingsOfWeb(
        access_url="postgresql://user:geheim@host/db",
        oidc_configuration_url="https://id.example/.well-known/openid-configuration",
        oidc_client_id="kchat",
        oidc_client_secret=SecretStr("geheim"),
        oidc_agent_group="support",
    )
    assert "geheim" not in settings.who_sees_what
    assert "KCHAT_OIDC_CLIENT_ID=kchat" in settings.who_sees_what


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
