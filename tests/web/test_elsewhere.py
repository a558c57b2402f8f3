"""Signing in and out with a provider of OpenID Connect, as a browser does it: the provider answers
over loopback, people are in a real database, the clock is set by hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from html import unescape
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kchat_search.access.policy import permissions
from kchat_search.access.recorder import AuditRecorder
from kchat_search.access.sign_in_codes import new_code
from kchat_search.errors import BadRequest
from kchat_search.models.audit import AuditFilter
from kchat_search.models.people import Entrance, Principal
from kchat_search.models.reports import Presentation
from kchat_search.oidc.sign_in import ProviderSignIn
from kchat_search.ports.access import Recorder
from kchat_search.web import create_app
from kchat_search.web.program import Program
from tests.oidc.conftest import client_of, people_at
from tests.oidc.hostile_provider import Clock, HostileProvider, as_json, running
from tests.web import chats
from tests.web.conftest import make_presentation
from tests.web.fake_service import FakeService
from tests.web.markup import Page

PASSWORD = "four words of mine"


@dataclass
class Doors:
    """A gate before a fake service, with real people and a provider."""

    service: FakeService
    clock: Clock
    access: Any = None
    elsewhere: ProviderSignIn | None = None
    entrance: Entrance = field(default_factory=Entrance)

    def now(self) -> datetime:
        """By the clock of the present test."""
        return self.clock()

    @property
    def presentation(self) -> Presentation:
        return replace(self.service.presentation, entrance=self.entrance)

    def recorder(self, principal: Principal, address: str) -> Recorder:
        return AuditRecorder(self.access.audit, principal, address)

    def for_(
        self,
        principal: Principal,
        recorder: Recorder,
        *,
        pages: bool = False,
        again: Callable[[], Principal] | None = None,
    ) -> Program:
        del recorder, pages, again
        return replace(self.service, permissions=permissions(principal))


@dataclass
class World:
    there: HostileProvider
    doors: Doors
    app: Flask

    def browser(self, **entrance: Any) -> Browser:
        if entrance:
            self.doors.entrance = Entrance(**entrance)
            self.app = create_app(self.doors, clock=self.there.clock)
        return Browser(self, self.app.test_client())

    def rows(self) -> list[tuple[str, str, str, str]]:
        rows = self.doors.access.audit.rows(AuditFilter())
        entries = [row.entry for row in reversed(rows)]
        return [(entry.action, entry.name, entry.object, entry.query) for entry in entries]


@dataclass
class Browser:
    """Somebody's browser, without JavaScript."""

    world: World
    client: FlaskClient
    base: str = "http://localhost"

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(path, base_url=self.base, **more)

    def token(self, page: str = "/login") -> dict[str, str]:
        """The token of the forms on a page."""
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.get(page).text)
        assert found, f"{page} has no form"
        return {"csrf_token": unescape(found[1])}

    def post(self, path: str, page: str = "/login", **fields: str) -> TestResponse:
        return self.client.post(path, base_url=self.base, data=self.token(page) | fields)

    def goes(self, subject: str = "u1", there: str = "") -> dict[str, str]:
        """To the provider, and `subject` agrees. Returns what the browser brings back."""
        answer = self.get("/login/oidc" + (f"?{urlencode({'next': there})}" if there else ""))
        assert answer.status_code == 302, answer.text
        return self.world.there.authorize(answer.headers["Location"], subject)

    def comes_back(self, brought: dict[str, str]) -> TestResponse:
        return self.get(f"/login/oidc/callback?{urlencode(brought)}")

    def signs_in(self, subject: str = "u1", there: str = "") -> TestResponse:
        return self.comes_back(self.goes(subject, there))

    def who(self) -> tuple[int, Any]:
        answer = self.get("/api/v1/me")
        said = answer.get_json()
        return answer.status_code, said.get("roles") if answer.status_code == 200 else None


