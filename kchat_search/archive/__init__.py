"""The archive: the system of record, every chat as Kchat sent it, every version of it.

    tables.py        the tables, as they are now
    migrations/      how a database of any earlier version becomes so
    opening.py       `open_archive`: checks the address, makes the database, migrates it
    connections.py   how SQLite and PostgreSQL are talked to: transactions, durability, fork
    error_translation.py  what the world did wrong, said in the words of `kchat_search.errors`
    column_conversion.py  between what Python has and what a column holds
    statements.py    statements of many rows
    store.py         `SqlArchive`, which is `ports.Archive`
    saving.py        the one transaction that everything rests on: chats, rejects, cursor
    reject_list.py   chats that could not be understood
    change_queue.py  from the archive to the index

SQL is written in this room and in no other.
"""

from __future__ import annotations

from kchat_search.archive.opening import open_archive
from kchat_search.archive.store import SqlArchive

__all__ = ["SqlArchive", "open_archive"]
