"""Any number of chats for benchmarks, in the API's form, made from parts of real dialogues.

Invariant: a chat depends only on its number, the seed and `count`. So every process can make every
chat without the ones before it, and no file of chats is needed.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

from kchat_search.demo.conversations import conversations

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
FILES = ("crosswoz", "kdconv", "crsa")

FIRST_ID = 1_000_001
FIRST_DAY = date(2015, 1, 1)
DAYS = 1_096
"""Three years, to the end of 2017."""

_OPENS, _SHUTS = 8 * 3600, 22 * 3600  # seconds of the day in which chats begin
_FEWEST, _MOST = 4, 15  # text messages in a chat; the mean is 9.5
_DAY_SECONDS = 86_400

_SURNAMES = "王李张刘陈杨赵黄周吴"
_GIVEN = ("芳", "伟", "秀英", "娜", "敏", "静", "强", "磊", "洋", "艳")
_RATINGS = (None, None, None, None, None, None, "满意", "基本满意", "一般", "不满意")
_ORDERS = ("，订单号是{}", "，订单号{}，麻烦查一下", "。我的订单号：{}")
_PHONES = ("，手机号{}", "，我的手机号是{}", "。联系电话{}")


@dataclass(frozen=True, slots=True)
class _Messages:
    """The messages of all dialogues, end to end."""

    texts: tuple[str, ...]
    starts: tuple[int, ...]
    """For each message, where its dialogue begins."""
    ends: tuple[int, ...]
    """And where it ends, exclusive."""


@cache
def messages() -> _Messages:
    """The text messages that chats are made of. Without `DATA`, those of the demo."""
    texts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for dialogue in _dialogues():
        said = [str(m["msg"]) for m in dialogue["messages"] if m["msg"]]
        begin = len(texts)
        texts += said
        starts += [begin] * len(said)
        ends += [len(texts)] * len(said)
    return _Messages(tuple(texts), tuple(starts), tuple(ends))


def _dialogues() -> Iterator[dict[str, Any]]:
    paths = [DATA / f"{name}.jsonl.gz" for name in FILES]
    if not all(path.exists() for path in paths):
        yield from conversations(7, datetime(2016, 1, 1, tzinfo=UTC))
        return
    for path in paths:
        yield from lines(path)


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file in `DATA`. Each line is one object."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def agents() -> list[dict[str, Any]]:
    """A hundred agents, in the form of `users.json`."""
    names = [surname + given for surname in _SURNAMES for given in _GIVEN]
    return [
        {"id": 2001 + i, "name": name, "agent_display_name": name, "role": "agent"}
        for i, name in enumerate(names)
    ]


def agent_names() -> dict[str, str]:
    """The agents' names by id, as the archive keeps them."""
    return {str(agent["id"]): str(agent["name"]) for agent in agents()}


