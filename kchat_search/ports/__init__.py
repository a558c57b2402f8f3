"""The ports: protocols for what the rooms in the middle (sync, search, service) need of the rooms
at the edge (kchat, archive, engines).

source.py   `ChatSource`: where chats come from (the Kchat API)
archive.py  `Archive`: the system of record, and its parts, one for each of its users
election.py `Election`: which process is the indexer
engine.py   `Engine`: what holds the index and answers from it
access.py   `Access`: people, tokens, sessions and the audit
sign_in.py  `SignInElsewhere`: who vouches for people elsewhere

`composition.make_service` is the one place that knows who stands behind each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from kchat_search.ports.access import Access, Audit, Recorder
from kchat_search.ports.archive import (
    Archive,
    ArchiveCheck,
    ArchiveReports,
    ChangeQueue,
    IndexSource,
    StoredChats,
    SyncArchive,
    VerifySource,
)
from kchat_search.ports.election import Election
from kchat_search.ports.engine import Engine, IndexReader
from kchat_search.ports.source import ChatSource

Clock = Callable[[], datetime]
"""The present, aware, in UTC. Only the composition root has a real one."""

__all__ = [
    "Access",
    "Archive",
    "ArchiveCheck",
    "ArchiveReports",
    "Audit",
    "ChangeQueue",
    "ChatSource",
    "Clock",
    "Election",
    "Engine",
    "IndexReader",
    "IndexSource",
    "Recorder",
    "StoredChats",
    "SyncArchive",
    "VerifySource",
]
