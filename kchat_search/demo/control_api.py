"""The demo server's own addresses, below `/demo`: conditions and events over HTTP.

    GET    /demo/conditions          the conditions that are on, and all that exist
    PUT    /demo/conditions/{name}   switch one on; the body: a JSON object of options, or nothing
    DELETE /demo/conditions/{name}   switch one off
    DELETE /demo/conditions          switch all off
    POST   /demo/events/{event}      let an event happen; the body: {"chat_id": N}, or nothing

Its only effects are those of the calls to `Controllable`.

Invariant: these addresses are not Kchat's. No condition, fault or count applies to them.
"""

from __future__ import annotations

import json
import reprlib
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from kchat_search.demo.api import Answer, failure
from kchat_search.demo.conditions import CONDITIONS
from kchat_search.demo.events import EVENTS

ROOT = "/demo"
LONGEST_BODY = 64 * 1024
"""Bytes of a request's body, at most."""


class Controllable(Protocol):
    """What can be controlled. `server.DemoServer` implements it and documents what is raised."""

    def switch_on(self, name: str, **options: Any) -> None:
        """Switch a condition on."""
        ...

    def switch_off(self, name: str | None = None) -> None:
        """Switch a condition off, or all for None."""
        ...

    def conditions(self) -> dict[str, dict[str, Any]]:
        """The conditions that are on, with their options."""
        ...

    def happen(self, event: str, chat_id: int | None = None) -> int:
        """Let an event happen to a chat. Answers the chat's id."""
        ...


class _Refused(Exception):
    """Carries the answer to a request that is refused."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        names = {HTTPStatus.NOT_FOUND: "NotFound", HTTPStatus.METHOD_NOT_ALLOWED: "NotAllowed"}
        self.answer = failure(status, names.get(status, "InvalidRequest"), message)


def concerns(target: str) -> bool:
    """Is `target`, a path with its query, one of the demo's own addresses?"""
    path = target.partition("?")[0]
    return path == ROOT or path.startswith(f"{ROOT}/")


def answer(demo: Controllable, method: str, target: str, body: bytes) -> Answer:
    """Do what a request with a valid login asks for. `target` is a path with its query."""
    try:
        return Answer(HTTPStatus.OK, _done(demo, method, target, body))
    except _Refused as refusal:
        return refusal.answer


def _done(demo: Controllable, method: str, target: str, body: bytes) -> dict[str, Any]:
    parts = [unquote(part) for part in urlsplit(target).path.removeprefix(f"{ROOT}/").split("/")]
    match parts:
        case ["conditions"]:
            _need(method, "GET", "DELETE")
            if method == "GET":
                return {"on": demo.conditions(), "known": _known()}
            demo.switch_off()
            return {"on": demo.conditions()}
        case ["conditions", name]:
            _need(method, "PUT", "DELETE")
            _need_known("condition", name, list(CONDITIONS))
            if method == "DELETE":
                demo.switch_off(name)
            else:
                _switch_on(demo, name, _read(body))
            return {"on": demo.conditions()}
        case ["events", event]:
            _need(method, "POST")
            _need_known("event", event, list(EVENTS))
            return {"chat_id": _happen(demo, event, _read(body))}
        case _:
            message = f"no such address below {ROOT}; there are: /conditions, /events/{{event}}"
            raise _Refused(HTTPStatus.NOT_FOUND, message)


def _switch_on(demo: Controllable, name: str, options: dict[str, Any]) -> None:
    try:
        CONDITIONS[name].filled(options)
        demo.switch_on(name, **options)
    except ValueError as error:
        raise _Refused(HTTPStatus.BAD_REQUEST, str(error)) from error


def _happen(demo: Controllable, event: str, given: dict[str, Any]) -> int:
    for name in given:
        if name != "chat_id":
            message = f"an event has no option {name!r}; there are: chat_id"
            raise _Refused(HTTPStatus.BAD_REQUEST, message)
    chat_id = given.get("chat_id")
    if chat_id is not None and type(chat_id) is not int:
        message = f"chat_id must be a whole number, not {reprlib.repr(chat_id)}"
        raise _Refused(HTTPStatus.BAD_REQUEST, message)
    try:
        return demo.happen(event, chat_id)
    except KeyError as error:
        raise _Refused(HTTPStatus.NOT_FOUND, f"no chat with chat_id {chat_id}") from error
    except ValueError as error:
        raise _Refused(HTTPStatus.BAD_REQUEST, str(error)) from error


def _known() -> dict[str, Any]:
    return {
        name: {"says": condition.says, "options": condition.defaults()}
        for name, condition in CONDITIONS.items()
    }


def _need(method: str, *allowed: str) -> None:
    if method not in allowed:
        message = f"{method} is not for this address, but {' and '.join(allowed)}"
        raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED, message)


def _need_known(kind: str, name: str, there_are: list[str]) -> None:
    if name not in there_are:
        message = f"no {kind} {name!r}; there are: {', '.join(there_are)}"
        raise _Refused(HTTPStatus.NOT_FOUND, message)


def _read(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _Refused(HTTPStatus.BAD_REQUEST, f"the body is no JSON: {error}") from error
    if not isinstance(given, dict):
        raise _Refused(HTTPStatus.BAD_REQUEST, "the body must be a JSON object")
    return given
