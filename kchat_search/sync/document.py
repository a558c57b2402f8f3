"""From a stored chat to the document that the engine indexes: folded texts, words, fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from kchat_search.chats.file_names import file_names
from kchat_search.chats.former import DifferingVersion, former_messages
from kchat_search.chats.masking import shown
from kchat_search.chats.participants import folded_name
from kchat_search.chats.passages import asked_texts, passages_of, ranked_texts
from kchat_search.chats.reader import ChatReader, Transcript
from kchat_search.fields import FIELDS, Facts, Field, Values
from kchat_search.meaning.openings import openings
from kchat_search.models.chats import Participant, is_gone
from kchat_search.models.plan import IndexDocument, Passage
from kchat_search.text.fold import without_surrogates
from kchat_search.text.scripts import letter_runs
from kchat_search.text.segmentation import Segmenter, index_token

VERSION = 8
"""The version of what a document is made of. After it changes, the index is rebuilt."""


class Source(NamedTuple):
    """All that a document is made of, and no more, because it is sent to another process."""

    revision: int
    raw: str
    """The chat's raw JSON."""
    earlier: tuple[DifferingVersion, ...] = ()
    """What its earlier versions have and it does not."""


@dataclass(frozen=True, kw_only=True)
class Documents:
    """Makes documents from stored chats. Picklable, so that other processes can do it."""

    chat_reader: ChatReader
    segmenter: Segmenter
    zone: ZoneInfo
    agents: Mapping[str, str]
    """The agents' names by id."""

    def __call__(self, chats: Sequence[Source]) -> list[IndexDocument]:
        """The documents of these chats, in this order."""
        return [self._document(*source) for source in chats]

    def _document(
        self, revision: int, raw: str, earlier: Sequence[DifferingVersion] = ()
    ) -> IndexDocument:
        transcript = self.chat_reader.read(raw, self.agents)
        former = former_messages(transcript, earlier, self.chat_reader, self.agents)
        made = document(transcript, revision, self.zone, self.segmenter.tokens)
        return replace(made, former=tuple(each.passage for each in former)) if former else made


def document(
    transcript: Transcript,
    revision: int,
    zone: ZoneInfo,
    words: Callable[[Iterable[str]], list[str]],
) -> IndexDocument:
    """The document of one chat.

    `revision` is the stored chat's. `zone` is the one in which months are counted. `words` splits
    folded texts into words.
    """
    chat = transcript.chat
    passages = tuple(passage for _, passage in passages_of(transcript))
    files = list(file_names(chat.messages))
    hidden_files = tuple(file.clear for file in files if file.seen != file.clear)
    facts = Facts(
        chat,
        speakers={passage.speaker for passage in passages if passage.speaker is not None},
        gone=is_gone(revision),
        participants=list(map(_facet_value, transcript.participants)),
        visitor_names=[
            folded_name(form) for name in transcript.visitor_names for form in (name, shown(name))
        ],
    )
    return IndexDocument(
        id=chat.id,
        revision=revision,
        created=None if chat.created_at is None else int(chat.created_at.timestamp()),
        month=month(chat.created_at, zone),
        fields={field.name: _storable(_seen(field, field.read(facts))) for field in FIELDS},
        passages=passages,
        files=tuple(file.seen for file in files if file.seen),
        words=tuple(words(ranked_texts(passages, files))),
        hidden_files=hidden_files,
        whole_files=tuple(file.whole for file in files if file.whole),
        hidden_words=_hidden_words(passages, hidden_files),
        openings=tuple(openings(asked_texts(passages, files))),
    )


def _facet_value(participant: Participant) -> str:
    """What the index has of an agent. A name is counted beside the hits, so it is masked."""
    return participant.id or shown(participant.value)


def _hidden_words(passages: Iterable[Passage], files: Sequence[str]) -> tuple[str, ...]:
    """The runs of letters of what not everybody sees, each once."""
    hidden = [passage.hidden.clear for passage in passages if passage.hidden is not None]
    if not hidden and not files:
        return ()
    texts = (*hidden, *files)
    return tuple(dict.fromkeys(index_token(w) for text in texts for _, w in letter_runs(text)))


def month(moment: datetime | None, zone: ZoneInfo) -> str | None:
    """The month in that zone, as `2015-04`; None without a moment."""
    if moment is None:
        return None
    local = moment.astimezone(zone)
    return f"{local.year:04}-{local.month:02}"  # strftime does not pad a year everywhere


_BY_EQUALITY = ("id", "visitor_name", "participant")
"""Fields whose values no answer shows, and one whose names are masked already."""


def _seen(field: Field, values: Values) -> Values:
    """The values as everybody sees them. Ids of people are no private numbers."""
    if field.person or field.flag or field.name in _BY_EQUALITY:
        return values
    return tuple(None if value is None else shown(value) for value in values)


def _storable(values: Values) -> Values:
    """Values to filter by, as every index can hold them."""
    if "".join(filter(None, values)).isascii():
        return values
    return tuple(None if value is None else without_surrogates(value) for value in values)
