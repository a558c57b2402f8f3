"""What people saw is what is searched, marked, shown and exported: over the whole program."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from kchat_search.chats.visible_text import visible_text
from kchat_search.cli.printing_chats import print_chat
from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL, DEMO_PASSWORD
from kchat_search.demo.server import DemoServer
from kchat_search.gate import Gate
from kchat_search.web import create_app
from tests.web.markup import Page
from tests.world import World, agents, chat

CARD = json.dumps(
    {
        "img_url": "https://i.example.com/picture.png",
        "title": "焖烧壶 1.2L",
        "price": "¥199",
        "link_title": "发送",
        "link_url": "https://m.example.com/goods?token=SECRET&n=1",
    }
)
SAID = {
    1: "<p>您的订单<strong>已经</strong>签收</p>",
    2: '<span style="color:red">到货</span><br/>请查收',
    3: "满&gt;99元包邮&nbsp;A&amp;B款&#20219;选",
    4: CARD,
    5: json.dumps(CARD),
    6: "标题 title 和 price 都不对，color 要 red",
    7: "&lt;script&gt;alert(1)&lt;/script&gt; 是文字",
    8: "<script>alert(2)</script>看<a href='https://help.example.com/refund'>退款说明</a>吧",
    9: '<a href="javascript:alert(3)">点我</a><img src=x onerror=alert(4) alt="[微笑]">',
    10: "1 < 2，<张三>说 a<b>c，R&D 部 List<String>",
    11: "需要的话请{{转人工客服}}",
}
EDITED_BEFORE, EDITED_AFTER = "<p>明天<b>发货</b></p>", "<div>明天发货</div>"


@pytest.fixture
def kchat() -> Iterator[DemoServer]:
    """A Kchat server with one chat for each of `SAID`."""
    made = [chat(number, "你好", text) for number, text in SAID.items()]
    server = DemoServer(
        made, agents(), email=DEMO_EMAIL, password=DEMO_PASSWORD, api_token=DEMO_API_TOKEN
    )
    with server:
        yield server


@pytest.fixture
def client(world: World) -> FlaskClient:
    assert world.sync().new == len(SAID)
    return create_app(Gate(owners=world.service), clock=lambda: world.now).test_client()


FOUND: dict[str, set[int]] = {
    '"您的订单已经签收"': {1},
    '"到货 请查收"': {2},
    '"到货请查收"': set(),
    '"A&B款任选"': {3},
    '"满>99元包邮 A&B款任选"': {3},
    "焖烧壶": {4, 5},
    '"焖烧壶 1.2L"': {4, 5},
    '"¥199"': {4, 5},
    '"https://m.example.com/goods?n=1"': {4, 5},
    "title price": {6},
    "color red": {6},
    "strong": set(),
    "span": set(),
    "style": set(),
    '"img_url"': set(),
    '"picture.png"': set(),
    "SECRET": set(),
    '"<script>alert(1)</script>"': {7},
    "alert": {7},
    '"看退款说明吧"': {8},
    '"help.example.com/refund"': {8},
    "javascript": set(),
    "onerror": set(),
    '"[微笑]"': {9},
    '"a<b>c"': {10},
    '"<张三>说"': {10},
    '"List<String>"': {10},
    '"需要的话请转人工客服"': {11},
    "你好": set(SAID),
}
"""By query: the chats that have it in what people saw."""


def test_what_people_saw_is_found_and_nothing_else(client: FlaskClient, world: World) -> None:
    assert {q: world.found(q) for q in FOUND} == FOUND


def api(client: FlaskClient, path: str) -> Any:
    return json.loads(client.get(path).data)


MARKED = ((1, "已经签收"), (2, "请查收"), (3, "任选"), (5, "焖烧壶"), (8, "refund"))


def test_marks_lie_on_the_visible_text(client: FlaskClient) -> None:
    for number, q in MARKED:
        _marks_lie_on_the_visible_text(client, number, q)


def _marks_lie_on_the_visible_text(client: FlaskClient, number: int, q: str) -> None:
    hits = api(client, f"/api/v1/search?q={q}")["hits"]
    snippets = [s for hit in hits if hit["chat"]["id"] == number for s in hit["snippets"]]
    answer = api(client, f"/api/v1/chats/{number}?q={q}")
    for one in (snippets[-1], answer["messages"][1]):
        assert [one["text"][start:end] for start, end in one["highlights"]] == [q]
    assert answer["messages"][1]["text"] == visible_text(SAID[number])
    assert answer["chat"]["messages"][1]["msg"] == SAID[number], "as Kchat sent it"
    html = client.get(f"/chats/{number}?q={q}").data.decode()
    conversation = html.partition('class="transcript"')[2].partition("</ol>")[0]
    assert "".join(Page(conversation).marks) == q


def test_pages_show_what_people_saw_and_can_show_what_was_sent(client: FlaskClient) -> None:
    for number, sent in SAID.items():
        seen = visible_text(sent)
        html = client.get(f"/chats/{number}").data.decode()
        page = Page(html)
        assert page.faults == []
        assert "".join(seen.split()) in "".join(page.text.split()), "a link is no blank"
        assert ('class="raw"' in html) == (seen != sent)
        assert sent in page.text
        assert page.foreign_scripts == []
        assert not [tag for tag, _ in page.tags if tag in ("img", "strong")]
        given = [value for _, attributes in page.tags for value in attributes.values()]
        assert not [value for value in given if "javascript" in value]


def test_hits_show_what_people_saw(client: FlaskClient) -> None:
    """As text: what looked like a program in the text does so on the page, one that was is gone."""
    found = Page(client.get("/?q=alert").data.decode())
    assert found.faults == []
    assert "<script>alert(1)</script>是文字" in "".join(found.text.split())
    assert "alert(2)" not in found.text
    assert found.foreign_scripts == []


def test_tables_and_the_command_line_show_what_people_saw(
    client: FlaskClient, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = client.get("/api/v1/export?format=csv&sort=oldest").data.decode("utf-8-sig")
    texts = [row["text"] for row in csv.DictReader(io.StringIO(answer)) if row["position"] == "1"]
    assert [text.lstrip("'") for text in texts] == [visible_text(text) for text in SAID.values()]
    lines = client.get("/api/v1/export?format=jsonl&sort=oldest").data.decode().splitlines()
    sent = [json.loads(line)["chat"]["messages"][1]["msg"] for line in lines]
    assert sent == list(SAID.values()), "JSON Lines have what Kchat sent"
    print_chat(world.service.chat(1), world.settings.zone)
    assert "您的订单已经签收" in capsys.readouterr().out


def test_a_version_whose_raw_form_alone_changed_is_still_a_change(
    client: FlaskClient, world: World, kchat: DemoServer
) -> None:
    for status, text in (("open", EDITED_BEFORE), ("open", EDITED_AFTER), ("close", "<p>后天</p>")):
        kchat.put(chat(12, "你好", text, status=status, created_at="2016-03-20 11:00:00"))
        world.later(minutes=5).sync(reconcile=True)
    answer = api(client, "/api/v1/chats/12/versions")
    changes = [c for v in answer["versions"] for c in v["changes"] if c["kind"] == "changed"]
    assert [(c["before"], c["after"]) for c in changes] == [
        ("明天发货", "明天发货"),
        ("明天发货", "后天"),
    ]
    assert changes[0]["fields"] == [
        {"kind": "field", "name": "msg", "before": EDITED_BEFORE, "after": EDITED_AFTER}
    ]
    assert changes[1]["fields"] == []
    page = Page(client.get("/chats/12/versions").data.decode())
    assert page.faults == []
    for text in ("明天发货", "后天", EDITED_BEFORE, EDITED_AFTER):
        assert text in page.text


def test_the_index_equals_a_scan_of_what_people_saw(client: FlaskClient, world: World) -> None:
    assert world.service.verify(strings=200, seed=3).clean


CASES = Path(__file__).parents[3] / "shared" / "cases"


PUBLIC = ("html-br-false", "html-entity", "html-phrase-over-tag", "json-card-escaped")


@pytest.mark.parametrize("name", [*PUBLIC, "json-keys-false"])
def test_public_reports_of_other_systems_are_none_of_ours(
    world: World, kchat: DemoServer, name: str
) -> None:
    case = json.loads((CASES / f"{name}.json").read_text("utf-8"))
    for number in SAID:
        kchat.delete(number)
    for each in case["chats"]:
        kchat.put(each)
    world.sync()
    assert world.found(case["query"]) == set(case["expected"])
