"""One damaged chat among sound ones: what each way of asking says of it."""

from __future__ import annotations

import csv
import io
import json
import logging
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from kchat_search.archive import SqlArchive, open_archive
from kchat_search.errors import ChatDamaged
from kchat_search.gate import Gate
from kchat_search.service import Service
from kchat_search.web.app import create_app
from tests.damaged import FIRST, LAST, Target
from tests.serialization.export_files import sheet_rows, sheets
from tests.system.programs import run
from tests.world import asked

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PRESENT, EARLIER = 110, 113
"""The chat whose present version is damaged, and the one whose second version is."""


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Target:
    return Target(tmp_path_factory.mktemp("damaged"))


@pytest.fixture
def file(target: Target) -> Path:
    file = target.copy("one")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"UPDATE chats SET raw = '{{}}' WHERE id = {PRESENT}")  # noqa: S608
        connection.execute(
            f"UPDATE versions SET raw = '' WHERE chat_id = {EARLIER} AND version = 2"  # noqa: S608
        )
    return file


@pytest.fixture
def service(target: Target, file: Path) -> Iterator[Service]:
    with closing(open_archive(f"sqlite:///{file}")) as archive:
        assert isinstance(archive, SqlArchive)
        yield target.over(archive)


@pytest.fixture
def client(service: Service) -> FlaskClient:
    return create_app(Gate(owners=service)).test_client()


def test_a_search_names_it_and_counts_it(service: Service, client: FlaskClient) -> None:
    page = service.search(asked("", per_page=50))
    assert page.total == LAST - FIRST + 1 == len(page.hits) + 1
    assert [row.chat_id for row in page.damaged] == [PRESENT]
    found = client.get("/api/v1/search?per_page=50").get_json()
    assert [row["id"] for row in found["damaged"]] == [PRESENT]
    assert "kchat-search repair" in found["damaged"][0]["problem"]
    shown = client.get("/?q=id:110&lang=en").get_data(as_text=True)
    assert "1 chat of this page is damaged" in shown
    assert f"#{PRESENT}" in shown


def test_asked_for_by_its_id_it_is_a_clear_error(service: Service, client: FlaskClient) -> None:
    with pytest.raises(ChatDamaged, match=r"Chat 110 is damaged .*: kchat-search repair"):
        service.chat(PRESENT)
    answer = client.get(f"/api/v1/chats/{PRESENT}")
    problem = answer.get_json()
    assert (answer.status_code, answer.mimetype) == (500, "application/problem+json")
    assert problem["type"].endswith(":chat-damaged")
    assert "kchat-search repair" in problem["detail"]
    for language, words in (("en", "This chat is damaged"), ("zh", "这个对话在归档中已损坏")):
        page = client.get(f"/chats/{PRESENT}?lang={language}")
        assert page.status_code == 500
        assert words in page.get_data(as_text=True)
        assert "reindex" not in page.get_data(as_text=True)
    assert client.get(f"/api/v1/chats/{EARLIER}").status_code == 200


def test_an_export_names_it_in_its_place(client: FlaskClient) -> None:
    lines = client.get("/api/v1/export?format=jsonl&sort=oldest").get_data(as_text=True)
    chats = [json.loads(line) for line in lines.splitlines()]
    assert len(chats) == LAST - FIRST + 1
    (damaged,) = [chat for chat in chats if "damaged" in chat]
    assert damaged["chat"] == {"id": PRESENT}
    assert "kchat-search repair" in damaged["damaged"]
    table = client.get("/api/v1/export?format=csv").get_data(as_text=True).lstrip("\ufeff")
    rows = [row for row in csv.DictReader(io.StringIO(table)) if row["damaged"]]
    assert [(row["chat_id"], row["text"], row["absent"]) for row in rows] == [
        (str(PRESENT), "", "")
    ]
    book = client.get("/api/v1/export?format=xlsx").data
    named = [row["chat_id"] for row in sheet_rows(book) if row["damaged"]]
    assert named == [str(PRESENT)]
    assert f"#{PRESENT}" in [value for _, value in sheets(book)["About"]]


def test_a_version_that_is_damaged_is_in_the_history_as_such(client: FlaskClient) -> None:
    told = client.get(f"/api/v1/chats/{EARLIER}/versions").get_json()["versions"]
    first, second, third, *_ = told
    assert [one["version"] for one in told] == list(range(1, len(told) + 1))
    assert (second["seen_at"], second["changes"], "chat" in second) == (None, [], False)
    assert second["damaged"]
    assert first["until"] == third["seen_at"]
    assert third["changes"] == []  # nobody knows what changed
    assert third["chat"]["id"] == EARLIER
    page = client.get(f"/chats/{EARLIER}/versions?lang=en")
    assert "This version is damaged" in page.get_data(as_text=True)
    assert "what changed is not known" in page.get_data(as_text=True)


def test_verify_names_it_and_does_not_blame_the_index(service: Service) -> None:
    report = service.verify(strings=20, seed=3)
    assert {(row.chat_id, row.version) for row in report.archive if row.chat_id} == {
        (PRESENT, service.archive.get([PRESENT])[PRESENT].version),
        (EARLIER, 2),
    }
    assert report.index_clean
    assert not report.clean


def test_the_index_is_built_without_it_and_the_log_says_so(
    target: Target, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR), target.service.indexing("test"):
        assert service.reindex() == LAST - FIRST
    assert f"chat {PRESENT}" in caplog.text
    assert service.verify(strings=5, seed=3).index_clean
    assert not service.coverage_now().complete
    with target.service.indexing("test"):
        target.service.reindex()


def ended(status: int, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command that ends with this exit code."""
    done = run(*arguments, folder=folder)
    assert done.returncode == status, done
    return done


def test_the_commands_exit_with_3_and_say_what_helps(
    target: Target, file: Path, tmp_path: Path
) -> None:
    (tmp_path / "var").mkdir()
    shutil.copyfile(file, tmp_path / "var" / "archive.sqlite3")
    shutil.copytree(target.folder / "index", tmp_path / "index")

    verify = ended(3, tmp_path, "verify", "--strings", "3")
    assert f"archive: chat {PRESENT}, version" in verify.stdout
    assert f"archive: chat {EARLIER}, version 2" in verify.stdout
    assert "kchat-search repair" in verify.stderr
    assert "reindex" not in verify.stdout + verify.stderr
    told = json.loads(ended(3, tmp_path, "verify", "--strings", "3", "--json").stdout)
    assert {row["chat_id"] for row in told["archive"]} == {PRESENT, EARLIER}

    export = ended(3, tmp_path, "export")
    assert len(export.stdout.splitlines()) == LAST - FIRST + 1
    assert f"damaged: chat {PRESENT}" in export.stderr

    show = ended(1, tmp_path, "show", str(PRESENT))
    assert show.stderr.startswith(f"kchat-search: Chat {PRESENT} is damaged in the archive")
    assert show.stderr.count("\n") == 1
    assert "version 2 (versions)" in ended(0, tmp_path, "show", str(EARLIER), "--versions").stdout

    (tmp_path / "var" / "archive.sqlite3").write_bytes(b"no database" * 999)
    for command in ("verify", "status", "export"):
        refused = ended(1, tmp_path, command)
        assert refused.stderr.count("\n") == 1
        assert "archive.sqlite3 is damaged or is no database" in refused.stderr
