"""Whatever is done to the file of the audit, the check names the row."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .audit_world import Attacker, attacking, hash_of, promise, record
from .world import Office, url_of

ROWS = 1_000
K = 400
"""The row that is attacked, somewhere in the middle."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a thousand rows."""
    file = tmp_path_factory.mktemp("audit") / "access.sqlite3"
    access = Office(url_of(file)).open()
    record(access.audit, 1, ROWS)
    access.close()
    return file


@pytest.fixture
def file(recorded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(recorded, tmp_path / "access.sqlite3"))


def found(file: Path, head: str | None = None) -> dict[int | None, str]:
    """The problems that a check names, by number."""
    access = Office(url_of(file)).open()
    try:
        checked = access.audit.check(head)
        assert checked.ok == (not checked.problems)
        return {problem.number: problem.text for problem in checked.problems}
    finally:
        access.close()


def put_in(attacker: Attacker, *, shift: bool = True) -> None:
    """A row of somebody's own, with a right hash, before row K."""
    row = attacker.row(K) | {"principal": "person:666"}
    row["hash"] = hash_of(attacker.chain, row)
    attacker.shift(K, 1)
    attacker.put(row)
    attacker.copy_texts(K + 1, K)


def replace_row(attacker: Attacker) -> None:
    attacker.set(K, rehash=True, principal="person:666")


def append_own(attacker: Attacker) -> None:
    last = attacker.row(ROWS)
    row = last | {"number": ROWS + 1, "previous": last["hash"]}
    attacker.put(row | {"hash": hash_of(attacker.chain, row)})
    attacker.copy_texts(ROWS, ROWS + 1)


def remove_and_close_up(attacker: Attacker) -> None:
    attacker.remove_whole(K)
    attacker.shift(K, -1)


def longer_salt(attacker: Attacker) -> None:
    """The salt takes the text's beginning: the bytes that are hashed are the same."""
    salt, query = attacker.run(
        "SELECT query_salt, query FROM audit_texts WHERE number = ?", K
    ).fetchone()
    attacker.text(K, query_salt=salt + query[:2].encode().hex(), query=query[2:])


def replace_text_and_promise(attacker: Attacker) -> None:
    salt = "00" * 16
    attacker.text(K, query="q=other", query_salt=salt)
    attacker.set(K, query_commitment=promise(salt, "q=other"))


def erase_by_hand(attacker: Attacker, number: int = K) -> None:
    attacker.text(number, name=None, name_salt=None, query=None, query_salt=None)


def remove_ten(attacker: Attacker) -> None:
    for number in range(K, K + 10):
        attacker.remove_whole(number)


def edit(name: str, value: Any) -> Callable[[Attacker], object]:
    return lambda attacker: attacker.set(K, **{name: value})


def swap_hashes(attacker: Attacker) -> None:
    one, other = attacker.row(K), attacker.row(K + 1)
    attacker.set(K, hash=other["hash"])
    attacker.set(K + 1, hash=one["hash"])


def two_at_a_time(attacker: Attacker) -> None:
    attacker.set(K, count=999)
    attacker.remove_whole(K + 100)


EDITS = {
    "at": 1, "clock": 5, "principal": "person:9", "address": "198.51.100.1", "action": "view",
    "object": "chat:1", "count": 77, "numbers": 9, "name_commitment": "0" * 64,
    "query_commitment": "0" * 64, "hash": "0" * 64, "previous": "0" * 64,
}  # fmt: skip

