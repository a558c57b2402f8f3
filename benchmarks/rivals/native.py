"""(c) Bare Tantivy: the same words and grams as ours, a document for each chat. The native limit.

Words, with their frequencies, answer words by BM25. Grams answer strings. They are every character
and every pair of each message, in order, so the pairs of a string are two positions apart, and a
phrase of pairs is exact. A set of pairs would only give candidates. Unlike in ours, a word is found
only where jieba cut one, not within another word. That is less work and finds fewer chats.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from importlib import import_module
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any

from benchmarks.queries import Query
from benchmarks.rivals.fts5 import folded
from kchat_search.text.segmentation import Segmenter

_MEMORY = 256 * 2**20
_TOP = 20
_FACETS = ("agent", "status", "rating", "started_by", "month")
_BREAK_TERM = "⏎⏎⏎"
"""It stands between messages. It is longer than any gram."""

tantivy: Any = import_module("tantivy")  # by name, so that mypy runs without it


class Native:
    """See `rivals.Rival`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._segmenter = Segmenter()
        self._schema = _schema()
        self._searcher: Any = None

    def build(self, chats: Iterable[dict[str, Any]]) -> None:
        """See `rivals.Rival.build`."""
        self._segmenter.load()
        writer = self._index().writer(_MEMORY)
        for chat in chats:
            writer.add_document(self._document(chat))
        writer.commit()
        writer.wait_merging_threads()

    def open(self) -> None:
        """See `rivals.Rival.open`."""
        self._searcher = self._index().searcher()

    def supports(self, kind: str) -> bool:
        """All kinds."""
        return bool(kind)

    def search(self, query: Query) -> int:
        """See `rivals.Rival.search`."""
        wanted = self._query(query)
        order = {"order_by_field": "created"} if query.newest else {}
        found = self._searcher.search(wanted, limit=_TOP, count=True, **order)
        ids = self._searcher.fast_field_values("id", [address for _, address in found.hits])
        assert len(ids) == len(found.hits)
        if query.facets:
            terms = {name: {"terms": {"field": name, "size": 1_000}} for name in _FACETS}
            self._searcher.aggregate(wanted, terms)
        return int(found.count)

    def _index(self) -> Any:
        index = tantivy.Index(self._schema, path=str(self._folder))
        blanks = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
        index.register_tokenizer("blanks", blanks)
        return index

    def _document(self, chat: dict[str, Any]) -> Any:
        texts = list(folded(chat))
        document = tantivy.Document()
        document.add_integer("id", chat["id"])
        created = datetime.fromisoformat(chat["created_at"] + "+08:00")
        document.add_integer("created", int(created.timestamp()))
        values = {
            "agent": str(chat["agent_id"]),
            "month": chat["created_at"][:7],
            "status": chat["status"],
            "rating": chat["rating"] or "none",
            "started_by": chat["started_by"],
            "words": " ".join(self._segmenter.tokens(texts)),
            "grams": f" {_BREAK_TERM} ".join(map(_grams, texts)),
        }
        for name, value in values.items():
            document.add_text(name, value)
        return document

    def _query(self, query: Query) -> Any:
        must = [self._literal(query.literal)] if query.literal else []
        must += [self._term("words", word) for word in query.words]
        parts = [(tantivy.Occur.Must, part) for part in must]
        parts += [(tantivy.Occur.MustNot, self._term("words", w)) for w in query.excluded]
        for name, value in (("month", query.month), ("agent", query.agent)):
            if value is not None:
                scoreless = tantivy.Query.const_score_query(self._term(name, value), 0.0)
                parts.append((tantivy.Occur.Must, scoreless))
        return must[0] if len(parts) == 1 else tantivy.Query.boolean_query(parts)

    def _literal(self, literal: str) -> Any:
        text = _visible(literal)
        if len(text) <= 2:
            return self._term("grams", text)
        last = len(text) - 2
        starts = sorted({*range(0, last, 2), last})
        pairs = [(2 * start, text[start : start + 2]) for start in starts]
        return tantivy.Query.phrase_query(self._schema, "grams", pairs)

    def _term(self, field: str, value: str) -> Any:
        return tantivy.Query.term_query(self._schema, field, value, "freq")


def _schema() -> Any:
    schema = tantivy.SchemaBuilder()
    schema.add_integer_field("id", fast=True)
    schema.add_integer_field("created", fast=True)
    for name in _FACETS:
        schema.add_text_field(name, fast=True, tokenizer_name="raw", index_option="basic")
    schema.add_text_field("words", tokenizer_name="blanks", index_option="freq")
    schema.add_text_field("grams", tokenizer_name="blanks", index_option="position")
    return schema.build()


def _grams(text: str) -> str:
    """Each character, followed by the pair that begins with it: c0 c0c1 c1 c1c2 c2 ..."""
    shown = _visible(text)
    pairs = map("".join, pairwise(shown))
    return " ".join(
        gram for both in zip_longest(shown, pairs, fillvalue="") for gram in both if gram
    )


def _visible(text: str) -> str:
    """The text with a visible sign for each blank, because the tokenizer splits at blanks."""
    return "".join("␣" if character.isspace() else character for character in text)
