"""`/api/v1/audit`: who may read which rows, by which filters, in which form."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kchat_search.access.policy import permissions
from kchat_search.access.recorder import AuditRecorder
from kchat_search.access.store import SqlAccess
from kchat_search.models.audit import Action, AuditEntry, AuditFilter
from kchat_search.models.people import Principal, Role
from kchat_search.ports.access import Recorder
from kchat_search.web import create_app
from kchat_search.web.program import Program
from tests.access.world import Clock, Office, url_of
from tests.web.conftest import make_presentation
from tests.web.fake_service import FakeService
from tests.web.gates import OpenGate

ROLES: tuple[Role, ...] = ("agent", "compliance", "admin", "auditor", "metrics")


@dataclass(frozen=True)
class RecordingGate(OpenGate):
    """Behind it, there are people, and what they do is recorded."""

    people: SqlAccess

    @property
    def access(self) -> SqlAccess:
        return self.people

    def recorder(self, principal: Principal, address: str) -> Recorder:
        return AuditRecorder(self.people.audit, principal, address)

    def for_(
        self,
        principal: Principal,
        recorder: Recorder,
        *,
        pages: bool = False,
        again: Callable[[], Principal] | None = None,
    ) -> Program:
        del recorder, pages, again
        return FakeService([], make_presentation(), permissions=permissions(principal))


@dataclass
class Api:
    """The API, with a token of each role."""

    access: SqlAccess
    clock: Clock
    client: FlaskClient
    secrets: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)

    def get(self, role: str, **parameters: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.secrets[role]}"}
        return self.client.get("/api/v1/audit", query_string=parameters, headers=headers)

    def rows(self, role: str = "auditor", **parameters: Any) -> list[dict[str, Any]]:
        """Rows that others made."""
        answer = self.get(role, **parameters)
        assert answer.status_code == 200, answer.text
        return [row for row in answer.get_json()["rows"] if row["action"] != "audit"]

    def record(self, action: Action = "search", **other: Any) -> None:
        given: dict[str, Any] = {
            "principal": "person:9",
            "name": "Li.Lei",
            "address": "192.0.2.7",
            "count": 3,
        }
        self.access.audit.record(AuditEntry(action=action, **(given | other))).wait()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    office = Office(url_of(tmp_path / "access.sqlite3"))
    access = office.open()
    gate = RecordingGate(FakeService([], make_presentation()), access)
    made = Api(access, office.clock, create_app(gate, clock=office.clock).test_client())
    access.people.add("ada", ["admin"], password="correct horse battery")
    for role in ROLES:
        agent_id = "2192" if role == "agent" else None
        token, secret = access.tokens.add(role, [role], agent_id=agent_id)
        made.secrets[role], made.numbers[role] = secret, token.id
    yield made
    access.close()


def test_an_auditor_reads_all_rows_the_newest_first(api: Api) -> None:
    api.record(query="q=退款", object="")
    api.record("view", object="chat:290", query="")
    one, other = api.rows()
    assert (one["action"], one["object"], other["query"]) == ("view", "chat:290", "q=退款")
    assert one["number"] == other["number"] + 1
    assert other == {
        "number": 1, "at": "2026-03-02T17:00:00.000000+08:00", "clock": None,
        "principal": "person:9", "name": "Li.Lei", "address": "192.0.2.7", "action": "search",
        "object": "", "query": "q=退款", "count": 3, "numbers": 0, "erased": [],
        "hash": other["hash"],
    }  # fmt: skip


@pytest.mark.parametrize("role", ["agent", "compliance", "admin"])
def test_everybody_else_reads_their_own_rows_whatever_they_ask_for(api: Api, role: str) -> None:
    api.record()
    own = f"token:{api.numbers[role]}"
    api.record(principal=own, name=role)
    for parameters in ({}, {"who": "Li.Lei"}, {"who": "person:9"}, {"action": "search"}):
        for row in api.get(role, **parameters).get_json()["rows"]:
            assert row["principal"] == own
    assert [row["principal"] for row in api.rows(role)] == [own]
    file = api.get(role, format="jsonl").text
    assert {json.loads(line)["principal"] for line in file.splitlines()} == {own}


def test_who_has_no_such_permission_reads_none(api: Api) -> None:
    assert api.get("metrics").status_code == 403
    assert api.client.get("/api/v1/audit").status_code == 401


def test_reading_the_audit_is_recorded_in_it(api: Api) -> None:
    api.record()
    api.get("auditor", who="li.lei", action=["search", "view"], since="2026-03-02")
    (row,) = api.access.audit.rows(AuditFilter(actions=("audit",)))
    assert row.entry.principal == f"token:{api.numbers['auditor']}"
    assert (row.entry.count, row.entry.address) == (1, "127.0.0.1")
    assert row.entry.query == "since=2026-03-01T16:00:00+00:00&who=li.lei&action=search&action=view"


FILTERS: list[tuple[dict[str, Any], set[int]]] = [
    ({}, {1, 2, 3, 4}),
    ({"who": "li.lei"}, {1, 2}),
    ({"who": "LI.LEI"}, {1, 2}),
    ({"who": "li"}, set()),
    ({"who": "person:9"}, {1, 2}),
    ({"who": "韩梅梅"}, {3}),
    ({"who": "' OR 1=1 --"}, set()),
    ({"action": "view"}, {2, 4}),
    ({"action": ["view", "export"]}, {2, 3, 4}),
    ({"action": "view", "who": "li.lei"}, {2}),
    ({"object": "chat:290"}, {2, 4}),
    ({"object": "chat:29"}, set()),
    ({"numbers": "true"}, {1}),
    ({"numbers": "false"}, {1, 2, 3, 4}),
    ({"since": "2026-03-03"}, {3, 4}),
    ({"until": "2026-03-02"}, {1, 2}),
    ({"since": "2026-03-03", "until": "2026-03-03"}, {3, 4}),
    ({"since": "2026-03-02T17:00:00+08:00", "until": "2026-03-02T17:00:00+08:00"}, {1, 2}),
    ({"since": "2026-03-02T17:00:00.000001+08:00"}, {3, 4}),
]


def test_filters(api: Api) -> None:
    api.record(numbers=2)
    api.record("view", object="chat:290")
    api.clock.passes(days=1)
    api.record("export", principal="person:2", name="韩梅梅")
    api.record("view", principal="token:77", name="a program", object="chat:290")
    for parameters, numbers in FILTERS:
        assert {row["number"] for row in api.rows(**parameters)} == numbers, parameters


REFUSED: list[tuple[dict[str, str], str]] = [
    ({"action": "sing"}, "action"),
    ({"who": ""}, "who"),
    ({"since": "yesterday"}, "since"),
    ({"until": "2026-02-30"}, "until"),
    ({"cursor": "x"}, "cursor"),
    ({"cursor": "0"}, "cursor"),
    ({"per_page": "101"}, "per_page"),
    ({"format": "xlsx"}, "format"),
    ({"numbers": "1"}, "numbers"),
    ({"principal": "person:1"}, "principal"),
]


def test_what_cannot_be_asked_is_refused_by_its_name(api: Api) -> None:
    for parameters, name in REFUSED:
        answer = api.get("auditor", **parameters)
        assert (answer.status_code, answer.get_json()["parameter"]) == (400, name)


def test_pages_reach_every_row_once_while_rows_are_added(api: Api) -> None:
    for _ in range(7):
        api.record()
    seen: list[int] = []
    cursor: dict[str, Any] = {}
    while True:
        answer = api.get("auditor", action="search", per_page=3, **cursor).get_json()
        seen += [row["number"] for row in answer["rows"]]
        api.record()
        if answer["cursor"] is None:
            assert answer["next"] is None
            break
        assert f"cursor={answer['cursor']}" in answer["next"]
        assert "per_page=3" in answer["next"]
        cursor = {"cursor": answer["cursor"]}
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == len(set(seen)) == 7


def test_a_file_has_all_rows(api: Api) -> None:
    entries = [AuditEntry("person:1", "a", "", "search", query=f"q={n}") for n in range(1_203)]
    for ticket in [api.access.audit.record(entry) for entry in entries]:
        ticket.wait()  # there are more than are read at once
    answer = api.get("auditor", format="jsonl", action="search")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["query"] for line in lines] == [f"q={n}" for n in reversed(range(1_203))]
    assert answer.headers["X-Total-Count"] == "1203"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="kchat-audit-')
    assert answer.mimetype == "application/x-ndjson"


def test_no_cell_of_a_csv_file_is_a_formula(api: Api) -> None:
    for text in ('=HYPERLINK("http://x")', "+1", "-1", "@SUM(1)", "a,=1", "x\r\n=2", '"=3'):
        api.record(name=text, query=text, object=text)
    answer = api.get("auditor", format="csv")
    assert answer.mimetype == "text/csv"
    assert answer.text.startswith("\ufeff")
    head, *rows = csv.reader(io.StringIO(answer.text[1:], newline=""))
    assert head[:3] == ["number", "at", "clock"]
    assert len(rows) == 7
    for row in rows:
        for cell in row:
            assert not cell.startswith(tuple("=+-@")), cell
            assert ",=" not in cell
            assert "\n=" not in cell


def test_an_answer_that_cannot_be_recorded_is_not_given(api: Api) -> None:
    api.record()
    api.access.audit.close()
    answer = api.get("auditor")
    assert answer.status_code == 503
    assert "Li.Lei" not in answer.text
    assert api.get("auditor", format="csv").status_code == 503


def test_times_follow_the_clock_and_say_where_it_was_set_back(api: Api) -> None:
    api.record()
    api.clock.passes(hours=-3)
    api.record()
    later, _ = api.rows()
    assert later["at"] == "2026-03-02T17:00:00.000000+08:00"
    assert later["clock"] == "2026-03-02T14:00:00.000000+08:00"
    for hour in ("14", "17"):
        found = api.rows(since=f"2026-03-02T{hour}:00:00Z".replace("Z", "+08:00"))
        assert later["number"] in [row["number"] for row in found]
    before = datetime(2026, 3, 2, 7, 0, tzinfo=UTC) + timedelta(0)
    assert later["number"] in [row["number"] for row in api.rows(until=before.isoformat())]
