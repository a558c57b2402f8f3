"""A service over hand-made chats, for the tests of the web.

It finds chats by plain substring, its counts are true, and a test can make it fail. The type
checker holds it to `kchat_search.web.program.Program`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from kchat_search.access.policy import OF_ANYONE
from kchat_search.chats.history import History, Reading
from kchat_search.chats.ratings import canonical
from kchat_search.chats.reader import ChatReader, Transcript
from kchat_search.errors import ArchiveError, KchatSearchError, LimitExceeded, NotFound
from kchat_search.fields import FACETS
from kchat_search.kchat.json_codec import encode
from kchat_search.kchat.parse import ChatParser
from kchat_search.kchat.upload_tokens import content_digest, stable_content, without_upload_tokens
from kchat_search.models.account import AccountCheck
from kchat_search.models.chats import Chat, StoredReject, StoredVersion
from kchat_search.models.holder import Holder
from kchat_search.models.hot import Days, HotPage, Period
from kchat_search.models.people import Permission
from kchat_search.models.progress import ListProgress, RebuildProgress
from kchat_search.models.reports import (
    Alert,
    ArchiveCounts,
    Coverage,
    EngineState,
    IndexStatus,
    MeaningState,
    Presentation,
    Status,
    SyncReport,
    SyncTotals,
)
from kchat_search.models.search import (
    SIMILAR,
    ChatView,
    Completion,
    Completions,
    FacetValue,
    FilterCut,
    Hit,
    InUse,
    Neighbour,
    Note,
    PartCount,
    Place,
    QueryReading,
    RelatedChat,
    SearchPage,
    SearchRequest,
    SimilarPage,
    Snippet,
    Suggestion,
    VisitorChat,
    VisitorChats,
    Within,
)
from kchat_search.search.export_walk import AbsentChat, Export

NOW = datetime(2016, 5, 20, 4, 0, tzinfo=UTC)
HOLDER = Holder("worker", 4711, "host-7", datetime(2016, 5, 20, 1, 2, 3, tzinfo=UTC))
BEGAN = NOW - timedelta(minutes=6)
"""When what goes on began."""


def _words(q: str) -> list[str]:
    return [word.strip('"“”') for word in q.split() if word.strip('"“”')]


def _text(one: Chat) -> str:
    return "\n".join(message.text for message in one.messages)


def _ranges(text: str, words: Iterable[str]) -> tuple[tuple[int, int], ...]:
    ranges = []
    for word in words:
        start = text.find(word)
        while start >= 0:
            ranges.append((start, start + len(word)))
            start = text.find(word, start + len(word))
    return tuple(sorted(ranges))


def _marks(one: Chat, words: Iterable[str]) -> dict[int, tuple[tuple[int, int], ...]]:
    words = list(words)
    return {m.position: found for m in one.messages if (found := _ranges(m.text, words))}


_AGENTS = ("agent_id", "participant")
"""The facets whose values are ids of agents."""


@dataclass
class FakeService:
    """Put `chats` in. Set `fails`, and every method raises it."""

    chats: list[Chat]
    presentation: Presentation
    names: dict[str, str] = field(default_factory=lambda: {"2192": "李雷", "2193": "韩梅梅"})
    fails: KchatSearchError | None = None
    bug: type[BaseException] | None = None
    """Every method raises this error, with the text «secret detail»."""
    covers: Coverage | None = None
    gone: dict[int, datetime] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    cuts: tuple[FilterCut, ...] = ()
    stored_rejects: tuple[StoredReject, ...] = ()
    sent: Mapping[str, object] | None = None
    """Every chat as Kchat sent it."""
    asked: list[SearchRequest] = field(default_factory=list)
    ended_early: str | None = None
    """The error that ended the last sync."""
    breaks_after: int | None = None
    """An export fails after so many chats."""
    breaks_with: Exception = field(default_factory=lambda: ArchiveError("The archive is broken."))
    export_from: Callable[[], Iterator[Chat]] | None = None
    """The chats of an export, in place of the hits."""
    erased: set[int] = field(default_factory=set)
    """Ids of chats that an export does not find any more."""
    past: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    """By chat: its versions as Kchat sent them, oldest first. Other chats have one version."""
    wrong: tuple[Alert, ...] = ()
    """The alerts."""
    can_check: bool = True
    checked: AccountCheck | None = None
    checks: list[str] = field(default_factory=list)
    """Each time that the account was to be tried."""
    ended_kind: str | None = None
    rebuilt: int | None = None
    """How much of the index is built, in percent."""
    reading: ListProgress | None = None
    """How far Kchat's list is read."""
    months: Mapping[str, int] | None = None
    """How many chats each month has; None: as the chats say."""
    held_by: Holder | None = HOLDER
    """Who holds the indexer's lock."""
    permissions: frozenset[Permission] = OF_ANYONE
    hot_found: HotPage | None = None
    """The hot questions of every period; None: they wait."""
    meant: set[int] = field(default_factory=set)
    """The ids of the chats that every search finds by meaning."""
    meaning: MeaningState = field(default_factory=lambda: MeaningState("on"))
    walked: int = 0
    """Chats that exports have read."""

    def search(self, request: SearchRequest, *, meaning: bool = True) -> SearchPage:
        self._fail()
        self.asked.append(request)
        if len(request.q) > 1000:
            raise LimitExceeded("A query has at most 1,000 characters.", "q", 1000)
        words = _words(request.q)
        hits, every = self._found(request, words)
        related = [] if len(hits) >= 20 else self._related(request, words)
        start = int(request.cursor) if request.cursor else (request.page - 1) * request.per_page
        stop = start + request.per_page
        return SearchPage(
            query=self._reading(request, words, len(hits), every),
            total=len(hits),
            page=request.page,
            per_page=request.per_page,
            has_next=stop < len(hits)
            and request.cursor is None
            and (request.page + 1) * request.per_page <= 10_000,
            cursor=str(stop) if stop < len(hits) else None,
            hits=tuple(self._hit(c, words, request.snippets) for c in hits[start:stop]),
            facets=self._facets(request, hits),
            coverage=self._coverage(),
            took_ms=3.2049,
            related=tuple(self._with_words(c, words) for c in related[: request.related]),
            related_total=len(related),
            first=start + 1,
            former=0,
            may_mean=bool(self.meant) and not meaning and len(hits) < 20,
        )

    def related(self, request: SearchRequest) -> SearchPage:
        return self.search(request)

    def chats_found(self, request: SearchRequest) -> Sequence[int]:
        self._fail()
        return [chat.id for chat in self._found(request, _words(request.q))[0]]

    def by_meaning(self, request: SearchRequest) -> tuple[RelatedChat, ...]:
        self._fail()
        self.asked.append(request)
        found = [c for c in self.chats if c.id in self.meant]
        hits = [self._hit(c, [], 1) for c in self._filtered(request, found)]
        return tuple(RelatedChat(hit, why="meaning") for hit in hits)

    def similar(self, chat_id: int, limit: int = SIMILAR) -> SimilarPage:
        """The chats that have the first two characters of one of the chat's texts."""
        self._fail()
        begins = [m.text[:2] for m in self.chat(chat_id).chat.messages if m.text]
        others = [c for c in self.chats if c.id != chat_id and any(b in _text(c) for b in begins)]
        return SimilarPage(tuple(self._hit(c, begins, 1) for c in others[:limit]))

    def hot(self, period: Period) -> HotPage:
        self._fail()
        return self.hot_found or HotPage("waiting", period, Days.of(period, NOW.date()))

    def suggest(self, q: str, at: int, language: str) -> Completions:
        """The agents whose names begin with what stands before the cursor."""
        self._fail()
        found = [Completion(f"agent:{n}", n, language, 1) for n in self.names.values() if q[:at]]
        return Completions(0, len(q), tuple(found))

    def in_use(self) -> InUse:
        self._fail()
        return InUse(agent=next(iter(self.names.values()), None), rating="1", month="2015-04")

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    def _related(self, request: SearchRequest, words: list[str]) -> list[Chat]:
        """The chats with some of the words, where they are asked for."""
        if request.sort != "relevance" or request.cursor or not request.related:
            return []
        found = [sum(w in _text(c) for w in words) for c in self.chats]
        some = [c for c, n in zip(self.chats, found, strict=True) if 0 < n < len(words)]
        return self._filtered(request, some)

    def _with_words(self, one: Chat, words: list[str]) -> RelatedChat:
        has = tuple(word for word in words if word in _text(one))
        lacks = tuple(word for word in words if word not in has)
        return RelatedChat(self._hit(one, words, 1), has, lacks)

    def _found(self, request: SearchRequest, words: list[str]) -> tuple[list[Chat], int]:
        """(the hits in order, how many of them have all the words)."""
        whole = [c for c in self.chats if all(w in _text(c) for w in words)]
        hits = self._filtered(request, whole)
        if request.sort != "relevance":
            hits.sort(key=lambda c: (c.created_at is None, c.created_at, c.id))
        if request.sort == "newest":
            hits.reverse()
        return hits, len(hits)

    def _reading(
        self, request: SearchRequest, words: list[str], total: int, every: int
    ) -> QueryReading:
        alone = [PartCount(w, sum(w in _text(c) for c in self.chats)) for w in words]
        unfiltered = SearchRequest(q=request.q)
        return QueryReading(
            q=request.q,
            understood=" AND ".join(words),
            sort=request.sort,
            notes=self.notes,
            parts=() if total else tuple(alone),
            suggestions=() if every else self.suggestions,
            cuts=() if total else self.cuts,
            without_filters=None if total else self._found(unfiltered, words)[1],
        )

    def export(self, request: SearchRequest) -> Export:
        """The same hits by date, or the chats of `export_from`."""
        self._fail()
        self.asked.append(request)
        if len(request.q) > 1000:
            raise LimitExceeded("A query has at most 1,000 characters.", "q", 1000)
        hits, _ = self._found(request, _words(request.q))

        def walk() -> Iterator[ChatView | AbsentChat]:
            for number, one in enumerate(self.export_from() if self.export_from else hits):
                if number == self.breaks_after:
                    raise self.breaks_with
                self.walked += 1
                yield AbsentChat(one.id) if one.id in self.erased else self._view(one, "")

        return Export(total=len(hits), coverage=self._coverage(), chats=walk())

    def chat(
        self,
        chat_id: int,
        q: str = "",
        *,
        find: str = "",
        within: Within | None = None,
        sent: bool = True,
        reveal: bool = False,
    ) -> ChatView:
        del reveal
        self._fail()
        one_chat = next((one for one in self.chats if one.id == chat_id), None)
        if one_chat is None:
            raise NotFound(f"There is no chat {chat_id} in the archive.")
        view = self._view(one_chat, q)
        found = _marks(one_chat, _words(find))
        place = self._place(one_chat, within) if within is not None and within.at else None
        return replace(view, found=found, place=place, sent=view.sent if sent else {})

    def _place(self, one_chat: Chat, within: Within) -> Place:
        """Where the chat is now, however far that is from where it was."""
        words = _words(within.request.q)
        hits, _ = self._found(within.request, words)
        if one_chat not in hits:
            return Place(None, len(hits))
        index = hits.index(one_chat)

        def beside(at: int) -> Neighbour | None:
            if not 0 <= at < len(hits):
                return None
            shown = self._hit(hits[at], words, 1).snippets
            return Neighbour(hits[at].id, at + 1, shown[0] if shown else None)

        return Place(index + 1, len(hits), beside(index - 1), beside(index + 1))

    def _view(self, one_chat: Chat, q: str) -> ChatView:
        transcript = self._read(one_chat)
        others = [
            c for c in self.chats if c.visitor_id == one_chat.visitor_id and c is not one_chat
        ]
        return ChatView(
            chat=one_chat,
            sent=self.sent or {"id": one_chat.id, "status": one_chat.status, "messages": []},
            speakers=transcript.speakers,
            highlights=_marks(one_chat, _words(q)),
            agent_name=transcript.agent_name,
            participants=transcript.participants,
            visitor_name=transcript.visitor_name,
            version=len(self.past.get(one_chat.id, ())) or 2,
            first_seen_at=NOW,
            changed_at=NOW,
            seen_at=NOW,
            gone_at=self.gone.get(one_chat.id),
            digest="0" * 64,
            others=tuple(self._line(c, q) for c in others[:10]),
            others_total=len(others),
        )

    def visitor_chats(self, chat_id: int, q: str = "", page: int | None = None) -> VisitorChats:
        """One page has three chats."""
        visitor = self.chat(chat_id).chat.visitor_id
        if visitor is None:
            raise NotFound(f"Chat {chat_id} names no visitor.")
        every = [c for c in self.chats if c.visitor_id == visitor]
        place = next(n for n, c in enumerate(every) if c.id == chat_id)
        number = place // 3 + 1 if page is None else page
        part = every[(number - 1) * 3 : number * 3]
        lines = tuple(self._line(c, q) for c in part)
        return VisitorChats(lines, len(every), number, -(-len(every) // 3))

    def _line(self, one_chat: Chat, q: str) -> VisitorChat:
        hit = self._hit(one_chat, _words(q), 1)
        first = [
            Snippet(m.id, m.position, m.name, "visitor", None, m.text, ())
            for m in one_chat.messages
        ]
        snippets = hit.snippets or tuple(first[:1])
        return VisitorChat(one_chat.id, replace(hit, snippets=snippets), bool(hit.snippets))

    def versions(self, chat_id: int) -> tuple[StoredVersion, ...]:
        """One version for each day; the last one is of `NOW`."""
        self._fail()
        known = chat_id in self.past or any(one.id == chat_id for one in self.chats)
        if not known:
            raise NotFound(f"There is no chat {chat_id} in the archive.")
        sent = self.past.get(chat_id) or [{"id": chat_id, "status": "close", "messages": []}]
        return tuple(
            StoredVersion(
                chat_id=chat_id,
                version=number,
                raw=encode(one),
                digest=content_digest(one),
                seen_at=NOW - timedelta(days=len(sent) - number),
            )
            for number, one in enumerate(sent, start=1)
        )

    def history(self, chat_id: int) -> History:
        parser = ChatParser(self.presentation.zone)
        reading = Reading(
            parser.sent_messages, parser.parse_messages, without_upload_tokens, stable_content
        )
        return History(self.versions(chat_id), reading)

    def agents(self) -> dict[str, str]:
        self._fail()
        return dict(self.names)

    def every_agent(self) -> dict[str, str]:
        self._fail()
        return dict(self.names)

    def status(self) -> Status:
        self._fail()
        return Status(
            counts=self.counts(),
            index=self._index(),
            coverage=self._coverage(),
            last_report=self.reports()[0],
            indexer=self.held_by,
            timezone=self.presentation.zone.key,
            now=NOW,
            demo=self.presentation.demo,
            alerts=self.wrong,
            reading=self.reading,
            rebuild=None if self.rebuilt is None else RebuildProgress(self.rebuilt, BEGAN),
        )

    def _index(self) -> IndexStatus:
        months = Counter(f"{c.created_at:%Y-%m}" for c in self.chats if c.created_at)
        engine, current = self.index_state()
        return IndexStatus(
            engine,
            current,
            self.meaning,
            self.months if self.months is not None else dict(months),
        )

    def counts(self) -> ArchiveCounts:
        self._fail()
        return ArchiveCounts(len(self.chats), 1, 0, len(self.stored_rejects), 7)

    def index_state(self) -> tuple[EngineState, bool]:
        self._fail()
        return EngineState("whoosh", "20160520-1", "f", len(self.chats), 1_482_113), True

    def coverage(self) -> Coverage:
        return self.coverage_now()

    def coverage_now(self) -> Coverage:
        self._fail()
        return self._coverage()

    def holder(self) -> Holder | None:
        return self.held_by

    def rebuilt_percent(self) -> int | None:
        return self.rebuilt

    def kchat_chat_url(self) -> str | None:
        return self.presentation.kchat_chat_url

    def can_check_account(self) -> bool:
        return self.can_check

    def checked_account(self) -> AccountCheck | None:
        return self.checked

    def check_account(self) -> None:
        self.checks.append("tried")

    def alerts(self) -> tuple[Alert, ...]:
        return self.wrong

    def totals(self) -> dict[str, SyncTotals]:
        self._fail()
        return {"tick": SyncTotals(complete=7, failed=2, seconds=14.5, seen=280, retries=3)}

    def count_rejects(self) -> int:
        self._fail()
        return len(self.stored_rejects)

    def rejects(self, limit: int = 100, offset: int = 0) -> tuple[StoredReject, ...]:
        self._fail()
        return self.stored_rejects[offset : offset + limit]

    def reports(self, limit: int = 20) -> tuple[SyncReport, ...]:
        self._fail()
        one = SyncReport(
            "tick", NOW, NOW + timedelta(seconds=2), seen=40, new=3, changed=1, indexed=4
        )
        one = replace(one, error=self.ended_early, error_kind=self.ended_kind)
        first = replace(
            one, kind="backfill", seen=1200, complete=False, notes=("count changed",), error=None
        )
        return (one, first)[:limit]

    def ready(self) -> None:
        self._fail()

    def close(self) -> None:
        """Does nothing: there is nothing to close."""

    def _read(self, one: Chat) -> Transcript:
        return ChatReader(lambda _: one).read("", self.names)

    def _fail(self) -> None:
        if self.bug is not None:
            raise self.bug("secret detail")
        if self.fails is not None:
            raise self.fails

    def _coverage(self) -> Coverage:
        return self.covers or Coverage(
            complete=True, chats=len(self.chats), pending=0, rejected=0, synced_at=NOW
        )

    def _value(self, one: Chat, name: str) -> str | None:
        if name == "rating":
            return canonical(one.rating)
        if name == "has_upload":
            return "true" if any(m.upload for m in one.messages) else "false"
        if name in ("created_month", "created_day"):
            local = one.created_at and one.created_at.astimezone(self.presentation.zone)
            form = "%Y-%m" if name == "created_month" else "%Y-%m-%d"
            return f"{local:{form}}" if local else None
        if name == "participant":
            return next((each.value for each in self._read(one).participants), None)
        if name == "spoke":
            return "visitor" if "visitor" in self._read(one).speakers else None
        value = getattr(one, name)
        return None if value is None else str(value)

    def _filtered(self, request: SearchRequest, chats: list[Chat], but: str = "") -> list[Chat]:
        for name, values in request.filters.items():
            if name != but:
                keys = {canonical(v) if name == "rating" else v for v in values}
                chats = [c for c in chats if (self._value(c, name) or "none") in keys]
        return chats if but == "created_month" else [c for c in chats if self._in_days(request, c)]

    def _in_days(self, request: SearchRequest, one: Chat) -> bool:
        if request.start is None and request.end is None:
            return True
        if one.created_at is None:
            return False
        day = one.created_at.astimezone(self.presentation.zone).date()
        start = date.fromisoformat((request.start or "0001-01-01")[:10])
        end = date.fromisoformat((request.end or "9999-12-31")[:10])
        return start <= day <= end

    def _facets(
        self, request: SearchRequest, hits: list[Chat]
    ) -> Mapping[str, tuple[FacetValue, ...]]:
        names = FACETS if request.facets is None else request.facets
        words = _words(request.q)
        base = [c for c in self.chats if all(any(w in m.text for m in c.messages) for w in words)]
        ids = {c.id for c in base}
        base += [c for c in hits if c.id not in ids]
        facets = {}
        for name in names:
            counts = Counter(self._value(c, name) for c in self._filtered(request, base, name))
            facets[name] = tuple(
                FacetValue(value, self.names.get(value or "") if name in _AGENTS else None, n)
                for value, n in sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
            )
        return facets

    def _hit(self, one: Chat, words: list[str], limit: int) -> Hit:
        transcript = self._read(one)
        snippets = [
            Snippet(m.id, m.position, m.name, speaker, m.created_at, m.text, ranges)
            for m, speaker in zip(one.messages, transcript.speakers, strict=True)
            if (ranges := _ranges(m.text, words))
        ]
        return Hit(
            chat=one,
            speakers=transcript.speakers,
            agent_name=transcript.agent_name,
            participants=transcript.participants,
            visitor_name=transcript.visitor_name,
            gone_at=self.gone.get(one.id),
            score=7.1,
            snippets=tuple(snippets[:limit]),
        )
