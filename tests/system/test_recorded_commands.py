"""Once there are people, what the owner reads at the command line is recorded, too."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kchat_search.cli import commands, owner
from kchat_search.composition import make_access
from kchat_search.config import only
from kchat_search.errors import AccessError, ArchiveError, NotFound
from kchat_search.models.audit import AuditFilter

FILE = Path("var/access.sqlite3")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def call(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(commands, arguments, input=stdin)


def add_somebody() -> None:
    arguments = ("user", "add", "ada", "--role", "admin", "--password-stdin")
    assert call(*arguments, stdin="four words of mine\n").exit_code == 0


def recorded() -> list[tuple[str, str, str, str, int | None]]:
    with closing(make_access(only())) as access:
        rows = access.audit.rows(AuditFilter())
    return [
        (row.entry.principal, row.entry.name, row.entry.action, row.entry.object, row.entry.count)
        for row in reversed(rows)
    ]


def test_as_long_as_there_are_no_people_a_command_makes_no_database_of_them() -> None:
    assert call("reindex").exit_code == 0
    assert isinstance(call("show", "1").exception, NotFound)
    assert not FILE.exists()


def test_what_the_owner_reads_is_recorded_with_the_name_of_their_account() -> None:
    assert call("reindex").exit_code == 0
    add_somebody()
    before = len(recorded())
    assert isinstance(call("show", "290").exception, NotFound)
    assert call("export", "退款").exit_code == 0
    assert call("search", "退款", "--json").exit_code == 0
    me = ("owner", owner.owner().name)
    assert recorded()[before:] == [
        (*me, "view", "chat:290", 0),
        (*me, "export", "", 0),
        (*me, "search", "", 0),
    ]
    assert json.loads(call("audit", "--check", "--json").stdout)["ok"] is True


def test_what_cannot_be_recorded_is_not_shown_to_the_owner_either() -> None:
    add_somebody()
    FILE.rename("elsewhere")
    for end in ("-wal", "-shm"):
        FILE.with_name(FILE.name + end).unlink(missing_ok=True)
    assert isinstance(call("show", "290").exception, AccessError)


def test_a_copy_of_everything_is_recorded_where_there_are_people() -> None:
    archive, people = "sqlite:///var/archive.sqlite3", "sqlite:///var/access.sqlite3"
    assert call("reindex").exit_code == 0
    assert call("archive", "copy", archive, "sqlite:///first.sqlite3").exit_code == 0
    assert not FILE.exists()
    add_somebody()
    before = len(recorded())
    copied = call("archive", "copy", archive, "sqlite:///second.sqlite3", "--json")
    assert json.loads(copied.stdout)["noun"] == "archive"
    assert call("archive", "copy", people, "sqlite:///people.sqlite3").exit_code == 0
    me = ("owner", owner.owner().name, "operate", "archive copy", None)
    assert recorded()[before:] == [me, me]
    again = call("archive", "copy", archive, "sqlite:///second.sqlite3")
    assert isinstance(again.exception, ArchiveError)
    assert "TO has content of its own" in str(again.exception)


@pytest.mark.parametrize("setting", ["KCHAT_ARCHIVE_URL", "KCHAT_ACCESS_URL"])
def test_a_copy_may_be_made_where_the_settings_say_already_that_it_is(
    setting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("reindex").exit_code == 0
    add_somebody()
    source = "archive" if setting == "KCHAT_ARCHIVE_URL" else "access"
    monkeypatch.setenv(setting, "sqlite:///new.sqlite3")
    made = call(
        "archive", "copy", f"sqlite:///var/{source}.sqlite3", f"sqlite:///{tmp_path}/new.sqlite3"
    )
    assert made.exit_code == 0, made.exception


def test_where_the_people_are_missing_a_command_says_how_they_come_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not to add a person first: then theirs could not be copied any more."""
    assert call("reindex").exit_code == 0
    add_somebody()
    monkeypatch.setenv("KCHAT_ACCESS_URL", "sqlite:///new.sqlite3")
    said = str(call("status").exception)
    assert 0 < said.find("kchat-search archive copy FROM TO") < said.find("kchat-search user add")
    people = ("sqlite:///var/access.sqlite3", "sqlite:///new.sqlite3")
    assert call("archive", "copy", *people).exit_code == 0
    assert call("status").exit_code == 0
