"""The names of the files of a chat, folded: as they are, and as everybody sees them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kchat_search.chats.masking import Masked, may_show
from kchat_search.models.chats import Message
from kchat_search.text.fold import fold


class FileName(NamedTuple):
    """The name of a file, folded."""

    clear: str
    seen: str
    """As everybody sees it; "" where its message was recalled."""
    whole: str = ""
    """With its private numbers as wholes; "" where it has none."""


def file_names(messages: Iterable[Message]) -> Iterator[FileName]:
    """The name of each file that these messages brought, in order."""
    for message in messages:
        if message.upload is None or not message.upload.name:
            continue
        name = message.upload.name
        masked = Masked.of(name) if may_show(name) else None
        if message.recalled:
            yield FileName(fold(name), "")
        elif masked is None:
            yield FileName(fold(name), fold(name))
        else:
            yield FileName(masked.clear.text, masked.hidden.text, masked.whole.text)
