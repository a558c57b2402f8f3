"""Every command, as people and programs start it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kchat_search.demo.server import DemoServer
from tests.system.programs import run
from tests.world import chat

# A test starts up to twelve commands, each of which may take 25 s on a busy machine.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_from_an_account_to_a_chat(kchat: DemoServer, folder: Path) -> None:
    sync = run("sync", kchat=kchat, folder=folder)
    assert (sync.returncode, sync.stdout.split(",")[0]) == (0, "backfill: 25 chats seen")
    assert (folder / "var" / "archive.sqlite3").exists()
    assert (folder / "index" / "CURRENT").exists()

    for made in ("var", "var/archive.sqlite3", "index/generation-000001"):
        assert (folder / made).stat().st_mode & 0o077 == 0  # for this user only

    search = json.loads(run("search", "版本", "3.6.0", "--json", folder=folder).stdout)
    assert search["total"] > 0
    first = search["hits"][0]
    assert "3.6.0" in str(first["snippets"])
    assert "版本 3.6.0" in run("search", "版本", "3.6.0", folder=folder).stdout

    shown = run("show", str(first["chat"]["id"]), folder=folder)
    assert "李雷" in shown.stdout or "韩梅梅" in shown.stdout
    sent = json.loads(run("show", str(first["chat"]["id"]), "--json", folder=folder).stdout)
    assert sent["chat"]["id"] == first["chat"]["id"]

    verify = run("verify", "--strings", "50", "--json", folder=folder)
    assert (verify.returncode, json.loads(verify.stdout)["missed"]) == (0, [])
    status = json.loads(run("status", "--json", folder=folder).stdout)
    assert status["archive"]["chats"] == status["index"]["documents"] == 25
    assert status["coverage"]["complete"] is True
    assert "generation-000001" in run("status", folder=folder).stdout

    kchat.delete(101)
    again = json.loads(run("sync", "--reconcile", "--json", kchat=kchat, folder=folder).stdout)
    assert (again["kind"], again["vanished"], again["new"]) == ("reconcile", 1, 0)

    assert run("reindex", folder=folder).stdout == "25 chats indexed anew.\n"
    assert run("verify", folder=folder).returncode == 0


def test_what_was_recalled_is_still_shown(kchat: DemoServer, folder: Path) -> None:
    sent = chat(200, "我的密码是 1234", "好的", status="open")
    kchat.put(sent)
    run("sync", kchat=kchat, folder=folder)
    sent["messages"][0] |= {"msg": "", "recalled": True}
    kchat.put(sent | {"status": "close"})
    run("sync", "--reconcile", kchat=kchat, folder=folder)

    assert "1234" not in run("show", "200", folder=folder).stdout
    shown = run("show", "200", "--versions", folder=folder).stdout
    assert "status: open → close" in shown
    assert "recalled #200001" in shown
    assert "我的密码是 1234 → (nothing)" in shown
    told = json.loads(run("show", "200", "--versions", "--json", folder=folder).stdout)
    assert (told["total"], told["next"], told["previous"]) == (2, None, None)
    first, second = told["versions"]
    assert (first["until"], second["until"]) == (second["seen_at"], None)
    assert first["chat"]["messages"][0]["msg"] == "我的密码是 1234"
    assert [one["kind"] for one in second["changes"]] == ["field", "recalled"]


def test_verify_reports_an_index_of_another_build(kchat: DemoServer, folder: Path) -> None:
    run("sync", kchat=kchat, folder=folder)
    (old,) = (folder / "index").glob("generation-*")
    old.rename(folder / "old")
    run("reindex", folder=folder)  # the same chats in a second generation
    kchat.put(chat(126, created_at="2016-03-20 11:00:00"))
    run("sync", kchat=kchat, folder=folder)
    (folder / "index" / "generation-000002").rename(folder / "newer")
    (folder / "old").rename(folder / "index" / "generation-000002")  # as if a backup was restored
    verify = run("verify", "--json", folder=folder)
    assert verify.returncode == 3
    assert json.loads(verify.stdout)["damage"], "it is not the one that CURRENT names"
    assert "reindex" in verify.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("sync",), 2, "KCHAT_EMAIL"),
        (("worker",), 2, "kchat-search demo"),
        (("search", "a" * 1001), 2, "1,000"),
        (("search", "x", "--start", "yesterday"), 2, "start"),
        (("search", "x", "--per-page", "1000"), 2, "per_page"),
        (("show", "5"), 1, "no chat 5"),
        (("show", "x"), 2, "x"),
        (("show", "5", "--versions"), 1, "no chat 5"),
        (("serve", "--host", "0.0.0.0"), 2, "127.0.0.1"),  # noqa: S104  # that it is refused
        (("demo", "--chats", "absent.gz"), 2, "absent.gz"),
    ],
)
def test_an_error_is_one_line_that_says_what_to_do(
    folder: Path, arguments: tuple[str, ...], code: int, says: str
) -> None:
    ended = run(*arguments, folder=folder)
    assert ended.returncode == code
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("KCHAT_BASE_URL", "http://kf5.example.com", "https"),
        ("KCHAT_BASE_URL", "https://kf5.example.com/apiv2", "apiv2"),
        ("KCHAT_TIMEZONE", "Mars/Base", "time zone"),
        ("KCHAT_PER_PAGE", "many", "KCHAT_PER_PAGE"),
        ("KCHAT_USER_DICT", "absent.txt", "absent.txt"),
        ("KCHAT_ARCHIVE_URL", "nonsense", "KCHAT_ARCHIVE_URL"),
    ],
)
def test_a_wrong_setting_is_named(folder: Path, setting: str, value: str, says: str) -> None:
    ended = run("status", kchat=None, folder=folder, **{setting: value})
    assert ended.returncode == 2 if setting != "KCHAT_ARCHIVE_URL" else ended.returncode in (1, 2)
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr


def test_settings_may_stand_in_a_file_and_secrets_stay_there(
    kchat: DemoServer, folder: Path
) -> None:
    (folder / ".env").write_text(
        f"KCHAT_BASE_URL={kchat.url}\nKCHAT_EMAIL=nobody@example.com\nKCHAT_PASSWORD=s3cr3t-word\n"
    )
    ended = run("sync", folder=folder, KCHAT_LOG_LEVEL="DEBUG")
    assert ended.returncode == 1
    assert "refused" in ended.stderr
    assert "s3cr3t-word" not in ended.stderr + ended.stdout


def test_after_a_failure_of_kchat_the_exit_code_says_try_again(
    kchat: DemoServer, folder: Path
) -> None:
    kchat.fail_next(503, times=9)
    ended = run("sync", kchat=kchat, folder=folder, KCHAT_REQUEST_RETRIES="0")
    assert ended.returncode == 75
    assert "503" in ended.stderr
