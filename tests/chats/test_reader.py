"""A stored chat as everybody reads it."""

from __future__ import annotations

import pickle

from kchat_search.chats.reader import ChatReader
from kchat_search.models.chats import Chat, Message
from kchat_search.text.fold import fold, fold_with_map

SAID = (("访客5", "我要退  款"), ("李雷", ""), ("李雷", "ＯＫ，①号"), ("小智", "訂單"))


def parse(_: str) -> Chat:
    messages = tuple(
        Message(None, position, "chat.msg", name, text, None, None)
        for position, (name, text) in enumerate(SAID)
    )
    return Chat(1, "chat", "visitor", "close", "7", None, "5", None, None, None, None, messages)


def test_names_and_speakers_are_told_by_the_agents_that_are_known() -> None:
    known = ChatReader(parse).read("", {"7": "李雷"})
    assert (known.agent_name, known.visitor_name) == ("李雷", "访客5")
    assert known.speakers == ("visitor", "agent", "agent", "unknown")
    unknown = ChatReader(parse).read("", {})
    assert (unknown.agent_name, unknown.speakers[1:]) == (None, ("unknown",) * 3)


def test_both_forms_of_the_texts_are_the_fold_of_every_message() -> None:
    transcript = ChatReader(parse).read("", {})
    assert transcript.texts == [fold(text) for _, text in SAID]
    assert transcript.texts_with_map == [fold_with_map(text) for _, text in SAID]


def test_a_reader_travels_to_other_processes() -> None:
    reader = ChatReader(parse)
    assert pickle.loads(pickle.dumps(reader)) == reader  # noqa: S301  # our own
