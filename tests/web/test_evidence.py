"""The line of evidence above the results."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from kchat_search.models.reports import Coverage
from tests.web.fake_service import NOW, FakeService
from tests.web.markup import look

COMPLETE = Coverage(True, 63, 0, 0, NOW)


def line(client: FlaskClient, path: str) -> str:
    """The text of the line."""
    text = client.get(path).text
    found = re.search(r'<p class="count" id="evidence".*?</p>', text, re.DOTALL)
    assert found
    return " ".join(re.sub("<[^>]*>", "", found[0]).split())


def test_it_says_what_was_asked_what_was_found_and_as_of_when(
    client: FlaskClient, service: FakeService
) -> None:
    service.covers = COMPLETE
    said = line(client, "/?q=退款 订单号&start=2014-01-01&end=2016-05-20")
    assert said.startswith("1 个对话 理解为 退款 AND 订单号")
    assert "对话创建于 2014-01-01 至 2016-05-20（Asia/Shanghai）" in said
    assert re.search(r"另列 \d+ 个相关 完整 截至 2016-05-20 12:00", said)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/?q=", "没有限定字词 不限日期（Asia/Shanghai）"),
        ("/?q=&start=2016-01-01", "对话创建于 2016-01-01 至 …（"),
        ("/?q=&said_end=2016-01-01", "消息发于 … 至 2016-01-01（"),
        ("/?q=&start=2016-01-01&end=2016-01-01", "对话创建于 2016-01-01（"),
        ("/?q=&start=2016-01-01&said_start=2016-01-02", "至 …；消息发于 2016-01-02"),
    ],
)
def test_it_names_the_days_and_their_zone(client: FlaskClient, path: str, expected: str) -> None:
    assert expected in line(client, path)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, " 完整 "),
        ({"complete": False, "pending": 2}, " 2 个对话等待编入索引 查看状态 "),
        (
            {"complete": False, "pending": 12, "rejected": 3},
            "结果可能不全： 12 个对话等待编入索引；3 个对话无法识别 ",
        ),
        ({"complete": False, "backfilled": False}, "结果可能不全： 历史对话仍在导入 "),
        ({"complete": False}, "有对话还不能搜索"),
        ({"synced_at": None}, "尚未同步"),
    ],
)
def test_it_says_what_is_missing(
    client: FlaskClient, service: FakeService, change: dict[str, object], expected: str
) -> None:
    service.covers = replace(COMPLETE, **change)  # type: ignore[arg-type]
    assert expected in line(client, "/?q=退款")


def test_it_is_in_english_too(client: FlaskClient, service: FakeService) -> None:
    service.covers = COMPLETE
    said = line(client, "/?q=退款&start=2016-01-01&lang=en")
    assert "Created Jan 1, 2016 to … (Asia/Shanghai)" in said
    assert not re.search("[\u4e00-\u9fff]", said.replace("退款", "")), said


def test_it_stands_before_the_notes_and_the_hits(client: FlaskClient) -> None:
    ids = look(client, "/?q=退款").ids
    assert ids.index("evidence") < ids.index("hit-290")
