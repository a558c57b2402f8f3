"""Bulk writes: some megabytes a request. Only items that failed are sent again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from kchat_search.engines.opensearch.connection import (
    NO_MEMORY,
    Connection,
    attempts,
    is_for_want_of_memory,
)
from kchat_search.engines.opensearch.fence import Into
from kchat_search.engines.opensearch.mapping import Json
from kchat_search.engines.opensearch.portions import portions
from kchat_search.engines.opensearch.transport import RequestTooLarge
from kchat_search.errors import EngineUnreachable, IndexDamaged, IndexUnwritable

_MOST_BYTES = 4 << 20
"""Of a request, but for one document that is larger."""
_LARGEST = 90_000_000
"""Bytes of a document that is sent. OpenSearch takes requests of 100 MB
(`http.max_content_length`), and needs several times as much memory for one: it is better refused
here than by a server that ends."""
_LATER = (429, 500, 502, 503, 504)
"""Statuses of an item that may be taken later."""
_FORBIDDEN = 403
_NO_MEMORY = "the servers have too little memory for it"
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


def write(connection: Connection, actions: Iterable[Action]) -> dict[int, str]:
    """Send all actions; each is on the disks of its shard's copies on return. No two have one id.
    Returns which chats are too large for the servers, and why: these alone are not written.

    Raises `IndexUnwritable` where the server takes some of the others no more, `IndexDamaged` where
    it refuses their form, and as `Connection.ask` does.
    """
    refused: dict[int, str] = {}
    sendable = _sendable(actions, refused)
    for portion in portions(sendable, lambda action: len(action.lines), _MOST_BYTES):
        refused |= _send(connection, portion)
    return refused


def _sendable(actions: Iterable[Action], refused: dict[int, str]) -> Iterator[Action]:
    """Those that are not too large; the others are added to `refused`."""
    for action in actions:
        if len(action.lines) <= _LARGEST:
            yield action
        else:
            refused |= _too_large(action, f"at most {_LARGEST // 1_000_000} MB are sent")


def _too_large(action: Action, why: str) -> dict[int, str]:
    return {int(action.key): f"its document has {len(action.lines) / 1e6:.0f} MB; {why}"}


def _send(connection: Connection, actions: Sequence[Action]) -> dict[int, str]:
    large = len(actions) == 1 and len(actions[0].lines) > _MOST_BYTES
    for last in attempts():
        try:
            answers = connection.send(b"".join(action.lines for action in actions))
        except RequestTooLarge as error:  # for a proxy, perhaps
            if len(actions) == 1:
                return _too_large(actions[0], str(error))
            half = len(actions) // 2
            return _send(connection, actions[:half]) | _send(connection, actions[half:])
        except EngineUnreachable as error:
            if last and large and is_for_want_of_memory(error):
                return _too_large(actions[0], _NO_MEMORY)
            if last:
                raise
        else:
            pairs = zip(actions, answers, strict=True)
            failed = [(a, its) for a, its in pairs if not _done(its)]
            if not failed:
                return {}
            if last and large and failed[0][1]["error"].get("type") == NO_MEMORY:
                return _too_large(actions[0], _NO_MEMORY)
            _refuse(failed, last=last)
            actions = [action for action, _ in failed]
    raise AssertionError("the last attempt returns or raises")


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
