"""The answers of the API: searches, chats, the state of the program, rejects."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import TypeAdapter

from kchat_search.models.chats import RejectedChat, StoredReject
from kchat_search.models.progress import ListProgress
from kchat_search.serialization import schemas, search_schemas, status_schemas
from tests.web.fake_service import BEGAN, NOW, FakeService


def get(client: FlaskClient, path: str) -> Any:
    response = client.get(path)
    assert response.status_code == 200, response.text
    assert response.content_type == "application/json"
    return response.get_json()


def test_a_search_answers_with_every_field_of_the_contract(client: FlaskClient) -> None:
    answer = get(client, "/api/v1/search?q=退款")
    TypeAdapter(search_schemas.SearchJson).validate_python(answer, extra="forbid")
    assert answer["query"] == {
        "q": "退款",
        "understood": "退款",
        "sort": "relevance",
        "notes": [],
        "parts": [],
        "suggestions": [],
        "cuts": [],
        "said_instead": None,
        "without_filters": None,
    }
    assert (answer["total"], answer["page"], answer["per_page"]) == (3, 1, 20)
    assert (answer["next"], answer["previous"], answer["cursor"]) == (None, None, None)
    assert answer["took_ms"] == 3.205
    assert answer["coverage"] == {
        "complete": True,
        "chats": 63,
        "pending": 0,
        "rejected": 0,
        "synced_at": "2016-05-20T12:00:00+08:00",
    }


def test_a_hit_carries_the_chat_snippets_and_absolute_links(client: FlaskClient) -> None:
    hit = get(client, "/api/v1/search?q=退款")["hits"][0]
    assert hit["chat"] == {
        "id": 290,
        "type": "chat",
        "started_by": "visitor",
        "status": "close",
        "agent_id": "2192",
        "agent_name": "李雷",
        "participants": [{"id": "2192", "name": "李雷"}],
        "rating": "1",
        "visitor_id": "547",
        "visitor_name": "访客5",
        "user_id": "45190",
        "created_at": "2015-04-25T08:04:12+08:00",
        "assigned_at": "2015-04-25T08:04:12+08:00",
        "end_at": "2015-04-25T09:06:12+08:00",
        "message_count": 8,
        "gone_at": None,
    }
    snippet = hit["snippets"][0]
    assert (snippet["message_id"], snippet["position"]) == (290001, 1)
    assert (snippet["name"], snippet["from"]) == ("访客5", "visitor")
    assert snippet["created_at"] == "2015-04-25T08:04:32+08:00"
    assert [snippet["text"][a:b] for a, b in snippet["highlights"]] == ["退款"]
    assert (snippet["start"], snippet["cut"]) == (0, False)
    assert hit["links"] == {
        "self": "http://localhost/api/v1/chats/290?q=%E9%80%80%E6%AC%BE",
        "html": "http://localhost/chats/290?q=%E9%80%80%E6%AC%BE",
        "kchat": "https://acme.kf5.com/apiv2/chats/290.json",
    }


def test_facets_have_labels_and_months_have_none(client: FlaskClient) -> None:
    facets = get(client, "/api/v1/search?q=退款")["facets"]
    assert set(facets) == {
        "agent_id",
        "participant",
        "status",
        "rating",
        "started_by",
        "type",
        "spoke",
        "has_upload",
        "created_month",
        "created_day",
    }
    assert {"value": "2192", "label": "李雷", "count": 1} in facets["agent_id"]
    assert {"value": None, "label": None, "count": 1} in facets["rating"]
    assert {"value": "2015-04", "count": 1} in facets["created_month"]
    assert list(get(client, "/api/v1/search?facets=rating")["facets"]) == ["rating"]
    assert get(client, "/api/v1/search?facets=none")["facets"] == {}


def test_next_leads_through_every_hit_once(client: FlaskClient) -> None:
    answer = get(client, "/api/v1/search?q=包裹&per_page=7")
    ids = [hit["chat"]["id"] for hit in answer["hits"]]
    while answer["next"]:
        answer = get(client, answer["next"])
        ids += [hit["chat"]["id"] for hit in answer["hits"]]
    assert len(ids) == len(set(ids)) == answer["total"] == 60


def test_where_pages_end_next_goes_on_by_cursor(client: FlaskClient, service: FakeService) -> None:
    service.chats = [replace(service.chats[3], id=n) for n in range(1, 10_051)]
    answer = get(client, "/api/v1/search?page=100&per_page=100&sort=newest&facets=none")
    assert answer["next"].endswith("cursor=10000&facets=none")
    assert "page=100" not in answer["next"].replace("per_page=100", "")
    last = get(client, answer["next"])
    assert (len(last["hits"]), last["next"], last["previous"]) == (50, None, None)


def test_a_chat_is_as_kchat_sent_it_with_names_links_and_marks(client: FlaskClient) -> None:
    answer = get(client, "/api/v1/chats/290?q=退款")
    TypeAdapter(schemas.ChatJson).validate_python(answer, extra="forbid")
    assert answer["chat"] == {"id": 290, "status": "close", "messages": []}
    assert (answer["agent_name"], answer["visitor_name"], answer["version"]) == ("李雷", "访客5", 2)
    marked = [one for one in answer["messages"] if one["highlights"]]
    assert [one["message_id"] for one in marked] == [290001, 290002, 290005]
    assert marked[1]["from"] == "agent"
    assert answer["links"]["html"].startswith("http://localhost/chats/290")


def test_a_chat_that_did_not_change_is_not_sent_again(
    client: FlaskClient, service: FakeService
) -> None:
    first = client.get("/api/v1/chats/290?q=退款")
    tag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = client.get("/api/v1/chats/290?q=退款", headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == tag
    assert client.get("/api/v1/chats/290", headers={"If-None-Match": tag}).status_code == 200
    service.names["2192"] = "李蕾"
    renamed = client.get("/api/v1/chats/290?q=退款", headers={"If-None-Match": tag})
    assert renamed.status_code == 200


def test_a_page_of_a_chat_has_a_tag_for_each_language(client: FlaskClient) -> None:
    tag = client.get("/chats/290").headers["ETag"]
    headers = {"If-None-Match": tag}
    assert client.get("/chats/290", headers=headers).status_code == 304
    english = client.get("/chats/290?lang=en", headers=headers)
    assert english.status_code == 200
    assert english.headers["ETag"] != tag
    assert english.headers["Cache-Control"] == "private, no-store"


def test_agents_and_status_are_told(client: FlaskClient) -> None:
    assert get(client, "/api/v1/agents") == {
        "agents": [{"id": "2192", "name": "李雷"}, {"id": "2193", "name": "韩梅梅"}]
    }
    status = get(client, "/api/v1/status")
    TypeAdapter(status_schemas.StatusJson).validate_python(status, extra="forbid")
    assert status["archive"]["chats"] == 63
    assert status["index"]["current"] is True
    assert status["last_sync"]["kind"] == "tick"
    assert client.get("/api/v1/status?x=1").status_code == 400
    assert client.get("/api/v1/agents?q=1").status_code == 400


def test_the_status_says_how_far_long_work_is(client: FlaskClient, service: FakeService) -> None:
    assert get(client, "/api/v1/status")["reading"] is None
    service.reading = ListProgress("fetch", 12_300, 90_000, BEGAN, 0, NOW)
    service.rebuilt = 50
    status = get(client, "/api/v1/status")
    TypeAdapter(status_schemas.StatusJson).validate_python(status, extra="forbid")
    began, now = "2016-05-20T11:54:00+08:00", "2016-05-20T12:00:00+08:00"
    assert status["reading"] == {
        "step": "fetch",
        "done": 12_300,
        "total": 90_000,
        "began_at": began,
        "at": now,
        "goes_on": True,
        "seconds_left": round(360 * 77_700 / 12_300),
    }
    assert status["rebuild"] == {"percent": 50, "began_at": began, "seconds_left": 360}
    service.reading = ListProgress("prove", 12_300, None, BEGAN, 0, NOW - timedelta(minutes=6))
    stopped = get(client, "/api/v1/status")["reading"]
    assert [stopped[name] for name in ("total", "goes_on", "seconds_left")] == [None, False, None]


def test_times_at_the_ends_of_the_calendar_are_still_times(
    client: FlaskClient, service: FakeService
) -> None:
    first = service.chats[0]
    service.chats[0] = replace(
        first,
        created_at=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
        assigned_at=datetime(1, 1, 1, tzinfo=UTC),
        end_at=datetime(1890, 1, 1, tzinfo=UTC),
    )
    answer = get(client, "/api/v1/search?q=耳机&facets=none")
    chat = answer["hits"][0]["chat"]
    # RFC 3339 has neither a year 10000 nor an offset with seconds.
    assert chat["created_at"] == "9999-12-31T23:59:59+00:00"
    assert chat["assigned_at"] == "0001-01-01T00:00:00+00:00"
    assert chat["end_at"] == "1890-01-01T00:00:00+00:00"


def test_a_number_that_json_lacks_becomes_null(client: FlaskClient, service: FakeService) -> None:
    service.sent = {"id": 290, "odd": [float("nan"), {"deep": float("inf")}], "text": "\ud83d"}
    text = client.get("/api/v1/chats/290").text

    def refuse(name: str) -> None:
        raise AssertionError(name)

    assert json.loads(text, parse_constant=refuse)["chat"] == {
        "id": 290,
        "odd": [None, {"deep": None}],
        "text": "\N{REPLACEMENT CHARACTER}",
    }


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_living_process_says_so(client: FlaskClient, path: str) -> None:
    assert get(client, path)["status"] == "ok"


def test_head_is_answered_without_a_body(client: FlaskClient) -> None:
    response = client.head("/api/v1/search?q=退款")
    assert (response.status_code, response.data) == (200, b"")


def reject(number: int, **more: Any) -> StoredReject:
    raw = json.dumps({"id": number, "msg": "什么\ud800"})
    rejected = RejectedChat(f"chat:{number}", number, more.pop("raw", raw), f"no time in {number}")
    return StoredReject(rejected, NOW, NOW + timedelta(hours=1), 2, **more)


def test_the_status_has_the_last_syncs_and_the_first_rejects(
    client: FlaskClient, service: FakeService
) -> None:
    service.ended_early = "Kchat is away"
    service.stored_rejects = tuple(reject(n) for n in range(1, 31))
    answer = get(client, "/api/v1/status")
    TypeAdapter(status_schemas.StatusJson).validate_python(answer, extra="forbid")
    assert [(r["kind"], r["error"], r["seconds"]) for r in answer["reports"]] == [
        ("tick", "Kchat is away", 2.0),
        ("backfill", None, 2.0),
    ]
    assert answer["last_sync"] == answer["reports"][0]
    assert [each["chat_id"] for each in answer["rejects"]] == list(range(1, 21))
    assert answer["rejects"][0] == {
        "chat_id": 1,
        "key": "chat:1",
        "reason": "no time in 1",
        "first_seen_at": "2016-05-20T12:00:00+08:00",
        "last_seen_at": "2016-05-20T13:00:00+08:00",
        "times": 2,
        "gone_at": None,
    }


def test_rejects_are_told_page_by_page_as_kchat_sent_them(
    client: FlaskClient, service: FakeService
) -> None:
    service.stored_rejects = (
        reject(1, gone_at=NOW),
        reject(2, raw=""),
        *(reject(n) for n in range(3, 26)),
    )
    path: str | None = "/api/v1/rejects?per_page=5"
    seen: list[Any] = []
    answer = previous = None
    while path:
        answer = get(client, path)
        TypeAdapter(status_schemas.RejectsJson).validate_python(answer, extra="forbid")
        assert (answer["total"], answer["per_page"], answer["previous"]) == (25, 5, previous)
        seen += answer["rejects"]
        previous = f"http://localhost/api/v1/rejects?page={answer['page']}&per_page=5"
        path = answer["next"]
    assert answer is not None
    assert answer["page"] == 5, "the last page is full, and none follows"
    assert [each["chat_id"] for each in seen] == list(range(1, 26))
    assert json.loads(seen[0]["raw"]) == {"id": 1, "msg": "什么\ud800"}
    assert seen[0]["gone_at"] == "2016-05-20T12:00:00+08:00"
    assert seen[1]["raw"] is None
    beyond = get(client, "/api/v1/rejects?page=1000000&per_page=100")
    assert (beyond["rejects"], beyond["next"]) == ([], None)


@pytest.mark.parametrize(
    ("asked", "parameter"),
    [
        ("page=0", "page"),
        ("page=x", "page"),
        ("page=1000001", "page"),
        ("per_page=101", "per_page"),
        ("per_page=", "per_page"),
        ("page=1&page=2", "page"),
        ("offset=1", "offset"),
    ],
)
def test_a_page_of_rejects_that_can_not_be_is_refused(
    client: FlaskClient, asked: str, parameter: str
) -> None:
    response = client.get(f"/api/v1/rejects?{asked}")
    assert (response.status_code, response.get_json()["parameter"]) == (400, parameter)


def test_related_chats_say_what_they_have_and_are_counted_nowhere_else(
    client: FlaskClient,
) -> None:
    answer = get(client, "/api/v1/search?q=退款 订单号")
    assert (answer["total"], len(answer["hits"])) == (1, 1)
    assert answer["related_total"] == len(answer["related"]) > 0
    first = answer["related"][0]
    assert (first["why"], {*first["has"], *first["lacks"]}) == ("words", {"退款", "订单号"})
    assert {hit["chat"]["id"] for hit in answer["hits"]}.isdisjoint(
        one["chat"]["id"] for one in answer["related"]
    )
    assert sum(value["count"] for value in answer["facets"]["status"]) == 1
    alone = get(client, "/api/v1/related?q=退款 订单号")
    assert [alone[name] for name in ("query", "total", "related", "related_total")] == [
        answer[name] for name in ("query", "total", "related", "related_total")
    ]
    assert get(client, "/api/v1/related?q=退款 订单号&related=1")["related"] == [first]
    for asked in ("related=0", "sort=newest"):
        assert get(client, f"/api/v1/search?q=退款 订单号&{asked}")["related"] == []
