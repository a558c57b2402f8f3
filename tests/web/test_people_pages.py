"""The pages for administrators: people and all tokens."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from kchat_search.models.audit import AuditEntry
from tests.web.browsing import Browser, form
from tests.web.doors import WORDS, Doors, signed_in

NEW = "three more words"
PATHS = ["/people", "/people/1", "/people/1/remove", "/tokens"]


def number(doors: Doors, name: str) -> int:
    return doors.access.people.person(name).id


def last(doors: Doors) -> AuditEntry:
    return doors.recorded[-1]


@pytest.fixture
def admin(app: Flask) -> Browser:
    return signed_in(app, "ada")


@pytest.mark.parametrize("name", ["lilei", "cora", "otto"])
@pytest.mark.parametrize("path", PATHS)
def test_only_administrators_see_the_pages_of_people(app: Flask, name: str, path: str) -> None:
    page = signed_in(app, name).open(path, 403)
    assert "没有权限" in page.text
    assert "需要以下角色之一：管理员。" in page.text
    assert "「people」" not in page.text, "no words of the program"
    assert {"/account"} <= {link["href"] for link in page.links}, "a way on"


def test_a_person_is_added_and_can_log_in(app: Flask, doors: Doors, admin: Browser) -> None:
    admin.open("/people")
    page = admin.send("/people", name="韩梅梅", role=["agent"], agent_id="2193", password=NEW)
    assert "已添加「韩梅梅」" in page.text
    assert "韩梅梅 #2193" in page.text
    entry = last(doors)
    assert (entry.action, entry.object) == ("person_added", f"person:{number(doors, '韩梅梅')}")
    assert "roles=agent" in entry.query
    assert NEW not in str(doors.recorded)
    browser = Browser(app)
    browser.log_in("韩梅梅", NEW)
    assert browser.path == "/"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "ADA"}, "name"),
        ({"name": "аda"}, "name"),
        ({"name": "a b"}, "name"),
        ({"password": ""}, "password"),
        ({"password": "short"}, "password"),
        ({"password": "x" * 1001}, "password"),
        ({"role": []}, "role"),
        ({"role": ["metrics"]}, "role"),
        ({"role": ["owner"]}, "role"),
    ],
)
def test_a_person_that_can_not_be_added_says_why_in_one_language(
    doors: Doors, admin: Browser, changed: dict[str, Any], field: str
) -> None:
    given = {"name": "mei", "role": ["agent"], "agent_id": "2193", "password": NEW} | changed
    before = doors.access.people.everybody()
    admin.open("/people")
    page = admin.send("/people", 400, **given)
    wrong = {one["name"]: one for one in page.fields if one.get("aria-invalid")}
    assert set(wrong) == {field}
    said = page.text[page.text.index("⚠") :].split("。")[0]
    assert any("\u4e00" <= c <= "\u9fff" for c in said), said
    assert doors.access.people.everybody() == before
    assert form(page, "/people")["agent_id"] == "2193", "what was right need not be typed again"
    assert f'value="{NEW}"' not in admin.response.text


def test_the_agents_of_kchat_are_offered_by_name(admin: Browser) -> None:
    page = admin.open("/people")
    offered = {known["value"] for tag, known in page.tags if tag == "option" and known["value"]}
    assert {"2192", "2193"} <= offered
    assert "李雷" in page.text


def test_roles_and_agent_are_changed(app: Flask, doors: Doors, admin: Browser) -> None:
    theirs = signed_in(app, "cora")
    who = number(doors, "cora")
    admin.open(f"/people/{who}")
    admin.send(f"/people/{who}/roles", role=["agent"], agent_id="2193")
    assert "已保存" in admin.page.text
    person = doors.access.people.person("cora")
    assert (set(person.roles), person.agent_id) == ({"agent"}, "2193")
    assert (last(doors).action, last(doors).object) == ("person_changed", f"person:{who}")
    theirs.open("/account")
    assert theirs.path.startswith("/login"), "a role less ends what had it"


def test_a_new_password_ends_every_log_in(app: Flask, doors: Doors, admin: Browser) -> None:
    theirs = signed_in(app, "cora")
    who = number(doors, "cora")
    admin.open(f"/people/{who}")
    admin.send(f"/people/{who}/password", password=NEW)
    assert last(doors).action == "password_changed"
    assert NEW not in str(doors.recorded)
    theirs.open("/account")
    assert theirs.path.startswith("/login")
    theirs.log_in("cora", NEW)


def test_log_ins_of_a_person_are_ended(app: Flask, doors: Doors, admin: Browser) -> None:
    theirs = signed_in(app, "cora")
    who = number(doors, "cora")
    admin.open(f"/people/{who}")
    assert "已结束 1 个登录" in admin.send(f"/people/{who}/sessions/end").text
    assert last(doors).action == "session_ended"
    theirs.open("/account")
    assert theirs.path.startswith("/login")


def test_an_account_is_disabled_and_enabled(app: Flask, doors: Doors, admin: Browser) -> None:
    theirs = signed_in(app, "cora")
    who = number(doors, "cora")
    admin.open(f"/people/{who}")
    admin.send(f"/people/{who}/disable")
    assert doors.access.people.person("cora").disabled
    assert last(doors).action == "person_changed"
    theirs.open("/account")
    assert theirs.path.startswith("/login")
    theirs.log_in("cora", WORDS, status=401)
    admin.send(f"/people/{who}/enable")
    assert not doors.access.people.person("cora").disabled
    theirs.log_in("cora", WORDS)


def test_an_account_is_removed_in_two_steps(doors: Doors, admin: Browser) -> None:
    who = number(doors, "cora")
    page = admin.open(f"/people/{who}/remove")
    assert "不能恢复" in page.text
    assert number(doors, "cora") == who
    admin.send(f"/people/{who}/remove")
    assert "已移除「cora」" in admin.page.text
    assert (last(doors).action, last(doors).object) == ("person_removed", f"person:{who}")
    assert "cora" not in [one.name for one in doors.access.people.everybody()]
    admin.open(f"/people/{who}", 404)


def test_a_removal_without_its_second_step_removes_nobody(doors: Doors, admin: Browser) -> None:
    who = number(doors, "cora")
    data = form(admin.open("/people"), "/logout")
    answer = admin.client.post(f"/people/{who}/remove", data=data)
    assert answer.status_code == 200
    assert "移除「cora」？" in answer.text
    assert number(doors, "cora") == who


@pytest.mark.parametrize("what", ["disable", "roles", "remove"])
def test_an_administrator_is_warned_before_locking_everybody_out(
    doors: Doors, admin: Browser, what: str
) -> None:
    who = number(doors, "ada")
    action = f"/people/{who}/{what}"
    admin.open(f"/people/{who}/remove" if what == "remove" else f"/people/{who}")
    if what == "roles":
        admin.send(action, role=["auditor"])
    elif what == "disable":
        admin.send(action)
    assert "这是您自己的账号" in admin.page.text
    assert "最后一个可用的管理员" in admin.page.text
    person = doors.access.people.person("ada")
    assert person.roles == {"admin"}, "nothing has happened yet"
    assert not person.disabled
    if what == "remove":
        data = form(admin.page, action)
        answer = admin.client.post(action, data=data)
        assert answer.status_code == 303
        assert "ada" not in [one.name for one in doors.access.people.everybody()]
        return
    data = form(admin.page, action)
    assert admin.client.post(action, data=data).status_code == 303
    person = doors.access.people.person("ada")
    assert person.disabled or person.roles == {"auditor"}


def test_another_administrator_is_no_risk(doors: Doors, admin: Browser) -> None:
    doors.access.people.add("second-admin", ["admin"], password=WORDS)
    who = number(doors, "second-admin")
    admin.open(f"/people/{who}")
    admin.send(f"/people/{who}/disable")
    assert doors.access.people.person("second-admin").disabled
    # of whom is left, one is disabled: the warning counts those who can do something
    admin.open(f"/people/{number(doors, 'ada')}")
    admin.send(f"/people/{number(doors, 'ada')}/disable")
    assert "最后一个可用的管理员" in admin.page.text


def test_tokens_of_everybody_are_listed_made_and_revoked(
    app: Flask, doors: Doors, admin: Browser
) -> None:
    doors.access.tokens.add("of-cora", ["compliance"], owner="cora")
    page = admin.open("/tokens")
    assert "of-cora" in page.text
    page = admin.send("/tokens", name="prometheus", role=["metrics"], expires="never")
    token = doors.access.tokens.everything()[0]
    assert (token.name, token.owner, token.expires_at) == ("prometheus", None, None)
    assert token.prefix in page.text
    assert "再也看不到" in page.text
    assert last(doors).action == "token_added"
    admin.open("/tokens")
    admin.send(f"/tokens/{token.id}/revoke")
    assert (last(doors).action, last(doors).object) == ("token_revoked", f"token:{token.id}")


def test_no_token_has_more_than_its_owner(doors: Doors, admin: Browser) -> None:
    admin.open("/tokens")
    page = admin.send("/tokens", 400, name="x", owner="lilei", role=["admin"], expires="7")
    assert {one["name"] for one in page.fields if one.get("aria-invalid")} == {"role"}
    assert doors.access.tokens.everything() == ()
    data = form(page, "/tokens") | {"owner": "nobody-is-called-so", "role": ["agent"]}
    assert admin.client.post("/tokens", data=data).status_code == 400


@pytest.mark.parametrize(
    ("action", "then"),
    [("person_added", lambda doors: [one.name for one in doors.access.people.everybody()])],
)
def test_a_change_that_can_not_be_recorded_does_not_stand(
    doors: Doors, admin: Browser, action: str, then: Any
) -> None:
    admin.open("/people")
    before = then(doors)
    doors.disk_full = True
    page = admin.send("/people", 503, name="mei", role=["agent"], password=NEW)
    assert "无法写入审计记录" in page.text
    assert then(doors) == before
    who = number(doors, "cora")
    doors.disk_full = False
    admin.open(f"/people/{who}")
    doors.disk_full = True
    admin.send(f"/people/{who}/roles", 503, role=["admin"])
    assert doors.access.people.person("cora").roles == {"compliance"}
