"""From a query string to a request, and back."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from kchat_search.fields import BY_NAME, FACETS, FALSE, NONE, PARAMETERS, TRUE
from kchat_search.models.search import SearchRequest
from kchat_search.serialization.links import export_url, pairs
from kchat_search.web.http.parameters import read_export, read_search
from tests.web.fake_service import FakeService

MAX = str(2**63 - 1)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", SearchRequest()),
        ("q=", SearchRequest()),
        ("q=退款", SearchRequest(q="退款")),
        (
            "agent_id=1&agent_id=2&agent_id=1&agent_id=none",
            SearchRequest(filters={"agent_id": ("1", "2", "none")}),
        ),
        (f"agent_id={MAX}", SearchRequest(filters={"agent_id": (MAX,)})),
        ("status=close&status=open", SearchRequest(filters={"status": ("close", "open")})),
        ("rating=满意&rating=0", SearchRequest(filters={"rating": ("满意", "0")})),
        (
            "visitor_id=547&user_id=45190",
            SearchRequest(filters={"visitor_id": ("547",), "user_id": ("45190",)}),
        ),
        (
            "started_by=visitor&type=chat",
            SearchRequest(filters={"started_by": ("visitor",), "type": ("chat",)}),
        ),
        ("has_upload=true", SearchRequest(filters={"has_upload": ("true",)})),
        ("has_upload=false", SearchRequest(filters={"has_upload": ("false",)})),
        (
            "start=2016-01-01&end=2016-02-29",
            SearchRequest(start="2016-01-01", end="2016-02-29"),
        ),
        ("start=2016-01-01T08:00:00Z", SearchRequest(start="2016-01-01T08:00:00Z")),
        # the plus of an offset, escaped and not escaped
        ("start=2016-01-01T08:00:00%2B08:00", SearchRequest(start="2016-01-01T08:00:00+08:00")),
        ("start=2016-01-01T08:00:00+08:00", SearchRequest(start="2016-01-01T08:00:00+08:00")),
        ("sort=oldest&page=100&per_page=100", SearchRequest(sort="oldest", page=100, per_page=100)),
        ("cursor=20", SearchRequest(cursor="20")),
        ("facets=agent_id,rating", SearchRequest(facets=("agent_id", "rating"))),
        ("facets=agent_id&facets=rating", SearchRequest(facets=("agent_id", "rating"))),
        ("facets=none", SearchRequest(facets=())),
        ("snippets=0", SearchRequest(snippets=0)),
    ],
)
def test_parameters_become_the_request_they_ask_for(
    client: FlaskClient, service: FakeService, query: str, expected: SearchRequest
) -> None:
    response = client.get(f"/api/v1/search?{query}")
    assert (response.status_code, service.asked) == (200, [expected])


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("x=1", "x"),
        ("Q=1", "Q"),
        ("lang=en", "lang"),
        ("q=a&q=b", "q"),
        ("page=1&page=2", "page"),
        ("start=2016-01-01&start=2016-01-01", "start"),
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=1.0", "page"),
        ("page=%201", "page"),
        ("page=1_0", "page"),
        ("page=٣", "page"),
        ("page=", "page"),
        ("page=99999999999999999999999", "page"),
        ("per_page=0", "per_page"),
        ("per_page=101", "per_page"),
        ("snippets=6", "snippets"),
        ("snippets=-1", "snippets"),
        ("related=51", "related"),
        ("related=-1", "related"),
        ("sort=best", "sort"),
        ("match=all", "match"),
        ("has_upload=yes", "has_upload"),
        ("has_upload=1", "has_upload"),
        ("agent_id=", "agent_id"),
        ("agent_id=1&agent_id=", "agent_id"),
        (f"agent_id={2**63}", "agent_id"),
        (f"visitor_id={10**30}", "visitor_id"),
        ("status=" + "x" * 201, "status"),
        ("start=2016-02-30", "start"),
        ("start=2016", "start"),
        ("said_start=2016", "said_start"),
        ("said_end=tomorrow", "said_end"),
        ("history=1", "history"),
        ("history=", "history"),
        ("start=yesterday", "start"),
        ("end=2016-01-01T25:00:00Z", "end"),
        ("end=2016-01-01T08:00:00", "end"),
        ("end=20160101", "end"),
        ("facets=agent", "facets"),
        ("facets=agent_id,,rating", "facets"),
        ("facets=none,rating", "facets"),
        ("cursor=a&page=2", "cursor"),
        ("cursor=", "cursor"),
    ],
)
def test_a_wrong_parameter_is_refused_by_its_name(
    client: FlaskClient, service: FakeService, query: str, parameter: str
) -> None:
    response = client.get(f"/api/v1/search?{query}")
    assert response.status_code == 400
    assert response.content_type == "application/problem+json"
    problem = response.get_json()
    assert problem["parameter"] == parameter
    assert parameter in problem["detail"]
    assert problem["detail"].isascii(), "the API is English by default"
    assert not service.asked


def test_pages_reach_ten_thousand_hits_and_the_refusal_names_the_cursor(
    client: FlaskClient,
) -> None:
    assert client.get("/api/v1/search?page=100&per_page=100").status_code == 200
    problem = client.get("/api/v1/search?page=501&per_page=20").get_json()
    assert (problem["status"], problem["limit"], problem["parameter"]) == (400, 10_000, "page")
    assert "cursor" in problem["detail"]


@pytest.mark.parametrize("text", ["x", "-1", "1.0", str(2**63), "9" * 5000, "٣", "%20"])
def test_a_chat_id_that_is_none_is_refused(client: FlaskClient, text: str) -> None:
    problem = client.get(f"/api/v1/chats/{text}").get_json()
    assert (problem["status"], problem["parameter"]) == (400, "id")
    assert client.get(f"/chats/{text}").status_code == 404


_values = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(
    lambda text: not (text.isascii() and text.isdigit())
)


def _filter(name: str) -> st.SearchStrategy[tuple[str, ...]]:
    field = BY_NAME[name]
    value = st.sampled_from([*field.labels, NONE]) if field.closed else _values
    value = st.sampled_from([TRUE, FALSE]) if field.flag else value
    most = 3 if field.repeatable else 1
    return st.lists(value, unique=True, min_size=1, max_size=most).map(tuple)


_requests = st.builds(
    SearchRequest,
    q=st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    filters=st.fixed_dictionaries({}, optional={name: _filter(name) for name in PARAMETERS}),
    start=st.none() | st.dates().map(str),
    end=st.none() | st.just("2016-01-01T08:00:00.5+08:00"),
    said_start=st.none() | st.dates().map(str),
    said_end=st.none() | st.just("2016-01-01T08:00:00.5+08:00"),
    history=st.booleans(),
    sort=st.sampled_from(["relevance", "newest", "oldest"]),
    page=st.integers(1, 100),
    per_page=st.integers(1, 100),
    facets=st.none() | st.lists(st.sampled_from(FACETS), unique=True).map(tuple),
    snippets=st.integers(0, 5),
    related=st.integers(0, 50),
)


@given(_requests)
def test_an_address_asks_for_the_search_it_was_made_from(request: SearchRequest) -> None:
    assert read_search(MultiDict(pairs(request))) == request


def test_links_of_the_answer_keep_every_parameter(client: FlaskClient) -> None:
    query = "q=包裹&agent_id=2192&agent_id=2193&facets=status&snippets=1&per_page=7&page=2"
    answer = client.get(f"/api/v1/search?{query}").get_json()
    asked = sorted(parse_qsl(query))
    for name, page in (("next", "3"), ("previous", "1")):
        linked = dict.fromkeys(parse_qsl(urlsplit(answer[name]).query))
        expected = [pair for pair in asked if pair[0] != "page"]
        assert sorted(pair for pair in linked if pair[0] != "page") == expected
        assert dict(linked).get("page", page) == page or ("page", page) in linked


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("page=1", "page"),
        ("per_page=20", "per_page"),
        ("cursor=x", "cursor"),
        ("facets=none", "facets"),
        ("snippets=0", "snippets"),
        ("related=0", "related"),
        ("match=all", "match"),
        ("sort=relevance", "sort"),
        ("format=xls", "format"),
        ("format=", "format"),
        ("format=csv&format=jsonl", "format"),
        ("q=a&q=b", "q"),
        ("q=" + "x" * 1001, "q"),
        ("agent_id=", "agent_id"),
        ("start=yesterday", "start"),
        ("lang=en", "lang"),
        ("x=1", "x"),
    ],
)
def test_what_an_export_does_not_know_is_refused_by_its_name(
    client: FlaskClient, query: str, parameter: str
) -> None:
    response = client.get(f"/api/v1/export?{query}")
    assert (response.status_code, response.content_type) == (400, "application/problem+json")
    assert response.get_json()["parameter"] == parameter
    assert "Content-Disposition" not in response.headers


def test_all_filters_of_a_search_are_filters_of_an_export() -> None:
    query = (
        "q=退款&agent_id=1&agent_id=none&agent_id=1&visitor_id=5&user_id=none&status=close"
        "&rating=满意&started_by=visitor&type=chat&has_upload=true&start=2016-01-01&end=2016-02-01"
        "&sort=newest&format=csv"
    )
    asked, form = read_export(MultiDict(parse_qsl(query)))
    assert form == "csv"
    assert asked == SearchRequest(
        q="退款",
        filters={
            "agent_id": ("1", "none"),
            "visitor_id": ("5",),
            "user_id": ("none",),
            "status": ("close",),
            "rating": ("满意",),
            "started_by": ("visitor",),
            "type": ("chat",),
            "has_upload": ("true",),
        },
        start="2016-01-01",
        end="2016-02-01",
        sort="newest",
    )
    assert read_export(MultiDict()) == (SearchRequest(sort="oldest"), "jsonl")


def test_an_address_of_an_export_asks_for_the_search_it_was_made_from() -> None:
    request = SearchRequest(
        q="退款", filters={"agent_id": ("1", "none"), "has_upload": ("false",)}, start="2016-01-01",
        sort="newest", page=3, per_page=50, facets=(), snippets=1, cursor=None,
    )  # fmt: skip
    asked, form = read_export(MultiDict(parse_qsl(urlsplit(export_url(request, "csv")).query)))
    assert form == "csv"
    assert asked == SearchRequest(
        q="退款", filters={"agent_id": ("1", "none"), "has_upload": ("false",)},
        start="2016-01-01", sort="newest",
    )  # fmt: skip


def test_no_address_has_a_number_that_no_database_takes(client: FlaskClient) -> None:
    rules = map(str, client.application.url_map.iter_rules())
    routes = [rule for rule in rules if "<int:" in rule]
    assert "/saved/<int:number>/remove" in routes
    for route in routes:
        codes = [
            client.post(re.sub("<int:.*?>", str(number), route)).status_code
            for number in (2**63 - 1, 2**63, 10**30)
        ]
        assert codes[0] != 404, route
        assert {404, 405} >= {*codes[1:]}, "no form is sent there"