@pytest.fixture(scope="module")
def shared() -> tuple[Doors, Flask]:
    """One application for all tests, whose doors each test sets up: templates are compiled once."""
    service = FakeService(chats.ordinary(), make_presentation())
    doors = Doors(service, Clock())
    return doors, create_app(doors, clock=doors.now)


@pytest.fixture
def world(tmp_path: Path, shared: tuple[Doors, Flask]) -> Iterator[World]:
    doors, app = shared
    app.config["SECRET_KEY"] = None
    app.extensions.pop("kchat-search people", None)
    with running(HostileProvider()) as there:
        there.people["u1"] = {"preferred_username": "li.lei", "groups": ["kf-agents"]}
        there.people["u2"] = {"preferred_username": "han.mei", "groups": ["others"]}
        access = people_at(tmp_path / "access.sqlite3", there.clock)
        doors.clock, doors.entrance, doors.access = there.clock, Entrance(), access
        doors.elsewhere = ProviderSignIn(
            client_of(there), access, there.clock, lambda _: None, "Acme <ID>"
        )
        yield World(there, doors, app)
        access.close()


# -- signing in ------------------------------------------------------------------------------------


def test_who_signs_in_at_the_provider_is_signed_in_here(world: World) -> None:
    browser = world.browser()
    assert browser.who() == (401, None)
    answer = browser.signs_in()
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert browser.who() == (200, ["agent"])
    assert browser.get("/?q=退款").status_code == 200
    assert [row[0] for row in world.rows()] == ["person_added", "log_in"]
    assert world.rows()[1][:2] == ("log_in", "li.lei")


def test_where_people_sign_in_elsewhere_nothing_is_open_before_the_first_has_come(
    world: World,
) -> None:
    browser = world.browser()
    assert browser.get("/?q=退款").headers["Location"].startswith("/login?next=")
    assert browser.get("/api/v1/search?q=退款").status_code == 401


def test_the_log_in_page_leads_to_the_provider(world: World) -> None:
    page = world.browser().get("/login?next=/chats/290").text
    link = re.search(r'<a [^>]*href="(/login/oidc[^"]*)"[^>]*>([^<]*)<', page)
    assert link
    assert unescape(link[1]) == "/login/oidc?next=/chats/290"
    assert "Acme &lt;ID&gt;" in link[2]


def test_where_no_provider_is_set_there_is_none(world: World) -> None:
    world.doors.access.people.add("ada", ["admin"], password=PASSWORD)
    world.doors.elsewhere = None
    browser = world.browser()
    for path in ("/login/oidc", "/login/oidc/callback?code=a&state=b"):
        assert browser.get(path).status_code == 404
    answer = browser.client.post("/login/oidc/back-channel", data={"logout_token": "x"})
    assert answer.status_code == 404


NEXT = [
    ("/chats/290", "/chats/290"),
    ("/?q=退款&page=2", "/?q=退款&page=2"),
    ("https://evil.example", "/"),
    ("//evil.example", "/"),
    ("/\\evil.example", "/"),
    ("/%2fevil.example", "/"),
    ("/%5cevil.example", "/"),
    ("/\t/evil.example", "/"),
    ("javascript:alert(1)", "/"),
    ("http:evil.example", "/"),
    ("/login/oidc", "/"),
    ("/logout", "/"),
    ("/" + "x" * 3000, "/"),
]


def test_after_signing_in_nobody_lands_on_another_site(world: World) -> None:
    for there, lands in NEXT:
        found = world.browser().signs_in(there=there).headers["Location"]
        assert unquote(found) == lands, there


def test_the_address_of_the_callback_is_the_public_one(world: World) -> None:
    browser = world.browser(public_url="https://kchat.example")
    browser.base = "https://kchat.example"
    browser.signs_in()
    ((_, _, form),) = [sent for sent in world.there.sent if sent[0] == "/token"]
    assert form["redirect_uri"] == "https://kchat.example/login/oidc/callback"
    assert browser.who() == (200, ["agent"])


