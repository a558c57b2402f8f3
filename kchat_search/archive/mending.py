"""Mend what a check has found, as far as that needs no Kchat.

Invariants: what is sound does not change. What is damaged is copied to `set_aside` as it is, before
anything takes its place. Sizes are counted from the rows only once every row is sound; until then
they keep the proof that something is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, select, tuple_

from kchat_search.archive import (
    change_queue,
    checking,
    one_bit,
    restoring,
    sealed_rows,
    seals,
    tally,
)
from kchat_search.archive.sealed_rows import Row
from kchat_search.archive.stored_columns import derived
from kchat_search.archive.tables import chats, metadata, versions
from kchat_search.databases.column_values import moment_in
from kchat_search.models.chats import RejectedChat, Understand
from kchat_search.models.damage import DamagedRow, Mended

_ROWS_AT_ONCE = 500


def mend(
    connection: Connection, findings: Sequence[DamagedRow], understand: Understand, now: datetime
) -> Mended:
    """Set right what needs no Kchat, as `ports.ArchiveCheck.mend` says."""
    return _Mender(connection, understand, moment_in(now)).mend(findings)


class _Mender:
    """Mends in one transaction, within `tally.tallied`."""

    def __init__(self, connection: Connection, understand: Understand, now: int) -> None:
        self._connection = connection
        self._understand = understand
        self._now = now
        self._mended: list[DamagedRow] = []
        self._fetch: list[DamagedRow] = []

    def mend(self, findings: Sequence[DamagedRow]) -> Mended:
        """See `mend`."""
        for name in sorted({finding.table for finding in findings} & {*tally.SUMMED} - {"chats"}):
            self._mend_rows(metadata.tables[name])
        by_chat = {f.chat_id: f for f in findings if f.table == "chats" and f.chat_id is not None}
        for chat_id, finding in sorted(by_chat.items()):
            self._mend_chat(chat_id, finding)
        for chat_id in sorted({f.chat_id or 0 for f in findings if f.table == "versions"} - {0}):
            self._fill_gaps(chat_id)
        if any(finding.table == "changes" for finding in findings):
            change_queue.remove_nameless(self._connection)
        if not self._fetch and findings:
            tally.recount(self._connection)
            self._mended += [f for f in findings if f.chat_id is None and not f.key]
        return Mended(tuple(self._mended), tuple(self._fetch))

    def _mend_chat(self, chat_id: int, finding: DamagedRow) -> None:
        row = restoring.whole_row(self._connection, chats, chats.c.id == chat_id)
        sound = None if row is None else self._sound_chat(row)
        if row is None or sound is None:
            self._fetch.append(finding)
            return
        restoring.keep_aside(self._connection, chats, [row], self._now, finding.problem)
        sealed_rows.put(self._connection, chats, [sound], [row])
        self._mended.append(finding)

    def _sound_chat(self, row: Row) -> Row | None:
        """The row as it must be, as far as that is proven; None if it takes Kchat."""
        sound: Row | None = row
        if seals.row_problem(chats, tuple(row.values())) is not None:
            sound = one_bit.undo(chats, row) or self._with_proven_raw(row)
        item = None if sound is None else self._understand(sound["raw"])
        if sound is None or item is None or isinstance(item, RejectedChat):
            return None
        last = restoring.last_version(self._connection, sound["id"])
        return {**sound, **derived(item), "version": max(sound["version"], last + 1)}

    def _with_proven_raw(self, row: Row) -> Row | None:
        """The row with the columns that its raw JSON has. What the raw JSON does not have is kept
        only if the seal proves it."""
        item = checking.proven_raw(row, self._understand)
        if item is None:
            return None
        sound = {**row, **derived(item), "sha256": item.sha256}
        if (undone := one_bit.undo(chats, sound)) is not None:
            return undone
        first = restoring.first_seen(self._connection, row["id"])
        return {
            **sound,
            "version": restoring.last_version(self._connection, row["id"]) + 1,
            "first_seen_at": self._now if first is None else first,
            "changed_at": self._now,
            "seen_at": self._now,
            "gone_at": None,
        }

    def _mend_rows(self, table: Table) -> None:
        """Undo flipped bits, and set aside what stays damaged."""
        place = checking.place_of(self._connection, table)
        statement = select(*place, table).order_by(*place).limit(_ROWS_AT_ONCE)
        rows = self._connection.execute(statement).all()
        while rows:
            for row in rows:
                there, values = row[: len(place)], row[len(place) :]
                problem = seals.row_problem(table, values)
                finding = checking.row_finding(table, values, problem, self._understand)
                if finding is not None:
                    self._mend_row(table, tuple_(*place) == tuple_(*there), values, finding)
            behind = tuple_(*place) > tuple_(*rows[-1][: len(place)])
            rows = self._connection.execute(statement.where(behind)).all()

    def _mend_row(
        self,
        table: Table,
        is_this: ColumnElement[bool],
        values: Sequence[Any],
        finding: DamagedRow,
    ) -> None:
        row = dict(zip(table.c.keys(), values, strict=True))
        restoring.keep_aside(self._connection, table, [row], self._now, finding.problem)
        self._connection.execute(table.delete().where(is_this))
        tally.remove_seals(self._connection, table.name, [row["seal"]])
        if finding.problem == checking.NOT_DERIVED:
            item = self._understand(row["raw"])
            assert not isinstance(item, RejectedChat)
            sealed_rows.put(self._connection, table, [row | {"digest": item.digest}])
        elif (sound := one_bit.undo(table, row)) is not None:
            sealed_rows.put(self._connection, table, [sound])
        self._mended.append(finding)

    def _fill_gaps(self, chat_id: int) -> None:
        """A version that is lost gets a row that says so."""
        last = self._connection.scalar(select(chats.c.version).where(chats.c.id == chat_id))
        there = set(
            self._connection.scalars(
                select(versions.c.version).where(versions.c.chat_id == chat_id)
            )
        )
        for number in range(1, last if isinstance(last, int) else max(there, default=0) + 1):
            if number not in there:
                restoring.put_lost_version(self._connection, chat_id, number, self._now)
                self._mended.append(DamagedRow("versions", "it is lost", "none", chat_id, number))
