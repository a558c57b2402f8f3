"""Errors as answers: a problem from the API, a page for people."""

from __future__ import annotations

import logging

import pytest
from flask.testing import FlaskClient

from kchat_search.errors import (
    ArchiveError,
    ArchiveFull,
    BadRequest,
    EngineUnreachable,
    IndexDamaged,
    IndexerBusy,
    KchatRefused,
    KchatSearchError,
    LimitExceeded,
    NotFound,
    ProviderUnreachable,
    RequestTooExpensive,
    SignInRefused,
)
from kchat_search.web.http.chinese_errors import in_chinese
from tests.web.fake_service import FakeService
from tests.web.markup import Page

CASES = [
    (BadRequest("no such field", "q"), 400, "bad-request"),
    (LimitExceeded("64 clauses", "q", 64), 400, "limit-exceeded"),
    (NotFound("no chat 1"), 404, "not-found"),
    (RequestTooExpensive(0.8), 422, "too-expensive"),
    (ArchiveError("the archive is locked"), 503, "archive-unavailable"),
    (ArchiveFull("no room"), 503, "archive-unavailable"),
    (IndexDamaged("run kchat-search reindex"), 503, "index-unavailable"),
    (EngineUnreachable("OpenSearch does not answer"), 503, "engine-unavailable"),
    *((SignInRefused(reason), 403, "sign-in-refused") for reason in SignInRefused.REASONS),
    (ProviderUnreachable("unreachable"), 503, "provider-unavailable"),
    (IndexerBusy("secret detail", "4711"), 500, "internal"),
    (KchatRefused("secret detail"), 500, "internal"),
]


@pytest.mark.parametrize(("error", "status", "kind"), CASES, ids=lambda case: type(case).__name__)
def test_an_error_of_the_domain_is_a_problem(
    client: FlaskClient, service: FakeService, error: KchatSearchError, status: int, kind: str
) -> None:
    service.fails = error
    response = client.get("/api/v1/search?q=a")
    problem = response.get_json()
    assert (response.status_code, response.content_type) == (status, "application/problem+json")
    assert problem["type"] == f"urn:kchat-search:problem:{kind}"
    assert problem["status"] == status
    assert problem["title"]
    if status == 500:
        assert "secret" not in response.text
    else:
        assert problem["detail"] == str(error)
    assert ("Retry-After" in response.headers) == (status == 503)
    assert problem.get("parameter") == getattr(error, "parameter", None)
    assert problem.get("limit") == getattr(error, "limit", None)


@pytest.mark.parametrize(("error", "status"), [case[:2] for case in CASES], ids=str)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_error_of_the_domain_is_a_page_in_both_languages(
    client: FlaskClient, service: FakeService, error: KchatSearchError, status: int, language: str
) -> None:
    service.fails = error
    response = client.get(f"/?q=a&lang={language}")
    page = Page(response.text)
    assert (response.status_code, page.faults) == (status, [])
    assert response.content_type == "text/html; charset=utf-8"
    assert "secret" not in response.text
    assert f'<html lang="{"en" if language == "en" else "zh-CN"}">' in response.text
    text = str(error)
    if isinstance(error, LimitExceeded):  # one language: that of the page
        text, other = "64 clauses", "搜索条件超过 64 个。"
        text, other = (text, other) if language == "en" else (other, text)
        assert other not in page.text
    if isinstance(error, RequestTooExpensive) and language == "zh":
        text = "回答它需要的处理器时间超过一次请求的上限（0.8 秒）。"
    if isinstance(error, SignInRefused) and language == "zh":
        text = in_chinese(error, "", "") or ""
        assert not text.isascii()
    assert (text in page.text) == (status != 500)


def test_a_bug_is_logged_in_full_and_told_to_nobody(
    client: FlaskClient, service: FakeService, caplog: pytest.LogCaptureFixture
) -> None:
    service.bug = ZeroDivisionError
    with caplog.at_level(logging.ERROR):
        api, page = client.get("/api/v1/search?q=a"), client.get("/?q=a")
    assert (api.status_code, page.status_code) == (500, 500)
    assert api.get_json()["type"].endswith(":internal")
    assert "secret" not in api.text + page.text
    assert "secret detail" in caplog.text


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v1", "/api/v1/nope", "/api/v2/search"])
def test_an_unknown_path_of_the_api_is_a_problem(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.content_type) == (404, "application/problem+json")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_method_that_is_not_taken_is_a_problem_that_says_which_are(
    client: FlaskClient, method: str
) -> None:
    response = client.open("/api/v1/search", method=method)
    assert (response.status_code, response.content_type) == (405, "application/problem+json")
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert client.open("/", method=method).status_code == 405


def test_not_ready_is_said_while_the_process_lives(
    client: FlaskClient, service: FakeService
) -> None:
    service.fails = IndexDamaged("run kchat-search reindex")
    assert client.get("/healthz").status_code == 200
    response = client.get("/readyz")
    assert (response.status_code, response.content_type) == (503, "application/problem+json")


@pytest.mark.parametrize("path", ["/nope", "/chats/1", "/chats/", "/chats/290/", "/static/nope"])
def test_an_unknown_page_is_a_page_with_a_search_box(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    page = Page(response.text)
    assert (response.status_code, page.faults) == (404, [])
    assert "search-form" in page.ids
