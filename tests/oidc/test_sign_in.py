"""From a person at the provider to an account here, and back out again: with a real provider on
loopback, a real database of people, and a clock that is set by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kchat_search.errors import AuditUnwritable, ProviderUnreachable, SignInRefused
from kchat_search.models.audit import AuditEntry
from kchat_search.models.people import Person, Principal
from kchat_search.models.sign_in import Answer, Grant
from kchat_search.oidc.sign_in import ProviderSignIn
from kchat_search.ports import Access
from tests.oidc.conftest import client_of, people_at
from tests.oidc.hostile_provider import REDIRECT, HostileProvider, as_json


@dataclass
class KeptAudit:
    """Keeps what is recorded; None in `rows` can't be written."""

    rows: list[AuditEntry] = field(default_factory=list)
    full: bool = False

    def record(self, entry: AuditEntry) -> KeptAudit:
        if not self.full:
            self.rows.append(entry)
        return self

    def wait(self) -> None:
        if self.full:
            raise AuditUnwritable("The disk is full.")


@dataclass
class Here:
    """This program, as far as sign-in needs it."""

    there: HostileProvider
    access: Access
    sign_in: ProviderSignIn
    audit: KeptAudit

    def comes(self, subject: str = "u1") -> str:
        """`subject` signs in. Returns the secret of the session."""
        attempt, url = self.sign_in.begin(REDIRECT)
        answer = Answer(code=self.there.authorize(url, subject)["code"])
        person, kept = self.sign_in.finish(attempt, answer, REDIRECT)
        return self.access.sessions.begin(person, address="", browser="", provider_data=kept)

    def principal(self, secret: str) -> Principal | None:
        """Who has a session, as the web finds out with each request."""
        for _ in range(2):
            found = self.access.sessions.principal(secret)
            if found is None or self.sign_in.holds(found):
                return found
        return None

    def roles(self, secret: str) -> set[str] | None:
        found = self.principal(secret)
        return None if found is None else set(found.roles)

    def person(self, subject: str = "u1") -> Person | None:
        return self.access.people.of_provider(self.there.url, subject)

    def groups(self, *groups: str, subject: str = "u1") -> None:
        self.there.people[subject]["groups"] = list(groups)


def no_pause(_seconds: float) -> None:
    raise AssertionError("nobody waits in this test")


@pytest.fixture
def here(there: HostileProvider, tmp_path: Path) -> Iterator[Here]:
    kept = people_at(tmp_path / "access.sqlite3", there.clock)
    audit = KeptAudit()
    access: Any = SimpleNamespace(
        people=kept.people,
        sessions=kept.sessions,
        tokens=kept.tokens,
        sign_ins=kept.sign_ins,
        audit=audit,
        together=kept.together,
    )
    sign_in = ProviderSignIn(client_of(there), access, there.clock, no_pause, "Acme ID")
    yield Here(there, access, sign_in, audit)
    kept.close()


def said(audit: KeptAudit) -> list[tuple[str, str]]:
    return [(row.action, row.query) for row in audit.rows]


# -- accounts --------------------------------------------------------------------------------------


def test_the_first_sign_in_makes_an_account_with_the_roles_of_the_groups(here: Here) -> None:
    secret = here.comes()
    person = here.person()
    assert person is not None
    assert (person.name, set(person.roles), person.agent_id) == ("li.lei", {"agent"}, "2192")
    assert not person.has_password
    principal = here.principal(secret)
    assert principal is not None
    assert principal.vouched_by == here.there.url
    assert said(here.audit) == [("person_added", "name=li.lei roles=agent agent_id=2192")]


def test_without_a_group_nobody_gets_in_and_no_account_is_made(here: Here) -> None:
    for groups in ([], ["others"], None, "agent"):
        here.there.people["u1"]["groups"] = groups
        with pytest.raises(SignInRefused) as found:
            here.comes()
        assert found.value.reason == "no_role"
    assert here.access.people.everybody() == ()
    assert here.audit.rows == []


def test_the_subject_is_the_person_whatever_the_name_becomes(here: Here) -> None:
    here.comes()
    first = here.person()
    here.there.people["u1"] |= {"preferred_username": "boss", "email": "boss@example.com"}
    here.comes()
    assert here.person() == first


