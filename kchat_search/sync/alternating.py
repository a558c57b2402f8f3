"""Chats that Kchat shows with two contents in one sync: twice in a list, on two pages of it.

Each content is archived when it is first seen. After that they would take turns as the present
version, two more versions at each sync. So what a chat was seen with beside its present content is
remembered, and is no news while the present content is shown too. Of the contents of one sync, the
last one is believed.

Invariants: a content that was never archived is never held back. If a sync shows only what was held
back, that becomes the present version again, at the end of that sync.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kchat_search.models.chats import FetchedChat, SaveReport

CURSOR = "alternating"
"""The name of the archive's cursor."""
_MOST_CHATS = 200
_MOST_CONTENTS = 4
"""Of one chat."""
_MOST_SHOWN = 1_000_000
"""Ids that are remembered during a sync. Beyond, a second content is a version like any other."""


class Alternating:
    """What one sync knows of such chats."""

    def __init__(self, others: Mapping[str, Sequence[str]] | None = None) -> None:
        """`others`: digests by id, from the cursor."""
        self._others = {int(chat_id): list(found) for chat_id, found in (others or {}).items()}
        self._shown: set[int] = set()
        self._held: dict[int, FetchedChat] = {}
        self.changed = False
        """Is it another cursor than that of the beginning?"""

    def to_json(self) -> dict[str, Any]:
        """As the cursor."""
        return {str(chat_id): found for chat_id, found in self._others.items()}

    def hold_back(self, chats: Iterable[FetchedChat]) -> list[FetchedChat]:
        """The chats without those that have a content that is known beside the present one."""
        news = []
        for fetched in chats:
            if fetched.digest in self._others.get(fetched.chat.id, ()):
                self._held[fetched.chat.id] = fetched
            else:
                news.append(fetched)
        return news

    def archived(self, chats: Iterable[FetchedChat], report: SaveReport) -> None:
        """These chats were saved, with this report."""
        for chat_id, digest in report.replaced.items():
            if chat_id in self._shown:
                self._remember(chat_id, digest)
        if len(self._shown) < _MOST_SHOWN:
            self._shown.update(fetched.chat.id for fetched in chats)

    def shown_alone(self) -> list[FetchedChat]:
        """What was held back although the present content was not shown."""
        return [fetched for chat_id, fetched in self._held.items() if chat_id not in self._shown]

    def exchanged(self, chats: Iterable[FetchedChat], report: SaveReport) -> None:
        """These chats became the present version again."""
        for fetched in chats:
            others = self._others.get(fetched.chat.id, [])
            if fetched.digest in others:
                others.remove(fetched.digest)
                self.changed = True
        for chat_id, digest in report.replaced.items():
            self._remember(chat_id, digest)

    def _remember(self, chat_id: int, digest: str) -> None:
        others = [*self._others.pop(chat_id, []), digest]
        self._others[chat_id] = list(dict.fromkeys(others))[-_MOST_CONTENTS:]
        while len(self._others) > _MOST_CHATS:
            del self._others[next(iter(self._others))]
        self.changed = True


def rounds(chats: Sequence[FetchedChat]) -> list[list[FetchedChat]]:
    """The chats in lists in which no id stands twice, because one save takes one content of a chat.
    The last content of a chat is in the last list that has this chat."""
    by_id: dict[int, dict[str, FetchedChat]] = {}
    for fetched in chats:
        contents = by_id.setdefault(fetched.chat.id, {})
        contents.pop(fetched.digest, None)
        contents[fetched.digest] = fetched
    found: list[list[FetchedChat]] = []
    for contents in by_id.values():
        for number, fetched in enumerate(contents.values()):
            if number == len(found):
                found.append([])
            found[number].append(fetched)
    return found
