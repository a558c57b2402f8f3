"""When the program is open: as long as nobody was ever added, and from this machine alone."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kchat_search.cli.web_server import check_address
from kchat_search.composition import make_gate
from kchat_search.config import Settings, only
from kchat_search.errors import SettingsError
from kchat_search.gate import Gate
from kchat_search.web import create_app
from tests.system.programs import run

ELSEWHERE = {"environ_overrides": {"REMOTE_ADDR": "192.0.2.1"}}
EVERY = "0.0.0.0"  # noqa: S104  # it is refused
CLOSED = [EVERY, "::", "192.0.2.1", "2001:db8::1", "chats.example", "", "127.1", "localhost."]
LOOPBACK = ["127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST"]


@dataclass
class Program:
    """The program over a folder, as a WSGI server or `serve` has it."""

    folder: Path

    @property
    def settings(self) -> Settings:
        return only(
            archive_url=f"sqlite:///{self.folder}/archive.sqlite3",
            access_url=f"sqlite:///{self.folder}/access.sqlite3",
            index_dir=self.folder / "index",
        )

    def gate(self) -> closing[Gate]:
        return closing(make_gate(self.settings))


def asked(gate: Gate, path: str = "/api/v1/me", **more: Any) -> int:
    """The status of the answer of a process that has just begun."""
    return create_app(gate).test_client().get(path, **more).status_code


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


def test_a_door_that_was_shut_never_opens_again(program: Program) -> None:
    with program.gate() as gate:
        running = create_app(gate).test_client()
        assert running.get("/api/v1/me").get_json()["kind"] == "anyone"
        assert running.get("/api/v1/me", **ELSEWHERE).status_code == 403
        assert gate.access is not None
        gate.access.people.add("ada", ["admin"])
        # Without a new start, and from this machine too.
        assert running.get("/api/v1/me").status_code == 401
        assert running.get("/api/v1/me", **ELSEWHERE).status_code == 401
        assert running.get("/").headers["Location"] == "/login"
        gate.access.people.remove("ada")
        assert running.get("/api/v1/me").status_code == 401
        assert asked(gate) == 401
    with program.gate() as another_process:
        assert asked(another_process) == 401


@pytest.mark.parametrize("how", ["removed", "emptied", "garbage", "a folder"])
def test_where_the_people_are_gone_there_is_no_answer(program: Program, how: str) -> None:
    with program.gate() as gate:
        assert gate.access is not None
        gate.access.people.add("ada", ["admin"])
    for file in program.folder.glob("access.sqlite3*"):
        file.unlink()
    database = program.folder / "access.sqlite3"
    if how == "emptied":
        database.touch()
    elif how == "garbage":
        database.write_bytes(b"no database" * 1_000)
    elif how == "a folder":
        database.mkdir()
    with program.gate() as later:
        for path in ("/", "/?q=a", "/api/v1/search?q=a", "/metrics", "/readyz", "/login"):
            assert asked(later, path) == 503, path
        assert asked(later, "/healthz") == 200


def test_without_people_no_other_machine_may_reach_it(program: Program) -> None:
    with program.gate() as gate:
        for host in CLOSED:
            with pytest.raises(SettingsError, match="kchat-search user add NAME --role admin"):
                check_address(host, gate)
        for host in LOOPBACK:
            check_address(host, gate)
        assert gate.access is not None
        gate.access.people.add("ada", ["admin"])
        for host in (*CLOSED, *LOOPBACK):
            check_address(host, gate)


@pytest.mark.slow
def test_serve_says_how_to_add_somebody_and_ends(tmp_path: Path) -> None:
    refused = run("serve", "--host", EVERY, "--port", "0", folder=tmp_path)
    assert refused.returncode == 2
    assert "user add NAME --role admin" in refused.stderr
    assert "Traceback" not in refused.stderr
