"""The sizes of the archive, in one row, because counting a million rows takes longer than a search.

The row also has, for each table, how many rows it has and the sum of their seals, so that a missing
row is noticed. Invariants: the tally changes in the transaction that changes what it counts. A
tally that does not agree with its own seal stays as it is until repair counts everything again;
meanwhile sizes are counted from the rows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from kchat_search.archive import seals
from kchat_search.archive.error_translation import readable_part
from kchat_search.archive.shape import shape_of
from kchat_search.archive.tables import changes, chats, metadata, not_gone, rejects, tally
from kchat_search.models.reports import ArchiveCounts

SUMMED = tuple(sorted(set(metadata.tables) - {"tally", "changes"}))
"""The tables whose rows are sealed and summed."""

# Built once, because building a statement takes as long as carrying it out.
_TALLY = select(tally)
_NAMES = tuple(tally.c.keys())
_OPEN = "kchat_tally"


class _Differences:
    """What one transaction changes in the tally."""

    def __init__(self) -> None:
        self.sizes: Counter[str] = Counter()
        self.rows: Counter[str] = Counter()
        self.sums: Counter[str] = Counter()


@contextmanager
def tallied(connection: Connection) -> Iterator[None]:
    """Write what the block has added to the tally at its end, before the commit."""
    info = connection.info  # of a connection that was lost meanwhile, it can't be asked for
    info[_OPEN] = _Differences()
    try:
        yield
        _write(connection, info[_OPEN])
    finally:
        info.pop(_OPEN, None)


def add_to_tally(connection: Connection, **differences: int) -> None:
    """Add these numbers, which may be negative, to the sizes of these names. Within `tallied`."""
    connection.info[_OPEN].sizes.update(differences)


def add_seals(connection: Connection, table: str, added: Sequence[str]) -> None:
    """Rows with these seals were added to the table. Within `tallied`."""
    _add(connection, table, len(added), sum(map(_number, added)))


def remove_seals(connection: Connection, table: str, removed: Sequence[object]) -> None:
    """Rows with these seals were removed from the table. Within `tallied`."""
    _add(connection, table, -len(removed), -sum(map(_number, removed)))


def replace_seals(
    connection: Connection, table: str, before: Sequence[str], after: Sequence[str]
) -> None:
    """Rows with these seals have those now. Within `tallied`."""
    connection.info[_OPEN].sums[table] += sum(map(_number, after)) - sum(map(_number, before))


def counts(connection: Connection) -> ArchiveCounts:
    """The sizes of the archive."""
    row = sound_row(connection)
    if row is None:
        return counted(connection)
    return ArchiveCounts(
        chats=row["chats"],
        gone=row["gone"],
        pending=row["pending"],
        rejected=row["rejected"],
        versions=row["versions"],
    )


def counted(connection: Connection) -> ArchiveCounts:
    """The sizes of the archive, counted row by row."""

    def number(statement: Any) -> int:
        return int(connection.scalar(statement) or 0)

    total = number(select(func.count()).select_from(chats))
    return ArchiveCounts(
        chats=total,
        gone=total - number(select(func.count()).select_from(chats).where(not_gone)),
        pending=number(select(func.count()).select_from(changes)),
        rejected=number(
            select(func.count()).select_from(rejects).where(rejects.c.gone_at.is_(None))
        ),
        versions=number(select(func.sum(chats.c.version))),
    )


def sound_row(connection: Connection) -> dict[str, Any] | None:
    """The row of sizes and sums by column; None if it is not what was stored."""
    rows: Sequence[Any] = ()
    with readable_part("tally"):
        rows = connection.execute(_TALLY).all()
    if len(rows) != 1 or seals.row_problem(tally, rows[0], remember=True) is not None:
        return None
    return dict(zip(_NAMES, rows[0], strict=True))


def sums_of(row: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """(rows, sum of their seals) by table, from a sound row."""
    return {name: (rows, int(total, 16)) for name, (rows, total) in json.loads(row["sums"]).items()}


def recount(connection: Connection) -> None:
    """Count everything again, from the rows, and forget what the transaction has added so far.
    Within `tallied`; every row must be sound."""
    sums = {name: sum_of_rows(connection, name) for name in SUMMED}
    row = sealed_tally(counted(connection), sums, shape_of(connection))
    connection.execute(delete(tally))
    connection.execute(insert(tally), [row])
    connection.info[_OPEN] = _Differences()


def sum_of_rows(connection: Connection, name: str) -> tuple[int, int]:
    """(rows of this table, the sum of their seals), from the rows."""
    rows = total = 0
    statement = select(metadata.tables[name].c.seal).execution_options(yield_per=10_000)
    for seal in connection.scalars(statement):
        rows += 1
        total += _number(seal)
    return rows, total % seals.MODULUS


def sealed_tally(
    sizes: ArchiveCounts, sums: dict[str, tuple[int, int]], shape: str | None
) -> dict[str, Any]:
    """The row of the tally with these sizes, sums and definitions, sealed."""
    row = {
        "id": 1,
        "chats": sizes.chats,
        "gone": sizes.gone,
        "pending": sizes.pending,
        "rejected": sizes.rejected,
        "versions": sizes.versions,
        "sums": json.dumps(
            {name: [rows, f"{total:x}"] for name, (rows, total) in sorted(sums.items())}
        ),
        "shape": shape,
    }
    return row | {"seal": seals.seal_of("tally", tuple(row.values()))}


def _add(connection: Connection, table: str, rows: int, seal: int) -> None:
    differences = connection.info[_OPEN]
    differences.rows[table] += rows
    differences.sums[table] += seal


def _number(seal: object) -> int:
    """The number that a seal stands for; a damaged one is some other number, or none."""
    try:
        return int(str(seal), 16)
    except ValueError:
        return 0


def _write(connection: Connection, differences: _Differences) -> None:
    if not (any(differences.sizes.values()) or any(differences.sums.values())):
        return
    row = sound_row(connection)
    if row is None:
        return
    sizes = {
        name: row[name] + differences.sizes[name]
        for name in ("chats", "gone", "pending", "rejected", "versions")
    }
    sums = sums_of(row)
    for name in differences.rows.keys() | differences.sums.keys():
        rows, total = sums.get(name, (0, 0))
        sums[name] = (
            rows + differences.rows[name],
            (total + differences.sums[name]) % seals.MODULUS,
        )
    new = sealed_tally(ArchiveCounts(**sizes), sums, row["shape"])
    connection.execute(update(tally).values(new))
