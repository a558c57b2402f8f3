"""`history`: earlier versions and recalled messages are looked into, where it is asked for."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from openpyxl import load_workbook

from kchat_search.demo import DEMO_API_TOKEN, DEMO_EMAIL, DEMO_PASSWORD
from kchat_search.demo.server import DemoServer
from kchat_search.gate import Gate
from kchat_search.serialization.links import chat_url
from kchat_search.web import create_app
from tests.web.markup import Page
from tests.world import World, agents, chat


def recalled(one: dict[str, Any], number: int) -> dict[str, Any]:
    """The chat with a message recalled, which takes its text away."""
    messages = [dict(message) for message in one["messages"]]
    messages[number] |= {"recalled": True, "msg": ""}
    return one | {"messages": messages}


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """1: a recalled message. 2: a text that changed twice. 3: nothing changed. 4: a file that went.
    5: another field changed."""
    upload = {"id": 9, "name": "合同.pdf", "size": 12, "type": "pdf", "url": "https://f.example/9"}
    first = {
        1: chat(1, "你好", "请用火星密码", "好的"),
        2: chat(2, "你好", "火星一号"),
        3: chat(3, "你好", "火星"),
        4: chat(4, "你好", "请看"),
        5: chat(5, "你好", "木星"),
    }
    first[4]["messages"][1] |= {"upload_id": 9, "upload": upload}
    server = DemoServer(
        list(first.values()), agents(), email=DEMO_EMAIL, password=DEMO_PASSWORD,
        api_token=DEMO_API_TOKEN,
    )  # fmt: skip
    with server:
        world = World(server, tmp_path_factory.mktemp("changed"))
        world.sync()
        server.put(recalled(first[1], 1))
        server.put(chat(2, "你好", "金星二号"))
        server.put(chat(4, "你好", "请看"))
        server.put(first[5] | {"rating": 1})
        world.later(hours=1).sync(reconcile=True)
        server.put(chat(2, "你好", "木星三号"))
        world.later(hours=1).sync(reconcile=True)
        yield world
        world.service.close()


@pytest.mark.parametrize(
    ("q", "now", "ever", "former"),
    [
        ("火星", {3}, {1, 2, 3}, {1: [("请用火星密码", 1)], 2: [("火星一号", 1)]}),
        ("金星", set(), {2}, {2: [("金星二号", 2)]}),
        ("木星", {2, 5}, {2, 5}, {}),
        ("火星 木星", set(), {2}, {2: [("火星一号", 1)]}),
        ("火星 金星", set(), {2}, {2: [("金星二号", 2), ("火星一号", 1)]}),
        ("火星密码", set(), {1}, {1: [("请用火星密码", 1)]}),
        ("合同", set(), {4}, {4: [("合同.pdf", 1)]}),
        ("密码 from:agent", set(), {1}, {1: [("请用火星密码", 1)]}),
        ("密码 from:visitor", set(), set(), {}),
        ("你好", {1, 2, 3, 4, 5}, {1, 2, 3, 4, 5}, {}),
    ],
)
def test_what_was_said_before_is_found_where_it_is_asked_for(
    changed: World, q: str, now: set[int], ever: set[int], former: dict[int, list[tuple[str, int]]]
) -> None:
    assert changed.found(q) == now
    page = changed.search(q)
    assert all(snippet.former is None for hit in page.hits for snippet in hit.snippets)
    for asked in (changed.search(q, history=True), changed.search(f"{q} in:history")):
        assert {hit.chat.id for hit in asked.hits} == ever
        assert asked.total == len(ever)
        assert asked.former is None
        told = {
            hit.chat.id: [(s.text, s.former) for s in hit.snippets if s.former is not None]
            for hit in asked.hits
        }
        assert {i: sorted(texts) for i, texts in told.items() if texts} == {
            i: sorted(texts) for i, texts in former.items()
        }
        assert all(len(hit.snippets) <= 4 for hit in asked.hits)
    for snippets in (1, 0):
        for hit in changed.search(q, history=True, snippets=snippets).hits:
            assert len(hit.snippets) == snippets
            assert all(snippet.highlights for snippet in hit.snippets)


def test_a_former_snippet_opens_where_its_version_is_read(changed: World) -> None:
    client = create_app(Gate(owners=changed.service)).test_client()
    for hit in changed.search("火星 金星 OR 密码 OR 合同", history=True).hits:
        for snippet in hit.snippets:
            if snippet.former is not None:
                url = chat_url(hit.chat, "火星", snippet)
                page = Page(client.get(url, headers={"Host": "localhost"}).text)
                assert urlsplit(url).fragment in page.ids
                assert snippet.text in page.text.replace(" ", "")
    answer = client.get("/api/v1/search?q=密码&history=true").get_json()
    (snippet_,) = answer["hits"][0]["snippets"]
    assert (snippet_["former"], snippet_["version"]) == (True, 1)
    assert answer["hits"][0]["links"]["html"].endswith("/chats/1/versions?version=1#v1")
    version = client.get(f"/api/v1/chats/1/versions?version={snippet_['version']}").get_json()
    assert snippet_["text"] in str(version["versions"][0]["chat"]["messages"])


@pytest.mark.parametrize("asked", ["q=火星&history=true", "q=火星 in:history"])
def test_an_export_with_history_holds_the_versions(changed: World, asked: str) -> None:
    client = create_app(Gate(owners=changed.service)).test_client()
    lines = client.get(f"/api/v1/export?{asked}").text.splitlines()
    chats = {line["chat"]["id"]: line for line in map(json.loads, lines)}
    assert {i: len(line["versions"]) for i, line in chats.items()} == {1: 2, 2: 3, 3: 1}
    for line in chats.values():
        assert line["versions"][-1]["chat"] == line["chat"]
    assert "火星密码" in str(chats[1]["versions"][0]["chat"])
    table = client.get(f"/api/v1/export?{asked}&format=csv").text.removeprefix("\ufeff")
    rows = list(csv.DictReader(io.StringIO(table)))
    former = [(row["chat_id"], row["text"], row["former_version"]) for row in rows]
    assert [one for one in former if one[2]] == [
        ("1", "请用火星密码", "1"),
        ("2", "金星二号", "2"),
        ("2", "火星一号", "1"),
    ]
    assert ("2", "木星三号", "") in former
    assert ("1", "", "") in former
    book = client.get(f"/api/v1/export?{asked}&format=xlsx").data
    sheet = load_workbook(io.BytesIO(book)).worksheets[0]
    assert [cell.value for cell in sheet[1]] == list(rows[0])
    assert sheet.max_row == len(rows) + 1


def test_an_export_without_history_has_the_same_columns_as_ever(changed: World) -> None:
    client = create_app(Gate(owners=changed.service)).test_client()
    (line,) = client.get("/api/v1/export?q=火星").text.splitlines()
    assert "versions" not in json.loads(line)
    header, *_ = client.get("/api/v1/export?q=火星&format=csv").text.splitlines()
    assert "former_version" not in header
