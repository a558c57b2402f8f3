"""Who sees private numbers masked learns nothing of what is hidden: two archives that differ in
hidden digits only give the same answers, byte for byte, to every query that holds no whole number.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import quote

import pytest

from kchat_search.errors import KchatSearchError
from kchat_search.gate import Gate
from kchat_search.meaning import floor
from kchat_search.models.people import Principal
from kchat_search.models.search import SearchRequest, Within
from kchat_search.serialization.chats import agents_json, chat_json
from kchat_search.serialization.links import Links
from kchat_search.serialization.search import related_json, search_json, similar_json
from kchat_search.service import Service
from kchat_search.text.fold import fold
from kchat_search.web import create_app
from tests.access.numbers import Number, Planted, planted
from tests.access.planted import WORDS, lines_json, opened
from tests.world import asked

pytestmark = pytest.mark.slow
LINKS = Links("http://127.0.0.1:5080", None)
COUNT = 16
ONE, OTHER = planted(5, 1, COUNT), planted(5, 2, COUNT)
IDS = [versions[0]["id"] for versions in ONE.chats]
AGENT = Principal("person", "person:1", "小李", frozenset({"agent"}), "2192")
TOKEN = Principal("token", "token:1", "报表", frozenset({"agent"}), "2192")
ADMIN = Principal("person", "person:3", "小周", frozenset({"admin"}))
COMPLIANCE = Principal("person", "person:2", "小赵", frozenset({"compliance"}))


@pytest.fixture(scope="module")
def gates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gate, Gate]]:
    folder = tmp_path_factory.mktemp("two")
    made = [
        opened(
            folder / name,
            each.chats,
            agents=each.agents,
            gone=lambda i: i % 7 == 0,
            access_url=f"sqlite:///{folder}/{name}.sqlite3",
        )
        for name, each in (("one", ONE), ("other", OTHER))
    ]
    yield made[0], made[1]
    for gate in made:
        gate.close()


@pytest.fixture(autouse=True)
def low_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each search with words has chats by their meaning."""
    for name in ("FLOOR", "BESIDE_HITS"):
        monkeypatch.setattr(floor, name, -1.0)


def test_the_two_archives_differ_in_hidden_digits_only() -> None:
    assert len(ONE.numbers) == len(OTHER.numbers) > 20
    for one, other in zip(ONE.numbers, OTHER.numbers, strict=True):
        assert (one.begins, one.ends) == (other.begins, other.ends)
    assert sum(o.hidden != t.hidden for o, t in zip(ONE.numbers, OTHER.numbers, strict=True)) > 20


def fragment(rnd: random.Random) -> str:
    """A part of a number: of what is seen of it, or of what is hidden, in one archive or the other;
    never all of it."""
    number: Number = rnd.choice(rnd.choice((ONE, OTHER)).numbers)
    whole = number.whole
    length = rnd.randrange(2, max(3, len(whole) - len(number.ends)))
    start = rnd.randrange(len(whole) - length + 1)
    return rnd.choice(
        (
            whole[start : start + length],
            number.begins + number.hidden[: rnd.randrange(1, len(number.hidden))],
            number.hidden[rnd.randrange(1, len(number.hidden)) :] + number.ends,
            number.ends,
            number.hidden,
            number.begins + "*" * len(number.hidden) + number.ends,
            number.begins + "****" + number.ends,
            f"{number.begins} {number.ends}",
        )
    )


def a_query(rnd: random.Random, number: int) -> str:
    part, word = fragment(rnd), rnd.choice(WORDS)
    kinds = [
        part,
        f'"{part}"',
        f"{part} {word}",
        f"{part}*",
        f'"{part[:3]} {part[3:] or word}"~{rnd.randrange(1, 20)}',
        f"-{part}",
        f"{word} -{part}",
        f"visitor:张{part}",
        f"from:王{part} {word}",
        f"from:张{part}",
        f"agent:{part}",
        f"agent:王{part}",
        f"assigned:王{part}",
        f"file:{part}",
        f"file:{part}.pdf",
        f"{part} OR {word}",
        f"{' '.join(part)}",
        f"{part[:4]}-{part[4:]}",
        f"+86{part}",
        f"tel:{part}",
        word,
        f"{word}{rnd.choice(WORDS)}",
        f"from:visitor {part}",
        f"said:2016-03 {part}",
        f"rating:满意，{part}",
        f'rating:"满意，{part}"',
        f"has:upload {part}",
        part.translate({48 + n: 0xFF10 + n for n in range(10)}),
        str(rnd.choice(IDS)),
        "",
    ]
    return kinds[number % len(kinds)]