def test_another_subject_with_the_same_name_is_another_person(here: Here) -> None:
    """A provider gives the name of somebody who left to somebody new."""
    here.comes()
    here.there.people["u2"] = {"preferred_username": "li.lei", "groups": ["kf-compliance"]}
    here.comes("u2")
    names = [person.name for person in here.access.people.everybody()]
    assert len(names) == 2
    second = here.person("u2")
    assert second is not None
    assert second.name != "li.lei"
    assert set(second.roles) == {"compliance"}


@pytest.mark.parametrize("name", ["admin", "ADMIN", "аdmin", "ａｄｍｉｎ", "ad\u200bmin", "adm1n"])
def test_a_name_like_that_of_a_local_account_gives_nothing_of_it(here: Here, name: str) -> None:
    local = here.access.people.add("admin", ["admin"], password="four words of mine")
    here.there.people["u1"] = {"preferred_username": name, "groups": ["kf-agents"]}
    here.comes()
    person = here.person()
    assert person is not None
    assert (person.id, set(person.roles)) != (local.id, {"admin"})
    assert set(person.roles) == {"agent"}
    assert here.access.people.person("admin") == local


def test_a_subject_of_another_issuer_is_another_person(here: Here) -> None:
    here.access.people.add("other", ["admin"], provider="https://other.example", subject="u1")
    here.comes()
    person = here.person()
    assert person is not None
    assert person.name == "li.lei"


@pytest.mark.parametrize(
    "claims",
    [
        {"preferred_username": "<script>", "email": "", "name": None},
        {"preferred_username": "owner", "name": "../../etc/passwd"},
        {"preferred_username": "\u202egnp.exe", "email": "x" * 500},
        {"preferred_username": {"a": 1}},
        {},
    ],
    ids=range(5),
)
def test_whoever_has_no_usable_name_gets_one(here: Here, claims: dict[str, Any]) -> None:
    here.there.people["u1"] = claims | {"groups": ["kf-agents"]}
    here.comes()
    person = here.person()
    assert person is not None
    assert person.name.isprintable()
    assert person.name != "owner"


def test_twenty_people_with_one_name_get_twenty(here: Here) -> None:
    for number in range(20):
        here.there.people[f"v{number}"] = {"preferred_username": "wang", "groups": ["kf-agents"]}
        here.comes(f"v{number}")
    assert len({person.name for person in here.access.people.everybody()}) == 20


def test_who_is_disabled_here_does_not_get_in_by_the_provider(here: Here) -> None:
    secret = here.comes()
    here.access.people.disable("li.lei")
    assert here.principal(secret) is None
    with pytest.raises(SignInRefused) as found:
        here.comes()
    assert found.value.reason == "disabled"


def test_roles_and_agent_id_follow_the_provider_at_each_sign_in(here: Here) -> None:
    here.comes()
    here.groups("kf-agents", "kf-compliance")
    here.there.people["u1"]["kchat_id"] = "7"
    here.comes()
    person = here.person()
    assert person is not None
    assert (set(person.roles), person.agent_id) == ({"agent", "compliance"}, "7")
    here.access.people.set_roles("li.lei", ["admin"])  # an admin; groups decide
    here.comes()
    person = here.person()
    assert person is not None
    assert set(person.roles) == {"agent", "compliance"}


def test_an_admin_says_who_it_is_where_the_provider_does_not(here: Here) -> None:
    del here.there.people["u1"]["kchat_id"]
    here.comes()
    here.access.people.set_agent_id("li.lei", "31")
    secret = here.comes()
    here.there.clock.on(minutes=10)
    principal = here.principal(secret)
    assert principal is not None
    assert principal.agent_id == "31"


@pytest.mark.parametrize("by_admin", [None, "31"])
@pytest.mark.parametrize("anew", [False, True], ids=["asked again", "signed in anew"])
def test_an_agent_id_that_the_provider_takes_back_ends(
    here: Here, anew: bool, by_admin: str | None
) -> None:
    del here.there.people["u1"]["kchat_id"]
    here.comes()
    here.access.people.set_agent_id("li.lei", by_admin)
    for claimed, agent_id in (("2192", "2192"), ("7", "7"), (None, by_admin)):
        here.there.people["u1"]["kchat_id"] = claimed
        secret = here.comes()
        assert agent_of(here, secret) == agent_id
    here.there.people["u1"]["kchat_id"] = "2192"
    secret = here.comes()
    here.there.people["u1"]["kchat_id"] = None
    here.there.clock.on(minutes=10)
    assert agent_of(here, here.comes() if anew else secret) == by_admin


