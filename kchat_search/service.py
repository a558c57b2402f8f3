"""What the program can do, for one principal. The web and the command line talk to `Service` alone,
and get one from the gate alone.

Each method names the permission it needs (`access.needs`), and records what it did. What a chat
says passes through `searcher`, which sees what the principal sees.
"""

from __future__ import annotations

import gc
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from hashlib import sha256

from kchat_search.access.needs import needs
from kchat_search.access.queries import query_string, read_from
from kchat_search.chats.former import read_former
from kchat_search.chats.history import History, StoredVersions
from kchat_search.chats.masked_sent import masked_sent
from kchat_search.chats.masking import shown
from kchat_search.errors import INDEX_SILENT, BadRequest, ChatDamaged, Forbidden, NotFound
from kchat_search.models.audit import Action
from kchat_search.models.chats import StoredChat, StoredReject, StoredVersion
from kchat_search.models.damage import DamagedRow
from kchat_search.models.hot import DEFAULT_PERIOD, HotPage, Period
from kchat_search.models.people import Permission, Viewer
from kchat_search.models.reports import (
    Coverage,
)
from kchat_search.models.search import (
    SIMILAR,
    ChatView,
    Completions,
    InUse,
    Note,
    Place,
    RelatedChat,
    SearchPage,
    SearchRequest,
    SimilarPage,
    VisitorChats,
    Within,
)
from kchat_search.reporting import Reporting
from kchat_search.search.completion import completions, in_use
from kchat_search.search.export_walk import ChatWithPast, Export, walk
from kchat_search.search.hot_page import hot_page
from kchat_search.search.marks import Needle, highlights
from kchat_search.search.place import place_of
from kchat_search.search.recent_chats import as_seen
from kchat_search.search.similar_chats import check_limit, similar_chats
from kchat_search.search.visitor_chats import chats_around, visitor_chats


