"""The chats of one visitor: beside one of them, and on a page of their own."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from kchat_search.models.search import VisitorChat
from tests.web.builders import chat, message
from tests.web.fake_service import FakeService
from tests.web.markup import look


def fill(service: FakeService) -> None:
    service.chats += [
        chat(
            n,
            [message(f"第{n}次" + "退款" * (n == 72))],
            visitor_id="71",
            agent_id="2192",
            rating="1",
        )
        for n in range(70, 78)
    ]


def test_a_chat_has_the_visitors_other_chats_beside_it(
    client: FlaskClient, service: FakeService
) -> None:
    fill(service)
    page = look(client, "/chats/71?q=退款")
    addresses = [link["href"] for link in page.links]
    assert "/chats/70" in addresses, "nothing matched: the first words"
    assert "/chats/72?q=%E9%80%80%E6%AC%BE#m72000" in addresses, "at what matched"
    assert "第70次" in page.text
    assert page.marks == ["退款"]
    assert "/chats/71/visitor?q=%E9%80%80%E6%AC%BE#here" in addresses
    assert addresses.count("/?agent_id=2192&sort=newest") > 7, "names lead on"
    assert addresses.count("/?visitor_id=71&sort=newest") == 3, "title, message, facts"


def test_the_page_of_all_leads_from_page_to_page(client: FlaskClient, service: FakeService) -> None:
    fill(service)
    page = look(client, "/chats/74/visitor?q=退款")
    assert "这位访客的全部对话 8" in page.text
    assert "第 2 / 3 页" in page.text
    assert page.ids.count("here") == 1
    assert [link["href"] for link in page.links if link.get("aria-current")] == ["/chats/74"]
    assert [link["href"] for link in page.links if link.get("rel") in ("prev", "next")] == [
        "/chats/74/visitor?q=%E9%80%80%E6%AC%BE&page=1",
        "/chats/74/visitor?q=%E9%80%80%E6%AC%BE&page=3",
    ]
    assert page.link("back") == "/chats/74?q=%E9%80%80%E6%AC%BE"
    assert look(client, "/chats/74/visitor?page=1").marks == []
    for wrong in ("/chats/74/visitor?page=0", "/chats/74/visitor?page=x", "/chats/74/visitor?a=1"):
        assert client.get(wrong).status_code == 400
    assert client.get("/chats/999/visitor").status_code == 404


def test_a_chat_that_was_not_read_is_named(
    client: FlaskClient, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(service)
    monkeypatch.setattr(service, "_line", lambda one, _: VisitorChat(one.id, None))
    page = look(client, "/chats/74/visitor")
    assert "#75 这个对话太长，或已损坏" in page.text
