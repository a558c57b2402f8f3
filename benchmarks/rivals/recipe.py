"""(a) The usual recipe: plain Whoosh, a document for each message, jieba's ChineseAnalyzer.

A chat is found if one of its messages matches: hits are collapsed to chats, and chats are counted.
A quoted string is a phrase of jieba's words, which finds only a part of the chats that have it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import jieba
from jieba.analyse import ChineseAnalyzer
from whoosh import fields, sorting
from whoosh.index import create_in, open_dir
from whoosh.qparser.default import QueryParser
from whoosh.qparser.syntax import AndGroup, OrGroup
from whoosh.query.compound import And
from whoosh.query.terms import Term

from benchmarks.queries import LITERAL, Query

_MEMORY_MB = 256
_TOP = 20
_FACETS = ("agent", "status", "rating", "started_by", "month")


class Recipe:
    """See `rivals.Rival`."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._searcher: Any = None
        self._parser: Any = None

    def build(self, chats: Iterable[dict[str, Any]]) -> None:
        """See `rivals.Rival.build`."""
        jieba.initialize()
        writer: Any = create_in(self._folder, _schema()).writer(limitmb=_MEMORY_MB)
        for chat in chats:
            shared = {
                "chat": chat["id"],
                "created": datetime.fromisoformat(chat["created_at"]),
                "month": chat["created_at"][:7],
                "agent": str(chat["agent_id"]),
                "status": chat["status"],
                "rating": chat["rating"] or "none",
                "started_by": chat["started_by"],
            }
            for message in chat["messages"]:
                if message["msg"]:
                    writer.add_document(text=message["msg"], **shared)
        writer.commit()

    def open(self) -> None:
        """See `rivals.Rival.open`."""
        jieba.initialize()  # at the start, as ours does
        index = open_dir(self._folder)
        self._searcher = index.searcher()
        self._parser = QueryParser("text", index.schema)

    def supports(self, kind: str) -> bool:
        """A phrase of words answers quoted strings in part. Parts of words can't be asked."""
        return kind not in LITERAL or kind.startswith("quoted")

    def search(self, query: Query) -> int:
        """See `rivals.Rival.search`."""
        options: dict[str, Any] = {"limit": _TOP, "collapse": "chat", "optimize": False}
        if query.newest:
            options |= {"sortedby": "created", "reverse": True}
        if query.facets:
            options["groupedby"] = list(_FACETS)
            options["maptype"] = sorting.Count
        wanted, chosen = self._parsed(query), _filter(query)
        found = self._searcher.search(wanted, filter=chosen, **options)
        for hit in found:
            hit["chat"]
        if query.facets:
            for name in _FACETS:
                found.groups(name)
        return len(found) if query.newest else self._chats(wanted, chosen)

    def first(self, q: str, limit: int, *, any_: bool) -> list[int]:
        """The ids of the chats with the best messages. They have all words of the query, or any."""
        group = OrGroup if any_ else AndGroup
        parser = QueryParser("text", self._searcher.schema, group=group)
        found = self._searcher.search(parser.parse(q), limit=limit, collapse="chat")
        return [hit["chat"] for hit in found]

    def _chats(self, wanted: Any, chosen: Any) -> int:
        """The number of chats that match. Collapsed results count right only if sorted by a
        field. By relevance, a message that a better one replaces is counted twice."""
        if chosen is not None:
            wanted = And([wanted, chosen])
        column = self._searcher.reader().column_reader("chat")
        return len({column[number] for number in self._searcher.docs_for_query(wanted)})

    def _parsed(self, query: Query) -> Any:
        excluded = " ".join(f"NOT {word}" for word in query.excluded)
        text = f'"{query.literal}"' if query.literal else " ".join(query.words)
        return self._parser.parse(f"{text} {excluded}".strip())


def _schema() -> Any:
    return fields.Schema(
        text=fields.TEXT(analyzer=ChineseAnalyzer()),
        chat=fields.NUMERIC(numtype=int, stored=True, sortable=True),
        created=fields.DATETIME(sortable=True),
        **{name: fields.ID(sortable=True) for name in _FACETS},
    )


def _filter(query: Query) -> Any:
    if query.month:
        return Term("month", query.month)
    return Term("agent", query.agent) if query.agent else None
