"""What a page says in each state that is not the usual one, and how one gets on from there."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kchat_search.errors import ArchiveError, IndexDamaged, TooManyRequests
from kchat_search.models.reports import Coverage
from kchat_search.web.pages.status_words import stale
from tests.web.doors import WORDS, Doors, signed_in
from tests.web.fake_service import NOW, FakeService
from tests.web.markup import look


def coverage(**known: object) -> Coverage:
    usual = {"complete": False, "chats": 12_300, "pending": 0, "rejected": 0, "synced_at": None}
    return Coverage(**(usual | known))  # type: ignore[arg-type]  # a table of a test


@pytest.mark.parametrize("path", ["/", "/?q=退款"])
def test_while_history_is_imported_everybody_reads_how_much_is_there(
    client: FlaskClient, service: FakeService, path: str
) -> None:
    english = path + ("&" if "q" in path else "?") + "lang=en"
    service.covers = coverage(backfilled=False, counted=90_000)
    assert "历史对话仍在导入：已有 12,300 / 约 90,000" in look(client, path).text
    assert "12,300 of about 90,000 are here" in look(client, english).text
    service.covers = coverage(backfilled=False)
    assert "lder chats are still being" in look(client, english).text
    assert "90,000" not in look(client, english).text


def test_where_nothing_was_fetched_lately_it_is_said_as_of_when(
    client: FlaskClient, service: FakeService
) -> None:
    words = "内容截至 2016-05-20 11:00，之后没有同步成功。"
    assert words not in look(client, "/").text
    service.covers = coverage(complete=True, synced_at=NOW - timedelta(hours=1))
    assert words in look(client, "/").text
    assert words in look(client, "/status").text


@pytest.mark.parametrize(
    ("ago", "every", "old"),
    [(299, 60, False), (300, 60, True), (3599, 1200, False), (3600, 1200, True), (-60, 60, False)],
    ids=["fresh", "silent", "a long interval", "silent for three", "the clock was set back"],
)
def test_when_an_archive_is_old(ago: int, every: int, old: bool) -> None:
    synced = coverage(synced_at=NOW - timedelta(seconds=ago))
    assert stale(synced, NOW, timedelta(seconds=every)) is old
    assert not stale(coverage(), NOW, timedelta(seconds=every)), "nothing was ever fetched"


def test_while_the_index_is_rebuilt_the_page_waits_for_it(
    client: FlaskClient, service: FakeService
) -> None:
    service.fails, service.rebuilt = IndexDamaged("It has schema 4."), 43
    answer = client.get("/?q=退款&lang=zh")
    assert answer.status_code == 503
    assert '<progress aria-labelledby="rebuilt" max="100" value="43">' in answer.text
    assert "page-status.js" in answer.text  # which refreshes
    assert 'href="">再试一次' in answer.text, "the same search, without JavaScript"
    assert "schema" not in answer.text


@pytest.mark.parametrize("error", [ArchiveError("No file <x>."), IndexDamaged("No file <x>.")])
def test_an_error_page_speaks_one_language(
    client: FlaskClient, service: FakeService, error: ArchiveError | IndexDamaged
) -> None:
    service.fails = error
    page = look(client, "/?q=退款&lang=zh", 503)
    assert "技术细节 No file <x>." in page.text
    assert "No file <x>." in look(client, "/?q=退款&lang=en", 503).text


def test_too_many_requests_say_how_long_to_wait_and_keep_the_search(
    client: FlaskClient, service: FakeService
) -> None:
    service.fails = TooManyRequests("Too many.", 17)
    answer = client.get("/?q=退款&lang=zh")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "17")
    assert "请等 17 秒" in answer.text
    assert 'href="">再试一次' in answer.text
    assert 'value="退款"' in answer.text


def test_who_may_not_is_told_who_they_are_and_what_it_takes(
    shared_doors: tuple[Doors, Flask], doors: Doors
) -> None:
    assert doors.access is not None
    page = signed_in(shared_doors[1], "lilei").open("/people", 403)
    assert "需要以下角色之一：管理员。 您现在是 lilei，角色：客服。" in page.text
    assert "需要时请联系管理员" in page.text


def test_a_search_after_the_session_has_ended_is_made_after_log_in(
    shared_doors: tuple[Doors, Flask], doors: Doors
) -> None:
    browser = signed_in(shared_doors[1], "lilei")
    doors.clock.pass_(days=8)
    wanted = "/?q=退款+-发票&rating=1&sort=newest"
    browser.open(wanted)
    assert browser.path.startswith("/login?next=")
    browser.send("/login", username="lilei", password=WORDS)
    found = parse_qs(urlsplit(browser.path).query)
    assert found == {"q": ["退款 -发票"], "rating": ["1"], "sort": ["newest"]}
