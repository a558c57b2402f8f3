"""From the hits of an engine to what is shown of them: the chats, read for one viewer, with
snippets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property

from kchat_search import processor_time
from kchat_search.chats.former import FormerTranscript, read_former
from kchat_search.chats.masked_transcript import as_it_is
from kchat_search.chats.reader import ChatReader, Transcript
from kchat_search.models.chats import StoredChat
from kchat_search.models.damage import DamagedRow
from kchat_search.models.people import Viewer
from kchat_search.models.plan import EngineAnswer, EngineHit, Plan
from kchat_search.models.search import Hit, RelatedChat, Snippet
from kchat_search.ports import StoredChats
from kchat_search.search.marks import Needle, needles_of
from kchat_search.search.recent_chats import RecentChats, as_seen
from kchat_search.search.related import by_words, nearest_opening
from kchat_search.search.snippets import snippets

_SNIPPETS_OF_RELATED = 1
"""Of a chat with only some of the words, at most. Twenty of them follow, and most people look at
few."""

Damaged = tuple[DamagedRow, ...]


@dataclass(frozen=True, kw_only=True)
class Hits:
    """Reads the hits of one plan."""

    archive: StoredChats
    chat_reader: ChatReader
    recent_chats: RecentChats
    viewer: Viewer
    plan: Plan
    agents: Mapping[str, str]
    """The agents' names by id."""

    def read(self, engine_hits: Sequence[EngineHit], limit: int) -> tuple[tuple[Hit, ...], Damaged]:
        """(the hits that can be shown, each with at most `limit` snippets; the chats of the
        others)."""
        return self.shown(engine_hits, lambda stored, read: self._snippets(stored, read, limit))

    def related(self, answer: EngineAnswer, limit: int) -> tuple[tuple[RelatedChat, ...], Damaged]:
        """The same of related chats: those with some of the words, then those by meaning."""
        some = [related.hit for related in answer.related]
        words, damaged = self.read(some, min(_SNIPPETS_OF_RELATED, limit))
        meant, also_damaged = self.by_meaning(answer, limit)
        return by_words(words, answer, self.plan) + meant, damaged + also_damaged

    def by_meaning(
        self, answer: EngineAnswer, limit: int
    ) -> tuple[tuple[RelatedChat, ...], Damaged]:
        """The same of the chats by meaning alone."""
        hits, damaged = self.shown(
            [meant.hit for meant in answer.meant],
            lambda _, transcript: nearest_opening(transcript, answer, limit),
        )
        return tuple(RelatedChat(hit, why="meaning") for hit in hits), damaged

    def shown(
        self,
        engine_hits: Sequence[EngineHit],
        snippets_of: Callable[[StoredChat, Transcript], tuple[Snippet, ...]],
    ) -> tuple[tuple[Hit, ...], Damaged]:
        """(the hits that can be shown, the chats of the others). `snippets_of`: from what the
        archive has of a chat, and the chat as the viewer may read it, to its snippets."""
        if not engine_hits:
            return (), ()
        stored_chats = self.archive.get([hit.id for hit in engine_hits])
        hits, damaged = [], []
        for hit in engine_hits:
            stored = stored_chats.get(hit.id)
            if isinstance(stored, DamagedRow):
                damaged.append(stored)
                continue
            if stored is None:  # the archive drops no chat, but this one was erased a moment ago
                continue
            processor_time.check()
            transcript = self.recent_chats.read(stored, self.agents, self.viewer)
            hits.append(
                Hit(
                    chat=transcript.chat,
                    speakers=transcript.speakers,
                    agent_name=transcript.agent_name,
                    participants=transcript.participants,
                    visitor_name=transcript.visitor_name,
                    gone_at=stored.gone_at,
                    score=hit.score,
                    snippets=snippets_of(stored, transcript),
                )
            )
        return tuple(hits), tuple(damaged)

    @cached_property
    def _needles(self) -> tuple[Needle, ...]:
        return needles_of(self.plan.match)

    def _snippets(
        self, stored: StoredChat, transcript: Transcript, limit: int
    ) -> tuple[Snippet, ...]:
        return snippets(
            transcript,
            self._needles,
            phrases=self.plan.phrases,
            limit=limit,
            as_seen=lambda former: as_seen(former, self.viewer),
            read_former=self._former(stored, transcript) if self.plan.history else None,
        )

    def _former(
        self, stored: StoredChat, transcript: Transcript
    ) -> Callable[[], FormerTranscript] | None:
        """Reads what a chat said before; None where it has no earlier version."""
        if stored.version == 1:
            return None

        def read() -> FormerTranscript:
            with closing(self.archive.earlier_versions(stored.id)) as earlier:
                # What is said now is compared with what was said before, so both as they are.
                present = as_it_is(transcript)
                return read_former(present, stored.raw, earlier, self.chat_reader, self.agents)

        return read
