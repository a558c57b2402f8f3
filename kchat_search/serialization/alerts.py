"""The words of alerts, in Chinese and in English, and their JSON.

An alert's reason is written where it is known, below, so it is English. In Chinese it is said by
its kind; `reason` of the JSON has it in full.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from kchat_search.models.reports import Alert, AlertCode
from kchat_search.serialization import schemas
from kchat_search.serialization.notes import Language
from kchat_search.serialization.reasons import reason_words
from kchat_search.serialization.times import known_rfc3339, rfc3339

_WORDS: dict[AlertCode, dict[Language, tuple[str, str]]] = {
    "not_connected": {
        "zh": ("尚未连接 Kchat 账号。", "{reason}"),
        "en": ("Not connected to a Kchat account yet.", " {reason}"),
    },
    "indexer_ended": {
        "zh": ("索引进程已结束 {times} 次。", "最近一次的原因：{reason}"),
        "en": ("The indexer ended {times}.", " The last reason: {reason}"),
    },
    "indexer_missing": {
        "zh": ("没有索引进程在运行。", "{reason}"),
        "en": ("No indexer runs.", " {reason}"),
    },
    "tick_failed": {
        "zh": ("同步连续失败 {times} 次。", "最近一次的原因：{reason}"),
        "en": ("The sync failed {times}.", " The last reason: {reason}"),
    },
    "archive_damaged": {
        "zh": ("归档有 {count} 处损坏。", "{reason}"),
        "en": ("Damaged in the archive ({count})", ": {reason}."),
    },
    "scrub_behind": {
        "zh": ("全面检查来不及完成。", "{reason}"),
        "en": ("Checking everything takes too long.", " {reason}"),
    },
}
"""What is wrong, and how the reason follows it."""
_NEXT: dict[Language, str] = {"zh": "下次重试：{time}。", "en": "Next try at {time}."}


def alert_text(alert: Alert, language: Language, zone: ZoneInfo) -> str:
    """The words of an alert, in one language; times are of `zone`."""
    reason = _WORDS[alert.code][language][1].format(reason=_reason(alert, language))
    text = alert_head(alert, language) + reason
    if alert.next_try_at is None:
        return text
    return f"{text} {_NEXT[language].format(time=_moment(alert.next_try_at, zone))}"


def alert_head(alert: Alert, language: Language) -> str:
    """What is wrong, without the reason."""
    head, _ = _WORDS[alert.code][language]
    return head.format(times=_times(alert.times, language), count=f"{alert.times:,}")


def alerts_json(
    alerts: Iterable[Alert], language: Language, zone: ZoneInfo
) -> list[schemas.AlertJson]:
    """What is wrong now, for a program and for whoever reads its log."""
    return [
        {
            "code": alert.code,
            "text": alert_text(alert, language, zone),
            "reason": alert.reason.text,
            "since": known_rfc3339(alert.since, zone),
            "times": alert.times,
            "next_try_at": rfc3339(alert.next_try_at, zone),
        }
        for alert in alerts
    ]


def _reason(alert: Alert, language: Language) -> str:
    if language == "en":
        return alert.reason.text
    words = reason_words(alert.reason.kind, language, alert.reason.text)
    return words.what + words.todo


def _times(times: int, language: Language) -> str:
    if language == "zh":
        return str(times)
    return "once" if times == 1 else f"{times:,} times"


def _moment(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"
