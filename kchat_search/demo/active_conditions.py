"""Which conditions a demo server is under now, and which requests they hit.

Deterministic, and safe to use from any thread.

Invariant: a request that a condition hit is not hit by it when it is repeated, however many other
requests came between. There are two exceptions: a condition that hits without end (`every` is not
more than `burst`), and one in the middle of a burst.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from kchat_search.demo.api import ApiBehaviour, unchanged
from kchat_search.demo.conditions import CONDITIONS, Condition, known
from kchat_search.demo.faults import Fault
from kchat_search.demo.store import Json, Store

_REMEMBERED_HITS = 20_000
"""How many requests are remembered with the condition that hit them last."""


@dataclass(slots=True)
class _ActiveCondition:
    """A condition that is switched on."""

    condition: Condition
    options: dict[str, Any]
    counted: int = 0
    """How many requests came since then. For a condition between pages: how often it happened."""
    first_chat_id: int | None = None

    def round_hit(self) -> int | None:
        """Count one more request. The number of the round if this request is to be hit, else
        None."""
        every = self.options["every"]
        self.counted += 1
        number, position = divmod(self.counted, every)
        return number if number and position < self.options.get("burst", 1) else None

    def is_endless(self) -> bool:
        """Does it hit every request, sooner or later?"""
        return bool(self.options["every"] <= self.options.get("burst", 1))

    def content_options(self, first_chat_id: int | None) -> dict[str, Any]:
        """The options, with the id of the first chat where `chat_id` is None.

        The first chat is determined once, when it is first needed. So the condition stays with its
        chat when another one becomes the first.
        """
        if self.options.get("chat_id", 0) is not None:
            return self.options
        if self.first_chat_id is None:
            self.first_chat_id = first_chat_id
        return {**self.options, "chat_id": self.first_chat_id}


class ActiveConditions:
    """The conditions that are on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._on: dict[str, _ActiveCondition] = {}
        self._hits: dict[str, tuple[str, int]] = {}
        """By request: which condition hit it the last time, in which of its rounds."""

    def switch_on(self, name: str, options: dict[str, Any]) -> None:
        """Switch a condition on, or restart it. Raises ValueError for an unknown name or a wrong
        option."""
        condition = known(name)
        on = _ActiveCondition(condition, condition.filled(options))
        with self._lock:
            self._on[name] = on
            self._on = {key: self._on[key] for key in CONDITIONS if key in self._on}
            self._hits.clear()

    def switch_off(self, name: str | None) -> None:
        """Switch one condition off if it is on, or all for None. Raises ValueError for an unknown
        name."""
        if name is not None:
            known(name)
        with self._lock:
            for key in [name] if name is not None else list(self._on):
                self._on.pop(key, None)
            self._hits.clear()

    def conditions(self) -> dict[str, dict[str, Any]]:
        """The conditions that are on, with all their options."""
        with self._lock:
            return {name: dict(on.options) for name, on in self._on.items()}

    def fault(self, target: str, now: datetime) -> Fault:
        """Count this request, and answer what goes wrong with it. `now` is aware."""
        hit: Fault | None = None
        delay = 0.0
        with self._lock:
            before = self._hits.pop(target, None)
            for name, on in self._on.items():
                if on.condition.fault is None:
                    continue
                if "every" not in on.options:
                    delay += on.condition.fault(on.options, now).delay
                    continue
                number = on.round_hit()
                if hit is not None or number is None:
                    continue
                if on.is_endless() or before in (None, (name, number)):
                    hit = on.condition.fault(on.options, now)
                    self._remember(target, name, number)
        hit = hit or Fault()
        return replace(hit, delay=hit.delay + delay)

    def behaviour(self, usual: ApiBehaviour, first_chat_id: int | None) -> ApiBehaviour:
        """How the server answers now. `usual` is how it answers without conditions."""
        with self._lock:
            behaviour = usual
            for on in self._on.values():
                if on.condition.behaviour is not None:
                    behaviour = on.condition.behaviour(behaviour, on.options)
            return replace(behaviour, show=self._show(first_chat_id))

    def between(self, page: int) -> Iterator[Callable[[Store, datetime], None]]:
        """What happens before this page of the list of all chats is read. Each call counts."""
        with self._lock:
            due = [
                on
                for on in self._on.values()
                if on.condition.between is not None
                and on.options["on_page"] == page
                and on.counted < on.options["times"]
            ]
            for on in due:
                on.counted += 1
        return (on.condition.between for on in due if on.condition.between is not None)

    def _show(self, first_chat_id: int | None) -> Callable[[Json], Any]:
        edits = [
            (on.condition.content, on.content_options(first_chat_id))
            for on in self._on.values()
            if on.condition.content is not None
        ]
        if not edits:
            return unchanged

        def show(chat: Json) -> Any:
            shown: Any = chat
            for edit, options in edits:
                shown = edit(shown, int(chat["id"]), options)
            return shown

        return show

    def _remember(self, target: str, name: str, number: int) -> None:
        if len(self._hits) >= _REMEMBERED_HITS:  # most of them were requested only once
            self._hits.clear()
        self._hits[target] = (name, number)
