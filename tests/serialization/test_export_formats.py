"""What stands in the files of an export: JSON Lines and CSV."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from kchat_search.models.chats import Upload
from kchat_search.models.search import ChatView
from kchat_search.search.export_walk import AbsentChat
from kchat_search.serialization import schemas
from kchat_search.serialization.export_formats import pieces
from kchat_search.serialization.links import Links
from kchat_search.serialization.safe_text import printable
from tests.serialization.export_files import about, lines, rows, unguarded
from tests.text.difficult_texts import texts
from tests.web import chats
from tests.web.builders import chat, message
from tests.web.conftest import make_presentation
from tests.web.fake_service import NOW, FakeService

PRESENTATION = make_presentation()


@pytest.fixture
def service() -> FakeService:
    """The service over ordinary chats."""
    return FakeService(chats.ordinary(), PRESENTATION)


def written(form: Any, *views: ChatView | AbsentChat) -> bytes:
    """The file of an export of these chats."""
    links = Links("http://localhost/", PRESENTATION.kchat_chat_url)
    return b"".join(pieces(views, form, about(zone=PRESENTATION.zone, links=links)))


def made(service: FakeService, *numbers: int) -> list[ChatView | AbsentChat]:
    """The chats with these ids."""
    return [service.chat(number) for number in numbers]


def test_a_row_is_a_message_with_the_facts_of_its_chat(service: FakeService) -> None:
    service.gone[290] = NOW
    table = rows(written("csv", *made(service, 290)))
    assert len(table) == 8
    facts = {
        "chat_id": "290",
        "chat_type": "chat",
        "created_at": "2015-04-25T08:04:12+08:00",
        "end_at": "2015-04-25T09:06:12+08:00",
        "started_by": "visitor",
        "status": "close",
        "agent_id": "2192",
        "agent_name": "李雷",
        "visitor_id": "547",
        "visitor_name": "访客5",
        "user_id": "45190",
        "rating": "1",
        "rating_label": "满意",
        "version": "2",
        "gone_at": "2016-05-20T12:00:00+08:00",
        "absent": "",
        "damaged": "",
    }
    assert all(facts.items() <= row.items() for row in table)
    said = {name: value for name, value in table[4].items() if name not in facts}
    assert said == {
        "position": "4",
        "message_id": "290004",
        "message_type": "chat.upload",
        "message_created_at": "2015-04-25T08:05:32+08:00",
        "from": "visitor",
        "name": "访客5",
        "text": "",
        "recalled": "",
        "upload_name": "发票.pdf",
        "upload_url": "https://files.example.com/9",
    }
    assert [row["from"] for row in table[1:4]] == ["visitor", "agent", "visitor"]
    assert [row["recalled"] for row in table] == [*[""] * 6, "true", ""]
    assert table[1]["text"].startswith("你好,在吗?")


def test_no_chat_is_lost_be_it_without_messages_or_absent(service: FakeService) -> None:
    service.chats = [chat(1, []), chat(2, [message("x")])]
    views = [*made(service, 1), AbsentChat(7), *made(service, 2)]
    table = rows(written("csv", *views))
    assert [row["chat_id"] for row in table] == ["1", "7", "2"]
    assert [row["absent"] for row in table] == ["", "true", ""]
    assert {name for name, value in table[1].items() if value} == {"chat_id", "absent"}
    assert table[0]["agent_name"] == "李雷"
    absent = lines(written("jsonl", *views))[1]
    TypeAdapter(schemas.AbsentJson).validate_python(absent, extra="forbid")
    assert absent["chat"] == {"id": 7}


@given(texts())
@example("=cmd|' /C calc'!A0")
@example("'")
@example('a"b,c;d\r\ne\rf\n\x00\ud800')
@example("a;=1\n'b")
def test_any_text_survives_in_a_cell(text: str) -> None:
    said = [message(text, text), message("next")]
    service = FakeService([chat(1, said, status=text, agent_id=text)], PRESENTATION)
    table = rows(written("csv", *made(service, 1)))
    assert len(table) == 2
    for name in ("text", "name", "status", "agent_id"):
        assert unguarded(table[0][name]) == printable(text)
    assert table[1]["text"] == "next"


def test_every_cell_is_quoted(service: FakeService) -> None:
    data = written("csv", *made(service, 290, 291), AbsentChat(7)).decode("utf-8-sig")
    cells = re.findall(r'("(?:[^"]|"")*")([,\r])', data)
    assert "".join(cell + ("\r\n" if end == "\r" else end) for cell, end in cells) == data


@given(st.lists(texts(8), max_size=4), st.sampled_from(["jsonl", "csv"]))
def test_a_chat_is_one_line_or_as_many_rows_as_it_has_messages(said: list[str], form: str) -> None:
    service = FakeService([], PRESENTATION, sent={"msg": said})
    service.chats = [chat(n, map(message, said)) for n in (1, 2)]
    data = written(form, *made(service, 1, 2))
    if form == "csv":
        assert len(rows(data)) == 2 * max(1, len(said))
    else:
        # splitlines() splits at many characters. Of those, the file has only the newline.
        assert len(data.decode().splitlines()) == data.count(b"\n") == 2


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_hostile_chats_can_be_exported(service: FakeService, form: str) -> None:
    service.chats = [chats.hostile()]
    data = written(form, *made(service, 666))
    text = data.decode()
    assert "\x00" not in text
    if form == "csv":
        urls = {row["upload_url"] for row in rows(data)}
        assert urls == {"", 'https://ok.example/"onmouseover="alert(5)'}
        assert {row["created_at"] for row in rows(data)} == {"9999-12-31T23:00:00+08:00"}
    else:
        assert len(lines(data)) == 1


def test_only_addresses_of_the_web_are_links(service: FakeService) -> None:
    schemes = ["javascript:alert(1)", "file:///etc/passwd", "=http://x", "http://ok/", None]
    service.chats = [
        chat(1, [message("", upload=Upload("1", "f", 1, "x", url)) for url in schemes])
    ]
    table = rows(written("csv", *made(service, 1)))
    assert [row["upload_url"] for row in table] == ["", "", "", "http://ok/", ""]


def test_an_address_still_leads_there(service: FakeService) -> None:
    url = "https://f.example/a;=1,-2|'3?x=-4&token=1"
    service.chats = [chat(1, [message("", upload=Upload("1", "f", 1, "x", url))])]
    (row,) = rows(written("csv", *made(service, 1)))
    assert row["upload_url"] == "https://f.example/a;%3D1,%2D2|%273?x=-4&token=1"
    assert unquote(row["upload_url"]) == url
