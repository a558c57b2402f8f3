"""What a principal does not see does not exist: every answer equals that of an archive which holds
only what it may see, byte for byte."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from kchat_search.access.needs import NEEDED
from kchat_search.access.policy import EVERY_PERMISSION
from kchat_search.errors import BadRequest, Forbidden, KchatSearchError, NotFound
from kchat_search.fields import FACETS
from kchat_search.gate import Gate
from kchat_search.models.hot import PERIODS, RUN_LIST, Days, HotRun, KeptQuestion, run_name
from kchat_search.models.people import Principal, Role
from kchat_search.models.search import SearchRequest
from kchat_search.serialization.chats import agents_json, chat_json
from kchat_search.serialization.hot import hot_json
from kchat_search.serialization.links import Links
from kchat_search.serialization.search import related_json, search_json, similar_json
from kchat_search.serialization.status import coverage_json
from kchat_search.service import Service
from kchat_search.web import create_app
from tests.access.planted import (
    AGENTS,
    FILES,
    RARE,
    WORDS,
    conversations,
    lines_json,
    opened,
    took_part,
)
from tests.web.gates import OpenGate
from tests.world import BEGIN, asked, chat, message

pytestmark = pytest.mark.slow
LINKS = Links("http://127.0.0.1:5080", None)
CHATS = conversations(7, 60)
IDS = [versions[0]["id"] for versions in CHATS]
OPERATORS = ("agent", "assigned", "from", "visitor", "user", "status", "rating", "type", "date")
TYPED = [f"{name}:{typed}" for name in OPERATORS for typed in ("", "林", "访客", "4", "王", "2016")]
SEEN_BY = ("2192", "2193", "8")


def agent(agent_id: str | None, *more: Role, kind: Any = "person") -> Principal:
    roles: frozenset[Role] = frozenset({"agent", *more})
    return Principal(kind, f"{kind}:{agent_id}", "小李", roles, agent_id)


def keep_hot_questions(gate: Gate) -> None:
    """As the worker found them in everybody's chats."""
    days = Days.of("90d", gate.clock().date())
    questions = tuple(
        KeptQuestion(tuple(IDS[first::3]), tuple(IDS[first::15]), (*WORDS[:3], *RARE[first::3]))
        for first in range(3)
    )
    run = HotRun(1, "90d", BEGIN, days, questions)
    archive = gate.owners.archive
    archive.set_cursor(run_name(1, "90d"), run.to_json(), now=BEGIN)
    listed = {"runs": [{"number": 1, "made_at": BEGIN.isoformat()}]}
    archive.set_cursor(RUN_LIST, listed, now=BEGIN)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """Everybody's chats, in an index of several segments, with rejects."""
    gate = opened(
        tmp_path_factory.mktemp("whole") / "w", CHATS, rejects=3, in_pieces=True, agents_see="own"
    )
    keep_hot_questions(gate)
    yield gate
    gate.close()


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str | None, Gate]]:
    """By agent: the archive that holds only what they may see."""
    folder = tmp_path_factory.mktemp("parts")
    gates: dict[str | None, Gate] = {}
    for key in (*SEEN_BY, None):
        own = [v for v in CHATS if key is not None and took_part(v, key)]
        # Names tell who spoke, so whoever shares one with somebody is there too.
        names = {AGENTS[each] for each in AGENTS if any(took_part(v, each) for v in own)}
        known = {each: name for each, name in AGENTS.items() if name in names}
        gates[key] = opened(folder / str(key), own, agents=known, agents_see="own")
        keep_hot_questions(gates[key])
    yield gates
    for gate in gates.values():
        gate.close()


