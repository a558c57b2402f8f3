"""Status, reports of syncs, rejects and verification as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from kchat_search.models.chats import StoredReject
from kchat_search.models.damage import DamagedRow, RepairReport
from kchat_search.models.progress import ListProgress, RebuildProgress
from kchat_search.models.reports import (
    Coverage,
    IndexStatus,
    ScrubState,
    Status,
    SyncReport,
    VerifyReport,
)
from kchat_search.serialization import schemas, status_schemas
from kchat_search.serialization.alerts import alerts_json
from kchat_search.serialization.links import Links
from kchat_search.serialization.notes import Language
from kchat_search.serialization.times import known_rfc3339, rfc3339

ROWS_IN_STATUS = 20
"""Reports, and rejects, that the status lists."""


def status_json(
    status: Status,
    reports: Iterable[SyncReport],
    rejects: Iterable[StoredReject],
    zone: ZoneInfo,
    language: Language = "en",
) -> status_schemas.StatusJson:
    """The answer of `GET /api/v1/status`. `reports` and `rejects` are those that it lists."""
    index = status.index if isinstance(status.index, IndexStatus) else None
    return {
        "alerts": alerts_json(status.alerts, language, zone),
        "scrub": None if status.scrub is None else _scrub(status.scrub, zone),
        "archive": {
            "chats": status.counts.chats,
            "gone": status.counts.gone,
            "pending": status.counts.pending,
            "rejected": status.counts.rejected,
            "versions": status.counts.versions,
        },
        "index": None if index is None else _index(index),
        "index_problem": None if isinstance(status.index, IndexStatus) else status.index.text,
        "coverage": coverage_json(status.coverage, zone),
        "reading": None if status.reading is None else _list(status.reading, status.now, zone),
        "rebuild": None if status.rebuild is None else _rebuild(status.rebuild, status.now, zone),
        "last_sync": None if status.last_report is None else report_json(status.last_report, zone),
        "reports": [report_json(report, zone) for report in reports],
        "rejects": [_reject(stored, zone) for stored in rejects],
        "indexer": None if status.indexer is None else str(status.indexer),
        "timezone": status.timezone,
        "demo": status.demo,
        "months": None if index is None else dict(index.months),
    }


def _index(index: IndexStatus) -> status_schemas.EngineJson:
    return {
        "engine": index.engine.engine,
        "generation": index.engine.generation,
        "documents": index.engine.documents,
        "size_bytes": index.engine.size_bytes,
        "segments": index.engine.segments,
        "current": index.current,
        "meaning": {
            "state": index.meaning.state,
            "fitted": index.meaning.fitted,
            "problem": index.meaning.problem,
        },
    }


def _list(read: ListProgress, now: datetime, zone: ZoneInfo) -> status_schemas.ReadingJson:
    return {
        "step": read.step,
        "done": read.done,
        "total": read.total,
        "began_at": known_rfc3339(read.began_at, zone),
        "at": known_rfc3339(read.at, zone),
        "goes_on": read.goes_on(now),
        "seconds_left": _seconds(read.time_left(now)),
    }


def _rebuild(rebuild: RebuildProgress, now: datetime, zone: ZoneInfo) -> status_schemas.RebuildJson:
    return {
        "percent": rebuild.percent,
        "began_at": rfc3339(rebuild.began_at, zone),
        "seconds_left": _seconds(rebuild.time_left(now)),
    }


def _seconds(left: timedelta | None) -> int | None:
    return None if left is None else round(left.total_seconds())


def _scrub(scrub: ScrubState, zone: ZoneInfo) -> status_schemas.ScrubJson:
    return {
        "began_at": known_rfc3339(scrub.began_at, zone),
        "finished_at": rfc3339(scrub.finished_at, zone),
        "share": None if scrub.share is None else round(scrub.share, 4),
        "findings": [
            {**damaged_row_json(found.row), "found_at": known_rfc3339(found.found_at, zone)}
            for found in scrub.findings
        ],
        "left_out": scrub.left_out,
    }


def coverage_json(coverage: Coverage, zone: ZoneInfo) -> schemas.CoverageJson:
    """The coverage of an answer: does it cover every chat?"""
    return {
        "complete": coverage.complete,
        "chats": coverage.chats,
        "pending": coverage.pending,
        "rejected": coverage.rejected,
        "synced_at": rfc3339(coverage.synced_at, zone),
    }


def report_json(report: SyncReport, zone: ZoneInfo) -> status_schemas.ReportJson:
    """What one sync did."""
    return {
        "kind": report.kind,
        "started_at": known_rfc3339(report.started_at, zone),
        "finished_at": known_rfc3339(report.finished_at, zone),
        "seconds": round(report.seconds, 3),
        "seen": report.seen,
        "new": report.new,
        "changed": report.changed,
        "vanished": report.vanished,
        "rejected": report.rejected,
        "indexed": report.indexed,
        "retries": report.retries,
        "complete": report.complete,
        "notes": list(report.notes),
        "error": report.error,
    }


def rejects_json(
    rejects: Sequence[StoredReject],
    zone: ZoneInfo,
    links: Links,
    *,
    page: int,
    per_page: int,
    total: int,
) -> status_schemas.RejectsJson:
    """The answer of `GET /api/v1/rejects`. `rejects` is the page, and one reject
    more if another page follows."""
    return {
        "total": total,
        "page": page,
        "per_page": per_page,
        "next": links.rejects(page + 1, per_page) if len(rejects) > per_page else None,
        "previous": links.rejects(page - 1, per_page) if page > 1 else None,
        "rejects": [
            {**_reject(stored, zone), "raw": stored.reject.raw or None}
            for stored in rejects[:per_page]
        ],
    }


def _reject(stored: StoredReject, zone: ZoneInfo) -> status_schemas.RejectJson:
    return {
        "chat_id": stored.reject.chat_id,
        "key": stored.reject.key,
        "reason": stored.reject.reason,
        "first_seen_at": rfc3339(stored.first_seen_at, zone),
        "last_seen_at": rfc3339(stored.last_seen_at, zone),
        "times": stored.times,
        "gone_at": rfc3339(stored.gone_at, zone),
    }


def verify_json(report: VerifyReport) -> status_schemas.VerifyJson:
    """What comparing the index with the archive found."""
    return {
        "chats": report.chats,
        "strings": report.strings,
        "missed": [_difference(row) for row in report.missed],
        "wrong": [_difference(row) for row in report.wrong],
        "lacking": list(report.lacking),
        "surplus": list(report.surplus),
        "damage": report.damage,
        "rows": report.rows,
        "archive": [damaged_row_json(row) for row in report.archive],
        "seconds": round(report.seconds, 3),
        "seed": report.seed,
    }


def damaged_row_json(row: DamagedRow) -> status_schemas.DamagedRowJson:
    """A row of the archive that is not what was stored."""
    return {
        "table": row.table,
        "chat_id": row.chat_id,
        "version": row.version,
        "key": row.key,
        "problem": row.problem,
        "way_out": row.way_out,
    }


def repair_json(report: RepairReport) -> status_schemas.RepairReportJson:
    """What a repair of the archive did."""
    return {
        "rows": report.rows,
        "sound": report.sound,
        "indexed": report.indexed,
        "repairs": [
            {
                "damage": damaged_row_json(repair.finding),
                "outcome": repair.outcome,
                "detail": repair.detail or None,
            }
            for repair in report.repairs
        ],
    }


def _difference(row: Mapping[str, Any]) -> status_schemas.DifferenceJson:
    return {"string": row["string"], "chat_id": row["chat_id"]}
