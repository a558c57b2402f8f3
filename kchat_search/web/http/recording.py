"""What is recorded of a request is on the disk before the first byte of its answer leaves.

The wait comes after the view has made its answer, so that both take place at the same time. Where
an entry can't be recorded, nothing of the answer leaves, and no cookie either.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from threading import Lock
from time import monotonic

from flask import g, request
from werkzeug.wrappers import Response

from kchat_search.errors import AccessError
from kchat_search.models.audit import AuditEntry
from kchat_search.models.people import NOBODY
from kchat_search.web.http import current, problems

log = logging.getLogger(__name__)

_FORGERIES_SECONDS = 60.0
_FORGERS = 1_000
_PATH = 200


def settle(response: Response) -> Response:
    """`response`, when all that the request has recorded is on the disk; else a 503 that has
    nothing of it."""
    recorder = g.get("recorder")
    if recorder is None:
        return response
    try:
        recorder.settle()
    except AccessError as error:
        g.unrecorded = True
        response.close()  # an export gives its place back
        return problems.answer_own_error(error)
    return response


def refused() -> None:
    """Record that the present principal asked for what it may not have."""
    current.recorder().add(_refusal(f"path:{request.path[:_PATH]}"))


class Forgeries:
    """Headers that only a trusted proxy may send, from elsewhere. They are logged and recorded, but
    of one address at most once a minute: else they would fill the disk. Threads may share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._recorded: OrderedDict[str, float] = OrderedDict()

    def record(self, header: str) -> None:
        """Record that the present request has this header."""
        address = current.address()
        if not self._is_new(address, monotonic()):
            return
        log.warning("%s from %s, which is no trusted proxy: refused.", header, address or "nowhere")
        recorder = g.recorder = current.gate().recorder(NOBODY, address)
        recorder.add(_refusal(f"header:{header}"))

    def _is_new(self, address: str, now: float) -> bool:
        with self._lock:
            last = self._recorded.get(address)
            if last is not None and now - last < _FORGERIES_SECONDS:
                return False
            self._recorded[address] = now
            self._recorded.move_to_end(address)
            while len(self._recorded) > _FORGERS:
                self._recorded.popitem(last=False)
            return True


def _refusal(what: str) -> AuditEntry:
    return AuditEntry(principal="", name="", address="", action="refused", object=what)
