"""Chats that could not be understood: people see the reason, and never a token."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kchat_search.cli import printing_reports
from kchat_search.demo.server import DemoServer
from kchat_search.models.chats import RejectedChat, StoredReject
from kchat_search.models.reports import SyncReport
from tests.system.programs import run
from tests.world import BEGIN, World, chat

SECRET = "t0p-s3cret"
UPLOAD = {
    "id": 1,
    "token": SECRET,
    "oss_token": SECRET,
    "url": f"https://f.example/1?token={SECRET}",
}


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ({"id": 1, "msg": "什么\ud800"}, {"id": 1, "msg": "什么\ud800"}),
        ({"id": 1, "token": SECRET}, {"id": 1}),
        ({"messages": [{"upload": UPLOAD}]}, {"messages": [{"upload": {"id": 1, "url": "https://f.example/1"}}]}),
        ([UPLOAD], [{"id": 1, "url": "https://f.example/1"}]),
        ({"messages": json.dumps([{"token": SECRET}])}, {"messages": '[{"token": ""}]'}),
        (f"https://f.example/1?token={SECRET}&x=1", "https://f.example/1?x=1"),
        (None, None),
        (7, 7),
        ("null", "null"),
    ],
    ids=str,
)  # fmt: skip
def test_a_reject_of_any_form_is_shown_without_upload_tokens(
    world: World, sent: Any, shown: Any
) -> None:
    world.service.archive.save(
        [], [RejectedChat("raw:1", None, json.dumps(sent), "odd")], now=world.now
    )
    (stored,) = world.service.rejects()
    assert json.loads(stored.reject.raw) == shown
    assert stored.reject.raw.isascii()
    assert SECRET not in stored.reject.raw


@pytest.mark.parametrize(
    "raw", ["[" * 200 + "]" * 200, "[" * 5000 + "]" * 5000, '{"token": "t0', ""]
)
def test_a_reject_that_may_still_have_a_token_is_not_shown(world: World, raw: str) -> None:
    world.service.archive.save([], [RejectedChat("raw:1", None, raw, "odd")], now=world.now)
    (stored,) = world.service.rejects()
    assert (stored.reject.raw, stored.reject.reason) == ("", "odd")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_command_lists_rejects_with_their_reasons(kchat: DemoServer, folder: Path) -> None:
    assert "reason" not in run("status", folder=folder).stdout
    for number in range(201, 231):
        kchat.put(chat(number, created_at="soon") | {"upload": UPLOAD})
    run("sync", kchat=kchat, folder=folder)
    told = run("status", folder=folder, COLUMNS="200").stdout
    assert "created_at can't be read as a time" in told
    assert told.count("#2") == 20
    assert "and 10 more" in told
    assert "gone from Kchat" not in told.split("could not be understood")[1]
    status = json.loads(run("status", "--json", folder=folder).stdout)
    assert (status["archive"]["rejected"], len(status["rejects"])) == (30, 20)
    assert run("status", "--rejects", folder=folder, COLUMNS="200").stdout.count("#2") == 30
    found = json.loads(run("status", "--rejects", "--json", folder=folder).stdout)
    assert found["total"] == len(found["rejects"]) == 30
    names = {"chat_id", "key", "reason", "first_seen_at", "last_seen_at", "times", "gone_at", "raw"}
    assert {name for each in found["rejects"] for name in each} == names
    assert {each["chat_id"] for each in found["rejects"]} == set(range(201, 231))
    assert json.loads(found["rejects"][0]["raw"])["created_at"] == "soon"
    assert SECRET not in str(found)


def test_a_strangers_text_is_harmless_on_a_terminal(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = RejectedChat("raw:[red]\x1b[31m", None, "{}", "[bold]why\n\x1b[2J\ud800")
    stored = StoredReject(odd, BEGIN, BEGIN, 1_000, BEGIN + timedelta(days=1))
    printing_reports.print_status(world.service.status(), [stored], 1, world.settings.zone)
    told = capsys.readouterr().out
    assert "[bold]why" in told
    assert "1,000" in told
    assert "2016-03-20  2016-03-20  2016-03-21" in told, "first seen, last seen, gone"
    assert all(c.isprintable() or c == "\n" for c in told)


def test_a_sync_that_ended_early_says_why(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    report = SyncReport("tick", BEGIN, BEGIN, error="Kchat is away\x1b[2J")
    printing_reports.print_report(report)
    assert "ended early: Kchat is away\ufffd[2J" in capsys.readouterr().out
    world.service.archive.save_report(report)
    printing_reports.print_status(world.service.status(), [], 0, world.settings.zone)
    assert "the last sync failed: Kchat is away" in capsys.readouterr().out
