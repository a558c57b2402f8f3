"""The page of the own account: password, log-ins, tokens."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask

from tests.web.browsing import Browser, form
from tests.web.doors import WORDS, Doors, signed_in
from tests.web.markup import Page

NEW = "three more words"


def change(browser: Browser, old: str, new: str, again: str, status: int = 200) -> Page:
    browser.open("/account")
    return browser.send("/account/password", status, old_password=old, password=new, again=again)


def test_the_page_says_who_one_is_and_what_one_may_see(app: Flask, doors: Doors) -> None:
    text = signed_in(app, "lilei").open("/account").text
    assert "客服" in text
    assert "李雷 #2192" in text
    assert "搜索和阅读所有对话。" in text
    assert "部分隐藏" in text
    assert "逐个对话显示" in signed_in(app, "cora").open("/account").text
    doors.service.presentation = replace(doors.presentation, agents_see="own")
    assert "您参与的对话" in signed_in(app, "lilei").open("/account").text
    doors.access.people.set_agent_id("lilei", None)
    assert "什么都看不到" in signed_in(app, "lilei").open("/account").text


def test_a_new_password_keeps_this_log_in_and_ends_the_others(app: Flask, doors: Doors) -> None:
    here, there = signed_in(app, "lilei"), signed_in(app, "lilei")
    page = change(here, WORDS, NEW, NEW)
    assert here.path == "/account"
    assert "密码已修改" in page.text
    assert "密码已修改" not in here.open("/account").text, "it is said once"
    there.open("/account")
    assert there.path.startswith("/login")
    person = doors.access.people.person("lilei")
    assert ("lilei", "password_changed", f"person:{person.id}") in doors.actions()
    there.log_in("lilei", WORDS, status=401)
    there.log_in("lilei", NEW)


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        (("wrong", NEW, NEW), "old_password", "现在的密码不对"),
        ((WORDS, NEW, "another"), "again", "不一样"),
        ((WORDS, "short", "short"), "password", "至少"),
        ((WORDS, "", ""), "password", "密码"),
        ((WORDS, "password123", "password123"), "password", "密码"),
        ((WORDS, WORDS, WORDS), "password", "一样"),
    ],
)
def test_a_password_that_can_not_be_taken_says_why_at_its_field(
    app: Flask, typed: tuple[str, str, str], field: str, words: str
) -> None:
    old, new, again = typed
    browser = signed_in(app, "lilei")
    page = change(browser, old, new, again, status=400)
    shown = next(one for one in page.fields if one.get("name") == field)
    assert shown["aria-invalid"] == "true"
    assert "autofocus" in shown
    ids = shown["aria-describedby"].split()
    assert f"{field}-error" in ids
    assert set(ids) <= set(page.ids)
    assert words in page.text
    assert page.text.isascii() is False
    english = browser.client.post(
        "/account/password?lang=en",
        data=form(page, "/account/password")
        | {"old_password": old, "password": new, "again": again},
    )
    assert english.status_code in (400, 429)
    switch = next(link["href"] for link in page.links if link.get("hreflang") == "en")
    assert browser.client.get(switch).status_code == 200, "the form's page, not its address"
    for secret in {old, new, again} - {""}:
        assert f'value="{secret}"' not in browser.response.text


def test_every_log_in_is_shown_and_can_be_ended(app: Flask, doors: Doors) -> None:
    phone = Browser(app, "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Safari/604.1")
    phone.log_in("lilei", WORDS)
    desk = signed_in(app, "lilei")
    text = desk.open("/account").text
    assert "Chrome · Linux" in text
    assert "Safari · iPhone" in text
    assert "127.0.0.1" in text
    other = next(one.id for one in doors.access.sessions.of("lilei") if "iPhone" in one.browser)
    desk.send(f"/account/sessions/{other}/end")
    assert ("lilei", "session_ended", f"session:{other}") in doors.actions()
    phone.open("/account")
    assert phone.path.startswith("/login")
    phones = [signed_in(app, "lilei"), signed_in(app, "lilei")]
    desk.open("/account")
    page = desk.send("/account/sessions/end-others")
    assert "已结束 2 个登录" in page.text
    for each in phones:
        each.open("/account")
        assert each.path.startswith("/login")


def test_nobody_ends_the_log_in_of_another(app: Flask, doors: Doors) -> None:
    signed_in(app, "ada")
    theirs = doors.access.sessions.of("ada")[0].id
    browser = signed_in(app, "lilei")
    signed_in(app, "lilei")
    browser.open("/account")
    token = form(browser.page, "/logout")
    for number in (theirs, 99_999):
        answer = browser.client.post(f"/account/sessions/{number}/end", data=token)
        assert answer.status_code == 404
    assert [one.id for one in doors.access.sessions.of("ada")] == [theirs]


def test_a_token_is_shown_once_and_opens_what_its_owner_may(app: Flask, doors: Doors) -> None:
    browser = signed_in(app, "cora")
    browser.open("/account")
    page = browser.send("/account/tokens", name="report", role=["compliance"], expires="30")
    token = doors.access.tokens.everything(owner="cora")[0]
    secret = next(
        word for word in page.text.split() if word.startswith(token.prefix) and len(word) > 40
    )
    headers = {"Authorization": f"Bearer {secret}"}
    assert app.test_client().get("/api/v1/status", headers=headers).status_code == 200
    assert ("cora", "token_added", f"token:{token.id}") in doors.actions()
    again = browser.open("/account")
    assert secret not in browser.response.text
    assert "report" in again.text
    assert secret not in str(doors.recorded)
    browser.send(f"/account/tokens/{token.id}/revoke")
    assert app.test_client().get("/api/v1/status", headers=headers).status_code == 401
    assert "已吊销" in browser.page.text


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": " "}, "name"),
        ({"role": []}, "role"),
        ({"role": ["admin"]}, "role"),
        ({"role": ["compliance", "owner"]}, "role"),
        ({"expires": "36500"}, "expires"),
        ({"expires": ""}, "expires"),
    ],
)
def test_a_token_that_can_not_be_made_says_why(
    app: Flask, doors: Doors, changed: dict[str, str | list[str]], field: str
) -> None:
    browser = signed_in(app, "cora")
    browser.open("/account")
    given: dict[str, str | list[str]] = {"name": "report", "role": ["compliance"], "expires": "7"}
    page = browser.send("/account/tokens", 400, **(given | changed))
    wrong = {one["name"] for one in page.fields if one.get("aria-invalid")}
    assert wrong == {field}
    assert doors.access.tokens.everything() == ()
    kept = form(page, "/account/tokens")
    if field != "name":
        assert kept["name"] == "report", "what was right need not be typed again"


def test_nobody_revokes_the_token_of_another(app: Flask, doors: Doors) -> None:
    token, _ = doors.access.tokens.add("theirs", ["admin"], owner="ada")
    browser = signed_in(app, "cora")
    data = form(browser.open("/account"), "/logout")
    answer = browser.client.post(f"/account/tokens/{token.id}/revoke", data=data)
    assert answer.status_code == 404
    assert doors.access.tokens.everything()[0].revoked_at is None


def test_an_agent_makes_no_tokens(app: Flask, doors: Doors) -> None:
    browser = signed_in(app, "lilei")
    page = browser.open("/account")
    assert "我的令牌" not in page.text
    data = form(page, "/logout") | {"name": "mine", "role": ["agent"], "expires": "7"}
    assert browser.client.post("/account/tokens", data=data).status_code == 403
    assert doors.access.tokens.everything() == ()


def test_a_token_that_can_not_be_recorded_is_not_made(app: Flask, doors: Doors) -> None:
    browser = signed_in(app, "cora")
    browser.open("/account")
    doors.disk_full = True
    page = browser.send("/account/tokens", 503, name="report", role=["compliance"], expires="7")
    assert "kchat_" not in page.text
    assert all(one.revoked_at for one in doors.access.tokens.everything())
