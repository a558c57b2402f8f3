"""`kchat-search sync` and `serve` whose Kchat can't be reached: the whole program, as a process."""

from __future__ import annotations

import json
import logging
import socket
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from kchat_search.cli.retry_line import retries_shown
from kchat_search.demo.server import DemoServer
from kchat_search.kchat import transport
from kchat_search.models.reports import Alert, Reason
from kchat_search.serialization.alerts import alert_text
from tests.system.programs import run

ACCOUNT = {"KCHAT_EMAIL": "li@example.com", "KCHAT_API_TOKEN": "t0ken"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"KCHAT_BASE_URL": "https://kchat.invalid"}, ["https://kchat.invalid", "KCHAT_BASE_URL"]),
        ({"KCHAT_BASE_URL": "http://127.0.0.1:{port}"}, ["127.0.0.1:{port}", "refused"]),
    ],
)
def test_sync_says_it_in_one_sentence(
    tmp_path: Path, settings: dict[str, str], words: list[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening
        port = taken.getsockname()[1]
        given = {name: value.format(port=port) for name, value in settings.items()}
        (tmp_path / "index").mkdir()
        done = run(
            "sync", kchat=None, folder=tmp_path, **ACCOUNT, **given, KCHAT_LOG_LEVEL="WARNING",
            http_proxy="", https_proxy="", no_proxy="*",
        )  # fmt: skip
    assert done.returncode == 75
    said = [line for line in done.stderr.splitlines() if "private_files" not in line]
    assert len(said) == 1, done.stderr
    assert said[0].startswith("kchat-search: Kchat can't be reached at ")
    assert [word for word in words if word.format(port=port) not in said[0]] == []


@pytest.mark.slow
def test_sync_says_it_in_one_sentence_where_a_web_page_answers(
    tmp_path: Path, kchat: DemoServer
) -> None:
    kchat.switch_on("html", every=1)
    (tmp_path / "index").mkdir()
    done = run("sync", kchat=kchat, folder=tmp_path, KCHAT_LOG_LEVEL="WARNING")
    said = [line for line in done.stderr.splitlines() if "private_files" not in line]
    assert done.returncode == 75
    assert len(said) == 1, done.stderr
    assert "a web page in place of JSON (check KCHAT_BASE_URL)" in said[0]


@pytest.mark.slow
def test_status_repeats_the_sentence(tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    given = {"KCHAT_BASE_URL": "https://kchat.invalid", **ACCOUNT}
    run("sync", kchat=None, folder=tmp_path, **given)
    done = run("status", "--json", kchat=None, folder=tmp_path, **given)
    assert "https://kchat.invalid" in json.loads(done.stdout)["last_sync"]["error"]


def test_the_pages_alert_names_the_address_and_the_settings() -> None:
    text = "Kchat can't be reached at https://kchat.invalid: the name …; check KCHAT_BASE_URL."
    alert = Alert("tick_failed", Reason(text, "KchatUnreachable"), datetime.now(UTC), times=1)
    chinese, english = (alert_text(alert, language, ZoneInfo("UTC")) for language in ("zh", "en"))
    for words in (chinese, english):
        assert "https://kchat.invalid" in words
        assert "KCHAT_BASE_URL" in words
    assert "连不上 Kchat（https://kchat.invalid）。" in chinese


def test_on_a_terminal_retries_are_counted_and_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    shown: list[int] = []
    level = transport._log.level
    with caplog.at_level(logging.DEBUG), retries_shown(shown.append):
        for count in range(1, 31):
            transport._log.debug("again", extra={"retries": count})
        transport._log.warning("something else")
    assert shown == list(range(1, 31))
    assert [record.getMessage() for record in caplog.records] == ["something else"]
    assert transport._log.level == level
