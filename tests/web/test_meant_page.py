"""Chats by meaning on the pages: asked for apart, never in what is exact."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from kchat_search.errors import Forbidden
from kchat_search.models.search import SearchRequest
from tests.web.fake_service import FakeService
from tests.web.markup import look

HEADING = "按意思推测，不一定包含您的字词"


def test_the_search_page_asks_for_them_apart(client: FlaskClient, service: FakeService) -> None:
    service.meant = {290}
    body = client.get("/?q=退款&agent_id=2192&page=1&start=2015-01-01").text
    assert HEADING in body
    later = '"/meant?q=%E9%80%80%E6%AC%BE&amp;agent_id=2192&amp;start=2015-01-01"'
    assert f"data-later={later}" in body
    assert f"href={later}" in body, "a link without JavaScript"
    assert "page-search.js" in body  # which asks for them
    assert [asked.q for asked in service.asked] == ["退款"], "the exact answer does not wait"


@pytest.mark.parametrize("query", ["q=包裹", "q=退款&sort=newest"])
def test_it_does_not_where_there_are_none_to_ask_for(
    client: FlaskClient, service: FakeService, query: str
) -> None:
    if "sort" not in query:
        service.meant = {290}
    assert HEADING not in client.get(f"/?{query}").text


def test_their_page_has_them_without_marks(client: FlaskClient, service: FakeService) -> None:
    service.meant = {290}
    page = look(client, "/meant?q=火箭&agent_id=2192")
    assert HEADING in page.text
    assert "later" in page.ids
    assert page.link("open").startswith("/chats/290?within=q%3D")
    assert page.marks == []
    assert service.asked[-1] == SearchRequest(q="火箭", filters={"agent_id": ("2192",)})
    assert look(client, "/meant?q=火箭&agent_id=1").text.count("没有意思足够相近的对话。") == 1


def test_their_page_knows_no_other_parameters(client: FlaskClient) -> None:
    assert client.get("/meant?q=a&page=2").status_code == 400


def test_an_error_is_one_of_the_page(client: FlaskClient, service: FakeService) -> None:
    service.fails = Forbidden("versions")
    assert client.get("/meant?q=a").status_code == 403
