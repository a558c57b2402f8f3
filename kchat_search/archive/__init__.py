"""The archive: the system of record, every chat as Kchat sent it, every version of it.

    tables.py              the tables, as they are now
    migrations/            how a database of any earlier version gets these tables
    opening.py             `open_archive`
    error_translation.py   what the archive does about errors of its database
    column_conversion.py   between Python's values and what a column holds
    store.py               `SqlArchive`, which is `ports.Archive`: one transaction a method
    saving.py              save a step of sync: chats with their versions, and rejects
    seals.py               each row proves that it is what was stored
    sealed_rows.py         insert, change and delete rows with their seals
    stored_columns.py      from a chat to the columns of its row
    tally.py               sizes of the archive, in one row
    change_queue.py        which chats must be indexed
    reject_list.py         chats that could not be understood
    sync_state.py          cursors, reports of syncs, totals
    election.py            which process is the indexer, on PostgreSQL
    people_mark.py         that there are people, who must sign in
    agent_names.py         names of agents
    recheck_queries.py     which chats sync must look at again
    stored_chats.py        read chats and their versions
    shape.py               the definitions of tables and indexes are those that were made
    checking.py            check everything, a part at a time
    restoring.py           put what Kchat has now in the place of a damaged chat
    mending.py             set right what needs no Kchat
    copying.py             what is particular about copying an archive
    one_bit.py             undo one flipped bit
    salvage.py             make a sound file of what can be read of a damaged one

Connections, transactions, opening and migrating are in `databases/`.
"""

from __future__ import annotations

from kchat_search.archive.opening import open_archive
from kchat_search.archive.store import SqlArchive

__all__ = ["SqlArchive", "open_archive"]
