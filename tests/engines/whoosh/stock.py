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

from kchat_search.engines.terms import FILTERS, filter_term
from kchat_search.engines.whoosh import writer
from kchat_search.engines.whoosh.codec import ArrayIndex
from kchat_search.engines.whoosh.engine import WhooshEngine
from kchat_search.engines.whoosh.generations import Generations
from kchat_search.engines.whoosh.hidden_spans import SPANS
from kchat_search.engines.whoosh.passages import sender_term
from kchat_search.engines.whoosh.schema import (
    GRAM_FIELDS,
    SENDERS,
    TERM_FIELDS,
)
from kchat_search.engines.whoosh.text_encoding import FILE_MARK, MARKS
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
            names = ("text", "clear", *(("joined", "clear_joined") if joined else ()))
            return stock.Or([stock.Term(GRAM_FIELDS[n][len(text) - 1], text) for n in names])
        case FileNamed(text):
            names = ("files", "hidden_files")
            return stock.Or([stock.Term(GRAM_FIELDS[n][len(text) - 1], text) for n in names])
        case HasWord(text, True):
            return stock.Or([stock.Prefix(f, text) for f in ("words", "hidden_words")])
        case HasWord(text):
            fields = ("words", "hidden_words")
            return stock.Or([stock.Term(field, index_token(text)) for field in fields])
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
        add("hidden_words", set(document.hidden_words), document.id)
        for name, passages in (("text", document.passages), ("former", document.former)):
            said = {sender_term(p.speaker, p.sender) for p in passages if p.speaker is not None}
            add(SENDERS[name], said, document.id)
        for name, parts in parts_of(document).items():
            for gram in indexed_grams(document, name, parts):
                add(GRAM_FIELDS[name][len(gram) - 1], {gram}, document.id)
    return found


def indexed_grams(document: IndexDocument, name: str, parts: Sequence[tuple[int, str]]) -> set[str]:
    """The grams of the parts of a text that are in the index: of what not everybody sees, only
    those with a hidden character."""
    if name not in SPANS:
        return grams(part[1:] for _, part in parts)
    passages = sorted(document.passages, key=lambda p: p.speaker is None)
    found: set[str] = set()
    for place, part in parts:
        for start, end in SPANS[name](passages[place].text, part[1:]):
            for size in (1, 2, 3):
                for at in range(max(0, start - size + 1), end):
                    gram = part[1:][at : at + size]
                    if len(gram) == size and gram in grams([gram]) and at + size > start:
                        found.add(gram)
    return found


def parts_of(document: IndexDocument) -> dict[str, list[tuple[int, str]]]:
    """By text: (place of its passage, the part behind its mark) of each part. Passages that nobody
    said come last."""
    passages = list(enumerate(sorted(document.passages, key=lambda p: p.speaker is None)))
    former = list(enumerate(sorted(document.former, key=lambda p: p.speaker is None)))
    plain = [(n, p) for n, p in passages if p.hidden is None]
    hiding = [(n, p, p.hidden) for n, p in passages if p.hidden is not None]
    parts = {
        "text": [(n, p, p.text) for n, p in passages],
        "joined": [(n, p, each) for n, p in plain for each in p.joined],
        "masked_joined": [(n, p, each) for n, p, _ in hiding for each in p.joined],
        "clear": [(n, p, hidden.clear) for n, p, hidden in hiding],
        "clear_joined": [(n, p, each) for n, p, hidden in hiding for each in hidden.joined],
        "whole": [(n, p, hidden.whole) for n, p, hidden in hiding if hidden.whole],
        "former": [(n, p, p.text) for n, p in former],
        "former_joined": [(n, p, each) for n, p in former for each in p.joined],
    }
    marked = {name: [(n, MARKS[p.speaker] + x) for n, p, x in some] for name, some in parts.items()}
    hidden_files = document.hidden_files + document.whole_files
    names = {"files": document.files, "hidden_files": hidden_files}
    return marked | {text: [(0, FILE_MARK + name) for name in some] for text, some in names.items()}


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
