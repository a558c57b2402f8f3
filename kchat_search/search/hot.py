"""Hot questions: what the worker has kept of them, and the search that finds the chats of one.

A word marks a question only for whoever sees a chat of it with that word.
"""

from __future__ import annotations

from kchat_search.errors import BadRequest
from kchat_search.models.hot import RUN_LIST, HotId, HotRun, KeptQuestion, Period, run_name
from kchat_search.models.plan import AllOf, Contains, FieldIs, Messages, Node
from kchat_search.ports import IndexReader, StoredChats

_BY_VISITOR = Messages(speaker="visitor")


def kept_run(archive: StoredChats, period: Period) -> HotRun | None:
    """The last run of a period; None where there is none, or it is damaged."""
    for number in _numbers(archive)[:1]:
        value = archive.cursor(run_name(number, period))
        if value is not None:
            return HotRun.from_json(value)
    return None


def kept_question(archive: StoredChats, name: str) -> KeptQuestion:
    """The question with this id. Raises `BadRequest` where there is none."""
    hot_id = HotId.read(name)
    if hot_id is not None and hot_id.run in _numbers(archive):
        value = archive.cursor(run_name(hot_id.run, hot_id.period))
        if value is not None and hot_id.place <= len(value["questions"]):
            return KeptQuestion.from_json(value["questions"][hot_id.place - 1])
    raise BadRequest(
        f"there is no hot question {name[:30]!r}, or not any more, since they are kept for 7 days: "
        "see /hot for those of now",
        "hot",
    )


def chats_of(question: KeptQuestion) -> Node:
    """Its chats."""
    return FieldIs("id", tuple(map(str, question.chats)))


def words_seen(question: KeptQuestion, index: IndexReader, *, sees_all: bool) -> tuple[str, ...]:
    """The words that mark it for somebody who sees `index`. `sees_all`: all chats."""
    if sees_all:
        return question.words
    chats = chats_of(question)
    return tuple(
        word
        for word in question.words
        if index.count(AllOf((chats, Contains(word, _BY_VISITOR)))) > 0
    )


def _numbers(archive: StoredChats) -> list[int]:
    """The numbers of the runs that are kept, newest first."""
    value = archive.cursor(RUN_LIST) or {"runs": []}
    return [run["number"] for run in value["runs"]]
