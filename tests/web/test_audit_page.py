"""The page of the audit."""

from __future__ import annotations

import pytest
from flask import Flask

from kchat_search.models.audit import AuditEntry
from kchat_search.models.people import Principal
from kchat_search.web.pages.audit import TOO_MANY
from tests.web.browsing import Browser
from tests.web.doors import Doors, signed_in


@pytest.fixture
def auditor(app: Flask) -> Browser:
    return signed_in(app, "otto")


def record(doors: Doors, **other: object) -> None:
    given: dict[str, object] = {
        "principal": "person:99", "name": "mallory", "address": "192.0.2.66", "action": "search",
    }  # fmt: skip
    doors.access.audit.record(AuditEntry(**(given | other))).wait()  # type: ignore[arg-type]  # made by hand


def test_an_auditor_lands_on_the_audit_and_reads_all_rows(auditor: Browser, doors: Doors) -> None:
    assert auditor.path == "/audit"
    record(doors, query="q=退款 <b>", count=12)
    record(doors, action="view", object="chat:290")
    page = auditor.open("/audit")
    for text in ("mallory", "person:99", "192.0.2.66", "q=退款 <b>", "chat:290", "查看对话"):
        assert text in page.text, text
    assert page.text.index("chat:290") < page.text.index("q=退款")
    assert (doors.recorded[-1].action, doors.recorded[-1].count) == ("audit", 2)


@pytest.mark.parametrize("name", ["lilei", "cora", "ada"])
def test_everybody_else_reads_their_own_rows(app: Flask, doors: Doors, name: str) -> None:
    browser = signed_in(app, name)
    record(doors, query="q=foreign")
    own = f"person:{doors.access.people.person(name).id}"
    record(doors, principal=own, name=name, query="q=own")
    for path in ("/audit", "/audit?who=mallory", "/audit?who=person%3A99"):
        page = browser.open(path)
        assert "foreign" not in page.text
        assert "person:99" not in page.text
    assert "q=own" in browser.open("/audit").text
    assert "/audit" in {link["href"] for link in browser.page.links}


def test_who_may_be_trying_out_numbers_stands_out(auditor: Browser, doors: Doors) -> None:
    record(doors, numbers=1)
    assert "可能在试号码" not in auditor.open("/audit").text
    for _ in range(TOO_MANY - 1):
        record(doors, numbers=1)
    page = auditor.open("/audit")
    assert "可能在试号码" in page.text
    assert "/audit?who=person%3A99&numbers=true" in {link["href"] for link in page.links}
    doors.clock.pass_(days=30)
    assert "最近 7 天查询完整号码的人" not in signed_in(doors.app(), "otto").open("/audit").text


def test_only_an_auditor_is_shown_who_looks_up_numbers(app: Flask, doors: Doors) -> None:
    record(doors, numbers=TOO_MANY)
    for name in ("lilei", "cora", "ada"):
        assert "mallory" not in signed_in(app, name).open("/audit").text


def test_filters_are_in_the_address_without_empty_fields(auditor: Browser, doors: Doors) -> None:
    record(doors, query="q=one")
    record(doors, action="view", object="chat:7")
    page = auditor.open("/audit?since=&until=&who=MALLORY&action=view&object=")
    assert auditor.path == "/audit?who=MALLORY&action=view"
    assert "chat:7" in page.text
    assert "q=one" not in page.text
    files = {link["href"] for link in page.links if link["href"].startswith("/api/v1/audit")}
    assert "/api/v1/audit?who=MALLORY&action=view&format=csv" in files
    auditor.open("/audit?action=sing", 400)
    auditor.open("/audit?since=yesterday", 400)


def test_pages_lead_to_every_row(auditor: Browser, doors: Doors) -> None:
    for number in range(7):
        record(doors, query=f"q=row{number}")
    page = auditor.open("/audit?per_page=3")
    seen = ""
    while True:
        seen += page.text
        older = [link["href"] for link in page.links if link.get("rel") == "next"]
        if not older:
            break
        page = auditor.open(older[0])
    assert all(f"q=row{number}" in seen for number in range(7))
    assert "/audit?per_page=3" in {link["href"] for link in page.links}, "back to the newest"


def test_an_erased_text_and_a_clock_that_was_set_back_are_said(
    auditor: Browser, doors: Doors
) -> None:
    record(doors, query="q=secret")
    doors.access.audit.erase(1, "asked for", Principal("owner", "owner", "root"))
    doors.clock.pass_(hours=-5)
    record(doors)
    page = auditor.open("/audit")
    assert "已依法删除" in page.text
    assert "时钟显示" in page.text
    assert "secret" not in page.text


def test_what_cannot_be_recorded_is_not_shown(auditor: Browser, doors: Doors) -> None:
    record(doors)
    doors.disk_full = True
    assert "mallory" not in auditor.open("/audit", 503).text


def test_nobody_is_led_to_the_log_in(app: Flask) -> None:
    answer = app.test_client().get("/audit")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login?next=")
