"""The facts of one chat: numbers, names, places, things.

Invariant: a fact is chosen when it is first mentioned. It stays the same to the end of the chat,
and in a later chat about the same matter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random

from kchat_search.demo.conversations.people import Visitor
from kchat_search.demo.conversations.word_lists import GROUPS, LISTS

_SHIFTED = re.compile(r"(?P<name>[a-z_0-9]+?)(?P<by>[+-][0-9]+)")
_SLOT = re.compile(r"\{([a-z_0-9+-]+)\}")
_STRAY_COMMA = re.compile(r"，(?=[，。！？])|^，|，$")
_PICK = re.compile(r"\[([^\[\]]*/[^\[\]]*)\]")
_COURIERS = {"SF": "顺丰", "YT": "圆通", "JD": "京东快递", "ZT": "中通"}
_WEEKDAYS = "一二三四五六日"

ECHO_TAIL = "5678"
"""The last four digits of some numbers, so that a search for four digits finds several chats."""


class Facts:
    """Chooses facts and remembers them. `when` is the local time at which the chat begins."""

    def __init__(
        self, rng: Random, when: datetime, visitor: Visitor, known: Mapping[str, str]
    ) -> None:
        self._rng = rng
        self._when = when
        self._values = {
            "phone": visitor.phone,
            "tail": visitor.phone[-4:],
            "surname": visitor.surname,
            "title": visitor.title,
            "city": visitor.city,
            "email": visitor.email,
            **known,
        }

    def fill(self, text: str) -> str:
        """The text with one alternative of every `[x/y]`, and with the value of every `{fact}`."""
        while _PICK.search(text):
            text = _PICK.sub(lambda match: self._rng.choice(match[1].split("/")), text)
        filled = _SLOT.sub(lambda match: self[match[1]], text)
        return _STRAY_COMMA.sub("", filled)

    def set(self, name: str, value: str) -> None:
        """Set a fact that is decided elsewhere, such as the agent's name."""
        self._values[name] = value

    def known(self, name: str) -> str | None:
        """A fact that was mentioned, or that is known of the visitor. None for any other."""
        return self._values.get(name)

    def kept(self) -> dict[str, str]:
        """The facts so far, for a later chat about the same matter."""
        return {k: v for k, v in self._values.items() if k not in ("agent", "before", "daypart")}

    def __getitem__(self, name: str) -> str:
        if name not in self._values:
            self._values.update(self._draw(name))
        return self._values[name]

    def _draw(self, name: str) -> dict[str, str]:
        shifted = _SHIFTED.fullmatch(name)
        if shifted:
            return {name: self._shift(shifted["name"], int(shifted["by"]))}
        if name in GROUPS:
            keys, rows = GROUPS[name]
            row: Sequence[str] = self._rng.choice(rows)
            drawn = dict(zip(keys, row, strict=True))
            return {name: drawn[name], **{k: v for k, v in drawn.items() if k not in self._values}}
        if name in LISTS:
            return {name: self._other(name)}
        maker = getattr(self, f"_make_{name}", None)
        if maker is None:
            raise KeyError(f"no such fact: {name}")
        return {name: str(maker())}

    def _other(self, name: str) -> str:
        """A value of a list. `city2` is never the `city` of the same chat, and so on."""
        taken = {self._values.get(other) for other in (name.rstrip("23"), name.rstrip("23") + "2")}
        return self._rng.choice([value for value in LISTS[name] if value not in taken])

    def _shift(self, name: str, by: int) -> str:
        if name == "d":
            day = self._when + timedelta(days=by)
            return f"{day.month}月{day.day}{self._rng.choice('号日')}"
        if name == "wd":
            return f"周{_WEEKDAYS[(self._when + timedelta(days=by)).weekday()]}"
        if name == "m":
            return f"{(self._when.month - 1 + by) % 12 + 1}月"
        if name == "y":
            return str(self._when.year + by)
        return str(int(self[name]) + by)

    def _digits(self, count: int) -> str:
        return "".join(self._rng.choice("0123456789") for _ in range(count))

    def _tail(self) -> str:
        return ECHO_TAIL if self._rng.random() < 0.04 else self._digits(4)

    def _make_n2(self) -> str:
        return str(self._rng.randint(11, 98))

    def _make_n3(self) -> str:
        return str(self._rng.randint(101, 989))

    def _make_n4(self) -> str:
        return str(self._rng.randint(1002, 9897))

    def _make_few(self) -> str:
        return self._rng.choice("两三四五")

    def _make_day(self) -> str:
        return self[f"d-{self._rng.randint(2, 6)}"]

    def _make_stamp(self) -> str:
        return f"{self._when:%Y%m%d%H%M%S}"

    def _make_ymd(self) -> str:
        return f"{self._when:%Y%m%d}"

    def _make_hour(self) -> str:
        # It stands for an hour to come, so it is never an hour that has passed today.
        return str(self._rng.randint(min(self._when.hour + 2, 22), 22))

    def _make_clock(self) -> str:
        # It stands for the time of something that happened today, so it is never later than now.
        earlier = self._when - timedelta(minutes=self._rng.randint(15, 200))
        return f"{earlier.hour}:{earlier.minute:02d}"

    def _make_order(self) -> str:
        bought = self._when - timedelta(days=self._rng.randint(2, 9))
        return f"{bought:%Y%m%d}{self._digits(4)}{self._tail()}"

    def _make_ordertail(self) -> str:
        return self["order"][-4:]

    def _make_tracking(self) -> str:
        prefix, digits = self._rng.choice((("SF", 13), ("YT", 13), ("JD", 12), ("ZT", 12)))
        return prefix + self._rng.choice("123456789") + self._digits(digits - 5) + self._tail()

    def _make_tracktail(self) -> str:
        return self["tracking"][-4:]

    def _make_courier(self) -> str:
        return _COURIERS[self["tracking"][:2]]

    def _make_ticket(self) -> str:
        return f"{self._when:%y%m%d}{self._digits(5)}"

    def _make_price(self) -> str:
        return str(self._rng.choice((39, 59, 68, 89, 99, 129, 159, 168, 199, 239, 268, 299, 399)))

    def _make_small(self) -> str:
        return str(self._rng.choice((5, 6, 8, 10, 12, 15, 18, 20)))

    def _make_taxno(self) -> str:
        return "91" + self._digits(6) + "MA" + "".join(self._rng.choices("0123456789ABCDEFGH", k=8))

    def _make_code6(self) -> str:
        return self._digits(6)

    def _make_pickup(self) -> str:
        return (
            f"{self._rng.randint(1, 28)}-{self._rng.randint(1, 9)}-{self._rng.randint(1001, 9099)}"
        )

    def _make_account(self) -> str:
        return "0" + self._rng.choice(("21", "571", "25", "755", "28", "27")) + self._digits(8)

    def _make_pnr(self) -> str:
        return "".join(self._rng.choices("ABCDEFGHJKLMNPQRSTVWXYZ23456789", k=6))

    def _make_flight(self) -> str:
        return self._rng.choice(("XA", "QK", "ZW")) + str(self._rng.randint(1011, 8998))

    def _make_ver(self) -> str:
        return self._rng.choice(("3.6.0", "3.6.0", "3.6.0", "3.5.2", "v2.14.1", "v2.13.0", "3.4.8"))

    def _make_ver2(self) -> str:
        newer = {"3.6.0": "3.6.1", "3.5.2": "3.6.0", "v2.14.1": "v2.14.2", "v2.13.0": "v2.14.1"}
        return newer.get(self["ver"], "3.6.0")

    def _make_trace(self) -> str:
        return "".join(self._rng.choices("0123456789abcdef", k=12))

    def _make_rows(self) -> str:
        return str(self._rng.choice((1200, 3500, 8000, 12000, 26000, 50000, 83000, 120000)))

    def _make_half(self) -> str:
        return str(int(self["price"]) // 2)

    def _make_taxno2(self) -> str:
        return self["taxno"][:-1] + ("K" if self["taxno"][-1] != "K" else "L")

    def _make_seats(self) -> str:
        return str(self._rng.choice((5, 8, 10, 15, 20, 30, 50)))
