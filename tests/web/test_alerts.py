"""What is wrong now is said: on the status page, by the API, to a load balancer, to Prometheus."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

import pytest
from flask.testing import FlaskClient

from kchat_search.errors import ArchiveError, IndexDamaged
from kchat_search.models.reports import Alert, AlertCode, Reason
from kchat_search.serialization.alerts import _WORDS
from tests.web.fake_service import NOW, FakeService
from tests.web.markup import look

FOLDER = Reason("The folder <index> can't be written.", "IndexUnwritable")
ENDED = Alert("indexer_ended", FOLDER, NOW, 3, NOW + timedelta(seconds=20))
FAILED = Alert("tick_failed", Reason("no answer", "KchatUnreachable"), NOW)
ENGLISH = (
    "The indexer ended 3 times. The last reason: The folder <index> can't be written. "
    "Next try at 2016-05-20 12:00:20."
)
CHINESE = (
    "索引进程已结束 3 次。最近一次的原因：索引无法写入。请检查权限和磁盘空间。 "
    "下次重试：2016-05-20 12:00:20。"
)


def test_a_server_that_can_answer_is_ready_and_says_what_is_wrong(
    client: FlaskClient, service: FakeService
) -> None:
    assert client.get("/readyz").get_json() == {"status": "ok", "alerts": []}
    service.wrong = (ENDED,)
    answer = client.get("/readyz")
    assert answer.status_code == 200
    (alert,) = answer.get_json()["alerts"]
    assert alert == {
        "code": "indexer_ended",
        "text": ENGLISH,
        "reason": FOLDER.text,
        "since": "2016-05-20T12:00:00+08:00",
        "times": 3,
        "next_try_at": "2016-05-20T12:00:20+08:00",
    }
    assert client.get("/api/v1/status").get_json()["alerts"] == [alert]
    chinese = client.get("/readyz", headers={"Accept-Language": "zh"}).get_json()
    assert chinese["alerts"][0]["text"] == CHINESE


def test_the_status_page_says_it_in_the_language_of_the_reader(
    client: FlaskClient, service: FakeService
) -> None:
    service.wrong = (ENDED,)
    page = look(client, "/status?lang=zh").text
    assert "索引进程已结束 3 次。 索引无法写入。 怎么办： 请检查权限和磁盘空间。" in page
    assert "下次重试：2016-05-20 12:00:20。" in page
    page = look(client, "/status?lang=en").text
    assert "The indexer ended 3 times. The index can't be written." in page
    assert f"Technical details {FOLDER.text}" in page
    assert "Next try at May 20, 2016, 12:00:20." in page
    service.wrong = (FAILED,)
    page = look(client, "/status?lang=en").text
    assert "The sync failed once. Kchat can't be reached." in page
    assert "Next try" not in page


@pytest.mark.parametrize("error", [ArchiveError("No archive."), IndexDamaged("No index.")])
def test_where_searches_cannot_be_answered_the_error_has_the_alerts_too(
    client: FlaskClient, service: FakeService, error: ArchiveError | IndexDamaged
) -> None:
    service.fails, service.wrong = error, (ENDED,)
    for path in ("/readyz", "/api/v1/status", "/api/v1/search"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert answer.get_json()["detail"] == str(error)
        assert answer.get_json()["alerts"][0]["text"] == ENGLISH
    page = client.get("/status?lang=en")
    assert page.status_code == 503
    assert "The indexer ended 3 times" in page.text
    assert "&lt;index&gt;" in page.text


def test_while_the_index_is_rebuilt_it_is_said_how_far_that_is(
    client: FlaskClient, service: FakeService
) -> None:
    service.fails, service.rebuilt = IndexDamaged("It has schema 4."), 43
    for path in ("/api/v1/search?q=退款", "/readyz"):
        answer = client.get(path)
        assert (answer.status_code, answer.get_json()["type"]) == (
            503,
            "urn:kchat-search:problem:index-being-rebuilt",
        )
        assert "43 %" in answer.get_json()["detail"]
        assert int(answer.headers["Retry-After"]) > 0
    page = client.get("/?q=退款&lang=zh")
    assert page.status_code == 503
    assert "正在重建索引" in page.text
    assert "43%" in page.text
    service.fails = ArchiveError("No archive.")
    assert client.get("/api/v1/search").get_json()["detail"] == "No archive."


def test_metrics_count_what_is_wrong(client: FlaskClient, service: FakeService) -> None:
    service.wrong = (ENDED,)
    text = client.get("/metrics").text
    assert 'kchat_search_alerts{code="indexer_ended"} 3.0' in text
    assert 'kchat_search_alerts{code="tick_failed"} 0.0' in text


def test_every_alert_has_words_in_both_languages() -> None:
    assert set(get_args(AlertCode)) == set(_WORDS)
