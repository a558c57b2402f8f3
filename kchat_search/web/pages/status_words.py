"""The words of the status page: what goes on, how long it takes, what failed, what is missing.

Pure functions from the program's state to words in the language of the present request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from flask_babel import gettext as _
from flask_babel import ngettext

from kchat_search.models.chats import StoredReject
from kchat_search.models.holder import Holder
from kchat_search.models.progress import ListProgress, RebuildProgress
from kchat_search.models.reports import Alert, Coverage, IndexStatus, Reason, Status, SyncReport
from kchat_search.serialization.alerts import alert_head
from kchat_search.serialization.reasons import ReasonWords, reason_words
from kchat_search.serialization.rejects import reject_words
from kchat_search.serialization.sync_notes import sync_note
from kchat_search.web.http.language import current
from kchat_search.web.pages.formatting import number

_SHORTEST_SILENCE = timedelta(minutes=5)
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
GAPS_SHOWN = 6
_SETTING = re.compile(r"KCHAT_[A-Z_]+[A-Z]")
_ABOUT_THE_ACCOUNT = ("SettingsError", "NoAccount", "Kchat")
"""How the kinds of reasons begin that the page about the account helps against."""


@dataclass(frozen=True, slots=True)
class Work:
    """Something that goes on, or has stopped on its way."""

    title: str
    done: str
    left: str
    percent: int | None
    """None where nobody knows how much there is."""
    goes_on: bool = True


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong now."""

    alert: Alert
    head: str
    words: ReasonWords
    settings: tuple[str, ...]
    """The settings that its reason names."""
    account: bool
    """May the page about the account help?"""


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A report of a sync."""

    report: SyncReport
    kind: str
    failure: ReasonWords | None
    notes: tuple[str, ...]
    raw: tuple[str, ...]
    """What it says in other words than ours."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Months without a chat, between months that have some."""

    first: str
    last: str
    months: int


def work_of(status: Status, now: datetime) -> list[Work]:
    """What goes on: the reading of Kchat's list, the building of the index."""
    found = []
    answers = isinstance(status.index, IndexStatus)
    if status.reading is not None:
        found.append(_reading(status.reading, status.coverage, now))
    if status.rebuild is not None:
        found.append(_rebuild(status.rebuild, now, answers=answers))
    return found


