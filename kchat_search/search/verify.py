"""Verify: prove the index against the archive.

Strings are drawn from the archive and looked up; what is found is held against a plain scan of
every chat. It runs beside a sync: chats that change meanwhile are left out of the comparison.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Mapping
from typing import Any

from kchat_search.chats.reader import ChatReader
from kchat_search.models.reports import Progress, VerifyReport, no_progress
from kchat_search.models.search import SearchRequest
from kchat_search.ports import Engine, IndexSource
from kchat_search.search.searcher import Searcher
from kchat_search.search.tree import quoted
from kchat_search.text.fold import fold

LONGEST = 12
"""Characters of a drawn string, at most."""
_SHOWN = 100
"""Differences listed in the report, at most, of each kind."""


def verify(
    archive: IndexSource,
    engine: Engine,
    searcher: Searcher,
    reader: ChatReader,
    *,
    strings: int,
    seed: int,
    progress: Progress = no_progress,
) -> VerifyReport:
    """Hold every byte of the index against its checksum, compare ids and versions, then look
    `strings` random strings up and scan for them.

    Memory holds two ids for each chat that has one of the strings; time is one pass over the
    archive.
    """
    began = time.perf_counter()
    before = dict(archive.id_revisions())
    damage = engine.damage()
    if damage is not None:  # what else would be found is of no interest
        seconds = time.perf_counter() - began
        return VerifyReport(len(before), 0, damage=damage, seconds=seconds, seed=seed)
    indexed = engine.id_revisions()
    waiting = {change.chat_id for change in archive.changes(len(before) + 1)}
    drawn = _draw(archive, reader, sorted(before), strings, random.Random(seed))  # noqa: S311
    found = {}
    for number, string in enumerate(drawn, start=1):
        request = SearchRequest(q=quoted(string), match="all")
        found[string] = searcher.all_ids(request)
        progress("look up", number, len(drawn))
    scanned = _scan(archive, reader, drawn, len(before), progress)
    after = dict(archive.id_revisions())
    waiting |= {change.chat_id for change in archive.changes(len(after) + 1)}
    moved = waiting | {i for i in before.keys() | after.keys() if before.get(i) != after.get(i)}
    return VerifyReport(
        chats=len(before),
        strings=len(drawn),
        missed=_differences(drawn, scanned, found, moved),
        wrong=_differences(drawn, found, scanned, moved),
        lacking=tuple(
            sorted(i for i, v in before.items() if indexed.get(i) != v and i not in moved)
        ),
        surplus=tuple(sorted(i for i in indexed if i not in before and i not in moved)),
        seconds=time.perf_counter() - began,
        seed=seed,
    )


def _draw(
    archive: IndexSource, reader: ChatReader, ids: list[int], strings: int, rnd: random.Random
) -> list[str]:
    """Substrings of folded messages, of 1 to 12 characters, each once."""
    drawn: dict[str, None] = {}
    for _ in range(20 * strings):  # bounded: an archive may have too little text
        if len(drawn) == strings or not ids:
            break
        chat_id = rnd.choice(ids)
        stored = archive.get([chat_id]).get(chat_id)
        texts = [] if stored is None else [fold(m.text) for m in reader.parse(stored.raw).messages]
        texts = [text for text in texts if text]
        if texts:
            text = rnd.choice(texts)
            length = rnd.randint(1, min(LONGEST, len(text)))
            start = rnd.randint(0, len(text) - length)
            drawn[text[start : start + length]] = None
    return list(drawn)


def _scan(
    archive: IndexSource,
    reader: ChatReader,
    drawn: list[str],
    total: int,
    progress: Progress,
) -> dict[str, set[int]]:
    """Which chats have each string, by looking at all of them."""
    found: dict[str, set[int]] = {string: set() for string in drawn}
    for number, stored in enumerate(archive.iterate(), start=1):
        # No folded text has a line break, so a string can't match across two messages.
        text = "\n".join(fold(message.text) for message in reader.parse(stored.raw).messages)
        for string in drawn:
            if string in text:
                found[string].add(stored.id)
        progress("scan", number, max(total, number))
    return found


def _differences(
    drawn: Iterable[str],
    there: Mapping[str, set[int]],
    not_there: Mapping[str, set[int]],
    moved: set[int],
) -> tuple[Mapping[str, Any], ...]:
    rows = [
        {"string": string, "chat_id": chat_id}
        for string in drawn
        for chat_id in sorted(there[string] - not_there[string] - moved)
    ]
    return tuple(rows[:_SHOWN])