ATTACKS: dict[str, tuple[Callable[[Attacker], object], dict[int | None, str]]] = {
    **{f"{name} edited": (edit(name, value), {K: "changed"}) for name, value in EDITS.items()},
    "count emptied": (lambda a: a.set(K, count=None), {K: "changed"}),
    "a number as a text": (lambda a: a.run("UPDATE audit SET count = 'x' WHERE number = ?", K),
                           {K: "changed"}),
    "edited, hash computed anew": (replace_row, {K: "changed, and its hash"}),
    "the last edited, hash computed anew": (
        lambda a: a.set(ROWS, rehash=True, count=999), {ROWS: "changed, and its hash"}),
    "the first edited": (lambda a: a.set(1, count=999), {1: "changed"}),
    "the first edited, hash computed anew": (
        lambda a: a.set(1, rehash=True, count=999), {1: "changed, and its hash"}),
    "previous edited, hash computed anew": (
        lambda a: a.set(K, rehash=True, previous="0" * 64), {K: "changed, and its hash"}),
    "removed": (lambda a: a.remove_whole(K), {K: "removed"}),
    "removed, not its texts": (lambda a: a.remove(K), {K: "texts without a row"}),
    "the first removed": (lambda a: a.remove_whole(1), {1: "removed"}),
    "removed, later ones moved up": (remove_and_close_up, {K: "removed"}),
    "the last removed": (lambda a: a.remove_whole(ROWS), {ROWS: "removed"}),
    "twenty cut off": (lambda a: a.cut_off(ROWS - 20), {ROWS - 19: "removed, as all rows to 1000"}),
    "all removed": (lambda a: a.cut_off(0), {1: "removed, as all rows to 1000"}),
    "ten removed in the middle": (
        remove_ten,
        {K: "removed, as all rows to 409"}),
    "neighbours swapped": (lambda a: a.swap(K, K + 1),
                           {K: "moved: it was recorded as row 401",
                            K + 1: "moved: it was recorded as row 400"}),
    "two far ones swapped": (lambda a: a.swap(K, 900),
                             {K: "moved: it was recorded as row 900",
                              900: "moved: it was recorded as row 400"}),
    "the last two swapped": (lambda a: a.swap(ROWS - 1, ROWS),
                             {ROWS - 1: "moved: it was recorded as row 1000",
                              ROWS: "moved: it was recorded as row 999"}),
    "first and last swapped": (lambda a: a.swap(1, ROWS),
                               {1: "moved: it was recorded as row 1000",
                                ROWS: "moved: it was recorded as row 1"}),
    "put in": (put_in, {K: "put in"}),
    "put in at the end": (append_own, {ROWS + 1: "put in"}),
    "put in before the first": (
        lambda a: a.put(a.row(1) | {"number": 0}), {0: "put in"}),
    "hashes swapped": (swap_hashes, {K: "changed", K + 1: "changed"}),
    "two at a time": (two_at_a_time, {K: "changed", K + 100: "removed"}),
    "name replaced": (lambda a: a.text(K, name="Mallory"), {K: "its name"}),
    "query replaced": (lambda a: a.text(K, query="q=nothing"), {K: "its query"}),
    "query as bytes": (lambda a: a.text(K, query=b"q=1"), {K: "its query"}),
    "texts of two rows swapped": (
        lambda a: a.swap(K, K + 1, ["audit_texts"]),
        {K: "its name", K + 1: "its name"}),
    "salt changed": (lambda a: a.text(K, name_salt="00" * 16), {K: "its name"}),
    "salt is no salt": (lambda a: a.text(K, name_salt="salt"), {K: "its name"}),
    "salt longer, text shorter": (longer_salt, {K: "its query"}),
    "text replaced, and what was promised": (replace_text_and_promise, {K: "changed"}),
    "texts erased by hand": (erase_by_hand, {K: "its texts are gone"}),
    "one text erased by hand": (
        lambda a: a.text(K, query=None, query_salt=None), {K: "its query"}),
    "row of texts removed": (
        lambda a: a.run("DELETE FROM audit_texts WHERE number = ?", K), {K: "its texts are gone"}),
    "texts put in": (lambda a: a.copy_texts(K, 5_000), {5_000: "texts without a row"}),
    "id of the chain changed": (lambda a: a.end(chain="00" * 16), {1: "changed"}),
    "head beside the chain changed": (lambda a: a.end(head="0" * 64), {ROWS: "changed, and"}),
    "rows beside the chain: more": (lambda a: a.end(rows=ROWS + 2), {ROWS + 1: "removed"}),
    "rows beside the chain: fewer": (lambda a: a.end(rows=ROWS - 2), {ROWS - 1: "put in"}),
}  # fmt: skip


