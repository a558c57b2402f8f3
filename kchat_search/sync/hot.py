"""Hot questions: the worker finds what visitors asked about in the last 7, 30 and 90 days.

The opening questions of a period's chats, and of the chats of the period before it, are put into
clusters. Each cluster is kept as the set of its chats, so that whoever counts and whoever searches
has the same ones. No text is kept but single words that several chats have.

Invariant: a kept run never changes. Its row is written before the list of runs that names it, so a
kill between the two leaves a row that the next run overwrites.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from math import log as logarithm
from typing import NamedTuple
from zoneinfo import ZoneInfo

from kchat_search.chats.file_names import file_names
from kchat_search.chats.passages import asked_texts, passages_of
from kchat_search.chats.reader import ChatReader
from kchat_search.meaning.clusters import NONE, clusters
from kchat_search.meaning.openings import openings
from kchat_search.models.chats import StoredChat
from kchat_search.models.hot import (
    PERIODS,
    RUN_LIST,
    Days,
    HotRun,
    KeptQuestion,
    Period,
    run_name,
)
from kchat_search.models.plan import CreatedIn, Plan
from kchat_search.ports import Clock, Engine, SyncArchive
from kchat_search.text.scripts import indexable_runs
from kchat_search.text.segmentation import Segmenter

EVERY = timedelta(hours=6)
KEPT = timedelta(days=7)
"""So long the links to a question hold."""
LEAST = 3
"""Chats of the period in a question, at least."""
_LEAST_SHARE = 0.004
"""And of all its chats that have an opening."""
MOST = 30
"""Questions of a period."""
_READ = 15
"""Chats of a question that are read for its words and its typical messages: so many of those
nearest to the middle, and as many of all the others."""
_ALIKE = 0.6
"""Messages that share more of their letters than this look the same."""
_TYPICAL = 12
"""More than are shown: somebody may not see all of these chats."""
_WORDS = 4
_LEAST_OF_CHATS = 0.15
"""And this share of the chats that were read has it."""
_CHATS_WITH_WORD = 3
"""At least so many of the chats that were read have the word: it is nobody's name or code."""

_MORE_COMMON = 2
"""And it is so many times as common in them as in the chats of the other questions."""
_EVERYDAY = frozenset(
    """
    怎么 怎样 这个 那个 这样 可是 但是 现在 今天 昨天 时候 什么 为什么 多少 一下 咨询 请问 没有
    可以 不能 能不能 可不可以 有没有 是不是 我们 你们 他们 自己 已经 之前 上次 还是 就是 一个 有个
    问题 不了 时间 帮忙 麻烦 谢谢 你好 您好
    """.split()  # noqa: SIM905  # to be read
)
"""Words that stand in any question."""

log = logging.getLogger(__name__)


class _Member(NamedTuple):
    """A chat of a cluster."""

    chat_id: int
    nearness: float
    """The cosine of its opening and the middle of the cluster."""
    is_recent: bool
    """Of the period, and not of the one before."""


