"""A phrase as one visitor or agent would type it.

Facts stay as they are: numbers, addresses and codes keep their characters. (Full-width digits are
the same digits, from a person whose keyboard is set to full width.)
"""
# ruff: noqa: E501 - tables of words; ruff counts a Chinese character as two

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from random import Random

import opencc

from kchat_search.demo.conversations.people import Agent, Visitor

_DIALECTS = {
    "northeast": (("为什么", "为啥"), ("什么", "啥"), ("怎么", "咋"), ("干吗", "嘎哈"), ("很", "老")),
    "sichuan": (
        ("怎么办", "咋个办"), ("没有", "没得"), ("知道", "晓得"), ("什么", "啥子"), ("怎么", "咋个"),
    ),
}  # fmt: skip
_TYPOS = (
    ("在", "再"), ("的", "得"), ("吗", "嘛"), ("账", "帐"), ("已", "以"), ("那", "哪"), ("做", "作"),
    ("帮", "邦"), ("订", "定"), ("收", "受"), ("退", "腿"), ("会", "回"), ("时", "是"), ("到", "道"),
)  # fmt: skip
_CONVERSIONS = {"hongkong": "s2hk", "taiwan": "s2twp"}
_CANTONESE = (
    ("不是", "唔係"),
    ("没有", "冇"),
    ("什么", "乜嘢"),
    ("这个", "呢個"),
    ("的话", "嘅話"),
)
_WIDE = {ord(c): ord(c) + 0xFEE0 for c in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_VISITOR_EMOJI = ("😂", "😭", "🙏", "😅", "[流泪]", "[抱拳]", "😤", "🤔", "👌", "[捂脸]")
_ENDS = "。！？!?～~）)…"
_NO_PARTICLE = re.compile(
    r"([哦呢哈吧吗啊呀的了嘛么讲说见候谢快利祝好忙询服务少里哪谁码址号]|一下|什么|多久|为您服务|稍等|愉快|联系)$"
)
_HAN = re.compile(r"[\u4e00-\u9fff]")


@cache
def _converter(name: str) -> opencc.OpenCC:
    # By its path: by its name, OpenCC takes the file of that name in the current folder first.
    table_file = next(Path(opencc.__file__).parent.rglob(f"opencc/{name}.json"))
    return opencc.OpenCC(str(table_file))


def visitor_messages(rng: Random, visitor: Visitor, text: str) -> list[str]:
    """What the visitor sends for one phrase: one message, or several."""
    parts = [part.strip() for part in text.split(" // ")]
    if len(parts) == 1 and len(text) > 16 and rng.random() < visitor.splits:
        parts = _split(rng, parts[0])
    if visitor.emoji and rng.random() < 0.25:
        parts[-1] = parts[-1].rstrip("。") + rng.choice(_VISITOR_EMOJI)
    return [_as_typed(rng, visitor, part) for part in parts if part]


def _split(rng: Random, text: str) -> list[str]:
    pieces = re.split(r"(?<=[，。？！])(?=..)", text)
    if len(pieces) < 2:
        return [text]
    cut = rng.randint(1, len(pieces) - 1)
    return ["".join(pieces[:cut]).rstrip("，。"), "".join(pieces[cut:])]


def _as_typed(rng: Random, visitor: Visitor, text: str) -> str:
    if not visitor.stops:
        text = text.removesuffix("。")
        if rng.random() < 0.3:
            text = re.sub(r"(?<=[\u4e00-\u9fff])，(?=[\u4e00-\u9fff])", " ", text)
    if rng.random() < visitor.typos and len(text) > 5:
        text = _mistype(rng, text)
    if visitor.dialect and rng.random() < 0.7:
        for usual, local in _DIALECTS[visitor.dialect]:
            text = text.replace(usual, local)
    if visitor.wide and rng.random() < 0.5:
        text = text.translate(_WIDE)
    if visitor.script == "hongkong" and rng.random() < 0.5:
        for usual, local in _CANTONESE:
            text = text.replace(usual, local)
    if visitor.script in _CONVERSIONS:
        text = str(_converter(_CONVERSIONS[visitor.script]).convert(text))
    return text


def _mistype(rng: Random, text: str) -> str:
    possible = [pair for pair in _TYPOS if pair[0] in text]
    if not possible:
        return text
    right, wrong = rng.choice(possible)
    return text.replace(right, wrong, 1)


def agent_messages(rng: Random, agent: Agent, text: str) -> list[str]:
    """What the agent sends for one phrase, with the agent's habits."""
    parts = [part.strip() for part in text.split(" // ") if part.strip()]
    return [_habits(rng, agent, part) for part in parts]


def _habits(rng: Random, agent: Agent, text: str) -> str:
    if agent.you != "您":
        text = text.replace("您", agent.you)
    plain_end = bool(_HAN.match(text[-1])) or text.endswith("。")
    if plain_end and len(text) > 6:
        ending = rng.choice(agent.endings) if rng.random() < 0.45 else ""
        stem = text.rstrip("。")
        if ending and (ending in ("～", "~") or not _NO_PARTICLE.search(stem)):
            text = stem + ending
    if agent.emoji and rng.random() < 0.08 and text[-1] not in _ENDS[3:5]:
        text += rng.choice(agent.emoji)
    return text
