"""The language of an answer: chosen by the reader of a page, preferred by a client of the API."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, render_template_string
from flask.testing import FlaskClient

from kchat_search.errors import (
    ArchiveError,
    BadRequest,
    Forbidden,
    KchatSearchError,
    LimitExceeded,
    NotFound,
    TooManyRequests,
)
from kchat_search.models.search import Note
from kchat_search.web.http.guard import DEPENDS_ON
from kchat_search.web.pages.formatting import written_date
from tests.web.fake_service import FakeService
from tests.web.markup import Page, look

# -- pages -----------------------------------------------------------------------------------


def test_the_choice_of_language_is_remembered(client: FlaskClient) -> None:
    assert "搜索" in look(client, "/").text
    assert "Search" in look(client, "/?lang=en").text
    assert "Search" in look(client, "/").text
    assert "搜索" in look(client, "/?lang=zh").text
    assert "搜索" in look(client, "/").text


def test_a_search_survives_the_switch_of_language(
    client: FlaskClient, service: FakeService
) -> None:
    page = look(client, "/?q=包裹&status=close&page=2")
    switch = next(x["href"] for x in page.links if x.get("hreflang") == "en")
    assert "packages" not in look(client, switch).text
    assert service.asked[0] == service.asked[1]


def test_a_note_is_in_the_language_of_the_page(client: FlaskClient, service: FakeService) -> None:
    service.notes = (Note("not_a_date", ("a · b",)),)
    chinese, english = look(client, "/?q=退款&lang=zh"), look(client, "/?q=退款&lang=en")
    assert "「a · b」按文字查找" in chinese.text
    assert "taken as text" not in chinese.text
    assert "a · b was taken as text" in english.text
    assert "按文字查找" not in english.text


def test_the_switch_of_language_never_leads_to_another_host(client: FlaskClient) -> None:
    response = client.get("/x?lang=zh", environ_overrides={"PATH_INFO": "//evil.example/x"})
    assert response.status_code == 404
    for link in Page(response.text).links:
        assert not link["href"].startswith("//")


def test_no_link_repeats_what_is_secret(guarded: Flask) -> None:
    secrets = "&".join(f"{name}=SeCrEt" for name in ("password", "old_password", "again", "code"))
    text = guarded.test_client().get(f"/login?next=/status&{secrets}").text
    assert "SeCrEt" not in text
    assert "next=%2Fstatus&amp;lang=en" in text


def test_the_choice_is_sent_over_https_alone_where_the_address_is_that(guarded: Flask) -> None:
    def cookie(**request: Any) -> str:
        answer = guarded.test_client().get("/login?lang=en", **request)
        (sent,) = (one for one in answer.headers.getlist("Set-Cookie") if one.startswith("lang="))
        return sent

    assert "Secure" in cookie(base_url="https://localhost")
    assert "Secure" not in cookie()


def test_a_choice_counts_more_than_what_the_browser_prefers(client: FlaskClient) -> None:
    english = {"Accept-Language": "en"}
    response = client.get("/", headers=english)
    assert '<html lang="en">' in response.text
    depends_on = {"accept-encoding", "accept-language", "cookie", *map(str.lower, DEPENDS_ON)}
    assert response.vary.as_set() == depends_on
    assert '<html lang="zh-CN">' in client.get("/?lang=zh", headers=english).text
    assert '<html lang="zh-CN">' in client.get("/", headers=english).text


# -- the API ---------------------------------------------------------------------------------


ACCEPTED = [
    (None, "en"),
    ("", "en"),
    ("en", "en"),
    ("en-GB,en;q=0.9", "en"),
    ("zh", "zh"),
    ("ZH-cn", "zh"),
    ("zh-CN", "zh"),
    ("zh-Hant-HK", "zh"),
    ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
    ("zh-CN,en;q=0.5", "zh"),
    ("en-US,en;q=0.9,zh-CN;q=0.8,zh;q=0.7", "en"),
    ("en;q=0.3, zh;q=0.7", "zh"),
    ("zh;q=0.3, en-US;q=0.7", "en"),
    ("zh, en", "zh"),
    ("en, zh", "en"),
    ("fr", "en"),
    ("fr, zh;q=0.1", "zh"),
    ("fr, de;q=0.9, en;q=0.2, zh;q=0.1", "en"),
    ("*", "en"),
    ("zh, *;q=0.5", "zh"),
    ("*, zh;q=0.5", "en"),
    ("en;q=0, *", "zh"),
    ("zh;q=0", "en"),
    ("zh;q=x", "en"),
    ("zhx, \x00,;;q=1,=", "en"),
]


NAMES_NEITHER = {None, "", "fr", "*", "zh;q=0", "zh;q=x", "zhx, \x00,;;q=1,="}


@pytest.mark.parametrize(("accepted", "language"), ACCEPTED)
def test_a_page_follows_what_the_browser_prefers_and_is_chinese_where_it_names_neither(
    client: FlaskClient, accepted: str | None, language: str
) -> None:
    headers = {} if accepted is None else {"Accept-Language": accepted}
    expected = "zh-CN" if accepted in NAMES_NEITHER or language == "zh" else "en"
    assert f'<html lang="{expected}">' in client.get("/", headers=headers).text


@pytest.mark.parametrize(("accepted", "language"), ACCEPTED)
def test_the_api_answers_in_the_language_that_the_client_prefers(
    client: FlaskClient, service: FakeService, accepted: str | None, language: str
) -> None:
    service.notes = (Note("not_an_id", ("id:x",)),)
    headers = {} if accepted is None else {"Accept-Language": accepted}
    answer = client.get("/api/v1/search?q=退款", headers=headers)
    refused = client.get("/api/v1/search?page=x", headers=headers)
    note = {"en": "id:x was taken as text: an id is a number", "zh": "「id:x」按文字查找"}
    detail = {"en": "page must be a whole number.", "zh": "page 必须是整数。"}
    assert [one["text"] for one in answer.get_json()["query"]["notes"]] == [note[language]]
    assert refused.get_json()["detail"] == detail[language]
    for response in (answer, refused):
        names = {"accept-encoding", "accept-language", *map(str.lower, DEPENDS_ON)}
        assert response.vary.as_set() == names


def test_the_api_does_not_follow_the_choice_for_pages(client: FlaskClient) -> None:
    client.get("/?lang=zh")
    assert "whole number" in client.get("/api/v1/search?page=x").get_json()["detail"]


LOWER_ERRORS: list[tuple[str, KchatSearchError, str]] = [
    ("search?q=a", LimitExceeded("1,001 characters", "q", 1000), "搜索内容超过 1,000 个字符。"),
    ("export?q=a", LimitExceeded("65 clauses", "q", 64), "搜索条件超过 64 个。"),
    ("search?q=a", LimitExceeded("20 groups", "q", 16), "两者的组合超过 16 种"),
    ("search?cursor=a", BadRequest("of another search", "cursor"), "cursor 不是这个搜索给出的："),
    ("chats/007", NotFound("no chat 7"), "归档中没有对话 007。"),
    ("chats/7/versions", NotFound("no chat 7"), "归档中没有对话 7。"),
    ("chats/7/versions?version=3", NotFound("no version 3"), "归档中没有对话 7 的版本 3。"),
    ("chats/7/versions", LimitExceeded("too long", "full", 8_388_608), "超过 8,388,608 个字符"),
    ("chats/7/versions", LimitExceeded("too many", "version", 50_000), "变化超过 50,000 处"),
    ("export?q=a", Forbidden("export"), "没有「export」这项权限"),
    ("search?q=a", TooManyRequests("wait 12 s", 12), "请等 12 秒再继续"),
]


@pytest.mark.parametrize(("path", "error", "chinese"), LOWER_ERRORS)
def test_an_error_from_below_the_web_is_told_in_one_language(
    client: FlaskClient, service: FakeService, path: str, error: KchatSearchError, chinese: str
) -> None:
    service.fails = error
    english = client.get(f"/api/v1/{path}").get_json()
    other = client.get(f"/api/v1/{path}", headers={"Accept-Language": "zh-CN"}).get_json()
    assert english.pop("detail") == str(error)
    detail = other.pop("detail")
    assert chinese in detail
    assert str(error) not in detail
    assert english == other, "only the text differs"


def test_a_text_whose_facts_have_no_chinese_keeps_them(
    client: FlaskClient, service: FakeService
) -> None:
    service.fails = ArchiveError("The archive /x is locked by process 4711.")
    answer = client.get("/api/v1/search", headers={"Accept-Language": "zh"})
    assert answer.get_json()["detail"] == str(service.fails)


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("2015-04-25", "Apr 25, 2015"),
        ("2015-04", "Apr 2015"),
        ("2016-02-29", "Feb 29, 2016"),
        ("0001-01-01", "Jan 1, 1"),
        ("2015", "2015"),
        ("2015-13", "2015-13"),
        ("2015-04-25T08:04:12+08:00", "2015-04-25T08:04:12+08:00"),
        ("…", "…"),
        ("", ""),
    ],
)
def test_a_day_is_written_as_readers_of_the_page_write_it(
    client: FlaskClient, text: str, english: str
) -> None:
    with client.application.test_request_context("/?lang=en"):
        assert written_date(text) == english
    with client.application.test_request_context("/?lang=zh"):
        assert written_date(text) == text


@pytest.mark.parametrize(("language", "written"), [("zh", "12,345 个对话"), ("en", "12,345 chats")])
def test_a_number_in_words_is_written_as_numbers_are(
    shared: tuple[FakeService, Flask], language: str, written: str
) -> None:
    counted = "{{ ngettext('%(num)s 个对话', '%(num)s 个对话', 12345) }}"
    with shared[1].test_request_context(f"/?lang={language}"):
        assert render_template_string(counted) == written
