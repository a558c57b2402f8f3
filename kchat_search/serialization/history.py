"""The versions of a chat as JSON.

Invariant: an answer of the API stays small enough to be made and read, however long a chat is and
however many versions it has. A larger one is refused, with the way to ask for it in parts.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from kchat_search.chats.history import FieldDifference, History, MessageDifference, Version
from kchat_search.chats.visible_text import visible_text
from kchat_search.errors import LimitExceeded, NotFound
from kchat_search.models.search import MAX_PER_PAGE, SearchRequest
from kchat_search.serialization import schemas
from kchat_search.serialization.links import Links
from kchat_search.serialization.times import rfc3339

MAX_CHARACTERS = 8 * 2**20
"""In the raw JSON of all chats of one answer. Making the answer takes 32 times as much memory."""
MAX_DIFFERENCES = 50_000
"""Differences in one answer."""
_A_PAGE = SearchRequest().per_page

EXAMPLE: schemas.VersionsJson = {
    "chat_id": 290,
    "total": 2,
    "page": 1,
    "per_page": 20,
    "next": None,
    "previous": None,
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
        "self": "http://127.0.0.1:5080/api/v1/chats/290/versions?page=1&per_page=20",
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
    part: tuple[int, int] | None = None,
) -> schemas.VersionsJson:
    """The answer of `GET /api/v1/chats/{id}/versions`. `version` asks for one version alone, `part`
    for a page of them: (page, from 1; versions a page). Without both, all are in the answer,
    however long it is. With `full`, each version has its whole chat.

    Raises `NotFound` for a version that is not there, `LimitExceeded` for a page that is too long.
    """
    indexes = range(len(history))
    page, per_page = part or (1, max(_A_PAGE, len(indexes)))
    if version is not None:
        index = history.index_of(version)
        if index is None:
            raise NotFound(f"There is no version {version} of chat {chat_id} in the archive.")
        indexes, page, per_page, part = range(index, index + 1), 1, 1, None
    else:
        indexes = indexes[(page - 1) * per_page : page * per_page]

    def address(number: int) -> str:
        # Of all versions in one answer, the address is that of the first page: the API has no more.
        place = {"page": number, "per_page": min(per_page, MAX_PER_PAGE)}
        if version is not None:
            place = {"version": version}
        asked = place | {"full": None if full else "false"}
        return links.versions(chat_id, [(n, str(v)) for n, v in asked.items() if v is not None])

    more = version is None and page * per_page < len(history)
    return {
        "chat_id": chat_id,
        "total": len(history),
        "page": page,
        "per_page": per_page,
        "next": address(page + 1) if more else None,
        "previous": address(page - 1) if page > 1 else None,
        "versions": _versions(history, indexes, zone, full=full, bounded=part is not None),
        "links": {
            "self": address(page),
            "html": links.versions_page(chat_id),
            "chat": links.chat(chat_id),
        },
    }


def _versions(
    history: History, indexes: range, zone: ZoneInfo, *, full: bool, bounded: bool
) -> list[schemas.VersionJson]:
    """The versions with these indexes. If `bounded`, raises `LimitExceeded` for more than
    `MAX_CHARACTERS` or `MAX_DIFFERENCES`."""
    versions: list[schemas.VersionJson] = []
    count = size = 0
    for index, version in zip(indexes, history.walk(indexes.start, indexes.stop), strict=True):
        count += len(version.differences)
        size += history.size([index]) if full else 0
        if bounded and size > MAX_CHARACTERS:
            raise LimitExceeded(
                "The versions of this page are too long for one answer: ask for fewer with "
                "per_page, for one at a time with version=1, version=2 and so on, or for what "
                "changed with full=false.",
                "full",
                MAX_CHARACTERS,
            )
        if bounded and count > MAX_DIFFERENCES:
            raise LimitExceeded(
                "So much changed that it is too long for one answer: ask for fewer versions with "
                "per_page, or for one at a time with version=1, version=2 and so on.",
                "version",
                MAX_DIFFERENCES,
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
        "before": visible_text(difference.before.text) if difference.before else None,
        "after": visible_text(difference.after.text) if difference.after else None,
        "recalled": message.recalled,
        "upload": upload.name if upload else None,
        "fields": [_field(field) for field in difference.fields],
    }
