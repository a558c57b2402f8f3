"""A chat as the index sees it: folded, split, ready to be found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from kchat_search.chats.reader import ChatReader, Transcript
from kchat_search.fields import FIELDS, Facts, Values
from kchat_search.models.chats import is_gone
from kchat_search.models.plan import IndexDocument
from kchat_search.text.fold import fold_many, without_surrogates
from kchat_search.text.segmentation import Segmenter

VERSION = 2
"""Of what a document is made of; with another one the index must be built anew."""


RevisionAndRaw = tuple[int, str]
"""What a document is made of, and no more: it travels to another process."""


@dataclass(frozen=True, kw_only=True)
class Documents:
    """From stored chats to documents. Picklable, so that other processes can do it."""

    chat_reader: ChatReader
    segmenter: Segmenter
    zone: ZoneInfo
    agents: Mapping[str, str]
    """Names by id."""

    def __call__(self, chats: Sequence[RevisionAndRaw]) -> list[IndexDocument]:
        """The documents of these chats, in this order."""
        return [self._document(revision, raw) for revision, raw in chats]

    def _document(self, revision: int, raw: str) -> IndexDocument:
        transcript = self.chat_reader.read(raw, self.agents)
        return document(transcript, revision, self.zone, self.segmenter.tokens)


def document(
    transcript: Transcript,
    revision: int,
    zone: ZoneInfo,
    words: Callable[[Iterable[str]], list[str]],
) -> IndexDocument:
    """The index's document of a chat. `revision` is the stored chat's; `words` splits folded
    text."""
    chat = transcript.chat
    messages = list(zip(chat.messages, transcript.speakers, transcript.texts, strict=True))
    texts = tuple((speaker, text) for message, speaker, text in messages if message.text)
    uploads = [message.upload for message in chat.messages if message.upload is not None]
    spoke = {
        speaker for message, speaker, _ in messages if message.text or message.upload is not None
    }
    facts = Facts(chat, spoke, is_gone(revision))
    return IndexDocument(
        id=chat.id,
        revision=revision,
        created=None if chat.created_at is None else int(chat.created_at.timestamp()),
        month=month(chat.created_at, zone),
        fields={field.name: _storable(field.read(facts)) for field in FIELDS},
        texts=texts,
        files=tuple(fold_many([upload.name for upload in uploads if upload.name])),
        words=tuple(words(text for _, text in texts)),
    )


def month(moment: datetime | None, zone: ZoneInfo) -> str | None:
    """`2015-04`, in the configured zone."""
    if moment is None:
        return None
    here = moment.astimezone(zone)
    return f"{here.year:04}-{here.month:02}"  # strftime does not pad a year everywhere


def _storable(values: Values) -> Values:
    """Values to filter by, as every index can hold them."""
    return tuple(None if value is None else without_surrogates(value) for value in values)