def test_what_an_admin_sets_beside_a_claim_counts_when_that_is_taken_back(here: Here) -> None:
    here.comes()
    here.access.people.set_agent_id("li.lei", "31")
    assert agent_of(here, here.comes()) == "2192"
    del here.there.people["u1"]["kchat_id"]
    assert agent_of(here, here.comes()) == "31"


def agent_of(here: Here, secret: str) -> str | None:
    principal = here.principal(secret)
    assert principal is not None
    return principal.agent_id


def test_what_cannot_be_recorded_is_not_given(here: Here) -> None:
    here.audit.full = True
    with pytest.raises(AuditUnwritable):
        here.comes()
    assert here.access.people.everybody() == ()
    here.audit.full = False
    here.comes()
    here.audit.full = True
    here.groups("kf-agents", "kf-admins")
    here.there.people["u1"]["kchat_id"] = "7"
    with pytest.raises(AuditUnwritable):
        here.comes()
    person = here.person()
    assert person is not None
    assert (set(person.roles), person.agent_id) == ({"agent"}, "2192")


def test_a_state_that_was_used_is_used_up_even_where_the_browser_kept_it(here: Here) -> None:
    attempt, url = here.sign_in.begin(REDIRECT)
    answer = Answer(code=here.there.authorize(url, "u1")["code"])
    here.sign_in.finish(attempt, answer, REDIRECT)
    asked = here.there.asked["/token"]
    again = Answer(code=here.there.authorize(url, "u1")["code"])  # a careless provider
    other = ProviderSignIn(
        client_of(here.there), here.access, here.there.clock, no_pause, "Acme ID"
    )
    for process in (here.sign_in, other):
        with pytest.raises(SignInRefused) as found:
            process.finish(attempt, again, REDIRECT)
        assert found.value.reason == "attempt"
    assert here.there.asked["/token"] == asked


# -- asking again ----------------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [10, 12, 15, 16, 60])
@pytest.mark.parametrize("in_refresh", [True, False])
def test_a_group_that_was_taken_away_ends_the_role_with_the_next_request(
    here: Here, minutes: int, *, in_refresh: bool
) -> None:
    here.groups("kf-agents", "kf-compliance")
    here.there.in_refresh = in_refresh  # a provider need not send an ID token again
    secret = here.comes()
    here.groups("kf-agents")
    here.there.clock.on(minutes=minutes)
    assert here.roles(secret) in (None, {"agent"})
    person = here.person()
    assert person is not None
    assert set(person.roles) == {"agent"}
    assert ("person_changed", "name=li.lei roles=agent agent_id=2192") in said(here.audit)


def test_whoever_has_no_group_any_more_is_out_everywhere(here: Here) -> None:
    one, other = here.comes(), here.comes()
    _, token = here.access.tokens.add("export", ["agent"], owner="li.lei", agent_id="2192")
    here.groups()
    here.there.clock.on(minutes=10)
    assert here.principal(one) is None
    assert here.principal(other) is None
    found = here.access.tokens.principal(token)
    assert found is None or not found.roles


def test_a_group_that_is_given_counts_with_the_next_answer(here: Here) -> None:
    secret = here.comes()
    here.groups("kf-agents", "kf-admins")
    here.there.clock.on(minutes=10)
    assert here.roles(secret) == {"agent", "admin"}


def test_whom_the_provider_no_longer_knows_is_out(here: Here) -> None:
    secret = here.comes()
    del here.there.people["u1"]
    here.there.clock.on(minutes=10)
    assert here.principal(secret) is None
    assert here.access.sessions.of("li.lei") == ()


@pytest.mark.parametrize(
    "lie",
    [
        lambda there: there.userinfo.update(sub="u2"),
        lambda there: there.claims.update(sub="u2"),
        lambda there: there.claims.update(aud="other"),
        lambda there: there.claims.update(iss="https://evil.example"),
        lambda there: there.token_answer.update(access_token=None),
        lambda there: setattr(there, "sign", lambda _there, _said: "x.y.z"),
    ],
    ids=range(6),
)
def test_an_answer_that_proves_nothing_ends_the_session(
    here: Here, lie: Callable[[HostileProvider], None]
) -> None:
    here.there.people["u2"] = {"groups": ["kf-admins"]}
    secret = here.comes()
    lie(here.there)
    here.there.clock.on(minutes=10)
    assert here.principal(secret) is None


