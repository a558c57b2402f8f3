"""The language in which the conversations are written, and its parser.

A situation is a small dialogue graph in plain text. Each line is a turn; its phrasings are
separated by `|`:

    = late | 催发货 | 3                 a situation: code, topic, weight, options
    v: 怎么还没发货 | !都几天了？！       visitor; `//` starts a new message
    > wait                             a shared piece of dialogue
    * 2                                one of several branches, by weight
      a: 已经发出了[哦/呢/]
    * 1
      a: 仓库缺货
      ? 0.4                            perhaps
        v: 那什么时候有货
    v+: IMG_{n4}.jpg                   an upload; a+: by the agent
    a&: 是的 | 不是                    answers the phrasing that stood at the same place before
    v: 有货吗 => 有的 | 贵吗 => 不贵     both in one
    a=: [订单] {order}                 a card;  a#: a help document;  s: the system;  r: the robot
    transfer: 物流组                    a colleague takes over
    rate: bad                          how the visitor will feel about it

A phrasing that ends in ` #name` leads to the branches with the heading `* 2 #name`, if there are
any. `[x/y/]` is one of the alternatives. `{fact}` is a fact of this chat, the same everywhere in
the chat. A phrasing may begin with the temper that it needs: `!` angry, `~` chatty, `-` terse, `+`
formal, `@` writes in traditional characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

TEMPERS = {"!": "angry", "~": "chatty", "-": "terse", "+": "formal", "@": "traditional"}

_TURN = re.compile(r"(?P<who>[vars])(?P<kind>[+=#&]?):\s*(?P<rest>.+)")
_ROUTE = re.compile(r" #([a-z]+)")
_KINDS = {"": "msg", "&": "msg", "+": "upload", "=": "card", "#": "document"}


@dataclass(frozen=True, slots=True)
class Phrase:
    """One way to say something. `temper` is '' if anybody may say it in this way."""

    temper: str
    text: str
    reply: str = ""
    """What the other side answers, if that is written together with the phrase."""
    route: str = ""
    """The name of the branches that it leads to. '': any branch may follow."""


@dataclass(frozen=True, slots=True)
class Say:
    """A turn. `who` is v (visitor), a (agent), r (robot) or s (system). `kind` is msg, upload, card
    or document."""

    who: str
    kind: str
    phrases: tuple[Phrase, ...]
    echoes: bool = False
    """Its phrasings answer those of the turn before, one by one."""


@dataclass(frozen=True, slots=True)
class Perhaps:
    """A part that happens with a probability (0 to 1)."""

    chance: float
    body: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Branches:
    """One of these parts happens. The choice is by weight."""

    weights: tuple[float, ...]
    bodies: tuple[tuple[Node, ...], ...]
    routes: tuple[frozenset[str], ...]
    """The names of each branch (see `Phrase.route`)."""


@dataclass(frozen=True, slots=True)
class Call:
    """A shared part of dialogue happens here."""

    name: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """A colleague of this department continues the chat."""

    department: str


@dataclass(frozen=True, slots=True)
class Rate:
    """From here on, the visitor feels `good`, `mixed` or `bad`."""

    mood: str


Node = Say | Perhaps | Branches | Call | Transfer | Rate


@dataclass(frozen=True, slots=True)
class Situation:
    """What a chat is about, and how it goes. `topic` is how somebody would refer to it later."""

    code: str
    topic: str
    weight: float
    body: tuple[Node, ...]
    options: dict[str, str] = field(default_factory=dict)
    """`after=code`: only for a visitor whose last chat had that situation. `started=agent`: the
    agent begins."""


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    depth: int
    text: str


def read(text: str) -> dict[str, Situation]:
    """Parse a script: its situations by code. Raises ValueError, which names the line that is
    wrong."""
    rows = list(_rows(text))
    situations: dict[str, Situation] = {}
    at = 0
    while at < len(rows):
        head = rows[at]
        if not head.text.startswith("= "):
            raise ValueError(f"line {head.number}: a situation must begin with «=»: {head.text}")
        code, *rest = [part.strip() for part in head.text[2:].split("|")]
        options = dict(part.split("=", 1) for part in rest[2:])
        body, at = _body(rows, at + 1, 0)
        if code in situations or not body:
            raise ValueError(f"line {head.number}: situation {code} is empty or there twice")
        topic = rest[0] if rest else ""
        weight = float(rest[1]) if len(rest) > 1 else 1.0
        situations[code] = Situation(code, topic, weight, body, options)
    return situations


def _rows(text: str) -> Iterator[_Row]:
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith("##"):
            yield _Row(number, (len(line) - len(line.lstrip(" "))) // 2, stripped)


def _body(rows: list[_Row], at: int, depth: int) -> tuple[tuple[Node, ...], int]:
    nodes: list[Node] = []
    while at < len(rows) and rows[at].depth >= depth and not rows[at].text.startswith("= "):
        row = rows[at]
        if row.depth > depth:
            raise ValueError(f"line {row.number}: too far in: {row.text}")
        if row.text.startswith("?"):
            body, at = _body(rows, at + 1, depth + 1)
            nodes.append(Perhaps(float(row.text[1:] or 0.5), body))
        elif row.text.startswith("*"):
            branches, at = _branches(rows, at, depth)
            nodes.append(branches)
        else:
            node = _node(row)
            if isinstance(node, Say) and node.echoes and not _fits(node, nodes):
                raise ValueError(f"line {row.number}: does not answer the turn before: {row.text}")
            nodes.append(node)
            at += 1
    return tuple(nodes), at


def _fits(node: Say, before: list[Node]) -> bool:
    last = before[-1] if before else None
    return isinstance(last, Say) and len(last.phrases) == len(node.phrases)


def _branches(rows: list[_Row], at: int, depth: int) -> tuple[Branches, int]:
    weights: list[float] = []
    bodies: list[tuple[Node, ...]] = []
    routes: list[frozenset[str]] = []
    while at < len(rows) and rows[at].depth == depth and rows[at].text.startswith("*"):
        weight, *names = rows[at].text[1:].split("#")
        weights.append(float(weight.strip() or 1))
        routes.append(frozenset(name.strip() for name in names))
        body, at = _body(rows, at + 1, depth + 1)
        bodies.append(body)
    return Branches(tuple(weights), tuple(bodies), tuple(routes)), at


def _node(row: _Row) -> Node:
    if row.text.startswith(">"):
        return Call(row.text[1:].strip())
    if row.text.startswith("transfer:"):
        return Transfer(row.text.partition(":")[2].strip())
    if row.text.startswith("rate:"):
        return Rate(row.text.partition(":")[2].strip())
    turn = _TURN.fullmatch(row.text)
    if not turn:
        raise ValueError(f"line {row.number}: not understood: {row.text}")
    phrases = read_phrases(turn["rest"])
    if not all(phrase.text for phrase in phrases):
        raise ValueError(f"line {row.number}: an empty phrasing")
    return Say(turn["who"], _KINDS[turn["kind"]], phrases, echoes=turn["kind"] == "&")


def read_phrases(text: str) -> tuple[Phrase, ...]:
    """The phrasings of one turn, which are separated by `|`."""
    return tuple(_phrase(part.strip()) for part in text.split("|"))


def _phrase(text: str) -> Phrase:
    temper = TEMPERS.get(text[:1], "")
    route = _ROUTE.search(text)
    said, _, reply = _ROUTE.sub("", text[1:] if temper else text).partition("=>")
    return Phrase(temper, said.strip(), reply.strip(), route[1] if route else "")