@dataclass(frozen=True, kw_only=True)
class Service(Reporting):
    """Everything that the web and the command line ask for, for one principal."""

    again: Callable[[], frozenset[Permission]] | None = None
    """What the principal may do by now: asked while an export runs, which may take long. None: it
    does not change."""
    lacks_agent_id: bool = False
    """Does it see nothing, because nobody has said which Kchat agent it is?"""

    @needs("operate")
    def warm(self) -> None:
        """Load the dictionary and open the index now, and not at the first search."""
        self.segmenter.load()
        # One search fills every cache: the fold's tables, SQL statements, the index's maps.
        self._search(SearchRequest(q="訂單 order", per_page=1))  # not recorded: nobody asked
        # What is loaded now stays. If the garbage collector looked through it again and again, that
        # would take a twentieth of the time of a search.
        gc.freeze()

    @needs("search")
    def search(self, request: SearchRequest, *, meaning: bool = True) -> SearchPage:
        """See `Searcher.search`. A changed user dictionary is read again in the background."""
        page = self._search(request, meaning=meaning)
        self._record_search("search", request, page, page.total)
        return page

    @needs("search")
    def related(self, request: SearchRequest) -> SearchPage:
        """The same, asked for its related chats."""
        page = self._search(request)
        self._record_search("related", request, page, len(page.related))
        return page

    @needs("search")
    def by_meaning(self, request: SearchRequest) -> tuple[RelatedChat, ...]:
        """Its related chats by meaning alone; see `Searcher.by_meaning`."""
        chats, numbers = self.searcher.by_meaning(request)
        self._record("related", query=query_string(request), count=len(chats), numbers=numbers)
        return chats

    @needs("search")
    def chats_found(self, request: SearchRequest) -> Sequence[int]:
        """The ids of all chats that a search finds, in any order. Not recorded: who asks counts
        them, and records that. Raises what `search` raises."""
        return self.searcher.ids(replace(request, sort="newest"))

    def _record_search(
        self, action: Action, request: SearchRequest, page: SearchPage, count: int
    ) -> None:
        numbers = page.query.whole_numbers
        self._record(action, query=query_string(request), count=count, numbers=numbers)

    def _search(self, request: SearchRequest, *, meaning: bool = True) -> SearchPage:
        if self.segmenter.user_dictionary_changed(self.clock().timestamp()):
            threading.Thread(target=self.follow_words, name="words", daemon=True).start()
        page = self.searcher.search(request, meaning=meaning)
        if not self.lacks_agent_id:
            return page
        notes = (*page.query.notes, Note("no_agent_id"))
        return replace(page, query=replace(page.query, notes=notes))

    @needs("search")
    def suggest(self, q: str, at: int, language: str) -> Completions:
        """What may be typed at a cursor of a query, `at` code points from its beginning; see
        `search.completion`. It is recorded where visitors are suggested, because it tells who has
        written; the rest is no more than the lists beside a search."""
        found, names_visitors = completions(self.searcher, q, at, language)
        if names_visitors:
            query = query_string(SearchRequest(q=q))
            self._record("suggest", query=query, count=len(found.found))
        return found

    @needs("search")
    def in_use(self) -> InUse:
        """Values that chats have, for examples of queries; see `search.completion`. None where the
        index can't be asked: the page that they stand on may need no more of it."""
        try:
            return in_use(self.searcher)
        except INDEX_SILENT:
            return InUse()

    @needs("search")
    def hot(self, period: Period = DEFAULT_PERIOD) -> HotPage:
        """What visitors asked about most in a period; see `search.hot_page`."""
        page = hot_page(self.searcher, period)
        self._record("hot", query=f"period={period}", count=len(page.questions))
        return page

    @needs("search")
    def coverage(self) -> Coverage:
        """How many chats the principal can search, and whether these are all; see
        `Searcher.coverage`."""
        return self.searcher.coverage()

    @needs("search")
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
        """One chat for reading, with the matches of the query `q` marked, and apart from them those
        of the query `find`. `within`: with its place among the hits of that search. Without `sent`,
        what Kchat sent is left out: a page does not need it. `reveal`: with its private numbers,
        also on a page.

        All of it is one row of the audit, with the search and with `find`.

        Raises `NotFound`, also where the principal does not see the chat, `Forbidden` for `reveal`
        without that permission, and `LimitExceeded` for a query that is too long.
        """
        if reveal and not self.may("numbers"):
            raise Forbidden("numbers")
        action: Action = "reveal" if reveal else "view"
        query = read_from(q, find, within)
        viewer = self._viewer(reveal=reveal)
        try:
            view, numbers = self._chat(chat_id, (q, find), viewer, sent=sent)
        except NotFound:
            self._record(action, f"chat:{chat_id}", query=query, count=0)
            raise
        self._record(action, f"chat:{chat_id}", query=query, count=1, numbers=numbers)
        if within is None or view.index_silent:
            return view
        return replace(view, place=self._place(chat_id, within))

    def _place(self, chat_id: int, within: Within) -> Place | None:
        """None where it can't be said: a hot question that is not kept any more, a search that the
        principal may not do, an index that can't be asked. The chat can be read all the same."""
        if within.at is None:
            return None
        try:
            return place_of(self.searcher, chat_id, within.request, within.at)
        except (BadRequest, Forbidden, *INDEX_SILENT):
            return None

    def _viewer(self, *, reveal: bool = False) -> Viewer:
        viewer = self.searcher.viewer
        return replace(viewer, shows_numbers=True) if reveal else viewer

    @needs("search")
    def similar(self, chat_id: int, limit: int = SIMILAR) -> SimilarPage:
        """The chats that are most like one; see `search.similar_chats`. Raises `NotFound`, also
        where the principal does not see the chat, and `LimitExceeded`."""
        check_limit(limit)
        try:
            found = similar_chats(self.searcher, self._stored(chat_id), limit)
        except NotFound:
            self._record("similar", f"chat:{chat_id}", count=0)
            raise
        self._record("similar", f"chat:{chat_id}", count=len(found.hits))
        return found

    @needs("search")
    def visitor_chats(self, chat_id: int, q: str = "", page: int | None = None) -> VisitorChats:
        """A page of all chats of a chat's visitor, with what matches the query `q` in each, else
        its first words; see `search.visitor_chats`. Raises as `chat` does, and `NotFound` for a
        chat that names no visitor."""
        stored = self._stored(chat_id)
        seen = self.searcher.recent_chats.read(stored, self.archive.agents(), self.searcher.viewer)
        visitor = seen.chat.visitor_id
        if visitor is None:
            raise NotFound(f"Chat {chat_id} names no visitor.")
        needles, numbers = self.searcher.needles(q)
        found = visitor_chats(self.searcher, chat_id, visitor, needles, page)
        every = SearchRequest(q=q, filters={"visitor_id": (visitor,)}, sort="newest")
        self._record("search", query=query_string(every), count=found.total, numbers=numbers)
        return found

    def _chat(
        self, chat_id: int, queries: tuple[str, str], viewer: Viewer, *, sent: bool
    ) -> tuple[ChatView, int]:
        """(the chat, with the matches of both queries; how many whole numbers these looked up)."""
        stored = self._stored(chat_id)
        agents = self.archive.agents()
        (q, numbers), (find, more_numbers) = map(self.searcher.needles, queries)
        view = self._view(stored, agents, viewer, (q, find), sent=sent)
        visitor = view.chat.visitor_id
        if visitor is not None:
            try:
                others, others_total = chats_around(self.searcher, chat_id, visitor, q)
            except INDEX_SILENT:  # the chat is in the archive, and can be read all the same
                view = replace(view, index_silent=True)
            else:
                view = replace(view, others=others, others_total=others_total)
        return view, numbers + more_numbers

    def _stored(self, chat_id: int) -> StoredChat:
        """A chat that the principal sees. Raises `NotFound`, `ChatDamaged`."""
        # What a principal does not see takes as long as what is not there: the archive is asked for
        # neither.
        stored = self.archive.get([chat_id] if self.searcher.sees(chat_id) else []).get(chat_id)
        if stored is None:
            raise NotFound(f"There is no chat {chat_id} in the archive.")
        if isinstance(stored, DamagedRow):
            raise ChatDamaged(
                f"Chat {chat_id} is damaged in the archive ({stored.problem}) and can't be shown: "
                f"{stored.way_out}",
                chat_id,
            )
        return stored

    @needs("export")
    def export(self, request: SearchRequest) -> Export:
        """Every chat that has all the words, newest or oldest first, as `request.sort` says;
        its page and cursor are ignored. The hits are looked up now; each chat is read when
        its turn comes.

        Raises `BadRequest` or `LimitExceeded` for what can't be asked (`relevance` is no order of
        an export), `IndexDamaged` and `ArchiveError` where it can't be answered.
        """
        # Asked before the engine: chats that are archived meanwhile must not count as missing.
        coverage = self.searcher.coverage()
        ids = self.searcher.ids(request)
        agents = self.archive.agents()
        history = self.searcher.asks_history(request)

        def view(stored: StoredChat) -> ChatView | ChatWithPast:
            if history:
                return self._with_past(stored, agents)
            return self._view(stored, agents, self._viewer())

        chats = walk(self.archive, ids, view, before_batch=self._still_exports)
        self._record("export", query=query_string(request), count=len(ids))
        return Export(total=len(ids), coverage=coverage, chats=chats, history=history)

    def _still_exports(self) -> None:
        """Whose role was taken away gets no more of an export that runs."""
        if self.again is not None and self.again() != self.permissions:
            raise Forbidden("export")

    def _with_past(self, stored: StoredChat, agents: Mapping[str, str]) -> ChatWithPast:
        view = self._view(stored, agents, self._viewer())
        with closing(self.archive.earlier_versions(stored.id)) as earlier:
            transcript = self.chat_reader.read(stored.raw, agents)
            former = read_former(transcript, stored.raw, earlier, self.chat_reader, agents).former
        return ChatWithPast(view, former, self._history(stored.id))

    def _view(
        self,
        stored: StoredChat,
        agents: Mapping[str, str],
        viewer: Viewer,
        needles: tuple[Sequence[Needle], Sequence[Needle]] = ((), ()),
        *,
        sent: bool = True,
    ) -> ChatView:
        """A chat as the viewer may read it, without the visitor's other chats. `agents`: names by
        id; `needles`: what to mark, and what to mark apart from that; `sent`: see `chat`."""
        clear = self.chat_reader.read(stored.raw, agents)
        transcript = as_seen(clear, viewer)
        content = self.chat_without_upload_tokens(stored.raw) if sent else {}
        digest = stored.digest
        if not viewer.shows_numbers:
            content = masked_sent(content, recalled=not viewer.sight.masked)
            # Of the digest of a chat in which few digits are unknown, these could be computed.
            digest = sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        return ChatView(
            chat=transcript.chat,
            sent=content,
            speakers=transcript.speakers,
            highlights=highlights(transcript, needles[0]),
            found=highlights(transcript, needles[1]),
            agent_name=transcript.agent_name,
            participants=transcript.participants,
            visitor_name=transcript.visitor_name,
            version=stored.version,
            first_seen_at=stored.first_seen_at,
            changed_at=stored.changed_at,
            seen_at=stored.seen_at,
            gone_at=stored.gone_at,
            digest=digest,
            hides=transcript is not clear and transcript.chat != clear.chat,
        )

    @needs("versions")
    def versions(self, chat_id: int) -> tuple[StoredVersion | DamagedRow, ...]:
        """All versions of a chat, oldest first. Raises `NotFound`."""
        versions = self.archive.versions(chat_id) if self.searcher.sees(chat_id) else ()
        self._record("versions", f"chat:{chat_id}", count=len(versions))
        if not versions:
            raise NotFound(f"There is no chat {chat_id} in the archive.")
        return versions

    @needs("versions")
    def history(self, chat_id: int) -> History:
        """All versions of a chat, and what changed between them. They are read as they are needed.
        Raises `NotFound`."""
        history = self._history(chat_id)
        self._record("versions", f"chat:{chat_id}", count=len(history))
        return history

    def _history(self, chat_id: int) -> History:
        count = self.archive.count_versions(chat_id) if self.searcher.sees(chat_id) else 0
        if not count:
            raise NotFound(f"There is no chat {chat_id} in the archive.")
        stored = StoredVersions(count, lambda number: self.archive.versions(chat_id, number))
        if self._viewer().shows_numbers:
            return History(stored, self.reading)
        return History(stored, self.reading, lambda sent: masked_sent(sent, recalled=True))

    @needs("agents")
    def agents(self) -> dict[str, str]:
        """Names by id, of the agents whom the principal may know: all, or those in chats that it
        sees."""
        known = self.searcher.known_agents(self.archive.agents())
        return dict(self.searcher.shown_agents(known))

    @needs("people")
    def every_agent(self) -> Mapping[str, str]:
        """Names by id of all agents: for whoever says which of them a person is."""
        return self.searcher.shown_agents(self.archive.agents())

    @needs("rejects")
    def rejects(self, limit: int = 100, offset: int = 0) -> tuple[StoredReject, ...]:
        """Chats that could not be understood; see `ports.ArchiveReports.rejects`. Their `raw` is
        JSON without upload tokens, or '' where the tokens can't be removed."""
        rejects = tuple(map(self._without_tokens, self.archive.rejects(limit, offset)))
        self._record("rejects", count=len(rejects))
        return rejects

    @needs("rejects")
    def count_rejects(self) -> int:
        """How many rejects there are, also those that are gone."""
        return self.archive.count_rejects()

    def _without_tokens(self, stored: StoredReject) -> StoredReject:
        try:
            # Treat all of it as an upload: nobody knows where a reject has its tokens.
            as_upload = f'{{"upload":{stored.reject.raw}}}'
            cleaned = self.chat_without_upload_tokens(as_upload)["upload"]
        except ValueError:
            return replace(stored, reject=replace(stored.reject, raw=""))
        raw, reason = json.dumps(cleaned, separators=(",", ":")), stored.reject.reason
        if not self._viewer().shows_numbers:
            raw, reason = shown(raw), shown(reason)
        return replace(stored, reject=replace(stored.reject, raw=raw, reason=reason))
