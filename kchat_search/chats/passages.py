"""What of a chat is searched: its passages, from what was said, files that were sent, and names.

A message without text and without the name of a file is an empty passage, so that who spoke, and
when, is known of it too. An event without text is none.
"""

from __future__ import annotations

from collections.abc import Iterator

from kchat_search.chats.participants import names_as_text
from kchat_search.chats.reader import Transcript
from kchat_search.chats.speakers import is_said
from kchat_search.models.plan import Passage
from kchat_search.text.fold import fold
from kchat_search.text.joined import joined, may_have_joint


def passages_of(transcript: Transcript) -> Iterator[tuple[int | None, Passage]]:
    """(the position of the message in `transcript`, a passage of it), in order: the visible text of
    the message, then the name of the file that it brought. At the end the names of the visitor,
    each once, without those that Kchat has given: nobody said them, and their position is None."""
    said = zip(
        transcript.chat.messages,
        transcript.speakers,
        transcript.senders,
        transcript.texts,
        transcript.visible,
        strict=True,
    )
    for position, (message, speaker, sender, text, visible) in enumerate(said):
        moment = message.created_at
        at = None if moment is None else int(moment.timestamp())
        file_name = message.upload.name if message.upload is not None else ""
        if text or (not file_name and is_said(message)):
            fragments = _joined(text, visible) if may_have_joint(text) else ()
            yield position, Passage(text, speaker, sender, at, fragments)
        if file_name:
            folded = fold(file_name)
            yield position, Passage(folded, speaker, sender, at, _joined(folded, file_name))
    for folded, name in names_as_text(transcript.visitor_names).items():
        yield None, Passage(folded, None, joined=_joined(folded, name))


def _joined(folded: str, visible: str) -> tuple[str, ...]:
    return tuple([fragment.text for fragment in joined(folded, visible)])
