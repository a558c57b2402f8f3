"""(b) SQLite FTS5, a row for each chat: over jieba's words, and over trigrams.

The text is only in the index («contentless»), because the archive has it. Filters, order and counts
use a plain table with the indexes that a user would create.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from benchmarks.queries import LITERAL, Query
from kchat_search.text.fold import fold
from kchat_search.text.segmentation import Segmenter

_BATCH = 1_000
_TOP = 20
_FACETS = ("agent", "status", "rating", "started_by", "month")
_CHATS = (
    "CREATE TABLE chats (id INTEGER PRIMARY KEY, created TEXT, month TEXT, agent TEXT,"
    " status TEXT, rating TEXT, started_by TEXT)"
)
_INDEXES = (
    "CREATE INDEX by_created ON chats (created)",
    "CREATE INDEX by_month ON chats (month)",
    "CREATE INDEX by_agent ON chats (agent)",
)


class _Fts5:
    """What the two have in common."""

    tokenizer: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: sqlite3.Connection | None = None

    def text(self, chat: dict[str, Any]) -> str:
        """The part of a chat that is indexed."""
        raise NotImplementedError

    def terms(self, query: Query) -> str:
        """A query in FTS5's language."""
        raise NotImplementedError

    def build(self, chats: Iterable[dict[str, Any]]) -> None:
        """See `rivals.Rival.build`."""
        with closing(self._connect()) as db:
            db.execute("PRAGMA journal_mode = off")  # a build that fails is thrown away
            db.execute("PRAGMA synchronous = off")
            db.execute(_CHATS)
            db.execute(
                "CREATE VIRTUAL TABLE texts USING fts5"
                f"(text, content='', tokenize='{self.tokenizer}')"
            )
            rows = iter(chats)
            while batch := list(islice(rows, _BATCH)):
                db.executemany("INSERT INTO chats VALUES (?, ?, ?, ?, ?, ?, ?)", map(_row, batch))
                db.executemany(
                    "INSERT INTO texts (rowid, text) VALUES (?, ?)",
                    ((chat["id"], self.text(chat)) for chat in batch),
                )
                db.commit()
            for statement in _INDEXES:
                db.execute(statement)
            db.execute("ANALYZE")
            db.execute("INSERT INTO texts (texts) VALUES ('optimize')")
            db.commit()

    def open(self) -> None:
        """See `rivals.Rival.open`."""
        self._open = self._connect()
        self._open.execute("SELECT * FROM texts_config").fetchall()

    def search(self, query: Query) -> int:
        """See `rivals.Rival.search`."""
        assert self._open is not None
        db = self._open
        match, values = _from_where(query, self.terms(query))
        order = "created DESC, id DESC" if query.newest else "bm25(texts)"
        db.execute(f"SELECT texts.rowid {match} ORDER BY {order} LIMIT {_TOP}", values).fetchall()
        if query.facets:
            for name in _FACETS:
                db.execute(f"SELECT {name}, count(*) {match} GROUP BY {name}", values).fetchall()
        (total,) = db.execute(f"SELECT count(*) {match}", values).fetchone()
        return int(total)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._folder / "fts5.sqlite3")


class Words(_Fts5):
    """jieba's search-mode words, joined by blanks: the words that ours indexes."""

    tokenizer = "unicode61"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._segmenter = Segmenter()

    def build(self, chats: Iterable[dict[str, Any]]) -> None:
        """See `rivals.Rival.build`."""
        self._segmenter.load()
        super().build(chats)

    def text(self, chat: dict[str, Any]) -> str:
        """See `_Fts5.text`."""
        return " ".join(self._segmenter.tokens(folded(chat)))

    def terms(self, query: Query) -> str:
        """See `_Fts5.terms`."""
        wanted = " ".join(map(_string, query.words))
        return " NOT ".join([wanted, *map(_string, query.excluded)])

    def supports(self, kind: str) -> bool:
        """Whole words only."""
        return kind not in LITERAL

    def first(self, q: str, limit: int, *, any_: bool) -> list[int]:
        """The ids of the best chats by bm25. They have all words of the query, or any."""
        assert self._open is not None
        words = self._segmenter.tokens([fold(q)])
        terms = (" OR " if any_ else " ").join(map(_string, words))
        statement = "SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY bm25(texts) LIMIT ?"
        return [row[0] for row in self._open.execute(statement, (terms, limit))]


class Trigrams(_Fts5):
    """FTS5's trigram tokenizer over the text."""

    tokenizer = "trigram"

    def text(self, chat: dict[str, Any]) -> str:
        """See `_Fts5.text`."""
        return "\n".join(folded(chat))

    def terms(self, query: Query) -> str:
        """See `_Fts5.terms`."""
        return _string(query.literal or query.words[0])

    def supports(self, kind: str) -> bool:
        """Strings of at least three characters."""
        return kind in LITERAL - {"character"}


def folded(chat: dict[str, Any]) -> Iterator[str]:
    """The folded text messages of a chat."""
    return (fold(message["msg"]) for message in chat["messages"] if message["msg"])


def _row(chat: dict[str, Any]) -> tuple[Any, ...]:
    created = chat["created_at"]
    return (
        chat["id"], created, created[:7], str(chat["agent_id"]), chat["status"], chat["rating"],
        chat["started_by"],
    )  # fmt: skip


def _from_where(query: Query, terms: str) -> tuple[str, list[str]]:
    """(the statement from FROM on, its values)."""
    conditions, values = ["texts MATCH ?"], [terms]
    for name, value in (("month", query.month), ("agent", query.agent)):
        if value is not None:
            conditions.append(f"{name} = ?")
            values.append(value)
    joined = query.newest or query.facets or len(values) > 1
    tables = "texts JOIN chats ON chats.id = texts.rowid" if joined else "texts"
    return f"FROM {tables} WHERE {' AND '.join(conditions)}", values


def _string(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
