"""Who spoke, case by case."""

from __future__ import annotations

import pytest

from kchat_search.chats.speakers import speakers_of, visitor_name
from kchat_search.models.chats import Chat, Message


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
    assert speakers_of(chat((name, None), joined=joined, by=by), agent_name)[-1] == speaker


def test_a_role_goes_before_every_name() -> None:
    talk = chat(("访客5", " Agent "), ("李雷", "visitor"), ("小智", "robot"), ("访客5", "odd"))
    assert speakers_of(talk, "李雷") == ("agent", "visitor", "robot", "visitor")


def test_without_an_agent_nobody_who_joined_later_is_one() -> None:
    talk = chat(("小智", None), joined="王先生 小智", agent=False)
    assert speakers_of(talk, None) == ("visitor", "unknown", "unknown")


def test_the_visitors_name_is_the_first_that_the_visitor_has() -> None:
    talk = chat(("", "visitor"), ("李雷", "agent"), ("王先生", "visitor"))
    assert visitor_name(talk, speakers_of(talk, None)) == "王先生"
    assert visitor_name(chat(), ()) is None