def test_signing_in_makes_a_new_cookie(world: World) -> None:
    """Session fixation: a cookie from before the log-in is worth nothing after it."""
    browser = world.browser()
    browser.get("/login")
    brought = browser.goes()
    before = browser.client.get_cookie("kchat")
    assert before is not None
    browser.comes_back(brought)
    after = browser.client.get_cookie("kchat")
    assert after is not None
    assert after.value != before.value
    assert after.http_only
    planted = world.browser()
    planted.client.set_cookie("kchat", before.value)
    assert planted.who() == (401, None)


def test_who_is_signed_in_already_is_not_sent_to_the_provider(world: World) -> None:
    browser = world.browser()
    browser.signs_in()
    answer = browser.get("/login/oidc?next=/chats/290")
    assert answer.headers["Location"] == "/chats/290"


# -- what an attacker tries ------------------------------------------------------------------------


def refused(answer: TestResponse, status: int = 403) -> None:
    assert answer.status_code == status
    assert "Location" not in answer.headers
    assert 'href="/login?stay=1"' in answer.text


def test_an_answer_counts_in_the_browser_that_asked_and_once(world: World) -> None:
    mine, theirs = world.browser(), world.browser()
    brought = mine.goes()
    refused(theirs.comes_back(brought))  # log-in CSRF: signed in as the attacker
    assert theirs.who() == (401, None)
    old = mine.client.get_cookie("kchat")
    assert old is not None
    assert mine.comes_back(brought).status_code == 303
    assert mine.who() == (200, ["agent"])
    refused(mine.comes_back(brought))  # replayed
    kept = world.browser()
    kept.client.set_cookie("kchat", old.value)
    refused(kept.comes_back(brought))  # replayed with the cookie of that time
    assert kept.who() == (401, None)
    assert mine.who() == (200, ["agent"])


CHANGES: list[Callable[[str, str], dict[str, str]]] = [
    lambda code, _: {"code": code},
    lambda code, _: {"code": code, "state": ""},
    lambda code, _: {"code": code, "state": "another"},
    lambda code, state: {"code": code, "state": state + "x"},
    lambda code, _: {"code": code, "state": "ä"},
    lambda _, state: {"code": "", "state": state},
    lambda _, state: {"code": "another", "state": state},
    lambda _, state: {"code": "x" * 10_000, "state": state},
    lambda code, state: {"code": code, "state": state, "error": "access_denied"},
    lambda code, state: {"code": code, "state": state, "error": "<script>alert(1)</script>"},
    lambda code, state: {"code": code, "state": state, "iss": "https://evil.example"},
    lambda _, state: {"state": state, "error": "server_error"},
    lambda *_: {"error": "access_denied", "error_description": "<b>raw</b>"},
]


@pytest.mark.parametrize(("language", "words"), [("zh", "登录"), ("en", "sign in")])
def test_a_changed_answer_signs_nobody_in_and_is_told_in_our_words(
    world: World, language: str, words: str
) -> None:
    for number, change in enumerate(CHANGES):
        browser = world.browser()
        browser.get(f"/login?lang={language}")
        brought = browser.goes()
        answer = browser.comes_back(change(brought["code"], brought["state"]))
        refused(answer)
        assert browser.who() == (401, None), number
        shown = Page(answer.text).text
        assert words in shown.lower(), number
        for raw in ("script", "raw", "evil"):
            assert raw not in shown, number
    assert {row[0] for row in world.rows()} == {"log_in_failed"}


def test_an_answer_that_comes_too_late_is_refused(world: World) -> None:
    browser = world.browser()
    brought = browser.goes()
    world.there.clock.on(minutes=15, seconds=1)
    refused(browser.comes_back(brought))


