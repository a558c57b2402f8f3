"""Who spoke, case by case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kchat_search.chats.speakers import NO_AGENTS, KnownAgents, is_said, speakers_of, visitor_name
from kchat_search.models.chats import Chat, Message, Upload


def chat(*said: tuple[str, str | None], joined: str = "", by: str = "", agent: bool = True) -> Chat:
    """`said`: (name, role) of each message. `joined`: names, separated by blanks; they join before
    anybody says anything."""
    rows: list[tuple[str, str, str | None]] = []
    rows += [("chat.memberjoin", name, None) for name in joined.split()]
    rows += [("chat.msg", name, role) for name, role in said]
    messages = tuple(
        Message(None, position, type_, name, "", role, None)
        for position, (type_, name, role) in enumerate(rows)
    )
    agent_id = "7" if agent else None
    return Chat(1, "chat", by, "", agent_id, None, None, None, None, None, None, messages)


@pytest.mark.parametrize(
    ("joined", "by", "agent_name", "name", "speaker"),
    [
        ("王先生 李雷", "visitor", None, "王先生", "visitor"),
        ("王先生 李雷", "", None, "李雷", "agent"),
        ("王先生 李雷 韩梅梅", "visitor", None, "韩梅梅", "agent"),
        ("李雷 王先生", "agent", None, "李雷", "agent"),
        ("李雷 王先生", "agent", None, "王先生", "visitor"),
        ("李雷 王先生 韩梅梅", "agent", None, "韩梅梅", "agent"),
        ("李雷 王先生", "visitor", "李雷", "王先生", "visitor"),
        ("李雷 访客5", "visitor", None, "李雷", "agent"),
        ("李雷 访客5", "visitor", None, "访客5", "visitor"),
        ("李雷", "agent", None, "李雷", "agent"),
        ("", "visitor", "李雷", "李雷", "agent"),
        ("", "visitor", " 李雷", "李雷 ", "agent"),
        ("", "visitor", None, "访客 12", "visitor"),
        ("", "visitor", None, "王先生", "unknown"),
        ("", "visitor", "", "", "unknown"),
    ],
)
def test_a_name_tells_the_speaker(
    joined: str, by: str, agent_name: str | None, name: str, speaker: str
) -> None:
    agents = NO_AGENTS if agent_name is None else KnownAgents({"7": agent_name})
    assert speakers_of(chat((name, None), joined=joined, by=by), agents)[-1] == speaker


KNOWN = KnownAgents({"7": "李雷", "8": " 韩梅梅 ", "9": "林涛", "10": "林涛"})


@pytest.mark.parametrize(
    ("joined", "by", "name", "user_id", "speaker"),
    [
        ("", "visitor", "韩梅梅", None, "agent"),
        ("", "visitor", "林涛", None, "agent"),
        ("", "visitor", "小王", "8", "agent"),
        ("", "visitor", "", "8", "agent"),
        ("", "visitor", "", "7", "agent"),
        ("", "visitor", "王先生", "501", "unknown"),
        ("韩梅梅 王先生 李雷", "visitor", "王先生", None, "visitor"),
        ("韩梅梅 王先生 李雷", "visitor", "韩梅梅", None, "agent"),
        ("韩梅梅 王先生", "agent", "王先生", None, "visitor"),
        ("韩梅梅 李雷", "visitor", "韩梅梅", None, "visitor"),
        ("访客5 韩梅梅 李雷", "visitor", "韩梅梅", None, "agent"),
    ],
)
def test_every_agent_whom_kchat_lists_is_known(
    joined: str, by: str, name: str, user_id: str | None, speaker: str
) -> None:
    talk = chat((name, None), joined=joined, by=by)
    last = talk.messages[-1]._replace(user_id=user_id)
    talk = replace(talk, messages=(*talk.messages[:-1], last))
    assert speakers_of(talk, KNOWN)[-1] == speaker


@pytest.mark.parametrize(
    ("user_id", "speaker"), [("45190", "visitor"), (None, "agent"), ("8", "agent"), ("45", "agent")]
)
def test_the_visitors_id_tells_who_it_is_that_is_called_like_an_agent(
    user_id: str | None, speaker: str
) -> None:
    """Else that agent would have taken part, and see the chat among their own."""
    talk = replace(chat(("韩梅梅", None)), user_id="45190")
    message = talk.messages[0]._replace(user_id=user_id)
    assert speakers_of(replace(talk, messages=(message,)), KNOWN) == (speaker,)


@pytest.mark.parametrize(
    ("type_", "text", "has_file", "said"),
    [
        ("chat.msg", "你好", False, True),
        ("chat.msg", "", False, True),
        ("chat.upload", "", True, True),
        ("chat.upload", "", False, False),
        ("chat.memberjoin", "", False, False),
        ("chat.memberjoin", "李雷 加入对话", False, True),
        ("chat.memberleave", "", False, False),
        ("chat.system", "", False, False),
        ("chat.system", "会话已转接", False, True),
        ("", "", False, False),
    ],
)
def test_an_event_without_text_is_not_said_by_anybody(
    type_: str, text: str, has_file: bool, said: bool
) -> None:
    upload = Upload(None, "a.pdf", None, "pdf", None) if has_file else None
    assert is_said(Message(None, 0, type_, "李雷", text, None, None, upload=upload)) is said


def test_a_role_goes_before_every_name() -> None:
    talk = chat(("访客5", " Agent "), ("李雷", "visitor"), ("小智", "robot"), ("访客5", "odd"))
    assert speakers_of(talk, KnownAgents({"7": "李雷"})) == ("agent", "visitor", "robot", "visitor")


def test_without_an_agent_nobody_who_joined_later_is_one() -> None:
    talk = chat(("小智", None), joined="王先生 小智", agent=False)
    assert speakers_of(talk, NO_AGENTS) == ("visitor", "unknown", "unknown")


def test_the_visitors_name_is_the_first_that_the_visitor_has() -> None:
    talk = chat(("", "visitor"), ("李雷", "agent"), ("王先生", "visitor"))
    assert visitor_name(talk, speakers_of(talk, NO_AGENTS)) == "王先生"
    assert visitor_name(chat(), ()) is None
