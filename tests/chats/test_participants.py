"""Who took part, and the keys of whoever said something."""

from __future__ import annotations

import pytest

from kchat_search.chats.participants import sender_of_agent, sender_of_name
from kchat_search.chats.reader import Transcript
from kchat_search.chats.speakers import KnownAgents, speakers_of
from kchat_search.models.chats import Chat, Message

AGENTS = KnownAgents({"7": "李雷", "8": "韩梅梅", "9": "林涛", "10": "林涛"})

Said = tuple[str, str | None, str | None, str]
"""(name, role, user id, text)."""


def transcript(
    *said: Said, agent: str | None = "7", agents: KnownAgents = AGENTS, kind: str = "chat.msg"
) -> Transcript:
    messages = tuple(
        Message(None, position, kind, name, text, role, None, user_id=user_id)
        for position, (name, role, user_id, text) in enumerate(said)
    )
    chat = Chat(1, "chat", "visitor", "", agent, None, None, None, None, None, None, messages)
    return Transcript(chat, None, speakers_of(chat, agents), None, agents)


@pytest.mark.parametrize(
    ("said", "participant", "sender"),
    [
        (("韩梅梅", "agent", "8", "好"), ("8", "韩梅梅"), "#8"),
        (("韩梅梅", "agent", None, "好"), ("8", "韩梅梅"), "#8"),
        (("韩梅梅", None, None, "好"), ("8", "韩梅梅"), "#8"),
        ((" 韩梅梅 ", None, None, "好"), ("8", "韩梅梅"), "#8"),
        (("小韩", "agent", "8", "好"), ("8", "韩梅梅"), "#8"),
        (("", None, "8", "好"), ("8", "韩梅梅"), "#8"),
        (("林涛", "agent", None, "好"), (None, "林涛"), "林涛"),
        (("林涛", "agent", "10", "好"), ("10", "林涛"), "#10"),
        (("KEVIN", "agent", None, "好"), (None, "KEVIN"), "kevin"),
        (("Kevin", "agent", "99", "好"), (None, "Kevin"), "kevin"),
        (("#8", "agent", None, "好"), (None, "#8"), " #8"),
        (("", "agent", None, "好"), None, ""),
        (("王先生", "visitor", "8", "好"), None, "王先生"),
        (("韩梅梅", "visitor", None, "好"), None, "韩梅梅"),
        (("#8", "visitor", None, "好"), None, " #8"),
        (("＃８", "visitor", None, "好"), None, " #8"),
        (("小智", "robot", "8", "好"), None, "小智"),
        (("王先生", None, None, "好"), None, "王先生"),
    ],
)
def test_an_agent_is_known_by_id_or_else_by_name(
    said: Said, participant: tuple[str | None, str | None] | None, sender: str
) -> None:
    read = transcript(said)
    assert read.senders == (sender,)
    assert read.participants == (("7", "李雷"), *([participant] if participant else []))


def test_each_agent_is_there_once_and_the_one_in_charge_comes_first() -> None:
    said = [(name, "agent", None, "好") for name in ("韩梅梅", "李雷", "Kevin", "韩梅梅", "Kevin")]
    read = transcript(*said)
    assert [each.value for each in read.participants] == ["7", "8", "Kevin"]
    assert [each.value for each in transcript(*said, agent=None).participants] == [
        "8",
        "7",
        "Kevin",
    ]


def test_who_only_joined_took_no_part() -> None:
    assert (
        transcript(("韩梅梅", "agent", "8", ""), kind="chat.memberjoin", agent=None).participants
        == ()
    )


def test_an_agent_in_charge_without_a_name_is_known_by_id() -> None:
    read = transcript(("小林", "agent", "12", "好"), agent="12")
    assert read.participants == (("12", None),)
    assert read.senders == ("#12",)


def test_no_name_is_the_key_of_an_agent() -> None:
    for name in ("#8", "＃8", " #8", "﹟8", "##8"):
        assert sender_of_name(name) != sender_of_agent("8"), name
        assert not sender_of_name(name).startswith("#"), name


def test_the_visitors_names_are_those_on_the_visitors_messages() -> None:
    names = ("欧阳娜娜", " 访客7 ", "欧阳娜娜", "", "访客7")
    read = transcript(
        *((name, "visitor", None, "好") for name in names), ("李雷", "agent", "7", "好")
    )
    assert read.visitor_names == ("欧阳娜娜", "访客7")
