"""The page that leads through connecting Kchat: what is missing, how to find it, does it work."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kchat_search.models.account import AccountCheck
from kchat_search.models.reports import Alert, Coverage, Reason
from tests.web.browsing import form
from tests.web.doors import Doors, signed_in
from tests.web.fake_service import NOW, FakeService
from tests.web.markup import look

MISSING = Alert(
    "not_connected",
    Reason("Not connected to Kchat yet: set KCHAT_EMAIL, KCHAT_API_TOKEN in .env.", "NoAccount"),
    NOW,
)


def failed(kind: str, text: str = "Details.") -> AccountCheck:
    return AccountCheck(NOW, done=True, problem=Reason(text, kind))


def test_without_an_account_home_status_and_setup_say_so_and_lead_there(
    client: FlaskClient, service: FakeService
) -> None:
    service.wrong = (MISSING,)
    service.chats = []
    service.covers = Coverage(
        complete=False, chats=0, pending=0, rejected=0, synced_at=None, backfilled=False
    )
    home = look(client, "/")
    assert "归档还是空的：还没有从 Kchat 取到对话。 连接 Kchat 账号" in home.text
    assert "/setup" in [link["href"] for link in home.links]
    status = look(client, "/status")
    assert "尚未连接 Kchat 账号。 怎么办： 请在 .env" in status.text
    assert "/setup" in [link["href"] for link in status.links]
    page = look(client, "/setup")
    assert "尚未连接 Kchat 账号。 现在搜索的是归档中已有的 0 个对话" in page.text
    assert "还缺这些设置： KCHAT_EMAIL KCHAT_API_TOKEN" in page.text
    assert "KCHAT_SUBDOMAIN=yourcompany" in page.text
    english = look(client, "/setup?lang=en").text
    assert "These settings are missing: KCHAT_EMAIL KCHAT_API_TOKEN" in english


@pytest.mark.parametrize(
    ("kind", "chinese", "english"),
    [
        ("KchatUnreachable.name", "找不到 Kchat 的域名。", "account can't be found."),
        ("KchatBadAnswer.page", "可能没有这个子域名。", "may be no such subdomain."),
        ("KchatRefused.401", "不接受这个邮箱或令牌（401）", "does not accept this e-mail"),
        ("KchatRefused.403", "没有读取对话的权限（403）", "may not read the chats (403)"),
        ("KchatUnreachable.tls", "加密连接（TLS）没有建立", "encrypted connection (TLS)"),
        ("KchatUnreachable.time-out", "没有及时回答", "did not answer in time"),
    ],
    ids=["name", "subdomain", "401", "403", "tls", "time-out"],
)
def test_what_is_wrong_with_the_account_is_said_in_words(
    client: FlaskClient, service: FakeService, kind: str, chinese: str, english: str
) -> None:
    service.checked = failed(kind, "Raw words about KCHAT_BASE_URL.")
    page = look(client, "/setup?lang=zh").text
    assert f"Kchat 账号还不能用 {page.partition('还不能用 ')[2][:8]}" in page
    assert chinese in page
    assert "涉及的设置： KCHAT_BASE_URL" in page
    assert "技术细节 Raw words" in page
    assert english in look(client, "/setup?lang=en").text


def test_a_try_is_waited_for_and_then_told(client: FlaskClient, service: FakeService) -> None:
    service.checked = AccountCheck(NOW)
    page = client.get("/setup").text
    assert "正在向 Kchat 询问" in page
    assert 'data-refresh="2"' in page
    service.checked = replace(service.checked, done=True, chats=90_000)
    page = look(client, "/setup").text
    assert "账号可用。 Kchat 上有 90,000 个对话。" in page
    service.checked = None
    assert "账号已设置，同步没有报错。" in look(client, "/setup").text
    reason = Reason("no answer", "KchatUnreachable")
    service.wrong = (Alert("tick_failed", reason, NOW, 2, NOW + timedelta(seconds=9)),)
    assert "Kchat 账号还不能用 连不上 Kchat。" in look(client, "/setup").text


def test_where_nobody_holds_the_account_the_page_names_the_command(
    client: FlaskClient, service: FakeService
) -> None:
    assert "检查账号" in look(client, "/setup").text
    service.can_check = False
    page = look(client, "/setup").text
    assert "检查账号" not in page
    assert "kchat-search sync" in page


def test_an_administrator_has_the_account_tried_and_nobody_else(
    doors: Doors, shared_doors: tuple[Doors, Flask], service: FakeService
) -> None:
    assert doors.service is service
    admin = signed_in(shared_doors[1], "ada")
    admin.open("/setup")
    assert admin.client.post("/setup/check").status_code == 403, "without our own form"
    admin.send("/setup/check")
    assert admin.path == "/setup"
    assert service.checks == ["tried"]
    for name in ("cora", "lilei"):
        other = signed_in(shared_doors[1], name)
        other.open("/setup", 403)
        token = form(other.open("/account"), "/logout")["csrf_token"]
        assert other.client.post("/setup/check", data={"csrf_token": token}).status_code == 403
    assert service.checks == ["tried"]


def test_a_check_goes_through_a_pipe() -> None:
    for check in (AccountCheck(NOW), failed("KchatRefused.401"), AccountCheck(NOW, True, None, 9)):
        assert AccountCheck.from_json(check.to_json()) == check
