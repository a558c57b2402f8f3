"""What a user would take instead, each built and asked the way its own users would.

    recipe.py   the usual recipe: Whoosh as it comes, jieba's analyzer, a document a message
    fts5.py     SQLite FTS5, over jieba's words and over trigrams, a row a chat
    native.py   bare Tantivy over the same words and grams as ours, a document a chat

All compare folded text, as we do, but for the recipe, which leaves that to its analyzer. What one
can't answer it says (`supports`); where it answers something else, the number of chats tells.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from benchmarks.queries import Query


class Rival(Protocol):
    """An engine over one folder, of its own and empty before `build`."""

    def build(self, chats: Iterable[dict[str, Any]]) -> None:
        """Index these chats and commit."""
        ...

    def open(self) -> None:
        """Be ready to search, in a process that did not build."""
        ...

    def supports(self, kind: str) -> bool:
        """Can it answer this kind of query?"""
        ...

    def search(self, query: Query) -> int:
        """The best twenty chats, read, and the facets if asked; how many chats there are."""
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
