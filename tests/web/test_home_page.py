"""The first page: how to search, and how much there is."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from flask.testing import FlaskClient

from kchat_search.models.reports import Coverage
from tests.web.fake_service import NOW, FakeService
from tests.web.markup import look


def test_the_first_page_tells_how_to_search_and_how_much_there_is(client: FlaskClient) -> None:
    page = look(client, "/")
    assert "已归档对话 63" in page.text
    assert "上次同步 2016-05-20 12:00" in page.text
    queries = [parse_qsl(urlsplit(link["href"]).query) for link in page.links]
    assert [("q", "“退款流程”")] in queries


def test_a_chat_that_waits_for_the_index_leaves_the_archive_complete(
    client: FlaskClient, service: FakeService
) -> None:
    service.covers = Coverage(False, 63, 1, 0, NOW)
    waiting = look(client, "/").text
    assert "归档 完整" in waiting
    assert "1 个对话等待编入索引" in waiting
    service.covers = Coverage(False, 63, 0, 1, NOW)
    assert "归档 不完整" in look(client, "/").text
