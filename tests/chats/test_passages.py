"""What of a chat is searched, and who said it when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kchat_search.chats.passages import passages_of
from kchat_search.chats.reader import Transcript
from kchat_search.chats.speakers import KnownAgents, speakers_of
from kchat_search.models.chats import Chat, Message, Upload
from kchat_search.models.plan import Passage

AGENTS = KnownAgents({"7": "李雷"})
BEGIN = datetime(2019, 7, 1, 15, 50, tzinfo=UTC)
AT = int(BEGIN.timestamp())


def said(
    text: str,
    file: str | None = None,
    *,
    name: str = "欧阳娜娜",
    role: str | None = "visitor",
    kind: str = "chat.msg",
    minutes: int | None = 0,
) -> Message:
    upload = None if file is None else Upload(None, file, None, "", None)
    at = None if minutes is None else BEGIN + timedelta(minutes=minutes)
    return Message(None, 0, kind, name, text, role, at, upload=upload)


def passages(*messages: Message) -> list[tuple[int | None, Passage]]:
    chat = Chat(1, "chat", "", "", "7", None, None, None, None, None, None, messages)
    return list(passages_of(Transcript(chat, None, speakers_of(chat, AGENTS), None, AGENTS)))


VISITOR = (None, Passage("欧阳娜娜", None))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (said("想换颜色"), [Passage("想换颜色", "visitor", "欧阳娜娜", AT)]),
        (said("<p>想换<b>颜色</b></p>"), [Passage("想换颜色", "visitor", "欧阳娜娜", AT)]),
        (said("退\u200b款"), [Passage("退款", "visitor", "欧阳娜娜", AT)]),
        (said("退\n款"), [Passage("退 款", "visitor", "欧阳娜娜", AT, ("退款",))]),
        (
            said("400-820-8820"),
            [Passage("400-820-8820", "visitor", "欧阳娜娜", AT, ("4008208820",))],
        ),
        (said("", "报告.PDF"), [Passage("报告.pdf", "visitor", "欧阳娜娜", AT)]),
        (
            said("", "KT-INS114.pdf"),
            [Passage("kt-ins114.pdf", "visitor", "欧阳娜娜", AT, ("ktins114.pdf",))],
        ),
        (
            said("看", "a.png"),
            [
                Passage("看", "visitor", "欧阳娜娜", AT),
                Passage("a.png", "visitor", "欧阳娜娜", AT),
            ],
        ),
        # without any text, who said it and when is still known
        (said(""), [Passage("", "visitor", "欧阳娜娜", AT)]),
        (said("", "", kind="chat.upload"), [Passage("", "visitor", "欧阳娜娜", AT)]),
        (said("<br>"), [Passage("", "visitor", "欧阳娜娜", AT)]),
        (said("\ufeff", kind="chat.card"), [Passage("", "visitor", "欧阳娜娜", AT)]),
        (said("好", minutes=None), [Passage("好", "visitor", "欧阳娜娜", None)]),
        # but that somebody joined is nothing that was said
        (said("", kind="chat.memberjoin"), []),
        (said("", kind="chat.system"), []),
        (
            said("加入对话", kind="chat.memberjoin"),
            [Passage("加入对话", "visitor", "欧阳娜娜", AT)],
        ),
    ],
)
def test_a_message_is_searched_by_its_visible_text_and_its_file(
    message: Message, expected: list[Passage]
) -> None:
    assert passages(message) == [*((0, passage) for passage in expected), VISITOR]


def test_each_name_of_the_visitor_is_a_passage_that_nobody_said() -> None:
    names = ["访客5", "ＡＮＮＡ", "anna", " 欧阳 娜娜 ", ""]
    found = passages(*(said("好", name=name) for name in names), said("在", name="李雷", role=None))
    assert [passage for position, passage in found if position is None] == [
        Passage("anna", None),
        Passage("欧阳 娜娜", None, joined=("欧阳娜娜",)),
    ]
    assert found[5] == (5, Passage("在", "agent", "#7", AT))


def test_every_message_has_its_own_time() -> None:
    found = passages(said("在吗"), said("我要投诉", minutes=15))
    assert [passage.said for _, passage in found] == [AT, AT + 900, None]
