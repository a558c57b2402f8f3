"""What a chat said before, over HTTP."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import TypeAdapter

from kchat_search.chats.history import History, StoredVersions
from kchat_search.models.chats import StoredVersion
from kchat_search.models.damage import DamagedRow
from kchat_search.serialization import history as serialized_history
from kchat_search.serialization import schemas
from kchat_search.serialization.history import versions_json
from kchat_search.serialization.links import Links
from tests.web.chats import grown
from tests.web.fake_service import FakeService

API = "/api/v1/chats/290/versions"

pytestmark = pytest.mark.usefixtures("past")


def test_one_version_can_be_asked_for_and_whole_chats_left_out(client: FlaskClient) -> None:
    everything = client.get(API).get_json()["versions"]
    one = client.get(f"{API}?version=3").get_json()
    assert one["versions"] == everything[2:]
    assert one["links"]["self"].endswith("/versions?version=3")
    slim = client.get(f"{API}?full=false").get_json()
    TypeAdapter(schemas.VersionsJson).validate_python(slim, extra="forbid")
    assert slim["versions"] == [
        {name: value for name, value in each.items() if name != "chat"} for each in everything
    ]
    assert client.get(f"{API}?full=true").get_json()["versions"] == everything


@pytest.mark.parametrize(
    ("path", "status", "parameter"),
    [
        ("/api/v1/chats/5/versions", 404, None),
        ("/api/v1/chats/x/versions", 400, "id"),
        (f"{API}?version=4", 404, None),
        (f"{API}?version=0", 404, None),
        (f"{API}?version=x", 400, "version"),
        (f"{API}?version=-1", 400, "version"),
        (f"{API}?version=1&version=2", 400, "version"),
        (f"{API}?full=1", 400, "full"),
        (f"{API}?page=0", 400, "page"),
        (f"{API}?per_page=101", 400, "per_page"),
        (f"{API}?version=1&page=1", 400, "page"),
        (f"{API}?version=1&per_page=1", 400, "per_page"),
        (f"{API}?q=1", 400, "q"),
        ("/chats/5/versions", 404, None),
        ("/chats/x/versions", 404, None),
        ("/chats/290/versions?version=x", 400, None),
        ("/chats/290/versions?offset=x", 400, None),
    ],
)
def test_what_can_not_be_asked_is_refused(
    client: FlaskClient, path: str, status: int, parameter: str | None
) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    if parameter:
        assert answer.get_json()["parameter"] == parameter


def test_versions_that_did_not_change_are_not_sent_again(
    client: FlaskClient, past: list[dict[str, Any]]
) -> None:
    for path in (API, "/chats/290/versions"):
        tag = client.get(path).headers["ETag"]
        headers = {"If-None-Match": tag}
        assert client.get(path, headers=headers).status_code == 304
        past.append(past[0])
        assert client.get(path, headers=headers).status_code == 200


def test_too_much_for_one_answer_is_refused_and_can_be_had_in_parts(
    client: FlaskClient, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.past[290] = grown(9)
    monkeypatch.setattr(serialized_history, "MAX_CHARACTERS", 500)
    refused = client.get(API)
    assert refused.status_code == 400
    problem = refused.get_json()
    assert (problem["parameter"], problem["limit"]) == ("full", 500)
    assert "full=false" in problem["detail"]
    assert len(client.get(f"{API}?full=false").get_json()["versions"]) == 9
    monkeypatch.setattr(serialized_history, "MAX_DIFFERENCES", 7)
    assert client.get(f"{API}?full=false").get_json()["parameter"] == "version"
    assert len(client.get(f"{API}?version=9").get_json()["versions"][0]["chat"]["messages"]) == 9


@pytest.mark.parametrize("per_page", [1, 4, 20, 100])
def test_all_pages_together_have_every_version_once(
    client: FlaskClient, service: FakeService, per_page: int
) -> None:
    service.past[290] = grown(41)
    found: list[Any] = []
    path, pages = f"{API}?per_page={per_page}&full=false", []
    while path:
        answer = client.get(path).get_json()
        TypeAdapter(schemas.VersionsJson).validate_python(answer, extra="forbid")
        assert (answer["total"], answer["per_page"]) == (41, per_page)
        assert len(answer["versions"]) <= per_page
        found += answer["versions"]
        pages.append(answer)
        path = answer["next"]
    assert [one["version"] for one in found] == list(range(1, 42))
    assert all(one["changes"] and "chat" not in one for one in found[1:])
    assert [page["page"] for page in pages] == list(range(1, len(pages) + 1))
    assert pages[0]["previous"] is None
    for before, after in pairwise(pages):
        assert after["previous"] == before["links"]["self"]
    assert client.get(f"{API}?page=1000").get_json()["versions"] == []


def test_only_what_is_asked_for_is_read(client: FlaskClient, service: FakeService) -> None:
    service.past[290] = grown(60)
    read: list[int] = []
    every = service.versions(290)

    def load(number: int) -> tuple[StoredVersion | DamagedRow, ...]:
        read.append(number)
        return every[number - 1 : number]

    history = History(StoredVersions(60, load), service.history(290)._reading)
    zone, links = service.presentation.zone, Links("http://localhost/", None)
    answer = versions_json(290, history, zone, links, part=(3, 5))
    assert [one["version"] for one in answer["versions"]] == [11, 12, 13, 14, 15]
    assert sorted(set(read)) == list(range(10, 17))  # and the neighbours
    assert len(read) == 7


def test_the_example_of_the_description_is_true(client: FlaskClient, service: FakeService) -> None:
    path = client.get("/openapi.json").get_json()["paths"]["/api/v1/chats/{id}/versions"]["get"]
    example = path["responses"]["200"]["content"]["application/json"]["example"]
    TypeAdapter(schemas.VersionsJson).validate_python(example, extra="forbid")
    assert [one["name"] for one in path["parameters"]] == [
        "id", "version", "page", "per_page", "full",
    ]  # fmt: skip
    service.past[290] = [one["chat"] for one in example["versions"]]
    answer = client.get(API).get_json()
    for sent, shown in zip(answer["versions"], example["versions"], strict=True):
        assert (sent["chat"], sent["changes"]) == (shown["chat"], shown["changes"])
