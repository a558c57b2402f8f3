"""The hot questions of a period, as one viewer sees them: what the worker has kept, counted live.

Invariant: every number is the total of the search that its link leads to. So nothing is said of a
question but what is counted in the index as the viewer sees it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from kchat_search import processor_time
from kchat_search.models.chats import StoredChat
from kchat_search.models.hot import (
    Days,
    HotId,
    HotPage,
    HotQuestion,
    HotRun,
    KeptQuestion,
    Period,
    TypicalMessage,
)
from kchat_search.models.plan import AllOf, FieldIs, Node, Plan
from kchat_search.models.search import SearchRequest
from kchat_search.search.hot import chats_of, kept_run, words_seen
from kchat_search.search.opening_message import openings_of
from kchat_search.search.plan import filters
from kchat_search.search.searcher import Searcher
from kchat_search.search.snippets import one_message

MESSAGES = 3
"""Typical messages of a question."""
_MORE = 8
"""Chats that are read for them where the typical ones are not seen."""


def hot_page(searcher: Searcher, period: Period) -> HotPage:
    """The hot questions of a period. Raises `ArchiveError`, `IndexDamaged`, and
    `RequestTooExpensive` where a request may not take so long."""
    days = Days.of(period, searcher.clock().astimezone(searcher.zone).date())
    if searcher.engine.describe().table is None:
        return HotPage("off", period, days)
    run = kept_run(searcher.archive, period)
    return HotPage("waiting", period, days) if run is None else _Seen(searcher, run).page()


@dataclass(frozen=True)
class _Seen:
    """A run, as the viewer of `searcher` sees it."""

    searcher: Searcher
    run: HotRun

    def page(self) -> HotPage:
        found = [
            question
            for place, kept in enumerate(self.run.questions, 1)
            if (question := self._question(place, kept)) is not None
        ]
        found.sort(key=lambda question: (-question.total, question.id.place))
        return HotPage(
            state="ready",
            period=self.run.period,
            days=self.run.days,
            made_at=self.run.made_at,
            total=self.searcher.index.count(self._in_period),
            covered=sum(question.total for question in found),
            questions=tuple(found),
        )

    def _question(self, place: int, kept: KeptQuestion) -> HotQuestion | None:
        """None for a question of which the viewer sees no chat of the period."""
        processor_time.check()
        index, chats, days = self.searcher.index, chats_of(kept), self.run.days
        total, by_day = self._counted(AllOf((chats, self._in_period)), days.start)
        if not total:
            return None
        before, before_by_day = self._counted(
            AllOf((chats, self._in_period_before)), days.before_start
        )
        return HotQuestion(
            id=HotId(self.run.number, self.run.period, place),
            total=total,
            before=before,
            words=words_seen(kept, index, sees_all=self.searcher.viewer.sees_all_chats),
            messages=self._messages(kept),
            by_day=by_day,
            before_by_day=before_by_day,
        )

    def _counted(self, match: Node, start: date) -> tuple[int, tuple[int, ...]]:
        """How many chats match, and how many of them began on each of the period's days from
        `start` on. A period is no longer than `MOST_DAYS`."""
        plan = Plan(
            match, sort="newest", limit=0, facets=("created_day",), zone=self.searcher.zone.key
        )
        answer = self.searcher.index.search(plan)
        counts = dict(answer.facets["created_day"])
        length = (self.run.days.end - self.run.days.start).days + 1
        days = [(start + timedelta(number)).isoformat() for number in range(length)]
        return answer.total, tuple(counts.get(day, 0) for day in days)

    @cached_property
    def _in_period(self) -> Node:
        return self._created(self.run.days.start, self.run.days.end)

    @cached_property
    def _in_period_before(self) -> Node:
        return self._created(self.run.days.before_start, self.run.days.before_end)

    def _created(self, start: date, end: date) -> Node:
        request = SearchRequest(start=start.isoformat(), end=end.isoformat())
        return filters(request, self.searcher.zone)["created"]

    def _messages(self, kept: KeptQuestion) -> tuple[TypicalMessage, ...]:
        found: dict[str, TypicalMessage] = {}
        for message in self._openings(self._candidates(kept)):
            found.setdefault(message.snippet.text, message)
            if len(found) == MESSAGES:
                break
        return tuple(found.values())

    def _candidates(self, kept: KeptQuestion) -> Iterator[Sequence[int]]:
        """The chats to read one after the other: the typical ones that the viewer sees, then the
        newest."""
        typical = FieldIs("id", tuple(map(str, kept.typical)))
        seen = frozenset(self._ids(typical))
        yield [chat_id for chat_id in kept.typical if chat_id in seen][:MESSAGES]
        newest = self._ids(chats_of(kept))
        yield [chat_id for chat_id in newest[: _MORE + len(seen)] if chat_id not in seen][:_MORE]

    def _ids(self, chats: Node) -> Sequence[int]:
        plan = Plan(AllOf((chats, self._in_period)), sort="newest")
        return [int(chat_id) for chat_id in self.searcher.index.ids(plan)]

    def _openings(self, parts: Iterable[Sequence[int]]) -> Iterator[TypicalMessage]:
        agents = self.searcher.archive.agents()
        for part in parts:
            stored = self.searcher.archive.get(part)
            for chat_id in part:
                chat = stored.get(chat_id)
                if not isinstance(chat, StoredChat):  # damaged, or erased a moment ago
                    continue
                processor_time.check()
                transcript = self.searcher.recent_chats.read(chat, agents, self.searcher.viewer)
                for at in openings_of(transcript)[:1]:
                    yield TypicalMessage(chat_id, one_message(transcript, at))
