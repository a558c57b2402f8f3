"""How a chat begins and ends around its situation: waiting, robots, transfers, farewells.

Invariant: everybody who speaks has joined before. (The robot and the system never join.)
"""

from __future__ import annotations

from datetime import datetime
from random import Random

from kchat_search.demo.conversations.dialogue import Dialogue
from kchat_search.demo.conversations.dialogue_script import Situation
from kchat_search.demo.conversations.people import AGENTS, Agent, Past

_DEPARTMENTS = {
    "shop": "商城售后组",
    "express": "快递查询组",
    "telecom": "通信业务组",
    "saas": "技术支持组",
    "travel": "旅行顾问组",
}
_AWAY = (
    "当前没有客服在线，您的留言已记录",
    "客服全忙，您前面还有 {few} 位访客",
    "现在是非工作时间，客服上班后会尽快回复",
    "排队超时，会话已转为留言",
)
_GONE = (
    "访客长时间未回复，会话自动结束",
    "访客已离开",
    "会话超时，系统已关闭会话",
)
_NIGHT, _MORNING, _EVENING = 22, 8, 18


class ChatCourse:
    """The course of one chat of `trade` that begins at `when` (local). It adds lines to
    `dialogue`."""

    def __init__(
        self, rng: Random, dialogue: Dialogue, trade: str, when: datetime, *, modern: bool
    ) -> None:
        self.started_by_agent = False
        self.left_open = False
        self._rng = rng
        self._dialogue = dialogue
        self._trade = trade
        self._when = when
        self._modern = modern
        dialogue.pick_colleague = self._colleague
        dialogue.facts.set("daypart", _daypart(when.hour))

    def perform(self, situation: Situation, past: Past | None, *, staffed: bool) -> None:
        """Add the whole chat, from the first join to the last message."""
        dialogue, rng = self._dialogue, self._rng
        dialogue.facts.set("topic", situation.topic)
        if past is not None:
            dialogue.facts.set("before", _before(rng, past.when, self._when))
            dialogue.facts.set("agent_then", past.agent or "你们同事")
        if situation.options.get("started") == "agent":
            self._agent_begins(situation)
        elif not staffed and self._nobody_there():
            self._unanswered(situation)
            return
        else:
            self._visitor_begins(situation, past)
        if rng.random() < 0.08 and self._visitor_vanishes():
            return
        self._farewell()
        if self._modern and rng.random() < 0.035:
            self._slip()
        self.left_open = rng.random() < 0.006

    # How chats begin

    def _agent_begins(self, situation: Situation) -> None:
        self.started_by_agent = True
        self._dialogue.agent_joins(self._on_duty(), 0.0)
        self._dialogue.visitor_joins()
        self._dialogue.play(situation.body)

    def _visitor_begins(self, situation: Situation, past: Past | None) -> None:
        dialogue, rng = self._dialogue, self._rng
        dialogue.visitor_joins()
        if (
            "after" not in situation.options
            and past is not None
            and past.topic
            and rng.random() < 0.45
        ):
            dialogue.facts.set("topic", past.topic)
            dialogue.talk("v", "again")
            dialogue.facts.set("topic", situation.topic)
            dialogue.after_opening = self._agent_answers
        elif self._modern and rng.random() < 0.2:
            dialogue.talk("r", "robot_hello")
            dialogue.after_opening = self._robot_answers
        elif rng.random() < 0.45:
            dialogue.after_opening = self._agent_answers
        else:
            opened = rng.random() < 0.5
            if opened:
                dialogue.talk("v", "openers")
            dialogue.agent_joins(self._first_agent(), self._queue())
            dialogue.talk("a", "hello_first")
            if not opened and rng.random() < 0.25:
                dialogue.talk("v", "openers")
            dialogue.after_opening = self._maybe_wrong_department
        dialogue.play(situation.body)

    def _agent_answers(self) -> None:
        if self._rng.random() < 0.06:
            self._dialogue.talk("v", "anybody")
        self._dialogue.agent_joins(self._first_agent(), self._queue())
        if self._rng.random() < 0.85:
            self._dialogue.talk("a", "hello_after")
        self._maybe_wrong_department()

    def _robot_answers(self) -> None:
        self._dialogue.talk("r", "robot_answers")
        self._dialogue.talk("v", "to_human")
        self._agent_answers()

    def _maybe_wrong_department(self) -> None:
        agent = self._dialogue.agent
        if agent is not None and agent.trade != self._trade:
            self._dialogue.transfer(_DEPARTMENTS[self._trade], "wrong_department")

    def _unanswered(self, situation: Situation) -> None:
        dialogue, rng = self._dialogue, self._rng
        dialogue.visitor_joins()
        if rng.random() < 0.4:
            dialogue.talk("v", "openers")
        dialogue.play_opening(situation.body)
        dialogue.utter("s", rng.choice(_AWAY))
        if rng.random() < 0.6:
            dialogue.talk("v", "anybody")
            dialogue.lines[-1].pause += rng.uniform(60, 400)

    # How chats end

    def _farewell(self) -> None:
        dialogue, rng = self._dialogue, self._rng
        if dialogue.mood == "bad" and rng.random() < 0.7:
            dialogue.talk("v", "grumbles")
            dialogue.talk("a", "sorries")
            return
        asked = rng.random() < 0.45
        if asked:
            dialogue.talk("a", "more")
            dialogue.talk("v", "no_more")
        elif rng.random() < 0.8:
            dialogue.talk(
                "v", "grumbles" if dialogue.mood == "mixed" and rng.random() < 0.4 else "thanks"
            )
        if rng.random() < 0.85:
            dialogue.talk("a", "byes")
        if self._modern and rng.random() < 0.06:
            dialogue.utter("s", f"{dialogue.visitor.name} 离开了会话")

    def _visitor_vanishes(self) -> bool:
        """End the chat after a message of the agent. False if the chat is too short for that."""
        dialogue, rng = self._dialogue, self._rng
        joined = max(n for n, line in enumerate(dialogue.lines) if line.kind == "memberjoin")
        cuts = [
            number
            for number, line in enumerate(dialogue.lines)
            if number > joined + 3 and line.role == "agent" and line.kind == "msg"
        ]
        if not cuts:
            return False
        del dialogue.lines[rng.choice(cuts) + 1 :]
        dialogue.talk("a", "pings")
        dialogue.lines[-1].pause += rng.uniform(180, 600)
        dialogue.utter("s", rng.choice(_GONE))
        dialogue.lines[-1].pause += rng.uniform(60, 300)
        return True

    def _slip(self) -> None:
        """Somebody sends a message that was meant for another chat, and recalls it."""
        dialogue, rng = self._dialogue, self._rng
        mine = rng.random() < 0.7
        role = "agent" if mine else "visitor"
        spots = [
            n for n, line in enumerate(dialogue.lines) if line.role == role and line.kind == "msg"
        ]
        if not spots:
            return
        spot = rng.choice(spots) + 1
        after = dialogue.lines[spot:]
        speaker = dialogue.lines[spot - 1]
        del dialogue.lines[spot:]
        who = "a" if mine else "v"
        dialogue.talk(who, "mistakes" if mine else "visitor_slips")
        slip = dialogue.lines[spot]
        slip.recalled_after = rng.uniform(4, 100) if rng.random() < 0.8 else rng.uniform(600, 9000)
        dialogue.talk(who, "oops" if mine else "visitor_oops")
        for line in dialogue.lines[spot:]:
            line.name, line.agent_id = speaker.name, speaker.agent_id
        dialogue.lines.extend(after)

    # Who answers, and when

    def _nobody_there(self) -> bool:
        night = self._when.hour >= _NIGHT or self._when.hour < _MORNING
        return self._rng.random() < (0.4 if night else 0.035)

    def _queue(self) -> float:
        """Seconds until an agent takes the chat. Sometimes this is long."""
        return min(self._rng.expovariate(1 / 25) + 2, 900.0)

    def _first_agent(self) -> Agent:
        if self._rng.random() < 0.04:
            return self._rng.choice([a for a in AGENTS if a.trade != self._trade])
        return self._on_duty()

    def _on_duty(self) -> Agent:
        late = self._when.hour >= _EVENING or self._when.hour < _MORNING
        team = [agent for agent in AGENTS if agent.trade == self._trade]
        weights = [3.0 if late and agent.late_shift else 1.0 for agent in team]
        return self._rng.choices(team, weights)[0]

    def _colleague(self) -> Agent:
        current = self._dialogue.agent
        team = [a for a in AGENTS if a.trade == self._trade and a is not current]
        return self._rng.choice(team)


def _daypart(hour: int) -> str:
    if hour < 12:
        return "上午" if hour >= 6 else "晚上"
    return "下午" if hour < _EVENING else "晚上"


def _before(rng: Random, then: datetime, now: datetime) -> str:
    """How people speak of that earlier day."""
    days = (now.date() - then.date()).days
    months = (now.year - then.year) * 12 + now.month - then.month
    if days == 0:
        return "早些时候"
    if days == 1:
        return "昨天"
    if days < 7:
        return rng.choice(("前几天", "上次"))
    if months == 1:
        return rng.choice(("上个月", "上次"))
    return rng.choice(("上次", "之前", "前阵子") if months < 6 else ("上次", "之前"))
