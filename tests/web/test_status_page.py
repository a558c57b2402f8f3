"""The page of the program's state: what failed, and which chats could not be understood."""

from __future__ import annotations

import json
from datetime import timedelta

from flask.testing import FlaskClient

from kchat_search.models.chats import RejectedChat, StoredReject
from tests.web.fake_service import NOW, FakeService
from tests.web.markup import look


def test_each_reject_can_be_looked_at_as_kchat_sent_it(
    client: FlaskClient, service: FakeService
) -> None:
    long = json.dumps({"id": 2, "msg": "长" * 5000 + "the end"})
    raws = ['{"id": 1, "msg": "\\u4ec0\\u4e48 <b>"}', long, "", "[" + "1," * 200_000 + "1]"]
    service.stored_rejects = tuple(
        StoredReject(RejectedChat(f"chat:{n}", n, raw, "odd"), NOW - timedelta(days=n), NOW, 2)
        for n, raw in enumerate(raws)
    )
    page = look(client, "/status?lang=en")
    assert '{ "id": 1, "msg": "什么 <b>" }' in page.text
    assert "the first 4,000 of 5,033 characters" in page.text
    assert "the first 4,000 of 400,003 characters" in page.text
    assert "the end" not in page.text
    assert "can not be shown safely" in page.text
    assert len([tag for tag, _ in page.tags if tag == "details"]) == 4
    assert "2016-05-17 12:00" in page.text, "when the last of them was first seen"
    assert page.text.count("Gone from Kchat") == 1, "the tile alone"


def test_a_reject_that_kchat_shows_no_more_is_said_to_be_gone(
    client: FlaskClient, service: FakeService
) -> None:
    rejected = RejectedChat("chat:1", 1, "{}", "odd")
    service.stored_rejects = (StoredReject(rejected, NOW, NOW, 2, NOW + timedelta(days=1)),)
    page = look(client, "/status")
    assert page.text.count("Kchat 上已不存在") == 2, "the tile and the column"
    assert "2016-05-21 12:00" in page.text


def test_the_status_page_says_why_a_sync_failed(client: FlaskClient, service: FakeService) -> None:
    assert "失败" not in look(client, "/status").text
    service.ended_early = "Kchat answers 503 <always>"
    page = look(client, "/status")
    assert "失败 Kchat answers 503 <always>" in page.text
    assert "不完整 count changed" in page.text


def test_the_status_page_shows_rejects_with_their_reasons(
    client: FlaskClient, service: FakeService
) -> None:
    assert "没有。" in look(client, "/status").text
    service.stored_rejects = tuple(
        StoredReject(RejectedChat(f"chat:{n}", n, "{}", f"no id in {n}"), NOW, NOW, 2)
        for n in range(120)
    )
    first = look(client, "/status")
    assert "no id in 49" in first.text
    assert "no id in 50" not in first.text
    last = look(client, "/status?offset=100")
    assert "no id in 119" in last.text
    assert not [x for x in last.links if x.get("rel") == "next"]
    assert client.get("/status?offset=-1").status_code == 400