def test_the_provider_is_asked_every_ten_minutes_and_not_with_every_request(here: Here) -> None:
    secret = here.comes()
    before = here.there.asked["/token"]
    for _ in range(9):
        here.there.clock.on(minutes=1)
        assert here.roles(secret) == {"agent"}
    assert here.there.asked["/token"] == before
    here.there.clock.on(minutes=1)
    for _ in range(3):
        assert here.roles(secret) == {"agent"}
    assert here.there.asked["/token"] == before + 1
    for _ in range(6):
        here.there.clock.on(minutes=10)
        assert here.roles(secret) == {"agent"}  # with the newest refresh token each time
    assert here.there.asked["/token"] == before + 7


def test_without_a_refresh_token_the_access_token_asks_until_it_ends(here: Here) -> None:
    here.there.token_answer["refresh_token"] = None
    secret = here.comes()
    here.groups("kf-agents", "kf-admins")
    here.there.clock.on(minutes=10)
    assert here.roles(secret) == {"agent", "admin"}
    here.there.access.clear()
    here.there.clock.on(minutes=10)
    assert here.principal(secret) is None  # who it is can't be known, so it is nobody


def test_while_the_provider_is_silent_what_it_said_counts_for_fifteen_minutes(here: Here) -> None:
    secret = here.comes()
    here.there.replies["/token"] = lambda: as_json({}, 503)
    here.there.clock.on(minutes=14, seconds=59)
    assert here.roles(secret) == {"agent"}
    here.there.clock.on(seconds=1)
    with pytest.raises(ProviderUnreachable):
        here.principal(secret)
    here.groups("kf-agents", "kf-compliance")
    here.there.replies.clear()
    here.there.clock.on(seconds=5)
    assert here.roles(secret) == {"agent", "compliance"}  # the session was kept


def test_a_silent_provider_is_not_asked_with_every_request(here: Here) -> None:
    secret = here.comes()
    here.there.replies["/token"] = lambda: as_json({}, 503)
    before = here.there.asked["/token"]
    here.there.clock.on(minutes=10)
    for _ in range(20):
        here.principal(secret)
        here.there.clock.on(seconds=10)
    assert 6 <= here.there.asked["/token"] - before <= 8  # of 200 seconds: every thirty
    here.there.clock.on(minutes=5)
    before = here.there.asked["/token"]
    for _ in range(20):
        with pytest.raises(ProviderUnreachable):
            here.principal(secret)
        here.there.clock.on(seconds=1)
    assert 3 <= here.there.asked["/token"] - before <= 5  # of 20 seconds: every five


def test_a_clock_that_is_set_back_prolongs_nothing(here: Here) -> None:
    secret = here.comes()
    here.groups()
    here.there.clock.on(hours=-3)
    assert here.principal(secret) is None


def test_one_request_asks_and_the_others_go_on(here: Here) -> None:
    """A refresh token that is used twice looks stolen: this provider then ends them all."""
    secret = here.comes()
    here.there.clock.on(minutes=10)
    inside, go = threading.Event(), threading.Event()
    token = here.there._token  # its answer, a little later

    def slowly() -> Any:
        inside.set()
        assert go.wait(60)
        here.there.replies.clear()
        _, headers, form = here.there.sent[-1]
        return token(headers, form)

    here.there.replies["/token"] = slowly
    before = here.there.asked["/token"]
    found: list[set[str] | None] = []
    first = threading.Thread(target=lambda: found.append(here.roles(secret)))
    first.start()
    assert inside.wait(60)
    other = ProviderSignIn(  # another process
        client_of(here.there), here.access, here.there.clock, no_pause, "Acme ID"
    )
    principal = here.access.sessions.principal(secret)
    assert principal is not None
    assert other.holds(principal)
    assert here.roles(secret) == {"agent"}
    go.set()
    first.join()
    assert found == [{"agent"}]
    assert here.there.asked["/token"] == before + 1


