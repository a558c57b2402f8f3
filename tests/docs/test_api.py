"""docs/api.md: endpoints, parameters, examples, errors are those of the program."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from pathlib import Path
from typing import Any, get_args
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydantic import BaseModel, TypeAdapter
from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12

from kchat_search.fields import FACETS
from kchat_search.models.reports import AlertCode
from kchat_search.models.search import NoteCode
from kchat_search.serialization import audit_schemas, schemas, search_schemas, status_schemas
from kchat_search.web.api import export_places
from kchat_search.web.http import audit_parameters, parameters, problems
from kchat_search.web.http.api_paths import API_PATHS
from kchat_search.web.server import refusals
from tests.docs import documents
from tests.docs.documents import ALL, asked, codes, curls, rows, text
from tests.web.conftest import make_app, make_presentation
from tests.web.fake_service import FakeService

API = text("docs/api.md")
HERE = "http://127.0.0.1:5080"


@pytest.fixture(scope="module")
def app() -> Flask:
    return make_app(FakeService([], make_presentation()))


@pytest.fixture(scope="module")
def web(app: Flask) -> FlaskClient:
    return app.test_client()


def test_every_endpoint_is_told_and_no_other(app: Flask) -> None:
    told = {
        code.removeprefix("GET ") for cells in rows(API, "endpoint") for code in codes(cells[0])
    }
    rules = {re.sub(r"<(\w+_)?id>", "{id}", rule.rule) for rule in app.url_map.iter_rules()}
    programs = {rule for rule in rules if rule.startswith(API_PATHS)}
    assert told == programs
    for code in codes(documents.prose(ALL)):
        if re.match(r"/(?!apiv2|etc/|opt/|tmp\b|var/)\S", code):
            known = code.rstrip("/") in rules or any(r.startswith(code + "/") for r in rules)
            assert known or code.startswith("/demo"), code


def table_of(heading: str) -> set[str]:
    """The parameters in the table below a heading."""
    section = API.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return {code for cells in rows(section, "parameter") for code in codes(cells[0])}


@pytest.mark.parametrize(
    ("heading", "model", "but"),
    [
        ("Search", parameters.SearchParameters, set[str]()),
        ("Related chats", parameters.RelatedParameters, set(parameters.WhichChats.model_fields)),
        ("Similar chats", parameters.SimilarParameters, set[str]()),
        ("Hot questions", parameters.HotParameters, set[str]()),
        ("Export", parameters.ExportParameters, set(parameters.WhichChats.model_fields)),
        ("Audit", audit_parameters.AuditParameters, set[str]()),
    ],
)
def test_the_parameters_are_those_of_the_api(
    heading: str, model: type[BaseModel], but: set[str]
) -> None:
    assert table_of(heading) | but == set(model.model_fields)


def test_the_facets_are_those_of_the_engine() -> None:
    section = " ".join(API.split("The facets are ")[1].split("\n\n")[0].split())
    assert tuple(codes(section)) == FACETS


def test_the_codes_of_notes_are_the_programs() -> None:
    assert [codes(cells[0])[0] for cells in rows(API, "code")] == list(get_args(NoteCode))


def test_the_alerts_are_the_programs() -> None:
    assert [codes(cells[0])[0] for cells in rows(API, "alert")] == list(get_args(AlertCode))


def test_the_kinds_of_errors_are_the_programs() -> None:
    source = Path(problems.__file__).read_text("utf-8")
    for status, kind, _ in rows(API, "status"):
        assert HTTPStatus(int(status))
        assert f'"{codes(kind)[0]}"' in source
    own = {value.kind for value in vars(refusals).values() if isinstance(value, refusals.Refusal)}
    assert all(f"`{kind}`" in API for kind in own)
    told = {codes(cells[1])[0] for cells in rows(API, "status")}
    assert {kind for _, _, kind in problems._KINDS} <= told


class LongWork(TypedDict):
    """A part of the status."""

    reading: status_schemas.ReadingJson
    rebuild: status_schemas.RebuildJson


@pytest.mark.parametrize(
    ("place", "form"),
    [
        (0, search_schemas.SearchJson),
        (1, LongWork),
        (2, schemas.MeJson),
        (3, audit_schemas.AuditJson),
        (4, schemas.ReadyJson),
        (5, schemas.ProblemJson),
    ],
    ids=["search", "status", "me", "audit", "ready", "error"],
)
def test_the_examples_have_the_form_of_the_answers(place: int, form: Any) -> None:
    example = json.loads(documents.blocks(API, "json")[place])
    read_back = TypeAdapter(form).validate_python(example)
    assert json.loads(json.dumps(read_back)) == example


@pytest.mark.parametrize("call", curls(":5080"), ids=" ".join)
def test_what_curl_asks_of_the_api_is_answered(call: list[str], web: FlaskClient) -> None:
    method, address, data = asked(call)
    pairs = [(one.partition("=")[0], one.partition("=")[2]) for one in data]
    path = urlsplit(address).path
    answer = web.open(path, method=method, query_string=pairs, base_url=HERE)
    # An example's chat need not be among those of the test.
    assert answer.status_code in ((200, 404) if "/chats/" in path else (200,)), answer.text
    assert answer.status_code == 200 or "There is no chat" in answer.text
    assert parse_qsl(urlsplit(address).query) == []


def test_as_many_exports_run_at_once_as_is_said() -> None:
    assert (export_places.AT_ONCE, export_places.OF_ONE_CLIENT) == (4, 3)
    assert "At most four exports run at once in one web process, and at most three of one" in API
