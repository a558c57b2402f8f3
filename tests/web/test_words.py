"""Pages have one language: no template has a word of its own, and no page mixes two."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import Environment, nodes
from markupsafe import escape

import kchat_search.web
from kchat_search.errors import (
    AccessError,
    ArchiveError,
    ChatDamaged,
    Forbidden,
    IndexDamaged,
    TooManyRequests,
)
from kchat_search.fields import FIELDS, OPERATOR_TITLES, SPEAKER_LABELS
from kchat_search.models.account import AccountCheck
from kchat_search.models.chats import RejectedChat, StoredReject
from kchat_search.models.progress import ListProgress
from kchat_search.models.reports import Alert, Coverage, MeaningState, Reason
from kchat_search.models.search import Note
from kchat_search.serialization.alerts import _WORDS as _ALERTS
from kchat_search.serialization.reasons import _ZH
from tests.web.doors import signed_in
from tests.web.fake_service import BEGAN, NOW, FakeService
from tests.web.test_problems import CASES

TEMPLATES = Path(kchat_search.web.__file__).parent / "templates"
ENVIRONMENT = Environment(autoescape=True, extensions=["jinja2.ext.i18n"], trim_blocks=True)
HAN = re.compile("[\u3400-\u9fff]")
WORD = re.compile(r"[A-Za-z]{2,}")
NAMES = {"Kchat", "API", "HTTP", "OpenAPI", "Excel", "CSV", "JSON", "Lines", "English"}
NAMES |= {"Enter", "Esc", "whoosh", "KF", "TLS", "JavaScript"}
"""What is the same in both languages."""
SPOKEN = {"title", "aria-label", "placeholder", "alt", "aria-description", "label"}
"""Attributes that a person reads, and all of ours with words for scripts."""
NOT_SPOKEN_DATA = {"data-later", "data-finds", "data-who", "data-start", "data-end", "data-url"}
VOID = {"meta", "link", "input", "br", "img", "hr", "rect", "path", "circle"}


class Spoken(HTMLParser):
    """What a page says: its texts and spoken attributes, with those elements around them that say
    what kind of text it is."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[tuple[str, str]] = []
        """(what is said, the elements around it: «html body main code»)."""
        self._open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        marks = [tag, *(f"{name}={known[name]}" for name in ("lang", "dir") if name in known)]
        marks += [f".{name}" for name in known.get("class", "").split()]
        for name, value in known.items():
            is_data = name.startswith("data-") and name not in NOT_SPOKEN_DATA
            if name in SPOKEN or (is_data and not value.startswith("/")):
                self.said.append((value, " ".join([*self._open, "|".join(marks), name])))
        if tag not in VOID:
            self._open.append("|".join(marks))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop().split("|")[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.said.append((data.strip(), " ".join(self._open)))


def literal(template: str) -> str:
    """A template's own HTML: what it takes from elsewhere, and every word that is translated, is
    left out. What an expression writes as it stands there is in it."""
    tree = ENVIRONMENT.parse((TEMPLATES / template).read_text(encoding="utf-8"))
    pieces: list[str] = []
    for block in tree.find_all(nodes.Block):
        if block.name == "body_class":
            block.body = []
    for output in tree.find_all(nodes.Output):
        for node in output.nodes:
            if isinstance(node, nodes.TemplateData):
                pieces.append(node.data)
            else:
                pieces += written(node)
    return "".join(pieces)


def written(node: nodes.Node) -> Iterator[str]:
    """The texts that an expression writes as they stand in it."""
    match node:
        case nodes.Const(value=str(value)):
            yield value
        case nodes.CondExpr(expr1=one, expr2=other):
            yield from written(one)
            if other is not None:
                yield from written(other)
        case nodes.Or(left=one, right=other) | nodes.Add(left=one, right=other):
            yield from written(one)
            yield from written(other)
        case nodes.Concat(nodes=parts):
            for part in parts:
                yield from written(part)
        case nodes.Filter(node=inner) if inner is not None:
            yield from written(inner)


@pytest.mark.parametrize("template", sorted(path.name for path in TEMPLATES.glob("*.html")))
def test_no_template_has_words_of_its_own(template: str) -> None:
    raw = []
    for said, where in Spoken(literal(template)).said:
        if re.search(r"(^| )(code|kbd|pre|script)\b|lang=", where):
            continue
        words = set(WORD.findall(said)) - NAMES
        if words or HAN.search(said):
            raw.append((said, where))
    assert raw == []


def test_no_expression_of_a_template_has_han_that_is_not_translated() -> None:
    for path in TEMPLATES.glob("*.html"):
        tree = ENVIRONMENT.parse(path.read_text(encoding="utf-8"))
        translated = {
            id(argument)
            for call in tree.find_all(nodes.Call)
            if isinstance(call.node, nodes.Name) and call.node.name in ("_", "ngettext")
            for argument in call.args
        }
        bare = [
            const.value
            for const in tree.find_all(nodes.Const)
            if isinstance(const.value, str)
            and HAN.search(const.value)
            and id(const) not in translated
        ]
        # Two things side by side are joined by a mark, not by a word.
        assert [text for text in bare if text not in ("、", "「", "」")] == [], path.name


DATA = re.compile(r"(^|[ |])(code|kbd|pre|script|bdi|mark|\.ext|dir=auto|lang=zh-CN|lang=en)\b")
"""What stands in these is not the page's own: a query, a name, a message, another language."""
UNITS = {"KB", "MB", "GB", "cookie"}
CODE = re.compile(
    r"/[a-z]+|[a-z]+:\S*|AND|OR|NOT|[A-Z]+_[A-Z_]+|\.env|kchat-search[ \w-]*"
    r"|[A-Z][a-z]+/[A-Z][a-z]+"
)
"""Operators, settings, commands and zones, which have no other name in Chinese."""
GIVEN = re.compile(
    r"李雷|韩梅梅|非常满意|Mozilla.*|\b(ada|cora|otto|lilei|both|Chrome|Linux)\b|\{\w+\}"
)
"""Names and codes of the tests' chats and people."""
REASONS_OF_REJECTS = [
    "a chat must be an object",
    "id must be a whole number",
    "created_at can't be read as a time: 4711",
    "messages must be a list",
    "messages[3] must be an object",
    "agent_id must be a number or a text",
    "status is longer than 100",
    "nested 99 deep",
    "its JSON is longer than 9",
    "the answer is longer than 9 bytes: set a lower KCHAT_PER_PAGE",
    "Kchat is busy.",
    "damaged: run kchat-search repair",
    "something new",
]
PAGES = [
    "/",
    "/?q=退款",
    "/?q=退款 发票 没有&status=close&start=2015-01-01&end=2015-12-31&said_start=2015-01-01",
    "/?q=没有 退款&agent_id=2192&rating=1&history=true",
    "/?q=&page=3",
    "/?q=&page=99",
    "/?q=包裹&sort=newest&participant=none&participant=2193&started_by=odd&type=odd&spoke=agent",
    "/?page=x",
    "/?q=" + "长" * 1001,
    "/chats/290?q=退款",
    "/chats/290?find=退款&within=q%3D退款&at=1",
    "/chats/291",
    "/chats/290/versions",
    "/chats/290/similar",
    "/chats/1",
    "/meant?q=退款",
    "/hot",
    "/status",
    "/docs",
    "/account",
    "/nope",
]
OF_PEOPLE = {
    "ada": ["/people", "/people/1", "/people/1/remove", "/tokens", "/account", "/status", "/"],
    "cora": ["/account", "/audit", "/audit?since=x", "/chats/290", "/?q=退款", "/saved"],
    "otto": ["/audit", "/audit?who=nobody", "/"],
    "lilei": ["/", "/?q=退款&agent_id=2192", "/status", "/audit"],
}


def mixed(client: FlaskClient, path: str, *, english: bool) -> list[str]:
    """What a page says in the other language."""
    switch = "&" if "?" in path else "?"
    answer = client.get(f"{path}{switch}lang={'en' if english else 'zh'}", follow_redirects=True)
    own = f"lang={'en' if english else 'zh-CN'}"
    wrong = []
    for said, where in Spoken(answer.text).said:
        around = where.replace(f"html|{own}", "html")
        if DATA.search(around) or (" title" in where and "q=" in path):
            continue
        rest = GIVEN.sub("", CODE.sub("", said))
        if HAN.search(rest) if english else set(WORD.findall(rest)) - NAMES - UNITS:
            wrong.append(f"{path}   {said}   {around}")
    return wrong


@pytest.mark.parametrize("english", [True, False], ids=["English", "Chinese"])
def test_no_page_mixes_two_languages(
    client: FlaskClient, service: FakeService, *, english: bool
) -> None:
    service.chats.append(replace(service.chats[0], id=7, status="odd", type="odd", rating="9"))
    service.notes = (Note("not_a_date", ("a · b",)),)
    service.meant = {291}
    found = [each for path in PAGES for each in mixed(client, path, english=english)]
    service.fails = ArchiveError("The archive is locked.")
    found += mixed(client, "/?q=a", english=english)
    assert "\n".join(found) == ""


def states_of_trouble() -> Iterator[tuple[str, dict[str, Any], list[str]]]:
    """(what is wrong, how the service then is, the pages that say so)."""
    details = "Details of https://a.example:1 in English."
    for kind in (*_ZH, "new"):
        alerts = tuple(Alert(code, Reason(details, kind), NOW, 3, NOW) for code in _ALERTS)
        failed = {"ended_early": details, "ended_kind": kind}
        yield kind, {"wrong": alerts, **failed}, ["/status"]
        checked = AccountCheck(NOW, done=True, problem=Reason(details, kind))
        yield kind, {"checked": checked}, ["/setup"]
    missing = Reason("Set KCHAT_EMAIL in .env.", "NoAccount")
    first_run = Coverage(False, 0, 0, 0, None, backfilled=False)
    no_account = {"wrong": (Alert("not_connected", missing, NOW),), "covers": first_run}
    yield "no account", no_account, ["/setup", "/", "/?q=a", "/status"]
    yield "no account here", {**no_account, "can_check": False}, ["/setup"]
    yield "trying", {"checked": AccountCheck(NOW)}, ["/setup"]
    yield "connected", {"checked": AccountCheck(NOW, done=True, chats=7)}, ["/setup"]
    rejects = tuple(
        StoredReject(RejectedChat(f"chat:{n}", n or None, "{}", reason), NOW, NOW, n, gone)
        for n, reason in enumerate(REASONS_OF_REJECTS)
        for gone in (None, NOW)
    )
    yield "rejects", {"stored_rejects": rejects}, ["/status"]
    for step, total in (("fetch", 90_000), ("prove", None)):
        for at in (NOW, NOW - timedelta(hours=1)):
            reads = ListProgress(step, 12_300, total, BEGAN, 0, at)
            importing = replace(first_run, chats=12_300, counted=total, pending=3, rejected=1)
            long_work = {"reading": reads, "covers": importing, "rebuilt": 43}
            yield f"{step} at {at}", long_work, ["/status", "/", "/?q=退款"]
    for table in (MeaningState("off"), MeaningState("damaged"), MeaningState("waiting")):
        yield table.state, {"meaning": table, "held_by": None}, ["/status"]
    old = replace(first_run, chats=7, synced_at=NOW - timedelta(days=1), backfilled=True)
    yield "old", {"covers": old}, ["/", "/?q=退款", "/status"]
    others = [ChatDamaged("", 290), TooManyRequests("", 7), Forbidden("status"), AccessError("")]
    for error in (*(case[0] for case in CASES), *others):
        yield type(error).__name__, {"fails": error}, ["/?q=a", "/chats/290"]
    yield "rebuild", {"fails": IndexDamaged("old"), "rebuilt": 43}, ["/?q=a"]


@pytest.mark.parametrize("english", [True, False], ids=["English", "Chinese"])
def test_no_page_about_trouble_mixes_two_languages(
    client: FlaskClient, service: FakeService, *, english: bool
) -> None:
    usual = dict(vars(service))
    found = []
    for name, state, paths in states_of_trouble():
        vars(service).update(usual | state)
        found += [f"{name}: {m}" for path in paths for m in mixed(client, path, english=english)]
    assert "\n".join(found) == ""


@pytest.mark.parametrize("english", [True, False], ids=["English", "Chinese"])
def test_no_page_for_people_mixes_two_languages(app: Flask, *, english: bool) -> None:
    clients = {name: signed_in(app, name).client for name in OF_PEOPLE}
    found = [
        each
        for name, paths in OF_PEOPLE.items()
        for path in paths
        for each in mixed(clients[name], path, english=english)
    ]
    found += [
        m for p in ("/login", "/login/code") for m in mixed(app.test_client(), p, english=english)
    ]
    assert "\n".join(found) == ""


def test_every_label_of_a_field_has_both_languages() -> None:
    labels = [*OPERATOR_TITLES.values(), *SPEAKER_LABELS.values()]
    for field in FIELDS:
        labels += [field.title, field.none_label, *field.labels.values()]
    for zh, en in labels:
        assert HAN.search(zh), zh
        assert en
        assert not HAN.search(en), en


def test_a_value_without_a_word_is_shown_as_a_code(
    client: FlaskClient, service: FakeService
) -> None:
    strange = {"status": "odd <b>", "rating": "9", "type": "odd type", "started_by": "odd one"}
    service.chats[:] = [replace(service.chats[0], **strange), service.chats[1]]  # type: ignore[arg-type]
    asked = "&".join(f"{name}={quote(value)}" for name, value in strange.items())
    chat, hits = client.get("/chats/290").text, client.get(f"/?q=&{asked}").text
    for value in strange.values():
        code = f"<code>{escape(value)}</code>"
        assert code in hits, "filter, chip, hit"
        assert value == "odd type" or code in chat
    chips = hits[hits.index('class="chips"') :].split("</ul>")[0]
    assert chips.count("<code>") == 4
    assert "<code>close" not in client.get("/?q=&status=close").text