def test_who_waits_for_another_that_asks_gets_its_answer(here: Here) -> None:
    secret = here.comes()
    here.groups("kf-agents", "kf-admins")
    here.there.clock.on(minutes=20)
    principal = here.access.sessions.principal(secret)
    assert principal is not None
    assert principal.session is not None
    session = principal.session
    sessions = here.access.sessions
    kept = sessions.provider_data(session)
    asking = replace(Grant.from_json(kept), tried_at=here.there.clock().timestamp())
    assert sessions.replace_provider_data(
        session, kept, asking.to_json()
    )  # as another process does
    waited: list[float] = []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:  # the other has ended, without an answer
            here.there.clock.on(seconds=31)

    waiting = ProviderSignIn(client_of(here.there), here.access, here.there.clock, pause, "Acme ID")
    assert not waiting.holds(principal)
    assert len(waited) == 3
    person = here.person()
    assert person is not None
    assert set(person.roles) == {"agent", "admin"}


# -- signing out -----------------------------------------------------------------------------------


def test_signing_out_leads_to_the_provider(here: Here) -> None:
    principal = here.principal(here.comes())
    assert principal is not None
    assert principal.session is not None
    url = here.sign_in.log_out_url(principal.session, "http://127.0.0.1:5080/x")
    assert url is not None
    assert url.startswith(f"{here.there.url}/log-out?id_token_hint=ey")
    assert "post_logout_redirect_uri=http%3A%2F%2F127.0.0.1%3A5080%2Fx" in url
    assert here.sign_in.log_out_url(99, "x") is None
    local = here.access.people.add("han", ["agent"], password="four words of mine")
    secret = here.access.sessions.begin(local, address="", browser="")
    found = here.access.sessions.principal(secret)
    assert found is not None
    assert found.session is not None
    assert found.vouched_by is None
    assert here.sign_in.log_out_url(found.session, "x") is None


@pytest.mark.parametrize(
    ("said_out", "ended"),
    [
        ({"sub": "u1"}, 2),
        ({"sub": "u1", "sid": "at-u1"}, 2),
        ({"sid": "at-u1"}, 2),
        ({"sub": "u1", "sid": "another"}, 0),
        ({"sub": "u2"}, 0),
        ({"sub": "nobody"}, 0),
    ],
    ids=str,
)
def test_who_signs_out_at_the_provider_is_out_here(
    here: Here, said_out: dict[str, str], ended: int
) -> None:
    secrets = [here.comes(), here.comes()]
    assert here.sign_in.signed_out(here.there.log_out_token(**said_out)) == ended
    assert sum(here.access.sessions.principal(secret) is None for secret in secrets) == ended


@pytest.mark.parametrize(
    "changed",
    [
        {"sub": None},
        {"iss": "https://evil.example"},
        {"aud": "other"},
        {"aud": None},
        {"events": None},
        {"events": {}},
        {"events": "http://schemas.openid.net/event/backchannel-logout"},
        {"nonce": "x"},
        {"iat": None},
        {"iat": 1},
        {"iat": "now"},
        {"exp": 1},
        {"sub": 5},
    ],
    ids=str,
)
def test_a_log_out_token_that_proves_nothing_ends_nothing(
    here: Here, changed: dict[str, Any]
) -> None:
    secret = here.comes()
    with pytest.raises(SignInRefused):
        here.sign_in.signed_out(here.there.log_out_token(**{"sub": "u1"} | changed))
    assert here.access.sessions.principal(secret) is not None


def test_neither_an_id_token_nor_an_old_log_out_token_signs_anybody_out(here: Here) -> None:
    old = here.there.log_out_token(sub="u1")
    secret = here.comes()
    with pytest.raises(SignInRefused):
        here.sign_in.signed_out(here.there.id_token("u1"))
    here.there.clock.on(seconds=90)
    later = here.comes()  # after the token, which somebody sends again
    here.sign_in.signed_out(old)
    assert here.access.sessions.principal(secret) is None
    assert here.access.sessions.principal(later) is not None


def test_strangers_do_not_make_us_ask_for_keys_with_every_token(here: Here) -> None:
    here.comes()
    token = here.there.log_out_token(sub="u1")
    foreign = here.there.signed({"x": 1}, here.there.keys[0], kid="foreign")
    before = here.there.asked["/jwks"]
    for _ in range(10):
        with pytest.raises(SignInRefused):
            here.sign_in.signed_out(foreign)
    assert here.there.asked["/jwks"] == before
    assert here.sign_in.signed_out(token) == 1
