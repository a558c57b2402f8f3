"""The sizes of the archive, in one row, because counting a million rows takes longer than a search.

Invariant: the tally changes in the transaction that changes what it counts.
"""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from kchat_search.archive.tables import tally
from kchat_search.models.reports import ArchiveCounts

# Built once, because building a statement takes as long as carrying it out.
_TALLY = select(tally)


def add_to_tally(connection: Connection, **differences: int) -> None:
    """Add these numbers, which may be negative, to the columns of these names."""
    sums = {name: tally.c[name] + number for name, number in differences.items() if number}
    if sums:
        connection.execute(update(tally).values(sums))


def counts(connection: Connection) -> ArchiveCounts:
    """The sizes of the archive."""
    row = connection.execute(_TALLY).one()
    return ArchiveCounts(
        chats=row.chats,
        gone=row.gone,
        pending=row.pending,
        rejected=row.rejected,
        versions=row.versions,
    )
