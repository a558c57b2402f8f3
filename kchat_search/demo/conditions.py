"""The conditions that a demo server can be put under, in one table.

A condition lasts until it is switched off (see `active_conditions`). Several can be on at one time.
They are applied in the order of the table.

Invariant: a row of the table says all about its condition. So Python, HTTP and the tests know the
same conditions.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any

from kchat_search.demo import chat_edits, events
from kchat_search.demo.api import ApiBehaviour, DateFilter, PageEdit
from kchat_search.demo.faults import Fault
from kchat_search.demo.store import Store

Options = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Option:
    """A setting of a condition.

    A value has the type of `default`, or is a whole number where that is None. It is one of
    `choices` if there are any, and lies between `least` and `most`.
    """

    default: Any
    choices: tuple[str, ...] = ()
    least: float = -math.inf
    most: float = math.inf

    def complaint(self, value: object) -> str | None:
        """What is wrong with a value, or None."""
        if self.default is None and value is None:
            return None
        if self.choices:
            return None if value in self.choices else f"one of {', '.join(self.choices)}"
        if isinstance(self.default, bool | str):
            kind = type(self.default)
            expected = "true or false" if kind is bool else "a text"
            return None if type(value) is kind else expected
        fractions = isinstance(self.default, float)
        if type(value) is int or (fractions and type(value) is float):
            assert isinstance(value, int | float)
            if self.least <= value <= self.most:
                return None
        bounds = [f"from {self.least}"] if self.least > -math.inf else []
        bounds += [f"to {self.most}"] if self.most < math.inf else []
        return " ".join(["a number" if fractions else "a whole number", *bounds])


@dataclass(frozen=True, slots=True)
class Condition:
    """One way in which a server can be difficult. The fields that are not None are all that it
    changes."""

    name: str
    says: str
    options: Mapping[str, Option] = field(default_factory=dict)
    fault: Callable[[Options, datetime], Fault] | None = None
    """What goes wrong with a request at this time (aware). With an option `every`, of each N-th
    request."""
    behaviour: Callable[[ApiBehaviour, Options], ApiBehaviour] | None = None
    """How answers differ."""
    content: chat_edits.ChatEdit | None = None
    """How chats are shown. If an option `chat_id` is None, it means the first chat."""
    between: Callable[[Store, datetime], None] | None = None
    """What happens just before page `on_page` of the list of all chats is read. It happens `times`
    times."""

    def defaults(self) -> dict[str, Any]:
        """The options with their defaults."""
        return {name: option.default for name, option in self.options.items()}

    def filled(self, given: Options) -> dict[str, Any]:
        """All options: the given ones, and the defaults of the others.

        Raises ValueError, which names the option, for an unknown option or an invalid value.
        """
        for name, value in given.items():
            if name not in self.options:
                there_are = ", ".join(self.options) or "none"
                raise ValueError(f"{self.name} has no option {name!r}; there are: {there_are}")
            complaint = self.options[name].complaint(value)
            if complaint:
                raise ValueError(
                    f"{name} of {self.name} must be {complaint}, not {reprlib.repr(value)}"
                )
        return {**self.defaults(), **given}


def known(name: str) -> Condition:
    """The condition of this name. Raises ValueError, which lists all names, if there is none."""
    if name not in CONDITIONS:
        raise ValueError(f"no condition {name!r}; there are: {', '.join(CONDITIONS)}")
    return CONDITIONS[name]


_HTML = "<!DOCTYPE html>\n<html><head><title>维护中</title></head><body>系统维护中</body></html>\n"


def _too_many_requests(options: Options, now: datetime) -> Fault:
    wait = {
        "seconds": str(options["seconds"]),
        # An HTTP date has whole seconds. Take the next one, so that no client comes too early.
        "date": format_datetime(
            (now + timedelta(seconds=options["seconds"] + 1)).astimezone(UTC), usegmt=True
        ),
    }.get(options["retry_after"])
    return Fault(HTTPStatus.TOO_MANY_REQUESTS, _retry_after(wait))


def _server_errors(options: Options, _: datetime) -> Fault:
    return Fault(options["status"], _retry_after(options["retry_after"]))


def _retry_after(value: object) -> dict[str, str]:
    return {} if value is None else {"Retry-After": str(value)}


def _truncated(options: Options, _: datetime) -> Fault:
    whole = options["announced"] == "whole"
    return Fault(truncate=whole, half=not whole)


def _html(_: Options, __: datetime) -> Fault:
    return Fault(HTTPStatus.OK, {"Content-Type": "text/html; charset=utf-8"}, _HTML.encode())


def _with_page_edit(
    edit: Callable[[Options], PageEdit],
) -> Callable[[ApiBehaviour, Options], ApiBehaviour]:
    return lambda behaviour, options: replace(
        behaviour, page_edits=(*behaviour.page_edits, edit(options))
    )


def _lists_as_objects(body: dict[str, Any], _: str) -> dict[str, Any]:
    return {
        name: {str(2 * number): item for number, item in enumerate(value)}
        if isinstance(value, list)
        else value
        for name, value in body.items()
    }


def _first_chat_twice(body: dict[str, Any], _: str) -> dict[str, Any]:
    first = next(iter(body.get("chats") or ()), None)
    messages = first.get("messages") if isinstance(first, dict) else None
    if not isinstance(first, dict) or not isinstance(messages, list) or len(messages) < 2:
        return body
    return {**body, "chats": [{**first, "messages": messages[:-1]}, *body["chats"]]}


def _omitting(*names: str) -> Callable[[ApiBehaviour, Options], ApiBehaviour]:
    return lambda behaviour, _: replace(behaviour, omit={*behaviour.omit, *names})


def _start_end(behaviour: ApiBehaviour, options: Options) -> ApiBehaviour:
    ended = options["reads"] == "ended"
    undated_match = ended and options["without_end"] == "shown"
    days = DateFilter("end_at" if ended else "created_at", options["inclusive"], undated_match)
    return replace(behaviour, days=days)


def _every(default: int) -> Option:
    return Option(default, least=1)


def _wait(default: int | None) -> Option:
    return Option(default, least=0, most=86_400)


_FIRST = Option(None, least=0)
_BETWEEN = {"on_page": Option(2, least=2), "times": Option(1, least=1)}
_FOREIGN = "https://elsewhere.example.com/apiv2/chats.json?page=2"

_ROWS = (
    # Faults of the connection. If several hit the same request, the first of this table applies.
    Condition(
        "too_many_requests",
        "each N-th request gets a 429, with Retry-After in seconds, as a date, or without",
        {
            "every": _every(3),
            "retry_after": Option("seconds", ("seconds", "date", "none")),
            "seconds": _wait(1),
        },
        fault=_too_many_requests,
    ),
    Condition(
        "server_errors",
        "each N-th request and those after it, `burst` in all, get a 5xx",
        {
            "status": Option(503, least=500, most=599),
            "every": _every(7),
            "burst": Option(2, least=1),
            "retry_after": _wait(None),
        },
        fault=_server_errors,
    ),
    Condition(
        "resets",
        "each N-th request gets no answer: the connection is reset",
        {"every": _every(5)},
        fault=lambda _, __: Fault(reset=True),
    ),
    Condition(
        "truncated",
        "each N-th answer is half a JSON; Content-Length announces that half, or the whole",
        {"every": _every(5), "announced": Option("half", ("half", "whole"))},
        fault=_truncated,
    ),
    Condition(
        "html",
        "each N-th request gets an HTML page with status 200",
        {"every": _every(5)},
        fault=_html,
    ),
    Condition(
        "slow",
        "each answer takes so many seconds longer",
        {"seconds": Option(0.1, least=0, most=3_600)},
        fault=lambda options, _: Fault(delay=options["seconds"]),
    ),
    # Lists. If two of them set next_page, the later one of this table applies.
    Condition(
        "small_pages",
        "no page has more than `size` items, whatever per_page asks for",
        {"size": Option(3, least=1)},
        behaviour=lambda behaviour, options: replace(
            behaviour, max_per_page=min(behaviour.max_per_page, options["size"])
        ),
    ),
    Condition("without_messages", "chats in lists lack messages", behaviour=_omitting("messages")),
    Condition(
        "without_paging",
        "lists have no count, next_page and previous_page",
        behaviour=_omitting("count", "next_page", "previous_page"),
    ),
    Condition(
        "null_next_page",
        "next_page is always null, though more follow",
        behaviour=_with_page_edit(lambda _: lambda body, __: {**body, "next_page": None}),
    ),
    Condition(
        "foreign_next_page",
        "next_page always names another host's address",
        {"url": Option(_FOREIGN)},
        behaviour=_with_page_edit(
            lambda options: lambda body, _: {**body, "next_page": options["url"]}
        ),
    ),
    Condition(
        "repeated_next_page",
        "next_page always names the page it stands on",
        behaviour=_with_page_edit(lambda _: lambda body, here: {**body, "next_page": here}),
    ),
    Condition(
        "wrong_count",
        "count is `by` too high, or too low if that is negative",
        {"by": Option(5)},
        behaviour=_with_page_edit(
            lambda options: (
                lambda body, _: {
                    **body,
                    "count": max(0, body["count"] + options["by"]),
                }
            )
        ),
    ),
    Condition(
        "last_page_for_ever",
        "pages beyond the last show the last",
        behaviour=lambda behaviour, _: replace(behaviour, last_page_for_ever=True),
    ),
    Condition(
        "listed_twice",
        "each page of chats shows its first chat twice, first without its last message",
        behaviour=_with_page_edit(lambda _: _first_chat_twice),
    ),
    Condition(
        "deletes_between_pages",
        "just before page `on_page` of all chats is read, the first chat is deleted",
        _BETWEEN,
        between=events.delete_the_first,
    ),
    Condition(
        "adds_between_pages",
        "just before page `on_page` of all chats is read, a new chat begins",
        _BETWEEN,
        between=events.add_one,
    ),
    # Contents of chats. Those that make chats longer come first, those that break them last.
    Condition(
        "long_chat",
        "a chat (the first, if none is named) has that many messages",
        {"chat_id": _FIRST, "messages": Option(5_000, least=1, most=1_000_000)},
        content=chat_edits.long_chat,
    ),
    Condition(
        "huge_message",
        "a message of a chat (the first, if none is named) has that many characters",
        {"chat_id": _FIRST, "characters": Option(1_000_000, least=1, most=100_000_000)},
        content=chat_edits.huge_message,
    ),
    Condition(
        "null_fields",
        "agent_id, user_id, rating, assigned_at, started_by and uploads are null",
        content=chat_edits.null_fields,
    ),
    Condition(
        "unknown_fields",
        "chats and messages have fields that nobody has heard of",
        content=chat_edits.unknown_fields,
    ),
    Condition(
        "unknown_types",
        "chats and messages have types that nobody has heard of",
        content=chat_edits.unknown_types,
    ),
    Condition(
        "lone_surrogates",
        "each chat whose id is divisible by N has half a character in a message",
        {"every": _every(5)},
        content=chat_edits.lone_surrogates,
    ),
    Condition(
        "nul",
        "each chat whose id is divisible by N has U+0000 in a message",
        {"every": _every(5)},
        content=chat_edits.nul,
    ),
    Condition(
        "text_ids",
        "ids of chats, messages and people are texts",
        behaviour=lambda behaviour, _: replace(behaviour, show_agent=chat_edits.text_ids_of_agent),
        content=chat_edits.text_ids,
    ),
    Condition(
        "php_forms",
        "lists are objects with numbers as keys, messages come newest first, ids are texts, and "
        "nothing is an empty text",
        behaviour=_with_page_edit(lambda _: _lists_as_objects),
        content=chat_edits.php_forms,
    ),
    Condition(
        "malformed",
        "each chat whose id is divisible by N is broken",
        {"every": _every(7), "how": Option("no_id", tuple(chat_edits.BREAKS))},
        content=chat_edits.malformed,
    ),
    # The meaning of parameters, and permissions.
    Condition(
        "start_end",
        "what start and end are held against, whether the days named count, and whether a chat "
        "that has not ended is in the list when `ended` is read",
        {
            "reads": Option("created", ("created", "ended")),
            "inclusive": Option(default=True),
            "without_end": Option("hidden", ("hidden", "shown")),
        },
        behaviour=_start_end,
    ),
    Condition(
        "no_single_chats",
        "each single chat is a 404",
        behaviour=lambda behaviour, _: replace(behaviour, single_chats=False),
    ),
    Condition(
        "no_agents",
        "users.json is a 403",
        behaviour=lambda behaviour, _: replace(behaviour, agents_shown=False),
    ),
)

CONDITIONS: Mapping[str, Condition] = {row.name: row for row in _ROWS}
"""All conditions by name, in the order in which they are applied."""
