"""Stock Whoosh over an index of ours: our nodes as its queries, and the terms that it must find."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import whoosh.query
from hypothesis import strategies as st
from whoosh.searching import Searcher

from kchat_search.engines.whoosh import writer
from kchat_search.engines.whoosh.codec import ArrayIndex
from kchat_search.engines.whoosh.engine import WhooshEngine
from kchat_search.engines.whoosh.generations import Generations
from kchat_search.engines.whoosh.passages import sender_term
from kchat_search.engines.whoosh.schema import (
    FILTERS,
    GRAM_FIELDS,
    SENDERS,
    TERM_FIELDS,
    filter_term,
)
from kchat_search.models.plan import (
    AllOf,
    AnyOf,
    Contains,
    CreatedIn,
    Everything,
    FieldIs,
    FileNamed,
    HasWord,
    IndexDocument,
    Node,
    NoneOf,
)
from kchat_search.text.grams import grams
from kchat_search.text.segmentation import index_token
from tests.engines.documents import month_of

stock: Any = whoosh.query  # most of it has no types

Terms = dict[str, dict[bytes, dict[int, int]]]
"""By field, term and chat id: how often the chat has the term."""

History = Sequence[tuple[Sequence[IndexDocument], Sequence[int]]]


def stock_query(node: Node) -> Any:  # noqa: C901, PLR0911  # one a kind
    """A node that terms alone decide, in Whoosh's own classes."""
    match node:
        case Everything() | AllOf(()):
            return stock.Every()
        case AnyOf(()) | FieldIs(_, ()):
            return stock.NullQuery
        case Contains(text, _, joined):
            names = ("text", "joined") if joined else ("text",)
            return stock.Or([stock.Term(GRAM_FIELDS[n][len(text) - 1], text) for n in names])
        case FileNamed(text):
            return stock.Term(GRAM_FIELDS["files"][len(text) - 1], text)
        case HasWord(text, True):
            return stock.Prefix("words", text)
        case HasWord(text):
            return stock.Term("words", index_token(text))
        case FieldIs(field, values):
            return stock.Or([stock.Term(field, filter_term(value)) for value in values])
        case CreatedIn(start, end):
            first, last = (None if time is None else "=" + month_of(time) for time in (start, end))
            return stock.TermRange("created_month", first or "=", last or "=~", endexcl=True)
        case AllOf(parts):
            return stock.And([stock_query(part) for part in parts])
        case AnyOf(parts):
            return stock.Or([stock_query(part) for part in parts])
        case NoneOf(part):
            return stock.And([stock.Every(), stock.Not(stock_query(part))])


def expected_terms(documents: Sequence[IndexDocument]) -> Terms:
    """The terms of all fields, computed from the documents alone."""
    found: Terms = {field: defaultdict(dict) for field in TERM_FIELDS}

    def add(field: str, terms: Counter[str] | set[str], chat_id: int) -> None:
        for term in terms:
            count = terms[term] if isinstance(terms, Counter) else 1
            found[field][term.encode()][chat_id] = count

    for document in documents:
        for field in FILTERS:
            add(field, set(map(filter_term, document.fields[field])), document.id)
        add("created_month", {filter_term(document.month)}, document.id)
        add("words", Counter(document.words), document.id)
        for name, passages in (("text", document.passages), ("former", document.former)):
            said = {sender_term(p.speaker, p.sender) for p in passages if p.speaker is not None}
            add(SENDERS[name], said, document.id)
        for name, texts in (
            ("text", [passage.text for passage in document.passages]),
            ("joined", [each for passage in document.passages for each in passage.joined]),
            ("former", [passage.text for passage in document.former]),
            ("former_joined", [each for passage in document.former for each in passage.joined]),
            ("files", document.files),
        ):
            for gram in grams(texts):
                add(GRAM_FIELDS[name][len(gram) - 1], {gram}, document.id)
    return found


def index_of(folder: Path) -> ArrayIndex:
    """Whoosh's view of the generation that answers."""
    generations = Generations(folder)
    current = generations.current()
    assert current is not None
    return ArrayIndex(generations.folder(current.name), current.build)


@contextmanager
def searcher_of(folder: Path, **options: object) -> Iterator[Searcher]:
    index = index_of(folder)
    searcher = index.searcher(**options)
    yield searcher
    searcher.close()


def chat_ids(searcher: Searcher) -> Any:
    """The column of chat ids, by document number."""
    return searcher.reader().column_reader("id")


def found_by(searcher: Searcher, asked: Any) -> set[int]:
    ids = chat_ids(searcher)
    return {ids[doc] for doc in searcher.docs_for_query(asked)}


def merge_factors() -> st.SearchStrategy[int]:
    """Values for `writer.MERGE_FACTOR`. With its own value, so few chats never have two
    segments."""
    return st.sampled_from((0, 1, writer.MERGE_FACTOR))


def written(
    folder: str, history: History, merge_factor: int
) -> tuple[WhooshEngine, dict[int, IndexDocument]]:
    """(an engine after these commits, the documents it now has, by id). `merge_factor`: see
    `merge_factors`."""
    engine = WhooshEngine(Path(folder), processes=1)
    engine.rebuild([], "x")
    held: dict[int, IndexDocument] = {}
    for upserts, deletes in history:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(writer, "MERGE_FACTOR", merge_factor)
            engine.write(upserts, deletes)
        for chat_id in deletes:
            held.pop(chat_id, None)
        held |= {document.id: document for document in upserts}
    return engine, held
