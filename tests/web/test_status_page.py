"""The page of the program's state: what failed, and which chats could not be understood."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from kchat_search.models.chats import RejectedChat, StoredReject
from kchat_search.models.reports import EngineState, MeaningState
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
    kinds = [known.get("class") for tag, known in page.tags if tag == "details"]
    assert kinds.count("raw") == 4
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
