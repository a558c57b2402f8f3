"""The OpenAPI document says what the API does."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from kchat_search.models.search import (
    MAX_HITS_BY_PAGE,
    MAX_PER_PAGE,
    MAX_QUERY_CHARACTERS,
    MAX_RELATED,
    MAX_SNIPPETS,
)
from kchat_search.serialization.export_table import NAMES
from kchat_search.serialization.workbook import TYPE as XLSX
from kchat_search.web.http.parameters import REPEATABLE, ExportParameters, SearchParameters
from tests.web.markup import Page


@pytest.fixture
def document(client: FlaskClient) -> Any:
    return client.get("/openapi.json").get_json()


def test_the_description_names_every_route_of_the_api(client: FlaskClient, document: Any) -> None:
    routes = {
        rule.rule.replace("<chat_id>", "{id}")
        for rule in client.application.url_map.iter_rules()
        if rule.endpoint.startswith("api.")
    }
    assert set(document["paths"]) == routes
    assert document["openapi"] == "3.1.0"


def test_the_description_names_every_parameter_of_a_search(document: Any) -> None:
    parameters = {p["name"]: p for p in document["paths"]["/api/v1/search"]["get"]["parameters"]}
    assert list(parameters) == list(SearchParameters.model_fields)
    for name, parameter in parameters.items():
        assert parameter["description"]
        assert (parameter["schema"]["type"] == "array") == (name in REPEATABLE)
        assert "anyOf" not in parameter["schema"]
    page, per_page = parameters["page"]["schema"], parameters["per_page"]["schema"]
    assert (page["minimum"], page["default"]) == (1, 1)
    assert (per_page["minimum"], per_page["maximum"], per_page["default"]) == (1, 100, 20)
    assert parameters["sort"]["schema"]["enum"] == ["relevance", "newest", "oldest"]
    assert parameters["facets"]["explode"] is False
    assert parameters["agent_id"]["explode"] is True


def test_an_export_is_described_with_its_formats_and_its_count(document: Any) -> None:
    described = document["paths"]["/api/v1/export"]["get"]
    parameters = {p["name"]: p for p in described["parameters"]}
    assert list(parameters) == list(ExportParameters.model_fields)
    assert not {"page", "per_page", "cursor", "facets", "snippets"} & set(parameters)
    assert parameters["sort"]["schema"]["enum"] == ["oldest", "newest"]
    assert parameters["format"]["schema"]["enum"] == ["jsonl", "csv", "xlsx"]
    answer = described["responses"]["200"]
    assert set(answer["content"]) == {"application/x-ndjson", "text/csv", XLSX}
    assert set(answer["headers"]) == {"X-Total-Count", "X-Coverage-Complete"}
    for column in NAMES:
        assert f"`{column}`" in described["description"]


def test_the_description_names_the_limits(document: Any) -> None:
    described = {
        one["name"]: one for one in document["paths"]["/api/v1/search"]["get"]["parameters"]
    }
    assert f"at most {MAX_QUERY_CHARACTERS:,} characters" in described["q"]["description"]
    assert described["q"]["schema"]["maxLength"] == MAX_QUERY_CHARACTERS
    assert f"{MAX_HITS_BY_PAGE:,} hits" in described["page"]["description"]
    assert described["per_page"]["schema"]["maximum"] == MAX_PER_PAGE
    assert described["snippets"]["schema"]["maximum"] == MAX_SNIPPETS
    assert described["related"]["schema"]["maximum"] == MAX_RELATED


def test_the_description_names_both_parameters_of_the_rejects(document: Any) -> None:
    described = document["paths"]["/api/v1/rejects"]["get"]["parameters"]
    bounds = {p["name"]: (p["schema"]["minimum"], p["schema"]["default"]) for p in described}
    assert bounds == {"page": (1, 1), "per_page": (1, 20)}


def references(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if "$ref" in node else set()
        return own.union(*(references(value) for value in node.values()))
    if isinstance(node, list):
        return set().union(*(references(value) for value in node))
    return set()


def test_every_reference_leads_to_a_schema_and_every_schema_is_used(document: Any) -> None:
    schemas = document["components"]["schemas"]
    assert references(document) == {f"#/components/schemas/{name}" for name in schemas}


def test_what_is_sent_is_what_is_described(client: FlaskClient, document: Any) -> None:
    answers = {
        "SearchJson": client.get("/api/v1/search?q=退款"),
        "RelatedJson": client.get("/api/v1/related?q=退款 订单号"),
        "ChatJson": client.get("/api/v1/chats/290"),
        "SimilarJson": client.get("/api/v1/chats/290/similar"),
        "VersionsJson": client.get("/api/v1/chats/290/versions"),
        "StatusJson": client.get("/api/v1/status"),
        "RejectsJson": client.get("/api/v1/rejects"),
        "AgentsJson": client.get("/api/v1/agents"),
        "LifeJson": client.get("/healthz"),
        "ReadyJson": client.get("/readyz"),
    }
    for name, answer in answers.items():
        described = document["components"]["schemas"][name]
        assert set(answer.get_json()) == set(described["properties"])
        # What not everybody may see is not always there.
        assert set(described["required"]) >= set(answer.get_json()) - {"took_ms", "alerts"}


def test_the_page_of_the_description_needs_no_other_host(client: FlaskClient) -> None:
    page = Page(client.get("/docs").text)
    assert page.faults == []
    for tag, known in page.tags:
        if tag in ("script", "link"):
            assert (known.get("src") or known.get("href", "")).startswith("/static/")
    assert "per_page" in page.text
    assert "SnippetJson" in page.ids
