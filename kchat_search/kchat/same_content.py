"""Does a chat that was fetched say anything that its stored form does not say?

Two forms of one chat may differ in much that means nothing: a number or a text of it, null or an
absent field, a list or PHP's object for it, the order of messages, the way in which a time is
written, fields that only a list shows or only the chat itself. Their digests differ. If each of
them became a version, a chat whose forms take turns would gain one at each sync.

Invariant: what is called the same here has the same texts, people, files and times.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kchat_search.kchat.field_values import person_id_or_none
from kchat_search.kchat.json_codec import decode_text
from kchat_search.kchat.parse import ChatParser
from kchat_search.kchat.php_values import as_list, is_nothing
from kchat_search.kchat.times import parse_time
from kchat_search.kchat.upload_tokens import stable_content
from kchat_search.models.chats import FetchedChat

_TIMES = frozenset({"created_at", "assigned_at", "end_at", "created"})
_PEOPLE = frozenset({"agent_id", "visitor_id", "user_id", "upload_id"})
"""Here 0 means nobody, or no file."""
_FLAGS = frozenset({"recalled", "is_read", "is_temp"})
_FALSE = ("0", "false", "no", "null")
_TRUE = ("1", "true")


class SameContent:
    """Tells whether a fetched chat has something new. A `models.chats.AddsNothing`."""

    def __init__(self, parser: ChatParser) -> None:
        self._parser = parser

    def __call__(self, fetched: FetchedChat, stored: str) -> bool:
        """True if `fetched` says nothing that the stored raw JSON does not say.

        A field that is absent says nothing. A field that is null, or nothing in PHP's way, says
        that there is nothing. A field that only the fetched form has is new, unless that form is
        of a list and the stored one has other fields that it lacks: these are the list's form and
        the chat's own form, and the stored one stays.
        """
        new, old = (stable_content(decode_text(raw)) for raw in (fetched.raw, stored))
        if not isinstance(new, dict) or not isinstance(old, dict):
            return False
        if not self._adds_nothing(new, old, listed=fetched.listed):
            return False
        sent = new.get("messages")
        if as_list(sent) is None:
            return True  # as a part of a chat without its messages
        new_messages = self._parser.sent_messages(sent)
        old_messages = self._parser.sent_messages(old.get("messages"))
        return len(new_messages) == len(old_messages) and all(
            self._adds_nothing(one, other, listed=fetched.listed)
            for one, other in zip(new_messages, old_messages, strict=True)
        )

    def _adds_nothing(
        self, new: Mapping[str, Any], old: Mapping[str, Any], *, listed: bool
    ) -> bool:
        """The same for the fields of a chat, without its messages, or of a message."""
        more = False
        for name, value in new.items():
            if name == "messages":
                continue
            meant = self._meaning(name, value)
            if name not in old:
                more = more or meant is not None
            elif value != old[name] and meant != self._meaning(name, old[name]):
                return False
        if not more:
            return True
        return listed and any(name not in new and not is_nothing(old[name]) for name in old)

    def _meaning(self, name: str, value: object) -> object:
        """A value in the one form of all values that mean the same. None means nothing."""
        if is_nothing(value):
            return None
        if name in _TIMES:
            try:
                return parse_time(value, self._parser.zone)
            except ValueError:
                return _plain(value)
        if name in _PEOPLE:
            known = person_id_or_none(value)
            return known if known is not None or not isinstance(value, list | dict) else value
        if name in _FLAGS and isinstance(value, bool | int | float | str):
            text = str(_plain(value)).strip().lower()
            return None if text in _FALSE else True if text in _TRUE else text
        if isinstance(value, dict | list):
            items = as_list(value)
            if items is not None:
                return tuple(self._meaning("", item) for item in items)
            assert isinstance(value, dict)
            meant = {key: self._meaning(key, item) for key, item in value.items()}
            return {key: item for key, item in meant.items() if item is not None}
        return _plain(value)


def _plain(value: object) -> object:
    """A number as the text of it; all else as it is."""
    if isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value) if isinstance(value, int | float) else value
