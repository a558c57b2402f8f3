"""The visitors and agents, and the chats that they have, one after another.

Invariant: chats are planned in order of time from one seeded random source. So the same seed and
the same times give the same chats, and ids rise with time.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from functools import cache
from random import Random
from typing import Any

from kchat_search.demo.conversations import express, saas, shop, smalltalk, telecom, travel
from kchat_search.demo.conversations.chat_course import ChatCourse
from kchat_search.demo.conversations.dialogue import Dialogue, Line
from kchat_search.demo.conversations.dialogue_script import Situation, read
from kchat_search.demo.conversations.facts import Facts
from kchat_search.demo.conversations.msg_form import msg_form
from kchat_search.demo.conversations.people import (
    AGENTS,
    TRADES,
    Past,
    Visitor,
    make_visitor,
)
from kchat_search.demo.conversations.planned_chat import STAMP, PlannedChat, PlannedMessage

_TRADE_WEIGHTS = (30, 20, 17, 18, 15)
_SCRIPTS = {"shop": shop, "express": express, "telecom": telecom, "saas": saas, "travel": travel}
_RATINGS = {
    "good": ((1, 4, 3), (70, 20, 10)),
    "mixed": ((3, 4, 2, 0), (40, 25, 20, 15)),
    "bad": ((0, 2, 3), (60, 30, 10)),
}
_RATING_TEXTS = {0: "不满意", 2: "不太满意", 3: "一般", 4: "基本满意", 1: "满意"}
"""Some accounts send these texts, not the codes."""
_PICTURES = ("jpg", "png")
_SIZES = {
    "jpg": (80_000, 4_500_000), "png": (30_000, 1_900_000), "pdf": (40_000, 900_000),
    "xlsx": (9_000, 350_000), "mp4": (900_000, 19_000_000),
}  # fmt: skip


@cache
def situations() -> dict[str, dict[str, Situation]]:
    """The situations of each trade, by code."""
    return {trade: read(_SCRIPTS[trade].SCRIPT) for trade in TRADES}


@cache
def blocks() -> dict[str, Situation]:
    """The shared parts of dialogue, by name."""
    return read(smalltalk.BLOCKS)


class ChatPlanner:
    """Plans one chat after another. `modern_since` is when the API got its newer fields."""

    def __init__(self, seed: int, modern_since: datetime) -> None:
        self._rng = Random(seed)  # nosec B311  # made-up conversations, the same each time
        self._modern_since = modern_since
        self._visitors: dict[str, deque[Visitor]] = {t: deque(maxlen=400) for t in TRADES}
        self._chat_id = 10_000 + self._rng.randint(1, 99)
        self._message_id = 200_000 + self._rng.randint(1, 999)
        self._upload_id = 5_000 + self._rng.randint(1, 99)
        self._visitor_id = 30_000 + self._rng.randint(1, 99)

    def next_chat(self, when: datetime, *, staffed: bool = False) -> PlannedChat:
        """The chat that begins at `when` (local), which is not before the chat planned last.

        `staffed`: an agent answers at any hour.
        """
        rng = self._rng
        trade = rng.choices(TRADES, _TRADE_WEIGHTS)[0]
        visitor = self._someone(trade, when)
        past = visitor.history[-1] if visitor.history else None
        situation = self._situation(trade, past)
        follows = past is not None and situation.options.get("after") == past.code
        facts = Facts(rng, when, visitor, past.facts if past and follows else {})
        temper = visitor.temper
        if rng.random() < (0.35 if follows else 0.12):
            temper = "angry"
        dialogue = Dialogue(rng, facts, visitor, temper, blocks())
        course = ChatCourse(rng, dialogue, trade, when, modern=when >= self._modern_since)
        course.perform(situation, past, staffed=staffed)
        agent = next((line.name for line in dialogue.lines if line.agent_id is not None), "")
        own = situation.options.get("started") != "agent"  # visitors never refer to an agent's call
        topic = situation.topic if own else ""
        visitor.history.append(Past(situation.code, topic, when, facts.kept(), agent))
        return self._planned_chat(dialogue, course, when, situation.code)

    def _someone(self, trade: str, when: datetime) -> Visitor:
        known = self._visitors[trade]
        if known and self._rng.random() < 0.3:
            visitor = self._rng.choice(known)
            last = visitor.history[-1].when
            if when - last > timedelta(hours=8):
                return visitor
        self._visitor_id += self._rng.randint(1, 4)
        member = self._rng.random() < 0.4
        user = 400_000 + self._visitor_id * 3 if member else None
        visitor = make_visitor(self._rng, self._visitor_id, user, trade)
        known.append(visitor)
        return visitor

    def _situation(self, trade: str, past: Past | None) -> Situation:
        known = situations()[trade]
        if past is not None and past.agent and self._rng.random() < 0.6:
            for situation in known.values():
                if situation.options.get("after") == past.code:
                    return situation
        fresh = [s for s in known.values() if "after" not in s.options]
        return self._rng.choices(fresh, [s.weight for s in fresh])[0]

    # From lines to a planned chat

    def _planned_chat(
        self, dialogue: Dialogue, course: ChatCourse, when: datetime, situation: str
    ) -> PlannedChat:
        self._chat_id += self._rng.choice((1, 1, 1, 2, 3))
        modern = when >= self._modern_since
        raw: dict[str, Any] = {
            "id": self._chat_id,
            "type": "chat",
            "started_by": "agent" if course.started_by_agent else "visitor",
            "status": "",
            "agent_id": None,
            "rating": None,
            "visitor_id": dialogue.visitor.id,
            "user_id": dialogue.visitor.user_id,
            "created_at": "",
            "assigned_at": None,
            "end_at": None,
        }
        plan = PlannedChat(raw, when, None, None, None, None, situation, modern)
        at = when.replace(microsecond=0)
        plan.start = at
        for line in dialogue.lines:
            at += timedelta(seconds=round(line.pause))
            message = self._message(line, at, dialogue.visitor, modern=modern)
            plan.messages.append(message)
            if line.kind == "memberjoin" and line.agent_id is not None:
                plan.assigned = plan.assigned or at
        self._finish(plan, dialogue, course, at)
        return plan

    def _finish(
        self, plan: PlannedChat, dialogue: Dialogue, course: ChatCourse, last: datetime
    ) -> None:
        rng = self._rng
        if course.left_open:
            return
        plan.end = last + timedelta(seconds=rng.randint(2, 90))
        rated = 0.36 if plan.modern else 0.22
        if plan.assigned is not None and rng.random() < rated:
            codes, weights = _RATINGS[dialogue.mood]
            code = rng.choices(codes, weights)[0]
            plan.rating = _RATING_TEXTS[code] if rng.random() < 0.03 else code
            late = rng.random() < 0.15
            wait = rng.randint(3_600, 150_000) if late else rng.randint(5, 400)
            plan.rated = plan.end + timedelta(seconds=wait)

    def _message(
        self, line: Line, at: datetime, visitor: Visitor, *, modern: bool
    ) -> PlannedMessage:
        self._message_id += self._rng.choice((1, 1, 1, 2))
        upload = self._upload(line, at) if line.kind == "upload" else None
        text = msg_form(line.kind, line.role, line.text, self._message_id) if modern else line.text
        raw: dict[str, Any] = {
            "id": self._message_id,
            "chat_id": self._chat_id,
            "type": f"chat.{line.kind}",
            "name": line.name,
            "msg": "" if upload else text,
            "upload_id": upload["id"] if upload else None,
            "is_read": 0,
            "created_at": at.strftime(STAMP),
            "upload": upload,
        }
        if modern:
            raw["role"] = line.role or None
            raw["user_id"] = visitor.user_id if line.role == "visitor" else line.agent_id
            raw["recalled"] = False
        recalled = None
        if modern and line.recalled_after is not None:
            recalled = at + timedelta(seconds=line.recalled_after)
        return PlannedMessage(at, raw, line.agent_id, recalled)

    def _upload(self, line: Line, at: datetime) -> dict[str, Any]:
        rng = self._rng
        self._upload_id += rng.choice((1, 1, 2))
        kind = line.text.rpartition(".")[2].lower()
        wide, high = rng.choice(((1080, 1440), (1170, 2532), (1280, 720), (3024, 4032)))
        token = f"{rng.getrandbits(96):024x}"
        return {
            "id": self._upload_id,
            "name": line.text,
            "size": rng.randint(*_SIZES.get(kind, (2_000, 200_000))),
            "type": kind,
            "url": f"https://files.example.com/{at:%Y/%m}/{self._upload_id}.{kind}",
            "created": at.strftime(STAMP),
            "width": wide if kind in _PICTURES else None,
            "height": high if kind in _PICTURES else None,
            "token": token,
            "oss_token": f"made-up-{token[:12]}",
        }


def agent_users() -> list[dict[str, Any]]:
    """The agents, in the form of `users.json`."""
    return [agent.user() for agent in AGENTS]
