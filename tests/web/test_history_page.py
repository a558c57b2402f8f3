"""The page of the versions of a chat."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from kchat_search.web.pages import history as history_page
from kchat_search.web.pages.history import Pieces, pieces
from tests.web import chats
from tests.web.builders import chat
from tests.web.chats import PASSWORD, grown
from tests.web.fake_service import FakeService
from tests.web.markup import Page, look

pytestmark = pytest.mark.usefixtures("past")


def test_a_chat_leads_to_its_versions_and_to_what_was_recalled(client: FlaskClient) -> None:
    page = look(client, "/chats/290")
    assert "版本 3 · 查看变化" in page.text
    assert any(link["href"] == "/chats/290/versions" for link in page.links)
    link = page.link("said-before")
    assert link == "/chats/290/versions#v3-m290006"
    assert "v3-m290006" in look(client, link.partition("#")[0]).ids


def test_what_the_archive_never_saw_is_not_promised(
    client: FlaskClient, past: list[dict[str, Any]]
) -> None:
    past[:] = [past[2], past[2] | {"rating": 0}]
    assert "said-before" not in client.get("/chats/290").text
    past[:] = past[:1]
    page = look(client, "/chats/290")
    assert "查看变化" not in page.text
    assert "归档中最早的版本" in look(client, "/chats/290/versions").text


def test_the_page_shows_newest_first_what_changed_in_words(client: FlaskClient) -> None:
    page = look(client, "/chats/290/versions")
    order = ["版本 3 现在", "首次见到 2016-05-20 12:00", "状态 之前 进行中 之后 已结束"]
    order += ["评价 之前 （无） 之后 满意", "撤回的消息 1", f"撤回前的原文 {PASSWORD}"]
    order += ["新增的消息 1", "版本 2", "替换于 2016-05-20 12:00", "修改的消息 1"]
    order += ["新增的消息 4", "附件 发票.pdf", "仅其他字段有变化的消息 1", "已读 之前 0 之后 1"]
    order += ["版本 1", "归档中最早的版本"]
    positions = [page.text.index(words) for words in order]
    assert positions == sorted(positions)
    html = client.get("/chats/290/versions").text
    assert "下<del>换货</del>进度" in html
    assert "下<ins>退款</ins>进度" in html
    assert f'<div class="text" dir="auto">{PASSWORD}</div>' in html


def test_the_page_speaks_english_by_choice(client: FlaskClient) -> None:
    page = look(client, "/chats/290/versions?lang=en")
    assert "Version 3 Present" in page.text
    assert "Status Before Open After Closed" in page.text
    assert f"Before the recall {PASSWORD}" in page.text


def test_many_versions_are_paged_and_the_recalled_is_on_its_page(
    client: FlaskClient, service: FakeService
) -> None:
    slip = {"id": 290_006, "msg": PASSWORD}
    hidden = {"id": 290_006, "msg": "", "recalled": True}
    service.past[290] = [{"id": 290, "messages": [slip, *one["messages"]]} for one in grown(2)] + [
        {"id": 290, "messages": [hidden, *one["messages"]]} for one in grown(43)[2:]
    ]
    assert len(service.past[290]) == 43
    first = look(client, "/chats/290/versions")
    assert [i for i in first.ids if i.startswith("v") and "-" not in i] == [
        f"v{n}" for n in range(43, 23, -1)
    ]
    second = look(client, next(x["href"] for x in first.links if x.get("rel") == "next"))
    third = look(client, next(x["href"] for x in second.links if x.get("rel") == "next"))
    assert [i for i in third.ids if i.startswith("v") and "-" not in i] == ["v3", "v2", "v1"]
    assert "rel" not in str([x for x in third.links if x.get("rel") == "next"])
    link = look(client, "/chats/290").link("said-before")
    path, _, anchor = link.partition("#")
    assert path.endswith("offset=40")
    assert anchor in look(client, path).ids
    assert "没有更早的版本了" in look(client, "/chats/290/versions?offset=60").text


def test_only_what_can_be_read_elsewhere_is_cut_short(
    client: FlaskClient, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_page, "_SHOWN", 2)
    old: list[dict[str, Any]] = [{"id": n, "msg": f"旧 {n}"} for n in range(1, 6)]
    new = [{"id": n, "msg": f"新 {n}"} for n in range(11, 16)]
    gone = [{"id": n, "msg": f"去 {n}"} for n in range(21, 26)]
    recalled = [one | {"msg": "", "recalled": 1} for one in old]
    service.past[290] = [{"messages": old + gone}, {"messages": recalled + new}]
    page = look(client, "/chats/290/versions")
    for one in old + gone:
        assert one["msg"] in page.text
    assert "新 12" in page.text
    assert "新 13" not in page.text
    assert "另有 3 条未显示" in page.text
    link = next(x["href"] for x in page.links if "/api/" in x["href"])
    assert "新 13" in str(client.get(link).get_json()["versions"][0]["changes"])


def test_a_file_that_was_recalled_or_changed_is_named(
    client: FlaskClient, service: FakeService
) -> None:
    file = {"id": 9, "name": "发票.pdf", "size": 1}
    before = [{"id": n, "msg": "", "upload": file} for n in (1, 2, 3)]
    after = [
        {"id": 1, "msg": "", "upload": None, "recalled": True},
        {"id": 2, "msg": "", "upload": file | {"name": "合同.pdf"}},
        {"id": 3, "msg": "", "upload": file | {"size": 2}},
    ]
    service.past[290] = [{"messages": before}, {"messages": after}]
    text = look(client, "/chats/290/versions").text
    assert "附件 发票.pdf" in text
    assert "附件 发票.pdf 之后 合同.pdf" in text
    assert "发票.pdf upload.size 之前 1 之后 2" in text


def test_a_version_that_differs_in_nothing_to_show_says_so(
    client: FlaskClient, service: FakeService
) -> None:
    service.past[290] = [{"messages": []}, {"messages": [], "note": None}]
    assert "没有可显示的变化" in look(client, "/chats/290/versions").text


def test_attacks_stay_text_in_versions_too(client: FlaskClient, service: FakeService) -> None:
    service.chats.append(chats.hostile())
    service.past[666] = chats.hostile_versions()
    for path in ("/chats/666/versions", "/chats/666/versions?lang=en"):
        html = client.get(path).data.decode("utf-8")
        page = Page(html)
        assert page.faults == []
        assert not [tag for tag, _ in page.tags if tag == "img"]
        assert page.foreign_scripts == []
        assert "&lt;script" in html
        assert "&amp;lt;" not in html, "escaped twice"
        assert not [c for c in html if (ord(c) < 32 and c not in "\n\t\r") or c == "\u202e"]
        assert "javascript:" not in str(page.links)
    answer = client.get("/api/v1/chats/666/versions")
    assert json.loads(answer.data.decode("utf-8"))
    assert "token" not in answer.text


def test_a_chat_may_have_no_messages_at_all(client: FlaskClient, service: FakeService) -> None:
    service.chats.append(chat(8, []))
    service.past[8] = [{"id": 8}, {"id": 8, "messages": []}, {"id": 8, "messages": [None]}]
    assert client.get("/api/v1/chats/8/versions").status_code == 200
    look(client, "/chats/8/versions")


@pytest.mark.parametrize(
    ("text", "other", "expected"),
    [
        ("", "", ("", "", "")),
        ("一样", "一样", ("一样", "", "")),
        ("查换货进度", "查退款进度", ("查", "换货", "进度")),
        ("好", "好好", ("好", "", "")),
        ("好好", "好", ("好", "好", "")),
        ("前后", "前中后", ("前", "", "后")),
        ("", "新", ("", "", "")),
        ("旧", "", ("", "旧", "")),
    ],
)
def test_a_text_is_told_apart_from_another(
    text: str, other: str, expected: tuple[str, str, str]
) -> None:
    assert pieces(text, other) == Pieces(*expected)
    assert "".join(expected) == text


def test_versions_in_which_the_chat_only_grew_are_one_line(
    client: FlaskClient, service: FakeService
) -> None:
    said = [{"id": n, "msg": f"第 {n} 句", "is_read": 0} for n in range(1, 9)]
    read = [one | {"is_read": 1} for one in said]
    service.past[290] = [
        {"messages": said[:2]},
        {"messages": said[:3], "message_count": 3},
        {"messages": [*read[:3], said[3]], "message_count": 4},
        {"messages": [*read[:3], said[3] | {"msg": "改了"}, said[4]]},
        {"messages": [*read[:3], said[3] | {"msg": "改了"}, *said[4:]]},
    ]
    page = look(client, "/chats/290/versions")
    order = ["版本 5 现在 只新增了 3 条消息", "版本 4", "修改的消息 1"]
    order += ["之前 第 4 句", "之后 改了", "版本 2–3 只新增了 2 条消息", "版本 1"]
    positions = [page.text.index(words) for words in order]
    assert positions == sorted(positions)
    assert [one for one in page.ids if one in ("v1", "v2", "v3", "v4", "v5")] == [
        "v5", "v4", "v3", "v2", "v1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "after",
    [
        {"messages": [{"id": 1, "msg": "一"}, {"id": 2, "msg": "二"}], "status": "close"},
        {"messages": [{"id": 1, "msg": "改"}, {"id": 2, "msg": "二"}]},
        {"messages": [{"id": 1, "msg": "", "recalled": 1}, {"id": 2, "msg": "二"}]},
        {"messages": [{"id": 2, "msg": "二"}]},
        {"messages": [{"id": 1, "msg": "一", "name": "别人"}, {"id": 2, "msg": "二"}]},
        {"messages": [{"id": 1, "msg": "一", "is_read": 1}]},
    ],
    ids=["a fact", "an edit", "a recall", "a removal", "a name", "read"],
)
def test_what_did_more_than_grow_stands_out(
    client: FlaskClient, service: FakeService, after: dict[str, Any]
) -> None:
    service.past[290] = [{"messages": [{"id": 1, "msg": "一"}]}, after]
    assert "只新增了" not in look(client, "/chats/290/versions").text