def a_query(rnd: random.Random, number: int) -> str:
    """Anything that may be typed, each kind in its turn: words, strange and misspelled ones,
    conditions, operators."""
    word = rnd.choice([*WORDS, *RARE, *AGENTS.values()])
    typo = word[:-1] + rnd.choice("款流单x") if len(word) > 1 else word
    other = rnd.choice(RARE)
    kinds = [
        word,
        f"{word} {other}",
        f"{word}{rnd.choice(WORDS)} {rnd.choice(WORDS)}",
        f'"{word}"',
        f"{word[:2]}*",
        typo,
        f"{typo} {word}",
        f"{word} OR {other}",
        f"-{word}",
        f"{word} -{other}",
        f'"{word} {rnd.choice(WORDS)}"~9',
        f"agent:{rnd.choice([*AGENTS, *AGENTS.values(), '林', '红', 'lin', '王五'])}",
        f"assigned:{rnd.choice([*AGENTS, '韩', '9'])} {word}",
        f"from:{rnd.choice(['visitor', 'agent', *AGENTS.values(), '林'])} {word}",
        f"visitor:{rnd.choice(['3', '访客4', '12'])}",
        f"user:{rnd.choice(['45190', '45191', '9'])}",
        f"id:{rnd.choice(IDS)}",
        str(rnd.choice(IDS)),
        f"file:{rnd.choice(FILES)}",
        rnd.choice(["has:upload", "is:gone", "-has:upload", "-is:gone"]),
        f"status:{rnd.choice(['open', '进行中', '进行时', 'queue'])}",
        f"rating:{rnd.choice(['满意', 'none', '不满意', '一般'])} {word}",
        f"date:2016-0{rnd.randrange(1, 8)} {word}",
        f"said:2016-0{rnd.randrange(1, 8)}-1{rnd.randrange(10)}",
        f"date:2016-03 {word} {other}",
        "",
    ]
    return kinds[number % len(kinds)]


def a_request(rnd: random.Random, number: int) -> SearchRequest:
    given: dict[str, Any] = {}
    for name, values in {
        "agent_id": [*AGENTS, "none", "99"],
        "participant": [*AGENTS, "none"],
        "visitor_id": ["1", "2", "none"],
        "status": ["open", "close", "queue"],
        "rating": ["1", "none"],
        "spoke": ["visitor", "agent"],
        "has_upload": ["true", "false"],
        "start": ["2016-02-01"],
        "end": ["2016-04-30"],
        "said_start": ["2016-02-01"],
        "said_end": ["2016-05-10"],
    }.items():
        if rnd.random() < 0.05:
            given[name] = rnd.choice(values)
    return asked(
        a_query(rnd, number),
        sort=rnd.choice(["relevance", "relevance", "newest", "oldest"]),
        page=rnd.choice([1, 1, 1, 2]),
        per_page=rnd.choice([3, 20, 100]),
        facets=rnd.choice([None, None, (), (rnd.choice(FACETS),)]),
        snippets=rnd.randrange(4),
        related=rnd.choice([20, 20, 3]),
        **given,
    )


ALWAYS = [*map(str, IDS[:6]), *(f"退 date:2016-0{month}" for month in range(1, 8))]
"""Numbers of chats, and days that leave out what was said in them: what is suggested."""


def text_of(answer: Any) -> str:
    return json.dumps(answer, ensure_ascii=False)


def said(ask: Callable[[], Any]) -> str:
    """An answer as it is sent, or its error."""
    try:
        return text_of(ask())
    except KchatSearchError as error:
        return f"{type(error).__name__}: {error}"


def suggestions(service: Service) -> Iterator[tuple[str, str]]:
    for q in TYPED:
        yield f"suggest {q}", text_of(asdict(service.suggest(q, len(q), "en")))
    yield "in use", text_of(asdict(service.in_use()))


