"""What a user would take instead. Each is built and asked as its own users would do it.

    recipe.py   the usual recipe: Whoosh, jieba's analyzer, a document for each message
    fts5.py     SQLite FTS5, over jieba's words and over trigrams, a row for each chat
    native.py   bare Tantivy over the same words and grams as ours, a document for each chat

All of them compare folded text, as we do, except the recipe, which leaves that to its analyzer.
`supports` says which kinds of queries a rival can answer. If it finds other chats than ours, the
number of chats shows it.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from benchmarks.queries import Query


class Rival(Protocol):
    """An engine over a folder of its own, which is empty before `build`."""

    def build(self, chats: Iterable[dict[str, Any]]) -> None:
        """Index these chats and commit."""
        ...

    def open(self) -> None:
        """Prepare to search, in a process that did not build the index."""
        ...

    def supports(self, kind: str) -> bool:
        """Can it answer this kind of query?"""
        ...

    def search(self, query: Query) -> int:
        """Read the best twenty chats, and the facets if asked. Returns how many chats match."""
        ...


PLACES = {
    "whoosh": ("recipe", "Recipe"),
    "fts5": ("fts5", "Words"),
    "trigram": ("fts5", "Trigrams"),
    "tantivy": ("native", "Native"),
}
"""(module, class) by name: a module is imported only in the process that needs it."""


def make(name: str, folder: Path) -> Rival:
    """The rival of this name over `folder`."""
    module, attribute = PLACES[name]
    found: Rival = getattr(import_module(f"{__name__}.{module}"), attribute)(folder)
    return found