@pytest.mark.parametrize("what", ATTACKS)
def test_the_row_is_named(file: Path, what: str) -> None:
    attack, expected = ATTACKS[what]
    with attacking(file) as attacker:
        attack(attacker)
    named = found(file)
    for number, text in expected.items():
        assert named.get(number, "").startswith(text), named
    many = {"id of the chain changed", "rows beside the chain: fewer"}
    if what not in many:
        assert named.keys() == expected.keys()


def test_a_sound_audit_has_no_problem(file: Path) -> None:
    assert found(file) == {}


def test_whoever_computes_all_anew_is_found_by_a_head_that_was_written_down(file: Path) -> None:
    access = Office(url_of(file)).open()
    before = access.audit.check()
    access.close()
    with attacking(file) as attacker:
        attacker.set(K, principal="person:666")
        attacker.rehash_from(K)
        attacker.end(head=attacker.row(ROWS)["hash"])
    assert found(file) == {}
    (number,) = found(file, before.head)
    assert number is None


def test_rows_cut_off_with_their_end_are_found_by_a_head(file: Path) -> None:
    access = Office(url_of(file)).open()
    before = access.audit.check()
    access.close()
    with attacking(file) as attacker:
        attacker.cut_off(ROWS - 1)
        attacker.end(rows=ROWS - 1, head=attacker.row(ROWS - 1)["hash"])
    assert found(file) == {}
    assert list(found(file, before.head)) == [None]
    assert found(file, before.head.upper()).keys() == {None}


def test_a_head_written_down_before_holds_while_rows_are_added(file: Path) -> None:
    access = Office(url_of(file)).open()
    head = access.audit.check().head
    record(access.audit, ROWS + 1, ROWS + 3)
    checked = access.audit.check(head)
    access.close()
    assert (checked.ok, checked.rows) == (True, ROWS + 3)


def test_what_was_cut_off_is_missed_also_when_more_was_recorded_since(file: Path) -> None:
    with attacking(file) as attacker:
        attacker.cut_off(ROWS - 1)
    access = Office(url_of(file)).open()
    record(access.audit, 1, 3)
    access.close()
    assert found(file) == {ROWS: "removed"}


def test_what_was_put_in_at_the_end_is_named_also_when_more_was_recorded_since(file: Path) -> None:
    with attacking(file) as attacker:
        append_own(attacker)
    access = Office(url_of(file)).open()
    record(access.audit, 1, 3)
    access.close()
    named = found(file)
    assert named[ROWS + 1].startswith("put in")
    assert named.keys() == {ROWS + 1}


def test_of_very_many_problems_a_hundred_are_named_and_the_others_counted(file: Path) -> None:
    with attacking(file) as attacker:
        attacker.run("UPDATE audit SET count = 1234567")
    named = found(file)
    assert set(named) == {*range(1, 101), None}
    assert named[None] == "900 more rows are not what was recorded"


def test_an_index_that_lacks_a_row_is_named(file: Path) -> None:
    with attacking(file) as attacker:
        attacker.run("PRAGMA writable_schema = ON")
        attacker.run(
            "UPDATE sqlite_master SET sql = replace(sql, '(principal', '(address') "
            "WHERE name = 'ix_audit_principal_number'"
        )
    assert None in found(file)


@pytest.mark.slow
def test_of_a_hundred_thousand_rows_the_attacked_ones_are_named(tmp_path: Path) -> None:
    file = tmp_path / "access.sqlite3"
    access = Office(url_of(file)).open(wait_seconds=60.0)
    for first in range(1, 100_000, 5_000):
        record(access.audit, first, first + 4_999)
    head = access.audit.check().head
    access.close()
    with attacking(file) as attacker:
        attacker.set(50_000, count=999)
        attacker.set(60_000, rehash=True, principal="person:666")
        attacker.remove_whole(70_000)
        attacker.swap(80_000, 90_000)
        attacker.text(99_999, query="q=nothing")
        attacker.cut_off(99_999)
    named = found(file, head)
    assert named.keys() == {50_000, 60_000, 70_000, 80_000, 90_000, 99_999, 100_000, None}