def questions(service: Service, seed: int, count: int) -> Iterator[tuple[str, str]]:
    """(what was asked, the answer as it is sent), for everything that can be asked."""
    rnd = random.Random(seed)
    zone = service.presentation.zone
    requests = [asked(q) for q in ALWAYS] + [a_request(rnd, number) for number in range(count)]
    for request in requests:
        page = service.search(request)
        assert page.took_ms is None
        yield f"{request}", text_of(search_json(request, page, zone, LINKS))
    for number in range(count // 10):
        request = a_request(rnd, number)
        yield (
            f"related {request}",
            text_of(related_json(request, service.related(request), zone, LINKS)),
        )
        yield f"found {request}", text_of(sorted(service.chats_found(request)))
        found = service.by_meaning(request)
        yield f"by meaning {request}", text_of([(one.hit.chat.id, one.hit.score) for one in found])
    for chat_id in (*IDS[::2], 1, 10**9):
        q = a_query(rnd, chat_id)
        yield (
            f"chat {chat_id} {q}",
            said(
                lambda chat_id=chat_id, q=q: [  # type: ignore[misc]
                    chat_json(view := service.chat(chat_id, q), zone, LINKS, q),
                    lines_json(view.others, zone),
                    view.others_total,
                    lines_json((every := service.visitor_chats(chat_id, q)).chats, zone),
                    every.total,
                ]
            ),
        )
        yield (
            f"chats like {chat_id}",
            said(
                lambda chat_id=chat_id: similar_json(  # type: ignore[misc]
                    chat_id, service.similar(chat_id), zone, LINKS
                )
            ),
        )
        yield (
            f"page of chat {chat_id} {q}",
            said(
                lambda chat_id=chat_id, q=q: chat_json(  # type: ignore[misc]
                    service.chat(chat_id, "", find=q, sent=False), zone, LINKS, q
                )
            ),
        )
    for period in PERIODS:
        yield f"hot {period}", text_of(hot_json(service.hot(period), zone, LINKS))
    for place in (1, 2, 3):
        request = asked(hot=f"1-90d-{place}", sort="newest")
        yield f"{request}", text_of(search_json(request, service.search(request), zone, LINKS))
    yield from suggestions(service)
    yield "agents", text_of(agents_json(service.agents()))
    yield "coverage", text_of(coverage_json(service.coverage(), zone))
    for sort in ("relevance", "newest", "oldest"):
        request = asked("退", sort=sort, per_page=4)
        while request.cursor is not None or request.page == 1:
            page = service.search(request)
            yield f"walk {request}", text_of(search_json(request, page, zone, LINKS))
            if page.cursor is None:
                break
            request = asked("退", sort=sort, per_page=4, cursor=page.cursor, page=2)
    closed: dict[str, Callable[[], Any]] = {
        "export": lambda: list(service.export(asked(sort="newest")).chats),
        "versions": lambda: service.versions(IDS[0]),
        "history": lambda: service.history(IDS[0]),
        "past": lambda: service.search(asked("退款", history=True)),
        "past in the query": lambda: service.search(asked("in:history 退款")),
        "every agent": service.every_agent,
        "rejects": service.rejects,
        "count of rejects": service.count_rejects,
        "status": service.status,
        "counts": service.counts,
        "totals": service.totals,
        "reports": service.reports,
        "index": service.index_state,
        "coverage of all": service.coverage_now,
        "holder": service.holder,
        "account": service.checked_account,
        "who has the account": service.can_check_account,
        "a try of the account": service.check_account,
        "reveal": lambda: service.chat(IDS[0], reveal=True),
    }
    for name, ask in closed.items():
        with pytest.raises(Forbidden):
            ask()
        yield name, said(ask)
    yield "alerts", text_of(service.alerts())
    yield "rebuilt", text_of(service.rebuilt_percent())
    yield "ready", said(service.ready)
    yield "Kchat", text_of(service.kchat_chat_url())
    yield "may", text_of([one for one in EVERY_PERMISSION if service.may(one)])


@pytest.mark.parametrize(
    "principal",
    [agent("2192"), agent("2193", "auditor"), agent("8", kind="token"), agent(None)],
    ids=lambda p: f"{p.kind} {p.agent_id} {'+'.join(sorted(p.roles))}",
)
def test_every_answer_is_that_of_an_archive_with_only_what_may_be_seen(
    principal: Principal, whole: Gate, parts: dict[str | None, Gate]
) -> None:
    count = 10 if principal.agent_id is None else 78
    seed = int(principal.agent_id or 0)
    asked_of_whole = questions(whole.for_(principal), seed, count)
    asked_of_part = questions(parts[principal.agent_id].for_(principal), seed, count)
    for (name, answer), (same, expected) in zip(asked_of_whole, asked_of_part, strict=True):
        assert name == same
        assert answer == expected, name


class Noting:
    """A service, and what was asked of it."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self.asked: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.asked.add(name)
        return getattr(self._service, name)


def test_everything_is_asked(whole: Gate) -> None:
    """A method that is added to the service has no answer above, and turns this red."""
    service: Any = Noting(whole.for_(agent("2192")))
    for _ in questions(service, 1, 10):
        pass
    everything = {
        name
        for name in dir(Service)
        if not name.startswith("_")
        and (needed := getattr(getattr(Service, name), NEEDED, None)) is not None
        and needed != ("operate",)
    }
    assert everything - service.asked == {"follow_words"}, "which reads a file again, and says none"


ASKED_OVER_HTTP = (
    "/",
    "/?q=",
    "/?q=退款",
    "/?q=退单+琥珀",
    "/?q=agent:2195+退",
    "/?q=in:history+退",
    "/?q=退&sort=newest&page=2",
    "/?q=退+date:2016-03",
    "/?q=琥珀&history=true",
    "/?agent_id=2195&participant=2195",
    "/api/v1/search?q=退&per_page=3",
    "/api/v1/search?q=退&sort=oldest&per_page=3",
    "/api/v1/related?q=退款+琥珀",
    "/api/v1/agents",
    "/api/v1/export?q=退",
    "/api/v1/rejects",
    "/api/v1/status",
    "/status",
    "/metrics",
    "/readyz",
    "/openapi.json",
    "/nothing",
    "/chats/nothing",
)


def headers(answer: TestResponse) -> list[tuple[str, str]]:
    return [(name, value) for name, value in answer.headers if name != "Date"]


@pytest.mark.parametrize("agent_id", ["2192", None])
def test_pages_and_api_say_the_same_of_both(
    agent_id: str | None, whole: Gate, parts: dict[str | None, Gate]
) -> None:
    """Status, headers and body: an `ETag`, a length, an error too."""
    clients = [
        create_app(
            OpenGate(gate.for_(agent(agent_id), pages=True)), clock=whole.clock
        ).test_client()
        for gate in (whole, parts[agent_id])
    ]
    chats = [
        path.format(chat_id)
        for chat_id in (*IDS[:6], 10**9)
        for path in (
            "/chats/{}?q=退款",
            "/chats/{}?offset=100",
            "/chats/{}/versions",
            "/api/v1/chats/{}?q=退",
            "/api/v1/chats/{}/versions",
        )
    ]
    for path in (*ASKED_OVER_HTTP, *chats):
        one, other = (client.get(path) for client in clients)
        assert one.status_code == other.status_code, path
        assert headers(one) == headers(other), path
        assert one.text == other.text, path
        tag = {"If-None-Match": one.headers.get("ETag", "*")}
        again = [client.get(path, headers=tag).status_code for client in clients]
        assert again[0] == again[1], path


@pytest.fixture
def seen(whole: Gate) -> dict[int, bool]:
    """By chat: does agent 2192 see it?"""
    assert isinstance(whole, Gate)
    return {versions[0]["id"]: took_part(versions, "2192") for versions in CHATS}


def test_somebody_sees_some_chats_and_not_others(seen: dict[int, bool], whole: Gate) -> None:
    service = whole.for_(agent("2192"))
    found = set(service.searcher.ids(asked(sort="newest")))
    assert found == {chat_id for chat_id, sees in seen.items() if sees}
    assert 10 < len(found) < len(IDS) - 10
    assert service.search(asked()).coverage.chats == service.coverage().chats == len(found)


def test_a_foreign_chat_differs_in_nothing_from_none(seen: dict[int, bool], whole: Gate) -> None:
    """Not in words, and the archive is asked for neither."""
    service = whole.for_(agent("2192"))
    foreign = next(chat_id for chat_id, sees in seen.items() if not sees)
    for chat_id in (foreign, 10**9):
        with pytest.raises(NotFound) as refused:
            service.chat(chat_id)
        assert str(refused.value) == f"There is no chat {chat_id} in the archive."
        assert not service.searcher.sees(chat_id)


NOT_OF_2193: dict[str, list[dict[str, Any]]] = {
    "a visitor with their name": [message(1, 1, AGENTS["2193"], "你好", role="visitor")],
    "a visitor with their name, known by id": [
        message(1, 1, AGENTS["2193"], "你好", user_id=45190)
    ],
    "a visitor with their name, who joined": [
        message(1, 1, AGENTS["2193"], "", type="chat.memberjoin"),
        message(2, 1, AGENTS["2193"], "你好"),
    ],
    "an agent with the id of another": [message(1, 1, AGENTS["2193"], "你好", user_id=2194)],
    "an agent whose name is their id": [message(1, 1, "2193", "你好", role="agent")],
    "a visitor whose name is their id": [message(1, 1, "2193", "你好", role="visitor")],
    "they merely joined": [message(1, 1, AGENTS["2193"], "", type="chat.memberjoin", role="agent")],
    "they are merely spoken of": [message(1, 1, "访客1", f"请找{AGENTS['2193']} 2193")],
}


def test_who_had_no_part_in_a_chat_does_not_see_it(tmp_path: Path) -> None:
    sent = [
        chat(number, agent_id=2192, user_id=45190, messages=said)
        for number, said in enumerate(NOT_OF_2193.values(), 1)
    ]
    gate = opened(tmp_path / "w", [[one] for one in sent], agents_see="own")
    try:
        found = set(gate.for_(agent("2193")).searcher.ids(asked(sort="newest")))
        assert [list(NOT_OF_2193)[number - 1] for number in found] == []
        assert gate.for_(agent("2192")).search(asked()).total == len(NOT_OF_2193)
    finally:
        gate.close()


@pytest.mark.parametrize("sort", ["relevance", "newest"])
def test_a_cursor_of_another_principal_is_refused(whole: Gate, sort: Any) -> None:
    mine = whole.for_(agent("2192")).search(asked("退", sort=sort, per_page=1)).cursor
    request = asked("退", sort=sort, per_page=1, cursor=mine)
    assert whole.for_(agent("2192")).search(request).hits
    for other in (agent("2193"), agent("2192", kind="token"), agent("2192", "compliance")):
        with pytest.raises(BadRequest, match="another account") as refused:
            whole.for_(other).search(request)
        assert refused.value.parameter == "cursor"


def test_who_sees_their_own_and_is_no_agent_is_told_why_there_is_nothing(whole: Gate) -> None:
    page = whole.for_(agent(None)).search(asked("退款"))
    assert page.total == 0
    assert [note.code for note in page.query.notes] == ["no_agent_id"]
    assert whole.for_(agent("2192")).search(asked("退款")).query.notes == ()


def test_roles_add_up(whole: Gate) -> None:
    both = whole.for_(agent("2192", "compliance"))
    page = both.search(asked())
    assert page.total == len(IDS)
    assert page.took_ms is not None
    assert both.count_rejects() == 3
    admin = whole.for_(agent("2192", "admin"))
    assert admin.search(asked()).total < len(IDS)
    assert admin.status().counts.chats == len(IDS), "who runs the program knows how much there is"
    with pytest.raises(Forbidden):
        admin.rejects()


def test_what_waits_for_the_index_is_told_as_not_complete_and_not_how_much(
    tmp_path: Path,
) -> None:
    gate = opened(tmp_path / "w", CHATS[:9], agents_see="own", rejects=2)
    try:
        service = gate.for_(agent("2192"))
        before = service.coverage()
        assert (before.complete, before.pending, before.rejected) == (True, 0, 0)
        gate.owners.archive.queue([IDS[0]])
        after = service.coverage()
        assert (after.complete, after.pending, after.rejected) == (False, 0, 0)
        assert gate.for_(agent("2192", "compliance")).coverage().pending == 1
    finally:
        gate.close()
