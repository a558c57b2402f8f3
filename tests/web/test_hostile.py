"""Nothing that a visitor can write harms a page or an answer."""

from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from kchat_search.models.chats import RejectedChat, StoredReject
from kchat_search.models.search import Note
from kchat_search.web.pages.formatting import label, marked
from tests.web import chats
from tests.web.fake_service import NOW, FakeService
from tests.web.markup import Page

ATTACK = quote(chats.HOSTILE)
PATHS = [
    "/chats/666",
    "/chats/666?q=alert",
    f"/chats/666?q={ATTACK}",
    "/?q=alert",
    "/?q=&sort=newest",
    f"/?q={ATTACK}",
    f"/?q=alert&agent_id={ATTACK}&status={ATTACK}&rating={ATTACK}&visitor_id={ATTACK}",
    f"/?q=alert&started_by={ATTACK}&type={ATTACK}",
    f"/?q={quote('nowhere ' + chats.HOSTILE)}",
    "/?q=%00%1b%ff%ed%a0%80",
    "/status",
    f"/{ATTACK}",
    f"/?{ATTACK}=1",
    f"/?page={ATTACK}",
    f"/?start={ATTACK}",
    f"/chats/{ATTACK}",
    f"/chats/666?{ATTACK}",
]


@pytest.fixture(autouse=True)
def _attacked(service: FakeService) -> None:
    service.chats.append(chats.hostile())
    service.names[chats.HOSTILE] = chats.HOSTILE
    service.notes = tuple(Note("not_a_date", (text,)) for text in (chats.HOSTILE, "\ud800\x00"))
    reject = RejectedChat("raw:" + chats.HOSTILE, None, chats.HOSTILE, chats.HOSTILE + "\ud800")
    service.stored_rejects = (StoredReject(reject, NOW, NOW, 3, NOW),)
    service.ended_early = chats.HOSTILE + "\ud800\x00"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_text_becomes_markup(client: FlaskClient, path: str, language: str) -> None:
    client.set_cookie("lang", language)
    response = client.get(path)
    html = response.data.decode("utf-8")
    page = Page(html)
    assert page.faults == []
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert page.foreign_scripts == []
    assert not [c for c in html if (ord(c) < 32 and c not in "\n\t\r") or 0x7F <= ord(c) < 0xA0]
    assert "&amp;lt;" not in html, "escaped twice"
    shows_it = "lert" in path and "page=" not in path and "start=" not in path
    assert "&lt;script" in html or not shows_it


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/search?q=alert",
        "/api/v1/chats/666?q=alert",
        f"/api/v1/search?q={ATTACK}",
        f"/api/v1/search?{ATTACK}=1",
        f"/api/{ATTACK}",
        "/api/v1/search?q=%00%ff",
    ],
)
def test_every_answer_of_the_api_is_json_in_utf_8(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert json.loads(response.data.decode("utf-8"))
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "json" in response.content_type


def test_highlights_stay_on_their_characters_beside_surrogates(client: FlaskClient) -> None:
    answer = client.get("/api/v1/search?q=surrogate").get_json()
    snippet = answer["hits"][0]["snippets"][0]
    assert [snippet["text"][a:b] for a, b in snippet["highlights"]] == ["surrogate"]


def test_files_are_linked_only_to_the_web_and_tell_it_nothing(client: FlaskClient) -> None:
    page = Page(client.get("/chats/666").text)
    outside = [link for link in page.links if not link["href"].startswith(("/", "#", "?"))]
    assert sorted(link["href"].split("/")[2] for link in outside) == ["acme.kf5.com", "ok.example"]
    for link in outside:
        assert link["rel"] == "noopener noreferrer nofollow"


def test_an_override_can_not_turn_letters_around(client: FlaskClient) -> None:
    html = client.get("/chats/666").text
    assert "\u202e" not in html
    assert "gpj.exe" in html


def test_messages_of_one_id_or_of_none_have_anchors_of_their_own(
    client: FlaskClient, service: FakeService
) -> None:
    attacked = service.chats[-1]
    nameless = attacked.messages[-1]._replace(id=None)
    service.chats[-1] = replace(attacked, messages=(*attacked.messages[:-1], nameless))
    page = Page(client.get("/chats/666").text)
    assert page.faults == []
    assert {"m7", "p14", "p15"} < set(page.ids)


@pytest.mark.parametrize(
    ("text", "ranges", "html"),
    [
        ("", [], ""),
        ("abc", [(1, 2)], "a<mark>b</mark>c"),
        ("<b>&", [(0, 1), (3, 4)], "<mark>&lt;</mark>b&gt;<mark>&amp;</mark>"),
        ("abcdef", [(3, 5), (0, 2)], "<mark>ab</mark>c<mark>de</mark>f"),
        # ranges that overlap, lie outside or end before they start do no harm
        ("abcdef", [(0, 3), (2, 4)], "<mark>abc</mark><mark>d</mark>ef"),
        ("abc", [(-5, 1), (2, 99), (7, 8)], "<mark>a</mark>b<mark>c</mark>"),
        ("abc", [(2, 1), (1, 1)], "abc"),
        ("👍🏽退款", [(2, 4)], "👍🏽<mark>退款</mark>"),
    ],
)
def test_marks_are_laid_on_escaped_text(
    text: str, ranges: list[tuple[int, int]], html: str
) -> None:
    assert str(marked(text, ranges)) == html


def test_a_name_is_one_line_that_reads_in_the_order_of_its_letters() -> None:
    assert label(" 发票\u202e\n fdp ") == "发票\ufffd fdp"
