"""What is particular about copying an archive: its seals, and its tally."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, delete, insert

from kchat_search.archive import change_queue, seals, stored_chats, tally
from kchat_search.archive.error_translation import ARCHIVE
from kchat_search.archive.tables import tally as tally_table
from kchat_search.archive.tables import versions
from kchat_search.databases.copying import Subject
from kchat_search.errors import ArchiveError
from kchat_search.models.damage import DamagedRow
from kchat_search.models.reports import ArchiveCounts


def _is_damaged(table: Table, row: tuple[Any, ...]) -> bool:
    if table.name not in tally.SUMMED:
        return False
    problem = seals.row_problem(table, row)
    if table is versions and problem is not None:
        stored = stored_chats.version_of_row(row, problem)
        return not (isinstance(stored, DamagedRow) and stored.problem == stored_chats.LOST)
    return problem is not None


def _check(source: Connection, location: str) -> None:
    if tally.sound_row(source) is None or change_queue.nameless(source):
        raise ArchiveError(
            f"The archive {location} can't be copied: its sizes or its queue are damaged. "
            f"{ARCHIVE.remedy}"
        )


def _finish(source: Connection, target: Connection) -> int:
    """The sizes and sums are those of the source, so that what is missing there stays missed. The
    definitions of tables are the target's own."""
    row, there = tally.sound_row(source), tally.sound_row(target)
    assert row is not None
    assert there is not None
    sizes = ("chats", "gone", "pending", "rejected", "versions")
    counts = ArchiveCounts(**{name: row[name] for name in sizes})
    sums = tally.sums_of(row)
    target.execute(delete(tally_table))
    target.execute(insert(tally_table), [tally.sealed_tally(counts, sums, there["shape"])])
    missed = [name for name in tally.SUMMED if sums.get(name) != tally.sum_of_rows(target, name)]
    return len(missed) + (tally.counted(target) != counts)


ARCHIVE_COPY = Subject(ARCHIVE, tally_table, _is_damaged, _check, _finish)
