"""The chats that are like one, for whoever reads it: how did others answer this?

Invariant: the chat's words are those that everybody sees, as the words of its document are. So what
is hidden from a viewer has no part in which chats are found.
"""

from __future__ import annotations

from collections.abc import Mapping

from kchat_search import processor_time
from kchat_search.chats.file_names import file_names
from kchat_search.chats.masked_transcript import as_it_is
from kchat_search.chats.passages import passages_of, ranked_texts
from kchat_search.chats.reader import Transcript
from kchat_search.errors import LimitExceeded
from kchat_search.models.chats import StoredChat
from kchat_search.models.plan import Alike, AlikeHit, Everything, Plan
from kchat_search.models.search import MAX_SIMILAR, SimilarPage, Snippet
from kchat_search.search.opening_message import openings_of
from kchat_search.search.searcher import Searcher
from kchat_search.search.snippets import asked_and_answered


def check_limit(limit: int) -> None:
    """Raises `LimitExceeded` for a number of chats that can't be asked for."""
    if not 1 <= limit <= MAX_SIMILAR:
        text = f"limit must be from 1 to {MAX_SIMILAR}"
        raise LimitExceeded(text, "limit", MAX_SIMILAR)


def similar_chats(searcher: Searcher, stored: StoredChat, limit: int) -> SimilarPage:
    """The chats that the viewer sees and that are most like one that it sees, at most `limit`.

    Raises `IndexDamaged` or `ArchiveError` where the index or the archive can't be read, and
    `RequestTooExpensive` where a request may not take so long.
    """
    agents = searcher.archive.agents()
    transcript = searcher.recent_chats.read(stored, agents, searcher.viewer)
    words = tuple(searcher.segmenter.tokens(_texts(transcript)))
    found = searcher.index.alike(Alike(stored.id, words, limit))
    by_id = {one.hit.id: one for one in found}

    def snippets(other: StoredChat, seen: Transcript) -> tuple[Snippet, ...]:
        at = _message(seen, by_id[other.id])
        return () if at is None else asked_and_answered(seen, at)

    hits = searcher.hits(Plan(Everything()), agents)
    return SimilarPage(*hits.shown([one.hit for one in found], snippets))


def _texts(transcript: Transcript) -> list[str]:
    """What the words of the chat's document are made of."""
    clear = as_it_is(transcript)
    files = list(file_names(clear.chat.messages))
    return list(ranked_texts((passage for _, passage in passages_of(clear)), files))


def _message(transcript: Transcript, found: AlikeHit) -> int | None:
    """The position of the message that makes the chats alike: the opening that is nearest; else the
    one with the most telling words; else the first with a text."""
    openings = [] if found.place is None else openings_of(transcript)
    if found.place is not None and found.place < len(openings):
        return openings[found.place]
    weights = [_weight(text, found.words) for text in transcript.texts]
    if any(weights):
        return weights.index(max(weights))
    return next((at for at, text in enumerate(transcript.visible) if text.strip()), None)


def _weight(text: str, words: Mapping[str, float]) -> float:
    processor_time.check()
    return sum(weight for word, weight in words.items() if word in text)
