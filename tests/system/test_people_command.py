"""`user` and `token`, as people type them, over the real database."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner, Result

from kchat_search.access.sign_in_codes import use_code
from kchat_search.cli import commands, owner
from kchat_search.composition import make_access
from kchat_search.config import only
from kchat_search.errors import KchatSearchError
from kchat_search.models.audit import AuditFilter, AuditRow
from kchat_search.ports import Access
from tests.system.programs import SECONDS, started

PASSWORD = "four words of mine"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def call(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(commands, arguments, input=stdin)


def done(*arguments: str, stdin: str = "") -> str:
    result = call(*arguments, stdin=stdin)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.stdout


def as_json(*arguments: str, stdin: str = "") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done(*arguments, "--json", stdin=stdin))
    return found


def refused(*arguments: str, stdin: str = "") -> KchatSearchError:
    error = call(*arguments, stdin=stdin).exception
    assert isinstance(error, KchatSearchError), error
    return error


def add(name: str = "li.lei", *roles: str, password: str = PASSWORD, **options: str) -> None:
    given = [word for role in roles or ("admin",) for word in ("--role", role)]
    more = [word for key, value in options.items() for word in (f"--{key}", value)]
    done("user", "add", name, *given, *more, "--password-stdin", stdin=f"{password}\n")


def access() -> Access:
    return make_access(only())


def rows() -> tuple[AuditRow, ...]:
    with closing(access()) as opened:
        return opened.audit.rows(AuditFilter())


def test_a_person_is_added_and_signs_in() -> None:
    person = as_json(
        "user", "add", "li.lei", "--role", "agent", "--agent-id", "2192", "--password-stdin",
        stdin=PASSWORD + "\r\n",
    )  # fmt: skip
    assert person == {
        "id": 1, "name": "li.lei", "roles": ["agent"], "agent_id": "2192", "disabled": False,
        "has_password": True, "provider": None, "created_at": person["created_at"],
        "last_sign_in_at": None,
    }  # fmt: skip
    with closing(access()) as opened:
        assert opened.people.ever()
        assert opened.people.check_password("li.lei", PASSWORD) is not None
        assert opened.people.check_password("li.lei", PASSWORD + "\r") is None
    assert as_json("user", "list") == {"people": [person]}


def test_the_first_person_sets_the_mark_in_the_archive(tmp_path: Path) -> None:
    add()
    for file in (tmp_path / "var").glob("access*"):
        file.unlink()
    with (
        closing(access()) as opened,
        pytest.raises(KchatSearchError, match="There were people"),
    ):
        opened.people.ever()


@pytest.mark.parametrize(
    ("arguments", "stdin", "says"),
    [
        (["add", "x", "--role", "admin", "--password-stdin"], "", "empty"),
        (["add", "x", "--role", "admin", "--password-stdin"], "\n", "empty"),
        (["add", "x", "--role", "admin", "--password-stdin"], "short\n", "fewer than 8"),
        (["add", "x", "--role", "admin", "--password-stdin"], "x" * 5_000, "1,000 bytes"),
        (["add", "", "--role", "admin", "--password-stdin"], PASSWORD, "user name is empty"),
        (["add", "a b", "--role", "admin", "--password-stdin"], PASSWORD, "can't be a user name"),
        (["add", "LI.LEI", "--role", "admin", "--password-stdin"], PASSWORD, "already"),
        (["add", "1i.lei", "--role", "admin", "--password-stdin"], PASSWORD, "looks like"),
        (["role", "nobody", "--role", "admin"], "", "no person «nobody»"),
        (["disable", "nobody"], "", "no person"),
        (["remove", "no\x1b[31mbody"], "", "no person «no\ufffd[31mbody»"),
    ],
)
def test_what_can_t_be_done_is_said(arguments: list[str], stdin: str, says: str) -> None:
    add()
    assert says in str(refused("user", *arguments, stdin=stdin))
    assert [one["name"] for one in as_json("user", "list")["people"]] == ["li.lei"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["user", "add", "x", "--role", "boss", "--password-stdin"],
        ["user", "add", "x", "--role", "metrics", "--password-stdin"],
        ["user", "add", "x", "--password-stdin"],
        ["user", "add", "x", "--role", "admin", "--no-password", "--password-stdin"],
        ["user", "add", "x", "--role", "admin"],  # no terminal to ask
        ["user", "role", "x"],
        ["token", "add", "x"],
        ["token", "add", "x", "--role", "boss"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_an_error_of_usage(arguments: list[str]) -> None:
    assert call(*arguments, stdin=PASSWORD).exit_code == 2


def test_a_person_is_changed_step_by_step() -> None:
    add("li.lei", "agent", **{"agent-id": "2192"})
    assert as_json("user", "role", "LI.LEI", "--role", "auditor")["roles"] == ["auditor"]
    assert as_json("user", "role", "li.lei", "--role", "agent")["agent_id"] == "2192"
    changed = as_json("user", "role", "li.lei", "--role", "agent", "--agent-id", "")
    assert changed["agent_id"] is None
    assert as_json("user", "disable", "li.lei")["disabled"]
    assert not as_json("user", "enable", "li.lei")["disabled"]
    done("user", "password", "li.lei", "--password-stdin", stdin="other words of mine")
    with closing(access()) as opened:
        assert opened.people.check_password("li.lei", "other words of mine") is not None
    assert as_json("user", "remove", "li.lei")["removed"]["name"] == "li.lei"
    assert as_json("user", "list") == {"people": []}


@pytest.mark.parametrize(
    "change", [["remove", "li.lei"], ["disable", "li.lei"], ["role", "li.lei", "--role", "agent"]]
)
def test_the_last_administrator_goes_with_a_warning(change: list[str]) -> None:
    add("li.lei", "admin")
    add("mei", "admin")
    assert "administrator" not in call("user", "disable", "mei").stderr
    result = call("user", *change)
    assert result.exit_code == 0
    assert "Nobody who can sign in is an administrator any more" in result.stderr


def test_a_token_is_printed_once_and_alone() -> None:
    result = call("token", "add", "crm", "--role", "compliance", "--expires", "90d")
    secret = result.stdout.strip()
    assert secret.startswith("kchat_")
    assert secret not in result.stderr
    with closing(access()) as opened:
        principal = opened.tokens.principal(secret)
        assert principal is not None
        (token,) = opened.tokens.everything()
    assert (principal.name, principal.roles) == ("crm", frozenset({"compliance"}))
    assert token.expires_at is not None
    left = token.expires_at - datetime.now(UTC)
    assert timedelta(days=89) < left <= timedelta(days=90)
    assert secret not in done("token", "list")
    assert secret[:12] in done("token", "list")
    made = as_json("token", "add", "crm", "--role", "metrics")
    assert made["token"].startswith(made["prefix"])
    assert "token" not in as_json("token", "list")["tokens"][0]
    assert "Several tokens" in str(refused("token", "revoke", "crm"))
    assert as_json("token", "revoke", "1")["revoked_at"] is not None
    done("token", "revoke", "crm")
    assert "no token «crm»" in str(refused("token", "revoke", "crm"))
    with closing(access()) as opened:
        assert opened.tokens.principal(secret) is None


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("12h", 43_200), ("1d", 86_400), ("90d", 7_776_000), ("4w", 2_419_200)],
)
def test_an_end_is_a_length_of_time(written: str, seconds: int) -> None:
    now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    zone = only().zone
    from kchat_search.cli.tokens import _end  # noqa: PLC0415

    assert _end(written, now, zone) == now + timedelta(seconds=seconds)
    assert _end("2026-12-31", now, zone) == datetime(2026, 12, 31, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "written", ["", "90", "d", "0d", "-1d", "90x", "2026-02-30", "9999-12-31", "tomorrow", "٩d"]
)
def test_an_end_that_is_none_is_refused(written: str) -> None:
    assert "--expires" in str(refused("token", "add", "x", "--role", "agent", "--expires", written))


def test_a_token_has_no_more_than_its_owner() -> None:
    add("li.lei", "agent")
    error = refused("token", "add", "x", "--role", "compliance", "--owner", "li.lei")
    assert "does not have the role compliance" in str(error)
    assert "no person «nobody»" in str(
        refused("token", "add", "x", "--role", "agent", "--owner", "nobody")
    )


def test_where_agents_see_their_own_a_token_names_its_agent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KCHAT_AGENTS_SEE", "own")
    assert "--agent-id" in str(refused("token", "add", "x", "--role", "agent"))
    assert as_json("token", "add", "x", "--role", "agent", "--agent-id", "2192")["agent_id"]
    result = call("user", "add", "li.lei", "--role", "agent", "--password-stdin", stdin=PASSWORD)
    assert "sees none until" in result.stderr


def test_each_change_stands_in_the_audit_with_the_name_of_the_account() -> None:
    add("li.lei", "agent")
    done("user", "role", "li.lei", "--role", "compliance")
    done("user", "password", "li.lei", "--password-stdin", stdin="other words of mine")
    done("user", "disable", "li.lei")
    done("user", "enable", "li.lei")
    done("token", "add", "crm", "--role", "compliance")
    done("token", "revoke", "crm")
    done("user", "remove", "li.lei")
    kept = rows()[::-1]
    assert [row.entry.action for row in kept] == [
        "person_added", "person_changed", "password_changed", "person_changed", "person_changed",
        "token_added", "token_revoked", "person_removed",
    ]  # fmt: skip
    assert {(row.entry.principal, row.entry.name, row.entry.address) for row in kept} == {
        ("owner", owner.owner().name, "")
    }
    assert {row.entry.object for row in kept} == {"person:1", "token:1"}
    assert "li.lei" in kept[0].entry.query
    everything = " ".join(row.entry.query for row in kept)
    assert PASSWORD not in everything
    assert "kchat_" not in everything


def test_who_runs_a_command_is_not_told_by_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = owner.owner()
    for name in ("USER", "LOGNAME", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody.else")
    assert owner.owner() == before
    assert (before.kind, before.key) == ("owner", "owner")


def test_commands_without_people_make_no_database_of_people(tmp_path: Path) -> None:
    assert call("status").exit_code == 0
    assert not (tmp_path / "var" / "access.sqlite3").exists()


def test_a_damaged_database_of_people_is_an_error_of_one_line(tmp_path: Path) -> None:
    add()
    with closing(sqlite3.connect(tmp_path / "var" / "access.sqlite3")) as connection:
        connection.execute("DROP TABLE sessions")
        connection.execute("DROP TABLE people")
    error = str(refused("user", "list"))
    assert "database of people" in error
    assert "\n" not in error


@pytest.mark.slow
def test_the_demo_with_people_prints_accounts_that_sign_in(tmp_path: Path) -> None:
    with started("demo", "--people", "--port", "0", "--count", "40", folder=tmp_path) as running:
        address = running.wait_for("Open http").split()[1]
        lines = [line.split() for line in running.lines]
        passwords = {line[0]: line[1] for line in lines if len(line) > 2}
        token = next(line[1] for line in lines if len(line) == 2 and line[0] == "compliance")
        for headers, status in (({}, 401), ({"Authorization": f"Bearer {token}"}, 200)):
            answer = requests.get(f"{address}api/v1/search", headers=headers, timeout=SECONDS)
            assert answer.status_code == status
        with closing(make_access(only(access_url="sqlite:///var/demo/access.sqlite3"))) as demo:
            everybody = {person.name: person for person in demo.people.everybody()}
            assert everybody.keys() == {"李雷", "compliance", "admin", "auditor"}
            assert everybody["李雷"].agent_id
            for name in everybody:
                assert demo.people.check_password(name, passwords[name]) is not None


def test_a_code_lets_a_local_account_in_once() -> None:
    done("user", "add", "emergency", "--role", "admin", "--no-password")
    code = done("user", "code", "emergency").strip()
    with closing(access()) as opened:
        person = use_code(opened, code, datetime.now(UTC))
        assert person is not None
        assert person.name == "emergency"
        opened.people.add("li.lei", ["agent"], provider="https://id.example", subject="1")
    assert "OpenID Connect" in str(refused("user", "code", "li.lei"))
    refused("user", "code", "nobody")
    newest = rows()[0].entry
    assert (newest.action, newest.query) == ("operate", "name=emergency sign-in code")
    assert code not in str(rows())
