"""Which messages of a visitor say what they came for: the first few that are no mere greeting."""

from __future__ import annotations

import re
from collections.abc import Iterable

MOST = 3
"""So many of a chat's messages say what it is about, at most."""
_LEAST_CHARACTERS = 2
_NOTHING = re.compile(r"[\W_\ufdd0-\ufdef]+")
"""Signs, pictures, blanks and what is hidden."""
_GREETINGS = re.compile(
    "(?>(?:"
    "你们?好|您们?好|妳好|大家好|哈[喽啰罗]|嗨|嘿|喂|早上好|上午好|中午好|下午好|晚上好|早安|午安|晚安|早"
    "|亲爱的|亲亲?|美女|帅哥|小哥哥?|小姐姐?|小妹|老板|店家|店主|掌柜的?|卖家|商家|老师|同学|先生|女士"
    "|在么|在吗|在嘛|在不在?|在线吗|有人在?吗?|有人么|有没有人|人呢|客服|人工客服|转?人工|找?人工服务?"
    "|(?>(?:我|还|又|再|就|也|想|要|能|能不能|可以|麻烦|劳驾|请(?![问教]))*)(?:请问|打扰|咨询|问问?|请教|了解)"
    "了?(?:一?下|个|点|几个|一些|一?个|件)?(?:小?问题|事情?儿?)?|我?想?有?[个点件]?(?:小?问题|事情?儿?)"
    "|我?又?来了|您|你|hi|hello|hey|hallo|nihao|ninhao|zaima"
    "|[啊呀哦噢喔嗯恩呢吗嘛哈呵嘻吧的了]|ok|好的?"
    ")+)"
)
"""A message of nothing but these opens a talk and says nothing of its matter."""


def says_something(folded: str) -> bool:
    """Does this folded text have two letters or digits, and more than a greeting?"""
    letters = _NOTHING.sub("", folded)
    return len(letters) >= _LEAST_CHARACTERS and _GREETINGS.fullmatch(letters) is None


def openings(texts: Iterable[tuple[bool, str]]) -> list[int]:
    """The places of the first `MOST` texts of a visitor that say something. `texts`: for each, in
    order, whether the visitor said it, and the folded text."""
    found: list[int] = []
    for place, (by_visitor, text) in enumerate(texts):
        if by_visitor and says_something(text):
            found.append(place)
            if len(found) == MOST:
                break
    return found
