"""The people: agents and visitors, with their habits.

Nobody here exists. Phone numbers are from two ranges that are clearly made up (1380013xxxx and
17000xxxxxx). E-mail addresses are at example.com and example.cn.
"""
# ruff: noqa: E501 - tables of words; ruff counts a Chinese character as two

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

TRADES = ("shop", "express", "telecom", "saas", "travel")


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent: how they address people and end a sentence, and when they work."""

    id: int
    name: str
    trade: str
    you: str = "您"
    endings: tuple[str, ...] = ("",)
    """What may follow a sentence of theirs. Most agents have one or two habits."""
    emoji: tuple[str, ...] = ()
    pace: float = 1.0
    """How long they take to answer, relative to the average."""
    late_shift: bool = False

    def user(self) -> dict[str, Any]:
        """The agent in the form of `users.json`."""
        slug = f"agent{self.id}"
        role = "admin" if self.id == 2101 else "agent"
        return {
            "id": self.id,
            "name": self.name,
            "agent_display_name": self.name,
            "email": f"{slug}@example.com",
            "role": role,
        }


AGENTS = (
    Agent(2101, "林晓", "shop", endings=("", "哦", "呢"), emoji=("😊", "🌹")),
    Agent(
        2102, "周佳怡", "shop", endings=("", "哈", "～"), emoji=("😄", "[微笑]"), late_shift=True
    ),
    Agent(2107, "小何", "shop", you="你", endings=("", "~", "呀"), pace=0.7),
    Agent(2113, "孙立强", "express", pace=1.2),
    Agent(2118, "吴倩", "express", endings=("", "哦", "呢"), emoji=("🙏",), late_shift=True),
    Agent(2120, "郑浩", "telecom", pace=1.4),
    Agent(2126, "客服-6021", "telecom", late_shift=True),
    Agent(2131, "Kevin 陈", "saas", you="你", endings=("", "哈"), emoji=("👍",), pace=0.9),
    Agent(2134, "李雷", "saas", pace=1.1, late_shift=True),
    Agent(2140, "苏敏", "saas", endings=("", "哦")),
    Agent(2145, "唐婉", "travel", endings=("", "呢", "～"), emoji=("🌸", "✈️")),
    Agent(2192, "马宇航", "travel", endings=("", "哈"), pace=0.8, late_shift=True),
)

_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭罗梁宋郑谢韩唐冯于董程曹袁邓许傅沈曾彭吕"
_NICKS = (
    "小鱼儿", "一只柠檬", "阿飞", "月半弯", "Linda", "Tony", "叮当猫", "南风知我意", "jenny_w", "老王头",
    "起风了", "momo", "大橘为重", "晚安", "David Chen", "七七", "胖达", "木子李", "云朵朵", "Amy", "山野",
    "柚子茶", "夏天的风", "豆豆妈", "浩子", "Echo", "一路向北", "土豆泥", "小太阳", "K", "清欢", "凯凯王",
)  # fmt: skip
_BEHIND_NICKS = {
    "豆豆妈": ("", "女士"), "Linda": ("", "女士"), "Amy": ("", "女士"), "jenny_w": ("", "女士"),
    "Tony": ("", "先生"), "David Chen": ("陈", "先生"), "老王头": ("王", "先生"),
    "木子李": ("李", ""), "凯凯王": ("王", ""),
}  # fmt: skip
"""What a nickname tells of the surname and the title; '' where it tells nothing."""
_CITIES = (
    "上海", "北京", "杭州", "广州", "深圳", "成都", "武汉", "南京", "苏州", "西安", "重庆", "长沙", "郑州",
    "沈阳", "大连", "哈尔滨", "青岛", "合肥", "昆明", "厦门", "宁波", "无锡", "佛山", "绵阳", "长春",
)  # fmt: skip
_DIALECTS = {
    "沈阳": "northeast", "大连": "northeast", "哈尔滨": "northeast", "长春": "northeast",
    "成都": "sichuan", "重庆": "sichuan", "绵阳": "sichuan",
}  # fmt: skip


@dataclass(slots=True)
class Visitor:
    """A visitor, and how they write. `history` is their earlier chats."""

    id: int
    user_id: int | None
    name: str
    surname: str
    title: str
    phone: str
    email: str
    city: str
    trade: str
    temper: str
    """`plain`, `terse`, `chatty`, `formal` or `angry`. Nobody is always angry."""
    script: str
    """`simplified`, `hongkong` or `taiwan`."""
    dialect: str
    typos: float
    splits: float
    stops: bool
    """Ends sentences with 。 and writes ，. Others leave both out."""
    wide: bool
    emoji: bool
    history: list[Past] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Past:
    """An earlier chat: its situation, its topic ('' if an agent began it), its facts, and who
    answered."""

    code: str
    topic: str
    when: Any
    facts: dict[str, str]
    agent: str


def make_visitor(rng: Random, visitor_id: int, user_id: int | None, trade: str) -> Visitor:
    """A new visitor."""
    script = rng.choices(("simplified", "hongkong", "taiwan"), (93, 4, 3))[0]
    city = {"hongkong": "香港", "taiwan": "台北"}.get(script) or rng.choice(_CITIES)
    surname = rng.choice(_SURNAMES)
    title = rng.choice(("先生", "女士", "小姐"))
    ending = rng.choice(("example.com", "example.cn", "mail.example.com"))
    tail = "5678" if rng.random() < 0.03 else f"{rng.randint(0, 9999):04d}"
    start = rng.choice(("1380013", "1380013", f"17000{rng.randint(10, 99)}"))
    names = (f"访客{visitor_id % 100_000}", rng.choice(_NICKS), surname + title)
    name = rng.choices(names, (6, 3, 2))[0]
    told = _BEHIND_NICKS.get(name, ("", ""))
    dialect = _DIALECTS.get(city, "")
    return Visitor(
        id=visitor_id,
        user_id=user_id,
        name=name,
        surname=told[0] or surname,
        title=told[1] or title,
        phone=start + tail,
        email=f"{rng.choice(_MAIL_NAMES)}{rng.randint(2, 999)}@{ending}",
        city=city,
        trade=trade,
        temper=rng.choices(("plain", "terse", "chatty", "formal"), (45, 22, 20, 13))[0],
        script=script,
        dialect=dialect if rng.random() < 0.5 else "",
        typos=rng.choice((0.0, 0.0, 0.0, 0.04, 0.12)),
        splits=rng.choice((0.05, 0.15, 0.5)),
        stops=rng.random() < 0.3,
        wide=rng.random() < 0.03,
        emoji=rng.random() < 0.18,
    )


_MAIL_NAMES = (
    "lily",
    "zhang.w",
    "hello",
    "chenx",
    "tom",
    "caiwu",
    "info",
    "sunny",
    "wx",
    "yy",
    "fin",
)