def typed(rnd: random.Random, number: int) -> str:
    """A query that is being typed, with the cursor at its end."""
    operators = ("visitor", "agent", "user", "from", "assigned", "status", "rating", "type")
    part = fragment(rnd)
    begins = ("", "张", f"张{part}", part, "王", f"王{part}")
    return f"{operators[number % len(operators)]}:{rnd.choice(begins)}"


def holds_a_whole_number(q: str) -> bool:
    """Does the query hold a whole number of either archive? Then the answers may differ."""
    folded = re.sub(
        r"[^0-9a-z@.]", "", q.lower().translate({0xFF10 + n: 48 + n for n in range(10)})
    )
    return any(number.whole.lower() in folded for each in (ONE, OTHER) for number in each.numbers)


def text_of(answer: Any) -> str:
    return json.dumps(answer, ensure_ascii=False)


def said(ask: Callable[[], Any]) -> str:
    try:
        return text_of(ask())
    except KchatSearchError as error:
        return f"{type(error).__name__}: {error}"


def read_chat(service: Service, chat_id: int, q: str, within: Within | None) -> Any:
    zone = service.presentation.zone
    view = service.chat(chat_id, q, find=q[:3], within=within)
    found: list[Any] = [
        sorted(view.found.items()),
        repr(view.place),
        chat_json(view, zone, LINKS, q),
    ]
    found += [lines_json(view.others, zone), view.others_total]
    if view.chat.visitor_id:
        every = service.visitor_chats(chat_id, q)
        found += [every.total, every.page, lines_json(every.chats, zone)]
    return found


