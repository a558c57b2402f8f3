"""Bulk writes: some megabytes a request. Only items that failed are sent again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from kchat_search.engines.opensearch.connection import Connection, attempts
from kchat_search.engines.opensearch.fence import Into
from kchat_search.engines.opensearch.mapping import Json
from kchat_search.engines.opensearch.transport import RequestTooLarge
from kchat_search.errors import EngineUnreachable, IndexDamaged, IndexUnwritable

_MOST_BYTES = 4 << 20
"""Of a request, but for one document that is larger."""
_LATER = (429, 500, 502, 503, 504)
"""Statuses of an item that may be taken later."""
_FORBIDDEN = 403
_BLOCKED = "cluster_block_exception"


class Action(NamedTuple):
    """One document to be put in or removed."""

    key: str
    """The id of the document."""
    lines: bytes


def index(into: Into, made: Json) -> Action:
    """Put a document into an index, in place of one of the same id."""
    key = str(made["id"])
    text = json.dumps(made, ensure_ascii=False)
    return Action(key, f"{_head('index', into, key)}\n{text}\n".encode())


def delete(into: Into, chat_id: int) -> Action:
    """Remove a document, if it is there."""
    key = str(chat_id)
    return Action(key, f"{_head('delete', into, key)}\n".encode())


def _head(what: str, into: Into, key: str) -> str:
    version = {"version": into.version, "version_type": "external_gte"}
    return json.dumps({what: {"_index": into.alias, "_id": key, **version}})


def write(connection: Connection, actions: Iterable[Action]) -> None:
    """Send all actions; each is on the disks of its shard's copies on return. No two have one id.

    Raises `IndexUnwritable` where the server takes some of them no more, `IndexDamaged` where it
    refuses their form, and as `Connection.ask` does.
    """
    for portion in _portions(actions):
        _send(connection, portion)


def _portions(actions: Iterable[Action]) -> Iterator[list[Action]]:
    portion: list[Action] = []
    room = _MOST_BYTES
    for action in actions:
        if portion and len(action.lines) > room:
            yield portion
            portion, room = [], _MOST_BYTES
        portion.append(action)
        room -= len(action.lines)
    if portion:
        yield portion


def _send(connection: Connection, actions: Sequence[Action]) -> None:
    for last in attempts():
        try:
            answers = connection.send(b"".join(action.lines for action in actions))
        except RequestTooLarge:  # for a proxy, perhaps
            if len(actions) == 1:
                raise
            half = len(actions) // 2
            _send(connection, actions[:half])
            _send(connection, actions[half:])
            return
        except EngineUnreachable:
            if last:
                raise
        else:
            pairs = zip(actions, answers, strict=True)
            failed = [(a, its) for a, its in pairs if not _done(its)]
            if not failed:
                return
            _refuse(failed, last=last)
            actions = [action for action, _ in failed]


def _done(item: Mapping[str, Any]) -> bool:
    return "error" not in item  # a document that should go and is not there has none


def _refuse(failed: Sequence[tuple[Action, Mapping[str, Any]]], *, last: bool) -> None:
    """Raises where another attempt would not help."""
    for action, item in failed:
        status, error = item["status"], item["error"]
        what = f"chat {action.key}: {status} {error.get('type')}: {str(error.get('reason'))[:200]}"
        refused = status == _FORBIDDEN or error.get("type") == _BLOCKED
        if refused or (status in _LATER and last):
            raise IndexUnwritable(
                f"OpenSearch does not take a chat ({what}). Nothing was lost; look at its disks "
                "and its load."
            )
        if status not in _LATER:
            raise IndexDamaged(
                f"OpenSearch refuses a chat ({what}): run `kchat-search reindex`. Nothing was lost."
            )
