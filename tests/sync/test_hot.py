"""The worker finds what visitors asked about most, and keeps it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kchat_search.archive import SqlArchive
from kchat_search.composition import make_gate
from kchat_search.config import only
from kchat_search.errors import ArchiveError, BadRequest
from kchat_search.kchat.parse import ChatParser
from kchat_search.models.chats import FetchedChat
from kchat_search.models.hot import RUN_LIST, HotRun, KeptQuestion, run_name
from kchat_search.models.search import SearchRequest
from kchat_search.service import Service
from kchat_search.sync.hot import EVERY, KEPT, LEAST, marking
from tests.meaning.tables import random_table
from tests.world import chat, message

NOW = datetime(2016, 3, 20, 4, tzinfo=UTC)
REFUNDS = ("退款几天到账", "退款到账几天了", "几天到账退款呢,电话13800138845")
BILLS = ("发票怎么开", "怎么开发票", "要开发票怎么")
TABLE = random_table("退款几天到账发票怎么开要")


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


def sent(chat_id: int, day: int, said: str) -> dict[str, Any]:
    created = f"2016-03-{day:02} 10:00:00"
    messages = [message(1, chat_id, "访客1", "在吗"), message(2, chat_id, "访客1", said)]
    return chat(chat_id, messages=messages, created_at=created)


def conversations() -> Iterator[dict[str, Any]]:
    """12 refunds of this week and 6 of the week before, 7 bills of this week, one question that
    nobody else has."""
    for number in range(12):
        yield sent(100 + number, 14 + number % 7, REFUNDS[number % 3])
    for number in range(6):
        yield sent(200 + number, 7 + number % 7, REFUNDS[number % 3])
    for number in range(7):
        yield sent(300 + number, 14 + number % 7, BILLS[number % 3])
    yield sent(400, 20, "天要发")


@pytest.fixture(scope="module")
def opened_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Clock]]:
    folder = tmp_path_factory.mktemp("hot")
    (folder / "index").mkdir()
    clock = Clock()
    service = make_gate(
        only(
            archive_url=f"sqlite:///{folder}/archive.sqlite3",
            index_dir=folder / "index",
            index_processes=1,
        ),
        clock=clock,
    ).owners
    parser = ChatParser(service.presentation.zone)
    fetched = [parser.parse_chat(each) for each in conversations()]
    service.archive.save([each for each in fetched if isinstance(each, FetchedChat)], now=NOW)
    engine = service.engine
    with service.indexing("test"):
        batches = service.indexer._batches(service.archive.iterate(), 1_000_000)
        documents = service.indexer._documents()
        engine.rebuild(
            batches, service.indexer.fingerprint, documents, lambda *_: None, table=TABLE
        )
    yield service, clock
    service.close()


@pytest.fixture
def service(opened_once: tuple[Service, Clock]) -> Iterator[Service]:
    service, clock = opened_once
    clock.now = NOW
    service.archive.set_cursor("backfill", {"proven": True}, now=NOW)
    yield service
    runs = numbers(service)
    names = [run_name(number, period) for number in runs for period in ("7d", "30d", "90d")]
    service.archive.drop_cursors([RUN_LIST, *names])


@pytest.fixture
def clock(opened_once: tuple[Service, Clock]) -> Clock:
    return opened_once[1]


def numbers(service: Service) -> list[int]:
    return [run["number"] for run in (service.archive.cursor(RUN_LIST) or {"runs": []})["runs"]]


def kept(service: Service, number: int = 1, period: Any = "7d") -> HotRun:
    value = service.archive.cursor(run_name(number, period))
    assert value is not None
    return HotRun.from_json(value)


def test_questions_that_mean_the_same_are_one_by_size_with_their_change(service: Service) -> None:
    service.hot_questions.renew()
    page = service.hot("7d")
    assert [(question.total, question.before) for question in page.questions] == [(12, 6), (7, 0)]
    assert [question.change for question in page.questions] == [6, 7]
    assert (page.total, page.covered) == (20, 19)
    refunds, bills = page.questions
    assert "退款" in refunds.words
    assert any("发票" in word for word in bills.words)
    assert "退款" not in bills.words
    for question, texts in ((refunds, REFUNDS), (bills, BILLS)):
        said = [message.snippet.text for message in question.messages]
        assert set(said) <= set(texts)
        assert len(said) == len(set(said)) >= 1


def test_chats_are_kept_as_a_set_and_no_text_but_single_words(service: Service) -> None:
    service.hot_questions.renew()
    run = kept(service)
    assert run.questions[0].chats == (*range(100, 112), *range(200, 206))
    assert run.questions[1].chats == tuple(range(300, 307))
    value = json.dumps(service.archive.cursor(run_name(1, "7d")), ensure_ascii=False)
    assert "138" not in value.replace(json.dumps(list(run.questions[0].typical)), "")
    assert not any(text in value for text in (*REFUNDS, *BILLS))


def test_the_same_chats_give_the_same_questions(service: Service) -> None:
    first = service.hot_questions.renew()
    again = service.hot_questions.renew()
    assert [run.questions for run in first] == [run.questions for run in again]


def test_a_tick_finds_them_where_there_are_none_or_they_are_old(
    service: Service, clock: Clock
) -> None:
    tick = service.hot_questions.tick
    service.archive.set_cursor("backfill", {}, now=NOW)
    tick()
    assert numbers(service) == []  # the import is not complete
    service.archive.set_cursor("backfill", {"proven": True}, now=NOW)
    tick()
    tick()
    assert numbers(service) == [1]
    clock.now += EVERY - timedelta(seconds=1)
    tick()
    assert numbers(service) == [1]
    clock.now += timedelta(seconds=1)
    tick()
    assert numbers(service) == [2, 1]
    clock.now -= timedelta(days=1)  # the clock was ahead
    tick()
    assert numbers(service) == [3, 2, 1]


def test_links_hold_for_seven_days(service: Service, clock: Clock) -> None:
    service.hot_questions.renew()
    clock.now += KEPT
    service.hot_questions.renew()
    assert service.search(SearchRequest(hot="1-7d-1")).total == 18
    clock.now += timedelta(seconds=1)
    service.hot_questions.renew()
    assert numbers(service) == [3, 2]
    with pytest.raises(BadRequest):
        service.search(SearchRequest(hot="1-7d-1"))
    assert service.archive.cursor(run_name(1, "7d")) is None


@pytest.mark.parametrize("write", range(4))
def test_killed_between_two_writes_the_next_run_is_whole(
    service: Service, monkeypatch: pytest.MonkeyPatch, write: int
) -> None:
    service.hot_questions.renew()
    before = service.hot("30d")
    set_cursor, done = SqlArchive.set_cursor, iter(range(10))

    def stops(self: SqlArchive, *given: Any, **named: Any) -> None:
        if next(done) == write:
            raise ArchiveError("killed")
        set_cursor(self, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(SqlArchive, "set_cursor", stops)
        with pytest.raises(ArchiveError):
            service.hot_questions.renew()
    assert service.hot("30d") == before
    service.hot_questions.renew()
    assert numbers(service) == [2, 1]
    after = service.hot("30d")
    assert [question.total for question in after.questions] == [
        question.total for question in before.questions
    ]


def test_a_table_that_is_gone_ends_it_and_old_links_hold(
    service: Service, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    service.hot_questions.renew()
    describe = service.engine.describe()
    monkeypatch.setattr(
        type(service.engine), "describe", lambda _: type(describe)("x", "g", "f", 1, 1)
    )
    clock.now += EVERY
    service.hot_questions.tick()
    assert numbers(service) == [1]
    assert service.hot("7d").state == "off"
    assert service.search(SearchRequest(hot="1-7d-1")).total == 18


def test_few_chats_have_no_hot_questions(service: Service, clock: Clock) -> None:
    clock.now = NOW + timedelta(days=9)  # the last seven days have none
    service.hot_questions.renew()
    page = service.hot("7d")
    assert (page.state, page.questions, page.total) == ("ready", (), 0)
    assert LEAST > 1


@pytest.mark.parametrize(
    ("own", "others", "words"),
    [
        ({"退款": 9, "到账": 5}, {}, ("退款", "到账")),
        ({"退款": 9, "怎样": 9}, {"怎样": 90}, ("退款",)),
        ({"退款": 2}, {}, ()),
        ({"退款": 9, "退款流程": 8}, {}, ("退款",)),
        ({}, {"发票": 3}, ()),
    ],
)
def test_a_word_marks_a_question_if_several_chats_have_it_and_others_seldom(
    own: dict[str, int], others: dict[str, int], words: tuple[str, ...]
) -> None:
    assert marking(own, 10, others, 100) == words


@pytest.mark.parametrize("chats", [(), (1,), (5, 9, 2**62), tuple(range(3, 9_000, 7))], ids=len)
def test_what_is_kept_comes_back(chats: tuple[int, ...]) -> None:
    question = KeptQuestion(chats, chats[:3], ("退款",))
    read_back = json.loads(json.dumps(question.to_json()))
    assert KeptQuestion.from_json(read_back) == question