def test_two_tabs_may_sign_in_at_the_same_time(world: World) -> None:
    browser = world.browser()
    first, second = browser.goes(there="/chats/290"), browser.goes()
    assert browser.comes_back(first).headers["Location"] == "/chats/290"
    refused(browser.comes_back(second))  # the log-in forgot it, with all of the old cookie
    assert browser.who() == (200, ["agent"])


def test_the_cookie_of_many_attempts_stays_small(world: World) -> None:
    browser = world.browser()
    last: dict[str, str] = {}
    for _ in range(20):
        last = browser.goes(there="/?q=" + "退" * 40)
    cookie = browser.client.get_cookie("kchat")
    assert cookie is not None
    assert len(cookie.value) < 3_500
    assert browser.comes_back(last).status_code == 303


def test_neither_code_nor_state_nor_token_is_recorded_or_logged(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    browser = world.browser()
    with caplog.at_level("DEBUG"):
        brought = browser.goes()
        world.there.claims["nonce"] = "another"
        refused(browser.comes_back(brought))
        del world.there.claims["nonce"]
        browser.signs_in()
    ours = "\n".join(
        record.getMessage() for record in caplog.records if record.name.startswith("kchat")
    )
    for secret in (brought["code"], brought["state"], "access-", "refresh-", "eyJ"):
        assert secret not in ours + str(world.rows())


# -- who gets in -----------------------------------------------------------------------------------


def test_without_a_role_nobody_gets_in_and_is_told_why(world: World) -> None:
    browser = world.browser()
    answer = browser.signs_in("u2")
    refused(answer)
    assert "没有任何组" in answer.text
    assert browser.who() == (401, None)
    assert world.rows() == [("log_in_failed", "", "provider:Acme <ID>", "no_role")]


def test_who_is_disabled_here_stays_out(world: World) -> None:
    browser = world.browser()
    browser.signs_in()
    world.doors.access.people.disable("li.lei")
    assert browser.who() == (401, None)
    refused(browser.signs_in())


def test_a_group_that_is_taken_away_ends_the_role_with_a_tab_open(world: World) -> None:
    world.there.people["u1"]["groups"] = ["kf-agents", "kf-admins"]
    browser = world.browser()
    browser.signs_in()
    assert browser.get("/people").status_code == 200
    world.there.people["u1"]["groups"] = ["kf-agents"]
    world.there.clock.on(minutes=15)
    answer = browser.get("/people")
    assert answer.status_code in (302, 403)
    browser.signs_in()
    assert browser.who() == (200, ["agent"])
    assert browser.get("/people").status_code == 403


def test_while_the_provider_is_silent_nobody_gets_an_answer_but_can_sign_out(
    world: World,
) -> None:
    browser = world.browser()
    browser.signs_in()
    world.there.replies["/token"] = lambda: as_json({}, 503)
    world.there.clock.on(minutes=14)
    assert browser.who() == (200, ["agent"])
    world.there.clock.on(minutes=1)
    answer = browser.get("/api/v1/search?q=退款")
    assert answer.status_code == 503
    assert answer.get_json()["type"].endswith("provider-unavailable")
    assert "Retry-After" in answer.headers
    page = browser.get("/?q=退款")
    assert page.status_code == 503
    assert "退款申请" not in page.text
    assert browser.get("/login").status_code == 200
    assert browser.post("/logout", "/login").status_code in (200, 303)
    world.there.replies.clear()
    assert browser.who() == (401, None)


def test_a_session_of_a_provider_that_is_not_set_any_more_ends(world: World) -> None:
    browser = world.browser()
    browser.signs_in()
    world.doors.elsewhere = None
    assert browser.who() == (401, None)


def as_program(world: World, token: str) -> tuple[int, Any]:
    """What the API says to whoever has this token."""
    bearer = {"Authorization": f"Bearer {token}"}
    answer = world.app.test_client().get("/api/v1/me", headers=bearer)
    return answer.status_code, answer.get_json().get("roles")


def test_a_token_has_no_role_longer_than_the_log_in_of_its_owner(world: World) -> None:
    world.there.people["u1"]["groups"] = ["kf-agents", "kf-compliance"]
    browser, tokens = world.browser(), world.doors.access.tokens
    browser.signs_in()
    _, mine = tokens.add("mine", ["compliance"], owner="li.lei")
    _, machine = tokens.add("machine", ["compliance"])
    assert as_program(world, mine) == (200, ["compliance"])
    world.there.clock.on(minutes=60)  # it is asked again
    assert as_program(world, mine) == (200, ["compliance"])
    world.there.people["u1"]["groups"] = ["kf-agents"]
    world.there.clock.on(minutes=15)
    assert as_program(world, mine) == (401, None)
    browser.signs_in()
    assert as_program(world, mine) == (200, [])
    world.there.people["u1"]["groups"] = ["kf-agents", "kf-compliance"]
    world.there.clock.on(minutes=10)
    assert as_program(world, mine) == (200, ["compliance"])
    world.there.replies["/token"] = lambda: as_json({}, 503)
    world.there.clock.on(minutes=15)
    assert as_program(world, mine)[0] == 503
    world.there.replies.clear()
    world.there.clock.on(seconds=5)
    assert as_program(world, mine) == (200, ["compliance"])
    browser.post("/logout", "/account")
    assert as_program(world, mine) == (401, None)
    assert as_program(world, machine) == (200, ["compliance"])


def test_a_log_in_that_ended_at_the_provider_takes_no_token_with_it_as_long_as_there_is_another(
    world: World,
) -> None:
    first, second = world.browser(), world.browser()
    first.signs_in()
    _, token = world.doors.access.tokens.add("mine", ["agent"], owner="li.lei")
    second.signs_in()
    assert second.post("/logout", "/account").status_code == 200
    assert as_program(world, token) == (200, ["agent"])
    world.there.clock.on(minutes=119)
    assert as_program(world, token) == (200, ["agent"])
    world.there.clock.on(minutes=1)  # nobody used the log-in for two hours
    assert as_program(world, token) == (401, None)


def test_nobody_gets_around_the_provider(world: World) -> None:
    browser, access = world.browser(), world.doors.access
    browser.signs_in()
    with pytest.raises(BadRequest, match="OpenID Connect"):
        access.people.set_password("li.lei", PASSWORD)
    assert access.people.check_password("li.lei", PASSWORD) is None
    proxy = {"trusted_proxies": (ip_network("127.0.0.1"),), "remote_user_header": "X-Remote-User"}
    access.people.add("local", ["admin"])
    answers = {
        name: world.browser(**proxy).get("/api/v1/me", headers={"X-Remote-User": name}).status_code
        for name in ("local", "li.lei")
    }
    assert answers == {"local": 200, "li.lei": 401}


# -- signing out -----------------------------------------------------------------------------------


def test_signing_out_signs_out_at_the_provider_too(world: World) -> None:
    browser = world.browser(public_url="https://kchat.example")
    browser.base = "https://kchat.example"
    browser.signs_in()
    answer = browser.post("/logout", "/")
    assert answer.status_code == 200
    assert browser.who() == (401, None)
    link = re.search(r'content="0;url=([^"]+)"', answer.text)
    assert link
    url = urlsplit(unescape(link[1]))
    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{world.there.url}/log-out"
    assert "id_token_hint=ey" in url.query
    back = "post_logout_redirect_uri=https%3A%2F%2Fkchat.example%2Flogin%2Foidc%2Fsigned-out"
    assert back in url.query
    assert browser.get("/login/oidc/signed-out").headers["Location"] == "/login?stay=1"
    assert [row[0] for row in world.rows()] == ["person_added", "log_in", "log_out"]


def test_where_the_provider_has_no_log_out_the_own_one_is_all(world: World) -> None:
    world.there.metadata["end_session_endpoint"] = None
    browser = world.browser()
    browser.signs_in()
    answer = browser.post("/logout", "/")
    assert answer.status_code == 303
    assert browser.who() == (401, None)


def test_signing_out_needs_a_form_of_ours(world: World) -> None:
    browser = world.browser()
    browser.signs_in()
    assert browser.client.post("/logout").status_code == 403
    assert browser.get("/logout").status_code == 405
    assert browser.who() == (200, ["agent"])


def test_who_signs_out_at_the_provider_is_out_here(world: World) -> None:
    browser = world.browser()
    browser.signs_in()
    stranger = world.browser().client
    path = "/login/oidc/back-channel"
    for token in ("", "x.y.z", world.there.log_out_token(sub="u1", aud="other")):
        assert stranger.post(path, data={"logout_token": token}).status_code == 400
    assert browser.who() == (200, ["agent"])
    good = {"logout_token": world.there.log_out_token(sub="u1")}
    answer = stranger.post(path, data=good)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "private, no-store")
    assert browser.who() == (401, None)


