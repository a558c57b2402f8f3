"""`kchat-search audit`, as people type it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kchat_search.access.store import SqlAccess
from kchat_search.cli import audit as command
from kchat_search.cli.commands import commands
from kchat_search.cli.exit_codes import exit_code
from kchat_search.errors import AuditUnwritable, BadRequest, NotFound
from kchat_search.models.audit import AuditEntry, AuditFilter
from tests.access.audit_world import attacking, entry, record
from tests.access.world import Office, url_of

Run = Callable[..., Result]


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    made = Office(url_of(tmp_path / "access.sqlite3"))
    made.open().close()
    monkeypatch.setattr(command, "make_access", lambda _: made.open())
    return made


@pytest.fixture
def access(office: Office) -> SqlAccess:
    opened = office.open()
    for number in range(1, 9):
        opened.audit.record(entry(number, name="Li.Lei" if number % 2 else "韩梅梅")).wait()
    opened.close()
    return opened


@pytest.fixture
def run(access: SqlAccess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(commands, ["audit", *map(str, arguments)])


def numbers(result: Result) -> list[int]:
    assert result.exit_code == 0, result.output
    return [row["number"] for row in json.loads(result.stdout)["rows"] if row["action"] != "audit"]


def test_it_lists_the_newest_first_and_is_recorded_itself(run: Run, office: Office) -> None:
    assert numbers(run("--json")) == [8, 7, 6, 5, 4, 3, 2, 1]
    opened = office.open()
    (row,) = opened.audit.rows(AuditFilter(actions=("audit",)))
    opened.close()
    assert (row.entry.principal, row.entry.count, row.entry.address) == ("owner", 8, "")
    text = run().stdout
    assert "韩梅梅" in text
    assert "2026-03-02 17:00:00" in text
    assert "chat:5" in text


FILTERS: list[tuple[list[str], list[int]]] = [
    (["--who", "LI.LEI"], [7, 5, 3, 1]),
    (["--who", "person:3"], [3]),
    (["--action", "view"], [5, 1]),
    (["--action", "view", "--action", "search"], [8, 5, 4, 1]),
    (["--object", "chat:5"], [5]),
    (["--since", "2026-03-03"], []),
    (["--until", "2026-03-02", "--who", "person:1"], [8, 1]),
    (["--numbers"], []),
]


def test_filters(run: Run) -> None:
    for arguments, expected in FILTERS:
        assert numbers(run("--json", *arguments)) == expected, arguments


def test_a_limit_says_how_many_there_are(run: Run) -> None:
    result = run("--limit", 2)
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["8", "7"]
    assert result.stderr == "2 of 8 rows; --limit shows more.\n"


def test_a_check_prints_the_head_and_changes_nothing(run: Run) -> None:
    first, second = (json.loads(run("--check", "--json").stdout) for _ in range(2))
    assert first == second == {"ok": True, "rows": 8, "head": first["head"], "problems": []}
    result = run("--check")
    assert (result.exit_code, result.stdout) == (
        0,
        f"8 rows; the audit is whole.\nHead: {first['head']}\n",
    )
    assert run("--head", first["head"]).exit_code == 0


def test_a_check_names_the_row_and_exits_with_3(run: Run, office: Office) -> None:
    head = json.loads(run("--check", "--json").stdout)["head"]
    with attacking(office.file) as attacker:
        attacker.set(5, count=999)
    result = run("--check", "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["ok"]) == (3, False)
    assert [problem["number"] for problem in found["problems"]] == [5]
    result = run("--check", "--head", head)
    assert result.exit_code == 3
    assert result.stdout.startswith("Row 5: changed: it is not what was recorded.\n8 rows;")


def test_a_head_that_is_no_more_in_the_chain_exits_with_3(run: Run, office: Office) -> None:
    head = json.loads(run("--check", "--json").stdout)["head"]
    with attacking(office.file) as attacker:
        attacker.cut_off(7)
        attacker.end(rows=7, head=attacker.row(7)["hash"])
    assert run("--check").exit_code == 0
    result = run("--head", head, "--json")
    assert (result.exit_code, json.loads(result.stdout)["problems"][0]["number"]) == (3, None)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_export_is_a_whole_file(run: Run, tmp_path: Path, form: str) -> None:
    file = tmp_path / f"audit.{form}"
    assert run("--export", file, "--who", "li.lei").exit_code == 0
    text = file.read_text("utf-8-sig")
    if form == "csv":
        rows = [int(row["number"]) for row in csv.DictReader(text.splitlines())]
    else:
        rows = [json.loads(line)["number"] for line in text.splitlines()]
    assert rows == [7, 5, 3, 1]
    assert file.stat().st_mode & 0o077 == 0
    assert isinstance(run("--export", file).exception, BadRequest), "it is there already"
    assert run("--export", file, "--force").exit_code == 0


def test_texts_are_erased_with_a_reason_by_the_owner(run: Run, office: Office) -> None:
    assert isinstance(run("--erase", 3).exception, BadRequest)
    assert isinstance(run("--erase", 99, "--reason", "asked for").exception, NotFound)
    assert run("--erase", 3, "--reason", "asked for").exit_code == 0
    opened = office.open()
    (erased,) = opened.audit.rows(AuditFilter(), before=4, limit=1)
    (last,) = opened.audit.rows(AuditFilter(), limit=1)
    opened.close()
    assert (erased.erased, erased.entry.query) == (("name", "query"), "")
    assert (last.entry.action, last.entry.object, last.entry.query) == (
        "text_erased",
        "audit:3",
        "asked for",
    )
    assert run("--check").exit_code == 0
    assert "(erased)" in run("--limit", 50).stdout


def test_what_cannot_be_done_together_is_said(run: Run) -> None:
    for arguments in (
        ["--check", "--export", "x.csv"],
        ["--erase", "1", "--check"],
        ["--action", "sing"],
        ["--limit", "0"],
        ["--erase", "x"],
    ):
        assert run(*arguments).exit_code == 2, arguments
    for wrong in (["--since", "yesterday"], ["--head", "abc"], ["--until", "2026-02-30"]):
        error = run(*wrong).exception
        assert isinstance(error, BadRequest), wrong
        assert exit_code(error) == 2


def test_nothing_is_listed_that_cannot_be_recorded(
    run: Run, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(settings: Any) -> SqlAccess:
        opened = office.open()
        opened.audit.close()
        return opened

    monkeypatch.setattr(command, "make_access", closed)
    result = run()
    assert isinstance(result.exception, AuditUnwritable)
    assert "Li.Lei" not in result.output
    assert exit_code(result.exception) == 75


def test_what_a_stranger_wrote_reaches_no_terminal(run: Run, office: Office) -> None:
    opened = office.open()
    opened.audit.record(AuditEntry("", "\x1b[2J\x1b]0;x\x07", "", "log_in_failed")).wait()
    record(opened.audit, 1, 1)
    opened.close()
    assert "\x1b" not in run().stdout
