"""How the chat page shows a message: links, files, images, cards."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from flask.testing import FlaskClient

from kchat_search.models.chats import Upload
from tests.web.builders import chat, message
from tests.web.conftest import make_app, make_presentation
from tests.web.fake_service import FakeService
from tests.web.markup import Page, look

CDN = "https://cdn.example"


def shown(client: FlaskClient, service: FakeService, text: str = "", **values: Any) -> Page:
    service.chats.append(chat(8, [message(text, **values)], visitor_id="8"))
    return look(client, "/chats/8?q=退款")


def test_an_address_is_a_link_with_its_host_and_its_marks(
    client: FlaskClient, service: FakeService
) -> None:
    page = shown(client, service, "见https://a.com/b退款，或 https://c.com/?a 退款")
    links = [link for link in page.links if link.get("href", "").startswith("https://")]
    assert [(link["href"], link["data-host"]) for link in links if "data-host" in link] == [
        ("https://a.com/b", "a.com"),
        ("https://c.com/?a", "c.com"),
    ]
    assert page.marks[-2:] == ["退款", "退款"]


def test_a_file_is_a_card_with_the_host_of_its_link(
    client: FlaskClient, service: FakeService
) -> None:
    voice = Upload("1", "录音", 9_000, "amr", "https://files.example/1", duration=75.4)
    page = shown(client, service, type="chat.voice", upload=voice)
    assert "录音 语音 1 分 15 秒 8.8 KB files.example" in page.text
    assert page.text.count("语音") == 1, "the kind is said once"
    service.chats.pop()
    hostless = Upload("1", "x.pdf", None, "pdf", "https://good.com\\@evil.example/")
    page = shown(client, service, upload=hostless)
    assert "没有可用的链接" in page.text
    assert not [link for link in page.links if "evil" in link.get("href", "")]


def test_a_card_has_its_texts_and_its_title(client: FlaskClient, service: FakeService) -> None:
    card = json.dumps(
        {"title": "退款 说明", "price": "¥199", "link_url": "https://m.example/goods"}
    )
    page = shown(client, service, card, type="chat.card")
    assert "卡片 退款 说明 ¥199 https://m.example/goods" in page.text
    classes = [known.get("class", "") for _, known in page.tags]
    assert "said visitor card" in classes
    assert "title" in classes


def test_an_image_is_a_link_until_somebody_asks_for_it() -> None:
    image = Upload("1", "<a>.png", 1_000, "png", f"{CDN}/1.png", 640, 480)
    presentation = replace(make_presentation(), image_origins=(CDN,))
    service = FakeService([chat(8, [message("", upload=image)])], presentation)
    client = make_app(service).test_client()
    before = look(client, "/chats/8?q=a")
    assert not [tag for tag, _ in before.tags if tag == "img"]
    (form,) = [
        known for tag, known in before.tags if tag == "form" and known.get("method") == "post"
    ]
    (token,) = [one["value"] for one in before.fields if one.get("name") == "csrf_token"]
    assert form == {"method": "post", "action": "/chats/8/image?q=a#m8000"}
    sent = {"csrf_token": token, "image": "m8000"}
    after = Page(client.post(form["action"], data=sent).text)
    assert after.faults == []
    (shown,) = [known for tag, known in after.tags if tag == "img"]
    assert (shown["src"], shown["alt"]) == (f"{CDN}/1.png", "<a>.png")
    assert any(link["href"] == "/chats/8?q=a#m8000" for link in after.links), "hides it again"
    assert client.post(form["action"], data={"image": "m8000"}).status_code == 403
    other = client.post(form["action"], data=sent | {"image": "m1"}).text
    assert "<img" not in other


def test_without_the_setting_an_image_is_a_file(client: FlaskClient, service: FakeService) -> None:
    image = Upload("1", "a.png", 1_000, "png", f"{CDN}/1.png", 640, 480)
    page = shown(client, service, upload=image)
    assert "a.png 图片 1 KB 640 × 480 cdn.example" in page.text
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert "显示图片" not in page.text
