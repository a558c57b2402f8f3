"""A chat as it is read by whoever does not see private numbers, or recalled messages.

Two who read masked, and two forms of a transcript for them:

- `MaskedTranscript`: for a principal who may not see them. Whatever reads it learns nothing that is
  hidden: it is searched in the hidden form too, and marks lie where that form has a match.
- `CoveredTranscript`: for a page, which masks for everybody. Who looks at it may see all, so it is
  searched as it is, and the marks lie on the masked text. A match inside a number marks all of it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape

from kchat_search.chats.masking import Masked, may_show, shown
from kchat_search.chats.private_texts import find
from kchat_search.chats.reader import MAX_MARKED, Transcript
from kchat_search.chats.visible_text import visible_text
from kchat_search.models.chats import Message, Participant, Upload
from kchat_search.text.fold import Folded, fold
from kchat_search.text.joined import Fragment, joined

_MOST_JOINED = 20_000
"""Characters. In a longer message with private numbers, what only its joined form has is not
marked. A search finds it, too."""


@dataclass(frozen=True)
class MaskedTranscript(Transcript):
    """See the module. Make it with `of`."""

    source: Transcript | None = None
    masks: tuple[Masked | None, ...] = ()
    """The forms of each message in which something is private."""

    @classmethod
    def of(cls, source: Transcript) -> MaskedTranscript:
        """The same chat, masked. Cost: that of the visible texts, and some µs a message."""
        masks = tuple(Masked.of(text) if may_show(text) else None for text in source.visible)
        messages = tuple(map(cls._message, source.chat.messages, source.visible, masks))
        chat = source.chat
        return cls(
            chat=replace(
                chat,
                type=shown(chat.type),
                started_by=shown(chat.started_by),
                status=shown(chat.status),
                rating=None if chat.rating is None else shown(chat.rating),
                messages=messages,
            ),
            agent_name=None if source.agent_name is None else shown(source.agent_name),
            speakers=source.speakers,
            visitor_name=None if source.visitor_name is None else shown(source.visitor_name),
            agents=source.agents,
            source=source,
            masks=masks,
        )

    @staticmethod
    def _message(message: Message, visible: str, mask: Masked | None) -> Message:
        if message.recalled:
            kind, name = type_of_recalled(message.type), shown(message.name)
            return message._replace(type=kind, name=name, text="", upload=None)
        return _masked_message(message, visible, mask)

    @property
    def clear(self) -> Transcript:
        """The chat as it is."""
        assert self.source is not None, "a masked transcript is made of a transcript"
        return self.source

    @property
    def participants(self) -> tuple[Participant, ...]:
        """The agents who took part, those who look alike once."""
        names = (
            one._replace(name=None if one.name is None else shown(one.name))
            for one in self.clear.participants
        )
        return tuple(dict.fromkeys(names))

    @property
    def senders(self) -> tuple[str, ...]:
        """The key of whoever said each message, as the index has it. Never show it."""
        return self.clear.senders

    @property
    def visitor_names(self) -> tuple[str, ...]:
        """The names on the visitor's messages, masked, each once, in order."""
        return tuple(dict.fromkeys(map(shown, self.clear.visitor_names)))

    @cached_property
    def visible(self) -> list[str]:
        """The text of each message as it is shown."""
        return [
            "" if self._is_gone(index) else text if mask is None else mask.shown
            for index, (text, mask) in enumerate(zip(self.clear.visible, self.masks, strict=True))
        ]

    def _is_gone(self, index: int) -> bool:
        """Is this message recalled, so that nothing of it may be known?"""
        return self.clear.chat.messages[index].recalled

    @cached_property
    def texts(self) -> list[str]:
        """The folded text of each message, as it is searched."""
        return [
            "" if self._is_gone(index) else text if mask is None else self._searched(mask).text
            for index, (text, mask) in enumerate(zip(self.clear.texts, self.masks, strict=True))
        ]

    @cached_property
    def texts_with_map(self) -> list[Folded]:
        """The folded text of each message as it is searched, with the map that leads to `visible`.
        Of a message, at most the first `MAX_MARKED` characters."""
        pairs = zip(self.clear.texts_with_map, self.masks, strict=True)
        return [
            Folded("")
            if self._is_gone(index)
            else folded
            if mask is None
            else _beginning(self._searched(mask))
            for index, (folded, mask) in enumerate(pairs)
        ]

    @staticmethod
    def _searched(mask: Masked) -> Folded:
        return mask.hidden

    def with_whole_numbers(self, index: int) -> Folded | None:
        """The text of a message with its private numbers as wholes, mapped to `visible`; None where
        it has none."""
        mask = self.masks[index]
        return None if mask is None or self._is_gone(index) else _beginning(mask.whole)

    def fragments(self, index: int) -> Sequence[Fragment] | None:
        """The joined form of a message in which something is private; None for any other."""
        mask = self.masks[index]
        if mask is None or self._is_gone(index):
            return None
        return mask.joined() if len(mask.shown) <= _MOST_JOINED else ()


