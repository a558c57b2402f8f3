"""Which messages of a chat say what its visitor came for."""

from __future__ import annotations

from kchat_search.chats.file_names import file_names
from kchat_search.chats.masked_transcript import as_it_is
from kchat_search.chats.passages import asked_texts, passages_of
from kchat_search.chats.reader import Transcript
from kchat_search.meaning.openings import openings


def openings_of(transcript: Transcript) -> list[int]:
    """The positions of the messages that are the `openings` of its document. They are the same for
    everybody: what is hidden from some says nothing."""
    clear = as_it_is(transcript)
    said = [(at, passage) for at, passage in passages_of(clear) if at is not None]
    places = openings(asked_texts((p for _, p in said), file_names(clear.chat.messages)))
    return [said[place][0] for place in places]
