"""The words of alerts, in Chinese and in English, and their JSON.

An alert's reason is written where it is known, below, so it is English. In Chinese its kind is said
first, and what can be done.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from kchat_search.models.reports import Alert, AlertCode
from kchat_search.serialization import schemas
from kchat_search.serialization.notes import Language
from kchat_search.serialization.times import known_rfc3339, rfc3339

_WORDS: dict[AlertCode, dict[Language, str]] = {
    "indexer_ended": {
        "zh": "索引进程已结束 {times} 次。最近一次的原因：{reason}",
        "en": "The indexer ended {times}. The last reason: {reason}",
    },
    "indexer_missing": {
        "zh": "没有索引进程在运行。{reason}",
        "en": "No indexer runs. {reason}",
    },
    "tick_failed": {
        "zh": "同步连续失败 {times} 次。最近一次的原因：{reason}",
        "en": "The sync failed {times}. The last reason: {reason}",
    },
    "archive_damaged": {
        "zh": "归档有 {count} 处损坏。{reason}",
        "en": "Damaged in the archive ({count}): {reason}.",
    },
    "scrub_behind": {
        "zh": "全面检查来不及完成。{reason}",
        "en": "Checking everything takes too long. {reason}",
    },
}
_KINDS_IN_CHINESE = {
    "SettingsError": "设置有误，请改正后等待重试。",
    "KchatUnreachable": "无法连接 Kchat，请检查 KCHAT_SUBDOMAIN 或 KCHAT_BASE_URL，以及网络。",
    "KchatRefused": "Kchat 拒绝了访问，请检查 KCHAT_EMAIL 和 KCHAT_API_TOKEN。",
    "KchatNotFound": "Kchat 没有这个地址，请检查 KCHAT_SUBDOMAIN 和 KCHAT_CHATS_PATH。",
    "KchatBusy": "Kchat 正忙，稍后会自动重试。",
    "KchatBadAnswer": "Kchat 的回答与它的 API 不符，请检查 KCHAT_SUBDOMAIN 或 KCHAT_BASE_URL。",
    "ArchiveError": "归档无法读写，请检查归档文件及其权限。",
    "ArchiveFull": "归档所在的磁盘已满，请腾出空间。",
    "IndexDamaged": "索引已损坏，可用 kchat-search reindex 重建。",
    "IndexUnwritable": "索引文件夹无法写入，请检查权限和磁盘空间。",
    "damage": "请停止 kchat-search 后运行 kchat-search repair，或恢复备份。",
    "missing": "请启动 kchat-search serve 或 kchat-search worker。",
    "slow": "请调高 KCHAT_SCRUB_CPU_PERCENT 或 KCHAT_SCRUB_DAYS。",
    "signal": "进程被系统终止，可能是内存不足。",
}
_OTHER_KINDS_IN_CHINESE = "程序出错，详情见日志。"
_ORIGINAL = "{kind}（{text}）"
_NEXT: dict[Language, str] = {"zh": "下次重试：{time}。", "en": "Next try at {time}."}


def alert_text(alert: Alert, language: Language, zone: ZoneInfo) -> str:
    """The words of an alert, in one language but for its reason; times are of `zone`."""
    words = _WORDS[alert.code][language]
    text = words.format(
        times=_times(alert.times, language),
        count=f"{alert.times:,}",
        reason=_reason(alert, language),
    )
    if alert.next_try_at is None:
        return text
    return f"{text} {_NEXT[language].format(time=_moment(alert.next_try_at, zone))}"


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
    kind = _KINDS_IN_CHINESE.get(alert.reason.kind, _OTHER_KINDS_IN_CHINESE)
    return _ORIGINAL.format(kind=kind, text=alert.reason.text)


def _times(times: int, language: Language) -> str:
    if language == "zh":
        return str(times)
    return "once" if times == 1 else f"{times:,} times"


def _moment(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"
