"""Chats with private numbers of every kind, wherever a number may stand; two archives of them may
differ in nothing but hidden digits."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from tests.access.planted import AGENTS
from tests.world import message


@dataclass(frozen=True)
class Number:
    """A private number: what everybody sees of it, and what is hidden."""

    begins: str
    hidden: str
    ends: str
    chat: int = 0
    """The chat in whose messages it is; 0 where no search looks into what has it."""

    @property
    def whole(self) -> str:
        """As it is."""
        return self.begins + self.hidden + self.ends


def mobile(rnd: random.Random, hidden: random.Random) -> Number:
    begins = rnd.choice(("138", "139", "150", "186", "177"))
    return Number(begins, _digits(hidden, 4), _digits(rnd, 4))


def fixed_line(rnd: random.Random, hidden: random.Random) -> Number:
    return Number(rnd.choice(("010", "021")), "6" + _digits(hidden, 3), _digits(rnd, 4))


def identity_card(rnd: random.Random, hidden: random.Random) -> Number:
    """GB 11643: the last character checks the others. It is seen, so the hidden ones fit to it."""
    begins, ends = "1101", _digits(rnd, 4)
    while True:
        year, month, day = hidden.randrange(1950, 2004), hidden.randrange(1, 13), 10
        middle = f"05{year}{month:02}{day:02}"
        written = begins + middle + ends
        weights = [2 ** (17 - place) % 11 for place in range(17)]
        rest = sum(int(d) * w for d, w in zip(written[:17], weights, strict=True)) % 11
        if "10X98765432"[rest] == written[17]:
            return Number(begins, middle, ends)


def bank_card(rnd: random.Random, hidden: random.Random) -> Number:
    """Of 16 digits, the last four are seen; the sum of Luhn is right."""
    ends = _digits(rnd, 4)
    while True:
        number = "6222" + _digits(hidden, 8) + ends
        if _luhn(number):
            return Number("", number[:-4], ends)


def e_mail(rnd: random.Random, hidden: random.Random) -> Number:
    """Not even its length is seen."""
    local = "".join(hidden.choices("abcdefghijklmnopqrstuvwxyz", k=hidden.randrange(3, 12)))
    return Number(rnd.choice("bkqz"), local, rnd.choice(("@example.com", "@kuaidi.cn")))


KINDS = (mobile, fixed_line, identity_card, bank_card, e_mail)


_WORDS = (
    "退款", "退货", "发票", "客服", "账号", "手机", "到账", "谢谢", "你好", "请问", "密码",
)  # fmt: skip
"""What stands beside a number: no digits, which would make it another number, and no word that
would make it an order's."""


def _digits(rnd: random.Random, count: int) -> str:
    return "".join(rnd.choices("0123456789", k=count))


def _luhn(number: str) -> bool:
    doubled = [int(d) * (1 + place % 2) for place, d in enumerate(reversed(number))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def _written(rnd: random.Random, number: Number) -> str:
    """The number as somebody writes it. The way does not depend on what is hidden."""
    text, way = number.whole, rnd.randrange(7)
    if "@" in text:
        return (text, f"mailto:{text}", text.upper(), f"<{text}>")[way % 4]
    if way == 0:
        return text.translate({48 + n: 0xFF10 + n for n in range(10)})
    if len(number.hidden) == 4 and len(text) == 11 and number.begins[0] == "1":
        forms = (
            f"{text[:3]} {text[3:7]} {text[7:]}", f"{text[:3]}-{text[3:7]}-{text[7:]}",
            f"+86 {text}", f"+86{text}", f"https://x.cn/?tel={text}&a=1", f"tel:{text}",
        )  # fmt: skip
        return forms[way - 1]
    if number.begins.startswith("0"):
        return f"{text[:3]}-{text[3:]}"
    return text


@dataclass(frozen=True)
class Planted:
    """Chats in the API's form, each with its versions, and the numbers that are in them."""

    chats: list[list[dict[str, Any]]]
    numbers: list[Number]
    agents: dict[str, str]


def planted(seed: int, hidden_seed: int, count: int, first: int = 101) -> Planted:
    """`count` chats. With the same `seed`, all that is seen is the same, and `hidden_seed` decides
    what is hidden."""
    rnd, hidden = random.Random(seed), random.Random(hidden_seed)
    numbers: list[Number] = []

    def number(chat_id: int = 0) -> str:
        numbers.append(replace(rnd.choice(KINDS)(rnd, hidden), chat=chat_id))
        return _written(rnd, numbers[-1])

    agents = {**AGENTS, "9": f"王{number()}"}
    chats = [
        list(_versions(rnd, first + place, partial(number, first + place), number))
        for place in range(count)
    ]
    return Planted(chats, numbers, agents)


def _versions(
    rnd: random.Random, chat_id: int, number: Callable[[], str], aside: Callable[[], str]
) -> Iterator[dict[str, Any]]:
    """One chat: numbers in a text, a name, the name and the address of a file, a card, markup, a
    former version, a recalled message, a rating, and what else Kchat may send."""
    visitor = f"访客{chat_id % 5}" if rnd.random() < 0.6 else f"张{number()}"
    agent = rnd.choice(("2192", "2193", "9"))
    said: list[dict[str, Any]] = []
    for place in range(1, rnd.randrange(4, 7)):
        words = " ".join(rnd.choices(_WORDS, k=3))
        kind = rnd.randrange(9)
        fields: dict[str, Any] = {"role": "agent" if place % 2 else "visitor"}
        text = words
        if kind <= 2:
            text = rnd.choice(
                ("{w},我的号码是{n}", "{n}{w}", "{w} {n} {w}", "电话：{n}。{w}")
            ).format(w=words, n=number())
        elif kind == 3:
            text = f'<p>{words}</p><a href="tel:{number()}">{words}</a><img alt="{number()}">'
        elif kind == 4:
            text = json.dumps({"title": words, "content": {"tel": number()}}, ensure_ascii=False)
        elif kind == 5:
            name = f"{number()}.pdf"
            file = {"id": place, "name": name, "size": 9, "type": "pdf"}
            fields |= {
                "type": "chat.upload",
                "upload_id": place,
                "upload": {**file, "url": f"https://files.example.com/{name}"},
            }
            text = ""
        elif kind == 6:
            fields["recalled"] = True
            text = f"{words}{number()}"
        elif kind == 7:
            text = "".join(f"<b>{one}</b>" for one in number()) + f"<p>{words}</p>"
        if rnd.random() < 0.2:
            fields["nick"] = f"{words}{aside()}"
        name = (visitor, f"{'李雷' if agent == '2192' else '客服'}")[place % 2]
        said.append(message(place, chat_id, name, text, **fields))
    chat = {
        "id": chat_id,
        "type": "chat",
        "started_by": "visitor",
        "status": rnd.choice(("close", "open")),
        "agent_id": int(agent),
        "rating": f"满意，{aside()}" if rnd.random() < 0.3 else rnd.choice((None, 1)),
        "page": {"title": f"退款 {aside()}", "url": f"https://x.cn/?tel={aside()}"},
        "tags": [aside(), "退款"],
        "form": json.dumps({"电话": aside()}, ensure_ascii=False),
        "visitor_id": chat_id % 5,
        "user_id": None,
        "created_at": f"2016-0{1 + chat_id % 6}-11 10:00:00",
        "assigned_at": None,
        "end_at": None,
        "messages": said,
    }
    if rnd.random() < 0.4:
        before = f"{rnd.choice(_WORDS)}{number()}"
        yield {**chat, "messages": [{**said[0], "msg": before}, *said[1:]]}
    yield chat
