"""Nothing is missed and nothing invented, from a typed query to pages, cursor, facets and export.
An oracle that looks at every chat decides (`tests.search.language`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import product
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kchat_search.chats.visible_text import visible_text
from kchat_search.composition import make_service
from kchat_search.config import only
from kchat_search.fields import FACETS
from kchat_search.kchat.parse import ChatParser
from kchat_search.models.chats import FetchedChat
from kchat_search.models.search import ChatView, SearchRequest
from kchat_search.service import Service
from kchat_search.text.fold import fold
from tests.search.language import (
    AGENTS,
    PIECES,
    TRADITIONAL,
    WORDS,
    Query,
    Seen,
    fullwidth,
    holds,
    queries,
    relaxed,
    typed,
)
from tests.world import asked as search_for
from tests.world import chat, message

pytestmark = pytest.mark.slow

NOW = datetime(2016, 3, 20, 4, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
CORPORA = 6
CHATS = 40


class Corpus:
    def __init__(self, service: Service, seen: tuple[Seen, ...], seed: int) -> None:
        self.service = service
        self.seen = seen
        self.seed = seed

    def __repr__(self) -> str:
        return f"Corpus({self.seed})"  # so the report of a failure does not print all the chats


# -- random chats ----------------------------------------------------------------------------


def random_chat(chat_id: int, rnd: Random) -> dict[str, Any]:
    """A chat as Kchat sends it. `role` tells who spoke, because that is not tested here."""
    messages = []
    for number in range(rnd.choice((0, 1, 2, 3, 4))):
        text = "".join(rnd.choices(PIECES, k=rnd.choice((0, 1, 2, 3, 6))))
        for plain, traditional in TRADITIONAL.items() if rnd.random() < 0.3 else ():
            text = text.replace(plain, traditional)
        if rnd.random() < 0.2:
            text = text.upper().translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)})
        role, name = rnd.choice(("visitor", "agent", "robot")), rnd.choice(("x", "李雷", "韩 梅梅"))
        said = message(number + 1, chat_id, name, text, role=role)
        if rnd.random() < 0.15:
            name = rnd.choice(("发票.pdf", "發票，终版.PDF", "a.png"))
            said |= {"upload_id": 1, "upload": {"id": 1, "name": name, "url": "https://a.b/c"}}
        messages.append(said)
    day = rnd.choice(("02-28", "02-29", "03-01", "03-10", "03-14", "03-20"))
    clock = rnd.choice(("00:00:00", "07:59:59", "23:59:59"))
    return chat(chat_id) | {
        "messages": messages,
        "agent_id": rnd.choice((None, 1, "2", 3)),
        "visitor_id": rnd.choice((1, 2, 3)),
        "user_id": rnd.choice((None, 45190)),
        "status": rnd.choice(("close", "close", "open")),
        "rating": rnd.choice((None, 1, "满意", 0)),
        "started_by": rnd.choice(("visitor", "agent")),
        "type": rnd.choice(("chat", "chat", "ticket")),
        "created_at": rnd.choice((f"2016-{day} {clock}",) * 9 + (None,)),
    }


def seen(raw: dict[str, Any]) -> Seen:
    said: list[tuple[frozenset[str], str]] = []
    for m in raw["messages"]:
        who = frozenset((m["role"], fold(m["name"])))
        said.append((who, fold(visible_text(m["msg"]))))
        said += [(who, fold(m["upload"]["name"]))] if m["upload"] else []
        said += [(frozenset(), fold(m["name"]))] if m["role"] == "visitor" else []
    uploads = [m["upload"]["name"] for m in raw["messages"] if m["upload"]]
    spoke = {key for m in raw["messages"] for key in (m["role"], fold(m["name"]))}
    # Two agents are called 李雷, so that name alone tells no id.
    agents = [m["name"] for m in raw["messages"] if m["role"] == "agent"]
    took_part = {"2" if name == "韩 梅梅" else name for name in agents}
    if raw["agent_id"] is not None:
        took_part.add(str(raw["agent_id"]))
    created = raw["created_at"]
    moment = datetime.fromisoformat(created).replace(tzinfo=SHANGHAI) if created else None
    return Seen(
        raw,
        tuple((who, text) for who, text in said if text),
        frozenset(spoke),
        tuple(map(fold, uploads)),
        moment.date() if moment else None,
        moment,
        AGENTS.get(str(raw["agent_id"])),
        frozenset(took_part),
    )


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Corpus]]:
    with ExitStack() as stack:
        made = []
        for seed in range(CORPORA):
            folder = tmp_path_factory.mktemp(f"exact{seed}")
            (folder / "index").mkdir()
            service = stack.enter_context(closing(_service(folder)))
            rnd = Random(seed)
            chats = [random_chat(number, rnd) for number in range(1, CHATS + 1)]
            _index(service, chats)
            made.append(Corpus(service, tuple(map(seen, chats)), seed))
        yield made


def _service(folder: Path) -> Service:
    found = only(
        base_url="http://127.0.0.1:9",
        archive_url=f"sqlite:///{folder}/archive.sqlite3",
        index_dir=folder / "index",
        index_processes=1,
    )
    return make_service(found, lambda: NOW)


def _index(service: Service, chats: list[dict[str, Any]]) -> None:
    """Saved in several commits, each chat first in another version. So the index has several
    segments, and deletions."""
    parser = ChatParser(SHANGHAI)
    service.archive.save_agents(AGENTS, now=NOW)
    with service.indexing("test"):
        service.prepare()
        for start in range(0, len(chats), 15):
            for version in ({"status": "gone", "rating": "x"}, {}):
                fetched = [parser.parse_chat(each | version) for each in chats[start : start + 15]]
                service.archive.save([f for f in fetched if isinstance(f, FetchedChat)], now=NOW)
                service.indexer.index_pending()


# -- random filters --------------------------------------------------------------------------

_RATINGS = {"1": "1", "满意": "1", "0": "0", "none": None, "不满意": "0"}
_DAYS = st.sampled_from(["2016-02-28", "2016-02-29", "2016-03-01", "2016-03-14", "2017-01-01"])


def _several(*values: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.just(()) | st.lists(st.sampled_from(values), max_size=2, unique=True).map(tuple)


filters = st.fixed_dictionaries(
    {},
    optional={
        "agent_id": _several("1", "2", "none", "9"),
        "participant": _several("1", "2", "x", "李雷", "none", "9"),
        "visitor_id": st.sampled_from(["1", "2", "none"]),
        "user_id": st.sampled_from(["45190", "none"]),
        "status": _several("close", "open", "none"),
        "rating": _several(*_RATINGS),
        "started_by": st.sampled_from(["visitor", "agent"]),
        "type": st.sampled_from(["chat", "ticket"]),
        "spoke": _several("visitor", "robot", "none"),
        "has_upload": st.booleans(),
        "start": _DAYS | st.just("2016-03-01T00:00:00+08:00"),
        "end": _DAYS | st.just("2016-03-01T07:59:59+08:00"),
    },
)


def values(one: Seen, name: str) -> set[str | None]:
    """The values that a chat has in a field, as a facet counts them."""
    rating = one.raw["rating"]
    match name:
        case "rating":
            return {None if rating is None else _RATINGS[str(rating)]}
        case "has_upload":
            return {"true" if one.files else "false"}
        case "spoke":
            return {*one.spoke & {"visitor", "agent", "robot"}} or {None}
        case "participant":
            return {*one.participants} or {None}
        case "created_month":
            return {f"{one.day:%Y-%m}" if one.day else None}
        case "created_day":
            return {one.day.isoformat() if one.day else None}
        case _:
            value = one.raw[name]
            return {None if value is None else str(value)}


def passes(one: Seen, asked: dict[str, Any], but: str = "") -> bool:
    """Does this chat pass all filters but the one named `but`?"""
    for name, value in asked.items():
        if name == but or value == ():
            continue
        if name in ("start", "end"):
            if not _in_time(one, name, value):
                return False
            continue
        chosen = value if isinstance(value, tuple) else (value,)
        chosen = tuple(str(c).lower() if isinstance(c, bool) else c for c in chosen)
        meant = {_RATINGS[c] if name == "rating" else None if c == "none" else c for c in chosen}
        if not meant & values(one, name):
            return False
    return True


def _in_time(one: Seen, name: str, value: str) -> bool:
    if one.moment is None or one.day is None:
        return False
    if "T" in value:
        limit = datetime.fromisoformat(value)
        return one.moment >= limit if name == "start" else one.moment <= limit
    day = date.fromisoformat(value)
    return one.day >= day if name == "start" else one.day <= day


# -- the tests -------------------------------------------------------------------------------


def test_jieba_leaves_the_words_of_this_language_whole(corpora: list[Corpus]) -> None:
    split = corpora[0].service.segmenter.segment_han
    assert all(split(word) == [word] for word in WORDS)
    for pair in product(WORDS[:5], repeat=2):
        assert split("".join(pair)) == list(pair)


@pytest.mark.timeout(900)  # each example is a dozen searches
@settings(max_examples=1_000, deadline=None, print_blob=True)
@given(st.integers(0, CORPORA - 1), queries, filters, st.booleans())
def test_a_search_finds_what_a_look_at_every_chat_finds(
    corpora: list[Corpus], number: int, query: Query, asked: dict[str, Any], wide: bool
) -> None:
    corpus = corpora[number]
    text = fullwidth(typed(query)) if wide else typed(query)
    request = search_for(text, per_page=15, snippets=0, **asked)
    matching = [one for one in corpus.seen if holds(query, one)]
    expected = {one.raw["id"] for one in matching if passes(one, asked)}
    page = corpus.service.search(request)
    assert page.total == len(expected), text
    for name in FACETS:
        counted = Counter(
            value for one in matching if passes(one, asked, but=name) for value in values(one, name)
        )
        assert {v.value: v.count for v in page.facets[name]} == counted, (text, name)
    by_page = [hit.chat.id for found in pages(corpus, request) for hit in found.hits]
    assert len(by_page) == len(expected)
    assert set(by_page) == expected, text
    newest = walk(corpus, replace(request, sort="newest"))
    assert newest == sorted(expected, key=lambda i: order(corpus, i), reverse=True)
    assert walk(corpus, replace(request, sort="oldest")) == newest[::-1]
    exported = corpus.service.export(replace(request, sort="newest"))
    assert exported.total == len(expected)
    assert [each.chat.id for each in exported.chats if isinstance(each, ChatView)] == newest
    assert sorted(walk(corpus, request)) == sorted(expected)
    check_related(corpus, query, asked, request)


def check_related(
    corpus: Corpus, query: Query, asked: dict[str, Any], request: SearchRequest
) -> None:
    """Where fewer than twenty chats have all the words, those with some of them are related. They
    are counted nowhere else."""
    passing = [one for one in corpus.seen if passes(one, asked)]
    whole = {one.raw["id"] for one in passing if holds(query, one)}
    some = {one.raw["id"] for one in passing if relaxed(query, one)} - whole
    expected = some if len(whole) < 20 else set()
    page = corpus.service.search(replace(request, related=50))
    assert (page.total, page.related_total) == (len(whole), len(expected)), request.q
    found = [one.hit.chat.id for one in page.related if one.why == "words"]
    assert len(found) == len(set(found)) == min(50, len(expected)), request.q
    assert set(found) <= expected
    meant = {one.hit.chat.id for one in page.related if one.why == "meaning"}
    assert meant <= {one.raw["id"] for one in passing} - whole - set(found), request.q
    by_date = corpus.service.search(replace(request, sort="newest"))
    assert (by_date.total, by_date.related_total, by_date.related) == (len(whole), 0, ())


def pages(corpus: Corpus, request: SearchRequest) -> Iterator[Any]:
    for number in range(1, CHATS):
        page = corpus.service.search(replace(request, page=number, facets=()))
        yield page
        if not page.has_next:
            return


def walk(corpus: Corpus, request: SearchRequest) -> list[int]:
    """All ids, by cursor."""
    ids: list[int] = []
    cursor = None
    for _ in range(CHATS):
        page = corpus.service.search(replace(request, cursor=cursor, facets=()))
        ids += [hit.chat.id for hit in page.hits]
        cursor = page.cursor
        if cursor is None:
            break
    return ids


def order(corpus: Corpus, chat_id: int) -> tuple[float, int]:
    moment = corpus.seen[chat_id - 1].moment
    return (float("-inf") if moment is None else moment.timestamp(), chat_id)
