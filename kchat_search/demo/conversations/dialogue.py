"""Turn a situation and its people into lines, with the pauses between them.

Invariant: what one side says answers what the other side said before. Chance decides which phrasing
is used, never which answer belongs to which question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from kchat_search.demo.conversations import smalltalk
from kchat_search.demo.conversations.dialogue_script import (
    Branches,
    Call,
    Node,
    Perhaps,
    Phrase,
    Rate,
    Say,
    Situation,
    Transfer,
    read_phrases,
)
from kchat_search.demo.conversations.facts import Facts
from kchat_search.demo.conversations.people import Agent, Visitor
from kchat_search.demo.conversations.typing_style import agent_messages, visitor_messages

ROBOT = "智能助手小K"
SYSTEM = "系统"
_ASKS = {
    "ask_order": "order",
    "ask_track": "tracking",
    "ask_account": "account",
    "ask_phone": "phone",
}
_WAITS = {"look": (20.0, 140.0), "look_stock": (15.0, 90.0), "wait": (90.0, 420.0)}

TALK: dict[str, tuple[Phrase, ...]] = {
    name.lower(): read_phrases(getattr(smalltalk, name))
    for name in (
        "OPENERS", "HELLO_FIRST", "HELLO_AFTER", "MORE", "NO_MORE", "THANKS", "GRUMBLES", "SORRIES",
        "BYES", "PINGS", "ANYBODY", "AGAIN", "TO_HUMAN", "ROBOT_HELLO", "ROBOT_ANSWERS",
        "TRANSFER_WORDS", "TRANSFER_HELLO", "WRONG_DEPARTMENT", "MISTAKES", "OOPS",
        "VISITOR_SLIPS", "VISITOR_OOPS",
    )
}  # fmt: skip


@dataclass(slots=True)
class Line:
    """One message of the chat. `pause` is the time before it, in seconds. `role` is '' for the
    system."""

    kind: str
    role: str
    name: str
    text: str
    pause: float
    agent_id: int | None = None
    recalled_after: float | None = None
    """Seconds after which the message is recalled. None: it is not."""


class Dialogue:
    """The people of one chat, and what they said so far (`lines`)."""

    def __init__(
        self,
        rng: Random,
        facts: Facts,
        visitor: Visitor,
        temper: str,
        blocks: Mapping[str, Situation],
    ) -> None:
        self.rng = rng
        self.facts = facts
        self.visitor = visitor
        self.temper = temper
        self.mood = "good"
        self.agent: Agent | None = None
        self.lines: list[Line] = []
        self.after_opening: Callable[[], None] | None = None
        """Called once, when the visitor has said what it is about."""
        self.pick_colleague: Callable[[], Agent] | None = None
        self._blocks = blocks
        self._last_choice = 0
        self._route = ""
        self._extra_pause = 0.0

    # Parts of the script

    def play(self, body: Sequence[Node]) -> None:
        """Add the lines of a part of the script."""
        for node in body:
            match node:
                case Say():
                    self._turn(node)
                case Perhaps():
                    if self.rng.random() < node.chance:
                        self.play(node.body)
                case Branches():
                    self.play(self._branch(node))
                case Call():
                    self._call(node.name)
                case Transfer():
                    self.transfer(node.department, "transfer_words")
                case Rate():
                    self.mood = node.mood

    def _branch(self, node: Branches) -> tuple[Node, ...]:
        """A branch that the visitor's words lead to, or any branch if they lead to none."""
        fits = [self._route in names for names in node.routes]
        if not self._route or not any(fits):
            fits = [not self._route or not names for names in node.routes]
        weights = [weight * fit for weight, fit in zip(node.weights, fits, strict=True)]
        return self.rng.choices(node.bodies, weights if any(weights) else node.weights)[0]

    def play_opening(self, body: Sequence[Node]) -> None:
        """Add only what the visitor says first."""
        first = body[0]
        if isinstance(first, Branches):
            self.play_opening(self.rng.choices(first.bodies, first.weights)[0])
        elif isinstance(first, Say) and first.who == "v":
            self.utter("v", self._choose(first.phrases).text, first.kind)

    def _call(self, name: str) -> None:
        body = self._blocks[name].body
        if self._told(_ASKS.get(name)):
            return
        if name == "wait":  # in the last turn, the agent is back
            self.play(body[:-1])
            self._extra_pause = self.rng.uniform(*_WAITS[name])
            self.play(body[-1:])
        else:
            self.play(body)
            if name in _WAITS:
                self._extra_pause = self.rng.uniform(*_WAITS[name])

    def _told(self, fact: str | None) -> bool:
        """Has the visitor already said this number? Then nobody asks for it."""
        value = self.facts.known(fact) if fact else None
        return value is not None and any(value in x.text for x in self.lines if x.role == "visitor")

    def _turn(self, say: Say) -> None:
        phrase = say.phrases[self._last_choice] if say.echoes else self._choose(say.phrases)
        self._last_choice = say.phrases.index(phrase)
        self._route = phrase.route or self._route
        self.utter(say.who, phrase.text, say.kind)
        if say.who == "v" and self.after_opening is not None:
            hook, self.after_opening = self.after_opening, None
            hook()
        if phrase.reply:
            self.utter("a" if say.who == "v" else "v", phrase.reply)

    def talk(self, who: str, name: str) -> None:
        """Say one of the shared phrasings, for example `thanks`."""
        self.utter(who, self._choose(TALK[name]).text)

    def _choose(self, phrases: Sequence[Phrase]) -> Phrase:
        traditional = self.visitor.script != "simplified"

        def weight(phrase: Phrase) -> float:
            if not phrase.temper:
                return 1.0
            if phrase.temper == "traditional":
                return 5.0 if traditional else 0.0
            return 3.0 if phrase.temper == self.temper else 0.0

        weights = [weight(phrase) for phrase in phrases]
        if not any(weights):
            weights = [float(phrase.temper != "traditional") for phrase in phrases]
        return self.rng.choices(phrases, weights)[0]

    # Lines

    def utter(self, who: str, text: str, kind: str = "msg") -> None:
        """Add what `who` (v, a, r, s) says, as that person would type it."""
        filled = self.facts.fill(text)
        if who == "v":
            texts = visitor_messages(self.rng, self.visitor, filled) if kind == "msg" else [filled]
            for number, one in enumerate(texts):
                pause = self._visitor_pause(one, continues=number > 0)
                self.lines.append(Line(kind, "visitor", self.visitor.name, one, pause))
        elif who == "a" and self.agent is not None:
            texts = agent_messages(self.rng, self.agent, filled) if kind == "msg" else [filled]
            for number, one in enumerate(texts):
                pause = self._agent_pause(one, continues=number > 0)
                line = Line(kind, "agent", self.agent.name, one, pause, self.agent.id)
                self.lines.append(line)
        elif who == "r":
            self.lines.append(Line("answer", "robot", ROBOT, filled, self.rng.uniform(0.5, 2)))
        else:
            self.lines.append(Line("system", "", SYSTEM, filled, self.rng.uniform(0, 2)))

    def _visitor_pause(self, text: str, *, continues: bool) -> float:
        typing = len(text) * self.rng.uniform(0.25, 0.7)
        return typing + (1.0 if continues else self.rng.uniform(3, 22))

    def _agent_pause(self, text: str, *, continues: bool) -> float:
        extra, self._extra_pause = self._extra_pause, 0.0
        pace = self.agent.pace if self.agent else 1.0
        typing = len(text) * self.rng.uniform(0.12, 0.35)
        return extra + pace * (typing + (2.0 if continues else self.rng.uniform(5, 24)))

    # Joins and transfers

    def visitor_joins(self) -> None:
        """The visitor opens the chat."""
        self.lines.append(Line("memberjoin", "visitor", self.visitor.name, "", 0.0))

    def agent_joins(self, agent: Agent, wait: float) -> None:
        """An agent takes the chat, `wait` seconds after the line before."""
        self.agent = agent
        self.facts.set("agent", agent.name)
        self.lines.append(Line("memberjoin", "agent", agent.name, "", wait, agent.id))

    def transfer(self, department: str, words: str) -> None:
        """The agent transfers the chat to a colleague, who greets the visitor."""
        if self.agent is None or self.pick_colleague is None:
            return
        colleague = self.pick_colleague()
        if colleague.id == self.agent.id:
            return
        self.facts.set("department", department)
        self.talk("a", words)
        leaver = self.agent.name
        self.agent_joins(colleague, self.rng.uniform(5, 60))
        self.utter("s", f"会话由 {leaver} 转接给 {colleague.name}")
        self.talk("a", "transfer_hello")