# -- settings of the log-in page -------------------------------------------------------------------


def test_the_log_in_page_can_lead_on_at_once_and_never_in_a_circle(world: World) -> None:
    assert world.doors.elsewhere is not None
    world.doors.elsewhere = replace(world.doors.elsewhere, auto_redirect=True)
    browser = world.browser()
    answer = browser.get("/login?next=/chats/290")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login/oidc?next=/chats/290")
    assert browser.get("/login?stay=1").status_code == 200
    refused(browser.signs_in("u2"))  # no redirect: else the browser would turn for ever
    browser.signs_in()
    browser.post("/logout", "/")
    assert browser.get(browser.get("/login/oidc/signed-out").headers["Location"]).status_code == 200


def test_without_passwords_nobody_logs_in_by_one(world: World) -> None:
    world.doors.access.people.add("ada", ["admin"], password=PASSWORD)
    browser = world.browser()
    token = browser.token()
    world.doors.entrance = Entrance(password_login=False)
    answer = browser.client.post("/login", data=token | {"username": "ada", "password": PASSWORD})
    assert 'name="password"' not in browser.get("/login").text
    assert answer.status_code == 403
    assert browser.who() == (401, None)
    assert browser.signs_in().status_code == 303


def test_a_code_of_the_command_line_lets_an_administrator_in_where_nothing_else_does(
    world: World,
) -> None:
    person = world.doors.access.people.add("emergency", ["admin"])
    world.doors.entrance = Entrance(password_login=False)
    browser = world.browser()
    assert 'href="/login/code"' in browser.get("/login").text
    assert browser.post("/login/code", "/login/code", code="wrong").status_code == 401
    code = new_code(world.doors.access, person)
    assert browser.client.post("/login/code", data={"code": code}).status_code == 403  # no token
    assert browser.post("/login/code", "/login/code", code=code).status_code == 303
    assert browser.who() == (200, ["admin"])
    assert browser.get("/people").status_code == 200
    other = world.browser()
    assert other.post("/login/code", "/login/code", code=code).status_code == 401
    assert [row[:3] for row in world.rows()] == [
        ("log_in_failed", "", "code"),
        ("log_in", "emergency", "code"),
        ("log_in_failed", "", "code"),
    ]
    assert code not in str(world.rows())


def test_wrong_codes_do_not_fill_the_disk_and_a_right_one_never_waits(world: World) -> None:
    access = world.doors.access
    person, browser = access.people.add("emergency", ["admin"]), world.browser()
    statuses = [
        browser.post("/login/code", "/login/code", code=f"wrong {i}").status_code for i in range(6)
    ]
    assert statuses == [401] * 3 + [429] * 3
    assert len(world.rows()) == 3
    code = new_code(access, person)
    assert browser.post("/login/code", "/login/code", code=code).status_code == 303