class Corpus:
    """`count` chats, and later ones for benchmarks that need new chats.

    Creation times rise with the id. The first `count` chats cover three years.
    """

    def __init__(self, count: int, seed: int = 7, texts: int | None = None) -> None:
        """`texts`: so many text messages has each chat; by default some 4 to 15."""
        self.count = count
        self._seed = seed
        self._wanted = texts
        self._messages = messages()
        self._agents = [(agent["id"], agent["name"]) for agent in agents()]
        self._rng = Random()

    def chats(self, first: int = 0) -> Iterator[dict[str, Any]]:
        """The chats from number `first` to `count`, exclusive, in order."""
        return map(self.chat, range(first, self.count))

    def chat(self, number: int) -> dict[str, Any]:
        """The chat with this number. Numbers begin at 0; from `count` on, chats are later ones."""
        rng = self._rng
        rng.seed(self._seed << 40 | number)
        chat_id = FIRST_ID + number
        texts = self._texts(rng)
        self._add_numbers(rng, texts, number)
        agent_id, agent_name = self._agents[int(rng.random() * len(self._agents))]
        visitor = int(rng.random() * self.count * 0.7)
        day, second = self._created(number)
        names = (f"访客{visitor}", agent_name)
        return {
            "id": chat_id,
            "type": "chat",
            "started_by": "visitor" if rng.random() < 0.9 else "agent",
            "status": "close" if rng.random() < 0.999 else "open",
            "agent_id": agent_id,
            "rating": _RATINGS[int(rng.random() * len(_RATINGS))],
            "visitor_id": 5_000_000 + visitor,
            "user_id": 7_000_000 + visitor if visitor % 3 == 0 else None,
            "created_at": day + clock(second),
            "assigned_at": day + clock(second + 9),
            "end_at": day + clock(second + 20 * len(texts) + 60),
            "messages": [
                _message(chat_id, 0, names[0], day + clock(second)),
                _message(chat_id, 1, names[1], day + clock(second + 9)),
                *(
                    _message(
                        chat_id, i + 2, names[i & 1], day + clock(second + 20 * i + 12), text
                    )
                    for i, text in enumerate(texts)
                ),
            ],
        }  # fmt: skip

    def _texts(self, rng: Random) -> list[str]:
        """One to three runs of neighbouring messages, or more if the dialogues are short."""
        held = self._messages
        wanted = self._wanted or _FEWEST + int(rng.random() * (_MOST - _FEWEST + 1))
        stretch = -(-wanted // (1 + int(rng.random() * 3)))
        texts: list[str] = []
        while (need := min(stretch, wanted - len(texts))) > 0:
            at = int(rng.random() * len(held.texts))
            begin = max(held.starts[at], min(at, held.ends[at] - need))
            texts += held.texts[begin : min(begin + need, held.ends[at])]
        return texts

    def _add_numbers(self, rng: Random, texts: list[str], number: int) -> None:
        """Add a unique order number, a mobile number that nobody has, or both, to most chats."""
        chance = rng.random()
        if chance < 0.7:
            # The factor and 10 have no common divisor, so every chat gets a number of its own, and
            # the numbers are scattered.
            order = (number * 387_420_489_137 + self._seed) % 10**12
            at = int(rng.random() * len(texts))
            texts[at] += _ORDERS[number % len(_ORDERS)].format(f"{order:012}")
        if chance > 0.5:
            at = int(rng.random() * len(texts))
            phone = f"1990000{int(rng.random() * 10_000):04}"
            texts[at] += _PHONES[number % len(_PHONES)].format(phone)

    def _created(self, number: int) -> tuple[str, int]:
        """The day, followed by a blank, and the second of that day."""
        open_seconds = _SHUTS - _OPENS
        passed = number * DAYS * open_seconds // max(1, self.count)
        return _day(passed // open_seconds), _OPENS + passed % open_seconds


def chats(count: int, seed: int = 7) -> Iterator[dict[str, Any]]:
    """`count` chats in the API's form, id ascending."""
    return Corpus(count, seed).chats()


def grown(chat: dict[str, Any], text: str) -> dict[str, Any]:
    """The same chat a moment later, with one more message by the visitor."""
    last = chat["messages"][-1]
    said = {**last, "id": last["id"] + 1, "name": chat["messages"][0]["name"], "msg": text}
    return {**chat, "messages": [*chat["messages"], said]}


def text_bytes(chat: dict[str, Any]) -> int:
    """The size of a chat's text in UTF-8."""
    return sum(len(message["msg"].encode()) for message in chat["messages"])


class Timed:
    """Passes chats on, in batches. Measures how long making them takes and how much text they have.

    Each chat is written as JSON and read again. Kchat sends JSON and an archive keeps JSON, so
    reading it is part of every build: of ours, which reads its archive, and of the others.
    """

    def __init__(self, made: Iterable[dict[str, Any]], batch: int = 500) -> None:
        self._made = iter(made)
        self._batch = batch
        self.began = 0.0
        """When the first chat was asked for, by `perf_counter`."""
        self.seconds = 0.0
        self.count = 0
        self.text_bytes = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        self.began = perf_counter()
        while True:
            began = perf_counter()
            batch = list(islice(self._made, self._batch))
            self.count += len(batch)
            self.text_bytes += sum(map(text_bytes, batch))
            lines = list(map(json.dumps, batch))
            self.seconds += perf_counter() - began
            if not batch:
                return
            yield from map(json.loads, lines)


def _message(
    chat_id: int, position: int, name: str, created_at: str, text: str = ""
) -> dict[str, Any]:
    return {
        "id": chat_id * 100 + position,
        "chat_id": chat_id,
        "type": "chat.msg" if text else "chat.memberjoin",
        "name": name,
        "msg": text,
        "upload_id": None,
        "is_read": 1,
        "created_at": created_at,
        "upload": None,
    }


@lru_cache(maxsize=64)
def _day(number: int) -> str:
    return f"{FIRST_DAY + timedelta(days=number)} "


@cache
def _clocks() -> list[str]:
    return [f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in range(_DAY_SECONDS)]


def clock(second: int) -> str:
    """A second of the day as `08:04:12`."""
    return _clocks()[second]
