"""Which message of a chat says what its visitor came for."""

from __future__ import annotations

from kchat_search.chats.masked_transcript import MaskedTranscript
from kchat_search.chats.passages import passages_of
from kchat_search.chats.reader import Transcript
from kchat_search.meaning.openings import says_something
from kchat_search.text.fold import fold


def opening_of(transcript: Transcript) -> int | None:
    """The position of the first message of the visitor that says something; None where none does.
    It is the same for everybody: what is hidden from some says nothing."""
    clear = transcript.clear if isinstance(transcript, MaskedTranscript) else transcript
    uploads = (message.upload for message in clear.chat.messages)
    names = {fold(upload.name) for upload in uploads if upload is not None and upload.name}
    for position, passage in passages_of(clear):
        if (
            position is not None
            and passage.speaker == "visitor"
            and passage.text not in names
            and says_something(passage.text)
        ):
            return position
    return None
