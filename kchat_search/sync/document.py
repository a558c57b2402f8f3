"""From a stored chat to the document that the engine indexes: folded texts, words, fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from kchat_search.chats.former import DifferingVersion, former_messages
from kchat_search.chats.participants import folded_name
from kchat_search.chats.passages import passages_of
from kchat_search.chats.reader import ChatReader, Transcript
from kchat_search.fields import FIELDS, Facts, Values
from kchat_search.models.chats import is_gone
from kchat_search.models.plan import IndexDocument, Passage
from kchat_search.text.fold import fold, without_surrogates
from kchat_search.text.segmentation import Segmenter

VERSION = 4
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
    uploads = [message.upload for message in chat.messages if message.upload is not None]
    files = tuple(fold(upload.name) for upload in uploads if upload.name)
    facts = Facts(
        chat,
        speakers={passage.speaker for passage in passages if passage.speaker is not None},
        gone=is_gone(revision),
        participants=[participant.value for participant in transcript.participants],
        visitor_names=list(map(folded_name, transcript.visitor_names)),
    )
    return IndexDocument(
        id=chat.id,
        revision=revision,
        created=None if chat.created_at is None else int(chat.created_at.timestamp()),
        month=month(chat.created_at, zone),
        fields={field.name: _storable(field.read(facts)) for field in FIELDS},
        passages=passages,
        files=files,
        words=tuple(words(_ranked(passages, files))),
    )


def _ranked(passages: Sequence[Passage], files: Sequence[str]) -> Iterator[str]:
    """The texts whose words count in ranking. A file that was sent ten times is named once."""
    names = set(files)
    for passage in passages:
        if passage.text not in names:
            yield passage.text
    yield from dict.fromkeys(files)


def month(moment: datetime | None, zone: ZoneInfo) -> str | None:
    """The month in that zone, as `2015-04`; None without a moment."""
    if moment is None:
        return None
    local = moment.astimezone(zone)
    return f"{local.year:04}-{local.month:02}"  # strftime does not pad a year everywhere


def _storable(values: Values) -> Values:
    """Values to filter by, as every index can hold them."""
    if "".join(filter(None, values)).isascii():
        return values
    return tuple(None if value is None else without_surrogates(value) for value in values)
