"""The page of one chat."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from flask.testing import FlaskClient

from kchat_search.models.search import Snippet
from kchat_search.serialization.links import chat_url
from tests.web.builders import chat, message
from tests.web.fake_service import NOW, FakeService
from tests.web.markup import Page, look


def test_a_chat_reads_as_it_was(client: FlaskClient) -> None:
    page = look(client, "/chats/290?q=退款")
    said = [
        known["class"].split()[1]
        for tag, known in page.tags
        if tag == "li" and "said" in known.get("class", "").split()
    ]
    assert said == ["visitor", "agent", "visitor", "visitor", "agent", "visitor", "visitor"]
    assert "2015年4月25日星期六" in page.text
    assert "已撤回" in page.text
    assert "发票.pdf 470.8 KB" in page.text
    assert "1 小时 2 分" in page.text
    assert any(x["href"] == "https://acme.kf5.com/apiv2/chats/290.json" for x in page.links)
    assert any(x["href"].startswith("/chats/292?q=") for x in page.links), "this visitor's"
    assert page.link("back") == "/?q=%E9%80%80%E6%AC%BE"
    assert page.link("next") == "#m290002"
    for message_id in range(290000, 290008):
        assert any(x["href"] == f"#m{message_id}" for x in page.links), "a link to itself"


def test_a_robot_is_told_from_an_agent_and_days_are_set_apart(
    client: FlaskClient, service: FakeService
) -> None:
    first = service.chats[1]
    later = first.messages[-1]._replace(created_at=datetime(2016, 5, 19, 16, 0, tzinfo=UTC))
    service.chats[1] = replace(first, messages=(*first.messages[:-1], later))
    page = look(client, "/chats/291?lang=en")
    assert "小智 Robot" in page.text
    assert "Thursday, May 19, 2016" in page.text
    assert "Friday, May 20, 2016" in page.text, "a day begins at midnight in the configured zone"


def test_messages_said_in_one_breath_show_the_name_once(
    client: FlaskClient, service: FakeService
) -> None:
    said = [message("一"), message("二"), message("三", created_at=NOW)]
    service.chats.append(chat(8, said, created_at=NOW - timedelta(hours=1)))
    page = look(client, "/chats/8")
    classes = [known["class"] for tag, known in page.tags if "said" in known.get("class", "")]
    assert classes == ["said visitor", "said visitor follows", "said visitor"]


def test_a_chat_that_is_gone_from_kchat_is_said_to_be(
    client: FlaskClient, service: FakeService
) -> None:
    service.gone[290] = NOW
    assert "Kchat 上已不存在" in look(client, "/chats/290").text
    assert "Kchat 上已不存在" in look(client, "/?q=耳机").text


def test_two_hundred_messages_are_one_page(client: FlaskClient, service: FakeService) -> None:
    service.chats.append(chat(7, [message(f"第 {n} 句") for n in range(200)]))
    text = client.get("/chats/7?q=199").text
    assert set(Page(text).ids) > {f"m{number}" for number in range(7000, 7200)}
    assert 'rel="next"' not in text
    assert "all=true" not in text


def test_a_long_chat_is_one_page_for_who_asks_for_all_of_it(
    client: FlaskClient, service: FakeService
) -> None:
    service.chats.append(chat(7, [message(f"第 {n} 句") for n in range(450)]))
    links = [link["href"] for link in look(client, "/chats/7?q=449&offset=200").links]
    path = next(link for link in links if "all=" in link)
    assert path == "/chats/7?q=449&all=true"
    page = look(client, path)
    assert set(page.ids) > {f"m{number}" for number in range(7000, 7450)}
    assert "449" in page.marks
    assert not any("offset" in (link["href"] or "") for link in page.links)


def test_a_long_chat_comes_in_pages_and_a_snippet_leads_to_its_own(
    client: FlaskClient, service: FakeService
) -> None:
    refund = service.chats[0]
    said = [
        refund.messages[0]._replace(id=n + 1, position=n, text=f"第{n}句 {'退款' * (n == 750)}")
        for n in range(1_034)
    ]
    service.chats[0] = replace(refund, messages=tuple(said))
    shown: list[int] = []
    path = "/chats/290?q=%E9%80%80%E6%AC%BE"
    while path:
        text = client.get(path).text
        assert Page(text).faults == []
        found = [int(n) for n in re.findall(r'id="m(\d+)"', text)]
        shown += found
        assert len(found) <= 200
        assert ("<mark>退款</mark></bdi>" in text) == (751 in found)
        following = re.search(r'href="([^"]+)" rel="next"', text)
        path = html.unescape(following[1]) if following else ""
    assert shown == list(range(1, 1_035))
    snippet = Snippet(751, 750, "", "visitor", None, "退款", ((0, 2),))
    address, _, fragment = chat_url(service.chats[0], "退款", snippet).partition("#")
    assert f'id="{fragment}"' in client.get(address).text
    gone = client.get("/chats/290?offset=50000&q=a")
    assert (gone.status_code, gone.location) == (302, "/chats/290?q=a")


def test_a_chat_of_ordinary_length_has_no_pages(client: FlaskClient) -> None:
    assert 'rel="next"' not in client.get("/chats/290").text
