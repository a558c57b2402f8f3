"""The versions of a chat as JSON.

Invariant: an answer of the API stays small enough to be made and read, however long a chat is and
however many versions it has. A larger one is refused, with the way to ask for it in parts.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from kchat_search.chats.history import FieldDifference, History, MessageDifference, Version
from kchat_search.errors import LimitExceeded, NotFound
from kchat_search.serialization import schemas
from kchat_search.serialization.links import Links
from kchat_search.serialization.times import rfc3339

MAX_CHARACTERS = 8 * 2**20
"""In the raw JSON of all chats of one answer. Making the answer takes 32 times as much memory."""
MAX_DIFFERENCES = 50_000
"""Differences in one answer."""

EXAMPLE: schemas.VersionsJson = {
    "chat_id": 290,
    "versions": [
        {
            "version": 1,
            "seen_at": "2015-04-25T08:05:00+08:00",
            "until": "2015-04-25T08:20:00+08:00",
            "digest": "5f0c6b…",
            "chat": {
                "id": 290,
                "status": "open",
                "messages": [
                    {"id": 2620, "type": "chat.msg", "name": "访客5", "msg": "我的密码是 1234"}
                ],
            },
            "changes": [],
        },
        {
            "version": 2,
            "seen_at": "2015-04-25T08:20:00+08:00",
            "until": None,
            "digest": "c1d7e2…",
            "chat": {
                "id": 290,
                "status": "close",
                "messages": [
                    {
                        "id": 2620,
                        "type": "chat.msg",
                        "name": "访客5",
                        "msg": "",
                        "recalled": True,
                    }
                ],
            },
            "changes": [
                {"kind": "field", "name": "status", "before": "open", "after": "close"},
                {
                    "kind": "recalled",
                    "message_id": 2620,
                    "position": 0,
                    "name": "访客5",
                    "before": "我的密码是 1234",
                    "after": "",
                    "recalled": True,
                    "upload": None,
                    "fields": [],
                },
            ],
        },
    ],
    "links": {
        "self": "http://127.0.0.1:5080/api/v1/chats/290/versions",
        "html": "http://127.0.0.1:5080/chats/290/versions",
        "chat": "http://127.0.0.1:5080/api/v1/chats/290",
    },
}


def versions_json(
    chat_id: int,
    history: History,
    zone: ZoneInfo,
    links: Links,
    *,
    version: int | None = None,
    full: bool = True,
    bounded: bool = True,
) -> schemas.VersionsJson:
    """The answer of `GET /api/v1/chats/{id}/versions`. `version` asks for one version alone.
    With `full`, each version has its whole chat. With `bounded`, an answer that would be too long
    is refused.

    Raises `NotFound` for a version that is not there, `LimitExceeded` for too much at once.
    """
    indexes = range(len(history))
    if version is not None:
        index = history.index_of(version)
        if index is None:
            raise NotFound(f"There is no version {version} of chat {chat_id} in the archive.")
        indexes = range(index, index + 1)
    elif bounded and full and history.size(indexes) > MAX_CHARACTERS:
        raise LimitExceeded(
            "The versions of this chat are too long for one answer: ask for what changed with "
            "full=false, or for one at a time with version=1, version=2 and so on.",
            "full",
            MAX_CHARACTERS,
        )
    asked = {"version": str(version or ""), "full": "" if full else "false"}
    parameters = [(name, value) for name, value in asked.items() if value]
    limit = MAX_DIFFERENCES if bounded and version is None else None
    return {
        "chat_id": chat_id,
        "versions": _versions(history, indexes, zone, full=full, limit=limit),
        "links": {
            "self": links.versions(chat_id, parameters),
            "html": links.versions_page(chat_id),
            "chat": links.chat(chat_id),
        },
    }


def _versions(
    history: History, indexes: range, zone: ZoneInfo, *, full: bool, limit: int | None
) -> list[schemas.VersionJson]:
    """The versions with these indexes. Raises `LimitExceeded` for more than `limit`
    differences."""
    versions: list[schemas.VersionJson] = []
    count = 0
    for index, version in zip(indexes, history.walk(indexes.start, indexes.stop), strict=True):
        count += len(version.differences)
        if limit is not None and count > limit:
            raise LimitExceeded(
                "So much changed that it is too long for one answer: ask for one version at a "
                "time with version=1, version=2 and so on.",
                "version",
                limit,
            )
        versions.append(_version(version, zone))
        if full and (sent := history.sent(index)) is not None:
            versions[-1]["chat"] = dict(sent)
    return versions


def _version(version: Version, zone: ZoneInfo) -> schemas.VersionJson:
    if version.damage is not None:
        return {
            "version": version.number,
            "seen_at": None,
            "until": None,
            "digest": "",
            "changes": [],
            "damaged": version.damage.problem,
        }
    return {
        "version": version.number,
        "seen_at": rfc3339(version.seen_at, zone),
        "until": rfc3339(version.until, zone),
        "digest": version.digest,
        "changes": [
            _field(difference) if isinstance(difference, FieldDifference) else _message(difference)
            for difference in version.differences
        ],
    }


def _field(difference: FieldDifference) -> schemas.FieldChangeJson:
    return {
        "kind": "field",
        "name": difference.name,
        "before": difference.before,
        "after": difference.after,
    }


def _message(difference: MessageDifference) -> schemas.MessageChangeJson:
    message = difference.message
    upload = message.upload or (difference.before.upload if difference.before else None)
    return {
        "kind": difference.kind,
        "message_id": message.id,
        "position": message.position,
        "name": message.name,
        "before": difference.before.text if difference.before else None,
        "after": difference.after.text if difference.after else None,
        "recalled": message.recalled,
        "upload": upload.name if upload else None,
        "fields": [_field(field) for field in difference.fields],
    }
