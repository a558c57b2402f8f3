"""The scrub: everything is read again and held against its checksums, a part with each tick.

What is damaged in the index is built again at once. What is damaged in the archive is named, until
it is right again or no longer there: `repair` can do something about it.

Where it is, and what it has found, is a cursor of the archive, so that it goes on after a restart.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from kchat_search.errors import INDEX_SILENT
from kchat_search.models.chats import StoredChat, Understand
from kchat_search.models.damage import DamagedRow
from kchat_search.models.reports import Alert, Finding, Reason, ScrubState
from kchat_search.ports import Archive, Clock, Engine
from kchat_search.sync import scrub_pace
from kchat_search.sync.scrub_pace import BYTES_A_UNIT, Pace, Round

_CURSOR = "scrub"
_BYTES_AT_ONCE = 1_000_000
MOST_FINDINGS = 100
"""Findings that are kept; of more, only their number."""
_FINDINGS_IN_WORDS = 3

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _State:
    """The cursor."""

    round: Round
    archive: str | None = ""
    """The position in the archive; None: it has been read."""
    index: str | None = ""
    """And in the index."""
    findings: tuple[Finding, ...] = ()
    left_out: int = 0
    """Findings of this round beyond the most that are kept."""
    finished_at: datetime | None = None
    """When the last whole round ended."""

    def to_json(self) -> dict[str, Any]:
        began, at = self.round.began.isoformat(), self.round.at.isoformat()
        finished = None if self.finished_at is None else self.finished_at.isoformat()
        return asdict(self) | {
            "round": asdict(self.round) | {"began": began, "at": at},
            "findings": [
                asdict(found) | {"found_at": found.found_at.isoformat()} for found in self.findings
            ],
            "finished_at": finished,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> _State:
        times = {name: datetime.fromisoformat(value["round"][name]) for name in ("began", "at")}
        finished = value["finished_at"]
        findings = (
            Finding(
                **found
                | {
                    "row": DamagedRow(**found["row"]),
                    "found_at": datetime.fromisoformat(found["found_at"]),
                }
            )
            for found in value["findings"]
        )
        return cls(
            **dict(value)
            | {
                "round": Round(**value["round"] | times),
                "findings": tuple(findings),
                "finished_at": None if finished is None else datetime.fromisoformat(finished),
            }
        )


@dataclass(frozen=True, kw_only=True)
class Scrubber:
    """Scrubs. Call `tick` within the indexer's lock."""

    archive: Archive
    engine: Engine
    rebuild_index: Callable[[], object]
    understand: Understand
    pace: Pace
    clock: Clock
    processor_time: Callable[[], float]
    """Seconds of processor time that this process has taken."""

    def tick(self) -> None:
        """Scrub the share of this tick. Raises `ArchiveError`, and as the engine does where a
        damaged index can't be built again."""
        before, now = self._read(), self.clock()
        state = self._at_tick(before, now)
        due = scrub_pace.units_due(state.round, self._total(), now, self.pace)
        began, spent = self.processor_time(), 0.0
        passed = 0.0
        while scrub_pace.goes_on(state.round, due, spent, passed, self.pace):
            state = self._one_part(state)
            spent = self.processor_time() - began
            passed = (self.clock() - now).total_seconds()
        state = self._without_mended(state)
        if before is None or replace(state, round=before.round) != before:
            credit = state.round.credit - spent
            state = replace(state, round=replace(state.round, credit=credit))
            self.archive.set_cursor(_CURSOR, state.to_json(), now=now)

    def state(self) -> ScrubState | None:
        """Where the scrub is and what it has found; None if it never ran. Raises `ArchiveError`."""
        state = self._read()
        if state is None:
            return None
        return ScrubState(
            began_at=state.round.began,
            finished_at=state.finished_at,
            share=1.0 if state.round.done else self._share(state.round.units),
            findings=state.findings,
            left_out=state.left_out,
        )

    def alerts(self) -> tuple[Alert, ...]:
        """What a person should know of it. Raises `ArchiveError`."""
        state = self._read()
        if state is None:
            return ()
        alerts = []
        if state.findings:
            since = min(found.found_at for found in state.findings)
            times = len(state.findings) + state.left_out
            alerts.append(Alert("archive_damaged", _in_words(state), since, times))
        if scrub_pace.is_behind(state.round, self.clock(), self.pace):
            reason = Reason(
                f"Within {self.pace.percent:g} % of a processor, not everything can be read in "
                f"{self.pace.days} days. Set KCHAT_SCRUB_CPU_PERCENT or KCHAT_SCRUB_DAYS higher.",
                "slow",
            )
            alerts.append(Alert("scrub_behind", reason, state.round.began))
        return tuple(alerts)

    def repaired(self, remaining: tuple[DamagedRow, ...]) -> None:
        """A repair has checked everything: only these are still damaged."""
        before, now = self._read(), self.clock()
        if before is None and not remaining:
            return
        state = self._at_tick(before, now)
        known = {found.row: found for found in state.findings}
        found = tuple(known.get(row) or Finding(row, now) for row in remaining)
        kept, left_out = found[:MOST_FINDINGS], len(found[MOST_FINDINGS:])
        state = replace(state, findings=kept, left_out=left_out)
        self.archive.set_cursor(_CURSOR, state.to_json(), now=now)

    def _read(self) -> _State | None:
        value = self.archive.cursor(_CURSOR)
        return None if value is None else _State.from_json(value)

    def _at_tick(self, before: _State | None, now: datetime) -> _State:
        current = scrub_pace.at_tick(None if before is None else before.round, now, self.pace)
        if before is None:
            return _State(current)
        if before.round.done and not current.done:  # a new round begins
            findings = tuple(replace(found, again=False) for found in before.findings)
            return _State(current, findings=findings, finished_at=before.finished_at)
        return replace(before, round=current)

    def _share(self, units: int) -> float | None:
        try:
            return min(1.0, units / max(1, self._total()))
        except INDEX_SILENT:
            return None

    def _total(self) -> int:
        counts = self.archive.counts()
        index = self.engine.describe().size_bytes // BYTES_A_UNIT
        return counts.chats + counts.versions + counts.rejected + index

    def _one_part(self, state: _State) -> _State:
        if state.archive is not None:
            return self._archive_part(state)
        if state.index is not None:
            return self._index_part(state)
        findings = tuple(found for found in state.findings if found.again)
        finished = replace(state.round, done=True)
        return replace(state, round=finished, findings=findings, finished_at=state.round.at)

    def _archive_part(self, state: _State) -> _State:
        assert state.archive is not None
        part = self.archive.check(
            state.archive, understand=self.understand, most_bytes=_BYTES_AT_ONCE
        )
        found = {finding.row: finding for finding in state.findings}
        left_out = state.left_out
        for row in part.findings:
            if row in found:
                found[row] = replace(found[row], again=True)
                continue
            log.error("The archive is damaged: %s", row)
            if len(found) < MOST_FINDINGS:
                found[row] = Finding(row, state.round.at, shows=self._shows(row))
            else:
                left_out += 1
        units = replace(state.round, units=state.round.units + part.rows)
        return replace(
            state,
            round=units,
            archive=part.next,
            findings=tuple(found.values()),
            left_out=left_out,
        )

    def _index_part(self, state: _State) -> _State:
        assert state.index is not None
        part = self.engine.check(state.index, _BYTES_AT_ONCE)
        if part.damage is not None:
            log.warning("%s Building it anew now.", part.damage)
            self.rebuild_index()
        units = replace(state.round, units=state.round.units + part.read // BYTES_A_UNIT)
        return replace(state, round=units, index=part.position)

    def _shows(self, row: DamagedRow) -> bool:
        """Is this damage seen by whoever reads the chat?"""
        if row.table != "chats" or row.chat_id is None:
            return False
        return isinstance(self.archive.get([row.chat_id]).get(row.chat_id), DamagedRow)

    def _without_mended(self, state: _State) -> _State:
        """Without the chats that can be read again: a sync has restored them."""
        ids = [f.row.chat_id for f in state.findings if f.shows and f.row.chat_id is not None]
        if not ids:
            return state
        now = self.archive.get(ids)
        mended = {chat_id for chat_id in ids if isinstance(now.get(chat_id), StoredChat)}
        left = tuple(f for f in state.findings if not (f.shows and f.row.chat_id in mended))
        return replace(state, findings=left)


def _in_words(state: _State) -> Reason:
    rows = [str(found.row) for found in state.findings[:_FINDINGS_IN_WORDS]]
    more = len(state.findings) + state.left_out - len(rows)
    text = ". ".join(rows)
    return Reason(text + (f". And {more:,} more: kchat-search verify" if more else ""), "damage")
