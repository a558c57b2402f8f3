"""All texts that the table is fitted to: the demo's messages, our sentences, jieba's words."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime
from pathlib import Path

import jieba

from kchat_search.chats.visible_text import visible_text
from kchat_search.demo.conversations import conversations
from kchat_search.text.fold import fold_many
from tools.meaning import sentences

SEED = 15
NOW = datetime(2026, 1, 1, tzinfo=UTC)
DEMOS, CHATS = 4, 2_000
MESSAGES, SENTENCES, COMPOSED, JIEBA_WORDS = 60_000, 60_000, 50_000, 100_000
"""At most so many of each kind."""
_ALTERNATIVES = re.compile(r"\[([^]]*)\]")
_WORD = re.compile(r"\{(\w+)\}")
_HAN = re.compile("[\u4e00-\u9fff]{2,}")
_LEAST, _MOST = 2, 90
"""Characters of a text. The teacher reads no more of a long one."""


def texts() -> list[str]:
    """Folded, each once, in a random order that is always the same."""
    rng = random.Random(SEED)  # noqa: S311  # the same texts each time
    found = [
        text
        for kind, most in (
            (demo_messages(), MESSAGES),
            (service_sentences(rng), SENTENCES),
            (jieba_words(), JIEBA_WORDS),
            (composed_sentences(), COMPOSED),
        )
        for text in _some(kind, most, rng)
    ]
    found = list(dict.fromkeys(found))
    rng.shuffle(found)
    return found


def demo_messages() -> list[str]:
    """What was said in the demo's conversations of some seeds."""
    return [
        visible_text(str(message.get("msg") or ""))
        for seed in range(DEMOS)
        for chat in conversations(SEED + seed, NOW, CHATS)
        for message in chat["messages"]
    ]


def service_sentences(rng: random.Random) -> list[str]:
    """Each phrasing of `sentences.py`, many times, in different frames."""
    words = {name: line.split() for name, line in sentences.WORDS.items()}
    phrasings = [p for line in sentences.MATTERS.strip().splitlines() for p in line.split(" | ")]
    return [
        _filled(frame.replace("{}", phrasing), words, rng)
        for phrasing in phrasings
        for frame in (sentences.FRAMES * 3 if _WORD.search(phrasing) else sentences.FRAMES * 2)
    ] + phrasings_alone(phrasings, words, rng)


def phrasings_alone(
    phrasings: list[str], words: dict[str, list[str]], rng: random.Random
) -> list[str]:
    """Every phrasing as it stands, with several words."""
    return [_filled(phrasing, words, rng) for phrasing in phrasings for _ in range(8)]


def composed_sentences() -> list[str]:
    """Every pair of `sentences.PAIRS` in every one of its frames."""
    made = []
    for line in sentences.PAIRS.strip().splitlines():
        kind, things, said = (part.split() for part in line.split(":"))
        frames = sentences.PAIR_FRAMES[kind[0]].split()
        made += [f.format(x=x, y=y) for x in things for y in said for f in frames]
    return made


def jieba_words() -> list[str]:
    """The most frequent words of jieba's dictionary."""
    lines = (Path(jieba.__file__).parent / "dict.txt").read_text("utf-8").splitlines()
    entries = [(int(entry[1]), entry[0]) for entry in map(str.split, lines)]
    entries.sort(key=lambda entry: (-entry[0], entry[1]))
    return [word for _, word in entries if _HAN.fullmatch(word)][:JIEBA_WORDS]


def _filled(template: str, words: dict[str, list[str]], rng: random.Random) -> str:
    text = _ALTERNATIVES.sub(lambda match: rng.choice(match[1].split("/")), template)
    return _WORD.sub(lambda match: rng.choice(words[match[1]]), text)


def _some(kind: list[str], most: int, rng: random.Random) -> list[str]:
    folded = dict.fromkeys(text.strip()[:_MOST] for text in fold_many(kind))
    fit = [text for text in folded if len(text) >= _LEAST]
    return fit if len(fit) <= most else rng.sample(fit, most)