def _reading(read: ListProgress, coverage: Coverage, now: datetime) -> Work:
    first = not coverage.backfilled and read.step == "fetch"
    title = _("正在导入历史对话") if first else _("正在重新核对全部对话")
    if not read.goes_on(now):
        title = _("历史对话的导入停在这里") if first else _("全部对话的核对停在这里")
    if read.total is None:
        done = _("已读 %(done)s 个对话；Kchat 没有说明共有多少。", done=number(read.done))
    else:
        done = _(
            "已读 %(done)s / 约 %(total)s 个对话。",
            done=number(read.done),
            total=number(max(read.total, read.done)),
        )
    left = read.time_left(now)
    words = ""
    if left is not None and first:
        words = _("还要 %(time)s 读完；然后再核对一遍。", time=about(left))
    elif left is not None:
        words = _("还要 %(time)s。", time=about(left))
    elif not read.goes_on(now):
        words = _("下次同步从这里继续。")
    percent = None if not read.total else min(100, 100 * read.done // read.total)
    return Work(title, done, words, percent, read.goes_on(now))


def _rebuild(rebuild: RebuildProgress, now: datetime, *, answers: bool) -> Work:
    left = rebuild.time_left(now)
    return Work(
        _("正在重建索引"),
        _("已完成 %(percent)s%%。这期间搜索照常，由原来的索引回答。", percent=rebuild.percent)
        if answers
        else _("已完成 %(percent)s%%。完成后即可搜索；归档不受影响。", percent=rebuild.percent),
        "" if left is None else _("还要 %(time)s。", time=about(left)),
        rebuild.percent,
    )


def about(left: timedelta) -> str:
    """How long that is, roughly: «约 12 分钟»."""
    minutes = round(left.total_seconds() / 60)
    if left < timedelta(minutes=1):
        return str(_("不到 1 分钟"))
    if minutes < 90:
        return str(ngettext("约 %(num)s 分钟", "约 %(num)s 分钟", minutes))
    hours = round(minutes / 60)
    if hours < 48:
        return str(ngettext("约 %(num)s 小时", "约 %(num)s 小时", hours))
    days = round(hours / 24)
    return str(ngettext("约 %(num)s 天", "约 %(num)s 天", days))


def troubles(alerts: Iterable[Alert]) -> list[Trouble]:
    """What is wrong now, in words."""
    language = current()
    return [
        Trouble(
            alert,
            alert_head(alert, language),
            reason_words(alert.reason.kind, language, alert.reason.text),
            settings_in(alert.reason.text),
            alert.reason.kind.startswith(_ABOUT_THE_ACCOUNT) or alert.code == "not_connected",
        )
        for alert in alerts
    ]


def silent(reason: Reason) -> ReasonWords:
    """Why the index can't be asked, in words."""
    return reason_words(reason.kind, current(), reason.text)


def settings_in(text: str) -> tuple[str, ...]:
    """The settings that a text names, each once."""
    return tuple(dict.fromkeys(_SETTING.findall(text)))


def report_rows(reports: Iterable[SyncReport]) -> list[ReportRow]:
    """The reports of the last syncs, in words."""
    language = current()
    kinds = {"backfill": _("全量导入"), "tick": _("例行"), "reconcile": _("核对")}
    rows = []
    for report in reports:
        said = [(note, sync_note(note, language)) for note in report.notes]
        raw = [note for note, words in said if words is None]
        failed = report.error is not None
        rows.append(
            ReportRow(
                report,
                kinds.get(report.kind, report.kind),
                _failure(report) if failed else None,
                tuple(words for _note, words in said if words is not None),
                (*raw, *([report.error] if report.error else [])),
            )
        )
    return rows


def _failure(report: SyncReport) -> ReasonWords:
    if report.error_kind is None:  # a report of an earlier version
        return ReasonWords(_("原因见技术细节。"), "")
    return reason_words(report.error_kind, current(), report.error)


def rejected(rejects: Sequence[StoredReject]) -> list[tuple[StoredReject, ReasonWords]]:
    """Each reject with its reason in words."""
    language = current()
    return [(stored, reject_words(stored.reject.reason, language)) for stored in rejects]


def indexer_doing(holder: Holder | None) -> str:
    """What the indexer does. The number of its process and the name of the machine are for the
    log."""
    if holder is None:
        return str(_("未运行"))
    words = {
        "worker": _("自动同步运行中"),
        "sync": _("手动同步运行中"),
        "reindex": _("重建索引中"),
        "repair": _("修复归档中"),
        "hot": _("重新统计热点中"),
    }
    return str(words.get(holder.what, _("运行中")))


def gaps(months: Mapping[str, int]) -> list[Gap]:
    """The months without a chat between the first and the last month that has one, oldest
    first."""
    there = sorted(
        int(name[:4]) * 12 + int(name[5:]) - 1
        for name, count in months.items()
        if count and _MONTH.fullmatch(name)
    )
    return [
        Gap(_name(before + 1), _name(after - 1), after - before - 1)
        for before, after in pairwise(there)
        if after - before > 1
    ]


def _name(index: int) -> str:
    return f"{index // 12:04d}-{index % 12 + 1:02d}"


def stale(coverage: Coverage, now: datetime, every: timedelta) -> bool:
    """Has the archive not been brought up to date for long? Then answers say as of when."""
    if coverage.synced_at is None:
        return False
    return now - coverage.synced_at >= max(_SHORTEST_SILENCE, 3 * every)