@dataclass(frozen=True)
class CoveredTranscript(MaskedTranscript):
    """See the module. Recalled messages are as Kchat sends them, with their numbers masked."""

    @staticmethod
    def _message(message: Message, visible: str, mask: Masked | None) -> Message:
        return _masked_message(message, visible, mask)

    def _is_gone(self, index: int) -> bool:  # noqa: ARG002
        return False

    @staticmethod
    def _searched(mask: Masked) -> Folded:
        return mask.clear

    def fragments(self, index: int) -> Sequence[Fragment] | None:
        """The joined form of a message in which something is private; None for any other."""
        mask = self.masks[index]
        if mask is None:
            return None
        text = self.clear.visible[index]
        return joined(mask.clear.text, text) if len(text) <= _MOST_JOINED else ()


def as_it_is(transcript: Transcript) -> Transcript:
    """The chat as it is, of which this is what somebody may read. Never show it."""
    return transcript.clear if isinstance(transcript, MaskedTranscript) else transcript


def type_of_recalled(kind: str) -> str:
    """The type of a recalled message: whether it was a file is a part of what was recalled."""
    return "chat.msg" if kind == "chat.upload" else kind


def masked_names(names: Mapping[str, str]) -> dict[str, str]:
    """Names by id, masked."""
    return {key: shown(name) for key, name in names.items()}


def _masked_message(message: Message, visible: str, mask: Masked | None) -> Message:
    text = message.text
    if mask is not None:
        text = as_body(mask.shown)
    elif is_private(text):  # in what people do not see of it: an attribute, a key
        text = as_body(visible)
    name, upload = shown(message.name), message.upload and masked_upload(message.upload)
    if text is message.text and name == message.name and upload is message.upload:
        return message
    return message._replace(name=name, text=text, upload=upload)


def is_private(text: str) -> bool:
    """Is something private in this text?"""
    return may_show(text) and bool(find(fold(text)))


def masked_upload(upload: Upload) -> Upload:
    """The file with its name masked; without its address, where that has a private number."""
    name = shown(upload.name)
    has_number = upload.url is not None and is_private(upload.url)
    if name == upload.name and not has_number:
        return upload
    return replace(upload, name=name, url=None if has_number else upload.url)


def _beginning(folded: Folded) -> Folded:
    """At most what stands in the first `MAX_MARKED` characters."""
    if folded.ends is None or not folded.ends or folded.ends[-1] <= MAX_MARKED:
        return folded
    count = bisect_right(folded.ends, MAX_MARKED)
    starts = folded.starts or ()
    return Folded(folded.text[:count], starts[:count], folded.ends[:count])


def as_body(visible: str) -> str:
    """A message's body of which people see exactly this text."""
    if visible_text(visible) == visible:
        return visible
    return escape(visible, quote=True).replace("{", "&#123;").replace("[", "&#91;")
