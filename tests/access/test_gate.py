"""The one gate: nobody makes a service but it, and what it gives is what the principal may have."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from kchat_search.errors import Forbidden, NotFound
from kchat_search.gate import Gate
from kchat_search.models.audit import AuditEntry
from kchat_search.models.people import ANYONE, NOBODY, OWNER, Principal
from kchat_search.models.search import SearchRequest, Within
from tests.test_house import modules, source
from tests.world import World

PARTS = (
    "archive", "engine", "searcher", "indexer", "syncer", "scrubber", "lock", "chat_reader",
    "segmenter", "understand", "reading", "chat_without_upload_tokens", "owners", "permissions",
)  # fmt: skip
"""What a service is made of: none of it is for the web or the command line."""
AGENT = Principal("person", "person:1", "小李", frozenset({"agent"}), "2192")
COMPLIANCE = Principal("person", "person:2", "小赵", frozenset({"compliance"}))


@dataclass
class Written:
    """A recorder that keeps what it is given."""

    entries: list[AuditEntry] = field(default_factory=list)

    def add(self, entry: AuditEntry) -> None:
        self.entries.append(entry)

    def settle(self) -> None:
        """There is nothing to wait for."""


def _named(module: str) -> Iterator[tuple[str, ast.AST]]:
    for node in ast.walk(ast.parse(source(module))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_only_composition_makes_a_service_and_only_the_gate_one_for_somebody() -> None:
    makers = {m for m in modules() for name, _ in _named(m) if name.split(".")[-1] == "Service"}
    assert makers == {"kchat_search.composition"}
    given = {
        module
        for module in modules()
        for name, call in _named(module)
        if name in ("replace", "dataclasses.replace")
        and isinstance(call, ast.Call)
        and {"permissions", "viewer", "searcher"} & {k.arg for k in call.keywords}
    }
    assert given == {"kchat_search.gate"}


@pytest.mark.parametrize("room", ["web", "cli", "wsgi"])
def test_web_and_command_line_hold_no_part_of_a_service(room: str) -> None:
    found = [
        f"{module}: {ast.unparse(node)}"
        for module in modules()
        if module.split(".")[1:2] == [room]
        for node in ast.walk(ast.parse(source(module)))
        if isinstance(node, ast.Attribute)
        and node.attr in PARTS
        and ast.unparse(node.value).split(".")[-1].strip("_()") in ("service", "program", "gate")
    ]
    assert found == []


def test_the_web_gets_a_service_for_whoever_asks_and_for_nobody_else() -> None:
    """At one place, of which `current.program` is the way; nowhere is the owner named."""
    web = [module for module in modules() if module.split(".")[1:2] in (["web"], ["wsgi"])]
    makers = {m for m in web for name, _ in _named(m) if name.split(".")[-1] in ("for_", "Gate")}
    assert makers == {"kchat_search.web.http.current"}
    names = {
        getattr(node, "id", getattr(node, "attr", getattr(node, "name", "")))
        for module in web
        for node in ast.walk(ast.parse(source(module)))
    }
    assert not names & {"OWNER", "make_service", "Service", "Searcher"}


def gate(world: World) -> Gate:
    return Gate(owners=world.service)


def test_what_is_asked_is_recorded_with_what_was_found(world: World) -> None:
    world.sync()
    written = Written()
    service = gate(world).for_(COMPLIANCE, written)
    total = service.search(SearchRequest(q="退款", filters={"agent_id": ("2192",)})).total
    related = service.related(SearchRequest(q="退款 发票")).related_total
    number = service.search(SearchRequest(per_page=1)).hits[0].chat.id
    service.chat(number)
    service.chat(number, "退款 a&b")
    with pytest.raises(NotFound):
        service.chat(10**9, "退款")
    within = Within(SearchRequest(q="退款", filters={"agent_id": ("2192",)}, sort="newest"), at=1)
    service.chat(number, "退款", find="x&y", within=within)
    service.chat(number, reveal=True)
    service.history(number)
    similar = len(service.similar(number).hits)
    with pytest.raises(NotFound):
        service.similar(10**9)
    exported = service.export(SearchRequest(q="a&b=c%", sort="oldest", history=True)).total
    service.rejects()
    service.hot("7d")
    service.suggest("agent:", 6, "zh")  # what a search lists beside the hits anyway
    visitors = len(service.suggest("退款 visitor:4", 12, "zh").found)
    assert [(e.action, e.object, e.query, e.count) for e in written.entries] == [
        ("search", "", "q=退款&agent_id=2192", total),
        ("related", "", "q=退款 发票", related),
        ("search", "", "q=&per_page=1", 25),
        ("view", f"chat:{number}", "", 1),
        ("view", f"chat:{number}", "q=退款 a%26b", 1),
        ("view", f"chat:{10**9}", "q=退款", 0),
        ("view", f"chat:{number}", "q=退款&agent_id=2192&sort=newest&find=x%26y", 1),
        ("reveal", f"chat:{number}", "", 1),
        ("versions", f"chat:{number}", "", 1),
        ("similar", f"chat:{number}", "", similar),
        ("similar", f"chat:{10**9}", "", 0),
        ("export", "", "q=a%26b=c%25&history=true&sort=oldest", exported),
        ("rejects", "", "", 0),
        ("hot", "", "period=7d", 0),
        ("suggest", "", "q=退款 visitor:4", visitors),
    ]


@pytest.mark.parametrize(("principal", "counted"), [(AGENT, 2), (COMPLIANCE, 0)], ids=["a", "c"])
def test_whole_numbers_are_counted_wherever_a_query_is_given(
    world: World, principal: Principal, counted: int
) -> None:
    """Who sees them masked learns of each whether it is there: also from what is marked in one
    chat."""
    world.sync()
    written = Written()
    service = gate(world).for_(principal, written)
    q = "13800138845 OR 13912345678"
    number = min(world.archived())
    service.search(SearchRequest(q=q))
    service.related(SearchRequest(q=q))
    service.chat(number, q)
    assert [(e.action, e.numbers) for e in written.entries] == [
        (action, counted) for action in ("search", "related", "view")
    ]


def test_for_whom_a_service_is_is_not_for_another(world: World) -> None:
    world.sync()
    everybody = gate(world)
    assert everybody.for_(ANYONE).search(SearchRequest()).total == 25
    for principal in (NOBODY, Principal("person", "person:3", "管", frozenset({"admin"}))):
        with pytest.raises(Forbidden, match="'search'"):
            everybody.for_(principal).search(SearchRequest())
    with pytest.raises(Forbidden, match="'numbers'"):
        everybody.for_(AGENT).chat(1, reveal=True)
    assert everybody.for_(OWNER).search(SearchRequest()).total == 25


def test_an_export_ends_where_the_role_is_taken_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sync()
    monkeypatch.setattr("kchat_search.search.export_walk.BATCH", 10)
    now = [COMPLIANCE]
    service = gate(world).for_(COMPLIANCE, again=lambda: now[0])
    chats = service.export(SearchRequest(sort="oldest")).chats
    assert len([next(chats) for _ in range(10)]) == 10
    now[0] = AGENT
    with pytest.raises(Forbidden, match="'export'"):
        next(chats)
