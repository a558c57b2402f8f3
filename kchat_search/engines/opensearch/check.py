"""Checks the documents of an index against their seals, a part at a time.

The servers keep checksums of their files themselves, and repair a copy from another. What they
can't tell is whether a document is the one that was written, and whether all are there. So each
document has a seal, the SHA-256 of its content, and a generation knows how many documents its last
commit left in it.

A position names the last chat that was read, how many bytes it has, and how many of these count as
read. So it can be kept as a string, and the next part can be read much later and by another
process. Chats come in the order of their ids.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from kchat_search.engines.opensearch.documents import canonical, seal
from kchat_search.engines.opensearch.mapping import COLUMNS, Json
from kchat_search.engines.opensearch.snapshot import Snapshot
from kchat_search.models.reports import IndexCheck

_POSITION = re.compile("(-?[0-9]{1,19}) ([0-9]{1,12}) ([0-9]{1,12})")
_AT_ONCE = 256
_EXPECTED = 2_000
"""Bytes of a document, about."""


class _Position(NamedTuple):
    chat_id: int | None
    size: int
    read: int

    @classmethod
    def of(cls, text: str) -> Self:
        """The beginning, for a text that is no position."""
        match = _POSITION.fullmatch(text)
        if not match or abs(int(match[1])) >= 2**63:
            return cls(None, 0, 0)
        return cls(int(match[1]), int(match[2]), int(match[3]))

    def __str__(self) -> str:
        return f"{self.chat_id} {self.size} {self.read}"


def counted(position: str, max_bytes: int) -> IndexCheck | None:
    """The answer where all of this part is of a chat that was read before; None where it is not."""
    at = _Position.of(position)
    if at.size - at.read < max_bytes:
        return None
    return IndexCheck(str(at._replace(read=at.read + max_bytes)), max_bytes)


def check(snapshot: Snapshot, position: str, max_bytes: int) -> IndexCheck:
    """Read about `max_bytes` bytes from `position` on."""
    at = _Position.of(position)
    left = max_bytes
    while True:
        taken = min(left, at.size - at.read)
        at, left = at._replace(read=at.read + taken), left - taken
        if not left:
            return IndexCheck(str(at), max_bytes)
        page = _page(snapshot, at.chat_id, left)
        for hit in page:
            made = hit["_source"] | {n: v[0] for n, v in hit.get("fields", {}).items()}
            if seal(made) != made.get("seal"):
                damage = f"chat {made.get('id')} is not as it was written"
                return IndexCheck(str(at), max_bytes - left, damage)
            size = len(canonical(made))
            at = _Position(int(made["id"]), size, min(size, left))
            left -= at.read
            if at.read < at.size:
                break
        else:
            if not page:
                return IndexCheck(None, max_bytes - left, _lost(snapshot))


def _page(snapshot: Snapshot, behind: int | None, left: int) -> list[Mapping[str, Any]]:
    """The next documents."""
    body: Json = {
        "query": {"match_all": {}},
        "sort": [{"id": "asc"}],
        "size": max(1, min(_AT_ONCE, left // _EXPECTED)),
        "docvalue_fields": list(COLUMNS),
    }
    if behind is not None:
        body["search_after"] = [behind]
    hits: list[Mapping[str, Any]] = snapshot.search(body)["hits"]["hits"]
    return hits


def _lost(snapshot: Snapshot) -> str | None:
    """Are there as many documents as the last commit left? Not known of a state that was opened in
    the middle of a commit."""
    if snapshot.generation.meta.refreshing:
        return None
    there = snapshot.count({"match_all": {}})
    expected = snapshot.generation.meta.documents
    return None if there == expected else f"it has {there} chats, and {expected} were written"