@dataclass(frozen=True, kw_only=True)
class HotQuestions:
    """Finds and keeps them. Call `tick` and `renew` within the indexer's lock."""

    archive: SyncArchive
    engine: Engine
    segmenter: Segmenter
    chat_reader: ChatReader
    zone: ZoneInfo
    clock: Clock

    def tick(self) -> None:
        """Find them anew where the last ones are old. Raises as `renew` does."""
        now = self.clock()
        backfill = self.archive.cursor("backfill") or {}
        if backfill.get("proven") and self._is_due(now) and self.engine.describe().table:
            self.renew()

    def renew(self) -> tuple[HotRun, ...]:
        """Find and keep the questions of every period. Those that are older than `KEPT` are
        forgotten.

        Raises `ArchiveError`, and `IndexDamaged` where the index can't be read.
        """
        now = self.clock()
        runs = self._runs()
        number = max(runs, default=0) + 1
        made = tuple(self._run(number, period, now) for period in PERIODS)
        for run in made:
            self.archive.set_cursor(run_name(number, run.period), run.to_json(), now=now)
        old = [each for each, at in runs.items() if at < now - KEPT]
        self.archive.drop_cursors([run_name(each, period) for each in old for period in PERIODS])
        listed = {number: now, **{each: at for each, at in runs.items() if each not in old}}
        value = [{"number": each, "made_at": at.isoformat()} for each, at in listed.items()]
        self.archive.set_cursor(RUN_LIST, {"runs": value}, now=now)
        log.info("Hot questions: %s.", ", ".join(f"{len(r.questions)} of {r.period}" for r in made))
        return made

    def _is_due(self, now: datetime) -> bool:
        last = max(self._runs().values(), default=None)
        return last is None or not last <= now < last + EVERY

    def _runs(self) -> dict[int, datetime]:
        value = self.archive.cursor(RUN_LIST) or {"runs": []}
        return {run["number"]: datetime.fromisoformat(run["made_at"]) for run in value["runs"]}

    def _run(self, number: int, period: Period, now: datetime) -> HotRun:
        days = Days.of(period, now.astimezone(self.zone).date())
        asked = self.engine.openings(self._created(days.before_start, days.end))
        plan = Plan(self._created(days.start, days.end), sort="newest")
        recent = frozenset(map(int, self.engine.ids(plan)))
        chats = asked.ids.tolist()
        least = max(LEAST, round(_LEAST_SHARE * sum(chat in recent for chat in chats)))
        found = clusters(len(chats), asked.read, least)
        groups: dict[int, list[_Member]] = {}
        rows = zip(chats, found.labels.tolist(), found.nearness.tolist(), strict=True)
        for chat, label, nearness in rows:
            if label != NONE:
                groups.setdefault(label, []).append(_Member(chat, nearness, chat in recent))
        sizes = {label: sum(m.is_recent for m in members) for label, members in groups.items()}
        large = [label for label in sorted(groups) if sizes[label] >= least]
        large.sort(key=lambda label: -sizes[label])
        questions = self._questions([groups[label] for label in large[:MOST]])
        return HotRun(number, period, now, days, questions)

    def _created(self, start: date, end: date) -> CreatedIn:
        """Created on one of these days."""
        midnight = (datetime.combine(day, time(), self.zone) for day in (start, end + timedelta(1)))
        first, after = (int(moment.timestamp()) for moment in midnight)
        return CreatedIn(first, after)

    def _questions(self, groups: Sequence[Sequence[_Member]]) -> tuple[KeptQuestion, ...]:
        texts = [self._nearest(members) for members in groups]
        words = [
            Counter(word for text in those.values() for word in set(self._words(text)))
            for those in texts
        ]
        everywhere = sum(words, Counter[str]())
        read = sum(map(len, texts))
        return tuple(
            KeptQuestion(
                chats=tuple(sorted(member.chat_id for member in members)),
                typical=_different(those),
                words=marking(own, len(those), everywhere - own, read - len(those)),
            )
            for members, those, own in zip(groups, texts, words, strict=True)
        )

    def _nearest(self, members: Sequence[_Member]) -> dict[int, str]:
        """The opening of some chats of the period, as everybody sees it, nearest to the middle
        first."""
        recent = [member for member in members if member.is_recent]
        recent.sort(key=lambda member: (-member.nearness, member.chat_id))
        others = recent[_READ:]
        some = recent[:_READ] + others[:: max(1, len(others) // _READ)][:_READ]
        ids = [member.chat_id for member in some]
        stored, agents = self.archive.get(ids), self.archive.agents()
        texts = {}
        for chat_id in ids:
            chat = stored.get(chat_id)
            if isinstance(chat, StoredChat):
                texts[chat_id] = self._opening(chat, agents)
        return {chat_id: text for chat_id, text in texts.items() if text}

    def _opening(self, chat: StoredChat, agents: Mapping[str, str]) -> str:
        transcript = self.chat_reader.read(chat.raw, agents)
        passages = [passage for _, passage in passages_of(transcript)]
        places = openings(asked_texts(passages, file_names(transcript.chat.messages)))
        return passages[places[0]].text if places else ""

    def _words(self, text: str) -> Iterator[str]:
        for han, other in indexable_runs(text):
            words = self.segmenter.segment_han(han) if han else [other]
            yield from filter(_says, words)


def marking(
    own: Mapping[str, int], chats: int, others: Mapping[str, int], other_chats: int
) -> tuple[str, ...]:
    """The words that are far more common in `own` than in `others`, the best first. Both count the
    chats that have each word; `chats` and `other_chats` are how many chats there are."""

    def weight(word: str) -> float:
        here = own[word] / chats
        there = (others.get(word, 0) + 0.5) / (other_chats + 1)
        return here * logarithm(here / there / _MORE_COMMON)

    least = max(_CHATS_WITH_WORD, _LEAST_OF_CHATS * chats)
    several = [word for word, count in own.items() if count >= least]
    best = sorted(((weight(word), word) for word in several), key=lambda each: (-each[0], each[1]))
    chosen: list[str] = []
    for value, word in best:
        if value <= 0 or len(chosen) == _WORDS:
            break
        if not any(word in other or other in word for other in chosen):
            chosen.append(word)
    return tuple(chosen)


def _says(word: str) -> bool:
    """Two letters or more, and no digit: a number marks nothing, and may be somebody's."""
    return len(word) > 1 and word.isalpha() and word not in _EVERYDAY


def _different(texts: Mapping[int, str]) -> tuple[int, ...]:
    """The first chats of which no two have nearly the same text."""
    chosen: dict[int, frozenset[str]] = {}
    for chat_id, text in texts.items():
        letters = frozenset(filter(str.isalpha, text))
        if len(chosen) < _TYPICAL and not any(
            len(letters & other) > _ALIKE * len(letters | other) for other in chosen.values()
        ):
            chosen[chat_id] = letters
    return tuple(chosen)