def answers(service: Service, count: int) -> Iterator[tuple[str, str]]:
    rnd = random.Random(11)
    zone = service.presentation.zone

    def search(request: SearchRequest) -> Any:
        page = service.search(request)
        return search_json(request, replace(page, took_ms=None), zone, LINKS)

    def related(request: SearchRequest) -> Any:
        page = service.related(request)
        return related_json(request, replace(page, took_ms=None), zone, LINKS)

    def similar(chat_id: int) -> Any:
        return similar_json(chat_id, service.similar(chat_id), zone, LINKS)

    asked_for = 0
    while asked_for < count:
        q = a_query(rnd, asked_for)
        asked_for += 1
        if holds_a_whole_number(q):
            continue
        request = asked(
            q,
            sort=rnd.choice(("relevance", "relevance", "newest")),
            snippets=rnd.choice((1, 2)),
            per_page=rnd.choice((2, 5)),
            facets=rnd.choice((None, (), ())),
            related=rnd.choice((0, 0, 5)),
        )
        yield f"search {q}", said(lambda request=request: search(request))  # type: ignore[misc]
        if asked_for % 20 == 0:
            yield f"related {q}", said(lambda request=request: related(request))  # type: ignore[misc]
        if asked_for % 40 == 0:
            chat_id, within = rnd.choice(IDS), Within(request, rnd.choice((None, 1, 2, 30)))
            yield (
                f"chat {chat_id} {q}",
                said(lambda i=chat_id, q=q, w=within: read_chat(service, i, q, w)),  # type: ignore[misc]
            )
    for chat_id in IDS:
        yield f"chat {chat_id}", said(lambda i=chat_id: read_chat(service, i, "", None))  # type: ignore[misc]
        yield f"like {chat_id}", said(lambda i=chat_id: similar(i))  # type: ignore[misc]
    yield from suggestions(service, rnd, count // 20)
    yield "agents", text_of(agents_json(service.agents()))


def suggestions(service: Service, rnd: random.Random, count: int) -> Iterator[tuple[str, str]]:
    for number in range(count):
        q = typed(rnd, number)
        if not holds_a_whole_number(q):
            yield f"suggest {q}", text_of(asdict(service.suggest(q, len(q), "zh")))
    yield "in use", text_of(asdict(service.in_use()))


@pytest.mark.parametrize(
    ("principal", "pages", "count"),
    [(AGENT, False, 1_000), (TOKEN, False, 27), (AGENT, True, 27)],
    ids=["agent", "token", "agent on pages"],
)
def test_a_thousand_queries_tell_nothing_of_hidden_digits(
    gates: tuple[Gate, Gate], principal: Principal, count: int, *, pages: bool
) -> None:
    one, other = (gate.for_(principal, pages=pages) for gate in gates)
    pairs = zip(answers(one, count), answers(other, count), strict=True)
    for (name, answer), (same, expected) in pairs:
        assert name == same
        assert answer == expected, name


def test_a_program_gets_the_same_bytes_from_both(gates: tuple[Gate, Gate]) -> None:
    """With their tags, cursors and lengths."""
    rnd = random.Random(7)
    paths = [f"/api/v1/chats/{chat_id}?q={fragment(rnd)}" for chat_id in IDS[:6]]
    paths += [f"/api/v1/chats/{chat_id}/similar" for chat_id in IDS[:6]]
    paths += [f"/chats/{chat_id}/similar" for chat_id in IDS[:2]]
    queries = [quote(a_query(rnd, number)) for number in range(0, 30, 3)]
    paths += [f"/api/v1/search?q={q}&per_page=2" for q in queries]
    paths += ["/?q=" + quote(fragment(rnd)), "/api/v1/related?q=" + quote(fragment(rnd))]
    clients, headers = [], []
    for gate in gates:
        assert gate.access is not None
        gate.access.people.add("小李", ["agent"])
        _, secret = gate.access.tokens.add("报表", ["agent"], agent_id="2192")
        clients.append(create_app(gate).test_client())
        headers.append({"Authorization": f"Bearer {secret}"})
    for path in ["/api/v1/agents", "/api/v1/me", "/api/v1/export?q=", "/api/v1/rejects", *paths]:
        one, other = (c.get(path, headers=h) for c, h in zip(clients, headers, strict=True))
        assert (one.status_code, one.data) == (other.status_code, other.data), path
        for name in ("ETag", "Link", "Content-Length"):
            assert one.headers.get(name) == other.headers.get(name), path


def test_who_sees_numbers_gets_other_answers(gates: tuple[Gate, Gate]) -> None:
    """So the test above can fail."""
    one, other = (gate.for_(COMPLIANCE) for gate in gates)
    pairs = list(zip(answers(one, 54), answers(other, 54), strict=True))
    assert sum(a != b for (_, a), (_, b) in pairs) > 20


def test_who_knows_the_whole_of_a_number_finds_it(gates: tuple[Gate, Gate]) -> None:
    gate, _ = gates
    service, clear = gate.for_(AGENT), gate.for_(COMPLIANCE)
    lost = []
    for number in ONE.numbers[:60]:
        everything = clear.search(asked(f'"{number.whole}"')).total
        found = service.search(asked(number.whole)).total
        if everything and not found:
            lost.append(number)
    messages = [message for versions in ONE.chats for message in versions[-1]["messages"]]
    recalled = [fold(message["msg"]) for message in messages if message.get("recalled")]
    assert [n for n in lost if not any(fold(n.whole) in text for text in recalled)] == []


def shown_to(service: Service) -> str:
    """All that a principal is shown of all chats."""
    zone = service.presentation.zone
    pages = [service.search(asked(q, per_page=100, snippets=5)) for q in ("", "退", "号码", "-zz")]
    texts = [text_of(search_json(asked(), page, zone, LINKS)) for page in pages]
    for chat_id in IDS:
        view = service.chat(chat_id)
        texts.append(text_of(chat_json(view, zone, LINKS)))
        texts.append(str(view))
    texts.append(text_of(agents_json(service.agents())))
    return re.sub(r"[ -]", "", "\n".join(texts).translate({0xFF10 + n: 48 + n for n in range(10)}))


@pytest.mark.parametrize(
    ("principal", "pages"),
    [(AGENT, False), (AGENT, True), (COMPLIANCE, True)],
    ids=["agent", "agent on pages", "compliance on pages"],
)
def test_no_planted_number_is_shown(
    gates: tuple[Gate, Gate], principal: Principal, *, pages: bool
) -> None:
    text = shown_to(gates[0].for_(principal, pages=pages))
    assert [number for number in ONE.numbers if number.whole.lower() in text.lower()] == []


def test_names_of_agents_are_masked_for_who_looks_after_people(gates: tuple[Gate, Gate]) -> None:
    names = text_of(dict(gates[0].for_(ADMIN).every_agent()))
    assert "王" in names
    assert [number for number in ONE.numbers if number.whole.lower() in names.lower()] == []


def test_no_number_of_a_former_version_is_shown_on_a_page(gates: tuple[Gate, Gate]) -> None:
    """Nor is what a chat still says shown as what it said before."""
    page, api = gates[0].for_(COMPLIANCE, pages=True), gates[0].for_(COMPLIANCE)
    former = 0
    for number in ONE.numbers:
        request = asked(f'"{number.whole}"', history=True, snippets=5)
        texts = [s.text for hit in page.search(request).hits for s in hit.snippets]
        assert not any(fold(number.whole) in fold(text) for text in texts), number
        marked = [[h.snippets for h in each.search(request).hits] for each in (page, api)]
        of_page, of_api = ([s.former for hit in hits for s in hit] for hits in marked)
        assert of_page == of_api
        former += sum(version is not None for version in of_page)
    assert former > 3


def test_compliance_sees_them_in_the_api_and_by_one_click(gates: tuple[Gate, Gate]) -> None:
    text = shown_to(gates[0].for_(COMPLIANCE))
    assert sum(number.whole in text for number in ONE.numbers) > 20
    service = gates[0].for_(COMPLIANCE, pages=True)
    revealed = re.sub(
        r"[ -]",
        "",
        "".join(m.text for i in IDS for m in service.chat(i, reveal=True).chat.messages),
    )
    assert sum(number.whole in revealed for number in ONE.numbers) > 20


# -- a scripted attacker ------------------------------------------------------------------------

WAYS = (
    "id:{chat} {part}",
    'id:{chat} ("{part}" OR file:{part} OR "{begins} {part}"~9 OR visitor:张{part})',
    "id:{chat} -{part}*",
)


def observed(service: Service, q: str, part: str) -> tuple[str, ...]:
    """All that one search tells, each sign by itself: the whole answer without what only repeats
    the query, total and order, scores, where marks lie, what is beside the hits."""
    request = asked(q, snippets=5, per_page=50, facets=("status",))
    page = replace(service.search(request), took_ms=None, cursor=None)
    zone = service.presentation.zone
    snippets = [snippet for hit in page.hits for snippet in hit.snippets]
    return (
        text_of(search_json(asked(), page, zone, LINKS)).replace(part, ""),
        str([hit.chat.id for hit in page.hits]),
        str([hit.score for hit in page.hits]),
        str([(snippet.message_id, snippet.highlights) for snippet in snippets]),
        str((page.facets, page.related_total, len(page.query.suggestions))),
        str([part.count for part in page.query.parts]),
        str([cut.total for cut in page.query.cuts]),
    )


def guessed(service: Service, number: Number, ways: Sequence[str] = WAYS) -> str:
    """What an attacker finds out of the hidden digits: they see the chat with the number masked,
    and try one digit after the other in every way that the query language has. A digit whose answer
    differs from all others, by any sign, is the next one."""
    found = ""
    for _ in number.hidden:
        votes: Counter[str] = Counter()
        for way in ways:
            told = {}
            for digit in "0123456789":
                part = number.begins + found + digit
                q = way.format(chat=number.chat, part=part, begins=number.begins)
                told[digit] = observed(service, q, part)
            for signs in zip(*told.values(), strict=True):
                common = Counter(signs).most_common(1)[0][0]
                different = [digit for digit in told if signs[int(digit)] != common]
                if len(different) == 1:
                    votes[different[0]] += 1
        if not votes:
            break
        found += votes.most_common(1)[0][0]
    return found


def test_an_attacker_recovers_none_of_twenty_numbers(gates: tuple[Gate, Gate]) -> None:
    targets = mobiles(ONE)[:20]
    assert len(targets) == 20
    service = gates[0].for_(AGENT)
    assert [n for n in targets if guessed(service, n) == n.hidden] == []


def test_the_same_attacker_recovers_numbers_that_are_not_masked(gates: tuple[Gate, Gate]) -> None:
    """So the attack is a real one."""
    service = gates[0].for_(COMPLIANCE)
    recovered = [n for n in mobiles(ONE)[:6] if guessed(service, n, WAYS[:1]) == n.hidden]
    assert len(recovered) >= 2


def mobiles(of: Planted) -> list[Number]:
    """Numbers with four hidden digits, in chats."""
    return [n for n in of.numbers if len(n.hidden) == 4 and n.hidden.isdigit() and n.chat]


@pytest.mark.parametrize("principal", [AGENT, COMPLIANCE], ids=["agent", "compliance"])
def test_what_is_found_by_meaning_is_the_same(
    gates: tuple[Gate, Gate], principal: Principal
) -> None:
    found = []
    for gate in gates:
        service = gate.for_(principal)
        chats = [service.by_meaning(asked(f"{word} 火箭")) for word in WORDS]
        found.append([[(one.hit.chat.id, one.hit.score) for one in each] for each in chats])
    assert found[0] == found[1]
    assert any(found[0])
