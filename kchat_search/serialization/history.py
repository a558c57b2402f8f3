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
from kchat_search.serialization.times import known_rfc3339, rfc3339

MAX_CHARACTERS = 8 * 2**20
"""In the raw JSON of all chats of one answer. Making the answer takes 32 times as much memory."""
MAX_CHANGES = 50_000
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
    places = range(len(history))
    if version is not None:
        place = history.index_of(version)
        if place is None:
            raise NotFound(f"There is no version {version} of chat {chat_id} in the archive.")
        places = range(place, place + 1)
    elif bounded and full and history.size(places) > MAX_CHARACTERS:
        raise LimitExceeded(
            "The versions of this chat are too long for one answer: ask for what changed with "
            "full=false, or for one at a time with version=1, version=2 and so on.",
            "full",
            MAX_CHARACTERS,
        )
    asked = {"version": str(version or ""), "full": "" if full else "false"}
    given = [(name, value) for name, value in asked.items() if value]
    limit = MAX_CHANGES if bounded and version is None else None
    return {
        "chat_id": chat_id,
        "versions": _versions(history, places, zone, full=full, limit=limit),
        "links": {
            "self": links.versions(chat_id, given),
            "html": links.versions_page(chat_id),
            "chat": links.chat(chat_id),
        },
    }


def _versions(
    history: History, places: range, zone: ZoneInfo, *, full: bool, limit: int | None
) -> list[schemas.VersionJson]:
    """The versions at these places of the history. Raises `LimitExceeded` for more than `limit`
    differences."""
    found: list[schemas.VersionJson] = []
    count = 0
    for place, version in zip(places, history.walk(places.start, places.stop), strict=True):
        count += len(version.differences)
        if limit is not None and count > limit:
            raise LimitExceeded(
                "So much changed that it is too long for one answer: ask for one version at a "
                "time with version=1, version=2 and so on.",
                "version",
                limit,
            )
        found.append(_version(version, zone))
        if full:
            found[-1]["chat"] = dict(history.sent(place))
    return found


def _version(version: Version, zone: ZoneInfo) -> schemas.VersionJson:
    return {
        "version": version.number,
        "seen_at": known_rfc3339(version.seen_at, zone),
        "until": rfc3339(version.until, zone),
        "digest": version.digest,
        "changes": [
            _field(change) if isinstance(change, FieldDifference) else _message(change)
            for change in version.differences
        ],
    }


def _field(change: FieldDifference) -> schemas.FieldChangeJson:
    return {
        "kind": "field",
        "name": change.name,
        "before": change.before,
        "after": change.after,
    }


def _message(change: MessageDifference) -> schemas.MessageChangeJson:
    message = change.message
    upload = message.upload or (change.before.upload if change.before else None)
    return {
        "kind": change.kind,
        "message_id": message.id,
        "position": message.position,
        "name": message.name,
        "before": change.before.text if change.before else None,
        "after": change.after.text if change.after else None,
        "recalled": message.recalled,
        "upload": upload.name if upload else None,
        "fields": [_field(field) for field in change.fields],
    }
