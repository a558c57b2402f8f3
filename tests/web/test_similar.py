"""The chats that are like one: the API and the pages."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from kchat_search.models.search import SimilarPage
from tests.web.builders import chat, message
from tests.web.fake_service import FakeService
from tests.web.markup import look


@pytest.fixture
def alike(service: FakeService) -> FakeService:
    """Chat 8, and the chats 9 to 39, which begin as it does."""
    service.chats = [chat(n, [message("退款<b>几天</b>到账")]) for n in range(8, 40)]
    service.chats.append(chat(50, [message("别的事")]))
    return service


@pytest.mark.usefixtures("alike")
@pytest.mark.parametrize(("asked", "count"), [("", 5), ("?limit=1", 1), ("?limit=20", 20)])
def test_the_api_has_as_many_as_are_asked_for(client: FlaskClient, asked: str, count: int) -> None:
    answer = client.get(f"/api/v1/chats/8/similar{asked}").get_json()
    assert answer["id"] == 8
    assert [hit["chat"]["id"] for hit in answer["similar"]] == list(range(9, 9 + count))
    assert answer["similar"][0]["links"]["html"].endswith("/chats/9")
    assert answer["damaged"] == []


@pytest.mark.parametrize(
    ("asked", "parameter"),
    [("limit=0", "limit"), ("limit=21", "limit"), ("limit=x", "limit"), ("q=a", "q")],
)
def test_what_can_not_be_asked_is_refused(client: FlaskClient, asked: str, parameter: str) -> None:
    refused = client.get(f"/api/v1/chats/290/similar?{asked}")
    assert (refused.status_code, refused.get_json()["parameter"]) == (400, parameter)


@pytest.mark.parametrize("path", ["/api/v1/chats/{}/similar", "/chats/{}/similar"])
@pytest.mark.parametrize(("chat_id", "status"), [("123456", 404), ("x", None)])
def test_a_chat_that_is_not_there_is_not_found(
    client: FlaskClient, path: str, chat_id: str, status: int | None
) -> None:
    expected = status or (400 if path.startswith("/api") else 404)
    assert client.get(path.format(chat_id)).status_code == expected


@pytest.mark.usefixtures("alike")
def test_the_page_of_a_chat_leads_to_those_like_it_and_their_page_lists_them(
    client: FlaskClient,
) -> None:
    there = look(client, "/chats/8")
    assert any(
        (link.get("id"), link["href"]) == ("similar-link", "/chats/8/similar")
        for link in there.links
    )
    page = look(client, "/chats/8/similar")
    links = [link["href"] for link in page.links if re.match(r"/chats/\d+(#|$)", link["href"])]
    assert links == ["/chats/8", *(f"/chats/{n}#m{n}000" for n in range(9, 14))]
    assert "later" in page.ids
    assert "退款<b>几天</b>到账" in page.text, "text, never markup"
    assert "Chats similar to #8" in look(client, "/chats/8/similar?lang=en").text


@pytest.mark.usefixtures("alike")
def test_where_none_is_like_it_the_page_says_so(client: FlaskClient) -> None:
    assert "没有找到相似的对话" in look(client, "/chats/50/similar").text


def test_a_chat_without_a_text_is_listed_too(
    client: FlaskClient, alike: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    hits = tuple(replace(hit, snippets=()) for hit in alike.similar(8).hits)
    monkeypatch.setattr(alike, "similar", lambda _: SimilarPage(hits, ()))
    assert "/chats/9" in [link["href"] for link in look(client, "/chats/8/similar").links]
