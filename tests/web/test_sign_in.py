"""Log-in, log-out, and what becomes of a form when the log-in has ended."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from kchat_search.models.people import Person
from kchat_search.models.reports import Coverage
from tests.web.browsing import Browser, form
from tests.web.doors import STAFF, WORDS, Doors, signed_in
from tests.web.fake_service import NOW
from tests.web.markup import Page


def test_who_logs_in_gets_where_they_wanted_to_go(app: Flask, doors: Doors) -> None:
    browser = Browser(app)
    wanted = "/chats/290?q=%E9%80%80%E6%AC%BE"
    browser.open(wanted)
    assert browser.path.startswith("/login?next=")
    browser.send("/login", username="lilei", password=WORDS)
    assert (
        browser.response.request.path + "?" + browser.response.request.query_string.decode()
        == wanted
    )
    assert "lilei" in browser.page.text
    assert ("lilei", "log_in", "") in doors.actions()


def test_a_known_name_can_not_be_told_from_an_unknown_one(app: Flask, doors: Doors) -> None:
    def answer(name: str, password: str) -> tuple[int, str]:
        browser = Browser(app)
        browser.log_in(name, password, status=401)
        text = re.sub(r'name="csrf_token" value="[^"]+"', "", browser.response.text)
        return browser.response.status_code, text.replace(name, "NAME")

    assert "用户名或密码不对" in answer("lilei", "wrong")[1]
    assert answer("lilei", "wrong") == answer("nobody-is-called-so", "wrong")
    doors.access.people.disable("otto")
    assert answer("otto", WORDS) == answer("lilei", "wrong")


def test_a_log_in_under_way_ends_with_the_password_that_it_was_begun_with(
    app: Flask, doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = doors.access.sign_ins.with_password

    def slow(name: str, password: str, *, address: str) -> Person | None:
        checked = check(name, password, address=address)
        doors.access.people.set_password(name, "words of another")
        return checked

    monkeypatch.setattr(doors.access.sign_ins, "with_password", slow)
    browser = Browser(app)
    assert "用户名或密码不对" in browser.log_in("lilei", WORDS, status=401).text
    assert doors.actions() == [("lilei", "log_in_failed", "")]
    assert doors.access.sessions.of("lilei") == ()
    browser.open("/account")
    assert browser.path.startswith("/login")


def test_a_failed_log_in_keeps_the_name_and_puts_the_focus_on_the_password(app: Flask) -> None:
    browser = Browser(app)
    page = browser.log_in("lilei", "wrong", status=401)
    fields = {one["name"]: one for one in page.fields if one.get("id")}
    assert fields["username"]["value"] == "lilei"
    assert fields["username"]["autocomplete"] == "username"
    assert fields["password"]["autocomplete"] == "current-password"
    assert "autofocus" in fields["password"]
    assert "value" not in fields["password"]
    assert fields["password"]["aria-describedby"] in page.ids
    assert "wrong" not in browser.response.request.url


def test_who_fails_too_often_is_told_how_long_to_wait(app: Flask, doors: Doors) -> None:
    browser = Browser(app)
    for _ in range(30):
        browser.open("/login")
        data = form(browser.page, "/login") | {"username": "lilei", "password": "wrong"}
        browser.response = browser.client.post("/login", data=data)
        if browser.response.status_code == 429:
            break
    seconds = int(browser.response.headers["Retry-After"])
    assert f"请等 {seconds} 秒" in browser.response.text
    doors.clock.pass_(seconds=seconds + 1)
    browser.log_in("lilei", WORDS)
    assert browser.path == "/"


@pytest.mark.parametrize(
    "elsewhere",
    ["//evil.example", "/\\evil.example", "https://evil.example", "/%2f%2fevil.example",
     "/%5cevil.example", "javascript:alert(1)", "\t//evil.example", "/login", "/logout", "evil"],
)  # fmt: skip
def test_nobody_is_led_to_another_site_after_the_log_in(app: Flask, elsewhere: str) -> None:
    browser = Browser(app)
    browser.open("/login")
    data = form(browser.page, "/login")
    data |= {"username": "lilei", "password": WORDS, "next": elsewhere}
    answer = browser.client.post("/login", data=data)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


def test_a_cookie_that_was_planted_before_the_log_in_is_worth_nothing(app: Flask) -> None:
    browser = Browser(app)
    browser.open("/login")
    planted = browser.client.get_cookie("kchat")
    assert planted is not None
    browser.send("/login", username="lilei", password=WORDS)
    thief = Browser(app)
    thief.client.set_cookie("kchat", planted.value)
    thief.open("/account")
    assert thief.path.startswith("/login")


def test_log_out_ends_the_log_in_on_the_server_too(app: Flask, doors: Doors) -> None:
    browser = signed_in(app, "lilei")
    kept = browser.client.get_cookie("kchat")
    assert kept is not None
    page = browser.send("/logout")
    assert browser.path == "/login"
    assert "您已退出登录" in page.text
    assert ("lilei", "log_out", "") in doors.actions()
    thief = Browser(app)
    thief.client.set_cookie("kchat", kept.value)
    thief.open("/account")
    assert thief.path.startswith("/login")


@pytest.mark.parametrize("path", ["/login", "/logout"])
def test_log_in_and_log_out_take_no_form_without_its_token(app: Flask, path: str) -> None:
    browser = signed_in(app, "lilei")
    data = {"username": "ada", "password": WORDS}
    assert browser.client.post(path, data=data).status_code == 403
    browser.open("/account")
    assert "lilei" in browser.page.text


def test_who_is_logged_in_needs_no_log_in_page(app: Flask) -> None:
    browser = signed_in(app, "lilei")
    browser.open("/login?next=/account")
    assert browser.path == "/account"


@pytest.mark.parametrize(
    ("name", "first"), [("lilei", "/"), ("cora", "/"), ("ada", "/people"), ("otto", "/audit")]
)
def test_each_role_begins_where_it_can_do_something(app: Flask, name: str, first: str) -> None:
    browser = Browser(app)
    browser.open("/login")
    data = form(browser.page, "/login") | {"username": name, "password": WORDS}
    assert browser.client.post("/login", data=data).headers["Location"] == first


@pytest.mark.parametrize(
    ("name", "entries"),
    [
        ("lilei", ["/account", "/audit"]),
        ("cora", ["/account", "/audit", "/status"]),
        ("ada", ["/account", "/audit", "/people", "/status", "/tokens"]),
        ("otto", ["/account", "/audit"]),
    ],
)
def test_the_header_leads_where_one_may_go(app: Flask, name: str, entries: list[str]) -> None:
    page = signed_in(app, name).open("/account")
    known = {"/status", "/account", "/people", "/tokens", "/audit"}
    links = {link["href"] for link in page.links}
    assert sorted(links & known) == entries
    assert form(page, "/logout")


@pytest.mark.parametrize("name", STAFF)
def test_no_page_leads_where_one_may_not_go(
    app: Flask, doors: Doors, past: list[dict[str, Any]], name: str
) -> None:
    doors.service.covers = Coverage(False, 63, 1, 1, NOW)
    doors.service.past[290] = past
    browser = signed_in(app, name)
    led = set()
    pages = ("/", "/?q=%E9%80%80%E6%AC%BE", "/chats/290", "/status", "/account", "/people", "/docs",
             "/audit", "/there-is-no-such-page")  # fmt: skip
    for path in pages:
        page = Page(browser.client.get(path).text)
        led |= {link["href"].partition("#")[0] for link in page.links}
        sent = [form for tag, form in page.tags if tag == "form" and form.get("method") == "get"]
        led |= {form["action"] for form in sent}
    own = sorted(path for path in led if path.startswith("/") and "lang=" not in path)
    assert len(own) > 3
    closed = [path for path in own if browser.client.get(path).status_code in (401, 403, 404)]
    assert closed == []


def test_passwords_are_asked_for_only_where_they_are_taken(doors: Doors) -> None:
    shut = replace(doors.presentation.entrance, password_login=False)
    doors.service.presentation = replace(doors.presentation, entrance=shut)
    browser = Browser(doors.app())
    page = browser.open("/login")
    assert "password" not in [one.get("name") for one in page.fields]
    token = browser.client.get("/login/code").text
    csrf = re.search(r'name="csrf_token" value="([^"]+)"', token)
    assert csrf
    data = {"username": "lilei", "password": WORDS, "csrf_token": csrf[1]}
    answer = browser.client.post("/login", data=data)
    assert answer.status_code == 403
    assert "这里不能用密码登录" in answer.text
    assert "/login/code" in {link["href"] for link in Page(answer.text).links}, "a way on"


def test_what_was_typed_comes_back_after_the_log_in(app: Flask, doors: Doors) -> None:
    browser = signed_in(app, "ada")
    browser.open("/people")
    doors.clock.pass_(days=30)
    page = browser.send("/people", name="新同事", role=["compliance"], password="three more words")
    assert "您填写的内容还在" in page.text
    assert "three more words" not in browser.response.text
    page = browser.send("/login", username="ada", password=WORDS)
    assert browser.path == "/people"
    typed = form(page, "/people")
    assert (typed["name"], typed["role"]) == ("新同事", ["compliance"])
    assert "新同事" not in [person.name for person in doors.access.people.everybody()]
    browser.send("/people", password="three more words")
    assert doors.access.people.person("新同事").roles == {"compliance"}
    assert form(browser.open("/people"), "/people")["name"] == "", "it comes back once"


def test_what_was_typed_comes_back_to_nobody_else(app: Flask, doors: Doors) -> None:
    doors.access.people.add("second-admin", ["admin"], password=WORDS)
    browser = signed_in(app, "ada")
    browser.open("/people")
    doors.clock.pass_(days=30)
    browser.send("/people", name="a-secret-name", role=["agent"])
    browser.send("/login", username="second-admin", password=WORDS)
    assert "a-secret-name" not in browser.response.text
    assert form(browser.open("/people"), "/people")["name"] == ""


def test_as_long_as_nobody_was_added_there_is_nothing_to_log_in_to(empty_doors: Doors) -> None:
    browser = Browser(empty_doors.app())
    browser.open("/login")
    assert browser.path == "/"
    for path in ("/", "/status"):
        text = browser.open(path).text
        assert "坐在这台机器前的人都能看到全部对话和号码" in text
        assert "kchat-search user add" in text
    assert "坐在这台机器前" not in browser.open("/?q=退款").text
    assert "退出登录" not in browser.page.text


def test_the_notice_of_the_open_door_is_gone_with_the_first_person(app: Flask) -> None:
    assert "坐在这台机器前" not in signed_in(app, "cora").open("/status").text


def test_all_of_it_is_there_in_english(app: Flask) -> None:
    browser = Browser(app)
    browser.open("/login?lang=en")
    page = browser.send("/login", status=401, username="lilei", password="wrong")
    assert "The user name or the password is wrong" in page.text
    for name in STAFF:
        english = Browser(app)
        english.open("/login?lang=en")
        page = english.send("/login", username=name, password=WORDS)
        assert not re.search(
            "[\u3400-\u9fff]", english.open("/account").text.replace("中文", "").replace("李雷", "")
        )
