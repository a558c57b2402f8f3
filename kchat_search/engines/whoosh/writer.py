"""Documents in, ids out, one commit. Called under the indexer's lock by one process at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from whoosh.index import FileIndex, create_in
from whoosh.reading import TermNotFound
from whoosh.writing import SegmentWriter

from kchat_search.engines.whoosh.generations import sync_folder
from kchat_search.engines.whoosh.schema import filter_term, make_schema, to_fields
from kchat_search.models.query import IndexDocument

_LOCK_SECONDS = 30.0
"""Whoosh's own default is to fail at once if its lock is taken."""


def create(folder: Path, documents: Iterable[IndexDocument]) -> int:
    """Build an index of these documents in an empty folder; how many there are."""
    index = create_in(str(folder), make_schema())
    writer = SegmentWriter(index, timeout=_LOCK_SECONDS, limitmb=256)
    count = 0
    with _cancelled_on_error(writer):
        for document in documents:
            writer.add_document(**to_fields(document))
            count += 1
        writer.commit()
    return count


def write(
    index: FileIndex, folder: Path, upserts: Iterable[IndexDocument], deletes: Collection[int]
) -> None:
    """Replace and remove documents: all of it is on the disk on return, or none of it."""
    documents = {document.id: document for document in upserts}
    writer = SegmentWriter(index, timeout=_LOCK_SECONDS)
    with _cancelled_on_error(writer):
        _delete(writer, {*documents, *deletes})
        for document in documents.values():
            writer.add_document(**to_fields(document))
        writer.commit()
    sync_folder(folder)


def _delete(writer: SegmentWriter, ids: Collection[int]) -> None:
    # By number, from one reader: delete_by_term would open a searcher for each.
    reader = writer.reader()
    numbers: list[int] = []
    try:
        for chat_id in ids:
            with suppress(TermNotFound):  # a chat that is new
                numbers.extend(reader.postings("id", filter_term(str(chat_id))).all_ids())
    finally:
        reader.close()
    for number in numbers:
        writer.delete_document(number)


@contextmanager
def _cancelled_on_error(writer: SegmentWriter) -> Iterator[None]:
    """Give back the writer's lock and drop its files, whatever went wrong."""
    try:
        yield
    except BaseException:
        if not writer.is_closed:
            with suppress(OSError):  # a full disk fails here again; the first error tells
                writer.cancel()
        raise
