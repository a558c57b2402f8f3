"""What of a chat is searched: its passages, from what was said, files that were sent, and names.

A message without text and without the name of a file is an empty passage, so that who spoke, and
when, is known of it too. An event without text is none.

Private numbers are hidden in a passage, and recalled messages are empty; what not everybody sees
stands beside it (`Passage.hidden`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kchat_search.chats.file_names import FileName
from kchat_search.chats.masking import hidden_form, joined_hidden, whole_form
from kchat_search.chats.participants import names_as_text
from kchat_search.chats.private_texts import find_in, may_have
from kchat_search.chats.reader import Transcript
from kchat_search.chats.speakers import is_said
from kchat_search.models.chats import Speaker
from kchat_search.models.plan import Hidden, Passage
from kchat_search.text.fold import fold
from kchat_search.text.joined import Fragment, joined, may_have_joint


def passages_of(transcript: Transcript) -> Iterator[tuple[int | None, Passage]]:
    """(the position of the message in `transcript`, a passage of it), in order: the visible text of
    the message, then the name of the file that it brought. At the end the names of the visitor,
    each once, without those that Kchat has given: nobody said them, and their position is None."""
    messages = transcript.chat.messages
    files = [fold(message.upload.name) for message in messages if message.upload is not None]
    may_hide = may_have("\n".join((*transcript.texts, *files)))
    for position, passage, visible in _clear(transcript):
        if messages[position].recalled:
            yield position, _recalled(passage)
        else:
            yield position, _without_private(passage, visible) if may_hide else passage
    shown: set[str] = set()
    for passage, visible in _names(transcript):
        name = _without_private(passage, visible)
        # How many names look alike tells something of them.
        yield None, name._replace(text="", joined=()) if name.text in shown else name
        shown.add(name.text)


def clear_passages_of(transcript: Transcript) -> Iterator[tuple[int, Passage]]:
    """The passages of the messages alone, with nothing hidden."""
    for position, passage, _ in _clear(transcript):
        yield position, passage


def ranked_texts(passages: Iterable[Passage], files: Iterable[FileName]) -> Iterator[str]:
    """The texts whose words say what a chat is about, as everybody sees them. A file that was sent
    ten times is named once."""
    names = dict.fromkeys(file.seen for file in files if file.seen)
    for passage in passages:
        if passage.text not in names:
            yield passage.text
    yield from names


def asked_texts(
    passages: Iterable[Passage], files: Iterable[FileName]
) -> Iterator[tuple[bool, str]]:
    """For each passage, whether it is what the visitor said, and its text. The name of a file is
    not."""
    names = {name for file in files for name in (file.clear, file.seen)}
    return ((p.speaker == "visitor" and p.text not in names, p.text) for p in passages)


def _clear(transcript: Transcript) -> Iterator[tuple[int, Passage, str]]:
    """(position, passage, its text before it was folded) of what was said."""
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
            yield position, _passage(text, visible, speaker, sender, at), visible
        if file_name:
            yield position, _passage(fold(file_name), file_name, speaker, sender, at), file_name


def _names(transcript: Transcript) -> Iterator[tuple[Passage, str]]:
    for folded, name in names_as_text(transcript.visitor_names).items():
        yield _passage(folded, name, None, "", None), name


def _passage(
    folded: str, visible: str, speaker: Speaker | None, sender: str, at: int | None
) -> Passage:
    fragments = _texts(joined(folded, visible)) if may_have_joint(folded) else ()
    return Passage(folded, speaker, sender, at, fragments)


def _without_private(passage: Passage, visible: str) -> Passage:
    """The passage as everybody sees it. Nearly all come back as they are, at once."""
    text = passage.text
    private = find_in(visible, text)
    if not private:
        return passage
    hidden = hidden_form(text, private)
    return passage._replace(
        text=hidden,
        joined=_texts(joined_hidden(visible, hidden, private)),
        hidden=Hidden(text, passage.joined, whole_form(text, private)),
    )


def _recalled(passage: Passage) -> Passage:
    if not passage.text:
        return passage
    return passage._replace(text="", joined=(), hidden=Hidden(passage.text, passage.joined))


def _texts(fragments: tuple[Fragment, ...]) -> tuple[str, ...]:
    return tuple([fragment.text for fragment in fragments])
