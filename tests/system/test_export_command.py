"""`kchat-search export`: what the file has, and that there is only a file if it is complete."""

from __future__ import annotations

import csv
import json
import os
import random
import re
import resource
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from click.testing import CliRunner

from kchat_search.cli import output_file
from kchat_search.cli.commands import commands
from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL, DEMO_PASSWORD
from kchat_search.demo.server import DemoServer
from kchat_search.errors import ArchiveError, BadRequest, OutputUnwritable
from kchat_search.search.export_walk import AbsentChat
from tests.serialization.export_files import sheet_rows, sheets
from tests.system.programs import COMMAND, SECONDS, environment, run
from tests.world import World, agents, chat, message

pytestmark = pytest.mark.slow

LONG = "".join(random.Random(1).choices([chr(code) for code in range(0x4E00, 0x9FA5)], k=50_000))
"""A message that can't be compressed much, and that is too long for a cell of a workbook."""


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with 26 chats from a sync. One of them has a file and a formula."""
    upload = {"id": 9, "name": "=发票.pdf", "url": "https://f.example/9?token=s3cret"}
    upload |= {"token": "s3cret", "oss_token": "s3cret"}
    said = message(
        1, 126, "访客126", "=HYPERLINK(1)", upload_id=9, upload=upload, type="chat.upload"
    )
    long = message(2, 126, "李雷", LONG)
    last = chat(126, created_at="2016-03-20 11:00:00", messages=[said, long])
    folder = tmp_path_factory.mktemp("synced")
    with DemoServer(
        [*map(chat, range(101, 126)), last],
        agents(),
        email=DEMO_EMAIL,
        password=DEMO_PASSWORD,
        api_token=DEMO_API_TOKEN,
    ) as kchat:
        world = World(kchat, folder, archive_url=f"sqlite:///{folder}/var/archive.sqlite3")
        world.sync()
        world.service.close()
    return folder


@pytest.fixture
def folder(synced: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(synced, tmp_path, dirs_exist_ok=True))


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"index", "var"}


def test_every_chat_is_in_the_file(folder: Path) -> None:
    ended = run("export", "--output", "chats.jsonl", folder=folder)
    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr == "26 chats exported to chats.jsonl\n"
    assert files(folder) == {"chats.jsonl"}
    file = folder / "chats.jsonl"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    found = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert sorted(line["chat"]["id"] for line in found) == list(range(101, 127))
    assert found[0]["links"]["html"] == f"http://127.0.0.1:5080/chats/{found[0]['chat']['id']}"
    assert "s3cret" not in file.read_text(encoding="utf-8")

    ended = run("export", "--format", "csv", "--output", "chats.csv", folder=folder)
    assert ended.returncode == 0
    with (folder / "chats.csv").open(encoding="utf-8-sig", newline="") as text:
        rows = list(csv.DictReader(text, strict=True))
    assert {int(row["chat_id"]) for row in rows} == set(range(101, 127))
    last = rows[-2]
    assert (last["text"], last["upload_name"]) == ("'=HYPERLINK(1)", "'=发票.pdf")
    assert last["upload_url"] == "https://f.example/9"

    ended = run("export", "--format", "xlsx", "-o", "chats.xlsx", folder=folder)
    assert (ended.returncode, ended.stdout) == (0, "")
    assert stat.S_IMODE((folder / "chats.xlsx").stat().st_mode) == 0o600
    book = (folder / "chats.xlsx").read_bytes()
    found_rows = sheet_rows(book)
    assert {int(row["chat_id"]) for row in found_rows} == set(range(101, 127))
    *_, upload, first, second = found_rows  # the last text is too long for one cell
    assert (upload["text"], upload["upload_name"]) == ("=HYPERLINK(1)", "=发票.pdf")
    assert first["text"] + second["text"] == LONG
    assert ["Chats that match", "26"] in sheets(book)["About"]
    assert b"s3cret" not in b"".join(str(row).encode() for row in found_rows)
    assert files(folder) == {"chats.jsonl", "chats.csv", "chats.xlsx"}


def test_search_and_export_take_the_same_options(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    sizes = set()
    for options in (
        ("退款",),
        ("退款", "订单号"),
        ("--agent", "2192", "--agent", "none"),
        ("--visitor", "3"),
        ("--user", "none"),
        ("--status", "close", "--rating", "none"),
        ("--started-by", "visitor", "--type", "chat"),
        ("--has-upload",),
        ("--no-upload", "--sort", "newest"),
        ("--start", "2016-03-05", "--end", "2016-03-10"),
    ):
        exported = CliRunner().invoke(commands, ["export", *options])
        assert exported.exit_code == 0, exported.exception
        found = [json.loads(line)["chat"]["id"] for line in exported.stdout.splitlines()]
        sort = () if "--sort" in options else ("--sort", "oldest")
        arguments = ("--per-page", "100", "--json")
        searched = CliRunner().invoke(commands, ["search", *options, *sort, *arguments])
        answer = json.loads(searched.stdout)
        assert found == [hit["chat"]["id"] for hit in answer["hits"]], options
        assert len(found) == answer["total"] > 0
        assert exported.stderr.startswith(f"{len(found)} chat")
        sizes.add(len(found))
    assert len(sizes) > 5


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--start", "yesterday"), 2, "start"),
        (("a" * 1001,), 2, "1,000"),
        (("--sort", "relevance"), 2, "relevance"),
        (("--format", "xls"), 2, "xlsx"),
        (("--output", "absent/chats.jsonl"), 2, "absent"),
        (("--output", "index"), 2, "index"),
        (("--output", "/dev/full"), 75, "No space left"),
        (("--output", "/proc/chats.jsonl"), 75, "/proc/chats.jsonl can't be written"),
    ],
)
def test_an_error_is_reported_and_leaves_no_file(
    folder: Path, arguments: tuple[str, ...], code: int, says: str
) -> None:
    ended = run("export", *arguments, folder=folder)
    assert (ended.returncode, says in ended.stderr) == (code, True), ended.stderr
    assert "Traceback" not in ended.stderr
    assert "exported" not in ended.stderr
    assert files(folder) == set()


def test_an_existing_file_is_replaced_only_with_force(folder: Path) -> None:
    file = folder / "chats.jsonl"
    file.write_text("mine")
    refused = run("export", "--output", "chats.jsonl", folder=folder)
    assert (refused.returncode, file.read_text()) == (2, "mine")
    assert "--force" in refused.stderr
    forced = run("export", "--output", "chats.jsonl", "--force", folder=folder)
    assert forced.returncode == 0
    assert file.read_text(encoding="utf-8").count("\n") == 26
    assert files(folder) == {"chats.jsonl"}


def _no_file_beyond_60_kb() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))


@pytest.mark.parametrize("form", ["jsonl", "csv", "xlsx"])
def test_a_disk_that_fills_up_leaves_the_old_file(folder: Path, form: str) -> None:
    file = folder / "chats.jsonl"
    file.write_text("mine")
    ended = subprocess.run(
        [*COMMAND, "export", "--format", form, "--output", "chats.jsonl", "--force"],
        cwd=folder,
        env=environment(None),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
        preexec_fn=_no_file_beyond_60_kb,  # this test has no threads
    )
    assert ended.returncode == 75, ended.stderr
    assert "can't be written" in ended.stderr
    assert file.read_text() == "mine"
    assert files(folder) == {"chats.jsonl"}


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="the system has no such name")
def test_a_pipe_may_be_named(folder: Path) -> None:
    ended = run("export", "--output", "/dev/stdout", folder=folder)
    assert ended.returncode == 0, ended.stderr
    to_standard_output = run("export", folder=folder)
    assert ended.stdout == to_standard_output.stdout != ""


def test_a_full_or_closed_standard_output_is_an_error(folder: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [*COMMAND, "export"], cwd=folder, env=environment(None), stdout=full,
            stderr=subprocess.PIPE, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
    assert ended.returncode == 75
    assert re.search(r"Standard output can't be written \(No space", ended.stderr)
    reading, writing = os.pipe()
    os.close(reading)  # as `| head` does
    ended = subprocess.run(
        [*COMMAND, "export"], cwd=folder, env=environment(None), stdout=writing,
        stderr=subprocess.PIPE, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (1, "")


def test_the_command_says_what_may_be_missing(kchat: DemoServer, folder: Path) -> None:
    world = World(kchat, folder, archive_url=f"sqlite:///{folder}/var/archive.sqlite3")
    world.service.archive.queue([101])
    world.service.close()
    ended = run("export", "--output", "chats.jsonl", folder=folder)
    assert ended.returncode == 0
    assert "may not be everything: 1 chats wait for the index; see" in ended.stderr


# -- only the file ----------------------------------------------------------------------------


def test_there_is_no_file_until_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "chats.csv"
    with output_file.opened(target, force=False) as file:
        file.write(b"half")
        assert list(tmp_path.iterdir()) == []
    assert target.read_bytes() == b"half"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [target]


def _write(target: Path, meanwhile: Callable[[], object]) -> None:
    with output_file.opened(target, force=False) as file:
        file.write(b"half")
        meanwhile()


def _raise(error: BaseException) -> NoReturn:
    raise error


@pytest.mark.parametrize("error", [ArchiveError("x"), KeyboardInterrupt(), ZeroDivisionError()])
def test_an_export_that_breaks_off_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    target = tmp_path / "chats.csv"
    with pytest.raises(type(error)):
        _write(target, lambda: _raise(error))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_appeared_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "chats.csv"
    with pytest.raises(BadRequest, match="--force"):
        _write(target, lambda: target.write_bytes(b"theirs"))
    assert target.read_bytes() == b"theirs"
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    real = tmp_path / "there" / "chats.csv"
    real.write_bytes(b"old")
    link = tmp_path / "chats.csv"
    link.symlink_to(real)
    with output_file.opened(link, force=True) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


def test_a_name_that_no_file_can_have_is_reported(tmp_path: Path) -> None:
    with pytest.raises(OutputUnwritable), output_file.opened(tmp_path / ("x" * 300), force=False):
        raise AssertionError


def test_progress_reaches_the_total_and_is_not_shown_for_each_chat() -> None:
    told: list[tuple[str, int, int | None]] = []
    absent = [AbsentChat(number) for number in range(250)]
    chats = output_file.counted(absent, 250, lambda *step: told.append(step))
    assert len(list(chats)) == 250
    assert told == [("export", done, 250) for done in (0, 100, 200, 250)]
