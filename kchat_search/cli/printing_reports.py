"""Reports for a person to read: status, what a sync did, what a check found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.table import Table
from rich.text import Text

from kchat_search.cli.terminal import chats_text, clean, console, time_text
from kchat_search.models.chats import StoredReject
from kchat_search.models.damage import DamagedRow, RepairOutcome, RepairReport
from kchat_search.models.reports import (
    Coverage,
    IndexStatus,
    MeaningState,
    Reason,
    Status,
    SyncReport,
    VerifyReport,
)

_MAX_FINDINGS = 20
_KEY_SHOWN = 12
_DAY_WIDTH = len("2015-04-25")


def print_status(
    status: Status, rejects: Sequence[StoredReject], total_rejects: int, zone: ZoneInfo
) -> None:
    """The state of the whole program. `rejects` are the first of `total_rejects`."""
    table = Table(show_header=False, box=None)
    last = status.last_report
    rows = {
        "chats": f"{status.counts.chats:,} ({status.counts.gone:,} gone from Kchat)",
        "versions": f"{status.counts.versions:,}",
        "waiting for the index": f"{status.counts.pending:,}",
        "rejected": f"{status.counts.rejected:,}",
        "complete": "yes" if status.coverage.complete else "not yet",
        "last sync": time_text(status.coverage.synced_at, zone)
        + (f" ({last.kind})" if last else ""),
        "indexer": str(status.indexer or "not running"),
        **_index(status.index),
        "time zone": status.timezone,
    }
    for name, value in rows.items():
        table.add_row(name, value)
    console().print(table)
    if last is not None and last.error is not None:
        console().print(f"  the last sync failed: {clean(last.error)}")
    if rejects:
        print_rejects(rejects, zone, total_rejects - len(rejects), "status --rejects")


def _index(index: IndexStatus | Reason) -> dict[str, str]:
    if isinstance(index, Reason):
        return {"index": f"can't be asked now: {clean(index.text)}"}
    state = index.engine
    return {
        "index": f"{state.engine}, {state.generation or 'not built yet'}, "
        f"{state.documents:,} documents, {state.size_bytes / 1e6:.1f} MB"
        + ("" if index.current else "; to be rebuilt by the next sync"),
        "by meaning": _meaning(index.meaning),
    }


_MEANING = {
    "on": "on",
    "off": "off (KCHAT_MEANING)",
    "waiting": "on from the next build of the index",
    "damaged": "not possible",
}


def _meaning(meaning: MeaningState) -> str:
    """Whether chats are found by their meaning, and if not, why."""
    words = _MEANING[meaning.state]
    if meaning.state == "on":
        words += ", fitted on the own archive" if meaning.fitted else ", with the shipped table"
    return words if meaning.problem is None else f"{words}: {clean(meaning.problem)}"


def print_rejects(
    rejects: Sequence[StoredReject], zone: ZoneInfo, left: int, following: str
) -> None:
    """Rejects, a row each. `left` of them are not shown; the command `following` shows more."""
    out = console()
    gone = any(stored.gone_at for stored in rejects)
    table = Table(box=None, title="Chats that could not be understood", title_justify="left")
    table.add_column("chat", no_wrap=True)
    for name in ("first seen", "last seen", *(["gone from Kchat"] if gone else [])):
        table.add_column(
            name, width=_DAY_WIDTH
        )  # so the time goes on a second line, and the reason has room
    table.add_column("times", justify="right", no_wrap=True)
    table.add_column("reason", overflow="fold")
    for stored in rejects:
        times = [stored.first_seen_at, stored.last_seen_at, *([stored.gone_at] if gone else [])]
        table.add_row(
            Text(clean(_key(stored))),
            *("" if moment is None else time_text(moment, zone) for moment in times),
            f"{stored.times:,}",
            Text(" ".join(clean(stored.reject.reason).split())),
        )
    out.print()
    out.print(table)
    if left > 0:
        out.print(f"  and {left:,} more: kchat-search {following}")


def _key(stored: StoredReject) -> str:
    """The name of a reject: the id of its chat where that is known."""
    reject = stored.reject
    return reject.key[:_KEY_SHOWN] if reject.chat_id is None else f"#{reject.chat_id}"


def print_exported(
    total: int, path: Path, coverage: Coverage, damaged: Sequence[DamagedRow] = ()
) -> None:
    """How many chats an export has. On standard error, because the chats may go to standard
    output."""
    out = console(to_stderr=True)
    out.print(
        f"{chats_text(total)} exported" + ("" if str(path) == "-" else f" to {clean(str(path))}")
    )
    reasons = {
        f"{coverage.pending:,} chats wait for the index": coverage.pending > 0,
        f"{coverage.rejected:,} could not be understood": coverage.rejected > 0,
        "older chats are still being fetched": not coverage.backfilled,
    }
    if not coverage.complete:
        why = ", ".join(text for text, applies in reasons.items() if applies)
        out.print(f"  note: that may not be everything: {why}; see kchat-search status")
    for row in damaged[:_MAX_FINDINGS]:
        out.print(f"  damaged: {clean(str(row))}")
    if len(damaged) > _MAX_FINDINGS:
        out.print(f"  and {len(damaged) - _MAX_FINDINGS:,} more damaged chats")


def print_report(report: SyncReport) -> None:
    """What a sync did."""
    out = console()
    out.print(
        f"{report.kind}: {report.seen:,} chats seen, {report.new:,} new, {report.changed:,} "
        f"changed, {report.vanished:,} vanished, {report.rejected:,} rejected, "
        f"{report.indexed:,} indexed, {report.retries:,} retries, {report.seconds:.1f} s"
    )
    for note in report.notes:
        out.print(f"  note: {note}")
    if report.error is not None:
        out.print(f"  ended early: {clean(report.error)}")


def print_verify(report: VerifyReport) -> None:
    """What a check found."""
    out = console()
    out.print(f"{report.rows:,} rows of the archive: {len(report.archive)} damaged or missing")
    for finding in report.archive[:_MAX_FINDINGS]:
        out.print(f"  archive: {clean(str(finding))}")
    if len(report.archive) > _MAX_FINDINGS:
        out.print(f"  and {len(report.archive) - _MAX_FINDINGS:,} more; --json has all")
    out.print(
        f"{report.chats:,} chats, {report.strings:,} strings: {len(report.missed)} missed, "
        f"{len(report.wrong)} wrong, {len(report.lacking)} chats lacking in the index, "
        f"{len(report.surplus)} too many; {report.seconds:.1f} s, seed {report.seed}"
    )
    if report.damage:
        out.print(report.damage)
    for name, rows in (("missed", report.missed), ("wrong", report.wrong)):
        for row in rows[:10]:
            out.print(f"  {name}: {row['string']!r} in chat {row['chat_id']}")


_OUTCOMES: dict[RepairOutcome, str] = {
    "planned": "kchat-search repair would try",
    "mended": "mended",
    "fetched": "fetched again from Kchat",
    "lost": "put aside: it is lost, unless a backup has it",
    "gone": "Kchat no longer has this chat: put back a backup",
    "refused": "what Kchat has can't be understood: put back a backup",
    "later": "Kchat failed: try again later",
    "remains": "nothing helped: put back a backup",
}


def print_repair(report: RepairReport) -> None:
    """What was damaged in the archive, and what was done about it."""
    out = console()
    out.print(f"{report.rows:,} rows of the archive: {len(report.repairs)} were damaged or missing")
    for repair in report.repairs:
        finding, more = repair.finding, f" ({repair.detail})" if repair.detail else ""
        out.print(
            clean(
                f"  {finding.what} ({finding.table}): {finding.problem}; "
                f"{_OUTCOMES[repair.outcome]}{more}"
            )
        )
    if report.indexed:
        out.print(f"{report.indexed:,} chats indexed.")
