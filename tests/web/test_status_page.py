"""The page of the program's state: what failed, and which chats could not be understood."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from kchat_search.models.chats import RejectedChat, StoredReject
from kchat_search.models.holder import Holder
from kchat_search.models.progress import ListProgress
from kchat_search.models.reports import Alert, Coverage, EngineState, MeaningState, Reason
from kchat_search.web.pages.status_words import about, gaps
from tests.web.fake_service import BEGAN, NOW, FakeService
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
    folded = [attributes.get("id") or "" for tag, attributes in page.tags if tag == "details"]
    assert [each for each in folded if each.startswith("raw-")] == [
        f"raw-chat:{n}" for n in range(4)
    ]
    seen = "First seen May 17, 2016, 12:00 · last seen May 20, 2016, 12:00 · seen 2 times"
    assert seen in page.text
    assert page.text.partition("Pause refreshing")[2].count("Gone from Kchat") == 1, (
        "the tile alone"
    )


def test_a_reject_that_kchat_shows_no_more_is_said_to_be_gone(
    client: FlaskClient, service: FakeService
) -> None:
    rejected = RejectedChat("chat:1", 1, "{}", "odd")
    service.stored_rejects = (StoredReject(rejected, NOW, NOW, 2, NOW + timedelta(days=1)),)
    page = look(client, "/status")
    assert page.text.partition("暂停自动刷新")[2].count("Kchat 上已不存在") == 2, (
        "the tile and the badge"
    )
    assert "消失于 2016-05-21 12:00" in page.text
    assert "怎么办： Kchat 上已没有它，无需处理。" in page.text


def test_the_status_page_says_why_a_sync_failed(client: FlaskClient, service: FakeService) -> None:
    assert "失败" not in look(client, "/status").text
    service.ended_early = "Kchat answers 503 <always>"
    page = look(client, "/status")
    assert "失败 原因见技术细节。" in page.text
    assert "技术细节 Kchat answers 503 <always>" in page.text
    assert "不完整 技术细节 count changed" in page.text
    service.ended_kind = "KchatUnreachable.tls"
    assert "失败 与 Kchat 的加密连接（TLS）没有建立。 请检查地址" in look(client, "/status").text
    assert "failed The encrypted connection (TLS)" in look(client, "/status?lang=en").text.replace(
        "Failed", "failed"
    )


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


@pytest.mark.parametrize(
    ("meaning", "chinese", "english"),
    [
        (MeaningState("on"), "已开启 · 随程序附带的表", "On · the shipped table"),
        (MeaningState("on", True), "按本归档调整过", "fitted on this archive"),
        (MeaningState("off"), "已关闭（KCHAT_MEANING）", "Off (KCHAT_MEANING)"),
        (MeaningState("waiting"), "下次重建索引后开启", "On from the next build"),
        (MeaningState("damaged", problem="Install it <again>."), "Install it <again>.", "damaged"),
    ],
    ids=["shipped", "fitted", "off", "waiting", "damaged"],
)
def test_the_status_says_whether_chats_are_found_by_meaning(
    client: FlaskClient,
    service: FakeService,
    meaning: MeaningState,
    chinese: str,
    english: str,
) -> None:
    service.meaning = meaning
    assert chinese in look(client, "/status").text
    assert english in look(client, "/status?lang=en").text
    told = client.get("/api/v1/status").get_json()["index"]["meaning"]
    assert told == {
        "state": meaning.state,
        "fitted": meaning.fitted,
        "problem": meaning.problem,
    }


def test_what_the_table_of_the_index_and_that_of_the_package_mean() -> None:
    none = EngineState("whoosh", "1", "f", 1, 1)
    shipped, fitted = replace(none, table="d"), replace(none, table="d", table_fitted=True)
    broken = replace(none, table_problem="bad")

    def state(engine: EngineState, problem: str | None = None) -> MeaningState:
        return MeaningState.of(engine, problem, enabled=True)

    assert state(shipped) == MeaningState("on")
    assert state(fitted) == MeaningState("on", fitted=True)
    assert state(shipped, "gone") == MeaningState("on", problem="gone")
    assert state(none) == MeaningState("waiting")
    assert state(none, "gone") == MeaningState("damaged", problem="gone")
    assert state(broken) == MeaningState("damaged", problem="bad")
    assert MeaningState.of(shipped, None, enabled=False) == MeaningState("off")


def test_the_status_page_names_no_process_and_no_time_of_another_zone(
    client: FlaskClient, service: FakeService
) -> None:
    page = look(client, "/status").text
    assert "自动同步运行中 · 从 2016-05-20 09:02 起" in page
    for inner in ("4711", "host-7", "UTC", "01:02"):
        assert inner not in page
    service.held_by = None
    assert "未运行" in look(client, "/status").text
    for what, words in {
        "repair": "修复归档中",
        "hot": "重新统计热点中",
        "unknown": "运行中",
    }.items():
        service.held_by = Holder(what)
        assert f"索引进程 {words}" in look(client, "/status").text


def reads(step: str, done: int, total: int | None, minutes_ago: float = 0) -> ListProgress:
    at = NOW - timedelta(minutes=minutes_ago)
    return ListProgress(step, done, total, BEGAN, 0, at)


@pytest.mark.parametrize(
    ("reading", "chinese", "english"),
    [
        (
            reads("fetch", 12_300, 90_000),
            "正在导入历史对话 已读 12,300 / 约 90,000 个对话。 还要 约 38 分钟 读完；",
            "12,300 of about 90,000 chats read. Read in about 38 minutes;",
        ),
        (
            reads("prove", 60_000, 90_000),
            "正在重新核对全部对话 已读 60,000 / 约 90,000 个对话。 还要 约 3 分钟。",
            "about 3 minutes left.",
        ),
        (
            reads("fetch", 12_300, None),
            "已读 12,300 个对话；Kchat 没有说明共有多少。",
            "Kchat does not say how many there are.",
        ),
        (
            reads("fetch", 12_300, 90_000, minutes_ago=5.5),
            "历史对话的导入停在这里 已读 12,300 / 约 90,000 个对话。 下次同步从这里继续。",
            "The next sync goes on from here.",
        ),
    ],
    ids=["read", "proven", "not counted", "stopped"],
)
def test_the_status_page_says_how_far_a_backfill_is(
    client: FlaskClient,
    service: FakeService,
    reading: ListProgress,
    chinese: str,
    english: str,
) -> None:
    service.reading = reading
    service.covers = Coverage(
        complete=False, chats=3, pending=0, rejected=0, synced_at=None, backfilled=False
    )
    page = look(client, "/status")
    assert chinese in page.text
    bars = [attributes for tag, attributes in page.tags if tag == "progress"]
    assert len(bars) == 1
    assert ("value" in bars[0]) == (reading.total is not None)
    assert english in look(client, "/status?lang=en").text


def test_the_status_page_says_how_far_a_rebuild_is(
    client: FlaskClient, service: FakeService
) -> None:
    assert "<progress" not in client.get("/status").text
    service.rebuilt = 50
    page = look(client, "/status").text
    assert "正在重建索引 已完成 50%。" in page
    assert "还要 约 6 分钟。" in page


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(seconds=59), "不到 1 分钟"),
        (timedelta(seconds=61), "约 1 分钟"),
        (timedelta(minutes=89), "约 89 分钟"),
        (timedelta(minutes=91), "约 2 小时"),
        (timedelta(hours=47), "约 47 小时"),
        (timedelta(hours=49), "约 2 天"),
    ],
    ids=["59 s", "61 s", "89 min", "91 min", "47 h", "49 h"],
)
def test_a_time_left_is_said_roughly(shared: Any, left: timedelta, words: str) -> None:
    with shared[1].test_request_context("/?lang=zh"):
        assert about(left) == words


@pytest.mark.parametrize(
    ("months", "expected"),
    [
        ({}, []),
        ({"2015-04": 3}, []),
        ({"2015-12": 3, "2016-01": 1}, []),
        ({"2015-11": 3, "2016-02": 1}, [("2015-12", "2016-01", 2)]),
        ({"2015-11": 3, "2015-12": 0, "2016-01": 1, "odd": 4}, [("2015-12", "2015-12", 1)]),
        ({"0001-01": 1, "2016-01": 1}, [("0001-02", "2015-12", 24_179)]),
    ],
    ids=["none", "one", "no gap", "over a year's end", "a month of none", "a wrong date"],
)
def test_the_months_without_chats_are_told(
    months: dict[str, int], expected: list[tuple[str, str, int]]
) -> None:
    assert [(gap.first, gap.last, gap.months) for gap in gaps(months)] == expected


def test_the_status_page_tells_gaps_and_what_they_may_mean(
    client: FlaskClient, service: FakeService
) -> None:
    service.months = {"2015-04": 1, "2015-05": 1}
    assert "首尾之间每个月都有对话。" in look(client, "/status").text
    service.months = {f"20{year:02d}-01": 1 for year in range(1, 11)} | {"2010-03": 1}
    page = look(client, "/status?lang=en").text
    assert "Months without chats: 2005-02 to 2005-12 (11 months), " in page
    assert "2010-02; 4 more before." in page
    assert "this Kchat account may not see them" in page


def test_trouble_is_said_in_one_language_and_leads_on(
    client: FlaskClient, service: FakeService
) -> None:
    raw = "Kchat refused the e-mail or the token: check KCHAT_EMAIL and KCHAT_API_TOKEN."
    reason = Reason(raw, "KchatRefused.401")
    service.wrong = (Alert("tick_failed", reason, NOW, 3, NOW + timedelta(seconds=40)),)
    page = look(client, "/status")
    assert (
        "同步连续失败 3 次。 Kchat 不接受这个邮箱或令牌（401）。 怎么办： 请核对 KCHAT_EMAIL 和"
    ) in page.text
    assert "涉及的设置： KCHAT_EMAIL KCHAT_API_TOKEN" in page.text
    assert "从 2016-05-20 12:00 起。 下次重试：2016-05-20 12:00:40。 搜索照常。" in page.text
    assert f"技术细节 {raw}" in page.text
    english = look(client, "/status?lang=en").text
    assert "The sync failed 3 times. Kchat does not accept this e-mail or token (401)." in english


def test_a_page_that_waits_for_something_is_brought_up_to_date_sooner(
    client: FlaskClient, service: FakeService
) -> None:
    assert 'data-refresh="30"' in client.get("/status").text
    service.rebuilt = 50
    assert 'data-refresh="10"' in client.get("/status").text
    links = [link["href"] for link in look(client, "/status").links if link["href"] == "/status"]
    assert len(links) == 2, "in the header, and to bring it up to date without scripts"
